"""What a command costs as a whole process: wall time and the processor's, from start to end."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import warehouse
from tests.bench.report import Report, median, parser

COMMAND: Final = (sys.executable, "-m", "jangteo.cli.main")
CASES: Final = (("--help",), ("--version",), ("search", "자전거"), ("search",), ("mine",), ())


def measure(report: Report, home: Path, words: tuple[str, ...], runs: int) -> None:
    walls: list[float] = []
    cpus: list[float] = []
    environment = {**os.environ, "JANGTEO_HOME": str(home)}
    for _ in range(runs):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*COMMAND, *words], env=environment, capture_output=True, check=True)
        walls.append((time.perf_counter() - started) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cpus.append(used * 1000)
    report.add(
        "whole process",
        " ".join(("jangteo", *words)),
        wall_ms_median=median(walls),
        wall_ms_least=min(walls),
        cpu_ms_median=median(cpus),
    )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=15)
    options.add_argument("--listings", type=int, default=20_000, help="in the store")
    told = options.parse_args(words)
    report = Report("command")
    with tempfile.TemporaryDirectory() as folder:
        home = warehouse.make_home(Path(folder) / "home", told.listings, "listings")
        for each in CASES:
            measure(report, home, each, told.runs)
    report.close()


if __name__ == "__main__":
    main()
