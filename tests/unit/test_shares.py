"""Strangers cannot displace: whose records give way in a full store, and to whom."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.verdict import Admission
from jangteo.store.errors import OutdatedViews
from jangteo.store.share import KEPT, OWN, UNKNOWN, bucket_of
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller
from tests.old_store import make_older

OWN_SELLER = Seller.named("oneself")
FRIEND = Seller.named("a friend")
SIZE = len(FRIEND.lists(1, "Lamp 000").raw)
PLACES = 12
SALT = b"salt"
HOUR_MS = limits.HOUR_MS


def lamp(who: str | Seller, number: int = 1, *, age_ms: int = 0, revision: int = 1) -> Verified:
    """All of one size."""
    seller = Seller.named(who) if isinstance(who, str) else who
    return seller.lists(number, f"Lamp {number:03}", ts_ms=NOW_MS - age_ms, revision=revision)


def fresh(name: str, count: int, *, age_ms: int = 0) -> list[Verified]:
    """Of ever new authors, each a second younger than the one before."""
    return [
        lamp(f"{name} {number}", number, age_ms=age_ms + 1000 * (count - number))
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jangteo.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """With room for PLACES lamps."""
    with opened(path) as store:
        yield store
        assert store.check_views() == []


def opened(path: Path, places: int = PLACES) -> Store:
    store = Store.open(path, own_author=OWN_SELLER.author, records_bytes_max=places * SIZE)
    with store.write(durable=False):
        store.salt_shares(SALT)
    return store


def admit(
    store: Store, *records: Verified, bringer: str | None = None, now_ms: int = NOW_MS
) -> list[Admission]:
    with store.write(durable=False):
        return store.admit(records, now_ms, bringer)


def keep(store: Store, seller: Seller, note: str = "") -> None:
    with store.write(durable=True):
        store.keep(seller.author, NOW_MS, note)


def held(store: Store, *records: Verified) -> int:
    return len(store.known(record.id for record in records))


def shares(store: Store) -> dict[int, int]:
    """share → lamps"""
    rows = store._db.rows("SELECT share, bytes FROM share WHERE bytes <> 0")
    assert all(size % SIZE == 0 for _, size in rows)
    return {share: size // SIZE for share, size in rows}


def bucket(bringer: str) -> int:
    return bucket_of(SALT, bringer)


# -- the fullest share gives way -------------------------------------------------------------


def test_a_flood_of_fresh_keys_leaves_another_bringers_fair_part_alone(store: Store) -> None:
    goods = fresh("good", PLACES // 2, age_ms=40 * limits.DAY_MS)
    assert set(admit(store, *goods, bringer="fair")) == {Admission.NEW}
    for begin in range(0, 2000, 100):
        admit(store, *fresh(f"flood {begin}", 100), bringer="flooder")
    assert held(store, *goods) == PLACES // 2
    assert shares(store) == {bucket("fair"): PLACES // 2, bucket("flooder"): PLACES // 2}


def test_who_comes_to_a_market_full_of_a_flood_gets_its_fair_part(store: Store) -> None:
    admit(store, *fresh("flood", 100), bringer="flooder")
    goods = fresh("good", PLACES, age_ms=40 * limits.DAY_MS)
    for good in goods:
        admit(store, good, bringer="fair")
    assert shares(store) == {bucket("fair"): PLACES // 2, bucket("flooder"): PLACES // 2}
    admit(store, *fresh("other", PLACES), bringer="third")
    assert set(shares(store).values()) == {PLACES // 3}


def test_the_oldest_of_the_fullest_share_goes_first(store: Store) -> None:
    flood = fresh("flood", PLACES)
    admit(store, *flood, bringer="flooder")
    assert admit(store, lamp("good"), bringer="fair") == [Admission.NEW]
    assert not store.has(flood[0].id)
    assert held(store, *flood) == PLACES - 1


def test_within_a_share_the_old_give_way_to_what_is_newer_by_an_hour(store: Store) -> None:
    old = fresh("old", PLACES, age_ms=2 * HOUR_MS)
    admit(store, *old, bringer="p")
    assert admit(store, lamp("new", age_ms=HOUR_MS + 13_000), bringer="p") == [Admission.FULL]
    assert admit(store, lamp("new"), bringer="p") == [Admission.NEW]
    assert not store.has(old[0].id)
    assert held(store, *old) == PLACES - 1


def test_what_went_does_not_come_back_within_the_hour(store: Store) -> None:
    old = fresh("old", PLACES, age_ms=2 * HOUR_MS)
    admit(store, *old, bringer="p")
    admit(store, lamp("new"), bringer="q")
    assert not store.has(old[0].id)
    with store.write(durable=False):
        store.block(Seller.named("new").author)
    assert admit(store, old[0], bringer="p") == [Admission.NEW]  # there is room: nobody goes
    admit(store, lamp("newer"), bringer="q")
    assert admit(store, old[0], bringer="p") == [Admission.FULL]


def test_what_was_taken_and_pushed_out_in_one_batch_is_said_to_be_declined(store: Store) -> None:
    flood = fresh("flood", PLACES)
    admit(store, *flood, bringer="p")
    first, second = lamp("a", age_ms=HOUR_MS), lamp("b", 2)
    outcomes = admit(store, first, second, *fresh("c", 20), bringer="q")
    assert outcomes.count(Admission.NEW) == PLACES // 2
    assert shares(store)[bucket("q")] == PLACES // 2


def test_who_went_and_came_back_is_counted_once(store: Store) -> None:
    flood = fresh("flood", PLACES)
    admit(store, *flood, bringer="p")
    admit(store, lamp("good"), bringer="q")
    with store.write(durable=False):
        store.block(Seller.named("good").author)
    assert admit(store, flood[0], bringer="p") == [Admission.NEW]
    larger = OWN_SELLER.lists(1, "Lamp 001, and a shade of paper", ts_ms=NOW_MS)
    assert SIZE < len(larger.raw) < 2 * SIZE
    admit(store, larger)
    assert held(store, *flood[:3]) == 1
    assert store.room()[0] <= PLACES * SIZE


def test_revisions_in_their_own_place_take_no_others_room(store: Store) -> None:
    keep(store, FRIEND)
    goods = [lamp(f"good {number}", number) for number in range(PLACES)]
    admit(store, *goods, bringer="p")
    newer = [lamp(f"good {number}", number, revision=2) for number in range(PLACES)]
    outcomes = admit(store, *newer, *newer, lamp(FRIEND), bringer="p")
    assert outcomes.count(Admission.NEW) == PLACES  # all but one, and the friend's
    assert shares(store) == {KEPT: 1, bucket("p"): PLACES - 1}


def test_revisions_that_grow_find_room_together_as_one_by_one(store: Store) -> None:
    goods = [lamp(f"good {number}", number) for number in range(PLACES - 1)]
    admit(store, *goods, bringer="p")
    newer = [
        Seller.named(f"good {number}").lists(number, f"Lamp {number:03}!", revision=2)
        for number in range(PLACES - 1)
    ]
    assert set(admit(store, *newer, bringer="p")) == {Admission.NEW}
    assert store.room()[0] <= PLACES * SIZE


def test_what_is_crowded_out_leaves_its_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", PLACES - 1)
    keep(store, FRIEND)
    stranger = lamp("a stranger")
    admit(store, stranger, *(lamp(FRIEND, number) for number in range(PLACES - 1)), bringer="p")
    with store.write(durable=False):
        store.unkeep(FRIEND.author)
    greater = [lamp(FRIEND, 50 + number, revision=2) for number in range(3)]
    admit(store, *greater, bringer="q")
    assert store.room()[0] <= PLACES * SIZE
    assert sum(shares(store).values()) >= PLACES - 1


# -- one's own and the kept ------------------------------------------------------------------


def test_a_contact_displaces_strangers_until_none_is_left(store: Store) -> None:
    admit(store, *fresh("flood", PLACES), bringer="p")
    keep(store, FRIEND)
    goods = [lamp(FRIEND, number, age_ms=limits.DAY_MS) for number in range(PLACES)]
    assert set(admit(store, *goods, bringer="p")) == {Admission.NEW}
    assert shares(store) == {KEPT: PLACES}
    assert admit(store, lamp(FRIEND, 99), bringer="p") == [Admission.FULL]
    assert admit(store, *fresh("more", 20), bringer="q") == [Admission.FULL] * 20
    assert held(store, *goods) == PLACES


def test_ones_own_displace_strangers_and_go_in_even_when_none_is_left(store: Store) -> None:
    admit(store, *fresh("flood", PLACES), bringer="p")
    goods = [lamp(OWN_SELLER, number) for number in range(PLACES + 3)]
    assert set(admit(store, *goods)) == {Admission.NEW}
    assert shares(store) == {OWN: PLACES + 3}
    admit(store, *fresh("more", 20), bringer="q")
    assert held(store, *goods) == PLACES + 3


def test_a_revision_of_a_contacts_makes_room_among_strangers(store: Store) -> None:
    keep(store, FRIEND)
    admit(store, lamp(FRIEND), *fresh("flood", PLACES - 1), bringer="p")
    assert admit(store, lamp(FRIEND, revision=2), bringer="p") == [Admission.NEW]
    assert shares(store) == {KEPT: 2, bucket("p"): PLACES - 2}


def test_a_former_contact_counts_for_who_brought_it(store: Store) -> None:
    keep(store, FRIEND)
    admit(store, lamp(FRIEND, 1), lamp(FRIEND, 1, revision=2), bringer="p")
    admit(store, lamp(FRIEND, 2))
    assert shares(store) == {KEPT: 3}
    with store.write(durable=True):
        store.unkeep(FRIEND.author)
    assert shares(store) == {bucket("p"): 2, UNKNOWN: 1}
    keep(store, FRIEND)
    assert shares(store) == {KEPT: 3}


def test_contacts_are_listed_with_their_notes_and_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, FRIEND, "the potter")
    keep(store, FRIEND, "the potter from Busan")
    assert store.kept() == [(FRIEND.author, NOW_MS, "the potter from Busan")]
    with pytest.raises(LocalProtocolError, match="your own key"):
        keep(store, OWN_SELLER)
    with pytest.raises(LocalProtocolError, match="at most 200"):
        keep(store, FRIEND, "x" * 201)
    monkeypatch.setattr(limits, "KEPT_AUTHORS_MAX", 1)
    with pytest.raises(LocalProtocolError, match="at most 1 people"):
        keep(store, Seller.named("another"))
    with store.write(durable=True):
        store.block(FRIEND.author)
    assert store.kept() == []
    with pytest.raises(LocalProtocolError, match="is blocked"):
        keep(store, FRIEND)


# -- whose share -----------------------------------------------------------------------------


def test_a_thread_stays_with_who_brought_it_first(store: Store) -> None:
    admit(store, lamp(FRIEND), bringer="p")
    admit(store, lamp(FRIEND, revision=2), bringer="q")
    assert shares(store) == {bucket("p"): 2}


def test_what_nobody_brought_has_a_share_of_its_own(store: Store) -> None:
    admit(store, lamp(FRIEND))
    assert shares(store) == {UNKNOWN: 1}


def test_shares_are_few_and_their_salt_is_kept(store: Store) -> None:
    found = {bucket(f"10.0.{n // 256}.{n % 256}") for n in range(2000)}
    assert found == set(range(limits.STORE_SHARES))
    with store.write(durable=False):
        store.salt_shares(b"another")
    admit(store, lamp(FRIEND), bringer="p")
    assert shares(store) == {bucket("p"): 1}


def test_a_rebuild_keeps_every_share(store: Store) -> None:
    keep(store, FRIEND)
    admit(store, lamp(FRIEND), lamp(OWN_SELLER), bringer="p")
    admit(store, *fresh("a", 3), bringer="p")
    admit(store, *fresh("b", 2), bringer="q")
    admit(store, lamp("c"))
    before = shares(store)
    store.reindex()
    assert shares(store) == before
    assert before == {OWN: 1, KEPT: 1, bucket("p"): 3, bucket("q"): 2, UNKNOWN: 1}


def test_what_leaves_is_taken_off_its_share(store: Store) -> None:
    admit(store, *fresh("a", 3), bringer="p")
    admit(store, lamp(FRIEND), lamp(FRIEND, revision=2), bringer="q")
    with store.write(durable=False):
        store.block(Seller.named("a 1").author)
        store.block(FRIEND.author)
    assert shares(store) == {bucket("p"): 2}
    with store.write(durable=False):
        store.forget_expired(NOW_MS + 2 * limits.LIFETIME_SHORT_MS, 100)
    assert shares(store) == {}


def test_wrong_bytes_of_a_share_are_found(path: Path) -> None:
    with opened(path) as store:
        admit(store, lamp(FRIEND), bringer="p")
        with store.write(durable=False):
            store._db.run("UPDATE share SET bytes = bytes + 1")
        assert any(problem.startswith("share: ") for problem in store.check_views())
        store.reindex()
        assert store.check_views() == []


def test_whose_own_the_bytes_are_is_counted_anew_when_the_home_gets_its_author(path: Path) -> None:
    with Store.open(path) as store:
        admit(store, lamp(FRIEND), lamp("other"))
        assert shares(store) == {UNKNOWN: 2}
    with Store.open(path, own_author=FRIEND.author) as store:
        assert shares(store) == {OWN: 1, UNKNOWN: 1}
        assert store.check_views() == []


# -- far beyond the bound --------------------------------------------------------------------


def test_a_store_whose_bound_was_lowered_shrinks_as_records_come(path: Path) -> None:
    with opened(path, 400) as store:
        admit(store, *fresh("a", 300, age_ms=2 * HOUR_MS), bringer="p")
    with opened(path, 10) as store:
        for number in range(8):
            assert admit(store, lamp("new", number), bringer="p") == [Admission.NEW]
        assert sum(shares(store).values()) == 10
        assert store.check_views() == []


def test_a_long_queue_is_read_page_by_page(path: Path) -> None:
    with opened(path, 700) as store:
        flood = fresh("flood", 700)
        admit(store, *flood, bringer="p")
        goods = fresh("good", 400)
        for begin in range(0, 400, 40):
            admit(store, *goods[begin : begin + 40], bringer="q")
        assert shares(store) == {bucket("p"): 350, bucket("q"): 350}
        assert [record for record in flood if store.has(record.id)] == flood[350:]
        assert store.check_views() == []


# -- stores of before ------------------------------------------------------------------------


def test_a_store_of_before_there_were_shares_is_brought_up_to_date(path: Path) -> None:
    with opened(path) as store:
        admit(store, lamp(FRIEND), lamp(OWN_SELLER), *fresh("a", 3), bringer="p")
    make_older(path)
    connection = apsw.Connection(str(path))
    for sql in (
        "ALTER TABLE record DROP COLUMN bucket",
        "DROP TABLE kept_author",
        "DROP TABLE share",
        "DELETE FROM meta WHERE key LIKE 'share%'",
        "UPDATE tally SET view_version = 2",
        "PRAGMA user_version = 1",
    ):
        connection.execute(sql)
    connection.close()
    with pytest.raises(OutdatedViews, match="jangteo reindex"):
        Store.open(path, read_only=True)
    with opened(path) as store:
        assert store.check_views() == []
        assert shares(store) == {OWN: 1, UNKNOWN: 4}
        keep(store, FRIEND)
        assert shares(store) == {OWN: 1, KEPT: 1, UNKNOWN: 3}
        admit(store, *fresh("b", 20), bringer="q")
        assert shares(store) == {OWN: 1, KEPT: 1, UNKNOWN: 3, bucket("q"): 7}
        assert store.check_views() == []


def test_a_thread_in_two_shares_is_found(path: Path) -> None:
    with opened(path) as store:
        admit(store, lamp(FRIEND), lamp(FRIEND, revision=2), bringer="p")
        with store.write(durable=False):
            store._db.run("DROP TRIGGER record_is_never_changed")
            store._db.run("UPDATE record SET bucket = 7 WHERE rid = 1")
        assert any("more than one share" in problem for problem in store.check_views())
