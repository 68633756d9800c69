"""Who may come in: counts inbound connections by address and by state, and makes room.

Whoever has come from one address many times makes room for who comes from another (SPEC.md R11.4).
Knows addresses as text and cancel scopes, nothing of sockets or libp2p.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import trio

from ..protocol.limits import (
    CONNECTIONS_BURST,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_IP_MAX,
    CONNECTIONS_PER_LOOPBACK_IP_MAX,
    CONNECTIONS_PER_SECOND,
    PENALTY_PEERS_MAX,
)
from .payer import OWN_MACHINE
from .token_bucket import TokenBuckets

_OWN_SHARES = CONNECTIONS_PER_LOOPBACK_IP_MAX // CONNECTIONS_PER_IP_MAX


@dataclass(eq=False, slots=True)
class Admission:
    """One inbound connection, from accept to close. Cancelling `stay` ends it; its deadline, if it
    has one, is that of the handshake."""

    ip: str
    stay: trio.CancelScope
    is_authenticated: bool = field(default=False)


class ConnectionGate:
    """A full porch drops who has stood there longest, a full house who came last: each time of the
    address that has the most there. A house of as many addresses as places refuses the newcomer."""

    def __init__(self) -> None:
        self._pending: dict[Admission, None] = {}
        self._established: dict[Admission, None] = {}
        self._per_ip: Counter[str] = Counter()
        self._rates = {
            shares: TokenBuckets(
                CONNECTIONS_PER_SECOND * shares, CONNECTIONS_BURST * shares, PENALTY_PEERS_MAX
            )
            for shares in (1, _OWN_SHARES)
        }

    def enter(self, ip: str, stay: trio.CancelScope) -> Admission | None:
        """An accepted connection of `ip`; None if it is to be closed at once."""
        shares = _OWN_SHARES if ip in OWN_MACHINE else 1
        if self._per_ip[ip] >= CONNECTIONS_PER_IP_MAX * shares or not self._has_place_for(ip):
            return None
        now = trio.current_time()
        if not self._rates[shares].of(ip, now).take(1, now):
            return None  # a handshake takes milliseconds, also from who only comes and goes
        admission = Admission(ip, stay)
        self._pending[admission] = None
        self._per_ip[ip] += 1
        if len(self._pending) > CONNECTIONS_PENDING_MAX:
            oldest = _first_of_busiest(self._pending)
            del self._pending[oldest]
            oldest.stay.cancel()
        return admission

    def authenticate(self, admission: Admission) -> bool:
        """Its handshake is done. False if it was crowded out meanwhile, or the house is full."""
        if admission not in self._pending or not self._has_place_for(admission.ip):
            return False
        if len(self._established) >= CONNECTIONS_INBOUND_MAX:
            latest = _first_of_busiest(reversed(self._established))
            del self._established[latest]
            latest.stay.cancel()
        del self._pending[admission]
        self._established[admission] = None
        admission.is_authenticated = True
        admission.stay.deadline = math.inf
        return True

    def leave(self, admission: Admission) -> None:
        self._pending.pop(admission, None)
        self._established.pop(admission, None)
        self._per_ip[admission.ip] -= 1
        if self._per_ip[admission.ip] <= 0:
            del self._per_ip[admission.ip]

    def _has_place_for(self, ip: str) -> bool:
        """A full house makes room for an address that would still have fewer places in it."""
        if len(self._established) < CONNECTIONS_INBOUND_MAX:
            return True
        here = Counter(each.ip for each in self._established)
        return max(here.values()) > here[ip] + 1

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    @property
    def established_count(self) -> int:
        return len(self._established)

    def count_from(self, ip: str) -> int:
        return self._per_ip[ip]


def _first_of_busiest(admissions: Iterable[Admission]) -> Admission:
    """The first one whose address has more of them than any other."""
    listed = list(admissions)
    count = Counter(each.ip for each in listed)
    return max(listed, key=lambda each: count[each.ip])
