"""Every bench runs, at sizes too small to say anything but that it does."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.home import Home
from jangteo.protocol.envelope import open_record
from jangteo.store.store import Store
from tests.bench import (
    __main__,
    bench_blobs,
    bench_cold,
    bench_command,
    bench_gossip,
    bench_incremental,
    bench_ingest,
    bench_latency,
    bench_reconcile,
    bench_rest,
    bench_search,
    goals,
    plot,
    results,
    warehouse,
)
from tests.bench.counted_node import node
from tests.bench.goods import Goods
from tests.bench.results import Chapter

Main = Callable[[Sequence[str]], None]
TINY: dict[str, tuple[Main, str]] = {
    "reconcile": (bench_reconcile.main, "--size 300"),
    "ingest": (bench_ingest.main, "--count 40 --sales 2 --rows 5 --no-peers"),
    "cold": (bench_cold.main, "--count 30 --runs 1 --mix mixed --no-peers"),
    "incremental": (bench_incremental.main, "--count 30 --runs 1 --new 3 --no-peers"),
    "gossip": (
        bench_gossip.main,
        "--kind transport --nodes 4 --rate 10 --seconds 0.5 --drain 0.5",
    ),
    "latency": (bench_latency.main, "--sales 1"),
    "search": (
        bench_search.main,
        "--count 60 --rounds 2 --processes 1 --arriving 50 --no-peers",
    ),
    "command": (bench_command.main, "--runs 1 --listings 10"),
    "rest": (bench_rest.main, "--count 20 --runs 1 --rest 0.1 --ingest 30"),
    "blobs": (bench_blobs.main, "--count 5 --runs 1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_bench_prints_a_case_of_each_of_its_tables(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_gossip, "SETTLE_S", 1.0)
    monkeypatch.setattr(bench_gossip, "IDLE_S", 0.1)
    main, words = TINY[name]
    main(words.split())
    printed = capfd.readouterr()
    lines: list[dict[str, Any]] = [json.loads(line) for line in printed.out.splitlines()]
    assert {line["bench"] for line in lines} == {name}
    tables = {line["table"] for line in lines if "table" in line}
    assert tables
    assert all(f"{name}: {table}\n" in printed.err for table in tables)


@pytest.mark.slow
def test_the_bytes_of_the_wire_are_counted_at_both_ends(tmp_path: Path) -> None:
    home = warehouse.make_home(tmp_path / "giver", 200, "mixed")
    with Store.open(Home(home).store_path, read_only=True) as store:
        bodies = store.counts(warehouse.now_ms()).record_bytes
    with node(home) as giver:
        with node(tmp_path / "taker", "--peer", giver.address) as taker:
            received = 0
            while received < 200:
                received += taker.wait_for(lambda event: event["event"] == "sync")["received"]
            used, given = taker.usage(), giver.usage()
    assert bodies < used["in_bytes"] < 2 * bodies
    assert bodies < given["out_bytes"] < 2 * bodies
    assert given["in_bytes"] > 500 < used["out_bytes"]  # questions, handshakes


@pytest.mark.parametrize("name", TINY)
def test_a_bench_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main, _ = TINY[name]
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert (main.__globals__["__doc__"] or "").split(".")[0] in capsys.readouterr().out


def test_every_bench_is_run_by_the_command_and_by_the_test() -> None:
    files = Path(bench_cold.__file__).parent.glob("bench_*.py")
    names = {path.stem.removeprefix("bench_") for path in files}
    assert names == set(__main__.SIZES) == set(__main__.FULL) == set(TINY)


def test_a_chapter_that_is_measured_again_leaves_the_others_and_their_dates(
    tmp_path: Path,
) -> None:
    path, order = tmp_path / "rows", ["one", "two"]
    row = {"bench": "cold", "table": "cold sync", "case": "jangteo, mixed"}
    for command, date in (("two", "May"), ("one", "May"), ("gone", "May"), ("one", "June")):
        chapter = Chapter(command, date, 1.0, "a machine", {"python": "3"}, [row | {"per_s": 1}])
        results.renew(chapter, order, path)
    found = results.read(path)
    assert [(each.command, each.date) for each in found.values()] == [
        ("one", "June"),
        ("two", "May"),
    ]
    results.write([*order, "three"], path, tmp_path / "text")
    text = (tmp_path / "text").read_text()
    assert "Not measured: `three`." in text
    assert "## one\n\nJune, 1 s.\n" in text and "## two\n\nMay, 1 s.\n" in text


def test_a_goal_is_reached_or_so_much_off_or_not_measured() -> None:
    def reached(rows: list[dict[str, Any]], name: str) -> str:
        (row,) = [row for row in goals.goals(rows) if row["goal"] == name]
        return str(row["reached"])

    cold = {"bench": "cold", "table": "cold sync", "case": "jangteo, mixed", "records": 50_000}
    floor = "cold sync 50,000 mixed, records/s: floor"
    assert reached([cold | {"per_s": 12_000}], floor) == "reached"
    assert reached([cold | {"per_s": 6_000}], floor) == "× 2.00 off"
    assert reached([cold | {"per_s": 12_000, "records": 20_000}], floor) == "not measured"
    alone = {"bench": "search", "table": "alone", "listings": 1_000_000}
    fast, slow = (alone | {"case": case, "p50_ms": ms} for case, ms in (("a make", 1), ("two", 10)))
    short = alone | {"case": "one character", "p50_ms": 99}
    assert reached([slow, fast, short], "search 1M, alone: worst kind's p50_ms") == "× 2.00 off"
    assert set(goals.BOUNDS) <= {goal.name for goal in goals.GOALS}


def test_a_peer_is_beside_ours_at_the_same_work_alone() -> None:
    row = {"bench": "cold", "table": "cold sync"}
    rows = [
        row | {"case": "jangteo, mixed", "rivals": "50,000 mixed", "per_s": 20},
        row | {"case": "jangteo, mixed", "rivals": "500,000 mixed", "per_s": 5},
        row | {"case": "hypercore 11", "rivals": "50,000 mixed", "per_s": 10},
        {"bench": "cold", "note": "ssb-db2: absent (./run bench --peers installs it)"},
    ]
    beside, absent = goals.peers_beside(rows)
    assert (beside["peer"], beside["ours / theirs"], beside["ahead"]) == ("hypercore 11", 2, "ours")
    assert absent["peer"].startswith("ssb-db2: absent")


def test_curves_grow_by_size_and_the_last_of_equals_counts() -> None:
    row = {"bench": "rest", "table": "start and rest"}
    rows = [row | {"records": count, "ready_s": s} for count, s in ((100, 3), (10, 9), (10, 1))]
    (ready, *_) = plot.panels(rows)["rest"]
    assert ready.lines == {"jangteo": [(10, 1), (100, 3)]}


def test_a_shelf_keeps_a_home_until_it_is_old(tmp_path: Path) -> None:
    first = warehouse.shelved(tmp_path, 3, "mixed")
    made = warehouse.summary(first)
    assert warehouse.summary(warehouse.shelved(tmp_path, 3, "mixed")) == made
    moved = warehouse.move(warehouse.clone(first, tmp_path / "copy"), tmp_path / "moved")
    assert warehouse.summary(moved) == made and not (tmp_path / "copy").exists()
    os.utime(first, (0, 0))
    assert warehouse.summary(warehouse.shelved(tmp_path, 3, "mixed"))[1] != made[1]
    assert {path.name for path in tmp_path.iterdir()} == {first.name, "moved", ".gitignore"}


def test_the_same_seed_gives_the_same_goods_and_they_are_valid() -> None:
    goods = [record.raw for record in Goods(3).records(50)]
    assert goods == [record.raw for record in Goods(3).records(50)]
    assert len({open_record(raw).id for raw in goods}) == 50
