"""`reserve`, `sold`, `relist`, `withdraw`, `renew`: where a listing of one's own stands."""

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .call import Call
from .listing_id import LISTING_ID
from .listing_options import id_argument
from .listing_view import ID_CHARS_MIN, counted, print_listing, print_table
from .tongue import _
from .verb import verb


def _change(call: Call, name: str, listing_id: str, undo: str | None) -> None:
    result = call.ask(name, id=listing_id)
    listing = result["listing"]
    call.answer(listing, result)
    print_listing(call.screen, listing)
    if not result["changed"]:
        call.screen.talk(_("  it was so already: nothing changed"))
    elif undo:
        short = listing["id"][:ID_CHARS_MIN]
        call.screen.talk(
            _("  undo: `{prefix} {undo} {short}`").format(
                prefix=call.command_prefix(), undo=undo, short=short
            )
        )
    call.notices(result)


@verb(examples=("jangteo reserve 3fa91c07",), prints="The listing as it is now.")
@id_argument
@click.pass_obj
def reserve(call: Call, listing_id: str) -> None:
    """Mark a listing as reserved for someone.

    It stays in searches, marked as reserved, until you call it sold or relist it.
    """
    _change(call, "reserve", listing_id, "relist")


@verb(examples=("jangteo sold 3fa91c07",), prints="The listing as it is now.")
@id_argument
@click.pass_obj
def sold(call: Call, listing_id: str) -> None:
    """Mark a listing as sold.

    It leaves searches (`--status sold` still finds it). `relist` undoes it.
    """
    _change(call, "sold", listing_id, "relist")


@verb(examples=("jangteo relist 3fa91c07",), prints="The listing as it is now.")
@id_argument
@click.pass_obj
def relist(call: Call, listing_id: str) -> None:
    """Put a reserved, sold or expired listing up again.

    The id stays the same.
    """
    _change(call, "relist", listing_id, None)


@verb(
    examples=("jangteo withdraw 3fa91c07",),
    prints="The listing, as withdrawn.",
)
@id_argument
@click.pass_obj
def withdraw(call: Call, listing_id: str) -> None:
    """Take a listing back, for good.

    Neighbours' nodes drop it when they hear of it. Nobody can delete what others have copied.
    """
    _change(call, "withdraw", listing_id, None)


@verb(
    examples=("jangteo renew 3fa91c07", "jangteo renew --all"),
    prints="The listing with its new end; with --all each one, and their number.",
)
@click.argument("listing_id", metavar="[ID]", type=LISTING_ID, required=False)
@click.option("--all", "is_all", is_flag=True, help="All your active listings.")
@click.pass_obj
def renew(call: Call, listing_id: str | None, is_all: bool) -> None:
    """Give listings another 90 days.

    A running node does this by itself in a listing's last week (`config get auto_renew`).
    """
    if (listing_id is None) == (not is_all):
        raise usage(tell("say one ID, or --all"), tell("`jangteo mine` lists your ids"))
    if listing_id is not None:
        _change(call, "renew", listing_id, None)
        return
    result = call.ask("renew", all=True)
    for listing in result["listings"]:
        call.screen.row(listing)
    if result["listings"]:
        # Nobody can hold the new revisions yet, and their nodes keep serving the old ones.
        print_table(call.screen, [one | {"held_by": ""} for one in result["listings"]], is_own=True)
    call.screen.talk(_("{listings} renewed").format(listings=counted(result["renewed"], "listing")))
    call.notices(result)
