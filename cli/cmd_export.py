"""`export`: listings to stdout or a file, as JSON Lines, CSV or signed records."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from .call import Call
from .screen import json_line
from .verb import verb


@verb(
    examples=(
        "jangteo export --mine > mine.jsonl",
        "jangteo export --format csv --output market.csv",
        "jangteo export --format records --output /media/usb/market.jangteo",
    ),
    prints="A listing a line. `records` are the signed records themselves: `import` verifies "
    "them and takes them under their own authors, so a USB stick can carry a market.",
)
@click.option("--mine", is_flag=True, help="Only yours; everybody's unless told.")
@click.option("--format", "format_", metavar="WORD", help="jsonl (unless told), csv or records.")
@click.option("--output", metavar="FILE", help="Write here, whole or not at all; else stdout.")
@click.pass_obj
def export(call: Call, mine: bool, format_: str | None, output: str | None) -> None:
    """Write listings to a file or to stdout.

    Only what is current: withdrawn and expired ones are left out.
    """
    arguments = {"mine": mine or None, "format": format_}
    count = 0
    with call.office() as office:
        items = office.stream("export", {k: v for k, v in arguments.items() if v is not None})
        with _opened(output) as file:
            for item in items:
                count += 1
                print(item["line"] if "line" in item else json_line(item), file=file)
    if output:
        call.screen.row({"output": output, "lines": count})
        call.screen.talk(f"{count:,} lines written to {output}")


@contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    """stdout, or a file that takes its name only when it is whole."""
    if output is None:
        yield sys.stdout
        return
    path = Path(output)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("w", encoding="utf-8", newline="") as file:
            yield file
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
