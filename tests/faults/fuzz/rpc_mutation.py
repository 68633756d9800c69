"""What a hostile peer says to a live node: GossipSub RPCs and sync frames, mutated so that most are
still read. The same dice say the same. Knows forms and signatures; no connection."""

import random
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import PUBSUB_SIGNING_PREFIX

from jangteo.node.gossip import DOORBELL
from jangteo.protocol import canonical, limits, sync_frame
from jangteo.protocol.envelope import Verified
from jangteo.protocol.item_set import item_key
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import COMMONS, OPEN, topic
from tests.faults.fuzz.value_mutation import TEXTS, mutated_bytes
from tests.faults.fuzz.wire_targets import by_value, mutate_body, mutate_gossip, sign
from tests.market_maker import Seller

SUBSCRIPTIONS_MAX = 100
"""More in one RPC end the stream."""


class Babbler:
    """One peer's store of words. `key`: its libp2p key, with which messages are signed;
    `now_ms`: its clock, for records that are of today."""

    def __init__(self, dice: random.Random, key: Any, now_ms: int) -> None:
        self._dice = dice
        self._key = key
        self._peer_id = ID.from_pubkey(key.get_public_key()).to_bytes()
        self._seqno = dice.randrange(2**40)
        self._now_ms = now_ms
        self._said: list[Any] = []
        self.wrong_count = 0
        """Messages that cost; some of them turn out to be right."""
        self._seller = Seller.named(f"babbler {dice.random()}")
        self.records: list[Verified] = [
            self._seller.lists(n, f"babble {n}", ts_ms=now_ms - n) for n in range(8)
        ]

    # --- gossip -------------------------------------------------------------------------------

    def rpc(self) -> bytes:
        """One RPC, mutated in its fields or in its bytes."""
        dice = self._dice
        rpc = rpc_pb2.RPC()
        for say, chance in self._sayings():
            while dice.random() < chance:
                say(rpc)
        data: bytes = rpc.SerializeToString()
        if dice.random() < 0.05:
            changed = mutated_bytes(dice, data)
            return data if ends_the_stream(changed) else changed
        return data

    def last_rpc(self) -> bytes:
        """Bytes that are no RPC: for them the node resets the stream, and so shows that it has
        read all that came before."""
        while not ends_the_stream(data := mutated_bytes(self._dice, self.rpc())):
            pass
        return data

    def _sayings(self) -> tuple[tuple[Callable[[Any], None], float], ...]:
        return (
            (self._control, 0.6),
            (self._subscribe, 0.3),
            (self._publish_elsewhere, 0.15),
            (self._publish_again, 0.1),
            (self._publish_ignored, 0.02),
            (self._publish_new, 0.01),
            (self._publish_wrong, 0.012),
        )

    def _topic(self) -> str:
        dice = self._dice
        match dice.randrange(6):
            case 0 | 1:
                return topic(dice.choice((OPEN, COMMONS)))
            case 2:
                return topic("elsewhere")
            case 3:
                return topic(OPEN) + dice.choice(TEXTS)
            case 4:
                return dice.choice(TEXTS)
        return "t" * dice.choice((1, limits.TOPIC_CHARS_MAX, limits.TOPIC_CHARS_MAX + 1, 1000))

    def _ids(self) -> list[bytes]:
        dice = self._dice
        known = [message.from_id + message.seqno for message in self._said[-3:]]
        count = dice.choice((0, 1, 1, 2, 5, 60))
        return [
            dice.choice(known)
            if known and dice.random() < 0.5
            else dice.randbytes(dice.randrange(50))
            for _ in range(count)
        ]

    def _control(self, rpc: Any) -> None:
        dice = self._dice
        control = rpc.control
        match dice.randrange(7):
            case 0 | 1:
                control.graft.add(topicID=self._topic())
            case 2:
                prune = control.prune.add(topicID=self._topic(), backoff=dice.getrandbits(64))
                prune.peers.add(peerID=dice.randbytes(8), signedPeerRecord=dice.randbytes(20))
            case 3:
                control.ihave.add(topicID=self._topic(), messageIDs=self._ids())
            case 4:
                control.iwant.add(messageIDs=self._ids())
            case 5:
                control.idontwant.add(messageIDs=self._ids())
            case _:
                control.extensions.SetInParent()

    def _subscribe(self, rpc: Any) -> None:
        rpc.subscriptions.add(subscribe=self._dice.random() < 0.6, topicid=self._topic())

    def _publish_elsewhere(self, rpc: Any) -> None:
        """Of no topic, of two, of one that nobody has: dropped unread."""
        dice = self._dice
        topics = [self._topic() for _ in range(dice.choice((0, 2, 3)))] or [topic("elsewhere")]
        rpc.publish.add(data=dice.randbytes(dice.randrange(200)), topicIDs=topics)

    def _publish_again(self, rpc: Any) -> None:
        if self._said:
            rpc.publish.append(self._dice.choice(self._said))

    def _publish_ignored(self, rpc: Any) -> None:
        """Nothing that an honest peer could not have sent: a bell, what is over, what is known."""
        dice = self._dice
        old = self._seller.lists(99, "old", ts_ms=dice.randrange(10**12))
        far = self._seller.lists(98, "far", ts_ms=self._now_ms + 10**9 + dice.randrange(10**9))
        later = sign(canonical.encode([2, dice.randrange(100)]))
        choices: tuple[list[bytes], ...] = (
            [],
            [old.raw],
            [far.raw],
            [later],
            [dice.choice(self.records).raw],
        )
        raws = dice.choice(choices)
        self._publish(rpc, canonical.encode(raws) if raws else DOORBELL)

    def _publish_new(self, rpc: Any) -> None:
        """A record that is as it should be but for odd texts: taken."""
        dice = self._dice
        title = f"{dice.choice(TEXTS)[:50]} babble {dice.random()}"
        listing = Listing(title, description=dice.choice(TEXTS)[:999], created_ms=self._now_ms)
        number = dice.randrange(300)
        record = self._seller.lists(
            number, listing, ts_ms=self._now_ms, revision=self._now_ms // 1000 + dice.randrange(50)
        )
        self.records[dice.randrange(len(self.records))] = record
        self._publish(rpc, canonical.encode([record.raw]))

    def _publish_wrong(self, rpc: Any) -> None:
        """What costs: a message whose envelope or whose records no honest peer would send."""
        dice = self._dice
        self.wrong_count += 1
        data = canonical.encode([dice.choice(self.records).raw])
        match dice.randrange(3):
            case 0:
                data = mutate_gossip(dice, data)
            case 1:
                data = mutated_bytes(dice, data)
        message = self._publish(rpc, data)
        match dice.randrange(8):
            case 0:
                message.signature = mutated_bytes(dice, message.signature)
            case 1:
                message.from_id = mutated_bytes(dice, message.from_id)
            case 2:
                message.key = mutated_bytes(dice, message.key)
            case 3:
                message.seqno = dice.randbytes(dice.randrange(20))

    def _publish(self, rpc: Any, data: bytes) -> Any:
        """Adds a message as GossipSub's StrictSign wants it."""
        self._seqno += 1
        message = rpc.publish.add(
            data=data,
            topicIDs=[topic(OPEN)],
            from_id=self._peer_id,
            seqno=self._seqno.to_bytes(8, "big"),
        )
        content = PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString()
        message.signature = self._key.sign(content)
        message.key = self._key.get_public_key().serialize()
        self._said = [*self._said[-50:], type(message).FromString(message.SerializeToString())]
        return message

    # --- sync ---------------------------------------------------------------------------------

    def hello(self) -> sync_frame.Frame:
        dice = self._dice
        summaries = tuple(
            sync_frame.MarketSummary(
                market, dice.choice((1, 5, 10**6)), 0, dice.randbytes(16), dice.randrange(2)
            )
            for market in dice.sample((OPEN, COMMONS, "elsewhere", "a/b"), dice.randrange(1, 4))
        )
        return sync_frame.Hello(1, self._now_ms + dice.choice((0, -(10**9), 10**6)), summaries)

    def frame(self) -> bytes:
        """One frame: odd but allowed, or, one in twenty, changed in its value or its bytes."""
        return self._maybe_changed(sync_frame.encode(self._odd_frame()))

    def answer(self, asked: sync_frame.Frame) -> bytes:
        """What a node is told that asks: of the kind it waits for, mostly, and odd or changed."""
        dice = self._dice
        told: sync_frame.Frame
        raws = tuple(record.raw for record in dice.sample(self.records, dice.randrange(4)))
        match asked:
            case _ if dice.random() < 0.05:
                told = self._odd_frame()
            case sync_frame.Hello():
                told = self.hello()
            case sync_frame.Recon(market, _):
                told = sync_frame.Recon(market, self._recon())
            case sync_frame.Get(_, ids):
                by_id = {record.id: record.raw for record in self.records}
                wanted = tuple(by_id[each] for each in ids if each in by_id)
                told = sync_frame.Records(wanted if dice.random() < 0.9 else raws)
            case sync_frame.Range():
                after = item_key(self._now_ms, dice.randbytes(32)) if dice.random() < 0.5 else b""
                told = sync_frame.Records(raws, after, dice.random() < 0.05)
            case sync_frame.Push(_, pushed):
                told = sync_frame.Pushed(dice.choice((len(pushed), 0, 1024)))
            case _:
                told = sync_frame.Bye(dice.choice(TEXTS)[: limits.SYNC_TEXT_CHARS_MAX])
        return self._maybe_changed(sync_frame.encode(told))

    def _maybe_changed(self, data: bytes) -> bytes:
        dice = self._dice
        match dice.randrange(40):
            case 0:
                return by_value(dice, data)[: limits.SYNC_FRAME_BYTES_MAX] or b"\0"
            case 1:
                return mutated_bytes(dice, data) or b"\0"
        return data

    def _odd_frame(self) -> sync_frame.Frame:
        dice = self._dice
        market = dice.choice((OPEN, OPEN, OPEN, COMMONS))
        ids = tuple({dice.choice(self.records).id for _ in range(3)} | {dice.randbytes(32)})
        match dice.randrange(10):
            case 0 | 1:
                ts_ms = dice.choice((0, self._now_ms, 2**64 - 1, dice.getrandbits(64)))
                after = dice.choice((b"", item_key(ts_ms, dice.randbytes(32))))
                return sync_frame.Range(market, after, dice.choice((1, 7, limits.SYNC_RECORDS_MAX)))
            case 2 | 3:
                return sync_frame.Get(market, ids)
            case 4 | 5 | 6:
                return sync_frame.Recon(market, self._recon())
            case 7:
                return sync_frame.Push(market, (self._odd_record(),))
            case 8:
                return self.hello()
        some = dice.sample(self.records, 3)
        return sync_frame.Push(OPEN, tuple(record.raw for record in some))

    def _odd_record(self) -> bytes:
        """Mostly a record that its author did sign; of another market where the dice say so."""
        dice = self._dice
        if dice.random() < 0.7:
            return dice.choice(self.records).raw
        payload = dice.choice(self.records).raw[: -limits.SIGNATURE_BYTES]
        changed = mutate_body(dice, payload) if dice.random() < 0.7 else by_value(dice, payload)
        return sign(changed)[: limits.RECORD_BYTES_MAX]

    def _recon(self) -> bytes:
        """A message of reconciliation: bounds that ascend, fingerprints and lists of nothing that
        the other side has; now and then changed in its bytes."""
        dice = self._dice
        told = bytearray(b"\x61")
        for _ in range(dice.randrange(6)):
            told += _varint(1 + dice.choice((1, 2, 10**6, 10**11)))
            prefix = dice.randbytes(dice.choice((0, 0, 1, 32)))
            told += _varint(len(prefix)) + prefix + self._mode()
        told += _varint(0) + _varint(0) + self._mode()
        data = bytes(told)
        return mutated_bytes(dice, data)[:65_536] or b"\x61" if dice.random() < 0.05 else data

    def _mode(self) -> bytes:
        dice = self._dice
        match dice.randrange(3):
            case 0:
                return _varint(0)
            case 1:
                return _varint(1) + dice.randbytes(16)
        count = dice.choice((0, 1, 3, 40))
        return _varint(2) + _varint(count) + dice.randbytes(32 * count)


def ends_the_stream(data: bytes) -> bool:
    """Whether these bytes are no RPC that is read to its end."""
    rpc = rpc_pb2.RPC()
    try:
        rpc.ParseFromString(data)
    except DecodeError:
        return True
    return len(rpc.subscriptions) > SUBSCRIPTIONS_MAX


def _varint(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))
