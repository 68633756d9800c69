"""The verbs of people: one's own profile, and authors kept out of sight. Also which markets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.kind import PROFILE
from ..protocol.market import COMMONS, is_market
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.profile import THREAD, Profile
from ..protocol.told import tell
from ..store.segment import fold_name
from .block_note import BlockNote, block_notes, drop_block_note, put_block_note
from .clerk import Clerk
from .desk_args import Args, refused
from .desk_error import bad_value
from .home_store import note_left
from .listing_json import time_text
from .publisher import Draft

_FIELDS: Final = ("name", "about", "place", "languages")


def profile(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What one says of oneself, changed where a field is said: "" takes it away, and so does "none"
    the languages."""
    args = Args("profile", told, _FIELDS)
    if not any(name in args for name in _FIELDS):
        return _shown(clerk, is_changed=False)
    pen = clerk.pen()
    thread_key = (COMMONS, pen.author, THREAD)
    with pen.transaction():
        before = clerk.profile_of(pen.author)
        changes: dict[str, Any] = {
            name: text for name in _FIELDS[:3] if (text := args.text(name)) is not None
        }
        if (languages := args.texts("languages")) is not None:
            changes["languages"] = () if languages == ["none"] else tuple(languages)
        try:
            after = replace(before, **changes).authored()
        except LocalProtocolError as error:
            raise refused(error) from None
        current = clerk.store.current(thread_key)
        is_changed = after != before or current is None
        if is_changed:
            last = None if current is None else current.header
            pen.publish(Draft(PROFILE, thread_key, after.to_body(), last))
    return _shown(clerk, is_changed=is_changed)


def whoami(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    Args("whoami", told, ())
    shown = _shown(clerk, is_changed=False)
    del shown["changed"]
    is_backed_up = clerk.owner is not None and clerk.owner.backed_up_ms() is not None
    return shown | {"created": clerk.own is not None, "backed_up": is_backed_up}


def block(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Forgets what an author published, and takes nothing more of theirs. Only here. `contact` is
    whether they were one until now, `note` what was noted about them."""
    typed = Args("block", told, ("author",)).needed("author")
    notes = block_notes(clerk.store)
    author, name = clerk.find_author(typed, {one: note.name for one, note in notes.items()})
    if author == clerk.own:
        raise bad_value(tell("that is you: `jangteo withdraw ID` takes a listing of yours back"))
    contact = next((one for one in clerk.store.kept() if one.author == author), None)
    with clerk.store.write(durable=True):
        forgotten = clerk.store.block(author)
        if author not in notes:
            put_block_note(clerk.store, author, BlockNote(name, clerk.now_ms()))
    return {
        "author": author.hex(),
        "name": name,
        "forgotten": forgotten,
        "contact": contact is not None,
        "note": "" if contact is None else contact.note,
        "changed": author not in notes,
    }


def unblock(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes an author's records again; neighbours bring them back."""
    from .postman import OPENED_META  # late: who only reads needs no letters

    typed = Args("unblock", told, ("author",)).needed("author").strip()
    names = {one: note.name for one, note in block_notes(clerk.store).items()}
    # Who is blocked is meant, though another of that name is here.
    called = [one for one, name in names.items() if fold_name(typed) == fold_name(name) != ""]
    author, name = clerk.find_author(called[0].hex() if len(called) == 1 else typed, names)
    with clerk.store.write(durable=True):
        clerk.store.unblock(author)
        drop_block_note(clerk.store, author)
        # What they wrote meanwhile was dropped, and is still among the letters: all are tried anew.
        clerk.store.put_meta(OPENED_META, "0")
    return {"author": author.hex(), "name": name, "changed": author in names}


def blocked(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    Args("blocked", told, ())
    return {
        "blocked": [
            {
                "author": author.hex(),
                "name": clerk.name_of(author) or note.name,
                "since": None if note.since_ms is None else time_text(note.since_ms),
            }
            for author, note in block_notes(clerk.store).items()
        ]
    }


def join(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    market = _market("join", told)
    joined = clerk.store.joined()
    is_new = market not in joined
    # commons is everyone's and does not count.
    if is_new and len(set(joined) - {COMMONS}) >= limits.MARKETS_JOINED_MAX:
        raise bad_value(
            tell(
                "a node is in at most {markets_joined_max} markets: leave one",
                markets_joined_max=limits.MARKETS_JOINED_MAX,
            )
        )
    with clerk.store.write(durable=True):
        clerk.store.join(market)
    return {"market": market, "changed": is_new, "joined": sorted(clerk.store.joined())}


def leave(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept of the market is forgotten, but for one's own: `forgotten` records."""
    market = _market("leave", told)
    if market == COMMONS:
        raise bad_value(tell("every node is in {commons!r}", commons=COMMONS))
    was_in = market in clerk.store.joined()
    with clerk.store.write(durable=True):
        forgotten = clerk.store.leave(market)
        note_left(clerk.store, market)
    return {
        "market": market,
        "changed": was_in,
        "forgotten": forgotten,
        "joined": sorted(clerk.store.joined()),
    }


def _market(verb: str, told: Mapping[str, Any]) -> str:
    market = Args(verb, told, ("market",)).needed("market")
    if not is_market(market):
        raise bad_value(
            tell("{market!r} is no market: {market_help}", market=market, market_help=MARKET_HELP)
        )
    return market


def _shown(clerk: Clerk, *, is_changed: bool) -> dict[str, Any]:
    known = Profile() if clerk.own is None else clerk.profile_of(clerk.own)
    return {
        "author": None if clerk.own is None else clerk.own.hex(),
        "name": known.name,
        "about": known.about,
        "place": known.place,
        "languages": list(known.languages),
        "changed": is_changed,
    }
