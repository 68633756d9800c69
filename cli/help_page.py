"""A page of help in any language: click's own, but measured in cells and with its heads translated.

Knows how a page is laid out; nothing of commands.
"""

from collections.abc import Iterable

import click

from ..node.tongue import ENGLISH
from . import cells
from .tongue import N_, _, spoken

_COLUMN_MAX = 30
_GAP_CELLS = 2
HEADS = (N_("Usage"), N_("Options"), N_("Commands"), N_("Examples"), N_("Prints"))


class HelpPage(click.HelpFormatter):
    """In English it is click's to the letter."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        if spoken().code == ENGLISH:
            super().write_usage(prog, args, prefix)
            return
        head = f"{_('Usage')}: {prog} "
        indent = cells.width(head)
        room = self.width - indent
        if room < 20:
            self.write(head.rstrip() + "\n")
            indent, room, head = 4, self.width - 4, "    "
        lines = cells.flow(args, room) if args else [""]
        self.write(f"{head}{lines[0]}".rstrip() + "\n")
        for line in lines[1:]:
            self.write(f"{'':{indent}}{line}\n")

    def write_heading(self, heading: str) -> None:
        super().write_heading(_(heading))

    def write_text(self, text: str) -> None:
        if spoken().code == ENGLISH:
            super().write_text(text)
            return
        indent = " " * self.current_indent
        paragraphs = (cells.flow(told, self.width - len(indent)) for told in text.split("\n\n"))
        self.write("\n".join("".join(f"{indent}{line}\n" for line in told) for told in paragraphs))

    def write_dl(
        self,
        rows: Iterable[tuple[str, str]],
        col_max: int = _COLUMN_MAX,
        col_spacing: int = _GAP_CELLS,
    ) -> None:
        if spoken().code == ENGLISH:
            super().write_dl(rows, col_max, col_spacing)
            return
        rows = list(rows)
        widest = max((cells.width(first) for first, _second in rows), default=0)
        column = min(widest, col_max) + col_spacing
        margin = self.current_indent
        for first, second in rows:
            lines = cells.flow(second, max(self.width - column - margin, 10))
            head = cells.pad(first, column)
            if cells.width(first) > column - col_spacing:
                self.write(f"{'':{margin}}{first}\n")
                head = " " * column
            self.write(f"{'':{margin}}{head}{lines[0] if lines else ''}".rstrip() + "\n")
            for line in lines[1:]:
                self.write(f"{'':{margin + column}}{line}\n")
