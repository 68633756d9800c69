"""The home folder: its files, its lock, and whether a node runs on it.

Knows names, modes and locks; nothing of keys or records.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ..protocol.told import tell
from .desk_error import DeskError
from .owner import OwnerState
from .private_file import FOLDER_MODE, check_private, read_private, sync_folder, write_private

ENVIRONMENT_HOME: Final = "JANGTEO_HOME"
LOCK_WAIT_MS: Final = 5_000
_LOCK_POLL_SECONDS: Final = 0.05
_LOCK_BYTES_MAX: Final = 200
# What reading a damaged file of ours may raise: brackets without end and Infinity are JSON here.
_NO_JSON: Final = (ValueError, KeyError, TypeError, RecursionError, OverflowError)

Holder = Literal["node", "command"]


class HomeInUse(DeskError):
    """Another process holds the home's lock; `pid` is its, None if it has not said yet."""

    def __init__(self, path: Path, pid: int | None, holder: Holder | None) -> None:
        if pid is None:
            message = tell("this home is in use by another process: {path}", path=path)
        elif holder == "node":
            message = tell("this home is in use by PID {pid} (a node): {path}", pid=pid, path=path)
        else:
            message = tell(
                "this home is in use by PID {pid} (another command): {path}", pid=pid, path=path
            )
        super().__init__(
            "home-in-use",
            message,
            tell("stop it first, or choose another home with --home"),
        )
        self.pid = pid
        self.holder = holder


@dataclass(frozen=True, slots=True)
class NodeFace:
    """Where a running node answers: `url` is http://127.0.0.1:PORT."""

    url: str
    token: str = field(repr=False)
    pid: int


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that need not exist yet; nothing is touched until a method says so."""

    path: Path

    @property
    def author_key_path(self) -> Path:
        return self.path / "author.key"

    @property
    def author_path(self) -> Path:
        """The public half, so that reading needs no key and no passphrase."""
        return self.path / "author.pub"

    @property
    def peer_key_path(self) -> Path:
        return self.path / "peer.key"

    @property
    def store_path(self) -> Path:
        return self.path / "jangteo.db"

    @property
    def blobs_path(self) -> Path:
        return self.path / "blobs"

    @property
    def config_path(self) -> Path:
        return self.path / "config.toml"

    @property
    def node_path(self) -> Path:
        return self.path / "node.json"

    @property
    def open_path(self) -> Path:
        return self.path / "open.html"

    @property
    def lock_path(self) -> Path:
        return self.path / "lock"

    @property
    def owner(self) -> OwnerState:
        return OwnerState(self.path / "state.json")

    @property
    def exists(self) -> bool:
        return self.path.is_dir()

    @property
    def has_identity(self) -> bool:
        return self.author_key_path.exists()

    @property
    def has_lost_key(self) -> bool:
        """There was an identity, since a store is made after it; its key is not there any more."""
        return not self.has_identity and self.author_path.exists() and self.store_path.exists()

    def check(self) -> None:
        """DeskError where the folder is no folder, another's, or open to others."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise DeskError(
                "home",
                tell(
                    "cannot open the home {path}: {strerror}",
                    path=self.path,
                    strerror=error.strerror,
                ),
            ) from None
        if not self.path.is_dir():
            raise DeskError("home", tell("the home {path} is not a folder", path=self.path))
        try:
            check_private(self.path, status, FOLDER_MODE)
        except DeskError:
            if self._is_foreign():
                # The mode is as it should be; that it is not closed says that it is no home.
                raise DeskError(
                    "home",
                    tell(
                        "{path} is no home of this program's: it has other things in it",
                        path=self.path,
                    ),
                    tell("choose a folder of its own with --home; it is made if it is not there"),
                ) from None
            raise

    def _is_foreign(self) -> bool:
        """Somebody else's folder, by what is in it: what has to be closed then is not it."""
        try:
            names = {path.name for path in self.path.iterdir()}
        except OSError:
            return True
        ours = (self.author_key_path, self.author_path, self.store_path, self.config_path)
        return bool(names) and not names & {path.name for path in ours}

    def make(self) -> None:
        """The folder, mode 0700, if it is not there; DeskError as `check` raises it."""
        try:
            fresh = [path for path in (self.path, *self.path.parents) if not path.exists()]
            self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise DeskError(
                "home",
                tell(
                    "cannot make the home {path}: {strerror}",
                    path=self.path,
                    strerror=error.strerror,
                ),
            ) from None
        for path in fresh:
            # A key that is on the disk is lost with a folder that is not.
            with suppress(OSError):  # a folder above it may not be for us to open
                sync_folder(path.parent)
        self.check()

    def author(self) -> bytes | None:
        """The public key of this home's identity, 32 bytes; None where there is none."""
        try:
            public = bytes.fromhex(self.author_path.read_text(encoding="ascii").strip())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise DeskError(
                "home",
                tell(
                    "cannot read {author_path}: {strerror}",
                    author_path=self.author_path,
                    strerror=error.strerror,
                ),
            ) from None
        return public if len(public) == 32 else None

    @contextmanager
    def lock(self, holder: Holder, wait_ms: int = LOCK_WAIT_MS) -> Iterator[None]:
        """Holds the home alone; the lock dies with the process. HomeInUse after `wait_ms`, and at
        once where a node that answers holds it."""
        self.make()
        try:
            descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DeskError(
                "home",
                tell(
                    "cannot lock the home {path}: {strerror}",
                    path=self.path,
                    strerror=error.strerror,
                ),
            ) from None
        try:
            deadline = time.monotonic() + wait_ms / 1000
            while not _try_flock(descriptor):
                if time.monotonic() >= deadline or self.node() is not None:
                    pid, by = self._lock_holder()
                    raise HomeInUse(self.path, pid, by)
                time.sleep(_LOCK_POLL_SECONDS)
            try:
                # Nobody else holds the lock, so whatever node wrote this is gone.
                self.node_path.unlink(missing_ok=True)
                told = json.dumps({"pid": os.getpid(), "holder": holder}).encode()
                os.pwrite(descriptor, told.ljust(_LOCK_BYTES_MAX), 0)
            except OSError as error:
                raise DeskError(
                    "home",
                    tell(
                        "cannot write in the home {path}: {strerror}",
                        path=self.path,
                        strerror=error.strerror,
                    ),
                ) from None
            yield
        finally:
            os.close(descriptor)

    def write_node(self, face: NodeFace) -> None:
        """Tells commands where the node answers. Only under the lock."""
        told = {"api": face.url, "token": face.token, "pid": face.pid}
        write_private(self.node_path, json.dumps(told).encode(), is_durable=False)

    def forget_node(self) -> None:
        self.node_path.unlink(missing_ok=True)
        self.open_path.unlink(missing_ok=True)

    def write_open(self, page: str) -> None:
        """What a browser is started with, for the owner's eyes only (`page` is HTML)."""
        write_private(self.open_path, page.encode(), is_durable=False)

    def node(self) -> NodeFace | None:
        """The node that runs on this home. What a crashed one left behind is no node: the lock
        must be held, and by the process that wrote the file."""
        try:
            told = json.loads(read_private(self.node_path))
            face = NodeFace(str(told["api"]), str(told["token"]), int(told["pid"]))
        except (FileNotFoundError, *_NO_JSON):
            return None
        pid, holder = self._lock_holder()
        return face if self.is_locked() and holder == "node" and pid == face.pid else None

    def is_locked(self) -> bool:
        """Whether a process holds this home (this one included)."""
        try:
            # For reading, so that a home on a medium that cannot be written can be asked too.
            descriptor = os.open(self.lock_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DeskError(
                "home",
                tell(
                    "cannot look at {lock_path}: {strerror}",
                    lock_path=self.lock_path,
                    strerror=error.strerror,
                ),
            ) from None
        try:
            # Shared, so that two commands that only look do not see each other.
            return not _try_flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _lock_holder(self) -> tuple[int | None, Holder | None]:
        try:
            with self.lock_path.open("rb") as file:
                told = json.loads(file.read(_LOCK_BYTES_MAX))
            return int(told["pid"]), "node" if told["holder"] == "node" else "command"
        except (OSError, *_NO_JSON):
            return None, None


def default_home(environ: Mapping[str, str], user_folder: Callable[[], Path] | None = None) -> Home:
    """JANGTEO_HOME, else the platform's place for an application's data."""
    if told := environ.get(ENVIRONMENT_HOME):
        return Home(Path(told).expanduser().absolute())
    return Home((user_folder or _platform_folder)())


def _platform_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("jangteo", appauthor=False)


def _try_flock(descriptor: int, mode: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
