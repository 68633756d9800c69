"""The files of blobs, off the loop: verified when they are read, verified before they are kept
(SPEC.md R16.5, R16.8).

What is given from here is what its hash says, be the disk as it may. Knows no peers and no store.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..crypto.digest import sha256
from ..protocol import limits
from .blob_folder import BlobFolder
from .desk_error import DeskError
from .worker import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A blob whose last byte has come. `data` is what came of it, from `offset` on: what is before
    is kept as its beginning."""

    hash: bytes
    offset: int
    data: bytes

    @property
    def size(self) -> int:
        return self.offset + len(self.data)


class BlobShelf:
    """`reader` and `writer` run what touches the disk. OSError of any method but `read` is the
    disk's."""

    def __init__(self, folder: BlobFolder, *, reader: Worker, writer: Worker) -> None:
        self._folder = folder
        self._reader = reader
        self._writer = writer

    async def read(self, hashes: Sequence[bytes]) -> list[bytes | None]:
        """The first of them, at least one, and no more when there are BLOB_READ_BYTES_MAX: None
        for one whose file is not there or is damaged; that file is dropped."""
        return await self._reader(partial(self._read_some, hashes))

    async def keep(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """Which of them are on the disk for good: those whose bytes have their hash. Of the others
        nothing is kept."""
        return await self._write(partial(self._keep_all, arrivals))

    async def found(self, hashes: Collection[bytes]) -> dict[bytes, int]:
        """The sizes of those whose files are there and whole, though nobody may know of them."""
        return await self._write(partial(self._find, hashes))

    async def begun(self, hashes: Collection[bytes]) -> dict[bytes, int]:
        """How many bytes are kept of those of which the beginning is."""
        return await self._reader(partial(self._begun, hashes))

    async def keep_beginning(self, blob_hash: bytes, offset: int, data: bytes) -> None:
        await self._write(partial(self._folder.append, blob_hash, offset, data))

    async def drop_beginning(self, blob_hash: bytes) -> None:
        await self._write(partial(self._folder.drop_part, blob_hash))

    async def drop(self, hashes: Collection[bytes]) -> None:
        await self._write(partial(self._drop, hashes))

    async def files(self) -> list[tuple[bytes, bool, float]]:
        """(hash, whether it is whole, when it was written in Unix seconds) of each file."""
        return await self._write(lambda: list(self._folder.files()))

    async def _write(self, job: Callable[[], T]) -> T:
        try:
            return await self._writer(job)
        except DeskError as error:  # what the folder makes of an OSError, for people
            raise OSError(str(error)) from error

    def _read_some(self, hashes: Sequence[bytes]) -> list[bytes | None]:
        read: list[bytes | None] = []
        room = limits.BLOB_READ_BYTES_MAX
        for each in hashes:
            if room <= 0:
                break
            data = self._read_one(each)
            room -= len(data or b"")
            read.append(data)
        return read

    def _read_one(self, blob_hash: bytes) -> bytes | None:
        try:
            data = self._folder.read(blob_hash)
        except OSError as error:
            log.warning("photo %s cannot be read: %s", blob_hash.hex()[:8], error)
            return None
        if sha256(data) == blob_hash:
            return data
        log.warning("the file of photo %s is damaged: it is fetched again", blob_hash.hex()[:8])
        self._folder.drop(blob_hash)
        return None

    def _keep_all(self, arrivals: Sequence[Arrival]) -> list[bool]:
        whole = {
            arrival.hash: arrival.data
            for arrival in arrivals
            if not arrival.offset and sha256(arrival.data) == arrival.hash
        }
        self._folder.put_all(list(whole.values()))
        for each in whole:
            self._folder.drop_part(each)
        return [
            self._finish(arrival) if arrival.offset else arrival.hash in whole
            for arrival in arrivals
        ]

    def _finish(self, arrival: Arrival) -> bool:
        self._folder.append(arrival.hash, arrival.offset, arrival.data)
        return self._folder.finish(arrival.hash)

    def _find(self, hashes: Collection[bytes]) -> dict[bytes, int]:
        return {each: self._folder.size(each) for each in hashes if self._folder.is_sound(each)}

    def _begun(self, hashes: Collection[bytes]) -> dict[bytes, int]:
        sizes = {each: self._folder.part_size(each) for each in hashes}
        return {each: size for each, size in sizes.items() if size}

    def _drop(self, hashes: Collection[bytes]) -> None:
        for each in hashes:
            self._folder.drop(each)
