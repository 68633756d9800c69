"""`show`: one listing, its seller, its history and what was asked about it."""

from collections.abc import Sequence
from typing import Any

import click

from ..node.safe_text import safe_block, safe_line
from ..protocol.limits import REVIEWS_SHOWN_MAX
from . import cells
from .ago import ago_text
from .call import Call
from .listing_options import id_argument
from .listing_view import ID_CHARS_MIN, counted, person_text, price_text, print_listing, short_ids
from .person_view import place_text
from .pointed import show_pointed
from .screen import Screen
from .table import Column
from .tongue import _
from .verb import verb

_COLUMNS = (
    Column("WHEN", 8, 5),
    Column("PRICE", 6, 4, is_right=True, style="price"),
    Column("STATE", 6, 3),
    Column("TITLE", 8, 2),
    Column("RECORD", 8, 1, style="id"),
)


@verb(
    examples=(
        "jangteo show 3fa91c07",
        "jangteo show 3fa91c07 --json",
        "jangteo show --fetch 'jangteo:listing/3fa91c07…?at=/ip4/192.168.0.12/tcp/4110'",
    ),
    prints="The listing, who sells it, its earlier revisions (prices change) and what was asked; "
    'with --json the listing with "revisions", newest first, "questions" and "seller_profile".',
)
@id_argument
@click.option("--fetch", is_flag=True, help="Ask the node that a shared text names for it.")
@click.pass_obj
def show(call: Call, listing_id: str, fetch: bool) -> None:
    """Show one listing, its seller and its history.

    ID is what lists show, or any beginning of it that is unique; or a text that somebody shared,
    as a QR code holds it.
    """
    result = show_pointed(call, listing_id, is_fetched=fetch)
    listing, seller, revisions = result["listing"], result["seller"], result["revisions"]
    screen = call.screen
    questions = result["questions"]
    call.answer(
        {
            **listing,
            "revisions": revisions,
            "questions": questions,
            "seller_profile": seller,
        },
        result,
    )
    print_listing(screen, listing)
    screen.say()
    if listing.get("mine"):
        parts = [_("by you")]
    else:
        who = person_text(listing["author"], seller.get("name"))
        parts = [_("by {who}").format(who=safe_line(who))]
    if seller.get("contact"):
        parts.append(_("a contact of yours"))
    if "listings" in seller:
        parts.append(_("{listings} up").format(listings=counted(seller["listings"], "listing")))
    screen.say(f"  {' · '.join(parts)}")
    if about := seller.get("about"):
        screen.say(f"  {safe_line(about)}", "dim")
    if where := place_text(seller):
        screen.say_safe(f"  {where}", "dim")
    if reviews := seller.get("reviews"):
        told = counted(reviews, "review")
        if reviews == REVIEWS_SHOWN_MAX:
            told = _("{reviews} or more").format(reviews=told)
        of_you, of_them = _("{reviews} of you"), _("{reviews} of them")
        told = (of_you if listing.get("mine") else of_them).format(reviews=told)
        screen.say(f"  {told}: `{call.command_prefix()} person {listing['author'][:ID_CHARS_MIN]}`")
    # Of what others took back, only that they did is left, and when.
    is_gone = listing["status"] == "withdrawn" and not listing["title"]
    when = ago_text(listing["updated_at"] if is_gone else listing["created_at"])
    pattern = _("withdrawn {ago} · id {id}") if is_gone else _("put up {ago} · id {id}")
    screen.say(f"  {pattern.format(ago=when, id=listing['id'])}", "dim")
    if len(revisions) > 1:
        screen.say()
        rows = [
            (
                ago_text(revision["at"]),
                "" if revision.get("is_delete") else price_text(revision["price"]),
                _(str("withdrawn" if revision.get("is_delete") else revision["status"] or "")),
                revision["title"] or "",
                revision["record_id"][:8],
            )
            for revision in revisions
        ]
        screen.table(_COLUMNS, rows)
    if questions:
        _questions(call, questions)
    call.notices(result)


def _questions(call: Call, questions: Sequence[dict[str, Any]]) -> None:
    """What was asked, each with its answers below it."""
    screen = call.screen
    screen.say()
    short = short_ids([question["id"] for question in questions])
    for question in questions:
        key = screen.paint(short[question["id"]], "id")
        _remark(screen, question, f"{key}  ", len(short[question["id"]]) + 2)
        for answer in question["answers"]:
            _remark(screen, answer, "    ", 4)


def _remark(screen: Screen, remark: dict[str, Any], head: str, indent: int) -> None:
    who = _("you") if remark["mine"] else person_text(remark["author"], remark["name"])
    seller = _(", the seller") if remark.get("is_seller") and not remark["mine"] else ""
    when = screen.paint(f"({ago_text(remark['at'])})", "dim")
    lines = cells.wrap(safe_block(remark["text"]), max(20, min(screen.cells, 92) - indent))
    screen.say(f"{head}{safe_line(who)}{seller} {when}")
    for line in lines:
        screen.say(f"{'':{indent}}{line}".rstrip())
