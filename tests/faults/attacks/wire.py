"""One hostile connection: TCP, multistream, Noise, yamux and streams, each spoken by hand, so that
an attack can lie at any layer. Only Noise's arithmetic is a library's.

Knows no gossip, no records and no attacks. Nothing here keeps to a window, a limit or a manner
unless it is asked to.
"""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import nacl.signing
import trio
from noise.connection import Keypair, NoiseConnection

MULTISTREAM = b"/multistream/1.0.0"
NOISE = b"/noise"
YAMUX = b"/yamux/1.0.0"
IDENTIFY = b"/ipfs/id/1.0.0"
MESHSUB = b"/meshsub/1.1.0"
SYNC = b"/jangteo/sync/1"

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
_HEADER = struct.Struct("!BBHII")
_NOISE_PLAIN_MAX = 65_535 - 16
_WINDOW_BYTES = 256 * 1024
_STEP_S = 10.0
_KEY_HEAD = b"\x08\x01\x12\x20"  # protobuf: Type Ed25519, then 32 bytes


class Gone(Exception):
    """The other side has hung up, or reset the stream: the attack has been noticed."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int


def varint(value: int) -> bytes:
    """Little-endian base 128, as multistream and protobuf have it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def line(text: bytes) -> bytes:
    """A multistream message."""
    return varint(len(text) + 1) + text + b"\n"


def frame(kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> bytes:
    """A yamux frame; `length` is what it claims, whatever `body` is."""
    return _HEADER.pack(0, kind, flags, stream, length) + body


class Identity:
    """A peer key, made from text."""

    def __init__(self, seed: bytes) -> None:
        self.key = nacl.signing.SigningKey(seed)
        self.public_key = _KEY_HEAD + bytes(self.key.verify_key)
        self.peer = b"\x00\x24" + self.public_key  # identity multihash

    def sign(self, message: bytes) -> bytes:
        return bytes(self.key.sign(message).signature)


class Tcp:
    """A TCP connection to the target, with a buffer that reads by count."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = bytearray()

    @classmethod
    async def connect(cls, target: Target, source: str) -> "Tcp":
        sock = trio.socket.socket()
        try:
            await sock.bind((source, 0))
            with trio.fail_after(_STEP_S):
                await sock.connect((target.host, target.port))
        except (OSError, trio.TooSlowError) as error:
            sock.close()
            raise Gone(f"no connection: {error!r}") from None
        return cls(trio.SocketStream(sock))

    async def send(self, data: bytes) -> None:
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Gone("hung up") from error

    async def receive(self, count: int) -> bytes:
        while len(self._buffer) < count:
            try:
                piece = await self.stream.receive_some(65_536)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                piece = b""
            if not piece:
                raise Gone("hung up")
            self._buffer += piece
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def receive_line(self) -> bytes:
        """A multistream message, without its newline."""
        length = (await self.receive(1))[0]
        return (await self.receive(length))[:-1]

    def close(self) -> None:
        self.stream.socket.close()


class Secured:
    """Noise XX over `tcp`, as the side that dials."""

    def __init__(self, tcp: Tcp, identity: Identity) -> None:
        self.tcp = tcp
        self.identity = identity
        self.noise = NoiseConnection.from_name(b"Noise_XX_25519_ChaChaPoly_SHA256")
        self.noise.set_keypair_from_private_bytes(
            Keypair.STATIC, nacl.signing.SigningKey.generate().encode()
        )
        self.noise.set_as_initiator()
        self.noise.start_handshake()
        self._plain = bytearray()
        self._turn = trio.Lock()

    @property
    def static_key(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        static: Any = self.noise.noise_protocol.keypairs["s"]
        return bytes(static.public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def payload(self) -> bytes:
        """The honest handshake payload."""
        proof = self.identity.sign(b"noise-libp2p-static-key:" + self.static_key)
        return b"\x0a" + varint(36) + self.identity.public_key + b"\x12" + varint(64) + proof

    async def send_packet(self, data: bytes) -> None:
        await self.tcp.send(len(data).to_bytes(2, "big") + data)

    async def receive_packet(self) -> bytes:
        return await self.tcp.receive(int.from_bytes(await self.tcp.receive(2), "big"))

    async def shake_hands(self, payload: bytes | None = None) -> None:
        """The three messages; the last with `payload` instead of the honest one."""
        await self.send_packet(bytes(self.noise.write_message(b"")))
        self.noise.read_message(await self.receive_packet())
        told = self.payload() if payload is None else payload
        await self.send_packet(bytes(self.noise.write_message(told)))

    async def send(self, plain: bytes) -> None:
        async with self._turn:
            for begin in range(0, len(plain), _NOISE_PLAIN_MAX):
                part = bytes(plain[begin : begin + _NOISE_PLAIN_MAX])
                await self.send_packet(bytes(self.noise.encrypt(part)))

    async def receive(self, count: int) -> bytes:
        while len(self._plain) < count:
            self._plain += self.noise.decrypt(await self.receive_packet())
        data = bytes(self._plain[:count])
        del self._plain[:count]
        return data

    async def receive_line(self) -> bytes:
        length = (await self.receive(1))[0]
        return (await self.receive(length))[:-1]


@dataclass(eq=False, slots=True)
class Lane:
    """A yamux stream. `send` pays no heed to windows; what comes is acknowledged unless deaf."""

    wire: "Wire"
    number: int
    is_deaf: bool = False
    is_over: bool = False
    is_ended: bool = False
    buffer: bytearray = field(default_factory=bytearray)
    changed: trio.Event = field(default_factory=trio.Event)
    room: int = _WINDOW_BYTES

    async def send(self, data: bytes) -> None:
        """Within the other side's window, so that it cannot hang up for that."""
        view = memoryview(data)
        while view:
            while self.room <= 0:
                if self.is_over:
                    raise Gone("stream reset")
                await self.changed.wait()
            if self.is_over:
                raise Gone("stream reset")
            part = view[: min(self.room, 60_000)]
            self.room -= len(part)
            await self.wire.send(frame(DATA, 0, self.number, len(part), bytes(part)))
            view = view[len(part) :]

    async def receive(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if self.is_over or self.is_ended:
                raise Gone("stream over")
            await self.changed.wait()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    async def receive_line(self) -> bytes:
        length = (await self.receive(1))[0]
        return (await self.receive(length))[:-1]

    async def reset(self) -> None:
        await self.wire.send(frame(WINDOW, RST, self.number, 0))

    async def until_over(self) -> None:
        while not (self.is_over or self.is_ended):
            self.buffer.clear()
            await self.changed.wait()

    def tell(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


Answer = Callable[[Lane], Awaitable[None]]


class Wire:
    """A whole connection with a demultiplexer. `answers` are what it does on streams that the
    target opens, by protocol; others are refused."""

    def __init__(self, secured: Secured, nursery: trio.Nursery) -> None:
        self.secured = secured
        self.answers: dict[bytes, Answer] = {}
        self.is_over = False
        self.is_deaf = False
        self.over = trio.Event()
        self._lanes: dict[int, Lane] = {}
        self._next = 1
        self._nursery = nursery

    async def send(self, data: bytes) -> None:
        if self.is_over:
            raise Gone("hung up")
        await self.secured.send(data)

    def lane(self) -> Lane:
        """A stream with the next number, of which nobody else knows yet."""
        lane = Lane(self, self._next)
        self._lanes[lane.number] = lane
        self._next += 2
        return lane

    async def open(self, protocol: bytes) -> Lane:
        """A stream on which `protocol` was agreed. Gone if it was not."""
        lane = self.lane()
        await self.send(frame(WINDOW, SYN, lane.number, 0))
        await lane.send(line(MULTISTREAM) + line(protocol))
        with trio.move_on_after(_STEP_S):
            await lane.receive_line()
            if await lane.receive_line() == protocol:
                return lane
        raise Gone("protocol refused")

    async def run(self) -> None:
        """Reads until the end."""
        try:
            while not self.is_deaf:
                header = _HEADER.unpack(await self.secured.receive(_HEADER.size))
                await self._take(*header[1:])
            await trio.sleep_forever()
        except Gone:
            return
        finally:
            self.is_over = True
            self.over.set()
            for lane in self._lanes.values():
                lane.is_over = True
                lane.tell()

    async def _take(self, kind: int, flags: int, number: int, length: int) -> None:
        body = await self.secured.receive(length) if kind == DATA else b""
        if kind == PING and flags & SYN:
            await self.send(frame(PING, ACK, 0, length))
            return
        lane = self._lanes.get(number)
        if lane is None and flags & SYN:
            lane = self._lanes[number] = Lane(self, number)
            await self.send(frame(WINDOW, ACK, number, 0))
            self._nursery.start_soon(self._answer, lane)
        if lane is None:
            return
        if kind == WINDOW:
            lane.room += length
        if body and not lane.is_deaf:
            lane.buffer += body
            await self.send(frame(WINDOW, 0, number, len(body)))
        lane.is_over |= bool(flags & RST)
        lane.is_ended |= bool(flags & FIN)
        lane.tell()

    async def _answer(self, lane: Lane) -> None:
        try:
            await lane.send(line(MULTISTREAM))
            await lane.receive_line()
            while (wanted := await lane.receive_line()) not in self.answers:
                await lane.send(line(b"na"))
            await lane.send(line(wanted))
            await self.answers[wanted](lane)
        except Gone:
            return

    def close(self) -> None:
        self.secured.tcp.close()


async def shake_hands(target: Target, identity: Identity, source: str) -> Secured:
    """TCP, multistream and Noise, as any honest peer has them."""
    tcp = await Tcp.connect(target, source)
    try:
        with trio.fail_after(_STEP_S):
            await tcp.send(line(MULTISTREAM) + line(NOISE))
            for wanted in (MULTISTREAM, NOISE):
                if await tcp.receive_line() != wanted:
                    raise Gone("refused")
            secured = Secured(tcp, identity)
            await secured.shake_hands()
    except BaseException as error:
        tcp.close()
        if isinstance(error, trio.TooSlowError):
            raise Gone("no answer to a handshake") from None
        raise
    return secured


async def connect(target: Target, identity: Identity, nursery: trio.Nursery, source: str) -> Wire:
    """As `shake_hands`, then yamux: a whole connection, which runs in `nursery`."""
    secured = await shake_hands(target, identity, source)
    try:
        with trio.fail_after(_STEP_S):
            await secured.send(line(MULTISTREAM) + line(YAMUX))
            for wanted in (MULTISTREAM, YAMUX):
                if await secured.receive_line() != wanted:
                    raise Gone("refused")
    except BaseException as error:
        secured.tcp.close()
        if isinstance(error, trio.TooSlowError):
            raise Gone("no answer to yamux") from None
        raise
    wire = Wire(secured, nursery)
    nursery.start_soon(wire.run)
    return wire
