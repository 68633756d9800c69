"""Looks out for what the owner waits for, when something came: one task of the node.

Knows when; what is worth a word is look_out.py's.
"""

from typing import Final

import trio

from ..protocol import limits
from .core import NodeCore
from .desk_port import NodeDesk
from .supervisor import survive

_EVERY_S: Final = limits.LOOK_OUT_EVERY_MS / limits.SECOND_MS
_AGAIN_S: Final = limits.FORGET_EVERY_MS / limits.SECOND_MS


class Watchman:
    """Hears from `core` that records came."""

    def __init__(self, desk: NodeDesk, core: NodeCore) -> None:
        self._desk = desk
        self._is_behind = False
        self._wake = trio.Event()
        core.on_news = self._wake_up

    async def run(self) -> None:
        """Until cancelled: soon after something came, and now and then."""
        while True:
            self._wake = trio.Event()
            await survive("looking out", self._look)
            await trio.sleep(_EVERY_S)
            if self._is_behind:
                continue
            with trio.move_on_after(_AGAIN_S):
                await self._wake.wait()

    async def _look(self) -> None:
        self._is_behind = await self._desk.look_out()

    def _wake_up(self) -> None:
        self._wake.set()
