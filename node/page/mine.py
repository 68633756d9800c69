"""What is one's own: everything that is up or was, and what is done with it."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..desk_error import DeskError
from .visit import Routes, Visit, address

_PAGE: Final = 50
STATES: Final = ("active", "reserved", "sold", "expired")
_ACTS: Final = frozenset(("reserve", "sold", "relist", "renew", "withdraw"))


async def mine(visit: Visit) -> Response:
    state = visit.words("status")
    state = state if state in STATES else ""
    after = visit.words("after")
    found = await visit.ask("listings", status=[state] if state else None, limit=_PAGE, after=after)
    following = ""
    if found["has_more"]:
        following = address("/mine", status=state, after=found["rows"][-1]["cursor"])
    return await visit.show(
        "mine.html", rows=found["rows"], state=state, states=STATES, following=following
    )


async def confirm_withdraw(visit: Visit) -> Response:
    """Taking back is for good: it is asked once more."""
    shown = await visit.ask("show", id=str(visit.request.path_params["id"]))
    if not shown["listing"]["mine"]:
        raise HTTPException(404)
    if shown["listing"]["status"] == "withdrawn":
        return visit.go("/mine")
    return await visit.show("withdraw.html", item=shown["listing"])


async def act(visit: Visit) -> Response:
    told = await visit.form()
    act, public_id = str(visit.request.path_params["act"]), str(visit.request.path_params["id"])
    if act not in _ACTS:
        raise HTTPException(404)
    path = "/mine" if told.get("back") == "mine" else f"/listing/{public_id}"
    try:
        result = await visit.ask(act, id=public_id)
    except DeskError as error:
        return visit.go(path, failed=visit.why(error))
    return visit.go("/mine" if act == "withdraw" else path, _done(visit, act, result))


def _done(visit: Visit, act: str, result: dict[str, Any]) -> str:
    _ = visit.tongue.gettext
    if not result.get("changed", True):
        return _("It was so already: nothing changed.")
    match act:
        case "reserve":
            return _("Reserved: others see that it is spoken for.")
        case "sold":
            return _("Sold. Others see that it is gone.")
        case "relist":
            return _("It is up again.")
        case "renew":
            return _("Renewed for 90 days.")
        case _:
            return _("Taken back. Neighbours are asked to drop their copies.")


ROUTES: Final[Routes] = (
    ("GET", "/mine", mine),
    ("GET", "/listing/{id}/withdraw", confirm_withdraw),
    ("POST", "/listing/{id}/{act}", act),
)
