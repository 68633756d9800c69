"""A plain table with a header in English, Korean or Japanese → listings (R9.6).

Also reads what our own CSV export writes: its rows name the listing's id and author.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..protocol.errors import LocalProtocolError
from ..protocol.listing import Condition, Listing, Side, Status
from ..protocol.money import NO_CURRENCY, Price
from ..protocol.told import tell, told_by
from .html_text import is_markup, readable, unescaped
from .import_cell import (
    currency_in_name,
    read_category,
    read_count,
    read_currency,
    read_photo_names,
    read_price,
    read_tags,
)
from .import_row import ImportRow, RefBook, failed, not_mine, ready, ref_of, skipped
from .import_table import Table, TableRow, cell, column_key
from .import_words import COLUMNS, condition_of, is_yes, side_of, status_of

FORMAT: Final = "csv"
OWN_FORMAT: Final = "jangteo"
"""The format in the ref of an exported listing that has none, CSV and JSON Lines alike."""
KNOWN: Final = frozenset(name for names in COLUMNS.values() for name in names)
TITLES: Final = frozenset(COLUMNS["title"])
_HEX_ID: Final = re.compile(r"[0-9a-f]{64}")
# The rest of "290,000원" or "1,299.00" where nobody put it between quotes.
_PRICE_HEAD: Final = re.compile(r"\D{0,4}\d{1,3}")
_PRICE_TAIL: Final = re.compile(r"\d{3}(?:\.\d{1,2})?\s*(원|円|[A-Za-z]{3})?")
_QUOTED: Final = re.compile(r"'+(?=[=+\-@\t＝＋－＠])")


def rows(
    table: Table, *, currency: str | None = None, mine: bytes | None = None
) -> Iterator[ImportRow]:
    """A listing a row. `mine` is the author (32 bytes) whose exported listings are taken."""
    columns = {name: table.index(*keys) for name, keys in COLUMNS.items()}
    if columns["price"] < 0:
        columns["price"], named = _price_column(table)
    else:
        named = currency_in_name(table.header[columns["price"]])
    sheet = _Sheet(columns, len(table.header), named or currency, mine, RefBook(FORMAT))
    for row in table.rows():
        if row.error is not None:
            yield failed(row.line, row.error)
        else:
            yield sheet.read(row)


def _price_column(table: Table) -> tuple[int, str | None]:
    """A column such as "price_usd", and its currency; (-1, None) if there is none."""
    for index, name in enumerate(table.header):
        currency = currency_in_name(name)
        if currency and column_key(name).removesuffix(currency.casefold()) in COLUMNS["price"]:
            return index, currency
    return -1, None


def unquoted(text: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it as a formula."""
    return text[1:] if text.startswith("'") and _QUOTED.match(text) else text


@dataclass(frozen=True, slots=True)
class _Sheet:
    columns: dict[str, int]
    width: int
    currency: str | None
    mine: bytes | None
    refs: RefBook

    def read(self, row: TableRow) -> ImportRow:
        listing_id = self._get(row, "id")
        is_export = _HEX_ID.fullmatch(listing_id) is not None
        title = self._get(row, "title")
        if not is_export:
            title = " ".join(unescaped(title).split())
        author = self._get(row, "author")
        if is_export and author and (self.mine is None or author != self.mine.hex()):
            return not_mine(row.line, title)
        key = self._get(row, "sku") or self._get(row, "url") or None
        if is_export:
            told = self._get(row, "ref")
            ref = bytes.fromhex(told) if _HEX_ID.fullmatch(told) else ref_of(OWN_FORMAT, listing_id)
        elif title:
            ref = self.refs.ref(key, title)
        else:
            return failed(row.line, tell("no title"))
        warnings: list[str] = []
        if self._is_price_torn(row):
            return failed(
                row.line,
                tell(
                    "the price has a comma that separates cells: put it between "
                    'quotes, such as "290,000"'
                ),
                title=title,
                ref=ref,
            )
        try:
            listing, says = self._listing(row, title, is_export, warnings)
        except LocalProtocolError as error:
            return failed(row.line, told_by(error), title=title, ref=ref, warnings=warnings)
        if listing is None:
            return skipped(row.line, tell("withdrawn or expired"), title=title, ref=ref)
        return ready(
            row.line,
            listing,
            ref,
            says=says,
            warnings=warnings,
            listing_id=bytes.fromhex(listing_id) if is_export else None,
            market=self._get(row, "market") or None,
            photo_names=read_photo_names(self._get(row, "image")),
        )

    def _get(self, row: TableRow, name: str) -> str:
        return unquoted(cell(row, self.columns[name]))

    def _image_url(self, row: TableRow) -> str:
        """None where the column names files."""
        told = self._get(row, "image")
        return "" if read_photo_names(told) else told

    def _is_price_torn(self, row: TableRow) -> bool:
        index = self.columns["price"]
        if index < 0 or _PRICE_HEAD.fullmatch(cell(row, index)) is None:
            return False
        tail = _PRICE_TAIL.fullmatch(cell(row, index + 1))
        return tail is not None and (bool(tail[1]) or len(row.cells) > self.width)

    def _listing(
        self, row: TableRow, title: str, is_export: bool, warnings: list[str]
    ) -> tuple[Listing | None, set[str]]:
        """The listing of a row (None: withdrawn or expired) and the fields that it speaks of."""
        says = {
            name
            for name in ("title", "price", "description", "category", "condition", "place", "tags")
            if self.columns[name] >= 0
        }
        if self.columns["url"] >= 0 or self.columns["image"] >= 0:
            says.add("url")
        if self._get(row, "quantity"):
            says.add("quantity")
        side = self._side(row, warnings)
        if side is not None:
            says.add("side")
        condition, status = self._condition_and_status(row, warnings)
        if status in ("withdrawn", "expired"):
            return None, says
        if status is not None:
            says.add("status")
        description = self._get(row, "description")
        category = self._get(row, "category")
        if not is_export:
            description = readable(description) if is_markup(description) else description
            category, category_warnings = read_category(category)
            warnings += category_warnings
        listing = Listing(
            title=title,
            side=side or "sell",
            description=description,
            price=self._price(row),
            quantity=self._quantity(row, warnings),
            tags=read_tags(self._get(row, "tags")),
            url=self._get(row, "url") or self._image_url(row),
            category=category,
            condition=condition,
            place=self._get(row, "place"),
            status=status or "active",  # type: ignore[arg-type]
        )
        return listing, says

    def _price(self, row: TableRow) -> Price | None:
        told = self._get(row, "sale_price") or self._get(row, "price")
        currency_text = self._get(row, "currency")
        if currency_text == NO_CURRENCY:
            return read_price(told, None)
        return read_price(told, read_currency(currency_text) if currency_text else self.currency)

    def _quantity(self, row: TableRow, warnings: list[str]) -> int:
        told = self._get(row, "quantity")
        if not told:
            return 1
        count = read_count(told)
        if count is None:
            warnings.append(tell("quantity {told!r} is no whole number: 1", told=told[:20]))
        return 1 if count is None else count

    def _side(self, row: TableRow, warnings: list[str]) -> Side | None:
        if told := self._get(row, "side"):
            side = side_of(told)
            if side is None:
                warnings.append(
                    tell("side {told!r} is neither sell nor want: sell", told=told[:20])
                )
            return side
        if told := self._get(row, "wanted"):
            return "want" if is_yes(told, default=False) else "sell"
        return None

    def _condition_and_status(
        self, row: TableRow, warnings: list[str]
    ) -> tuple[Condition, Status | str | None]:
        """The two share a word in Korean (상태) and Japanese (状態): the value tells them apart."""
        status: Status | str | None = None
        if told := self._get(row, "status"):
            status = status_of(told)
            if status is None:
                warnings.append(tell("status {told!r} is unknown: active", told=told[:20]))
        told = self._get(row, "condition")
        if not told:
            return "", status
        condition = condition_of(told)
        if condition is None and status is None and (found := status_of(told)) is not None:
            return "", found
        if condition is None:
            warnings.append(
                tell(
                    "condition {told!r} is unknown and left out: new, like-new, good, fair, parts",
                    told=told[:40],
                )
            )
        return condition or "", status
