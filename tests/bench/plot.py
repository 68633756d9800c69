"""Draws how figures grow, from RESULTS.jsonl: `python plot.py ROWS.jsonl FOLDER`.

Runs by the peers' Python, which has matplotlib and nothing of this project. A figure without rows
is not drawn.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Curves = dict[str, list[tuple[float, float]]]
"""Points by what the legend calls them."""
KINDS = ("one word, English", "two characters, Korean", "word, three filters", "all kinds")
DIFFERENCES = ("none", "1 scattered", "100 newest", "100 scattered", "10000 newest")
OURS = "jangteo"


def curves(
    rows: Iterable[Row], bench: str, x: str, y: str, label: Callable[[Row], str | None]
) -> Curves:
    """The rows of a bench that have both columns and a label, in order; the last of equals."""
    found: dict[str, dict[float, float]] = {}
    for row in rows:
        if row.get("bench") != bench or row.get(x) is None or row.get(y) is None:
            continue
        if (name := label(row)) is not None:
            found.setdefault(name, {})[row[x]] = row[y]
    return {name: sorted(points.items()) for name, points in found.items()}


def in_table(table: str, name: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    return lambda row: name(row) if row.get("table") == table else None


class Panel:
    """One diagram: its title and curves, the x axis and whether y is logarithmic too; a goal."""

    def __init__(
        self, title: str, lines: Curves, x: str, *, is_log: bool = False, goal: float | None = None
    ) -> None:
        self.title, self.lines, self.x = title, lines, x
        self.is_log, self.goal = is_log, goal


def panels(rows: Sequence[Row]) -> dict[str, list[Panel]]:
    """The pictures by name."""

    def reconcile(y: str, label: Callable[[Row], str]) -> Curves:
        return curves(rows, "reconcile", "items", y, label)

    def difference(row: Row) -> str:
        return str(row["difference"])

    both = [
        row | {"bytes": row["sent_bytes"] + row["received_bytes"],
               "cpu_ms": row["initiator_cpu_ms"] + row["responder_cpu_ms"]}
        for row in rows if row.get("table") == "reconciliation"
    ]  # fmt: skip

    def cold(y: str) -> Curves:
        ours_and_theirs = in_table("cold sync", lambda row: row["case"].split(" ")[0]
                                   if OURS not in row["case"] else row["case"])  # fmt: skip
        return curves(rows, "cold", "records", y, ours_and_theirs)

    def incremental(y: str) -> Curves:
        new = in_table("incremental sync", lambda row: f"{row['new']:,} new")
        return curves(rows, "incremental", "of", y, new)

    def search(y: str, table: str) -> Curves:
        kind = in_table(table, lambda row: row["case"] if row["case"] in KINDS else None)
        return curves(rows, "search", "listings", y, kind)

    def rest(y: str) -> Curves:
        return curves(rows, "rest", "records", y, in_table("start and rest", lambda _: OURS))

    def gossip(y: str) -> Curves:
        def kind(row: Row) -> str | None:
            is_one = row.get("rate") == 10 and row["table"].endswith(" nodes")
            return row["case"].split(",")[0] if is_one else None

        return curves(rows, "gossip", "nodes", y, kind)

    records, listings = "records", "listings"
    return {
        "reconcile": [
            Panel("round trips", reconcile("round_trips", difference), records),
            Panel("bytes, both ways", curves(both, "reconcile", "items", "bytes", difference),
                  records, is_log=True),
            Panel("CPU ms, both sides", curves(both, "reconcile", "items", "cpu_ms", difference),
                  records, is_log=True),
        ],
        "cold": [
            Panel("cold sync: records a second", cold("per_s"), records, goal=12_000),
            Panel("taker's peak, MiB", cold("taker_peak_mib"), records),
            Panel("text behind, s", cold("text_lag_s"), records, goal=2),
        ],
        "incremental": [
            Panel("session, s", incremental("session_s"), records, is_log=True),
            Panel("from dial to even, s", incremental("even_s"), records, is_log=True),
            Panel("bytes beyond bodies", incremental("beyond_bodies_bytes"), records, is_log=True),
        ],
        "search": [
            Panel("search: p50, ms", search("p50_ms", "alone"), listings, is_log=True, goal=5),
            Panel("p99, ms", search("p99_ms", "alone"), listings, is_log=True, goal=25),
            Panel("p99 while records arrive, ms", search("p99_ms", "while records arrive"),
                  listings, is_log=True, goal=25),
        ],
        "rest": [
            Panel("ready, s", rest("ready_s"), records, goal=5),
            Panel("memory at rest, MiB", rest("rest_mib"), records, goal=250),
            Panel("bytes on disk a record", rest("disk_bytes_per_record"), records),
        ],
        "gossip": [
            Panel("gossip, 10/s: CPU ms a delivery", gossip("cpu_ms"), "nodes", goal=0.8),
            Panel("delivered, %", gossip("delivered_percent"), "nodes"),
            Panel("p99, ms", gossip("p99_ms"), "nodes", is_log=True),
        ],
    }  # fmt: skip


def draw(name: str, some: Sequence[Panel], folder: Path) -> None:
    import matplotlib  # type: ignore[import-not-found,unused-ignore]

    matplotlib.use("Agg")
    from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]
    from matplotlib.ticker import EngFormatter  # type: ignore[import-not-found,unused-ignore]

    figure, axes = pyplot.subplots(1, len(some), figsize=(13, 3.8), layout="constrained")
    for axis, panel in zip(axes, some, strict=True):
        for label, points in panel.lines.items():
            axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label)
        if panel.goal is not None:
            axis.axhline(panel.goal, color="grey", linestyle=":", label=f"goal {panel.goal:,g}")
        places = sorted({x for points in panel.lines.values() for x, _ in points})
        axis.set_title(panel.title, fontsize=10)
        axis.set_xscale("log")
        axis.set_xticks(places, minor=False)
        axis.minorticks_off()
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.set_xlabel(panel.x)
        if panel.is_log:
            axis.set_yscale("log")
        else:
            tops = [y for points in panel.lines.values() for _, y in points]
            axis.set_ylim(0, 1.2 * max([*tops, panel.goal or 0]) or 1)
        axis.yaxis.set_major_formatter(EngFormatter(sep=""))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, framealpha=0.5)
    figure.savefig(folder / f"{name}.png", dpi=80)
    pyplot.close(figure)


def main() -> None:
    lines, folder = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines(), Path(sys.argv[2])
    rows = [row for line in lines if "bench" in (row := json.loads(line))]
    for name, some in panels(rows).items():
        if all(panel.lines for panel in some):
            draw(name, some, folder)
            print(f"  {folder.name}/{name}.png", file=sys.stderr)


if __name__ == "__main__":
    main()
