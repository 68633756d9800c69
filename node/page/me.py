"""Who one is here, what waits, and the people one knows or keeps out of sight.

The 24 words are never shown on a page: what a browser shows, its extensions, a shared screen and a
screenshot see too. The page says which command shows them.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from ..desk_error import DeskError
from .visit import Routes, Visit

HERE: Final = "/me"
"""The tab under which all that is one's own is found."""
_PROFILE: Final = ("name", "about", "place", "languages")


async def me(visit: Visit) -> Response:
    return await _shown(visit, {}, "")


async def _shown(visit: Visit, typed: Mapping[str, str], why: str) -> Response:
    own = await visit.ask("profile")
    fields = {
        "name": own["name"],
        "about": own["about"],
        "place": own["place"],
        "languages": ", ".join(own["languages"]),
    } | dict(typed)
    state = await visit.ask("status-local")
    return await visit.show(
        "me.html",
        422 if why else 200,
        here=HERE,
        who=own,
        fields=fields,
        why=why,
        state=state,
        sub="/me",
    )


async def change_profile(visit: Visit) -> Response:
    told = await visit.form()
    typed = {name: told.get(name, "") for name in _PROFILE}
    _ = visit.tongue.gettext
    try:
        # What is empty takes the field away, so it is told past what leaves empty words out.
        changed = await visit.ways.desk.call(
            "profile", typed | {"languages": typed["languages"].strip() or "none"}
        )
    except DeskError as error:
        return await _shown(visit, typed, visit.why(error))
    return visit.go(
        HERE,
        _("Saved: neighbours see it with the next exchange.")
        if changed["changed"]
        else _("It was so already: nothing changed."),
    )


async def people(visit: Visit) -> Response:
    kept = await visit.ask("contacts")
    hidden = await visit.ask("blocked")
    return await visit.show(
        "people.html",
        here=HERE,
        sub="/people",
        contacts=kept["contacts"],
        blocked=hidden["blocked"],
    )


async def unkeep(visit: Visit) -> Response:
    _ = visit.tongue.gettext
    return await _let_go(visit, "unkeep", _("No contact any more."))


async def unblock(visit: Visit) -> Response:
    _ = visit.tongue.gettext
    return await _let_go(
        visit,
        "unblock",
        _("No longer blocked: what they put up comes back with the next neighbour."),
    )


async def _let_go(visit: Visit, verb: str, done: str) -> Response:
    told = await visit.form()
    try:
        await visit.ask(verb, author=told.get("author", ""))
    except DeskError as error:
        return visit.go("/people", failed=visit.why(error))
    return visit.go("/people", done)


async def outbox(visit: Visit) -> Response:
    """What was said and is still on its way; with `all` also what has come."""
    is_all = visit.words("all") == "1"
    owed: dict[str, Any] = await visit.ask("outbox", all=is_all)
    if visit.is_part:
        return visit.part("outbox_rows.html", is_all=is_all, **owed)
    return await visit.show("outbox.html", here=HERE, sub="/outbox", is_all=is_all, **owed)


async def resend(visit: Visit) -> Response:
    told = await visit.form()
    _ = visit.tongue.gettext
    try:
        await visit.ask("resend", id=told.get("id", ""))
    except DeskError as error:
        return visit.go("/outbox", failed=visit.why(error))
    return visit.go("/outbox", _("Sealed anew and on its way again."))


ROUTES: Final[Routes] = (
    ("GET", "/me", me),
    ("POST", "/me", change_profile),
    ("GET", "/people", people),
    ("POST", "/people/unkeep", unkeep),
    ("POST", "/people/unblock", unblock),
    ("GET", "/outbox", outbox),
    ("POST", "/outbox/resend", resend),
)
