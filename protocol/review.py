"""The body of a review (SPEC.md R15): what one side of a deal says of the other, with the proof
that both had signed. Knows its form and which signatures it stands on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, cast

from ..crypto.digest import sha256
from ..crypto.keys import Signed
from . import canonical, limits
from .errors import RemoteProtocolError
from .proof import TERMS_BYTES_MAX, Proof, Terms

Mark = Literal["good", "mixed", "bad"]
ReviewSide = Literal["seller", "buyer"]
MARKS: Final = ("good", "mixed", "bad")
SIDES: Final = ("seller", "buyer")
_THREAD: Final = b"jangteo/review/1\x00"
_COMMIT: Final = b"jangteo/review-commit/1\x00"


@dataclass(frozen=True, slots=True)
class Review:
    """`side` is the reviewer's. `terms` are there only where the reviewer reveals what it was about
    and for how much."""

    subject: bytes
    side: ReviewSide
    mark: Mark
    text: str
    proof: Proof
    seller_signature: bytes
    buyer_signature: bytes
    terms: Terms | None = None

    @property
    def author(self) -> bytes:
        return self.proof.seller if self.side == "seller" else self.proof.buyer

    @property
    def thread(self) -> bytes:
        """Of one deal and one side there is one review."""
        return review_thread(self.proof, self.author)

    def signed(self) -> tuple[Signed, Signed]:
        """The two signatures that make the deal: both must verify (R15.4)."""
        message = self.proof.signed_bytes
        return (
            (self.proof.seller, self.seller_signature, message),
            (self.proof.buyer, self.buyer_signature, message),
        )

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "mark": self.mark,
            "proof": self.proof.to_list(),
            "side": self.side,
            "signatures": [self.seller_signature, self.buyer_signature],
            "subject": self.subject,
        }
        if self.text:
            body["text"] = self.text
        if self.terms is not None:
            body["terms"] = self.terms.to_bytes()
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """RemoteProtocolError (R15.*, R14.6; R1.*, R14.7 of its terms) if it is no review."""
        mark, side, text = body.get("mark"), body.get("side"), body.get("text", "")
        if mark not in MARKS:
            raise RemoteProtocolError("R15.2", "mark is good, mixed or bad")
        if side not in SIDES:
            raise RemoteProtocolError("R15.2", "side is seller or buyer")
        if type(text) is not str or len(text) > limits.REVIEW_CHARS_MAX:
            raise RemoteProtocolError("R15.2", "text is not within its bound")
        proof = Proof.from_list(body.get("proof"))
        other = proof.buyer if side == "seller" else proof.seller
        if body.get("subject") != other:
            raise RemoteProtocolError("R15.3", "a review is of the other side of its deal")
        signatures = body.get("signatures")
        if type(signatures) is not list or len(signatures) != 2:
            raise RemoteProtocolError("R15.4", "two signatures make a deal")
        for each in signatures:
            if type(each) is not bytes or len(each) != limits.SIGNATURE_BYTES:
                raise RemoteProtocolError("R15.4", "a signature has its length")
        terms = _terms(body.get("terms"), proof)
        return cls(
            other,
            cast(ReviewSide, side),
            cast(Mark, mark),
            text,
            proof,
            signatures[0],
            signatures[1],
            terms,
        )


def review_thread(proof: Proof, author: bytes) -> bytes:
    """The thread (16 bytes) of `author`'s review of this deal."""
    return sha256(_THREAD + proof.id + author)[: limits.THREAD_BYTES]


def commit_of(body: Mapping[str, Any]) -> bytes:
    """What the other side is told when a review is written and not yet shown: 32 bytes."""
    return sha256(_COMMIT + canonical.encode(dict(body)))


def _terms(told: object, proof: Proof) -> Terms | None:
    if told is None:
        return None
    if type(told) is not bytes or len(told) > TERMS_BYTES_MAX:
        raise RemoteProtocolError("R15.5", "terms are bytes within their bound")
    if sha256(told) != proof.terms_hash:
        raise RemoteProtocolError("R15.5", "the terms are not those that were signed")
    return Terms.from_bytes(told)
