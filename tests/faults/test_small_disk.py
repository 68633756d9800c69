"""A real disk of two megabytes that fills up or turns read-only, under real commands and a node.

Needs root on Linux, for a tmpfs of its own.
"""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.cli_runner import Person, Said
from tests.interop.test_two_processes import Node

pytestmark = pytest.mark.slow
UP = ("up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a tmpfs needs root on Linux")
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this container allows no tmpfs")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not one byte is left meanwhile."""
    path = disk / "other things"
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def refused(said: Said, told: str) -> None:
    assert said.code == 1, said
    assert told in said.err and "Traceback" not in said.err and "unexpected" not in said.err
    assert len(said.err.splitlines()) <= 2, said.err


def test_a_home_on_a_full_disk_is_read_on_and_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    hana = Person(disk / "home")
    hana.types("init")
    lamp = hana.sells("lamp")
    photo = tmp_path / "photo.png"
    Image.new("RGB", (60, 40), "red").save(photo)
    with filled(disk):
        refused(
            hana.types("sell", "desk", "--price", "free", "--photo", str(photo)), "No space left"
        )
        assert not [path for path in hana.home.glob("blobs/*/*") if path.stat().st_size]
        assert [row["title"] for row in hana.json("search", "lamp").rows] == ["lamp"]
        assert hana.json("show", lamp["id"]).row["id"] == lamp["id"]
        assert hana.types().code == 0
        assert hana.types("verify").code == 0
        for words in (("sell", "desk", "--price", "free"), UP, ("withdraw", lamp["id"])):
            refused(hana.types(*words), "space left")
        refused(hana.types("config", "set", "currency", "KRW"), "No space left")
        assert [row["title"] for row in hana.json("search", "lamp").rows] == ["lamp"]
    hana.sells("desk", "free", "--photo", str(photo))
    assert hana.json("verify").row["ok"]
    assert len(hana.json("search").rows) == 2


def test_a_first_start_on_a_full_disk_says_so_and_begins_anew(disk: Path) -> None:
    hana = Person(disk / "home")
    with filled(disk):
        for words in (("init",), UP):
            refused(hana.types(*words), "No space left")
    assert hana.types("init").code == 0
    hana.sells("lamp")
    assert hana.json("verify").row["ok"]


def test_a_node_outlives_a_disk_that_fills_up_under_it(disk: Path) -> None:
    hana = Person(disk / "home")
    node = Node(hana.home)
    try:
        hana.sells("lamp")
        with filled(disk):
            for _ in range(20):  # what was given to the log already takes the first ones
                said = hana.types("sell", "desk", "--price", "free")
                if said.code:
                    break
            refused(said, "no space left")
            assert [row["title"] for row in hana.json("search", "lamp").rows] == ["lamp"]
            assert hana.types("status").code == 0
        hana.sells("chair")
        assert node.stop() == 0
    finally:
        if node.process.poll() is None:
            node.stop(signal.SIGKILL)
    assert hana.json("verify").row["ok"]
    assert {"lamp", "chair"} <= {row["title"] for row in hana.json("search").rows}


@pytest.mark.parametrize("is_killed", [False, True], ids=["after an orderly end", "after a kill"])
def test_a_home_that_turned_read_only_is_read_whole(disk: Path, is_killed: bool) -> None:
    hana = Person(disk / "home")
    node = Node(hana.home)
    lamp = hana.sells("lamp")
    node.stop(signal.SIGKILL if is_killed else signal.SIGTERM)
    with read_only(disk):
        assert [row["title"] for row in hana.json("search", "lamp").rows] == ["lamp"]
        assert hana.json("show", lamp["id"]).row["id"] == lamp["id"]
        assert hana.types().code == 0
        assert hana.types("verify").code == 0
        for words in (("sell", "desk", "--price", "free"), UP, ("sold", lamp["id"])):
            refused(hana.types(*words), "Read-only file system")
    assert hana.json("sold", lamp["id"]).code == 0
    assert hana.json("verify").row["ok"]
