"""Listings in their JSON form → the text of a CSV file (R9.8). Pure."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .import_cell import write_tags
from .import_table import clean_text

CSV_COLUMNS: Final = (
    "id", "author", "seller", "market", "side", "status", "title", "price", "currency", "quantity",
    "condition", "category", "place", "tags", "url", "description", "created_at", "updated_at",
    "expires_at", "revision", "record_id",
)  # fmt: skip
_FORMULA: Final = re.compile(r"'*[=+\-@\t＝＋－＠]")


def csv_lines(listings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A header and a listing a row, each with its line end; a row may span several lines.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it, as does one
    that has such apostrophes already, so that reading takes away exactly one.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for cells in _csv_rows(listings):
        writer.writerow(cells)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _csv_rows(listings: Iterable[Mapping[str, Any]]) -> Iterator[list[str]]:
    yield list(CSV_COLUMNS)
    for listing in listings:
        price = listing.get("price")
        flat = {
            **listing,
            "price": "" if price is None else price["amount"],
            "currency": "" if price is None else price["currency"],
            "tags": write_tags(listing.get("tags") or []),
        }
        yield [_safe(flat.get(column)) for column in CSV_COLUMNS]


def _safe(value: object) -> str:
    # Cleaned as reading will: a control character must not stand between apostrophe and formula.
    text = "" if value is None else clean_text(str(value))
    return f"'{text}" if _FORMULA.match(text) else text
