"""Deals: what waits for oneself, what waits for others, what is over; and the steps of one.

A step that failed is told where it was asked for: in the room, or on the page of all deals.
"""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..desk_error import DeskError
from ..live_node import JsonObject
from .typed import Typed
from .visit import Routes, Visit

OFFER_TIMES: Final = ("6h", "24h", "48h", "7d", "14d")
_STEPS: Final = ("offered", "accepted", "confirmed", "handed", "received", "reviewed")
_REACHED: Final = {
    "accepted": 2, "confirmed": 3, "handed": 4, "received": 3, "done": 5,
    "cancelled": 3, "noshow": 3,
}  # fmt: skip
_HAGGLED: Final = ("offered", "countered", "accepted", "declined", "retracted")
"""No deal yet: it is answered beside the offer."""
_LISTED: Final = 500
_OVER_SHOWN: Final = 30
_ASKED: Final = {
    "accept": ("anyway",),
    "offer": ("price", "quantity", "note", "expires"),
    "decline": ("reason",),
    "retract": (),
    "done": (),
    "cancel": ("reason",),
    "noshow": (),
    "review": ("mark", "text", "reveal"),
}
"""The steps that can be asked for, and what each of their forms says."""
_FLAGS: Final = ("anyway", "reveal")


async def deals(visit: Visit) -> Response:
    return await _show_deals(visit, Typed())


async def _show_deals(visit: Visit, typed: Typed, status: int = 200) -> Response:
    found = (await visit.ask("deals", all=True, limit=_LISTED))["deals"]
    shown = [with_steps(deal) for deal in found]
    mine = [deal for deal in shown if _waits_for_me(deal)]
    theirs = [deal for deal in shown if deal["open"] and deal not in mine]
    over = [deal for deal in shown if deal not in mine and deal not in theirs]
    is_all = visit.words("all") == "1"
    context: dict[str, Any] = {
        "groups": {"mine": mine, "theirs": theirs, "over": over if is_all else over[:_OVER_SHOWN]},
        "has_more": len(over) > _OVER_SHOWN and not is_all,
        "typed": typed,
        "offer_times": OFFER_TIMES,
        "back": "deals",
    }
    if visit.is_part:
        return visit.part("deals_live.html", **context)
    return await visit.show("deals.html", status, **context)


def _waits_for_me(deal: JsonObject) -> bool:
    return (deal["open"] and deal["waits_for"] in ("you", "both")) or deal["may_review"]


def with_steps(deal: JsonObject) -> JsonObject:
    """A deal with its steps, each "done", "now" or "todo", and how it stands in one word."""
    state = deal["state"]
    reached = _REACHED.get(state, 1)
    is_over = not deal["open"]
    steps = []
    for at, name in enumerate(_STEPS):
        how = "done" if at < reached else "now" if at == reached and not is_over else "todo"
        if name == "received" and state == "received":
            how = "done"
        if name == "received" and state == "confirmed":
            how = "now"
        if name == "reviewed" and deal["my_review"]:
            how = "done"
        elif name == "reviewed" and deal["may_review"]:
            how = "now"
        steps.append({"name": name, "how": how})
    return deal | {
        "steps": steps,
        "stands": "expired" if deal["expired"] else state,
        "is_haggled": state in _HAGGLED,
    }


async def deals_of(visit: Visit, room: str) -> list[JsonObject]:
    """Those of a room, the latest first."""
    try:
        found = (await visit.ask("deals", to=room))["deals"]
    except DeskError as error:
        if error.code != "unknown-id":
            raise
        return []
    return [with_steps(deal) for deal in found]


async def known_listing(visit: Visit, listing: str) -> JsonObject | None:
    """What a talk is about; None where it is not here any more, or was none."""
    try:
        shown: JsonObject = (await visit.ask("show", id=listing))["listing"]
    except DeskError:
        return None
    return shown


async def step(visit: Visit) -> Response:
    """One step in a deal, by the form of it."""
    verb, deal = str(visit.request.path_params["step"]), str(visit.request.path_params["deal"])
    if verb not in _ASKED:
        raise HTTPException(404)
    told = await visit.form()
    args: dict[str, Any] = {
        name: (told.get(name) == "1" or None) if name in _FLAGS else told.get(name, "")
        for name in _ASKED[verb]
    }
    try:
        done = await visit.ask(verb, to=deal, **args)
    except DeskError as error:
        return await _failed(visit, verb, deal, Typed(f"{verb}-{deal}", visit.why(error), told))
    if told.get("back") == "deals":
        return visit.go("/deals", _done_text(visit, verb, done))
    # The room itself shows what was said, but for what it waits for.
    waits = _done_text(visit, verb, done) if done.get("waits_for_key") else ""
    return visit.go(f"/talk/{done['room']}", waits)


async def _failed(visit: Visit, verb: str, deal: str, typed: Typed) -> Response:
    from .talk import show_room  # late: each shows what the other does

    try:
        (known,) = (await visit.ask("deals", to=deal))["deals"]
    except (DeskError, ValueError):
        return visit.go("/deals", failed=typed.why)
    if verb == "accept" and known["mine"] and "anyway" not in typed.told and known["open"]:
        return await visit.show(
            "deal_anyway.html", 409, deal=known, why=typed.why, back=typed.told.get("back", "")
        )
    if typed.told.get("back") == "deals":
        return await _show_deals(visit, typed, 422)
    return await show_room(visit, known["room"], typed, 422)


def _done_text(visit: Visit, verb: str, done: JsonObject) -> str:
    _ = visit.tongue.gettext
    state = done["deal"]["state"]
    if done.get("waits_for_key"):
        return _("Written. It waits on this disk until the key of their node has come.")
    match verb:
        case "accept" if state == "confirmed":
            return _("It is a deal. Now meet, and say here when your part is done.")
        case "accept":
            return _("Accepted. Their node confirms it as soon as it hears of it.")
        case "offer":
            return _("Your offer is on its way.")
        case "decline":
            return _("Declined. They may offer again.")
        case "retract":
            return _("Your offer is taken back.")
        case "done" if state == "done":
            return _("Both have said so: the deal is done. Say how it went.")
        case "done":
            return _("Noted. It waits for the other side to say so too.")
        case "cancel":
            return _("The deal is cancelled, and they are told why.")
        case "noshow":
            return _("Noted that they did not come.")
        case _ if done["published"]:
            return _("Your review is there for all to read.")
        case _:
            return _("Your review is written. It is shown when both have written, or in 14 days.")


ROUTES: Final[Routes] = (
    ("GET", "/deals", deals),
    ("POST", "/deal/{deal}/{step}", step),
)
