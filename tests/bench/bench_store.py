"""What admitting costs the writer: new records and duplicates a second of CPU, without signatures.

Run: python -m tests.bench.bench_store [--count N] [--batch N] [--durable]. One line of JSON a case
on stdout, a table on stderr.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.protocol.envelope import Verified
from jangteo.protocol.verdict import Admission
from jangteo.store.store import Store
from tests.bench.stock import stock
from tests.market_maker import NOW_MS


@dataclass(frozen=True, slots=True)
class Rate:
    case: str
    records: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_second(self) -> int:
        return round(self.records / self.cpu_s)


def measured(case: str, records: int, work: Callable[[], None]) -> Rate:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Rate(case, records, time.process_time() - cpu, time.perf_counter() - wall)


def admit_all(store: Store, records: list[Verified], batch: int, durable: bool) -> None:
    for first in range(0, len(records), batch):
        with store.write(durable):
            outcomes = store.admit(records[first : first + batch], NOW_MS)
        if not set(outcomes) <= {Admission.NEW, Admission.DUPLICATE}:
            raise RuntimeError(f"a bench of admissions met {set(outcomes)}")


def rates(count: int, batch: int, durable: bool) -> list[Rate]:
    records = stock(count)
    some = records[: min(count, 1000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jangteo.db"
        with Store.open(path) as store:
            found = [
                measured(f"new, {batch} at once", count,
                         lambda: admit_all(store, records, batch, durable)),
                measured(f"duplicates, {batch} at once", count,
                         lambda: admit_all(store, records, batch, durable)),
                measured("known by id", count,
                         lambda: {store.has(record.id) for record in records} and None),
                measured("raws by 1024 ids", count,
                         lambda: [store.raws([r.id for r in records[at : at + 1024]])
                                  for at in range(0, count, 1024)] and None),
                measured("rebuild of all views", count, store.reindex),
            ]  # fmt: skip
        with Store.open(Path(folder) / "other.db") as store:
            found.append(
                measured(
                    "new, one at a time", len(some), lambda: admit_all(store, some, 1, durable)
                )
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--durable", action="store_true", help="synchronous=FULL")
    asked = parser.parse_args()
    for rate in rates(asked.count, asked.batch, asked.durable):
        print(json.dumps(asdict(rate) | {"per_cpu_second": rate.per_cpu_second}))
        print(f"{rate.case:28} {rate.per_cpu_second:>9,} a CPU second", file=sys.stderr)


if __name__ == "__main__":
    main()
