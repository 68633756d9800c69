"""The proof of a deal (SPEC.md R14): two people signed the same terms, and only its hash is told.

Bytes and signatures; which step of a deal carries which is deal.py's.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

from ..crypto.digest import sha256
from ..crypto.keys import PUBLIC_BYTES, AuthorKey, is_signature
from . import canonical, limits
from .errors import LocalProtocolError, RemoteProtocolError
from .money import Price

VERSION: Final = 1
SALT_BYTES: Final = 16
TERMS_BYTES_MAX: Final = 512
_DOMAIN: Final = b"jangteo/deal/1\x00"
_FIELDS: Final = 7


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed: `quantity` pieces of a listing as its revision `record` has it, for `price`
    in all. The salt keeps the hash from being guessed."""

    deal: bytes
    listing: bytes
    record: bytes
    price: Price
    quantity: int
    salt: bytes

    def to_bytes(self) -> bytes:
        price = [self.price.amount, self.price.currency]
        return canonical.encode(
            [VERSION, self.deal, self.listing, self.record, price, self.quantity, self.salt]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """RemoteProtocolError (R1.*, R14.7) where they are none."""
        fields = canonical.decode(data, bytes_max=TERMS_BYTES_MAX)
        if type(fields) is not list or len(fields) != _FIELDS:
            raise RemoteProtocolError("R14.7", f"terms are {_FIELDS} fields")
        version, deal, listing, record, price, quantity, salt = fields
        if type(version) is not int or version != VERSION:
            raise RemoteProtocolError("R14.7", "no terms of a version that is known")
        sizes = (limits.THREAD_BYTES, limits.ID_BYTES, limits.ID_BYTES, SALT_BYTES)
        for value, size in zip((deal, listing, record, salt), sizes, strict=True):
            if type(value) is not bytes or len(value) != size:
                raise RemoteProtocolError("R14.7", f"{size} bytes are due in the terms")
        if type(quantity) is not int or not 0 < quantity <= limits.QUANTITY_MAX:
            raise RemoteProtocolError("R14.7", "a quantity is from 1 to its bound")
        return cls(deal, listing, record, price_of(price, "R14.7"), quantity, salt)


@dataclass(frozen=True, slots=True)
class Proof:
    """That `seller` and `buyer` made a deal, and nothing else of it."""

    seller: bytes
    buyer: bytes
    terms_hash: bytes

    @classmethod
    def of(cls, seller: bytes, buyer: bytes, terms: Terms) -> Self:
        return cls(seller, buyer, sha256(terms.to_bytes()))

    @property
    def id(self) -> bytes:
        return sha256(canonical.encode([VERSION, self.seller, self.buyer, self.terms_hash]))

    def sign(self, key: AuthorKey) -> bytes:
        return key.sign(self.signed_bytes)

    @property
    def signed_bytes(self) -> bytes:
        """What both sign."""
        return _DOMAIN + self.id

    def is_signed(self, by: bytes, signature: bytes) -> bool:
        return by in (self.seller, self.buyer) and is_signature(by, signature, self.signed_bytes)

    def to_list(self) -> list[bytes]:
        return [self.seller, self.buyer, self.terms_hash]

    @classmethod
    def from_list(cls, value: Any) -> Self:
        """RemoteProtocolError R14.6 where it is none."""
        sizes = (PUBLIC_BYTES, PUBLIC_BYTES, limits.ID_BYTES)
        if type(value) is not list or len(value) != len(sizes):
            raise RemoteProtocolError("R14.6", "a proof names two people and a hash")
        for each, size in zip(value, sizes, strict=True):
            if type(each) is not bytes or len(each) != size:
                raise RemoteProtocolError("R14.6", f"{size} bytes are due in a proof")
        if value[0] == value[1]:
            raise RemoteProtocolError("R14.6", "nobody deals with themselves")
        return cls(*value)


def price_of(value: Any, rule: str) -> Price:
    """A price as bodies have it, [amount, currency]; RemoteProtocolError `rule` for none."""
    if type(value) is not list or len(value) != 2:
        raise RemoteProtocolError(rule, "a price is [amount, currency]")
    amount, currency = value
    if type(amount) is not int or type(currency) is not str:
        raise RemoteProtocolError(rule, "a price is [amount, currency]")
    try:
        return Price(amount, currency)
    except LocalProtocolError as error:
        raise RemoteProtocolError(rule, f"no price: {error}") from None
