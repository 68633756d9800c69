"""Opening, transactions, and the world's errors in words that say what to do."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from jangteo.protocol import limits
from jangteo.protocol.verdict import Admission
from jangteo.store import database
from jangteo.store.database import Database
from jangteo.store.errors import (
    CorruptStore,
    NewerSchema,
    StoreBusy,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
)
from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller
from tests.old_store import make_older

SELLER = Seller.named("a seller")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jangteo.db"


def fill(path: Path, count: int = 3) -> None:
    with Store.open(path) as store, store.write(durable=True):
        store.admit([SELLER.lists(number, f"Lamp {number}") for number in range(count)], NOW_MS)


def test_a_new_store_has_joined_open_and_commons(path: Path) -> None:
    with Store.open(path) as store:
        assert store.joined() == ["commons", "open"]
        assert store.check_views() == []


def test_what_was_committed_is_there_when_opened_again(path: Path) -> None:
    fill(path)
    with Store.open(path) as store:
        assert store.summary("open")[0] == 3


def test_a_missing_store_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(StoreMissing, match="jangteo init"):
        Store.open(path, read_only=True)
    assert not path.exists()


def test_a_newer_schema_is_refused_and_nothing_changes(path: Path) -> None:
    fill(path)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(NewerSchema, match="update Jangteo"):
            Store.open(path, read_only=read_only)
    assert path.read_bytes() == before


def test_newer_views_are_refused(path: Path) -> None:
    fill(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE tally SET view_version = 99")
    connection.close()
    with pytest.raises(NewerSchema, match="update Jangteo"):
        Store.open(path)


def test_a_higher_view_version_rebuilds_on_the_first_writing_open(path: Path) -> None:
    fill(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE tally SET view_version = 0")
    connection.execute("DELETE FROM listing")
    connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    connection.close()
    with pytest.raises(StoreReadOnly, match="jangteo reindex"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        assert len(store.search(Query("lamp"), NOW_MS).rows) == 3
        assert store.check_views() == []


def test_an_upgrade_tells_how_far_it_is(path: Path) -> None:
    fill(path, 1500)
    told: list[tuple[int, int]] = []
    Store.open(path, on_upgrade=lambda done, total: told.append((done, total))).close()
    assert told == []
    make_older(path)
    with Store.open(path, on_upgrade=lambda done, total: told.append((done, total))) as store:
        assert store.summary("open")[0] == 1500
    assert told == [(0, 1500), (1000, 1500), (1500, 1500)]


@pytest.mark.parametrize("least", [0, 1000, 1500])
def test_an_upgrade_that_is_killed_is_begun_again(path: Path, least: int) -> None:
    fill(path, 1500)
    make_older(path)
    upgrade = (
        "import os, signal, sys; from pathlib import Path; from jangteo.store.store import Store\n"
        f"def die(done, total): done >= {least} and os.kill(os.getpid(), signal.SIGKILL)\n"
        "Store.open(Path(sys.argv[1]), on_upgrade=die)"
    )
    ended = subprocess.run([sys.executable, "-c", upgrade, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    with pytest.raises(StoreReadOnly, match="jangteo reindex"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        assert len(store.search(Query("lamp", limit=1000), NOW_MS).rows) == 1000
        assert store.check_views() == []


def test_a_store_of_before_its_words_had_first_characters_is_brought_up_to_date(path: Path) -> None:
    fill(path)
    make_older(path)
    with pytest.raises(StoreReadOnly, match="jangteo reindex"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        assert len(store.search(Query("l"), NOW_MS).rows) == 3
        assert store.check_views() == []


def test_a_store_that_is_being_made_is_not_there_yet_for_readers(path: Path) -> None:
    Database.open(path).close()  # the schema stands, and nothing in it
    with pytest.raises(StoreMissing):
        Store.open(path, read_only=True)


def test_of_two_that_make_one_store_the_second_finds_it_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database.open(path).close()
    begin = Database.begin_write
    others: list[Store] = []

    def begin_late(self: Database, durable: bool) -> None:
        if not others:
            others.append(None)  # type: ignore[arg-type]
            others[0] = Store.open(path)
        begin(self, durable)

    monkeypatch.setattr(Database, "begin_write", begin_late)
    with Store.open(path) as store:
        assert store.joined() == ["commons", "open"]
        assert store.check_views() == []
    others[0].close()


def test_many_processes_may_open_a_fresh_home_at_once(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from jangteo.store.store import Store\n"
        "sys.stdin.read()\n"
        "Store.open(Path(sys.argv[1])).close()\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin
        process.stdin.close()
    assert [process.wait() for process in running] == [0] * 4
    with Store.open(path) as store:
        assert store.check_views() == []


class SyncedVFS(apsw.VFS):
    """The system's files, and which of them were synced."""

    def __init__(self) -> None:
        super().__init__("synced", "unix", makedefault=True)
        self.synced: list[str] = []

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        vfs, told = self, name.filename() if isinstance(name, apsw.URIFilename) else name

        class File(apsw.VFSFile):
            def xSync(self, flags: int) -> None:
                vfs.synced.append(str(told))
                super().xSync(flags)

        return File("unix", name, flags)


def test_what_was_held_already_is_on_the_disk_before_it_is_acknowledged(path: Path) -> None:
    vfs = SyncedVFS()
    try:
        with Store.open(path) as store:
            record = SELLER.lists(1, "Lamp")
            with store.write(durable=False):
                store.admit([record], NOW_MS)
            vfs.synced.clear()
            with store.write(durable=True):
                assert store.admit([record], NOW_MS) == [Admission.DUPLICATE]
            assert f"{path}-wal" in vfs.synced
            vfs.synced.clear()
            with store.write(durable=True):
                store.admit([record], NOW_MS)
            assert vfs.synced == []  # nothing is owed any more
        with Store.open(path) as store:  # what an earlier process left behind is owed too
            vfs.synced.clear()
            with store.write(durable=True):
                store.admit([record], NOW_MS)
            assert f"{path}-wal" in vfs.synced
    finally:
        vfs.unregister()


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CorruptStore, match="another program"):
        Store.open(path)
    assert path.read_bytes() == before


def test_an_empty_file_is_told_and_left_alone(path: Path) -> None:
    path.touch()
    for read_only in (False, True):
        with pytest.raises(CorruptStore, match=r"empty.+move it away"):
            Store.open(path, read_only=read_only)
    assert path.stat().st_size == 0


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.write_bytes(b"these are no pages of a database" * 1000)
    with pytest.raises(CorruptStore, match="jangteo restore"):
        Store.open(path)


def test_a_damaged_page_is_told(path: Path) -> None:
    fill(path, 500)
    data = bytearray(path.read_bytes())
    data[8192:-4096] = b"\x55" * (len(data) - 12288)
    path.write_bytes(data)
    with pytest.raises(CorruptStore, match="damaged"), Store.open(path) as store:
        list(store.iter_records())


def test_a_text_that_is_none_is_damage(path: Path) -> None:
    fill(path)
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO meta VALUES ('a', CAST(x'6180' AS TEXT))")
    connection.close()
    with Store.open(path) as store, pytest.raises(CorruptStore, match="jangteo restore"):
        store.meta("a")


def test_an_interrupted_first_start_leaves_nothing_that_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_MIGRATIONS", ("no_such_file.sql",))
    with pytest.raises(FileNotFoundError):
        Store.open(path)
    assert list(path.parent.iterdir()) == []
    monkeypatch.undo()
    with Store.open(path) as store:
        assert store.joined() == ["commons", "open"]


def test_a_full_disk_is_told_and_nothing_is_half_stored(path: Path) -> None:
    fill(path)
    with Store.open(path) as store:
        store._db.run("PRAGMA max_page_count = 60")
        records = [SELLER.lists(number, f"Desk {number}") for number in range(10, 2000)]
        with pytest.raises(StoreFull, match="free some"), store.write(durable=True):
            store.admit(records, NOW_MS)
        assert store.summary("open")[0] == 3
        assert store.check_views() == []
        store._db.run("PRAGMA max_page_count = 100000")
        with store.write(durable=True):
            store.admit(records, NOW_MS)
        assert store.check_views() == []


def test_a_reading_store_refuses_to_write(path: Path) -> None:
    fill(path)
    with Store.open(path, read_only=True) as store:
        with pytest.raises(StoreReadOnly), store.write(durable=True):
            pass
        with pytest.raises(RuntimeError, match="within write"):
            store.put_meta("a", "b")


def test_a_second_writer_is_told_to_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STORE_BUSY_MS_MAX", 1)
    with Store.open(path) as first, Store.open(path) as second:
        with first.write(durable=True):
            with pytest.raises(StoreBusy, match="another process"), second.write(durable=True):
                pass
        with second.write(durable=True):
            second.put_meta("a", "b")
        assert first.meta("a") == "b"


def test_an_exception_within_write_takes_everything_back(path: Path) -> None:
    with Store.open(path) as store:
        with store.write(durable=True):
            store.admit([SELLER.lists(1, "Lamp")], NOW_MS)
        before = store.summary("open"), store.counts(NOW_MS), store.joined()
        with pytest.raises(ZeroDivisionError), store.write(durable=True):
            store.admit([SELLER.lists(number, f"Lamp {number}") for number in range(300)], NOW_MS)
            store.join("bikes")
            store.put_meta("a", "b")
            assert store.summary("open")[0] == 300
            raise ZeroDivisionError
        assert (store.summary("open"), store.counts(NOW_MS), store.joined()) == before
        assert store.meta("a") is None
        assert store.items("open").count() == 1
        assert store.check_views() == []


def test_transactions_do_not_nest(path: Path) -> None:
    with Store.open(path) as store, store.write(durable=True):
        with pytest.raises(RuntimeError, match="open already"), store.write(durable=True):
            pass
        store.put_meta("still", "here")


def test_a_reader_in_another_process_sees_each_commit(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from jangteo.store.store import Store\n"
        "from jangteo.store.query import Query\n"
        "store = Store.open(Path(sys.argv[1]), read_only=True)\n"
        "for line in sys.stdin:\n"
        f"    rows = store.search(Query('lamp'), {NOW_MS}).rows\n"
        "    print(len(rows), store.summary('open')[0], flush=True)\n"
    )
    with Store.open(path) as store:
        with subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reader:
            assert reader.stdin and reader.stdout
            for number in range(1, 4):
                with store.write(durable=False):
                    store.admit([SELLER.lists(number, f"Lamp {number}")], NOW_MS)
                reader.stdin.write("look\n")
                reader.stdin.flush()
                assert reader.stdout.readline().split() == [str(number)] * 2
            reader.stdin.close()


def test_a_snapshot_stays_while_a_writer_goes_on(path: Path) -> None:
    fill(path)
    with Store.open(path) as writer, Store.open(path, read_only=True) as reader:
        with reader.snapshot():
            items = reader.items("open")
            before = items.keys(0, items.count())
            with writer.write(durable=False):
                writer.admit(
                    [SELLER.lists(number, f"Desk {number}") for number in range(10, 400)], NOW_MS
                )
            assert items.count() == len(before)
            assert items.keys(0, items.count()) == before
            assert reader.summary("open")[0] == 3
        assert items.count() == 393
        assert reader.summary("open") == writer.summary("open")


def test_a_reader_of_another_thread_is_not_held_up_by_a_writer(path: Path) -> None:
    fill(path)
    seen: list[int] = []

    def read() -> None:
        with Store.open(path, read_only=True) as reader:
            seen.append(reader.summary("open")[0])

    with Store.open(path) as writer, writer.write(durable=False):
        writer.admit([SELLER.lists(10, "Desk")], NOW_MS)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(timeout=30)
    assert seen == [3]


def test_a_closed_store_is_read_where_nothing_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    with Store.open(path, read_only=True) as store:
        assert len(store.search(Query("lamp"), NOW_MS).rows) == 3
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["jangteo.db"]


def test_reading_loads_neither_signatures_nor_what_only_writers_need(path: Path) -> None:
    fill(path)
    script = (
        "import sys; from pathlib import Path; from jangteo.store.store import Store\n"
        "from jangteo.store.query import Query\n"
        f"Store.open(Path(sys.argv[1]), read_only=True).search(Query('lamp'), {NOW_MS})\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('nacl', 'cryptography', 'trio', 'libp2p')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
