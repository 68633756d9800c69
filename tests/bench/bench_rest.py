"""Start and rest: how soon a node is ready, what it takes when nothing happens, bytes on disk; and
how late its event loop comes back while it takes in records and answers searches at once.

`lag` is the lateness of a task that sleeps for 5 ms, in a node that fetches everything from another
while its control API is asked for searches, one after the other.
"""

import http.client
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from jangteo.node.home import Home
from tests.bench import warehouse
from tests.bench.counted_node import node
from tests.bench.goods import MIXES
from tests.bench.report import Report, median, parser, percentile

WORDS = ("자전거", "camera", "中", "책상 상태", "the")


def start_and_rest(report: Report, store: Path, folder: Path, runs: int, rest_s: float) -> None:
    """Of a node on a copy of a home with a store."""
    home = warehouse.clone(store, folder / "home")
    count, _ = warehouse.summary(home)
    ready, rest_mib, idle, starting = [], [], [], []
    for _ in range(runs):
        with node(home) as started:
            ready.append(started.ready_s)
            starting.append(started.usage()["cpu_s"])
            time.sleep(rest_s / 2)  # what a start leaves to do is done by then
            before = started.usage()["cpu_s"]
            time.sleep(rest_s)  # the time that is measured
            used = started.usage()
            idle.append(100 * (used["cpu_s"] - before) / rest_s)
            rest_mib.append(used["rest_mib"] or used["peak_mib"])
    report.add(
        "start and rest",
        f"{count:,} records",
        records=count,
        ready_s=median(ready),
        start_cpu_s=median(starting),
        rest_mib=median(rest_mib),
        idle_percent_of_core=median(idle),
        disk_bytes_per_record=warehouse.disk_mib(home) * 2**20 / count,
    )
    shutil.rmtree(home)


@contextmanager
def searches(home: Path) -> Iterator[list[float]]:
    """Asks the node of `home` for one search after the other; gives how long each took, in ms."""
    face = json.loads((Home(home).path / "node.json").read_text())
    where = urlsplit(face["api"])
    taken: list[float] = []
    stop = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        headers = {"Authorization": f"Bearer {face['token']}", "Content-Type": "application/json"}
        while not stop.is_set():
            text = WORDS[len(taken) % len(WORDS)]
            began = time.perf_counter()
            connection.request("POST", "/v1/search", json.dumps({"text": text}), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(answer.read()[:200])
            answer.read()
            taken.append(1000 * (time.perf_counter() - began))
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def lag(report: Report, store: Path, folder: Path) -> None:
    """Of a node that takes in that store and is searched meanwhile."""
    giver_home = warehouse.clone(store, folder / "giver")
    count, _ = warehouse.summary(giver_home)
    with (
        node(giver_home) as giver,
        node(folder / "taker", "--peer", giver.address, with_probe=True) as taker,
    ):
        with searches(folder / "taker") as taken:
            received = 0
            while received < count:
                event = taker.wait_for(lambda event: event["event"] == "sync")
                received += event["received"]
            lags = taker.usage()["lags_ms"]
        report.add(
            "loop's lag",
            "ingest and search",
            p50_ms=percentile(lags, 0.5),
            p99_ms=percentile(lags, 0.99),
            worst_ms=max(lags),
            searches=len(taken),
            search_p50_ms=percentile(taken, 0.5) if taken else None,
            search_p99_ms=percentile(taken, 0.99) if taken else None,
        )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, nargs="+", default=[10_000], help="records at rest")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--rest", type=float, default=5.0, help="seconds of rest")
    options.add_argument("--ingest", type=int, default=20_000, help="records while lag is measured")
    options.add_argument("--mix", choices=list(MIXES), default="mixed", help="of those at rest")
    warehouse.add_shelf(options)
    told = options.parse_args(words)
    report = Report("rest")
    report.note(f"at rest: {told.mix}: {MIXES[told.mix]}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shelf = told.folder or folder / "shelf"
        for count in told.count:
            store = warehouse.shelved(shelf, count, told.mix)
            start_and_rest(report, store, folder, told.runs, told.rest)
        lag(report, warehouse.shelved(shelf, told.ingest, "mixed"), folder)
    report.close()


if __name__ == "__main__":
    main()
