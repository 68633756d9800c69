"""Which wanted pictures there is room for: a rule over sizes, kinds and authors (SPEC.md R16.11).

Knows no disk.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..protocol import limits
from ..store.blob_book import BlobsHeld


@dataclass(frozen=True, slots=True)
class Claimant:
    """A blob that would come along, and by whose listing."""

    hash: bytes
    size: int
    is_thumb: bool
    author: bytes


class Room:
    """`held` of a quota, and what has been granted since."""

    def __init__(self, held: BlobsHeld, quota_bytes: int) -> None:
        self._quota_bytes = quota_bytes
        self._bytes = held.byte_count
        self._thumb_bytes = held.thumb_bytes
        self._by_author = Counter(held.by_author)
        self._claims: dict[bytes, Claimant] = {}

    def grant(self, wanted: Iterable[Claimant]) -> list[Claimant]:
        """Those that may come along, in their order, instead of those that were granted before: a
        smaller one may find room where a greater did not."""
        author_max = self._quota_bytes // limits.BLOB_AUTHOR_SHARE
        thumbs_max = self._quota_bytes * limits.BLOB_THUMBS_PERCENT // 100
        total, thumb_bytes, by_author = self._bytes, self._thumb_bytes, Counter(self._by_author)
        self._claims = {}
        for one in wanted:
            if by_author[one.author] + one.size > author_max:
                continue
            if one.is_thumb:
                if thumb_bytes + one.size > thumbs_max:
                    continue
                thumb_bytes += one.size
            elif total + one.size > self._quota_bytes:
                continue
            total += one.size
            by_author[one.author] += one.size
            self._claims[one.hash] = one
        return list(self._claims.values())

    def came(self, blob_hash: bytes, size: int) -> None:
        """It is here now, granted or not."""
        self._bytes += size
        claimant = self._claims.pop(blob_hash, None)
        if claimant is not None:
            self._thumb_bytes += size * claimant.is_thumb
            self._by_author[claimant.author] += size
