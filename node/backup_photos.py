"""The photos of one's own listings, as a backup keeps them: as many as it has room for.

A seller whose photos nobody has looked at would lose them with the disk. Knows no seal.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from ..protocol import limits
from ..store.store import Store
from .blob_folder import BlobFolder


@dataclass(frozen=True, slots=True)
class KeptPhotos:
    """The files in base64, and how many there was no room for."""

    files: tuple[str, ...] = ()
    left_out: int = 0


def photos_of(store: Store, folder: BlobFolder, author: bytes) -> KeptPhotos:
    """Those that `author`'s listings name and whose files are here and whole: small ones before
    large ones, of the newest listings first."""
    rows = [row for row in store.own_listings(author) if not row.header.is_delete]
    photos = [photo for row in reversed(rows) for photo in row.listing.photos]
    hashes = dict.fromkeys([photo.thumb for photo in photos] + [photo.hash for photo in photos])
    room = limits.BACKUP_PHOTO_BYTES_MAX
    files: list[str] = []
    left_out = 0
    for each in hashes:
        size = folder.size(each)
        if size > room:
            left_out += 1
            continue
        with suppress(FileNotFoundError):
            data = folder.read(each)
            if sha256(data).digest() == each:
                files.append(b64encode(data).decode())
                room -= size
    return KeptPhotos(tuple(files), left_out)


def read_photos(told: object) -> tuple[bytes, ...]:
    """ValueError where they are none."""
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise ValueError("photos are no list of texts")
    files = tuple(b64decode(each, validate=True) for each in told)
    if any(not 0 < len(file) <= limits.PHOTO_BYTES_MAX for file in files):
        raise ValueError("a photo is empty or too large")
    return files


def fill_photos(store: Store, folder: BlobFolder, files: Iterable[bytes], now_ms: int) -> int:
    """Brings back those that a listing here names: how many. DeskError where they cannot be
    written; again does the rest."""
    wanted = []
    for file in files:
        blob = store.blobs.of(sha256(file).digest())
        if blob is not None and blob.size == len(file):
            folder.put(file)
            wanted.append(blob)
    with store.write(durable=True):
        for blob in wanted:
            store.blobs.put(blob.hash, blob.kind, blob.size, now_ms)
    return len(wanted)
