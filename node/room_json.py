"""Rooms, messages and their delivery as JSON, as every face of the node shows them.

Knows the words of the form; what is done with them is the desk's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..protocol import message as said
from ..protocol.market import COMMONS
from ..protocol.review import review_thread
from ..store.outbox import Owed
from ..store.room_book import Room, Said
from ..store.row import ListingRow
from .clerk import Clerk
from .deal_json import step_json
from .deal_keeper import folded
from .listing_json import time_text

STATES: Final = ("written", "stored", "delivered", "read", "expired")
"""How far a message of one's own is: on this disk, at N peers, at theirs, seen, or given up."""
_NO_HOLDERS: Final[Mapping[bytes, int]] = {}

JsonObject = dict[str, Any]


def state_of(owed: Owed | None, stored_by: int) -> str:
    """Of a message of one's own; what is no longer in the outbox was cancelled or is long over."""
    if owed is None:
        return "written"
    if owed.read_ms is not None:
        return "read"
    if owed.delivered_ms is not None:
        return "delivered"
    if owed.expired_ms is not None:
        return "expired"
    return "stored" if stored_by else "written"


def messages_json(clerk: Clerk, found: Sequence[Said]) -> list[JsonObject]:
    """In their order; those of one's own with how far they have come."""
    own_ids = [each.message.id for each in found if each.message.author == clerk.own]
    owed = clerk.store.outbox.of(own_ids)
    letters = [each.letter for each in owed.values() if each.letter]
    holders = clerk.store.mail.held_counts(letters) if letters else _NO_HOLDERS
    return [_message_json(clerk, each, owed.get(each.message.id), holders) for each in found]


def _message_json(
    clerk: Clerk, each: Said, owed: Owed | None, holders: Mapping[bytes, int]
) -> JsonObject:
    message = each.message
    is_own = message.author == clerk.own
    shown: JsonObject = {
        "id": message.id.hex(),
        "room": message.room.hex(),
        "cursor": each.rid,
        "at": time_text(each.shown_ms),
        "author": message.author.hex(),
        "name": clerk.name_of(message.author),
        "mine": is_own,
        "kind": message.kind,
        "listing": message.about.hex() or None,
    } | _body_json(message)
    if message.kind == said.REVIEW:
        shown |= _review_json(clerk, message)
    if is_own:
        stored_by = 0 if owed is None else holders.get(owed.letter, 0)
        shown |= {"state": state_of(owed, stored_by), "stored_by": stored_by}
    return shown


def _body_json(message: said.Message) -> JsonObject:
    body = message.body
    match message.kind:
        case said.TEXT:
            return {"text": body["text"]}
        case said.MEET:
            return {"time": body["time"], "place": body.get("place", "")}
        case said.AGREE:
            return {"meet": body["meet"].hex()}
        case said.DEAL:
            return step_json(message)
        case _:
            return {}


def _review_json(clerk: Clerk, message: said.Message) -> JsonObject:
    """Of whom it is, and whether what was announced can be read here by now."""
    row = clerk.store.deals.deal(message.body["deal"])
    deal = None if row is None else folded(clerk.store, row)
    is_public = False
    if deal is not None and deal.is_made:
        thread = review_thread(deal.proof, message.author)
        is_public = clerk.store.current((COMMONS, message.author, thread)) is not None
    return {"subject": message.person.hex(), "published": is_public}


def _title(clerk: Clerk, room: Room, row: ListingRow | None) -> str:
    """Of what was forgotten or is gone, a deal about it still knows what it was called."""
    if row is not None and row.listing.title:
        return row.listing.title
    return next((deal.title for deal in clerk.store.deals.of_room(room.id) if deal.title), "")


def room_json(clerk: Clerk, room: Room) -> JsonObject:
    last = clerk.store.rooms.messages(room.id, before_rid=None, count_max=1)
    row = clerk.store.listing(room.listing) if room.listing else None
    return {
        "room": room.id.hex(),
        "person": room.person.hex(),
        "name": clerk.name_of(room.person),
        "listing": room.listing.hex() or None,
        "title": _title(clerk, room, row),
        "mine": row is not None and row.header.author == clerk.own,
        "unread": room.unread,
        "muted": room.is_muted,
        "blocked": room.person in clerk.store.blocked(),
        "last": messages_json(clerk, last)[0] if last else None,
    }


def owed_json(clerk: Clerk, owed: Owed, stored_by: int) -> JsonObject:
    message = said.stored_message(owed.raw)
    return {
        "id": owed.id.hex(),
        "room": message.room.hex(),
        "person": owed.person.hex(),
        "name": clerk.name_of(owed.person),
        "kind": message.kind,
        "state": state_of(owed, stored_by),
        "stored_by": stored_by,
        "sealed": bool(owed.letter),
        "written_at": time_text(owed.written_ms),
        "ends_at": time_text(owed.ends_ms),
    } | _body_json(message)
