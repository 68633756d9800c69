"""Opens blob sessions with the peers of whom there is something to ask, and answers those that
peers open.

The supervisor of sessions: whatever one of them runs into ends that session, never the node. Knows
no frames, and of what is fetched only that it is.
"""

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial

import trio

from ..protocol import blob_frame, limits
from ..protocol.errors import RemoteProtocolError
from .blob_errand import Errands, Settled
from .blob_intake import BlobIntake
from .blob_lender import BlobLender
from .blob_responder import BlobReport, BlobResponder
from .blob_session import BlobSession
from .blob_shelf import BlobShelf
from .blob_stream import BlobStream
from .supervisor import survive
from .token_bucket import TokenBuckets
from .transport import Stream, Transport, TransportError
from .writer import WriterClosed

log = logging.getLogger(__name__)

_S = limits.SECOND_MS


class BlobRunner:
    """`on_settled` is told of blobs that all neighbours lack; `on_penalty`, `may_talk` and
    `payer_of` as in MailRunner."""

    def __init__(
        self,
        transport: Transport,
        errands: Errands,
        intake: BlobIntake,
        lender: BlobLender,
        shelf: BlobShelf,
    ) -> None:
        self._transport = transport
        self._errands = errands
        self._intake = intake
        self._lender = lender
        self._shelf = shelf
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}  # until when, of those that failed
        self._failures: Counter[str] = Counter()
        self._inbound: Counter[str] = Counter()
        self._rates = TokenBuckets(
            limits.BLOB_SESSIONS_PER_SECOND, limits.BLOB_SESSIONS_BURST, limits.PENALTY_PEERS_MAX
        )
        self._wake = trio.Event()
        self.on_settled: Callable[[Settled], None] = lambda settled: None
        self.on_penalty: Callable[[str, RemoteProtocolError], None] = lambda peer, error: None
        self.on_report: Callable[[BlobReport], None] = lambda report: None
        self.may_talk: Callable[[str], bool] = lambda peer: True
        self.payer_of: Callable[[str], str] = lambda peer: peer

    @property
    def session_count(self) -> int:
        """Both of one's own and of peers'."""
        return len(self._busy) + self._inbound.total()

    # --- what happened ------------------------------------------------------------------------

    def peer_up(self, peer: str) -> None:
        self._errands.peer_up(peer)
        self._wake.set()

    def peer_down(self, peer: str) -> None:
        self._errands.peer_down(peer)
        self._resting.pop(peer, None)
        self._failures.pop(peer, None)
        self._wake.set()

    def wanted(self) -> None:
        """There is more to fetch."""
        self._wake.set()

    # --- sessions -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Opens sessions while there is something to ask for, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                now = trio.current_time()
                self._wake_rested(now)
                settled = self._errands.settle(now)
                if settled.again or settled.missed:
                    self.on_settled(settled)
                for peer in self._due(now):
                    self._busy.add(peer)
                    nursery.start_soon(self._open, peer)
                next_at = min([self._errands.next_at(now), *self._resting.values()])
                with trio.move_on_at(next_at):
                    await self._wake.wait()
                self._wake = trio.Event()

    def _due(self, now: float) -> list[str]:
        slots = limits.BLOB_SESSIONS_OUT_MAX * (1 + self._errands.is_looked_at) - len(self._busy)
        if slots <= 0:
            return []
        idle = [peer for peer in self._errands.peers if peer not in self._busy]
        return self._errands.due(idle, now)[:slots]

    async def _open(self, peer: str) -> None:
        report = BlobReport(peer)
        try:
            if self.may_talk(peer):
                stream = await self._transport.open_stream(peer, blob_frame.PROTOCOL)
                session = BlobSession(self._errands, self._intake, self._shelf, BlobStream(stream))
                report = session.report
                await self._guarded(session)
            else:
                report.error = "banned"
        except TransportError as error:
            report.error = str(error)
        finally:
            self._busy.discard(peer)
            self._ended(report)

    async def serve(self, stream: Stream) -> None:
        """Answers a stream that a peer opened. The transport's handler."""
        payer = self.payer_of(stream.peer)
        if not self._may_answer(stream.peer, payer):
            await stream.reset()
            return
        self._inbound[payer] += 1
        frames = BlobStream(stream, limits.SYNC_ANSWERER_WAIT_MS_MAX)
        responder = BlobResponder(self._lender, frames)
        try:
            await self._guarded(responder)
        finally:
            self._inbound[payer] -= 1
            if not self._inbound[payer]:
                del self._inbound[payer]
            self.on_report(responder.report)

    async def _guarded(self, session: BlobSession | BlobResponder) -> None:
        """Runs one session to its end, however it ends."""
        report = session.report
        bug = await survive(f"blobs with {report.peer}", partial(self._run, session))
        report.error = bug or report.error
        if report.error:
            await session.stream.reset()

    async def _run(self, session: BlobSession | BlobResponder) -> None:
        report = session.report
        try:
            await session.run()
        except RemoteProtocolError as error:
            report.error = str(error)
            log.warning("blobs with %s ended: %s", report.peer, error)
            self.on_penalty(report.peer, error)
        except WriterClosed:
            report.error = "this node is stopping"
        except OSError as error:
            report.error = str(error)
            log.error("blobs with %s ended: %s", report.peer, error)

    def _ended(self, report: BlobReport) -> None:
        """Who failed is out of the round for a while: what only it may have had waits no longer."""
        peer = report.peer
        if not report.error:
            self._failures.pop(peer, None)
        elif peer in self._errands.peers:
            wait_ms = limits.SYNC_FRUITLESS_WAIT_MS << min(self._failures[peer], 16)
            wait_s = min(wait_ms, limits.SYNC_FRUITLESS_WAIT_MS_MAX) / _S
            self._failures[peer] += 1
            self._resting[peer] = trio.current_time() + wait_s
            self._errands.peer_down(peer)
        self._wake.set()
        self.on_report(report)

    def _wake_rested(self, now: float) -> None:
        for peer in [peer for peer, at in self._resting.items() if at <= now]:
            del self._resting[peer]
            self._errands.peer_up(peer)

    def _may_answer(self, peer: str, payer: str) -> bool:
        if not self.may_talk(peer) or self._inbound[payer] >= limits.BLOB_SESSIONS_PER_PEER_MAX:
            return False
        if self._inbound[payer] and self._inbound.total() >= limits.BLOB_SESSIONS_IN_MAX:
            return False
        now = trio.current_time()
        return self._rates.of(payer, now).take(1, now)
