"""WooCommerce product exports."""

from datetime import UTC, datetime
from pathlib import Path

from jangteo.node.import_file import open_listing_file, read_rows
from jangteo.node.import_row import ImportRow, ref_of
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price

DATA = Path(__file__).parents[1] / "data"
BAKERY = DATA / "woocommerce-bakery.csv"


def imported(*, per_variant: bool = False, now_ms: int | None = None) -> dict[str, ImportRow]:
    file = open_listing_file(BAKERY)
    assert file.format == "woocommerce"
    rows = read_rows(file, currency="EUR", per_variant=per_variant, now_ms=now_ms)
    return {row.title: row for row in rows}


def listing_of(row: ImportRow) -> Listing:
    assert row.listing is not None
    return row.listing


def test_a_simple_product_has_its_sale_price_stock_and_first_image() -> None:
    row = imported()["Rye Loaf"]
    listing = listing_of(row)
    assert listing.price == Price(350, "EUR")
    assert (listing.quantity, listing.category) == (14, "Bread")
    assert listing.description == "Sour and dark.\n\nKeeps a week."
    assert listing.url == "https://oven.example/rye-1.jpg"
    assert row.ref == ref_of("woocommerce", "rye-loaf")


def test_a_variable_product_gathers_variations_from_anywhere_in_the_file() -> None:
    rows = imported()
    listing = listing_of(rows["Baker’s Apron"])
    assert listing.price == Price(2500, "EUR")
    assert listing.quantity == 5
    assert listing.category == "Kitchen > Aprons"
    assert listing.tags == ("linen", "work, wear")
    assert listing.description == (
        "Hard-wearing.\n\nWashed cotton.\n\n- two pockets\n- a loop for a towel\n\n"
        "Colour / Size\n- Flour / S: €25.00\n- Rye / L: €24.00"
    )
    assert not any(title.startswith("Baker’s Apron -") for title in rows)


def test_per_variant_lists_each_variation_where_prices_differ() -> None:
    rows = imported(per_variant=True)
    assert "Baker’s Apron" not in rows
    flour = rows["Baker’s Apron - Flour, S"]
    assert flour.ref == ref_of("woocommerce", "apron-flour-s")
    assert listing_of(flour).url == "https://oven.example/apron-flour.jpg"
    assert listing_of(rows["Baker’s Apron - Rye, L"]).price == Price(2400, "EUR")


def test_a_variation_whose_product_is_not_in_the_file_stands_alone() -> None:
    assert listing_of(imported()["Lost Whisk - Steel"]).price == Price(900, "EUR")


def test_a_group_names_its_members_and_an_external_product_links_to_its_page() -> None:
    rows = imported()
    group = listing_of(rows["Breakfast Basket"])
    assert group.price is None
    assert group.description == "For two.\n\n- Rye Loaf: €3.50\n- Spelt Loaf: €3.00"
    mill = listing_of(rows["Hand Mill"])
    assert (mill.price, mill.url) == (Price(125_000, "EUR"), "https://mill.example/hand-mill")


def test_a_sale_that_is_over_leaves_the_regular_price() -> None:
    during = int(datetime(2020, 1, 15, tzinfo=UTC).timestamp() * 1000)
    after = int(datetime(2020, 3, 15, tzinfo=UTC).timestamp() * 1000)
    assert listing_of(imported(now_ms=during)["Spelt Loaf"]).price == Price(300, "EUR")
    assert listing_of(imported(now_ms=after)["Spelt Loaf"]).price == Price(500, "EUR")


def test_drafts_and_hidden_products_are_skipped_and_sold_out_ones_are_sold() -> None:
    rows = imported()
    assert {title for title, row in rows.items() if row.result == "skipped"} == {
        "Sourdough Course",
        "Secret Cake",
    }
    cake = listing_of(rows["Yesterday's Cake"])
    assert (cake.status, cake.quantity, cake.category) == ("sold", 0, "")
    broken = rows["No number"]
    assert (broken.result, broken.line) == ("failed", 10)
