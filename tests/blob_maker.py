"""Pictures for tests: any bytes will do, as long as their hash is theirs."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jangteo.crypto.digest import sha256
from jangteo.node import identity
from jangteo.node.blob_folder import BlobFolder
from jangteo.node.home import Home
from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import OPEN
from jangteo.protocol.photo import BLUR_BYTES, Photo
from jangteo.store.photo_view import FULL, THUMB
from jangteo.store.store import Store
from tests.market_maker import Seller

TINY = b"a thumbnail that everybody has"
SELLER = Seller.named("pictured")


@dataclass(frozen=True, slots=True)
class Picture:
    data: bytes
    kind: int = THUMB

    @property
    def hash(self) -> bytes:
        return sha256(self.data)

    def photo(self) -> Photo:
        """A photo of which this is the thumbnail (and the rest), or whose thumbnail is no news."""
        thumb = self.data if self.kind == THUMB else TINY
        return Photo(
            self.hash, len(self.data), 40, 30, sha256(thumb), len(thumb), bytes(BLUR_BYTES)
        )


def picture(number: int, size: int = 10_000, kind: int = THUMB) -> Picture:
    dice = random.Random(f"picture {number}")  # noqa: S311  (repeatable on purpose)
    return Picture(dice.randbytes(size), kind)


def named(pictures: Sequence[Picture], seller: Seller = SELLER) -> list[Verified]:
    """Listings that name them."""
    records = []
    for begin in range(0, len(pictures), limits.PHOTOS_MAX):
        some = pictures[begin : begin + limits.PHOTOS_MAX]
        photos = tuple(one.photo() for one in some)
        listing = Listing("a thing", created_ms=START_MS, photos=photos)
        number = int.from_bytes(sha256(b"".join(one.hash for one in some))[:6], "big")
        records.append(seller.lists(number, listing, ts_ms=START_MS))
    return records


async def name(node: SimulatedNode, pictures: Sequence[Picture], seller: Seller = SELLER) -> None:
    """As if listings that name them had come."""

    def job(store: Store) -> None:
        with store.write(durable=False):
            store.admit(named(pictures, seller), node.now_ms())
            store.blobs.put(sha256(TINY), THUMB, len(TINY), node.now_ms())

    await node.core.writer.call(job)
    assert node.core.blobs is not None
    node.core.blobs.keeper.news()


async def put(
    place: Neighbourhood,
    node: SimulatedNode,
    pictures: Sequence[Picture],
    seller: Seller = SELLER,
) -> None:
    """They are in this node's folder, and it knows."""
    folder = BlobFolder(place.blob_path(node.name))

    def job(store: Store) -> None:
        with store.write(durable=False):
            store.admit(named(pictures, seller), node.now_ms())
            for one in (Picture(TINY), *pictures):
                folder.put(one.data)
                store.blobs.put(one.hash, one.kind, len(one.data), node.now_ms())

    await node.core.writer.call(job)


def held(place: Neighbourhood, name: str, pictures: Sequence[Picture]) -> int:
    """How many of them are on this node's disk, byte for byte."""
    folder = BlobFolder(place.blob_path(name))
    return sum(folder.has(one.hash) and folder.read(one.hash) == one.data for one in pictures)


# --- goods with pictures, in a home of their own --------------------------------------------------


@dataclass(frozen=True, slots=True)
class PicturedGood:
    """A listing with one photo, and the files of both."""

    record: Verified
    photo: Photo
    files: tuple[bytes, bytes]


def pictured_goods(
    count: int, *, thumb_bytes: int, photo_bytes: int, now_ms: int | None = None
) -> list[PicturedGood]:
    """Of some sellers, so that no one's share of the room is in the way."""
    ts_ms = now_ms or time.time_ns() // 1_000_000
    goods = []
    for number in range(count):
        full = picture(number, photo_bytes, FULL).data
        thumb = picture(10**6 + number, thumb_bytes).data
        photo = Photo(
            sha256(full), len(full), 1600, 1200, sha256(thumb), len(thumb), bytes(BLUR_BYTES)
        )
        listing = Listing(f"thing {number}", created_ms=ts_ms, photos=(photo,))
        seller = Seller.named(f"pictured {number % 20}")
        record = seller.lists(number, listing, ts_ms=ts_ms - number)
        goods.append(PicturedGood(record, photo, (full, thumb)))
    return goods


def stock(path: Path, goods: Sequence[PicturedGood]) -> None:
    """A home that holds them all."""
    home = Home(path)
    identity.create(home)
    folder = BlobFolder(home.blobs_path)
    now_ms = time.time_ns() // 1_000_000
    with Store.open(home.store_path) as store, store.write(durable=True):
        store.join(OPEN)
        store.admit([each.record for each in goods], now_ms)
        for each in goods:
            for kind, data in zip((FULL, THUMB), each.files, strict=True):
                store.blobs.put(folder.put(data), kind, len(data), now_ms)
