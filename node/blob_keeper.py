"""What pictures a node fetches and which of them it keeps (SPEC.md R16.6, R16.10 to R16.12).

Thumbnails come along with listings, full photos when somebody looks, or as the settings say; what
is over the quota goes. Knows no peers and no frames.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final

import trio

from ..protocol import limits
from ..protocol.kind import LISTING
from ..protocol.verdict import Admission
from ..store.blob_book import Blob, BlobsHeld
from ..store.photo_view import FULL, THUMB
from ..store.store import Store
from .blob_errand import Errands, Settled
from .blob_room import Claimant, Room
from .blob_shelf import BlobShelf
from .supervisor import survive
from .writer import Admitted, Writer

log = logging.getLogger(__name__)

JsonObject = dict[str, Any]
ALONG: Final = {"all": (THUMB, FULL), "seen": (THUMB,), "none": ()}
"""What comes along with listings, by the setting `photos`."""
_S = limits.SECOND_MS


class _Look:
    """Somebody waits for a blob; perhaps many."""

    def __init__(self) -> None:
        self.is_here = False
        self.done = trio.Event()


class BlobKeeper:
    """`quota_bytes` of blobs at most, one's own not counted out. `on_wanted` is called when there
    is more to fetch, `on_trouble(message)` when the disk takes nothing (with "" when it does
    again), `post` with events."""

    def __init__(
        self,
        writer: Writer,
        shelf: BlobShelf,
        errands: Errands,
        *,
        now_ms: Callable[[], int],
        policy: str,
        quota_bytes: int,
        post: Callable[[JsonObject], None],
    ) -> None:
        self._writer = writer
        self._shelf = shelf
        self._errands = errands
        self._now_ms = now_ms
        self._along = ALONG[policy]
        self._policy = policy
        self._quota_bytes = quota_bytes
        self._post = post
        self._looks: dict[bytes, _Look] = {}
        self._arrived: list[bytes] = []
        self._arrived_count = 0
        self._missed: list[bytes] = []
        self._news = trio.Event()
        self._arrival = trio.Event()
        self._tending = trio.Event()
        self._untended_bytes = 0
        self._room: Room | None = None  # as it was at the last tending, and what came since
        self._sweep_at = -inf
        self._has_more = False
        self._paused_until = -1.0
        self.on_wanted: Callable[[], None] = lambda: None
        self.on_trouble: Callable[[str], None] = lambda message: None
        self.fetched_count = 0

    # --- what happened ------------------------------------------------------------------------

    def note(self, admitted: Sequence[Admitted]) -> None:
        if self._along and any(
            admission is Admission.NEW and record.header.kind == LISTING
            for record, admission in admitted
        ):
            self._news.set()

    def news(self) -> None:
        """There may be something to fetch."""
        self._news.set()

    def kept(self, sizes: Mapping[bytes, int]) -> None:
        """They came, and are here for good."""
        hashes = list(sizes)
        self.fetched_count += len(hashes)
        for each, size in sizes.items():
            self._errands.drop(each)
            self._answer(each, is_here=True)
            if self._room is not None:
                self._room.came(each, size)
        self._arrived_count += len(hashes)
        room = limits.EVENT_PHOTOS_AT_ONCE_MAX - len(self._arrived)
        self._arrived += hashes[: max(0, room)]
        self._arrival.set()
        self._untended_bytes += sum(sizes.values())
        if self._untended_bytes * limits.BLOB_TEND_PARTS > self._quota_bytes:
            self._tending.set()
        if self._has_more and len(self._errands) < limits.BLOB_ERRANDS_MAX // 2:
            self._news.set()
        self.on_trouble("")

    def failed(self, hashes: Sequence[bytes], error: OSError) -> None:
        """The disk takes nothing: no more is fetched for a while."""
        log.error("photos could not be stored: %s", error)
        self._paused_until = trio.current_time() + limits.BLOB_TEND_EVERY_MS / _S
        self._errands.drop_all()
        for each in list(self._looks):
            self._answer(each, is_here=False)
        self.on_trouble(f"photos could not be stored: {error}")
        self._news.set()

    def settled(self, settled: Settled) -> None:
        """All neighbours lack them: who waits hears so."""
        for each in (*settled.again, *settled.missed):
            self._answer(each, is_here=False)
        if settled.missed:
            self._missed += settled.missed
            self._tending.set()

    # --- looking ------------------------------------------------------------------------------

    async def look(self, blob_hash: bytes) -> bool:
        """Whether it is here, after it was asked of every neighbour: at once, before all that
        comes along. Nothing is fetched that no listing names."""
        blob = await self._writer.call(partial(_look, blob_hash, self._now_ms()))
        if blob is None:
            return False
        if blob.is_here:
            if await self._is_whole(blob_hash):
                return True
            await self._writer.call(partial(_gone, [blob_hash]))
        if self._policy == "none" or trio.current_time() < self._paused_until:
            return False
        if not self._errands.look(blob_hash, blob.size):
            return False
        look = self._looks.setdefault(blob_hash, _Look())
        self.on_wanted()
        with trio.move_on_after(limits.BLOB_LOOK_MS_MAX / _S):
            await look.done.wait()
        return look.is_here

    async def _is_whole(self, blob_hash: bytes) -> bool:
        """What is damaged is dropped."""
        (data,) = await self._shelf.read([blob_hash])
        return data is not None

    def _answer(self, blob_hash: bytes, *, is_here: bool) -> None:
        look = self._looks.pop(blob_hash, None)
        if look is not None:
            look.is_here = is_here
            look.done.set()

    # --- tasks --------------------------------------------------------------------------------

    async def run(self) -> None:
        self._news.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_wanting)
            nursery.start_soon(self._keep_tending)
            nursery.start_soon(self._keep_telling)

    async def _keep_wanting(self) -> None:
        await self._writer.call(_start)
        while True:
            with trio.move_on_after(limits.BLOB_TEND_EVERY_MS / _S):
                await self._news.wait()
            await trio.sleep(limits.BLOB_GATHER_MS / _S)
            self._news = trio.Event()
            await trio.sleep(max(0.0, self._paused_until - trio.current_time()))
            if self._along:
                await survive("looking what photos are wanted", self._want)

    async def _want(self) -> None:
        if self._room is None:
            await self._measure()
            return
        job = partial(_wanted, self._along, self._now_ms())
        claimants: list[Claimant] = await self._writer.call(job)
        self._has_more = len(claimants) == limits.BLOB_ERRANDS_MAX
        fresh = [one.hash for one in claimants if one.hash not in self._errands]
        found = await self._shelf.found(fresh)
        if found:  # the store did not hear of them, or has forgotten
            await self._writer.call(partial(_put, found, self._now_ms()))
            self.kept(found)
        granted = self._room.grant(one for one in claimants if one.hash not in found)
        self._errands.want(
            (
                one.hash,
                one.size,
                limits.THUMB_BYTES_MAX if one.is_thumb else limits.PHOTO_BYTES_MAX,
            )
            for one in granted
        )
        self.on_wanted()

    async def _keep_tending(self) -> None:
        while True:
            await survive("making room for photos", self._tend)
            with trio.move_on_after(limits.BLOB_TEND_EVERY_MS / _S):
                await self._tending.wait()
            self._tending = trio.Event()

    async def _tend(self) -> None:
        missed, self._missed = self._missed, []
        self._untended_bytes = 0
        job = partial(_evicted, missed, self._quota_bytes, self._now_ms())
        await self._shelf.drop(await self._writer.call(job))
        await self._measure()
        if trio.current_time() >= self._sweep_at:
            self._sweep_at = trio.current_time() + limits.BLOB_SWEEP_EVERY_MS / _S
            await self._sweep()

    async def _measure(self) -> None:
        held: BlobsHeld = await self._writer.call(lambda store: store.blobs.held())
        is_first = self._room is None
        self._room = Room(held, self._quota_bytes)
        if is_first:
            self._news.set()

    async def _sweep(self) -> None:
        """Lets go of old files that the store knows nothing of, and of old beginnings."""
        over_s = (self._now_ms() - limits.BLOB_UNNAMED_MS) / _S
        old = [each for each in await self._shelf.files() if each[2] < over_s]
        for blob_hash, is_whole, _ in old:
            if not is_whole:
                await self._shelf.drop_beginning(blob_hash)
        whole = [blob_hash for blob_hash, is_whole, _ in old if is_whole]
        for begin in range(0, len(whole), limits.BLOB_ERRANDS_MAX):
            some = whole[begin : begin + limits.BLOB_ERRANDS_MAX]
            known = await self._writer.call(partial(_known, some))
            await self._shelf.drop([each for each in some if each not in known])

    async def _keep_telling(self) -> None:
        while True:
            await self._arrival.wait()
            self._arrival = trio.Event()
            arrived, self._arrived = self._arrived, []
            count, self._arrived_count = self._arrived_count, 0
            for each in arrived:
                self._post({"event": "photo", "hash": each.hex()})
            if count > len(arrived):
                self._post({"event": "photo", "hash": None, "count": count - len(arrived)})
            await trio.sleep(limits.EVENT_GATHER_MS / _S)


def _start(store: Store) -> None:
    """Neighbours may have come while nobody asked."""
    with store.write(durable=False):
        store.blobs.want_again()


def _look(blob_hash: bytes, now_ms: int, store: Store) -> Blob | None:
    blob = store.blobs.of(blob_hash)
    if blob is not None and blob.is_here:
        with store.write(durable=False):
            store.blobs.look([blob_hash], now_ms)
    return blob


def _gone(hashes: Sequence[bytes], store: Store) -> None:
    with store.write(durable=False):
        for each in hashes:
            store.blobs.gone(each)


def _put(sizes: Mapping[bytes, int], now_ms: int, store: Store) -> None:
    with store.write(durable=False):
        put_blobs(sizes, now_ms, store)


def put_blobs(sizes: Mapping[bytes, int], now_ms: int, store: Store) -> None:
    """In the open transaction: their files are here, of these sizes."""
    for each, size in sizes.items():
        named = store.blobs.of(each)
        is_thumb = named is not None and named.kind == THUMB and size <= limits.THUMB_BYTES_MAX
        store.blobs.put(each, THUMB if is_thumb else FULL, size, now_ms)


def _known(hashes: Sequence[bytes], store: Store) -> set[bytes]:
    return store.blobs.here(hashes)


def _wanted(kinds: Sequence[int], now_ms: int, store: Store) -> list[Claimant]:
    blobs = store.blobs.wanted(kinds, limits.BLOB_ERRANDS_MAX, now_ms)
    authors = store.blobs.authors([blob.hash for blob in blobs])
    return [
        Claimant(blob.hash, blob.size, blob.kind == THUMB, authors.get(blob.hash, b""))
        for blob in blobs
    ]


def _evicted(
    missed: Sequence[bytes], quota_bytes: int, now_ms: int, store: Store
) -> Sequence[bytes]:
    """Those whose files are to go; the store has forgotten them."""
    over = store.blobs.to_evict(store.blobs.held().byte_count - quota_bytes, now_ms)
    if missed or over:
        with store.write(durable=False):
            for each in missed:
                store.blobs.missed(each, now_ms)
            for each in over:
                store.blobs.gone(each)
    return over
