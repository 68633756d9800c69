"""`send`, `meet`, `agree`: one thing said in private, without staying in the room."""

from typing import Any

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .call import Call
from .listing_view import person_text
from .message_view import message_text, state_text
from .tongue import _
from .verb import verb

_TO = click.argument("to")
_PRINTS = (
    'Whom it went to, and how far it is; with --json {"message", "room", '
    '"person", "name"}: "state" is written, stored (by "stored_by" peers), '
    "delivered, read or expired."
)


@verb(
    examples=(
        'jangteo send 3fa91c07 "Is it still there? I could come tonight."',
        'jangteo send Mina "Shall we meet at the station?"',
    ),
    prints=_PRINTS,
    is_text=True,
)
@_TO
@click.argument("text")
@click.pass_obj
def send(call: Call, to: str, text: str) -> None:
    """Write to a seller, or to anyone.

    TO is a listing (its seller), a room of your inbox, or a person. Only they can read it. It goes
    from neighbour to neighbour until it comes, for 14 days, whether or not you are on meanwhile.
    """
    told(call, call.ask("send", to=to, text=text))


@verb(
    examples=('jangteo meet 3fa91c07 "Saturday at 3" --place "exit 2 of Wangsimni station"',),
    prints=_PRINTS,
    is_text=True,
)
@_TO
@click.argument("time")
@click.option("--place", metavar="TEXT", help="Where; only the two of you will know.")
@click.pass_obj
def meet(call: Call, to: str, time: str, place: str | None) -> None:
    """Propose when and where to meet.

    TO is a listing, a room or a person, TIME any words. The other side agrees with `agree`.
    """
    if not time.strip():
        raise usage(
            tell("a meeting needs a time, in any words"),
            tell("`jangteo meet {to} 'Saturday at 3'`", to=to),
        )
    told(call, call.ask("meet", to=to, time=time, place=place))


@verb(examples=("jangteo agree 3fa91c07",), prints=_PRINTS)
@_TO
@click.pass_obj
def agree(call: Call, to: str) -> None:
    """Agree to the meeting that was proposed to you last."""
    told(call, call.ask("agree", to=to))


def told(call: Call, result: dict[str, Any]) -> None:
    """Of something that was said."""
    message = result["message"]
    told_json = {name: result[name] for name in ("message", "room", "person", "name")}
    call.answer(told_json, result)
    who = person_text(result["person"], result["name"])
    call.screen.say_safe(
        _("to {who}: {message_text} ({state_text})").format(
            who=who, message_text=message_text(message), state_text=state_text(message)
        )
    )
    if result.get("waits_for_key"):
        call.screen.talk(
            _(
                "  their key has not come here yet: it is sealed and sent as soon "
                "as it does (`{prefix} outbox`)"
            ).format(prefix=call.command_prefix()),
            "dim",
        )
    elif message["state"] == "written":
        call.screen.talk(
            _("  no neighbour has it yet: it goes out when `{prefix} up` meets one").format(
                prefix=call.command_prefix()
            ),
            "dim",
        )
    call.notices(result)
