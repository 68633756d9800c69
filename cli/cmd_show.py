"""`show`: one listing, its seller and its history."""

import click

from .ago import ago_text
from .call import Call
from .listing_options import id_argument
from .listing_view import counted, person_text, price_text, print_listing
from .safe_text import safe_line
from .table import Column
from .verb import verb

_COLUMNS = (
    Column("WHEN", 8, 5),
    Column("PRICE", 6, 4, is_right=True, style="price"),
    Column("STATE", 6, 3),
    Column("TITLE", 8, 2),
    Column("RECORD", 8, 1, style="id"),
)


@verb(
    examples=("jangteo show 3fa91c07", "jangteo show 3fa91c07 --json"),
    prints="The listing, who sells it, and its earlier revisions (prices change); with --json "
    'the listing with "revisions", newest first, and "seller_profile".',
)
@id_argument
@click.pass_obj
def show(call: Call, listing_id: str) -> None:
    """Show one listing, its seller and its history.

    ID is what lists show, or any beginning of it that is unique.
    """
    result = call.ask("show", id=listing_id)
    listing, seller, revisions = result["listing"], result["seller"], result["revisions"]
    screen = call.screen
    call.answer({**listing, "revisions": revisions, "seller_profile": seller}, result)
    print_listing(screen, listing)
    who = "you" if listing.get("mine") else person_text(listing["author"], seller.get("name"))
    screen.say()
    goods = f" · {counted(seller['listings'], 'listing')} up" if "listings" in seller else ""
    known = " · a contact of yours" if seller.get("contact") else ""
    screen.say(f"  by {safe_line(who)}{known}{goods}")
    if about := seller.get("about"):
        screen.say(f"  {safe_line(about)}", "dim")
    # Of what others took back, only that they did is left, and when.
    is_gone = listing["status"] == "withdrawn" and not listing["title"]
    when = ago_text(listing["updated_at"] if is_gone else listing["created_at"])
    screen.say(f"  {'withdrawn' if is_gone else 'put up'} {when} · id {listing['id']}", "dim")
    if len(revisions) > 1:
        screen.say()
        rows = [
            (
                ago_text(revision["at"]),
                "" if revision.get("is_delete") else price_text(revision["price"]),
                "withdrawn" if revision.get("is_delete") else revision["status"] or "",
                revision["title"] or "",
                revision["record_id"][:8],
            )
            for revision in revisions
        ]
        screen.table(_COLUMNS, rows)
    call.notices(result)
