"""`./run sim`: whole nodes over a network in memory and a virtual clock, seed by seed.

  ./run sim --seeds 10000              as many scenarios, each drawn from its seed
  ./run sim --seed 4711                one again, told in full
  ./run sim --nodes 50 --hours 72      one long one
  ./run sim --plot growth.png          10 to 1,000 nodes: how time, bytes and doubles grow

Knows how to run and to tell; what happens is scenario.py's to know, what must hold checks.py's.
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from tests.simulation.checks import failures
from tests.simulation.growth import COUNTS, measure, plot, table
from tests.simulation.scenario import draw
from tests.simulation.stage import Journal, play

_TOLD_EVERY = 500


@dataclass(frozen=True, slots=True)
class Result:
    """What is left to tell of a seed's run. Times are virtual seconds after the calm."""

    seed: int
    failures: tuple[str, ...]
    even_s: float
    quiet_s: float
    virtual_s: float
    real_s: float
    trace: str


def run_seed(seed: int, nodes: int | None, hours: float | None) -> Result:
    began = time.perf_counter()
    try:
        journal = play(draw(seed, nodes=nodes, hours=hours))
    except Exception as error:  # whatever escapes a node is the finding; the other seeds go on
        text = f"{type(error).__name__}: {error}"
        return Result(seed, (text,), -1.0, -1.0, 0.0, time.perf_counter() - began, "")
    return Result(
        seed,
        tuple(failures(journal)),
        -1.0 if journal.even_s is None else journal.even_s,
        -1.0 if journal.quiet_s is None else journal.quiet_s,
        journal.ended_s,
        time.perf_counter() - began,
        journal.trace,
    )


def run_seeds(
    seeds: Sequence[int], nodes: int | None, hours: float | None, jobs: int
) -> Iterator[Result]:
    if jobs == 1:
        yield from (run_seed(seed, nodes, hours) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_seed, seeds, repeat(nodes), repeat(hours), chunksize=8)


def command(seed: int, nodes: int | None, hours: float | None) -> str:
    """What replays a seed."""
    size = (f" --nodes {nodes}" if nodes else "") + (f" --hours {hours:g}" if hours else "")
    return f"./run sim --seed {seed}{size}"


def tell(journal: Journal) -> bool:
    """One seed in full; whether it was well."""
    scenario = journal.scenario
    for member in scenario.members:
        print(member)
    for happening in scenario.happenings:
        print(happening)
    for name, each in sorted(journal.traffic.items()):
        print(name, each)
    for hour, sizes in enumerate(journal.hourly, 1):
        print(f"hour {hour}", sizes)
    print("peaks", dict(journal.peaks), "penalties", dict(journal.penalties))
    print(f"{journal.sessions} sessions, {journal.sessions_moving} of them moved something")
    print(f"calm at {scenario.calm_s:.1f} s, ended at {journal.ended_s:.1f} s")
    print(f"even after {journal.even_s} s, at rest after {journal.quiet_s} s; {journal.trace}")
    found = failures(journal)
    for failure in found:
        print("FAILED", failure)
    return not found


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./run sim", description="Whole nodes over a network in memory, seed by seed."
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many (100)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--seed", type=int, help="this one alone, told in full")
    parser.add_argument("--nodes", type=int, help="members of each scenario (2 to 7)")
    parser.add_argument("--hours", type=float, help="how long things happen (minutes)")
    parser.add_argument("--plot", type=Path, help="measure growth to --nodes (1,000), as a PNG")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return 0 if tell(play(draw(chosen.seed, nodes=chosen.nodes, hours=chosen.hours))) else 1
    if chosen.plot is not None:
        return grow(chosen.plot, chosen.nodes or COUNTS[-1], chosen.first)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    began = time.perf_counter()
    results: list[Result] = []
    for result in run_seeds(seeds, chosen.nodes, chosen.hours, chosen.jobs):
        results.append(result)
        if result.failures:
            print(f"seed {result.seed} failed: {command(result.seed, chosen.nodes, chosen.hours)}")
            for failure in result.failures:
                print(f"  {failure}", flush=True)
        if len(results) % _TOLD_EVERY == 0:
            print(f"{len(results)} of {len(seeds)} seeds", file=sys.stderr)
    summarize(results, time.perf_counter() - began)
    return 1 if any(result.failures for result in results) else 0


def grow(path: Path, nodes: int, seed: int) -> int:
    """Measures sizes up to `nodes`, as a table here and a picture at `path`."""
    if importlib.util.find_spec("matplotlib") is None:
        print("a picture needs matplotlib; .venv/bin/pip install matplotlib brings it")
        return 2
    rows, is_well = [], True
    for count in [count for count in COUNTS if count <= nodes]:
        row, found = measure(count, seed)
        rows.append(row)
        lines = list(table(rows))
        print("\n".join(lines if len(rows) == 1 else lines[-1:]), flush=True)
        for failure in found:
            is_well = False
            print(f"{count} nodes: {failure}")
    plot(rows, path)
    return 0 if is_well else 1


def summarize(results: Sequence[Result], real_s: float) -> None:
    failed = sum(bool(result.failures) for result in results)
    even = [result.even_s for result in results if result.even_s >= 0]
    quiet = [result.quiet_s for result in results if result.quiet_s >= 0]
    virtual_h = sum(result.virtual_s for result in results) / 3600
    print(
        f"{len(results)} seeds, {failed} failed; {virtual_h:.1f} virtual hours in {real_s:.0f} s, "
        f"{len(results) / real_s:.1f} seeds a second on {os.cpu_count()} cores"
    )
    for what, values in (("even", even), ("at rest", quiet)):
        half, most, all_but_one, worst = (quantile(values, q) for q in (0.5, 0.9, 0.99, 1.0))
        print(
            f"{what} after the calm: half of them within {half:.1f} s, 90 % {most:.1f} s, "
            f"99 % {all_but_one:.1f} s, all {worst:.1f} s"
        )


if __name__ == "__main__":
    sys.exit(main())
