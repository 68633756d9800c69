"""The running node above its transport and its store: wires the parts, starts and stops them.

Runs the same over libp2p in a process and over memory in a simulation: clock, dice and threads
are given to it. Knows no files, no signals and no HTTP; runtime.py has those.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from ..protocol import blob_frame, limits, mail_frame, sync_frame
from ..protocol.envelope import Verified
from ..protocol.errors import RemoteProtocolError
from ..protocol.kind import BOX
from ..protocol.market import COMMONS, topic
from ..protocol.told import tell
from ..protocol.verdict import Admission
from ..store.store import Store
from .address_book import AddressBook
from .blob_exchange import BlobExchange, BlobMeans
from .clock import ClockTrust, ClockWatch
from .declined import Declined
from .dialer import Dialer
from .event_board import EventBoard
from .gossip import GossipIn, GossipOut
from .listing_news import ListingNews
from .mail_runner import MailRunner
from .mail_shared import MailShared
from .opener import Opener, WorkerOpener
from .payer import Payers
from .penalty import Penalties
from .supervisor import survive
from .sync_intake import SyncIntake
from .sync_report import SyncReport
from .sync_runner import SyncRunner
from .sync_shared import SyncShared
from .transport import PeerUp, Transport
from .worker import Worker
from .writer import Admitted, Writer

log = logging.getLogger(__name__)

CLOCK_META = "clock_offset_ms"
LONELY = "no-neighbour"
UNSTORED = "store"
FULL = "store-full"
PHOTOS = "photos"
_S = limits.SECOND_MS
_PROGRESS_EVERY_S = 0.5
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node takes from the world around it. `own` is its author's key, None without one;
    `opener` opens many records at once, None where the verifier itself does; without `blobs` it
    neither fetches nor serves pictures."""

    now_ms: Callable[[], int]
    dice: random.Random
    writer_worker: Worker
    verifier: Worker
    own: bytes | None = None
    opener: Opener | None = None
    blobs: BlobMeans | None = None


class NodeCore:
    """One node on one transport. `run` until `stop`; the parts are there from the start."""

    def __init__(
        self, transport: Transport, store: Store, around: Surroundings, *, peers: Sequence[str] = ()
    ) -> None:
        now_ms = around.now_ms
        self.transport = transport
        self.now_ms = now_ms
        self.board = EventBoard()
        self.writer = Writer(store, now_ms=now_ms, worker=around.writer_worker)
        self.clock = ClockWatch()
        self._trust = ClockTrust(self.clock)
        self.penalties = Penalties()
        self.declined = Declined()
        self.gossip_in = GossipIn(self.writer, now_ms=now_ms)
        self.gossip_out = GossipOut(transport)
        intake = SyncIntake(
            self.writer,
            self.declined,
            now_ms=now_ms,
            opener=around.opener or WorkerOpener(around.verifier),
        )
        self.shared = SyncShared(
            self.writer, intake, self.declined, self.clock, now_ms=now_ms, markets=self._markets
        )
        self.sync = SyncRunner(transport, self.shared, around.dice)
        self._salt = around.dice.randbytes(_SALT_BYTES)
        mail = MailShared(self.writer, now_ms=now_ms, share=lambda: self.shared.share)
        # Dice of its own: what is carried must not change when records are reconciled.
        mail_dice = random.Random(b"mail" + self._salt)  # noqa: S311  (jitter)
        self.mail = MailRunner(transport, mail, mail_dice)
        self.mail_held = trio.Event()
        self.blobs = self._blob_exchange(around)
        self.dialer = Dialer(transport, around.dice)
        self.dialer.add(peers, is_static=True)
        self.addresses = AddressBook(transport, self.writer, now_ms=now_ms)
        self.news = ListingNews(self.writer, self.board.post, now_ms=now_ms, own=around.own)
        self.joined: list[str] = []
        self.blocked: set[bytes] = set()
        self._bytes_max = 0
        self.last_sync_ms: int | None = None
        self.on_box_keys: Callable[[], None] = _nobody
        self.on_news: Callable[[], None] = _nobody
        self.warnings: dict[str, str] = {}
        self.reported = trio.Event()
        self._stop = trio.Event()
        self._told_progress: dict[str, float] = {}
        self._is_clock_off = False
        self._banned: list[str] = []
        self._payers = Payers()
        self._house = trio.Event()
        self._wire(intake)

    def _blob_exchange(self, around: Surroundings) -> BlobExchange | None:
        if around.blobs is None:
            return None
        exchange = BlobExchange(
            self.transport,
            self.writer,
            around.blobs,
            now_ms=self.now_ms,
            share=lambda: self.shared.share,
            post=self.board.post,
        )
        exchange.wire(
            may_talk=self.may_talk,
            payer_of=self._payer_of,
            on_penalty=self.penalize,
            on_trouble=self._blob_trouble,
        )
        self.transport.serve(blob_frame.PROTOCOL, exchange.runner.serve)
        return exchange

    def _wire(self, intake: SyncIntake) -> None:
        self.writer.on_admitted = self._admitted
        self.writer.on_failed = self._write_failed
        self.writer.bringer_of = self._payers.of
        self.gossip_in.on_doorbell = self.sync.doorbell
        self.gossip_in.on_missed = self._missed
        self.gossip_in.on_penalty = self.penalize
        self.gossip_in.is_unwanted = lambda author: author in self.blocked
        self.gossip_in.payer_of = self.shared.share.payer_of = self._payer_of
        self.transport.on_fault = self.penalize
        self.transport.may_stay = self.may_talk
        intake.on_rested = self._rested
        self.shared.on_progress = self._progress
        self.sync.on_report = self._reported
        self.sync.on_penalty = self.penalize
        self.sync.may_talk = self.may_talk
        self.mail.on_penalty = self.penalize
        self.mail.on_held = self._mail_held
        self.mail.may_talk = self.may_talk
        self.mail.payer_of = self._payer_of
        self.dialer.may_dial = self.may_talk
        self.addresses.on_known = self.dialer.add
        self.transport.serve(sync_frame.PROTOCOL, self.sync.serve)
        self.transport.serve(mail_frame.PROTOCOL, self.mail.serve)

    # --- life ---------------------------------------------------------------------------------

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Until `stop` or cancellation; then what the writer has taken is committed."""
        async with trio.open_nursery() as writers:
            writers.start_soon(self.writer.run)
            try:
                await self.writer.call(partial(_salt_shares, self._salt))
                await self.refresh()
                self.dialer.add(await self.writer.call(_remembered))
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch_peers)
                    nursery.start_soon(self.gossip_out.run)
                    nursery.start_soon(self.sync.run)
                    nursery.start_soon(self.mail.run)
                    if self.blobs is not None:
                        nursery.start_soon(self.blobs.run)
                    nursery.start_soon(self.dialer.run)
                    nursery.start_soon(self.addresses.run)
                    nursery.start_soon(self.news.run)
                    nursery.start_soon(self._keep_house)
                    task_status.started()
                    await self._stop.wait()
                    nursery.cancel_scope.cancel()
            finally:
                self.board.close()
                self.writer.close()

    def stop(self) -> None:
        self._stop.set()

    async def refresh(self) -> None:
        """Markets and blocked authors as the store has them now: topics joined and left."""
        blocked = self.blocked
        joined, self.blocked, (_, self._bytes_max) = await self.writer.call(
            lambda store: (list(store.joined()), set(store.blocked()), store.room())
        )
        wanted = list(dict.fromkeys([COMMONS, *joined]))
        for market in [each for each in wanted if each not in self.joined]:
            await self.transport.join(topic(market), partial(self.gossip_in.handle, market))
        for market in [each for each in self.joined if each not in wanted]:
            await self.transport.leave(topic(market))
        has_more = set(wanted) - set(self.joined) or blocked - self.blocked
        self.joined = wanted
        self.declined.forget_all()
        if has_more:
            self.sync.meet_all()
        self.unwarn(FULL)  # a market left or an author blocked made room

    def published(self, records: Sequence[Verified]) -> None:
        """Own records, committed just now: tells the neighbours and the watchers."""
        if not records:
            return
        for record in records:
            self.gossip_in.known.add(record.id)
        self.news.note([(record, Admission.NEW) for record in records])
        self.gossip_out.tell(records)
        self.sync.published()

    # --- peers --------------------------------------------------------------------------------

    def penalize(self, peer: str, error: RemoteProtocolError) -> None:
        """Counts what `peer` did against it; at the threshold it is sent away for a while."""
        log.debug("%s: %s (%d points)", peer, error, error.penalty)
        if self.penalties.add(peer, error.penalty, self.now_ms()):
            log.warning("%s is banned for a while: %s", peer, error)
            self._banned.append(peer)
            self._house.set()

    def may_talk(self, peer: str) -> bool:
        return not self.penalties.is_banned(peer, self.now_ms())

    async def _watch_peers(self) -> None:
        async for event in self.transport.events:
            if not isinstance(event, PeerUp):
                self._payers.down(event.peer)
                self.dialer.peer_down(event.peer)
                self.sync.peer_down(event.peer)
                self.mail.peer_down(event.peer)
                if self.blobs is not None:
                    self.blobs.runner.peer_down(event.peer)
                self.board.post({"event": "peer", "state": "down", "peer": event.peer})
                continue
            if not self.may_talk(event.peer):
                await self.transport.disconnect(event.peer)
                continue
            self._payers.up(event.peer, self._address_of(event))
            self.dialer.peer_up(event.peer)
            self.sync.peer_up(event.peer)
            self.mail.peer_up(event.peer)
            if self.blobs is not None:
                self.blobs.runner.peer_up(event.peer)
            self.unwarn(LONELY)
            self.board.post(
                {
                    "event": "peer",
                    "state": "up",
                    "peer": event.peer,
                    "address": self._address_of(event),
                    "inbound": event.inbound,
                }
            )

    def _payer_of(self, peer: str) -> str:
        return self._payers.of(peer) or peer

    def _address_of(self, event: PeerUp) -> str:
        if event.addresses:
            return event.addresses[0]
        return next((at.address for at in self.transport.peers() if at.peer == event.peer), "")

    # --- what happened ------------------------------------------------------------------------

    def _mail_held(self) -> None:
        self.mail_held.set()
        self.mail_held = trio.Event()

    def _markets(self) -> list[str]:
        return self.joined

    def _admitted(self, admitted: list[Admitted], source: str) -> None:
        refused = sum(admission is Admission.FULL for _, admission in admitted)
        if refused and FULL not in self.warnings:
            self.warn(
                FULL,
                tell(
                    "the store is full: strangers' records are refused or the "
                    "older ones go, yours and your contacts' stay; make room with "
                    "`jangteo config set record_store_mib N`, N above {value:,}",
                    value=self._bytes_max // limits.MIB,
                ),
            )
        for record, admission in admitted:
            if admission is Admission.NEW:
                self.gossip_in.known.add(record.id)
        self.news.note(admitted)
        if self.blobs is not None:
            self.blobs.note(admitted)
        if any(record.header.kind == BOX for record, _ in admitted):
            self.on_box_keys()
        if any(admission is Admission.NEW for _, admission in admitted):
            self.on_news()
        self.unwarn(UNSTORED)

    def _write_failed(self, error: BaseException, source: str) -> None:
        """Said once until something is stored again: it may go on for as long as a disk is full."""
        if UNSTORED not in self.warnings:
            log.error("records of %s could not be stored: %s", source, error)
            self.warn(UNSTORED, tell("records could not be stored: {error}", error=error))
        self._missed(source)

    def _blob_trouble(self, message: str) -> None:
        if message and PHOTOS not in self.warnings:
            self.warn(PHOTOS, message)
        elif not message:
            self.unwarn(PHOTOS)

    def _missed(self, peer: str) -> None:
        log.debug("gossip of %s was dropped for want of room: reconciling instead", peer)
        self.sync.missed(peer)

    def _rested(self, peer: str, market: str) -> None:
        log.warning("declined too much of %s in %s: it rests for an hour", peer, market)

    def _progress(self, report: SyncReport) -> None:
        now = trio.current_time()
        if now - self._told_progress.get(report.peer, -1.0) < _PROGRESS_EVERY_S:
            return
        if report.received <= limits.SYNC_GET_IDS:
            return  # a few are no progress worth a line
        self._told_progress[report.peer] = now
        self.board.post(
            {
                "event": "progress",
                "peer": report.peer,
                "done": report.received,
                "total": max(report.expected, report.received),
            }
        )

    def _reported(self, report: SyncReport) -> None:
        self._told_progress.pop(report.peer, None)
        if not report.error:
            self.last_sync_ms = self.now_ms()
            self.addresses.note(report.peer)
        self.reported.set()
        self.reported = trio.Event()
        self._check_clock()
        if report.has_moved or report.error:
            level = logging.INFO if report.has_moved else logging.DEBUG
            log.log(
                level,
                "sync with %s: %d received, %d sent%s",
                report.peer,
                report.received,
                report.sent,
                f"; {report.error}" if report.error else "",
            )
            self.board.post(
                {
                    "event": "sync",
                    "peer": report.peer,
                    "received": report.received,
                    "sent": report.sent,
                    "ok": not report.error,
                    "error": report.error or None,
                }
            )

    def warn(self, code: str, message: str, **more: object) -> None:
        """A warning for whoever watches, and for `status` until `unwarn`."""
        self.warnings[code] = message
        self.board.post({"event": "warning", "code": code, "message": message, **more})

    def unwarn(self, code: str) -> None:
        self.warnings.pop(code, None)

    def _check_clock(self) -> None:
        message = self.clock.warning()
        if message is not None and not self._is_clock_off:
            log.warning("%s", message)
            self.warn("clock", message)
        if self._is_clock_off != (message is not None):
            self._is_clock_off = message is not None
            if message is None:
                self.unwarn("clock")
            self._house.set()

    # --- chores -------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        """Every minute, and when something has to be done that may wait for its turn."""
        while True:
            await survive("housekeeping", self._do_chores)
            with trio.move_on_after(limits.FORGET_EVERY_MS / _S):
                await self._house.wait()
            self._house = trio.Event()

    async def _do_chores(self) -> None:
        banned, self._banned = self._banned, []
        for peer in banned:
            await self.transport.disconnect(peer)
        over_by_ms = self._trust.over_by_ms(self.now_ms(), trio.current_time())
        offset_ms = self.clock.offset_ms()
        job = partial(_forget_expired, over_by_ms, None if offset_ms is None else str(offset_ms))
        while await self.writer.call(job) == limits.FORGET_RECORDS_AT_ONCE:
            log.debug("forgetting more of what has expired")
        if over_by_ms is not None:
            job = partial(_forget_mail, over_by_ms)
            while await self.writer.call(job) == limits.FORGET_RECORDS_AT_ONCE:
                log.debug("forgetting more letters whose time is over")
        if FULL in self.warnings and await self.writer.call(_has_room):
            self.unwarn(FULL)
            self.board.post({"event": "warning-over", "code": FULL})
            self.declined.forget_roomless()


def _nobody() -> None:
    """Until somebody listens."""


def _has_room(store: Store) -> bool:
    """Again: for a tenth of what it may hold, and for any record whatever."""
    record_bytes, bytes_max = store.room()
    return bytes_max - record_bytes >= max(
        bytes_max // 10, min(limits.RECORD_BYTES_MAX, bytes_max // 2)
    )


def _salt_shares(salt: bytes, store: Store) -> None:
    with store.write(durable=False):
        store.salt_shares(salt)


def _remembered(store: Store) -> list[str]:
    """Addresses of the peers of last time, the latest first."""
    peers = sorted(store.peers(), key=lambda entry: -entry[2])
    return [address for _, address, _ in peers[: limits.DIAL_ADDRESSES_MAX // 2]]


def _forget_expired(over_by_ms: int | None, clock_offset: str | None, store: Store) -> int:
    with store.write(durable=False):
        if store.meta(CLOCK_META) != clock_offset:
            store.put_meta(CLOCK_META, clock_offset)
        if over_by_ms is None:
            return 0
        return store.forget_expired(over_by_ms, limits.FORGET_RECORDS_AT_ONCE)


def _forget_mail(over_by_ms: int, store: Store) -> int:
    with store.write(durable=False):
        return store.mail.forget_over(over_by_ms, limits.FORGET_RECORDS_AT_ONCE)
