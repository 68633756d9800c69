"""A file of listings: which format it has, and its rows as ImportRows (R9.1). The only part of the
importers that opens a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from . import import_csv, import_jsonl, import_shopify, import_woocommerce
from .import_row import ImportRow
from .import_table import Table, read_table
from .record_file import MAGIC
from .text_file import TextFile, inspect_text

Format: TypeAlias = Literal["shopify", "woocommerce", "csv", "jsonl", "records"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)
AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class ListingFile:
    """A file that was opened, sniffed and closed again.

    `warnings` are about the file as a whole (an assumed encoding). `line_count` is for progress:
    about the greatest `line` of its rows. `text` and `table` are None where the format has none.
    """

    path: Path
    format: Format
    warnings: tuple[str, ...]
    line_count: int
    text: TextFile | None
    table: Table | None


def open_listing_file(path: Path, format_name: str = AUTO) -> ListingFile:
    """Finds out the format, encoding, delimiter and header of a file.

    LocalProtocolError, one line that says what to do, where it is none that can be imported;
    OSError from the disk. A "records" file is for record_file.read_records.
    """
    if format_name not in (AUTO, *FORMATS):
        raise LocalProtocolError(
            tell(
                "format {format_name!r} is not one of {value}",
                format_name=format_name,
                value=", ".join((AUTO, *FORMATS)),
            ),
            "format",
        )
    if path.exists() and not path.is_file():
        # A pipe would be waited for, and a device read without an end.
        raise LocalProtocolError(tell("cannot read {path}: it is no regular file", path=path))
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    if head == MAGIC:
        if format_name not in (AUTO, "records"):
            raise LocalProtocolError(
                tell(
                    "{name} holds signed records, not {format_name}",
                    name=path.name,
                    format_name=format_name,
                )
            )
        return ListingFile(path, "records", (), 0, None, None)
    if format_name == "records":
        raise LocalProtocolError(tell("{name} is no file of signed records", name=path.name))
    text = inspect_text(path)
    first = next(
        (line.text.strip() for line in text.lines() if line.text and line.text.strip()), ""
    )
    if not first:
        raise LocalProtocolError(tell("{name} is empty", name=path.name))
    if format_name == "jsonl" or (format_name == AUTO and first.startswith("{")):
        return ListingFile(path, "jsonl", text.warnings, text.line_count, text, None)
    if format_name == AUTO and first.startswith(("[", "<")):
        what = (
            tell("a JSON array: write one listing a line")
            if first[0] == "["
            else tell("HTML or XML")
        )
        raise LocalProtocolError(
            tell("{name} is {what}; see `jangteo import --help`", name=path.name, what=what)
        )
    table = read_table(text.lines, _familiarity)
    found = _format_of(table) if format_name == AUTO else format_name
    _check_columns(found, table)
    return ListingFile(path, found, text.warnings, text.line_count, text, table)  # type: ignore[arg-type]


def read_rows(
    file: ListingFile,
    *,
    currency: str | None = None,
    per_variant: bool = False,
    mine: bytes | None = None,
    now_ms: int | None = None,
) -> Iterator[ImportRow]:
    """Every listing of `file` in its order, streamed.

    `currency` (ISO 4217) is for prices without one. `mine` is the author key (32 bytes) whose
    exported listings are taken; others' are skipped. `now_ms` ends sales that have an end date.
    """
    if file.format == "jsonl" and file.text is not None:
        return import_jsonl.rows(file.text.lines(), currency=currency, mine=mine)
    if file.table is None:
        raise LocalProtocolError(tell("signed records are admitted as they are, not read as rows"))
    if file.format == "shopify":
        return import_shopify.rows(file.table, currency=currency, per_variant=per_variant)
    if file.format == "woocommerce":
        return import_woocommerce.rows(
            file.table, currency=currency, per_variant=per_variant, now_ms=now_ms
        )
    return import_csv.rows(file.table, currency=currency, mine=mine)


def _familiarity(column_keys: frozenset[str]) -> int:
    return len(column_keys & _KNOWN) + 3 * bool(column_keys & import_csv.TITLES)


_KNOWN: Final = (
    import_csv.KNOWN
    | import_woocommerce.KNOWN
    | {"handle", "urlhandle", "body", "published", "variantprice", "variantsku", "imagesrc"}
)


def _format_of(table: Table) -> str:
    if import_shopify.is_shopify(table.column_keys):
        return "shopify"
    if import_woocommerce.is_woocommerce(table.column_keys):
        return "woocommerce"
    return "csv"


def _check_columns(format_name: str, table: Table) -> None:
    keys = table.column_keys
    if format_name == "shopify" and not import_shopify.is_shopify(keys):
        raise LocalProtocolError(tell("a Shopify export has the columns Handle and Title"))
    if format_name == "woocommerce" and "name" not in keys:
        raise LocalProtocolError(tell("a WooCommerce export has a column Name"))
    if format_name == "csv" and not keys & import_csv.TITLES:
        named = ", ".join(table.header[:8])
        raise LocalProtocolError(
            tell(
                "no column with a title: the first row names the columns, one of "
                "them title, 제목, 상품명, 商品名 or タイトル; found: {named}",
                named=named[:200],
            )
        )
