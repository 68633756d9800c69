"""A home that something happened to: each command says what to do, ends with 1, changes nothing.

Real commands as processes; what may be read is read on.
"""

import hashlib
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jangteo.protocol.envelope import open_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.store.errors import StoreError
from jangteo.store.query import Query
from jangteo.store.store import Store
from tests.cli_runner import Person, Said
from tests.market_maker import NOW_MS, Seller

PASSING = (".db-shm", "lock")
"""The memory that SQLite's readers share, and who holds the home: new with each command."""
FLIPS = int(os.environ.get("JANGTEO_FLIPS", "100")) // 4
Harm = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("whole") / "home"
    person = Person(home)
    assert person.types("init", "--name", "Hana").code == 0
    for number in range(3):
        person.sells(f"bicycle {number}")
    assert person.types("search", "bicycle").code == 0
    return home


@pytest.fixture
def person(whole: Path, tmp_path: Path) -> Person:
    return Person(shutil.copytree(whole, tmp_path / "home"))


def hashes(home: Path) -> dict[str, str]:
    """Of every file that has anything in it."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith(PASSING) and path.stat().st_size
    }


def cut(to: Callable[[int], int]) -> Harm:
    def harm(home: Path) -> None:
        path = home / "jangteo.db"
        os.truncate(path, to(path.stat().st_size))

    return harm


def overwritten(name: str, data: bytes) -> Harm:
    def harm(home: Path) -> None:
        (home / name).write_bytes(data)

    return harm


def newer_schema(home: Path) -> None:
    connection = sqlite3.connect(home / "jangteo.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def newer_views(home: Path) -> None:
    connection = sqlite3.connect(home / "jangteo.db")
    connection.execute("UPDATE tally SET view_version = 99")
    connection.commit()
    connection.close()


def without_key(home: Path) -> None:
    (home / "author.key").unlink()


UP = ("up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
SEARCH = ("search", "bicycle")
SELL = ("sell", "lamp", "--price", "free")
ALL = (SEARCH, SELL, UP)
HARMS: dict[str, tuple[Harm, tuple[tuple[str, ...], ...], str]] = {
    "a newer schema": (newer_schema, ALL, "update Jangteo; nothing was changed"),
    "newer views": (newer_views, ALL, "update Jangteo; nothing was changed"),
    "an empty store": (cut(lambda _: 0), ALL, "is empty.*move it away"),
    "no header": (overwritten("jangteo.db", bytes(65_536)), ALL, "is damaged.*jangteo restore"),
    "text for a store": (overwritten("jangteo.db", b"hello " * 999), ALL, "is damaged|is empty"),
    "half a store": (cut(lambda size: size // 2), ALL, "is damaged.*jangteo restore"),
    "half a page": (cut(lambda _: 2048), ALL, "is damaged.*jangteo restore"),
    "no key": (without_key, (SELL, UP, ("words",), ("init",)), "is missing.*jangteo restore"),
    "an empty key": (overwritten("author.key", b""), (SELL, UP), "cannot be read.*jangteo restore"),
    "half a key": (
        overwritten("author.key", bytes(30)),
        (SELL,),
        "cannot be read.*jangteo restore",
    ),
    "an empty peer key": (overwritten("peer.key", b""), (UP,), "cannot be read.*delete it"),
    "settings that are none": (overwritten("config.toml", b"\x00=["), ALL, r"config\.toml"),
}


def told_in_a_line(said: Said) -> str:
    """What was said on stderr: the error, and perhaps a hint, but never a traceback."""
    lines = [line for line in said.err.splitlines() if not line.startswith("!")]
    assert 1 <= len(lines) <= 2, said.err
    assert "Traceback" not in said.err and "unexpected" not in said.err
    return " ".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARMS)
def test_it_is_told_with_what_to_do_and_nothing_changes(name: str, person: Person) -> None:
    harm, commands, told = HARMS[name]
    harm(person.home)
    before = hashes(person.home)
    for words in commands:
        said = person.types(*words)
        assert said.code in (1, 2), (words, said)
        assert re.search(told, told_in_a_line(said)), (words, said)
        assert hashes(person.home) == before, words


def is_forged(raw: bytes) -> bool:
    """What `verify` looks at besides."""
    try:
        open_record(raw)
    except RemoteProtocolError:
        return True
    return False


def flip(path: Path, dice: random.Random) -> None:
    """Some bytes of a file are changed, one to a whole page of them."""
    data = bytearray(path.read_bytes())
    begin, count = dice.randrange(len(data)), dice.choice((1, 8, 512, 4096))
    data[begin : begin + count] = dice.randbytes(len(data[begin : begin + count]))
    path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_bytes_that_changed_anywhere_are_found_or_do_no_harm(batch: int, tmp_path: Path) -> None:
    """Reading and writing either work or say that the store is damaged; `verify` finds what is
    not as it was signed, unless the bytes were nobody's."""
    seller = Seller.named("the owner")
    path, whole_path = tmp_path / "jangteo.db", tmp_path / "whole.db"
    with Store.open(whole_path, own_author=seller.author) as store, store.write(durable=True):
        store.admit([seller.lists(number, f"Lamp {number}") for number in range(60)], NOW_MS)
    with Store.open(whole_path) as store:
        signed = [raw for _, raw in store.iter_records()]
    refused = found = 0
    for number in range(FLIPS):
        seed = batch * FLIPS + number
        shutil.copy(whole_path, path)
        flip(path, random.Random(seed))  # noqa: S311
        harmed = path.read_bytes()
        try:
            with Store.open(path, own_author=seller.author, read_only=True) as store:
                list(store.search(Query("lamp"), NOW_MS).rows)
                problems = store.check_views()
                found += bool(problems)
                if not problems:
                    raws = [raw for _, raw in store.iter_records()]
                    assert raws == signed or any(map(is_forged, raws)), f"seed {seed}"
        except StoreError as error:
            refused += 1
            assert "\n" not in str(error)
        assert path.read_bytes() == harmed, f"reading changed it, seed {seed}"
        with suppress(StoreError), Store.open(path, own_author=seller.author) as store:
            with store.write(durable=True):
                store.admit([seller.lists(100, "Desk")], NOW_MS)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert refused and found
