"""The log is append-only, held by the schema itself."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jangteo.protocol.verdict import Admission
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller

SELLER = Seller.named("a seller")
RECORD = SELLER.lists(1, "A bicycle")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jangteo.db") as store:
        with store.write(durable=True):
            assert store.admit([RECORD], NOW_MS) == [Admission.NEW]
        yield store


def raw_connection(store: Store, tmp_path: Path) -> apsw.Connection:
    """Another program's, that knows nothing of our pragmas."""
    return apsw.Connection(str(tmp_path / "jangteo.db"))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE record SET raw = x'00'",
        "UPDATE record SET ts_ms = ts_ms",
        "UPDATE record SET bucket = 7",
        "UPDATE OR REPLACE record SET rid = 7",
        "DELETE FROM record",
        "INSERT OR REPLACE INTO record SELECT * FROM record",
        "REPLACE INTO record SELECT rid, arrival, x'01', kind, author, market, thread, revision, "
        "is_delete, ts_ms, expires_ms, raw, bucket FROM record",
        "INSERT OR REPLACE INTO record SELECT 9, arrival, id, kind, author, market, thread, "
        "revision, is_delete, ts_ms, expires_ms, raw, bucket FROM record",
        "INSERT INTO record SELECT * FROM record WHERE true "
        "ON CONFLICT (id) DO UPDATE SET raw = x'00'",
    ],
)
def test_no_statement_changes_or_removes_a_record(store: Store, tmp_path: Path, sql: str) -> None:
    connection = raw_connection(store, tmp_path)
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        connection.execute(sql)
    connection.close()
    assert store.raws([RECORD.id]) == [RECORD.raw]


def test_the_gate_opens_for_the_named_record_only(store: Store, tmp_path: Path) -> None:
    other = SELLER.lists(2, "A lamp")
    with store.write(durable=True):
        store.admit([other], NOW_MS)
    connection = raw_connection(store, tmp_path)
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        with connection:
            connection.execute("INSERT INTO forgetting VALUES (1)")
            connection.execute("DELETE FROM record WHERE rid = 1")
            connection.execute("DELETE FROM record WHERE rid = 2")
    connection.close()
    assert store.known([RECORD.id, other.id]) == {RECORD.id, other.id}


def test_an_rid_names_one_record_for_ever(store: Store) -> None:
    latest = SELLER.lists(2, "A lamp")
    with store.write(durable=True):
        store.admit([latest], NOW_MS)
        store.admit([SELLER.withdraws(2, revision=2)], NOW_MS)
        assert store.last_arrival() == 3
        store.forget_expired(NOW_MS + 1000 * 86_400_000, 100)
        assert store.last_arrival() == 3
        store.admit([SELLER.lists(3, "A desk")], NOW_MS)
    assert [rid for rid, _ in store.iter_records()] == [4]


def test_a_damaged_trigger_is_told(store: Store, tmp_path: Path) -> None:
    connection = raw_connection(store, tmp_path)
    connection.execute("DROP TRIGGER record_is_never_changed")
    connection.close()
    assert any("triggers" in problem for problem in store.check_views())


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE record SET author = zeroblob(32)", "another than was signed"),
        ("UPDATE record SET revision = 99", "another than was signed"),
        ("UPDATE record SET is_delete = 1", "another than was signed"),
        ("UPDATE record SET ts_ms = ts_ms + 1", "another than was signed"),
        ("UPDATE record SET expires_ms = expires_ms + 1", "another than was signed"),
        ("UPDATE record SET market = 'bikes'", "another than was signed"),
        ("UPDATE record SET raw = x'c0'", "is damaged"),
        ("UPDATE record SET arrival = 7", "not the first"),
        ("UPDATE record SET arrival = 1", "not the first"),
        ("UPDATE tally SET rid_last = 1", "after the last arrival"),
        ("INSERT INTO forgetting VALUES (2)", "gate"),
    ],
)
def test_a_row_that_is_not_what_was_signed_is_told(
    store: Store, tmp_path: Path, damage: str, told: str
) -> None:
    with store.write(durable=True):
        store.admit([SELLER.lists(2, "A lamp")], NOW_MS)
    connection = raw_connection(store, tmp_path)
    name, sql = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE name = 'record_is_never_changed'"
    ).fetchall()[0]
    connection.execute(f"DROP TRIGGER {name}")
    connection.execute(f"{damage} {'WHERE rid = 2' if 'record' in damage else ''}")
    connection.execute(sql)
    connection.close()
    assert any(told in problem for problem in store.check_views())


def test_the_log_is_read_in_order_of_arrival(store: Store) -> None:
    records = [SELLER.lists(number, f"A book, volume {number}") for number in range(2, 1502)]
    with store.write(durable=False):
        store.admit(records, NOW_MS)
    assert list(store.iter_records()) == list(enumerate([r.raw for r in [RECORD, *records]], 1))


def test_raws_come_in_the_order_asked_and_skip_what_is_not_here(store: Store) -> None:
    other = SELLER.lists(2, "A lamp")
    with store.write(durable=True):
        store.admit([other], NOW_MS)
    assert store.raws([other.id, bytes(32), RECORD.id]) == [other.raw, RECORD.raw]
    assert store.has(RECORD.id)
    assert not store.has(bytes(32))
