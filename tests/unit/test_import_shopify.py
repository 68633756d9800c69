"""Shopify product exports."""

from dataclasses import replace
from pathlib import Path

import pytest

from jangteo.node.import_file import open_listing_file, read_rows
from jangteo.node.import_row import ImportRow, ref_of
from jangteo.protocol import limits
from jangteo.protocol.money import Price

DATA = Path(__file__).parents[1] / "data"
REAL = Path(__file__).parents[3] / "shared" / "data"
HEADER = "Handle,Title,Body (HTML),Type,Tags,Published,Option1 Name,Option1 Value,Variant Price\n"


def imported(
    path: Path, *, currency: str | None = "USD", per_variant: bool = False
) -> list[ImportRow]:
    return list(read_rows(open_listing_file(path), currency=currency, per_variant=per_variant))


def from_text(tmp_path: Path, text: str, **arguments: object) -> list[ImportRow]:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return imported(path, **arguments)  # type: ignore[arg-type]


def test_rows_of_one_handle_are_one_listing_with_the_first_variants_price() -> None:
    rows = imported(DATA / "shopify-pottery.csv")
    jar = rows[0]
    assert (jar.line, jar.result, jar.title) == (2, "ready", "Moon Jar 달항아리")
    assert jar.listing is not None
    assert jar.listing.price == Price(120_000, "USD")
    assert jar.listing.quantity == 3
    assert jar.listing.category == "Jar"
    assert jar.listing.tags == ("white", "백자")
    assert jar.listing.condition == "new"
    assert jar.listing.url == "https://kiln.example/jar-1.jpg"
    assert jar.listing.description == (
        "Thrown in two halves & joined.\n\n- white porcelain\n- height 32 cm\n\n"
        "Size\n- Small: $1,200.00\n- Large: $1,900.00"
    )
    assert jar.ref == ref_of("shopify", "moon-jar")


def test_per_variant_gives_one_listing_of_each_where_prices_differ() -> None:
    rows = imported(DATA / "shopify-pottery.csv", per_variant=True)
    small, large, bowl = rows[:3]
    assert [row.line for row in (small, large, bowl)] == [2, 7, 9]
    assert small.listing and large.listing and bowl.listing
    assert small.title == "Moon Jar 달항아리 - Small"
    assert (large.listing.price, large.listing.quantity) == (Price(190_000, "USD"), 1)
    assert small.ref == ref_of("shopify", ["moon-jar", ["Small"]])
    # One price: one listing, under the same ref as without --per-variant.
    assert bowl.ref == ref_of("shopify", "tea-bowl")


def test_unpublished_products_are_skipped_and_bad_rows_named_by_their_line() -> None:
    rows = imported(DATA / "shopify-pottery.csv")
    assert [(row.line, row.title) for row in rows if row.result == "skipped"] == [
        (10, "Draft Vase"),
        (11, "Hidden Vase"),
    ]
    failed = {row.line: row.error or "" for row in rows if row.result == "failed"}
    assert set(failed) == {13, 15, 16}
    assert "twenty" in failed[13]
    assert "Title" in failed[15]
    assert "line 9" in failed[16]


def test_a_sold_out_product_is_listed_as_sold_and_active_again_when_restocked() -> None:
    plate = next(r for r in imported(DATA / "shopify-pottery.csv") if r.title == "Sold Plate")
    assert plate.listing is not None
    assert (plate.listing.status, plate.listing.quantity) == ("sold", 0)
    in_stock = replace(plate.listing, quantity=4, status="active")
    restocked = replace(plate, listing=in_stock, says=frozenset({"quantity"}))
    assert restocked.over(plate.listing).status == "active"
    # What its owner marked as sold, with some left, stays sold.
    assert restocked.over(replace(in_stock, status="sold")).status == "sold"


def test_an_empty_price_is_ask_and_a_missing_currency_names_the_option() -> None:
    rows = imported(DATA / "shopify-pottery.csv", currency=None)
    lamp = next(row for row in rows if row.title == "Ask Lamp")
    assert lamp.listing is not None and lamp.listing.price is None
    bowl = next(row for row in rows if row.title == "Tea Bowl")
    assert bowl.result == "failed"
    assert "--currency" in (bowl.error or "")


def test_a_price_that_the_currency_cannot_have_fails_its_row_alone() -> None:
    rows = imported(DATA / "shopify-pottery.csv", currency="KRW")
    assert rows[0].listing is not None and rows[0].listing.price == Price(1200, "KRW")


def test_continuation_rows_without_a_handle_belong_to_the_product_above(tmp_path: Path) -> None:
    rows = from_text(tmp_path, "a,A,,,,true,Size,S,5\n,,,,,,,M,5\nb,B,,,,true,Title,x,6\n")
    assert [(row.line, row.title) for row in rows] == [(2, "A"), (4, "B")]
    assert rows[0].listing is not None and rows[0].listing.description == "Size: S, M"


def test_a_broken_row_amid_a_product_leaves_the_product_whole(tmp_path: Path) -> None:
    rows = from_text(tmp_path, 'a,A,,,,true,Size,S,5\na,,"oops\na,,,,,,,M,5\nb,B,,,,,,,6\n')
    assert [(row.line, row.result) for row in rows] == [(3, "failed"), (2, "ready"), (5, "ready")]
    assert rows[1].listing is not None and rows[1].listing.description == "Size: S, M"


def test_long_titles_tags_and_bodies_are_cut_with_a_warning(tmp_path: Path) -> None:
    tags = '"' + ",".join(f"tag {number}" for number in range(15)) + '"'
    rows = from_text(tmp_path, f"a,{'t' * 200},{'b' * 9000},,{tags},true,Size,S,5\n")
    listing = rows[0].listing
    assert listing is not None
    assert len(listing.title) == limits.TITLE_CHARS_MAX
    assert len(listing.description) <= limits.DESCRIPTION_CHARS_MAX
    assert listing.description.endswith("…\n\nSize: S")
    assert len(listing.tags) == limits.TAGS_MAX
    assert len(rows[0].warnings) == 3


def test_a_long_category_path_keeps_its_end(tmp_path: Path) -> None:
    path = " > ".join(("Home & Garden", "Kitchen & Dining", "Tableware", "Drinkware", "Mug cups"))
    rows = from_text(tmp_path, f"a,A,,{path},,true,,,5\n")
    assert rows[0].listing is not None
    assert rows[0].listing.category == "Kitchen & Dining > Tableware > Drinkware > Mug cups"
    assert rows[0].warnings == ("category shortened to its last 4 part(s)",)


def test_variants_beyond_the_bound_are_left_out_with_a_warning(tmp_path: Path) -> None:
    more = "".join(f"a,,,,,,,{number},5\n" for number in range(limits.IMPORT_VARIANTS_MAX))
    rows = from_text(tmp_path, f"a,A,,,,true,Size,S,5\n{more}")
    assert len(rows) == 1
    assert "2,048" in rows[0].warnings[0]


def test_the_newer_column_names_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(
        "Title,URL handle,Description,Product category,Type,Tags,Published on online store,Status,"
        "Option1 name,Option1 value,Price,Inventory tracker,Inventory quantity,"
        "Continue selling when out of stock,Product image URL\n"
        "Cup,cup,<b>Blue</b>,Home > Cups,,,TRUE,Active,Size,S,8.50,shopify,0,TRUE,"
        "https://kiln.example/cup.jpg\n"
        ",cup,,,,,,,,M,8.50,shopify,3,TRUE,\n",
        encoding="utf-8",
    )
    (row,) = imported(path)
    assert row.listing is not None
    assert (row.listing.category, row.listing.quantity) == ("Home > Cups", 3)
    assert row.listing.status == "active"
    assert row.listing.description == "Blue\n\nSize: S, M"


def test_a_second_reading_gives_the_same_rows() -> None:
    for per_variant in (False, True):
        first = imported(DATA / "shopify-pottery.csv", per_variant=per_variant)
        assert first == imported(DATA / "shopify-pottery.csv", per_variant=per_variant)
        refs = [row.ref for row in first if row.ref is not None]
        assert len(refs) == len(set(refs))


@pytest.mark.skipif(not REAL.is_dir(), reason="the sample files are not part of the project")
@pytest.mark.parametrize(
    ("name", "count", "count_per_variant"),
    [
        ("shopify-apparel.csv", 20, 20),
        ("shopify-home-and-garden.csv", 20, 21),
        ("shopify-jewelery.csv", 20, 21),
        ("shopify-unproduct.csv", 13, 20),
    ],
)
def test_real_exports_become_listings_without_a_loss(
    name: str, count: int, count_per_variant: int
) -> None:
    rows = imported(REAL / name)
    assert [row.result for row in rows] == ["ready"] * count
    assert all(row.listing is not None and row.listing.price is not None for row in rows)
    assert not [row.warnings for row in rows if row.warnings]
    texts = "".join(row.listing.description for row in rows if row.listing is not None)
    assert "<" not in texts and "&amp;" not in texts and "\xa0" not in texts
    assert len(imported(REAL / name, per_variant=True)) == count_per_variant
