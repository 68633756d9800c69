"""Finds neighbours on the same network, and is found by them: the libp2p mDNS specification
(_p2p._udp.local), as js-libp2p and go-libp2p speak it.

Speaks mDNS on trio's own sockets and takes only the DNS message format from zeroconf: no thread, so
nothing that could block trio or outlive the block. IPv4. Knows addresses as text and dials nobody.
"""

import logging
import random
import socket
import string
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import trio
from zeroconf import (  # type: ignore[attr-defined]  # not in its __all__, but documented
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSService,
    DNSText,
    IncomingDecodeError,
)

from ..protocol.limits import (
    MDNS_ADDRESS_BYTES_MAX,
    MDNS_FOUND_MAX,
    MDNS_NEIGHBOURS_MAX,
    MDNS_PACKET_BYTES_MAX,
    PEER_ADDRESSES_MAX,
)
from .interfaces import ANY_IPV4, ipv4_addresses
from .own_nursery import own_nursery

log = logging.getLogger(__name__)

GROUP = "224.0.0.251"
PORT = 5353
SERVICE = "_p2p._udp.local."
NAME_CHARS = 40
TTL_S = 120
PREFIX = b"dnsaddr="

QR_QUERY, QR_RESPONSE, AUTHORITATIVE = 0x0000, 0x8000, 0x0400
PTR, TXT, SRV, CLASS_IN = 12, 16, 33, 1

# When to ask, after the start and after each change of the interfaces: neighbours that start
# together find each other within a second or two, and a house full of nodes is quiet later.
QUERY_AFTER_S = (0.0, 0.7, 1.5, 3.0, 7.0, 15.0, 30.0)
QUERY_EVERY_S = 60.0
ANSWER_DELAY_S = (0.02, 0.12)
ANSWER_EVERY_S = 1.0
REPEAT_AFTER_S = 2.0
INTERFACES_EVERY_S = 5.0

Addresses = Callable[[], list[str]]


class Mdns:
    """One node's voice and ear; made by `announce_and_browse`."""

    def __init__(self, peer: str, addresses: Addresses, interfaces: Addresses, port: int) -> None:
        self._peer = peer
        self._addresses = addresses
        self._interfaces = interfaces
        self._port = port
        self._random = random.Random()  # noqa: S311  (spreads packets in time, and names nothing)
        letters = string.ascii_lowercase + string.digits
        self._name = "".join(self._random.choices(letters, k=NAME_CHARS))
        self._socket: trio.socket.SocketType | None = None
        self._joined: list[str] = []
        self._asked_at = float("-inf")
        self._answered_at = float("-inf")
        self._told_at: OrderedDict[str, float] = OrderedDict()
        self._changed = trio.Event()
        self._sender, self.found = trio.open_memory_channel[str](MDNS_FOUND_MAX)
        self.dropped_count = 0

    async def run(self) -> None:
        """Until cancelled. A network that cannot be used is logged and tried again."""
        while True:
            self._joined = self._interfaces()
            try:
                self._socket = await self._open()
            except OSError as error:
                log.warning("mdns: neighbours cannot be found: %s", error)
                await trio.sleep(INTERFACES_EVERY_S)
                continue
            with self._socket:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen, self._socket)
                    nursery.start_soon(self._ask)
                    nursery.start_soon(self._answer)
                    await self._until_interfaces_change()
                    log.info("mdns: the network has changed, starting again")
                    nursery.cancel_scope.cancel()

    async def _open(self) -> trio.socket.SocketType:
        sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # The port is shared with whatever else speaks mDNS here: other nodes, avahi.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            await sock.bind((ANY_IPV4, self._port))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            for ip in self._joined:
                membership = socket.inet_aton(GROUP) + socket.inet_aton(ip)
                try:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
                except OSError as error:  # two addresses of one interface, or one without multicast
                    log.debug("mdns: not listening on %s: %s", ip, error)
        except OSError:
            sock.close()
            raise
        return sock

    async def _until_interfaces_change(self) -> None:
        while True:
            await trio.sleep(INTERFACES_EVERY_S)
            if self._interfaces() != self._joined:
                return

    # --- saying -------------------------------------------------------------------------------

    async def _ask(self) -> None:
        started_at = trio.current_time()
        for after_s in QUERY_AFTER_S:
            await trio.sleep_until(started_at + after_s)
            await self._send_query()
        while True:
            await trio.sleep(QUERY_EVERY_S * self._random.uniform(0.8, 1.2))
            # Another's question has brought the answers already (RFC 6762, 7.3).
            if trio.current_time() - self._asked_at >= QUERY_EVERY_S / 2:
                await self._send_query()

    async def _send_query(self) -> None:
        self._asked_at = trio.current_time()
        query = DNSOutgoing(QR_QUERY)
        query.add_question(DNSQuestion(SERVICE, PTR, CLASS_IN))
        for ip in self._joined:
            await self._send(ip, query)

    async def _answer(self) -> None:
        """Unasked at the start; then to questions, at most once a second."""
        while True:
            self._answered_at = trio.current_time()
            self._changed = trio.Event()
            for ip in self._joined:
                response = self._response(ip)
                if response is not None:
                    await self._send(ip, response)
            await self._changed.wait()
            await trio.sleep(self._random.uniform(*ANSWER_DELAY_S))
            await trio.sleep_until(self._answered_at + ANSWER_EVERY_S)

    def _response(self, ip: str) -> DNSOutgoing | None:
        """What is said on the interface of `ip`: only addresses that lead there. The records go
        among the answers, where all implementations look (rust-libp2p: the additionals, too)."""
        own = [each for each in self._addresses() if each.startswith(f"/ip4/{ip}/")]
        texts = [PREFIX + each.encode() for each in own if len(each) <= MDNS_ADDRESS_BYTES_MAX]
        if not texts:
            return None
        full = f"{self._name}.{SERVICE}"
        port = int(own[0].split("/")[4])
        txt = [
            DNSText(full, TXT, CLASS_IN, TTL_S, bytes([len(text)]) + text)
            for text in texts[:PEER_ADDRESSES_MAX]
        ]
        response = DNSOutgoing(QR_RESPONSE | AUTHORITATIVE)
        response.add_answer_at_time(DNSPointer(SERVICE, PTR, CLASS_IN, TTL_S, full), 0)
        host = f"{self._name}.local."
        response.add_answer_at_time(DNSService(full, SRV, CLASS_IN, TTL_S, 0, 0, port, host), 0)
        for record in txt:
            response.add_answer_at_time(record, 0)
        for record in txt:
            response.add_additional_answer(record)
        return response

    async def _send(self, ip: str, message: DNSOutgoing) -> None:
        if self._socket is None:
            return
        for packet in message.packets():
            try:
                interface = socket.inet_aton(ip)
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
                await self._socket.sendto(packet, (GROUP, self._port))
            except OSError as error:  # an interface that went down, or one without a route
                log.debug("mdns: sending on %s: %s", ip, error)

    # --- hearing ------------------------------------------------------------------------------

    async def _listen(self, sock: trio.socket.SocketType) -> None:
        while True:
            try:
                packet, _ = await sock.recvfrom(MDNS_PACKET_BYTES_MAX)
            except OSError as error:
                log.debug("mdns: %s", error)
                await trio.sleep(ANSWER_EVERY_S)
                continue
            self._hear(packet)

    def _hear(self, packet: bytes) -> None:
        try:
            message = DNSIncoming(packet)
            if not message.valid:
                return
            if message.is_query():
                if any(_is(question, PTR, SERVICE) for question in message.questions):
                    self._asked_at = trio.current_time()
                    self._changed.set()
                return
            for record in message.answers():
                if isinstance(record, DNSText) and record.name.lower().endswith(f".{SERVICE}"):
                    for address in addresses_in(record.text):
                        self._tell(address)
        except (IncomingDecodeError, ValueError, IndexError) as error:
            log.debug("mdns: unreadable packet: %r", error)

    def _tell(self, address: str) -> None:
        """Once for each announcement, of which the records come in more than one copy."""
        if address.endswith(f"/p2p/{self._peer}"):
            return
        now = trio.current_time()
        if now - self._told_at.get(address, float("-inf")) < REPEAT_AFTER_S:
            return
        try:
            self._sender.send_nowait(address)
        except trio.WouldBlock:
            self.dropped_count += 1
            if self.dropped_count.bit_count() == 1:  # the 1st, 2nd, 4th, 8th …
                log.warning("mdns: %d neighbours left for later", self.dropped_count)
            return
        except trio.BrokenResourceError:  # the reader has closed its end
            return
        self._told_at[address] = now
        self._told_at.move_to_end(address)
        while len(self._told_at) > MDNS_NEIGHBOURS_MAX:
            self._told_at.popitem(last=False)


def _is(question: DNSQuestion, kind: int, name: str) -> bool:
    return question.type == kind and question.name.lower() == name


def addresses_in(text: bytes) -> list[str]:
    """The multiaddrs of a TXT record's strings, a few at most, each with /p2p/PEER."""
    found: list[str] = []
    place = 0
    while place < len(text) and len(found) < PEER_ADDRESSES_MAX:
        size = text[place]
        entry = text[place + 1 : place + 1 + size]
        place += 1 + size
        if entry.startswith(PREFIX) and len(entry) == size:
            with suppress(UnicodeDecodeError):
                address = entry[len(PREFIX) :].decode("ascii")
                if address.startswith("/") and "/p2p/" in address and address.isprintable():
                    found.append(address)
    return found


@asynccontextmanager
async def announce_and_browse(
    peer: str,
    addresses: Addresses,
    *,
    interfaces: Addresses = ipv4_addresses,
    port: int = PORT,
) -> AsyncIterator["trio.MemoryReceiveChannel[str]"]:
    """Announces this node, and gives the addresses of others as they are heard.

    `peer`: this node's id, whose own announcements are left out. `addresses`: asked for each
    announcement; each multiaddr is told on the interface that has its IP. What comes out ends in
    /p2p/PEER and is otherwise a stranger's word; the same address comes again with each later
    announcement. At most MDNS_FOUND_MAX wait to be read; more are dropped, and come again.
    """
    async with own_nursery() as nursery:
        mdns = Mdns(peer, addresses, interfaces, port)
        nursery.start_soon(mdns.run)
        with mdns.found:
            yield mdns.found
        nursery.cancel_scope.cancel()
