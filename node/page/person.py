"""A person: what they say of themselves, how one knows them, what others wrote of them; and what
one does about them, which nobody is told."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..desk_error import DeskError
from .deals import with_steps
from .typed import Typed
from .visit import Routes, Visit

_ROOMS: Final = 500


async def person(visit: Visit) -> Response:
    return await _show_person(visit, Typed())


async def _show_person(visit: Visit, typed: Typed, status: int = 200) -> Response:
    known = await visit.ask("person", author=_author(visit))
    talks = [
        room
        for room in (await visit.ask("inbox", limit=_ROOMS))["rooms"]
        if room["person"] == known["author"]
    ]
    context: dict[str, Any] = {
        "who": known,
        "talks": talks,
        "deals": [with_steps(deal) for deal in known["deals"]],
        "typed": typed,
    }
    return await visit.show("person.html", status, **context)


async def act(visit: Visit) -> Response:
    """Keep, unkeep, follow, unfollow or unblock them."""
    verb, author = str(visit.request.path_params["act"]), _author(visit)
    told = await visit.form()
    _ = visit.tongue.gettext
    asked: dict[str, tuple[str, dict[str, Any], str]] = {
        "keep": ("keep", {"note": told.get("note")}, _("A contact: what they put up is kept.")),
        "unkeep": ("unkeep", {}, _("No contact any more.")),
        "follow": ("follow", {"on": True}, _("You are told of what they put up.")),
        "unfollow": ("follow", {"on": False}, _("You are not told of it any more.")),
        "block": ("block", {}, _("Blocked: you see nothing of theirs any more.")),
        "unblock": (
            "unblock",
            {},
            _("No longer blocked: what they put up comes back with the next neighbour."),
        ),
    }
    if verb not in asked:
        raise HTTPException(404)
    name, args, done = asked[verb]
    try:
        # An empty note takes the note away, so it is asked past what leaves empty words out.
        changed = await visit.ways.desk.call(name, {"author": author} | args)
    except DeskError as error:
        if verb == "keep":
            return await _show_person(visit, Typed("keep", visit.why(error), told), 422)
        return visit.go(f"/person/{author}", failed=visit.why(error))
    return visit.go(f"/person/{changed['author']}", done)


async def confirm_block(visit: Visit) -> Response:
    known = await visit.ask("person", author=_author(visit))
    return await visit.show("person_block.html", known=known)


def _author(visit: Visit) -> str:
    return str(visit.request.path_params["author"])


ROUTES: Final[Routes] = (
    ("GET", "/person/{author}", person),
    ("GET", "/person/{author}/block", confirm_block),
    ("POST", "/person/{author}/{act}", act),
)
