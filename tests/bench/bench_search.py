"""What a search costs: p50 and p99 over a market's listings, and the first one of a new process.

Run: python -m tests.bench.bench_search [--count N]. One line of JSON a case on stdout, a table on
stderr. "cold" is import, open and one search in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.bench.stock import stock
from tests.market_maker import NOW_MS

QUERIES = {
    "no words, newest": Query(),
    "two Korean words": Query("중고 자전거"),
    "one Korean character": Query("중"),
    "two kanji": Query("中古"),
    "a prefix": Query("gui"),
    "a frequent word": Query("tag"),
    "no such word": Query("zeppelin"),
    "a price range": Query(currency="KRW", min_price=100_000, max_price=150_000),
    "words in a price range": Query("자전거", currency="KRW", max_price=500_000),
    "cheapest first": Query(sort="price", currency="JPY"),
    "words, cheapest first": Query("tag", sort="price"),
    "category and place": Query(category="가전", place="성수"),
    "sold only (there is none)": Query(status=frozenset(("sold",))),
}
_COLD = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from jangteo.store.query import Query
from jangteo.store.store import Store
imported = time.perf_counter()
store = Store.open(Path(sys.argv[1]), read_only=True)
opened = time.perf_counter()
store.search(Query("중고 자전거"), int(sys.argv[2]))
done = time.perf_counter()
print(*(1000 * ms for ms in (imported - began, opened - imported, done - opened)))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    case: str
    p50_ms: float
    p99_ms: float
    rows: int


def cost(store: Store, case: str, query: Query, rounds: int) -> Cost:
    taken: list[float] = []
    rows = 0
    for _ in range(rounds):
        began = time.perf_counter()
        rows = len(store.search(query, NOW_MS).rows)
        taken.append(1000 * (time.perf_counter() - began))
    percentiles = quantiles(taken, n=100)
    return Cost(case, round(percentiles[49], 2), round(percentiles[98], 2), rows)


def cold_costs(path: Path, rounds: int) -> list[Cost]:
    runs: list[list[float]] = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _COLD, str(path), str(NOW_MS)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        runs.append([float(ms) for ms in done.stdout.split()])
    return [
        Cost(f"cold: {case}", round(sorted(taken)[len(taken) // 2], 2), round(max(taken), 2), 0)
        for case, taken in zip(("import", "open", "search"), zip(*runs, strict=True), strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jangteo.db"
        records = stock(asked.count)
        with Store.open(path) as store:
            for first in range(0, asked.count, 1000):
                with store.write(durable=False):
                    store.admit(records[first : first + 1000], NOW_MS)
        with Store.open(path, read_only=True) as store:
            costs = [cost(store, case, query, asked.rounds) for case, query in QUERIES.items()]
        costs += cold_costs(path, 5)
    for each in costs:
        print(json.dumps(asdict(each), ensure_ascii=False))
        print(f"{each.case:28} {each.p50_ms:>8} ms {each.p99_ms:>8} ms", file=sys.stderr)


if __name__ == "__main__":
    main()
