"""Opens the owner's letters as they come, and tends keys and what is owed: one task of the node.

Knows when; what is done is the desk's (desk_mail.py).
"""

from math import inf
from typing import Final

import trio

from ..protocol import limits
from .core import NodeCore
from .desk_port import NodeDesk
from .mail_shared import MailReport
from .supervisor import survive

_TEND_EVERY_S: Final = limits.MAIL_TEND_EVERY_MS / limits.SECOND_MS


class MailKeeper:
    """Hears of letters, box keys and sessions from `core`."""

    def __init__(self, desk: NodeDesk, core: NodeCore) -> None:
        self._desk = desk
        self._now_ms = core.now_ms
        self._even_ms: int | None = None
        self._wake = trio.Event()
        core.mail.on_letters = self.wake
        core.mail.on_report = self._reported
        core.on_box_keys = self.wake_to_seal
        self._tended_at = -inf

    def wake(self) -> None:
        """Letters came."""
        self._wake.set()

    def wake_to_seal(self) -> None:
        """Box keys came, for which something may wait."""
        self._tended_at = -inf
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake = trio.Event()
            await survive("opening letters", self._open)
            if trio.current_time() - self._tended_at >= _TEND_EVERY_S:
                self._tended_at = trio.current_time()
                await survive("tending the mail", self._tend)
            with trio.move_on_after(_TEND_EVERY_S):
                await self._wake.wait()

    def _reported(self, report: MailReport) -> None:
        if report.is_even and not report.error and not report.declined:
            self._even_ms = self._now_ms()

    async def _tend(self) -> None:
        await self._desk.tend_mail(self._even_ms)

    async def _open(self) -> None:
        while await self._desk.open_letters():
            continue
