"""A disk below SQLite for tests: notes every write, and can be full or fail at any of them.

An apsw VFS over the system's own, made the default while it is in use, so that the store itself
knows nothing of it. Shared memory (the -shm file) is not written through a VFS and is not here.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

import apsw

from jangteo.store.database import Database

BASE = "unix"
NAME = "disk-of-tests"


@dataclass(frozen=True, slots=True)
class Create:
    """`name` is now `file`; what the name was before is another file."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to `file` is on the disk; `with_folder`: its name is too."""

    file: int
    with_folder: bool


@dataclass(frozen=True, slots=True)
class SyncFailed:
    """As Linux does it: what was to be written is dropped, and nobody hears of it again."""

    file: int


@dataclass(frozen=True, slots=True)
class Delete:
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """All names are on the disk."""


Op: TypeAlias = Create | Write | Truncate | Sync | SyncFailed | Delete | Rename | SyncFolder
What: TypeAlias = Literal["full", "fails"]


@dataclass(frozen=True, slots=True)
class Fault:
    """From the `at`th change on (0 is the first), for `count` of them, the disk is full or fails.
    `is_torn`: a write that fails has reached the disk in part."""

    at: int
    what: What
    count: int = 1
    is_torn: bool = False


class Disk:
    """`ops` is what happened, in order. `fault` may be set at any time, and is met by files whose
    names begin with `where`; `changes` counts what it could have met."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.is_recording = True
        self.fault: Fault | None = None
        self.where = ""
        self.changes = 0
        self.faults_met = 0
        self._files: dict[str, int] = {}
        self._count = 0

    def note(self, op: Op) -> None:
        if self.is_recording:
            self.ops.append(op)

    def opened(self, name: str, is_new: bool) -> int:
        """The file of `name`. One that was there before is taken to be on the disk."""
        if not is_new and name in self._files:
            return self._files[name]
        file = self._files[name] = self._count
        self._count += 1
        self.note(Create(name, file))
        if not is_new:
            self.note(Write(file, 0, Path(name).read_bytes()))
            self.note(Sync(file, with_folder=True))
        return file

    def deleted(self, name: str) -> None:
        self._files.pop(name, None)
        self.note(Delete(name))

    def renamed(self, old: str, new: str) -> None:
        if old in self._files:
            self._files[new] = self._files.pop(old)
            self.note(Rename(old, new))

    def meets_fault(self, name: str) -> Fault | None:
        """The fault that the change of a file which is now due meets."""
        if not name.startswith(self.where):
            return None
        number, self.changes = self.changes, self.changes + 1
        fault = self.fault
        if fault is None or not fault.at <= number < fault.at + fault.count:
            return None
        self.faults_met += 1
        return fault


def _raise(fault: Fault, code: int) -> None:
    if fault.what == "full":
        raise apsw.FullError("the test's disk is full")
    error = apsw.IOError("the test's disk fails")
    error.extendedresult = code
    raise error


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        is_new = path is not None and not Path(path).exists()
        self._name = path or ""
        is_made = is_new and flags[0] & apsw.SQLITE_OPEN_CREATE
        if is_made and (fault := disk.meets_fault(self._name)):
            _raise(fault, apsw.SQLITE_IOERR_ACCESS)
        super().__init__(BASE, name, flags)
        # Temporary files have no name, and nobody looks at them after a crash.
        self._file = None if path is None else disk.opened(path, is_new)
        kind = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
        # SQLite's unix VFS syncs the folder with the first sync of a journal that it may have made.
        self._syncs_folder = bool(flags[0] & kind) and bool(flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._file is None:
            return super().xWrite(data, offset)
        if fault := self._disk.meets_fault(self._name):
            if fault.is_torn:
                part = data[: len(data) // 2]
                super().xWrite(part, offset)
                self._disk.note(Write(self._file, offset, bytes(part)))
            _raise(fault, apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)
        self._disk.note(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        if self._file is not None and (fault := self._disk.meets_fault(self._name)):
            _raise(fault, apsw.SQLITE_IOERR_TRUNCATE)
        super().xTruncate(newsize)
        if self._file is not None:
            self._disk.note(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:
        if self._file is not None and (fault := self._disk.meets_fault(self._name)):
            self._disk.note(SyncFailed(self._file))
            # A disk that is full refuses writes; a sync that cannot be done is a failure.
            _raise(Fault(fault.at, "fails"), apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)
        if self._file is not None:
            self._disk.note(Sync(self._file, self._syncs_folder))
            self._syncs_folder = False

    def excepthook(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        """The faults are meant: apsw need not print them."""


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(NAME, BASE, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        is_there = Path(filename).exists()
        # A full disk lets go of what it has.
        fault = self._disk.meets_fault(filename) if is_there else None
        if fault is not None and fault.what == "fails":
            _raise(fault, apsw.SQLITE_IOERR_DELETE)
        super().xDelete(filename, syncdir)
        if is_there:
            self._disk.deleted(filename)
        if syncdir:
            self._disk.note(SyncFolder())

    def excepthook(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        """The faults are meant: apsw need not print them."""


@contextmanager
def disk_below(disk: Disk | None = None) -> Iterator[Disk]:
    """Every connection that is opened within stands on the disk, and so do the renames and the
    syncs of folders that the program makes itself. The connections may not outlast it."""
    disk = disk or Disk()
    vfs = _Vfs(disk)
    real_hook = sys.unraisablehook
    real_close = Database.close
    real_link, real_replace, real_fsync = os.link, os.replace, os.fsync
    try:
        # The old name of a link goes at once, and nobody looks for it after a crash.
        sys.unraisablehook = _without_faults(real_hook)
        os.link = _noted_rename(disk, real_link)
        Database.close = _unfailing(disk, real_close)  # type: ignore[method-assign]
        os.replace = _noted_rename(disk, real_replace)
        os.fsync = _noted_fsync(disk, real_fsync)
        yield disk
    finally:
        os.link, os.replace, os.fsync = real_link, real_replace, real_fsync
        Database.close = real_close  # type: ignore[method-assign]
        sys.unraisablehook = real_hook
        vfs.unregister()


def _without_faults(real: Callable[[Any], None]) -> Callable[[Any], None]:
    """A second fault within one statement has nowhere to go in apsw: it is not a bug of ours."""

    def hook(told: Any) -> None:
        if not isinstance(told.exc_value, apsw.IOError | apsw.FullError):
            real(told)

    return hook


def _unfailing(disk: Disk, real: Callable[[Database], None]) -> Callable[[Database], None]:
    """Closing meets no fault: SQLite passes over them there, and apsw leaves them behind for
    whatever Python does next. What closing does, a checkpoint, is tried while it is open."""

    def close(database: Database) -> None:
        disk.fault, fault = None, disk.fault
        try:
            real(database)
        finally:
            disk.fault = fault

    return close


def _noted_rename(disk: Disk, real: Callable[..., None]) -> Callable[..., None]:
    def rename(src: object, dst: object) -> None:
        real(src, dst)
        disk.renamed(str(src), str(dst))

    return rename


def _noted_fsync(disk: Disk, real: Callable[[int], None]) -> Callable[[int], None]:
    def fsync(descriptor: int) -> None:
        real(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            disk.note(SyncFolder())

    return fsync
