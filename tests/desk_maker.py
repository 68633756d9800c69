"""Makes homes with a desk for tests: real keys, a real store, a clock and dice that tests hold."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jangteo.crypto.keys import AuthorKey
from jangteo.node.blob_folder import BlobFolder
from jangteo.node.config import Config, read_config
from jangteo.node.desk import Desk
from jangteo.node.home import Home
from jangteo.node.home_store import open_store
from jangteo.protocol.envelope import Verified
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, key

DAY_MS = 24 * 3600 * 1000


class Moment:
    """A clock that stands until it is moved."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pass_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms


class Dice:
    """Bytes that differ each time and are the same in every run."""

    def __init__(self, name: str = "dice") -> None:
        self._state = name.encode()

    def __call__(self, count: int) -> bytes:
        self._state = hashlib.sha256(self._state).digest()
        return hashlib.shake_128(self._state).digest(count)


def config_of(home: Home, currency: str | None = "KRW") -> Config:
    return read_config(home, flags={"currency": currency}, environ={}, language="C")


class Stall:
    """One person's desk over a store of their own."""

    def __init__(self, folder: Path, name: str = "ana", currency: str | None = "KRW") -> None:
        self.folder = folder
        self.moment = Moment()
        self.home = Home(folder / name)
        self.home.make()
        self.key: AuthorKey = key(name)
        self.config = config_of(self.home, currency)
        self.store: Store = open_store(self.home, self.config, own=self.key.public)
        self.desk = Desk(
            self.store,
            self.key,
            self.config,
            self.moment,
            Dice(f"{name} {self.store.last_arrival()}"),  # another at each opening
            owner=self.home.owner,
            blobs=BlobFolder(self.home.blobs_path),
        )

    def call(self, verb: str, **args: Any) -> dict[str, Any]:
        return self.desk.call(verb, args)

    def sell(self, title: str, price: str = "1000 KRW", **args: Any) -> str:
        """The id of a new listing."""
        sold = self.desk.call("sell", {"title": title, "price": price, **args})
        return str(sold["listing"]["id"])

    def import_text(self, name: str, text: str, **args: Any) -> list[dict[str, Any]]:
        """The rows and, last, the summary of importing a file of this text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        items = list(self.desk.stream("import", {"path": str(path), **args}))
        assert items[0]["event"] == "start"
        return items[1:]

    def titles(self, **args: Any) -> list[str]:
        return sorted(row["title"] for row in self.call("search", limit=1000, **args)["rows"])

    def give(self, other: "Stall", records: list[Verified]) -> None:
        """Records of ours arrive at another's."""
        with other.store.write(durable=False):
            other.store.admit(records, other.moment())

    def close(self) -> None:
        self.store.close()


@contextmanager
def stall(folder: Path, name: str = "ana", currency: str | None = "KRW") -> Iterator[Stall]:
    made = Stall(folder, name, currency)
    try:
        yield made
    finally:
        made.close()


def meet(at: Stall, *names: str) -> dict[str, Seller]:
    """People who each have a profile and one listing at somebody's."""
    sellers = {name: Seller.named(name) for name in names}
    with at.store.write(durable=False):
        for name, seller in sellers.items():
            at.store.admit([seller.is_called(name), seller.lists(1, f"{name}'s")], at.moment())
    return sellers
