"""Text from the network cannot act on a terminal, and tables never pass their width."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta

import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from jangteo.cli import cells, table
from jangteo.cli.ago import ago, ago_text
from jangteo.node.safe_text import _clean, safe_block, safe_json, safe_line, safe_text

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HOSTILE = st.one_of(
    st.text(st.characters()),
    st.text(
        st.sampled_from(
            "a가あ\u0301\u0489\x1b[2J\r\n\t\x07\x9b\u200b\u200d\u202e\u2066\ufeff\ufe0f\U0001f468"
            "\u3164\ud800\U000e0041\ue000\u2028\u0915\u094d\u0644 "
        )
    ),
)


def _is_safe(text: str, allowed: str = "") -> bool:
    return not any(
        char not in allowed
        and (
            unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp")
            or (unicodedata.category(char) == "Cf" and char not in "\u200c\u200d")
            or char in BIDI
        )
        for char in text
    )


@given(HOSTILE)
def test_a_line_never_contains_control_or_bidi_characters(text: str) -> None:
    assert _is_safe(safe_line(text))


@given(HOSTILE)
def test_a_block_keeps_line_breaks_and_nothing_else_that_controls(text: str) -> None:
    assert _is_safe(safe_block(text), allowed="\n")
    assert "\n\n\n" not in safe_block(text)


@given(HOSTILE)
def test_text_for_a_page_has_nothing_that_controls(text: str) -> None:
    assert _is_safe(safe_text(text), allowed="\n")
    assert safe_text(safe_text(text)) == safe_text(text)


@given(st.characters(exclude_categories=()))
def test_what_is_passed_unseen_is_what_a_look_would_pass(char: str) -> None:
    if char != "\xa0":  # which is kept on a page, and a space in a terminal
        assert safe_text(f"a{char}b") == "".join(_clean(f"a{char}b"))


def test_a_page_keeps_breaks_and_spaces() -> None:
    assert safe_text("  가\n\n\n나  ") == "  가\n\n\n나  "
    assert safe_text("Lamp\u202e 5\u2066") == "Lamp 5"


@given(HOSTILE)
def test_making_safe_twice_changes_nothing_more(text: str) -> None:
    assert safe_line(safe_line(text)) == safe_line(text)
    assert safe_block(safe_block(text)) == safe_block(text)


@given(HOSTILE)
def test_json_made_safe_means_the_same_and_controls_nothing(text: str) -> None:
    document = safe_json(json.dumps({"title": text}, ensure_ascii=False))
    assert json.loads(document)["title"] == text
    assert not any(
        char in BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in document
    )


def test_ordinary_texts_of_many_scripts_come_through_whole() -> None:
    for text in (
        "중고 자전거 54cm, 한강 직거래",
        "中古の炊飯器 3合",
        "दिल्ली में साइकिल",
        "می‌خواهم",
        "👨‍👩‍👧 ☕️ 5% off*",
        "café crème",
    ):
        text = unicodedata.normalize("NFC", text)
        assert safe_line(text) == text


def test_escape_sequences_fall_apart() -> None:
    assert safe_line("\x1b[31mred\x1b[0m\x07") == "�[31mred�[0m�"
    assert safe_line("safe\u202egnp.exe") == "safegnp.exe"
    assert safe_line("a\u200bb\u3164c") == "abc"
    assert safe_line("Z" + "\u0301" * 50) == "Z" + "\u0301" * 4
    assert safe_line("two\r\nlines\tand  more ") == "two lines and more"


@given(HOSTILE)
def test_cells_are_never_counted_too_few(text: str) -> None:
    line = safe_line(text)
    assert cells.width(line) >= wcwidth.wcswidth(line)


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)), st.text("abc 가あ漢"))
def test_cells_of_common_text_are_exact(hangul: str, mixed: str) -> None:
    for text in (hangul, mixed):
        assert cells.width(text) == wcwidth.wcswidth(text)


@given(HOSTILE, st.integers(0, 60))
def test_clipping_and_wrapping_keep_within_the_cells(text: str, count: int) -> None:
    line = safe_line(text)
    assert cells.width(cells.clip(line, count)) <= count
    for piece in cells.wrap(line, count):
        assert cells.width(piece) <= max(count, 2)


@given(
    st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE), max_size=5),
    st.integers(20, 130),
)
def test_a_table_never_passes_the_width(rows: list[tuple[str, ...]], cells_max: int) -> None:
    columns = (
        table.Column("ID", 8, 9),
        table.Column("PRICE", 9, 8, is_right=True),
        table.Column("TITLE", 8, 7),
        table.Column("PLACE", 6, 2),
    )
    safe_rows = [[safe_line(cell) for cell in row] for row in rows]
    printed = list(table.lines(columns, safe_rows, cells_max))
    assert len(printed) == len(rows) + 1
    assert all(wcwidth.wcswidth(line) <= cells_max for line in printed)


def test_a_narrow_table_gives_up_its_least_wanted_column() -> None:
    columns = (table.Column("ID", 8, 9), table.Column("TITLE", 8, 8), table.Column("PLACE", 6, 1))
    wide = list(table.lines(columns, [("12345678", "자전거 팝니다", "망원동")], 40))
    narrow = list(table.lines(columns, [("12345678", "자전거 팝니다", "망원동")], 20))
    assert wide == ["ID        TITLE          PLACE", "12345678  자전거 팝니다  망원동"]
    assert narrow == ["ID        TITLE", "12345678  자전거 팝…"]


def test_times_are_told_as_people_tell_them() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for seconds, text in (
        (5, "just now"),
        (190, "3 min ago"),
        (7300, "2 h ago"),
        (86_400, "1 day ago"),
        (86_400 * 45, "45 days ago"),
        (86_400 * 130, "4 months ago"),
        (86_400 * 363, "1 year ago"),
        (-86_400 * 29, "in 29 days"),
        (-86_400 * 14 + 5, "in 14 days"),
        (-20, "in a moment"),
    ):
        assert ago(now - timedelta(seconds=seconds), now) == text
    assert ago_text("2026-05-01T11:57:00Z", now) == "3 min ago"
    assert ago_text(None) == ""
