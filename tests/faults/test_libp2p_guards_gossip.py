"""Attacks by gossip on a real node over loopback, one for each guard of node/libp2p_pubsub.py and
of the tasks of node/libp2p_guard.py: each test fails when its guard is taken out.

Numbers are those that the guards' comments bear. A test's end is mostly the same: an honest
newcomer connects, talks and gossips with the victim.
"""

import random
from typing import Any

import pytest
import trio
import trio.testing
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from jangteo.node.libp2p_guard import GuardedManager
from jangteo.node.libp2p_pubsub import (
    SeenMessages,
)
from jangteo.node.libp2p_rpc import (
    DeepQueue,
)
from jangteo.node.token_bucket import TokenBuckets
from jangteo.protocol.limits import (
    GOSSIP_CONTROLS_MAX,
    GOSSIP_IWANT_IDS_MAX,
    GOSSIP_MESSAGE_BYTES_MAX,
    GOSSIP_RPC_BYTES_MAX,
    GOSSIP_SEEN_MAX,
    SECOND_MS,
    TOPIC_CHARS_MAX,
    TOPICS_PER_PEER_MAX,
)
from jangteo.protocol.verdict import Verdict
from tests.loopback import (
    SEED,
    TOPIC,
    attack,
    host,
    is_reset,
    is_well,
    raw_stream,
    rpc,
    settled,
    signed,
    victim_and_attacker,
)

pytestmark = pytest.mark.trio


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x04\xff\xff\xff\xff",  # no protobuf
        b"\xff" * 12,  # a length that never ends
        encode_varint_prefixed(b"")[:0] + b"\xff\xff\xff\x7f",  # 256 MiB announced
    ],
)
async def test_garbage_on_a_gossip_stream_costs_the_stream(garbage: bytes) -> None:
    """Bug 2."""
    async with victim_and_attacker() as (victim, attacker):
        await is_reset(await attack(attacker, victim, garbage))
        await is_well(victim)


@pytest.mark.parametrize("field", ["key", "from_id"])
async def test_a_message_with_a_malformed_key_costs_its_sender(field: str) -> None:
    """Bug 3."""
    async with victim_and_attacker() as (victim, attacker):
        message = signed(attacker, [TOPIC], b"x")
        message.from_id = b"\x12\x20" + bytes(32)  # as of an RSA key: then `key` is parsed
        if field == "key":
            message.key = b"\x08\x63\x12\x04junk"
        else:
            message.from_id = b"\x00\xff"
        await attack(attacker, victim, rpc(publish=[message]))
        await settled(lambda: victim.peers()[0].score < 0)
        await is_well(victim)


async def test_a_message_with_a_wrong_signature_costs_its_sender() -> None:
    async with victim_and_attacker() as (victim, attacker):
        message = signed(attacker, [TOPIC], b"x")
        message.data = b"y"
        await attack(attacker, victim, rpc(publish=[message]))
        await settled(lambda: victim.peers()[0].score < 0)
        await is_well(victim)


async def test_control_of_a_topic_that_is_no_text_stops_nothing() -> None:
    """Bug 4."""
    async with victim_and_attacker() as (victim, attacker):
        graft = b"\x1a\x06\x0a\x04\xff\xfe\xfd\xfc"  # control.graft[0].topicID
        control = b"\x1a" + bytes([len(graft)]) + graft
        message = signed(attacker, [TOPIC], b"after")
        said = bytes(encode_varint_prefixed(control)) + rpc(publish=[message])
        await attack(attacker, victim, said)
        await settled(lambda: len(victim.pubsub.seen_messages) > 0)
        await is_well(victim)


async def test_more_control_than_any_honest_rpc_has_costs_the_stream_and_points() -> None:
    """Bug of amplification (gossipsub.py:1889): 2,000 GRAFTs were answered with 2,000 PRUNEs."""
    async with victim_and_attacker() as (victim, attacker):
        faults: list[str] = []
        victim.on_fault = lambda peer, error: faults.append(f"{peer} {error.rule}")
        control = rpc_pb2.ControlMessage()
        for _ in range(GOSSIP_CONTROLS_MAX + 1):
            control.graft.add(topicID=TOPIC)
        stream = await attack(attacker, victim, rpc(control=control))
        await is_reset(stream)
        assert faults == [f"{attacker.peer} R11.5"]
        await is_well(victim)


async def test_who_takes_too_much_of_the_loop_is_read_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with victim_and_attacker() as (victim, attacker):
        rested: list[float] = []
        rest = victim.pubsub._rest

        async def note(connection: Any, seconds: float) -> None:
            rested.append(seconds)
            await rest(connection, seconds)

        monkeypatch.setattr(victim.pubsub, "_rest", note)
        victim.pubsub._shares = TokenBuckets(1000.0, 0.0, 10)
        await attack(attacker, victim, rpc(publish=[signed(attacker, [TOPIC], b"x")]))
        await settled(lambda: len(rested) > 0)
        assert min(rested) > 0
        assert len(victim.pubsub._shares) > 0
        await is_well(victim)


async def test_a_handler_that_raises_ignores_the_message() -> None:
    """Bug 5."""
    async with victim_and_attacker() as (victim, attacker):
        called = trio.Event()

        def fail(peer: str, data: bytes) -> Verdict:
            called.set()
            raise RuntimeError("a bug of ours")

        await victim.join(TOPIC, fail)
        await attacker.publish(TOPIC, b"x")
        await called.wait()
        await is_well(victim)
        assert next(one.score for one in victim.peers() if one.peer == attacker.peer) == 0


async def test_mutated_rpcs_leave_the_node_well() -> None:
    """All of the above at random: a few hundred mutations of a valid RPC, from one seed."""
    dice = random.Random(SEED)  # noqa: S311
    async with victim_and_attacker() as (victim, attacker):
        control = rpc_pb2.ControlMessage()
        control.graft.add(topicID=TOPIC)
        control.prune.add(topicID=TOPIC, backoff=1)
        control.ihave.add(topicID=TOPIC, messageIDs=[b"12345678"])
        control.iwant.add(messageIDs=[b"12345678"])
        valid = rpc_pb2.RPC(
            publish=[signed(attacker, [TOPIC], b"apples")],
            subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=True, topicid=TOPIC)],
            control=control,
        ).SerializeToString()
        stream = await raw_stream(attacker, victim)
        for _ in range(400):
            mutated = bytearray(valid)
            for _ in range(dice.randint(1, 6)):
                mutated[dice.randrange(len(mutated))] = dice.randrange(256)
            try:
                await stream.write(encode_varint_prefixed(bytes(mutated)))
            except StreamError:
                try:
                    stream = await raw_stream(attacker, victim)
                except Exception as error:  # the victim may still be closing the last one
                    assert not isinstance(error, AssertionError)
        await is_well(victim)


async def test_a_task_that_fails_ends_alone() -> None:
    """trio_manager.py:349: the first error of any task stops the whole service."""

    async def fail() -> None:
        raise RuntimeError("a bug of libp2p's")

    async with victim_and_attacker() as (victim, _):
        for service in (victim.swarm, victim.pubsub, victim.pubsub.router):
            service.manager.run_task(fail)
        await is_well(victim)


async def test_a_daemon_that_fails_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedManager, "restart_delay_s", 0.0)
    begun = 0
    again = trio.Event()

    async def fail() -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            again.set()
            await trio.sleep_forever()
        raise RuntimeError("a bug of libp2p's")

    async with victim_and_attacker() as (victim, _):
        victim.pubsub.manager.run_daemon_task(fail)
        await again.wait()


async def test_every_peer_has_such_a_queue() -> None:
    async with victim_and_attacker() as (victim, _):
        await settled(lambda: len(victim.pubsub.peer_queues) == 1)
        assert all(isinstance(queue, DeepQueue) for queue in victim.pubsub.peer_queues.values())


async def test_messages_seen_before_are_not_judged_again() -> None:
    async with victim_and_attacker() as (victim, attacker):
        judged: list[bytes] = []

        def judge(peer: str, data: bytes) -> Verdict:
            judged.append(data)
            return Verdict.ACCEPT

        victim.pubsub.handlers[TOPIC] = judge
        one, two = (signed(attacker, [TOPIC], b"%d" % n, seqno=n) for n in (1, 2))
        await attack(attacker, victim, rpc(publish=[one] * 200 + [two]))
        await settled(lambda: b"2" in judged)
        assert judged == [b"1", b"2"]


async def test_many_messages_a_second_pass() -> None:
    """Bugs 9 and 10: 32 in a channel, ten a second from one forwarder; one's own publishes too."""
    async with victim_and_attacker() as (victim, attacker):
        got: set[bytes] = set()

        def keep(peer: str, data: bytes) -> Verdict:
            got.add(data)
            return Verdict.ACCEPT

        await victim.join(TOPIC, keep)
        for n in range(300):
            await attacker.publish(TOPIC, b"%d " % n + bytes(10_000))
        await settled(lambda: len(got) == 300)


async def test_others_have_their_turn_between_the_messages_of_one_rpc() -> None:
    async with victim_and_attacker() as (victim, attacker):
        turns = 0
        turns_at: list[int] = []

        def take(peer: str, data: bytes) -> Verdict:
            turns_at.append(turns)
            return Verdict.IGNORE

        victim.pubsub.handlers[TOPIC] = take
        messages = [signed(attacker, [TOPIC], bytes([number]), number + 1) for number in range(9)]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def others() -> None:
                nonlocal turns
                while True:
                    await trio.lowlevel.checkpoint()
                    turns += 1

            await attack(attacker, victim, rpc(publish=messages))
            while len(turns_at) < len(messages):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert len(set(turns_at)) > len(messages) // 2  # in a round, turns come in any order


async def test_a_restarted_peer_is_heard_within_the_second() -> None:
    """Bug 11: numbers that begin at the clock's seconds are used again."""
    got: list[bytes] = []

    def keep(peer: str, data: bytes) -> Verdict:
        got.append(data)
        return Verdict.ACCEPT

    async with host("steady") as steady:
        await steady.join(TOPIC, keep)
        for life in range(3):
            async with host("restarting") as restarting:
                await restarting.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
                await restarting.dial(steady.addresses()[0])
                await restarting.publish(TOPIC, b"life %d" % life)
                await settled(lambda life=life: b"life %d" % life in got)


async def test_two_messages_of_one_number_cost_their_alleged_author_nothing() -> None:
    """Bug 12."""
    async with victim_and_attacker() as (victim, attacker):
        for data in (b"one", b"two"):
            assert victim.pubsub.router._check_equivocation(signed(attacker, [TOPIC], data))
        scorer = victim.pubsub.router.scorer
        assert not scorer.equivocation_penalties.get(ID.from_base58(attacker.peer))


async def test_a_message_of_two_topics_is_dropped() -> None:
    """Bug 23."""
    async with victim_and_attacker() as (victim, attacker):
        got: list[bytes] = []

        def keep(peer: str, data: bytes) -> Verdict:
            got.append(data)
            return Verdict.ACCEPT

        await victim.join(TOPIC, keep)
        await victim.join(TOPIC + "/2", keep)
        two = signed(attacker, [TOPIC, TOPIC + "/2"], b"two", seqno=1)
        one = signed(attacker, [TOPIC], b"one", seqno=2)
        await attack(attacker, victim, rpc(publish=[two, one]))
        await settled(lambda: b"one" in got)
        assert b"two" not in got


async def test_a_message_too_large_costs_its_sender() -> None:
    async with victim_and_attacker() as (victim, attacker):
        large = signed(attacker, [TOPIC], bytes(GOSSIP_MESSAGE_BYTES_MAX + 1))
        await attack(attacker, victim, rpc(publish=[large]))
        await settled(lambda: victim.peers()[0].score < 0)


async def test_neighbours_behind_one_address_keep_their_score() -> None:
    """Bug 25."""
    async with victim_and_attacker() as (victim, attacker):
        scorer = victim.pubsub.router.scorer
        for n in range(250):
            scorer.add_peer_ip(ID(b"%d" % n), "192.168.1.1")
        scorer.add_peer_ip(ID.from_base58(attacker.peer), "192.168.1.1")
        assert victim.peers()[0].score == 0


async def test_an_id_named_often_is_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """gossipsub.py:1811: a request of 1 MiB would be answered with a gigabyte."""
    async with victim_and_attacker() as (victim, attacker):
        await victim.publish(TOPIC, bytes(60_000))
        message_id = next(iter(victim.pubsub.router.mcache.msgs))
        sent: list[Any] = []
        monkeypatch.setattr(
            victim.pubsub.router, "send_rpc", lambda peer, rpc, priority=False: sent.append(rpc)
        )
        wanted = rpc_pb2.ControlIWant(messageIDs=[message_id] * 1000)
        await victim.pubsub.router.handle_iwant(wanted, ID.from_base58(attacker.peer))
        assert [len(one.publish) for one in sent] == [1]


async def test_one_request_is_answered_up_to_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with victim_and_attacker() as (victim, attacker):
        router, peer_id = victim.pubsub.router, ID.from_base58(attacker.peer)
        sent: list[Any] = []
        monkeypatch.setattr(router, "send_rpc", lambda peer, rpc, priority=False: sent.append(rpc))
        for count, size in ((GOSSIP_IWANT_IDS_MAX + 10, 10), (40, 60_000)):
            router.mcache.msgs.clear()
            for n in range(count):
                router.mcache.put(
                    rpc_pb2.Message(data=bytes(size), from_id=b"\x00\xff", seqno=b"%d" % n)
                )
            wanted = rpc_pb2.ControlIWant(messageIDs=list(router.mcache.msgs))
            await router.handle_iwant(wanted, peer_id)
        assert len(sent[0].publish) == GOSSIP_IWANT_IDS_MAX
        assert sent[1].ByteSize() <= GOSSIP_RPC_BYTES_MAX


async def test_prunes_of_foreign_topics_are_not_kept() -> None:
    async with victim_and_attacker() as (victim, attacker):
        control = rpc_pb2.ControlMessage()
        for n in range(GOSSIP_CONTROLS_MAX):
            control.prune.add(topicID=f"foreign {n}", backoff=3600)
        message = signed(attacker, [TOPIC], b"after")
        await attack(attacker, victim, rpc(control=control) + rpc(publish=[message]))
        await settled(lambda: len(victim.pubsub.seen_messages) > 0)
        assert len(victim.pubsub.router.back_off) <= 1


async def test_a_peer_has_so_many_topics_and_no_more() -> None:
    async with victim_and_attacker() as (victim, attacker):
        names = ["x" * (TOPIC_CHARS_MAX + 1), *(f"topic {n}" for n in range(TOPICS_PER_PEER_MAX))]
        subscriptions = [rpc_pb2.RPC.SubOpts(subscribe=True, topicid=name) for name in names]
        message = signed(attacker, [TOPIC], b"after")
        await attack(attacker, victim, rpc(subscriptions=subscriptions) + rpc(publish=[message]))
        await settled(lambda: len(victim.pubsub.seen_messages) > 0)
        assert names[0] not in victim.pubsub.peer_topics
        assert len(victim.pubsub.peer_topics) <= TOPICS_PER_PEER_MAX


async def test_nothing_is_kept_for_peers_outside_the_topic() -> None:
    """gossipsub.py:1044."""
    async with victim_and_attacker() as (victim, attacker):
        await settled(lambda: TOPIC in victim.pubsub.peer_topics)
        await attacker.leave(TOPIC)
        await settled(lambda: TOPIC not in victim.pubsub.peer_topics)
        assert ID.from_base58(attacker.peer) in victim.pubsub.peers
        for n in range(10):
            await victim.publish(TOPIC, b"%d" % n)
        assert not victim.pubsub.router._pending_messages


async def test_each_heartbeat_forgets_the_times_of_messages() -> None:
    async with victim_and_attacker() as (victim, _):
        router = victim.pubsub.router
        await victim.publish(TOPIC, b"x")
        router._periodic_security_cleanup()
        assert not router.recent_message_deliveries


async def test_scores_and_back_offs_of_the_departed_are_swept() -> None:
    async with victim_and_attacker() as (victim, _):
        router = victim.pubsub.router
        gone = ID(b"gone")
        router.scorer.score(gone, [TOPIC])
        router.back_off["old"] = {gone: 1}
        router._sweep()
        assert gone not in router.scorer.invalid_messages
        assert "old" not in router.back_off


async def test_what_was_seen_is_bounded_in_number_and_age() -> None:
    seen = SeenMessages(count_max=3, ttl_ms=SECOND_MS * 1000)
    assert [seen.add(b"%d" % n) for n in range(5)] == [True] * 5
    assert [seen.has(b"%d" % n) for n in range(5)] == [False, False, True, True, True]
    assert not seen.add(b"2")
    old = SeenMessages(ttl_ms=-1)
    old.add(b"x")
    assert len(old) == 0
    async with victim_and_attacker() as (victim, _):
        assert victim.pubsub.seen_messages._count_max == GOSSIP_SEEN_MAX


async def test_two_writers_do_not_mix_their_rpcs() -> None:
    """pubsub.py:1838."""

    class SlowStream:
        def __init__(self) -> None:
            self.written = bytearray()

        async def write(self, data: bytes) -> None:
            for byte in data:
                self.written.append(byte)
                await trio.lowlevel.checkpoint()

    async with victim_and_attacker() as (victim, _):
        stream = SlowStream()
        messages = [rpc_pb2.RPC(publish=[rpc_pb2.Message(data=b * 200)]) for b in (b"a", b"b")]
        async with trio.open_nursery() as nursery:
            for message in messages:
                nursery.start_soon(victim.pubsub.write_msg, stream, message)
        whole = [bytes(encode_varint_prefixed(one.SerializeToString())) for one in messages]
        assert bytes(stream.written) in (whole[0] + whole[1], whole[1] + whole[0])


async def test_no_rpc_carries_a_peer_record() -> None:
    async with victim_and_attacker() as (victim, _):
        assert not victim.pubsub.get_hello_packet().HasField("senderRecord")
        sent: list[bytes] = []

        class Recorder:
            async def write(self, data: bytes) -> None:
                sent.append(data)

        await victim.pubsub.write_msg(Recorder(), rpc_pb2.RPC(senderRecord=b"x" * 300))
        assert sent == [b"\x00"]


async def test_a_peer_that_is_greeted_twice_at_once_has_one_queue() -> None:
    """pubsub.py:892: of two that dial each other at once, each kept a task for a lost queue."""
    waiting = 0
    async with victim_and_attacker() as (victim, attacker):
        pubsub, peer_id = victim.pubsub, ID.from_base58(attacker.peer)
        await settled(lambda: peer_id in pubsub.peers)
        send = pubsub.handle_sending_messages

        async def counted(*args: Any) -> None:
            nonlocal waiting
            waiting += 1
            try:
                await send(*args)
            finally:
                waiting -= 1

        pubsub.handle_sending_messages = counted
        pubsub._handle_dead_peer(peer_id)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(pubsub._handle_new_peer_with_retry, peer_id)
        await settled(lambda: waiting > 0 and not pubsub._peer_stream_retries_pending)
        assert waiting == 1
        await is_well(victim)
        await attacker.disconnect(victim.peer)
        await settled(lambda: waiting == 0)
