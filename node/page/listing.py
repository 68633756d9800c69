"""One listing: its photos, its seller, its questions, the history of its price; and asking."""

from typing import Any, Final

from starlette.responses import Response

from ..desk_error import DeskError
from .visit import Routes, Visit


def _id(visit: Visit) -> str:
    return str(visit.request.path_params["id"])


async def listing(visit: Visit) -> Response:
    shown = await visit.ask("show", id=_id(visit))
    item = shown["listing"]
    context: dict[str, Any] = shown | {
        "item": item,
        "prices": _prices(shown["revisions"]),
        "is_favourite": False,
    }
    if not visit.ways.is_guest:
        marked = await visit.ask("favourites")
        context["is_favourite"] = any(row["id"] == item["id"] for row in marked["rows"])
    return await visit.show("listing.html", **context)


def _prices(revisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The revisions at which the price changed, oldest first; [] if it never did."""
    changes: list[dict[str, Any]] = []
    for revision in reversed(revisions):
        if revision["is_delete"]:
            continue
        if not changes or changes[-1]["price"] != revision["price"]:
            changes.append(revision)
    return changes if len(changes) > 1 else []


async def ask(visit: Visit) -> Response:
    told = await visit.form()
    path = f"/listing/{_id(visit)}"
    try:
        await visit.ask("ask", id=_id(visit), text=told.get("text", ""))
    except DeskError as error:
        return visit.go(f"{path}#questions", failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go(f"{path}#questions", _("Your question is there for all to read."))


async def favour(visit: Visit) -> Response:
    told = await visit.form()
    path = f"/listing/{_id(visit)}"
    _ = visit.tongue.gettext
    is_on = told.get("on") == "1"
    try:
        await visit.ask("favour" if is_on else "unfavour", id=_id(visit))
    except DeskError as error:
        return visit.go(path, failed=visit.why(error))
    return visit.go(
        path, _("Kept among your favourites.") if is_on else _("No longer a favourite.")
    )


ROUTES: Final[Routes] = (
    ("POST", "/listing/{id}/ask", ask),
    ("POST", "/listing/{id}/favour", favour),
)
