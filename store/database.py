"""One connection to one SQLite file: how it is opened, its transactions, its errors in our words.

Knows no table but what migrations and the schema's version need.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, Self, TypeAlias

import apsw

from ..protocol import limits
from ..protocol.told import tell
from .database_file import (
    connect_alone,
    connect_making,
    connect_reading,
    connect_unwritable,
    connect_writing,
    fresh_path,
    rename_new,
    unlink_all,
    unwritable,
)
from .errors import (
    CorruptStore,
    NewerSchema,
    OutdatedViews,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreMissing,
)

Row: TypeAlias = tuple[Any, ...]
Bindings: TypeAlias = tuple[Any, ...]

SCHEMA_VERSION: Final = 5
VIEW_VERSION: Final = 5
"""Rises when a view is made in another way; a store of a lower one is rebuilt when next written."""
APPLICATION_ID: Final = 0x6A616E67  # "jang", told by `file` and by us
_MIGRATIONS: Final = ("schema.sql", "schema_2.sql", "schema_3.sql", "schema_4.sql", "schema_5.sql")
"""The n-th brings a store of version n to version n + 1. Never edited once released."""

WAL_PAGES_MAX: Final = 8000
"""A log of so many pages is taken into the file."""
_WAL_BYTES_MAX: Final = 64 * limits.MIB
_ROOM_BYTES_MIN: Final = 64 * limits.KIB
_CACHE_KIB: Final = 32 * limits.KIB
_FAILURES: Final = (apsw.Error, UnicodeDecodeError)
"""SQLite hands on whatever bytes stand in a text: those that are none were damaged."""


class Database:
    """A connection that belongs to one thread. Every apsw error leaves as a StoreError."""

    def __init__(
        self, connection: apsw.Connection, name: str, *, read_only: bool, is_new: bool = False
    ) -> None:
        self._connection = connection
        self._name = name
        self.is_read_only = read_only
        self._is_new = is_new
        self._is_durable: bool | None = None
        # Whether a commit may not be on the disk yet; one of an earlier process too.
        self._is_behind = not read_only
        self._has_failed = False
        self._wal_pages = 0
        self._is_wiping = False

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Opens, and when writing makes or migrates, the file at `path`.

        StoreMissing (read-only only), NewerSchema, CorruptStore, StoreReadOnly, StoreBusy.
        """
        if not path.exists():
            if read_only:
                raise _missing(str(path))
            cls._make(path)
        if not read_only:
            return cls._opened(path, lambda: connect_writing(path), read_only=False)
        if not os.access(path.parent, os.W_OK):
            return cls._opened(path, lambda: connect_unwritable(path), read_only=True)
        try:
            return cls._opened(path, lambda: connect_reading(path), read_only=True)
        except StoreFull:
            return cls._opened(path, lambda: connect_alone(path), read_only=True)

    @classmethod
    def _opened(
        cls,
        path: Path,
        connect: Callable[[], apsw.Connection],
        *,
        read_only: bool,
        is_new: bool = False,
    ) -> Self:
        try:
            connection = connect()
        except apsw.Error as error:
            _translate(error, str(path))
        database = cls(connection, str(path), read_only=read_only, is_new=is_new)
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _make(cls, path: Path) -> None:
        """A new store under its name whole, or not at all: an empty file is never a new one."""
        fresh = fresh_path(path)
        try:
            # Named as it will be: nobody has heard of the other name.
            cls._opened(path, lambda: connect_making(fresh), read_only=False, is_new=True).close()
            rename_new(fresh, path)
        finally:
            unlink_all(fresh)

    @classmethod
    def temporary(cls) -> Self:
        """A private one that spills to disk and is gone when closed."""
        database = cls(apsw.Connection(""), "a temporary store", read_only=False, is_new=True)
        database._prepare()
        return database

    def close(self) -> None:
        try:
            self._connection.close()
        except apsw.Error as error:
            _translate(error, self._name)

    # -- statements -------------------------------------------------------------------------

    def run(self, sql: str, bindings: Bindings = ()) -> None:
        try:
            self._connection.execute(sql, bindings)
        except _FAILURES as error:
            self._fail(error)

    def run_many(self, sql: str, rows: Iterable[Bindings]) -> None:
        try:
            self._connection.executemany(sql, rows)
        except _FAILURES as error:
            self._fail(error)

    @contextmanager
    def wiping(self) -> Iterator[None]:
        """What is deleted within is overwritten, in the file and (once nobody reads an older state)
        in its log: for secrets and what was said in private."""
        self.run("PRAGMA secure_delete = ON")
        self._is_wiping = True
        try:
            yield
        finally:
            self.run("PRAGMA secure_delete = OFF")

    def row(self, sql: str, bindings: Bindings = ()) -> Row | None:
        """The first row, if any."""
        try:
            return self._connection.execute(sql, bindings).fetchone()
        except _FAILURES as error:
            self._fail(error)

    def value(self, sql: str, bindings: Bindings = ()) -> Any:
        """The first column of the first row; None without one."""
        row = self.row(sql, bindings)
        return None if row is None else row[0]

    def rows(self, sql: str, bindings: Bindings = ()) -> list[Row]:
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except _FAILURES as error:
            self._fail(error)

    def each(self, sql: str, bindings: Bindings = ()) -> Generator[Row, None, None]:
        """Rows one by one; holds a read transaction until it is used up or closed."""
        try:
            yield from self._connection.execute(sql, bindings)
        except _FAILURES as error:
            self._fail(error)

    def _fail(self, error: apsw.Error | UnicodeDecodeError) -> NoReturn:
        if isinstance(error, apsw.IOError):
            self._has_failed = True
        _translate(error, self._name)

    # -- transactions -----------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def begin_write(self, durable: bool) -> None:
        """Takes the writer's place. Once `commit` of a `durable` one returns, it is on the disk,
        and so is every commit before it."""
        if self._has_failed:
            self._write_anew()
        self._set_durable(durable)
        self.run("BEGIN IMMEDIATE")

    def begin_read(self) -> None:
        self.run("BEGIN")

    def commit(self) -> None:
        if self._is_durable and self._is_behind:
            # A commit with nothing to write would sync nothing, and yet acknowledge what earlier
            # ones left to the system to write some time. This always writes a page.
            self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.run("COMMIT")
        self._is_behind = not self._is_durable
        if self._is_wiping:
            self._is_wiping = False
            self._take_in_log("TRUNCATE")
        elif self._wal_pages >= WAL_PAGES_MAX:
            self._take_in_log("PASSIVE")

    def roll_back(self) -> None:
        # Some errors (a full disk) have rolled back already.
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    def _set_durable(self, durable: bool) -> None:
        if durable is not self._is_durable:
            self.run("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
            self._is_durable = durable

    def _note_log(self, _: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _take_in_log(self, how: Literal["PASSIVE", "TRUNCATE"]) -> None:
        """Moves the write-ahead log into the file, as far as readers let it. Not left to SQLite,
        which does it without a word when the disk fails."""
        try:
            self._connection.execute(f"PRAGMA wal_checkpoint({how})")
        except apsw.IOError:
            self._has_failed = True
        except (apsw.FullError, apsw.BusyError):
            # The commit stands, and the log grows until there is room.
            return

    def _write_anew(self) -> None:
        """After the disk has failed. A sync that failed has dropped what it could not write, and
        the next one says that all is well without it: so everything in the write-ahead log is
        written to the file, and a new log begun. StoreError while the disk still fails."""
        is_busy = self.value("PRAGMA wal_checkpoint(TRUNCATE)")
        if is_busy:
            raise _busy(self._name)
        self._has_failed = False
        self._set_durable(True)
        self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def missing(self) -> StoreMissing:
        return _missing(self._name)

    def data_version(self) -> int:
        """Changes when another connection has changed the file; not by what this one does."""
        version: int = self.value("PRAGMA data_version")
        return version

    # -- opening ----------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._connection.set_busy_timeout(limits.STORE_BUSY_MS_MAX)
        version = self._checked_version()
        self.run("PRAGMA trusted_schema = OFF")
        self.run("PRAGMA cell_size_check = ON")
        self.run(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.run("PRAGMA temp_store = MEMORY")
        if self.is_read_only:
            if version < SCHEMA_VERSION:
                raise OutdatedViews(
                    tell(
                        "{name} is of an older version: run a command that writes, "
                        "such as `jangteo reindex`, to bring it up to date",
                        name=self._name,
                    )
                )
            return
        # Without it, INSERT OR REPLACE would delete from the log past its triggers.
        self.run("PRAGMA recursive_triggers = ON")
        if version == 0:
            self.run("PRAGMA journal_mode = WAL")
        self.run(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
        self._connection.set_wal_hook(self._note_log)
        if version < SCHEMA_VERSION:
            self._migrate()

    def _checked_version(self) -> int:
        version, application, table_count = self.rows(
            "SELECT (SELECT user_version FROM pragma_user_version), "
            "(SELECT application_id FROM pragma_application_id), "
            "(SELECT count(*) FROM sqlite_schema)"
        )[0]
        if version > SCHEMA_VERSION:
            raise NewerSchema(
                tell(
                    "{name} was written by a newer version of Jangteo (schema "
                    "{version}, this one knows {schema_version}): update Jangteo; "
                    "nothing was changed",
                    name=self._name,
                    version=version,
                    schema_version=SCHEMA_VERSION,
                )
            )
        is_empty = version == 0 and table_count == 0
        if is_empty and not self._is_new:
            raise CorruptStore(
                tell(
                    "{name} is empty, and no store that was ever made is: move it "
                    "away, and `jangteo sync` brings the market, your own listings "
                    "too",
                    name=self._name,
                )
            )
        if application != APPLICATION_ID and not is_empty:
            raise CorruptStore(
                tell(
                    "{name} is a database of another program: move it away or choose "
                    "another --home",
                    name=self._name,
                )
            )
        return int(version)

    def _migrate(self) -> None:
        """Each migration and its number in one transaction: it is whole or it never was."""
        while True:
            self.begin_write(durable=True)
            try:
                # Read again within: another process may have been first.
                version = self._checked_version()
                if version == SCHEMA_VERSION:
                    self.roll_back()
                    return
                self.run(Path(__file__).with_name(_MIGRATIONS[version]).read_text())
                self.run(f"PRAGMA application_id = {APPLICATION_ID}")
                self.run(f"PRAGMA user_version = {version + 1}")
                self.run("COMMIT")
            except BaseException:
                self.roll_back()
                raise


def _missing(name: str) -> StoreMissing:
    """Nothing is kept there, or its first process has not finished making it."""
    return StoreMissing(
        tell("no store at {name}: `jangteo init` or `jangteo up` makes one", name=name)
    )


def _busy(name: str) -> StoreBusy:
    return StoreBusy(
        tell("another process is writing {name}: wait for it to finish and try again", name=name)
    )


def _full(name: str) -> StoreFull:
    return StoreFull(
        tell(
            "no space left for {name}: free some and try again; nothing was half stored", name=name
        )
    )


def _is_full(folder: Path) -> bool:
    """Whether a disk that failed did so for want of room: not every call of SQLite's tells."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize < _ROOM_BYTES_MIN


def _translate(error: apsw.Error | UnicodeDecodeError, name: str) -> NoReturn:
    """The world's errors by what a person can do; ours (SQL, constraints) pass as they are."""
    match error:
        # What we ask for stands in the schema: where it does not, its text on the disk was changed.
        case apsw.SQLError() if not str(error).startswith("no such "):
            raise error
        case apsw.CorruptError() | apsw.NotADBError() | apsw.SQLError() | UnicodeDecodeError():
            raise CorruptStore(
                tell(
                    "{name} is damaged ({error}): keep a copy, move it away, then "
                    "`jangteo restore` brings back the identity and `jangteo sync` "
                    "the market",
                    name=name,
                    error=error,
                )
            ) from error
        case apsw.FullError():
            raise _full(name) from error
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
            raise unwritable(name, str(error)) from error
        case apsw.BusyError() | apsw.LockedError():
            raise _busy(name) from error
        case apsw.IOError() if _is_full(Path(name).parent):
            raise _full(name) from error
        case apsw.IOError():
            raise StoreError(
                tell(
                    "the disk failed while {name} was used ({error}): check the "
                    "disk, then `jangteo verify`",
                    name=name,
                    error=error,
                )
            ) from error
        case _:
            raise error
