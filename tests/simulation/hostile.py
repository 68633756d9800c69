"""Members of a simulation that are up to no good, on the bare in-memory transport.

They speak the protocol as far as it serves them. Each mischief is a pair of deeds: what it does to
others now and then, and what it answers when others open a stream. Knows no node.
"""

import random
from collections.abc import Callable

import trio

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.node.gossip import messages
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.transport import DialFailed, Stream, TransportError
from jangteo.protocol import limits, sync_frame
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import COMMONS, OPEN, topic
from jangteo.protocol.sync_frame import (
    Bye,
    Frame,
    Get,
    Hello,
    MarketSummary,
    Push,
    Pushed,
    Range,
    Recon,
    Records,
)
from jangteo.protocol.verdict import Verdict

from .scenario import Member, Mischief

_EVERY_S = 12.0
_HEARD_MAX = 200
_RECON_LIST_ALL = b"\x61\x00\x00\x02"  # one range, up to infinity, as a list


class Hostile:
    """One hostile member. `run` until cancelled."""

    def __init__(
        self, member: Member, transport: MemoryTransport, seed: int, now_ms: Callable[[], int]
    ) -> None:
        self._mischief = member.mischief
        self._peers = member.peers
        self._transport = transport
        self._dice = random.Random(f"{seed} {member.name}")  # noqa: S311  (repeatable)
        self._now_ms = now_ms
        self._heard: list[tuple[str, bytes]] = []
        self._made = 0
        self._is_tired = False

    def tire(self) -> None:
        """Makes nothing new that is valid, from now on: others are to come to rest."""
        self._is_tired = self._mischief in (Mischief.FLOODER, Mischief.TWOFACED)

    async def run(self) -> None:
        transport = self._transport
        transport.serve(sync_frame.PROTOCOL, self._answer)
        for market in (COMMONS, OPEN):
            await transport.join(topic(market), self._listener(topic(market)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_away)
            while True:
                for peer in self._peers:
                    try:
                        await transport.dial(f"/memory/{peer}/p2p/{peer}")
                    except DialFailed:
                        continue
                for at in [] if self._is_tired else transport.peers():
                    nursery.start_soon(self._bother, at.peer)
                await trio.sleep(_EVERY_S * self._dice.uniform(0.5, 1.5))

    async def _look_away(self) -> None:
        async for _ in self._transport.events:
            pass

    def _listener(self, about: str) -> Callable[[str, bytes], Verdict]:
        def hear(peer: str, data: bytes) -> Verdict:
            if len(self._heard) < _HEARD_MAX:
                self._heard.append((about, data))
            return Verdict.IGNORE

        return hear

    async def _bother(self, peer: str) -> None:
        try:
            await self._gossip_badly()
            stream = await self._transport.open_stream(peer, sync_frame.PROTOCOL)
            with trio.move_on_after(60.0):
                await self._ask(stream)
            await stream.reset()
        except (TransportError, RemoteProtocolError):
            return  # sent away, or among its own kind

    # --- deeds ------------------------------------------------------------------------------

    async def _gossip_badly(self) -> None:
        dice = self._dice
        match self._mischief:
            case Mischief.GARBAGE:
                await self._tell(OPEN, dice.randbytes(dice.randint(0, 300)))
            case Mischief.FORGER:
                await self._tell(OPEN, *messages([dice.choice(self._bad_records())]))
            case Mischief.FLOODER:
                count = dice.choice((5, 5, 60))
                await self._tell(
                    OPEN, *messages([self._record(self._fresh_key()).raw for _ in range(count)])
                )
            case Mischief.TWOFACED:
                await self._tell(OPEN, *messages([self._two_faces()[dice.randrange(2)].raw]))
            case Mischief.REPLAYER if self._heard:
                about, data = dice.choice(self._heard)
                await self._transport.publish(about, data)
            case Mischief.LIAR | Mischief.WITHHOLDER:
                await self._tell(OPEN, b"\x90")  # a doorbell, and nothing behind it
            case _:
                pass

    async def _tell(self, market: str, *data: bytes) -> None:
        for each in data:
            await self._transport.publish(topic(market), each)

    async def _ask(self, stream: Stream) -> None:
        """A session that this member opened."""
        dice = self._dice
        match self._mischief:
            case Mischief.GARBAGE:
                if dice.random() < 0.5:
                    await stream.send_all(dice.randbytes(200))
                else:
                    data = dice.randbytes(50)
                    await stream.send_all(len(data).to_bytes(4, "big") + data)
                await _receive(stream)
            case Mischief.SILENT:
                await trio.sleep(40.0)
            case Mischief.GREEDY:
                await _send(stream, self._hello(0))
                await _receive(stream)
                for _ in range(6):
                    await _send(stream, Range(OPEN, b"", limits.SYNC_RECORDS_MAX))
                    await _receive(stream)
                    await _send(stream, Recon(OPEN, b"\x61"))
                    await _receive(stream)
            case Mischief.FORGER:
                await self._push(stream, dice.sample(self._bad_records(), 2))
            case Mischief.FLOODER:
                await self._push(
                    stream, [self._record(self._fresh_key()).raw for _ in range(dice.randint(1, 8))]
                )
            case Mischief.TWOFACED:
                await self._push(stream, [self._two_faces()[dice.randrange(2)].raw])
            case _:
                await _send(stream, self._hello(dice.randint(0, 10**6)))
                await _receive(stream)
                for _ in range(dice.randint(1, 6)):
                    await _send(stream, Recon(OPEN, self._recon_lie()))
                    await _receive(stream)
                await _send(stream, Get(OPEN, tuple(dice.randbytes(32) for _ in range(50))))
                await _receive(stream)

    async def _push(self, stream: Stream, raws: list[bytes]) -> None:
        await _send(stream, self._hello(len(raws)))
        await _receive(stream)
        await _send(stream, Push(OPEN, tuple(raws)))
        await _receive(stream)

    async def _answer(self, stream: Stream) -> None:
        """A session that a victim opened. The transport's handler."""
        dice = self._dice
        if self._mischief is Mischief.GARBAGE:
            await stream.send_all(dice.randbytes(100))
            return
        if self._mischief is Mischief.SILENT:
            await trio.sleep(100.0)
            return
        while True:
            try:
                frame = await _receive(stream)
            except RemoteProtocolError:
                return
            match frame:
                case Hello():
                    is_even = self._mischief in (Mischief.REPLAYER, Mischief.GREEDY)
                    await _send(stream, self._hello(0 if is_even else dice.randint(1, 10**6)))
                case Recon():
                    await _send(stream, Recon(OPEN, self._recon_lie()))
                case Get(_, ids):
                    if self._mischief is Mischief.WITHHOLDER:
                        await trio.sleep(100.0)
                    raws = self._bad_records()[:1] if self._mischief is Mischief.FORGER else []
                    await _send(stream, Records(tuple(raws[: len(ids)])))
                case Range():
                    key = dice.randbytes(40)
                    await _send(stream, Records((self._record(self._fresh_key()).raw,), key))
                case Push(_, raws):
                    await _send(stream, Pushed(len(raws)))
                case Bye():
                    return
                case _:
                    return

    # --- lies -------------------------------------------------------------------------------

    def _hello(self, count: int) -> Hello:
        fingerprint = self._dice.randbytes(16)
        now_ms = self._now_ms() + self._dice.choice((0, 0, 10**9))
        return Hello(1, now_ms, (MarketSummary(OPEN, count, 0, fingerprint),))

    def _recon_lie(self) -> bytes:
        """A list of ids that nobody has, over everything; or one wrong fingerprint."""
        dice = self._dice
        if dice.random() < 0.3:
            return b"\x61\x00\x00\x01" + dice.randbytes(16)
        count = dice.randint(0, 100)
        return _RECON_LIST_ALL + bytes([count]) + b"".join(dice.randbytes(32) for _ in range(count))

    def _fresh_key(self) -> AuthorKey:
        return AuthorKey.from_seed(self._dice.randbytes(32))

    def _record(self, key: AuthorKey, ts_ms: int | None = None, market: str = OPEN) -> Verified:
        now_ms = self._now_ms() if ts_ms is None else ts_ms
        self._made += 1
        body = Listing(f"cheap {self._made}", created_ms=now_ms).to_body()
        thread = self._dice.randbytes(limits.THREAD_BYTES)
        header = Header(LISTING, key.public, now_ms, market, thread, 1, False)
        return author_record(key, header, body)

    def _bad_records(self) -> list[bytes]:
        """Forged, of the future, expired, and of another market."""
        key, now_ms = self._fresh_key(), self._now_ms()
        forged = self._record(key).raw[:-1] + b"\x00"
        future = self._record(key, now_ms + 2 * limits.HOUR_MS).raw
        expired = self._record(key, now_ms - limits.LIFETIME_SHORT_MS - 1).raw
        return [forged, future, expired, self._record(key, market="elsewhere").raw]

    def _two_faces(self) -> tuple[Verified, Verified]:
        """Two records of one thread and revision, the same two for a minute."""
        minute_ms = self._now_ms() // limits.MINUTE_MS * limits.MINUTE_MS
        key = AuthorKey.from_seed(sha256(self._transport.peer.encode()))
        thread = sha256(minute_ms.to_bytes(8, "big"))[: limits.THREAD_BYTES]
        header = Header(LISTING, key.public, minute_ms, OPEN, thread, 1, False)
        yes, no = (
            author_record(key, header, Listing(title, created_ms=minute_ms).to_body())
            for title in ("yes", "no")
        )
        return yes, no


async def _send(stream: Stream, frame: Frame) -> None:
    await stream.send_all(sync_frame.encode_prefixed(frame))


async def _receive(stream: Stream) -> Frame:
    length = sync_frame.decode_length(await stream.receive_exactly(sync_frame.LENGTH_BYTES))
    return sync_frame.decode(await stream.receive_exactly(length))
