"""`block` and `unblock`: authors one wants to see nothing of."""

from typing import Any

import click

from ..node.safe_text import safe_line
from .ago import ago_text
from .call import Call
from .listing_view import counted, person_text
from .table import Column
from .tongue import _
from .verb import verb

_COLUMNS = (
    Column("AUTHOR", 8, 3, style="id"),
    Column("NAME", 6, 2),
    Column("SINCE", 8, 1, style="dim"),
)


@verb(
    examples=("jangteo block 9c1d04aa", "jangteo block"),
    prints="Who is blocked and how many of their records were dropped; alone, everybody you block. "
    'With --json {"author", "name", "changed", "forgotten", '
    '"contact", "note"}, alone {"author", "name", "since"} a line.',
)
@click.argument("author", required=False, metavar="[AUTHOR]")
@click.pass_obj
def block(call: Call, author: str | None) -> None:
    """See and pass on nothing more of an author.

    At once: what this machine has of them goes, and nothing of theirs is stored or passed on any
    more; whoever was a contact is none afterwards. AUTHOR is the key, its first 4 digits or more,
    or the whole name, if only one author has it. Nobody is told.
    """
    screen = call.screen
    if author is None:
        result = call.ask("blocked")
        for entry in result["blocked"]:
            screen.row(entry)
        if result["blocked"]:
            screen.table(_COLUMNS, [_row(entry) for entry in result["blocked"]])
        else:
            screen.talk(_("you block nobody"))
        return
    result = call.ask("block", author=author)
    call.answer(_shown(result, "forgotten", "contact", "note"), result)
    who = person_text(result["author"], result["name"])
    screen.say_safe(
        _("{who} is blocked; {records} dropped").format(
            who=who, records=counted(result["forgotten"], "record")
        )
        if result["changed"]
        else _("{who} was blocked already").format(who=who)
    )
    if result["contact"]:
        noted = (
            _(" (your note: {note})").format(note=safe_line(result["note"]))
            if result["note"]
            else ""
        )
        screen.talk(
            _("  and no contact any more{noted}; undoing does not bring that back").format(
                noted=noted
            )
        )
    screen.talk(
        _("  undo: `{prefix} unblock {author}`").format(
            prefix=call.command_prefix(), author=result["author"][:16]
        )
    )
    call.notices(result)


@verb(
    examples=("jangteo unblock Hana", "jangteo unblock 9c1d04aa"),
    prints='Who is no longer blocked; with --json {"author", "name", "changed"}.',
)
@click.argument("author")
@click.pass_obj
def unblock(call: Call, author: str) -> None:
    """Undo a block.

    A running node asks its neighbours at once for what was dropped. AUTHOR is the key, its first 4
    digits or more, or the whole name, as `jangteo block` lists them. Who was a contact is added
    again with `jangteo contacts add`.
    """
    result = call.ask("unblock", author=author)
    call.answer(_shown(result), result)
    who = person_text(result["author"], result["name"])
    call.screen.say_safe(
        _("{who} is no longer blocked").format(who=who)
        if result["changed"]
        else _("{who} was not blocked").format(who=who)
    )
    if result["changed"]:
        call.screen.talk(_("  a running node asks its neighbours now for what was dropped"))
    call.notices(result)


def _row(entry: dict[str, Any]) -> tuple[str, str, str]:
    since = ago_text(entry["since"]) if entry["since"] else ""
    return entry["author"][:16], entry["name"] or "", since


def _shown(result: dict[str, object], *more: str) -> dict[str, object]:
    return {name: result[name] for name in ("author", "name", "changed", *more)}
