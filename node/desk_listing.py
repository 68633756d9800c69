"""The verbs of one's own listings: sell, edit, reserve, sold, relist, withdraw, renew.

Each is one new revision in one durable transaction, or says that nothing changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from ..protocol import limits
from ..protocol.deal import MADE
from ..protocol.envelope import Header, listing_id
from ..protocol.errors import LocalProtocolError
from ..protocol.kind import LISTING, PROFILE
from ..protocol.listing import CONDITIONS, Condition, Listing, Status
from ..protocol.market import COMMONS, OPEN, is_market
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.profile import THREAD as PROFILE_THREAD
from ..protocol.told import tell, tell_count
from ..store.deal_book import DealRow
from ..store.row import ListingRow
from . import photo_form
from .clerk import Clerk
from .deal_keeper import SOLD
from .desk_args import NOTHING, Args, refused
from .desk_error import DeskError, bad_value, usage
from .publisher import Draft

_FIELDS: Final = (
    "title", "price", "description", "category", "condition", "place", "quantity", "tags", "url",
    "until",
)  # fmt: skip
_SHOWN_MAX: Final = 100
_PROFILE_RENEW_BEFORE_MS: Final = 30 * limits.DAY_MS


def sell(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """A new listing, for sale or (`wanted`) looked for."""
    args = Args("sell", told, (*_FIELDS, "market", "wanted", "photos"))
    pen = clerk.pen()
    market = market_of(args)
    now_ms = clerk.now_ms()
    blank = Listing(
        title=args.needed("title"),
        side="want" if args.flag("wanted") else "sell",
        created_ms=now_ms,
    )
    listing = _authored(_with(clerk, args, blank))
    with pen.transaction():
        check_room(clerk, 1)
        photo_form.keep(clerk, listing.photos)
        draft = Draft(LISTING, pen.fresh_thread(market), listing.to_body(), None)
        record = pen.publish(draft)
        row = _row(clerk, record.header)
    return {"listing": clerk.json([row])[0], "changed": True}


def edit(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What is said changes, the rest stays; the same again changes nothing."""
    args = Args("edit", told, ("id", *_FIELDS, "photos", "more_photos"))
    with clerk.pen().transaction():
        row = _own_live(clerk, args)
        listing = _authored(_with(clerk, args, row.listing))
        photo_form.keep(clerk, [each for each in listing.photos if each not in row.listing.photos])
        result = _revise(clerk, row, listing)
        pieces = sum(deal.taken for deal in _in_deals(clerk, row.listing_id))
        if "quantity" not in args or not pieces:
            return result
        words = tell(
            "{pieces:,} in deals are not counted in it: a `cancel` puts them back on top of it",
            pieces=pieces,
        )
        return result | {"notices": [{"code": "deals", "message": words}]}


def reserve(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    return _mark(clerk, "reserve", told, "reserved")


def sold(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """It is gone: whose offers wait for an answer are told so."""
    return _mark(clerk, "sold", told, "sold")


def relist(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Active again, whether it was reserved, sold or expired."""
    args = Args("relist", told, ("id",))
    with clerk.pen().transaction():
        row = _own_live(clerk, args)
        if not row.listing.quantity:
            _check_not_taken(clerk, row)
        listing = replace(row.listing, status="active", quantity=max(1, row.listing.quantity))
        if row.ends_ms <= clerk.now_ms():
            return _publish(clerk, row, replace(listing, until_ms=None))
        return _revise(clerk, row, listing)


def withdraw(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a listing back for good. Once more changes nothing."""
    args = Args("withdraw", told, ("id",))
    with clerk.pen().transaction():
        row = clerk.find_own_listing(args.needed("id"))
        if row.header.is_delete:
            return {"listing": clerk.json([row])[0], "changed": False}
        clerk.pen().publish(withdrawal(row))
        after = clerk.json([row])[0] | {"status": "withdrawn"}
        result = {"listing": after, "changed": True}
        return result | _after_it_went(clerk, result)


def withdrawal(row: ListingRow) -> Draft:
    return Draft(LISTING, row.header.thread_key, None, row.header)


def renew(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """90 more days from now, for one or for all that are not sold. An end date that its author
    set is taken away from the one; among all, it is kept and such a listing left as it is."""
    args = Args("renew", told, ("id", "all"))
    if args.flag("all"):
        if "id" in args:
            raise usage(tell("`renew` takes an id or all, not both"))
        return _renew_all(clerk)
    with clerk.pen().transaction():
        row = _own_live(clerk, args)
        if row.listing.status == "sold":
            raise bad_value(tell("it is sold: `jangteo relist ID` puts it up again"))
        return _publish(clerk, row, replace(row.listing, until_ms=None))


def renew_due(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a running node does by itself: one's own in their last days, and one's profile.

    An end date that the author set always comes first, so that such a listing needs no renewal.
    """
    Args("renew-due", told, ())
    now_ms = clerk.now_ms()
    due = [
        row
        for row in _renewable(clerk)
        if now_ms < row.header.expires_ms <= now_ms + limits.RENEW_BEFORE_MS
    ]
    renewed = _publish_all_again(clerk, due)
    _renew_profile(clerk)
    return {"renewed": len(renewed)}


def market_of(args: Args) -> str:
    market = args.text("market")
    if market is None:
        return OPEN
    if not is_market(market):
        raise bad_value(
            tell("{market!r} is no market: {market_help}", market=market, market_help=MARKET_HELP)
        )
    if market == COMMONS:
        raise bad_value(
            tell(
                "listings do not live in {commons!r}: leave the market out, or name one",
                commons=COMMONS,
            )
        )
    return market


def check_room(clerk: Clerk, count: int) -> None:
    """DeskError where `count` more listings would be more than an author may have."""
    live = clerk.store.own_active(clerk.now_ms())
    if live + count > limits.LIVE_THREADS_PER_AUTHOR_MAX:
        raise DeskError(
            "crowded",
            tell(
                "you have {live:,} listings, and an author has at most "
                "{live_threads_per_author_max:,}",
                live=live,
                live_threads_per_author_max=limits.LIVE_THREADS_PER_AUTHOR_MAX,
            ),
            tell("withdraw some first"),
        )


def _with(clerk: Clerk, args: Args, listing: Listing) -> Listing:
    """`listing` with what `args` say of it."""
    changes: dict[str, Any] = {}
    for name in ("title", "description", "category", "place", "url"):
        text = args.text(name)
        if text is not None:
            changes[name] = "" if name != "title" and text.strip().lower() == "none" else text
    if "condition" in args:
        condition = args.choice("condition", ("", *CONDITIONS, "none"))
        changes["condition"] = "" if condition in NOTHING else cast(Condition, condition)
    if "price" in args:
        default = listing.price.currency if listing.price else clerk.currency
        changes["price"] = args.price("price", clerk.currency or default)
    if "quantity" in args:
        changes["quantity"] = args.integer("quantity", 0, limits.QUANTITY_MAX)
    if "tags" in args:
        changes["tags"] = tuple(args.texts("tags") or ())
    if "until" in args:
        changes["until_ms"] = args.until("until", clerk.now_ms())
    if "photos" in args:
        changes["photos"] = photo_form.photos_from(args.value("photos"))
    if "more_photos" in args:
        more = photo_form.photos_from(args.value("more_photos"))
        before = changes.get("photos", listing.photos)
        known = {photo.hash for photo in before}
        changes["photos"] = (*before, *(photo for photo in more if photo.hash not in known))
    return replace(listing, **changes)


def _authored(listing: Listing) -> Listing:
    try:
        return listing.authored()
    except LocalProtocolError as error:
        raise refused(error) from None


def _own_live(clerk: Clerk, args: Args) -> ListingRow:
    row = clerk.find_own_listing(args.needed("id"))
    if row.header.is_delete:
        raise bad_value(
            tell(
                "{listing_id} was withdrawn, and that is final", listing_id=row.listing_id.hex()[:8]
            ),
            tell("`jangteo sell` puts it up anew"),
        )
    return row


def _in_deals(clerk: Clerk, listing_id: bytes) -> list[DealRow]:
    """Deals for which pieces are off the listing, and that are not over."""
    return [
        row for row in clerk.store.deals.of_listing(listing_id) if row.taken and row.state in MADE
    ]


def _check_not_taken(clerk: Clerk, row: ListingRow) -> None:
    """DeskError where all pieces are somebody's by a deal: there is none to put up again."""
    taken = _in_deals(clerk, row.listing_id)
    if taken:
        who = clerk.name_of(taken[0].guest) or taken[0].guest.hex()[:8]
        raise bad_value(
            tell("it is in a deal with {who}", who=who),
            tell("`jangteo cancel {id} WHY` ends it", id=taken[0].id.hex()[:8]),
        )


def _after_it_went(clerk: Clerk, result: Mapping[str, Any]) -> dict[str, Any]:
    """Whose offers wait is told, and its owner of that and of the deals that still hold."""
    listing_id = bytes.fromhex(result["listing"]["id"])
    declined = clerk.keeper().decline_gone(listing_id)
    taken = _in_deals(clerk, listing_id)
    notices = []
    if declined:
        words = tell_count(
            "1 offer for it was declined: {sold}",
            "{n:,} offers for it were declined: {sold}",
            declined,
            sold=SOLD,
        )
        notices.append({"code": "deals", "message": words})
    if taken:
        words = tell_count(
            "a deal about it holds all the same ({ids}): `jangteo done DEAL` when your part is "
            "done, `jangteo cancel DEAL WHY` if nothing comes of it",
            "{n} deals about it hold all the same ({ids}): `jangteo done DEAL` when your part is "
            "done, `jangteo cancel DEAL WHY` if nothing comes of it",
            len(taken),
            ids=", ".join(row.id.hex()[:8] for row in taken[:5]),
        )
        notices.append({"code": "deals", "message": words})
    return {"notices": notices} if notices else {}


def _mark(clerk: Clerk, verb: str, told: Mapping[str, Any], status: Status) -> dict[str, Any]:
    args = Args(verb, told, ("id",))
    with clerk.pen().transaction():
        row = _own_live(clerk, args)
        if status == "reserved" and row.ends_ms <= clerk.now_ms():
            raise bad_value(
                tell("it has expired: `jangteo relist ID` puts it up again, then reserve it")
            )
        result = _revise(clerk, row, replace(row.listing, status=status))
        return result | _after_it_went(clerk, result) if status == "sold" else result


def _revise(clerk: Clerk, row: ListingRow, listing: Listing) -> dict[str, Any]:
    if listing == row.listing:
        return {"listing": clerk.json([row])[0], "changed": False}
    return _publish(clerk, row, listing)


def _publish(clerk: Clerk, row: ListingRow, listing: Listing) -> dict[str, Any]:
    header = _publish_again(clerk, row, listing)
    return {"listing": clerk.json([_row(clerk, header)])[0], "changed": True}


def _publish_again(clerk: Clerk, row: ListingRow, listing: Listing) -> Header:
    draft = Draft(LISTING, row.header.thread_key, listing.to_body(), row.header)
    return clerk.pen().publish(draft).header


def _row(clerk: Clerk, header: Header) -> ListingRow:
    row = clerk.store.listing(listing_id(header.thread_key))
    if row is None:
        raise DeskError(
            "store", tell("the store does not show what was just written: run `reindex`")
        )
    return row


def _renewable(clerk: Clerk) -> list[ListingRow]:
    """Own listings that live until their record expires, in any state but sold."""
    return [
        row
        for row in clerk.store.own_listings(clerk.pen().author)
        if not row.header.is_delete
        and row.listing.status != "sold"
        and row.listing.until_ms is None
    ]


def _renew_all(clerk: Clerk) -> dict[str, Any]:
    renewed = _publish_all_again(clerk, _renewable(clerk))
    shown = [_row(clerk, header) for header in renewed[:_SHOWN_MAX]]
    return {"renewed": len(renewed), "listings": clerk.json(shown), "changed": bool(renewed)}


def _publish_all_again(clerk: Clerk, rows: Sequence[ListingRow]) -> list[Header]:
    """The headers of what could be published again, in batches."""
    pen = clerk.pen()
    renewed: list[Header] = []
    for begin in range(0, len(rows), limits.IMPORT_BATCH_ROWS_MAX):
        with pen.transaction():
            outcomes = pen.publish_each(
                [
                    Draft(LISTING, row.header.thread_key, row.listing.to_body(), row.header)
                    for row in rows[begin : begin + limits.IMPORT_BATCH_ROWS_MAX]
                ]
            )
        renewed += [one.header for one in outcomes if not isinstance(one, DeskError)]
    return renewed


def _renew_profile(clerk: Clerk) -> None:
    pen = clerk.pen()
    with pen.transaction():
        current = clerk.store.current((COMMONS, pen.author, PROFILE_THREAD))
        if current is None or current.header.is_delete:
            return
        if current.header.expires_ms <= clerk.now_ms() + _PROFILE_RENEW_BEFORE_MS:
            body = clerk.profile_of(pen.author).to_body()
            pen.publish(Draft(PROFILE, current.header.thread_key, body, current.header))
