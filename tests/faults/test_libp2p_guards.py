"""Attacks on a real node over loopback, one for each guard of node/libp2p_*.py: each of these fails
when its guard is taken out. Numbers are those that the guards' comments bear.

A test's end is mostly the same: an honest newcomer connects, talks and gossips with the victim.
"""

import hashlib
import logging
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.io import msgio
from libp2p.io.exceptions import IncompleteReadError
from libp2p.network.connection import swarm_connection
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import PUBSUB_SIGNING_PREFIX
from libp2p.stream_muxer.exceptions import MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux
from libp2p.utils import encode_varint_prefixed
from multiaddr import Multiaddr

from jangteo.node import libp2p_host, libp2p_transport
from jangteo.node.libp2p_guard import GuardedManager, GuardedYamuxStream, read_exactly
from jangteo.node.libp2p_pubsub import GOSSIP_PROTOCOL, DeepQueue, SeenMessages
from jangteo.node.libp2p_transport import Libp2pTransport, open_libp2p
from jangteo.node.transport import DialFailed, ListenFailed, PeerDown, PeerUp, Stream, StreamRefused
from jangteo.protocol.limits import (
    ADDRESS_BYTES_MAX,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_PEER_MAX,
    GOSSIP_IWANT_IDS_MAX,
    GOSSIP_MESSAGE_BYTES_MAX,
    GOSSIP_QUEUE_BYTES_MAX,
    GOSSIP_QUEUE_RPCS_MAX,
    GOSSIP_RPC_BYTES_MAX,
    GOSSIP_SEEN_MAX,
    PEER_ADDRESSES_MAX,
    SECOND_MS,
    STREAM_STALL_MS_MAX,
    STREAM_WINDOW_BYTES,
    STREAMS_LINGERING_PER_CONNECTION_MAX,
    TOPIC_CHARS_MAX,
    TOPICS_PER_PEER_MAX,
)
from jangteo.protocol.verdict import Verdict

pytestmark = pytest.mark.trio

ECHO = "/test/echo/1"
TOPIC = "/test/1/square"
PATIENCE_S = 10
SEED = 20_26


def host(name: str, listen: str = "/ip4/127.0.0.1/tcp/0") -> Any:
    return open_libp2p(hashlib.sha256(name.encode()).digest(), [listen])


async def echo(stream: Stream) -> None:
    await stream.send_all(await stream.receive_exactly(5))


@asynccontextmanager
async def victim_and_attacker() -> AsyncIterator[tuple[Libp2pTransport, Libp2pTransport]]:
    """Connected, and in one topic; the victim echoes and takes whatever is gossiped."""
    async with host("victim") as victim, host("attacker") as attacker:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        await attacker.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        await attacker.dial(victim.addresses()[0])
        with trio.fail_after(PATIENCE_S):
            yield victim, attacker


async def settled(holds: Callable[[], bool]) -> None:
    """Until `holds`, looking again whenever this process has nothing else to do."""
    with trio.fail_after(PATIENCE_S):
        while not holds():
            await trio.testing.wait_all_tasks_blocked(0.002)


async def is_well(victim: Libp2pTransport, name: str = "newcomer") -> None:
    """An honest newcomer connects, talks, and its gossip is heard."""
    heard = trio.Event()
    word = os.urandom(8)

    def listen(peer: str, data: bytes) -> Verdict:
        if data == word:
            heard.set()
        return Verdict.ACCEPT

    with trio.fail_after(PATIENCE_S):
        async with host(name) as newcomer:
            victim.pubsub.handlers[TOPIC] = listen
            await newcomer.dial(victim.addresses()[0])
            stream = await newcomer.open_stream(victim.peer, ECHO)
            await stream.send_all(b"hello")
            assert await stream.receive_exactly(5) == b"hello"
            await stream.close()
            await newcomer.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
            await newcomer.publish(TOPIC, word)
            await heard.wait()


async def raw_stream(attacker: Libp2pTransport, victim: Libp2pTransport) -> Any:
    return await attacker.host.new_stream(ID.from_base58(victim.peer), [GOSSIP_PROTOCOL])


async def attack(attacker: Libp2pTransport, victim: Libp2pTransport, data: bytes) -> Any:
    """Writes to a gossip stream of the victim."""
    stream = await raw_stream(attacker, victim)
    await stream.write(data)
    return stream


async def is_reset(stream: Any) -> None:
    with trio.fail_after(PATIENCE_S), pytest.raises((StreamError, MuxedStreamError)):
        while await stream.read(1024):
            pass


def signed(attacker: Libp2pTransport, topics: list[str], data: bytes, seqno: int = 1) -> Any:
    """A message as GossipSub's StrictSign wants it."""
    message = rpc_pb2.Message(
        data=data,
        topicIDs=topics,
        from_id=ID.from_base58(attacker.peer).to_bytes(),
        seqno=seqno.to_bytes(8, "big"),
    )
    key = attacker.host.get_private_key()
    message.signature = key.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    message.key = attacker.host.get_public_key().serialize()
    return message


def rpc(**fields: Any) -> bytes:
    return bytes(encode_varint_prefixed(rpc_pb2.RPC(**fields).SerializeToString()))


# --- gossip: what kills ---------------------------------------------------------------------------


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


async def test_control_of_a_topic_that_is_no_text_costs_the_stream() -> None:
    """Bug 4."""
    async with victim_and_attacker() as (victim, attacker):
        graft = b"\x1a\x06\x0a\x04\xff\xfe\xfd\xfc"  # control.graft[0].topicID
        control = b"\x1a" + bytes([len(graft)]) + graft
        stream = await attack(attacker, victim, bytes(encode_varint_prefixed(control)))
        await is_reset(stream)
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


# --- gossip: what silences or swells --------------------------------------------------------------


async def test_a_pruned_peer_is_back_in_seconds() -> None:
    """Bug 8: a minute in back-off, deaf and mute."""
    async with victim_and_attacker() as (victim, attacker):
        router, peer_id = victim.pubsub.router, ID.from_base58(attacker.peer)
        router._add_back_off(peer_id, TOPIC, False)
        router._add_back_off(peer_id, TOPIC, True)
        assert router.back_off[TOPIC][peer_id] <= int(libp2p_transport.time.time()) + 5
        assert router.degree_high >= 64


async def test_a_queue_is_deep_and_bounded_in_number() -> None:
    """Bug 9."""
    queue = DeepQueue()
    small = rpc_pb2.RPC()
    assert all(queue.push(small) for _ in range(GOSSIP_QUEUE_RPCS_MAX))
    assert not queue.push(small)
    assert queue.dropped_count == 1


async def test_a_queue_is_bounded_in_bytes_and_frees_them() -> None:
    queue = DeepQueue()
    large = rpc_pb2.RPC(publish=[rpc_pb2.Message(data=bytes(GOSSIP_MESSAGE_BYTES_MAX))])
    pushed = 0
    while queue.push(large):
        pushed += 1
    assert pushed == GOSSIP_QUEUE_BYTES_MAX // large.ByteSize()
    await queue.pop()
    assert queue.push(large)


async def test_many_messages_a_second_pass() -> None:
    """Bugs 9 and 10: 32 in a channel, ten a second from one forwarder; one's own publishes too."""
    async with victim_and_attacker() as (victim, attacker):
        got: set[bytes] = set()

        def keep(peer: str, data: bytes) -> Verdict:
            got.add(data)
            return Verdict.ACCEPT

        await victim.join(TOPIC, keep)
        for n in range(300):
            await attacker.publish(TOPIC, b"%d" % n)
        await settled(lambda: len(got) == 300)


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
        for n in range(1000):
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
        await attacker.leave(TOPIC)
        await settled(lambda: TOPIC not in victim.pubsub.peer_topics)
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


# --- connections ----------------------------------------------------------------------------------


async def test_a_handler_that_fails_costs_only_its_stream() -> None:
    """Bug 1: any error of any handler ends the process."""

    async def fail(stream: Any) -> None:
        await stream.read(1)
        raise RuntimeError("a bug")

    async with victim_and_attacker() as (victim, attacker):
        victim.host.set_stream_handler(TProtocol("/test/fail/1"), fail)
        stream = await attacker.open_stream(victim.peer, "/test/fail/1")
        await stream.send_all(b"?")
        await is_reset(stream._stream)
        assert len(victim.peers()) == 1
        await is_well(victim)


async def test_a_protocol_name_that_is_no_text_costs_only_its_stream() -> None:
    """multiselect_communicator.py:56: a UnicodeDecodeError that nobody expects."""
    async with victim_and_attacker() as (victim, attacker):
        connection = attacker.swarm.get_connections(ID.from_base58(victim.peer))[0]
        stream = await connection.muxed_conn.open_stream()
        await stream.write(b"\x04\xff\xfe\xfd\n")
        with pytest.raises(MuxedStreamReset):
            while await stream.read(1024):
                pass
        assert len(victim.peers()) == 1
        await is_well(victim)


async def test_slots_come_back_when_connections_end() -> None:
    """Bug 6: more connections, one after the other, than are allowed at once."""
    async with host("victim") as victim, trio.open_nursery() as nursery:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)

        async def come_and_go(name: str) -> None:
            async with host(name) as visitor:
                for _ in range(5):
                    await visitor.dial(victim.addresses()[0])
                    await visitor.disconnect(victim.peer)

        assert 8 * 5 > CONNECTIONS_INBOUND_MAX
        with trio.fail_after(3 * PATIENCE_S):
            async with trio.open_nursery() as visits:
                for n in range(8):
                    visits.start_soon(come_and_go, f"visitor {n}")
            await settled(lambda: victim.swarm.gate.established_count == 0)
        assert victim.swarm.gate.count_from("127.0.0.1") == 0
        await settled(lambda: not victim.peers())
        assert not victim.swarm.connections
        assert len(victim.swarm.peerstore.peer_ids()) == 1  # its own
        await is_well(victim)
        nursery.cancel_scope.cancel()


async def test_no_resource_manager_leaks_slots() -> None:
    """Bug 7."""
    async with host("victim") as victim:
        assert victim.swarm._resource_manager is None


async def test_idle_connections_keep_nobody_out() -> None:
    """Bug 21: as many silent TCP connections as there may be, and then some."""
    async with host("victim") as victim:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        port = int(victim.addresses()[0].split("/")[4])
        idle = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(50)]
        await settled(lambda: victim.swarm.gate.pending_count == CONNECTIONS_PENDING_MAX)
        await is_well(victim)
        assert await idle[0].receive_some(100) is not None
        for stream in idle:
            await stream.aclose()


async def test_a_handshake_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_host, "HANDSHAKE_S", 0.05)
    async with host("victim") as victim:
        port = int(victim.addresses()[0].split("/")[4])
        idle = await trio.open_tcp_stream("127.0.0.1", port)
        with trio.fail_after(PATIENCE_S / 3):
            while await idle.receive_some(100):
                pass
        await settled(lambda: victim.swarm.gate.count_from("127.0.0.1") == 0)
        await idle.aclose()


@pytest.mark.parametrize("protocol", ["/plaintext/2.0.0", "/secio/1.0.0", "/tls/1.0.0"])
async def test_only_noise_is_spoken(protocol: str) -> None:
    """Bug 18."""
    async with host("victim") as victim:
        port = int(victim.addresses()[0].split("/")[4])
        wire = await trio.open_tcp_stream("127.0.0.1", port)
        for line in ("/multistream/1.0.0", protocol):
            await wire.send_all(bytes([len(line) + 1]) + line.encode() + b"\n")
        received = bytearray()
        with trio.fail_after(PATIENCE_S):
            while not received.endswith(b"\n") or received.count(b"\n") < 2:
                received += await wire.receive_some(1024)
        assert received.endswith(b"\x03na\n")
        await wire.aclose()


async def test_garbage_in_a_handshake_is_nothing() -> None:
    async with host("victim") as victim:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        port = int(victim.addresses()[0].split("/")[4])
        dice = random.Random(SEED)  # noqa: S311
        for _ in range(20):
            wire = await trio.open_tcp_stream("127.0.0.1", port)
            line = b"\x13/multistream/1.0.0\n\x07/noise\n"
            await wire.send_all(line + dice.randbytes(dice.randint(1, 200)))
            await wire.send_eof()
            while await wire.receive_some(1024):
                pass
            await wire.aclose()
        await is_well(victim)
        await settled(lambda: victim.swarm.gate.count_from("127.0.0.1") == 0)


async def test_one_port_has_one_listener() -> None:
    """Bug 16: with SO_REUSEPORT two nodes share a port, without an error."""
    async with host("first") as first:
        address = first.addresses()[0].split("/p2p/")[0]
        with pytest.raises(ListenFailed, match="in use"):
            async with host("second", address):
                pass


@pytest.mark.parametrize("address", ["", "/ip4/127.0.0.1", "/ip4/127.0.0.1/udp/1", "/dns4/x/tcp/1"])
async def test_what_cannot_be_listened_on_is_said(address: str) -> None:
    with pytest.raises(ListenFailed):
        async with host("deaf", address):
            pass


async def test_strangers_addresses_are_never_dialled() -> None:
    """Bugs 19 and 20: neither by the auto-connector nor by opening a stream."""
    async with victim_and_attacker() as (victim, _):
        with socket.create_server(("127.0.0.1", 0)) as honeypot:
            honeypot.setblocking(False)
            absent = ID.from_base58("12D3KooWAXBTgGPh6Uqy6ePJEhi87BY2Ae15cgDNDSChyp3kSjSX")
            address = Multiaddr(f"/ip4/127.0.0.1/tcp/{honeypot.getsockname()[1]}")
            victim.swarm.peerstore.add_addrs(absent, [address], 3600)
            await victim.swarm.auto_connector.maybe_connect()
            with pytest.raises(SwarmException):
                await victim.host.new_stream(absent, [TProtocol(ECHO)])
            with pytest.raises(StreamRefused):
                await victim.open_stream(absent.to_base58(), ECHO)
            await victim.pubsub.router._do_px(
                [rpc_pb2.PeerInfo(peerID=absent.to_bytes(), signedPeerRecord=b"")]
            )
            with pytest.raises(BlockingIOError):
                honeypot.accept()


async def test_a_dial_that_nobody_answers_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_transport, "DIAL_MS_MAX", 100)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with host("caller") as caller:
            with pytest.raises(DialFailed, match="no answer"):
                await caller.dial(f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}")


async def test_a_stream_that_nobody_answers_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug 15."""
    monkeypatch.setattr(libp2p_transport, "STREAM_OPEN_MS_MAX", 100)
    async with victim_and_attacker() as (victim, attacker):

        async def never(stream: Any) -> None:
            await trio.sleep_forever()

        attacker.swarm.set_stream_handler(never)
        with pytest.raises(StreamRefused, match="does not answer"):
            await victim.open_stream(attacker.peer, ECHO)


async def test_no_more_connections_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_host, "CONNECTIONS_MAX", 1)
    async with victim_and_attacker() as (_, attacker), host("third") as third:
        with pytest.raises(DialFailed, match="connections are open already"):
            await attacker.dial(third.addresses()[0])


async def test_a_peers_newest_connections_stay() -> None:
    async with victim_and_attacker() as (victim, attacker):
        address, port = victim.addresses()[0].split("/")[2:5:2]
        peer_id, own_id = ID.from_base58(victim.peer), ID.from_base58(attacker.peer)
        first = attacker.swarm.get_connections(peer_id)[0]
        for _ in range(CONNECTIONS_PER_PEER_MAX + 1):
            await attacker.swarm.dial(address, int(port), peer_id)
        await settled(lambda: len(victim.swarm.get_connections(own_id)) == CONNECTIONS_PER_PEER_MAX)
        assert first not in attacker.swarm.get_connections(peer_id)
        await is_well(victim)


async def test_a_dead_far_end_is_noticed_by_the_system() -> None:
    """yamux.py:728 pings, and takes no notice of the silence."""
    async with victim_and_attacker() as (victim, attacker):
        for transport in (victim, attacker):
            raw = transport.swarm.get_connections()[0].muxed_conn.secured_conn.conn.read_writer
            sock = raw.read_write_closer.stream.stream.socket
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_leaving_does_not_wait_for_connections_one_by_one() -> None:
    """swarm.py:2307. Bound: less than the 0.2 s that each would take."""
    async with host("hub") as hub:
        async with host("a") as a, host("b") as b, host("c") as c, host("d") as d:
            for each in (a, b, c, d):
                await each.dial(hub.addresses()[0])
            await settled(lambda: len(hub.peers()) == 4)
            closing = [connection.event_closed for connection in hub.swarm.get_connections()]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hub.swarm.close_all)
                await trio.testing.wait_all_tasks_blocked()
                assert all(event.is_set() for event in closing)


# --- streams --------------------------------------------------------------------------------------


async def test_bytes_beyond_the_window_cost_the_connection() -> None:
    """yamux.py:1553: kept without bound, for a stream that nobody reads."""
    async with victim_and_attacker() as (victim, attacker):
        reading = trio.Event()

        async def never_read(stream: Stream) -> None:
            await reading.wait()

        victim.serve("/test/never/1", never_read)
        stream = (await attacker.open_stream(victim.peer, "/test/never/1"))._stream.muxed_stream
        frame = yamux.struct.pack(
            yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, stream.stream_id, 60_000
        ) + bytes(60_000)
        for _ in range(STREAM_WINDOW_BYTES // 60_000 + 2):
            try:
                await stream.conn._write_frame(frame)
            except Exception as error:  # the victim has hung up
                assert not isinstance(error, AssertionError)
        await settled(lambda: not victim.peers())
        reading.set()
        await is_well(victim)


async def test_a_frame_larger_than_the_window_costs_the_connection() -> None:
    """yamux.py:1282: read whole, up to 16 MiB, before its window is looked at."""
    async with victim_and_attacker() as (victim, attacker):
        connection = attacker.swarm.get_connections()[0].muxed_conn
        await connection._write_frame(
            yamux.struct.pack(
                yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, 1, STREAM_WINDOW_BYTES + 1
            )
        )
        await settled(lambda: not victim.peers())
        await is_well(victim)


async def test_the_window_does_not_grow() -> None:
    """yamux.py:412: up to 16 MiB for each of a peer's streams."""
    async with victim_and_attacker() as (victim, attacker):

        async def read_all(stream: Stream) -> None:
            await stream.receive_exactly(2_000_000)
            await stream.send_all(b"read.")

        victim.serve("/test/read/1", read_all)
        stream = await attacker.open_stream(victim.peer, "/test/read/1")
        await stream.send_all(bytes(2_000_000))
        assert await stream.receive_exactly(5) == b"read."
        held = victim.swarm.get_connections()[0].muxed_conn.streams.values()
        assert all(each.target_recv_window == STREAM_WINDOW_BYTES for each in held)


async def test_finished_streams_that_the_peer_never_closes_are_dropped() -> None:
    async with victim_and_attacker() as (victim, attacker):

        async def done(stream: Stream) -> None:
            await stream.send_all(b"done.")

        victim.serve("/test/done/1", done)
        connection = victim.swarm.get_connections()[0].muxed_conn
        for _ in range(STREAMS_LINGERING_PER_CONNECTION_MAX + 20):
            # Past our own limit on what we open, which an attacker does not keep to.
            protocol = [TProtocol("/test/done/1")]
            stream = await attacker.host.new_stream(ID.from_base58(victim.peer), protocol)
            assert await read_exactly(stream, 5) == b"done."
        await settled(
            lambda: (
                sum(each.send_closed for each in connection.streams.values())
                <= STREAMS_LINGERING_PER_CONNECTION_MAX + 1
            )
        )


class Wire:
    """Takes a yamux stream's frames."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.stream_buffers: dict[int, bytearray] = {}

    async def _write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)

    async def _finalize_stream(self, stream: Any, *, fully_closed: bool) -> None: ...


async def test_a_slow_reader_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """Bug 14: stock gives up after five seconds, in the middle of a message."""
    wire = Wire()
    stream = GuardedYamuxStream(1, wire, True)
    data = bytes(STREAM_WINDOW_BYTES + 10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.write, data)
        await trio.sleep(STREAM_STALL_MS_MAX / SECOND_MS - 1)
        stream.send_window += 10_000
    assert sum(len(frame) - yamux.HEADER_SIZE for frame in wire.frames) == len(data)


async def test_a_reader_that_never_reads_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    wire = Wire()
    stream = GuardedYamuxStream(1, wire, True)
    with pytest.raises(MuxedStreamReset):
        await stream.write(bytes(STREAM_WINDOW_BYTES + 1))
    assert stream.closed and stream.reset_received


async def test_a_packet_in_many_pieces_is_read() -> None:
    """Bug 13: stock gives up after a hundred."""

    class Trickle:
        def __init__(self, data: bytes) -> None:
            self.left = data
            self.reads = 0

        async def read(self, n: int) -> bytes:
            self.reads += 1
            piece, self.left = self.left[:1], self.left[1:]
            return piece

    assert await read_exactly(Trickle(b"x" * 1000), 1000) == b"x" * 1000
    ended = Trickle(b"xy")
    with pytest.raises(IncompleteReadError):
        await read_exactly(ended, 3)
    assert ended.reads == 3
    assert msgio.read_exactly is yamux.read_exactly is read_exactly


# --- what peers tell of themselves ----------------------------------------------------------------


async def test_few_short_addresses_of_a_peer_are_kept() -> None:
    """identity/update.py:22."""
    async with victim_and_attacker() as (victim, attacker):
        good = Multiaddr("/ip4/10.0.0.1/tcp/4110").to_bytes()
        message = Identify(
            listen_addrs=[b"\xff" * 10, b"\x00" * (ADDRESS_BYTES_MAX + 1), good] + [good] * 1000,
            protocols=["/x"] * 1000,
        )
        peer_id = ID.from_base58(attacker.peer)
        await libp2p_host.BasicHost._identify_peer.__globals__["update_peerstore_from_identify"](
            victim.swarm.peerstore, peer_id, message
        )
        assert len(victim.swarm.peerstore.addrs(peer_id)) <= PEER_ADDRESSES_MAX
        assert f"/ip4/10.0.0.1/tcp/4110/p2p/{attacker.peer}" in victim.addresses_of(attacker.peer)


async def test_nothing_is_kept_of_a_peer_that_has_gone() -> None:
    async with host("victim") as victim:
        async with host("visitor") as visitor:
            await visitor.dial(victim.addresses()[0])
            assert isinstance(await victim.events.receive(), PeerUp)
        assert isinstance(await victim.events.receive(), PeerDown)
        await settled(lambda: not victim.swarm.peerstore.has_peer(ID.from_base58(visitor.peer)))


async def test_a_peer_cannot_push_itself_into_the_books() -> None:
    async with victim_and_attacker() as (victim, attacker):
        with pytest.raises(StreamRefused):
            await attacker.open_stream(victim.peer, "/ipfs/id/push/1.0.0")


async def test_the_library_does_not_write_on_our_terminal() -> None:
    """Bug 24: swarm_connection.py calls the root logger's functions, which install a handler."""
    root = logging.getLogger()
    before, handlers = list(root.handlers), list(root.handlers)
    for handler in handlers:
        root.removeHandler(handler)
    try:
        async with victim_and_attacker() as (victim, attacker):
            await attacker.disconnect(victim.peer)
            assert root.handlers == []
    finally:
        for handler in before:
            root.addHandler(handler)
    assert logging.getLogger("libp2p").propagate
    assert swarm_connection.logging is not logging
