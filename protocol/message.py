"""What one person says to another, signed, within a seal (SPEC.md R13): bytes → Message.

Whoever opens a letter learns who wrote it and that it was for them, and nobody else does. Knows the
form and the kinds of small things that are said; steps of deals are deal.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..crypto.digest import sha256
from ..crypto.keys import PUBLIC_BYTES, AuthorKey, is_signature
from . import canonical, limits
from .errors import LocalProtocolError, RemoteProtocolError
from .told import tell

VERSION: Final = 1
TEXT: Final = "text"
MEET: Final = "meet"
AGREE: Final = "agree"
DEAL: Final = "deal"
REVIEW: Final = "review"
RECEIPT: Final = "receipt"
NO_LISTING: Final = b""

_DOMAIN: Final = b"jangteo/message/1\x00"
_ROOM: Final = b"jangteo/room/1\x00"
_FIELDS: Final = 7
_KIND_CHARS_MAX: Final = 16
_SEAL: Final = object()

Body = dict[str, Any]


class Message:
    """A message whose author did sign it, to `person`. `about` is a listing's public id, or empty;
    kinds that are not known are kept, and shown as such."""

    __slots__ = ("about", "author", "body", "id", "kind", "person", "raw", "ts_ms")

    def __init__(self, raw: bytes, fields: list[Any], seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("Message is made by open_message() and author_message() only")
        self.raw = raw
        self.id = sha256(raw[: -limits.SIGNATURE_BYTES])
        self.author: bytes = fields[1]
        self.person: bytes = fields[2]
        self.ts_ms: int = fields[3]
        self.about: bytes = fields[4]
        self.kind: str = fields[5]
        self.body: Body = fields[6]

    @property
    def room(self) -> bytes:
        return room_id(self.author, self.person, self.about)

    def __repr__(self) -> str:
        return f"Message({self.id.hex()[:12]}, {self.kind})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Ids of messages that came, and of those that were read (they came too)."""

    delivered: tuple[bytes, ...] = ()
    read: tuple[bytes, ...] = ()

    def to_body(self) -> Body:
        return {"delivered": list(self.delivered), "read": list(self.read)}


def room_id(one: bytes, other: bytes, about: bytes) -> bytes:
    """Of two people's talk about a listing (or nothing): the same on both sides."""
    first, second = sorted((one, other))
    return sha256(_ROOM + first + second + about)


def author_message(
    key: AuthorKey, person: bytes, ts_ms: int, about: bytes, kind: str, body: Body
) -> Message:
    """A signed message; LocalProtocolError where it could not be valid."""
    payload = canonical.encode([VERSION, key.public, person, ts_ms, about, kind, body])
    raw = payload + key.sign(_DOMAIN + sha256(payload))
    try:
        return Message(raw, _parsed(raw), _SEAL)
    except RemoteProtocolError as error:
        raise LocalProtocolError(tell("cannot be sent: {message}", message=error.message)) from None


def open_message(raw: bytes, person: bytes) -> Message:
    """The message of `raw`, which must be for `person`. RemoteProtocolError R13.*."""
    fields = _parsed(raw)
    signed = _DOMAIN + sha256(raw[: -limits.SIGNATURE_BYTES])
    if fields[2] != person:
        raise RemoteProtocolError("R13.3", "it was written to somebody else")
    if not is_signature(fields[1], raw[-limits.SIGNATURE_BYTES :], signed):
        raise RemoteProtocolError("R13.2", "the signature is not its author's")
    return Message(raw, fields, _SEAL)


def stored_message(raw: bytes) -> Message:
    """A message that was opened or written before, from one's own store."""
    return Message(raw, _parsed(raw), _SEAL)


def receipt_of(message: Message) -> Receipt:
    delivered, read = message.body["delivered"], message.body["read"]
    return Receipt(tuple(delivered), tuple(read))


def _parsed(raw: bytes) -> list[Any]:
    if not limits.SIGNATURE_BYTES < len(raw) <= limits.LETTER_PLAIN_BYTES_MAX:
        raise RemoteProtocolError("R13.1", f"{len(raw)} bytes are no message's")
    fields = canonical.decode(raw[: -limits.SIGNATURE_BYTES])
    if type(fields) is not list or len(fields) != _FIELDS:
        raise RemoteProtocolError("R13.1", "no message")
    if type(fields[0]) is not int or fields[0] != VERSION:
        raise RemoteProtocolError("R13.1", "no message of a version that is known")
    _, author, person, ts_ms, about, kind, body = fields
    for key in (author, person):
        if type(key) is not bytes or len(key) != PUBLIC_BYTES:
            raise RemoteProtocolError("R13.1", f"a person is {PUBLIC_BYTES} bytes")
    if author == person:
        raise RemoteProtocolError("R13.1", "nobody writes to themselves")
    if type(ts_ms) is not int or ts_ms < 0:
        raise RemoteProtocolError("R13.1", "no time")
    if type(about) is not bytes or len(about) not in (0, limits.ID_BYTES):
        raise RemoteProtocolError("R13.1", "about is a listing's id, or empty")
    if type(kind) is not str or not 0 < len(kind) <= _KIND_CHARS_MAX or type(body) is not dict:
        raise RemoteProtocolError("R13.1", "kind is a word, body a map")
    check = _CHECKS.get(kind)
    if check is not None:
        check(body)
    return fields


def _check_text(body: Mapping[str, Any]) -> None:
    text = _text(body, "text", limits.MESSAGE_CHARS_MAX)
    if not text or len(text.encode()) > limits.MESSAGE_BYTES_MAX:
        raise RemoteProtocolError("R13.4", "text is not within its bounds")


def _check_meet(body: Mapping[str, Any]) -> None:
    if not _text(body, "time", limits.MEET_CHARS_MAX):
        raise RemoteProtocolError("R13.5", "a meeting has a time")
    _text(body, "place", limits.MEET_CHARS_MAX)


def _check_agree(body: Mapping[str, Any]) -> None:
    _id(body.get("meet"), "R13.5")


def _check_receipt(body: Mapping[str, Any]) -> None:
    for name in ("delivered", "read"):
        ids = body.get(name)
        if type(ids) is not list:
            raise RemoteProtocolError("R13.6", f"{name} is a list of ids")
        for each in ids:
            _id(each, "R13.6")


def _check_review(body: Mapping[str, Any]) -> None:
    _id(body.get("commit"), "R13.7")
    deal = body.get("deal")
    if type(deal) is not bytes or len(deal) != limits.THREAD_BYTES:
        raise RemoteProtocolError("R13.7", "a deal is named by 16 bytes")


_CHECKS: Final = {
    TEXT: _check_text,
    MEET: _check_meet,
    AGREE: _check_agree,
    RECEIPT: _check_receipt,
    REVIEW: _check_review,
}


def _text(body: Mapping[str, Any], name: str, chars_max: int) -> str:
    value = body.get(name, "")
    if type(value) is not str or len(value) > chars_max:
        raise RemoteProtocolError("R13.4", f"{name} is not text within its bounds")
    return value


def _id(value: object, rule: str) -> None:
    if type(value) is not bytes or len(value) != limits.ID_BYTES:
        raise RemoteProtocolError(rule, f"an id is {limits.ID_BYTES} bytes")
