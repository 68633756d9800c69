"""One step of a deal, as the body of a message (SPEC.md R14.1 to R14.5): bytes → Step.

Knows what each step says; what it leads to is deal.py's table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from . import limits
from .errors import RemoteProtocolError
from .money import Price
from .proof import SALT_BYTES, price_of


class StepKind(StrEnum):
    """In the order in which steps of one number are folded (R14.9): of what two said without having
    heard each other, a confirmation counts first, then that an offer was taken back."""

    CONFIRM = "confirm"
    RETRACT = "retract"
    OFFER = "offer"
    ACCEPT = "accept"
    HANDED = "handed"
    RECEIVED = "received"
    DECLINE = "decline"
    CANCEL = "cancel"
    NOSHOW = "noshow"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS: Final = {kind: rank for rank, kind in enumerate(StepKind)}
_ANSWERS: Final = frozenset((StepKind.CONFIRM, StepKind.ACCEPT, StepKind.DECLINE, StepKind.RETRACT))
"""They name the offer that they are about."""
_REASONED: Final = frozenset((StepKind.DECLINE, StepKind.CANCEL))
_SIGNED: Final = frozenset((StepKind.CONFIRM, StepKind.ACCEPT))
_NOTHING: Final = b""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered: `price` for all of `quantity` pieces, as the listing's revision `record` has
    them, until `expires_ms` (Unix ms)."""

    record: bytes
    price: Price
    quantity: int
    expires_ms: int
    salt: bytes
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """`number` is one more than the greatest that its sender had seen in this deal. `re` is the
    offer that it answers, b"" for none; `signature` its sender's under the proof, b"" for none."""

    deal: bytes
    kind: StepKind
    number: int
    re: bytes = _NOTHING
    offer: Offer | None = None
    signature: bytes = _NOTHING
    reason: str = ""

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"deal": self.deal, "number": self.number, "step": self.kind.value}
        if self.re:
            body["re"] = self.re
        if self.signature:
            body["signature"] = self.signature
        if self.reason:
            body["reason"] = self.reason
        if self.offer is not None:
            body |= {
                "record": self.offer.record,
                "price": [self.offer.price.amount, self.offer.price.currency],
                "quantity": self.offer.quantity,
                "expires": self.offer.expires_ms,
                "salt": self.offer.salt,
            }
            if self.offer.note:
                body["note"] = self.offer.note
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """RemoteProtocolError R14.1 to R14.5 where it is no step."""
        deal = _bytes(body.get("deal"), limits.THREAD_BYTES, "R14.1")
        number = body.get("number")
        if type(number) is not int or not 0 < number <= limits.DEAL_STEPS_MAX:
            raise RemoteProtocolError("R14.2", f"a number is from 1 to {limits.DEAL_STEPS_MAX}")
        told = body.get("step")
        if type(told) is not str or told not in _RANKS:
            raise RemoteProtocolError("R14.1", "no step that is known")
        kind = StepKind(told)
        offer = _offer(body) if kind is StepKind.OFFER else None
        re = body.get("re", _NOTHING)
        if kind in _ANSWERS or (kind is StepKind.OFFER and re != _NOTHING):
            re = _bytes(re, limits.ID_BYTES, "R14.4")
        else:
            re = _NOTHING
        signature = body.get("signature", _NOTHING)
        if kind in _SIGNED or (kind is StepKind.OFFER and signature != _NOTHING):
            signature = _bytes(signature, limits.SIGNATURE_BYTES, "R14.5")
        else:
            signature = _NOTHING
        reason = _text(body, "reason") if kind in _REASONED else ""
        return cls(deal, kind, number, re, offer, signature, reason)


def _offer(body: Mapping[str, Any]) -> Offer:
    quantity, expires = body.get("quantity"), body.get("expires")
    if type(quantity) is not int or not 0 < quantity <= limits.QUANTITY_MAX:
        raise RemoteProtocolError("R14.3", "a quantity is from 1 to its bound")
    if type(expires) is not int or not 0 <= expires <= limits.INTEGER_MAX:
        raise RemoteProtocolError("R14.3", "an offer has an end")
    return Offer(
        _bytes(body.get("record"), limits.ID_BYTES, "R14.3"),
        price_of(body.get("price"), "R14.3"),
        quantity,
        expires,
        _bytes(body.get("salt"), SALT_BYTES, "R14.3"),
        _text(body, "note"),
    )


def _bytes(value: object, size: int, rule: str) -> bytes:
    if type(value) is not bytes or len(value) != size:
        raise RemoteProtocolError(rule, f"{size} bytes are due")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if type(value) is not str or len(value) > limits.OFFER_NOTE_CHARS_MAX:
        raise RemoteProtocolError("R14.3", f"{name} is not text within its bound")
    return value
