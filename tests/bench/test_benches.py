"""Every bench runs, at sizes too small to say anything but that it does."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.home import Home
from jangteo.protocol.envelope import open_record
from jangteo.store.store import Store
from tests.bench import (
    __main__,
    bench_cold,
    bench_command,
    bench_gossip,
    bench_incremental,
    bench_ingest,
    bench_latency,
    bench_reconcile,
    bench_rest,
    bench_search,
    warehouse,
)
from tests.bench.counted_node import node
from tests.bench.goods import Goods

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
    assert names == set(__main__.SIZES) == set(TINY)


def test_the_same_seed_gives_the_same_goods_and_they_are_valid() -> None:
    goods = [record.raw for record in Goods(3).records(50)]
    assert goods == [record.raw for record in Goods(3).records(50)]
    assert len({open_record(raw).id for raw in goods}) == 50
