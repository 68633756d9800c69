"""A WooCommerce product export → listings (R9.5): simple, variable, grouped, external products.

Variations stand anywhere in the file, so that it is read twice: first what belongs to whom, in a
few words a product, then the products in their order. Knows nothing of files: it reads a Table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.listing import Listing
from ..protocol.money import Price
from ..protocol.told import tell, told_by
from .html_text import readable, unescaped
from .import_cell import read_category, read_count, read_list, read_price
from .import_csv import unquoted
from .import_row import ImportRow, RefBook, failed, ready, skipped
from .import_table import Table, TableRow, cell, clean_text
from .import_variant import Variant, prices_differ, variant_title, with_variants
from .import_words import is_yes

FORMAT: Final = "woocommerce"
KNOWN: Final = frozenset(
    "id type sku name published isfeatured visibilityincatalog shortdescription description "
    "regularprice saleprice categories tags images parent groupedproducts externalurl instock "
    "stock attribute1name".split()
)
_ATTRIBUTES_MAX: Final = 20
_GROUPED_SHOWN_MAX: Final = 40
_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


def is_woocommerce(column_keys: frozenset[str]) -> bool:
    return {"type", "name"} <= column_keys and bool(
        column_keys & {"regularprice", "visibilityincatalog", "saleprice"}
    )


def rows(
    table: Table,
    *,
    currency: str | None,
    per_variant: bool = False,
    now_ms: int | None = None,
) -> Iterator[ImportRow]:
    """The listings of an export, in file order. `now_ms` ends sales that have an end date."""
    shop = _Shop(_Columns(table), currency, per_variant, now_ms, RefBook(FORMAT))
    for row in table.rows():
        if row.error is None:
            shop.note(row)
    for row in table.rows():
        if row.error is not None:
            yield failed(row.line, row.error)
        else:
            yield from shop.read(row)


class _Columns:
    def __init__(self, table: Table) -> None:
        find = table.index
        self.id = find("id")
        self.types = find("type")
        self.sku = find("sku")
        self.name = find("name")
        self.published = find("published")
        self.visibility = find("visibilityincatalog")
        self.short = find("shortdescription")
        self.description = find("description")
        self.sale_starts = find("datesalepricestarts")
        self.sale_ends = find("datesalepriceends")
        self.in_stock = find("instock")
        self.stock = find("stock")
        self.sale_price = find("saleprice")
        self.price = find("regularprice", "price")
        self.categories = find("categories")
        self.tags = find("tags")
        self.images = find("images")
        self.parent = find("parent")
        self.grouped = find("groupedproducts")
        self.external_url = find("externalurl")
        self.attributes = [
            (name, values)
            for number in range(1, _ATTRIBUTES_MAX + 1)
            if (name := find(f"attribute{number}name")) >= 0
            # column_key drops remarks: "Attribute 1 value(s)".
            and (values := find(f"attribute{number}value", f"attribute{number}values")) >= 0
        ]


@dataclass(slots=True)
class _Variation:
    """What a product tells of one of its variations."""

    variant: Variant
    sku: str
    name: str
    is_sold_out: bool
    stock: int | None
    price_error: str | None = None


@dataclass(frozen=True, slots=True)
class _Member:
    """What a grouped product tells of one of its members."""

    name: str
    price: Price | None


@dataclass(slots=True)
class _Shop:
    columns: _Columns
    currency: str | None
    per_variant: bool
    now_ms: int | None
    refs: RefBook
    variations: dict[str, list[_Variation]] = field(default_factory=dict)
    members: dict[str, _Member] = field(default_factory=dict)
    parents: set[str] = field(default_factory=set)

    def note(self, row: TableRow) -> None:
        """The first reading: variations by their parent, and what groups may contain."""
        columns = self.columns
        if "variation" in self._types(row):
            if is_yes(cell(row, columns.published), default=True):
                siblings = self.variations.setdefault(cell(row, columns.parent), [])
                if len(siblings) < limits.IMPORT_VARIANTS_MAX:
                    siblings.append(self._variation(row))
            return
        keys = self._keys(row)
        self.parents.update(keys)
        try:
            price = self._price(row)
        except LocalProtocolError:
            price = None
        for key in keys:
            self.members[key] = _Member(self._name(row), price)

    def read(self, row: TableRow) -> Iterator[ImportRow]:
        """The second reading: what becomes of a row."""
        columns = self.columns
        types = self._types(row)
        is_variation = "variation" in types
        if is_variation and cell(row, columns.parent) in self.parents:
            return
        title = self._name(row)
        if not title:
            yield failed(row.line, tell("no Name"))
            return
        if reason := self._unpublished(row):
            yield skipped(row.line, reason, title=title, ref=self.refs.ref(self._key(row), title))
            return
        variations = [
            variation
            for key in (() if is_variation else self._keys(row))
            for variation in self.variations.get(key, ())
        ]
        listing, says, warnings = self._shared(row, title)
        if variations:
            yield from self._variable(row, listing, variations, says, warnings)
            return
        ref = self.refs.ref(self._key(row), title)
        try:
            price = self._price(row)
        except LocalProtocolError as error:
            yield failed(row.line, told_by(error), title=title, ref=ref, warnings=warnings)
            return
        if "grouped" in types:
            tail = self._grouped_lines(row)
            listing = replace(listing, description="\n\n".join(filter(None, (
                listing.description, "\n".join(tail)))))  # fmt: skip
        else:
            options = [Variant(row.line, self._attributes(row), price)]
            description, cuts = with_variants(listing.description, options)
            listing, warnings = replace(listing, description=description), [*warnings, *cuts]
        stock = read_count(cell(row, columns.stock))
        yield _stocked(
            row.line,
            replace(listing, price=price),
            ref,
            says,
            warnings,
            stock=stock,
            is_sold_out=self._is_sold_out(row),
        )

    def _variable(
        self,
        row: TableRow,
        listing: Listing,
        variations: list[_Variation],
        says: set[str],
        warnings: list[str],
    ) -> Iterator[ImportRow]:
        variants = [variation.variant for variation in variations]
        has_errors = any(variation.price_error for variation in variations)
        if self.per_variant and (prices_differ(variants) or has_errors):
            for variation in variations:
                yield self._of_variation(row, listing, variation, says, warnings)
            return
        ref = self.refs.ref(self._key(row), listing.title)
        chosen = next((v for v in variations if v.variant.price or v.price_error), variations[0])
        if chosen.price_error:
            yield failed(chosen.variant.line, chosen.price_error, title=listing.title, ref=ref)
            return
        warnings += [
            tell("line {line}: {price_error}", line=v.variant.line, price_error=v.price_error)
            for v in variations
            if v.price_error
        ]
        description, cuts = with_variants(listing.description, variants)
        stocks = [v.stock for v in variations if v.stock is not None and not v.is_sold_out]
        yield _stocked(
            row.line,
            replace(listing, description=description, price=chosen.variant.price),
            ref,
            says,
            [*warnings, *cuts],
            stock=sum(stocks) if stocks else read_count(cell(row, self.columns.stock)),
            is_sold_out=self._is_sold_out(row) or all(v.is_sold_out for v in variations),
        )

    def _of_variation(
        self,
        row: TableRow,
        listing: Listing,
        variation: _Variation,
        says: set[str],
        warnings: list[str],
    ) -> ImportRow:
        variant = variation.variant
        title = (
            variation.name
            if variation.name and variation.name != listing.title
            else variant_title(listing.title, variant)
        )
        parent = self._key(row)
        values = [value for _, value in variant.options]
        ref = self.refs.ref(variation.sku or ([parent, values] if parent else None), title)
        if variation.price_error:
            return failed(variant.line, variation.price_error, title=title, ref=ref)
        description, cuts = with_variants(listing.description, [variant])
        listing = replace(
            listing,
            title=title,
            description=description,
            price=variant.price,
            url=variant.image or listing.url,
        )
        return _stocked(
            variant.line,
            listing,
            ref,
            says,
            [*warnings, *cuts],
            stock=variation.stock,
            is_sold_out=variation.is_sold_out,
        )

    def _shared(self, row: TableRow, title: str) -> tuple[Listing, set[str], list[str]]:
        """A listing without its price and stock, the fields said, and warnings."""
        columns = self.columns
        says = {"title", "description", "price", "url"}
        says |= {"tags"} if columns.tags >= 0 else set()
        says |= {"category"} if columns.categories >= 0 else set()
        short = readable(_lines(self._get(row, columns.short)))
        body = readable(_lines(self._get(row, columns.description)))
        paragraphs = [body] if short in body else [short, body]
        # Of several the deepest is the most exact; the shop's order decides between equals.
        paths = read_list(self._get(row, columns.categories))
        category, warnings = read_category(max(paths, key=lambda path: path.count(">"), default=""))
        listing = Listing(
            title=title,
            description="\n\n".join(filter(None, paragraphs)),
            tags=tuple(unescaped(tag) for tag in read_list(self._get(row, columns.tags))),
            url=self._get(row, columns.external_url) or self._image(row),
            category=category,
        )
        return listing, says, list(warnings)

    def _variation(self, row: TableRow) -> _Variation:
        price: Price | None = None
        price_error: str | None = None
        try:
            price = self._price(row)
        except LocalProtocolError as error:
            price_error = told_by(error)
        return _Variation(
            Variant(row.line, self._attributes(row), price, image=self._image(row)),
            sku=self._get(row, self.columns.sku),
            name=self._name(row),
            is_sold_out=self._is_sold_out(row),
            stock=read_count(cell(row, self.columns.stock)),
            price_error=price_error,
        )

    def _price(self, row: TableRow) -> Price | None:
        sale = cell(row, self.columns.sale_price)
        if sale and self._is_on_sale(row):
            return read_price(sale, self.currency)
        return read_price(cell(row, self.columns.price), self.currency)

    def _is_on_sale(self, row: TableRow) -> bool:
        if self.now_ms is None:
            return True
        today = datetime.fromtimestamp(self.now_ms / 1000, UTC).date()
        starts = _date(cell(row, self.columns.sale_starts))
        ends = _date(cell(row, self.columns.sale_ends))
        # A day of grace on both sides: the file's dates are in the shop's own time zone.
        day = timedelta(days=1)
        return (starts is None or starts <= today + day) and (ends is None or today <= ends + day)

    def _is_sold_out(self, row: TableRow) -> bool:
        return not is_yes(cell(row, self.columns.in_stock), default=True)

    def _unpublished(self, row: TableRow) -> str | None:
        if not is_yes(cell(row, self.columns.published), default=True):
            return tell("not published in the shop")
        if cell(row, self.columns.visibility).casefold() == "hidden":
            return tell("hidden in the shop's catalogue")
        return None

    def _attributes(self, row: TableRow) -> tuple[tuple[str, str], ...]:
        found = []
        for name_index, value_index in self.columns.attributes:
            value = ", ".join(read_list(self._get(row, value_index)))
            if value:
                found.append((clean_text(cell(row, name_index)), unescaped(value)))
        return tuple(found)

    def _grouped_lines(self, row: TableRow) -> list[str]:
        keys = read_list(self._get(row, self.columns.grouped))
        lines = []
        for key in keys[:_GROUPED_SHOWN_MAX]:
            if (member := self.members.get(key)) is not None:
                price = f": {member.price.shown}" if member.price is not None else ""
                lines.append(f"- {member.name}{price}")
        return lines

    def _image(self, row: TableRow) -> str:
        images = read_list(self._get(row, self.columns.images))
        return images[0] if images else ""

    def _name(self, row: TableRow) -> str:
        return " ".join(unescaped(self._get(row, self.columns.name)).split())

    def _keys(self, row: TableRow) -> list[str]:
        """What other rows may call a product: its SKU, and "id:44"."""
        sku, number = self._get(row, self.columns.sku), cell(row, self.columns.id)
        return [key for key in (sku, f"id:{number}" if number else "") if key]

    def _key(self, row: TableRow) -> str | None:
        return next(iter(self._keys(row)), None)

    def _types(self, row: TableRow) -> set[str]:
        return {name.strip().casefold() for name in cell(row, self.columns.types).split(",")}

    def _get(self, row: TableRow, index: int) -> str:
        return unquoted(cell(row, index))


def _stocked(
    line: int,
    listing: Listing,
    ref: bytes,
    says: set[str],
    warnings: list[str],
    *,
    stock: int | None,
    is_sold_out: bool,
) -> ImportRow:
    if is_sold_out:
        return ready(
            line,
            replace(listing, quantity=0, status="sold"),
            ref,
            says={*says, "quantity", "status"},
            warnings=[*warnings, tell("out of stock: listed as sold")],
        )
    if stock is not None and stock > 0:
        says = {*says, "quantity"}
    quantity = stock if stock is not None and stock > 0 else 1
    return ready(line, replace(listing, quantity=quantity), ref, says=says, warnings=warnings)


def _lines(text: str) -> str:
    """WooCommerce writes a line end within a cell as backslash n, and that itself with two."""
    if "\\n" not in text:
        return text
    return "\\n".join(part.replace("\\n", "\n") for part in text.split("\\\\n"))


def _date(text: str) -> date | None:
    matched = _DATE.match(text)
    if matched is None:
        return None
    try:
        return date(int(matched[1]), int(matched[2]), int(matched[3]))
    except ValueError:
        return None
