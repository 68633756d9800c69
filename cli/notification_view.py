"""A notification in a line. Takes JSON whose texts may come from anywhere: not yet made safe."""

from collections.abc import Mapping
from typing import Any

from .listing_view import ID_CHARS_MIN, person_text, price_text

Json = Mapping[str, Any]


def notification_text(note: Json) -> str:
    """ "new in bikes: 3fa91c07 Road bike · ₩900,000 · Mina (9c1d04aa)"."""
    match note.get("kind"):
        case "saved":
            return f"new in {note['saved']}: {_listing(note)}"
        case "follow" if note.get("count", 1) == 1:
            price = price_text(note["price"])
            return f"{_who(note)} has put up {_short(note)} {note['title']} · {price}"
        case "follow":
            return f"{_who(note)} has put up {_listing(note)}"
        case "favourite":
            return _favourite(note)
        case "question" | "answer":
            return _remark(note)
        case "review":
            return f"{_who(note)} has reviewed you: {note['mark']}"
        case kind:
            return f"{kind}: {note.get('title') or ''}".strip(": ")


def _remark(note: Json) -> str:
    """With the question's id, which `answer` takes."""
    is_question, what = note["kind"] == "question", note.get("title") or _short(note)
    if note.get("count", 1) > 1:
        some = "questions" if is_question else "answers"
        return f"{note['count']:,} {some} about {what} ({_short(note)})"
    told = "asks" if is_question else "answers"
    text = " ".join(str(note["text"]).split())
    return f"{_who(note)} {told} about {what} [{str(note['question'])[:ID_CHARS_MIN]}]: {text}"


def _favourite(note: Json) -> str:
    what = f"{_short(note)} {note['title']}"
    if note["status"] != "active":
        return f"favourite {what}: {note['status']}"
    before, now = note.get("before"), note.get("price")
    if before != now:
        return f"favourite {what}: {price_text(before)} → {price_text(now)}"
    return f"favourite {what}: changed"


def _listing(note: Json) -> str:
    if note.get("count", 1) > 1:
        return f"{note['count']:,} listings, such as {_short(note)} {note['title']}"
    return f"{_short(note)} {note['title']} · {price_text(note['price'])} · {_who(note)}"


def _short(note: Json) -> str:
    return str(note["listing"])[:ID_CHARS_MIN]


def _who(note: Json) -> str:
    return person_text(note["author"], note.get("name"))
