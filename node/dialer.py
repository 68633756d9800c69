"""Keeps this node connected: which address to dial next, and how long to leave it alone after.

`DialBook` is a machine over addresses and times; `Dialer` is the loop that dials. Addresses come
from the owner, from mDNS and from the last time; a connection wanted is state, a connection made
is not. Times are seconds of one steady clock.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio

from ..protocol import limits
from .transport import DialFailed, Transport

log = logging.getLogger(__name__)

_S = limits.SECOND_MS
_OUTBOUND_MAX = limits.CONNECTIONS_MAX - limits.CONNECTIONS_INBOUND_MAX


@dataclass(slots=True)
class _Entry:
    """One address. `is_static`: the owner named it, and it is never given up. `is_heard`: whoever
    is there has just said so. `is_dialled`: the connection there is, if any, is of our making;
    it was made at `made_at`. `short_stays`: how many in a row ended soon after."""

    peer: str | None
    is_static: bool
    next_at: float
    failures: int = 0
    is_dialling: bool = False
    is_heard: bool = False
    is_dialled: bool = False
    made_at: float = 0.0
    short_stays: int = 0

    @property
    def is_hopeful(self) -> bool:
        return (self.is_static or self.is_heard) and not self.failures


class DialBook:
    """At most DIAL_ADDRESSES_MAX addresses; the owner's are never pushed out."""

    def __init__(self, our_peer: str, dice: random.Random) -> None:
        self._our_peer = our_peer
        self._dice = dice
        self._entries: dict[str, _Entry] = {}
        self._connected: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def connected_count(self) -> int:
        return len(self._connected)

    @property
    def addresses(self) -> list[str]:
        return list(self._entries)

    def add(self, address: str, now: float, *, is_static: bool = False) -> bool:
        """An address to keep a connection with; False for our own, or with no room."""
        peer = peer_in(address)
        if peer == self._our_peer:
            return False
        entry = self._entries.get(address)
        if entry is not None:
            entry.is_static |= is_static
            return True
        if len(self._entries) >= limits.DIAL_ADDRESSES_MAX and not self._make_room():
            return False
        self._entries[address] = _Entry(peer, is_static, now)
        return True

    def found(self, address: str, now: float) -> None:
        """mDNS has just heard of it: if it was resting after failures, it need not any longer.

        Both sides hear of each other at once: the smaller id dials, the other waits for it.
        """
        is_new = address not in self._entries
        if not self.add(address, now):
            return
        entry = self._entries[address]
        entry.is_heard = True
        if is_new and not self._is_first(entry):
            entry.next_at = now + limits.DIAL_SECOND_SIDE_WAIT_MS / _S
        if entry.failures:
            entry.failures = 0
            entry.next_at = min(entry.next_at, now + limits.DIAL_WAIT_MS_MIN / _S)

    def peer_up(self, peer: str) -> None:
        self._connected.add(peer)
        for entry in self._entries.values():
            if entry.peer == peer:
                entry.failures = 0

    def peer_down(self, peer: str, now: float) -> None:
        """Try again soon, but not in step with the other side, which does the same. With neighbours
        enough it is not urgent where a full house sends us away again and again (SPEC.md R11.4)."""
        self._connected.discard(peer)
        for entry in self._entries.values():
            if entry.peer == peer:
                wait_ms = limits.DIAL_WAIT_MS_MIN
                if entry.is_dialled:
                    is_short = now - entry.made_at < limits.DIAL_STAY_MS / _S
                    entry.short_stays = entry.short_stays + 1 if is_short else 0
                has_enough = len(self._connected) >= limits.DIAL_NEIGHBOURS_ENOUGH
                if has_enough and not entry.is_static:
                    wait_ms = min(wait_ms << min(entry.short_stays, 20), limits.DIAL_WAIT_MS_MAX)
                wait = self._dice.uniform(0.5, 1.5) * wait_ms / _S
                if not self._is_first(entry):
                    wait += limits.DIAL_SECOND_SIDE_WAIT_MS / _S
                entry.next_at = now + wait
                entry.is_heard = False
                entry.is_dialled = False

    def take_due(self, now: float) -> list[str]:
        """Addresses to dial now, marked as being dialled: one for each peer, none for a peer that
        is connected or being dialled, DIALS_AT_ONCE_MAX in all. First those of whom there is hope:
        hundreds of remembered ones that answer no more take minutes to time out. Whom the owner
        has not named gets one of CONNECTIONS_DIALLED_MAX places, as long as those who are named
        leave any: one machine can announce any number of peers (SPEC.md R11.11)."""
        dialling = {entry.peer for entry in self._entries.values() if entry.is_dialling}
        room = limits.DIALS_AT_ONCE_MAX - sum(e.is_dialling for e in self._entries.values())
        outbound, strangers = self._dialled(now), self._strangers_dialled(now)
        due: list[str] = []
        waiting = [item for item in self._entries.items() if item[1].next_at <= now]
        for address, entry in sorted(waiting, key=_turn):
            if len(due) >= room:
                break
            if entry.is_dialling or entry.peer in self._connected:
                continue
            if entry.peer is not None and entry.peer in dialling:
                continue
            if not entry.is_static:
                if len(strangers) >= limits.CONNECTIONS_DIALLED_MAX:
                    continue
                if len(outbound) >= _OUTBOUND_MAX:
                    continue
                strangers.add(entry.peer or address)
            outbound.add(entry.peer or address)
            entry.is_dialling = True
            dialling.add(entry.peer)
            due.append(address)
        return due

    def dialled(self, address: str, peer: str, now: float) -> None:
        """It worked: `peer` is who answered, whatever the address said. That it is connected is
        told by `peer_up`; should that never come, the address is due again in a while."""
        entry = self._entries[address]
        entry.is_dialling = False
        entry.is_dialled = True
        entry.made_at = now
        entry.failures = 0
        entry.peer = peer
        entry.next_at = now + limits.DIAL_WAIT_MS_MIN / _S

    def failed(self, address: str, now: float) -> float:
        """For how many seconds it is left alone: 1 s, 2 s, … 5 min, jittered, for ever."""
        entry = self._entries[address]
        entry.is_dialling = entry.is_dialled = False
        wait_ms = min(limits.DIAL_WAIT_MS_MIN << min(entry.failures, 20), limits.DIAL_WAIT_MS_MAX)
        wait = wait_ms / _S * self._dice.uniform(0.75, 1.25)
        entry.failures += 1
        entry.next_at = now + wait
        return wait

    def failures(self, address: str) -> int:
        return self._entries[address].failures

    def next_at(self) -> float:
        """When `take_due` may have something, if nothing happens before."""
        return min(
            (
                entry.next_at
                for entry in self._entries.values()
                if not entry.is_dialling and entry.peer not in self._connected
            ),
            default=float("inf"),
        )

    def outbound_count(self, now: float) -> int:
        return len(self._dialled(now))

    def _dialled(self, now: float) -> set[str]:
        """Who has a connection of our making, or is to have one. One just made counts until it is
        known whether it stands."""
        return {
            entry.peer or address
            for address, entry in self._entries.items()
            if entry.is_dialling
            or (entry.is_dialled and (entry.peer in self._connected or entry.next_at > now))
        }

    def _strangers_dialled(self, now: float) -> set[str]:
        """Those of them who are not the owner's choice."""
        chosen = {e.peer or address for address, e in self._entries.items() if e.is_static}
        return self._dialled(now) - chosen

    def _is_first(self, entry: _Entry) -> bool:
        return entry.peer is None or self._our_peer < entry.peer

    def _make_room(self) -> bool:
        """Gives up the address that failed most often."""
        idle = [
            (entry.failures, address)
            for address, entry in self._entries.items()
            if not entry.is_static and not entry.is_dialling and entry.peer not in self._connected
        ]
        if not idle:
            return False
        del self._entries[max(idle)[1]]
        return True


def _turn(item: tuple[str, _Entry]) -> tuple[bool, float]:
    return not item[1].is_hopeful, item[1].next_at


class Dialer:
    """Dials what the book says, until cancelled. `may_dial(peer)` is False for the banned."""

    def __init__(self, transport: Transport, dice: random.Random) -> None:
        self._transport = transport
        self.book = DialBook(transport.peer, dice)
        self._wake = trio.Event()
        self.may_dial: Callable[[str], bool] = lambda peer: True
        self._is_over = False

    def add(self, addresses: Iterable[str], *, is_static: bool = False) -> None:
        for address in addresses:
            self.book.add(address, trio.current_time(), is_static=is_static)
        self._wake.set()

    def found(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self.book.found(address, trio.current_time())
        self._wake.set()

    def peer_up(self, peer: str) -> None:
        self.book.peer_up(peer)

    def peer_down(self, peer: str) -> None:
        self.book.peer_down(peer, trio.current_time())
        self._wake.set()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                for address in self.book.take_due(trio.current_time()):
                    nursery.start_soon(self._dial, address)
                # A due address may have to wait for a dial under way, which wakes this when over.
                deadline = self.book.next_at()
                if deadline <= trio.current_time():
                    deadline = trio.current_time() + limits.DIAL_WAIT_MS_MIN / _S
                with trio.move_on_at(deadline):
                    await self._wake.wait()
                self._wake = trio.Event()

    async def _dial(self, address: str) -> None:
        peer = peer_in(address)
        try:
            if peer is not None and not self.may_dial(peer):
                raise DialFailed(f"{address} is banned for now")
            answered = await self._transport.dial(address)
            self.book.dialled(address, answered, trio.current_time())
            self._note_number()
        except DialFailed as error:
            is_first = self.book.failures(address) == 0
            wait = self.book.failed(address, trio.current_time())
            # Neighbours come and go: said once, then only to those who ask for all.
            level = logging.INFO if is_first else logging.DEBUG
            log.log(level, "cannot reach %s; again in %.0f s", error, wait)
        finally:
            self._wake.set()

    def _note_number(self) -> None:
        """Only the owner's own choice leads there; who comes in has places of its own."""
        count = self.book.outbound_count(trio.current_time())
        was_over, self._is_over = self._is_over, count > _OUTBOUND_MAX
        if self._is_over and not was_over:
            log.warning(
                "%d connections to others, more than the %d there are places for: they are kept, "
                "since you named the peers, but each costs memory and time; name fewer",
                count,
                _OUTBOUND_MAX,
            )


def peer_in(address: str) -> str | None:
    """The peer that a multiaddr names: …/p2p/PEER."""
    _, found, peer = address.rpartition("/p2p/")
    return peer if found and peer and "/" not in peer else None
