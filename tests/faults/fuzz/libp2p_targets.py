"""Fuzz targets for what peers send below the records: handshakes, muxed frames, the choice of
protocols, identify, and gossip's RPCs through the whole router. Bytes in memory; no socket."""

import random
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from typing import Any

import trio
import trio.testing
from google.protobuf.message import DecodeError, Message
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.secp256k1 import create_new_key_pair as create_secp256k1_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore, PeerStoreError
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import PUBSUB_SIGNING_PREFIX
from libp2p.security.noise.messages import (
    NoiseHandshakePayload,
    make_handshake_payload_sig,
    verify_handshake_payload_sig,
)
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamError
from libp2p.stream_muxer.yamux import yamux
from libp2p.utils import encode_delim, encode_varint_prefixed
from multiaddr import Multiaddr

from jangteo.node.gossip import GossipIn
from jangteo.node.libp2p_guard import GuardedYamux, take_identify
from jangteo.node.libp2p_pubsub import GOSSIP_PROTOCOL
from jangteo.node.libp2p_rpc import BadRpc
from jangteo.node.libp2p_transport import open_libp2p
from jangteo.protocol import canonical, limits
from jangteo.protocol.market import OPEN, topic
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated_bytes
from tests.faults.fuzz.wire_targets import ADDRESS, Taking, records, run_address
from tests.market_maker import NOW_MS

STRANGER = create_new_key_pair(bytes(range(32)))
STRANGER_ID = ID.from_pubkey(STRANGER.public_key)
SECONDS_MAX = 3600
TO_SIGN = b"sign"
"""In place of a signature, that this message is to be signed before it is sent."""


def run_virtually(job: Callable[[], Awaitable[None]]) -> None:
    """In a world whose clock jumps whenever nobody has anything to do."""

    async def bounded() -> None:
        with trio.fail_after(SECONDS_MAX):
            await job()

    trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0))


class Told:
    """A connection, and a stream, on which everything that will ever be said has been said."""

    is_initiator = False
    peer_id = STRANGER_ID

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.asked_bytes_max = 0
        self.event_closed = trio.Event()
        self.muxed_conn = self

    def get_remote_address(self) -> tuple[str, int]:
        return "192.168.0.9", 4110

    async def read(self, count: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        self.asked_bytes_max = max(self.asked_bytes_max, count or 0)
        piece = self._data[:count]
        self._data = self._data[len(piece) :]
        return piece

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:
        self.event_closed.set()
        await trio.lowlevel.checkpoint()

    reset = close


# --- the handshake --------------------------------------------------------------------------------

NOISE_KEY = create_noise_key_pair().private_key.get_public_key()


def run_handshake(data: bytes) -> None:
    """What a stranger says of itself inside the Noise handshake."""
    try:
        told = NoiseHandshakePayload.deserialize(data)
    except ValueError:
        return
    key = told.id_pubkey.to_bytes()
    assert len(key) <= limits.PEER_KEY_BYTES_MAX + 64  # written in a longer form than read
    if verify_handshake_payload_sig(told, NOISE_KEY):
        assert len(ID.from_pubkey(told.id_pubkey).to_bytes()) <= 64


def seeds_handshake() -> Iterator[bytes]:
    for pair in (STRANGER, create_secp256k1_key_pair(bytes(range(1, 33)))):
        signature = make_handshake_payload_sig(pair.private_key, NOISE_KEY)
        yield NoiseHandshakePayload(pair.public_key, signature).serialize()


# --- muxed frames, and the choice of a protocol ---------------------------------------------------


def run_yamux(data: bytes) -> None:
    run_virtually(partial(_mux, data))


async def _mux(data: bytes) -> None:
    """Whatever is said, the connection ends with it, and nothing is kept."""
    connection = GuardedYamux(Told(data), STRANGER_ID, is_initiator=False)

    async def read_one(stream: Any) -> None:
        try:
            while await stream.read(1000):
                pass
            await stream.write(b"answer")
            await stream.close()
        except (MuxedStreamError, IOException):
            await stream.reset()

    async def read_all(nursery: trio.Nursery) -> None:
        try:
            while True:
                nursery.start_soon(read_one, await connection.accept_stream())
        except MuxedConnUnavailable:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_all, nursery)
        await connection.start()
    assert connection.event_shutting_down.is_set()
    held = sum(map(len, connection.stream_buffers.values()))
    assert held <= len(data)


def frame(kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, kind, flags, stream, length) + body


def seeds_yamux() -> Iterator[bytes]:
    opened = frame(1, 1, 1, 0)
    hello = encode_delim(b"/multistream/1.0.0")
    yield opened + frame(0, 0, 1, len(hello), hello) + frame(0, 4, 1, 0)
    yield opened + frame(1, 1, 3, 4096) + frame(0, 1, 5, 2, b"hi") + frame(1, 8, 3, 0)
    yield frame(2, 1, 0, 7) + frame(2, 2, 0, 7) + frame(3, 0, 0, 0)
    yield opened + frame(1, 2, 1, 2**32 - 1) + frame(0, 2, 1, 3, b"abc") + frame(1, 4, 1, 0)
    yield frame(0, 0, 9, 3, b"abc") + opened + opened + frame(3, 0, 0, 2)


def mutate_yamux(dice: random.Random, data: bytes) -> bytes:
    """A field of a header changed, a frame more or less, or any byte."""
    told = bytearray(data)
    if len(told) < yamux.HEADER_SIZE or dice.random() < 0.3:
        return mutated_bytes(dice, data)
    starts = [0]
    while starts[-1] + yamux.HEADER_SIZE <= len(told):
        head = struct.unpack_from(yamux.YAMUX_HEADER_FORMAT, told, starts[-1])
        starts.append(starts[-1] + yamux.HEADER_SIZE + (head[4] if head[1] == 0 else 0))
    at = dice.choice(starts[:-1])
    version, kind, flags, stream, length = struct.unpack_from(yamux.YAMUX_HEADER_FORMAT, told, at)
    match dice.randrange(5):
        case 0:
            kind = dice.randrange(5)
        case 1:
            flags = dice.choice((0, 1, 2, 4, 8, 3, 5, 9, 15, 0xFFFF))
        case 2:
            stream = dice.choice((0, 1, 2, 3, 5, 2**32 - 1))
        case 3:
            lengths = (0, 1, length + 1, limits.STREAM_WINDOW_BYTES, 2**31, 2**32 - 1)
            length = min(dice.choice(lengths), 2**32 - 1)
        case _:
            return bytes(told[:at]) + bytes(told[at:]) + bytes(told[at : at + 64])
    struct.pack_into(yamux.YAMUX_HEADER_FORMAT, told, at, version, kind, flags, stream, length)
    return bytes(told)


PROTOCOLS = ("/meshsub/1.1.0", "/jangteo/sync/1", "/ipfs/id/1.0.0")


def run_multistream(data: bytes) -> None:
    run_virtually(partial(_choose, data))


async def _choose(data: bytes) -> None:
    served = Multiselect(dict.fromkeys(PROTOCOLS))
    stranger = Told(data)
    try:
        chosen, _ = await served.negotiate(MultiselectCommunicator(stranger))
        assert chosen in PROTOCOLS
    except (MultiselectError, UnicodeDecodeError):
        pass  # the latter is the library's: libp2p_host.py ends the stream for any error
    assert stranger.asked_bytes_max <= limits.NEGOTIATION_BYTES_MAX


def seeds_multistream() -> Iterator[bytes]:
    hello = encode_delim(b"/multistream/1.0.0")
    for words in ([b"/jangteo/sync/1"], [b"ls", b"/nothing/1", b"/meshsub/1.1.0"], [b"", b"na"]):
        yield hello + b"".join(map(encode_delim, words))


# --- identify -------------------------------------------------------------------------------------


def run_identify(data: bytes) -> None:
    try:
        told = Identify.FromString(data)
    except DecodeError:
        return
    peerstore = PeerStore()
    trio.run(take_identify, peerstore, STRANGER_ID, told)
    try:
        kept = peerstore.addrs(STRANGER_ID)
    except PeerStoreError:
        return
    assert len(kept) <= limits.PEER_ADDRESSES_MAX
    for address in kept:
        run_address(str(address).encode())


def seeds_identify() -> Iterator[bytes]:
    addresses = [
        ADDRESS,
        "/ip6/fe80::1/tcp/4110",
        "/dns4/example.org/tcp/443/wss",
        "/ip4/10.0.0.1/udp/4001/quic-v1",
        "/ip4/10.0.0.1/tcp/1/p2p-circuit",
    ]
    yield Identify(
        protocol_version="ipfs/0.1.0",
        agent_version="other/1",
        public_key=STRANGER.public_key.serialize(),
        listen_addrs=[Multiaddr(each).to_bytes() for each in addresses],
        observed_addr=Multiaddr("/ip4/10.0.0.2/tcp/9").to_bytes(),
        protocols=PROTOCOLS,
    ).SerializeToString()
    yield Identify(listen_addrs=[b"\x04\x7f\x00\x00\x01\x06\x00\x01"] * 40).SerializeToString()


# --- RPCs -----------------------------------------------------------------------------------------


def run_rpc(data: bytes) -> None:
    """RPCs, each after its length, through the router of a node that is in two topics."""
    run_virtually(partial(_route, data))


async def _route(data: bytes) -> None:
    gossip = GossipIn(Taking(takes=True), now_ms=lambda: NOW_MS)  # type: ignore[arg-type]
    async with open_libp2p(bytes(32), []) as node:
        for market in (OPEN, "commons"):
            await node.join(topic(market), partial(gossip.handle, market))
        stream = Told(data)
        pubsub = node.pubsub
        pubsub.router.add_peer(STRANGER_ID, GOSSIP_PROTOCOL)
        pubsub.peers[STRANGER_ID] = stream
        with suppress(BadRpc):
            await pubsub.stream_handler(stream)
        await trio.sleep(5)  # for what the router puts off to its heartbeat
        assert len(pubsub.seen_messages) <= limits.GOSSIP_SEEN_MAX


def sign_all(rpc: Any) -> bytes:
    """The RPC behind its length, with signatures where one is to be."""
    for number, message in enumerate(rpc.publish):
        if message.signature != TO_SIGN:
            continue
        message.ClearField("signature")
        message.ClearField("key")
        message.from_id = STRANGER_ID.to_bytes()
        message.seqno = message.seqno or number.to_bytes(8, "big")
        content = PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString()
        message.signature = STRANGER.private_key.sign(content)
    return bytes(encode_varint_prefixed(rpc.SerializeToString()))


@cache
def rpcs() -> tuple[Any, ...]:
    """RPCs as they are before they are signed."""
    raws = [record.raw for record in records()]
    here, elsewhere = topic(OPEN), topic("elsewhere")
    published = rpc_pb2.RPC()
    for raw in raws[:3]:
        published.publish.add(data=canonical.encode([raw]), topicIDs=[here], signature=TO_SIGN)
    controls = rpc_pb2.RPC()
    controls.control.graft.add(topicID=here)
    controls.control.prune.add(topicID=here, backoff=60)
    controls.control.ihave.add(topicID=here, messageIDs=[b"a" * 20, b"b" * 20])
    controls.control.iwant.add(messageIDs=[b"a" * 20])
    controls.control.idontwant.add(messageIDs=[b"a" * 20])
    subscribed = rpc_pb2.RPC()
    for name in (here, elsewhere, "x" * 200):
        subscribed.subscriptions.add(subscribe=True, topicid=name)
    odd = rpc_pb2.RPC()
    odd.publish.add(data=b"x", topicIDs=[here, elsewhere], signature=TO_SIGN)
    odd.publish.add(data=b"\x90", topicIDs=[here], signature=TO_SIGN)
    odd.publish.add(data=b"x", topicIDs=[here], from_id=b"\x12\x20" + bytes(32), key=b"\x08\x00")
    return published, controls, subscribed, odd


def seeds_rpc() -> Iterator[bytes]:
    signed = [sign_all(_copy(rpc)) for rpc in rpcs()]
    yield from signed
    yield b"".join(reversed(signed))


def _copy(rpc: Message) -> Any:
    return rpc_pb2.RPC.FromString(rpc.SerializeToString())


def mutate_rpc(dice: random.Random, data: bytes) -> bytes:
    """Mostly an RPC changed before it is signed, with others before and behind it."""
    if dice.random() < 0.4:
        return mutated_bytes(dice, data)
    told = data if dice.random() < 0.5 else b""
    for _ in range(dice.randint(1, 3)):
        changed = mutated_bytes(dice, dice.choice(rpcs()).SerializeToString())
        try:
            told += sign_all(rpc_pb2.RPC.FromString(changed))
        except (DecodeError, ValueError):
            told += encode_varint_prefixed(changed)
    return told


TARGETS = [
    Target("handshake", run_handshake, seeds_handshake, bytes_max=65_535),
    Target("yamux", run_yamux, seeds_yamux, mutate_yamux),
    Target("multistream", run_multistream, seeds_multistream, bytes_max=2048),
    Target("identify", run_identify, seeds_identify),
    Target("rpc", run_rpc, seeds_rpc, mutate_rpc, 65_536),
]
