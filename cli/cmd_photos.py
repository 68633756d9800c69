"""`photos`: the photos of a listing, and as files."""

from pathlib import Path

import click

from .call import Call
from .listing_options import id_argument
from .listing_view import counted
from .tongue import _
from .verb import verb


@verb(
    examples=("jangteo photos 3fa91c07", "jangteo photos 3fa91c07 --output bike"),
    prints="A photo a line: its size, and whether it is here; with --output where it was written. "
    "with --json an object each. Exit code 1 if one is wanted and nobody has it now.",
)
@id_argument
@click.option(
    "--output", metavar="FOLDER", help="Write them there as WebP files; made if it is not there."
)
@click.pass_obj
def photos(call: Call, listing_id: str, output: str | None) -> int | None:
    """List the photos of a listing, or write them to files.

    What is not here yet is asked of the neighbours while a node runs.
    """
    from ..node.photo_save import photo_files

    listing = call.ask("show", id=listing_id)["listing"]
    screen = call.screen
    missing = 0
    with call.office() as office:
        folder = None if output is None else Path(output).expanduser()
        for photo in photo_files(call.home, office, listing, folder):
            screen.row(photo)
            size = f"{photo['width']}x{photo['height']}, {photo['size'] / 1000:,.0f} kB"
            if path := photo.get("path"):
                told = _("{number}: {size}, written to {path}")
                screen.say_safe(told.format(number=photo["number"], size=size, path=path))
            else:
                here = _("here") if photo["here"] else _("not here yet")
                screen.say(f"{photo['number']}: {size}, {here}")
                missing += not photo["here"]
    if not listing["photos"]:
        screen.talk(_("it has no photos"))
    if output is None or not missing:
        return None
    if call.home.node() is None:
        hint = _("no node is running to fetch it: `{prefix} up`")
        screen.talk(hint.format(prefix=call.command_prefix()))
    else:
        photos = counted(missing, "photo")
        screen.talk(_("{photos} nobody has who is connected now").format(photos=photos))
    return 1
