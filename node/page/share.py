"""Sharing: the text and the QR code that point at a listing or market (R9.10), and opening one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...protocol import limits
from ...protocol.errors import LocalProtocolError
from ...protocol.pointer import Pointer, is_place, is_pointer
from ..desk_error import EXIT_UNKNOWN_ID, DeskError
from ..qr import qr_svg
from .visit import Routes, Visit, address

OPEN: Final = "/open"
_ADDRESSES: Final = 2
"""Enough to be found by; each makes the code finer, and so harder to read from afar."""


def pointer_to(listing: Mapping[str, Any], addresses: Sequence[str]) -> Pointer:
    return Pointer("listing", listing["id"], places(addresses))


def places(addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of a node's own addresses that are of use to another machine."""
    far = [one for one in addresses if not one.startswith(("/ip4/127.", "/ip6/::1/"))]
    return tuple(one for one in far if is_place(one))[:_ADDRESSES]


async def own_places(visit: Visit) -> tuple[str, ...]:
    return places((await visit.ways.live.status()).get("addresses") or ())


async def share(visit: Visit) -> Response:
    item = (await visit.ask("show", id=str(visit.request.path_params["id"])))["listing"]
    pointer = Pointer("listing", item["id"], await own_places(visit))
    return await visit.show("share.html", item=item, text=pointer.to_text())


async def listing_code(visit: Visit) -> Response:
    item = (await visit.ask("show", id=str(visit.request.path_params["id"])))["listing"]
    pointer = Pointer("listing", item["id"], await own_places(visit))
    svg = qr_svg(pointer.to_text())
    return Response(svg, media_type="image/svg+xml", headers={"cache-control": "no-store"})


def way_to(visit: Visit, told: str) -> Response | None:
    """Where the search field leads when such a text is put in; None for other words. A guest sees
    what is here, and asks nobody."""
    if not is_pointer(told):
        return None
    target = address(OPEN, text=told[: limits.POINTER_CHARS_MAX + 1])
    try:
        pointer = Pointer.from_text(told)
    except LocalProtocolError:
        # As one types it is not whole yet.
        return None if visit.is_part or visit.ways.is_guest else RedirectResponse(target, 303)
    if visit.ways.is_guest:
        target = _own_path(pointer)
    if visit.is_part:
        return Response(headers={"HX-Redirect": target, "cache-control": "no-store"})
    return RedirectResponse(target, 303)


def _own_path(pointer: Pointer) -> str:
    if pointer.what == "market":
        return address("/", market=pointer.name)
    return f"/listing/{pointer.name}"


async def look(visit: Visit) -> Response:
    """What a text points at, if it is here; else the question whether to ask where it says."""
    told = visit.words("text", limits.POINTER_CHARS_MAX + 1)
    try:
        pointer = Pointer.from_text(told)
    except LocalProtocolError as error:
        why = visit.tongue.told(error.args[0])
        return await visit.show("open.html", 422, pointer=None, text=told, why=why)
    if await _is_here(visit, pointer):
        return RedirectResponse(_own_path(pointer), 303)
    return await visit.show("open.html", pointer=pointer, text=pointer.to_text(), why="")


async def fetch(visit: Visit) -> Response:
    """Joins the market where that is what was pointed at, and asks the nodes that the text names:
    the person has said so (R9.12)."""
    told = (await visit.form()).get("text", "")
    _ = visit.tongue.gettext
    try:
        pointer = Pointer.from_text(told)
    except LocalProtocolError:
        return visit.go(address(OPEN, text=told[: limits.POINTER_CHARS_MAX + 1]))
    try:
        if pointer.what == "market":
            await visit.ask("join", market=pointer.name)
        why = await _ask_at(visit, pointer)
    except DeskError as error:
        return visit.go(address(OPEN, text=pointer.to_text()), failed=visit.why(error))
    if await _is_here(visit, pointer):
        return visit.go(_own_path(pointer), why or _("Here it is."))
    return visit.go(
        address(OPEN, text=pointer.to_text()),
        failed=why or _("The neighbour has answered, and does not have it."),
    )


async def _ask_at(visit: Visit, pointer: Pointer) -> str:
    """Connects to the first that answers and compares with it; why none did, else ""."""
    why = ""
    for place in pointer.at:
        try:
            found = await visit.ways.live.connect(place)
            await visit.ways.live.sync(found["peer"])
        except DeskError as error:
            why = visit.why(error)
        else:
            return ""
    return why


async def _is_here(visit: Visit, pointer: Pointer) -> bool:
    if pointer.what == "market":
        state = await visit.ask("status-local")
        return any(one["market"] == pointer.name for one in state["markets"])
    try:
        await visit.ask("show", id=pointer.name)
    except DeskError as error:
        if error.exit_code != EXIT_UNKNOWN_ID:
            raise
        return False
    return True


ROUTES: Final[Routes] = (
    ("GET", "/listing/{id}/share", share),
    ("GET", "/listing/{id}/qr.svg", listing_code),
    ("GET", OPEN, look),
    ("POST", OPEN, fetch),
)
