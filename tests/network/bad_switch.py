"""An Ethernet switch with long, thin, leaky cables: what is lost, what comes late, what is cut off.

A machine over frames and times: it owns no device, no clock and no thread; the n-th frame from one
port to another meets the same fate in every run of a seed. Times are seconds of one steady clock.
"""

import heapq
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

ADDRESS_BYTES = 6
HEADER_BYTES = 14
QUEUE_BYTES_MAX = 128 * 1024
SHARED = 0x01  # of a destination's first byte: for all, or for a group


@dataclass(frozen=True, slots=True)
class Weather:
    """What every frame meets. `delay_s` ± `jitter_s` for each way; `loss` of 1 is all; `rate` is
    bytes a second into and out of each port, None for no limit; `keeps_order` within each pair."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    rate: float | None = None
    queue_bytes_max: int = QUEUE_BYTES_MAX
    keeps_order: bool = True

    def __post_init__(self) -> None:
        assert 0 <= self.jitter_s <= self.delay_s or not self.jitter_s
        assert 0 <= self.loss <= 1
        assert self.rate is None or self.rate > 0


@dataclass(slots=True)
class Counts:
    """Frames: each copy of one for many is counted."""

    taken: int = 0
    given: int = 0
    given_bytes: int = 0
    lost: int = 0
    overflowed: int = 0
    cut: int = 0
    unknown: int = 0
    waiting_max: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class _Cable:
    """One direction of a port's cable, which sends one frame after the other at `rate`."""

    free_at: float = 0.0

    def send(self, now: float, size: int, weather: Weather) -> float | None:
        """When its last byte is through; None for no room in the queue."""
        if weather.rate is None:
            return now
        waiting_bytes = max(0.0, self.free_at - now) * weather.rate
        if waiting_bytes + size > weather.queue_bytes_max:
            return None
        self.free_at = max(now, self.free_at) + size / weather.rate
        return self.free_at


@dataclass(slots=True)
class _Pair:
    dice: random.Random
    last_at: float = 0.0


# When, a running number, source, target, frame, and whether only the target's cable is before it.
_Flight = tuple[float, int, int, int, bytes, bool]


class BadSwitch:
    """Ports 0, 1, … with a known hardware address each. `take` frames, `give` what is due."""

    def __init__(self, addresses: Sequence[bytes], seed: int, weather: Weather) -> None:
        self._port_of = {address: port for port, address in enumerate(addresses)}
        self._ports = range(len(addresses))
        self._seed = seed
        self.weather = weather
        self.counts = Counts()
        self._up = [_Cable() for _ in self._ports]
        self._down = [_Cable() for _ in self._ports]
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._group = [0 for _ in self._ports]
        self._flights: list[_Flight] = []
        self._number = 0

    def change(self, **weather: float | int | bool | None) -> None:
        self.weather = replace(self.weather, **weather)  # type: ignore[arg-type]

    def part(self, groups: Iterable[Iterable[int]]) -> None:
        """Only ports of one group hear each other, from now on and of what is on its way; ports
        that are not named are one group more."""
        self._group = [0 for _ in self._ports]
        for number, group in enumerate(groups, 1):
            for port in group:
                self._group[port] = number

    def heal(self) -> None:
        self.part([])

    def take(self, source: int, frame: bytes, now: float) -> None:
        """A frame that came in at port `source`."""
        self.counts.taken += 1
        if len(frame) < HEADER_BYTES:
            self.counts.unknown += 1
            return
        sent_at = self._up[source].send(now, len(frame), self.weather)
        if sent_at is None:
            self.counts.overflowed += 1
            return
        if frame[0] & SHARED:
            for target in self._ports:
                if target != source:
                    self._carry(source, target, frame, sent_at)
            return
        known = self._port_of.get(frame[:ADDRESS_BYTES])
        if known is None or known == source:
            self.counts.unknown += 1
            return
        self._carry(source, known, frame, sent_at)

    def _carry(self, source: int, target: int, frame: bytes, sent_at: float) -> None:
        if self._group[source] != self._group[target]:
            self.counts.cut += 1
            return
        pair = self._pairs.get((source, target))
        if pair is None:
            # Not `hash`, which differs from process to process.
            pair = _Pair(random.Random(f"{self._seed}/{source}/{target}"))  # noqa: S311
            self._pairs[source, target] = pair
        weather = self.weather
        # Both are drawn for every frame: another loss leaves the delays as they were.
        luck, late = pair.dice.random(), pair.dice.uniform(-1.0, 1.0)
        if luck < weather.loss:
            self.counts.lost += 1
            return
        at = sent_at + weather.delay_s + late * weather.jitter_s
        if weather.keeps_order:
            at = pair.last_at = max(at, pair.last_at)
        self._push(at, source, target, frame, has_arrived=False)

    def _push(self, at: float, source: int, target: int, frame: bytes, has_arrived: bool) -> None:
        self._number += 1
        heapq.heappush(self._flights, (at, self._number, source, target, frame, has_arrived))
        self.counts.waiting_max = max(self.counts.waiting_max, len(self._flights))

    def next_at(self) -> float | None:
        """When `give` has something; None for nothing on its way."""
        return self._flights[0][0] if self._flights else None

    def give(self, now: float) -> list[tuple[int, bytes]]:
        """(port, frame) of what has come through by now, in its order."""
        given: list[tuple[int, bytes]] = []
        while self._flights and self._flights[0][0] <= now:
            at, _, source, target, frame, has_arrived = heapq.heappop(self._flights)
            if self._group[source] != self._group[target]:
                self.counts.cut += 1
                continue
            if not has_arrived:
                out_at = self._down[target].send(at, len(frame), self.weather)
                if out_at is None:
                    self.counts.overflowed += 1
                    continue
                if out_at > now:
                    self._push(out_at, source, target, frame, has_arrived=True)
                    continue
            self.counts.given += 1
            self.counts.given_bytes += len(frame)
            given.append((target, frame))
        return given
