"""Who may come in: counts inbound connections by address and by state, and makes room.

Knows addresses as text and cancel scopes, nothing of sockets or libp2p.
"""

from collections import Counter
from dataclasses import dataclass, field

import trio

from ..protocol.limits import (
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_IP_MAX,
    CONNECTIONS_PER_LOOPBACK_IP_MAX,
)
from .interfaces import is_loopback


@dataclass(eq=False, slots=True)
class Admission:
    """One inbound connection, from accept to close. `handshake` ends its handshake when it
    is cancelled."""

    ip: str
    handshake: trio.CancelScope
    is_authenticated: bool = field(default=False)


class ConnectionGate:
    """A full house refuses the newcomer, but a full porch drops who has stood there longest: one
    that holds connections open without a word keeps nobody else out."""

    def __init__(self) -> None:
        self._pending: dict[Admission, None] = {}
        self._established: set[Admission] = set()
        self._per_ip: Counter[str] = Counter()

    def enter(self, ip: str, handshake: trio.CancelScope) -> Admission | None:
        """An accepted connection of `ip`; None if it is to be closed at once."""
        per_ip_max = CONNECTIONS_PER_LOOPBACK_IP_MAX if is_loopback(ip) else CONNECTIONS_PER_IP_MAX
        if self._per_ip[ip] >= per_ip_max:
            return None
        if len(self._established) >= CONNECTIONS_INBOUND_MAX:
            return None
        if len(self._pending) >= CONNECTIONS_PENDING_MAX:
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            oldest.handshake.cancel()
        admission = Admission(ip, handshake)
        self._pending[admission] = None
        self._per_ip[ip] += 1
        return admission

    def authenticate(self, admission: Admission) -> bool:
        """Its handshake is done. False if it was crowded out meanwhile, or the house is full."""
        if admission not in self._pending or len(self._established) >= CONNECTIONS_INBOUND_MAX:
            return False
        del self._pending[admission]
        self._established.add(admission)
        admission.is_authenticated = True
        return True

    def leave(self, admission: Admission) -> None:
        self._pending.pop(admission, None)
        self._established.discard(admission)
        self._per_ip[admission.ip] -= 1
        if self._per_ip[admission.ip] <= 0:
            del self._per_ip[admission.ip]

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    @property
    def established_count(self) -> int:
        return len(self._established)

    def count_from(self, ip: str) -> int:
        return self._per_ip[ip]
