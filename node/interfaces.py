"""This machine's own addresses, and a free port to listen on. Knows nothing of peers.

What is listened on by default, and what mDNS is spoken on, is IPv4.
"""

import ipaddress
import logging
import socket

import ifaddr

from ..protocol.limits import PORT_PROBES_MAX

log = logging.getLogger(__name__)

ANY_IPV4 = "0.0.0.0"  # noqa: S104  (a node is there to be reached)

_last_told: list[ifaddr.Adapter] = []


class NoFreePort(OSError):
    """Every port that was tried is taken."""


def ipv4_addresses() -> list[str]:
    """The addresses of all interfaces that are up: the LAN's first, then link-local ones, loopback
    last; within each in the system's order."""
    found: dict[str, None] = {}
    for adapter in _adapters():
        for entry in adapter.ips:
            if entry.is_IPv4 and isinstance(entry.ip, str):
                found[entry.ip] = None
    return sorted(found, key=_remoteness)


def own_addresses() -> frozenset[str]:
    """The addresses of all interfaces, of both families, without scopes; none if the system has
    never told."""
    found: set[str] = set()
    for adapter in _adapters():
        for entry in adapter.ips:
            found.add(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
    return frozenset(found)


def _adapters() -> list[ifaddr.Adapter]:
    """All interfaces; as they were last while the system does not tell, for want of a file
    descriptor or of memory."""
    try:
        _last_told[:] = ifaddr.get_adapters()
    except OSError as error:
        log.debug("the interfaces cannot be read: %s", error)
    return list(_last_told)


def _remoteness(ip: str) -> int:
    address = ipaddress.IPv4Address(ip)
    return 2 if address.is_loopback else 1 if address.is_link_local else 0


def is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


def free_port(preferred: int, host: str = ANY_IPV4) -> int:
    """`preferred` if it is free for TCP on `host`, else the next free one of PORT_PROBES_MAX.
    Another process may still take it before it is bound. Raises NoFreePort."""
    for port in range(preferred, min(preferred + PORT_PROBES_MAX, 65_535) + 1):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the listener binds: closed connections in TIME_WAIT don't take a port. A port
            # that is listened on stays taken, even by one who set SO_REUSEPORT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError:
                continue
            return port
    raise NoFreePort(f"no free port from {preferred} to {preferred + PORT_PROBES_MAX}")
