"""Homes full of goods for benches: made once, copied as often as needed. Knows goods and stores."""

import os
import shutil
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from jangteo.node import identity
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.home_store import open_store
from jangteo.protocol.envelope import Verified
from jangteo.protocol.limits import MIB
from jangteo.protocol.verdict import Admission
from jangteo.store.store import Store
from tests.bench.goods import Goods, Mix

BATCH: Final = 1000
BYTES_MAX: Final = 4096 * MIB
MARKET: Final = "open"
STORE_FILES: Final = ("jangteo.db", "jangteo.db-wal")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fill(store: Store, records: Iterable[Verified], at_ms: int) -> int:
    """Admits them all; how many. RuntimeError if one is not new."""
    rest, count = iter(records), 0
    while batch := list(islice(rest, BATCH)):
        with store.write(durable=False):
            outcomes = store.admit(batch, at_ms)
        if set(outcomes) != {Admission.NEW}:
            raise RuntimeError(f"goods were not all new: {set(outcomes)}")
        count += len(batch)
    return count


def make_home(path: Path, count: int, mix: Mix, *, goods: Goods | None = None) -> Path:
    """A home with an identity and `count` records of other people's."""
    home = Home(path)
    home.make()
    with home.lock("bench"):
        author, _ = identity.ensure(home)
        config = read_config(home, flags={"record_store_mib": BYTES_MAX // MIB})
        with open_store(home, config, own=author) as store:
            goods = goods or Goods(now_ms=now_ms())
            fill(store, goods.records(count, mix), now_ms())
    return path


def add(path: Path, records: Iterable[Verified]) -> int:
    """More records into a home that nothing runs on."""
    home = Home(path)
    with home.lock("bench"), open_store(home, read_config(home), own=None) as store:
        return fill(store, records, now_ms())


def clone(path: Path, to: Path) -> Path:
    """Another node's home with the same store: an identity of its own."""
    home = Home(to)
    home.make()
    with home.lock("bench"):
        identity.ensure(home)
    for name in STORE_FILES:
        if (path / name).exists():
            shutil.copyfile(path / name, to / name)
    return to


def summary(path: Path) -> tuple[int, bytes]:
    """(count, fingerprint) of the market, read beside whoever writes it."""
    with Store.open(Home(path).store_path, read_only=True) as store:
        return store.summary(MARKET)


def settle(path: Path) -> None:
    """Returns when everything committed is on the disk, as a durable commit would."""
    for name in STORE_FILES:
        if (path / name).exists():
            handle = os.open(path / name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def disk_mib(path: Path) -> float:
    return sum((path / name).stat().st_size for name in STORE_FILES if (path / name).exists()) / MIB
