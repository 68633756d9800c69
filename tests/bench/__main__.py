"""`./run bench`: all benches in a short version, or one of them by its name with words of its own.

  ./run bench                      a short version of all of them
  ./run bench NAME [--help | ...]  one of them
  ./run bench --full [--write]     all at the sizes of RESULTS.md, and write that file
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

from tests.bench.report import machine, markdown_table, versions

FOLDER: Final = Path(__file__).resolve().parent
RESULTS: Final = FOLDER / "RESULTS.md"

# For each bench its words in the short version and in the full one.
SIZES: Final[dict[str, tuple[str, str]]] = {
    "reconcile": ("--size 10000", "--large"),
    "ingest": ("--count 5000 --sales 100 --rows 1000", ""),
    "cold": ("--count 5000 --runs 1", ""),
    "incremental": ("--count 5000 --runs 1 --new 0 1 100", ""),
    "gossip": ("--seconds 4 --rate 5 20", ""),
    "latency": ("--sales 20", ""),
    "search": ("--count 10000 --rounds 24 --processes 3 --arriving 1000", ""),
    "command": ("--runs 5 --listings 5000", ""),
    "rest": ("--runs 1 --rest 2 --ingest 5000", "--count 10000 1000000"),
}
# Beyond the full version's defaults: the same again at other sizes.
MORE: Final[dict[str, tuple[str, ...]]] = {
    "cold": ("--count 500000 --runs 1 --mix mixed --no-peers",),
    "incremental": ("--count 1000000 --runs 1 --no-peers",),
    "search": ("--count 1000000 --no-peers",),
}


def run(name: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of one bench, printed as they come. RuntimeError if it fails."""
    print(f"\n--- {name} {' '.join(words)}", file=sys.stderr, flush=True)
    rows: list[dict[str, Any]] = []
    command = [sys.executable, "-m", f"tests.bench.bench_{name}", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parents[1]
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            rows.append(json.loads(line))
    if process.returncode:
        raise RuntimeError(f"the bench {name} failed")
    return rows


def chapters(results: dict[str, list[dict[str, Any]]]) -> str:
    """The tables of each bench, as Markdown."""
    parts: list[str] = []
    for command, rows in results.items():
        parts.append(f"## {command}\n")
        tables: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            if "table" in row:
                kept = {name: value for name, value in row.items() if name not in UNTOLD}
                tables.setdefault(row["table"], []).append(kept)
            elif "note" in row:
                parts.append(f"- {row['note']}\n")
        parts += (f"{title}:\n\n{markdown_table(rows)}\n" for title, rows in tables.items())
    return "\n".join(parts)


UNTOLD: Final = {"bench", "table"}


def write(results: dict[str, list[dict[str, Any]]], took_s: float) -> None:
    told = ", ".join(f"{name} {version}" for name, version in versions().items())
    today = datetime.now(UTC).date().isoformat()
    command = " ".join(("./run bench", *sys.argv[1:]))
    RESULTS.write_text(
        f"# Results of the benches\n\n{today}, {machine()}; {told}. Written by "
        f"`{command}` in {took_s / 60:.0f} minutes.\n\n{chapters(results)}",
        encoding="utf-8",
    )


def main() -> int:
    words = sys.argv[1:]
    if words and words[0] in SIZES:
        command = [sys.executable, "-m", f"tests.bench.bench_{words[0]}", *words[1:]]
        return subprocess.run(command, cwd=FOLDER.parents[1]).returncode
    options = argparse.ArgumentParser(
        prog="run bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--peers", action="store_true", help="install them")
    options.add_argument("--full", action="store_true", help="at full size: hours")
    options.add_argument("--write", action="store_true", help="write RESULTS.md")
    if words and not words[0].startswith("-"):
        options.error(f"no bench is called {words[0]}; there are: {' '.join(SIZES)}")
    told = options.parse_args(words)
    if told.peers:
        from tests.bench.peers.contest import install

        return install()
    began = time.monotonic()
    results: dict[str, list[dict[str, Any]]] = {}
    for name, (short, full) in SIZES.items():
        for size in (full, *MORE.get(name, ())) if told.full else (short,):
            results[f"./run bench {name} {size}".strip()] = run(name, size.split())
    if told.write:
        write(results, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
