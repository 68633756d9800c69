"""Looks through what is new for what its owner keeps an eye on, and notes it: saved searches,
followed sellers, favourites; questions about what one sells, answers to one's own, and reviews.

Works on the store's thread, within a transaction. It goes through arrivals once: where it stopped
stands in the store, so that nothing is missed while no node runs, and nothing told twice.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..protocol.errors import LocalProtocolError
from ..protocol.listing import Listing
from ..store.remark_view import RemarkRow
from ..store.row import ListingRow
from .clerk import Clerk
from .desk_error import DeskError
from .listing_json import price_json, status_of, time_text

LOOKED_META: Final = "looked_out_rid"
_FOUND_MAX: Final = 50
_SINGLY_MAX: Final = 5
_REMARKS_MAX: Final = 500

JsonObject = dict[str, Any]


def look_out(clerk: Clerk) -> list[JsonObject]:
    """What is new and worth a word, as events; it is noted in the open transaction."""
    store = clerk.store
    told = store.meta(LOOKED_META)
    last_rid = store.last_arrival() - store.fts_lag()  # saved searches look at words
    if told is None:  # a store that nobody looked through: all of it is old
        store.put_meta(LOOKED_META, str(last_rid))
        return []
    before_rid = int(told)
    if last_rid <= before_rid:
        return []
    noted = [
        _noted(clerk, kind, about)
        for kind, about in (
            *_of_saved(clerk, before_rid, last_rid),
            *_of_followed(clerk, before_rid, last_rid),
            *_of_favourites(clerk, before_rid, last_rid),
            *_of_remarks(clerk, before_rid, last_rid),
            *_of_reviews(clerk, before_rid, last_rid),
        )
    ]
    store.put_meta(LOOKED_META, str(last_rid))
    return noted


def notification_json(rid: int, at_ms: int, kind: str, about: Mapping[str, Any]) -> JsonObject:
    return {"id": rid, "at": time_text(at_ms), "kind": kind, **about}


def _noted(clerk: Clerk, kind: str, about: JsonObject) -> JsonObject:
    note = clerk.store.wishes.notify(kind, about, clerk.now_ms())
    shown = notification_json(note.rid, note.at_ms, kind, about)
    return {"event": "notification", **shown}


def _of_saved(clerk: Clerk, after: int, up_to: int) -> Iterator[tuple[str, JsonObject]]:
    from .desk_search import query_of

    for saved in clerk.store.wishes.saved():
        try:
            query = query_of(clerk, {**saved.query, "sort": "newest", "limit": _FOUND_MAX})
            page = clerk.store.search(query, clerk.now_ms())
        except (DeskError, LocalProtocolError):
            continue  # of an older program, which knew other words: `saved` shows it
        rows = [row for row in page.rows if after < row.arrival <= up_to]
        rows = [row for row in rows if row.header.author != clerk.own]
        yield from _singly_or_summed("saved", rows, {"saved": saved.name})


def _of_followed(clerk: Clerk, after: int, up_to: int) -> Iterator[tuple[str, JsonObject]]:
    by_author: dict[bytes, list[ListingRow]] = {}
    for listing_id in clerk.store.wishes.new_of_followed(after, up_to, _FOUND_MAX):
        row = clerk.store.listing(listing_id)
        if row is not None:
            by_author.setdefault(row.header.author, []).append(row)
    for author, rows in by_author.items():
        name = clerk.name_of(author)
        yield from _singly_or_summed("follow", rows, {"author": author.hex(), "name": name})


def _of_favourites(clerk: Clerk, after: int, up_to: int) -> Iterator[tuple[str, JsonObject]]:
    now_ms = clerk.now_ms()
    titles = {each.listing: each.title for each in clerk.store.wishes.favourites()}
    for listing_id in clerk.store.wishes.changed_favourites(after, up_to):
        row = clerk.find_listing(listing_id.hex())
        if row.header.author == clerk.own:
            continue
        before = _revision_before(clerk, row)
        status = status_of(row.header, row.listing, now_ms)
        about = _about(row) | {"status": status, "before": None}
        about["title"] = about["title"] or titles[listing_id]
        if before is not None:
            about["before"] = price_json(before.price)
            is_same = before.price == row.listing.price and before.status == row.listing.status
            if is_same and before.title == row.listing.title and not row.header.is_delete:
                continue  # renewed, or a word corrected
        yield "favourite", about


def _of_remarks(clerk: Clerk, after: int, up_to: int) -> Iterator[tuple[str, JsonObject]]:
    """Questions about one's own, and answers to one's questions. Very many about one listing are
    summed up: nobody is to push all else out of what was noted."""
    if clerk.own is None:
        return
    view = clerk.store.remarks
    for kind, remarks in (
        ("question", view.asked(clerk.own, after, up_to, _REMARKS_MAX)),
        ("answer", view.answered(clerk.own, after, up_to, _REMARKS_MAX)),
    ):
        by_listing: dict[bytes, list[RemarkRow]] = {}
        for each in remarks:
            by_listing.setdefault(each.remark.listing, []).append(each)
        for of_one in by_listing.values():
            is_many = len(of_one) > _SINGLY_MAX
            for each in of_one[-1:] if is_many else of_one:
                about = _about_remark(clerk, each)
                yield kind, about | {"count": len(of_one) if is_many else 1}


def _about_remark(clerk: Clerk, remark: RemarkRow) -> JsonObject:
    listing = clerk.store.listing(remark.remark.listing)
    question = remark.remark.question or remark.public_id
    return {
        "listing": remark.remark.listing.hex(),
        "title": "" if listing is None else listing.listing.title,
        "remark": remark.public_id.hex(),
        "question": question.hex(),
        "author": remark.header.author.hex(),
        "name": remark.author_name,
        "text": remark.remark.text,
    }


def _of_reviews(clerk: Clerk, after: int, up_to: int) -> Iterator[tuple[str, JsonObject]]:
    if clerk.own is None:
        return
    for header, review in clerk.store.reviews.arrived(clerk.own, after, up_to):
        about = {"author": header.author.hex(), "name": clerk.name_of(header.author)}
        yield "review", about | {"mark": review.mark, "text": review.text}


def _revision_before(clerk: Clerk, row: ListingRow) -> Listing | None:
    earlier = [
        (header.revision, listing)
        for header, listing, record_id in clerk.store.revisions(row.listing_id)
        if listing is not None and record_id != row.record_id
    ]
    return max(earlier, key=lambda each: each[0])[1] if earlier else None


def _singly_or_summed(
    kind: str, rows: list[ListingRow], more: JsonObject
) -> Iterator[tuple[str, JsonObject]]:
    """A few are told one by one; of many, how many, and one of them."""
    if len(rows) > _SINGLY_MAX:
        yield kind, {**_about(rows[0]), **more, "count": len(rows)}
        return
    for row in reversed(rows):
        yield kind, {**_about(row), **more, "count": 1}


def _about(row: ListingRow) -> JsonObject:
    return {
        "listing": row.listing_id.hex(),
        "title": row.listing.title,
        "price": price_json(row.listing.price),
        "author": row.header.author.hex(),
        "name": row.seller_name,
    }
