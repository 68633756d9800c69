"""What of the blobs here is given to peers, and how fast (SPEC.md R16.8, R16.9).

Only what the store says is here and the disk has whole. Knows no frames.
"""

from collections.abc import Callable, Sequence
from functools import partial

import trio

from ..protocol import limits
from ..protocol.blob_frame import Part
from ..store.store import Store
from .blob_shelf import BlobShelf
from .store_share import StoreShare
from .token_bucket import TokenBuckets

_S = limits.SECOND_MS


class BlobLender:
    """`share()` is where store time is counted, `payer_of(peer)` the payer (R11.7). `on_gone` is
    called when a file was not what it should have been."""

    def __init__(self, shelf: BlobShelf, *, share: Callable[[], StoreShare]) -> None:
        self._shelf = shelf
        self._share = share
        self._budgets = TokenBuckets(
            limits.BLOB_SERVED_BYTES_PER_SECOND,
            limits.BLOB_SERVED_BYTES_BURST,
            limits.PENALTY_PEERS_MAX,
        )
        self.payer_of: Callable[[str], str] = lambda peer: peer
        self.on_gone: Callable[[], None] = lambda: None
        self.served_count = 0
        self.served_bytes = 0

    async def here(self, peer: str, parts: Sequence[Part]) -> set[bytes]:
        """Hashes of those that the store says are here."""
        hashes = [part.hash for part in parts]
        return await self._share().call(peer, lambda store: store.blobs.here(hashes))

    async def read(self, peer: str, hashes: Sequence[bytes]) -> list[bytes | None]:
        """The first of them, whole: as many as are read at once, and at least one. None for one
        that turns out not to be here: it is fetched again."""
        read = await self._shelf.read(hashes)
        gone = [each for each, data in zip(hashes, read, strict=False) if data is None]
        if gone:
            await self._share().call(peer, partial(_forget, gone))
            self.on_gone()
        return read

    async def rest(self, peer: str, byte_count: int) -> None:
        """So many bytes are about to go to `peer`, whose payer may have had its part."""
        now = trio.current_time()
        owed_s = self._budgets.of(self.payer_of(peer), now).spend(byte_count, now)
        if owed_s:
            await trio.sleep(min(owed_s, limits.BLOB_REST_MS_MAX / _S))

    def note_served(self, byte_count: int) -> None:
        self.served_count += 1
        self.served_bytes += byte_count


def _forget(hashes: Sequence[bytes], store: Store) -> None:
    with store.write(durable=False):
        for each in hashes:
            store.blobs.gone(each)
