"""`contacts`: people whose listings stay, however full the store."""

import click

from .ago import ago_text
from .call import Call
from .listing_view import person_text
from .table import Column
from .tongue import _
from .verb import verb, verb_group

_COLUMNS = (
    Column("AUTHOR", 8, 4, style="id"),
    Column("NAME", 6, 3),
    Column("NOTE", 6, 2),
    Column("SINCE", 8, 1, style="dim"),
)


@verb_group(
    name="contacts",
    examples=(
        "jangteo contacts",
        'jangteo contacts add 9c1d04aa --note "the potter"',
        "jangteo contacts remove 9c1d04aa",
    ),
)
@click.pass_context
def contacts(ctx: click.Context) -> None:
    """Keep the listings of people you know.

    However full your store is, strangers' records do not displace theirs; theirs displace
    strangers'. Only here: nobody is told. Alone it lists your contacts; with --json {"author",
    "name", "note", "since"} a line.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Call))


def _list(call: Call) -> None:
    result = call.ask("contacts")
    found = result["contacts"]
    for entry in found:
        call.screen.row(entry)
    rows = [
        (entry["author"][:16], entry["name"] or "", entry["note"], ago_text(entry["since"]))
        for entry in found
    ]
    if rows:
        call.screen.table(_COLUMNS, rows)
    else:
        hint = _("`{prefix} contacts add PERSON` keeps somebody's listings").format(
            prefix=call.command_prefix()
        )
        call.screen.talk(_("no contacts yet: {hint}").format(hint=hint))


@verb(
    examples=("jangteo contacts add 9c1d04aa", 'jangteo contacts add Mina --note "the potter"'),
    prints='Who is a contact now; with --json {"author", "name", "note", "changed"}.',
)
@click.argument("person")
@click.option("--note", metavar="TEXT", help="What you want to remember about them; only here.")
@click.pass_obj
def add(call: Call, person: str, note: str | None) -> None:
    """Make somebody a contact, or change the note.

    PERSON is the key, its first 4 digits or more, or the whole name, if only one author has it.
    """
    result = call.ask("keep", author=person, note=note)
    call.answer({name: result[name] for name in ("author", "name", "note", "changed")}, result)
    who = person_text(result["author"], result["name"])
    noted = f": {result['note']}" if result["note"] else ""
    call.screen.say_safe(
        _("{who} is a contact{noted}").format(who=who, noted=noted)
        if result["changed"]
        else _("{who} was a contact already{noted}").format(who=who, noted=noted)
    )
    undo = f"{call.command_prefix()} contacts remove {result['author'][:16]}"
    call.screen.talk(_("  undo: `{undo}`").format(undo=undo))
    call.notices(result)


@verb(
    examples=("jangteo contacts remove 9c1d04aa",),
    prints='Who is no contact any more; with --json {"author", "name", "changed"}.',
)
@click.argument("person")
@click.pass_obj
def remove(call: Call, person: str) -> None:
    """Make somebody a stranger again.

    Nothing is dropped at once: what is here of them stays as long as there is room.
    """
    result = call.ask("unkeep", author=person)
    call.answer({name: result[name] for name in ("author", "name", "changed")}, result)
    who = person_text(result["author"], result["name"])
    call.screen.say_safe(
        _("{who} is no contact any more").format(who=who)
        if result["changed"]
        else _("{who} was no contact").format(who=who)
    )
    call.notices(result)


@verb(
    name="list",
    examples=("jangteo contacts list",),
    prints='Everybody whose listings you keep; with --json {"author", "name", "note", "since"} a '
    "line.",
)
@click.pass_obj
def list_(call: Call) -> None:
    """Show all contacts."""
    _list(call)


contacts.add_command(list_)
contacts.add_command(add)
contacts.add_command(remove)
