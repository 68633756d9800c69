"""`person`: what one knows of somebody, and what others wrote of them."""

from typing import Any

import click

from ..node.safe_text import safe_block, safe_line
from . import cells
from .ago import ago_text
from .call import Call
from .listing_view import counted, person_text, price_text
from .person_view import place_text
from .tongue import N_, _, in_tongue
from .verb import verb

_KNOWN = {
    "you": N_("you"),
    "contact": N_("a contact of yours"),
    "dealt": N_("you had a deal"),
    "talked": N_("you have talked"),
    None: N_("you do not know them"),
}
_STYLES = {"good": "good", "mixed": "warn", "bad": "bad"}


@verb(
    examples=("jangteo person Mina", "jangteo person 9c1d04aa", "jangteo person"),
    prints="Who somebody is, what you know of them, your deals with them, and the reviews of them, "
    'each with who wrote it; with --json one object with "deals", "reviews" and "written" (by '
    'them); of a review, "known" is you, contact, dealt, talked or null.',
)
@click.argument("person_id", metavar="[PERSON]", required=False)
@click.pass_obj
def person(call: Call, person_id: str | None) -> None:
    """Show what you know of somebody, and their reviews.

    PERSON is the key, its first 4 digits or more, or the whole name, if only one author has it;
    alone it shows what others see of you. Every review stands on a deal that both signed; two keys
    of one person can make such deals too, so look at who wrote it: there is no average.
    """
    result = call.ask("person", author=person_id)
    call.answer({name: value for name, value in result.items() if name != "notices"}, result)
    if not call.screen.is_json:
        _print(call, result)
    call.notices(result)


def _print(call: Call, result: dict[str, Any]) -> None:
    screen = call.screen
    screen.say_safe(result["name"] or _("(no name)"), "bold")
    if result["about"]:
        screen.say(safe_block(result["about"]))
    if where := place_text(result):
        screen.say_safe(where)
    screen.say(_("author: {author}").format(author=result["author"]), "dim")
    ties = [
        told
        for told, is_so in (
            (_("you"), result["mine"]),
            (_("a contact of yours"), result["contact"]),
            (_("you follow them"), result["following"]),
            (_("BLOCKED"), result["blocked"]),
        )
        if is_so
    ]
    goods = _("{listings} up").format(listings=counted(result["listings"], "listing"))
    screen.say(" · ".join([goods, *ties]))
    if result["note"]:
        screen.say_safe(_("your note: {note}").format(note=result["note"]))
    for deal in result["deals"]:
        price = price_text(deal["price"]) if deal.get("price") else ""
        told = " · ".join(filter(None, (deal["title"], price, in_tongue(deal["shown"]))))
        screen.say_safe(_("deal {deal}: {told}").format(deal=deal["deal"][:8], told=told))
    if not result["reviews"]:
        screen.talk(
            _("nobody has reviewed them yet") if not result["mine"] else _("no reviews of you")
        )
    for review in result["reviews"]:
        _review(call, review)


def _review(call: Call, review: dict[str, Any]) -> None:
    screen = call.screen
    known = "" if review["known"] == "you" else f" ({_(_KNOWN[review['known']])})"
    who = _("you") if review["known"] == "you" else person_text(review["author"], review["name"])
    mark = screen.paint(_(review["mark"]), _STYLES[review["mark"]])
    price = f", {price_text(review['price'])}" if review["price"] else ""
    when = screen.paint(ago_text(review["at"]), "dim")
    screen.say(
        _("{mark}  by {who}{known}, the {side}{price} · {when}").format(
            mark=mark,
            who=safe_line(who),
            known=known,
            side=_(review["side"]),
            price=price,
            when=when,
        )
    )
    for line in cells.wrap(safe_block(review["text"]), min(screen.cells, 92) - 2):
        screen.say(f"  {line}".rstrip())
