"""The transport port over libp2p: Noise and yamux on TCP, GossipSub 1.1.

Translates: peers to base58, the library's errors to the port's. Knows nothing of records.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.rcmgr import Direction
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from multiaddr import Multiaddr

from ..protocol.errors import RemoteProtocolError
from ..protocol.limits import (
    DIAL_MS_MAX,
    GOSSIP_MESSAGE_BYTES_MAX,
    OWN_ADDRESSES_EVERY_MS,
    PORT_DEFAULT,
    SECOND_MS,
    SHUTDOWN_MS_MAX,
    STREAM_CHUNK_BYTES,
    STREAM_OPEN_MS_MAX,
    STREAMS_PER_PEER_MAX,
)
from .interfaces import ANY_IPV4, ipv4_addresses, own_addresses
from .libp2p_host import GuardedSwarm, make_host, open_listener, running
from .libp2p_liveness import close_dead
from .libp2p_pubsub import GuardedPubsub
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

LISTEN_DEFAULT = (f"/ip4/0.0.0.0/tcp/{PORT_DEFAULT}",)
CLOSE_S = 1.0
ANY_IPV6 = "::"
HOST_NAMES = ("ip4", "ip6", "dns", "dns4", "dns6")


class Libp2pStream:
    """A libp2p stream under the port's contract."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._is_lost = False
        self.peer: str = stream.muxed_conn.peer_id.to_base58()

    async def send_all(self, data: bytes) -> None:
        self._check()
        is_sent = False
        try:
            await self._stream.write(data)
            is_sent = True
        except Exception as error:
            # The library has a dozen types for a stream that is no more, in four trees.
            raise StreamBroken(f"stream to {self.peer}: {error!r}") from error
        finally:
            if not is_sent:  # half a frame may be out
                await self.reset()

    async def receive_exactly(self, count: int) -> bytes:
        self._check()
        while len(self._buffer) < count:
            try:
                piece = await self._stream.read(STREAM_CHUNK_BYTES)
            except StreamEOF as error:
                if self._buffer:
                    raise StreamBroken(f"stream of {self.peer} was cut") from error
                raise StreamEnded(f"stream of {self.peer} ended") from None
            except Exception as error:  # of a dozen types, as in `send_all`
                raise StreamBroken(f"stream of {self.peer}: {error!r}") from error
            self._buffer += piece
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def close(self) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        with trio.move_on_after(CLOSE_S) as patience:
            await self._quietly(self._stream.close)
        if patience.cancelled_caught:
            await self.reset()

    async def reset(self) -> None:
        self._is_lost = True
        with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_S):
            await self._quietly(self._stream.reset)

    async def _quietly(self, end: Any) -> None:
        try:
            await end()
        except Exception as error:  # the connection is gone, and the stream with it
            log.debug("libp2p: ending a stream of %s: %r", self.peer, error)

    def _check(self) -> None:
        if self._is_lost:
            raise StreamBroken(f"stream of {self.peer} is closed")


class Notices:
    """What the library tells of connections and streams, turned into the transport's books."""

    def __init__(self, transport: "Libp2pTransport") -> None:
        self._transport = transport

    async def connected(self, network: GuardedSwarm, connection: Any) -> None:
        self._transport.note_connected(connection)

    async def disconnected(self, network: GuardedSwarm, connection: Any) -> None:
        self._transport.note_disconnected(connection.muxed_conn.peer_id)

    async def opened_stream(self, network: GuardedSwarm, stream: Any) -> None: ...

    async def closed_stream(self, network: GuardedSwarm, stream: Any) -> None: ...

    async def listen(self, network: GuardedSwarm, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: GuardedSwarm, multiaddr: Multiaddr) -> None: ...


class Libp2pTransport:
    """One node's end of the network; made by `open_libp2p`."""

    def __init__(self, seed: bytes) -> None:
        self._listening: list[tuple[str, int]] = []
        self.swarm = GuardedSwarm(seed)
        self.host = make_host(self.swarm, lambda _: self._listen_multiaddrs())
        self.pubsub = GuardedPubsub(self.host)
        self.pubsub.on_fault = self.swarm.on_fault = self._fault
        self.pubsub.on_news = self.swarm.gate.note_useful
        self.swarm.may_stay = lambda peer_id: self.may_stay(peer_id.to_base58())
        self.on_fault: FaultHandler = lambda peer, error: None
        self.may_stay: Callable[[str], bool] = lambda peer: True
        self._id: ID = self.swarm.self_id
        self.peer: str = self._id.to_base58()
        self._up: dict[ID, ConnectedPeer] = {}
        self._dialled: dict[ID, list[str]] = {}
        self._events = PeerEvents()
        self.swarm.register_notifee(Notices(self))

    @property
    def events(self) -> trio.MemoryReceiveChannel[PeerEvent]:
        return self._events.receiver

    # --- addresses ----------------------------------------------------------------------------

    def addresses(self) -> list[str]:
        return [f"{each}/p2p/{self.peer}" for each in self._listen_addresses()]

    def _listen_multiaddrs(self) -> list[Multiaddr]:
        return [Multiaddr(each) for each in self._listen_addresses()]

    def _listen_addresses(self) -> list[str]:
        found: dict[str, None] = {}
        for ip, port in self._listening:
            # Bug 22: 0.0.0.0 is no address that anyone can dial. (Nor is ::, which is left out.)
            for real in ipv4_addresses() if ip == ANY_IPV4 else [ip] if ip != ANY_IPV6 else []:
                found[f"/{'ip6' if ':' in real else 'ip4'}/{real}/tcp/{port}"] = None
        return list(found)

    def addresses_of(self, peer: str) -> list[str]:
        peer_id = peer_id_of(peer)
        if peer_id is None or peer_id not in self._up:
            return []
        found = dict.fromkeys(self._dialled.get(peer_id, ()))
        try:
            told = self.swarm.peerstore.addrs(peer_id)
        except PeerStoreError:
            told = []
        for each in told:
            text = str(each)
            found[text if "/p2p/" in text else f"{text}/p2p/{peer}"] = None
        return list(found)

    # --- connections --------------------------------------------------------------------------

    async def dial(self, address: str) -> str:
        host, port, expected = parse_address(address)
        if expected == self._id:
            raise DialFailed(f"{address} is this node itself")
        if expected is not None and expected in self._up:
            return str(expected.to_base58())
        try:
            with trio.fail_after(DIAL_MS_MAX / SECOND_MS):
                peer_id = await self.swarm.dial(host, port, expected)
        except trio.TooSlowError:
            raise DialFailed(f"{address}: no answer in {DIAL_MS_MAX // SECOND_MS} s") from None
        except Exception as error:
            # Whatever the parsers of a handshake raise; only the system's own errors have a name.
            raise DialFailed(f"{address}: {explain(error)}") from error
        dialled = self._dialled.setdefault(peer_id, [])
        full = address if expected is not None else f"{address}/p2p/{peer_id.to_base58()}"
        if full not in dialled:
            dialled.append(full)
        return str(peer_id.to_base58())

    async def disconnect(self, peer: str) -> None:
        peer_id = peer_id_of(peer)
        if peer_id is not None:
            await self.swarm.close_peer(peer_id)

    def peers(self) -> list[ConnectedPeer]:
        router = self.pubsub.router
        return [
            ConnectedPeer(
                each.peer, each.address, each.inbound, each.since_ms, router.score_of(id_)
            )
            for id_, each in self._up.items()
        ]

    def note_connected(self, connection: Any) -> None:
        peer_id = connection.muxed_conn.peer_id
        crowded = self.swarm.crowded(peer_id)
        for oldest in crowded:
            self.swarm.manager.run_task(oldest.close)
        # A peer whose address has changed: what leads to the old one would be held for half a
        # minute, and half of all streams opened on it.
        older = [
            each
            for each in self.swarm.connections.get(peer_id, ())
            if each is not connection and each not in crowded
        ]
        if older:
            self.swarm.manager.run_task(close_dead, older)
        if peer_id in self._up:
            return
        inbound = connection.direction is Direction.INBOUND
        remote = connection.get_transport_addresses()
        address = f"{remote[0]}/p2p/{peer_id.to_base58()}" if remote else ""
        self._up[peer_id] = ConnectedPeer(
            peer_id.to_base58(), address, inbound, time.time_ns() // 1_000_000
        )
        known = () if inbound else (address,)
        self._events.up(PeerUp(peer_id.to_base58(), known, inbound))

    def _fault(self, peer_id: ID, what: str) -> None:
        self.on_fault(peer_id.to_base58(), RemoteProtocolError("R11.5", what))

    def note_disconnected(self, peer_id: ID) -> None:
        if peer_id not in self._up or self.swarm.connections.get(peer_id):
            return
        del self._up[peer_id]
        self._dialled.pop(peer_id, None)
        # peerstore.py:201: what is held of peers that have gone is swept only in number.
        if self.swarm.peerstore.has_peer(peer_id):
            self.swarm.peerstore.clear_peerdata(peer_id)
        self._events.down(peer_id.to_base58())

    # --- streams ------------------------------------------------------------------------------

    async def open_stream(self, peer: str, protocol: str) -> Stream:
        peer_id = peer_id_of(peer)
        if peer_id is None or peer_id not in self._up:
            raise StreamRefused(f"not connected to {peer}")
        open_count = sum(
            len([s for s in each.get_streams() if not s.is_closed])
            for each in self.swarm.connections.get(peer_id, ())
        )
        if open_count >= 2 * STREAMS_PER_PEER_MAX:
            raise StreamRefused(f"{open_count} streams with {peer} are open already")
        try:
            # Bug 15 (yamux.py:668): the 257th stream waits for ever.
            with trio.fail_after(STREAM_OPEN_MS_MAX / SECOND_MS):
                stream = await self.host.new_stream(peer_id, [TProtocol(protocol)])
        except trio.TooSlowError:
            raise StreamRefused(f"{peer} does not answer") from None
        except Exception as error:  # the muxer's and the negotiation's, of as many types
            raise StreamRefused(f"{peer} refuses {protocol}: {error!r}") from error
        return Libp2pStream(stream)

    def serve(self, protocol: str, handler: StreamHandler) -> None:
        async def handle(raw: Any) -> None:
            stream = Libp2pStream(raw)
            try:
                await handler(stream)
            except BaseException:
                await stream.reset()
                raise
            await stream.close()

        self.host.set_stream_handler(TProtocol(protocol), handle)

    # --- gossip -------------------------------------------------------------------------------

    async def join(self, topic: str, on_message: MessageHandler) -> None:
        self.pubsub.handlers[topic] = on_message
        await self.pubsub.subscribe(topic)

    async def leave(self, topic: str) -> None:
        self.pubsub.handlers.pop(topic, None)
        await self.pubsub.unsubscribe(topic)

    async def publish(self, topic: str, data: bytes) -> None:
        if topic not in self.pubsub.handlers:
            raise ValueError(f"{topic} is not joined")
        if len(data) > GOSSIP_MESSAGE_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes; up to {GOSSIP_MESSAGE_BYTES_MAX} can be gossiped")
        await self.pubsub.publish(topic, data)
        # The library's way through here never yields: a thousand publishes in a row would fill the
        # queues before any of them is written.
        await trio.lowlevel.checkpoint()

    async def _watch_own_addresses(self) -> None:
        """TCP notices after half a minute that the address that it speaks from is gone."""
        while True:
            await trio.sleep(OWN_ADDRESSES_EVERY_MS / SECOND_MS)
            own = own_addresses() if self._up else frozenset()
            if own:
                await self.swarm.close_of(own)

    # --- life ---------------------------------------------------------------------------------

    async def run(
        self,
        listen: Sequence[str],
        stop: trio.Event,
        *,
        task_status: Any = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until `stop`. Shielded, for bug 17 (swarm.py:443): cancelled from outside, the library
        leaves its sockets open. Raises ListenFailed."""
        with trio.CancelScope(shield=True):
            listeners = [
                trio.SocketListener(trio.socket.from_stdlib_socket(open_listener(each)))
                for each in listen
            ]
            async with running(self.swarm), running(self.pubsub), running(self.pubsub.router):
                await self.pubsub.wait_until_ready()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._events.run)
                    nursery.start_soon(self._watch_own_addresses)
                    if listeners:
                        await nursery.start(trio.serve_listeners, self.swarm.accept, listeners)
                    self._listening = [each.socket.getsockname()[:2] for each in listeners]
                    task_status.started()
                    await stop.wait()
                    with trio.move_on_after(SHUTDOWN_MS_MAX / SECOND_MS):
                        await self.swarm.close_all()
                    for scope in list(self.host._identify_tasks):
                        scope.cancel()
                    nursery.cancel_scope.cancel()


def peer_id_of(text: str) -> ID | None:
    try:
        return ID.from_base58(text)
    except (ValueError, LookupError):
        return None


def parse_address(address: str) -> tuple[str, int, ID | None]:
    """Host, port and, if the address has one, the peer it must be. Raises DialFailed."""
    try:
        multiaddr = Multiaddr(address)
        names = [protocol.name for protocol in multiaddr.protocols()]
        if names[1:] not in (["tcp"], ["tcp", "p2p"]) or names[0] not in HOST_NAMES:
            raise DialFailed(f"{address}: only TCP addresses work here: /ip4/IP/tcp/PORT/p2p/PEER")
        host = str(multiaddr.value_for_protocol(names[0]))
        port = int(multiaddr.value_for_protocol("tcp"))
        expected = multiaddr.value_for_protocol("p2p") if names[-1] == "p2p" else None
        return host, port, ID.from_base58(expected) if expected else None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DialFailed(f"{address}: not an address ({error})") from error


def explain(error: BaseException) -> str:
    """What a user can do something about, from the depths of a failed dial."""
    causes: list[BaseException] = [error]
    for cause in causes:
        if isinstance(cause, BaseExceptionGroup):
            causes.extend(cause.exceptions)
        if cause.__cause__ is not None and cause.__cause__ not in causes:
            causes.append(cause.__cause__)
    for cause in causes:
        if isinstance(cause, PeerIDMismatchesPubkey):
            return "another peer answers there"
        if isinstance(cause, MultiselectError):
            return "what answers there does not speak libp2p with Noise and yamux"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error) or type(error).__name__


class Ready:
    """For a task that may be stopped while it starts: nursery.start() would wait for one that is
    shielded until it ends, which it does when told by whoever waits here."""

    def __init__(self, event: trio.Event) -> None:
        self._event = event

    def started(self, value: object = None) -> None:
        self._event.set()


@asynccontextmanager
async def open_libp2p(
    seed: bytes, listen: Sequence[str] = LISTEN_DEFAULT
) -> AsyncIterator[Libp2pTransport]:
    """A running transport, shut down within SHUTDOWN_MS_MAX on leaving, however it is left.

    `seed`: the 32 bytes of this node's Ed25519 peer key. `listen`: multiaddrs (IPv4 or IPv6, TCP);
    port 0 takes a free one; none at all gives a node that only dials. Raises ListenFailed. Should
    libp2p itself break down, the block is cancelled and its error raised.
    """
    stop = trio.Event()
    transport = Libp2pTransport(seed)
    # Bug 27: what goes wrong in the block leaves it as it came, not in groups of groups.
    async with own_nursery() as nursery:
        ready = trio.Event()
        run = partial(transport.run, listen, stop, task_status=Ready(ready))
        nursery.start_soon(run)
        try:
            await ready.wait()
            yield transport
        finally:
            stop.set()
