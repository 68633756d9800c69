"""Files by the hash of what is in them: whole and verified, or not there."""

import hashlib
import os
from pathlib import Path

import pytest

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.desk_error import DeskError

DATA = b"a photo" * 100
HASH = hashlib.sha256(DATA).digest()


@pytest.fixture
def folder(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


def test_a_blob_is_put_and_read(folder: BlobFolder) -> None:
    assert not folder.has(HASH) and not folder.is_sound(HASH)
    assert folder.put(DATA) == HASH
    assert folder.put(DATA) == HASH
    assert folder.has(HASH) and folder.is_sound(HASH)
    assert folder.read(HASH) == DATA
    assert folder.read(HASH, 3, 4) == DATA[3:7]
    assert folder.path(HASH).stat().st_mode & 0o777 == 0o600
    folder.drop(HASH)
    assert not folder.has(HASH)


def test_it_comes_in_parts_and_goes_on_where_it_stopped(folder: BlobFolder) -> None:
    folder.append(HASH, 0, DATA[:300])
    assert folder.part_size(HASH) == 300 and not folder.has(HASH)
    folder.append(HASH, 250, DATA[250:])
    assert folder.finish(HASH)
    assert folder.read(HASH) == DATA and folder.part_size(HASH) == 0


def test_what_is_not_it_is_dropped(folder: BlobFolder) -> None:
    folder.append(HASH, 0, DATA[:-1] + b"x")
    assert not folder.finish(HASH)
    assert not folder.has(HASH) and folder.part_size(HASH) == 0


def test_a_changed_file_is_noticed(folder: BlobFolder) -> None:
    folder.put(DATA)
    folder.path(HASH).write_bytes(DATA[:-1] + b"x")
    assert folder.has(HASH) and not folder.is_sound(HASH)


def test_a_link_is_not_written_through(folder: BlobFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    folder.append(HASH, 0, b"")
    part = folder.path(HASH).with_name(HASH.hex() + ".part")
    part.unlink()
    part.symlink_to(other)
    with pytest.raises(DeskError, match="cannot write"):
        folder.append(HASH, 0, DATA)
    assert other.read_bytes() == b""


def test_all_files_are_listed_and_others_are_not(folder: BlobFolder, tmp_path: Path) -> None:
    assert list(folder.files()) == []
    folder.put(DATA)
    other = hashlib.sha256(b"other").digest()
    folder.append(other, 0, b"o")
    (folder.path(HASH).parent / "note.txt").touch()
    assert {(hash, is_whole) for hash, is_whole, _ in folder.files()} == {
        (HASH, True),
        (other, False),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DeskError, match="cannot make"):
        BlobFolder(tmp_path / "blobs").put(DATA)


def test_many_are_put_at_once(folder: BlobFolder, tmp_path: Path) -> None:
    many = [bytes([number]) * 1000 for number in range(50)]
    folder.put(many[0])
    folder.put_all(many)
    assert all(folder.is_sound(hashlib.sha256(each).digest()) for each in many)
    assert len(list(tmp_path.rglob("*.new"))) == 0
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("blobs/*/*")} == {0o600}
    (tmp_path / "blobs").rename(tmp_path / "away")
    (tmp_path / "blobs").write_text("no folder")
    with pytest.raises(DeskError, match="cannot make"):
        folder.put_all(many)
