"""A budget over time: so many at once, so many a second in the long run. Knows no clock."""

from collections import OrderedDict


class TokenBucket:
    """Holds `burst` tokens at first and at most, and regains `per_second`."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, count: int, now: float) -> bool:
        """Whether `count` tokens were there at `now` (seconds), and took them if so."""
        if not self._refilled(now) >= count:
            return False
        self._tokens -= count
        return True

    def take_up_to(self, count: int, now: float) -> int:
        """How many of `count` there were; they are taken."""
        taken = min(count, int(self._refilled(now)))
        self._tokens -= taken
        return taken

    def spend(self, count: float, now: float) -> float:
        """Takes `count` tokens, there or not; after how many seconds the debt is paid off."""
        self._tokens = self._refilled(now) - count
        return max(0.0, -self._tokens / self._per_second)

    def _refilled(self, now: float) -> float:
        gained = max(0.0, now - self._at) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._at = now
        return self._tokens


class TokenBuckets:
    """A bucket for each of the latest `count_max` names: peers, or addresses."""

    def __init__(self, per_second: float, burst: float, count_max: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._count_max = count_max
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, name: str, now: float) -> TokenBucket:
        bucket = self._buckets.pop(name, None)
        if bucket is None:
            bucket = TokenBucket(self._per_second, self._burst, now)
        self._buckets[name] = bucket
        while len(self._buckets) > self._count_max:
            self._buckets.popitem(last=False)
        return bucket
