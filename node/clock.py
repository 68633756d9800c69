"""Whether this machine's clock agrees with the neighbours': the median of what they say.

A clock that runs ahead makes its owner's listings invisible, since peers ignore records from the
future. Knows offsets only; who says them is told to it.
"""

import time
from collections import OrderedDict

from ..protocol import limits
from ..protocol.told import tell


def now_ms() -> int:
    """Unix time in ms: the one place of the running node that reads the clock."""
    return time.time_ns() // 1_000_000


class ClockWatch:
    """The offsets (ours minus theirs, in ms) of the peers heard last, at most CONNECTIONS_MAX."""

    def __init__(self) -> None:
        self._offsets_ms: OrderedDict[str, int] = OrderedDict()

    def heard(self, peer: str, their_now_ms: int, our_now_ms: int) -> None:
        """Notes what `peer` took for now when it was `our_now_ms` here."""
        self._offsets_ms.pop(peer, None)
        self._offsets_ms[peer] = our_now_ms - their_now_ms
        while len(self._offsets_ms) > limits.CONNECTIONS_MAX:
            self._offsets_ms.popitem(last=False)

    def offset_ms(self) -> int | None:
        """How far ahead of the neighbours this clock is; None while too few agree to say.

        The median of CLOCK_PEERS_MIN or more. Fewer cannot outvote a wrong one among them, so
        they are believed as far as all of them agree: the smallest offset on the common side.
        """
        offsets = list(self._offsets_ms.values())
        if not offsets:
            return None
        if len(offsets) >= limits.CLOCK_PEERS_MIN:
            return sorted(offsets)[len(offsets) // 2]
        if all(offset > 0 for offset in offsets):
            return min(offsets)
        return max(offsets) if all(offset < 0 for offset in offsets) else 0

    def forget(self) -> None:
        """This clock was set: what was heard before says nothing of it."""
        self._offsets_ms.clear()

    def warning(self) -> str | None:
        """One line for the user when the clock is more than CLOCK_WARN_MS off."""
        offset_ms = self.offset_ms()
        if offset_ms is None or abs(offset_ms) <= limits.CLOCK_WARN_MS:
            return None
        return clock_warning(offset_ms)


class ClockTrust:
    """By what time records are over. A clock that starts ahead, or jumps there, would have a node
    forget all that others ever listed: it is believed once neighbours agree with it, by theirs as
    long as they say that it is ahead, and after CLOCK_UNSURE_MS when there is nobody to ask."""

    def __init__(self, watch: ClockWatch) -> None:
        self._watch = watch
        self._last: tuple[int, float] | None = None
        self._sure_at_s = 0.0

    def over_by_ms(self, now_ms: int, monotonic_s: float) -> int | None:
        """The time up to which lives are over, now; None while nobody knows."""
        if self._last is None or self._jump_ms(now_ms, monotonic_s) > limits.CLOCK_WARN_MS:
            if self._last is not None:
                self._watch.forget()
            self._sure_at_s = monotonic_s + limits.CLOCK_UNSURE_MS / limits.SECOND_MS
        self._last = (now_ms, monotonic_s)
        offset_ms = self._watch.offset_ms()
        if offset_ms is None:
            return now_ms if monotonic_s >= self._sure_at_s else None
        return now_ms - offset_ms if offset_ms > limits.CLOCK_WARN_MS else now_ms

    def _jump_ms(self, now_ms: int, monotonic_s: float) -> float:
        """How far the clock went beside the time that passed, either way."""
        last_ms, last_s = self._last or (now_ms, monotonic_s)
        return abs((now_ms - last_ms) - (monotonic_s - last_s) * limits.SECOND_MS)


def clock_warning(offset_ms: int) -> str:
    """What to tell the owner of a clock that is `offset_ms` ahead (behind, if negative)."""
    minutes = max(1, round(abs(offset_ms) / limits.MINUTE_MS))
    if offset_ms > 0:
        return tell(
            "this machine's clock is {minutes} min ahead of the neighbours': neighbours ignore "
            "what you publish until their clocks get there; set the clock",
            minutes=minutes,
        )
    return tell(
        "this machine's clock is {minutes} min behind the neighbours': this node ignores what "
        "neighbours publish until its clock gets there; set the clock",
        minutes=minutes,
    )
