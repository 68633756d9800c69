"""The verbs of people: one's own profile, and authors kept out of sight. Also which markets."""

from collections.abc import Mapping
from typing import Any

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.kind import PROFILE
from ..protocol.market import COMMONS, is_market
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.profile import THREAD, Profile
from .clerk import ID_HEX_MIN, Clerk
from .desk_args import Args, refused
from .desk_error import bad_value
from .publisher import Draft


def profile(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What one is called, changed where `name` or `about` is said."""
    args = Args("profile", told, ("name", "about"))
    if "name" not in args and "about" not in args:
        return _shown(clerk, is_changed=False)
    pen = clerk.pen()
    thread_key = (COMMONS, pen.author, THREAD)
    with pen.transaction():
        before = clerk.profile_of(pen.author)
        name, about = args.text("name"), args.text("about")
        try:
            after = Profile(
                before.name if name is None else name, before.about if about is None else about
            ).authored()
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
    """Forgets what an author published, and takes nothing more of theirs. Only here."""
    typed = Args("block", told, ("author",)).needed("author")
    known = _blocked_author(clerk, typed)
    author, name = clerk.find_author(typed if known is None else known.hex())
    if author == clerk.own:
        raise bad_value("that is you: `jangteo withdraw ID` takes a listing of yours back")
    is_blocked = author in clerk.store.blocked()
    with clerk.store.write(durable=True):
        forgotten = clerk.store.block(author)
    return {
        "author": author.hex(),
        "name": name,
        "forgotten": forgotten,
        "changed": not is_blocked,
    }


def unblock(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes an author's records again; neighbours bring them back with time."""
    typed = Args("unblock", told, ("author",)).needed("author").strip()
    blocked = clerk.store.blocked()
    author = _blocked_author(clerk, typed) or clerk.find_author(typed)[0]
    with clerk.store.write(durable=True):
        clerk.store.unblock(author)
    return {
        "author": author.hex(),
        "name": clerk.name_of(author),
        "changed": author in blocked,
    }


def _blocked_author(clerk: Clerk, typed: str) -> bytes | None:
    """Who is blocked already and meant by the beginning of a key: their name may be forgotten."""
    start = typed.strip().lower()
    matches = [one for one in clerk.store.blocked() if one.hex().startswith(start)]
    return matches[0] if len(matches) == 1 and len(start) >= ID_HEX_MIN else None


def blocked(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    Args("blocked", told, ())
    authors = sorted(clerk.store.blocked())
    return {"blocked": [{"author": one.hex(), "name": clerk.name_of(one)} for one in authors]}


def join(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    market = _market("join", told)
    joined = clerk.store.joined()
    is_new = market not in joined
    # commons is everyone's and does not count.
    if is_new and len(set(joined) - {COMMONS}) >= limits.MARKETS_JOINED_MAX:
        raise bad_value(f"a node is in at most {limits.MARKETS_JOINED_MAX} markets: leave one")
    with clerk.store.write(durable=True):
        clerk.store.join(market)
    return {"market": market, "changed": is_new, "joined": sorted(clerk.store.joined())}


def leave(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept of the market is forgotten, but for one's own."""
    market = _market("leave", told)
    if market == COMMONS:
        raise bad_value(f"every node is in {COMMONS!r}")
    was_in = market in clerk.store.joined()
    with clerk.store.write(durable=True):
        clerk.store.leave(market)
    return {"market": market, "changed": was_in, "joined": sorted(clerk.store.joined())}


def _market(verb: str, told: Mapping[str, Any]) -> str:
    market = Args(verb, told, ("market",)).needed("market")
    if not is_market(market):
        raise bad_value(f"{market!r} is no market: {MARKET_HELP}")
    return market


def _shown(clerk: Clerk, *, is_changed: bool) -> dict[str, Any]:
    if clerk.own is None:
        return {"author": None, "name": "", "about": "", "changed": False}
    known = clerk.profile_of(clerk.own)
    return {
        "author": clerk.own.hex(),
        "name": known.name,
        "about": known.about,
        "changed": is_changed,
    }
