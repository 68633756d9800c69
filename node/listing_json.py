"""A listing as JSON, as every face of the node shows it; and times as RFC 3339.

Knows the words of the form; nothing of where a listing came from.
"""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Final

from ..protocol.envelope import Header
from ..protocol.listing import Listing
from ..protocol.money import Price
from ..protocol.photo import Photo
from ..store.row import ListingRow, ends_ms, status_at

_YEAR_9999_MS: Final = 253_402_300_799_000


def listing_json(
    row: ListingRow, *, held_by: int, now_ms: int, own: bytes | None
) -> dict[str, Any]:
    """The JSON of `row`; `held_by` is the number of peers known to have its current record."""
    header, listing = row.header, row.listing
    return {
        "id": row.listing_id.hex(),
        "record_id": row.record_id.hex(),
        "revision": header.revision,
        "author": header.author.hex(),
        "seller": row.seller_name,
        "side": listing.side,
        "title": listing.title,
        "description": listing.description,
        "price": price_json(listing.price),
        "quantity": listing.quantity,
        "tags": list(listing.tags),
        "url": listing.url,
        "category": listing.category,
        "condition": listing.condition,
        "place": listing.place,
        "status": status_of(header, listing, now_ms),
        "market": header.market,
        "created_at": time_text(listing.created_ms or header.ts_ms),
        "updated_at": time_text(header.ts_ms),
        "expires_at": time_text(row.ends_ms),
        "photos": [photo_json(photo) for photo in listing.photos],
        "held_by": held_by,
        "mine": header.author == own,
    }


def photo_json(photo: Photo) -> dict[str, Any]:
    """Hashes in hex; `blur` in base64."""
    return {
        "hash": photo.hash.hex(),
        "size": photo.size,
        "width": photo.width,
        "height": photo.height,
        "thumb": photo.thumb.hex(),
        "thumb_size": photo.thumb_size,
        "blur": b64encode(photo.blur).decode(),
    }


def status_of(header: Header, listing: Listing | None, now_ms: int) -> str:
    """active, reserved, sold, withdrawn or expired: what it is now, whatever its record says."""
    if header.is_delete or listing is None:
        return "withdrawn"
    return status_at(listing.status, ends_ms(listing, header), now_ms)


def price_json(price: Price | None) -> dict[str, str] | None:
    return None if price is None else {"amount": price.decimal_text, "currency": price.currency}


def time_text(time_ms: int) -> str:
    """RFC 3339 in UTC with seconds. Times beyond year 9999, which anyone can sign, end there."""
    seconds = min(time_ms, _YEAR_9999_MS) // 1000
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
