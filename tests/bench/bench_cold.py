"""Cold sync: one node's whole store to an empty one, two processes over libp2p on loopback.

Every signature is verified. The clock runs from the newcomer's dial until everything is on its
disk, in its set and in its listing views. Then, apart: how long full text lags behind.

Peers that are installed (`./run bench --peers`) do the same in the same run, with the same texts.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jangteo.node.home import Home
from jangteo.store.store import Store
from tests.bench import warehouse
from tests.bench.counted_node import CountedNode, node
from tests.bench.goods import MIXES, SELLERS, Goods, Mix
from tests.bench.peers import contest
from tests.bench.report import MIB, Report, median, parser


def transfer(giver: CountedNode, folder: Path, count: int, listings: int) -> dict[str, Any]:
    """One newcomer's cold sync, in an empty home in `folder`."""
    before = giver.usage()
    with node(folder, "--peer", giver.address) as taker:
        received = 0
        while received < count:
            event = taker.wait_for(lambda event: event["event"] == "sync")
            received += event["received"]
        warehouse.settle(folder)
        done_s = time.monotonic()
        used, given = taker.usage(), giver.usage()
        with Store.open(Home(folder).store_path, read_only=True) as store:
            lag = store.fts_lag()
            while store.fts_lag():
                time.sleep(0.01)  # another process's store: no event tells when its text is whole
            lag_s = time.monotonic() - done_s if lag else 0.0
            shown = store.counts(warehouse.now_ms()).listings_active
        if warehouse.summary(folder) != warehouse.summary(giver.home) or shown != listings:
            raise RuntimeError(f"{shown} of {listings} listings are shown after a cold sync")
    return {
        "took_s": done_s - used["dialled_s"],
        "taker_cpu_s": used["cpu_s"] - used["dialled_cpu_s"],
        "giver_cpu_s": given["cpu_s"] - before["cpu_s"],
        "taker_peak_mib": used["peak_mib"],
        "giver_peak_mib": given["peak_mib"],
        "wire_mib": (used["in_bytes"] + used["out_bytes"]) / MIB,
        "text_lag_s": lag_s,
    }


def measure(report: Report, shelf: Path, folder: Path, count: int, mix: Mix, runs: int) -> None:
    home = warehouse.clone(warehouse.shelved(shelf, count, mix), folder / "giver")
    with Store.open(Home(home).store_path, read_only=True) as store:
        listings = store.counts(warehouse.now_ms()).listings_active
        record_bytes = store.counts(warehouse.now_ms()).record_bytes / count
    with node(home) as giver:
        taken = [transfer(giver, folder / f"taker{run}", count, listings) for run in range(runs)]
    middle = {name: median([each[name] for each in taken]) for name in taken[0]}
    report.add(
        "cold sync",
        f"jangteo, {mix}",
        rivals=f"{count:,} {mix}",
        records=count,
        record_bytes=record_bytes,
        per_s=count / middle["took_s"],
        **middle,
    )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=50_000, help="records (default %(default)s)")
    options.add_argument("--mix", choices=list(MIXES), help="only this one")
    options.add_argument("--runs", type=int, default=3)
    warehouse.add_shelf(options)
    options.add_argument("--no-peers", action="store_true", help="measure no other programs")
    told = options.parse_args(words)
    report = Report("cold")
    for mix in [told.mix] if told.mix else list(MIXES):
        report.note(f"{mix}: {MIXES[mix]}; {SELLERS} authors")
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            measure(report, told.folder or folder / "shelf", folder, told.count, mix, told.runs)
    if not told.no_peers:
        contest.cold(report, Goods(now_ms=warehouse.now_ms()), told.count)
        report.ratios("cold sync", "per_s", "taker_cpu_s", "giver_cpu_s", "taker_peak_mib")
    report.close()


if __name__ == "__main__":
    main()
