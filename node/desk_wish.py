"""The verbs of what one keeps an eye on: favourites, followed sellers, saved searches, and what
came of them. Only here; nobody is told.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from ..store.wish_book import Favourite
from .clerk import Clerk
from .desk_args import Args, refused
from .desk_error import EXIT_UNKNOWN_ID, DeskError, bad_value
from .desk_search import SEARCH_ARGUMENTS, query_of
from .listing_json import time_text
from .look_out import look_out, notification_json

_PAGE: Final = 50
_NAME_CHARS_MAX: Final = 40
_SAVED: Final = tuple(
    name for name in SEARCH_ARGUMENTS if name not in ("limit", "after", "facets", "sort")
)


def favourites(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """{"rows"}: listings that were marked, as they are now, with "since"."""
    Args("favourites", told, ())
    rows = []
    for marked in clerk.store.wishes.favourites():
        shown = {"since": time_text(marked.since_ms)}
        if not clerk.store.find(marked.listing.hex()):
            # It has made room, and comes back when a neighbour brings it again.
            shown |= {"id": marked.listing.hex(), "title": marked.title, "status": "gone"}
            rows.append(shown)
            continue
        listing = clerk.json([clerk.find_listing(marked.listing.hex())])[0]
        rows.append(listing | shown | {"title": listing["title"] or marked.title})
    return {"rows": rows}


def favour(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    row = clerk.find_listing(Args("favour", told, ("id",)).needed("id"))
    if row.header.author == clerk.own:
        raise bad_value(tell("that is your own listing: `jangteo mine` lists them"))
    if row.header.is_delete:
        raise bad_value(tell("its seller has taken it back: there is nothing to keep an eye on"))
    try:
        with clerk.store.write(durable=True):
            is_new = clerk.store.wishes.favour(
                Favourite(row.listing_id, clerk.now_ms(), row.listing.title)
            )
    except LocalProtocolError as error:
        raise refused(error) from None
    return {"listing": clerk.json([row])[0], "changed": is_new}


def unfavour(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    typed = Args("unfavour", told, ("id",)).needed("id").strip().lower()
    marked = [each.listing for each in clerk.store.wishes.favourites()]
    found = [each for each in marked if each.hex().startswith(typed)]
    if len(found) != 1 or len(typed) < 4:
        raise DeskError(
            "unknown-id",
            tell("{typed!r} is several of your favourites", typed=typed)
            if found
            else tell("{typed!r} is none of your favourites", typed=typed),
            tell("`jangteo favourites` lists them"),
            EXIT_UNKNOWN_ID,
        )
    with clerk.store.write(durable=True):
        clerk.store.wishes.unfavour(found[0])
    return {"id": found[0].hex(), "changed": True}


def follows(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    Args("follows", told, ())
    return {
        "follows": [
            {"author": author.hex(), "name": clerk.name_of(author), "since": time_text(since_ms)}
            for author, since_ms in clerk.store.wishes.follows()
        ]
    }


def follow(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Tells of what a seller puts up from now on; `on` false: no more."""
    args = Args("follow", told, ("author", "on"))
    others = dict.fromkeys((author for author, _ in clerk.store.wishes.follows()), "")
    author, name = clerk.find_author(args.needed("author"), others)
    if author == clerk.own:
        raise bad_value(tell("that is you"))
    is_on = args.flag("on") is not False
    try:
        with clerk.store.write(durable=True):
            wishes = clerk.store.wishes
            changed = wishes.follow(author, clerk.now_ms()) if is_on else wishes.unfollow(author)
    except LocalProtocolError as error:
        raise refused(error) from None
    return {"author": author.hex(), "name": name, "following": is_on, "changed": changed}


def saved(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """All, or the one called `name`."""
    name = Args("saved", told, ("name",)).text("name")
    found = [each for each in clerk.store.wishes.saved() if name in (None, each.name)]
    if name is not None and not found:
        raise _no_search(name)
    return {
        "saved": [
            {"name": each.name, "query": dict(each.query), "since": time_text(each.since_ms)}
            for each in found
        ]
    }


def save(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps a search under a name: what comes and fits is told."""
    args = Args("save", told, ("name", "query"))
    name = _name(args.needed("name"))
    asked = told.get("query")
    if not isinstance(asked, Mapping):
        raise bad_value(tell("query is what a search is asked with"))
    query = {key: value for key, value in asked.items() if value not in (None, "", [], ())}
    if unknown := sorted(set(query) - set(_SAVED)):
        raise bad_value(tell("a saved search knows no {unknown}", unknown=unknown[0]))
    if not query:
        raise bad_value(tell("a saved search looks for something: give it words or filters"))
    query_of(clerk, query)  # says what is wrong with it
    is_new = name not in {each.name for each in clerk.store.wishes.saved()}
    try:
        with clerk.store.write(durable=True):
            clerk.store.wishes.save(name, query, clerk.now_ms())
    except LocalProtocolError as error:
        raise refused(error) from None
    return {"name": name, "query": query, "changed": is_new}


def unsave(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    name = _name(Args("unsave", told, ("name",)).needed("name"))
    with clerk.store.write(durable=True):
        if not clerk.store.wishes.unsave(name):
            raise _no_search(name)
    return {"name": name, "changed": True}


def notifications(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was not seen yet, the latest first; with `all` also what was."""
    args = Args("notifications", told, ("all", "limit"))
    limit = args.integer("limit", 1, limits.NOTIFICATIONS_MAX) or _PAGE
    found = clerk.store.wishes.notifications(count_max=limit, with_seen=args.flag("all") is True)
    return {
        "notifications": [
            notification_json(note.rid, note.at_ms, note.kind, note.about) | {"seen": note.is_seen}
            for note in found
        ],
        "unseen": clerk.store.wishes.unseen_count(),
        "dropped": clerk.store.wishes.dropped_count(),
    }


def see(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Those up to `up_to` were seen."""
    up_to = Args("see", told, ("up_to",)).integer("up_to", 0, limits.INTEGER_MAX)
    with clerk.store.write(durable=True):
        return {"seen": clerk.store.wishes.see(up_to or 0)}


def watch_for(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the running node does by itself: {"happenings"}, events to be told; "behind" where the
    words of some listings are still to come."""
    Args("look-out", told, ())
    with clerk.store.write(durable=True):
        return {"happenings": look_out(clerk), "behind": clerk.store.fts_lag() > 0}


def _name(told: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", told).split())
    if not name or len(name) > _NAME_CHARS_MAX:
        raise bad_value(
            tell(
                "a saved search has a name of 1 to {name_chars_max} characters",
                name_chars_max=_NAME_CHARS_MAX,
            )
        )
    return name


def _no_search(name: str) -> DeskError:
    return DeskError(
        "unknown-id",
        tell("no search is saved as {name!r}", name=name),
        tell("`jangteo saved` lists them"),
        EXIT_UNKNOWN_ID,
    )
