"""The transport port: what a node needs from a network, in six verbs, and how each can fail.

Two adapters keep to it, node/libp2p_transport.py and node/memory_transport.py, and one contract
suite runs on both. Knows nothing of libp2p, of records or of the store: peers, streams of bytes,
topics of bytes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from trio import MemoryReceiveChannel

from ..protocol.errors import RemoteProtocolError
from ..protocol.verdict import Verdict


class TransportError(Exception):
    """The world's doing: a peer or the network. Retry, or do without."""


class DialFailed(TransportError):
    """No connection came of it; the text says why, for a user to read."""


class ListenFailed(TransportError):
    """An address to listen on is taken, or not this machine's."""


class StreamRefused(TransportError):
    """The peer is not connected, does not speak the protocol, or has too many streams open."""


class StreamEnded(TransportError):
    """The other side has closed its end, and all it sent has been read: a clean end."""


class StreamBroken(TransportError):
    """Reset, stalled, cut within what was to be read, or the connection is gone."""


@dataclass(frozen=True, slots=True)
class PeerUp:
    """The first connection with `peer` stands. `addresses` can be dialled again: for a connection
    that we dialled, that one; for one that it dialled, none are known yet (see `addresses_of`)."""

    peer: str
    addresses: tuple[str, ...]
    inbound: bool


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The last connection with `peer` is gone."""

    peer: str


PeerEvent = PeerUp | PeerDown


@dataclass(frozen=True, slots=True)
class ConnectedPeer:
    """One connected peer. `address` is the far end of its oldest connection (for an inbound one
    not an address that it listens on); `score` is what gossip thinks of it: 0 at first, lower with
    every message that was rejected."""

    peer: str
    address: str
    inbound: bool
    since_ms: int
    score: float = 0.0


class Stream(Protocol):
    """Bytes to and from one peer, in order, under back-pressure. One reader and one writer at a
    time. Every method but `close` and `reset` raises StreamBroken once the stream is lost."""

    @property
    def peer(self) -> str: ...

    async def send_all(self, data: bytes) -> None:
        """Waits while the other side does not read. Cancelled half-way, the stream is reset."""

    async def receive_exactly(self, count: int) -> bytes:
        """`count` bytes. Raises StreamEnded if the stream ended before the first of them,
        StreamBroken if it ended within them."""

    async def close(self) -> None:
        """Done with the stream: what was sent still arrives, what comes is not read any more.
        Never raises."""

    async def reset(self) -> None:
        """Drops the stream in both directions at once. Never raises."""


StreamHandler = Callable[[Stream], Awaitable[None]]
MessageHandler = Callable[[str, bytes], Verdict]
FaultHandler = Callable[[str, RemoteProtocolError], None]


class Transport(Protocol):
    on_fault: FaultHandler
    """Told of a peer that breaks what the transport itself asks of it (SPEC.md R11.5). It must
    neither block nor raise. Set before anybody is met."""

    may_stay: Callable[[str], bool]
    """Asked of each connection when it stands: where False, it is closed. As `on_fault`."""

    @property
    def peer(self) -> str:
        """This node's peer id, base58."""

    @property
    def events(self) -> MemoryReceiveChannel[PeerEvent]:
        """Peers coming and going, in order for each peer. May be read late: what has come and gone
        unread is left out, nothing else is."""

    def addresses(self) -> list[str]:
        """Multiaddrs others can dial, each ending in /p2p/PEER; the LAN's before loopback."""

    def addresses_of(self, peer: str) -> list[str]:
        """What a connected peer says it listens on (its word only), and what we dialled."""

    async def dial(self, address: str) -> str:
        """Connects, and returns the peer's id. An address with /p2p/ID connects to that peer or
        not at all; one without it to whoever answers there. Raises DialFailed."""

    async def open_stream(self, peer: str, protocol: str) -> Stream:
        """A stream to a connected peer. Raises StreamRefused."""

    def serve(self, protocol: str, handler: StreamHandler) -> None:
        """Runs `handler` in a task of its own for each stream that peers open; when it returns the
        stream is closed, when it raises the stream is reset and the error logged."""

    async def join(self, topic: str, on_message: MessageHandler) -> None:
        """Subscribes. `on_message(peer, data)` is called once per message, with the peer that
        handed it over; it must neither block nor raise. ACCEPT passes the message on, IGNORE drops
        it, REJECT drops it at the cost of that peer's score."""

    async def leave(self, topic: str) -> None: ...

    async def publish(self, topic: str, data: bytes) -> None:
        """To all peers in a joined topic, best effort: bursts may lose some. Raises ValueError for
        more than GOSSIP_MESSAGE_BYTES_MAX or a topic that is not joined."""

    def peers(self) -> list[ConnectedPeer]: ...

    async def disconnect(self, peer: str) -> None:
        """Closes all connections with a peer. Nothing happens if there are none."""
