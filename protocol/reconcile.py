"""Range-based set reconciliation in the message shape of negentropy v1 (SPEC.md R6).

Two machines exchange messages; the initiator learns which ids only it has and which it lacks.
Knows ranges, ids and sums; knows nothing of records, peers, streams or time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from . import limits
from .errors import RemoteProtocolError
from .item_set import ItemSet as ItemSet
from .item_set import ListItemSet as ListItemSet
from .item_set import OverlaidItemSet as OverlaidItemSet
from .item_set import key_id

FINGERPRINT_BYTES: Final = 16

_VERSION: Final = 0x61
_VERSIONS: Final = range(0x60, 0x70)
_SKIP: Final = 0
_FINGERPRINT: Final = 1
_ID_LIST: Final = 2

_TS_BYTES: Final = 8
_TS_INFINITY: Final = 2**64 - 1
_INFINITY: Final = _TS_INFINITY.to_bytes(_TS_BYTES, "big")
"""The bound above every item. A bound is a prefix of a key that holds at least the timestamp."""
_START: Final = bytes(_TS_BYTES)

_BUCKETS: Final = 16
_ID_LIST_BELOW: Final = 2 * _BUCKETS
"""Fewer items than this are listed, more are split."""
_RESERVE_BYTES: Final = 200
"""Kept free in a message: for one id, a skip, a bound, and the fingerprint of all that remains."""
_RESERVE_RANGES: Final = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one message, and all of them, may cost. The defaults are the protocol's (R6.7)."""

    message_bytes_max: int = limits.RECON_MESSAGE_BYTES_MAX
    ranges_max: int = limits.RECON_RANGES_MAX
    keys_max: int = limits.RECON_KEYS_MAX
    rounds_max: int = limits.RECON_ROUNDS_MAX


@dataclass(frozen=True, slots=True)
class Step:
    """What a message led to.

    `reply` goes to the other side; None: the initiator is through. `have` are ids (32 bytes) that
    only the initiator has, `need` those that only the responder has; a responder learns neither.
    """

    reply: bytes | None
    have: list[bytes]
    need: list[bytes]


def fingerprint(item_sum: int, count: int, lift_bits: int) -> bytes:
    """The 16 bytes that stand for `count` items whose lifted ids add up to `item_sum` (R6.4)."""
    summed = (item_sum % (1 << lift_bits)).to_bytes(lift_bits // 8, "little")
    return sha256(summed + _varint(count)).digest()[:FINGERPRINT_BYTES]


def set_fingerprint(items: ItemSet, begin: int, end: int, lift_bits: int) -> bytes:
    """The fingerprint of the items from `begin` up to `end`."""
    return fingerprint(items.fingerprint_sum(begin, end), end - begin, lift_bits)


class Reconciliation:
    """One side of one reconciliation.

    An initiator begins with `initiate`; both then `handle` what comes. Where a message was cut
    short, an id may be reported again (rarely). If `items` changes between two calls, what that
    hides is found by a later reconciliation.
    """

    def __init__(
        self,
        items: ItemSet,
        *,
        lift_bits: int,
        frame_bytes_max: int,
        initiator: bool,
        bounds: Bounds | None = None,
    ) -> None:
        self._bounds = bounds if bounds is not None else Bounds()
        if not limits.RECON_MESSAGE_BYTES_MIN <= frame_bytes_max <= self._bounds.message_bytes_max:
            raise ValueError(f"frame_bytes_max {frame_bytes_max} is out of bounds")
        if min(self._bounds.ranges_max, self._bounds.keys_max) < 2 * _BUCKETS:
            raise ValueError("bounds without room for a split")
        self._items = items
        self._lift_bits = lift_bits
        self._frame_bytes_max = frame_bytes_max
        self._is_initiator = initiator
        self._rounds = 0
        self._is_over = False
        self._is_complete = False

    @property
    def is_complete(self) -> bool:
        """Whether this initiator has learned the whole difference."""
        return self._is_complete

    def initiate(self) -> bytes:
        """The initiator's first message."""
        if not self._is_initiator or self._rounds:
            raise RuntimeError("only an initiator begins, and once")
        self._rounds = 1
        out = self._writer()
        self._split(0, self._items.count(), _INFINITY, out)
        return bytes(out.data)

    def handle(self, message: bytes) -> Step:
        """What `message` of the other side leads to; RemoteProtocolError (R6.*) on any bytes."""
        if self._is_initiator and not self._rounds:
            raise RuntimeError("an initiator begins with initiate()")
        if self._is_over:
            raise RemoteProtocolError("R6.8", "a message after the end")
        if len(message) > self._bounds.message_bytes_max:
            raise RemoteProtocolError(
                "R6.7", f"{len(message)} bytes, at most {self._bounds.message_bytes_max}"
            )
        if self._is_initiator:
            return self._handle_as_initiator(message)
        self._rounds += 1
        if self._rounds > self._bounds.rounds_max:
            raise RemoteProtocolError("R6.7", f"more than {self._bounds.rounds_max} rounds")
        return self._handle_as_responder(message)

    def _handle_as_responder(self, message: bytes) -> Step:
        out = self._writer()
        reader = _Reader(message)
        if reader.version() != _VERSION:
            return Step(bytes(out.data), [], [])
        for lower, upper, mode, bound in self._ranges(reader, out):
            if mode == _FINGERPRINT:
                if not self._answer_fingerprint(reader, lower, upper, bound, out):
                    break
            elif mode == _ID_LIST:
                reader.ids()  # only an initiator compares
                if not self._list_ids(lower, upper, bound, out):
                    break
        return Step(bytes(out.data), [], [])

    def _handle_as_initiator(self, message: bytes) -> Step:
        out = self._writer()
        reader = _Reader(message)
        if reader.version() != _VERSION:
            raise RemoteProtocolError("R6.1", "the other side has another version", penalty=0)
        have: list[bytes] = []
        need: list[bytes] = []
        keys_left = self._bounds.keys_max
        for lower, upper, mode, bound in self._ranges(reader, out):
            if mode == _FINGERPRINT:
                if not self._answer_fingerprint(reader, lower, upper, bound, out):
                    break
            elif mode == _ID_LIST:
                theirs = reader.ids()
                if upper - lower > max(_ID_LIST_BELOW, self._bounds.keys_max // 4):
                    # A few bytes must not make us read a million keys: narrow it down (R6.7).
                    if not self._split_or_stop(lower, upper, bound, out):
                        break
                    continue
                keys_left -= upper - lower
                if keys_left < 0:
                    self._stop(lower, out)
                    break
                for key in self._items.keys(lower, upper):
                    record_id = key_id(key)
                    if record_id in theirs:
                        del theirs[record_id]
                    else:
                        have.append(record_id)
                need += theirs
                out.skip_to(bound)
        return Step(self._reply(out), have, need)

    def _reply(self, out: "_Writer") -> bytes | None:
        """What an initiator sends next, if anything."""
        self._is_complete = len(out.data) == 1
        self._is_over = self._is_complete or self._rounds == self._bounds.rounds_max
        if self._is_over:
            return None
        self._rounds += 1
        return bytes(out.data)

    def _ranges(self, reader: "_Reader", out: "_Writer") -> Iterator[tuple[int, int, int, bytes]]:
        """(lower index, upper index, mode, upper bound) of each range; its payload is unread."""
        count = self._items.count()
        lower, last, ranges = 0, _START, 0
        while not reader.is_at_end():
            ranges += 1
            if ranges > self._bounds.ranges_max:
                raise RemoteProtocolError("R6.7", f"more than {self._bounds.ranges_max} ranges")
            bound = reader.bound(last)
            mode = reader.varint()
            upper = count if bound == _INFINITY else max(lower, self._items.find(bound))
            if mode == _SKIP:
                out.skip_to(bound)
            elif mode not in (_FINGERPRINT, _ID_LIST):
                raise RemoteProtocolError("R6.2", f"mode {mode}")
            yield lower, upper, mode, bound
            lower, last = upper, bound

    def _answer_fingerprint(
        self, reader: "_Reader", lower: int, upper: int, bound: bytes, out: "_Writer"
    ) -> bool:
        """False: the message is full, and stops here."""
        if reader.take(FINGERPRINT_BYTES) != self._fingerprint(lower, upper):
            return self._split_or_stop(lower, upper, bound, out)
        out.skip_to(bound)
        return True

    def _split_or_stop(self, lower: int, upper: int, bound: bytes, out: "_Writer") -> bool:
        out.flush_skip()
        mark = out.mark()
        self._split(lower, upper, bound, out)
        if not out.is_full():
            return True
        # The reference fingerprints only what follows this range, under a bound that begins
        # before it; a side that has nothing in between would take the two for equal.
        out.rewind(mark)
        self._stop(lower, out)
        return False

    def _split(self, lower: int, upper: int, bound: bytes, out: "_Writer") -> None:
        """The range as a list of ids, or as fingerprints of its sixteenths (R6.5)."""
        count = upper - lower
        if count < _ID_LIST_BELOW:
            out.id_list(bound, self._items.keys(lower, upper))
            return
        size, with_extra = divmod(count, _BUCKETS)
        begin = lower
        for bucket in range(_BUCKETS):
            end = begin + size + (bucket < with_extra)
            end_bound = bound if end == upper else self._bound_before(end)
            out.fingerprint(end_bound, self._fingerprint(begin, end))
            begin = end

    def _list_ids(self, lower: int, upper: int, bound: bytes, out: "_Writer") -> bool:
        """All ids of the range, or as many as the message has room for; False: it is full."""
        room = out.ids_left()
        out.flush_skip()
        if upper - lower <= room:
            out.id_list(bound, self._items.keys(lower, upper))
            end = upper
        else:
            end = lower + room
            *keys, after = self._items.keys(lower, end + 1)
            out.id_list(after, keys)
        if out.is_full():
            self._stop(end, out)
            return False
        return True

    def _stop(self, lower: int, out: "_Writer") -> None:
        """Ends a message early: one fingerprint stands for everything from `lower` on."""
        out.flush_skip()
        out.fingerprint(_INFINITY, self._fingerprint(lower, self._items.count()))

    def _fingerprint(self, begin: int, end: int) -> bytes:
        return set_fingerprint(self._items, begin, end, self._lift_bits)

    def _bound_before(self, index: int) -> bytes:
        """The shortest bound that parts the item at `index` from the one before it."""
        before, after = self._items.keys(index - 1, index + 1)
        shared = _TS_BYTES
        if before[:_TS_BYTES] != after[:_TS_BYTES]:
            return after[:_TS_BYTES]
        while before[shared] == after[shared]:
            shared += 1
        return after[: shared + 1]

    def _writer(self) -> "_Writer":
        return _Writer(self._frame_bytes_max, self._bounds.ranges_max)


class _Writer:
    """A message in the making. Ranges to skip are held back: the last ones need not be said."""

    def __init__(self, bytes_max: int, ranges_max: int) -> None:
        self.data = bytearray((_VERSION,))
        self._full_bytes = bytes_max - _RESERVE_BYTES
        self._full_ranges = ranges_max - _RESERVE_RANGES
        self._ranges = 0
        self._last_ts = 0
        self._skip: bytes | None = None

    def is_full(self) -> bool:
        return len(self.data) > self._full_bytes or self._ranges > self._full_ranges

    def ids_left(self) -> int:
        """How many ids may still be put in: the last of them reaches into the reserve."""
        return (self._full_bytes - len(self.data)) // limits.ID_BYTES + 1

    def mark(self) -> tuple[int, int, int]:
        return len(self.data), self._ranges, self._last_ts

    def rewind(self, mark: tuple[int, int, int]) -> None:
        length, self._ranges, self._last_ts = mark
        del self.data[length:]

    def skip_to(self, bound: bytes) -> None:
        self._skip = bound

    def flush_skip(self) -> None:
        if self._skip is not None:
            self._head(self._skip, _SKIP)
            self._skip = None

    def fingerprint(self, bound: bytes, digest: bytes) -> None:
        self._head(bound, _FINGERPRINT)
        self.data += digest

    def id_list(self, bound: bytes, keys: list[bytes]) -> None:
        self._head(bound, _ID_LIST)
        self.data += _varint(len(keys))
        for key in keys:
            self.data += key_id(key)

    def _head(self, bound: bytes, mode: int) -> None:
        self._ranges += 1
        ts = int.from_bytes(bound[:_TS_BYTES], "big")
        self.data += _varint(0 if ts == _TS_INFINITY else ts - self._last_ts + 1)
        self._last_ts = ts
        self.data += _varint(len(bound) - _TS_BYTES) + bound[_TS_BYTES:] + _varint(mode)


class _Reader:
    """A message as it came. Every length is compared with what is there before it is believed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise RemoteProtocolError("R6.2", "the message ends within a range")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def version(self) -> int:
        version = self.take(1)[0]
        if version not in _VERSIONS:
            raise RemoteProtocolError("R6.1", f"version byte {version:#04x}")
        return version

    def varint(self) -> int:
        value = digits = 0
        while True:
            byte = self.take(1)[0]
            if byte == 0x80 and digits == 0:
                raise RemoteProtocolError("R6.2", "a number with a leading zero")
            value = value << 7 | byte & 0x7F
            if value > _TS_INFINITY:
                raise RemoteProtocolError("R6.2", "a number beyond 64 bits")
            if byte < 0x80:
                return value
            digits += 1

    def bound(self, last: bytes) -> bytes:
        """The next range's upper bound, given the one before it."""
        encoded = self.varint()
        prefix_bytes = self.varint()
        if prefix_bytes > limits.ID_BYTES:
            raise RemoteProtocolError("R6.3", f"a bound with {prefix_bytes} bytes of an id")
        prefix = self.take(prefix_bytes)
        if encoded == 0:
            if prefix:
                raise RemoteProtocolError("R6.3", "a bound beyond infinity")
            return _INFINITY
        ts = int.from_bytes(last[:_TS_BYTES], "big") + encoded - 1
        if ts >= _TS_INFINITY:
            raise RemoteProtocolError("R6.3", "a timestamp beyond 64 bits")
        bound = ts.to_bytes(_TS_BYTES, "big") + prefix
        if bound < last:
            raise RemoteProtocolError("R6.3", "bounds out of order")
        return bound

    def ids(self) -> dict[bytes, None]:
        """A list of ids, in its order."""
        count = self.varint()
        listed = self.take(count * limits.ID_BYTES)
        ids = dict.fromkeys(
            listed[at : at + limits.ID_BYTES] for at in range(0, len(listed), limits.ID_BYTES)
        )
        if len(ids) != count:
            raise RemoteProtocolError("R6.2", "an id listed twice")
        return ids


def _varint(value: int) -> bytes:
    """Base 128, the most significant digit first, as few digits as possible."""
    digits = bytearray((value & 0x7F,))
    value >>= 7
    while value:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.reverse()
    return bytes(digits)
