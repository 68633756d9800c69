"""Records by gossip, in and out: the doorbell, while reconciliation is the truth (SPEC.md R5).

In: limits → decode → known? → parse, verify → the writer's queue; the verdict goes back to the
transport. Out: small messages, then a doorbell. What is dropped for want of room is told to
`on_missed`, so that the peer is reconciled with. Knows no store and no sessions.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

import trio

from ..crypto.digest import sha256
from ..protocol import canonical, limits
from ..protocol.envelope import UnknownVersion, Verified, parse, verify
from ..protocol.errors import RemoteProtocolError
from ..protocol.market import topic
from ..protocol.verdict import Verdict
from .supervisor import survive
from .token_bucket import TokenBucket, TokenBuckets
from .transport import Transport
from .writer import Writer

log = logging.getLogger(__name__)

DOORBELL = canonical.encode([])
_ENTRY_BYTES_MAX = 3  # msgpack's head of each record in a message
_MESSAGE_HEAD_BYTES = 3


class KnownIds:
    """Ids met lately, the oldest of more than KNOWN_IDS_MAX forgotten."""

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, record_id: bytes) -> bool:
        return record_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, record_id: bytes) -> None:
        self._ids[record_id] = None
        if len(self._ids) > limits.KNOWN_IDS_MAX:
            self._ids.popitem(last=False)

    def discard(self, record_id: bytes) -> None:
        self._ids.pop(record_id, None)


class GossipIn:
    """Takes messages of joined topics and says what is to become of them. Never blocks or raises.

    `on_doorbell(peer)`: that peer has more than it gossips. `on_missed(peer)`: something of its
    was dropped for want of room or budget. `on_penalty(peer, error)`: it sent what no honest
    peer sends. `is_unwanted(author)`: the owner has blocked that author.
    `payer_of(peer)`: on whose budget it draws.
    """

    def __init__(self, writer: Writer, *, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._now_ms = now_ms
        self._buckets = TokenBuckets(
            limits.GOSSIP_RECORDS_PER_SECOND,
            limits.GOSSIP_RECORDS_BURST,
            limits.PENALTY_PEERS_MAX,
        )
        self.known = KnownIds()
        self.on_doorbell: Callable[[str], None] = _ignore_peer
        self.on_missed: Callable[[str], None] = _ignore_peer
        self.on_penalty: Callable[[str, RemoteProtocolError], None] = _ignore_error
        self.is_unwanted: Callable[[bytes], bool] = _is_nobody
        self.payer_of: Callable[[str], str] = lambda peer: peer

    def handle(self, market: str, peer: str, data: bytes) -> Verdict:
        """The verdict on a message of `market`'s topic that `peer` handed over (R5.2)."""
        try:
            raws = message_records(data)
            if not raws:
                self.on_doorbell(peer)
                # Its neighbours pass on what they got; a passed-on bell would call in peers of
                # peers before there is anything to fetch (R5.6).
                return Verdict.IGNORE
            now = trio.current_time()
            if not self._buckets.of(self.payer_of(peer), now).take(len(raws), now):
                self.on_missed(peer)
                return Verdict.IGNORE
            fresh = self._fresh(market, raws)
        except RemoteProtocolError as error:
            self.on_penalty(peer, error)
            return Verdict.REJECT
        if not fresh:
            return Verdict.IGNORE
        if not self._writer.admit_nowait(fresh, peer):
            self.on_missed(peer)
            return Verdict.IGNORE
        for record in fresh:
            self.known.add(record.id)
        return Verdict.ACCEPT

    def _fresh(self, market: str, raws: Sequence[bytes]) -> list[Verified]:
        """Those not known yet and of our time, verified; RemoteProtocolError for the first that
        no honest peer would have sent."""
        now_ms = self._now_ms()
        fresh: list[Verified] = []
        for raw in raws:
            if sha256(raw[: -limits.SIGNATURE_BYTES]) in self.known:
                continue
            try:
                envelope = parse(raw)
            except UnknownVersion:
                continue
            header = envelope.header
            if header.market != market:
                raise RemoteProtocolError("R5.3", "a record of another market than the topic's")
            if header.ts_ms > now_ms + limits.FUTURE_MS_MAX or header.expires_ms <= now_ms:
                continue
            if self.is_unwanted(header.author):
                continue
            fresh.append(verify(envelope))
        return fresh


class GossipOut:
    """Tells the neighbours of own records: the first few whole, of the rest a doorbell (R5.5)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._queues: dict[str, list[bytes]] = {}
        self._bells: dict[str, float] = {}  # market → when to ring, in trio's seconds
        self._rung: dict[str, float] = {}
        self._budget = TokenBucket(
            limits.GOSSIP_OWN_PER_SECOND, limits.GOSSIP_DOORBELL_ABOVE, trio.current_time()
        )
        self._wake = trio.Event()

    @property
    def waiting_count(self) -> int:
        return sum(map(len, self._queues.values()))

    def tell(self, records: Sequence[Verified]) -> None:
        """Queues committed records; what goes beyond the budget becomes a doorbell."""
        now = trio.current_time()
        room = limits.GOSSIP_OUTBOX_RECORDS_MAX - self.waiting_count
        whole = self._budget.take_up_to(min(len(records), max(0, room)), now)
        for record in records[:whole]:
            self._queues.setdefault(record.header.market, []).append(record.raw)
        every = limits.GOSSIP_DOORBELL_EVERY_MS / limits.SECOND_MS
        for market in {record.header.market for record in records[whole:]}:
            if market not in self._bells:
                self._bells[market] = max(now, self._rung.get(market, -every) + every)
        self._wake.set()

    async def run(self) -> None:
        """Publishes until cancelled."""
        while True:
            await self._publish_due()
            deadline = min(self._bells.values(), default=float("inf"))
            with trio.move_on_at(deadline):
                await self._wake.wait()
            self._wake = trio.Event()

    async def _publish_due(self) -> None:
        while self._queues:
            market = next(iter(self._queues))
            raws = self._queues.pop(market)
            for message in messages(raws):
                await self._publish(market, message)
        now = trio.current_time()
        for market in [market for market, at in self._bells.items() if at <= now]:
            del self._bells[market]
            self._rung[market] = now
            await self._publish(market, DOORBELL)

    async def _publish(self, market: str, data: bytes) -> None:
        async def publish() -> None:
            try:
                await self._transport.publish(topic(market), data)
            except ValueError:
                log.debug("%s was left meanwhile", market)

        # What is not published is offered by sessions all the same.
        await survive("publishing", publish)


def message_records(data: bytes) -> list[bytes]:
    """The records (raw) of a gossip message; RemoteProtocolError R1.* or R5.1 if it is none."""
    raws = canonical.decode(data, bytes_max=limits.GOSSIP_MESSAGE_BYTES_MAX)
    if type(raws) is not list or len(raws) > limits.GOSSIP_RECORDS_MAX:
        raise RemoteProtocolError("R5.1", "a message is an array of records")
    if not all(type(raw) is bytes for raw in raws):
        raise RemoteProtocolError("R5.1", "a message is an array of records")
    return raws


def messages(raws: Sequence[bytes]) -> list[bytes]:
    """`raws` as gossip messages, in order, each within the bounds of R5.1."""
    groups: list[list[bytes]] = []
    size = 0
    for raw in raws:
        size += len(raw) + _ENTRY_BYTES_MAX
        is_full = size > limits.GOSSIP_MESSAGE_BYTES_MAX - _MESSAGE_HEAD_BYTES
        if not groups or is_full or len(groups[-1]) == limits.GOSSIP_RECORDS_MAX:
            groups.append([])
            size = len(raw) + _ENTRY_BYTES_MAX
        groups[-1].append(raw)
    return [canonical.encode(group) for group in groups]


def _ignore_peer(peer: str) -> None:
    """Until somebody listens."""


def _ignore_error(peer: str, error: RemoteProtocolError) -> None:
    """Until somebody listens."""


def _is_nobody(author: bytes) -> bool:
    return False
