"""Where output goes: data to stdout, talk to stderr; JSON lines or text for people; colour or not.

Knows widths and colours, nothing of what is printed.
"""

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from ..node.safe_text import safe_json, safe_line
from ..protocol.told import Told
from .tongue import in_tongue

if TYPE_CHECKING:
    from .table import Column

_STYLES: Final = {
    "head": "\x1b[2m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
    "id": "\x1b[36m",
    "price": "\x1b[33m",
    "good": "\x1b[32m",
    "warn": "\x1b[33m",
    "bad": "\x1b[31m",
    "qr": "\x1b[97;40m",  # white on black, whatever the terminal's own are
}
_RESET: Final = "\x1b[0m"
_CELLS_MIN: Final = 20
_CELLS_PIPED: Final = 120


class OutputLost(Exception):
    """Standard output cannot be written, though somebody may still want it; says why."""


@contextmanager
def to_stdout() -> Iterator[None]:
    """Around whatever writes there. A reader who has gone is no failure of the output."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from error


class Screen:
    """One command's output. `is_json` may be set once options are read, before anything prints."""

    def __init__(self) -> None:
        self.is_json = False

    @property
    def is_terminal(self) -> bool:
        return sys.stdout.isatty()

    @property
    def cells(self) -> int:
        """Columns to fill; a pipe has no edge, so it gets room."""
        return max(_CELLS_MIN, terminal_cells() or _CELLS_PIPED)

    def go_live(self) -> None:
        """Lines leave at once, into a pipe too: for commands that stay."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)

    def paint(self, text: str, style: str, stream: TextIO | None = None) -> str:
        """`text` in a style, if the stream is a terminal that wants colours."""
        stream = stream or sys.stdout
        if not style or not text or not _has_colour(stream):
            return text
        return f"{_STYLES[style]}{text}{_RESET}"

    def say(self, text: str = "", style: str = "") -> None:
        """A line of data for a person; nothing under --json."""
        if not self.is_json:
            with to_stdout():
                print(self.paint(_said(text), style))

    def say_safe(self, text: str, style: str = "") -> None:
        """The same for a line with text from the network in it."""
        self.say(safe_line(_said(text)), style)

    def talk(self, text: str = "", style: str = "") -> None:
        """A remark on stderr: hints, progress, warnings. Nothing under --json."""
        if not self.is_json:
            with to_stdout():
                sys.stdout.flush()
            print(self.paint(_said(text), style, sys.stderr), file=sys.stderr)

    def warn(self, text: str) -> None:
        self.talk(f"! {_said(text)}", "warn")

    def row(self, value: Mapping[str, Any]) -> None:
        """One object on one line, under --json only."""
        if self.is_json:
            with to_stdout():
                print(json_line(value), flush=True)

    def table(self, columns: "Sequence[Column]", rows: Iterable[Sequence[str]]) -> None:
        """A table of texts from anywhere: each cell is made safe here."""
        if self.is_json:
            return
        from . import table

        safe_rows = [[safe_line(_said(cell)) for cell in row] for row in rows]
        with to_stdout():
            for line in table.lines(columns, safe_rows, self.cells, self.paint):
                print(line)


def _said(text: str) -> str:
    return in_tongue(text) if isinstance(text, Told) else text


def terminal_cells() -> int | None:
    """COLUMNS, else how wide the terminal is; None where there is neither."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def json_line(value: Mapping[str, Any]) -> str:
    import json

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return safe_json(json.dumps(value, ensure_ascii=encoding != "utf8"))


def _has_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
