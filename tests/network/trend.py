"""Whether a row of measurements grows: a straight line through it, with its uncertainty."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

HOUR_S = 3600.0
DEVIATIONS = 2.0  # about 95 of 100


@dataclass(frozen=True, slots=True)
class Trend:
    """`first` and `last`: medians of the first and last quarter. `per_hour` ± `error`, which is
    two standard errors, widened for measurements that hang on the one before."""

    first: float
    last: float
    per_hour: float
    error: float

    @property
    def in_a_day_max(self) -> float:
        """What 24 h would add, at the most that the measurements allow."""
        return 24 * (self.per_hour + self.error)

    def to_json(self) -> dict[str, float]:
        return {
            "first": round(self.first, 2),
            "last": round(self.last, 2),
            "per_hour": round(self.per_hour, 3),
            "error": round(self.error, 3),
        }


def trend(times_s: Sequence[float], values: Sequence[float]) -> Trend:
    """At least four measurements, at times that differ."""
    count = len(values)
    assert count == len(times_s) >= 4
    slope, start = statistics.linear_regression(times_s, values)
    left = [value - start - slope * at for at, value in zip(times_s, values, strict=True)]
    squares = math.fsum(each * each for each in left)
    spread = math.fsum((at - statistics.fmean(times_s)) ** 2 for at in times_s)
    error = math.sqrt(squares / (count - 2) / spread)
    if squares:
        # Each measurement that hangs on the last one tells that much less (first order).
        tie = math.fsum(a * b for a, b in pairwise(left)) / squares
        tie = min(max(tie, 0.0), 0.95)
        error *= math.sqrt((1 + tie) / (1 - tie))
    quarter = max(1, count // 4)
    return Trend(
        statistics.median(values[:quarter]),
        statistics.median(values[-quarter:]),
        slope * HOUR_S,
        DEVIATIONS * error * HOUR_S,
    )
