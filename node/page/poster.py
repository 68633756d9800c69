"""Posters: one A4 sheet with a picture, a price and a QR code, to print and to hang up.

All that is on it is in it, so that it can be a file: pictures as data, the style within. Knows who
asks neither for the page nor for the command line.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import trio
from starlette.responses import Response

from ...protocol import limits
from ...protocol.pointer import Pointer
from ...protocol.told import tell
from ..desk_error import DeskError
from ..qr import qr_svg
from ..tongue import Tongue
from .render import Renderer
from .share import own_places, pointer_to
from .visit import Routes, Visit

ReadPhoto = Callable[[str], bytes | None]
"""The photo of a hash in hex, if it is here."""
Asked = Mapping[str, Any]
ACTIVE: Final[Mapping[str, Any]] = {"limit": limits.POSTER_LISTINGS_MAX, "sort": "newest"}
"""What of a market is on its poster."""


def sheets_of_listings(
    items: Sequence[Asked], addresses: Sequence[str], window: str | None, read: ReadPhoto
) -> list[dict[str, Any]]:
    """A sheet for each listing. `window` is where phones look, if it is open."""
    return [
        {
            "item": item,
            "photo": _picture(item, read, is_full=True),
            "code": _code(pointer_to(item, addresses).to_text()),
            "phone": _code(f"{window}listing/{item['id']}") if window else "",
        }
        for item in items
    ]


def sheet_of_market(
    market: str,
    items: Sequence[Asked],
    addresses: Sequence[str],
    window: str | None,
    read: ReadPhoto,
) -> dict[str, Any]:
    return {
        "market": market,
        "rows": [
            {"item": item, "photo": _picture(item, read, is_full=False)}
            for item in items[: limits.POSTER_LISTINGS_MAX]
        ],
        "code": _code(Pointer("market", market, tuple(addresses)).to_text()),
        "phone": _code(window) if window else "",
    }


def poster_file(render: Renderer, tongue: Tongue, told: Mapping[str, Any]) -> bytes:
    """As a file that stands alone."""
    context = {"sheets": (), "market": None, "is_file": True, "css": render.source("poster.css")}
    return render.text("poster.html", tongue, context | dict(told)).encode()


async def listing_poster(visit: Visit) -> Response:
    item = (await visit.ask("show", id=str(visit.request.path_params["id"])))["listing"]
    window = (await visit.ways.live.phone({}))["url"]
    addresses = await own_places(visit)
    sheets = await trio.to_thread.run_sync(
        sheets_of_listings, [item], addresses, window, _reader(visit)
    )
    return _shown(visit, {"sheets": sheets})


async def market_poster(visit: Visit) -> Response:
    market = str(visit.request.path_params["name"])
    state = await visit.ask("status-local")
    if market not in {one["market"] for one in state["markets"]}:
        raise DeskError("unknown-id", tell("this node is not in that market"), None, 3)
    found = await visit.ask("search", market=market, **ACTIVE)
    window_state = await visit.ways.live.phone({})
    window = window_state["url"] if window_state.get("market") in (None, market) else None
    addresses = await own_places(visit)
    sheet = await trio.to_thread.run_sync(
        sheet_of_market, market, found["rows"], addresses, window, _reader(visit)
    )
    return _shown(visit, {"market": sheet})


def _shown(visit: Visit, told: Mapping[str, Any]) -> Response:
    context = {"sheets": (), "market": None, "is_file": False, "css": ""}
    return visit.ways.render.page("poster.html", visit.tongue, context | dict(told))


def _reader(visit: Visit) -> ReadPhoto:
    def read(hash_hex: str) -> bytes | None:
        try:
            return visit.ways.folder.read(bytes.fromhex(hash_hex))
        except OSError:
            return None

    return read


def _picture(item: Asked, read: ReadPhoto, *, is_full: bool) -> str:
    """The first photo as data: the large one where it is asked for and here, else the small one."""
    photos = item.get("photos") or ()
    if not photos:
        return ""
    names = ("hash", "thumb") if is_full else ("thumb", "hash")
    for name in names:
        if data := read(photos[0][name]):
            return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    return ""


def _code(text: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(qr_svg(text)).decode()}"


ROUTES: Final[Routes] = (
    ("GET", "/listing/{id}/poster", listing_poster),
    ("GET", "/market/{name:path}/poster", market_poster),
)
