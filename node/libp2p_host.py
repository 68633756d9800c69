"""A libp2p host that may be left alone with strangers: Noise and yamux over TCP, its own listener,
dialling only on request, and limits on connections and streams.

Knows nothing of gossip, nor of the port that libp2p_transport.py fills.
"""

import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.identity.identify_push.identify_push import ID_PUSH
from libp2p.io.exceptions import IOException
from libp2p.io.trio import TrioTCPStream
from libp2p.network.config import ConnectionConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.transport.tcp.tcp import TCP
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from ..protocol.limits import (
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PER_PEER_MAX,
    DIAL_ADDRESSES_MAX,
    HANDSHAKE_MS_MAX,
    SECOND_MS,
    STREAMS_LINGERING_PER_CONNECTION_MAX,
    STREAMS_PER_PEER_MAX,
)
from .connection_gate import Admission, ConnectionGate
from .interfaces import is_loopback
from .libp2p_guard import GuardedManager, GuardedYamux, patch_modules, take_over_logging
from .transport import ListenFailed, TransportError

log = logging.getLogger(__name__)

HANDSHAKE_S = HANDSHAKE_MS_MAX / SECOND_MS
KEEPALIVE_IDLE_S = 20
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_PROBES = 3
UNACKNOWLEDGED_MS = 30 * SECOND_MS
LISTEN_BACKLOG = 1024
# connection_pruner.py:239 drops what is beyond; the gate and the dialler keep within R11.4, R11.11.
CONNECTIONS_EVER = CONNECTIONS_PER_PEER_MAX * (CONNECTIONS_INBOUND_MAX + DIAL_ADDRESSES_MAX)

patch_modules()
take_over_logging()

StreamHandler = Callable[[Any], Awaitable[None]]
AddressesFactory = Callable[[Any], list[Multiaddr]]


class TcpStream(TrioTCPStream):  # type: ignore[misc]
    """A TCP stream that notices a far end that has gone without a word, and knows its address
    under IPv6 too (io/trio.py:99 takes only IPv4's pair)."""

    def __init__(self, stream: trio.SocketStream) -> None:
        super().__init__(stream)
        name = stream.socket.getpeername()
        self._cached_remote_address = (str(name[0]).partition("%")[0], int(name[1]))
        self.local_ip = str(stream.socket.getsockname()[0]).partition("%")[0]
        # The library's yamux pings every 30 s, and takes no notice of the silence (yamux.py:728).
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
            ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
            ("TCP_KEEPCNT", KEEPALIVE_PROBES),
            ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MS),
        ):
            if hasattr(socket, option):  # not all of them on every system
                stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class NoAutoConnector:
    """Bug 20 (auto_connector.py:292): stock dials whatever address any peer put in the store."""

    _is_connecting = False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def run_background_task(self, nursery: trio.Nursery) -> None: ...

    async def maybe_connect(self) -> None: ...

    def record_disconnect(self, peer_id: ID) -> None: ...


class GuardedSwarm(Swarm):  # type: ignore[misc]
    """The library's connections, let in and dialled by us."""

    def __init__(self, seed: bytes) -> None:
        key_pair = create_new_key_pair(seed)
        peer_id = ID.from_pubkey(key_pair.public_key)
        peerstore = PeerStore()
        peerstore.add_key_pair(peer_id, key_pair)
        # Bug 18 (libp2p/__init__.py:653): the default takes plaintext and secio too.
        noise = Noise(key_pair, noise_privkey=create_noise_key_pair().private_key)
        upgrader = TransportUpgrader(
            {NOISE: noise}, {TProtocol(YAMUX): GuardedYamux}, HANDSHAKE_MS_MAX // SECOND_MS
        )
        # Bug 7 (swarm.py:2438): each denial of the resource manager leaks a slot. None is set:
        # the gate below, and the count of streams, stand for it.
        config = ConnectionConfig(
            max_connections=CONNECTIONS_EVER,
            min_connections=0,
            low_watermark=0,
            high_watermark=CONNECTIONS_EVER,
            outbound_upgrade_timeout=HANDSHAKE_S,
            inbound_stream_protocol_negotiation_timeout=HANDSHAKE_S,
            outbound_stream_protocol_negotiation_timeout=HANDSHAKE_S,
        )
        super().__init__(peer_id, peerstore, upgrader, [TCP()], connection_config=config)
        self.auto_connector = NoAutoConnector()
        self.gate = ConnectionGate()
        self.connect: Callable[..., Awaitable[trio.SocketStream]] = trio.open_tcp_stream
        self.may_stay: Callable[[ID], bool] = lambda peer_id: True
        self.on_fault: Callable[[ID, str], None] = lambda peer_id, what: None
        self.inbound_streams: Counter[ID] = Counter()
        self.failure_count = 0

    # --- in -----------------------------------------------------------------------------------

    async def accept(self, stream: trio.SocketStream) -> None:
        """One inbound connection, until it is closed.

        Bug 6 (swarm.py:2060): stock keeps the task and the slot of a connection until the whole
        swarm ends, and accepts no more after 250. Bug 21: stock lets idle TCP connections keep
        honest peers out.
        """
        try:
            tcp = TcpStream(stream)
        except OSError:  # gone before we looked
            await stream.aclose()
            return
        ip, _ = tcp.get_remote_address()
        stay = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_S)
        admission = self.gate.enter(ip, stay)
        if admission is None:
            log.debug("libp2p: no room for another connection from %s", ip)
            await stream.aclose()
            return
        muxed = None
        try:
            with stay:
                muxed = await self._let_in(RawConnection(tcp, False), admission)
                if muxed is not None:
                    await muxed.event_closed.wait()
        except Exception as error:
            # Of any kind: what a stranger sends in a handshake raises whatever the parsers raise.
            log.debug("libp2p: inbound connection from %s failed: %r", ip, error)
        finally:
            self.gate.leave(admission)
            with trio.CancelScope(shield=True):
                if muxed is not None and not muxed.is_closed:
                    await muxed.close()
                await stream.aclose()

    async def _let_in(self, raw: RawConnection, admission: Admission) -> GuardedYamux | None:
        """A whole connection, in the books; None for whom there is no place. A place is waited for
        before the last step: then the far end knows that it has none yet."""
        secured = await self.upgrader.upgrade_security(raw, False)
        peer_id = secured.get_remote_peer()
        if not self.may_stay(peer_id):
            return None
        if not await self.gate.settle(admission):
            return None
        with trio.fail_after(HANDSHAKE_S):
            muxed = await self._enter(secured, raw, "inbound")
        admission.peer = peer_id.to_base58()
        admission.round_trip_s = muxed.rtt
        return muxed

    async def _enter(self, secured: Any, raw: RawConnection, direction: str) -> GuardedYamux:
        """Yamux on a connection of a peer that is who it is, and in the books. A peer that was
        banned while it came is sent away again."""
        peer_id = secured.get_remote_peer()
        muxed: GuardedYamux = await self.upgrader.upgrade_connection(secured, peer_id)
        muxed.on_condemned = partial(self.on_fault, peer_id)
        muxed.local_ip = raw.stream.local_ip
        await self.add_conn(muxed, direction=direction)
        if not self.may_stay(peer_id):
            await muxed.close()
            raise SwarmException(f"{peer_id} is not wanted for now")
        return muxed

    def set_stream_handler(self, stream_handler: StreamHandler) -> None:
        async def handle(stream: Any) -> None:
            await self._handle_stream(stream_handler, stream)

        super().set_stream_handler(handle)

    async def _handle_stream(self, handler: StreamHandler, stream: Any) -> None:
        peer_id = stream.muxed_conn.peer_id
        # Bug 15 (yamux.py:668): nothing bounds a peer's inbound streams.
        if self.inbound_streams[peer_id] >= STREAMS_PER_PEER_MAX:
            await stream.reset()
            return
        self.inbound_streams[peer_id] += 1
        try:
            await handler(stream)
        except Exception as error:
            # Bug 1 (swarm_connection.py:309): any error of a handler kills the process.
            self._note_failure(peer_id, error)
            await stream.reset()
        finally:
            self.inbound_streams[peer_id] -= 1
            if self.inbound_streams[peer_id] <= 0:
                del self.inbound_streams[peer_id]
        await stream.muxed_stream.forget_unread()
        await self._drop_lingering(stream.muxed_conn)

    def _note_failure(self, peer_id: ID, error: Exception) -> None:
        """A line for the 1st, 2nd, 4th, 8th … failure: strangers must not fill the log."""
        is_routine = isinstance(error, (StreamError, MuxedStreamError, IOException, TransportError))
        self.failure_count += not is_routine
        is_told = not is_routine and self.failure_count.bit_count() == 1
        level = logging.WARNING if is_told else logging.DEBUG
        log.log(level, "libp2p: stream of %s failed (%d): %r", peer_id, self.failure_count, error)

    async def _drop_lingering(self, connection: GuardedYamux) -> None:
        """Streams that we have finished with and the peer never closes would pile up
        (yamux.py:960 forgets a stream only when both have closed it)."""
        finished = [each for each in list(connection.streams.values()) if each.send_closed]
        for stream in finished[:-STREAMS_LINGERING_PER_CONNECTION_MAX]:
            await stream.reset()

    # --- out ----------------------------------------------------------------------------------

    async def dial_peer(self, peer_id: ID) -> list[Any]:
        """Bugs 19 and 20 (swarm.py:92, :733): opening a stream to a peer that has gone dials
        whatever addresses are known of it, after 250 ms and against a negative cache."""
        raise SwarmException(f"not connected to {peer_id}")

    async def dial(self, host: str, port: int, expected: ID | None) -> ID:
        """Connects to whoever answers at host:port; if `expected` is given, to no one else.
        Raises OSError or the library's exceptions, of any kind."""
        stream = await self.connect(host, port)
        try:
            raw = RawConnection(TcpStream(stream), True)
            security = self.upgrader.security_multistream
            _, noise = await security.select_transport_and_protocol(raw, True)
            secured = await noise.secure_outbound(raw, expected)
            peer_id = secured.get_remote_peer()
            if peer_id == self.self_id:
                raise SwarmException("that is this node itself")
            await self._enter(secured, raw, "outbound")
        except BaseException:  # a cancelled dial too: the socket is nobody else's to close
            with trio.CancelScope(shield=True):
                await stream.aclose()
            raise
        return peer_id

    # --- both ---------------------------------------------------------------------------------

    def crowded(self, peer_id: ID) -> list[Any]:
        """A peer's oldest connections beyond CONNECTIONS_PER_PEER_MAX: the latest are the ones
        that a peer come back after a crash knows of."""
        return list(self.connections.get(peer_id, ()))[:-CONNECTIONS_PER_PEER_MAX]

    async def close_peer(self, peer_id: ID) -> None:
        """All its connections: stock (swarm.py:2356) closes one after the other, and forgets one
        that is made meanwhile without closing it."""
        while there := [each for each in self.connections.get(peer_id, ()) if not each.is_closed]:
            async with trio.open_nursery() as nursery:
                for connection in there:
                    nursery.start_soon(connection.close)

    async def close_of(self, local_addresses: Container[str]) -> None:
        """Connections whose own end is none of these, and not on this machine: its address has
        gone, and nothing that is sent can arrive."""
        async with trio.open_nursery() as nursery:
            for connection in self.get_connections():
                ip = connection.muxed_conn.local_ip
                if ip and not is_loopback(ip) and ip not in local_addresses:
                    log.info("libp2p: %s is no address of this machine any more", ip)
                    nursery.start_soon(connection.close)

    async def close_all(self) -> None:
        """All connections at once: stock (swarm.py:2307) takes 0.2 s for each, one by one."""
        async with trio.open_nursery() as nursery:
            for connection in self.get_connections():
                nursery.start_soon(connection.close)


def open_listener(address: str) -> socket.socket:
    """A listening socket for /ip4/IP/tcp/PORT or /ip6/IP/tcp/PORT, not shared with anyone.

    Bug 16 (transport/tcp/tcp.py:46): stock sets SO_REUSEPORT, and two nodes that listen on one
    port each get half of its connections, without an error. Raises ListenFailed.
    """
    try:
        multiaddr = Multiaddr(address)
        names = [protocol.name for protocol in multiaddr.protocols()]
        if names not in (["ip4", "tcp"], ["ip6", "tcp"]):
            raise ListenFailed(f"{address}: only /ip4/IP/tcp/PORT and /ip6/IP/tcp/PORT work here")
        host = multiaddr.value_for_protocol(names[0])
        port = int(multiaddr.value_for_protocol("tcp"))
    except (ValueError, LookupError, TypeError) as error:
        raise ListenFailed(f"{address}: not an address ({error})") from error
    sock = socket.socket(socket.AF_INET if names[0] == "ip4" else socket.AF_INET6)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if names[0] == "ip6":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(LISTEN_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenFailed(f"{address}: {error.strerror or error}") from error
    return sock


def make_host(swarm: GuardedSwarm, addresses: AddressesFactory) -> BasicHost:
    """The library's host on our swarm. `addresses` says what to tell others in identify."""
    host = BasicHost(
        network=swarm,
        addrs_factory=addresses,
        negotiate_timeout=HANDSHAKE_MS_MAX // SECOND_MS,
        disable_identify_address_discovery=True,
    )
    # identify_push.py:60: lets a peer rewrite what we hold of it at any time; nothing needs it.
    host.remove_stream_handler(ID_PUSH)
    return host


@asynccontextmanager
async def running(service: Any) -> AsyncIterator[None]:
    """Runs one of the library's services under a manager whose tasks fail alone."""
    async with trio.open_nursery() as nursery:
        manager = GuardedManager(service)
        service._manager = manager
        nursery.start_soon(manager.run)
        await manager.wait_started()
        try:
            yield
        finally:
            await manager.stop()
