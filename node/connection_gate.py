"""Who may come in: counts inbound connections by address and by state, and makes room.

Whoever has come from one address many times makes room for who comes from another (SPEC.md R11.4).
Knows addresses as text and cancel scopes, nothing of sockets or libp2p.
"""

import math
from collections import Counter, OrderedDict
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
from .interfaces import is_loopback
from .token_bucket import TokenBucket

_LOOPBACK_SHARES = CONNECTIONS_PER_LOOPBACK_IP_MAX // CONNECTIONS_PER_IP_MAX


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
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def enter(self, ip: str, stay: trio.CancelScope) -> Admission | None:
        """An accepted connection of `ip`; None if it is to be closed at once."""
        shares = _LOOPBACK_SHARES if is_loopback(ip) else 1
        if self._per_ip[ip] >= CONNECTIONS_PER_IP_MAX * shares or not self._has_place_for(ip):
            return None
        if not self._may_shake_hands(ip, shares):
            return None
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

    def _may_shake_hands(self, ip: str, shares: int) -> bool:
        """A handshake takes milliseconds of the node's time, also from who comes and goes."""
        now = trio.current_time()
        bucket = self._buckets.pop(ip, None) or TokenBucket(
            CONNECTIONS_PER_SECOND * shares, CONNECTIONS_BURST * shares, now
        )
        self._buckets[ip] = bucket
        while len(self._buckets) > PENALTY_PEERS_MAX:
            self._buckets.popitem(last=False)
        return bucket.take(1, now)

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
