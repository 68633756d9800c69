"""Some kills under each load; `python tests/faults/kills.py --rounds 1000` makes more of them.

As a process of its own: it forks, and this one has threads.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).with_name("kills.py")


@pytest.mark.slow
@pytest.mark.parametrize("load", ["import", "sell", "sync"])
def test_nothing_that_was_acknowledged_is_lost(load: str) -> None:
    rounds = os.environ.get("JANGTEO_KILLS", "4")
    done = subprocess.run(
        [sys.executable, str(KILLS), "--rounds", rounds, "--load", load, "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none lost" in done.stdout


def test_what_is_lost_is_found_out(tmp_path: Path) -> None:
    from tests.faults import kills
    from tests.faults.kills import Lost
    from tests.market_maker import NOW_MS, Seller

    load = kills.ImportLoad(tmp_path, random.Random(0), kills.Tally())  # noqa: S311
    seller = Seller.named("the owner")
    record = seller.lists(1, "row 1")
    load.home.make()
    load.home.author_path.write_text(seller.author.hex())
    with kills.Store.open(load.home.store_path, own_author=seller.author) as store:
        with store.write(durable=True):
            store.admit([record], NOW_MS)
        load.verify()
        load.acknowledged = {"00" * 32: "1000"}
        with pytest.raises(Lost, match="gone"):
            load.check()
        store._db.run("DELETE FROM listing")
    with pytest.raises(Lost, match="verify"):
        load.verify()
