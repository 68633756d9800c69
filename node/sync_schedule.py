"""When to reconcile with whom: a machine over peers and times (SPEC.md R6.34 and after).

Inputs are what happened, the time and a seed; its output is who is due. Opens nothing, waits for
nothing. Times are seconds of one steady clock.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from ..protocol import limits

_S = limits.SECOND_MS


@dataclass(slots=True)
class _Peer:
    """`due` is when a session is wanted, since `wanted_at`; `not_before` rests a fruitless pair."""

    due: float | None = None
    wanted_at: float = 0.0
    not_before: float = 0.0
    fruitless: int = 0
    is_busy: bool = False


class SyncSchedule:
    """The connected peers and when each is due. `dice` jitters."""

    def __init__(self, our_peer: str, dice: random.Random, now: float) -> None:
        self._our_peer = our_peer
        self._dice = dice
        self._peers: dict[str, _Peer] = {}
        self._round_at = now + self._jittered(limits.SYNC_EVERY_MS / _S)

    @property
    def peers(self) -> list[str]:
        return list(self._peers)

    def peer_up(self, peer: str, now: float) -> None:
        """At once from the smaller id; the other side waits to see whether that did it."""
        self._peers.setdefault(peer, _Peer())
        is_first = self._our_peer < peer
        self.want(peer, now, 0.0 if is_first else limits.SYNC_SECOND_SIDE_WAIT_MS / _S)

    def peer_down(self, peer: str) -> None:
        self._peers.pop(peer, None)

    def want(self, peer: str, now: float, within: float) -> None:
        """A session with `peer` is wanted within so many seconds. Nothing for a stranger."""
        entry = self._peers.get(peer)
        if entry is None:
            return
        entry.wanted_at = now
        if entry.due is None or now + within < entry.due:
            entry.due = now + within

    def want_some(self, count_max: int, now: float, within: float) -> None:
        """With as many peers, drawn at random."""
        for peer in self._dice.sample(sorted(self._peers), min(count_max, len(self._peers))):
            self.want_news(peer, now, within)

    def want_all_but(self, peer: str, now: float, within: float) -> None:
        """A session with `peer` brought something that the others may lack."""
        for other in self._peers:
            if other != peer:
                self.want_news(other, now, self._dice.uniform(0.0, within))

    def doorbell(self, peer: str, now: float) -> None:
        """`peer` says that there is something to fetch."""
        self.want_news(peer, now, self._dice.uniform(0.0, limits.SYNC_DOORBELL_JITTER_MS / _S))

    def want_news(self, peer: str, now: float, within: float) -> None:
        """As `want`, and with a reason to expect something new: a long rest is over by that, a
        short one is not."""
        entry = self._peers.get(peer)
        if entry is not None:
            entry.not_before = min(entry.not_before, now + limits.SYNC_FRUITLESS_WAIT_MS / _S)
            self.want(peer, now, within)

    def begun(self, peer: str) -> None:
        if peer in self._peers:
            self._peers[peer].is_busy = True
            self._peers[peer].due = None

    def ended(
        self, peer: str, began: float, now: float, *, is_ours: bool, is_even: bool, has_moved: bool
    ) -> None:
        """A session with `peer` that began at `began` is over, whoever opened it."""
        entry = self._peers.get(peer)
        if entry is None:
            return
        if is_ours:
            entry.is_busy = False
        if is_even or has_moved:
            entry.fruitless = 0
            entry.not_before = now
        elif is_ours:
            wait_ms = limits.SYNC_FRUITLESS_WAIT_MS << min(entry.fruitless, 16)
            entry.not_before = now + min(wait_ms, limits.SYNC_FRUITLESS_WAIT_MS_MAX) / _S
            entry.fruitless += 1
        if is_even and entry.wanted_at <= began:
            entry.due = None  # what was wanted has been done

    def take_due(self, now: float) -> list[str]:
        """The peers with whom to open a session now, longest due first; they are `begun`."""
        if now >= self._round_at:
            self._round_at = now + self._jittered(limits.SYNC_EVERY_MS / _S)
            idle = sorted(peer for peer, entry in self._peers.items() if not entry.is_busy)
            if idle:
                self.want(self._dice.choice(idle), now, 0.0)
        due = sorted(
            (at, peer)
            for peer, entry in self._peers.items()
            if (at := self._at(entry)) is not None and at <= now
        )
        return [peer for _, peer in due]

    def next_at(self) -> float:
        """When to ask `take_due` next, if nothing happens before."""
        return min([self._round_at, *self._times(self._peers.values())])

    def _times(self, entries: Iterable[_Peer]) -> list[float]:
        return [at for entry in entries if (at := self._at(entry)) is not None]

    @staticmethod
    def _at(entry: _Peer) -> float | None:
        if entry.due is None or entry.is_busy:
            return None
        return max(entry.due, entry.not_before)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._dice.uniform(0.75, 1.25)
