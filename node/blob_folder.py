"""The files of blobs, by the hash of what is in them: HOME/blobs/ab/abcd….

A file has its name only when it is whole, verified and on the disk. What is still coming stands
beside it as `.part`. Knows hashes; not what names them.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..protocol.told import tell
from .desk_error import DeskError
from .private_file import FILE_MODE, FOLDER_MODE, sync_folder, write_private, write_private_all

HASH_HEX: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = ".part"


class BlobFolder:
    """Over `path`, which need not exist yet. Every method may be called on any thread; one blob's
    parts on one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def path(self, hash: bytes) -> Path:
        name = hash.hex()
        return self._path / name[:2] / name

    def has(self, hash: bytes) -> bool:
        return self.path(hash).is_file()

    def put(self, data: bytes, *, is_durable: bool = True) -> bytes:
        """The hash of `data`; if `is_durable` it is on the disk then. DeskError where it cannot be
        written."""
        digest = hashlib.sha256(data).digest()
        path = self.path(digest)
        self._make(path.parent, is_durable=is_durable)
        if not path.exists():
            write_private(path, data, is_durable=is_durable)
        return digest

    def put_all(self, datas: Sequence[bytes]) -> None:
        """As `put` for each, in the time that a few take."""
        files = {self.path(hashlib.sha256(data).digest()): data for data in datas}
        for folder in {path.parent for path in files}:
            self._make(folder)
        write_private_all([(path, data) for path, data in files.items() if not path.exists()])

    def read(self, hash: bytes, offset: int = 0, count_max: int = -1) -> bytes:
        """FileNotFoundError if it is not here. Not verified: `is_sound` does that."""
        with self.path(hash).open("rb") as file:
            file.seek(offset)
            return file.read(count_max)

    def size(self, hash: bytes) -> int:
        """0 if it is not here."""
        try:
            return self.path(hash).stat().st_size
        except OSError:
            return 0

    def is_sound(self, hash: bytes) -> bool:
        """Whether the file is here and is what its name says."""
        try:
            return hashlib.sha256(self.path(hash).read_bytes()).digest() == hash
        except OSError:
            return False

    def drop(self, hash: bytes) -> None:
        for path in (self.path(hash), self._part(hash)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    # --- what is still coming -----------------------------------------------------------------

    def part_size(self, hash: bytes) -> int:
        """How much of it came already."""
        try:
            return self._part(hash).stat().st_size
        except OSError:
            return 0

    def drop_part(self, hash: bytes) -> None:
        with suppress(OSError):
            self._part(hash).unlink(missing_ok=True)

    def append(self, hash: bytes, offset: int, data: bytes) -> None:
        """`data` follows the first `offset` bytes. DeskError where it cannot be written."""
        path = self._part(hash)
        try:
            self._make(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
            with os.fdopen(descriptor, "r+b") as file:
                file.truncate(offset)
                file.seek(offset)
                file.write(data)
        except OSError as error:
            raise DeskError(
                "unwritable",
                tell("cannot write {path}: {strerror}", path=path, strerror=error.strerror),
            ) from error

    def finish(self, hash: bytes) -> bool:
        """Whether what came is it: then it has its name and is on the disk, else it is gone."""
        path = self._part(hash)
        try:
            with path.open("r+b") as file:
                is_it = hashlib.sha256(file.read()).digest() == hash
                if is_it:
                    os.fsync(file.fileno())
            if not is_it:
                path.unlink()
                return False
            path.replace(self.path(hash))
            sync_folder(path.parent)
        except OSError as error:
            raise DeskError(
                "unwritable",
                tell("cannot write {path}: {strerror}", path=path, strerror=error.strerror),
            ) from error
        return True

    # --- care ---------------------------------------------------------------------------------

    def files(self) -> Iterator[tuple[bytes, bool, float]]:
        """(hash, whether it is whole, when it was written in Unix seconds) of each file."""
        if not self._path.is_dir():
            return
        for path in sorted(self._path.glob("??/*")):
            name = path.name.removesuffix(_PART)
            if HASH_HEX.fullmatch(name):
                with suppress(OSError):  # gone meanwhile
                    yield bytes.fromhex(name), path.name == name, path.stat().st_mtime

    def _part(self, hash: bytes) -> Path:
        path = self.path(hash)
        return path.with_name(path.name + _PART)

    def _make(self, folder: Path, *, is_durable: bool = True) -> None:
        try:
            if not folder.is_dir():
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                if is_durable:
                    sync_folder(folder.parent)
        except OSError as error:
            raise DeskError(
                "unwritable",
                tell("cannot make {folder}: {strerror}", folder=folder, strerror=error.strerror),
            ) from error
