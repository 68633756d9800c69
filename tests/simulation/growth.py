"""How a market's cost grows with its members: time to reach all, bytes, and doubles, as a table and
a picture. Knows what to measure; the members and their network are scenario.py's.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .checks import failures
from .scenario import grown
from .stage import Journal, play

COUNTS = (10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Row:
    """One size. Times are virtual seconds from publishing to the last member; bytes are what a
    member sends for one listing, hellos left out, and hellos in a second; doubles are copies of a
    listing that a member gets though it has it."""

    nodes: int
    median_s: float
    worst_s: float
    gossip_bytes: float
    sync_bytes: float
    hello_bytes_per_s: float
    doubles: float
    real_s: float


def measure(count: int, seed: int) -> tuple[Row, list[str]]:
    """A size's row, and what was wrong."""
    began = time.perf_counter()
    journal = play(grown(seed, count))
    return _row(journal, time.perf_counter() - began), failures(journal)


def _row(journal: Journal, real_s: float) -> Row:
    count = len(journal.scenario.members)
    times = sorted(each.last_s - each.began_s for each in journal.spread.values())
    traffic = list(journal.traffic.values())
    share = count * len(journal.spread)
    delivered = sum(each.records_delivered for each in traffic)
    new = sum(each.records_new for each in traffic)
    return Row(
        nodes=count,
        median_s=times[len(times) // 2],
        worst_s=times[-1],
        gossip_bytes=sum(each.gossip_bytes for each in traffic) / share,
        sync_bytes=sum(each.sent_bytes - each.gossip_bytes - each.hello_bytes for each in traffic)
        / share,
        hello_bytes_per_s=sum(each.hello_bytes for each in traffic) / count / journal.ended_s,
        doubles=(delivered - new) / max(1, new),
        real_s=real_s,
    )


def table(rows: Iterable[Row]) -> Iterable[str]:
    """In Markdown."""
    yield (
        "| nodes | to all, median | to all, worst | gossip a listing | sync a listing "
        "| hellos | doubles | took |"
    )
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        yield (
            f"| {row.nodes:,} | {row.median_s:.2f} s | {row.worst_s:.2f} s "
            f"| {row.gossip_bytes:,.0f} B | {row.sync_bytes:,.0f} B "
            f"| {row.hello_bytes_per_s:,.0f} B/s | {row.doubles:.1f} | {row.real_s:.0f} s |"
        )


def plot(rows: Sequence[Row], path: Path) -> None:
    """A picture of `rows`; matplotlib must be there."""
    import matplotlib  # type: ignore[import-not-found,unused-ignore]

    matplotlib.use("Agg")
    from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]

    nodes = [row.nodes for row in rows]
    lines: list[tuple[str, list[tuple[str, Callable[[Row], float]]]]] = [
        (
            "seconds until all have a listing",
            [("median", lambda row: row.median_s), ("worst", lambda row: row.worst_s)],
        ),
        (
            "bytes a node sends for a listing",
            [("gossip", lambda row: row.gossip_bytes), ("sync", lambda row: row.sync_bytes)],
        ),
        ("copies that a node has already", [("", lambda row: row.doubles)]),
    ]
    figure, axes = pyplot.subplots(1, len(lines), figsize=(12, 3.6), layout="constrained")
    for axis, (title, curves) in zip(axes, lines, strict=True):
        for label, value in curves:
            axis.plot(nodes, [value(row) for row in rows], marker="o", label=label or None)
        axis.set_title(title, fontsize=10)
        axis.set_xscale("log")
        axis.set_xlabel("nodes")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        if len(curves) > 1:
            axis.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
