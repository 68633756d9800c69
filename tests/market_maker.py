"""Makes authors and signed records for tests: real keys and signatures, every number explicit."""

import hashlib
from dataclasses import dataclass
from typing import Any

from jangteo.crypto.keys import AuthorKey
from jangteo.protocol.envelope import Header, Verified, author_record, listing_id
from jangteo.protocol.kind import ANSWER, LISTING, PROFILE, QUESTION
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import COMMONS, OPEN
from jangteo.protocol.profile import THREAD as PROFILE_THREAD
from jangteo.protocol.profile import Profile
from jangteo.protocol.remark import Remark

NOW_MS = 1_760_000_000_000
"""A moment in October 2025: the "now" of tests that do not move it."""


def key(name: str) -> AuthorKey:
    """The key of a person called `name`, always the same."""
    return AuthorKey.from_seed(hashlib.sha256(f"seed of {name}".encode()).digest())


def thread(number: int) -> bytes:
    """The 16 bytes of the `number`th thread."""
    return number.to_bytes(16, "big")


@dataclass(frozen=True, slots=True)
class Seller:
    """A person with a key, and what they publish. A thread is named by a number."""

    key: AuthorKey

    @classmethod
    def named(cls, name: str) -> "Seller":
        return cls(key(name))

    @property
    def author(self) -> bytes:
        return self.key.public

    def lists(
        self,
        number: int,
        listing: Listing | str,
        *,
        revision: int = 1,
        ts_ms: int = NOW_MS,
        market: str = OPEN,
    ) -> Verified:
        """A listing; text alone is its title."""
        if isinstance(listing, str):
            listing = Listing(title=listing, created_ms=ts_ms)
        return self.publishes(
            LISTING, number, listing.to_body(), revision=revision, ts_ms=ts_ms, market=market
        )

    def withdraws(
        self, number: int, *, revision: int = 1, ts_ms: int = NOW_MS, market: str = OPEN
    ) -> Verified:
        return self.publishes(LISTING, number, None, revision=revision, ts_ms=ts_ms, market=market)

    def is_called(
        self, name: str, *, about: str = "", revision: int = 1, ts_ms: int = NOW_MS
    ) -> Verified:
        header = Header(PROFILE, self.author, ts_ms, COMMONS, PROFILE_THREAD, revision, False)
        return author_record(self.key, header, Profile(name, about).to_body())

    def asks(
        self,
        number: int,
        listing: bytes,
        text: str,
        *,
        revision: int = 1,
        ts_ms: int = NOW_MS,
        market: str = OPEN,
    ) -> Verified:
        """A question about a listing, by its public id."""
        body = Remark(listing, text).to_body()
        return self.publishes(QUESTION, number, body, revision=revision, ts_ms=ts_ms, market=market)

    def answers(
        self, number: int, question: Verified, text: str, *, ts_ms: int = NOW_MS
    ) -> Verified:
        body = question.body or {}
        remark = Remark(body["listing"], text, public_id(question))
        market = question.header.market
        return self.publishes(ANSWER, number, remark.to_body(), ts_ms=ts_ms, market=market)

    def publishes(
        self,
        kind: int,
        number: int,
        body: dict[str, Any] | None,
        *,
        revision: int = 1,
        ts_ms: int = NOW_MS,
        market: str = OPEN,
    ) -> Verified:
        header = Header(
            kind, self.author, ts_ms, market, thread(number), revision, is_delete=body is None
        )
        return author_record(self.key, header, body)


def public_id(record: Verified) -> bytes:
    """The id of the listing, or of what else, whose revision `record` is."""
    return listing_id(record.header.thread_key)
