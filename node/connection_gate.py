"""Who may come in: counts inbound connections by address and by state, and makes room.

Whoever has come from one address many times makes room for who comes from another. In a house full
of strangers newcomers get a place in the order in which they first came for it, and who was inside
lately one that another has had for minutes: so nobody is kept out for long, and few are sent away
(SPEC.md R11.4). Knows addresses as text and cancel scopes, nothing of sockets or libp2p.
"""

import ipaddress
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import trio

from ..protocol.limits import (
    CONNECTION_KNOWN_MS,
    CONNECTION_REST_MS_MIN,
    CONNECTION_STAY_MS_MIN,
    CONNECTIONS_BURST,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_KEPT,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_IP_MAX,
    CONNECTIONS_PER_LOOPBACK_IP_MAX,
    CONNECTIONS_PER_SECOND,
    CONNECTIONS_TURN_MS,
    CONNECTIONS_TURNS_BURST,
    HANDSHAKE_MS_MAX,
    PENALTY_PEERS_MAX,
    SECOND_MS,
)
from .payer import OWN_MACHINE
from .token_bucket import TokenBuckets

_OWN_SHARES = CONNECTIONS_PER_LOOPBACK_IP_MAX // CONNECTIONS_PER_IP_MAX
_STAY_S = CONNECTION_STAY_MS_MIN / SECOND_MS
_REST_S = CONNECTION_REST_MS_MIN / SECOND_MS
_KNOWN_S = CONNECTION_KNOWN_MS / SECOND_MS
_HANDSHAKE_S = HANDSHAKE_MS_MAX / SECOND_MS
_TURN_S = CONNECTIONS_TURN_MS / SECOND_MS
_TURNS_SAVED_S = (CONNECTIONS_TURNS_BURST - 1) * _TURN_S
_VISITS_HALVE_S = 60.0
_GROUP_BITS = {4: 24, 6: 48}


@dataclass(eq=False, slots=True)
class Admission:
    """One inbound connection, from accept to close. Cancelling `stay` ends it; its deadline, if it
    has one, is that of the handshake. `round_trip_s` is 0 until it has been measured."""

    ip: str
    stay: trio.CancelScope
    peer: str = ""
    is_authenticated: bool = False
    is_waiting: bool = False
    came_in_at: float = -math.inf
    stays_until: float = -math.inf
    useful_at: float = -math.inf
    round_trip_s: Callable[[], float] = lambda: 0.0

    @property
    def group(self) -> str:
        return group_of(self.ip)


class ConnectionGate:
    """The porch is for handshakes, and for those who wait for a place; the house for the others."""

    def __init__(self) -> None:
        self._pending: dict[Admission, None] = {}
        self._established: dict[Admission, None] = {}  # in the order in which they came
        self._per_ip: Counter[str] = Counter()
        self._visits = _Visits()
        self._guests = _Guests()
        self._line = _Line()
        self._turn_at = -math.inf
        self._changed = trio.Event()
        self._rates = {
            shares: TokenBuckets(
                CONNECTIONS_PER_SECOND * shares, CONNECTIONS_BURST * shares, PENALTY_PEERS_MAX
            )
            for shares in (1, _OWN_SHARES)
        }

    # --- coming and going ---------------------------------------------------------------------

    def enter(self, ip: str, stay: trio.CancelScope) -> Admission | None:
        """An accepted connection of `ip`; None if it is to be closed at once.

        A full porch drops one of the address that has the most there; among equals, of who was
        inside lately the one that has come most often. If there is none: of those who wait for a
        place the last in line, if they take more than half of the porch; else of the others who is
        in no line and has come most often, then who has stood there longest. That may be this one.
        """
        shares = _OWN_SHARES if ip in OWN_MACHINE else 1
        now = trio.current_time()
        self._visits.note(ip, now, 1 / shares)
        self._guests.came(group_of(ip), now)
        if self._per_ip[ip] >= CONNECTIONS_PER_IP_MAX * shares or not self._has_hope(ip, now):
            return None
        admission = Admission(ip, stay)
        crowd = [*self._pending, admission]
        leaving = None
        if len(crowd) > CONNECTIONS_PENDING_MAX:
            leaving = self._last_on_porch(crowd, now)
        if leaving is admission:
            return None
        if not self._rates[shares].of(ip, now).take(1, now):
            return None  # a handshake takes milliseconds, also from who only comes and goes
        self._pending[admission] = None
        self._per_ip[ip] += 1
        if leaving is not None:
            del self._pending[leaving]
            leaving.stay.cancel()
        return admission

    def _last_on_porch(self, crowd: list[Admission], now: float) -> Admission:
        here = Counter(each.ip for each in crowd)
        strangers = [each for each in crowd if not self._guests.has(each.group, now)]
        is_waiters = sum(each.is_waiting for each in strangers) > CONNECTIONS_PENDING_MAX // 2

        def rank(one: Admission) -> tuple[int, bool, float, float]:
            visits, since = self._visits.of(one.ip, now), self._line.since(one.group)
            if one not in strangers:
                return here[one.ip], True, visits, not one.is_waiting
            if one.is_waiting:
                return here[one.ip], False, is_waiters, since
            return here[one.ip], False, not is_waiters, visits if since == math.inf else 0

        return max(crowd, key=rank)

    async def settle(self, admission: Admission) -> bool:
        """Its handshake is done: waits for a place, for as long as it may be on the porch. False if
        it was crowded out, or has nothing to hope for any more."""
        await trio.lowlevel.checkpoint()
        admission.is_waiting = True
        self._line.join(admission.group, trio.current_time())
        while admission in self._pending:
            now = trio.current_time()
            if not self._has_hope(admission.ip, now):
                break
            if admission is self._first_in_line(now) and self._make_room(admission, now):
                self._move_in(admission, now)
                return True
            with trio.move_on_at(self._next_turn_at(admission, now)):
                await self._changed.wait()
        return False

    def leave(self, admission: Admission) -> None:
        now = trio.current_time()
        if admission.is_authenticated:
            is_over = admission in self._established or now >= admission.came_in_at + _STAY_S
            self._line.leave(admission.group)
            if is_over or self._guests.has(admission.group, now):
                self._guests.add(admission.group, now)
            else:
                self._line.join(admission.group, now)
        else:
            self._guests.came(admission.group, now)
            if admission in self._pending and not admission.is_waiting:
                self._line.leave(admission.group)  # it only takes room on the porch
        self._pending.pop(admission, None)
        self._established.pop(admission, None)
        self._per_ip[admission.ip] -= 1
        if self._per_ip[admission.ip] <= 0:
            del self._per_ip[admission.ip]
        self._wake()

    def _move_in(self, admission: Admission, now: float) -> None:
        del self._pending[admission]
        self._established[admission] = None
        admission.came_in_at = now
        admission.is_authenticated = True
        admission.is_waiting = False
        admission.stay.deadline = math.inf
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # --- making room --------------------------------------------------------------------------

    def _has_hope(self, ip: str, now: float) -> bool:
        """Whether a full house could make room for it, soon enough for its handshake: its group has
        fewer places than another's, or none, and may have a turn."""
        if len(self._established) < CONNECTIONS_INBOUND_MAX:
            return True
        here = self._places()
        group = group_of(ip)
        if max(here.values()) > here[group] + 1:
            return True
        if here[group]:
            return False
        is_guest = self._guests.has(group, now)
        return not is_guest or self._free_at(is_guest=True) <= now + _HANDSHAKE_S

    def _first_in_line(self, now: float) -> Admission:
        """Of those who wait: whose group has the fewest places; then newcomers, in the order in
        which they first came for one; then who has come least often."""
        here = self._places()

        def rank(one: Admission) -> tuple[int, bool, float]:
            is_guest = self._guests.has(one.group, now)
            order = self._visits.of(one.ip, now) if is_guest else self._line.since(one.group)
            return here[one.group], is_guest, order

        return min((each for each in self._pending if each.is_waiting), key=rank)

    def _make_room(self, admission: Admission, now: float) -> bool:
        if len(self._established) < CONNECTIONS_INBOUND_MAX:
            return True
        here = self._places()
        if max(here.values()) > here[admission.group] + 1:
            leaving = _first_of_busiest(reversed(self._established), here)
        else:
            is_guest = self._guests.has(admission.group, now)
            over = [each for each in self._exposed() if _free_at(each, is_guest=is_guest) <= now]
            if not over or now < self._turn_at:
                return False
            self._turn_at = max(self._turn_at, now - _TURNS_SAVED_S) + _TURN_S
            leaving = _first_of_busiest(reversed(over), here)
            admission.stays_until = now + _STAY_S
        del self._established[leaving]
        leaving.stay.cancel()
        return True

    def _exposed(self) -> list[Admission]:
        """Who may have to go in a turn: neither the last who brought something new, nor the
        nearest, each of a group of its own, nor the older half of the others."""
        left = list(self._established)
        useful = sorted(
            (each for each in left if each.useful_at > -math.inf), key=lambda one: -one.useful_at
        )
        near = sorted((each for each in left if each.round_trip_s()), key=_round_trip_s)
        for ranked in (useful, near):
            kept: dict[str, Admission] = {}
            for each in ranked:
                if each in left and len(kept) < CONNECTIONS_KEPT:
                    kept.setdefault(each.group, each)
            left = [each for each in left if kept.get(each.group) is not each]
        return left[len(left) // 2 :]

    def _next_turn_at(self, admission: Admission, now: float) -> float:
        """When to look again, if nothing happens before."""
        if now < self._turn_at:
            return self._turn_at
        over_at = self._free_at(is_guest=self._guests.has(admission.group, now))
        return over_at if over_at > now else now + _TURN_S  # another is first in line

    def _free_at(self, *, is_guest: bool) -> float:
        """From when on a turn may take somebody's place."""
        times = (_free_at(each, is_guest=is_guest) for each in self._exposed())
        return min(times, default=math.inf)

    def _places(self) -> Counter[str]:
        return Counter(each.group for each in self._established)

    def note_useful(self, peer: str) -> None:
        """It has just brought something that nobody else had."""
        for admission in self._established:
            if admission.peer == peer:
                admission.useful_at = trio.current_time()

    # --- told ---------------------------------------------------------------------------------

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    @property
    def established_count(self) -> int:
        return len(self._established)

    def count_from(self, ip: str) -> int:
        return self._per_ip[ip]


class _Visits:
    """How often each of the latest PENALTY_PEERS_MAX addresses has come, fading by half a minute
    by minute: slower than its right to come again."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def note(self, ip: str, now: float, weight: float) -> None:
        self._counts[ip] = (self._exactly(ip, now) + weight, now)
        self._counts.move_to_end(ip)
        if len(self._counts) > PENALTY_PEERS_MAX:
            self._counts.popitem(last=False)

    def of(self, ip: str, now: float) -> int:
        return round(self._exactly(ip, now))

    def _exactly(self, ip: str, now: float) -> float:
        count, at = self._counts.get(ip, (0.0, now))
        return float(count * 0.5 ** ((now - at) / _VISITS_HALVE_S))


class _Line:
    """Since when each of the latest PENALTY_PEERS_MAX groups has been coming for a place: since the
    first time that its handshake was done. Who comes again after a failure has lost nothing."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, float] = OrderedDict()

    def join(self, group: str, now: float) -> None:
        self._since.setdefault(group, now)
        self._since.move_to_end(group)
        if len(self._since) > PENALTY_PEERS_MAX:
            self._since.popitem(last=False)

    def leave(self, group: str) -> None:
        self._since.pop(group, None)

    def since(self, group: str) -> float:
        return self._since.get(group, math.inf)


class _Guests:
    """The groups that had a place of late: the latest PENALTY_PEERS_MAX. One that goes on coming
    stays one of them, let in or not. Who was sent away after a moment has had none."""

    def __init__(self) -> None:
        self._seen_at: OrderedDict[str, float] = OrderedDict()

    def add(self, group: str, now: float) -> None:
        self._seen_at[group] = now
        self._seen_at.move_to_end(group)
        if len(self._seen_at) > PENALTY_PEERS_MAX:
            self._seen_at.popitem(last=False)

    def came(self, group: str, now: float) -> None:
        if self.has(group, now):
            self.add(group, now)

    def has(self, group: str, now: float) -> bool:
        return now - self._seen_at.get(group, -math.inf) < _KNOWN_S


@lru_cache(1024)
def group_of(ip: str) -> str:
    """What counts as one in a full house: on the internet a whole network, of which who has one
    address easily has more; at home, where all are of one network, the address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if not address.is_global:
        return ip
    return str(ipaddress.ip_network(f"{ip}/{_GROUP_BITS[address.version]}", strict=False))


def _first_of_busiest(admissions: Iterable[Admission], here: Counter[str]) -> Admission:
    """The first one whose group, and in it whose address, has more places than any other; among
    equals, who has never brought anything."""
    listed = list(admissions)
    per_ip = Counter(each.ip for each in listed)
    return max(
        listed, key=lambda one: (here[one.group], per_ip[one.ip], one.useful_at == -math.inf)
    )


def _free_at(admission: Admission, *, is_guest: bool) -> float:
    """From when on its place may be taken: by a newcomer soon, by who was inside lately late."""
    if not is_guest:
        return admission.stays_until
    return max(admission.stays_until, admission.came_in_at + _REST_S)


def _round_trip_s(admission: Admission) -> float:
    return admission.round_trip_s()
