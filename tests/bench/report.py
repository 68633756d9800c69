"""What a bench prints: a line of JSON for each case on stdout, readable tables on stderr.

Knows the machine and the versions; measures nothing itself.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

MIB: Final = 1024 * 1024
OURS: Final = "jangteo"
"""What the case of ours begins with."""
_VERSIONS: Final = ("jangteo", "libp2p", "trio", "apsw", "pynacl", "cryptography")


class Report:
    """One run of one bench. `add` prints a case at once, with what `always` holds; `close` prints
    the tables."""

    def __init__(self, bench: str, **always: Any) -> None:
        self._bench = bench
        self._always = always
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._rivals: dict[tuple[str, str], list[dict[str, Any]]] = {}
        print(json.dumps({"bench": bench, "machine": machine(), "versions": versions()}))

    def add(self, table: str, case: str, *, rivals: str = "", **values: Any) -> None:
        """A case of a table. Floats are rounded to what was measured of them. `rivals` is the same
        for cases of the same work, ours and others'."""
        values = self._always | values
        row = {"case": case} | {name: rounded(value) for name, value in values.items()}
        told = {"bench": self._bench, "table": table, **row}
        if rivals:
            self._rivals.setdefault((table, rivals), []).append(row)
            told["rivals"] = rivals
        self._tables.setdefault(table, []).append(row)
        print(json.dumps(told, ensure_ascii=False))
        sys.stdout.flush()

    def ratios(self, table: str, *columns: str) -> None:
        """A table of ours divided by theirs, for the cases of the same work."""
        for (of, work), rows in list(self._rivals.items()):
            ours = [row for row in rows if row["case"].startswith(OURS)]
            for row in rows if of == table else ():
                if row in ours or not ours:
                    continue
                self.add(
                    f"{table}, ours divided by theirs",
                    f"{row['case']}: {work}",
                    **{
                        name: ours[0][name] / row[name]
                        for name in columns
                        if ours[0].get(name) is not None and row.get(name)
                    },
                )

    def note(self, text: str) -> None:
        print(json.dumps({"bench": self._bench, "note": text}, ensure_ascii=False), flush=True)
        print(f"  {text}", file=sys.stderr, flush=True)

    def close(self) -> None:
        for title, rows in self._tables.items():
            print(f"\n{self._bench}: {title}\n{plain_table(rows)}", file=sys.stderr, flush=True)


def parser(doc: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that `share` (0 to 1) of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def plain_table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of the same names or of some of them, in columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    lines = [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown_table(rows: Sequence[dict[str, Any]]) -> str:
    """The same as Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---", *("---:" for _ in names[1:])]]
    lines += [[_cell(row.get(name)) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def machine() -> str:
    """The processor, its cores, memory and system, in a line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**30 if pages else 0.0
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
