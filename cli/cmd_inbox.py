"""`inbox`, `outbox`, `mute`: what was said to you, what you owe, and how to have your peace."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..node.desk_error import usage
from ..node.safe_text import safe_line
from ..protocol.limits import LETTER_DAYS
from ..protocol.told import tell
from .ago import ago, ago_text
from .call import Call
from .listing_view import ID_CHARS_MIN, counted, person_text, short_ids
from .message_view import excerpt, message_text, room_title, state_text, who_text
from .table import Column
from .tongue import _
from .verb import verb

_ROOMS = (
    Column("ROOM", ID_CHARS_MIN, 10, is_whole=True, style="id"),
    Column("NEW", 3, 9, is_right=True, is_whole=True, style="price"),
    Column("WITH", 8, 8),
    Column("ABOUT", 8, 5),
    Column("LAST", 12, 7),
    Column("WHEN", 8, 4, is_whole=True, style="dim"),
)
_FOUND = (
    Column("ROOM", ID_CHARS_MIN, 9, is_whole=True, style="id"),
    Column("WHO", 8, 6),
    Column("TEXT", 12, 8),
    Column("WHEN", 8, 4, is_whole=True, style="dim"),
)
_OWED = (
    Column("ID", ID_CHARS_MIN, 9, is_whole=True, style="id"),
    Column("TO", 8, 6),
    Column("TEXT", 12, 5),
    Column("STATE", 8, 8),
    Column("GIVES UP", 8, 4, style="dim"),
)


@verb(
    examples=("jangteo inbox", "jangteo inbox --unread", 'jangteo inbox --find "station"'),
    prints="A line per room, the latest first; with --json one room a line: room, person, name, "
    "listing, title, unread, muted, last. With --find one message a line.",
)
@click.option("--unread", is_flag=True, help="Only rooms with something new.")
@click.option("--find", metavar="TEXT", help="Messages with this text in them, of all rooms.")
@click.option("--limit", metavar="N", help="At most N lines; 50 unless told.")
@click.pass_obj
def inbox(call: Call, unread: bool, find: str | None, limit: str | None) -> None:
    """Show who wrote to you, and what about.

    `jangteo talk ROOM` opens one.
    """
    result = call.ask("inbox", unread=unread or None, find=find, limit=limit)
    if find is not None:
        _found(call, result["messages"])
        return
    for room in result["rooms"]:
        call.screen.row(room)
    if not result["rooms"]:
        call.screen.talk(_("nothing new") if unread else _("nobody has written to you yet"))
        return
    short = short_ids([room["room"] for room in result["rooms"]])
    call.screen.table(
        _ROOMS,
        [
            (
                short[room["room"]],
                f"{room['unread']:,}" if room["unread"] else "",
                ("(muted) " if room["muted"] else "") + person_text(room["person"], room["name"]),
                room_title(room),
                excerpt(room["last"]),
                ago_text(room["last"]["at"]) if room["last"] else "",
            )
            for room in result["rooms"]
        ],
    )
    if result["has_more"]:
        call.screen.talk(_("there are more: --limit N shows them"), "dim")
    call.notices(result)


@verb(
    examples=("jangteo outbox", "jangteo outbox --all", "jangteo outbox --again 5b1c9a02"),
    prints="What is under way and how far it is; with --json one message a line: id, room, person, "
    "name, state, stored_by, sealed, written_at, ends_at.",
)
@click.option("--all", "is_all", is_flag=True, help="Also what has come.")
@click.option("--again", metavar="ID", help="Send one once more, for another 14 days.")
@click.option("--limit", metavar="N", help="At most N lines; 50 unless told.")
@click.pass_obj
def outbox(call: Call, is_all: bool, again: str | None, limit: str | None) -> None:
    """Show what you have said that is still on its way.

    Every message is kept here and by your neighbours until the other side has it, for 14 days; then
    you are told that it did not come.
    """
    if again is not None:
        result = call.ask("resend", id=again)
        entries = [result["entry"]]
    else:
        result = call.ask("outbox", all=is_all or None, limit=limit)
        entries = result["entries"]
    for entry in entries:
        call.screen.row(entry)
    if not entries:
        call.screen.talk(_("everything has come"))
        return
    short = short_ids([entry["id"] for entry in entries])
    call.screen.table(
        _OWED,
        [
            (
                short[entry["id"]],
                person_text(entry["person"], entry["name"]),
                " ".join(message_text(entry).split()),
                state_text(entry) if entry["sealed"] else _("waits for their key"),
                gives_up_text(entry),
            )
            for entry in entries
        ],
    )
    if result.get("has_more"):
        call.screen.talk(_("there are more: --limit N shows them"), "dim")
    call.notices(result)


@verb(
    examples=("jangteo mute 5b1c9a02", "jangteo mute 5b1c9a02 --off"),
    prints='The room; with --json {"room", "name", "muted", "changed"}.',
)
@click.argument("to")
@click.option("--off", is_flag=True, help="Hear of it again.")
@click.pass_obj
def mute(call: Call, to: str, off: bool) -> None:
    """Hear nothing more of a room; what is said there still comes.

    `jangteo block PERSON` keeps somebody out altogether.
    """
    result = call.ask("mute", to=to, on=not off)
    call.answer({name: result[name] for name in ("room", "name", "muted", "changed")}, result)
    if result["muted"]:
        said, again = _("room {room} is muted"), _("room {room} is muted already")
    else:
        said, again = _("room {room} is heard again"), _("room {room} is heard again already")
    pattern = said if result["changed"] else again
    call.screen.say_safe(pattern.format(room=result["room"][:ID_CHARS_MIN]))
    call.notices(result)


@verb(
    examples=("jangteo forget 5b1c9a02 --yes",),
    prints='How much was deleted; with --json {"room", "name", "deleted"}.',
)
@click.argument("to")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(call: Call, to: str, yes: bool) -> None:
    """Delete what was said in a room, on this machine.

    The other side keeps theirs. What deals were made there is forgotten here too: reviews of them
    cannot be written any more.
    """
    if not yes:
        room = call.ask("room", to=to, limit=1)
        if not sys.stdin.isatty():
            raise usage(
                tell("what is deleted is gone for good, and nobody is here to ask: say --yes")
            )
        title = room_title(room)
        who = person_text(room["person"], room["name"])
        if title:
            who = _("{who} about {title}").format(who=who, title=title)
        click.confirm(
            _("Delete everything that was said with {who}, here, for good?").format(
                who=safe_line(who)
            ),
            abort=True,
        )
    result = call.ask("forget", to=to)
    call.answer({name: result[name] for name in ("room", "name", "deleted")}, result)
    call.screen.say(
        _("{messages} deleted here").format(messages=counted(result["deleted"], "message"))
    )
    call.notices(result)


def gives_up_text(entry: Mapping[str, Any]) -> str:
    """In 14 days at most, though a letter ends with the day, so that it tells no hour."""
    if entry["state"] not in ("written", "stored"):
        return ""
    now = datetime.now(UTC)
    return ago(min(datetime.fromisoformat(entry["ends_at"]), now + timedelta(LETTER_DAYS)), now)


def _found(call: Call, messages: list[dict[str, object]]) -> None:
    for message in messages:
        call.screen.row(message)
    if not messages:
        call.screen.talk(_("no message has that in it"))
        return
    short = short_ids([str(message["room"]) for message in messages])
    call.screen.table(
        _FOUND,
        [
            (
                short[str(message["room"])],
                who_text(message),
                " ".join(message_text(message).split()),
                ago_text(str(message["at"])),
            )
            for message in messages
        ],
    )
