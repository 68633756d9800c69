"""What reconciliation compares: a set of items in the order of (ts, id), with sums over ranges.

The port `ItemSet`, a set in memory, and a set with a few more or a few less. Knows neither messages
nor where items are stored.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Final, Protocol, TypeAlias

from ..crypto.digest import LIFT_BITS, lift_wide

Lift: TypeAlias = Callable[[bytes], int]
"""An id's (32 bytes) number in the sums."""

KEY_BYTES: Final = 40
"""An item's key: ts_ms as 8 bytes big-endian, then the record's id. Bytes order is item order."""

_TS_BYTES: Final = 8
_CHUNK_KEYS_MAX: Final = 128


def item_key(ts_ms: int, record_id: bytes) -> bytes:
    """The 40-byte key of an item."""
    return ts_ms.to_bytes(_TS_BYTES, "big") + record_id


def key_id(key: bytes) -> bytes:
    """The record's id (32 bytes) in an item's key."""
    return key[_TS_BYTES:]


class ItemSet(Protocol):
    """Items by their index in key order. Must stay the same during one call of a machine.

    Between calls it may change: nothing keeps an index. Every `begin <= end <= count()`.
    """

    def count(self) -> int:
        """How many items."""
        ...

    def find(self, key: bytes) -> int:
        """The index of the first item not less than `key`, which may be any prefix of a key."""
        ...

    def keys(self, begin: int, end: int) -> list[bytes]:
        """The keys of the items from `begin` up to `end`, in order."""
        ...

    def fingerprint_sum(self, begin: int, end: int) -> int:
        """The sum of lift(id) over those items, modulo 2^lift_bits."""
        ...


class ListItemSet:
    """An ItemSet in memory: runs of up to 128 keys with the sum of each.

    `find`, `add` and `discard` take two bisections; a sum lifts at most 128 ids. `lift_bits` is
    the width of the sums and belongs to `lift`.
    """

    def __init__(
        self, keys: Iterable[bytes] = (), *, lift: Lift = lift_wide, lift_bits: int = LIFT_BITS
    ) -> None:
        self._lift = lift
        self._mask = (1 << lift_bits) - 1
        ordered = sorted(set(keys))
        self._chunks = [
            ordered[at : at + _CHUNK_KEYS_MAX] for at in range(0, len(ordered), _CHUNK_KEYS_MAX)
        ]
        self._chunk_sums = [self._lifted(chunk) for chunk in self._chunks]
        # The directory: for each chunk its first index and the sum of all before it, and one past.
        self._starts: list[int] = []
        self._sums_before: list[int] = []
        self._has_directory = False

    def __contains__(self, key: bytes) -> bool:
        at = self._chunk_of(key)
        if at == len(self._chunks):
            return False
        chunk = self._chunks[at]
        within = bisect_left(chunk, key)
        return within < len(chunk) and chunk[within] == key

    def add(self, key: bytes) -> bool:
        """Puts a key in; False if it is there already."""
        if key in self:
            return False
        self._has_directory = False
        if not self._chunks:
            self._chunks, self._chunk_sums = [[key]], [self._lifted([key])]
            return True
        at = min(self._chunk_of(key), len(self._chunks) - 1)
        chunk = self._chunks[at]
        chunk.insert(bisect_left(chunk, key), key)
        self._chunk_sums[at] = (self._chunk_sums[at] + self._lift(key_id(key))) & self._mask
        if len(chunk) > _CHUNK_KEYS_MAX:
            middle = len(chunk) // 2
            halves = [chunk[:middle], chunk[middle:]]
            self._chunks[at : at + 1] = halves
            self._chunk_sums[at : at + 1] = [self._lifted(half) for half in halves]
        return True

    def discard(self, key: bytes) -> bool:
        """Takes a key out; False if it was not there."""
        if key not in self:
            return False
        self._has_directory = False
        at = self._chunk_of(key)
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, key)]
        self._chunk_sums[at] = (self._chunk_sums[at] - self._lift(key_id(key))) & self._mask
        if not chunk:
            del self._chunks[at], self._chunk_sums[at]
        return True

    def count(self) -> int:
        self._make_directory()
        return self._starts[-1]

    def find(self, key: bytes) -> int:
        self._make_directory()
        at = self._chunk_of(key)
        if at == len(self._chunks):
            return self._starts[-1]
        return self._starts[at] + bisect_left(self._chunks[at], key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        found: list[bytes] = []
        at, within = self._locate(begin)
        while len(found) < end - begin:
            found += self._chunks[at][within : within + end - begin - len(found)]
            at, within = at + 1, 0
        return found

    def fingerprint_sum(self, begin: int, end: int) -> int:
        if end - begin <= _CHUNK_KEYS_MAX // 2:
            return self._lifted(self.keys(begin, end))
        return (self._sum_before(end) - self._sum_before(begin)) & self._mask

    def _lifted(self, keys: list[bytes]) -> int:
        return sum(self._lift(key_id(key)) for key in keys) & self._mask

    def _chunk_of(self, key: bytes) -> int:
        """The first chunk whose last key is not less than `key`; one past the last if none."""
        return bisect_left(self._chunks, key, key=_last)

    def _locate(self, index: int) -> tuple[int, int]:
        self._make_directory()
        at = bisect_left(self._starts, index + 1) - 1
        return at, index - self._starts[at]

    def _sum_before(self, index: int) -> int:
        """The sum over all items before `index`, lifting from the nearer end of its chunk."""
        at, within = self._locate(index)
        if within == 0:
            return self._sums_before[at]
        chunk = self._chunks[at]
        if within <= len(chunk) // 2:
            return self._sums_before[at] + self._lifted(chunk[:within])
        return self._sums_before[at + 1] - self._lifted(chunk[within:])

    def _make_directory(self) -> None:
        if not self._has_directory:
            self._starts = list(accumulate(map(len, self._chunks), initial=0))
            self._sums_before = list(accumulate(self._chunk_sums, initial=0))
            self._has_directory = True


def _last(chunk: list[bytes]) -> bytes:
    return chunk[-1]


class OverlaidItemSet:
    """`base` and the `extra_keys` that it lacks, as one set.

    Toward a peer a node reconciles what it holds and what it declined of that peer: so the peer
    sees no difference and does not offer it for ever. `base` must stay the same while this lives;
    making it looks up every extra key in `base`.
    """

    def __init__(
        self,
        base: ItemSet,
        extra_keys: Iterable[bytes],
        *,
        lift: Lift = lift_wide,
        lift_bits: int = LIFT_BITS,
    ) -> None:
        self._base = base
        self._mask = (1 << lift_bits) - 1
        extra: list[bytes] = []
        self._positions: list[int] = []  # each extra key's index in the whole
        count = base.count()
        for key in sorted(set(extra_keys)):
            at = base.find(key)
            if at < count and base.keys(at, at + 1) == [key]:
                continue
            self._positions.append(at + len(extra))
            extra.append(key)
        self._extra = ListItemSet(extra, lift=lift, lift_bits=lift_bits)

    def count(self) -> int:
        return self._base.count() + self._extra.count()

    def find(self, key: bytes) -> int:
        return self._base.find(key) + self._extra.find(key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        extra_begin, extra_end = self._extra_before(begin), self._extra_before(end)
        found = self._base.keys(begin - extra_begin, end - extra_end)
        extra = self._extra.keys(extra_begin, extra_end)
        return sorted(found + extra) if extra else found

    def fingerprint_sum(self, begin: int, end: int) -> int:
        extra_begin, extra_end = self._extra_before(begin), self._extra_before(end)
        base_sum = self._base.fingerprint_sum(begin - extra_begin, end - extra_end)
        return (base_sum + self._extra.fingerprint_sum(extra_begin, extra_end)) & self._mask

    def _extra_before(self, index: int) -> int:
        return bisect_left(self._positions, index)


class ThinnedItemSet:
    """`base` without `hidden_keys`, as far as it has them: what a peer was given and does not want.
    `base` must stay the same while this lives."""

    def __init__(
        self,
        base: ItemSet,
        hidden_keys: Iterable[bytes],
        *,
        lift: Lift = lift_wide,
        lift_bits: int = LIFT_BITS,
    ) -> None:
        self._base = base
        self._mask = (1 << lift_bits) - 1
        self._positions: list[int] = []  # where each hidden key would stand in what is left
        hidden: list[bytes] = []
        count = base.count()
        for key in sorted(set(hidden_keys)):
            at = base.find(key)
            if at < count and base.keys(at, at + 1) == [key]:
                self._positions.append(at - len(hidden))
                hidden.append(key)
        self._hidden = ListItemSet(hidden, lift=lift, lift_bits=lift_bits)

    def count(self) -> int:
        return self._base.count() - self._hidden.count()

    def find(self, key: bytes) -> int:
        return self._base.find(key) - self._hidden.find(key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        before_begin, before_end = self._hidden_before(begin), self._hidden_before(end)
        gone = set(self._hidden.keys(before_begin, before_end))
        found = self._base.keys(begin + before_begin, end + before_end)
        return [key for key in found if key not in gone]

    def fingerprint_sum(self, begin: int, end: int) -> int:
        before_begin, before_end = self._hidden_before(begin), self._hidden_before(end)
        base_sum = self._base.fingerprint_sum(begin + before_begin, end + before_end)
        return (base_sum - self._hidden.fingerprint_sum(before_begin, before_end)) & self._mask

    def _hidden_before(self, index: int) -> int:
        return bisect_left(self._positions, index)
