"""A notification in a line. Takes JSON whose texts may come from anywhere: not yet made safe."""

from collections.abc import Mapping
from typing import Any

from .listing_view import ID_CHARS_MIN, person_text, price_text
from .tongue import _

Json = Mapping[str, Any]


def notification_text(note: Json) -> str:
    """ "new in bikes: 3fa91c07 Road bike · ₩900,000 · Mina (9c1d04aa)"."""
    match note.get("kind"):
        case "saved":
            return _("new in {saved}: {listing}").format(
                saved=note["saved"], listing=_listing(note)
            )
        case "follow" if note.get("count", 1) == 1:
            price = price_text(note["price"])
            return _("{who} has put up {short} {title} · {price}").format(
                who=_who(note), short=_short(note), title=note["title"], price=price
            )
        case "follow":
            return _("{who} has put up {listing}").format(who=_who(note), listing=_listing(note))
        case "favourite":
            return _favourite(note)
        case "question" | "answer":
            return _remark(note)
        case "review":
            return _("{who} has reviewed you: {mark}").format(who=_who(note), mark=_(note["mark"]))
        case kind:
            return f"{kind}: {note.get('title') or ''}".strip(": ")


def _remark(note: Json) -> str:
    """With the question's id, which `answer` takes."""
    is_question, what = note["kind"] == "question", note.get("title") or _short(note)
    if note.get("count", 1) > 1:
        questions = _("{count:,} questions about {what} ({short})")
        answers = _("{count:,} answers about {what} ({short})")
        pattern = questions if is_question else answers
        return pattern.format(count=note["count"], what=what, short=_short(note))
    asks = _("{who} asks about {what} [{question}]: {text}")
    answers = _("{who} answers about {what} [{question}]: {text}")
    pattern = asks if is_question else answers
    text = " ".join(str(note["text"]).split())
    return pattern.format(
        who=_who(note),
        what=what,
        question=str(note["question"])[:ID_CHARS_MIN],
        text=text,
    )


def _favourite(note: Json) -> str:
    what = f"{_short(note)} {note['title']}"
    if note["status"] != "active":
        return _("favourite {what}: {status}").format(what=what, status=_(note["status"]))
    before, now = note.get("before"), note.get("price")
    if before != now:
        return _("favourite {what}: {before} → {now}").format(
            what=what, before=price_text(before), now=price_text(now)
        )
    return _("favourite {what}: changed").format(what=what)


def _listing(note: Json) -> str:
    if note.get("count", 1) > 1:
        return _("{count:,} listings, such as {short} {title}").format(
            count=note["count"], short=_short(note), title=note["title"]
        )
    return f"{_short(note)} {note['title']} · {price_text(note['price'])} · {_who(note)}"


def _short(note: Json) -> str:
    return str(note["listing"])[:ID_CHARS_MIN]


def _who(note: Json) -> str:
    return person_text(note["author"], note.get("name"))
