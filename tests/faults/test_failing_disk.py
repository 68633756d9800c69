"""A disk that is full or fails, at every single write: it is told in one line, what was there stays
and is read on, and once there is room all goes on.

JANGTEO_FAULTS=all tries every write; without it every EVERYth.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.simulation import Neighbourhood
from jangteo.store import database
from jangteo.store.errors import StoreError, StoreFull
from jangteo.store.store import Store
from tests.faults.disk import Disk, Fault, What, disk_below
from tests.faults.store_in_use import digest
from tests.market_maker import NOW_MS, Seller

OWN = Seller.named("the owner")
STRANGER = Seller.named("a stranger")
FOR_EVER = 1_000_000
EVERY = 1 if os.environ.get("JANGTEO_FAULTS") == "all" else 7
FAULTS = {
    "full": Fault(0, "full", FOR_EVER),
    "full amid a write": Fault(0, "full", FOR_EVER, is_torn=True),
    "full for a moment": Fault(0, "full"),
    "failing": Fault(0, "fails", FOR_EVER),
    "failing once": Fault(0, "fails", is_torn=True),
}
TOLD = {"full": "no space left|disk failed", "fails": "disk failed|cannot be opened"}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stocked")
    with Store.open(folder / "a.db", own_author=OWN.author) as store:
        with store.write(durable=True):
            store.admit([OWN.lists(number, f"Lamp {number}") for number in range(5)], NOW_MS)
            store.admit([STRANGER.lists(number, f"Desk {number}") for number in range(20)], NOW_MS)
    return folder


@pytest.fixture
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the log is taken into the file every now and then."""
    monkeypatch.setattr(database, "WAL_PAGES_MAX", 8)


def steps() -> Iterator[tuple[bool, Callable[[Store], object]]]:
    """What a node does in a minute, each in a transaction: (whether durable, what)."""
    yield True, lambda store: store.admit([OWN.lists(10, "Chair")], NOW_MS)
    yield False, lambda store: store.admit([STRANGER.lists(30, "Book")], NOW_MS)
    yield True, lambda store: store.admit([OWN.lists(1, "Bright lamp", revision=2)], NOW_MS)
    yield False, lambda store: store.forget_expired(NOW_MS, 10)
    yield True, lambda store: store.admit([OWN.withdraws(2, revision=2)], NOW_MS)


def use(store: Store, disk: Disk, told: str) -> None:
    """Does each step; one that fails has changed nothing, and reading goes on meanwhile."""
    for is_durable, work in steps():
        before = digest(store)
        try:
            with store.write(durable=is_durable):
                work(store)
        except StoreError as error:
            assert disk.faults_met, error
            assert "\n" not in str(error)
            assert any(part in str(error) for part in told.split("|")), error
            assert digest(store) == before
            assert len(list(store.own_listings(OWN.author))) >= 4
            store.items("open").keys(0, 10)


def check_after(path: Path) -> None:
    """There is room again: what failed is done now, and all is sound."""
    with Store.open(path, own_author=OWN.author) as store:
        assert store.check_views() == []
        for is_durable, work in steps():
            with store.write(durable=is_durable):
                work(store)
        titles = {row.listing.title for row in store.own_listings(OWN.author)}
        assert titles == {"Lamp 0", "Bright lamp", "Lamp 3", "Lamp 4", "Chair"}
        assert store.check_views() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_at_every_write_of_a_store_in_use(
    name: str, stocked: Path, tmp_path: Path, small_log: None
) -> None:
    fault = FAULTS[name]
    tried = 0
    while True:
        path = tmp_path / str(tried) / "a.db"
        shutil.copytree(stocked, path.parent)
        with disk_below() as disk:
            disk.is_recording = False
            disk.fault = Fault(tried, fault.what, fault.count, fault.is_torn)
            # An error may come at the very opening, or not at all: of an own checkpoint.
            with suppress(StoreError), Store.open(path, own_author=OWN.author) as store:
                use(store, disk, TOLD[fault.what])
        check_after(path)
        shutil.rmtree(path.parent)
        if not disk.faults_met:
            break
        tried += EVERY
    print(f"{name}: {tried} writes")
    assert tried > 30


@pytest.mark.parametrize("name", FAULTS)
def test_at_every_write_of_a_first_start(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    tried = 0
    while True:
        path = tmp_path / str(tried) / "a.db"
        path.parent.mkdir()
        has_failed = False
        with disk_below() as disk:
            disk.is_recording = False
            disk.fault = Fault(tried, fault.what, fault.count, fault.is_torn)
            try:
                Store.open(path).close()
            except StoreError:
                has_failed = True
        if has_failed:
            assert not list(path.parent.glob(".*")), "what was not finished stays"
        with Store.open(path) as store:
            assert store.joined() == ["commons", "open"]
            assert store.check_views() == []
        if not disk.faults_met:
            break
        tried += EVERY
    print(f"{name}: {tried} writes")
    assert tried > 20


def test_a_full_disk_is_called_so_and_a_running_store_goes_on_once_there_is_room(
    stocked: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(stocked, tmp_path / "home") / "a.db"
    with disk_below() as disk, Store.open(path, own_author=OWN.author) as store:
        disk.fault = Fault(disk.changes, "full", FOR_EVER)
        for _ in range(3):
            with pytest.raises(StoreFull, match="free some"), store.write(durable=True):
                store.admit([OWN.lists(10, "Chair")], NOW_MS)
        with Store.open(path, own_author=OWN.author, read_only=True) as reader:
            assert len(list(reader.own_listings(OWN.author))) == 5
        disk.fault = None
        with store.write(durable=True):
            store.admit([OWN.lists(10, "Chair")], NOW_MS)
        assert len(list(store.own_listings(OWN.author))) == 6
        assert store.check_views() == []


def test_a_disk_that_failed_once_is_trusted_again_after_all_is_written_anew(
    stocked: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(stocked, tmp_path / "home") / "a.db"
    with disk_below() as disk, Store.open(path, own_author=OWN.author) as store:
        disk.fault = Fault(disk.changes, "fails", FOR_EVER)
        for _ in range(3):
            with pytest.raises(StoreError, match="disk failed"), store.write(durable=True):
                store.admit([OWN.lists(10, "Chair")], NOW_MS)
        disk.fault = None
        with store.write(durable=True):
            store.admit([OWN.lists(10, "Chair")], NOW_MS)
        assert store.check_views() == []
    # All of it stands in the file itself.
    path.with_name("a.db-wal").unlink(missing_ok=True)
    with Store.open(path) as store:
        assert store.check_views() == []


@pytest.mark.parametrize("what", ["full", "fails"])
@pytest.mark.trio
async def test_a_node_that_cannot_store_what_it_hears_has_it_once_it_can(
    what: What, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    with disk_below() as disk:
        disk.is_recording = False
        disk.where = str(tmp_path / "ann.db")
        async with place.node("ann") as ann, place.node("bob") as bob:
            await bob.sell_all([f"book {number}" for number in range(500)])
            own = await ann.sell("chair")
            disk.fault = Fault(disk.changes, what, FOR_EVER)
            await bob.transport.dial("/memory/ann/p2p/ann")
            await trio.sleep(60)
            for number in range(5):
                await bob.sell(f"lamp {number}")
            await trio.sleep(60)
            assert (await ann.summary())[0] == 1, "its own stays"
            assert "could not be stored" in ann.core.warnings["store"]
            with pytest.raises(StoreError):
                await ann.sell("desk")
            assert ann.core.penalties.points("bob", ann.now_ms()) == 0
            disk.fault = None
            await place.until_even(300)
            assert (await ann.summary())[0] == 506
            assert ann.store.has(own.id)
            assert ann.store.check_views() == []
            await bob.sell("mirror")
            await place.until_even(60)
            assert "store" not in ann.core.warnings
