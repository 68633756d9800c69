"""`edit`: a new revision of a listing of one's own."""

from collections.abc import Sequence
from typing import cast

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .call import Call
from .listing_options import id_argument, listing_options
from .listing_view import print_listing
from .photo_files import bring_photos
from .tongue import _
from .verb import verb


@verb(
    examples=(
        'jangteo edit 3fa91c07 --price "900000 KRW"',
        'jangteo edit 3fa91c07 --title "Road bike, 54 cm, new tyres" --quantity 2',
        "jangteo edit 3fa91c07 --no-photos --photo new.jpg",
        'jangteo edit 3fa91c07 --description "" --until none --price ask',
    ),
    prints="The listing as it is now.",
)
@id_argument
@click.option("--title", metavar="TEXT", help="A new title.")
@click.option("--price", metavar="PRICE", help="A new price; 'free', or 'ask' to take it away.")
@listing_options
@click.option("--no-photos", is_flag=True, help="Take its photos away; --photo adds new ones.")
@click.pass_obj
def edit(call: Call, /, listing_id: str, **told: object) -> None:
    """Change a listing of yours.

    Only what you name changes, and --photo adds; an empty text takes a field away, `--tag ""` the
    tags. The id stays the same, and the older revision stays readable in `show`.
    """
    files = cast(Sequence[str], told.pop("photos"))
    arguments = {name: value for name, value in told.items() if value not in (None, (), False)}
    if arguments.pop("no_photos", False):
        arguments["photos"] = []
    if files:
        arguments["more_photos"] = bring_photos(call, files)
    if not arguments:
        raise usage(tell("nothing to change"), tell("say what: --title, --price, --description …"))
    if "tags" in arguments:
        arguments["tags"] = [tag for tag in told["tags"] if tag]  # type: ignore[attr-defined]
    result = call.ask("edit", id=listing_id, **arguments)
    call.answer(result["listing"], result)
    print_listing(call.screen, result["listing"])
    if not result["changed"]:
        call.screen.talk(_("  it was so already: nothing changed"))
    call.notices(result)
