"""Scenarios of many seeds, each played whole: whatever happened, the same things hold at its end.

`./run sim` plays as many more as one likes. What failed once stands in failed.py for ever.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jangteo.node.declined import Declined, Guise
from jangteo.node.sync_schedule import SyncSchedule
from jangteo.node.sync_shared import SyncShared
from jangteo.protocol import limits
from jangteo.store.room import Room
from jangteo.store.share import Entry, Queues, ShareBook
from jangteo.store.store import Store

from .checks import failures
from .failed import FAILED
from .growth import measure, table
from .scenario import Block, Happening, Keep, Member, Mischief, Scenario, Sell, Weather, draw
from .sim import command, main
from .stage import play

ROOT = Path(__file__).resolve().parents[2]
COUNT = 100
GROUP = 10


def expect_well(scenario: Scenario) -> None:
    found = failures(play(scenario))
    if found:
        lines = [f"replay: {command(scenario.seed, None, None)}", *found]
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("first", range(0, COUNT, GROUP))
def test_every_seed_ends_even_and_at_rest(first: int) -> None:
    for seed in range(first, first + GROUP):
        expect_well(draw(seed))


@pytest.mark.parametrize("scenario", FAILED, ids=lambda scenario: f"seed {scenario.seed}")
def test_what_failed_once_is_well(scenario: Scenario) -> None:
    expect_well(scenario)


def test_a_seed_is_the_same_run_in_every_process() -> None:
    traces = [traces_of_process(hash_seed) for hash_seed in ("1", "2")]
    assert traces[0] == traces[1]
    assert len(set(traces[0])) == 3


def traces_of_process(hash_seed: str) -> list[str]:
    script = (
        "from tests.simulation.sim import run_seed\n"
        "for seed in (3, 5, 10): print(run_seed(seed, None, None).trace)"
    )
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, check=True
    )
    return done.stdout.decode().split()


# --- that the checks see --------------------------------------------------------------------------


def small(*happenings: Happening, seed: int = 1) -> Scenario:
    """Three honest members in a row, and two listings."""
    members = (Member("ann", ()), Member("bob", ("ann",)), Member("cho", ("bob",)))
    sales = (Sell(5.0, "ann", 1), Sell(6.0, "cho", 1))
    in_order = sorted((*sales, *happenings), key=lambda each: each.at_s)
    return Scenario(seed, members, tuple(in_order), 20.0)


def test_a_plain_scenario_is_well() -> None:
    assert failures(play(small())) == []


def test_who_hears_nothing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SyncSchedule, "want", lambda schedule, peer, now, within: None)
    deaf = small(Weather(0.0, 1.0, 0.0, (0.0, 0.0)))
    assert any("not even" in failure for failure in failures(play(deaf)))


def test_what_is_offered_for_ever_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Declined, "guise", lambda declined, peer, market, now_ms: Guise())
    found = failures(play(small(Block(2.0, "bob", "ann"))))
    assert any("no rest" in failure for failure in found)


def test_an_honest_peer_that_is_blamed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SYNC_SERVED_RECORDS_SLACK", -100)
    found = failures(play(small(Weather(0.0, 1.0, 0.0, (0.0, 0.0)), Sell(7.0, "ann", 60))))
    assert any("who is honest" in failure for failure in found)


def test_a_lost_listing_of_ones_own_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "current", lambda store, thread_key: None)
    assert any("has lost its own" in failure for failure in failures(play(small())))


def test_a_failure_that_a_node_survived_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(shared: SyncShared, *_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(SyncShared, "hello", fail)
    assert any("ZeroDivisionError" in failure for failure in failures(play(small())))


def test_bytes_out_of_proportion_are_seen() -> None:
    journal = play(small())
    journal.traffic["ann"].recon_bytes += 10**6
    assert any("bytes of reconciliation" in failure for failure in failures(journal))


def crowded(*happenings: Happening) -> Scenario:
    """Bob has little room, a contact with more than a fair part of it, and a flood at the door."""
    members = (
        Member("ann", ()),
        Member("bob", ("ann",), records_bytes_max=4_000),
        Member("eve", ("bob",), mischief=Mischief.FLOODER),
    )
    doings = (Keep(1.0, "bob", "ann"), Sell(5.0, "ann", 15), *happenings)
    return Scenario(1, members, doings, 90.0)


def test_a_flood_in_a_small_store_is_well() -> None:
    journal = play(crowded())
    assert failures(journal) == []
    assert len(journal.kept["bob"]) == 15


def test_a_contact_that_strangers_displace_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShareBook, "share_of", lambda book, author, bucket: bucket)
    monkeypatch.setattr(Queues, "_page", page_of_anyone)
    found = failures(play(crowded()))
    assert any("has let go of a contact's" in failure for failure in found)


def page_of_anyone(queues: Queues, market: str, share: int, after: bytes) -> list[Entry]:
    rows = queues._db.rows(
        "SELECT i.key, r.author, r.thread FROM item AS i JOIN record AS r ON r.rid = i.rid "
        "WHERE i.market = ? AND i.key > ? AND r.bucket = ? ORDER BY i.key",
        (market, after, share),
    )
    return [(key, (market, author, thread)) for key, author, thread in rows]


def test_a_store_over_its_bound_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "leavers_for", lambda room, record, held, share, batch: [])
    assert any("is over its bound" in failure for failure in failures(play(crowded())))


# --- that it tells --------------------------------------------------------------------------------


def test_a_failing_seed_is_told_with_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "SYNC_SERVED_RECORDS_SLACK", -100)
    assert main(["--first", "2", "--seeds", "1", "--nodes", "3"]) == 1
    assert "./run sim --seed 2 --nodes 3\n" in capsys.readouterr().out


def test_seeds_that_are_well_end_with_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--first", "1", "--seeds", "2"]) == 0
    assert capsys.readouterr().out.startswith("2 seeds, 0 failed; ")


def test_one_seed_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "1"]) == 0
    told = capsys.readouterr().out
    assert "Member(name='n0000'" in told
    assert "Heal(" in told


def test_growth_is_measured(tmp_path: Path) -> None:
    row, found = measure(10, 1)
    assert found == []
    assert row.nodes == 10
    assert 0 < row.median_s <= row.worst_s < 10
    assert row.gossip_bytes > 0
    assert list(table([row]))[-1].startswith("| 10 | ")
