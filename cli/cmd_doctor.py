"""`doctor`: is the set-up well, and what to do where it is not."""

from typing import Any

import click

from ..node.desk_error import DeskError
from ..node.safe_text import safe_line
from ..node.tongue import ENGLISH
from ..protocol.told import tell
from . import cells
from .call import Call
from .room_view import is_nearly_full, more_room_text, room_text
from .tongue import _, in_tongue, spoken
from .verb import verb

_MARKS = {"ok": ("ok", "good"), "warn": ("warn", "warn"), "fail": ("FAIL", "bad"), "note": ("", "")}
_NAME_CELLS = 14
_NAME_CELLS_WIDE = 16


@verb(
    examples=("jangteo doctor", "jangteo doctor --json"),
    prints='A check a line: ok, warn or fail, what was found, what to do; with --json {"check", '
    '"verdict", "found", "advice"} a line. Exit code 1 if one failed.',
)
@click.pass_obj
def doctor(call: Call) -> int | None:
    """Check the set-up and say what to do.

    Python, home, disk, port, network, mDNS, firewall, clock, neighbours, and what neighbours can
    see of you. Changes nothing.
    """
    from ..node.doctor import Check, check_up

    failed = False

    def say(check: Check) -> None:
        call.screen.row(
            {
                "check": check.name,
                "verdict": check.verdict,
                "found": check.found,
                "advice": check.advice or None,
            }
        )
        _print(call, check.name, check.verdict, check.found, check.advice)

    try:
        config = call.config()
    except DeskError as error:
        say(Check("settings", "fail", error.message, error.hint or tell("mend config.toml")))
        return 1
    live, store_check = _ask_home(call)
    for check in check_up(call.home, config, live, _offset_ms(live)):
        failed |= check.verdict == "fail"
        say(check)
    say(Check("store", *store_check))
    return 1 if failed or store_check[0] == "fail" else None


def _ask_home(call: Call) -> tuple[dict[str, Any] | None, Any]:
    """The running node's status, if one runs, and how the store is."""
    if not call.home.exists:
        return None, ("ok", tell("not there yet"), "")
    try:
        with call.office() as office:
            counts = office.call("status-local", {})["counts"]
            records = counts["records"]
            told = tell("{records:,} records, {room}", records=records, room=room_text(counts))
            live = office.call("status", {}) if office.node is not None else None
    except DeskError as error:
        return None, ("fail", error.message, error.hint or "")
    if is_nearly_full(counts):
        return live, (
            "warn",
            told,
            tell("more room: {how}", how=more_room_text(counts)),
        )
    return live, (
        "ok",
        told,
        tell("`jangteo verify` checks every signature") if live is None else "",
    )


def _offset_ms(live: dict[str, Any] | None) -> int | None:
    offset = (live or {}).get("clock_offset_ms")
    return offset if isinstance(offset, int) else None


def _print(call: Call, name: str, verdict: str, found: str, advice: str) -> None:
    screen = call.screen
    if screen.is_json:
        return
    mark, style = _MARKS[verdict]
    name_cells = _NAME_CELLS if spoken().code == ENGLISH else _NAME_CELLS_WIDE
    indent = name_cells + 7 if screen.cells >= 60 else 2
    lines = cells.flow(call.named(safe_line(in_tongue(found))), screen.cells - indent)
    head = f"{screen.paint(cells.pad(_(mark), 5), style)} {cells.pad(_(name), name_cells)} "
    if indent > 2:
        screen.say(head + lines[0])
        lines = lines[1:]
    else:
        screen.say(head.rstrip())
    for line in lines:
        screen.say(" " * indent + line)
    if advice and verdict != "ok":
        for number, line in enumerate(
            cells.flow(call.named(safe_line(in_tongue(advice))), screen.cells - indent - 2)
        ):
            screen.say(" " * indent + ("  " if number else "→ ") + line, "dim")
