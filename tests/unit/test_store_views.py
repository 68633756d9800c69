"""Views are made of the log alone: `reindex` makes them, `check_views` says where they differ."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jangteo.protocol import limits
from jangteo.protocol.item_set import ListItemSet
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from jangteo.protocol.reconcile import Reconciliation
from jangteo.store.errors import CorruptStore
from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

SELLERS = [Seller.named(name) for name in ("a", "b", "c")]
OWN = SELLERS[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "jangteo.db"
    with Store.open(path, own_author=OWN.author) as store, store.write(durable=True):
        store.join("bikes")
        for seller in SELLERS:
            store.admit([seller.is_called("철수")], NOW_MS)
            store.admit(
                [
                    seller.lists(
                        number,
                        Listing(f"중고 자전거 {number}", price=Price(number, "KRW")),
                        market=market,
                        ts_ms=NOW_MS - number * limits.DAY_MS // 4,
                    )
                    for number in range(200)
                    for market in ("open", "bikes")
                ],
                NOW_MS,
            )
            store.admit([seller.lists(5, "고침", revision=2)], NOW_MS)
            store.admit([seller.withdraws(6, revision=2)], NOW_MS)
            about = public_id(seller.lists(7, "x"))
            asked = [SELLERS[0].asks(300 + number, about, "얼마?") for number in range(3)]
            store.admit(asked, NOW_MS)
            store.admit([seller.answers(310, asked[0], "공짜")], NOW_MS)
        store.forget_expired(NOW_MS + 50 * limits.DAY_MS, 10_000)
        store.leave("bikes")
    return path


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, own_author=OWN.author) as store:
        yield store


def everything(store: Store) -> object:
    later_ms = NOW_MS + 50 * limits.DAY_MS
    return (
        store.summary("open"),
        store.summary("bikes"),
        store.counts(later_ms),
        store.search(Query("자전거", limit=1000), later_ms),
        [store.revisions(row.listing_id) for row in store.iter_listings(later_ms)],
    )


def test_views_of_a_worked_with_store_are_what_the_log_says(store: Store) -> None:
    assert store.check_views() == []
    assert store.fts_lag() == 0


def test_reindex_makes_the_same_again(store: Store) -> None:
    before = everything(store)
    store.reindex()
    assert everything(store) == before
    assert store.check_views() == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM listing WHERE arrival % 50 = 0", "listing: "),
        ("UPDATE listing SET status = 'sold' WHERE arrival = 4", "listing: "),
        ("UPDATE thread SET revision = 9 WHERE is_delete = 1", "thread: "),
        ("DELETE FROM item WHERE rid % 7 = 0", "item: "),
        ("UPDATE chunk SET n = n + 1", "chunk "),
        ("UPDATE chunk SET sum = zeroblob(256)", "chunk "),
        ("DELETE FROM chunk WHERE lo = x''", "chunks of open"),
        ("UPDATE profile SET name = 'Somebody'", "profile: "),
        ("DELETE FROM remark WHERE arrival % 2 = 0", "remark: "),
        ("UPDATE remark SET author = zeroblob(32)", "remark: "),
        ("DELETE FROM withdrawal", "withdrawal: "),
        ("DELETE FROM history", "history: "),
        ("DELETE FROM words WHERE rowid = 2", "words: "),
        ("INSERT INTO words (rowid, title) VALUES (99999, 'bike')", "words: "),
        ("UPDATE tally SET record_bytes = 0", "tally: "),
    ],
)
def test_damage_to_a_view_is_told_in_words_and_mended(path: Path, damage: str, told: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(damage)
    connection.close()
    with Store.open(path, own_author=OWN.author) as store:
        problems = store.check_views()
        assert any(problem.startswith(told) for problem in problems), problems
        store.reindex()
        assert store.check_views() == []


def test_views_can_be_checked_while_reading_only(path: Path) -> None:
    with Store.open(path, read_only=True) as store:
        assert store.check_views() == []


def test_a_damaged_record_stops_a_rebuild_and_changes_nothing(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("DROP TRIGGER record_is_never_changed")
    connection.execute("UPDATE record SET raw = x'c0' WHERE rid = 3")
    connection.close()
    with Store.open(path, own_author=OWN.author) as store:
        before = store.summary("open")
        with pytest.raises(CorruptStore, match="jangteo verify"):
            store.reindex()
        assert store.summary("open") == before


def test_the_item_set_answers_as_one_in_memory(store: Store) -> None:
    stored = store.items("open")
    keys = stored.keys(0, stored.count())
    plain = ListItemSet(keys)
    assert stored.count() == plain.count() == len(keys)
    probes = [b"", *keys[::17], *(key[:12] for key in keys[::19]), b"\xff" * 40]
    for probe in probes:
        assert stored.find(probe) == plain.find(probe)
    for begin in range(0, len(keys), 23):
        for end in (begin, begin + 1, begin + 64, begin + 65, begin + 200, len(keys)):
            end = max(begin, min(end, len(keys)))
            assert stored.keys(begin, end) == plain.keys(begin, end)
            assert stored.fingerprint_sum(begin, end) == plain.fingerprint_sum(begin, end)


def test_chunks_stay_within_their_bound_as_items_come_and_go(tmp_path: Path) -> None:
    seller = SELLERS[1]
    with Store.open(tmp_path / "other.db") as store:
        for first in range(0, 600, 50):
            with store.write(durable=False):
                store.admit(
                    [
                        seller.lists(number, "Lamp", ts_ms=NOW_MS - (number * 37 % 600) * 1000)
                        for number in range(first, first + 50)
                    ],
                    NOW_MS,
                )
            counts = [row[0] for row in store._db.rows("SELECT n FROM chunk")]
            assert max(counts) <= limits.ITEM_CHUNK_KEYS_MAX
        assert store.check_views() == []
        with store.write(durable=False):
            for number in range(590):
                store.admit([seller.withdraws(number, revision=2, ts_ms=NOW_MS)], NOW_MS)
        assert store.check_views() == []
        with store.write(durable=False):
            store.forget_expired(NOW_MS + limits.LIFETIME_SHORT_MS, 10_000)
        # What is left stands in few runs: short neighbours were joined.
        assert store._db.value("SELECT count(*) FROM chunk") <= 590 // 32
        assert store.check_views() == []
        with store.write(durable=False):
            store.block(seller.author)
        assert store.items("open").count() == 0
        assert store.summary("open") == (0, store.summary("bikes")[1])


def test_two_stores_reconcile_over_their_item_sets(tmp_path: Path, store: Store) -> None:
    records = [SELLERS[1].lists(1000 + number, "Lamp") for number in range(300)]
    with Store.open(tmp_path / "other.db") as other:
        with store.write(durable=False):
            store.admit(records[:250], NOW_MS)
        with other.write(durable=False):
            other.admit(records[200:], NOW_MS)
        asks, answers = (
            Reconciliation(
                each.items("open"), lift_bits=2048, frame_bytes_max=16_384, initiator=is_first
            )
            for each, is_first in ((store, True), (other, False))
        )
        message: bytes | None = asks.initiate()
        need: list[bytes] = []
        while message is not None:
            reply = answers.handle(message).reply
            assert reply is not None
            step = asks.handle(reply)
            need += step.need
            message = step.reply
        assert set(need) == {record.id for record in records[250:]}


def test_a_range_is_read_by_pages_of_bytes_and_records(store: Store) -> None:
    stored = store.items("open")
    keys = stored.keys(0, stored.count())
    whole = store.raws([key[8:] for key in keys])
    for bytes_max, count_max in ((1, 10), (1500, 1000), (10**6, 7), (10**6, 10**6)):
        after: bytes | None = b""
        got: list[bytes] = []
        while after is not None:
            page, after = store.range_raws("open", after, bytes_max, count_max)
            assert len(page) <= count_max
            assert len(page) == 1 or sum(map(len, page)) <= bytes_max
            got += page
        assert got == whole
    assert store.range_raws("no-such-market", b"", 1000, 10) == ([], None)


def test_a_listing_is_named_the_same_by_all_its_revisions(store: Store) -> None:
    first = OWN.lists(5, "고침", revision=2)
    assert len(store.revisions(public_id(first))) == 2
    assert store.revisions(bytes(32)) == []
    current = store.current(first.header.thread_key)
    assert current is not None and current.raw == first.raw and current.body == first.body
    assert store.current(("open", bytes(32), bytes(16))) is None
