"""Reconciliation: what is said, what it may cost, and what is refused (SPEC.md R6)."""

import random
from hashlib import sha256

import pytest

from jangteo.crypto.digest import LIFT_BITS
from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.item_set import ItemSet, ListItemSet, OverlaidItemSet, item_key, key_id
from jangteo.protocol.reconcile import Bounds, Reconciliation, fingerprint, set_fingerprint

FRAME = limits.RECON_MESSAGE_BYTES_MAX
WHOLE = "0000"  # the bound infinity


class CountedItemSet:
    """An item set that counts what it is asked for."""

    def __init__(self, items: ItemSet) -> None:
        self._items = items
        self.keys_read = 0
        self.sums = 0

    def count(self) -> int:
        return self._items.count()

    def find(self, key: bytes) -> int:
        return self._items.find(key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        self.keys_read += end - begin
        return self._items.keys(begin, end)

    def fingerprint_sum(self, begin: int, end: int) -> int:
        self.sums += 1
        return self._items.fingerprint_sum(begin, end)


def some_keys(seed: int, count: int, ts_max: int = 10**12) -> list[bytes]:
    dice = random.Random(seed)  # noqa: S311
    return [item_key(dice.randrange(ts_max), dice.randbytes(32)) for _ in range(count)]


def side(items: ItemSet, *, initiator: bool, frame_bytes_max: int = FRAME) -> Reconciliation:
    return Reconciliation(
        items, lift_bits=LIFT_BITS, frame_bytes_max=frame_bytes_max, initiator=initiator
    )


def begun(items: ItemSet) -> Reconciliation:
    initiator = side(items, initiator=True)
    initiator.initiate()
    return initiator


def converse(
    initiator: Reconciliation, responder: Reconciliation
) -> tuple[list[bytes], list[bytes], int]:
    """(have, need, round trips)"""
    have: list[bytes] = []
    need: list[bytes] = []
    round_trips = 0
    message: bytes | None = initiator.initiate()
    while message is not None:
        round_trips += 1
        reply = responder.handle(message).reply
        assert reply is not None
        step = initiator.handle(reply)
        have += step.have
        need += step.need
        message = step.reply
    return have, need, round_trips


def ids_of(keys: list[bytes]) -> set[bytes]:
    return {key_id(key) for key in keys}


def test_equal_sets_are_known_as_equal_after_one_round_trip() -> None:
    keys = some_keys(1, 5000)
    initiator = side(ListItemSet(keys), initiator=True)
    responder = side(ListItemSet(keys), initiator=False)
    assert converse(initiator, responder) == ([], [], 1)
    assert initiator.is_complete


def test_two_empty_sets_are_equal() -> None:
    initiator = side(ListItemSet(), initiator=True)
    assert initiator.initiate() == bytes.fromhex("61" + WHOLE + "0200")
    reply = side(ListItemSet(), initiator=False).handle(bytes.fromhex("61" + WHOLE + "0200")).reply
    assert reply is not None
    assert initiator.handle(reply).reply is None
    assert initiator.is_complete


def test_one_new_item_among_many_takes_few_bytes() -> None:
    keys = some_keys(2, 20_000)
    initiator = side(ListItemSet(keys), initiator=True)
    responder = side(ListItemSet(keys[:-1]), initiator=False)
    have, need, round_trips = converse(initiator, responder)
    assert (have, need) == ([key_id(keys[-1])], [])
    assert round_trips <= 3


def test_the_fingerprint_of_nothing_is_the_digest_of_zeros() -> None:
    assert fingerprint(0, 0, 256) == sha256(bytes(33)).digest()[:16]
    assert fingerprint(0, 0, LIFT_BITS) == sha256(bytes(257)).digest()[:16]


def test_the_fingerprint_holds_the_sum_in_little_endian_and_the_count_in_base_128() -> None:
    expected = sha256((1).to_bytes(32, "little") + b"\x82\x2c").digest()[:16]
    assert fingerprint(2**256 + 1, 300, 256) == expected


def test_ids_lifted_wide_give_another_fingerprint_than_plain_ids() -> None:
    keys = some_keys(3, 2)
    wide = ListItemSet(keys)
    plain = ListItemSet(keys, lift=lambda id_: int.from_bytes(id_, "little"), lift_bits=256)
    assert set_fingerprint(wide, 0, 2, LIFT_BITS) != set_fingerprint(plain, 0, 2, 256)


def test_bounds_part_items_of_one_millisecond_by_their_ids() -> None:
    common = [item_key(5, b"\xaa" * 20 + sha256(bytes([n])).digest()[:12]) for n in range(200)]
    initiator = side(ListItemSet(common), initiator=True)
    responder = side(ListItemSet(common[1:]), initiator=False)
    have, need, _ = converse(initiator, responder)
    assert (have, need) == ([key_id(common[0])], [])


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("", "R6.2"),  # nothing at all
        ("5f", "R6.1"),  # no version of negentropy
        ("70", "R6.1"),
        ("61" + "00", "R6.2"),  # ends within a bound
        ("61" + WHOLE, "R6.2"),  # ends before the mode
        ("61" + WHOLE + "03", "R6.2"),  # no such mode
        ("61" + WHOLE + "01" + "ff" * 15, "R6.2"),  # a short fingerprint
        ("61" + WHOLE + "0201" + "ff" * 31, "R6.2"),  # a short id
        ("61" + WHOLE + "02ffffffff7f", "R6.2"),  # 2^35 ids, says it
        ("61" + WHOLE + "0202" + "ee" * 64, "R6.2"),  # one id twice
        ("61" + "800100" + "00", "R6.2"),  # a leading zero
        ("61" + "81" + "80" * 9 + "00" + "0000", "R6.2"),  # 2^70
        ("61" + "ff" * 4000, "R6.2"),  # a number without end
        ("61" + "0021" + "aa" * 33 + "00", "R6.3"),  # 33 bytes of an id
        ("61" + "0001aa" + "00", "R6.3"),  # beyond infinity
        ("61" + "81ffffffffffffffff7f0000" + "020000", "R6.3"),  # 2^64 - 2, and one more
        ("61" + "0601aa00" + "0101a900", "R6.3"),  # one millisecond, ids descending
        ("61" + WHOLE + "00" + "010000", "R6.3"),  # after infinity
    ],
)
@pytest.mark.parametrize("initiator", [True, False])
def test_what_no_one_says_is_refused_by_its_rule(message: str, rule: str, initiator: bool) -> None:
    items = ListItemSet(some_keys(4, 100))
    machine = begun(items) if initiator else side(items, initiator=False)
    with pytest.raises(RemoteProtocolError) as caught:
        machine.handle(bytes.fromhex(message))
    assert caught.value.rule == rule


def test_a_later_version_is_answered_with_the_one_we_speak() -> None:
    responder = side(ListItemSet(some_keys(5, 10)), initiator=False)
    assert responder.handle(bytes.fromhex("62aabbcc")).reply == b"\x61"


def test_an_initiator_does_not_pay_for_meeting_another_version() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        begun(ListItemSet()).handle(b"\x62")
    assert (caught.value.rule, caught.value.penalty) == ("R6.1", 0)


def test_a_message_may_not_be_larger_than_the_bound() -> None:
    responder = side(ListItemSet(), initiator=False)
    skips = b"\x61" + b"\x02\x00\x00" * ((limits.RECON_MESSAGE_BYTES_MAX - 1) // 3)
    assert len(skips) == limits.RECON_MESSAGE_BYTES_MAX
    with pytest.raises(RemoteProtocolError, match="ranges"):
        responder.handle(skips)
    with pytest.raises(RemoteProtocolError, match="bytes, at most"):
        responder.handle(skips + b"\x00")


def test_a_message_may_not_hold_more_ranges_than_the_bound() -> None:
    skip = b"\x02\x00\x00"
    responder = side(ListItemSet(), initiator=False)
    assert responder.handle(b"\x61" + skip * limits.RECON_RANGES_MAX).reply == b"\x61"
    with pytest.raises(RemoteProtocolError) as caught:
        responder.handle(b"\x61" + skip * (limits.RECON_RANGES_MAX + 1))
    assert caught.value.rule == "R6.7"


def test_a_responder_ends_after_the_last_round() -> None:
    responder = side(ListItemSet(), initiator=False)
    for _ in range(limits.RECON_ROUNDS_MAX):
        responder.handle(b"\x61")
    with pytest.raises(RemoteProtocolError) as caught:
        responder.handle(b"\x61")
    assert caught.value.rule == "R6.7"


def test_an_initiator_stops_before_it_would_break_the_bound_of_rounds() -> None:
    keys = some_keys(6, 5000)
    bounds = Bounds(rounds_max=3)
    initiator = Reconciliation(
        ListItemSet(), lift_bits=LIFT_BITS, frame_bytes_max=4096, initiator=True, bounds=bounds
    )
    responder = Reconciliation(
        ListItemSet(keys), lift_bits=LIFT_BITS, frame_bytes_max=4096, initiator=False, bounds=bounds
    )
    have, need, round_trips = converse(initiator, responder)
    assert round_trips == 3
    assert not initiator.is_complete
    assert have == []
    assert len(need) == len(set(need)) > 300
    assert set(need) < ids_of(keys)


def test_a_message_after_the_end_is_refused() -> None:
    initiator = begun(ListItemSet())
    assert initiator.handle(b"\x61").reply is None
    with pytest.raises(RemoteProtocolError) as caught:
        initiator.handle(b"\x61")
    assert caught.value.rule == "R6.8"


@pytest.mark.parametrize("initiator", [True, False])
@pytest.mark.parametrize(
    "message",
    [
        pytest.param("61" + WHOLE + "0200", id="I hold nothing"),
        pytest.param("61" + WHOLE + "01" + "ff" * 16, id="I hold something else"),
    ],
)
def test_a_few_bytes_cost_no_more_than_the_reply_to_them(message: str, initiator: bool) -> None:
    items = CountedItemSet(ListItemSet(some_keys(7, 50_000)))
    machine = begun(items) if initiator else side(items, initiator=False)
    items.keys_read = items.sums = 0
    step = machine.handle(bytes.fromhex(message))
    assert step.reply is not None
    assert items.sums <= 17
    assert items.keys_read * 32 <= max(len(step.reply), 2048) + 32
    assert len(step.have) <= limits.RECON_KEYS_MAX


@pytest.mark.parametrize("initiator", [True, False])
@pytest.mark.parametrize("list_too", [True, False])
def test_the_costliest_messages_stay_within_the_bounds(initiator: bool, list_too: bool) -> None:
    items = CountedItemSet(
        ListItemSet(item_key(n // 40, sha256(n.to_bytes(4, "big")).digest()) for n in range(60_000))
    )
    machine = begun(items) if initiator else side(items, initiator=False)
    items.keys_read = items.sums = 0
    payload = b"\x02\x00" if list_too else b"\x01" + b"\xff" * 16
    message = b"\x61" + (b"\x02\x00" + payload) * limits.RECON_RANGES_MAX
    step = machine.handle(message)
    assert step.reply is not None
    assert len(step.reply) <= FRAME
    assert items.sums <= 2 * limits.RECON_RANGES_MAX + 17
    assert items.keys_read <= max(limits.RECON_KEYS_MAX, FRAME // 32) + 2 * 16 * 64


def test_matching_fingerprints_cost_one_sum_each() -> None:
    items = CountedItemSet(
        ListItemSet(item_key(n, sha256(bytes([n % 256, n >> 8])).digest()) for n in range(2000))
    )
    message = bytearray(b"\x61")
    for n in range(limits.RECON_RANGES_MAX):
        message += b"\x02\x00\x01" + set_fingerprint(items, n, n + 1, LIFT_BITS)
    items.sums = 0
    assert side(items, initiator=False).handle(bytes(message)).reply == b"\x61"
    assert items.sums == limits.RECON_RANGES_MAX


@pytest.mark.parametrize("frame_bytes_max", [limits.RECON_MESSAGE_BYTES_MIN, FRAME])
def test_honest_messages_keep_every_bound(frame_bytes_max: int) -> None:
    common = some_keys(8, 12_000)
    ours, theirs = common + some_keys(9, 600), common + some_keys(10, 600)
    initiator = side(ListItemSet(ours), initiator=True, frame_bytes_max=frame_bytes_max)
    responder = side(ListItemSet(theirs), initiator=False, frame_bytes_max=frame_bytes_max)
    have, need, _ = converse(initiator, responder)
    assert set(have) == ids_of(ours) - ids_of(theirs)
    assert set(need) == ids_of(theirs) - ids_of(ours)
    assert (len(have), len(need)) == (600, 600)


def test_a_node_that_holds_all_learns_that_the_other_holds_nothing() -> None:
    keys = some_keys(11, 30_000)
    initiator = side(ListItemSet(keys), initiator=True)
    have, need, round_trips = converse(initiator, side(ListItemSet(), initiator=False))
    assert set(have) == ids_of(keys)
    assert len(have) == len(keys)
    assert need == []
    assert round_trips < 30


def test_a_full_message_does_not_hide_what_only_its_sender_holds() -> None:
    # Twelve splits fill the reply; the thirteenth range, which the asker holds empty, has no room.
    # A stop that left it out would be the fingerprint of nothing, and equal to the asker's.
    keys = [item_key(n, sha256(n.to_bytes(4, "big")).digest()) for n in range(1200)]
    newest = [item_key(2000 + n, sha256(b"new" + bytes([n])).digest()) for n in range(64)]
    responder = side(ListItemSet(keys + newest), initiator=False, frame_bytes_max=4096)
    empty = fingerprint(0, 0, LIFT_BITS)
    hundred = b"\x65\x00\x01" + b"\xff" * 16
    reply = responder.handle(b"\x61" + hundred * 12 + b"\x00\x00\x01" + empty).reply
    assert reply is not None
    assert len(reply) > 4096 - 200 - 16 * 40
    assert reply[-16:] == set_fingerprint(ListItemSet(newest), 0, 64, LIFT_BITS)
    assert reply[-16:] != empty


def test_what_was_declined_is_not_offered_again() -> None:
    held, declined = some_keys(12, 3000), some_keys(13, 40)
    overlaid = OverlaidItemSet(ListItemSet(held), declined)
    initiator = side(overlaid, initiator=True)
    responder = side(ListItemSet(held + declined), initiator=False)
    assert converse(initiator, responder) == ([], [], 1)


@pytest.mark.parametrize("frame_bytes_max", [limits.RECON_MESSAGE_BYTES_MIN - 1, FRAME + 1])
def test_a_bound_of_messages_beyond_the_protocols_is_our_own_mistake(frame_bytes_max: int) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        side(ListItemSet(), initiator=True, frame_bytes_max=frame_bytes_max)


def test_bounds_without_room_for_one_split_are_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        Reconciliation(
            ListItemSet(),
            lift_bits=LIFT_BITS,
            frame_bytes_max=FRAME,
            initiator=True,
            bounds=Bounds(keys_max=31),
        )


def test_only_an_initiator_begins_and_it_begins_once() -> None:
    with pytest.raises(RuntimeError):
        side(ListItemSet(), initiator=False).initiate()
    with pytest.raises(RuntimeError):
        begun(ListItemSet()).initiate()
    with pytest.raises(RuntimeError):
        side(ListItemSet(), initiator=True).handle(b"\x61")
