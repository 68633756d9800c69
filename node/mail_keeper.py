"""Opens the owner's letters as they come, and tends keys and what is owed: one task of the node.

Knows when; what is done is the desk's (desk_mail.py).
"""

from math import inf
from typing import Final

import trio

from ..protocol import limits
from .desk_port import NodeDesk
from .supervisor import survive

_TEND_EVERY_S: Final = limits.MAIL_TEND_EVERY_MS / limits.SECOND_MS


class MailKeeper:
    """`wake` when letters came; `wake_to_seal` when box keys did, for what waits for one."""

    def __init__(self, desk: NodeDesk) -> None:
        self._desk = desk
        self._wake = trio.Event()
        self._tended_at = -inf

    def wake(self) -> None:
        self._wake.set()

    def wake_to_seal(self) -> None:
        self._tended_at = -inf
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake = trio.Event()
            await survive("opening letters", self._open)
            if trio.current_time() - self._tended_at >= _TEND_EVERY_S:
                self._tended_at = trio.current_time()
                await survive("tending the mail", self._desk.tend_mail)
            with trio.move_on_after(_TEND_EVERY_S):
                await self._wake.wait()

    async def _open(self) -> None:
        while await self._desk.open_letters():
            continue
