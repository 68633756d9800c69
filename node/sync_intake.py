"""Records that come on a sync stream: verified off the loop, admitted, and remembered if declined.

Knows the writer and the overlay of declined records; no frames and no order of theirs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..protocol.envelope import UnknownVersion, Verified, open_record
from ..protocol.errors import RemoteProtocolError
from ..protocol.verdict import Admission
from .declined import Declined
from .worker import Worker
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
        verifier: Worker,
    ) -> None:
        self._writer = writer
        self._declined = declined
        self._now_ms = now_ms
        self._verifier = verifier
        self.on_rested: Callable[[str, str], None] = lambda peer, market: None

    async def open(self, market: str, raws: Sequence[bytes]) -> list[Verified]:
        """`raws` verified; RemoteProtocolError for the first that is wrong or of another market.
        Those of a version to come are left out."""
        return await self._verifier(partial(_open_all, market, raws))

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


def _open_all(market: str, raws: Sequence[bytes]) -> list[Verified]:
    records: list[Verified] = []
    for raw in raws:
        try:
            record = open_record(raw)
        except UnknownVersion:
            continue
        if record.header.market != market:
            raise RemoteProtocolError("R6.24", "a record of another market than asked for")
        records.append(record)
    return records
