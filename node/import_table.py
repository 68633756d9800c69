"""Lines → the rows of a comma-, semicolon- or tab-separated table with a header.

Each row knows on which physical line it starts. A row that cannot be read is reported and the
next ones are read all the same. Knows nothing of what the columns mean.
"""

import csv
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .text_file import Line

DELIMITERS: Final = (",", ";", "\t")
_HEADER_LINES_MAX: Final = 10
_TEXT_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_NOT_IN_NAMES: Final = re.compile(r"[\W_]+")
_REMARK: Final = re.compile(r"[(\[（【][^()\[\]（）【】]*[)\]）】]")
_NAME_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. `line` is where it starts; `error` says why its cells could not be read."""

    line: int
    cells: Sequence[str]
    error: str | None = None


class Table:
    """A header and, as often as wanted, the rows below it."""

    def __init__(
        self,
        read_lines: Callable[[], Iterator[Line]],
        header: Sequence[str],
        header_line: int,
        delimiter: str,
    ) -> None:
        self._read_lines = read_lines
        self._header_line = header_line
        self.header = tuple(" ".join(clean_text(name).split()) for name in header)
        self.delimiter = delimiter
        self._columns: dict[str, int] = {}
        for index, name in enumerate(self.header):
            if key := column_key(name):
                self._columns.setdefault(key, index)

    @property
    def column_keys(self) -> frozenset[str]:
        return frozenset(self._columns)

    def index(self, *keys: str) -> int:
        """The column of the first of `keys` that there is, else -1."""
        for key in keys:
            if (index := self._columns.get(key, -1)) >= 0:
                return index
        return -1

    def rows(self) -> Iterator[TableRow]:
        """The rows that have something in them, at most IMPORT_ROWS_MAX."""
        count = 0
        for row in _split_rows(self._read_lines(), self.delimiter):
            if row.line <= self._header_line:
                continue
            if row.error is None:
                if not any(row.cells):
                    continue
                if len(row.cells) > len(self.header) and any(row.cells[len(self.header) :]):
                    row = TableRow(
                        row.line,
                        row.cells,
                        tell(
                            "{count} cells under {count2} column names: put a cell "
                            "that has the separator in it between quotes",
                            count=len(row.cells),
                            count2=len(self.header),
                        ),
                    )
            count += 1
            if count > limits.IMPORT_ROWS_MAX:
                yield TableRow(row.line, (), too_many_rows())
                return
            yield row


def read_table(
    read_lines: Callable[[], Iterator[Line]], score: Callable[[frozenset[str]], int]
) -> Table:
    """The table in some lines, under the delimiter whose header `score` likes best.

    LocalProtocolError if there is no header row.
    """
    best: Table | None = None
    best_rank = (-1, -1)
    for delimiter in DELIMITERS:
        for row in _split_rows(read_lines(), delimiter):
            if row.line > _HEADER_LINES_MAX:
                break
            is_hint = len(row.cells) <= 2 and "".join(row.cells).casefold().startswith("sep=")
            if row.error is not None or is_hint or not any(row.cells):
                continue
            table = Table(read_lines, row.cells, row.line, delimiter)
            rank = (score(table.column_keys), len(table.header))
            if rank > best_rank:
                best, best_rank = table, rank
            break
    if best is None:
        raise LocalProtocolError(tell("no header row: the first line names the columns"))
    if len(best.header) > limits.IMPORT_COLUMNS_MAX:
        raise LocalProtocolError(
            tell(
                "{count:,} columns: at most {import_columns_max:,}",
                count=len(best.header),
                import_columns_max=limits.IMPORT_COLUMNS_MAX,
            )
        )
    return best


def too_many_rows() -> str:
    return tell(
        "more than {import_rows_max:,} rows: the rest was not read; split the file",
        import_rows_max=limits.IMPORT_ROWS_MAX,
    )


def cell(row: TableRow, index: int) -> str:
    """The text of a cell, trimmed; "" where the row or the table has none."""
    cells = row.cells
    return clean_text(cells[index]) if 0 <= index < len(cells) else ""


def clean_text(text: str) -> str:
    """`text` without control characters and lone surrogates, its line ends "\n", trimmed."""
    if "\u2028" in text or "\r" in text:
        text = text.replace("\u2028", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return _TEXT_UNSAFE.sub("", text).strip()


def column_key(name: str) -> str:
    """A column's name for comparing: "Body (HTML)" → "body", "가격 (원)" → "가격"."""
    folded = unicodedata.normalize("NFKC", _REMARK.sub("", name[:_NAME_CHARS_MAX]))
    return _NOT_IN_NAMES.sub("", folded.casefold())


class _Unclosed(Exception):
    """The row being read reached the end of the file, or its bound, within a quoted cell."""


class _TooLong(Exception):
    """The next line alone is longer than a row may be."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Feed:
    """Lines for `csv.reader`; those of the row being read can be taken back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._row_chars = 0
        self.row: list[Line] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            if self.row:
                raise _Unclosed
            raise StopIteration
        number, text = line
        if text is None:
            if self.row:
                self._again.appendleft(line)
                raise _Unclosed
            raise _TooLong(number)
        self._row_chars += len(text)
        if self.row and self._row_chars > limits.IMPORT_ROW_CHARS_MAX:
            self._again.appendleft(line)
            raise _Unclosed
        self.row.append(line)
        return text

    def begin_row(self) -> None:
        self.row = []
        self._row_chars = 0

    def take_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.row[1:]))


def _split_rows(lines: Iterator[Line], delimiter: str) -> Iterator[TableRow]:
    # The limit is the process's, not the reader's; what bounds a cell here is the row's bound.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * limits.IMPORT_ROW_CHARS_MAX))
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True, skipinitialspace=True)
    width = 0
    while True:
        feed.begin_row()
        try:
            cells: Sequence[str] = next(reader)
        except StopIteration:
            return
        except _TooLong as error:
            yield TableRow(
                error.line,
                (),
                tell(
                    "a line of more than {import_row_chars_max:,} characters",
                    import_row_chars_max=limits.IMPORT_ROW_CHARS_MAX,
                ),
            )
            continue
        except (_Unclosed, csv.Error):
            line = feed.row[0]
            lenient = _lenient(line, delimiter) if len(feed.row) == 1 else None
            if lenient is None or len(lenient) != width:
                # Only its first line is given up: a quote that nobody closed would otherwise
                # swallow the rows after it.
                feed.take_back_all_but_first()
                lenient = None
            reader = csv.reader(feed, delimiter=delimiter, strict=True, skipinitialspace=True)
            if lenient is None:
                yield TableRow(
                    line.number,
                    (),
                    tell(
                        'a quote (") opens on this line and is not closed where a '
                        "cell ends: write a quote within a cell twice"
                    ),
                )
                continue
            cells = lenient
        width = width or len(cells)
        yield TableRow(feed.row[0].number if feed.row else 0, cells)


def _lenient(line: Line, delimiter: str) -> Sequence[str] | None:
    """The cells of a line with stray quotes ('"12" disk",5'), or None if that is no row either."""
    try:
        return next(csv.reader([line.text or ""], delimiter=delimiter, skipinitialspace=True), None)
    except csv.Error:
        return None
