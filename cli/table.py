"""Tables that fit: columns shrink, then the least wanted go, so that no line passes the width.

Cells are plain safe text; colour comes after, through `paint`, and takes no cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import cells
from .tongue import _

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """`cells_min` is what it may shrink to, unless it `is_whole`: an id or a price with its end cut
    off would be another one. Of what does not fit, the least `weight` goes first."""

    name: str
    cells_min: int = 4
    weight: int = 1
    is_right: bool = False
    is_whole: bool = False
    style: str = ""


def lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    cells_max: int,
    paint: Callable[[str, str], str] = lambda text, _style: text,
) -> Iterator[str]:
    """The header and one line a row, each at most `cells_max` cells wide."""
    head = [_(column.name) for column in columns]
    natural = [
        max([cells.width(head[index]), *(cells.width(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    # A column that is empty in every row says nothing.
    kept = [
        index for index in range(len(columns)) if not rows or any(row[index] for row in rows)
    ] or [0]
    widths = _fit(columns, natural, kept, cells_max)
    yield _line(columns, head, widths, lambda text, _style: paint(text, "head"))
    for row in rows:
        yield _line(columns, row, widths, paint)


def _fit(
    columns: Sequence[Column], natural: Sequence[int], kept: list[int], cells_max: int
) -> dict[int, int]:
    """The width of each column that stays."""
    while True:
        widths = {index: natural[index] for index in kept}
        excess = sum(widths.values()) + len(_GAP) * (len(kept) - 1) - cells_max
        while excess > 0:
            room = {
                index: width - columns[index].cells_min
                for index, width in widths.items()
                if width > columns[index].cells_min and not columns[index].is_whole
            }
            if not room:
                break
            # From the widest down to the next one, so that two long columns share the loss.
            widest = max(room, key=lambda index: widths[index])
            others = [widths[index] for index in room if widths[index] < widths[widest]]
            step = min(
                excess, room[widest], max(1, widths[widest] - max(others, default=widths[widest]))
            )
            widths[widest] -= step
            excess -= step
        if excess <= 0:
            return widths
        if len(kept) == 1:
            return {kept[0]: max(1, cells_max)}
        kept = [index for index in kept if index != min(kept, key=lambda i: columns[i].weight)]


def _line(
    columns: Sequence[Column],
    row: Sequence[str],
    widths: dict[int, int],
    paint: Callable[[str, str], str],
) -> str:
    parts = []
    last = max(widths)
    for index, width in widths.items():
        column = columns[index]
        text = cells.clip(row[index], width)
        if index != last or column.is_right:
            text = cells.pad(text, width, is_right=column.is_right)
        parts.append(paint(text, column.style) if column.style else paint(text, ""))
    return _GAP.join(parts).rstrip()
