"""`sell`: puts a listing up."""

from collections.abc import Sequence
from typing import cast

import click

from .call import Call
from .listing_options import listing_options
from .listing_view import ID_CHARS_MIN, print_listing
from .photo_files import bring_photos
from .tongue import _
from .verb import verb


@verb(
    examples=(
        'jangteo sell "Road bike, 54 cm" --price "950000 KRW" --condition good --place 망원역',
        'jangteo sell "책상 나눔" --price free --category 가구 --photo desk.jpg',
        'jangteo sell "Rice cooker" --price ￥3,000 --until 14d',
        'jangteo sell "Child seat for a bike" --wanted --price "$40"',
    ),
    prints="The listing with its short id and how many neighbours hold it; with --json the "
    "listing as one object.",
)
@click.argument("title")
@click.option(
    "--price",
    metavar="PRICE",
    help="'950000 KRW', '₩950,000', '95만원', '$80', 'free' or 'ask'; a bare number is in the "
    "currency of `config get currency`. Left out: ask.",
)
@listing_options
@click.option("--market", metavar="NAME", help="Where to put it up; open unless told.")
@click.option("--wanted", is_flag=True, help="You look for it; --price is what you would pay.")
@click.pass_obj
def sell(call: Call, /, title: str, **told: object) -> None:
    """Put something up: for a price, as a gift, or as wanted.

    It is signed with your key, stored here and passed on to the neighbours of the market; they
    keep serving it when your machine is off. It lasts 90 days, and a running node renews it.
    """
    files = cast(Sequence[str], told.pop("photos"))
    arguments = {name: value for name, value in told.items() if value not in (None, (), False)}
    if "tags" in arguments:
        arguments["tags"] = list(told["tags"])  # type: ignore[call-overload]
    if files:
        arguments["photos"] = bring_photos(call, files)
    result = call.ask("sell", title=title, **arguments)
    listing = result["listing"]
    call.answer(listing, result)
    print_listing(call.screen, listing)
    short = listing["id"][:ID_CHARS_MIN]
    prefix = call.command_prefix()
    if listing["price"] is None and listing["side"] == "sell":
        call.screen.talk(
            _("  no price was given: `{prefix} edit {short} --price …` adds one").format(
                prefix=prefix, short=short
            )
        )
    call.screen.talk(
        _("  change it: `{prefix} edit {short} …` · undo: `{prefix} withdraw {short}`").format(
            prefix=prefix, short=short
        )
    )
    if not call.screen.is_json and call.home.node() is None:
        call.screen.talk(
            _("  no node is running: `{prefix} up` brings it to the neighbours").format(
                prefix=prefix
            )
        )
    call.notices(result)
