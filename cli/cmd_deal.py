"""`offer`, `accept`, `decline`, … `deals`: haggling, and what comes of it."""

from typing import Any

import click

from .ago import ago_text
from .call import Call
from .listing_view import ID_CHARS_MIN, person_text, price_text, short_ids
from .message_view import message_text, state_text
from .table import Column
from .tongue import _, in_tongue
from .verb import verb

_COLUMNS = (
    Column("DEAL", ID_CHARS_MIN, 10, is_whole=True, style="id"),
    Column("PRICE", 3, 9, is_right=True, is_whole=True, style="price"),
    Column("QTY", 3, 9, is_right=True, is_whole=True),
    Column("TITLE", 10, 6),
    Column("WITH", 8, 5),
    Column("STATE", 8, 8),
    Column("WAITS FOR", 4, 7),
    Column("WHEN", 8, 3, is_whole=True, style="dim"),
)
_PRINTS = (
    'What you said, and the deal as it is now; with --json {"message", "deal", '
    '"room", "person", "name"}.'
)
_TO = click.argument("to")


def _answer(call: Call, result: dict[str, Any]) -> None:
    names = ("message", "deal", "room", "person", "name")
    call.answer({name: result[name] for name in names}, result)
    message, deal = result["message"], result["deal"]
    who = person_text(result["person"], result["name"])
    call.screen.say_safe(
        _("to {who}: {message_text} ({state_text})").format(
            who=who, message_text=message_text(message), state_text=state_text(message)
        )
    )
    state = f"{_pieces(deal)}{in_tongue(deal['shown'])}{_waiting(deal)}"
    call.screen.say_safe(f"  {deal['deal'][:ID_CHARS_MIN]}: {state}")
    if result.get("waits_for_key"):
        call.screen.talk(
            _("  their key has not come here yet: it is sent as soon as it does"), "dim"
        )
    call.notices(result)


def _pieces(deal: dict[str, Any]) -> str:
    """How many it is about, where that is not one: an answer names no number by itself."""
    return (
        ""
        if deal["quantity"] in (None, 1)
        else _("{quantity:,} pieces · ").format(quantity=deal["quantity"])
    )


def _waiting(deal: dict[str, Any]) -> str:
    match deal["waits_for"]:
        case "you":
            return _(" · waits for you")
        case "them":
            return _(" · waits for them")
        case _:
            return ""


def _waits_for(deal: dict[str, Any]) -> str:
    match deal["waits_for"]:
        case "you":
            return _("you")
        case "them":
            return _("them")
        case "both":
            return _("both")
        case _:
            return ""


@verb(
    examples=(
        "jangteo offer 3fa91c07 900000",
        'jangteo offer 3fa91c07 "$80" --note "I can come tonight"',
        "jangteo offer 3fa91c07 20000 --quantity 2 --expires 12h",
    ),
    prints=_PRINTS,
)
@_TO
@click.argument("price")
@click.option(
    "--quantity",
    metavar="N",
    help="How many pieces, for that price in all; 1, or as many as before.",
)
@click.option("--note", metavar="TEXT", help="A word with it.")
@click.option("--expires", metavar="WHEN", help="Until when it stands; 48h unless told.")
@click.pass_obj
def offer(
    call: Call, to: str, price: str, quantity: str | None, note: str | None, expires: str | None
) -> None:
    """Offer a price for a listing, or counter an offer.

    TO is a listing of somebody's, or the room about it. It binds you until it expires or you take
    it back; it becomes a deal when the listing's author confirms it.
    """
    _answer(
        call, call.ask("offer", to=to, price=price, quantity=quantity, note=note, expires=expires)
    )


@verb(
    examples=("jangteo counter 5b1c9a02 920000", 'jangteo counter 5b1c9a02 920000 --note "last"'),
    prints=_PRINTS,
)
@_TO
@click.argument("price")
@click.option(
    "--quantity", metavar="N", help="How many pieces, for that price in all; as many as before."
)
@click.option("--note", metavar="TEXT", help="A word with it.")
@click.option("--expires", metavar="WHEN", help="Until when it stands; 48h unless told.")
@click.pass_obj
def counter(
    call: Call, to: str, price: str, quantity: str | None, note: str | None, expires: str | None
) -> None:
    """Answer an offer with another one.

    TO is a deal, or the room in which you haggle. If it is your listing and they accept, your node
    confirms by itself: the first who accepts has it.
    """
    _answer(
        call, call.ask("offer", to=to, price=price, quantity=quantity, note=note, expires=expires)
    )


@verb(examples=("jangteo accept 5b1c9a02", "jangteo accept 3fa91c07 --anyway"), prints=_PRINTS)
@_TO
@click.option("--anyway", is_flag=True, help="Though the listing has changed since the offer.")
@click.pass_obj
def accept(call: Call, to: str, anyway: bool) -> None:
    """Take the offer that the other side made.

    TO is a deal, or the listing or room it is about. On your own listing that makes it a deal, and
    takes the pieces off the listing. On another's, its author's node confirms it when it hears of
    it, unless somebody was first.
    """
    _answer(call, call.ask("accept", to=to, anyway=anyway or None))


@verb(
    examples=("jangteo decline 5b1c9a02", 'jangteo decline 5b1c9a02 "too little"'),
    prints=_PRINTS,
)
@_TO
@click.argument("reason", required=False)
@click.pass_obj
def decline(call: Call, to: str, reason: str | None) -> None:
    """Say no to an offer. The other side may make another."""
    _answer(call, call.ask("decline", to=to, reason=reason))


@verb(examples=("jangteo retract 5b1c9a02",), prints=_PRINTS)
@_TO
@click.pass_obj
def retract(call: Call, to: str) -> None:
    """Take your offer back, as long as nobody took it."""
    _answer(call, call.ask("retract", to=to))


@verb(examples=("jangteo done 5b1c9a02",), prints=_PRINTS)
@_TO
@click.pass_obj
def done(call: Call, to: str) -> None:
    """Say that your part is done: handed over, or received.

    How you paid is between the two of you: nothing here moves money, or knows whether it moved.
    """
    _answer(call, call.ask("done", to=to))


@verb(examples=('jangteo cancel 5b1c9a02 "it broke"',), prints=_PRINTS)
@_TO
@click.argument("reason")
@click.pass_obj
def cancel(call: Call, to: str, reason: str) -> None:
    """End a deal that comes to nothing, and say why.

    The pieces go back onto the listing. The other side can still review it.
    """
    _answer(call, call.ask("cancel", to=to, reason=reason))


@verb(examples=("jangteo noshow 5b1c9a02",), prints=_PRINTS)
@_TO
@click.pass_obj
def noshow(call: Call, to: str) -> None:
    """Say that the other side did not come.

    It is what you say, and is kept as that. The pieces go back onto the listing.
    """
    _answer(call, call.ask("noshow", to=to))


@verb(
    examples=("jangteo deals", "jangteo deals --all", "jangteo deals 3fa91c07 --json"),
    prints="A line per deal, the latest first; with --json one deal a line: deal, room, listing, "
    "title, person, name, role, state, shown, waits_for, price, quantity, expires_at, "
    'may_review, my_review (null, "kept" or "published"), their_review (null, "committed", '
    '"published", or "changed" from what they had committed to).',
)
@click.argument("to", required=False)
@click.option("--all", "is_all", is_flag=True, help="Also those that are over.")
@click.option("--limit", metavar="N", help="At most N lines; 500 unless told.")
@click.pass_obj
def deals(call: Call, to: str | None, is_all: bool, limit: str | None) -> None:
    """Show your offers and deals, and who is to act.

    TO shows one deal, or all about a listing, in a room or with a person.
    """
    result = call.ask("deals", to=to, all=is_all or None, limit=limit)
    found = result["deals"]
    for deal in found:
        call.screen.row(deal)
    if not found:
        call.screen.talk(_("no deal is open") if not is_all else _("no deals yet"))
        return
    short = short_ids([deal["deal"] for deal in found])
    call.screen.table(
        _COLUMNS,
        [
            (
                short[deal["deal"]],
                price_text(deal["price"]) if deal["price"] else "",
                f"{deal['quantity']:,}" if deal["quantity"] else "",
                deal["title"],
                person_text(deal["person"], deal["name"]),
                deal["shown"],
                _waits_for(deal),
                ago_text(deal["changed_at"]),
            )
            for deal in found
        ],
    )
    if result["has_more"]:
        call.screen.talk(_("there are more: --limit N shows them"), "dim")
    call.notices(result)
