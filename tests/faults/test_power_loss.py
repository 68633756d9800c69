"""A few hundred power cuts; `python tests/faults/power_loss.py --images 10000` makes more of them.

Before the store is believed, its judge is: less than FULL loses what was acknowledged, and no sync
at all damages the file, and both are found.
"""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from jangteo.store.errors import StoreError
from jangteo.store.store import Store
from tests.faults import power_loss
from tests.faults.disk import Fault, SyncFailed, disk_below
from tests.faults.power_cut import Manner, Platter
from tests.market_maker import NOW_MS, Seller

SEED = 100
OWN = Seller.named("the owner")
NOTHING_UNSYNCED = Manner(512, 0.0, is_ordered=True, has_garbage=False, has_shm=False)


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_any_power_cut() -> None:
    tally = power_loss.run(240, SEED, per_trace=60)
    assert tally.found == {}, tally.examples
    assert tally.own_checked > 1_000
    assert tally.tails_lost > 5, "cuts that lose nothing at all prove nothing"


@pytest.mark.parametrize(
    ("synchronous", "found"), [("NORMAL", {"lost"}), ("OFF", {"lost", "damaged"})]
)
def test_a_store_that_syncs_less_is_found_out(synchronous: str, found: set[str]) -> None:
    tally = power_loss.run(60, SEED, synchronous=synchronous, commits=30)
    assert found <= set(tally.found)


def test_a_sync_that_failed_takes_nothing_with_it_that_is_acknowledged_later(
    tmp_path: Path,
) -> None:
    """Linux drops what it could not write, and the next sync reports success without it."""
    syncs_failed = 0
    for number in range(1000):
        folder = tmp_path / str(number)
        folder.mkdir()
        platter, faults_met, has_failed_to_sync = _cut_after_a_fault(folder / "a.db", number)
        if not faults_met:
            break
        syncs_failed += has_failed_to_sync
        image = folder / "image"
        image.mkdir()
        platter.write_image(image, NOTHING_UNSYNCED, random.Random(0))  # noqa: S311
        with Store.open(image / "a.db", own_author=OWN.author) as store:
            titles = {row.listing.title for row in store.own_listings(OWN.author)}
            assert "Chair" in titles, f"fault {number}"
            assert store.check_views() == []
    assert syncs_failed


def _cut_after_a_fault(path: Path, number: int) -> tuple[Platter, int, bool]:
    """One change fails, the `number`th of a commit; the next commit is acknowledged, and the power
    goes at once."""
    with disk_below() as disk, Store.open(path, own_author=OWN.author) as store:
        with store.write(durable=False):
            store.admit([Seller.named("a stranger").lists(1, "Lamp")], NOW_MS)
        disk.fault = Fault(disk.changes + number, "fails")
        with suppress(StoreError), store.write(durable=True):
            store.admit([OWN.lists(1, "Desk")], NOW_MS)
        disk.fault = None
        with store.write(durable=True):
            store.admit([OWN.lists(2, "Chair")], NOW_MS)
        platter = Platter()
        platter.apply(disk.ops)
        return platter, disk.faults_met, any(isinstance(op, SyncFailed) for op in disk.ops)
