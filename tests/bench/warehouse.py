"""Homes full of goods for benches: made once, copied as often as needed. Knows goods and stores.

As a program (`python -m tests.bench.warehouse SHELF listings:1000000 …`) it makes homes on a shelf.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final, cast

from jangteo.node import identity
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.home_store import open_store
from jangteo.protocol.envelope import Verified
from jangteo.protocol.limits import MIB
from jangteo.protocol.verdict import Admission
from jangteo.store.store import Store
from tests.bench.goods import MIXES, Goods, Mix

BATCH: Final = 1000
BYTES_MAX: Final = 4096 * MIB
MARKET: Final = "open"
STORE_FILES: Final = ("jangteo.db", "jangteo.db-wal")
SOURCES: Final = ("tests/bench/goods.py", "tests/bench/tongues.py", "store/*.py", "store/*.sql")
"""What the bytes of a home's store follow from."""
SHELF_S_MAX: Final = 5 * 86_400
"""How long a home stays on its shelf: its oldest listings live for ten days yet when it is made."""


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


def make_home(path: Path, count: int, mix: Mix) -> Path:
    """A home with an identity and `count` records of other people's."""
    home = _empty_home(path)
    with home.lock("bench"), open_store(home, read_config(home), own=None) as store:
        fill(store, Goods(now_ms=now_ms()).records(count, mix), now_ms())
    return path


def _empty_home(path: Path) -> Home:
    home = Home(path)
    home.make()
    home.config_path.write_text(f"record_store_mib = {BYTES_MAX // MIB}\n", encoding="utf-8")
    with home.lock("bench"):
        identity.ensure(home)
    return home


def shelved(shelf: Path, count: int, mix: Mix) -> Path:
    """Such a home from the shelf, made if it is not there, is old, or the sources have changed.
    It is for copying: whoever starts a node on it or writes in it spoils it for the next."""
    place = shelf / f"{mix}-{count}-{_digest()}"
    if place.exists() and time.time() - place.stat().st_mtime < SHELF_S_MAX:
        return place
    shelf.mkdir(parents=True, exist_ok=True)
    (shelf / ".gitignore").write_text("*\n", encoding="utf-8")
    for old in shelf.glob(f"{mix}-{count}-*"):
        shutil.rmtree(old)
    # Whole or not there at all, should somebody interrupt it.
    with tempfile.TemporaryDirectory(dir=shelf) as temporary:
        make_home(Path(temporary) / "home", count, mix).rename(place)
    os.utime(place)
    return place


def _digest() -> str:
    root = Path(__file__).resolve().parents[2]
    files = sorted(path for pattern in SOURCES for path in root.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]


def add(path: Path, records: Iterable[Verified]) -> int:
    """More records into a home that nothing runs on."""
    home = Home(path)
    with home.lock("bench"), open_store(home, read_config(home), own=None) as store:
        return fill(store, records, now_ms())


def clone(path: Path, to: Path) -> Path:
    """Another node's home with the same store: an identity of its own."""
    _empty_home(to)
    for name in STORE_FILES:
        if (path / name).exists():
            shutil.copyfile(path / name, to / name)
    settle(to)  # or the system does so while something is measured
    return to


def move(path: Path, to: Path) -> Path:
    """As `clone`, in no time; the home at `path` is gone."""
    _empty_home(to)
    for name in STORE_FILES:
        if (path / name).exists():
            (path / name).rename(to / name)
    shutil.rmtree(path)
    return to


def add_shelf(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--folder", type=Path, help="of homes that are kept and used again; else they are temporary"
    )


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


def main() -> None:
    shelf, *wanted = sys.argv[1:]
    for each in wanted:
        mix, _, count = each.partition(":")
        if mix not in MIXES:
            raise SystemExit(f"no goods are {mix}; there are: {' '.join(MIXES)}")
        began = time.monotonic()
        shelved(Path(shelf), int(count), cast(Mix, mix))
        print(f"  {each}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
