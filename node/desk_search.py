"""The verbs that look: search, show, one's own listings, the home screen, the store's state.

Nothing here writes, and nothing needs a key or a network.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..protocol import limits
from ..protocol.listing import CONDITIONS
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.market import is_market
from ..protocol.told import tell
from .clerk import Clerk
from .desk_args import Args
from .desk_error import bad_value
from .listing_json import price_json, status_of, time_text
from .remark_json import questions_json

if TYPE_CHECKING:
    from ..store.query import Facets, Query

LIMIT_DEFAULT: Final = 20
SEARCH_ARGUMENTS: Final = (
    "text", "category", "min_price", "max_price", "currency", "place", "condition", "market",
    "seller", "wanted", "status", "sort", "limit", "after", "facets",
)  # fmt: skip
_HOME_SHOWN: Final = 5
_OVER: Final = ("done", "cancelled", "noshow", "declined", "retracted")


def search(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """One page: {"rows", "has_more"}, and where `facets` was said {"facets"}."""
    query = query_of(clerk, told)
    page = clerk.store.search(query, clerk.now_ms())
    found: dict[str, Any] = {
        "rows": [
            shown | {"cursor": row.cursor}
            for shown, row in zip(clerk.json(page.rows), page.rows, strict=True)
        ],
        "has_more": page.has_more,
    }
    if told.get("facets"):
        found["facets"] = _facets_json(clerk.store.facets(query, clerk.now_ms()))
    return found


def search_stream(clerk: Clerk, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from search(clerk, told)["rows"]


def show(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """One listing with its revisions, newest first, what was asked about it, and its seller."""
    row = clerk.find_listing(Args("show", told, ("id",)).needed("id"))
    now_ms = clerk.now_ms()
    revisions = [
        {
            "record_id": record_id.hex(),
            "revision": header.revision,
            "at": time_text(header.ts_ms),
            "status": status_of(header, listing, now_ms),
            "title": "" if listing is None else listing.title,
            "price": None if listing is None else price_json(listing.price),
            "is_delete": header.is_delete,
        }
        for header, listing, record_id in clerk.store.revisions(row.listing_id)
    ]
    revisions.sort(key=lambda one: (one["is_delete"], one["revision"]), reverse=True)
    author = row.header.author
    known = clerk.profile_of(author)
    return {
        "listing": clerk.json([row])[0],
        "revisions": revisions,
        "questions": [] if row.header.is_delete else questions_json(clerk, row),
        "seller": {
            "author": author.hex(),
            "name": known.name,
            "about": known.about,
            "place": known.place,
            "languages": list(known.languages),
            "reviews": len(clerk.store.reviews.of_subject(author)),
            "contact": author in {contact.author for contact in clerk.store.kept()},
        },
    }


def listings(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """One's own, newest first, in every state but withdrawn unless `status` says otherwise."""
    Args("listings", told, ("status", "limit", "after"))
    if clerk.own is None:
        return {"rows": [], "has_more": False}
    asked = {
        **told,
        "status": told.get("status") or "all",
        "seller": clerk.own.hex(),
        "sort": "newest",
    }
    return search(clerk, {name: value for name, value in asked.items() if value is not None})


def home(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the home screen shows: who one is, what is new, what is one's own, what waits."""
    Args("home", told, ())
    newest = search(clerk, {"limit": _HOME_SHOWN})
    mine = listings(clerk, {"limit": _HOME_SHOWN})
    waiting = {"waiting": _waiting(clerk)}
    return _state(clerk) | waiting | {"new": newest["rows"], "mine": mine["rows"]}


def waiting(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Who one is and how much waits, for what is shown above every page: quick at any size."""
    Args("waiting", told, ())
    return {
        "author": None if clerk.own is None else clerk.own.hex(),
        "name": "" if clerk.own is None else clerk.name_of(clerk.own),
        "currency": clerk.currency,
        "unread": clerk.store.rooms.unread(),
        "unseen": clerk.store.wishes.unseen_count(),
        "backed_up": clerk.owner is not None and clerk.owner.backed_up_ms() is not None,
    } | _waiting(clerk)


def _waiting(clerk: Clerk) -> dict[str, int]:
    """How many offers wait for one's answer, and deals for one's part of them."""
    rows = clerk.store.deals.deals()
    if not rows:
        return {"offers": 0, "deals": 0}
    from ..protocol.deal import OPEN
    from .deal_json import deal_json

    found = [deal_json(clerk, row) for row in rows if row.state not in _OVER]
    mine = [deal for deal in found if deal["open"] and deal["waits_for"] in ("you", "both")]
    offers = sum(deal["state"] in OPEN for deal in mine)
    return {"offers": offers, "deals": len(mine) - offers}


def status_local(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the store knows of itself, node or no node."""
    Args("status-local", told, ())
    return _state(clerk) | {"fts_lag": clerk.store.fts_lag()}


def _state(clerk: Clerk) -> dict[str, Any]:
    counts = clerk.store.counts(clerk.now_ms())
    mail = clerk.store.mail.counts()
    blobs = clerk.store.blobs.totals()
    markets = []
    for market in sorted(clerk.store.joined()):
        count, fingerprint = clerk.store.summary(market)
        markets.append({"market": market, "records": count, "fingerprint": fingerprint.hex()})
    return {
        "author": None if clerk.own is None else clerk.own.hex(),
        "name": "" if clerk.own is None else clerk.name_of(clerk.own),
        "markets": markets,
        "counts": {
            "records": counts.records,
            "listings_active": counts.listings_active,
            "own_active": counts.own_active,
            "own_unheld": counts.own_unheld,
            "authors": counts.authors,
            "bytes": counts.record_bytes,
            "bytes_own": counts.own_bytes,
            "bytes_contacts": counts.kept_bytes,
            "bytes_max": counts.record_bytes_max,
        },
        "mail": {"letters": mail.letters, "bytes": mail.bytes},
        "photos": {"count": blobs.count, "bytes": blobs.bytes, "wanted": blobs.wanted_count},
        "unheld": counts.own_unheld,
        "unread": clerk.store.rooms.unread(),
        "unseen": clerk.store.wishes.unseen_count(),
        "blocked": len(clerk.store.blocked()),
        "backed_up": clerk.owner is not None and clerk.owner.backed_up_ms() is not None,
    }


def query_of(clerk: Clerk, told: Mapping[str, Any]) -> "Query":
    """What a search is asked with; DeskError for what it cannot be."""
    from ..store.query import DEFAULT_STATUSES, SORTS, Query

    args = Args("search", told, SEARCH_ARGUMENTS)
    text = args.text("text") or ""
    wanted = args.flag("wanted")
    args.flag("facets")
    low, high, currency = _prices(clerk, args)
    market = args.text("market")
    if market is not None and not is_market(market):
        raise bad_value(
            tell("{market!r} is no market: {market_help}", market=market, market_help=MARKET_HELP)
        )
    sort = args.choice("sort", SORTS[1:]) or ("relevance" if text.strip() else "newest")
    return Query(
        text=text,
        category=args.text("category") or "",
        min_price=low,
        max_price=high,
        currency=currency or "",
        place=args.text("place") or "",
        condition=args.choice("condition", CONDITIONS) or "",
        market=market or "",
        seller=(args.text("seller") or "").strip(),
        side="" if wanted is None else "want" if wanted else "sell",
        status=_statuses(args) or DEFAULT_STATUSES,
        sort=sort,
        limit=args.integer("limit", 1, limits.SEARCH_ROWS_MAX) or LIMIT_DEFAULT,
        after=args.text("after") or "",
    )


def _facets_json(facets: "Facets") -> dict[str, Any]:
    counted = {
        "category": facets.category,
        "condition": facets.condition,
        "place": facets.place,
        "currency": facets.currency,
    }
    return {"hits": facets.hits, "is_exact": facets.is_exact} | {
        name: [{"value": value, "count": count} for value, count in values]
        for name, values in counted.items()
    }


def _prices(clerk: Clerk, args: Args) -> tuple[int | None, int | None, str | None]:
    """(lowest, highest, currency) in minor units of one currency."""
    currency = args.currency("currency")
    default = currency or clerk.currency
    low, high = args.price("min_price", default), args.price("max_price", default)
    for name, price in (("min_price", low), ("max_price", high)):
        if name in args and price is None:
            raise bad_value(
                tell("{name} is an amount of money such as 50000, '₩50,000' or 'free'", name=name)
            )
    named = {price.currency for price in (low, high) if price is not None and price.amount}
    if currency is not None:
        named.add(currency)
    if len(named) > 1:
        raise bad_value(
            tell(
                "prices compare within one currency, not {named}", named=" and ".join(sorted(named))
            )
        )
    if low is not None and high is not None and low.amount > high.amount:
        raise bad_value(
            tell(
                "min_price {shown} is above max_price {shown2}", shown=low.shown, shown2=high.shown
            )
        )
    return (
        None if low is None else low.amount,
        None if high is None else high.amount,
        named.pop() if named else (default if "min_price" in args or "max_price" in args else None),
    )


def _statuses(args: Args) -> frozenset[str]:
    """Empty where nothing was said."""
    from ..store.query import ALL_STATUSES, STATUSES

    told = args.texts("status") or []
    if told == ["all"]:
        return ALL_STATUSES
    for status in told:
        if status not in STATUSES:
            raise bad_value(
                tell(
                    "status {status!r} is not one of {statuses}, all",
                    status=status,
                    statuses=", ".join(STATUSES),
                )
            )
    return frozenset(told)
