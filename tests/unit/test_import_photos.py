"""Photos that a file of listings names: only what lies beside it, no address, so many."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.desk_error import DeskError
from jangteo.node.import_cell import read_photo_names
from jangteo.node.import_photos import bring_named, names_in
from jangteo.protocol import limits
from tests.desk_maker import Stall, stall


def picture(path: Path, colour: str = "red") -> Path:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(file, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())
    return path


def brought(ana: Stall, path: Path) -> tuple[dict[str, Any], list[str]]:
    """The photos that are, and why others are not."""
    photos, wrong = {}, []
    for name, photo in bring_named(ana.home, path, names_in(path, "auto", None), is_dry=False):
        if isinstance(photo, dict):
            photos[name] = photo
        else:
            wrong.append(str(photo))
    return photos, wrong


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("", ()),
        ("a.jpg", ("a.jpg",)),
        (" a.jpg ; more/b c.png|a.jpg;", ("a.jpg", "more/b c.png")),
        ("사진 1.jpg\n2.jpg", ("사진 1.jpg", "2.jpg")),
        ("https://example.org/a.jpg", ()),
        ("a.jpg; http://example.org/b.jpg", ()),
        ("file:///etc/passwd", ()),
        ("x" * 1000, ("x" * 255,)),
    ],
)
def test_a_cell_names_files_or_an_address(cell: str, names: tuple[str, ...]) -> None:
    assert read_photo_names(cell) == names


def test_a_csv_brings_the_photos_beside_it(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        picture(tmp_path / "a.png")
        picture(tmp_path / "more" / "b.png", "blue")
        text = "title,photo\nLamp,a.png;more/b.png\nDesk,https://example.org/x.jpg\nSofa,none.png\n"
        path = tmp_path / "goods.csv"
        path.write_text(text)
        photos, wrong = brought(ana, path)
        assert list(photos) == ["a.png", "more/b.png"]
        assert len(wrong) == 1 and "none.png" in wrong[0]
        lamp, desk, sofa, summary = ana.import_text("goods.csv", text, photos=photos)
        assert (lamp["warnings"], desk["warnings"]) == ([], [])
        assert sofa["warnings"] == ["a photo left out"]
        shown = ana.call("show", id=lamp["id"])["listing"]
        assert shown["photos"] == list(photos.values()) and shown["url"] == ""
        assert ana.call("show", id=desk["id"])["listing"]["url"] == "https://example.org/x.jpg"
        assert summary["created"] == 3
        again = ana.import_text("goods.csv", text, photos=brought(ana, path)[0])
        assert [row["result"] for row in again[:-1]] == ["unchanged"] * 3
        # Without them nothing is taken away, and it is said how they come.
        lamp = ana.import_text("goods.csv", text)[0]
        assert lamp["result"] == "unchanged" and "--photos" in lamp["warnings"][0]
        assert len(ana.call("show", id=lamp["id"])["listing"]["photos"]) == 2


def test_json_lines_name_one_or_many(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        picture(tmp_path / "a.png")
        picture(tmp_path / "b.png", "blue")
        text = (
            '{"title": "Lamp", "photo": "a.png"}\n{"title": "Desk", "photo": ["a.png", "b.png"]}\n'
            '{"title": "Sofa", "photo": 5}\n'
        )
        path = tmp_path / "goods.jsonl"
        path.write_text(text)
        photos, wrong = brought(ana, path)
        assert (len(photos), wrong) == (2, [])
        rows = ana.import_text("goods.jsonl", text, photos=photos)[:-1]
        assert [row["result"] for row in rows] == ["created", "created", "failed"]
        counts = [len(ana.call("show", id=row["id"])["listing"]["photos"]) for row in rows[:2]]
        assert counts == [1, 2]


def test_nothing_outside_the_folder_is_opened(tmp_path: Path) -> None:
    secret = picture(tmp_path / "private" / "secret.png")
    shared = tmp_path / "shared"
    picture(shared / "a.png")
    (shared / "link.png").symlink_to(secret)
    (shared / "circle").symlink_to(shared / "circle")
    path = shared / "goods.jsonl"
    names = ("../private/secret.png", str(secret), "link.png", "a\0b", "circle", ".", "x/../../a")
    with stall(tmp_path) as ana:
        path.write_text("")
        told = dict(bring_named(ana.home, path, names, is_dry=False))
        assert all(isinstance(why, str) for why in told.values())
        assert all("not in the folder" in str(told[name]) for name in names[:3])
        assert list(BlobFolder(ana.home.blobs_path).files()) == []


def test_a_dry_run_brings_nothing_in(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        picture(tmp_path / "a.png")
        path = tmp_path / "goods.csv"
        path.write_text("title,photo\nLamp,a.png\n")
        told = dict(bring_named(ana.home, path, ["a.png", "b.png"], is_dry=True))
        assert told["a.png"] is None and "b.png" in str(told["b.png"])
        assert list(BlobFolder(ana.home.blobs_path).files()) == []
        (row,) = ana.import_text("goods.csv", path.read_text(), photos={}, dry_run=True)[:-1]
        assert (row["result"], row["warnings"]) == ("created", [])


def test_of_one_listing_eight_are_taken(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        names = [f"{number}.png" for number in range(9)]
        for number, name in enumerate(names):
            picture(tmp_path / name, f"#0000{number}0")
        path = tmp_path / "goods.csv"
        path.write_text(f"title,photo\nLamp,{'|'.join(names)}\n")
        photos, _ = brought(ana, path)
        (row,) = ana.import_text("goods.csv", path.read_text(), photos=photos)[:-1]
        assert row["warnings"] == ["a photo left out"]
        assert len(ana.call("show", id=row["id"])["listing"]["photos"]) == limits.PHOTOS_MAX


def test_a_file_names_so_many_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "goods.csv"
    path.write_text("title,photo\nLamp,a;b\nDesk,c\n")
    monkeypatch.setattr(limits, "IMPORT_PHOTOS_MAX", 3)
    assert names_in(path, "auto", None) == ["a", "b", "c"]
    monkeypatch.setattr(limits, "IMPORT_PHOTOS_MAX", 2)
    with pytest.raises(DeskError, match="names 3 photos: at most 2"):
        names_in(path, "auto", None)
    with stall(tmp_path) as ana, pytest.raises(DeskError, match="at most 2"):
        ana.import_text("goods.csv", "title\nLamp\n", photos={"a": 1, "b": 2, "c": 3})


@pytest.mark.parametrize("photos", [5, [], {"a": 5}, {"a": "a.jpg"}, {"a": {}}])
def test_what_are_no_photos_is_refused(tmp_path: Path, photos: object) -> None:
    with stall(tmp_path) as ana, pytest.raises(DeskError, match=r"photos are|no photo as"):
        ana.import_text("goods.csv", "title\nLamp\n", photos=photos)
