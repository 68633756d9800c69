"""`export`: listings to stdout or a file, as JSON Lines, CSV or signed records."""

import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .call import Call
from .output_file import output_file
from .screen import json_line
from .tongue import _
from .verb import verb

_BOM = "\ufeff".encode()
"""Spreadsheet programs take a CSV file for the machine's old code page without it."""


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
    if format_ == "records" and output is None and call.screen.is_terminal:
        raise usage(
            tell("records are bytes, not text"), tell("`--output FILE` writes them to a file")
        )
    # Under --json stdout has objects; a file has what the format says.
    is_raw = output is not None or not call.screen.is_json
    count = 0
    arguments = {"mine": mine or None, "format": format_}
    with call.office() as office:
        items = office.stream("export", {k: v for k, v in arguments.items() if v is not None})
        with _opened(output) as file:
            if output is not None and format_ == "csv":
                file.write(_BOM)
            for item in items:
                count += 1
                file.write(_bytes(item) if is_raw else f"{json_line(item)}\n".encode())
    if output is not None:
        call.screen.row({"output": output, "items": count})
        call.screen.talk(
            _("written to {output} as {format}").format(output=output, format=format_ or "jsonl")
        )


def _bytes(item: dict[str, Any]) -> bytes:
    """A piece of the file: signed records, a line of CSV, or a listing."""
    if "base64" in item:
        return b64decode(item["base64"])
    text = item["line"] if "line" in item else f"{json_line(item)}\n"
    return str(text).encode()


@contextmanager
def _opened(output: str | None) -> Iterator[BinaryIO]:
    """stdout, or the file that was named."""
    if output is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    with output_file(output) as file:
        yield file
