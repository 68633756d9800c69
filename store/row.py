"""What the store answers with: a stored record, a listing with what belongs to it, a count."""

from dataclasses import dataclass
from typing import Literal, Self

from ..protocol.envelope import Body, Envelope, Header, parse, reopened
from ..protocol.errors import RemoteProtocolError
from ..protocol.listing import Listing
from ..protocol.told import tell
from .errors import CorruptStore

StatusNow = Literal["active", "reserved", "sold", "expired"]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record in the log; `rid` is its place there and `arrival` its thread's first."""

    rid: int
    arrival: int
    raw: bytes
    id: bytes
    header: Header
    body: Body | None

    @classmethod
    def from_raw(cls, rid: int, arrival: int, raw: bytes) -> Self:
        envelope = opened(raw)
        return cls(rid, arrival, raw, envelope.id, envelope.header, envelope.body)


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A listing's current revision. `arrival` orders by newest and edits do not change it;
    `seller_name` is "" without a profile; `cursor` goes into Query.after and is "" outside a
    search."""

    listing_id: bytes
    record_id: bytes
    header: Header
    listing: Listing
    seller_name: str
    arrival: int
    cursor: str = ""

    @property
    def ends_ms(self) -> int:
        """When it is over for display and search: the lesser of `until` and its expiry."""
        return ends_ms(self.listing, self.header)

    def status_at(self, now_ms: int) -> StatusNow:
        return status_at(self.listing.status, self.ends_ms, now_ms)


@dataclass(frozen=True, slots=True)
class Counts:
    """`record_bytes` is what counts against the store's bound, `own_bytes` and `kept_bytes` what of
    it is one's own and kept authors'; `own_unheld` are own active listings that no peer is known
    to hold."""

    records: int
    record_bytes: int
    items: int
    authors: int
    listings_active: int
    own_active: int
    own_unheld: int
    own_bytes: int
    kept_bytes: int
    record_bytes_max: int


def ends_ms(listing: Listing, header: Header) -> int:
    expires_ms = header.expires_ms
    return expires_ms if listing.until_ms is None else min(listing.until_ms, expires_ms)


def status_at(status: str, ends: int, now_ms: int) -> StatusNow:
    """What is sold stays sold; the rest is expired once it has ended."""
    if status == "sold":
        return "sold"
    if ends <= now_ms:
        return "expired"
    return "reserved" if status == "reserved" else "active"


def opened(raw: bytes, record_id: bytes | None = None) -> Envelope:
    """A stored envelope; CorruptStore if its bytes are not what was admitted: as their id tells,
    or else by their form."""
    try:
        if type(raw) is not bytes:  # the byte that says what a column holds was changed
            raise RemoteProtocolError("R2.1", "no bytes")
        return parse(raw) if record_id is None else reopened(raw, record_id)
    except RemoteProtocolError as error:
        raise CorruptStore(
            tell("a stored record is damaged ({error}): `jangteo verify` says which", error=error)
        ) from error
