"""The book of letters on their way: what it takes in, what it lets go, and that its set is exact
(SPEC.md R12.3, R12.10 to R12.12)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from jangteo.crypto.digest import LIFT_BITS
from jangteo.protocol import limits
from jangteo.protocol.item_set import ListItemSet
from jangteo.protocol.letter import Letter, parse_letter
from jangteo.protocol.reconcile import set_fingerprint
from jangteo.store.mail_book import MailAdmission, MailBook, MailCounts, letter_key
from jangteo.store.share import bucket_of
from jangteo.store.store import Store
from tests.letter_maker import GREAT, SMALL, letter, letters
from tests.market_maker import NOW_MS

NEW, KNOWN = MailAdmission.NEW, MailAdmission.KNOWN
EXPIRED, FULL = MailAdmission.EXPIRED, MailAdmission.FULL
SALT = bytes(16)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.temporary() as made:
        with made.write(durable=False):
            made.salt_shares(SALT)
        yield made


def put(
    store: Store,
    written: Sequence[Letter],
    bringer: str | None = "bob",
    *,
    is_own: bool = False,
    now_ms: int = NOW_MS,
) -> list[MailAdmission]:
    with store.write(durable=True):
        return store.mail.put(written, now_ms, bringer, is_own=is_own)


def forget_over(store: Store, now_ms: int, count_max: int = 1000) -> int:
    with store.write(durable=True):
        return store.mail.forget_over(now_ms, count_max)


def carried(store: Store) -> set[bytes]:
    return {raw for _, raw in store.mail.after(0, limits.MAIL_LETTERS_MAX)}


def raws(some: Sequence[Letter]) -> set[bytes]:
    return {one.raw for one in some}


def expect_exact(store: Store) -> None:
    """The set in memory, its sums and its numbers are what the table says."""
    found = store.mail.after(0, limits.MAIL_LETTERS_MAX)
    expected = ListItemSet(letter_key(parse_letter(raw)) for _, raw in found)
    items = store.mail.items()
    count = items.count()
    assert items.keys(0, count) == expected.keys(0, expected.count())
    assert set_fingerprint(items, 0, count, LIFT_BITS) == set_fingerprint(
        expected, 0, count, LIFT_BITS
    )
    counts = store.mail.counts()
    assert (counts.letters, counts.bytes) == (count, sum(len(raw) for _, raw in found))
    memory = store.mail._now()
    kept = dict(memory.taken)
    assert memory.total_bytes == counts.bytes
    store.mail.drop()
    again = {share: taken for share, taken in store.mail._now().taken.items() if taken}
    assert {share: taken for share, taken in kept.items() if taken} == again


# --- what comes in --------------------------------------------------------------------------------


def test_a_letter_is_new_once(store: Store) -> None:
    one, other = letter(1), letter(2, size=GREAT)
    assert put(store, [one, other, one]) == [NEW, NEW, KNOWN]
    assert put(store, [other], "cho") == [KNOWN]
    assert store.mail.counts() == MailCounts(2, SMALL + GREAT, 0)
    assert store.mail.raws([other.id, bytes(32), one.id]) == [other.raw, one.raw]
    assert store.mail.known([one.id, bytes(32)]) == {one.id}
    assert store.mail.has(letter_key(one))
    expect_exact(store)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, EXPIRED),
        (0, NEW),
        (limits.LETTER_DAYS + 1, NEW),
        (limits.LETTER_DAYS + 2, EXPIRED),
        (2**31, EXPIRED),
    ],
)
def test_a_letter_is_taken_on_its_days_alone(
    store: Store, days: int, expected: MailAdmission
) -> None:
    assert put(store, [letter(1, days=days)]) == [expected]
    assert put(store, [letter(2, days=days)], is_own=True) == [expected]


def test_letters_are_read_in_the_order_of_their_arrival(store: Store) -> None:
    assert store.mail.last_rid() == 0
    some = letters(range(5))
    put(store, some[2:])
    put(store, some[:2])
    found = store.mail.after(0, 10)
    assert [raw for _, raw in found] == [one.raw for one in (*some[2:], *some[:2])]
    assert store.mail.after(found[2][0], 1) == [found[3]]
    assert store.mail.last_rid() == found[-1][0]
    forget_over(store, NOW_MS + 20 * limits.DAY_MS)
    assert store.mail.last_rid() == found[-1][0]
    put(store, [letter(9, now_ms=NOW_MS + 20 * limits.DAY_MS)], now_ms=NOW_MS + 20 * limits.DAY_MS)
    assert store.mail.last_rid() == found[-1][0] + 1


def test_what_is_over_is_forgotten_a_part_at_a_time(store: Store) -> None:
    soon, later = [letter(n, days=n % 3) for n in range(9)], letters(range(10, 14))
    put(store, [*later, *soon])
    own = letter(99, days=1)
    put(store, [own], is_own=True)
    assert forget_over(store, NOW_MS) == 0
    tomorrow = NOW_MS + limits.DAY_MS
    assert [forget_over(store, tomorrow, 2) for _ in range(3)] == [2, 1, 0]
    assert forget_over(store, NOW_MS + 3 * limits.DAY_MS) == 7
    assert carried(store) == raws(later)  # one's own go at their end, too
    expect_exact(store)


def test_nothing_is_changed_outside_of_a_transaction(store: Store) -> None:
    for change in (
        lambda: store.mail.put([letter(1)], NOW_MS, None),
        lambda: store.mail.forget_over(NOW_MS, 1),
        lambda: store.mail.note_held([], "bob", NOW_MS),
        lambda: store.mail.forget_damaged([]),
    ):
        with pytest.raises(RuntimeError):
            change()


# --- the set survives what may happen to it -------------------------------------------------------


def test_what_was_rolled_back_is_not_in_the_set(store: Store) -> None:
    put(store, letters(range(3)))
    with pytest.raises(ZeroDivisionError), store.write(durable=True):
        store.mail.put(letters(range(3, 6)), NOW_MS, "bob")
        store.mail.forget_over(NOW_MS + 30 * limits.DAY_MS, 2)
        raise ZeroDivisionError
    assert store.mail.items().count() == 3
    expect_exact(store)


def test_what_another_process_has_put_is_in_the_set(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as node, Store.open(path) as command:
        put(node, [letter(1)])
        assert command.mail.items().count() == 1
        put(command, [letter(2)], None, is_own=True)
        assert node.mail.items().count() == 2
        put(node, [letter(3)])
        assert command.mail.items().count() == 3
        for each in (node, command):
            expect_exact(each)
        with Store.open(path, read_only=True) as reader:
            assert reader.mail.counts() == MailCounts(3, 3 * SMALL, 1)


def test_a_letter_that_the_disk_has_changed_is_not_served_and_may_come_again(store: Store) -> None:
    one, other = letter(1), letter(2)
    put(store, [one, other])
    with store.write(durable=False):
        store._db.run("UPDATE letter SET raw = ? WHERE id = ?", (bytes(SMALL), one.id))
    assert store.mail.raws([one.id, other.id]) == [other.raw]
    with store.write(durable=False):
        assert store.mail.forget_damaged([one.id, other.id, bytes(32)]) == 1
    assert put(store, [one]) == [NEW]
    expect_exact(store)


# --- who holds one's own --------------------------------------------------------------------------


def note_held(store: Store, ids: Sequence[bytes], peer: str) -> int:
    with store.write(durable=False):
        return store.mail.note_held(ids, peer, NOW_MS)


def test_peers_that_hold_one_s_own_are_counted_once_each(store: Store) -> None:
    mine, theirs = letter(1), letter(2)
    put(store, [mine], is_own=True)
    put(store, [theirs])
    ids = [mine.id, theirs.id, bytes(32)]
    assert [note_held(store, ids, peer) for peer in ("bob", "bob", "cho")] == [1, 0, 1]
    assert store.mail.held_counts(ids) == {mine.id: 2, theirs.id: 0, bytes(32): 0}
    forget_over(store, NOW_MS + 30 * limits.DAY_MS)
    assert store.mail.held_counts([mine.id]) == {mine.id: 0}


def test_what_a_peer_has_let_go_it_does_not_hold(store: Store) -> None:
    mine = letter(1)
    put(store, [mine], is_own=True)
    note_held(store, [mine.id], "bob")
    assert store.mail.held_by("bob", [mine.id, bytes(32)]) == [mine.id]
    with store.write(durable=False):
        store.mail.note_lost([mine.id], "bob")
    assert store.mail.held_counts([mine.id]) == {mine.id: 0}


def test_only_so_many_holders_of_a_letter_are_remembered(store: Store) -> None:
    mine = letter(1)
    put(store, [mine], is_own=True)
    for number in range(limits.MAIL_HOLDERS_MAX + 5):
        note_held(store, [mine.id], f"peer {number}")
    assert store.mail.held_counts([mine.id]) == {mine.id: limits.MAIL_HOLDERS_MAX}


def test_own_letters_up_to_an_arrival_that_a_peer_is_not_known_to_hold(store: Store) -> None:
    first, second, third = letters(range(3))
    put(store, [first, second], is_own=True)
    rid = store.mail.last_rid()
    put(store, [third], is_own=True)
    put(store, [letter(4)])
    note_held(store, [first.id], "bob")
    assert store.mail.own_ids("bob", rid) == [second.id]
    assert set(store.mail.own_ids("cho", rid)) == {first.id, second.id}


def test_one_s_own_that_came_back_is_one_s_own_again(store: Store) -> None:
    mine = letter(1)
    put(store, [mine])
    assert put(store, [mine], is_own=True) == [KNOWN]
    assert put(store, [mine], is_own=True) == [KNOWN]
    assert store.mail.counts().own == 1
    expect_exact(store)


# --- room -----------------------------------------------------------------------------------------


def payers(count: int) -> list[str]:
    """Payers whose shares are all different."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < count:
        found.setdefault(bucket_of(SALT, f"payer {number}"), f"payer {number}")
        number += 1
    return list(found.values())


def bounded(book: MailBook, letters_max: int, bytes_max: int) -> None:
    book.letters_max, book.bytes_max = letters_max, bytes_max
    book.drop()


def test_the_bounds_are_the_limits(store: Store) -> None:
    book = store.mail
    assert (book.letters_max, book.bytes_max) == (limits.MAIL_LETTERS_MAX, limits.MAIL_BYTES_MAX)


@pytest.mark.parametrize("size", [SMALL, GREAT])
def test_a_full_book_stays_within_its_bounds(store: Store, size: int) -> None:
    bounded(store.mail, 20, 20 * 4096)
    for number in range(60):
        put(store, [letter(number, size=size)], f"payer {number % 7}")
        counts = store.mail.counts()
        assert counts.letters <= 20
        assert counts.bytes <= 20 * 4096
    assert counts.letters >= (20 if size == SMALL else 9)
    expect_exact(store)


def test_a_flood_of_one_payer_displaces_nobody_else_s(store: Store) -> None:
    bounded(store.mail, 100, 100 * 4096)
    flooder, *others = payers(5)
    kept = []
    for number, payer in enumerate(others):
        mine = letters(range(100 * number, 100 * number + 10), days=3)
        assert put(store, mine, payer) == [NEW] * 10
        kept += mine
    flood = letters(range(1000, 1400), days=limits.LETTER_DAYS + 1)
    put(store, flood, flooder)
    put(store, letters(range(2000, 2060), size=GREAT), flooder)
    assert raws(kept) <= carried(store)
    expect_exact(store)


def test_many_small_letters_are_no_less_than_a_few_great_ones(store: Store) -> None:
    """A flood of places against somebody's bytes: of both there are only so many."""
    bounded(store.mail, 200, 200 * 4096)
    flooder, other = payers(2)
    kept = letters(range(20), size=GREAT)
    put(store, kept, other)
    put(store, letters(range(1000, 1600), days=limits.LETTER_DAYS + 1), flooder)
    assert raws(kept) <= carried(store)


def test_the_letter_that_ends_first_goes_from_the_fullest_share(store: Store) -> None:
    bounded(store.mail, 4, 10**6)
    ann, bob = payers(2)
    some = [letter(n, days=5 + n) for n in range(3)]
    put(store, list(reversed(some)), ann)
    put(store, [letter(10, days=1)], bob)
    late = letter(11, days=1)
    assert put(store, [late], bob) == [NEW]
    assert carried(store) == raws([*some[1:], letter(10, days=1), late])
    # Both have two: on a tie the newcomer's own share gives way, and the newcomer ends first in it.
    assert put(store, [letter(12, days=0)], bob) == [FULL]
    assert put(store, [some[0]], ann) == [FULL]
    assert put(store, [letter(13, days=9)], ann) == [NEW]
    assert carried(store) == raws([some[2], letter(10, days=1), late, letter(13, days=9)])


def test_one_s_own_are_never_let_go_and_make_room(store: Store) -> None:
    bounded(store.mail, 10, 10**6)
    put(store, letters(range(10)), "bob")
    mine = letters(range(100, 108), days=0)
    assert put(store, mine, is_own=True) == [NEW] * 8
    put(store, letters(range(200, 240), days=limits.LETTER_DAYS + 1), "cho")
    assert raws(mine) <= carried(store)
    assert store.mail.counts() == MailCounts(10, 10 * SMALL, 8)
    more = letters(range(300, 305), days=0)
    assert put(store, more, is_own=True) == [NEW, NEW, FULL, FULL, FULL]
    assert put(store, [letter(400)], "bob") == [FULL]
    expect_exact(store)


def test_what_is_offered_again_and_again_comes_to_rest(store: Store) -> None:
    bounded(store.mail, 30, 30 * 4096)
    offers = [
        (payer, letter(number, days=number % 15, size=SMALL if number % 3 else GREAT))
        for place, payer in enumerate(payers(4))
        for number in range(100 * place, 100 * place + 25)
    ]
    for _ in range(4):
        moved = sum(put(store, [one], payer) == [NEW] for payer, one in offers)
    assert moved == 0
    expect_exact(store)


def test_what_goes_again_in_the_batch_in_which_it_came_is_no_news(store: Store) -> None:
    bounded(store.mail, 10, 10**6)
    some = letters(range(30))
    admissions = put(store, some)
    assert admissions.count(NEW) == 10
    kept = [one for one, how in zip(some, admissions, strict=True) if how is NEW]
    assert carried(store) == raws(kept)


def test_what_had_to_go_makes_nobody_go_for_an_hour(store: Store) -> None:
    """Two shares of great and small letters could go round: each makes room once."""
    bounded(store.mail, 4, 10**6)
    ann, bob = payers(2)
    gone, *rest = sorted(letters(range(4), size=GREAT), key=letter_key)
    put(store, [gone, *rest], ann)
    small = letters(range(10, 12))
    assert put(store, small, bob) == [NEW, NEW]
    assert carried(store) == raws([*small, *rest[1:]])
    with store.write(durable=True):
        store._db.run("DELETE FROM letter WHERE id = ?", (rest[1].id,))
    floors = store.mail._now().floors
    store.mail.drop()
    store.mail._now().floors.update(floors)
    others = letters(range(20, 23), days=0)
    assert put(store, others[:1], bob) == [NEW]  # there is room
    assert put(store, [gone], ann) == [FULL]
    later_ms = NOW_MS + limits.MAIL_DECLINED_MS
    assert put(store, [gone], ann, now_ms=later_ms) == [NEW]


def test_without_a_salt_all_strangers_are_one() -> None:
    with Store.temporary() as store:
        bounded(store.mail, 5, 10**6)
        put(store, letters(range(5), days=1), "bob")
        assert put(store, [letter(9, days=2)], "cho") == [NEW]
        assert put(store, [letter(10, days=0)], None) == [FULL]
