"""The file of a store: made whole under its name, and opened as its disk allows.

Knows names, flags and links; nothing of what is inside.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from ..protocol.told import tell
from .errors import StoreReadOnly

_VFS_WITHOUT_LOCKS: Final = "unix-none"


def fresh_path(path: Path) -> Path:
    """Where a new store is made before it has its name."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")


def connect_making(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    return apsw.Connection(str(path), flags=flags)


def connect_writing(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)


def connect_reading(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


def connect_alone(path: Path) -> apsw.Connection:
    """Readers share memory through a file beside the log. On a disk that has no room for it there
    is no writer either, and SQLite can do with its own memory."""
    uri = f"{path.absolute().as_uri()}?readonly_shm=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def connect_unwritable(path: Path) -> apsw.Connection:
    """On a medium that cannot be written nobody writes: no locks are needed, and none can be had.
    A log that a crash left over still counts: without it the file may be older, or half of two."""
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        uri = f"{path.absolute().as_uri()}?immutable=1"
        return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=_VFS_WITHOUT_LOCKS)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    # Before anything is read: the index of the log is in this process's own memory then.
    connection.pragma("locking_mode", "EXCLUSIVE")
    return connection


def unlink_all(path: Path) -> None:
    """A database and what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):  # what cannot go is met again where it matters
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def rename_new(fresh: Path, path: Path) -> None:
    """In one step, and for good. Where another process was first, its store stays."""
    try:
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise unwritable(str(path), error.strerror or str(error)) from error


def _sync_folder(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(name: str, why: str) -> StoreReadOnly:
    return StoreReadOnly(
        tell(
            "{name} cannot be opened for this ({why}): check that its folder exists "
            "and that you may write there",
            name=name,
            why=why,
        )
    )
