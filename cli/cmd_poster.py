"""`poster`: a sheet of A4 to print, with a picture, a price and a QR code."""

import os
from collections.abc import Mapping
from typing import Any

import click

from ..node.desk_error import DeskError, usage
from ..protocol.told import tell
from .call import Call
from .listing_id import LISTING_ID
from .listing_view import counted
from .output_file import output_file
from .tongue import _
from .verb import verb


@verb(
    examples=(
        "jangteo poster 3fa91c07",
        "jangteo poster 3fa91c07 96703ba3 --output posters.html",
        "jangteo poster --market campus/hanyang",
    ),
    prints='Where the page was written; with --json {"file", "sheets", "bytes"}.',
)
@click.argument("ids", metavar="[ID]...", nargs=-1, type=LISTING_ID)
@click.option("--market", metavar="NAME", help="A poster of a market: its newest, and how to join.")
@click.option(
    "--output", "-o", metavar="FILE", help="Where to write it; jangteo-poster.html unless told."
)
@click.pass_obj
def poster(call: Call, ids: tuple[str, ...], market: str | None, output: str | None) -> None:
    """Make a poster to print, with a picture, a price and a QR code.

    It is one HTML file with all that is on it, one A4 page a listing: open it in a browser and
    print it. The code opens the listing at another node. While a node runs, the poster says where
    it answers; while its window for phones is open (`jangteo open --phone`), a second code leads
    phones there.
    """
    if bool(ids) == bool(market):
        raise usage(tell("name listings by their ids, or one --market"))
    made = _made(call, ids, market)
    path = output or "jangteo-poster.html"
    with output_file(path) as file:
        file.write(made)
    call.is_done = True
    sheets = len(ids) or 1
    call.screen.row({"file": path, "sheets": sheets, "bytes": len(made)})
    told = _("{path}: {sheets} to print from a browser")
    call.screen.say_safe(told.format(path=path, sheets=counted(sheets, "sheet")))


def _made(call: Call, ids: tuple[str, ...], market: str | None) -> bytes:
    from ..node.blob_folder import BlobFolder
    from ..node.page import poster as sheets
    from ..node.page.render import Renderer
    from ..node.page.share import places
    from ..node.tongue import tongue

    folder = BlobFolder(call.home.blobs_path)

    def read(hash_hex: str) -> bytes | None:
        try:
            return folder.read(bytes.fromhex(hash_hex))
        except OSError:
            return None

    spoken = tongue(call.config().language(os.environ))
    live = _live(call)
    at, window = places(live.get("addresses") or ()), live.get("url")
    told: dict[str, Any]
    if market:
        if live.get("market") not in (None, market):
            window = None  # it shows another
        joined = [one["market"] for one in call.ask("status-local")["markets"]]
        if market not in joined:
            raise usage(tell("you are not in {market!r}: `jangteo join {market}`", market=market))
        rows = call.ask("search", market=market, **sheets.ACTIVE)["rows"]
        told = {"market": sheets.sheet_of_market(market, rows, at, window, read)}
    else:
        items = [call.ask("show", id=one)["listing"] for one in ids]
        told = {"sheets": sheets.sheets_of_listings(items, at, window, read)}
    return sheets.poster_file(Renderer(), spoken, told)


def _live(call: Call) -> Mapping[str, Any]:
    """The running node's status and its window's; {} where none runs."""
    if call.home.node() is None:
        return {}
    try:
        return {**call.ask("status"), **call.ask("phone")}
    except DeskError:  # it stopped between two questions
        return {}
