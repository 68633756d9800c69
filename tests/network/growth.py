"""What nodes take over time, from samples: a table, and the trend of each measure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.network.member import Figures
from tests.network.trend import Trend, trend

MEASURED = ("rss_kib", "heap_kib", "fds", "tasks", "threads", "store_bytes", "records", "peers")
SHOWN = (
    ("rss_kib", "MiB", 1024),
    ("heap_kib", "MiB", 1024),
    ("fds", "", 1),
    ("tasks", "", 1),
    ("threads", "", 1),
    ("peers", "", 1),
    ("store_bytes", "MiB", 1024**2),
)
SAMPLES_MIN = 4

Samples = Mapping[str, Sequence[Figures]]
"""Of each node by its name, in the order of time."""


def read(path: Path) -> dict[str, list[Figures]]:
    """A file of samples, as a run writes them."""
    found: dict[str, list[Figures]] = {}
    for line in path.read_text().splitlines():
        told = json.loads(line)
        found.setdefault(told.pop("node"), []).append(Figures(**told))
    return found


def trends(samples: Sequence[Figures], from_s: float) -> dict[str, Trend]:
    """Of each measure from `from_s` of the run on; none for too few samples."""
    late = [each for each in samples if each.at_s >= from_s]
    if len(late) < SAMPLES_MIN:
        return {}
    times = [each.at_s for each in late]
    return {what: trend(times, [getattr(each, what) for each in late]) for what in MEASURED}


def table(samples: Samples, from_s: float) -> str:
    """A line a node: median of the first quarter → of the last, and the slope an hour."""
    lines = []
    for name, rows in samples.items():
        found = trends(rows, from_s)
        if not found:
            lines.append(f"{name}  too few samples")
            continue
        cells = []
        for what, unit, per in SHOWN:
            one = found[what]
            cells.append(
                f"{what.split('_')[0]} {one.first / per:.1f} → {one.last / per:.1f} {unit} "
                f"({one.per_hour / per:+.2f} ± {one.error / per:.2f} an hour)"
            )
        lines.append(f"{name}  " + "; ".join(cells))
    return "\n".join(lines)
