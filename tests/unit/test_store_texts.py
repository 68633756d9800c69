"""Words that are added after the records: what has them when, and that it comes to the same."""

import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified, vouched
from jangteo.store.listing_view import words_of
from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

OWN, OTHER = Seller.named("own"), Seller.named("other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jangteo.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, own_author=OWN.author) as store:
        yield store


def admit(store: Store, *records: Verified, is_text_later: bool = True) -> None:
    with store.write(durable=False):
        store.admit(records, NOW_MS, is_text_later=is_text_later)


def with_words(record: Verified) -> Verified:
    """As another process has opened it."""
    assert record.listing is not None
    return vouched(record.raw, words_of(record.header, record.listing))


def index(store: Store, count: int = limits.TEXT_RECORDS_AT_ONCE) -> int:
    with store.write(durable=False):
        return store.index_texts(count)


def found(store: Store, text: str) -> set[bytes]:
    return {row.listing_id for row in store.search(Query(text, limit=1000), NOW_MS).rows}


def test_others_new_listings_are_shown_at_once_and_found_by_their_words_later(
    store: Store,
) -> None:
    record = OTHER.lists(1, "red bike")
    admit(store, record)
    assert store.listing(public_id(record)) is not None
    assert found(store, "") == {public_id(record)}
    assert (found(store, "bike"), store.fts_lag(), store.check_views()) == (set(), 1, [])
    assert index(store) == 0
    assert (found(store, "bike"), store.fts_lag()) == ({public_id(record)}, 0)
    assert store.check_views() == []


def test_one_s_own_listings_are_found_at_once(store: Store) -> None:
    admit(store, OTHER.lists(1, "red bike"), mine := OWN.lists(1, "blue bike"))
    assert found(store, "bike") == {public_id(mine)}
    index(store)
    assert len(found(store, "bike")) == 2
    assert store.check_views() == []


def test_words_that_are_made_already_are_added_at_once(store: Store) -> None:
    admit(store, with_words(OTHER.lists(1, "red bike")))
    assert (len(found(store, "bike")), store.fts_lag(), store.check_views()) == (1, 0, [])
    admit(store, OTHER.lists(2, "red bike"))
    admit(store, with_words(OTHER.lists(3, "red bike")), OTHER.withdraws(4))
    admit(store, with_words(OTHER.lists(3, "blue boat", revision=2)))
    assert len(found(store, "bike")) == 1
    assert len(found(store, "boat")) == 1
    index(store)
    assert (len(found(store, "bike")), store.fts_lag(), store.check_views()) == (2, 0, [])


def test_an_edit_is_found_by_its_new_words_alone_and_at_once(store: Store) -> None:
    admit(store, first := OTHER.lists(1, "red bike"))
    admit(store, OTHER.lists(1, "blue boat", revision=2))
    assert found(store, "boat") == {public_id(first)}
    index(store)
    assert (found(store, "bike"), found(store, "boat")) == (set(), {public_id(first)})
    admit(store, OTHER.lists(1, "green box", revision=3))
    assert (found(store, "boat"), found(store, "box")) == (set(), {public_id(first)})
    assert store.check_views() == []


def test_what_goes_before_its_words_came_leaves_nothing(store: Store) -> None:
    admit(store, OTHER.lists(1, "red bike"), OTHER.lists(2, "red bike"))
    admit(store, OTHER.withdraws(1, revision=2))
    with store.write(durable=False):
        store.block(OTHER.author)
    assert index(store) == 0
    assert (found(store, "bike"), store.check_views()) == (set(), [])


def test_words_are_added_by_parts_across_gaps(store: Store) -> None:
    admit(store, *(OTHER.lists(number, "red bike") for number in range(10)))
    admit(store, *(OTHER.withdraws(number, revision=2) for number in (3, 4, 5)))
    assert index(store, 4) == store.fts_lag() > 0
    assert store.check_views() == []
    while index(store, 4):
        assert store.check_views() == []
    assert len(found(store, "bike")) == 7


def test_the_next_who_writes_adds_what_an_end_left_out(path: Path) -> None:
    with Store.open(path, own_author=OWN.author) as store:
        admit(store, *(OTHER.lists(number, "red bike") for number in range(5)))
    with Store.open(path, read_only=True) as reader:
        assert (found(reader, "bike"), reader.fts_lag()) == (set(), 5)
    with Store.open(path, own_author=OTHER.author) as store:
        assert (len(found(store, "bike")), store.fts_lag()) == (5, 0)
        assert store.check_views() == []


def test_a_damaged_record_keeps_no_other_s_words_out(path: Path) -> None:
    with Store.open(path, own_author=OWN.author) as store:
        admit(store, *(OTHER.lists(number, "red bike") for number in range(5)))
    connection = apsw.Connection(str(path))
    connection.execute("DROP TRIGGER record_is_never_changed")
    connection.execute("UPDATE record SET raw = x'c0' WHERE rid = 3")
    connection.close()
    with Store.open(path, own_author=OWN.author) as store:
        assert store.fts_lag() == 0
        assert store.check_views()
        with store.write(durable=False):
            store.block(OTHER.author)


@pytest.mark.parametrize("seed", range(5))
def test_whenever_words_are_added_the_views_are_what_the_log_says(store: Store, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    sellers = [OWN, OTHER, Seller.named("third")]
    for _ in range(30):
        records = []
        for _ in range(dice.randrange(1, 12)):
            seller, number = dice.choice(sellers), dice.randrange(20)
            revision = dice.randrange(1, 6)
            kind = dice.random()
            if kind < 0.1:
                records.append(seller.withdraws(number, revision=revision))
            elif kind < 0.2:
                records.append(seller.is_called(f"name {number}", revision=revision))
            elif kind < 0.3:
                records.append(seller.publishes(63, number, {}, revision=revision))
            else:
                title = f"{dice.choice(['자전거', 'bike', 'boat'])} {dice.random()}"
                records.append(seller.lists(number, title, revision=revision))
        admit(store, *records, is_text_later=dice.random() < 0.7)
        if dice.random() < 0.4:
            index(store, dice.randrange(1, 30))
        if dice.random() < 0.05:
            with store.write(durable=False):
                store.block(OTHER.author)
                store.unblock(OTHER.author)
        assert store.check_views() == []
    while index(store):
        continue
    assert (store.fts_lag(), store.check_views()) == (0, [])
