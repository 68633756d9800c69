"""Records that come on a sync stream: verified off the loop, admitted, and remembered if declined.

Knows the writer and the overlay of declined records; no frames and no order of theirs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from ..protocol.envelope import Verified
from ..protocol.errors import RemoteProtocolError
from ..protocol.verdict import Admission
from .declined import Declined
from .opener import Opener
from .writer import Outcome, Writer


@dataclass(frozen=True, slots=True)
class Taking:
    """A batch on its way through the writer."""

    peer: str
    records: Sequence[Verified]
    outcome: Outcome[list[Admission]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: how many were new, kept (new or held before) and declined."""

    new: int
    kept: int
    declined: int


class SyncIntake:
    """Shared by all sessions. `on_rested(peer, market)`: declined more of it than is remembered."""

    def __init__(
        self,
        writer: Writer,
        declined: Declined,
        *,
        now_ms: Callable[[], int],
        opener: Opener,
    ) -> None:
        self._writer = writer
        self._declined = declined
        self._now_ms = now_ms
        self._opener = opener
        self.on_rested: Callable[[str, str], None] = lambda peer, market: None

    async def open(self, market: str, raws: Sequence[bytes]) -> list[Verified]:
        """`raws` verified; RemoteProtocolError for the first that is wrong or of another market.
        Those of a version to come are left out."""
        records = await self._opener(raws)
        if any(record.header.market != market for record in records):
            raise RemoteProtocolError("R6.24", "a record of another market than asked for")
        return records

    def open_soon(
        self, nursery: trio.Nursery, market: str, raws: Sequence[bytes]
    ) -> Outcome[list[Verified]]:
        """`open` in a task of its own: those of one frame are on their way while those of the
        one before are opened."""
        outcome: Outcome[list[Verified]] = Outcome()

        async def run() -> None:
            try:
                outcome.value = await self.open(market, raws)
            except RemoteProtocolError as error:
                outcome.error = error
            outcome.done.set()

        nursery.start_soon(run)
        return outcome

    async def take(
        self, peer: str, records: Sequence[Verified], *, is_durable: bool = False
    ) -> Taken:
        """Admits what `peer` sent, after the commit; `is_durable` where that is acknowledged."""
        return await self.finish(await self.begin(peer, records, is_durable=is_durable))

    async def begin(
        self, peer: str, records: Sequence[Verified], *, is_durable: bool = False
    ) -> Taking:
        """Hands them to the writer, when it has room: `finish` tells what became of them."""
        outcome = await self._writer.enqueue(records, peer, is_durable=is_durable)
        return Taking(peer, records, outcome)

    async def finish(self, taking: Taking) -> Taken:
        """After the commit."""
        admissions = await taking.outcome.wait()
        now_ms = self._now_ms()
        peer = taking.peer
        for record, admission in zip(taking.records, admissions, strict=True):
            if admission.is_kept:
                continue
            if not self._declined.note(peer, record.header, record.id, admission, now_ms):
                self.on_rested(peer, record.header.market)
        return Taken(
            new=sum(each is Admission.NEW for each in admissions),
            kept=sum(each.is_kept for each in admissions),
            declined=sum(each.is_declined for each in admissions),
        )
