"""Attacks on a real node's connections over loopback, and on its books of peers: one for each guard
of node/libp2p_host.py and node/libp2p_transport.py. Each fails when its guard is taken out.
"""

import logging
import random
import socket
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing
from Crypto.PublicKey import RSA
from Crypto.Util.asn1 import DerSequence
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.pb.crypto_pb2 import KeyType, PublicKey
from libp2p.crypto.serialization import deserialize_public_key
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.network.connection import swarm_connection
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.peer.peerstore import create_signed_peer_record
from libp2p.protocol_muxer.exceptions import MultiselectCommunicatorError
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.pubsub.pb import rpc_pb2
from libp2p.stream_muxer.exceptions import MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux
from libp2p.utils.varint import encode_uvarint
from multiaddr import Multiaddr

from jangteo.node import libp2p_guard, libp2p_host, libp2p_transport
from jangteo.node.transport import DialFailed, ListenFailed, PeerDown, PeerUp, StreamRefused
from jangteo.protocol.limits import (
    ADDRESS_BYTES_MAX,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_PEER_MAX,
    DIAL_ADDRESSES_MAX,
    NEGOTIATION_BYTES_MAX,
    PEER_ADDRESSES_MAX,
    PEER_KEY_BYTES_MAX,
    SECOND_MS,
    SHUTDOWN_MS_MAX,
)
from jangteo.protocol.verdict import Verdict
from tests.loopback import (
    ABSENT,
    ECHO,
    PATIENCE_S,
    SEED,
    TOPIC,
    attack,
    echo,
    host,
    is_reset,
    is_well,
    settled,
    victim_and_attacker,
)

pytestmark = pytest.mark.trio


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


async def test_nobody_is_dialled_of_the_librarys_own_accord(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bug 20."""
    async with victim_and_attacker() as (victim, _):
        asked: list[ID] = []

        async def note(peer_id: ID) -> list[Any]:
            asked.append(peer_id)
            return []

        monkeypatch.setattr(victim.swarm, "dial_peer", note)
        absent = ID.from_base58(ABSENT)
        victim.swarm.peerstore.add_addrs(absent, [Multiaddr("/ip4/127.0.0.1/tcp/9")], 3600)
        await victim.swarm.auto_connector.maybe_connect()
        assert asked == []


async def test_peers_that_a_prune_offers_are_not_kept() -> None:
    async with victim_and_attacker() as (victim, _):
        key_pair = create_new_key_pair(bytes(32))
        offered = ID.from_pubkey(key_pair.public_key)
        address = Multiaddr("/ip4/127.0.0.1/tcp/9")
        record = create_signed_peer_record(offered, [address], key_pair.private_key)
        await victim.pubsub.router._do_px(
            [
                rpc_pb2.PeerInfo(
                    peerID=offered.to_bytes(), signedPeerRecord=record.marshal_envelope()
                )
            ]
        )
        assert not victim.swarm.peerstore.has_peer(offered)


async def test_strangers_addresses_are_never_dialled() -> None:
    """Bug 19: opening a stream dials, after 250 ms and against a negative cache."""
    async with victim_and_attacker() as (victim, _):
        with socket.create_server(("127.0.0.1", 0)) as honeypot:
            honeypot.setblocking(False)
            absent = ID.from_base58(ABSENT)
            address = Multiaddr(f"/ip4/127.0.0.1/tcp/{honeypot.getsockname()[1]}")
            victim.swarm.peerstore.add_addrs(absent, [address], 3600)
            with pytest.raises(SwarmException):
                await victim.host.new_stream(absent, [TProtocol(ECHO)])
            with pytest.raises(StreamRefused):
                await victim.open_stream(absent.to_base58(), ECHO)
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


async def test_connections_of_its_own_making_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How many there are in all is for the gate and the dialler; connection_pruner.py:239 would
    close some."""
    monkeypatch.setattr(libp2p_host, "CONNECTIONS_MAX", 1, raising=False)
    async with host("busy") as busy, host("one") as one, host("two") as two, host("guest") as guest:
        for named in (one, two):
            await busy.dial(named.addresses()[0])
        await guest.dial(busy.addresses()[0])
        await settled(lambda: len(busy.peers()) == 3)
        config = busy.swarm.connection_config
        assert config.high_watermark >= CONNECTIONS_INBOUND_MAX + DIAL_ADDRESSES_MAX


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


async def test_all_connections_of_a_peer_are_closed_also_one_that_is_just_made() -> None:
    """swarm.py:2371 forgets one that was made meanwhile, and leaves it open."""
    async with victim_and_attacker() as (victim, attacker):
        address, port = victim.addresses()[0].split("/")[2:5:2]
        peer_id, own_id = ID.from_base58(victim.peer), ID.from_base58(attacker.peer)
        await attacker.swarm.dial(address, int(port), peer_id)
        await settled(lambda: len(victim.swarm.get_connections(own_id)) == 2)
        first, second = list(victim.swarm.get_connections(own_id))
        victim.swarm.connections[own_id].remove(second)
        close = first.close

        async def close_slowly() -> None:
            victim.swarm.connections[own_id].append(second)
            await close()

        first.close = close_slowly
        await victim.disconnect(attacker.peer)
        assert first.is_closed and second.is_closed
        await settled(lambda: not victim.peers())


async def test_who_is_not_wanted_is_hung_up_on_before_it_is_in_the_books() -> None:
    async with host("victim") as victim, host("attacker") as attacker:
        victim.may_stay = lambda peer: peer != attacker.peer
        with pytest.raises(DialFailed):
            await attacker.dial(victim.addresses()[0])
        assert not victim.swarm.connections
        await settled(lambda: victim.swarm.gate.count_from("127.0.0.1") == 0)


@pytest.mark.parametrize("is_dialled", [True, False])
async def test_who_is_banned_while_it_connects_does_not_stay(is_dialled: bool) -> None:
    async with host("victim") as victim, host("attacker") as attacker:
        add_conn, banned = victim.swarm.add_conn, False

        async def ban_meanwhile(muxed: Any, direction: str) -> Any:
            nonlocal banned
            banned = True
            return await add_conn(muxed, direction=direction)

        victim.may_stay = lambda peer: not banned
        victim.swarm.add_conn = ban_meanwhile
        with suppress(DialFailed):
            if is_dialled:
                await victim.dial(attacker.addresses()[0])
            else:
                await attacker.dial(victim.addresses()[0])
        assert banned or not is_dialled
        await settled(lambda: not victim.peers() and not attacker.peers())


async def test_connections_from_an_address_that_is_gone_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TCP retries for half a minute, and hears nothing."""
    monkeypatch.setattr(libp2p_transport, "OWN_ADDRESSES_EVERY_MS", 50)
    async with victim_and_attacker() as (victim, _):
        (connection,) = victim.swarm.get_connections()
        assert connection.muxed_conn.local_ip == "127.0.0.1"
        for ip, is_kept in (("127.0.0.9", True), (own_address(), True), ("192.0.2.1", False)):
            connection.muxed_conn.local_ip = ip
            await victim.swarm.close_of(libp2p_transport.own_addresses())
            assert connection.is_closed != is_kept
        await settled(lambda: not victim.peers())


def own_address() -> str:
    return max(libp2p_transport.own_addresses(), key=lambda ip: not ip.startswith("127."))


async def test_a_dead_far_end_is_noticed_by_the_system() -> None:
    """yamux.py:728 pings, and takes no notice of the silence."""
    async with victim_and_attacker() as (victim, attacker):
        for transport in (victim, attacker):
            raw = transport.swarm.get_connections()[0].muxed_conn.secured_conn.conn.read_writer
            sock = raw.read_write_closer.stream.stream.socket
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_peer_that_does_not_read_does_not_keep_the_node_from_leaving() -> None:
    """yamux.py:785: the goodbye waits behind a writer that is stuck."""
    stuck = trio.Event()

    async def hold(lock: trio.Lock) -> None:
        async with lock:
            stuck.set()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery, host("deaf") as deaf:
        async with host("leaving") as leaving:
            await leaving.dial(deaf.addresses()[0])
            connection = leaving.swarm.get_connections()[0].muxed_conn
            nursery.start_soon(hold, connection._write_lock)
            await stuck.wait()
            left_at = trio.current_time()
        # The promise itself; and nothing can be cancelled while it leaves.
        assert trio.current_time() - left_at < SHUTDOWN_MS_MAX / SECOND_MS
        nursery.cancel_scope.cancel()


async def test_a_goodbye_that_takes_long_leaves_nothing_in_the_books() -> None:
    """yamux.py:785: cut short behind its goodbye, it leaves the swarm with a connection that is
    closed and stays for ever, and a peer that is never dialled again."""
    async with host("slow") as slow, host("leaving") as leaving:
        await slow.dial(leaving.addresses()[0])
        await settled(lambda: leaving.swarm.gate.established_count == 1)
        connection = leaving.swarm.get_connections()[0].muxed_conn

        async def write_slowly(data: bytes) -> None:
            if data[1] == yamux.TYPE_GO_AWAY:
                await trio.sleep(libp2p_guard.GOODBYE_S - 0.05)

        forget, begun, done = connection.on_close, [], []

        async def forget_slowly() -> None:
            begun.append(None)
            await trio.sleep(0.1)
            await forget()
            done.append(None)

        connection._frames._session.write = write_slowly
        connection.on_close = forget_slowly
        (admission,) = leaving.swarm.gate._established
        admission.stay.cancel()
        await settled(lambda: not leaving.peers() and len(done) == len(begun))
        assert begun and not leaving.swarm.get_connections()


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
            await settled(lambda: len(victim.addresses_of(visitor.peer)) > 0)  # identified
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


async def test_only_addresses_that_can_be_dialled_are_told() -> None:
    """Bug 22: 0.0.0.0 is announced as it is."""
    async with host("everywhere", "/ip4/0.0.0.0/tcp/0") as everywhere, host("caller") as caller:
        found = everywhere.addresses()
        assert found
        assert not any("/0.0.0.0/" in one for one in found)
        assert found[-1].startswith("/ip4/127.")
        for address in found:
            assert await caller.dial(address) == everywhere.peer
            await caller.disconnect(everywhere.peer)
        told = [str(one) for one in everywhere.host.get_addrs()]
        assert told == found


async def test_failures_of_strangers_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with victim_and_attacker() as (victim, attacker):
        caplog.clear()
        for _ in range(9):
            await is_reset(await attack(attacker, victim, b"\x04\xff\xff\xff\xff"))
        warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert len(warnings) == 4  # the 1st, 2nd, 4th and 8th


async def test_what_a_negotiation_may_hold_is_bounded() -> None:
    """varint.py:153: 1.4 GB for four strangers, before any authentication."""
    stranger = Endless(encode_uvarint(2**31))
    with pytest.raises(MultiselectCommunicatorError):
        await MultiselectCommunicator(stranger).read()
    assert stranger.taken_bytes <= NEGOTIATION_BYTES_MAX
    longest = b"x" * (NEGOTIATION_BYTES_MAX - 1) + b"\n"
    honest = Endless(encode_uvarint(len(longest)) + longest)
    assert await MultiselectCommunicator(honest).read() == "x" * (NEGOTIATION_BYTES_MAX - 1)


class Endless:
    """Says `data`, then zeros for as long as it is listened to."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.taken_bytes = 0

    async def read(self, count: int) -> bytes:
        count = min(count, 2**16)
        piece, self._data = self._data[:count], self._data[count:]
        piece = piece or bytes(count)
        self.taken_bytes += len(piece)
        return piece


async def test_a_key_of_impossible_length_is_not_looked_at() -> None:
    """crypto/rsa.py:72: 6 s of the node's only thread for 60 kB, before any authentication."""
    longest = RSA.generate(4096).public_key().export_key("DER")
    assert len(longest) <= PEER_KEY_BYTES_MAX
    assert deserialize_public_key(key_message(longest)).to_bytes()
    modulus, exponent = 2**4095 + 1, 2**4000 + 1
    too_long = DerSequence([modulus, exponent]).encode()
    with pytest.raises(ValueError, match="a key of"):
        deserialize_public_key(key_message(too_long))


def key_message(der: bytes) -> bytes:
    return bytes(PublicKey(key_type=KeyType.RSA, data=der).SerializeToString())
