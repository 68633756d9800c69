"""What is taken in and what goes, rule by rule (SPEC.md R5, R10)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.profile import Profile
from jangteo.protocol.verdict import Admission
from jangteo.store.query import ALL_STATUSES, Query
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

OWN = Seller.named("oneself")
OTHER = Seller.named("a neighbour")
DAY_MS = limits.DAY_MS
UNKNOWN_KIND = 7


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jangteo.db", own_author=OWN.author) as store:
        yield store
        assert store.check_views() == []


def admit(store: Store, *records: object, now_ms: int = NOW_MS) -> list[Admission]:
    with store.write(durable=False):
        return store.admit(records, now_ms)  # type: ignore[arg-type]


def titles(store: Store, query: Query | None = None, now_ms: int = NOW_MS) -> list[str]:
    rows = store.search(query or Query(status=ALL_STATUSES), now_ms).rows
    return [row.listing.title for row in rows]


# -- supersession -----------------------------------------------------------------------------


def test_the_greatest_revision_is_current_and_the_rest_is_history(store: Store) -> None:
    first, second = OTHER.lists(1, "Lamp"), OTHER.lists(1, "Lamp, blue", revision=2)
    assert admit(store, first) == [Admission.NEW]
    assert admit(store, second) == [Admission.NEW]
    row = store.listing(public_id(first))
    assert row is not None and row.listing.title == "Lamp, blue" and row.arrival == 1
    assert [listing.title for _, listing, _ in store.revisions(public_id(first)) if listing] == [
        "Lamp",
        "Lamp, blue",
    ]
    assert store.items("open").count() == 1
    assert store.has(first.id)


def test_a_record_that_comes_again_is_a_duplicate_even_as_history(store: Store) -> None:
    first, second = OTHER.lists(1, "Lamp"), OTHER.lists(1, "Lamp, blue", revision=2)
    assert admit(store, first, first, second, first, second) == [
        Admission.NEW,
        Admission.DUPLICATE,
        Admission.NEW,
        Admission.DUPLICATE,
        Admission.DUPLICATE,
    ]
    assert admit(store, first, second) == [Admission.DUPLICATE] * 2


def test_a_lower_revision_that_comes_late_is_stale_and_not_kept(store: Store) -> None:
    first, second = OTHER.lists(1, "Lamp"), OTHER.lists(1, "Lamp, blue", revision=2)
    assert admit(store, second, first) == [Admission.NEW, Admission.STALE]
    assert not store.has(first.id)


def test_of_two_records_with_one_revision_the_larger_id_wins(store: Store) -> None:
    one, two = sorted((OTHER.lists(1, "Lamp"), OTHER.lists(1, "Desk")), key=lambda r: r.id)
    assert admit(store, two, one) == [Admission.NEW, Admission.STALE]
    current = store.current(one.header.thread_key)
    assert current is not None and current.id == two.id


def test_a_delete_is_final_and_takes_the_content_with_it(store: Store) -> None:
    first, second = OTHER.lists(1, "Lamp"), OTHER.lists(1, "Lamp, blue", revision=2)
    gone = OTHER.withdraws(1, revision=3)
    assert admit(store, first, second) == [Admission.NEW] * 2
    assert admit(store, gone) == [Admission.NEW]
    assert not store.has(first.id) and not store.has(second.id)
    assert admit(store, OTHER.lists(1, "Lamp again", revision=99)) == [Admission.STALE]
    assert store.listing(public_id(first)) is None
    assert store.withdrawal(public_id(first)) == gone.header
    assert store.revisions(public_id(first)) == [(gone.header, None, gone.id)]
    assert store.find(public_id(first).hex()[:12]) == [public_id(first)]
    assert titles(store) == []
    assert store.items("open").count() == 1


def test_authors_are_counted_once_whatever_they_have(store: Store) -> None:
    assert store.counts(NOW_MS).authors == 0
    admit(store, *(OTHER.lists(number, "Lamp") for number in range(5)))
    assert store.counts(NOW_MS).authors == 1
    admit(store, *(OWN.lists(number, "Lamp") for number in range(5)))
    admit(store, Seller.named("third").lists(1, "Lamp"))
    counts = store.counts(NOW_MS)
    assert (counts.authors, counts.own_active, counts.own_unheld) == (3, 5, 5)


def test_a_delete_in_the_same_batch_leaves_only_itself(store: Store) -> None:
    gone = OTHER.withdraws(1, revision=3)
    assert (
        admit(store, OTHER.lists(1, "Lamp"), gone, OTHER.withdraws(1, revision=4))
        == [Admission.NEW] * 3
    )
    assert store.counts(NOW_MS).records == 1


def test_history_is_bounded_and_the_oldest_goes(store: Store) -> None:
    revisions = [
        OTHER.lists(1, f"Lamp {revision}", revision=revision)
        for revision in range(1, limits.HISTORY_REVISIONS_MAX + 5)
    ]
    for record in revisions:
        admit(store, record)
    kept = store.revisions(public_id(revisions[0]))
    assert [record_id for _, _, record_id in kept] == [
        record.id for record in revisions[-limits.HISTORY_REVISIONS_MAX - 1 :]
    ]
    assert store.counts(NOW_MS).records == limits.HISTORY_REVISIONS_MAX + 1


def test_history_is_bounded_within_one_batch(store: Store) -> None:
    revisions = [OTHER.lists(1, f"Lamp {at}", revision=at) for at in range(1, 100)]
    admit(store, *revisions)
    assert len(store.revisions(public_id(revisions[0]))) == limits.HISTORY_REVISIONS_MAX + 1


def test_a_thread_may_become_what_this_version_does_not_know(store: Store) -> None:
    admit(store, OTHER.lists(1, "Lamp"))
    assert admit(store, OTHER.publishes(UNKNOWN_KIND, 1, {"a": 1}, revision=2)) == [Admission.NEW]
    assert titles(store) == []
    assert admit(store, OTHER.lists(1, "Lamp again", revision=3)) == [Admission.NEW]
    assert titles(store) == ["Lamp again"]
    assert admit(store, OTHER.withdraws(1, revision=4)) == [Admission.NEW]
    unknown = OTHER.publishes(UNKNOWN_KIND, 1, None, revision=5)
    assert admit(store, unknown) == [Admission.NEW]
    assert store.withdrawal(public_id(unknown)) is None


# -- clock, markets, block --------------------------------------------------------------------


def test_a_record_from_the_future_waits_until_its_time(store: Store) -> None:
    record = OTHER.lists(1, "Lamp", ts_ms=NOW_MS + limits.FUTURE_MS_MAX + 1)
    assert admit(store, record) == [Admission.FUTURE]
    assert admit(store, record, now_ms=NOW_MS + 1) == [Admission.NEW]


def test_an_expired_record_is_not_taken(store: Store) -> None:
    record = OTHER.lists(1, "Lamp", ts_ms=NOW_MS - limits.LIFETIME_SHORT_MS)
    assert admit(store, record) == [Admission.EXPIRED]
    assert admit(store, record, now_ms=NOW_MS - 1) == [Admission.NEW]


def test_a_market_that_was_not_joined_is_foreign(store: Store) -> None:
    record = OTHER.lists(1, "Lamp", market="bikes")
    assert admit(store, record) == [Admission.FOREIGN]
    with store.write(durable=True):
        store.join("bikes")
        assert store.admit([record], NOW_MS) == [Admission.NEW]


def test_leaving_a_market_forgets_others_and_keeps_ones_own_unoffered(store: Store) -> None:
    with store.write(durable=True):
        store.join("bikes")
    own, other = OWN.lists(1, "Own", market="bikes"), OTHER.lists(1, "Theirs", market="bikes")
    old = OWN.lists(2, "Old", market="bikes", ts_ms=NOW_MS - 80 * DAY_MS)
    admit(store, own, other, old)
    with store.write(durable=True):
        assert store.leave("bikes") == 1
        assert store.leave("bikes") == 0
    assert not store.has(other.id) and store.has(own.id)
    assert store.items("bikes").count() == 0
    assert store.held_by([public_id(own)], NOW_MS) == {public_id(own): 0}
    assert store.check_views() == []
    with store.write(durable=True):
        store.join("bikes")
    assert store.items("bikes").count() == 2
    with store.write(durable=True):
        store.forget_expired(NOW_MS + 20 * DAY_MS, 10)
        store.leave("bikes")
        store.join("bikes")
    assert store.items("bikes").count() == 1


def test_markets_are_named_rightly_and_bounded(store: Store) -> None:
    with store.write(durable=True):
        for number in range(limits.MARKETS_JOINED_MAX - 1):
            store.join(f"market-{number}")
        with pytest.raises(LocalProtocolError, match="at most 32"):
            store.join("one-more")
        with pytest.raises(LocalProtocolError, match="a market is"):
            store.join("No Market")
        with pytest.raises(LocalProtocolError, match="every node joins"):
            store.leave("commons")
        store.leave("open")
        store.join("one-more")
    assert "open" not in store.joined()


def test_a_blocked_author_is_forgotten_and_stays_out(store: Store) -> None:
    admit(store, OTHER.lists(1, "Lamp"), OTHER.is_called("Spam"), OWN.lists(1, "Mine"))
    with store.write(durable=True):
        assert store.block(OTHER.author) == 2
    assert titles(store) == ["Mine"]
    assert store.profile(OTHER.author) is None
    assert store.blocked() == {OTHER.author}
    assert admit(store, OTHER.lists(2, "More")) == [Admission.BLOCKED]
    assert store.summary("open")[0] == 1
    with store.write(durable=True):
        store.unblock(OTHER.author)
    assert admit(store, OTHER.lists(1, "Lamp")) == [Admission.NEW]


def test_nobody_blocks_themselves(store: Store) -> None:
    with pytest.raises(LocalProtocolError, match="your own key"), store.write(durable=True):
        store.block(OWN.author)


def test_blocked_authors_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BLOCKED_AUTHORS_MAX", 3)
    with store.write(durable=True):
        for number in range(3):
            store.block(Seller.named(f"spammer {number}").author)
        store.block(Seller.named("spammer 0").author)
        with pytest.raises(LocalProtocolError, match="at most 3"):
            store.block(OTHER.author)


# -- expiry -----------------------------------------------------------------------------------


def test_what_is_over_is_forgotten_and_ones_own_shows_as_expired(store: Store) -> None:
    own, other = OWN.lists(1, "Mine"), OTHER.lists(1, "Theirs")
    admit(store, own, other, OTHER.lists(1, "Theirs, blue", revision=2), OWN.is_called("Me"))
    later_ms = NOW_MS + limits.LIFETIME_SHORT_MS
    with store.write(durable=True):
        assert store.forget_expired(later_ms - 1, 100) == 0
        assert store.forget_expired(later_ms, 100) == 2
        assert store.forget_expired(later_ms, 100) == 0
    assert not store.has(other.id)
    assert store.items("open").count() == 0
    row = store.listing(public_id(own))
    assert row is not None and row.status_at(later_ms) == "expired"
    assert [row.listing.title for row in store.own_listings(OWN.author)] == ["Mine"]
    assert admit(store, own, now_ms=later_ms) == [Admission.EXPIRED]
    assert store.items("open").count() == 0
    renewed = OWN.lists(1, "Mine", revision=2, ts_ms=later_ms)
    assert admit(store, renewed, now_ms=later_ms) == [Admission.NEW]
    assert store.items("open").count() == 1


def test_forgetting_is_done_in_parts(store: Store) -> None:
    admit(store, *(OTHER.lists(number, "Lamp") for number in range(10)))
    later_ms = NOW_MS + limits.LIFETIME_SHORT_MS
    with store.write(durable=True):
        assert [store.forget_expired(later_ms, 4) for _ in range(4)] == [4, 4, 2, 0]
    assert store.counts(later_ms).records == 0


def test_a_delete_outlives_what_it_deletes_and_goes_even_if_own(store: Store) -> None:
    admit(store, OWN.lists(1, "Mine"), OWN.withdraws(1, revision=2))
    with store.write(durable=True):
        assert store.forget_expired(NOW_MS + limits.LIFETIME_SHORT_MS, 100) == 0
        assert store.forget_expired(NOW_MS + 2 * limits.LIFETIME_SHORT_MS, 100) == 1
    assert store.counts(NOW_MS).records == 0


def test_own_expired_records_come_back_from_a_backup_as_expired(store: Store) -> None:
    later_ms = NOW_MS + limits.LIFETIME_SHORT_MS
    record = OWN.lists(1, "Mine")
    assert admit(store, record, now_ms=later_ms) == [Admission.EXPIRED]
    assert store.has(record.id) and store.items("open").count() == 0
    row = store.listing(public_id(record))
    assert row is not None and row.status_at(later_ms) == "expired"
    assert admit(store, OWN.withdraws(2), now_ms=later_ms + limits.LIFETIME_SHORT_MS) == [
        Admission.EXPIRED
    ]


# -- crowds -----------------------------------------------------------------------------------


@pytest.fixture
def small_crowds(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", 5)
    return 5


def test_an_author_has_so_many_threads_a_market_and_the_greatest_stay(
    store: Store, small_crowds: int
) -> None:
    records = [OTHER.lists(number, f"Lamp {number}", revision=number) for number in range(1, 9)]
    assert admit(store, *records[:5]) == [Admission.NEW] * 5
    assert admit(store, OTHER.lists(20, "Least", revision=0)) == [Admission.CROWDED]
    assert admit(store, *records[5:]) == [Admission.NEW] * 3
    assert sorted(titles(store)) == [f"Lamp {number}" for number in range(4, 9)]
    assert admit(store, records[0]) == [Admission.CROWDED]
    assert admit(store, OTHER.lists(1, "Risen", revision=99)) == [Admission.NEW]
    assert store.counts(NOW_MS).records == small_crowds


def test_deletes_rank_before_what_lives(store: Store, small_crowds: int) -> None:
    admit(store, *(OTHER.lists(number, "Lamp", revision=9) for number in range(5)))
    assert (
        admit(store, *(OTHER.withdraws(10 + at, revision=1) for at in range(4)))
        == [Admission.NEW] * 4
    )
    assert len(titles(store)) == 1


def test_a_thread_crowded_out_within_its_batch_is_reported_so(
    store: Store, small_crowds: int
) -> None:
    records = [OTHER.lists(number, f"Lamp {number}", revision=number) for number in range(1, 8)]
    assert admit(store, *records) == [Admission.CROWDED] * 2 + [Admission.NEW] * 5
    assert store.counts(NOW_MS).records == 5


def test_a_crowded_thread_may_rise_again_in_the_same_batch(store: Store, small_crowds: int) -> None:
    records = [OTHER.lists(number, f"Lamp {number}", revision=number) for number in range(1, 7)]
    risen = OTHER.lists(1, "Lamp 1, risen", revision=50)
    outcomes = admit(store, *records, risen)
    assert outcomes == [Admission.CROWDED] * 2 + [Admission.NEW] * 5
    assert "Lamp 1, risen" in titles(store)


def test_who_is_least_in_a_crowd_is_known_after_others_rose(
    store: Store, small_crowds: int
) -> None:
    records = [OTHER.lists(number, f"Lamp {number}", revision=10 + number) for number in range(5)]
    admit(store, *records)
    # Ranks are read now, and nothing is written.
    assert admit(store, OTHER.lists(9, "Least", revision=1)) == [Admission.CROWDED]
    admit(store, OTHER.lists(0, "Lamp 0, risen", revision=50))
    assert admit(store, OTHER.lists(10, "Newer", revision=40)) == [Admission.NEW]
    assert "Lamp 1" not in titles(store) and "Lamp 0, risen" in titles(store)
    # An author who rises without end does not fill the memory.
    for revision in range(51, 80):
        admit(store, OTHER.lists(0, f"Lamp 0, {revision}", revision=revision))
    assert admit(store, OTHER.lists(11, "Newest", revision=41)) == [Admission.NEW]
    assert "Lamp 2" not in titles(store)


def test_ones_own_crowded_out_listing_is_kept_but_not_offered(
    store: Store, small_crowds: int
) -> None:
    records = [OWN.lists(number, f"Lamp {number}", revision=number) for number in range(1, 7)]
    admit(store, *records[:5])
    assert admit(store, records[5]) == [Admission.NEW]
    assert store.has(records[0].id)
    assert store.items("open").count() == 5
    assert len(list(store.own_listings(OWN.author))) == 6


def test_an_own_record_that_is_over_leaves_its_place_in_the_crowd(
    store: Store, small_crowds: int
) -> None:
    records = [OWN.lists(number, f"Lamp {number}") for number in range(small_crowds)]
    over = OWN.lists(1, "Over", revision=2, ts_ms=NOW_MS - limits.LIFETIME_SHORT_MS)
    admit(store, *records)
    assert admit(store, over, OWN.lists(9, "Fresh")) == [Admission.EXPIRED, Admission.NEW]
    assert store.items("open").count() == small_crowds


def test_what_is_forgotten_makes_room_in_a_crowd(store: Store, small_crowds: int) -> None:
    later_ms = NOW_MS + limits.LIFETIME_SHORT_MS
    admit(store, *(OTHER.lists(number, "Old", revision=9) for number in range(5)))
    fresh = OTHER.lists(10, "Fresh", revision=1, ts_ms=later_ms)
    assert admit(store, fresh, now_ms=later_ms) == [Admission.CROWDED]
    with store.write(durable=True):
        store.forget_expired(later_ms, 100)
        assert store.admit([fresh], later_ms) == [Admission.NEW]


# -- room -------------------------------------------------------------------------------------


def test_a_full_store_takes_ones_own_and_what_makes_room_for_itself(tmp_path: Path) -> None:
    first = OTHER.lists(1, Listing(title="Lamp", description="long " * 100))
    bound = len(first.raw) + 50
    with Store.open(tmp_path / "small.db", own_author=OWN.author, records_bytes_max=bound) as store:
        assert admit(store, first) == [Admission.NEW]
        assert admit(store, OTHER.lists(2, "Desk")) == [Admission.FULL]
        assert admit(store, OWN.lists(1, "Mine")) == [Admission.NEW]
        sold = OTHER.lists(1, Listing(title="Lamp", status="sold"), revision=2)
        assert admit(store, sold) == [Admission.NEW]
        assert not store.has(first.id)
        assert store.check_views() == []
        larger = Listing(title="Lamp", description="long " * 300)
        assert admit(store, OTHER.lists(1, larger, revision=3)) == [Admission.FULL]
        assert admit(store, OTHER.withdraws(1, revision=4)) == [Admission.NEW]
        size = sum(len(raw) for _, raw in store.iter_records())
        assert store.counts(NOW_MS).record_bytes == size
        assert store.check_views() == []


def test_a_store_far_beyond_its_bound_still_hears_what_is_sold_and_withdrawn(
    tmp_path: Path,
) -> None:
    lamp, desk = (
        OTHER.lists(number, Listing(title=title, description="long " * 100))
        for number, title in ((1, "Lamp"), (2, "Desk"))
    )
    bound = len(lamp.raw) + len(desk.raw) + 50
    path = tmp_path / "small.db"
    with Store.open(path, own_author=OWN.author) as store:
        admit(store, lamp, desk, *(OWN.lists(number, "Mine") for number in range(50)))
    with Store.open(path, own_author=OWN.author, records_bytes_max=bound) as store:
        assert store.counts(NOW_MS).record_bytes > 2 * bound
        sold = OTHER.lists(1, Listing(title="Lamp", status="sold"), revision=2)
        assert admit(store, sold, OTHER.withdraws(2, revision=2)) == [Admission.NEW] * 2
        larger = Listing(title="Lamp", description="long " * 200)
        assert admit(store, OTHER.lists(1, larger, revision=3)) == [Admission.FULL]
        assert store.check_views() == []


# -- profiles and look-ups --------------------------------------------------------------------


def test_a_profile_names_its_listings(store: Store) -> None:
    admit(store, OTHER.lists(1, "Lamp"), OTHER.is_called("철수", about="Hello"))
    assert store.profile(OTHER.author) == Profile("철수", "Hello")
    assert store.search(Query("lamp"), NOW_MS).rows[0].seller_name == "철수"
    admit(store, OTHER.is_called("영희", revision=2))
    assert store.search(Query("lamp"), NOW_MS).rows[0].seller_name == "영희"
    assert store.authors_named("영") == [OTHER.author]
    assert store.authors_named(OTHER.author.hex()[:10]) == [OTHER.author]
    assert store.authors_named("철수") == []
    assert store.authors_named("  ") == []


def test_listings_are_found_by_unique_beginnings_of_their_ids(store: Store) -> None:
    records = [OTHER.lists(number, f"Lamp {number}") for number in range(40)]
    admit(store, *records)
    for record in records:
        public = public_id(record).hex()
        assert store.find(public) == [public_id(record)]
        assert public_id(record) in store.find(public[:3])
    assert len(store.find("")) == limits.FIND_IDS_MAX
    assert store.find("not hex") == [] and store.find("0" * 65) == [] and store.find("ABC") == []


def test_an_imported_row_is_found_by_its_ref(store: Store) -> None:
    ref = bytes(range(32))
    admit(
        store,
        OWN.lists(1, Listing(title="Lamp", ref=ref)),
        OTHER.lists(1, Listing(title="Theirs", ref=ref)),
    )
    row = store.own_by_ref(OWN.author, "open", ref)
    assert row is not None and row.listing.title == "Lamp"
    assert store.own_by_ref(OWN.author, "commons", ref) is None
    admit(store, OWN.withdraws(1, revision=2))
    assert store.own_by_ref(OWN.author, "open", ref) is None


def test_listings_are_walked_while_they_are_changed(store: Store) -> None:
    records = [OWN.lists(number, f"Lamp {number}") for number in range(1200)]
    admit(store, *records)
    seen = 0
    for row in store.own_listings(OWN.author):
        seen += 1
        if seen % 300 == 0:
            sold = replace(row.listing, status="sold")
            record = OWN.publishes(
                LISTING,
                int.from_bytes(row.header.thread, "big"),
                sold.to_body(),
                revision=2,
            )
            admit(store, record)
    assert seen == 1200
    assert len(list(store.iter_listings(NOW_MS))) == 1200
    assert store.counts(NOW_MS).own_active == 1196


def test_meta_is_kept_bounded_and_taken_away(store: Store) -> None:
    with store.write(durable=True):
        store.put_meta("port", "4110")
        store.put_meta("port", "4111")
    assert store.meta("port") == "4111"
    with store.write(durable=True):
        store.put_meta("port", None)
        with pytest.raises(ValueError, match="at most"):
            store.put_meta("large", "x" * (limits.META_VALUE_CHARS_MAX + 1))
    assert store.meta("port") is None
