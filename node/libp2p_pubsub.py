"""GossipSub that hostile peers cannot stop: the library's Pubsub and router with the reading of
RPCs, the judging of messages and the queues replaced or guarded.

Knows topics and bytes, and who handed them over; nothing of records. See libp2p_guard.py for how
guards are written down.
"""

import logging
import random
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import trio
from libp2p.custom_types import TProtocol
from libp2p.exceptions import ValidationError
from libp2p.host.exceptions import StreamFailure
from libp2p.io.exceptions import IOException
from libp2p.network.connection.exceptions import RawConnError
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub import gossipsub, pubsub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.score import PeerScorer, ScoreParams, TopicScoreParams
from libp2p.pubsub.validators import signature_validator
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.utils import encode_varint_prefixed

from ..protocol.limits import (
    GOSSIP_IWANT_IDS_MAX,
    GOSSIP_MESSAGE_BYTES_MAX,
    GOSSIP_RPC_BYTES_MAX,
    GOSSIP_SEEN_MAX,
    GOSSIP_SEEN_MS,
    GOSSIP_SHARE_BURST_MS,
    GOSSIP_SHARE_PERCENT,
    PENALTY_PEERS_MAX,
    SECOND_MS,
    STREAM_OPEN_MS_MAX,
    TOPIC_CHARS_MAX,
    TOPICS_PER_PEER_MAX,
)
from ..protocol.verdict import Verdict
from .libp2p_rpc import RPC_OUT_BYTES_MAX, BadRpc, DeepQueue, RpcReader, parse_rpc, publish_field
from .payer import OWN_MACHINE
from .token_bucket import TokenBuckets
from .transport import MessageHandler

log = logging.getLogger(__name__)

# 1.2 costs twice the processor for small messages: an IDONTWANT for each.
GOSSIP_PROTOCOL = TProtocol("/meshsub/1.1.0")
BEATS_BETWEEN_SWEEPS = 64
BEATS_BETWEEN_IHAVES = 2  # fewer than are in the message cache's window
MESH, MESH_LOW, MESH_HIGH = 6, 4, 8
IHAVE_PEERS = 6
SEEN_IN_A_TURN = 64  # messages that are not looked at again
IHAVE_SHARE = 0.25  # of the peers of a topic, if that is more

# A rejected message costs 20 and is half forgotten after 69 s. Below PUBLISH_SCORE (ten of them)
# nothing of the peer is looked at any more.
REJECT_COST = 20.0
REJECT_DECAY = 0.99
REJECTS_COUNTED_MAX = 100.0
GOSSIP_SCORE = -100.0
PUBLISH_SCORE = -200.0
GRAYLIST_SCORE = -200.0


class Ignored(Exception):
    """A message to drop at nobody's cost.

    Bug 26: the library's validators know only yes and no. This passes through its handling of
    ValidationError (pubsub.py:1771), which is what costs score, and ends in the guarded push_msg.
    """


class BadSignature(Exception):
    """A message whose signature is missing or wrong; stock drops it (pubsub.py:1765) at no cost to
    who handed it over, and checks it again each time."""


class SeenMessages:
    """The ids of the latest messages, by number and age.

    Stands for the library's cache (timed_cache.py), which has no bound in number and starts a
    thread that nothing stops.
    """

    def __init__(self, count_max: int = GOSSIP_SEEN_MAX, ttl_ms: int = GOSSIP_SEEN_MS) -> None:
        self._seen_at: OrderedDict[bytes, float] = OrderedDict()
        self._count_max = count_max
        self._ttl_s = ttl_ms / SECOND_MS

    def has(self, key: bytes) -> bool:
        return key in self._seen_at

    def add(self, key: bytes) -> bool:
        now = time.monotonic()
        is_new = key not in self._seen_at
        self._seen_at[key] = now
        self._seen_at.move_to_end(key)
        while self._seen_at:
            oldest = next(iter(self._seen_at.values()))
            if len(self._seen_at) <= self._count_max and now - oldest <= self._ttl_s:
                break
            self._seen_at.popitem(last=False)
        return is_new

    def __len__(self) -> int:
        return len(self._seen_at)


class Discarded(dict[Any, Any]):
    """Looks up as an empty list that nobody keeps."""

    def __missing__(self, key: Any) -> list[Any]:
        return []


class InvalidScorer(PeerScorer):  # type: ignore[misc]
    """The score of ScoreParams in which only invalid messages weigh anything.

    score.py:305: stock looks up eight tables for each peer that a message goes to, and makes an
    entry in each, that it walks at every heartbeat: a tenth of the time.
    """

    def topic_score(self, peer: ID, topic: str) -> float:
        if not self.invalid_messages:
            return 0.0
        weighed = self.params.p4_invalid_messages
        told = self.invalid_messages.get(peer, {})
        return -float(weighed.weight * min(told.get(topic, 0.0), weighed.cap))

    def score(self, peer: ID, topics: list[str]) -> float:
        return sum(self.topic_score(peer, topic) for topic in topics) if topics else 0.0

    def allow_publish(self, peer: ID, topics: list[str]) -> bool:
        return bool(topics) and self.score(peer, topics) >= self.params.publish_threshold

    def allow_gossip(self, peer: ID, topics: list[str]) -> bool:
        return bool(topics) and self.score(peer, topics) >= self.params.gossip_threshold

    def on_first_delivery(self, peer: ID, topic: str) -> None: ...

    def on_join_mesh(self, peer: ID, topic: str) -> None: ...


class GuardedGossipSub(gossipsub.GossipSub):  # type: ignore[misc]
    """The router, with what strangers can make it keep or do bounded."""

    scorer: Any

    def __init__(self) -> None:
        reject = TopicScoreParams(weight=REJECT_COST, cap=REJECTS_COUNTED_MAX, decay=REJECT_DECAY)
        super().__init__(
            protocols=[GOSSIP_PROTOCOL],
            degree=MESH,
            degree_low=MESH_LOW,
            degree_high=MESH_HIGH,
            # Bug 8 (gossipsub.py:1510): a peer in back-off gets no IHAVE, and was deaf and mute for
            # a minute in a full graph of 18. See gossip_heartbeat and _select_peers_for_pruning.
            prune_back_off=5,
            unsubscribe_back_off=5,
            # Bug 10 (gossipsub.py:179, :190, :2872): a heartbeat every 120 s, and more than ten
            # messages a second dropped, one's own too.
            heartbeat_interval=1,
            spam_protection_enabled=False,
            gossip_window=3,
            gossip_history=5,
            adaptive_gossip_enabled=False,
            eclipse_protection_enabled=False,
            do_px=False,
            score_params=ScoreParams(
                p4_invalid_messages=reject,
                # Bug 25: colocation by IP punishes a LAN behind one address, and devnets.
                p7_ip_colocation_weight=0.0,
                publish_threshold=PUBLISH_SCORE,
                gossip_threshold=GOSSIP_SCORE,
                graylist_threshold=GRAYLIST_SCORE,
            ),
        )
        self.scorer = InvalidScorer(self.scorer.params)
        # gossipsub.py:1044: a hundred messages are kept for each peer that has not subscribed,
        # whatever their size. Recent ones are replayed on subscribing all the same.
        self._pending_messages = Discarded()
        self._beats = 0

    def _check_equivocation(self, msg: Any) -> bool:
        # Bug 12 (gossipsub.py:2908): two forged messages put their alleged author at -100.
        return True

    async def publish(self, msg_forwarder: ID, pubsub_msg: Any) -> None:
        """gossipsub.py:972 copies and encodes a message anew for each peer that it goes to."""
        topics = list(pubsub_msg.topicIDs)
        if len(topics) != 1 or topics[0] not in self.mesh:
            await super().publish(msg_forwarder, pubsub_msg)
            return
        self.mcache.put(pubsub_msg)
        message_id = self.pubsub.get_message_id(pubsub_msg)
        data = publish_field(pubsub_msg)
        sent_by = (pubsub_msg.from_id, msg_forwarder.to_bytes())
        for peer in self.mesh[topics[0]]:
            queue = self.pubsub.peer_queues.get(peer)
            if queue is None or peer.to_bytes() in sent_by:
                continue
            if message_id in self.dont_send_message_ids.get(peer, ()):
                continue
            if self.scorer.allow_gossip(peer, topics):
                queue.push_bytes(data)
        self.time_since_last_publish[topics[0]] = int(time.time())

    def send_rpc(self, peer_id: ID, rpc: Any, priority: bool = False) -> None:
        # gossipsub.py:2029 copies each RPC, and takes it apart to see whether it is too large.
        queue = self.pubsub.peer_queues.get(peer_id)
        is_plain = queue is not None and peer_id not in self._pending_control
        if not is_plain or rpc.ByteSize() > RPC_OUT_BYTES_MAX:
            super().send_rpc(peer_id, rpc, priority)
        elif not queue.push(rpc, priority):
            self._handle_dropped_rpc(peer_id, rpc, "queue_full")

    async def _do_px(self, px_peers: Any) -> None:
        # gossipsub.py:1670: dials whatever addresses a pruning peer offers.
        return

    async def send_recent_messages(self, peer_id: ID, topic: str) -> None:
        # pubsub.py:1336: the replay for a new subscriber and its place in the mesh are two tasks,
        # and what is published between them reaches nobody. Mesh first; a copy does no harm.
        await self.on_peer_subscribed(peer_id, topic)
        await super().send_recent_messages(peer_id, topic)

    async def leave(self, topic: str) -> None:
        # gossipsub.py:1235 walks the set of mesh peers while others may change it.
        for peer in self.mesh.pop(topic, set()):
            self._add_back_off(peer, topic, True)
            await self.emit_prune(topic, peer, False, True)

    async def handle_prune(self, prune_msg: Any, sender_peer_id: ID) -> None:
        # gossipsub.py:1911 keeps a back-off for every topic a peer names, for ever.
        if prune_msg.topicID in self.mesh:
            await super().handle_prune(prune_msg, sender_peer_id)

    async def handle_graft(self, graft_msg: Any, sender_peer_id: ID) -> None:
        # gossipsub.py:1889 answers each topic that a peer makes up with a PRUNE.
        if graft_msg.topicID in self.mesh:
            await super().handle_graft(graft_msg, sender_peer_id)

    async def handle_ihave(self, ihave_msg: Any, sender_peer_id: ID) -> None:
        # gossipsub.py:1761 asks for as many ids as a peer makes up.
        if ihave_msg.topicID in self.mesh:
            del ihave_msg.messageIDs[GOSSIP_IWANT_IDS_MAX:]
            await super().handle_ihave(ihave_msg, sender_peer_id)

    async def handle_iwant(self, iwant_msg: Any, sender_peer_id: ID) -> None:
        # gossipsub.py:1811 answers an id as often as it is named: 1 MiB asks for 1 GiB.
        wanted: dict[bytes, None] = {}
        size_bytes = 0
        for message_id in iwant_msg.messageIDs:
            raw = message_id if isinstance(message_id, bytes) else message_id.encode()
            known = self.mcache.get(gossipsub.safe_bytes_from_hex(message_id) or raw)
            if known is None or raw in wanted:
                continue
            size_bytes += known.ByteSize()
            if len(wanted) >= GOSSIP_IWANT_IDS_MAX or size_bytes > GOSSIP_RPC_BYTES_MAX:
                break
            wanted[raw] = None
        if wanted:
            bounded = rpc_pb2.ControlIWant(messageIDs=list(wanted))
            await super().handle_iwant(bounded, sender_peer_id)

    def _periodic_security_cleanup(self) -> None:
        super()._periodic_security_cleanup()
        # gossipsub.py:1089: a time is kept for every message, and forgotten only under
        # adaptive gossip.
        self.recent_message_deliveries.clear()
        self._beats += 1
        if self._beats % BEATS_BETWEEN_SWEEPS == 0:
            self._sweep()

    # --- the mesh -----------------------------------------------------------------------------

    def _perform_opportunistic_grafting(self, topic: str, peers_to_graft: Any) -> int:
        # gossipsub.py:3048: among equal scores, as ours mostly are, each heartbeat grafts whoever
        # is there: of 20 nodes each was in the mesh of each, and got each message 19 times.
        return 0

    def _select_peers_for_pruning(self, topic: str, num_to_prune: int) -> list[ID]:
        # gossipsub.py:3293: of equal scores always the first ones of a set, whose order all nodes
        # of a process have in common: a peer that all prune is alone.
        peers = list(self.mesh[topic])
        random.shuffle(peers)
        peers.sort(key=lambda peer: self.scorer.score(peer, [topic]))
        return peers[:num_to_prune]

    def gossip_heartbeat(self) -> dict[ID, dict[str, list[bytes]]]:
        """Whom to tell what we have: any peers outside the mesh, those in back-off too (bug 8).

        A control message costs both sides as much as a message: not at each heartbeat.
        """
        gossip: defaultdict[ID, dict[str, list[bytes]]] = defaultdict(dict)
        if self._beats % BEATS_BETWEEN_IHAVES:
            return gossip
        for topic, mesh in self.mesh.items():
            ids = self.mcache.window(topic)
            if not ids:
                continue
            others = [
                peer
                for peer in self.pubsub.peer_topics.get(topic, ())
                if peer not in mesh and peer in self.peer_protocol
                if self.scorer.allow_gossip(peer, [topic])
            ]
            count = max(IHAVE_PEERS, int(IHAVE_SHARE * len(others)))
            for peer in random.sample(others, min(count, len(others))):
                gossip[peer][topic] = ids
        return gossip

    async def _emit_control_msgs(self, grafts: Any, prunes: Any, gossip: Any) -> None:
        # gossipsub.py:1250: what is for one peer goes to all that follow; and a peer that we prune
        # is not held to any back-off.
        for peer in {**grafts, **prunes, **gossip}:
            control = rpc_pb2.ControlMessage()
            for topic in grafts.get(peer, ()):
                control.graft.add(topicID=topic)
            for topic in prunes.get(peer, ()):
                self._add_back_off(peer, topic, False)
                control.prune.add(topicID=topic, backoff=self.prune_back_off)
            for topic, ids in gossip.get(peer, {}).items():
                control.ihave.add(topicID=topic, messageIDs=ids)
            await self.emit_control_message(control, peer)

    def _sweep(self) -> None:
        """Back-offs that are over, and scores of peers that have gone: reading a score makes an
        entry (score.py:265), and none of the library's own sweeps removes it."""
        now_s = int(time.time())
        for topic in list(self.back_off):
            self.back_off[topic] = {
                peer: until for peer, until in self.back_off[topic].items() if until > now_s
            }
            if not self.back_off[topic]:
                del self.back_off[topic]
        here = self.pubsub.peers
        scorer = self.scorer
        for table in (
            scorer.time_in_mesh,
            scorer.first_message_deliveries,
            scorer.mesh_message_deliveries,
            scorer.invalid_messages,
            scorer.behavior_penalty,
            scorer.graft_flood_penalties,
            scorer.iwant_spam_penalties,
            scorer.ihave_spam_penalties,
            scorer.equivocation_penalties,
            scorer.app_specific_scores,
        ):
            for peer in [peer for peer in table if peer not in here]:
                del table[peer]

    def score_of(self, peer_id: ID) -> float:
        """The sum over our topics; 0 for a peer that never misbehaved."""
        return float(self.scorer.score(peer_id, list(self.mesh)))


class GuardedPubsub(pubsub.Pubsub):  # type: ignore[misc]
    """Topics with one handler each, which is called with every message as it comes in."""

    router: GuardedGossipSub
    seen_messages: Any

    def __init__(self, host: Any) -> None:
        super().__init__(
            host,
            GuardedGossipSub(),
            strict_signing=True,
            max_subscriptions_per_peer=TOPICS_PER_PEER_MAX,
            max_inbound_rpc_size=GOSSIP_RPC_BYTES_MAX,
        )
        self.seen_messages.stop()
        self.seen_messages = SeenMessages()
        # Bug 11 (mcache.py:10): messages are cached by author and number, and the numbers begin at
        # the seconds of the clock, so that a node that restarts re-uses those of its last run.
        self.counter = time.time_ns()
        self.handlers: dict[str, MessageHandler] = {}
        self.on_fault: Callable[[ID, str], None] = lambda peer_id, what: None
        self.on_news: Callable[[str], None] = lambda peer: None
        self._shares = TokenBuckets(
            GOSSIP_SHARE_PERCENT / 100, GOSSIP_SHARE_BURST_MS / SECOND_MS, PENALTY_PEERS_MAX
        )
        self._greeting: set[ID] = set()
        self._turns: WeakKeyDictionary[Any, trio.Lock] = WeakKeyDictionary()

    # --- streams ------------------------------------------------------------------------------

    async def stream_handler(self, stream: Any) -> None:
        """Reads one peer's RPCs, one after the other: the peer waits while a message is judged, and
        longer if it has taken more than its share of the loop's time (SPEC.md R11.6).

        Bugs 2 to 5 (pubsub.py:562, :1747, :1641; gossipsub.py:922): garbage, keys and topics that
        are no text, and validators that raise all end the process in stock. What is no RPC leaves
        here as the error it is, and costs the stream (libp2p_host.py, bug 1).
        """
        peer_id = stream.muxed_conn.peer_id
        reader = RpcReader(stream)
        try:
            while True:
                data = await reader.receive()
                await self._rest(stream.muxed_conn, await self._take(peer_id, data))
        except BadRpc as error:
            self.on_fault(peer_id, str(error))
            raise
        except (StreamError, MuxedStreamError, IOException, RawConnError) as error:
            log.debug("gossip: stream of %s ended: %r", peer_id, error)

    async def _rest(self, connection: Any, seconds: float) -> None:
        """As long as the payer owes for what it has cost, or until its connection ends."""
        ip, _ = connection.get_remote_address() or ("", 0)
        whose = str(connection.peer_id) if ip in OWN_MACHINE else ip
        now = trio.current_time()
        debt_s = self._shares.of(whose, now).spend(seconds, now)
        if debt_s:
            with trio.move_on_after(debt_s):
                await connection.event_closed.wait()

    async def _take(self, peer_id: ID, data: bytes) -> float:
        """The processor's time that an RPC took, in seconds."""
        began, spent_s = time.thread_time(), 0.0
        rpc = parse_rpc(data)
        # The sender's peer record is an addition of py-libp2p's own to GossipSub: its two
        # signatures are verified twice for each RPC (9 % of the time), and nothing here needs it.
        rpc.ClearField("senderRecord")
        for number, message in enumerate(rpc.publish, 1):
            is_fresh = not self._is_msg_seen(message)
            if is_fresh:
                await self.push_msg(peer_id, message)
            # Up to 8 ms of signatures in each, and many in one RPC: nobody else waits for them all.
            if is_fresh or not number % SEEN_IN_A_TURN:
                spent_s += time.thread_time() - began
                await trio.lowlevel.checkpoint()
                began = time.thread_time()
        if len(rpc.subscriptions) > self.max_subscriptions_per_rpc:
            raise BadRpc(f"{len(rpc.subscriptions)} subscriptions in one RPC")
        for subscription in rpc.subscriptions:
            self.handle_subscription(peer_id, subscription)
        if rpc.HasField("control"):
            await self.router.handle_rpc(rpc, peer_id)
        return spent_s + time.thread_time() - began

    def handle_subscription(self, origin_id: ID, sub_message: Any) -> None:
        if len(sub_message.topicid) <= TOPIC_CHARS_MAX:
            super().handle_subscription(origin_id, sub_message)

    async def _handle_new_peer(self, peer_id: ID) -> None:
        """pubsub.py:1066: only some errors are tried again; after any other the peer stays
        connected, and neither hears nor is heard for ever.

        pubsub.py:892: whether there is a stream is looked at before one is opened, which takes
        round trips. Two at once, for a peer that is dialled while it dials, are two queues of which
        one is forgotten, with a stream and two tasks that wait on it for ever.
        """
        if peer_id in self._greeting:
            raise SwarmException(f"a gossip stream with {peer_id} is being opened")
        self._greeting.add(peer_id)
        try:
            with trio.fail_after(2 * STREAM_OPEN_MS_MAX / SECOND_MS):
                await super()._handle_new_peer(peer_id)
        except (SwarmException, trio.TooSlowError):
            raise SwarmException(f"no gossip stream with {peer_id} yet") from None
        except (StreamFailure, StreamError, MuxedStreamError, IOException, ValueError) as error:
            raise SwarmException(f"no gossip stream with {peer_id}: {error!r}") from error
        finally:
            self._greeting.discard(peer_id)

    def _handle_dead_peer(self, peer_id: ID) -> None:
        # pubsub.py:1145 forgets the stream to the peer without closing it.
        stream = self.peers.get(peer_id)
        super()._handle_dead_peer(peer_id)
        if stream is not None and self.manager.is_running:
            self.manager.run_task(stream.reset)

    def get_hello_packet(self) -> Any:
        hello = rpc_pb2.RPC()
        for topic in self.topic_ids:
            hello.subscriptions.add(subscribe=True, topicid=topic)
        return hello

    async def write_msg(self, stream: Any, rpc_msg: Any) -> bool:
        """pubsub.py:1838: two tasks may write to one stream (the queue's, and the replay for a new
        subscriber), and a message of more than one yamux frame is then cut in two. A write that
        fails leaves half a message on a stream that is never reset."""
        rpc_msg.ClearField("senderRecord")
        return await self._write(stream, rpc_msg.SerializeToString())

    async def handle_sending_messages(self, peer_id: ID, stream: Any, queue: Any) -> None:
        """All that waits for one peer, in as few RPCs as it fits."""
        while (data := await queue.pop()) is not None:
            if not await self._write(stream, data):
                return

    async def _write(self, stream: Any, data: bytes) -> bool:
        turn = self._turns.setdefault(stream, trio.Lock())
        # net_stream.py:256: the wrapper of a stream takes a lock, and gives up its turn, each time.
        write = getattr(stream, "muxed_stream", stream).write
        try:
            try:
                turn.acquire_nowait()
            except trio.WouldBlock:
                await turn.acquire()
            try:
                await write(encode_varint_prefixed(data))
            finally:
                turn.release()
        except (StreamError, MuxedStreamError, IOException, RawConnError) as error:
            peer_id = stream.muxed_conn.peer_id
            log.debug("gossip: writing to %s failed: %r", peer_id, error)
            await stream.reset()
            if self.peers.get(peer_id) is stream:
                self._handle_dead_peer(peer_id)
            return False
        return True

    # --- messages -----------------------------------------------------------------------------

    async def push_msg(self, msg_forwarder: ID, msg: Any) -> None:
        if msg_forwarder == self.my_id:
            await super().push_msg(msg_forwarder, msg)
            return
        # Bug 23: js-libp2p refuses a message of two topics, so that none may pass through here.
        if len(msg.topicIDs) != 1 or msg.topicIDs[0] not in self.handlers:
            return
        if len(msg.data) > GOSSIP_MESSAGE_BYTES_MAX:
            self._charge(msg_forwarder, msg)
            self.on_fault(msg_forwarder, f"a message of {len(msg.data)} bytes")
            return
        try:
            await super().push_msg(msg_forwarder, msg)
        except Ignored:
            self._mark_msg_seen(msg)
        except Exception as error:
            # Bug 3 (pubsub.py:1747): the key and the author's id are parsed by whatever code their
            # first bytes name.
            log.debug("gossip: message of %s dropped: %r", msg_forwarder, error)
            self._charge(msg_forwarder, msg)
            if isinstance(error, BadSignature):
                self.on_fault(msg_forwarder, "a message that its sender has not signed")

    def _charge(self, forwarder: ID, msg: Any) -> None:
        self.router.scorer.on_invalid_message(forwarder, msg.topicIDs[0])

    async def validate_msg(self, msg_forwarder: ID, msg: Any) -> None:
        """Our handler's verdict, in the library's terms. No cache: a message comes here once."""
        if msg_forwarder == self.my_id:
            return
        try:
            verdict = self.handlers[msg.topicIDs[0]](msg_forwarder.to_base58(), msg.data)
        except Exception:
            # Bug 5: ours to mend, but no reason to punish the peer or to end the process.
            log.exception("gossip: the handler of %s failed", msg.topicIDs[0])
            raise Ignored from None
        if verdict is Verdict.IGNORE:
            raise Ignored
        if verdict is Verdict.REJECT:
            self._mark_msg_seen(msg)
            raise ValidationError("rejected")
        self.on_news(msg_forwarder.to_base58())

    def notify_subscriptions(self, publish_message: Any) -> None:
        # Bug 9 (pubsub.py:124): a channel of 32 messages, the rest lost. The handler has had it.
        return


def demand_signature(msg: Any) -> bool:
    try:
        is_signed = signature_validator(msg)
    except Exception as error:
        raise BadSignature from error  # a key or an id that its parser does not survive
    if not is_signed:
        raise BadSignature
    return True


def no_peer_record(host: Any) -> tuple[bytes, bool]:
    """In place of marshalling the signed peer record for each RPC; write_msg drops the field."""
    return b"", False


def patch_modules() -> None:
    """Puts the guards where the library looks its own functions up. Idempotent."""
    pubsub.RpcQueue = DeepQueue
    pubsub.signature_validator = demand_signature
    pubsub.env_to_send_in_RPC = no_peer_record
    gossipsub.env_to_send_in_RPC = no_peer_record


patch_modules()
