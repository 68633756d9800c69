"""What was said, as people read it: a line of a room, a room in the inbox, a state of delivery.

Takes JSON whose texts may come from anywhere: nothing here is safe for a terminal yet.
"""

from collections.abc import Mapping
from typing import Any, Final

from .listing_view import ID_CHARS_MIN, counted, person_text, price_text
from .tongue import N_, _

Json = Mapping[str, Any]

_MARKS: Final = {"delivered": N_("came"), "read": N_("read"), "expired": N_("NOT DELIVERED")}
_SOLD: Final = "sold"
_STEPS: Final = {
    "offer": N_("offers {price}"),
    "accept": N_("accepts"),
    "confirm": N_("confirms: it is a deal"),
    "decline": N_("declines"),
    "retract": N_("takes the offer back"),
    "handed": N_("has handed it over"),
    "received": N_("has received it"),
    "cancel": N_("cancels"),
    "noshow": N_("says that the other did not come"),
}


def message_text(message: Json) -> str:
    """What it says, in one line (or several, as its author broke them)."""
    match message.get("kind"):
        case "text":
            return str(message["text"])
        case "meet":
            when = message["time"]
            if where := message.get("place"):
                when = f"{when}, {where}"
            return _("proposes to meet: {time}").format(time=when)
        case "agree":
            return _("agrees to the meeting")
        case "deal":
            return step_text(message)
        case "review" if message.get("published"):
            subject = str(message["subject"])[:ID_CHARS_MIN]
            return _("has written a review: `jangteo person {subject}` shows it").format(
                subject=subject
            )
        case "review":
            return _("has written a review; it is shown when both have, or after 14 days")
        case kind:
            return _("(something that this version cannot show: {kind})").format(kind=kind)


def step_text(message: Json) -> str:
    """A step of a deal: "offers ₩900,000", "declines: sold"."""
    step = str(message.get("step"))
    told = _(_STEPS.get(step, step))
    if step == "offer":
        pattern = _("counters with {price}") if message.get("re") else told
        price = price_text(message.get("price"))
        if message.get("quantity", 1) != 1:
            pieces = _("{price} for {quantity:,} pieces")
            price = pieces.format(price=price, quantity=message["quantity"])
        told = pattern.format(price=price)
    if message.get("void"):
        told = _("{step} (without effect)").format(step=told)
    extra = message.get("note") or message.get("reason")
    return f"{told}: {_(extra) if extra == _SOLD else extra}" if extra else told


def state_text(message: Json) -> str:
    """How far a message of one's own has come: "", "stored by 2", "came", "read"."""
    state = message.get("state")
    if state is None:
        return ""
    if state == "written":
        return _("waits here")
    if state == "stored":
        return _("stored by {peers}").format(peers=counted(message["stored_by"], "peer"))
    return _(_MARKS.get(str(state), str(state)))


def who_text(message: Json) -> str:
    return _("you") if message["mine"] else person_text(message["author"], message["name"])


def room_title(room: Json) -> str:
    """What the talk is about: a listing's title, or nothing."""
    if room.get("title"):
        return str(room["title"])
    return (
        _("listing {listing}").format(listing=room["listing"][:ID_CHARS_MIN])
        if room.get("listing")
        else ""
    )


def excerpt(message: Json | None) -> str:
    """Of the last message, for the inbox."""
    if message is None:
        return ""
    told = " ".join(message_text(message).split())
    return _("you: {told}").format(told=told) if message["mine"] else told
