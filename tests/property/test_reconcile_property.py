"""Any two sets, any bounds, any bytes: reconciliation and its item sets against the obvious."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.crypto.digest import LIFT_BITS, lift_wide
from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.item_set import (
    ItemSet,
    ListItemSet,
    OverlaidItemSet,
    ThinnedItemSet,
    item_key,
    key_id,
)
from jangteo.protocol.reconcile import Bounds, Reconciliation

FRAMES = st.integers(limits.RECON_MESSAGE_BYTES_MIN, limits.RECON_MESSAGE_BYTES_MAX)
BOUNDS = st.builds(
    Bounds,
    ranges_max=st.sampled_from([32, 33, 50, limits.RECON_RANGES_MAX]),
    keys_max=st.sampled_from([32, 100, limits.RECON_KEYS_MAX]),
)


class NaiveItemSet:
    """The obvious: a sorted list, summed anew each time."""

    def __init__(self, keys: set[bytes]) -> None:
        self._keys = sorted(keys)

    def count(self) -> int:
        return len(self._keys)

    def find(self, key: bytes) -> int:
        return sum(1 for held in self._keys if held < key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        return self._keys[begin:end]

    def fingerprint_sum(self, begin: int, end: int) -> int:
        return sum(lift_wide(key_id(key)) for key in self._keys[begin:end]) % 2**LIFT_BITS


@dataclass(frozen=True, slots=True)
class Draw:
    """Keys with distinct ids: spread out or in one millisecond, alike for many bytes or few.

    Printed as the few numbers that give them.
    """

    seed: int
    ts_spread: int
    alike_bytes: int

    def keys(self, *counts: int) -> list[list[bytes]]:
        dice = random.Random(self.seed)  # noqa: S311
        alike = bytes(self.alike_bytes)
        return [
            [
                item_key(
                    dice.randrange(self.ts_spread), alike + dice.randbytes(32 - self.alike_bytes)
                )
                for _ in range(count)
            ]
            for count in counts
        ]


DRAWS = st.builds(
    Draw,
    st.integers(0, 2**32),
    st.sampled_from([1, 2, 50, 2**40, 2**64 - 1]),
    st.sampled_from([0, 1, 7, 25]),
)
COUNTS = st.integers(0, 400)


def machine(
    items: ItemSet, frame_bytes_max: int, bounds: Bounds, *, initiator: bool
) -> Reconciliation:
    return Reconciliation(
        items,
        lift_bits=LIFT_BITS,
        frame_bytes_max=frame_bytes_max,
        initiator=initiator,
        bounds=bounds,
    )


def ids_of(some: set[bytes]) -> set[bytes]:
    return set(map(key_id, some))


@given(DRAWS, st.integers(0, 1500), COUNTS, COUNTS, FRAMES, FRAMES, BOUNDS, BOUNDS)
@settings(max_examples=120, deadline=None)
def test_the_initiator_learns_the_exact_difference(
    draw: Draw,
    common_count: int,
    our_count: int,
    their_count: int,
    our_frame: int,
    their_frame: int,
    our_bounds: Bounds,
    their_bounds: Bounds,
) -> None:
    common, our_own, their_own = draw.keys(common_count, our_count, their_count)
    ours, theirs = {*common, *our_own}, {*common, *their_own}
    # What one says must stay within what the other takes; only the bound of keys is each's own.
    ranges_max = min(our_bounds.ranges_max, their_bounds.ranges_max)
    initiator = machine(
        ListItemSet(ours),
        our_frame,
        Bounds(ranges_max=ranges_max, keys_max=our_bounds.keys_max),
        initiator=True,
    )
    responder = machine(
        ListItemSet(theirs),
        their_frame,
        Bounds(ranges_max=ranges_max, keys_max=their_bounds.keys_max),
        initiator=False,
    )
    have: list[bytes] = []
    need: list[bytes] = []
    message: bytes | None = initiator.initiate()
    while message is not None:
        assert len(message) <= our_frame
        reply = responder.handle(message).reply
        assert reply is not None
        assert len(reply) <= their_frame
        step = initiator.handle(reply)
        have += step.have
        need += step.need
        message = step.reply
    assert initiator.is_complete
    assert set(have) == ids_of(ours - theirs)
    assert set(need) == ids_of(theirs - ours)


ITEMS = ListItemSet(
    item_key(n // 3, random.Random(n).randbytes(32))  # noqa: S311
    for n in range(3000)
)


def message_bytes() -> st.SearchStrategy[bytes]:
    """Arbitrary bytes, messages put together from plausible parts, and real ones gone wrong."""
    small = st.integers(0, 300).map(
        lambda n: bytes([n]) if n < 128 else bytes([128 | n >> 7, n & 127])
    )
    payload = st.one_of(
        st.just(b"\x00"),
        st.binary(min_size=16, max_size=16).map(lambda digest: b"\x01" + digest),
        st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(
            lambda ids: bytes([2, len(ids)]) + b"".join(ids)
        ),
        st.binary(max_size=40),
    )
    prefix = st.binary(max_size=33).map(lambda some: bytes([len(some)]) + some)
    ranges = st.lists(st.tuples(small, prefix, payload).map(b"".join), max_size=12)
    real = machine(ITEMS, 4096, Bounds(), initiator=True).initiate()
    spoilt = st.tuples(st.integers(0, len(real) - 1), st.integers(0, 255)).map(
        lambda where: real[: where[0]] + bytes([where[1]]) + real[where[0] + 1 :]
    )
    return st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda tail: b"\x61" + tail),
        ranges.map(lambda parts: b"\x61" + b"".join(parts)),
        spoilt,
    )


@given(st.lists(message_bytes(), min_size=1, max_size=4), st.booleans())
@settings(max_examples=600, deadline=None)
def test_any_bytes_are_answered_or_refused(messages: list[bytes], initiator: bool) -> None:
    side = machine(ITEMS, 4096, Bounds(), initiator=initiator)
    if initiator:
        side.initiate()
    for message in messages:
        try:
            step = side.handle(message)
        except RemoteProtocolError as refused:
            assert refused.rule.startswith("R6.")
            return
        assert step.reply is None or len(step.reply) <= 4096
        assert len(step.have) <= limits.RECON_KEYS_MAX


def assert_same_set(one: ItemSet, other: ItemSet, dice: random.Random) -> None:
    count = other.count()
    assert one.count() == count
    assert one.keys(0, count) == other.keys(0, count)
    for _ in range(12):
        begin = dice.randint(0, count)
        end = dice.randint(begin, count)
        assert one.keys(begin, end) == other.keys(begin, end)
        assert one.fingerprint_sum(begin, end) == other.fingerprint_sum(begin, end)
    for key in dice.sample(other.keys(0, count), min(count, 5)):
        for prefix in (key, key[: dice.randint(8, 40)], bytes(8), b"\xff" * 8):
            assert one.find(prefix) == other.find(prefix)


@given(DRAWS, COUNTS, COUNTS)
@settings(max_examples=60, deadline=None)
def test_a_set_in_memory_agrees_with_the_obvious_one_through_all_changes(
    draw: Draw, first_count: int, second_count: int
) -> None:
    dice = random.Random(draw.seed)  # noqa: S311
    first, second = draw.keys(first_count, second_count)
    items, plain = ListItemSet(first), set(first)
    assert_same_set(items, NaiveItemSet(plain), dice)
    changes: list[tuple[Callable[[bytes], bool], bytes]] = [(items.add, key) for key in second]
    changes += [(items.discard, key) for key in dice.sample(first, len(first) // 2) + second[:3]]
    changes += [(items.add, key) for key in first[:3]]
    dice.shuffle(changes)
    for change, key in changes:
        before = key in plain
        assert (key in items) == before
        if change == items.add:
            plain.add(key)
        else:
            plain.discard(key)
        assert change(key) == (before != (key in plain))
    assert_same_set(items, NaiveItemSet(plain), dice)


@given(DRAWS, COUNTS, COUNTS)
@settings(max_examples=60, deadline=None)
def test_an_overlaid_set_equals_one_set_of_both(
    draw: Draw, base_count: int, extra_count: int
) -> None:
    dice = random.Random(draw.seed)  # noqa: S311
    base, extra = draw.keys(base_count, extra_count)
    laid_over = extra + dice.sample(base, min(len(base), 5))
    overlaid = OverlaidItemSet(ListItemSet(base), laid_over)
    assert_same_set(overlaid, NaiveItemSet({*base, *extra}), dice)


@given(DRAWS, COUNTS, COUNTS)
@settings(max_examples=60, deadline=None)
def test_a_thinned_set_equals_one_without_what_is_hidden(
    draw: Draw, base_count: int, other_count: int
) -> None:
    dice = random.Random(draw.seed)  # noqa: S311
    base, others = draw.keys(base_count, other_count)
    hidden = dice.sample(base, dice.randint(0, len(base))) + others[:5]
    thinned = ThinnedItemSet(ListItemSet(base), hidden)
    assert_same_set(thinned, NaiveItemSet(set(base) - set(hidden)), dice)


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 256, 1000])
def test_a_set_that_empties_again_is_as_if_new(count: int) -> None:
    some = [item_key(n, bytes(28) + n.to_bytes(4, "big")) for n in range(count)]
    items = ListItemSet()
    assert all(items.add(key) for key in some)
    assert items.count() == count
    assert all(items.discard(key) for key in some)
    assert_same_set(items, NaiveItemSet(set()), random.Random(0))  # noqa: S311
