"""Talk: the rooms, and in one of them what was said, offered and agreed; saying more.

A room is named by its id once something was said there; until then by a listing, whose author one
writes to, or by a person.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from ...protocol.told import tell
from ..desk_error import EXIT_UNKNOWN_ID, DeskError, bad_value
from ..live_node import JsonObject
from .deals import OFFER_TIMES, deals_of, known_listing
from .typed import Typed
from .visit import Routes, Visit, address

_COUNT: Final = 50
_COUNT_MAX: Final = 500
_ROOMS: Final = 50
_FOUND: Final = 100


async def rooms(visit: Visit) -> Response:
    """All, those about a listing, or messages with some words in them."""
    find, about = visit.words("find", 100), visit.words("about", 64)
    count = _count(visit, _ROOMS)
    context: dict[str, Any] = {"find": find, "about": about, "found": [], "next": ""}
    if find:
        known = (await visit.ask("inbox", limit=_COUNT_MAX))["rooms"]
        by_id = {room["room"]: room for room in known}
        messages = (await visit.ask("inbox", find=find, limit=_FOUND))["messages"]
        context["found"] = [
            message | {"of": by_id[message["room"]]}
            for message in messages
            if message["room"] in by_id
        ]
        context["rooms"] = []
    else:
        inbox = await visit.ask("inbox", limit=_COUNT_MAX if about else count)
        context["rooms"] = [room for room in inbox["rooms"] if about in ("", room["listing"])]
        if inbox["has_more"] and count < _COUNT_MAX:
            context["next"] = address("/talk", count=count + _ROOMS)
    context["live"] = visit.path_and_query
    if visit.is_part:
        return visit.part("talk_rooms.html", **context)
    return await visit.show("talk.html", **context)


async def talk_to(visit: Visit) -> Response:
    """With whom an id names: where one has talked already, to that room."""
    to = str(visit.request.path_params["id"])
    try:
        room = await visit.ask("room", to=to, limit=1)
    except DeskError as error:
        # One's own listing: those who have written about it.
        shown = await known_listing(visit, to)
        if shown is None or not shown["mine"]:
            raise error
        return visit.go(address("/talk", about=shown["id"]))
    if room["last"] is not None:
        return visit.go(f"/talk/{room['room']}")
    return await show_room(visit, to)


async def room(visit: Visit) -> Response:
    await _check_is_known(visit, _to(visit))
    return await show_room(visit, _to(visit))


async def _check_is_known(visit: Visit, to: str) -> None:
    """A room that was forgotten has an id like a person's key: nobody is meant by it."""
    shown = await visit.ask("room", to=to, limit=1)
    is_bare = shown["person"] == to and not shown["name"] and not shown["has_key"]
    if shown["last"] is None and is_bare:
        raise DeskError("unknown-id", tell("nothing was said there"), None, EXIT_UNKNOWN_ID)


async def show_room(
    visit: Visit, to: str, typed: Typed | None = None, status: int = 200
) -> Response:
    """A room as it is now; `typed` is of the form in it that failed."""
    count, before = _count(visit, _COUNT), visit.words("before", 20)
    shown = await visit.ask("room", to=to, limit=count, before=before)
    if shown["person"] == (await visit.ask("whoami"))["author"]:
        raise bad_value(tell("that is you: nobody writes to themselves"))
    listing = None if shown["listing"] is None else await known_listing(visit, shown["listing"])
    is_known = shown["last"] is not None
    deals = await deals_of(visit, shown["room"]) if is_known else []
    entries = _entries(shown, deals)
    above = {each["of"]["deal"] for each in entries if each["kind"] == "deal" and each["of"]}
    path = f"/talk/{shown['room']}" if is_known else f"/talk/to/{to}"
    older = ""
    if shown["has_more"]:
        is_far = bool(before) or count >= _COUNT_MAX
        oldest = shown["messages"][0]["cursor"]
        older = address(path, before=oldest) if is_far else address(path, count=count + _COUNT)
    context: dict[str, Any] = {
        "room": shown,
        "to": shown["room"] if is_known else to,
        "listing": listing,
        "deals": [
            # The latest, and whatever is open: of what is over the talk itself tells.
            deal | {"is_above": deal["deal"] in above, "is_shown": at == 0 or deal["open"]}
            for at, deal in enumerate(deals)
        ],
        "entries": entries,
        "up_to": max((each["cursor"] for each in shown["messages"] if not each["mine"]), default=0),
        "older": older,
        "is_past": bool(before),
        "path": path,
        "live": address(path, count=count if count > _COUNT else None),
        "may_offer": listing is not None
        and listing["status"] in ("active", "reserved")
        and not listing["mine"]
        and not any(deal["is_haggled"] for deal in deals),
        "typed": typed or Typed("offer" if visit.words("offer") else ""),
        "offer_times": OFFER_TIMES,
        "back": "room",
    }
    if visit.is_part:
        return visit.part("talk_live.html", **context)
    return await visit.show("talk_room.html", status, **context)


def _entries(room: JsonObject, deals: Sequence[JsonObject]) -> list[JsonObject]:
    """What was said, each with its hour, its day where it is the first of it, whether it is the
    first that is new, and of an offer the deal in which it stands."""
    messages = room["messages"]
    unread = [each["id"] for each in messages if not each["mine"]][-room["unread"] :]
    first_new = unread[0] if room["unread"] and unread else None
    standing: dict[str, str] = {}
    for each in messages:
        if each["kind"] == "deal" and each["step"] == "offer":
            standing[each["deal"]] = each["id"]
    by_id = {deal["deal"]: deal for deal in deals}
    met = [each["id"] for each in messages if each["kind"] == "meet" and not each["mine"]][-1:]
    agreed = {each["meet"] for each in messages if each["kind"] == "agree"}
    proposed = {each["id"]: each for each in messages if each["kind"] == "meet"}
    entries: list[JsonObject] = []
    day = ""
    for each in messages:
        moment = datetime.fromisoformat(each["at"]).astimezone()
        own_day = moment.date().isoformat()
        entry = each | {
            "hour": f"{moment:%H:%M}",
            "day": each["at"] if own_day != day else "",
            "is_first_new": each["id"] == first_new,
        }
        day = own_day
        match each["kind"]:
            case "deal":
                deal = by_id.get(each["deal"] or "")
                stands = deal is not None and standing.get(each["deal"]) == each["id"]
                entry["of"] = deal if stands else None
            case "meet":
                entry["is_agreed"] = each["id"] in agreed
                entry["may_agree"] = each["id"] in met and each["id"] not in agreed
            case "agree":
                entry["of"] = proposed.get(each["meet"])
        entries.append(entry)
    return entries


# -- saying more ------------------------------------------------------------------------------


async def send(visit: Visit) -> Response:
    return await _said(visit, "send", "send", ("text",))


async def offer(visit: Visit) -> Response:
    return await _said(visit, "offer", "offer", ("price", "quantity", "note", "expires"))


async def meet(visit: Visit) -> Response:
    return await _said(visit, "meet", "meet", ("time", "place"))


async def agree(visit: Visit) -> Response:
    return await _said(visit, "agree", "agree", ())


async def _said(visit: Visit, verb: str, form: str, names: Sequence[str]) -> Response:
    told = await visit.form()
    if told.get("fresh") != "1":
        await _check_is_known(visit, _to(visit))
    try:
        done = await visit.ask(verb, to=_to(visit), **{name: told.get(name, "") for name in names})
    except DeskError as error:
        return await show_room(visit, _to(visit), Typed(form, visit.why(error), told), 422)
    return visit.go(f"/talk/{done['room']}", waits_text(visit, done))


def waits_text(visit: Visit, done: JsonObject) -> str:
    """What is to be told of what was said just now: its state stands beside it, but for this."""
    if not done.get("waits_for_key"):
        return ""
    _ = visit.tongue.gettext
    return _(
        "Written. It waits on this disk for the key of their node, which a neighbour brings; then "
        "it goes out by itself."
    )


async def seen(visit: Visit) -> Response:
    told = await visit.form()
    try:
        await visit.ask("seen", to=_to(visit), up_to=told.get("up_to", ""))
    except DeskError as error:
        return visit.go(f"/talk/{_to(visit)}", failed=visit.why(error))
    return visit.go(f"/talk/{_to(visit)}")


async def resend(visit: Visit) -> Response:
    told = await visit.form()
    path = f"/talk/{_to(visit)}"
    try:
        await visit.ask("resend", id=told.get("id", ""))
    except DeskError as error:
        return visit.go(path, failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go(path, _("It is on its way once more."))


async def mute(visit: Visit) -> Response:
    told = await visit.form()
    path, is_on = f"/talk/{_to(visit)}", told.get("on") == "1"
    try:
        await visit.ask("mute", to=_to(visit), on=is_on)
    except DeskError as error:
        return visit.go(path, failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go(
        path,
        _("What they write here still comes, and no word is made of it.")
        if is_on
        else _("You hear of this talk again."),
    )


async def confirm_forget(visit: Visit) -> Response:
    shown = await visit.ask("room", to=_to(visit), limit=1)
    return await visit.show("talk_forget.html", room=shown)


async def forget(visit: Visit) -> Response:
    try:
        await visit.ask("forget", to=_to(visit))
    except DeskError as error:
        return visit.go("/talk", failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go("/talk", _("What was said there is deleted here."))


def _to(visit: Visit) -> str:
    return str(visit.request.path_params["to"])


def _count(visit: Visit, least: int) -> int:
    told = visit.words("count", 4)
    return min(max(int(told), least), _COUNT_MAX) if told.isascii() and told.isdigit() else least


ROUTES: Final[Routes] = (
    ("GET", "/talk", rooms),
    ("GET", "/talk/to/{id}", talk_to),
    ("GET", "/talk/{to}", room),
    ("POST", "/talk/{to}/send", send),
    ("POST", "/talk/{to}/offer", offer),
    ("POST", "/talk/{to}/meet", meet),
    ("POST", "/talk/{to}/agree", agree),
    ("POST", "/talk/{to}/seen", seen),
    ("POST", "/talk/{to}/resend", resend),
    ("POST", "/talk/{to}/mute", mute),
    ("GET", "/talk/{to}/forget", confirm_forget),
    ("POST", "/talk/{to}/forget", forget),
)
