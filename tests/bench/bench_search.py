"""Search: p50 and p99 for the kinds of query that people type, over made-up listings.

Alone, then while records arrive at `--arriving` a second (as a node's writer does beside a
reader), then as a whole process (`jangteo search`). Words of each kind are drawn from the
listings' own vocabulary, common and rare ones, so that no single query decides.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from jangteo.node.home import Home
from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.bench import warehouse
from tests.bench.goods import Goods
from tests.bench.peers import contest
from tests.bench.report import OURS, Report, median, parser, percentile
from tests.bench.tongues import BRAND_WORDS, TONGUES

HUNDREDTH: Final = 99
KO, JA, EN = TONGUES


def spread(words: Sequence[str], count: int = 8) -> list[str]:
    """Some from the commonest to the rarest."""
    return [words[at * (len(words) - 1) // (count - 1)] for at in range(count)]


def pairs(words: Sequence[str]) -> list[str]:
    return [f"{one} {other}" for one, other in zip(words, reversed(words), strict=True)]


def kinds() -> dict[str, list[Query]]:
    """The kinds of query and some of each."""
    english, korean, japanese = spread(EN.words), spread(KO.things), spread(JA.things)
    two_ko = spread([word[:2] for word in KO.things if len(word) >= 2])
    two_ja = spread([word[:2] for word in JA.things if len(word) >= 2])
    texts = {
        "one word, English": english,
        "one word, Korean": korean,
        "one word, Japanese": japanese,
        "two characters, Korean": two_ko,
        "two characters, Japanese": two_ja,
        "one character": ["자", "책", "本", "机", "中", "は"],
        "prefix of a word": ["b", "bi", "ca", "the", "sol", "자전", "カメ"],
        "two words": [*pairs(english), *pairs(korean)],
        "a make": spread(BRAND_WORDS),
        "found nowhere": ["zzyzx", "뷁뷁", "qqqq qqqq"],
    }
    found = {name: [Query(text) for text in told] for name, told in texts.items()}
    filters = [
        {"currency": "KRW", "max_price": 500_000},
        {"condition": "good"},
        {"place": "성수동"},
        {"category": "가전"},
        {"side": "want"},
    ]
    found["everything, newest"] = [Query()]
    found["filter alone"] = [Query(**each) for each in filters]  # type: ignore[arg-type]
    found["word and filter"] = [
        Query(text, **each)  # type: ignore[arg-type]
        for text in korean[:4]
        for each in filters
    ]
    found["word, three filters"] = [
        Query(text, currency="KRW", max_price=900_000, condition="good", place="성수동")
        for text in korean
    ]
    words = [*english, *korean, *japanese]
    found["word, newest"] = [Query(text, sort="newest") for text in words]
    found["word, by price"] = [Query(text, sort="price") for text in words]
    found["everything, by price"] = [Query(sort="price", currency="JPY"), Query(sort="price")]
    found["sold only"] = [Query(status=frozenset(("sold",)))]
    return found


def measure(
    report: Report, table: str, store: Store, queries: dict[str, list[Query]], rounds: int
) -> dict[str, list[float]]:
    """How long each search of each kind took."""
    at_ms = warehouse.now_ms()
    everything: dict[str, list[float]] = {}
    for name, some in queries.items():
        taken: list[float] = []
        spent: list[float] = []
        rows = 0
        for query in islice(cycle(some), rounds):
            began, cpu = time.perf_counter(), time.thread_time()
            rows += len(store.search(query, at_ms).rows)
            spent.append(1000 * (time.thread_time() - cpu))
            taken.append(1000 * (time.perf_counter() - began))
        add(report, table, name, taken, cpu_p50_ms=percentile(spent, 0.5),
            cpu_p99_ms=percentile(spent, 0.99), rows=rows / rounds)  # fmt: skip
        everything[name] = taken
    add(report, table, "all kinds", [took for taken in everything.values() for took in taken])
    return everything


def add(report: Report, table: str, case: str, taken_ms: Sequence[float], **more: Any) -> None:
    report.add(
        table,
        case,
        p50_ms=percentile(taken_ms, 0.5),
        p99_ms=percentile(taken_ms, 0.99),
        worst_ms=max(taken_ms),
        **more,
    )


def deep_pages(store: Store, queries: dict[str, list[Query]]) -> dict[str, list[Query]]:
    """The hundredth page of those that have so many."""
    found: dict[str, list[Query]] = {}
    at_ms = warehouse.now_ms()
    for name in ("everything, newest", "one word, English", "word, by price", "one character"):
        for query in queries[name]:
            # A hundred pages are walked in larger steps; the cursor is the same.
            rows = query.limit * HUNDREDTH
            page, deep = None, replace(query, limit=1000)
            while rows > 0:
                page = store.search(replace(deep, limit=min(1000, rows)), at_ms)
                if not page.has_more:
                    break
                rows -= len(page.rows)
                deep = replace(deep, after=page.rows[-1].cursor)
            if page is not None and page.has_more:
                found.setdefault(f"{name}, page 100", []).append(
                    replace(query, after=page.rows[-1].cursor)
                )
    return found


@contextmanager
def arrivals(path: Path, goods: Goods, start: int, per_s: int) -> Iterator[list[int]]:
    """A writer on a thread, as in a node, that admits `per_s`; gives what it has admitted."""
    admitted = [0]
    stop = threading.Event()
    ready = [list(goods.records(per_s, start=start + at * per_s)) for at in range(4)]

    def write() -> None:
        rest = cycle(range(len(ready)))
        number = start + len(ready) * per_s
        with Store.open(path, records_bytes_max=warehouse.BYTES_MAX) as store:
            began = time.monotonic()
            while not stop.is_set():
                records = ready[next(rest)] if admitted[0] < len(ready) * per_s else None
                if records is None:
                    records = list(goods.records(per_s, start=number))
                    number += per_s
                for first in range(0, len(records), 250):
                    if stop.is_set():
                        return
                    with store.write(durable=False):
                        store.admit(records[first : first + 250], warehouse.now_ms())
                    admitted[0] += len(records[first : first + 250])
                    stop.wait(max(0.0, began + admitted[0] / per_s - time.monotonic()))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield admitted
    finally:
        stop.set()
        thread.join()


def whole_process(report: Report, home: Path, runs: int) -> None:
    """`jangteo search WORD` from start to end."""
    for text in ("자전거", "camera", ""):
        taken = []
        for _ in range(runs):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "jangteo.cli.main", "search", *([text] if text else [])],
                env={**os.environ, "JANGTEO_HOME": str(home)}, capture_output=True, check=True,
            )  # fmt: skip
            taken.append(1000 * (time.perf_counter() - began))
        report.add("whole process", f"jangteo search {text}".strip(), median_ms=median(taken),
                   least_ms=min(taken))  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=100_000, help="listings")
    options.add_argument("--rounds", type=int, default=60, help="searches of each kind")
    options.add_argument("--arriving", type=int, default=5000, help="records a second; 0 for none")
    options.add_argument("--processes", type=int, default=7, help="whole processes of each")
    warehouse.add_shelf(options)
    options.add_argument("--no-peers", action="store_true", help="measure no other programs")
    told = options.parse_args(words)
    report = Report("search", listings=told.count)
    with tempfile.TemporaryDirectory() as temporary:
        shelf = told.folder or Path(temporary) / "shelf"
        folder = warehouse.clone(
            warehouse.shelved(shelf, told.count, "listings"), Path(temporary) / "home"
        )
        path = Home(folder).store_path
        queries = kinds()
        with Store.open(path, read_only=True) as store:
            alone = measure(report, "alone", store, queries, told.rounds)
            deep = deep_pages(store, queries)
            if deep:
                measure(report, "hundredth page", store, deep, told.rounds)
            if hasattr(store, "facets"):
                facet_counts(report, store, queries, told.rounds)
        whole_process(report, folder, told.processes)
        if told.arriving:
            fresh = Goods(2, now_ms=warehouse.now_ms())
            with (
                arrivals(path, fresh, told.count, told.arriving) as admitted,
                Store.open(path, read_only=True) as store,
            ):
                began = time.monotonic()
                measure(report, "while records arrive", store, queries, told.rounds)
                rate = admitted[0] / (time.monotonic() - began)
            report.add("arrivals", "meanwhile", asked_per_s=told.arriving, per_s=rate)
    if not told.no_peers:
        for name in contest.worded(queries):
            add(report, "words", f"{OURS}, {name}", alone[name], rivals=name)
        contest.searching(report, Goods(), told.count, queries, told.rounds)
        report.ratios("words", "p50_ms", "p99_ms")
    report.close()


def facet_counts(
    report: Report, store: Store, queries: dict[str, list[Query]], rounds: int
) -> None:
    at_ms = warehouse.now_ms()
    for name in ("everything, newest", "one word, Korean", "word and filter"):
        taken = []
        for query in islice(cycle(queries[name]), rounds):
            began = time.perf_counter()
            store.facets(query, at_ms)  # type: ignore[attr-defined]
            taken.append(1000 * (time.perf_counter() - began))
        add(report, "facet counts", name, taken)


if __name__ == "__main__":
    main()
