"""Where a command is done: reading always here, writing here or through the node that runs.

Knows which of the two it is at this moment; the verbs themselves are the desk's. Loads neither
trio nor a network library, and key libraries only where something is signed.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import told_by
from ..store.errors import OutdatedViews, StoreError, StoreMissing
from .blob_folder import BlobFolder
from .config import Config
from .desk import Desk, Kind, kind_of
from .desk_error import DeskError, needs_node
from .home import Home, HomeInUse, NodeFace
from .home_store import open_store

if TYPE_CHECKING:
    from ..store.store import Store
    from .client import Client

NODE_VERBS: Final = frozenset(("status", "peers", "connect", "sync", "photo", "phone"))
NODE_STREAMS: Final = frozenset(("watch",))
_LOCK_WAIT_MS: Final = 10_000
"""A node that starts holds the lock some seconds before it answers."""
_ATTEMPTS_MAX: Final = 3


def system_now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


class Office:
    """Made by `open_office`. Every method raises DeskError and nothing else."""

    def __init__(
        self,
        home: Home,
        config: Config,
        ask_passphrase: Callable[[], str] | None,
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes],
        environ: Mapping[str, str],
    ) -> None:
        self._home = home
        self._config = config
        self._ask_passphrase = ask_passphrase
        self._now_ms = now_ms
        self._entropy = entropy
        self._environ = environ
        self._open = ExitStack()
        self._reading: Desk | None = None

    @property
    def node(self) -> NodeFace | None:
        """The node that runs on this home, if one does."""
        return self._home.node()

    def call(self, verb: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The result of one verb: an object, with "notices" where there are some."""
        told = self._told(verb, args)
        if verb in NODE_VERBS:
            return self._client(verb).call(verb, told)
        kind = kind_of(verb, told)
        if kind == "read":
            return self._reader().call(verb, told) | self._here(verb)
        for _ in range(_ATTEMPTS_MAX):
            client = self._running()
            if client is not None:
                from .client import NodeGone

                try:
                    return client.call(verb, self._priced(verb, told))
                except NodeGone as error:
                    if error.was_asked or self.node is not None:
                        raise
                    continue
            try:
                with self._writer(kind) as desk:
                    return desk.call(verb, told)
            except HomeInUse:
                if self.node is None:
                    raise
        raise HomeInUse(self._home.path, None, None)

    def stream(
        self, verb: str, args: Mapping[str, Any] | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """The results of one verb as they come. Close it to stop early; what came stands."""
        told = self._told(verb, args)
        if verb in NODE_STREAMS:
            yield from self._client(verb).events()
            return
        kind = kind_of(verb, told, is_stream=True)
        if kind == "read":
            with closing(self._reader().stream(verb, told)) as items:
                yield from items
            return
        client = self._running()
        if client is None:
            try:
                with self._writer(kind) as desk, closing(desk.stream(verb, told)) as items:
                    yield from items
                return
            except HomeInUse:
                client = self._running()
                if client is None:
                    raise
        with closing(client.stream(verb, self._priced(verb, told))) as items:
            yield from items

    def close(self) -> None:
        self._open.close()

    def _told(self, verb: str, args: Mapping[str, Any] | None) -> dict[str, Any]:
        self._home.check()
        if self._home.has_identity:
            self._note_owner()
        told = dict(args or {})
        if verb == "import" and isinstance(told.get("path"), str):
            # The node has another working folder.
            told["path"] = str(Path(told["path"]).absolute())
        return told

    def _priced(self, verb: str, told: dict[str, Any]) -> dict[str, Any]:
        """With the currency of a bare price: the node may have read another one when it started,
        and `config set currency` is for the next command."""
        currency = self._config.currency
        if currency is None:
            return told
        if verb == "import":
            return {"currency": currency} | told
        if not isinstance(told.get("price"), str):
            return told
        from ..protocol.money import parse_price

        try:
            price = parse_price(told["price"], currency)
        except LocalProtocolError:
            return told  # the desk says what is wrong with it
        if price is None or price.is_gift:
            return told
        return told | {"price": {"amount": price.decimal_text, "currency": price.currency}}

    def _note_owner(self) -> None:
        seen_ms, now_ms = self._home.owner.seen_ms(), self._now_ms()
        if seen_ms is None or abs(now_ms - seen_ms) > limits.HOUR_MS:
            # A home on a disk that is full or read-only can still be read; writing says it itself.
            with suppress(DeskError):
                self._home.owner.note_seen(now_ms)

    def _client(self, verb: str) -> "Client":
        client = self._running()
        if client is None:
            raise needs_node(verb)
        return client

    def _running(self) -> "Client | None":
        face = self.node
        if face is None:
            return None
        from .client import Client

        return Client(face)

    def _reader(self) -> Desk:
        if self._reading is None:
            own = self._home.author()
            try:
                store = self._store_to_read(own)
            except StoreError as error:
                raise DeskError("store", told_by(error)) from None
            self._open.callback(store.close)
            self._reading = Desk(
                store,
                None,
                self._config,
                self._now_ms,
                self._entropy,
                own=own,
                owner=self._home.owner if self._home.has_identity else None,
                blobs=BlobFolder(self._home.blobs_path),
            )
        return self._reading

    def _store_to_read(self, own: bytes | None) -> "Store":
        try:
            return open_store(self._home, self._config, own=own, read_only=True)
        except OutdatedViews:
            # The program is newer than the store: the first command makes the views anew, be it a
            # search. Where something keeps it from that, its error is what there is to say.
            with self._home.lock("command", _LOCK_WAIT_MS):
                open_store(self._home, self._config, own=own).close()
            return open_store(self._home, self._config, own=own, read_only=True)
        except StoreMissing:
            # Nothing was ever kept here: an empty store answers, and the home stays untouched.
            folder = self._open.enter_context(TemporaryDirectory())
            return open_store(Home(Path(folder)), self._config, own=own)

    @contextmanager
    def _writer(self, kind: Kind) -> Iterator[Desk]:
        """A desk under the home's lock. HomeInUse where another process keeps it."""
        key = None
        if kind == "sign":
            from .identity import load_author_key

            key = load_author_key(self._home, self._ask_passphrase, self._environ)
        with self._home.lock("command", _LOCK_WAIT_MS):
            own = self._home.author() if key is None else key.public
            try:
                store = open_store(self._home, self._config, own=own)
            except StoreError as error:
                raise DeskError("store", told_by(error)) from None
            with closing(store):
                yield Desk(
                    store,
                    key,
                    self._config,
                    self._now_ms,
                    self._entropy,
                    own=own,
                    owner=self._home.owner,
                    blobs=BlobFolder(self._home.blobs_path),
                )

    def _here(self, verb: str) -> dict[str, Any]:
        """What only the home knows, for the verbs that tell of it."""
        if verb not in ("whoami", "home", "status-local"):
            return {}
        here: dict[str, Any] = {"home": str(self._home.path)}
        if verb == "whoami":
            from .identity import is_sealed

            here["sealed"] = is_sealed(self._home)
        else:
            here["running"] = self.node is not None
        return here


@contextmanager
def open_office(
    home: Home,
    config: Config,
    *,
    ask_passphrase: Callable[[], str] | None = None,
    now_ms: Callable[[], int] = system_now_ms,
    entropy: Callable[[int], bytes] = os.urandom,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Office]:
    """An office for one process's commands. Opens nothing before it is asked for something."""
    office = Office(home, config, ask_passphrase, now_ms, entropy, environ)
    with closing(office):
        yield office
