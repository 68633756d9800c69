"""Incremental sync: 0, 1, 100 or 10,000 new records among many, two processes over libp2p.

The newcomer lacks the newest N and dials. `session_s` is the session that brings them (for 0: a
session that finds nothing), from its first frame to its last; `even_s` runs from the dial until
both hold the same on disk. `tcp` counts every byte of the connection in both directions up to then,
handshakes and gossip's subscriptions included; `sync` the session's frames alone.

Peers that are installed (`./run bench --peers`) do the same in the same run, with the same texts.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import warehouse
from tests.bench.counted_node import PATIENCE_S, CountedNode, node
from tests.bench.goods import MIXES, Goods, Mix
from tests.bench.peers import contest
from tests.bench.report import Report, median, parser

NEW: tuple[int, ...] = (0, 1, 100, 10_000)
SEED_OF_NEW = 3


def catch_up(giver: CountedNode, home: Path, new: int) -> dict[str, Any]:
    """What the node of `home` takes until it has the `new` records that the giver has beyond."""
    before = giver.usage()
    had = len(before["sessions"])
    with node(home, "--peer", giver.address) as taker:
        while True:
            used, given = taker.usage(), giver.usage()
            # Either side may have opened the session; a few records are pushed rather than asked.
            brought = [each for each in used["sessions"] if each["received"]]
            brought += [each for each in given["sessions"][had:] if each["sent"]]
            if not new:
                brought = [*used["sessions"], *given["sessions"][had:]]
            if brought and sum(each["received"] + each["sent"] for each in brought) >= new:
                break
            if time.monotonic() - (used["dialled_s"] or time.monotonic()) > PATIENCE_S:
                raise RuntimeError(f"{new} new records did not come")
            time.sleep(0.02)  # either side may have been the one to ask: no one event tells
        warehouse.settle(home)
        if warehouse.summary(home) != warehouse.summary(giver.home):
            raise RuntimeError("not the same store after an incremental sync")
        most = max(brought, key=lambda each: each["received"] + each["sent"])
        done_s = max(each["began_s"] + each["took_s"] for each in brought)
    return {
        "session_s": most["took_s"],
        "even_s": done_s - used["dialled_s"],
        "trips": most["trips"],
        "sync_in_bytes": most["sync_in"],
        "sync_out_bytes": most["sync_out"],
        "tcp_bytes": used["in_bytes"] + used["out_bytes"],
        "taker_cpu_s": used["cpu_s"] - used["dialled_cpu_s"],
        "giver_cpu_s": given["cpu_s"] - before["cpu_s"],
    }


def measure(
    report: Report, shelf: Path, folder: Path, count: int, mix: Mix, new: Sequence[int], runs: int
) -> None:
    """Two copies of one store, the giver's with more each time; for every run they move into new
    homes, so that the two nodes do not know each other."""
    base = warehouse.shelved(shelf, count, mix)
    given = warehouse.clone(base, folder / "giver")
    home = warehouse.clone(base, folder / "taker")
    goods = Goods(SEED_OF_NEW, now_ms=warehouse.now_ms())
    start = count
    for case in new:
        taken: list[dict[str, Any]] = []
        bodies: list[int] = []
        for run in range(runs):
            records = list(goods.newest(case, start=start))
            start += case
            bodies.append(sum(len(record.raw) for record in records))
            given = warehouse.move(given, folder / f"giver{case}.{run}")
            home = warehouse.move(home, folder / f"taker{case}.{run}")
            warehouse.add(given, records)
            with node(given) as giver:
                taken.append(catch_up(giver, home, case))
        middle = {name: median([each[name] for each in taken]) for name in taken[0]}
        report.add(
            "incremental sync",
            f"jangteo, {case:,} new of {count:,}",
            rivals=f"{case:,} new of {count:,}",
            new=case,
            of=count,
            **middle,
            beyond_bodies_bytes=middle["sync_in_bytes"] + middle["sync_out_bytes"] - median(bodies),
        )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=50_000, help="records held by both")
    options.add_argument("--new", type=int, nargs="+", default=NEW, help="how many are lacking")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--mix", choices=list(MIXES), default="mixed", help="of what both hold")
    warehouse.add_shelf(options)
    options.add_argument("--no-peers", action="store_true", help="measure no other programs")
    told = options.parse_args(words)
    report = Report("incremental")
    report.note(f"both hold {told.mix}: {MIXES[told.mix]}; what is new is mixed")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shelf = told.folder or folder / "shelf"
        measure(report, shelf, folder, told.count, told.mix, told.new, told.runs)
    if not told.no_peers:
        contest.incremental(report, Goods(now_ms=warehouse.now_ms()), told.count, told.new)
        report.ratios("incremental sync", "even_s", "tcp_bytes", "taker_cpu_s")
    report.close()


if __name__ == "__main__":
    main()
