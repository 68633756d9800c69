"""What a running node does with the mail by itself: opens what is for its owner, and keeps the
owner's keys and what is owed in order. Nobody else asks for these verbs.
"""

from collections.abc import Mapping
from typing import Any

from ..protocol import limits
from ..protocol.message import Message
from .clerk import Clerk
from .deal_json import deal_json
from .desk_args import Args
from .postman import MAIL_SYNCED_META
from .room_json import messages_json


def open_letters(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Opens a page of the letters that came: {"more", "happenings"}, events to be told."""
    Args("mail-open", told, ())
    clerk.post().take_happenings()  # of what was rolled back
    with clerk.pen().transaction():
        has_more = clerk.post().open_new()
        happenings = [_shown(clerk, each) for each in clerk.post().take_happenings()]
    return {"more": has_more, "happenings": happenings}


def tend(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What time brings; `even_ms` is when a peer last had the same mail: {"happenings"}."""
    even_ms = Args("mail-tend", told, ("even_ms",)).integer("even_ms", 0, limits.INTEGER_MAX)
    clerk.post().take_happenings()
    with clerk.pen().transaction():
        if even_ms is not None:
            clerk.store.put_meta(MAIL_SYNCED_META, str(even_ms))
        clerk.post().tend()
        happenings = [_shown(clerk, each) for each in clerk.post().take_happenings()]
    return {"happenings": happenings}


def _shown(clerk: Clerk, happening: dict[str, Any]) -> dict[str, Any]:
    if happening["event"] == "deal":
        deal = clerk.store.deals.deal(happening["deal"])
        shown = {} if deal is None else deal_json(clerk, deal)
        return {**shown, "event": "deal", "message": happening["message"].hex()}
    if happening["event"] == "delivery":
        sent = clerk.store.rooms.message(bytes.fromhex(happening["id"]))
        return happening | {"room": None if sent is None else sent.message.room.hex()}
    message = happening.get("message")
    if not isinstance(message, Message):
        return happening
    found = clerk.store.rooms.message(message.id)
    room = clerk.store.rooms.room(message.room)
    if found is None or room is None:
        return {"event": happening["event"]}
    row = clerk.store.listing(message.about) if message.about else None
    return {
        **messages_json(clerk, [found])[0],
        "event": happening["event"],
        "title": "" if row is None else row.listing.title,
        "muted": room.is_muted,
    }
