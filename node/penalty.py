"""What peers have cost us: points that fade, and a ban when they add up.

Bans are by peer id, never by address: behind one address may be a whole campus. Knows nothing of
what the points were for.
"""

from collections import OrderedDict
from dataclasses import dataclass

from ..protocol import limits


@dataclass(slots=True)
class _Record:
    points: float = 0.0
    at_ms: int = 0
    bans: int = 0
    banned_until_ms: int = 0


class Penalties:
    """Points of at most PENALTY_PEERS_MAX peers, the longest untouched forgotten first."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def add(self, peer: str, points: int, now_ms: int) -> bool:
        """Counts `points` against `peer`; True if that bans it, from now on."""
        if points <= 0:
            return False
        record = self._records.pop(peer, None) or _Record(at_ms=now_ms)
        self._records[peer] = record
        while len(self._records) > limits.PENALTY_PEERS_MAX:
            self._records.popitem(last=False)
        record.points = self._faded(record, now_ms) + points
        record.at_ms = now_ms
        if record.points < limits.PENALTY_BAN_POINTS:
            return False
        ban_ms = min(limits.BAN_MS_MIN << min(record.bans, 16), limits.BAN_MS_MAX)
        record.bans += 1
        record.points = 0.0
        record.banned_until_ms = now_ms + ban_ms
        return True

    def points(self, peer: str, now_ms: int) -> float:
        record = self._records.get(peer)
        return 0.0 if record is None else self._faded(record, now_ms)

    def is_banned(self, peer: str, now_ms: int) -> bool:
        record = self._records.get(peer)
        return record is not None and now_ms < record.banned_until_ms

    def banned_count(self, now_ms: int) -> int:
        return sum(now_ms < record.banned_until_ms for record in self._records.values())

    @staticmethod
    def _faded(record: _Record, now_ms: int) -> float:
        half_lives = max(0, now_ms - record.at_ms) / limits.PENALTY_HALF_LIFE_MS
        return float(record.points * 0.5**half_lives)
