"""Admission at the edges of its rules: the last moment, the last byte, the last place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.kind import PROFILE
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import COMMONS
from jangteo.protocol.verdict import Admission
from jangteo.store.errors import CorruptStore
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

OWN = Seller.named("oneself")
OTHER = Seller.named("a neighbour")
SHORT_MS = limits.LIFETIME_SHORT_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jangteo.db", own_author=OWN.author) as store:
        yield store
        assert store.check_views() == []


def admit(store: Store, *records: object, now_ms: int = NOW_MS) -> list[Admission]:
    with store.write(durable=False):
        return store.admit(records, now_ms)  # type: ignore[arg-type]


def test_the_future_begins_after_its_bound(store: Store) -> None:
    last_ms = NOW_MS + limits.FUTURE_MS_MAX
    assert admit(store, OTHER.lists(1, "Lamp", ts_ms=last_ms)) == [Admission.NEW]
    assert admit(store, OTHER.lists(2, "Lamp", ts_ms=last_ms + 1)) == [Admission.FUTURE]
    assert admit(store, OWN.lists(3, "Lamp", ts_ms=last_ms + 1)) == [Admission.FUTURE]


def test_a_record_is_over_at_the_end_of_its_lifetime(store: Store) -> None:
    last = OTHER.lists(1, "Lamp", ts_ms=NOW_MS - SHORT_MS + 1)
    over = OTHER.lists(2, "Lamp", ts_ms=NOW_MS - SHORT_MS)
    assert admit(store, last, over) == [Admission.NEW, Admission.EXPIRED]
    assert not store.has(over.id)


def test_a_delete_of_ones_own_is_over_as_anybody_s(store: Store) -> None:
    gone = OWN.withdraws(1, ts_ms=NOW_MS - 2 * SHORT_MS)
    assert admit(store, gone) == [Admission.EXPIRED]
    assert not store.has(gone.id)


def test_own_records_that_came_back_under_a_clock_that_was_ahead_are_offered_again(
    store: Store,
) -> None:
    mine = OWN.lists(1, "Lamp", ts_ms=NOW_MS)
    ahead_ms = NOW_MS + 2 * limits.LIFETIME_LONG_MS
    assert admit(store, mine, now_ms=ahead_ms) == [Admission.EXPIRED]
    assert store.items("open").count() == 0
    with store.write(durable=False):
        store.forget_expired(NOW_MS, 100)
    assert store.items("open").count() == 1


def test_an_own_record_that_is_over_is_kept_once_and_offered_to_nobody(store: Store) -> None:
    old = OWN.lists(1, "Lamp", ts_ms=NOW_MS - SHORT_MS)
    older = OWN.lists(1, "Lamp", revision=0, ts_ms=NOW_MS - SHORT_MS)
    assert admit(store, old, old) == [Admission.EXPIRED] * 2
    assert admit(store, old, older) == [Admission.EXPIRED] * 2
    assert store.has(old.id) and not store.has(older.id)
    assert store.items("open").count() == 0
    again = OWN.lists(1, "Lamp", revision=2)
    assert admit(store, again) == [Admission.NEW]
    assert store.items("open").count() == 1


def test_a_full_store_has_room_to_its_last_byte(tmp_path: Path) -> None:
    lamp, desk = OTHER.lists(1, "Lamp"), OTHER.lists(2, "Desk")
    for missing, outcome in ((0, Admission.NEW), (1, Admission.FULL)):
        bound = len(lamp.raw) + len(desk.raw) - missing
        path = tmp_path / f"{missing}.db"
        with Store.open(path, own_author=OWN.author, records_bytes_max=bound) as store:
            assert admit(store, lamp, desk) == [Admission.NEW, outcome]
            assert admit(store, desk, lamp)[1] is Admission.DUPLICATE


def test_a_revision_in_a_full_store_may_be_as_large_as_what_it_replaces(tmp_path: Path) -> None:
    lamp = OTHER.lists(1, "Lamp")
    for number, (title, outcome) in enumerate((("Bulb", Admission.NEW), ("Bulbs", Admission.FULL))):
        path = tmp_path / f"{number}.db"
        with Store.open(path, own_author=OWN.author, records_bytes_max=len(lamp.raw)) as store:
            assert admit(store, lamp) == [Admission.NEW]
            assert admit(store, OTHER.lists(1, title, revision=2)) == [outcome]
            assert store.has(lamp.id) is (outcome is Admission.FULL)
            assert store.check_views() == []


def test_the_history_of_a_thread_goes_before_its_newest_in_a_full_store(tmp_path: Path) -> None:
    lamps = [OTHER.lists(1, "Lamp", revision=revision) for revision in (1, 2, 3, 4)]
    bound = 3 * len(lamps[0].raw)
    with Store.open(tmp_path / "s.db", own_author=OWN.author, records_bytes_max=bound) as store:
        assert admit(store, *lamps[:3]) == [Admission.NEW] * 3
        assert len(store.revisions(public_id(lamps[0]))) == 3
        larger = Listing(title="Lamp", description="x" * len(lamps[0].raw))
        assert admit(store, OTHER.lists(1, larger, revision=4)) == [Admission.NEW]
        assert len(store.revisions(public_id(lamps[0]))) == 1
        assert store.counts(NOW_MS).records == 1
        assert store.check_views() == []


def test_a_profile_that_is_deleted_names_nobody_any_more(store: Store) -> None:
    assert admit(store, OTHER.is_called("Ana"), OTHER.lists(1, "Lamp")) == [Admission.NEW] * 2
    row = store.listing(public_id(OTHER.lists(1, "Lamp")))
    assert row is not None and row.seller_name == "Ana"
    gone = OTHER.publishes(PROFILE, 0, None, revision=2, market=COMMONS)
    assert admit(store, gone) == [Admission.NEW]
    assert store.profile(OTHER.author) is None
    row = store.listing(public_id(OTHER.lists(1, "Lamp")))
    assert row is not None and row.seller_name != "Ana"


def test_a_store_without_its_tally_takes_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "jangteo.db", own_author=OWN.author) as store:
        with store.write(durable=False):
            store._db.run("DELETE FROM tally")
        with pytest.raises(CorruptStore, match="jangteo verify"):
            admit(store, OTHER.lists(1, "Lamp"))


def test_nothing_new_writes_nothing(store: Store) -> None:
    lamp = OTHER.lists(1, "Lamp")
    admit(store, lamp)
    arrival = store.last_arrival()
    assert admit(store, lamp, OTHER.lists(2, "x", ts_ms=0)) == [
        Admission.DUPLICATE,
        Admission.EXPIRED,
    ]
    assert admit(store) == []
    assert store.last_arrival() == arrival


def test_a_thread_that_rose_and_was_crowded_out_in_one_batch_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", 3)
    lamps = [OTHER.lists(number, "Lamp", revision=10 * number) for number in (1, 2, 3)]
    assert admit(store, *lamps) == [Admission.NEW] * 3
    risen, newest = OTHER.lists(1, "Risen", revision=11), OTHER.lists(4, "Newest", revision=40)
    assert admit(store, risen, newest) == [Admission.CROWDED, Admission.NEW]
    assert not store.has(lamps[0].id) and not store.has(risen.id)
    assert store.counts(NOW_MS).records == 3


def test_what_is_crowded_out_within_a_batch_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", 2)
    lamps = [OTHER.lists(number, "Lamp", revision=number) for number in (1, 2, 3)]
    third = Seller.named("a third").lists(1, "Lamp")
    bound = 3 * len(third.raw)
    with Store.open(tmp_path / "s.db", own_author=OWN.author, records_bytes_max=bound) as store:
        outcomes = admit(store, *lamps, third)
        assert outcomes == [Admission.CROWDED, *[Admission.NEW] * 3]
        assert store.check_views() == []


# -- the last place ---------------------------------------------------------------------------


@pytest.fixture
def three_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", 3)


def of_revision(seller: Seller, *revisions: int) -> list[Verified]:
    """Listings whose threads are called as their revisions."""
    return [seller.lists(each, f"Lamp {each}", revision=each) for each in revisions]


def titles(store: Store) -> list[str]:
    return sorted(row.listing.title for row in store.iter_listings(NOW_MS))


@pytest.mark.usefixtures("three_places")
def test_whoever_is_too_low_once_is_too_low_again(store: Store) -> None:
    admit(store, *of_revision(OTHER, 10, 20, 30))
    for revision in (5, 6, 4):
        assert admit(store, *of_revision(OTHER, revision)) == [Admission.CROWDED]
    assert store.items("open").count() == 3


@pytest.mark.usefixtures("three_places")
def test_a_thread_that_rose_is_the_least_in_its_turn(store: Store) -> None:
    admit(store, *of_revision(OTHER, 10, 20, 30))
    assert admit(store, *of_revision(OTHER, 5)) == [Admission.CROWDED]  # ranks are read now
    assert admit(store, OTHER.lists(10, "Risen", revision=25)) == [Admission.NEW]
    assert admit(store, *of_revision(OTHER, 40)) == [Admission.NEW]
    assert titles(store) == ["Lamp 30", "Lamp 40", "Risen"]
    assert admit(store, *of_revision(OTHER, 50)) == [Admission.NEW]
    assert titles(store) == ["Lamp 30", "Lamp 40", "Lamp 50"]


def over(number: int, revision: int) -> Verified:
    """An own listing whose lifetime has ended."""
    return OWN.lists(number, "Over", revision=revision, ts_ms=NOW_MS - SHORT_MS)


@pytest.mark.usefixtures("three_places")
def test_an_own_record_that_is_over_leaves_one_place_and_once(store: Store) -> None:
    admit(store, *of_revision(OWN, 10, 20, 30))
    assert admit(store, over(99, 1)) == [Admission.EXPIRED]  # it had no place
    assert store.items("open").count() == 3
    assert admit(store, over(10, 11)) == [Admission.EXPIRED]
    assert admit(store, over(10, 12)) == [Admission.EXPIRED]
    assert store.items("open").count() == 2
    for revision in (40, 50, 60):
        assert admit(store, *of_revision(OWN, revision)) == [Admission.NEW]
        assert store.items("open").count() == 3


@pytest.mark.usefixtures("three_places")
def test_an_own_record_that_never_had_a_place_leaves_none(store: Store) -> None:
    admit(store, *of_revision(OWN, 10, 20, 30), over(99, 1))
    assert admit(store, *of_revision(OWN, 40)) == [Admission.NEW]
    assert store.items("open").count() == 3


@pytest.mark.usefixtures("three_places")
def test_who_is_too_low_is_asked_again_when_a_place_was_left(store: Store) -> None:
    admit(store, *of_revision(OWN, 10, 20, 30))
    assert admit(store, *of_revision(OWN, 5)) == [Admission.CROWDED]
    assert admit(store, over(10, 11)) == [Admission.EXPIRED]
    assert admit(store, *of_revision(OWN, 7)) == [Admission.NEW]
    assert admit(store, *of_revision(OWN, 8)) == [Admission.NEW]
    assert store.items("open").count() == 3


# -- the last byte ----------------------------------------------------------------------------


def test_a_larger_revision_may_take_the_last_byte(tmp_path: Path) -> None:
    lamp, larger = OTHER.lists(1, "Lamp"), OTHER.lists(1, "A larger lamp", revision=2)
    for missing, outcome in ((0, Admission.NEW), (1, Admission.FULL)):
        bound = len(larger.raw) - missing
        path = tmp_path / f"{missing}.db"
        with Store.open(path, own_author=OWN.author, records_bytes_max=bound) as store:
            assert admit(store, lamp) == [Admission.NEW]
            assert admit(store, larger) == [outcome]
            assert store.check_views() == []


def test_a_store_whose_bound_was_lowered_takes_what_is_no_larger(tmp_path: Path) -> None:
    lamp = OTHER.lists(1, "Lamp")
    with Store.open(tmp_path / "s.db", own_author=OWN.author) as store:
        assert admit(store, lamp, *of_revision(OWN, 1, 2)) == [Admission.NEW] * 3
    with Store.open(
        tmp_path / "s.db", own_author=OWN.author, records_bytes_max=len(lamp.raw)
    ) as store:
        assert admit(store, OTHER.lists(1, "Lamps", revision=2)) == [Admission.FULL]
        assert admit(store, OTHER.lists(1, "Bulb", revision=2)) == [Admission.NEW]
        assert store.check_views() == []


def test_ones_own_take_the_room_of_strangers(tmp_path: Path) -> None:
    lamp = OTHER.lists(1, "Lamp")
    with Store.open(
        tmp_path / "s.db", own_author=OWN.author, records_bytes_max=len(lamp.raw)
    ) as store:
        outcomes = admit(store, lamp, *of_revision(OWN, 1, 2))
        assert outcomes == [Admission.FULL, Admission.NEW, Admission.NEW]
        assert store.check_views() == []
