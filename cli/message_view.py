"""What was said, as people read it: a line of a room, a room in the inbox, a state of delivery.

Takes JSON whose texts may come from anywhere: nothing here is safe for a terminal yet.
"""

from collections.abc import Mapping
from typing import Any, Final

from .listing_view import ID_CHARS_MIN, counted, person_text, price_text

Json = Mapping[str, Any]

_MARKS: Final = {"delivered": "came", "read": "read", "expired": "NOT DELIVERED"}
_STEPS: Final = {
    "offer": "offers",
    "accept": "accepts",
    "confirm": "confirms: it is a deal",
    "decline": "declines",
    "retract": "takes the offer back",
    "handed": "has handed it over",
    "received": "has received it",
    "cancel": "cancels",
    "noshow": "says that the other did not come",
}


def message_text(message: Json) -> str:
    """What it says, in one line (or several, as its author broke them)."""
    match message.get("kind"):
        case "text":
            return str(message["text"])
        case "meet":
            where = f", {message['place']}" if message.get("place") else ""
            return f"proposes to meet: {message['time']}{where}"
        case "agree":
            return "agrees to the meeting"
        case "deal":
            return step_text(message)
        case "review" if message.get("published"):
            subject = str(message["subject"])[:ID_CHARS_MIN]
            return f"has written a review: `jangteo person {subject}` shows it"
        case "review":
            return "has written a review; it is shown when both have, or after 14 days"
        case kind:
            return f"(something that this version cannot show: {kind})"


def step_text(message: Json) -> str:
    """A step of a deal: "offers ₩900,000", "declines: sold"."""
    step = str(message.get("step"))
    told = "counters with" if step == "offer" and message.get("re") else _STEPS.get(step, step)
    if step == "offer":
        told += f" {price_text(message.get('price'))}"
        if message.get("quantity", 1) != 1:
            told += f" for {message['quantity']:,} pieces"
    if message.get("void"):
        told += " (without effect)"
    extra = message.get("note") or message.get("reason")
    return f"{told}: {extra}" if extra else told


def state_text(message: Json) -> str:
    """How far a message of one's own has come: "", "stored by 2", "came", "read"."""
    state = message.get("state")
    if state is None:
        return ""
    if state == "written":
        return "waits here"
    if state == "stored":
        return f"stored by {counted(message['stored_by'], 'peer')}"
    return _MARKS.get(str(state), str(state))


def who_text(message: Json) -> str:
    return "you" if message["mine"] else person_text(message["author"], message["name"])


def room_title(room: Json) -> str:
    """What the talk is about: a listing's title, or nothing."""
    if room.get("title"):
        return str(room["title"])
    return f"listing {room['listing'][:ID_CHARS_MIN]}" if room.get("listing") else ""


def excerpt(message: Json | None) -> str:
    """Of the last message, for the inbox."""
    if message is None:
        return ""
    told = " ".join(message_text(message).split())
    return f"you: {told}" if message["mine"] else told
