"""Plain tables with a header in English, Korean or Japanese."""

from pathlib import Path

import pytest

from jangteo.node.import_file import open_listing_file, read_rows
from jangteo.node.import_row import ImportRow, ref_of
from jangteo.node.import_words import condition_of, side_of, status_of
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price

DATA = Path(__file__).parents[1] / "data"


def imported(path: Path, currency: str | None = None) -> list[ImportRow]:
    file = open_listing_file(path)
    assert file.format == "csv"
    return list(read_rows(file, currency=currency))


def from_text(tmp_path: Path, text: str, currency: str | None = None) -> list[ImportRow]:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return imported(path, currency)


def test_a_korean_table() -> None:
    bicycle, book, desk, guitar, other_book, untitled, torn = imported(DATA / "plain-korean.csv")
    assert bicycle.listing == Listing(
        title="중고 자전거",
        description="타이어 새로 갈았어요\n기어 잘 됩니다",
        price=Price(290_000, "KRW"),
        tags=("자전거", "로드"),
        category="자전거 > 로드",
        condition="good",
        place="정문 앞",
    )
    assert book.listing is not None and book.listing.price is not None
    assert book.listing.price.is_gift
    assert book.listing.tags == ("전공", "책")
    assert desk.listing is not None
    assert (desk.listing.price, desk.listing.condition) == (None, "new")
    assert guitar.listing is not None
    assert (guitar.listing.side, guitar.listing.price) == ("want", Price(100_000, "KRW"))
    # One title twice: told apart by their order.
    assert book.ref == ref_of("csv", ["전공 책", 1])
    assert other_book.ref == ref_of("csv", ["전공 책", 2])
    assert (untitled.line, untitled.error) == (8, "no title")
    assert torn.line == 9 and "quotes" in (torn.error or "")


def test_a_japanese_table_with_semicolons() -> None:
    cooker, books, bicycle, shelf, chair = imported(DATA / "plain-japanese.csv")
    assert cooker.listing is not None and cooker.listing.price == Price(3000, "JPY")
    assert (cooker.listing.condition, cooker.listing.place) == ("good", "寮の入口")
    assert cooker.ref == ref_of("csv", "https://reuse.example/1")
    assert books.listing is not None
    assert (books.listing.price, books.listing.status) == (Price(1500, "JPY"), "reserved")
    assert bicycle.listing is not None and bicycle.listing.condition == "parts"
    assert shelf.listing is not None
    assert (shelf.listing.price, shelf.listing.status) == (Price(2500, "JPY"), "sold")
    assert chair.result == "skipped"


def test_an_english_table() -> None:
    lamp, oud, bicycle, odd, microscope, kettle = imported(DATA / "plain-english.csv")
    assert lamp.listing is not None and lamp.listing.price == Price(129_900, "USD")
    assert oud.listing is not None and oud.listing.price == Price(237_500, "SAR")
    assert oud.listing.condition == "like-new"
    assert bicycle.listing is not None
    assert bicycle.listing.description == 'Says "fast" on the frame'
    assert (odd.line, odd.result) == (5, "failed")
    assert "--currency" in (microscope.error or "")
    assert kettle.listing is not None and kettle.listing.description == "Fish & chips é"
    assert len(kettle.warnings) == 2


@pytest.mark.parametrize(
    ("header", "currency"),
    [("가격(원)", "KRW"), ("価格（円）", "JPY"), ("Price [USD]", "USD"), ("price_eur", "EUR")],
)
def test_a_currency_in_the_price_columns_name_is_used(
    tmp_path: Path, header: str, currency: str
) -> None:
    (row,) = from_text(tmp_path, f"title,{header}\nChair,500\n")
    assert row.listing is not None and row.listing.price is not None
    assert row.listing.price.currency == currency


@pytest.mark.parametrize("text", ["", "-", "ask", "문의", "応相談", "N/A"])
def test_a_price_that_is_none_is_ask(tmp_path: Path, text: str) -> None:
    (row,) = from_text(tmp_path, f"title,price\nChair,{text}\n")
    assert row.listing is not None and row.listing.price is None


def test_a_sale_price_goes_before_the_price(tmp_path: Path) -> None:
    rows = from_text(tmp_path, "상품명,정가,할인가\n의자,5000,4000\n책상,9000,\n", "KRW")
    prices = [row.listing.price.amount for row in rows if row.listing and row.listing.price]
    assert prices == [4000, 9000]


def test_a_table_without_a_title_column_says_which_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match=r"제목.*found: foo, bar"):
        from_text(tmp_path, "foo,bar\n1,2\n")


def test_a_row_with_more_cells_than_columns_is_refused(tmp_path: Path) -> None:
    bad, good = from_text(tmp_path, "title,place\nChair,Gate 3,left\nDesk,Gate 4,,\n")
    assert bad.result == "failed" and "quotes" in (bad.error or "")
    assert good.result == "ready"


def test_only_what_the_file_speaks_of_changes_an_existing_listing(tmp_path: Path) -> None:
    (row,) = from_text(tmp_path, "title,price,currency\nChair,6,USD\n")
    existing = Listing(
        title="Chair",
        description="mine",
        price=Price(500, "USD"),
        tags=("wood",),
        status="reserved",
        quantity=3,
        created_ms=7,
        ref=row.ref,
    )
    assert row.over(existing).price == Price(600, "USD")
    changed = row.over(existing)
    assert (changed.description, changed.tags, changed.status) == ("mine", ("wood",), "reserved")
    assert (changed.quantity, changed.created_ms, changed.ref) == (3, 7, row.ref)
    assert row.over(changed) == changed


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        (("New", "brand new", "NWT", "새상품", "미개봉", "新品、未使用", "new_condition"), "new"),
        (("Like New", "mint", "S급", "未使用に近い", "used_like_new"), "like-new"),
        (("used", "Pre-Owned", "중고", "中古", "Refurbished", "目立った傷や汚れなし"), "good"),
        (("fair", "사용감 많음", "やや傷や汚れあり"), "fair"),
        (("for parts or not working", "고장/파손 상품", "ジャンク品"), "parts"),
    ],
)
def test_condition_words_of_three_languages(words: tuple[str, ...], condition: str) -> None:
    assert {condition_of(word) for word in words} == {condition}


def test_a_condition_may_be_a_link_of_schema_org() -> None:
    assert condition_of("https://schema.org/NewCondition") == "new"
    assert condition_of("whatever") is None


def test_side_and_status_words() -> None:
    assert [side_of(word) for word in ("WTB", "삽니다", "買います", "팝니다", "For sale")] == [
        "want",
        "want",
        "want",
        "sell",
        "sell",
    ]
    assert status_of("거래 완료") == "sold"
    assert status_of("예약중") == "reserved"
    assert status_of("出品中") == "active"
