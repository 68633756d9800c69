"""What the last full run measured: its rows as JSON lines, and RESULTS.md written from them.

A chapter is one bench at one size; each is kept with its own date until it is measured again.
Knows what rows look like, not what they mean (goals.py).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.goals import goals, peers_beside
from tests.bench.report import markdown_table

FOLDER: Final = Path(__file__).resolve().parent
ROWS: Final = FOLDER / "RESULTS.jsonl"
RESULTS: Final = FOLDER / "RESULTS.md"
PLOTS: Final = FOLDER / "plots"
_UNTOLD: Final = {"bench", "table", "rivals"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one command printed."""

    command: str
    date: str
    took_s: float
    machine: str
    versions: dict[str, str]
    rows: list[Row]

    def text(self, usual: str) -> str:
        """Its tables as Markdown; where it was measured, if that is not as `usual`."""
        parts = [f"## {self.command}\n", f"{self.date}, {self.took_s:,.0f} s.\n"]
        if self.where() != usual:
            parts.append(f"{self.where()}\n")
        tables: dict[str, list[Row]] = {}
        for row in self.rows:
            if "table" in row:
                kept = {name: value for name, value in row.items() if name not in _UNTOLD}
                tables.setdefault(row["table"], []).append(kept)
            elif "note" in row:
                parts.append(f"- {row['note']}\n")
        parts += (f"{title}:\n\n{markdown_table(rows)}" for title, rows in tables.items())
        return "\n".join(parts)

    def where(self) -> str:
        told = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.machine}; {told}."


def read(path: Path = ROWS) -> dict[str, Chapter]:
    """The chapters by their commands; none where no file is."""
    found: dict[str, Chapter] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        told = json.loads(line)
        if "command" in told:
            chapter = Chapter(**told, rows=[])
            found[chapter.command] = chapter
        else:
            chapter.rows.append(told)
    return found


def renew(chapter: Chapter, order: Sequence[str], path: Path = ROWS) -> None:
    """Puts it in the place of its former self. `order` are all the commands there are; chapters
    of others go."""
    chapters = read(path) | {chapter.command: chapter}
    lines: list[Row] = []
    for command in order:
        if (each := chapters.get(command)) is not None:
            told = {name: getattr(each, name) for name in Chapter.__slots__ if name != "rows"}
            lines += [told, *each.rows]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def write(order: Iterable[str], rows_path: Path = ROWS, path: Path = RESULTS) -> None:
    """RESULTS.md of what there is, and of what is lacking."""
    chapters = read(rows_path)
    if not chapters:
        return
    rows = [row for chapter in chapters.values() for row in chapter.rows]
    usual = max(chapters.values(), key=lambda chapter: chapter.date).where()
    took_s = sum(chapter.took_s for chapter in chapters.values())
    parts = [
        "# Results of the benches\n",
        f"Written by `./run bench --full --write`; {took_s / 60:.0f} minutes in all. {usual}\n",
        "Each chapter has its date; `--only NAME …` measures those of some benches again. The rows "
        "are in [RESULTS.jsonl](RESULTS.jsonl).\n",
    ]
    if missing := [command for command in order if command not in chapters]:
        parts.append("Not measured: " + ", ".join(f"`{each}`" for each in missing) + ".\n")
    parts += ["## Goals\n", markdown_table(goals(rows))]
    if beside := peers_beside(rows):
        parts += [
            "## Peers\n",
            "The same work in the same run; `ours` in times of theirs, and whose is ahead.\n",
            markdown_table(beside),
        ]
    if plots := sorted(PLOTS.glob("*.png")):
        parts.append("## Growth\n")
        parts += [f"![{plot.stem}](plots/{plot.name})\n" for plot in plots]
    parts += [chapter.text(usual) for chapter in chapters.values()]
    path.write_text("\n".join(parts), encoding="utf-8")
