"""Which blobs a store wants, has and lets go, over real records."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jangteo.protocol import limits
from jangteo.protocol.listing import Listing
from jangteo.protocol.photo import Photo
from jangteo.store.photo_view import FULL, THUMB
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller

OWN, OTHER = Seller.named("own"), Seller.named("other")
SIZE, THUMB_SIZE = 1000, 100


def digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def photo(word: str) -> Photo:
    return Photo(digest(word), SIZE, 40, 30, digest(f"small {word}"), THUMB_SIZE, bytes(48))


def listing(*words: str) -> Listing:
    return Listing("bike", created_ms=NOW_MS, photos=tuple(photo(word) for word in words))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path / "store.db", own_author=OWN.author)) as opened:
        yield opened


def admit(store: Store, *records: object) -> None:
    with store.write(durable=False):
        store.admit(list(records), NOW_MS)  # type: ignore[arg-type]


def put(store: Store, word: str, kind: int = FULL, at_ms: int = NOW_MS) -> None:
    with store.write(durable=False):
        size = SIZE if kind == FULL else THUMB_SIZE
        store.blobs.put(digest(word), kind, size, at_ms)


def wanted(store: Store, *kinds: int, now_ms: int = NOW_MS) -> list[bytes]:
    return [blob.hash for blob in store.blobs.wanted(kinds, 100, now_ms)]


def test_what_the_newest_listings_name_is_wanted_first(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a")))
    admit(store, OTHER.lists(2, listing("b", "c")))
    assert wanted(store, THUMB)[-1] == digest("small a")
    assert set(wanted(store, THUMB)) == {digest(f"small {word}") for word in "abc"}
    assert wanted(store, FULL, THUMB)[-1] == digest("a")


def test_what_is_here_is_wanted_no_more(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a")))
    put(store, "a")
    put(store, "small a", THUMB)
    assert wanted(store, THUMB, FULL) == []
    assert store.blobs.totals().bytes == SIZE + THUMB_SIZE
    blob = store.blobs.of(digest("a"))
    assert blob is not None and blob.is_here and blob.kind == FULL and not blob.is_own
    # A second listing of the same photo finds it here.
    admit(store, OTHER.lists(2, listing("a")))
    assert wanted(store, THUMB, FULL) == []


def test_an_edit_and_a_withdrawal_take_names_away(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a", "b")))
    admit(store, OTHER.lists(1, listing("b"), revision=2, ts_ms=NOW_MS + 1))
    assert set(wanted(store, FULL)) == {digest("b")}
    assert store.blobs.of(digest("a")) is None
    admit(store, OTHER.withdraws(1, revision=3, ts_ms=NOW_MS + 2))
    assert wanted(store, FULL, THUMB) == []
    with store.write(durable=False):
        assert store.blobs.stale_wants() == 4


def test_what_nobody_had_is_asked_for_later_and_later(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a")))
    for misses in range(20):
        with store.write(durable=False):
            store.blobs.missed(digest("a"), NOW_MS)
        wait_ms = min(limits.BLOB_AGAIN_MS << min(misses, 10), limits.BLOB_AGAIN_MS_MAX)
        assert wanted(store, FULL, now_ms=NOW_MS + wait_ms - 1) == []
        assert wanted(store, FULL, now_ms=NOW_MS + wait_ms) == [digest("a")]
    with store.write(durable=False):
        store.blobs.want_again()
    assert wanted(store, FULL) == [digest("a")]


def test_a_file_that_is_gone_is_wanted_again_where_it_is_named(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a")))
    put(store, "a")
    put(store, "nobody's")
    with store.write(durable=False):
        store.blobs.gone(digest("a"))
        store.blobs.gone(digest("nobody's"))
    assert wanted(store, FULL) == [digest("a")]
    assert list(store.blobs.all()) == []


def test_room_is_made_by_what_was_looked_at_longest_ago_and_never_by_ones_own(
    store: Store,
) -> None:
    admit(store, OWN.lists(1, listing("mine")), OTHER.lists(1, listing("a", "b")))
    put(store, "mine", at_ms=1)
    put(store, "small a", THUMB, at_ms=2)
    for word in ("a", "b", "unnamed"):
        put(store, word)
    with store.write(durable=False):
        store.blobs.look([digest("a")], NOW_MS + 1)
    assert store.blobs.to_evict(0, NOW_MS) == []
    assert store.blobs.to_evict(1, NOW_MS) == [digest("unnamed")]
    assert store.blobs.to_evict(SIZE + 1, NOW_MS) == [digest("unnamed"), digest("b")]
    everything = store.blobs.to_evict(100 * SIZE, NOW_MS)
    assert everything == [digest(word) for word in ("unnamed", "b", "a", "small a")]


def test_what_no_listing_names_goes_after_a_day(store: Store) -> None:
    put(store, "unnamed")
    later_ms = NOW_MS + limits.BLOB_UNNAMED_MS
    assert store.blobs.to_evict(0, later_ms) == []
    assert store.blobs.to_evict(0, later_ms + 1) == [digest("unnamed")]


def test_the_view_is_made_anew_from_the_log(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a", "b")), OTHER.lists(2, "without"))
    assert store.check_views() == []
    store.reindex()
    assert set(wanted(store, FULL)) == {digest("a"), digest("b")}
    assert store.check_views() == []


def test_the_listing_brings_its_photos(store: Store) -> None:
    record = OTHER.lists(1, listing("a"))
    admit(store, record)
    [row] = [row for row in store.own_listings(OTHER.author)]
    assert row.listing.photos == (photo("a"),)


def test_what_is_held_is_counted_by_whose_listing_names_it(store: Store) -> None:
    admit(store, OTHER.lists(1, listing("a", "b")), OWN.lists(1, listing("b", "c")))
    for word in "abcd":  # nothing names d
        put(store, word)
    put(store, "small a", THUMB)
    held = store.blobs.held()
    assert held.own_bytes == 2 * SIZE
    assert held.byte_count == 2 * SIZE + THUMB_SIZE
    assert held.thumb_bytes == THUMB_SIZE
    assert held.by_author == {OTHER.author: SIZE + THUMB_SIZE}
    assert store.blobs.authors([digest("small b"), digest("a"), digest("x")]) == {
        digest("small b"): OWN.author
    }


def test_what_one_calls_a_thumbnail_and_another_a_photo_comes_along(store: Store) -> None:
    odd = Photo(digest("small a"), SIZE, 40, 30, digest("other"), THUMB_SIZE, bytes(48))
    admit(store, OTHER.lists(2, Listing("liar", created_ms=NOW_MS, photos=(odd,))))
    admit(store, OWN.lists(1, listing("a")))
    assert digest("small a") in wanted(store, THUMB)
