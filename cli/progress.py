"""A progress bar on stderr, at a terminal only; elsewhere silence."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from .cells import clip
from .screen import Screen
from .tongue import _

_BAR_CELLS: Final = 24
_REDRAW_SECONDS: Final = 0.1


class Progress:
    """`total` may come later, or never: then it counts."""

    def __init__(self, screen: Screen, what: str, total: int | None = None) -> None:
        self.total = total
        self.done = 0
        self._what = what
        self._is_shown = sys.stderr.isatty() and not screen.is_json
        self._cells = screen.cells
        self._drawn_at = 0.0
        self._is_drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def step(self, count: int = 1) -> None:
        self.to(self.done + count)

    def to(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if self._is_shown and now - self._drawn_at >= _REDRAW_SECONDS:
            self._drawn_at = now
            self._draw()

    def clear(self) -> None:
        """Takes the bar away, so that a line can stand there."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_drawn = False

    def _draw(self) -> None:
        text = f"{self._what} {self.done:,}"
        if self.total:
            filled = min(_BAR_CELLS, self.done * _BAR_CELLS // self.total)
            bar = "█" * filled + "░" * (_BAR_CELLS - filled)
            told = _("{done:,} of {total:,}").format(done=self.done, total=self.total)
            text = f"{self._what} {bar} {told}"
        sys.stderr.write(f"\r\x1b[K{clip(text, self._cells - 1)}")
        sys.stderr.flush()
        self._is_drawn = True
