"""Records in their signed envelopes (SPEC.md R2): bytes → Envelope → Verified.

`Verified` is proof in a type: it is made here only, by checking a signature or by making one, and
the store takes nothing else. Knows the header; what bodies may be is `schema`'s.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..crypto.digest import sha256
from ..crypto.keys import PUBLIC_BYTES, AuthorKey, Signed, is_signature
from . import canonical, limits, schema
from .errors import LocalProtocolError, RemoteProtocolError
from .kind import KIND_MAX, lifetime_ms
from .listing import Listing
from .market import is_market
from .review import Review
from .told import tell

VERSION: Final = 1
_DOMAIN: Final = b"jangteo/record/1\x00"
_NIL: Final = b"\xc0"
_PAYLOAD_FIELDS: Final = 8
_REVISION_MAX: Final = limits.INTEGER_MAX

Body: TypeAlias = dict[str, Any]
Rank: TypeAlias = tuple[bool, int, bytes]
ThreadKey: TypeAlias = tuple[str, bytes, bytes]
"""(market, author, thread)"""
Words: TypeAlias = tuple[str, ...]
"""What the full text keeps of a listing, as the store makes it (listing_view.py): its columns."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a record says of itself before its body. `ts_ms` is Unix time in milliseconds."""

    kind: int
    author: bytes
    ts_ms: int
    market: str
    thread: bytes
    revision: int
    is_delete: bool

    @property
    def thread_key(self) -> ThreadKey:
        return (self.market, self.author, self.thread)

    @property
    def expires_ms(self) -> int:
        return self.ts_ms + lifetime_ms(self.kind, self.is_delete)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A record whose form is right and whose signature nobody has checked."""

    raw: bytes
    id: bytes
    header: Header
    body: Body | None
    listing: Listing | None = field(default=None, compare=False)
    """What a listing's body says, where it has been read."""
    others: tuple[Signed, ...] = field(default=(), compare=False)
    """Signatures beside its author's that it stands on: a review's (R15.4)."""
    words: Words | None = field(default=None, compare=False)
    """Where they have been made."""


_SEAL: Final = object()


class Verified:
    """An envelope whose author did sign it. Equal to another with the same id."""

    __slots__ = ("body", "header", "id", "listing", "raw", "words")

    raw: bytes
    id: bytes
    header: Header
    body: Body | None
    listing: Listing | None
    words: Words | None

    def __init__(self, envelope: Envelope, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("Verified is made by verify(), vouched() and author_record() only")
        self.raw = envelope.raw
        self.id = envelope.id
        self.header = envelope.header
        self.body = envelope.body
        self.listing = envelope.listing
        self.words = envelope.words

    @property
    def rank(self) -> Rank:
        """Within a thread the greatest rank is current: deletes first, then revision, then id."""
        return (self.header.is_delete, self.header.revision, self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verified) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Verified({self.id.hex()[:12]}, {self.header!r})"


class UnknownVersion(RemoteProtocolError):
    """A record of a version to come: ignored, not punished (R2.2)."""

    def __init__(self, version: int) -> None:
        super().__init__("R2.2", f"record version {version}", penalty=0)


def parse(raw: bytes) -> Envelope:
    """The envelope of `raw`, else RemoteProtocolError (R1.*, R2.*, R4.*, R7.*, R8.*).

    Form only: the signature is `verify`'s. At most RECORD_BYTES_MAX bytes are looked at.
    """
    if len(raw) > limits.RECORD_BYTES_MAX:
        raise RemoteProtocolError("R2.1", f"{len(raw)} bytes, at most {limits.RECORD_BYTES_MAX}")
    if len(raw) <= limits.SIGNATURE_BYTES:
        raise RemoteProtocolError("R2.1", "too short for a record")
    payload = raw[: -limits.SIGNATURE_BYTES]
    fields = canonical.decode(payload)
    if type(fields) is not list or not fields or type(fields[0]) is not int:
        raise RemoteProtocolError("R2.1", "not an array that begins with a version")
    if fields[0] != VERSION:
        raise UnknownVersion(fields[0])
    if len(fields) != _PAYLOAD_FIELDS:
        raise RemoteProtocolError("R2.3", f"{len(fields)} fields, a record has {_PAYLOAD_FIELDS}")
    _, kind, author, ts_ms, market, thread, revision, body = fields
    _check_int(kind, "kind", KIND_MAX)
    _check_int(ts_ms, "ts", limits.INTEGER_MAX)
    _check_int(revision, "revision", _REVISION_MAX)
    if type(author) is not bytes or len(author) != PUBLIC_BYTES:
        raise RemoteProtocolError("R2.3", f"author is not {PUBLIC_BYTES} bytes")
    if type(thread) is not bytes or len(thread) != limits.THREAD_BYTES:
        raise RemoteProtocolError("R2.3", f"thread is not {limits.THREAD_BYTES} bytes")
    if type(market) is not str or not is_market(market):
        raise RemoteProtocolError("R4.1", "not the name of a market")
    if body is not None:
        if type(body) is not dict:
            raise RemoteProtocolError("R2.4", "body is neither a map nor nil")
        if _NIL in payload:  # rarely, and then mostly in a key or an id
            _check_no_nil(body)
    known = schema.check(kind, author, market, thread, ts_ms, body)
    header = Header(kind, author, ts_ms, market, thread, revision, body is None)
    if isinstance(known, Review):
        return Envelope(raw, sha256(payload), header, body, None, known.signed())
    return Envelope(raw, sha256(payload), header, body, known)


def reopened(raw: bytes, record_id: bytes) -> Envelope:
    """The envelope of bytes that `parse` took under `record_id` before; RemoteProtocolError where
    they are other bytes. A third of the time: the id says that their form is right."""
    payload = raw[: -limits.SIGNATURE_BYTES]
    if sha256(payload) != record_id:
        raise RemoteProtocolError("R2.1", "not the bytes of its id")
    header, body = _read(payload)
    return Envelope(raw, record_id, header, body)


def verify(envelope: Envelope) -> Verified:
    """`envelope` as Verified; RemoteProtocolError R2.5 if its author did not sign it. ~45 µs."""
    signature = envelope.raw[-limits.SIGNATURE_BYTES :]
    signed = (envelope.header.author, signature, _DOMAIN + envelope.id)
    if not all(is_signature(*each) for each in (signed, *envelope.others)):
        raise RemoteProtocolError("R2.5", "the signature is not its author's", penalty=50)
    return Verified(envelope, _SEAL)


def vouched(raw: bytes, words: Words | None) -> Verified:
    """`raw` as Verified, which `open_record` has taken in another process of this node's own:
    nothing is checked again. `words` are a listing's."""
    payload = raw[: -limits.SIGNATURE_BYTES]
    header, body = _read(payload)
    listing = None if words is None or body is None else Listing.from_body(body, header.ts_ms)
    return Verified(Envelope(raw, sha256(payload), header, body, listing, words=words), _SEAL)


def open_record(raw: bytes) -> Verified:
    """`raw` parsed and verified; RemoteProtocolError as `parse` and `verify` raise it."""
    return verify(parse(raw))


def author_record(key: AuthorKey, header: Header, body: Body | None) -> Verified:
    """A signed record. LocalProtocolError where it could not be valid; its author is `key`'s."""
    payload = canonical.encode(
        [
            VERSION,
            header.kind,
            key.public,
            header.ts_ms,
            header.market,
            header.thread,
            header.revision,
            body,
        ]
    )
    record_id = sha256(payload)
    raw = payload + key.sign(_DOMAIN + record_id)
    try:
        envelope = parse(raw)
    except RemoteProtocolError as error:
        raise LocalProtocolError(
            tell("cannot be published: {message}", message=error.message)
        ) from None
    if not all(is_signature(*each) for each in envelope.others):
        raise LocalProtocolError(
            tell("cannot be published: the other signatures in it are not valid")
        )
    if envelope.header != header:
        raise LocalProtocolError(tell("a record's header must name its own author and delete"))
    return Verified(envelope, _SEAL)


def listing_id(thread_key: ThreadKey) -> bytes:
    """The public id (32 bytes) of a thread: the same through all its revisions (R2.6)."""
    market, author, thread = thread_key
    return sha256(canonical.encode_flat([market, author, thread]))


def _read(payload: bytes) -> tuple[Header, Body | None]:
    """What stands in bytes that `parse` has taken before."""
    _, kind, author, ts_ms, market, thread, revision, body = canonical.decode_known(payload)
    return Header(kind, author, ts_ms, market, thread, revision, body is None), body


def _check_int(value: object, name: str, value_max: int) -> None:
    if type(value) is not int or not 0 <= value <= value_max:
        raise RemoteProtocolError("R2.3", f"{name} is not an integer from 0 to {value_max}")


def _check_no_nil(value: object) -> None:
    if value is None:
        raise RemoteProtocolError("R2.4", "nil within a body")
    if isinstance(value, dict):
        for entry in value.values():
            _check_no_nil(entry)
    elif isinstance(value, list):
        for entry in value:
            _check_no_nil(entry)
