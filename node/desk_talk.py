"""The verbs of talk: send, inbox, room, seen, mute, outbox. What is said is sealed for the other.

Finds the room that a person means by a listing, a person or a room. Deals are desk_deal.py's.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from ..protocol import limits
from ..protocol import message as said
from ..protocol.told import tell
from ..store.segment import fold_name
from .block_note import block_notes
from .clerk import ID_HEX_MIN, Clerk
from .desk_args import Args
from .desk_error import EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, bad_value
from .room_json import messages_json, owed_json, room_json

Where = tuple[bytes, bytes]
"""Whom one talks with, and about which listing (or b"")."""

_PAGE: Final = 50
_PAGE_MAX: Final = 500
_SHORT: Final = 8
_SHOWN_MAX: Final = 5
_GONE_MS: Final = 2 * limits.LETTER_DAYS * limits.DAY_MS
"""What was deleted here may come again in letters for so long."""


def send(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Says something to whom `to` names: a room, a listing's seller, or a person."""
    args = Args("send", told, ("to", "text"))
    text = clean_text(args.needed("text"))
    return say(clerk, find_where(clerk, args.needed("to")), said.TEXT, {"text": text})


def meet(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Proposes a meeting: when, and where."""
    args = Args("meet", told, ("to", "time", "place"))
    body = {"time": _line(args.needed("time"), "time")}
    if place := _line(args.text("place") or "", "place"):
        body["place"] = place
    if not body["time"]:
        raise bad_value(tell("a meeting needs a time, in any words, such as 'Saturday at 3'"))
    return say(clerk, find_where(clerk, args.needed("to")), said.MEET, body)


def agree(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Agrees to the meeting that the other side proposed last."""
    args = Args("agree", told, ("to",))
    where = find_where(clerk, args.needed("to"))
    room = said.room_id(clerk.own or b"", *where)
    proposed = [
        each.message
        for each in clerk.store.rooms.messages(room, before_rid=None, count_max=_PAGE_MAX)
        if each.message.kind == said.MEET and each.message.author != clerk.own
    ]
    if not proposed:
        raise bad_value(
            tell("no meeting was proposed to you here"), tell("propose one with `jangteo meet`")
        )
    return say(clerk, where, said.AGREE, {"meet": proposed[-1].id})


def inbox(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Rooms, the latest first; with `unread` only those with something new, with `find` messages
    that have this text in them."""
    args = Args("inbox", told, ("unread", "find", "limit"))
    limit = args.integer("limit", 1, _PAGE_MAX) or _PAGE
    if (text := args.text("find")) is not None:
        folded = fold_name(text)
        found = clerk.store.rooms.find_said(folded, limit) if folded else []
        return {"messages": messages_json(clerk, found)}
    rooms = clerk.store.rooms.rooms()
    unread = sum(room.unread for room in rooms if not room.is_muted)
    if args.flag("unread"):
        rooms = [room for room in rooms if room.unread and not room.is_muted]
    return {
        "rooms": [room_json(clerk, room) for room in rooms[:limit]],
        "has_more": len(rooms) > limit,
        "unread": unread,
    }


def room(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """A room with a page of what was said in it, oldest first; `before` is a message's cursor.
    Until there is the other's key ("has_key"), what one writes cannot be sealed, and waits."""
    args = Args("room", told, ("to", "limit", "before"))
    where = find_where(clerk, args.needed("to"))
    room_id = said.room_id(clerk.own or b"", *where)
    found = clerk.store.rooms.room(room_id)
    if found is None:
        person, listing = where
        row = clerk.store.listing(listing) if listing else None
        return {
            "room": room_id.hex(),
            "person": person.hex(),
            "name": clerk.name_of(person),
            "listing": listing.hex() or None,
            "title": "" if row is None else row.listing.title,
            "mine": False,
            "unread": 0,
            "muted": False,
            "blocked": person in clerk.store.blocked(),
            "has_key": clerk.store.box_key(person) is not None,
            "last": None,
            "messages": [],
            "has_more": False,
        }
    limit = args.integer("limit", 1, _PAGE_MAX) or _PAGE
    before = args.integer("before", 1, limits.INTEGER_MAX)
    page = clerk.store.rooms.messages(room_id, before_rid=before, count_max=limit)
    return room_json(clerk, found) | {
        "has_key": clerk.store.box_key(found.person) is not None,
        "messages": messages_json(clerk, page),
        "has_more": bool(page)
        and clerk.store.rooms.has_before(room_id, min(each.rid for each in page)),
    }


def seen(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What is in the room was seen, up to the message with the cursor `up_to` (or all of it)."""
    args = Args("seen", told, ("to", "up_to"))
    room_id = said.room_id(clerk.own or b"", *find_where(clerk, args.needed("to")))
    with clerk.pen().transaction():
        found = clerk.store.rooms.room(room_id)
        if found is None:
            return {"room": room_id.hex(), "seen": 0}
        up_to = args.integer("up_to", 1, limits.INTEGER_MAX)
        rid = found.last_rid if up_to is None else min(up_to, found.last_rid)
        return {"room": room_id.hex(), "seen": clerk.post().note_read(room_id, rid)}


def mute(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """No word of a room's messages any more, or (`on` false) again; they still come."""
    args = Args("mute", told, ("to", "on"))
    is_muted = args.flag("on") is not False
    room_id = said.room_id(clerk.own or b"", *find_where(clerk, args.needed("to")))
    with clerk.store.write(durable=True):
        found = clerk.store.rooms.room(room_id)
        if found is None:
            raise bad_value(tell("nothing was said there yet"))
        clerk.store.rooms.mute(room_id, is_muted=is_muted)
    return {
        "room": room_id.hex(),
        "name": clerk.name_of(found.person),
        "muted": is_muted,
        "changed": found.is_muted is not is_muted,
    }


def forget(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Deletes what was said in a room, here only."""
    args = Args("forget", told, ("to",))
    room_id = said.room_id(clerk.own or b"", *find_where(clerk, args.needed("to")))
    with clerk.store.write(durable=True):
        found = clerk.store.rooms.room(room_id)
        clerk.store.outbox.wipe_room(room_id)
        count = clerk.store.rooms.forget(room_id, clerk.now_ms() + _GONE_MS)
    name = "" if found is None else clerk.name_of(found.person)
    return {"room": room_id.hex(), "name": name, "deleted": count}


def outbox(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What is under way to others, the latest first; with `all` also what has come."""
    args = Args("outbox", told, ("all", "limit"))
    limit = args.integer("limit", 1, _PAGE_MAX) or _PAGE
    found = clerk.store.outbox.entries(_PAGE_MAX)
    if not args.flag("all"):
        found = [owed for owed in found if owed.delivered_ms is None]
    held = clerk.store.mail.held_counts([owed.letter for owed in found if owed.letter])
    return {
        "entries": [owed_json(clerk, owed, held.get(owed.letter, 0)) for owed in found[:limit]],
        "has_more": len(found) > limit,
    }


def resend(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Sends what has expired (or is under way) once more, sealed anew."""
    typed = Args("resend", told, ("id",)).needed("id").strip().lower()
    with clerk.pen().transaction():
        found = [
            owed
            for owed in clerk.store.outbox.entries(limits.ROOM_MESSAGES_MAX)
            if len(typed) >= ID_HEX_MIN and owed.id.hex().startswith(typed)
        ]
        if len(found) != 1:
            raise DeskError(
                "unknown-id" if not found else "ambiguous",
                tell("{typed!r} is several of your messages", typed=typed)
                if found
                else tell("{typed!r} is none of your messages", typed=typed),
                tell("`jangteo outbox` shows their ids"),
                EXIT_USAGE if found else EXIT_UNKNOWN_ID,
            )
        if found[0].delivered_ms is not None:
            raise bad_value(tell("it has come already: there is nothing to send again"))
        clerk.post().try_again(found[0])
        owed = clerk.store.outbox.of([found[0].id])[found[0].id]
    return {"entry": owed_json(clerk, owed, 0)}


# -- for the other verbs of conversation ------------------------------------------------------


def say(clerk: Clerk, where: Where, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """One message in a durable transaction: {"message", "room", "person", "name"}."""
    check_may_write(clerk, where[0])
    with clerk.pen().transaction():
        message = clerk.post().say(*where, kind, body)
        return sent(clerk, message)


def sent(clerk: Clerk, message: said.Message) -> dict[str, Any]:
    """What is told of a message that was said just now."""
    found = clerk.store.rooms.message(message.id)
    assert found is not None  # noqa: S101 — it was put there in this transaction
    result: dict[str, Any] = {
        "message": messages_json(clerk, [found])[0],
        "room": message.room.hex(),
        "person": message.person.hex(),
        "name": clerk.name_of(message.person),
    }
    if not clerk.store.outbox.of([message.id])[message.id].letter:
        result["waits_for_key"] = True
    return result


def check_may_write(clerk: Clerk, person: bytes) -> None:
    if person == clerk.own:
        raise bad_value(tell("that is you: nobody writes to themselves"))
    if person in clerk.store.blocked():
        name = clerk.name_of(person) or person.hex()[:_SHORT]
        raise bad_value(
            tell("{name} is blocked: you would not hear an answer", name=name),
            tell("first `jangteo unblock {person}`", person=person.hex()[:16]),
        )


def find_where(clerk: Clerk, typed: str) -> Where:
    """The room that is meant: its own id, a listing (its seller; of one's own the one who asked),
    or a person. DeskError: unknown (3), ambiguous (2, naming the candidates)."""
    if clerk.own is None:
        clerk.pen()  # which says what to do about it
    prefix = typed.strip().lower()
    if re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},64}}", prefix):
        found = _by_id(clerk, prefix)
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(clerk, typed, found)
    others = {author: note.name for author, note in block_notes(clerk.store).items()}
    others |= {room.person: "" for room in clerk.store.rooms.rooms() if room.person not in others}
    try:
        person, _ = clerk.find_author(typed, others)
    except DeskError as error:
        if error.code != "unknown-author":
            raise
        raise DeskError(
            "unknown-id",
            tell("{typed!r} is no room, listing or person known here", typed=typed),
            tell("`jangteo inbox` lists rooms, `jangteo search` listings"),
            EXIT_UNKNOWN_ID,
        ) from None
    return person, said.NO_LISTING


def _by_id(clerk: Clerk, prefix: str) -> list[Where]:
    found: dict[Where, None] = {}
    for room_id in clerk.store.rooms.find(prefix):
        known = clerk.store.rooms.room(room_id)
        if known is not None:
            found[known.person, known.listing] = None
    for listing_id in clerk.store.find(prefix):
        row = clerk.find_listing(listing_id.hex())
        if row.header.author != clerk.own:
            found[row.header.author, listing_id] = None
            continue
        rooms = clerk.store.rooms.rooms_about(listing_id)
        if not rooms:
            raise bad_value(
                tell("that is your own listing, and nobody has written to you about it yet"),
                tell("`jangteo inbox` lists who wrote to you"),
            )
        found |= dict.fromkeys((room.person, room.listing) for room in rooms)
    return list(found)


def _ambiguous(clerk: Clerk, typed: str, found: list[Where]) -> DeskError:
    own = clerk.own or b""
    shown = [
        f"{said.room_id(own, *where).hex()[:_SHORT]} "
        f"({clerk.name_of(where[0]) or where[0].hex()[:_SHORT]})"
        for where in found[:_SHOWN_MAX]
    ]
    more = " …" if len(found) > _SHOWN_MAX else ""
    return DeskError(
        "ambiguous",
        tell(
            "{typed!r} may be any of {count} rooms: {shown}{more}",
            typed=typed,
            count=len(found),
            shown=", ".join(shown),
            more=more,
        ),
        tell("name the room by its own id"),
        EXIT_USAGE,
    )


def clean_text(text: str) -> str:
    """In NFC, without blank ends; DeskError where nothing is left or it is too long."""
    clean = unicodedata.normalize("NFC", text).strip()
    if not clean:
        raise bad_value(tell("a message needs some words"))
    if len(clean) > limits.MESSAGE_CHARS_MAX:
        raise bad_value(
            tell(
                "the message has {count:,} characters: at most {message_chars_max:,}",
                count=len(clean),
                message_chars_max=limits.MESSAGE_CHARS_MAX,
            ),
            tell("say it in several"),
        )
    if len(clean.encode()) > limits.MESSAGE_BYTES_MAX:
        raise bad_value(
            tell(
                "the message has {count:,} bytes: at most {message_bytes_max:,}",
                count=len(clean.encode()),
                message_bytes_max=limits.MESSAGE_BYTES_MAX,
            ),
            tell("say it in several"),
        )
    return clean


def _line(text: str, name: str) -> str:
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if len(line) > limits.MEET_CHARS_MAX:
        raise bad_value(
            tell(
                "{name} has {count:,} characters: at most {meet_chars_max:,}",
                name=name,
                count=len(line),
                meet_chars_max=limits.MEET_CHARS_MAX,
            )
        )
    return line
