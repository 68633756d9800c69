"""The goals, and how far off the measured rows are; what bounds a figure is said beside its goal.

Knows rows by their bench, table and columns; measures nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]
KIB: Final = 1024
OURS: Final = "jangteo"
SHORT: Final = ("one character", "prefix of a word")
"""Kinds of search that have a goal of their own."""
FLAT: Final = 0.9
INDEPENDENT: Final = 1.5
NEARLY: Final = 0.98
"""Where a goal is said in words: "stays flat", "independent of the count", and a rate that is asked
for and cannot be exceeded."""
AT_ONCE: Final = ("alone", "while records arrive")
LARGE: Final = 1_000_000

# What bounds a figure, by the goal's name: a sentence from a profile, where a goal is not reached.
_COLD: Final = (
    "both cores: of some 125 µs of CPU a record the taker's own process takes 52 (writing and "
    "adding words 33, frames and the loop 12, taking what was opened 7), those beside it that open "
    "records 68 (signatures 45, parsing 10, words 7), the giver 5"
)
_LARGE: Final = (
    "keys without an order (ids, threads): in a large store nearly each record writes 4 to 9 "
    "pages of indexes of its own to the log"
)
_WHOLE_NODE: Final = (
    "each record is verified (0.05 ms), written in a transaction of its own or of a few (0.5 to"
    " 0.7 ms) and followed by a session with up to eight peers once a second; the transport "
    "alone is above"
)
_SELDOM: Final = (
    "what is done once a second whatever is said (heartbeats, IHAVE): at 94/s 0.78 ms are reached"
)
_ARRIVALS: Final = (
    "the bench signs the arriving records in the searching process, and a million scattered "
    "keys: keys without an order (ids, threads): in a large store nearly each record writes 4 "
    "to 9 pages of indexes of its own to the log"
)
BOUNDS: Final[dict[str, str]] = {
    "cold sync 50,000 mixed, records/s: floor": _COLD,
    "cold sync 50,000 mixed, records/s: stretch": _COLD,
    "cold sync 50,000 listings, records/s: floor": (
        "as the mix, and words: 200 µs of CPU a listing, of which FTS5 takes 20 to 30, bigrams and "
        "folding 21"
    ),
    "cold sync 500,000 mixed, records/s: floor": _LARGE,
    "cold sync 500,000 against 50,000, records/s: flat": _LARGE,
    "100 newest of 50,000: dial and all, s": (
        "TCP, Noise, identify and subscriptions, some 20 ms of CPU on each side, before the session"
    ),
    "100 newest of 50,000: bytes beyond bodies": (
        "ids are said twice, 32 bytes each: in the answer that lists a range of up to 128, and "
        "when they are asked for"
    ),
    "100 newest of 1M: dial and all, s": (
        "the first look at a million items after a start: 8,000 sums of runs are read, 30 ms on"
        " each side; and the dial"
    ),
    "0 new: session of 1M against 50,000": ("the same first look, once after a start"),
    "gossip, transport, 5/s: CPU ms a delivery": _SELDOM,
    "gossip, transport, 20/s: CPU ms a delivery": _SELDOM,
    "gossip, transport, 50/s: CPU ms a delivery": _SELDOM,
    "gossip, node, 5/s: CPU ms a delivery": _WHOLE_NODE,
    "gossip, node, 20/s: CPU ms a delivery": _WHOLE_NODE,
    "gossip, node, 50/s: CPU ms a delivery": _WHOLE_NODE,
    "search 1M, while records arrive: worst kind's p50_ms": (
        "ten price buckets' lists beside a rare word: 4.7 ms alone"
    ),
    "search 1M, while records arrive: worst kind's p99_ms": (
        "one of 60: 5.6 ms of CPU, the rest is waiting for the interpreter and the processor "
        "beside the writer"
    ),
    "search 1M, facet counts: worst p99_ms": ("six counts of a word with a filter over a million"),
    "search 1M: records arriving a second meanwhile": _ARRIVALS,
    "loop's lag under ingest and search: p99_ms": (
        "three threads share one interpreter: the loop waits its turn behind those who write "
        "and search"
    ),
}


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` from all rows: a number, and of which case where it is the worst of many; None if
    it was not measured."""

    name: str
    figure: Callable[[Sequence[Row]], tuple[float, str] | None]
    at_most: float | None = None
    at_least: float | None = None

    def row(self, rows: Sequence[Row]) -> Row:
        wanted, sign = (self.at_least, "≥") if self.at_most is None else (self.at_most, "≤")
        assert wanted is not None
        told: Row = {"goal": self.name, "wanted": f"{sign} {wanted:,g}"}
        if (found := self.figure(rows)) is None:
            return told | {"figure": None, "reached": "not measured", "bound by": None}
        figure, of = found
        off = figure / wanted if sign == "≤" else wanted / max(figure, 1e-9)
        told["figure"] = f"{figure:,.4g}" if figure < 1000 else f"{figure:,.0f}"
        if of:
            told["figure"] += f" ({of})"
        told["reached"] = "reached" if off <= 1 else f"× {off:.2f} off"
        return told | {"bound by": BOUNDS.get(self.name) if off > 1 else None}


def chosen(rows: Iterable[Row], bench: str, table: str, **told: Any) -> Iterator[Row]:
    """Ours of one table whose columns are as told."""
    for row in rows:
        if (row.get("bench"), row.get("table")) != (bench, table):
            continue
        if all(row.get(name) == value for name, value in told.items()):
            yield row


def of(bench: str, table: str, column: str, **told: Any) -> Callable[..., tuple[float, str] | None]:
    """The figure of one row."""

    def figure(rows: Sequence[Row]) -> tuple[float, str] | None:
        found = [row[column] for row in chosen(rows, bench, table, **told) if row.get(column)
                 is not None]  # fmt: skip
        return (found[-1], "") if found else None

    return figure


def worst(
    bench: str, tables: Iterable[str], column: str, is_one: Callable[[Row], bool], **told: Any
) -> Callable[..., tuple[float, str] | None]:
    """The largest of the rows that `is_one` takes, and whose it is."""

    def figure(rows: Sequence[Row]) -> tuple[float, str] | None:
        found = [
            (row[column], f"{row['case']}, {table}")
            for table in tables
            for row in chosen(rows, bench, table, **told)
            if is_one(row) and row.get(column) is not None
        ]
        return max(found) if found else None

    return figure


def ratio(
    over: Callable[..., tuple[float, str] | None], under: Callable[..., tuple[float, str] | None]
) -> Callable[..., tuple[float, str] | None]:
    def figure(rows: Sequence[Row]) -> tuple[float, str] | None:
        above, below = over(rows), under(rows)
        return (above[0] / below[0], "") if above and below and below[0] else None

    return figure


def _goals() -> Iterator[Goal]:
    yield Goal("reconcile 1M with itself: round trips",
               of("reconcile", "reconciliation", "round_trips", items=LARGE, difference="none"),
               at_most=1)  # fmt: skip

    def cold(column: str, mix: str, count: int) -> Callable[..., tuple[float, str] | None]:
        return of("cold", "cold sync", column, case=f"{OURS}, {mix}", records=count)

    mixed = cold("per_s", "mixed", 50_000)
    yield Goal("cold sync 50,000 mixed, records/s: floor", mixed, at_least=12_000)
    yield Goal("cold sync 50,000 mixed, records/s: stretch", mixed, at_least=20_000)
    yield Goal("cold sync 50,000 listings, records/s: floor",
               cold("per_s", "listings", 50_000), at_least=12_000)  # fmt: skip
    yield Goal("cold sync 500,000 mixed, records/s: floor",
               cold("per_s", "mixed", 500_000), at_least=12_000)  # fmt: skip
    yield Goal("cold sync 500,000 against 50,000, records/s: flat",
               ratio(cold("per_s", "mixed", 500_000), mixed), at_least=FLAT)  # fmt: skip
    for mix, count in (("mixed", 50_000), ("listings", 50_000), ("mixed", 500_000)):
        yield Goal(f"cold sync {count:,} {mix}: text behind, s",
                   cold("text_lag_s", mix, count), at_most=2)  # fmt: skip

    def incremental(column: str, new: int, base: int) -> Callable[..., tuple[float, str] | None]:
        return of("incremental", "incremental sync", column, new=new, of=base)

    for base, said in ((50_000, "50,000"), (LARGE, "1M")):
        yield Goal(f"nothing new of {said}: round trips",
                   incremental("trips", 0, base), at_most=1)  # fmt: skip
        yield Goal(f"nothing new of {said}: bytes",
                   incremental("beyond_bodies_bytes", 0, base), at_most=KIB)  # fmt: skip
        yield Goal(f"100 newest of {said}: session, s",
                   incremental("session_s", 100, base), at_most=0.05)  # fmt: skip
        yield Goal(f"100 newest of {said}: dial and all, s",
                   incremental("even_s", 100, base), at_most=0.05)  # fmt: skip
        yield Goal(f"100 newest of {said}: bytes beyond bodies",
                   incremental("beyond_bodies_bytes", 100, base), at_most=10 * KIB)  # fmt: skip
    for new in (0, 100, 10_000):
        yield Goal(f"{new:,} new: session of 1M against 50,000",
                   ratio(incremental("session_s", new, LARGE),
                         incremental("session_s", new, 50_000)), at_most=INDEPENDENT)  # fmt: skip

    def gossip(column: str, kind: str, rate: float) -> Callable[..., tuple[float, str] | None]:
        return of("gossip", "20 nodes", column, case=f"{OURS} {kind}", rate=rate)

    for kind in ("transport", "node"):
        for rate in (5, 20, 50):
            yield Goal(f"gossip, {kind}, {rate}/s: CPU ms a delivery",
                       gossip("cpu_ms", kind, rate), at_most=0.8)  # fmt: skip
    yield Goal("gossip, transport, 120/s: delivered percent: stretch",
               gossip("delivered_percent", "transport", 120), at_least=100)  # fmt: skip
    yield Goal("gossip, transport, 120/s: p99_ms: stretch",
               gossip("p99_ms", "transport", 120), at_most=250)  # fmt: skip

    for table in AT_ONCE:
        for column, wanted in (("p50_ms", 5.0), ("p99_ms", 25.0)):
            yield Goal(f"search 1M, {table}: worst kind's {column}",
                       worst("search", [table], column, _is_long, listings=LARGE),
                       at_most=wanted)  # fmt: skip
        yield Goal(f"search 1M, {table}: one character and prefix p99_ms",
                   worst("search", [table], "p99_ms", lambda row: row["case"] in SHORT,
                         listings=LARGE), at_most=50)  # fmt: skip
    for table in ("hundredth page", "facet counts"):
        yield Goal(f"search 1M, {table}: worst p99_ms",
                   worst("search", [table], "p99_ms", lambda _: True, listings=LARGE),
                   at_most=25)  # fmt: skip
    yield Goal("search 1M: records arriving a second meanwhile",
               of("search", "arrivals", "per_s", listings=LARGE),
               at_least=5000 * NEARLY)  # fmt: skip
    yield Goal("search 1M: whole process, median ms",
               worst("search", ["whole process"], "median_ms", lambda _: True, listings=LARGE),
               at_most=150)  # fmt: skip
    for column, records, wanted in (
        ("ready_s", LARGE, 5.0), ("rest_mib", LARGE, 250.0), ("rest_mib", 10_000, 150.0)
    ):  # fmt: skip
        figure = of("rest", "start and rest", column, records=records)
        yield Goal(f"node with {records:,} records: {column}", figure, at_most=wanted)
    yield Goal("1,000 listings with photos against raw bytes: times as long",
               of("blobs", "photos, ours divided by theirs", "took_s",
                  case="raw bytes, 1,000: 1,000 listings"), at_most=2)  # fmt: skip
    yield Goal("loop's lag under ingest and search: p99_ms",
               of("rest", "loop's lag", "p99_ms"), at_most=10)  # fmt: skip


def _is_long(row: Row) -> bool:
    return row["case"] not in (*SHORT, "all kinds")


GOALS: Final = tuple(_goals())


def goals(rows: Sequence[Row]) -> list[Row]:
    """The table of goals."""
    return [goal.row(rows) for goal in GOALS]


# (bench, what is compared, column, whether more is better)
BESIDE: Final = (
    ("cold", "cold sync", "per_s", True),
    ("incremental", "incremental sync", "even_s", False),
    ("incremental", "incremental sync", "tcp_bytes", False),
    ("ingest", "own records", "many_at_once_per_s", True),
    ("ingest", "own records", "one_by_one_per_s", True),
    ("ingest", "own records", "disk_bytes_per_record", False),
    ("gossip", "20 nodes", "cpu_ms", False),
    ("gossip", "20 nodes", "p99_ms", False),
    ("search", "words", "p50_ms", False),
    ("search", "words", "p99_ms", False),
)


def peers_beside(rows: Sequence[Row]) -> list[Row]:
    """Ours and each peer's at the same work: what `rivals` of the benches' rows pairs."""
    table: list[Row] = []
    for bench, of_table, column, is_more_better in BESIDE:
        both: dict[str, tuple[list[Row], list[Row]]] = {}
        for row in chosen(rows, bench, of_table):
            if row.get("rivals") and row.get(column) is not None:
                pair = both.setdefault(row["rivals"], ([], []))
                pair[not row["case"].startswith(OURS)].append(row)
        for work, (ours, theirs) in both.items():
            for their in theirs if ours else ():
                quotient = ours[0][column] / max(their[column], 1e-9)
                ahead = quotient > 1 if is_more_better else quotient < 1
                table.append({
                    "work": f"{of_table}, {work}: {column}", "peer": their["case"].split(",")[0],
                    "ours": ours[0][column], "theirs": their[column],
                    "ours / theirs": float(f"{quotient:.3g}"),
                    "ahead": "ours" if ahead else "theirs",
                })  # fmt: skip
    for row in rows:
        if "absent" in str(row.get("note")):
            told = {"work": row["bench"], "peer": row["note"]}
            if told not in table:
                table.append(told)
    return table
