"""A Shopify product export → listings: one of a product, or one of each variant (R9.4).

The rows of a product follow each other under one Handle; all but the first are further variants
and images. Knows nothing of files: it reads a Table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.listing import Condition, Listing
from ..protocol.money import Price
from ..protocol.told import tell, told_by
from .html_text import readable, unescaped
from .import_cell import read_category, read_count, read_price, read_tags
from .import_row import ImportRow, RefBook, RefKey, failed, ready, skipped
from .import_table import Table, TableRow, cell, clean_text
from .import_variant import Variant, prices_differ, variant_title, with_variants
from .import_words import condition_of, is_yes

FORMAT: Final = "shopify"
_OPTIONS: Final = (1, 2, 3)
_ONLY_OPTION: Final = ("title", "default title")


def is_shopify(column_keys: frozenset[str]) -> bool:
    return "title" in column_keys and bool(column_keys & {"handle", "urlhandle"})


def rows(table: Table, *, currency: str | None, per_variant: bool = False) -> Iterator[ImportRow]:
    """The listings of an export, in file order; `line` is a product's or variant's first line."""
    columns = _Columns(table)
    refs = RefBook(FORMAT)
    first_lines: dict[str, int] = {}
    product: list[TableRow] = []
    for row in table.rows():
        if row.error is not None:
            yield failed(row.line, row.error)
            continue
        handle, title = cell(row, columns.handle), cell(row, columns.title)
        if product and (handle == cell(product[0], columns.handle) if handle else not title):
            # A product is held as a whole; what is beyond the bound would not be shown anyway.
            if len(product) < limits.IMPORT_VARIANTS_MAX:
                product.append(row)
            continue
        yield from _product(columns, product, refs, currency, per_variant, first_lines)
        product = [row]
    yield from _product(columns, product, refs, currency, per_variant, first_lines)


class _Columns:
    """Where each thing stands; exports of 2024 and later use other names."""

    def __init__(self, table: Table) -> None:
        find = table.index
        self.handle = find("handle", "urlhandle")
        self.title = find("title")
        self.body = find("body", "bodyhtml", "description")
        self.type = find("type", "customproducttype")
        self.category = find(
            "productcategory", "standardproducttype", "googleshoppinggoogleproductcategory"
        )
        self.tags = find("tags")
        self.published = find("published", "publishedononlinestore")
        self.status = find("status")
        self.option_names = [find(f"option{number}name") for number in _OPTIONS]
        self.option_values = [find(f"option{number}value") for number in _OPTIONS]
        self.sku = find("variantsku", "sku")
        self.tracker = find("variantinventorytracker", "inventorytracker")
        self.quantity = find("variantinventoryqty", "inventoryquantity")
        self.policy = find("variantinventorypolicy", "continuesellingwhenoutofstock")
        self.price = find("variantprice", "price")
        self.image = find("imagesrc", "productimageurl")
        self.variant_image = find("variantimage", "variantimageurl")
        self.condition = find("googleshoppingcondition")

    @property
    def says(self) -> set[str]:
        told = {"title", "description", "url"}
        if self.price >= 0:
            told.add("price")
        if self.tags >= 0:
            told.add("tags")
        if self.type >= 0 or self.category >= 0:
            told.add("category")
        if self.quantity >= 0:
            told.add("quantity")
        return told


@dataclass(slots=True)
class _Row:
    """A variant with what only Shopify says of it."""

    variant: Variant
    is_tracked: bool
    may_oversell: bool
    price_error: str | None = field(default=None)

    @property
    def is_sold_out(self) -> bool:
        return self.is_tracked and not self.may_oversell and not self.variant.quantity


def _product(
    columns: _Columns,
    group: list[TableRow],
    refs: RefBook,
    currency: str | None,
    per_variant: bool,
    first_lines: dict[str, int],
) -> Iterator[ImportRow]:
    if not group:
        return
    first = group[0]
    handle = cell(first, columns.handle)
    title = " ".join(unescaped(cell(first, columns.title)).split())
    if handle and (earlier := first_lines.setdefault(handle, first.line)) != first.line:
        yield failed(
            first.line,
            tell(
                "Handle {handle!r} was already on line {earlier}: keep the rows of "
                "a product together",
                handle=handle[:80],
                earlier=earlier,
            ),
            title=title,
        )
        return
    if not title:
        what = tell("Handle {handle!r}", handle=handle) if handle else tell("this product")
        yield failed(first.line, tell("{what} has no Title on its first row", what=what))
        return
    if reason := _unpublished(columns, first):
        yield skipped(first.line, reason, title=title, ref=refs.ref(handle, title))
        return
    variants = _variants(columns, group, currency)
    listing, warnings, says = _shared(columns, group, title)
    priced = [row.variant for row in variants]
    if per_variant and (prices_differ(priced) or any(row.price_error for row in variants)):
        for row in variants:
            yield _of_variant(listing, row, handle, refs, says, warnings)
        return
    ref = refs.ref(handle, title)
    chosen = next((row for row in variants if row.variant.price or row.price_error), variants[0])
    if chosen.price_error:
        yield failed(chosen.variant.line, chosen.price_error, title=title, ref=ref)
        return
    warnings += [
        tell("line {line}: {price_error}", line=row.variant.line, price_error=row.price_error)
        for row in variants
        if row.price_error
    ]
    description, cuts = with_variants(listing.description, priced)
    listing = replace(
        listing,
        description=description,
        price=chosen.variant.price,
        quantity=sum(row.variant.quantity for row in variants),
    )
    yield _stocked(
        first.line,
        listing,
        ref,
        says,
        [*warnings, *cuts],
        is_sold_out=all(row.is_sold_out for row in variants),
    )


def _of_variant(
    listing: Listing,
    row: _Row,
    handle: str,
    refs: RefBook,
    says: set[str],
    warnings: list[str],
) -> ImportRow:
    variant = row.variant
    title = variant_title(listing.title, variant)
    key: RefKey = [handle, [value for _, value in variant.options]] if handle else None
    ref = refs.ref(key, title)
    if row.price_error:
        return failed(variant.line, row.price_error, title=title, ref=ref)
    listing = replace(
        listing,
        title=title,
        price=variant.price,
        quantity=variant.quantity,
        url=variant.image or listing.url,
    )
    return _stocked(variant.line, listing, ref, says, warnings, is_sold_out=row.is_sold_out)


def _stocked(
    line: int,
    listing: Listing,
    ref: bytes,
    says: set[str],
    warnings: list[str],
    *,
    is_sold_out: bool,
) -> ImportRow:
    if is_sold_out:
        listing = replace(listing, quantity=0, status="sold")
        return ready(
            line,
            listing,
            ref,
            says={*says, "status"},
            warnings=[*warnings, tell("out of stock: listed as sold")],
        )
    # Stock that nobody counts says nothing; the goods are there.
    return ready(
        line, replace(listing, quantity=max(1, listing.quantity)), ref, says=says, warnings=warnings
    )


def _unpublished(columns: _Columns, row: TableRow) -> str | None:
    status = cell(row, columns.status).casefold()
    if status in ("draft", "archived", "unlisted"):
        return tell("not published in the shop: {status}", status=status)
    if not is_yes(cell(row, columns.published), default=True):
        return tell("not published in the shop")
    return None


def _shared(
    columns: _Columns, group: list[TableRow], title: str
) -> tuple[Listing, list[str], set[str]]:
    """What all variants of a product have in common, warnings, and the fields said."""
    first = group[0]
    warnings: list[str] = []
    says = columns.says
    kind = cell(first, columns.type) or cell(first, columns.category)
    category, category_warnings = read_category("" if kind.isdecimal() else kind)
    warnings += category_warnings
    condition: Condition = ""
    if told := cell(first, columns.condition):
        condition = condition_of(told) or ""
        says.add("condition")
    images = (cell(row, columns.image) for row in group)
    if len(group) >= limits.IMPORT_VARIANTS_MAX:
        warnings.append(
            tell(
                "only its first {import_variants_max:,} rows were read",
                import_variants_max=limits.IMPORT_VARIANTS_MAX,
            )
        )
    listing = Listing(
        title=title,
        description=readable(cell(first, columns.body)),
        tags=read_tags(cell(first, columns.tags)),
        url=next(filter(None, images), ""),
        category=category,
        condition=condition,
    )
    return listing, warnings, says


def _variants(columns: _Columns, group: list[TableRow], currency: str | None) -> list[_Row]:
    names = [cell(group[0], index) for index in columns.option_names]
    variants: list[_Row] = []
    for row in group:
        values = [cell(row, index) for index in columns.option_values]
        price_text = cell(row, columns.price)
        # A row with neither is a further image. The first row always is a variant.
        if row is not group[0] and not (any(values) or price_text or cell(row, columns.sku)):
            continue
        price: Price | None = None
        price_error: str | None = None
        try:
            price = read_price(price_text, currency)
        except LocalProtocolError as error:
            price_error = told_by(error)
        options = tuple(
            (clean_text(name), value)
            for name, value in zip(names, values, strict=True)
            if value and (name.casefold(), value.casefold()) != _ONLY_OPTION
        )
        variants.append(
            _Row(
                Variant(
                    line=row.line,
                    options=options,
                    price=price,
                    quantity=max(0, read_count(cell(row, columns.quantity)) or 0),
                    image=cell(row, columns.variant_image) or cell(row, columns.image),
                ),
                is_tracked=bool(cell(row, columns.tracker)),
                may_oversell=is_yes(cell(row, columns.policy), default=False)
                or cell(row, columns.policy).casefold() == "continue",
                price_error=price_error,
            )
        )
    return variants
