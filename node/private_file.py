"""Files for the owner's eyes only: written whole or not at all, refused when others can read them.

Knows modes and fsync; nothing of what is inside.
"""

import os
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..protocol.told import tell
from .desk_error import DeskError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_OTHERS: Final = 0o077
_SYNCS_AT_ONCE: Final = 8


def write_private(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """Replaces `path` (mode 0600) in one step; after a crash it is the old file or the new one.

    `is_durable` waits until the disk has it. DeskError where it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        _write_whole(fresh, data, is_durable=is_durable)
        fresh.replace(path)
        if is_durable:
            sync_folder(path.parent)
    except OSError as error:
        _drop(fresh)
        raise DeskError(
            "unwritable",
            tell("cannot write {path}: {strerror}", path=path, strerror=error.strerror),
        ) from error


def write_private_all(files: Sequence[tuple[Path, bytes]]) -> None:
    """As `write_private` for each, and the disk is waited for by some at once: it takes many in one
    go. After a crash each is there, whole, or not."""
    fresh = {
        path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new"): path
        for path, _ in files
    }
    try:
        for temporary, (_, data) in zip(fresh, files, strict=True):
            _write_whole(temporary, data, is_durable=False)
        with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
            list(pool.map(_sync, fresh))
            for temporary, path in fresh.items():
                temporary.replace(path)
            list(pool.map(_sync, {path.parent for path in fresh.values()}))
    except OSError as error:
        for temporary in fresh:
            _drop(temporary)
        raise DeskError(
            "unwritable",
            tell(
                "cannot write {filename}: {strerror}",
                filename=error.filename,
                strerror=error.strerror,
            ),
        ) from error


def _write_whole(fresh: Path, data: bytes, *, is_durable: bool) -> None:
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
    except BaseException:
        _drop(fresh)
        raise


def _drop(fresh: Path) -> None:
    """What is left of a failed writing; on a medium that cannot be written there is nothing."""
    with suppress(OSError):
        fresh.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_private(path: Path) -> bytes:
    """DeskError if it cannot be read, is a link, or someone else could have read or changed it;
    FileNotFoundError if it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = "it is a link" if path.is_symlink() else error.strerror
        raise DeskError(
            "unreadable", tell("cannot read {path}: {why}", path=path, why=why)
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        check_private(path, os.fstat(file.fileno()), FILE_MODE)
        return file.read()


def check_private(path: Path, status: os.stat_result, mode: int) -> None:
    """DeskError where `path` is another's or open to others; says the chmod that mends it."""
    if status.st_uid != os.geteuid():
        raise DeskError("loose", tell("{path} belongs to another user of this machine", path=path))
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        raise DeskError(
            "loose",
            tell(
                "{path} is open to other users of this machine (mode {s_imode:04o})",
                path=path,
                s_imode=stat.S_IMODE(status.st_mode),
            ),
            tell("close it with: chmod {mode:o} '{path}'", mode=mode, path=path),
        )
