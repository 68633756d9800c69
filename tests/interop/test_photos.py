"""Photos between real nodes as real processes over real libp2p: thumbnails come along, full photos
when somebody looks, and a seller that is off is no loss.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.home import Home
from jangteo.store.store import Store
from tests.blob_maker import pictured_goods, stock
from tests.interop.test_two_processes import PATIENCE_S, Json, Node, running


def noisy_picture(path: Path, side: int = 800) -> Path:
    """Noise: what the press makes of it is large."""
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(path, quality=90)
    return path


def until_here(node: Node, hashes: list[bytes]) -> None:
    folder = BlobFolder(Home(node.home).blobs_path)
    deadline = time.monotonic() + PATIENCE_S
    while not all(folder.is_sound(each) for each in hashes):
        assert time.monotonic() < deadline, node.log.read_text()


def hashes_of(listing: Json, name: str) -> list[bytes]:
    return [bytes.fromhex(photo[name]) for photo in listing["photos"]]


def is_here(node: Node, hashes: list[bytes]) -> list[bool]:
    folder = BlobFolder(Home(node.home).blobs_path)
    return [folder.has(each) for each in hashes]


@pytest.mark.slow
def test_photos_come_from_who_has_looked_when_their_seller_is_off(tmp_path: Path) -> None:
    files = [str(noisy_picture(tmp_path / f"{n}.jpg")) for n in range(2)]
    with running(tmp_path / "bob") as bob:
        with running(tmp_path / "ann", bob.address) as ann:
            bob.wait_for(lambda event: event["event"] == "peer")
            (sold,) = ann.run(
                "sell", "자전거", "--price", "95000 KRW", "--photo", files[0], "--photo", files[1]
            )
            full, thumbs = hashes_of(sold, "hash"), hashes_of(sold, "thumb")
            bob.wait_title("자전거")
            until_here(bob, thumbs)
            assert is_here(bob, full) == [False, False]
            bob.run("photos", sold["id"], "--output", str(tmp_path / "seen"))
            assert is_here(bob, full) == [True, True]
            assert len(list((tmp_path / "seen").iterdir())) == 2
            (status,) = ann.run("status")
            assert status["photo_exchange"]["served"] == 4
            assert ann.stop() == 0
        with running(tmp_path / "cho", bob.address) as cho:
            cho.wait_title("자전거")
            until_here(cho, thumbs)
            cho.run("photos", sold["id"], "--output", str(tmp_path / "also"))
            assert is_here(cho, full) == [True, True]
            assert cho.stop() == 0
        assert bob.stop() == 0
    with Store.open(Home(tmp_path / "cho").store_path, read_only=True) as store:
        assert store.blobs.here(full + thumbs) == set(full + thumbs)


@pytest.mark.slow
def test_photos_come_whole_though_both_nodes_are_killed_again_and_again(tmp_path: Path) -> None:
    goods = pictured_goods(40, thumb_bytes=9_000, photo_bytes=500_000)
    stock(tmp_path / "ann", goods)
    full = [each.photo.hash for each in goods]
    wait_s = 0.0
    for _ in range(6):
        wait_s += 0.06
        with running(tmp_path / "ann") as ann, running_all(tmp_path / "bob", ann.address) as bob:
            folder = BlobFolder(Home(bob.home).blobs_path)
            deadline = time.monotonic() + PATIENCE_S
            while not list(folder.files()) and time.monotonic() < deadline:
                pass
            deadline = time.monotonic() + wait_s
            while time.monotonic() < deadline:
                pass
            bob.stop(signal.SIGKILL)
            ann.stop(signal.SIGKILL)
        # What has its name is whole, whenever the node was killed.
        assert all(folder.is_sound(each) for each, is_whole, _ in folder.files() if is_whole)
    with running(tmp_path / "ann") as ann, running_all(tmp_path / "bob", ann.address) as bob:
        until_here(bob, full)
        assert bob.stop() == 0
    assert all(is_whole for _, is_whole, _ in folder.files())


@contextmanager
def running_all(home: Path, *peers: str) -> Iterator[Node]:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "config.toml").write_text('photos = "all"\n')
    with running(home, *peers) as node:
        yield node
