"""Files as they come: encodings, line ends, separators, formats, and rows that are broken."""

import gzip
import os
from pathlib import Path

import pytest

from jangteo.node.import_file import open_listing_file, read_rows
from jangteo.node.import_row import ImportRow
from jangteo.node.text_file import likely_encoding
from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError

KOREAN = '상품명,설명\n자전거,"타이어 새로 갈았어요\n기어 잘 됩니다"\n책상,원목\n'
JAPANESE = "商品名,説明\n自転車,ほとんど使っていません。すぐ渡せます\n机,木のテーブル\n"


def imported(tmp_path: Path, data: bytes, format_name: str = "auto") -> list[ImportRow]:
    path = tmp_path / "listings.csv"
    path.write_bytes(data)
    return list(read_rows(open_listing_file(path, format_name), currency="KRW"))


def titles(rows: list[ImportRow]) -> list[str]:
    return [row.title for row in rows if row.result == "ready"]


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (KOREAN, "utf-8"),
        (KOREAN, "utf-8-sig"),
        (KOREAN, "utf-16"),
        (KOREAN, "cp949"),
        (KOREAN, "euc_kr"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "utf-8-sig"),
        ("title,description\nCafé,crème brûlée à la maison\n", "cp1252"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, text: str, codec: str, line_end: str) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(text.replace("\n", line_end).encode(codec))
    file = open_listing_file(path)
    expected = tmp_path / "plain.csv"
    expected.write_text(text, encoding="utf-8")
    assert list(read_rows(file)) == list(read_rows(open_listing_file(expected)))
    assumed = codec not in ("utf-8", "utf-8-sig", "utf-16")
    assert bool(file.warnings) == assumed
    assert file.line_count >= text.count("\n")


def test_the_assumed_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(KOREAN.encode("cp949"))
    assert "CP949" in open_listing_file(path).warnings[0]


def test_one_broken_character_does_not_change_the_encoding(tmp_path: Path) -> None:
    data = KOREAN.encode().replace("원목".encode(), b"\xec\x9b")
    assert likely_encoding(data) == "utf-8-sig"
    assert titles(imported(tmp_path, data)) == ["자전거", "책상"]


def test_stray_carriage_returns_do_not_break_rows(tmp_path: Path) -> None:
    data = b'title,place\r\r\nBlue\r chair,Gate 3\r\r\n"Red\r\r\ndesk",Gate 4\r\n'
    rows = imported(tmp_path, data)
    assert titles(rows) == ["Blue chair", "Red desk"]
    assert [row.line for row in rows] == [2, 3]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(tmp_path: Path, separator: str) -> None:
    text = f'title{separator}price\n"Chair{separator} blue"{separator}500\n'
    (row,) = imported(tmp_path, text.encode())
    assert row.listing is not None and row.listing.price is not None
    assert row.listing.price.amount == 500


def test_the_separator_hint_of_a_spreadsheet_and_blank_lines_are_passed_over(
    tmp_path: Path,
) -> None:
    (row,) = imported(tmp_path, b"sep=;\n\ntitle;place\n\n;;\nChair;Gate 3\n")
    assert (row.title, row.line) == ("Chair", 6)


def test_rows_carry_the_line_on_which_they_start(tmp_path: Path) -> None:
    rows = imported(tmp_path, b'title,description\nA,"one\ntwo\nthree"\nB,x\n\nC,"y\n"\nD,\n')
    assert [(row.title, row.line) for row in rows] == [("A", 2), ("B", 5), ("C", 7), ("D", 9)]


def test_a_quote_that_never_closes_loses_its_own_line_only(tmp_path: Path) -> None:
    rows = imported(tmp_path, b'title,place\nA,"Gate 3\nB,Gate 4\nC,Gate 5\n')
    assert [(row.line, row.result) for row in rows] == [(2, "failed"), (3, "ready"), (4, "ready")]
    assert "quote" in (rows[0].error or "")


def test_a_stray_quote_that_leaves_the_row_whole_is_text(tmp_path: Path) -> None:
    rows = imported(tmp_path, b'title,place\n"12" disk",Gate 3\nB 5" screen,Gate 4\n')
    assert [row.result for row in rows] == ["ready", "ready"]
    assert rows[1].title == 'B 5" screen'


def test_a_quote_closed_by_a_later_rows_quote_does_not_merge_the_rows(tmp_path: Path) -> None:
    rows = imported(tmp_path, b'title,place\n"A,Gate 3\nB,"nice",\nC,Gate 5\n')
    assert titles(rows) == ["B", "C"]


def test_a_line_beyond_the_bound_is_reported_and_the_next_is_read(tmp_path: Path) -> None:
    long = b"x" * (limits.IMPORT_ROW_CHARS_MAX + 10)
    rows = imported(tmp_path, b"title,place\nA,1\n" + long + b"\nB,2\n")
    assert [(row.line, row.result) for row in rows] == [(2, "ready"), (3, "failed"), (4, "ready")]


def test_a_quoted_cell_beyond_the_bound_is_given_up_after_its_first_line(tmp_path: Path) -> None:
    line = b"y" * 1000 + b"\n"
    data = b'title,place\nA,"' + line * (limits.IMPORT_ROW_CHARS_MAX // 1000 + 2)
    rows = imported(tmp_path, data)
    assert (rows[0].line, rows[0].result) == (2, "failed")


def test_rows_beyond_the_bound_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_ROWS_MAX", 3)
    rows = imported(tmp_path, b"title\n" + b"A\n" * 10)
    assert [row.result for row in rows] == ["ready"] * 3 + ["failed"]
    assert "3 rows" in (rows[-1].error or "")


def test_lines_of_json_beyond_the_bound_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_ROWS_MAX", 3)
    rows = imported(tmp_path, b'{"title": "A"}\n\n' * 10)
    assert [row.result for row in rows] == ["ready"] * 3 + ["failed"]
    assert "the rest was not read" in (rows[-1].error or "")


def test_a_pipe_is_not_waited_for_and_a_device_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(LocalProtocolError, match="no regular file"):
            open_listing_file(path)


def test_a_file_beyond_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILE_BYTES_MAX", 10)
    with pytest.raises(LocalProtocolError, match="at most 10"):
        imported(tmp_path, b"title\n" + b"A\n" * 10)


def test_a_header_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(limits.IMPORT_COLUMNS_MAX + 1))
    with pytest.raises(LocalProtocolError, match="columns"):
        imported(tmp_path, f"title,{header}\nA\n".encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (gzip.compress(b"title\nA\n", mtime=0), "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"title\0\0\0\n\0", "no text"),
        (b"[\n{}\n]", "JSON array"),
        (b"<html><body>", "HTML"),
        (b"\xff\xfet\x00\xd8", "UTF-16"),
    ],
)
def test_what_cannot_be_imported_is_named_in_one_line(
    tmp_path: Path, data: bytes, says: str
) -> None:
    with pytest.raises(LocalProtocolError, match=says) as caught:
        imported(tmp_path, data)
    assert "\n" not in str(caught.value)


def test_a_format_that_the_file_is_not_is_refused(tmp_path: Path) -> None:
    for name in ("shopify", "woocommerce", "records"):
        with pytest.raises(LocalProtocolError):
            imported(tmp_path, b"title,price\nA,1\n", name)
    with pytest.raises(LocalProtocolError, match="not one of auto"):
        imported(tmp_path, b"title\nA\n", "xml")


@pytest.mark.parametrize(
    "piece", ["(", " ", "#", "\\", "5", "5,", "&", "가(", "<li>", "\u0315\u0316", "> ", "a|", "%"]
)
@pytest.mark.parametrize(
    "column", ["title", "price", "tags", "category", "condition", "quantity", "description"]
)
def test_a_cell_of_any_length_is_read_in_time(tmp_path: Path, piece: str, column: str) -> None:
    """No assertion on time: what is quadratic here would run into the suite's timeout."""
    text = f'title,{column}\nA,"x{piece * 100_000}x"\nB,\n'.replace("title,title", "title,url")
    rows = imported(tmp_path, text.encode())
    assert rows[-1].line == 3
