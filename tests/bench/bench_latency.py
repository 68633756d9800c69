"""Latency: how soon a listing that one node's owner sells is at the neighbour's, by gossip, and how
soon the seller hears that it is held there; the same of a message, sealed, opened and to be read.
Two real processes over libp2p on loopback.
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
PAUSE_S = 0.3


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


def measure_talk(report: Report, folder: Path, messages: int) -> None:
    """As `measure`; a pause between two, for nobody types faster."""
    homes = [Home(folder / name) for name in ("c", "d")]
    with (
        node(folder / "c") as first,
        node(folder / "d", "--peer", first.address) as second,
        Store.open(homes[1].store_path, read_only=True) as store,
        open_office(homes[0], read_config(homes[0])) as office,
    ):
        second.wait_for(lambda event: event["event"] == "peer")
        other = homes[1].author()
        assert other is not None
        while not _can_seal(homes[0], other):
            time.sleep(PAUSE_S)  # no event tells that a key has come
        arrivals, answers = [], []
        for number in range(messages):
            began = time.perf_counter()
            told = {"to": other.hex(), "text": f"message {number}"}
            sending = threading.Thread(target=office.call, args=("send", told))
            sending.start()
            while store.rooms.unread() <= number:
                time.sleep(LOOK_S)  # as above: when it can be read
            arrivals.append(1000 * (time.perf_counter() - began))
            sending.join()
            answers.append(1000 * (time.perf_counter() - began))
            time.sleep(PAUSE_S)  # nobody types faster
        for case, taken in (("readable", arrivals), ("answered as stored", answers)):
            report.add(
                "a message sent",
                case,
                sales=messages,
                p50_ms=percentile(taken, 0.5),
                p99_ms=percentile(taken, 0.99),
            )


def _can_seal(home: Home, person: bytes) -> bool:
    """Whether their box key has come."""
    with Store.open(home.store_path, read_only=True) as store:
        return store.box_key(person) is not None


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--sales", type=int, default=60)
    told = options.parse_args(words)
    report = Report("latency")
    with tempfile.TemporaryDirectory() as temporary:
        measure(report, Path(temporary), told.sales)
        measure_talk(report, Path(temporary), told.sales)
    report.close()


if __name__ == "__main__":
    main()
