"""Latency: how soon a listing that one node's owner sells is at the neighbour's, by gossip; and how
soon the seller hears that it is held there. Two real processes over libp2p on loopback.
"""

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.office import open_office
from jangteo.store.store import Store
from tests.bench import warehouse
from tests.bench.counted_node import node
from tests.bench.report import Report, parser, percentile

LOOK_S = 0.001


def measure(report: Report, folder: Path, sales: int) -> None:
    home = Home(folder / "a")
    with (
        node(folder / "a") as first,
        node(folder / "b", "--peer", first.address) as second,
        Store.open(Home(folder / "b").store_path, read_only=True) as store,
        open_office(home, read_config(home)) as office,
    ):
        second.wait_for(lambda event: event["event"] == "peer")
        arrivals, answers = [], []
        for number in range(sales):
            told = {"title": f"thing {number}", "price": "80 USD"}
            began = time.perf_counter()
            selling = threading.Thread(target=office.call, args=("sell", told))
            selling.start()
            while store.summary(warehouse.MARKET)[0] <= number:
                time.sleep(LOOK_S)  # what is measured is when it can be read, not when that is told
            arrivals.append(1000 * (time.perf_counter() - began))
            selling.join()
            answers.append(1000 * (time.perf_counter() - began))
        for case, taken in (("at the neighbour", arrivals), ("answered as held", answers)):
            report.add(
                "a listing sold",
                case,
                sales=sales,
                p50_ms=percentile(taken, 0.5),
                p99_ms=percentile(taken, 0.99),
            )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--sales", type=int, default=60)
    told = options.parse_args(words)
    report = Report("latency")
    with tempfile.TemporaryDirectory() as temporary:
        measure(report, Path(temporary), told.sales)
    report.close()


if __name__ == "__main__":
    main()
