"""`favourites`, `follow`, `saved`, `notifications`: what you keep an eye on, what came of it."""

from shlex import quote
from typing import Any

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .ago import ago_text
from .call import Call
from .listing_id import SUGGESTED_CATEGORY
from .listing_view import ID_CHARS_MIN, person_text, print_table
from .notification_view import notification_text
from .table import Column
from .tongue import _
from .verb import verb

_PEOPLE = (
    Column("AUTHOR", 8, 4, style="id"),
    Column("NAME", 6, 3),
    Column("SINCE", 8, 1, style="dim"),
)
_SEARCHES = (Column("NAME", 6, 4, style="id"), Column("LOOKS FOR", 12, 3), Column("SINCE", 8, 1))
_NOTES = (Column("WHEN", 8, 3, is_whole=True, style="dim"), Column("WHAT", 20, 4))


@verb(
    examples=(
        "jangteo favourites",
        "jangteo favourites 3fa91c07",
        "jangteo favourites 3fa91c07 --remove",
    ),
    prints="Your favourites as they are now; with --json a listing a line, with since. Of one that "
    'was marked {"listing", "changed"}.',
)
@click.argument("listing_id", metavar="[ID]", required=False)
@click.option("--remove", is_flag=True, help="No favourite any more.")
@click.pass_obj
def favourites(call: Call, listing_id: str | None, remove: bool) -> None:
    """Mark listings, and hear when their price or state changes.

    Alone it lists them. Only here: its seller is not told.
    """
    if listing_id is None:
        if remove:
            raise usage(tell("--remove needs the ID of a favourite"))
        _favourites(call)
    elif remove:
        result = call.ask("unfavour", id=listing_id)
        call.answer(result, result)
        call.screen.say(_("{id} is no favourite any more").format(id=result["id"][:ID_CHARS_MIN]))
    else:
        result = call.ask("favour", id=listing_id)
        call.answer({name: result[name] for name in ("listing", "changed")}, result)
        said, again = _("{title} is a favourite"), _("{title} is a favourite already")
        pattern = said if result["changed"] else again
        call.screen.say_safe(pattern.format(title=result["listing"]["title"]))
        call.notices(result)


def _favourites(call: Call) -> None:
    rows = call.ask("favourites")["rows"]
    for row in rows:
        call.screen.row(row)
    if not rows:
        call.screen.talk(
            _("none yet: `{prefix} favourites ID` marks a listing").format(
                prefix=call.command_prefix()
            )
        )
        return
    print_table(call.screen, [row for row in rows if row["status"] != "gone"])
    for row in rows:
        if row["status"] == "gone":
            call.screen.say_safe(
                _("{id}  {title}: not here at the moment").format(
                    id=row["id"][:ID_CHARS_MIN], title=row["title"]
                ),
                "dim",
            )


@verb(
    examples=("jangteo follow", "jangteo follow Mina", "jangteo follow Mina --stop"),
    prints='Whom you follow; with --json {"author", "name", "since"} a line. Of one, {"author", '
    '"name", "following", "changed"}.',
)
@click.argument("person", required=False)
@click.option("--stop", is_flag=True, help="No more.")
@click.pass_obj
def follow(call: Call, person: str | None, stop: bool) -> None:
    """Hear when a seller puts something up.

    Alone it lists whom you follow. Only here: they are not told.
    """
    if person is None:
        if stop:
            raise usage(tell("--stop needs a person"))
        _follows(call)
        return
    result = call.ask("follow", author=person, on=not stop)
    call.answer({name: result[name] for name in ("author", "name", "following", "changed")}, result)
    who = person_text(result["author"], result["name"])
    if result["following"]:
        said, again = _("you follow {who}"), _("you follow {who} as before")
    else:
        said, again = _("you do not follow {who}"), _("you do not follow {who} as before")
    call.screen.say_safe((said if result["changed"] else again).format(who=who))
    call.notices(result)


def _follows(call: Call) -> None:
    found = call.ask("follows")["follows"]
    for each in found:
        call.screen.row(each)
    if not found:
        call.screen.talk(
            _("nobody yet: `{prefix} follow PERSON` follows somebody").format(
                prefix=call.command_prefix()
            )
        )
        return
    rows = [(each["author"][:16], each["name"], ago_text(each["since"])) for each in found]
    call.screen.table(_PEOPLE, rows)


@verb(
    examples=(
        "jangteo saved",
        "jangteo saved bikes 자전거 --max-price 300000 --currency KRW",
        "jangteo saved bikes",
        "jangteo saved bikes --remove",
    ),
    prints='Your saved searches; with --json {"name", "query", "since"} a line. NAME alone shows '
    "what it finds now, as `search` does.",
    is_text=True,
)
@click.argument("name", required=False)
@click.argument("text", nargs=-1)
@click.option("--category", metavar="TEXT", type=SUGGESTED_CATEGORY, help="Of this category.")
@click.option("--min-price", metavar="PRICE", help="At least.")
@click.option("--max-price", metavar="PRICE", help="At most.")
@click.option("--currency", metavar="CODE", help="Prices in this currency only.")
@click.option("--place", metavar="TEXT", help="Whose place has these words.")
@click.option("--condition", metavar="WORD", help="new, like-new, good, fair or parts.")
@click.option("--market", metavar="NAME", help="In this market only.")
@click.option("--seller", metavar="WHO", help="By this name, or this beginning of a key.")
@click.option("--wanted/--offered", default=None, help="Only what is looked for, or offered.")
@click.option("--remove", is_flag=True, help="Look for it no more.")
@click.pass_obj
def saved(
    call: Call, /, name: str | None, text: tuple[str, ...], remove: bool, **filters: object
) -> None:
    """Save a search, and hear when something comes that fits.

    Alone it lists them; a NAME alone looks now.
    """
    if name in ("-h", "--help"):
        click.echo(click.get_current_context().get_help())
        return
    if unknown := [word for word in (name or "", *text) if word.startswith("--")]:
        raise usage(
            tell("no such option {unknown!r}", unknown=unknown[0]),
            tell("`jangteo saved --help` shows them"),
        )
    query = {key: value for key, value in filters.items() if value is not None}
    if text:
        query["text"] = " ".join(text)
    if name is None:
        if query or remove:
            raise usage(tell("a saved search has a name: `jangteo saved NAME WORDS`"))
        _searches(call)
    elif remove:
        result = call.ask("unsave", name=name)
        call.answer(result, result)
        call.screen.say_safe(_("{name} is no longer looked for").format(name=result["name"]))
    elif query:
        result = call.ask("save", name=name, query=query)
        call.answer({key: result[key] for key in ("name", "query", "changed")}, result)
        call.screen.say_safe(
            _("{name}: you hear when something comes that fits").format(name=result["name"])
        )
        call.notices(result)
    else:
        _look(call, name)


def _searches(call: Call) -> None:
    found = call.ask("saved")["saved"]
    for each in found:
        call.screen.row(each)
    if not found:
        call.screen.talk(
            _("none yet: `{prefix} saved NAME WORDS` saves one").format(
                prefix=call.command_prefix()
            )
        )
        return
    rows = [(each["name"], _asked(each["query"]), ago_text(each["since"])) for each in found]
    call.screen.table(_SEARCHES, rows)


def _asked(query: dict[str, Any]) -> str:
    filters = [f"{name}: {value}" for name, value in query.items() if name != "text"]
    return " · ".join([str(query["text"]), *filters] if "text" in query else filters)


def _look(call: Call, name: str) -> None:
    (found,) = call.ask("saved", name=name)["saved"]
    result = call.ask("search", **found["query"])
    for row in result["rows"]:
        call.screen.row(row)
    if not result["rows"]:
        call.screen.talk(_("nothing fits at the moment"))
        return
    print_table(call.screen, result["rows"])
    if result["has_more"]:
        words = quote(str(found["query"].get("text", "")))
        call.screen.talk(
            _("there is more: `{prefix} search {words}`").format(
                prefix=call.command_prefix(), words=words
            ),
            "dim",
        )


@verb(
    examples=(
        "jangteo notifications",
        "jangteo notifications --all",
        "jangteo notifications --keep",
    ),
    prints="What came since you looked last, the latest first; with --json one a line: id, at, "
    "kind (saved, follow, favourite, question, answer, review), seen, and what it is about.",
)
@click.option("--all", "is_all", is_flag=True, help="Also what you have seen.")
@click.option("--keep", is_flag=True, help="Do not mark them as seen.")
@click.option("--limit", metavar="N", help="At most N lines; 50 unless told.")
@click.pass_obj
def notifications(call: Call, is_all: bool, keep: bool, limit: str | None) -> None:
    """Show what came: of what you keep an eye on, of questions, of reviews.

    A running node looks out for them; what is shown is marked as seen.
    """
    result = call.ask("notifications", all=is_all or None, limit=limit)
    found = result["notifications"]
    for note in found:
        call.screen.row(note)
    if not found:
        call.screen.talk(_("nothing new"))
        return
    rows = [(ago_text(note["at"]), notification_text(note)) for note in found]
    call.screen.table(_NOTES, rows)
    left = result["unseen"] - sum(not note["seen"] for note in found)
    if result["dropped"]:
        call.screen.warn(
            _("{dropped:,} older ones made room before you saw them").format(
                dropped=result["dropped"]
            )
        )
    if left > 0:
        call.screen.talk(
            _("and {left:,} older ones: --limit N shows them").format(left=left), "dim"
        )
    elif not keep:
        call.ask("see", up_to=max(note["id"] for note in found))
