"""`./run bench`: all benches in a short version, or one of them by its name with words of its own.

  ./run bench                      a short version of all of them
  ./run bench NAME [--help | ...]  one of them
  ./run bench --full [--write]     all at the sizes of RESULTS.md, and renew that file as they end
  ./run bench --full --write --only NAME ...   those alone; the rest of the file stays
  ./run bench growth               draw plots/*.png from RESULTS.jsonl, and write RESULTS.md
  ./run bench --peers              install the programs that are measured beside this one

Each bench is a process of its own, which prints a line of JSON for each case on stdout and tables
on stderr.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import results
from tests.bench.peers import contest
from tests.bench.report import machine, versions

ROOT: Final = Path(__file__).resolve().parents[2]
SHELF: Final = ROOT / ".bench-homes"

# For each bench its words in the short version.
SIZES: Final[dict[str, str]] = {
    "reconcile": "--size 10000",
    "ingest": "--count 5000 --sales 100 --rows 1000",
    "cold": "--count 5000 --runs 1",
    "incremental": "--count 5000 --runs 1 --new 0 1 100",
    "gossip": "--seconds 4 --rate 5 20",
    "latency": "--sales 20",
    "search": "--count 10000 --rounds 24 --processes 3 --arriving 1000",
    "command": "--runs 5 --listings 5000",
    "rest": "--runs 1 --rest 2 --ingest 5000",
    "blobs": "--count 200 --runs 1",
}
# And in the full one: each of these is a chapter of RESULTS.md.
FULL: Final[dict[str, tuple[str, ...]]] = {
    "reconcile": ("--large",),
    "ingest": ("",),
    "cold": (
        "",
        "--count 20000 --runs 1 --mix mixed --no-peers",
        "--count 500000 --runs 1 --mix mixed --no-peers",
    ),
    "incremental": ("", "--count 1000000 --mix listings --runs 1 --no-peers"),
    "gossip": ("", "--kind transport js --nodes 2 5 10 20 50 --rate 10"),
    "latency": ("",),
    "search": (
        "--count 10000 --rounds 40 --no-peers",
        "--count 100000 --rounds 40",
        "--count 1000000 --no-peers",
    ),
    "command": ("",),
    "rest": ("--count 10000 100000 1000000 --mix listings",),
    "blobs": ("",),
}
SHELVED: Final = {"cold", "incremental", "search", "rest"}
# The homes of the full version, which two processes make at once: about as much work for each.
HOMES: Final = (
    {"listings:1000000": {"incremental", "search", "rest"}},
    {
        "mixed:500000": {"cold"},
        "listings:100000": {"search", "rest"},
        "listings:50000": {"cold"},
        "mixed:50000": {"cold", "incremental"},
        "mixed:20000": {"cold", "rest"},
        "listings:10000": {"search", "rest"},
    },
)
ORDER: Final = tuple(f"./run bench {name} {words}".strip() for name in FULL for words in FULL[name])


def run(name: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of one bench, printed as they come. RuntimeError if it fails."""
    print(f"\n--- {name} {' '.join(words)}", file=sys.stderr, flush=True)
    rows: list[dict[str, Any]] = []
    command = [sys.executable, "-m", f"tests.bench.bench_{name}", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            rows.append(json.loads(line))
    if process.returncode:
        raise RuntimeError(f"the bench {name} failed")
    return rows


def stock(shelf: Path, names: Sequence[str]) -> None:
    """Makes the homes that these benches copy. RuntimeError if it fails."""
    lanes = [[home for home, users in lane.items() if users & set(names)] for lane in HOMES]
    command = (sys.executable, "-m", "tests.bench.warehouse", str(shelf))
    makers = [subprocess.Popen([*command, *lane], cwd=ROOT) for lane in lanes if lane]
    if any([maker.wait() for maker in makers]):
        raise RuntimeError("the homes could not be made")


def run_full(names: Sequence[str], shelf: Path, is_written: bool) -> int:
    """The benches of these names in full; the exit code. What was measured is kept as it comes."""
    print("--- homes", file=sys.stderr, flush=True)
    stock(shelf, names)
    code = 0
    for name in names:
        for words in FULL[name]:
            began = time.monotonic()
            try:
                where = ["--folder", str(shelf)] if name in SHELVED else []
                rows = run(name, [*words.split(), *where])
            except RuntimeError as error:
                print(f"{error}: its chapter stays as it was", file=sys.stderr, flush=True)
                code = 1
                continue
            took_s = time.monotonic() - began
            print(f"--- {name} took {took_s:.0f} s", file=sys.stderr, flush=True)
            if is_written:
                chapter = results.Chapter(
                    f"./run bench {name} {words}".strip(),
                    datetime.now(UTC).date().isoformat(),
                    round(took_s, 1),
                    machine(),
                    versions(),
                    [row for row in rows if "machine" not in row],
                )
                results.renew(chapter, ORDER)
                results.write(ORDER)
    return max(code, grow()) if is_written else code


def grow() -> int:
    """Plots from the rows that are kept; the exit code."""
    if not any(contest.PLACE.glob("venv/lib/*/site-packages/matplotlib")):
        print("matplotlib: absent, so no plots (./run bench --peers installs it)", file=sys.stderr)
        return 0
    results.PLOTS.mkdir(exist_ok=True)
    draw = [str(contest.PYTHON), str(results.FOLDER / "plot.py"), str(results.ROWS)]
    code = subprocess.run([*draw, str(results.PLOTS)]).returncode
    results.write(ORDER)
    return code


def main() -> int:
    words = sys.argv[1:]
    if words and words[0] in SIZES:
        command = [sys.executable, "-m", f"tests.bench.bench_{words[0]}", *words[1:]]
        return subprocess.run(command, cwd=ROOT).returncode
    if words == ["growth"]:
        return grow()
    options = argparse.ArgumentParser(
        prog="run bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--peers", action="store_true", help="install them")
    options.add_argument("--full", action="store_true", help="at full size: most of an hour")
    options.add_argument("--write", action="store_true", help="with --full: renew RESULTS.md")
    options.add_argument("--only", nargs="+", choices=list(FULL), default=list(FULL))
    options.add_argument(
        "--folder", type=Path, default=SHELF, help="of the full version's homes (%(default)s)"
    )
    if words and not words[0].startswith("-"):
        options.error(f"no bench is called {words[0]}; there are: {' '.join(SIZES)} growth")
    told = options.parse_args(words)
    if told.write and not told.full:
        options.error("--write goes with --full: RESULTS.md is of full sizes")
    if told.peers:
        return contest.install()
    if told.full:
        return run_full(told.only, told.folder.resolve(), told.write)
    for name in told.only:
        run(name, SIZES[name].split())
    return 0


if __name__ == "__main__":
    sys.exit(main())
