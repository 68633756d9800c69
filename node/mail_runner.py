"""Opens mail sessions when the schedule says so, and answers those that peers open.

The supervisor of sessions: whatever one of them runs into ends that session, never the node. The
same schedule as that of records. Knows no frames.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import inf

import trio

from ..protocol import limits, mail_frame
from ..protocol.errors import RemoteProtocolError
from ..store.errors import StoreError
from .mail_responder import MailResponder
from .mail_session import MailSession
from .mail_shared import MailReport, MailShared
from .mail_stream import MailStream
from .supervisor import survive
from .sync_schedule import SyncSchedule
from .token_bucket import TokenBuckets
from .transport import Stream, Transport, TransportError
from .writer import WriterClosed

log = logging.getLogger(__name__)

_S = limits.SECOND_MS


class MailRunner:
    """`on_letters` is called in the loop after each commit that brought letters, `on_held` when a
    peer is known to hold more of one's own; `on_penalty` is told of what no honest peer does;
    `may_talk(peer)` is False for the banned, `payer_of(peer)` whose budgets count."""

    def __init__(self, transport: Transport, shared: MailShared, dice: random.Random) -> None:
        self._transport = transport
        self.shared = shared
        self.schedule = SyncSchedule(transport.peer, dice, trio.current_time())
        self._slots = trio.CapacityLimiter(limits.SYNC_SESSIONS_OUT_MAX)
        self._inbound: Counter[str] = Counter()
        self._rates = TokenBuckets(
            limits.SYNC_SESSIONS_PER_SECOND, limits.SYNC_SESSIONS_BURST, limits.PENALTY_PEERS_MAX
        )
        self._written_at = -inf  # when what was written is told of (trio's seconds)
        self._wake = trio.Event()
        self.on_letters: Callable[[], None] = lambda: None
        self.on_held: Callable[[], None] = lambda: None
        self.on_penalty: Callable[[str, RemoteProtocolError], None] = lambda peer, error: None
        self.on_report: Callable[[MailReport], None] = lambda report: None
        self.may_talk: Callable[[str], bool] = lambda peer: True
        self.payer_of: Callable[[str], str] = lambda peer: peer
        shared.on_letters = lambda: self.on_letters()
        shared.on_held = lambda: self.on_held()
        shared.bringer_of = lambda peer: self.payer_of(peer)

    # --- what happened ------------------------------------------------------------------------

    def peer_up(self, peer: str) -> None:
        self.schedule.peer_up(peer, trio.current_time())
        self._wake.set()

    def peer_down(self, peer: str) -> None:
        self.schedule.peer_down(peer)

    def written(self) -> None:
        """Letters of one's own are committed: peers are to hold them soon."""
        now = trio.current_time()
        if now < self._written_at:
            return  # they are about to be told of
        self._written_at = max(
            now + limits.MAIL_WRITTEN_WAIT_MS / _S,
            self._written_at + limits.MAIL_WRITTEN_EVERY_MS / _S,
        )
        self.schedule.want_some(limits.SYNC_PUBLISHED_PEERS_MAX, now, self._written_at - now)
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

    async def meet(self, peer: str) -> MailReport:
        """One session with `peer` at once, whatever the schedule says."""
        self.schedule.begun(peer)
        return await self._open(peer)

    async def _open(self, peer: str) -> MailReport:
        began = trio.current_time()
        report = MailReport(peer)
        try:
            async with self._slots:
                if self.may_talk(peer):
                    began = trio.current_time()
                    stream = await self._transport.open_stream(peer, mail_frame.PROTOCOL)
                    session = MailSession(self.shared, MailStream(stream))
                    report = session.report
                    await self._guarded(session)
        except TransportError as error:
            report.error = str(error)
        finally:
            self._ended(report, began, is_ours=True)
        return report

    async def serve(self, stream: Stream) -> None:
        """Answers a stream that a peer opened. The transport's handler."""
        payer = self.payer_of(stream.peer)
        if not self._may_answer(stream.peer, payer):
            await stream.reset()
            return
        began = trio.current_time()
        self._inbound[payer] += 1
        frames = MailStream(stream, limits.SYNC_ANSWERER_WAIT_MS_MAX)
        responder = MailResponder(self.shared, frames)
        try:
            await self._guarded(responder)
        finally:
            self._inbound[payer] -= 1
            if not self._inbound[payer]:
                del self._inbound[payer]
            self._ended(responder.report, began, is_ours=False)

    async def _guarded(self, session: MailSession | MailResponder) -> None:
        """Runs one session to its end, however it ends."""
        report = session.report
        bug = await survive(f"mail with {report.peer}", partial(self._run, session))
        report.error = bug or report.error
        if report.error:
            await session.stream.reset()

    async def _run(self, session: MailSession | MailResponder) -> None:
        report = session.report
        try:
            await session.run()
        except RemoteProtocolError as error:
            report.error = str(error)
            log.warning("mail with %s ended: %s", report.peer, error)
            self.on_penalty(report.peer, error)
        except WriterClosed:
            report.error = "this node is stopping"
        except StoreError as error:
            report.error = str(error)
            log.error("mail with %s ended: %s", report.peer, error)

    def _ended(self, report: MailReport, began: float, *, is_ours: bool) -> None:
        now = trio.current_time()
        self.schedule.ended(
            report.peer,
            began,
            now,
            is_ours=is_ours,
            is_even=report.is_even and not report.error,
            has_moved=report.has_moved,
        )
        if report.received:
            self.schedule.want_all_but(report.peer, now, limits.MAIL_PASSED_ON_MS / _S)
        if report.later:
            self.schedule.want(report.peer, now, limits.MAIL_LATER_MS / _S)
        if not is_ours and not report.is_even and not report.error:
            # It puts only a little: what this node lacks, it asks for itself.
            self.schedule.want(report.peer, now, 0.1)
        self._wake.set()
        self.on_report(report)

    def _may_answer(self, peer: str, payer: str) -> bool:
        if not self.may_talk(peer) or self._inbound[payer] >= limits.SYNC_SESSIONS_PER_PEER_MAX:
            return False
        # A payer's first is always answered, as with records: who holds theirs open keeps nobody
        # else out.
        if self._inbound[payer] and self._inbound.total() >= limits.SYNC_SESSIONS_IN_MAX:
            return False
        now = trio.current_time()
        return self._rates.of(payer, now).take(1, now)
