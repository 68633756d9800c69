"""Opens sessions when the schedule says so, and answers those that peers open.

The supervisor of sessions: whatever one of them runs into ends that session, never the node.
Knows no frames.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import inf

import trio

from ..protocol import limits, sync_frame
from ..protocol.errors import RemoteProtocolError
from ..store.errors import StoreError
from .supervisor import survive
from .sync_report import SyncReport
from .sync_responder import SyncResponder
from .sync_schedule import SyncSchedule
from .sync_session import SyncSession
from .sync_shared import SyncShared
from .sync_stream import SyncStream
from .token_bucket import TokenBuckets
from .transport import Stream, Transport, TransportError
from .writer import WriterClosed

log = logging.getLogger(__name__)

_S = limits.SECOND_MS


class SyncRunner:
    """`on_report` is told of each session's end; `on_penalty` of what no honest peer does;
    `may_talk(peer)` is False for the banned."""

    def __init__(self, transport: Transport, shared: SyncShared, dice: random.Random) -> None:
        self._transport = transport
        self._shared = shared
        self.schedule = SyncSchedule(transport.peer, dice, trio.current_time())
        self._slots = trio.CapacityLimiter(limits.SYNC_SESSIONS_OUT_MAX)
        self._inbound: Counter[str] = Counter()
        self._rates = TokenBuckets(
            limits.SYNC_SESSIONS_PER_SECOND, limits.SYNC_SESSIONS_BURST, limits.PENALTY_PEERS_MAX
        )
        self._published_at = -inf  # when what was published is told of (trio's seconds)
        self._wake = trio.Event()
        self.on_report: Callable[[SyncReport], None] = lambda report: None
        self.on_penalty: Callable[[str, RemoteProtocolError], None] = lambda peer, error: None
        self.may_talk: Callable[[str], bool] = lambda peer: True

    # --- what happened ------------------------------------------------------------------------

    def peer_up(self, peer: str) -> None:
        self.schedule.peer_up(peer, trio.current_time())
        self._wake.set()

    def peer_down(self, peer: str) -> None:
        self.schedule.peer_down(peer)

    def doorbell(self, peer: str) -> None:
        """`peer` says that it has much that is new."""
        self.schedule.doorbell(peer, trio.current_time())
        self._wake.set()

    def missed(self, peer: str) -> None:
        """Something that `peer` gossiped was dropped here."""
        self.schedule.want_news(peer, trio.current_time(), 1.0)
        self._wake.set()

    def published(self) -> None:
        """Own records are committed: peers are to hold them soon, and to be known to."""
        now = trio.current_time()
        if now < self._published_at:
            return  # it is about to be told of
        self._published_at = max(
            now + limits.SYNC_PUBLISHED_WAIT_MS / _S,
            self._published_at + limits.SYNC_PUBLISHED_EVERY_MS / _S,
        )
        within = self._published_at - now
        self.schedule.want_some(limits.SYNC_PUBLISHED_PEERS_MAX, now, within)
        self._wake.set()

    def meet_all(self) -> None:
        """This node wants what it did not: it is in another market, or a block is over."""
        now = trio.current_time()
        self.schedule.want_some(limits.CONNECTIONS_MAX, now, 1.0)
        self._wake.set()

    # --- sessions -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Opens sessions as they fall due, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                for peer in self.schedule.take_due(trio.current_time()):
                    self.schedule.begun(peer)
                    nursery.start_soon(self._open, peer)
                with trio.move_on_at(self.schedule.next_at()):
                    await self._wake.wait()
                self._wake = trio.Event()

    async def sync_now(self, peer: str) -> SyncReport:
        """One session with `peer` at once, whatever the schedule says."""
        self.schedule.begun(peer)
        return await self._open(peer)

    async def _open(self, peer: str) -> SyncReport:
        began = trio.current_time()
        report = SyncReport(peer, is_initiator=True)
        try:
            async with self._slots:
                if self.may_talk(peer):
                    began = trio.current_time()
                    stream = await self._transport.open_stream(peer, sync_frame.PROTOCOL)
                    session = SyncSession(self._shared, SyncStream(stream))
                    report = session.report
                    await self._guarded(session)
        except TransportError as error:
            report.error = str(error)
        finally:
            self._ended(report, began, is_ours=True)
        return report

    async def serve(self, stream: Stream) -> None:
        """Answers a stream that a peer opened. The transport's handler."""
        payer = self._shared.share.payer_of(stream.peer)
        if not self._may_answer(stream.peer, payer):
            await stream.reset()
            return
        began = trio.current_time()
        self._inbound[payer] += 1
        frames = SyncStream(stream, limits.SYNC_ANSWERER_WAIT_MS_MAX)
        responder = SyncResponder(self._shared, frames)
        try:
            await self._guarded(responder)
        finally:
            self._inbound[payer] -= 1
            if not self._inbound[payer]:
                del self._inbound[payer]
            self._ended(responder.report, began, is_ours=False)

    async def _guarded(self, session: SyncSession | SyncResponder) -> None:
        """Runs one session to its end, however it ends."""
        report, stream = session.report, session.stream
        bug = await survive(f"sync with {report.peer}", partial(self._run, session))
        report.error = bug or report.error
        report.received_bytes, report.sent_bytes = stream.received_bytes, stream.sent_bytes
        if report.error:
            await stream.reset()

    async def _run(self, session: SyncSession | SyncResponder) -> None:
        report = session.report
        try:
            await session.run()
        except RemoteProtocolError as error:
            report.error = str(error)
            log.warning("sync with %s ended: %s", report.peer, error)
            self.on_penalty(report.peer, error)
        except WriterClosed:
            report.error = "this node is stopping"
        except StoreError as error:
            report.error = str(error)
            log.error("sync with %s ended: %s", report.peer, error)

    def _ended(self, report: SyncReport, began: float, *, is_ours: bool) -> None:
        now = trio.current_time()
        self.schedule.ended(
            report.peer,
            began,
            now,
            is_ours=is_ours,
            is_even=report.is_even,
            has_moved=report.has_moved,
        )
        if report.received:
            self.schedule.want_all_but(report.peer, now, 1.0)
        if not is_ours and not report.is_even and not report.error:
            # It pushes only a little: what this node lacks, it asks for itself.
            self.schedule.want(report.peer, now, 0.1)
        self._wake.set()
        self.on_report(report)

    def _may_answer(self, peer: str, payer: str) -> bool:
        if not self.may_talk(peer) or self._inbound[payer] >= limits.SYNC_SESSIONS_PER_PEER_MAX:
            return False
        # An address's first is always answered (there are CONNECTIONS_MAX of them at most): those
        # who hold theirs open keep nobody else out.
        if self._inbound[payer] and self._inbound.total() >= limits.SYNC_SESSIONS_IN_MAX:
            return False
        now = trio.current_time()
        return self._rates.of(payer, now).take(1, now)
