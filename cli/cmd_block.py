"""`block` and `unblock`: authors one wants to see nothing of."""

import click

from .call import Call
from .listing_view import counted, person_text
from .table import Column
from .verb import verb


@verb(
    examples=("jangteo block 9c1d04aa", "jangteo block"),
    prints="Who is blocked and how many of their records were dropped; alone, everybody you block. "
    'With --json {"author", "name", "changed", "forgotten"}.',
)
@click.argument("author", required=False, metavar="[AUTHOR]")
@click.pass_obj
def block(call: Call, author: str | None) -> None:
    """See and pass on nothing more of an author.

    At once: what this machine has of them goes, and nothing of theirs is stored or passed on any
    more; whoever was a contact is none afterwards. AUTHOR is the key, its first 4 digits or more,
    or a name or a part of one, if only one author fits. Nobody is told.
    """
    screen = call.screen
    if author is None:
        result = call.ask("blocked")
        for entry in result["blocked"]:
            screen.row(entry)
        if result["blocked"]:
            rows = [(entry["author"][:16], entry["name"] or "") for entry in result["blocked"]]
            screen.table((Column("AUTHOR", 8, 2, style="id"), Column("NAME", 6, 1)), rows)
        else:
            screen.talk("you block nobody")
        return
    result = call.ask("block", author=author)
    call.answer(_shown(result, "forgotten"), result)
    who = person_text(result["author"], result["name"])
    screen.say_safe(
        f"{who} is blocked; {counted(result['forgotten'], 'record')} dropped"
        if result["changed"]
        else f"{who} was blocked already"
    )
    screen.talk(f"  undo: `{call.command_prefix()} unblock {result['author'][:16]}`")
    call.notices(result)


@verb(
    examples=("jangteo unblock 9c1d04aa",),
    prints='Who is no longer blocked; with --json {"author", "name", "changed"}.',
)
@click.argument("author")
@click.pass_obj
def unblock(call: Call, author: str) -> None:
    """Undo a block.

    What was dropped comes back from the neighbours by and by; `jangteo sync` asks them now. AUTHOR
    is the key or its first 4 digits or more, as `jangteo block` lists them: the name went with
    what was dropped.
    """
    result = call.ask("unblock", author=author)
    call.answer(_shown(result), result)
    who = person_text(result["author"], result["name"])
    call.screen.say_safe(
        f"{who} is no longer blocked" if result["changed"] else f"{who} was not blocked"
    )
    if result["changed"]:
        sync = f"{call.command_prefix()} sync"
        call.screen.talk(f"  what was dropped comes back by and by; `{sync}` asks for it now")
    call.notices(result)


def _shown(result: dict[str, object], *more: str) -> dict[str, object]:
    return {name: result[name] for name in ("author", "name", "changed", *more)}
