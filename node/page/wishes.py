"""What one keeps an eye on: favourites, followed people, saved searches, and what came of them."""

from typing import Any, Final

from starlette.responses import Response

from ..desk_error import DeskError
from ..live_node import JsonObject
from .browse import Wanted
from .typed import Typed
from .visit import Routes, Visit, address

_NOTES: Final = 100
_NAMES: Final = {"text": "q", "min_price": "min", "max_price": "max"}
"""What a saved search and the address of a search call differently."""


async def favourites(visit: Visit) -> Response:
    rows = (await visit.ask("favourites"))["rows"]
    follows = (await visit.ask("follows"))["follows"]
    return await visit.show("favourites.html", rows=rows, follows=follows)


async def unfavour(visit: Visit) -> Response:
    """Also of what is not here any more."""
    told = await visit.form()
    try:
        await visit.ask("unfavour", id=told.get("id", ""))
    except DeskError as error:
        return visit.go("/favourites", failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go("/favourites", _("No longer a favourite."))


async def saved(visit: Visit) -> Response:
    return await _show_saved(visit, Typed())


async def _show_saved(visit: Visit, typed: Typed, status: int = 200) -> Response:
    found = (await visit.ask("saved"))["saved"]
    return await visit.show(
        "saved.html",
        status,
        searches=[each | {"path": search_path(each["query"])} for each in found],
        typed=typed,
        wanted=Wanted(typed.told),
    )


def search_path(query: JsonObject) -> str:
    """The address at which a saved search is seen."""
    told: dict[str, Any] = {_NAMES.get(name, name): value for name, value in query.items()}
    if "wanted" in told:
        told["side"] = "want" if told.pop("wanted") else "sell"
    if isinstance(told.get("status"), list):
        told["status"] = told["status"][0]
    return address("/", **told)


async def save(visit: Visit) -> Response:
    """The search whose fields come along, under a name."""
    told = await visit.form()
    query = Wanted(
        {name: value for name, value in told.items() if value and name != "name"}
    ).arguments("")
    del query["sort"]
    try:
        kept = await visit.ask("save", name=told.get("name", ""), query=query)
    except DeskError as error:
        return await _show_saved(visit, Typed("save", visit.why(error), told), 422)
    _ = visit.tongue.gettext
    return visit.go(search_path(kept["query"]), _("Kept: you are told of what comes and fits."))


async def unsave(visit: Visit) -> Response:
    told = await visit.form()
    try:
        await visit.ask("unsave", name=told.get("name", ""))
    except DeskError as error:
        return visit.go("/saved", failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go("/saved", _("That search is no longer kept."))


async def notifications(visit: Visit) -> Response:
    context = await visit.ask("notifications", all=True, limit=_NOTES)
    notes = context["notifications"]
    context |= {"notes": notes, "up_to": max((note["id"] for note in notes), default=0)}
    if visit.is_part:
        return visit.part("notifications_live.html", **context)
    return await visit.show("notifications.html", **context)


async def see(visit: Visit) -> Response:
    told = await visit.form()
    try:
        await visit.ask("see", up_to=told.get("up_to", ""))
    except DeskError as error:
        return visit.go("/notifications", failed=visit.why(error))
    return visit.go("/notifications")


ROUTES: Final[Routes] = (
    ("GET", "/favourites", favourites),
    ("POST", "/favourites/remove", unfavour),
    ("GET", "/saved", saved),
    ("POST", "/saved", save),
    ("POST", "/saved/remove", unsave),
    ("GET", "/notifications", notifications),
    ("POST", "/notifications/seen", see),
)
