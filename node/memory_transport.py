"""The transport port within one process: a network of named peers with loss and doubling of gossip,
delay and partition, all drawn from one seed, for simulations and tests under trio's autojump clock.

Keeps to the same contract suite as node/libp2p_transport.py. Streams are reliable and ordered, as
TCP's are; only gossip is lost. Knows nothing of records.
"""

import logging
import random
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio

from ..protocol.limits import (
    GOSSIP_MESSAGE_BYTES_MAX,
    GOSSIP_SEEN_MAX,
    SECOND_MS,
    STREAM_CHUNK_BYTES,
    STREAM_STALL_MS_MAX,
    STREAM_WINDOW_BYTES,
    STREAMS_PER_PEER_MAX,
)
from ..protocol.verdict import Verdict
from .own_nursery import own_nursery
from .peer_events import PeerEvents
from .transport import (
    ConnectedPeer,
    DialFailed,
    FaultHandler,
    MessageHandler,
    PeerEvent,
    PeerUp,
    Stream,
    StreamBroken,
    StreamEnded,
    StreamHandler,
    StreamRefused,
)

log = logging.getLogger(__name__)

REJECT_COST = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """One gossiped message; `id` tells copies of it apart from others."""

    id: tuple[str, int]
    topic: str
    data: bytes


Tap = Callable[[str, str, str, bytes], None]
"""Told (sender, receiver, protocol or topic, data) of everything that is sent, at that moment."""


class Pipe:
    """One direction of a stream: bytes that arrive `delay_s` after they were sent."""

    def __init__(self, delay_s: float, on_sent: Callable[[bytes], None]) -> None:
        self._delay_s = delay_s
        self._on_sent = on_sent
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._is_ended = False
        self._is_broken = False
        self._changed = trio.Event()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def end(self) -> None:
        self._is_ended = True
        self._wake()

    def break_off(self) -> None:
        self._is_broken = True
        self._pieces.clear()
        self._wake()

    async def send(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._on_sent(data)
        for start in range(0, len(data), STREAM_CHUNK_BYTES):
            piece = data[start : start + STREAM_CHUNK_BYTES]
            while self._held_bytes + len(piece) > STREAM_WINDOW_BYTES and not self._is_broken:
                with trio.move_on_after(STREAM_STALL_MS_MAX / SECOND_MS) as stall:
                    await self._changed.wait()
                if stall.cancelled_caught:
                    self.break_off()
            if self._is_broken:
                raise StreamBroken("the stream was reset")
            self._pieces.append((trio.current_time() + self._delay_s, piece))
            self._held_bytes += len(piece)
            self._wake()

    async def receive(self) -> bytes:
        """The next piece; empty at a clean end. Raises StreamBroken."""
        if self._is_broken or self._is_ended or self._pieces:
            await trio.lowlevel.checkpoint()  # where nothing below may wait
        while not self._is_broken:
            if self._pieces:
                arrives_at = self._pieces[0][0]
                if arrives_at <= trio.current_time():
                    _, piece = self._pieces.popleft()
                    self._held_bytes -= len(piece)
                    self._wake()
                    return piece
                with trio.move_on_at(arrives_at):
                    await self._changed.wait()
            elif self._is_ended:
                return b""
            else:
                await self._changed.wait()
        raise StreamBroken("the stream was reset")


class MemoryStream:
    def __init__(self, peer: str, incoming: Pipe, outgoing: Pipe) -> None:
        self.peer = peer
        self._incoming = incoming
        self._outgoing = outgoing
        self._buffer = bytearray()
        self.is_closed = False

    async def send_all(self, data: bytes) -> None:
        self._check()
        is_sent = False
        try:
            await self._outgoing.send(data)
            is_sent = True
        finally:
            if not is_sent:  # half a frame may be out
                self.break_off()

    async def receive_exactly(self, count: int) -> bytes:
        self._check()
        while len(self._buffer) < count:
            piece = await self._incoming.receive()
            if not piece:
                if self._buffer:
                    raise StreamBroken("the stream was cut")
                raise StreamEnded("the stream ended")
            self._buffer += piece
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._outgoing.end()
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        self.break_off()

    def break_off(self) -> None:
        self.is_closed = True
        self._incoming.break_off()
        self._outgoing.break_off()

    def _check(self) -> None:
        if self.is_closed:
            raise StreamBroken("the stream is closed")


@dataclass(eq=False)
class Link:
    """A connection between two transports."""

    dialler: "MemoryTransport"
    answerer: "MemoryTransport"
    since_ms: int
    streams: list[tuple[MemoryStream, MemoryStream]] = field(default_factory=list)

    def other(self, one: "MemoryTransport") -> "MemoryTransport":
        return self.answerer if one is self.dialler else self.dialler


class MemoryTransport:
    """One peer's end; made by `MemoryNetwork.open`."""

    def __init__(self, network: "MemoryNetwork", peer: str, nursery: trio.Nursery) -> None:
        self.peer = peer
        self._network = network
        self._nursery = nursery
        self._links: dict[str, Link] = {}
        self._handlers: dict[str, StreamHandler] = {}
        self._topics: dict[str, MessageHandler] = {}
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._published_count = 0
        self._scores: dict[str, float] = {}
        self.on_fault: FaultHandler = lambda peer, error: None  # nobody here can break anything
        self.may_stay: Callable[[str], bool] = lambda peer: True
        self._events = PeerEvents()
        nursery.start_soon(self._events.run)

    @property
    def events(self) -> trio.MemoryReceiveChannel[PeerEvent]:
        return self._events.receiver

    def addresses(self) -> list[str]:
        return [f"/memory/{self.peer}/p2p/{self.peer}"]

    def addresses_of(self, peer: str) -> list[str]:
        return [f"/memory/{peer}/p2p/{peer}"] if peer in self._links else []

    # --- connections --------------------------------------------------------------------------

    async def dial(self, address: str) -> str:
        parts = address.split("/")
        if parts[:2] != ["", "memory"] or len(parts) not in (3, 5):
            raise DialFailed(f"{address}: not an address")
        name, expected = parts[2], parts[-1]
        if name == self.peer:
            raise DialFailed(f"{address} is this node itself")
        if name in self._links and name == expected:
            return name
        await trio.sleep(2 * self._network.draw_delay_s())
        other = self._network.reachable(self.peer, name)
        if other is None or name != expected:
            raise DialFailed(f"{address}: nobody answers")
        if not (self.may_stay(name) and other.may_stay(self.peer)):
            raise DialFailed(f"{address}: one does not want the other")
        if name not in self._links:
            link = Link(self, other, round(trio.current_time() * SECOND_MS))
            for end in (self, other):
                far = link.other(end)
                end._links[far.peer] = link
                end._scores[far.peer] = 0.0
                inbound = end is other
                known = () if inbound else (far.addresses()[0],)
                end._events.up(PeerUp(far.peer, known, inbound))
        return name

    async def disconnect(self, peer: str) -> None:
        await trio.lowlevel.checkpoint()
        self.sever(peer)

    def sever(self, peer: str) -> None:
        """Cuts the connection with a peer, if there is one, for both."""
        link = self._links.get(peer)
        if link is None:
            return
        for pair in link.streams:
            for stream in pair:
                stream.break_off()
        for end in (link.dialler, link.answerer):
            far = link.other(end).peer
            del end._links[far]
            del end._scores[far]
            end._events.down(far)

    def peers(self) -> list[ConnectedPeer]:
        return [
            ConnectedPeer(
                peer,
                f"/memory/{peer}/p2p/{peer}",
                link.answerer is self,
                link.since_ms,
                self._scores[peer],
            )
            for peer, link in self._links.items()
        ]

    # --- streams ------------------------------------------------------------------------------

    async def open_stream(self, peer: str, protocol: str) -> Stream:
        await trio.sleep(self._network.draw_delay_s())
        link = self._links.get(peer)
        if link is None:
            raise StreamRefused(f"not connected to {peer}")
        handler = link.other(self)._handlers.get(protocol)
        if handler is None:
            raise StreamRefused(f"{peer} does not speak {protocol}")
        link.streams = [pair for pair in link.streams if not all(one.is_closed for one in pair)]
        if len(link.streams) >= STREAMS_PER_PEER_MAX:
            raise StreamRefused(f"{len(link.streams)} streams with {peer} are open already")
        delay_s = self._network.draw_delay_s()
        on_sent = self._network.on_sent
        there = Pipe(delay_s, partial(on_sent, self.peer, peer, protocol))
        back = Pipe(delay_s, partial(on_sent, peer, self.peer, protocol))
        near, far = MemoryStream(peer, back, there), MemoryStream(self.peer, there, back)
        link.streams.append((near, far))
        link.other(self)._nursery.start_soon(link.other(self)._handle, handler, far)
        return near

    async def _handle(self, handler: StreamHandler, stream: MemoryStream) -> None:
        try:
            await handler(stream)
        except (StreamEnded, StreamBroken) as error:
            log.debug("stream of %s: %s", stream.peer, error)
            stream.break_off()
        except Exception as error:
            # As the contract says. A test looks at what has gathered here.
            log.exception("stream of %s failed", stream.peer)
            self._network.handler_errors.append(error)
            stream.break_off()
        else:
            await stream.close()

    def serve(self, protocol: str, handler: StreamHandler) -> None:
        self._handlers[protocol] = handler

    # --- gossip -------------------------------------------------------------------------------

    async def join(self, topic: str, on_message: MessageHandler) -> None:
        await trio.lowlevel.checkpoint()
        self._topics[topic] = on_message

    async def leave(self, topic: str) -> None:
        await trio.lowlevel.checkpoint()
        self._topics.pop(topic, None)

    async def publish(self, topic: str, data: bytes) -> None:
        if topic not in self._topics:
            raise ValueError(f"{topic} is not joined")
        if len(data) > GOSSIP_MESSAGE_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes; up to {GOSSIP_MESSAGE_BYTES_MAX} can be gossiped")
        await trio.lowlevel.checkpoint()
        self._published_count += 1
        message = Message((self.peer, self._published_count), topic, data)
        self._note_seen(message)
        self._pass_on(message, self.peer)

    def _pass_on(self, message: Message, source: str) -> None:
        for peer, link in self._links.items():
            other = link.other(self)
            if peer in (source, message.id[0]) or message.topic not in other._topics:
                continue
            self._network.on_sent(self.peer, peer, message.topic, message.data)
            if self._network.draw_loss():
                continue
            delay_s = self._network.draw_delay_s()
            other._nursery.start_soon(other._take, message, self.peer, delay_s)
            if self._network.draw_doubling():
                late_s = delay_s + self._network.draw_delay_s()
                other._nursery.start_soon(
                    partial(other._take, is_again=True), message, self.peer, late_s
                )

    async def _take(
        self, message: Message, source: str, delay_s: float, is_again: bool = False
    ) -> None:
        """`is_again`: a second time, as when it is not remembered any more that it was seen."""
        await trio.sleep(delay_s)
        handler = self._topics.get(message.topic)
        if source not in self._links or handler is None:
            return
        if message.id in self._seen and not is_again:
            return
        self._note_seen(message)
        match handler(source, message.data):
            case Verdict.ACCEPT:
                self._pass_on(message, source)
            case Verdict.REJECT:
                self._scores[source] -= REJECT_COST
            case Verdict.IGNORE:
                pass

    def _note_seen(self, message: Message) -> None:
        self._seen[message.id] = None
        if len(self._seen) > GOSSIP_SEEN_MAX:
            self._seen.popitem(last=False)


class MemoryNetwork:
    """Where the peers of one test meet. `loss` is the share of gossiped copies that never arrive,
    `doubling` the share of the others that come twice; each delivery takes between `delay_s[0]`
    and `delay_s[1]`. All three may change meanwhile."""

    def __init__(
        self, seed: int = 0, *, loss: float = 0.0, delay_s: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self.loss = loss
        self.doubling = 0.0
        self.delay_s = delay_s
        self.on_sent: Tap = lambda sender, receiver, about, data: None
        self.handler_errors: list[Exception] = []
        self._random = random.Random(seed)  # noqa: S311  (repeatable on purpose)
        self._peers: dict[str, MemoryTransport] = {}
        self._group_of: dict[str, int] = {}

    @asynccontextmanager
    async def open(self, peer: str) -> AsyncIterator[MemoryTransport]:
        """A peer of this name, gone without a trace on leaving."""
        if peer in self._peers:
            raise ValueError(f"{peer} is there already")
        async with own_nursery() as nursery:
            transport = MemoryTransport(self, peer, nursery)
            self._peers[peer] = transport
            try:
                yield transport
            finally:
                for other in list(transport._links):
                    transport.sever(other)
                del self._peers[peer]
                nursery.cancel_scope.cancel()

    def partition(self, groups: Iterable[Iterable[str]]) -> None:
        """Peers of different groups lose each other; a peer in no group loses everyone."""
        self._group_of = {peer: n for n, group in enumerate(groups) for peer in group}
        for peer in self._peers:
            self._group_of.setdefault(peer, -1 - len(self._group_of))
        for transport in self._peers.values():
            for other in list(transport._links):
                if self._group_of[transport.peer] != self._group_of[other]:
                    transport.sever(other)

    def heal(self) -> None:
        """All can dial all again. Nobody is connected by it."""
        self._group_of = {}

    def reachable(self, source: str, target: str) -> MemoryTransport | None:
        if self._group_of.get(source) != self._group_of.get(target):
            return None
        return self._peers.get(target)

    def draw_delay_s(self) -> float:
        return self._random.uniform(*self.delay_s)

    def draw_loss(self) -> bool:
        return self._random.random() < self.loss

    def draw_doubling(self) -> bool:
        return self.doubling > 0 and self._random.random() < self.doubling
