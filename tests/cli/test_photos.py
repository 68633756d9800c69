"""Photos on the command line: put up, looked at, written out, taken away; and what is no photo."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.cli_runner import Person
from tests.interop.test_two_processes import Node

SECRET = b"37.5663N 126.9779E"


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """In a home that has an identity and nothing else."""
    someone = Person(tmp_path / "home")
    someone.types("init", "--name", "Ana")
    return someone


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (60, 40)) -> str:
    """A photo that says in its file where it was taken."""
    told = Image.Exif()
    told[0x010E] = SECRET.decode()
    Image.new("RGB", size, colour).save(path, "JPEG", exif=told)
    assert SECRET in path.read_bytes()
    return str(path)


def blobs(person: Person) -> list[Path]:
    return [path for path in person.home.glob("blobs/*/*") if path.is_file()]


def test_photos_are_put_up_looked_at_and_written_out(person: Person, tmp_path: Path) -> None:
    red, blue = picture(tmp_path / "a.jpg"), picture(tmp_path / "b.png", "blue", (2000, 1000))
    said = person.json("sell", "Bike", "--price", "5 USD", "--photo", red, "--photo", blue)
    assert said.code == 0
    one, two = said.row["photos"]
    assert (one["width"], one["height"], two["width"], two["height"]) == (60, 40, 1600, 800)
    assert SECRET.decode() not in said.out
    assert all(SECRET not in file.read_bytes() for file in person.home.rglob("*") if file.is_file())
    listing_id = said.row["id"]
    shown = person.types("show", listing_id).out
    assert "photo 1: 60x40, " in shown and "photo 2: 1600x800, " in shown
    out = tmp_path / "new" / "folder"
    rows = person.json("photos", listing_id, "--output", str(out)).rows
    assert [row["here"] for row in rows] == [True, True]
    for row, photo in zip(rows, (one, two), strict=True):
        file = Path(row["path"])
        assert file.stat().st_size == photo["size"]
        image = Image.open(io.BytesIO(file.read_bytes()))
        assert (image.format, image.size) == ("WEBP", (photo["width"], photo["height"]))
    listed = person.types("photos", listing_id)
    assert listed.code == 0 and "1: 60x40" in listed.out and ", here" in listed.out


def test_edit_adds_takes_away_and_replaces(person: Person, tmp_path: Path) -> None:
    red, blue = picture(tmp_path / "a.jpg"), picture(tmp_path / "b.jpg", "blue")
    listing_id = person.sells("Bike", "5 USD", "--photo", red)["id"]
    more = person.json("edit", listing_id, "--photo", blue).row["photos"]
    assert len(more) == 2
    anew = person.json("edit", listing_id, "--no-photos", "--photo", blue).row["photos"]
    assert anew == more[1:]
    assert person.json("edit", listing_id, "--no-photos").row["photos"] == []
    said = person.types("photos", listing_id)
    assert (said.code, said.out) == (0, "") and "no photos" in said.err


def test_one_file_named_twice_is_there_once(person: Person, tmp_path: Path) -> None:
    red = picture(tmp_path / "a.jpg")
    said = person.types("sell", "Bike", "--price", "5 USD", "--photo", red, "--photo", red)
    assert said.code == 0 and "twice" in said.err
    assert said.out.count("photo ") == 1 and len(blobs(person)) == 2


def test_what_is_no_photo_is_one_line_and_nothing_is_put_up(person: Person, tmp_path: Path) -> None:
    good = picture(tmp_path / "good.jpg")
    text, cut, empty = tmp_path / "text.jpg", tmp_path / "cut.jpg", tmp_path / "empty.png"
    text.write_text("<svg onload='alert(1)'/>")
    cut.write_bytes(Path(good).read_bytes()[:-200])
    empty.touch()
    for wrong, why in (
        ([str(tmp_path / "missing.jpg")], "cannot read the photo"),
        ([str(tmp_path)], "cannot read the photo"),
        ([str(text)], "text.jpg is no photo: JPEG, PNG, WebP and GIF"),
        ([str(cut)], "cut.jpg is damaged"),
        ([str(empty)], "empty.png is empty"),
        ([good, str(text)], "is no photo"),
        ([good] * 9, "9 photos: at most 8"),
        ([""], "photo"),
        (["https://example.org/a.jpg"], "cannot read the photo"),
    ):
        options = [word for path in wrong for word in ("--photo", path)]
        said = person.types("sell", "Bike", "--price", "5 USD", *options)
        assert (said.code, said.out) == (2, ""), said
        assert why in said.err.splitlines()[-1] or why in said.err, said
        assert "Traceback" not in said.err
    assert person.json("search").rows == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_photo_of_somebody_else_s_is_said(person: Person, tmp_path: Path) -> None:
    path = Path(picture(tmp_path / "a.jpg"))
    path.chmod(0)
    said = person.types("sell", "Bike", "--price", "5 USD", "--photo", str(path))
    assert said.code == 2 and "cannot read the photo" in said.err


def test_without_an_identity_no_photo_is_brought_in(tmp_path: Path) -> None:
    nobody = Person(tmp_path / "home")
    said = nobody.types("sell", "Bike", "--price", "5 USD", "--photo", picture(tmp_path / "a.jpg"))
    assert said.code != 0 and "jangteo init" in said.err
    assert blobs(nobody) == []


def test_where_photos_cannot_be_kept_nothing_is_put_up(person: Person, tmp_path: Path) -> None:
    (person.home / "blobs").write_text("a file where the folder would be")
    red = picture(tmp_path / "a.jpg")
    said = person.types("sell", "Bike", "--price", "5 USD", "--photo", red)
    assert said.code == 1 and "cannot make" in said.err and said.out == ""
    assert person.json("search").rows == []


def test_where_photos_cannot_be_written_out_it_is_said(person: Person, tmp_path: Path) -> None:
    listing_id = person.sells("Bike", "5 USD", "--photo", picture(tmp_path / "a.jpg"))["id"]
    said = person.types("photos", listing_id, "--output", str(tmp_path / "a.jpg"))
    assert said.code == 1 and "cannot write" in said.err
    for path in blobs(person):
        path.unlink()
    said = person.types("photos", listing_id, "--output", str(tmp_path / "out"))
    assert said.code == 1 and "not here" in said.out and "`" in said.err
    assert not list((tmp_path / "out").glob("*"))


def test_a_backup_and_an_export_keep_photos(person: Person, tmp_path: Path) -> None:
    listing = person.sells("Bike", "5 USD", "--photo", picture(tmp_path / "a.jpg"))
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    words = {"JANGTEO_PASSPHRASE_FILE": str(secret)}
    saved = person.json("backup", str(tmp_path / "saved"), **words)
    assert saved.row["photos_left_out"] == 0
    again = Person(tmp_path / "again")
    said = again.json("restore", str(tmp_path / "saved"), "--wait", "0", **words)
    assert said.row["photos"] == 2, said
    shown = again.json("show", listing["id"]).row
    assert shown["photos"] == listing["photos"]
    assert again.json("photos", listing["id"]).row["here"]
    assert again.json("verify").row["photos"] == []
    exported = tmp_path / "mine.jsonl"
    again.types("export", "--mine", "--output", str(exported))
    assert again.json("import", str(exported)).rows[-1]["unchanged"] == 1


def test_a_damaged_photo_is_found_and_dropped(person: Person, tmp_path: Path) -> None:
    listing = person.sells("Bike", "5 USD", "--photo", picture(tmp_path / "a.jpg"))
    blob = listing["photos"][0]["hash"]
    (person.home / "blobs" / blob[:2] / blob).write_bytes(b"x")
    said = person.json("verify")
    assert said.code == 1 and said.row["photos"] == [blob]
    assert person.types("reindex").code == 0
    said = person.json("verify")
    assert said.code == 0 and said.row["photos"] == []
    assert not person.json("photos", listing["id"]).row["here"]


def test_a_file_of_listings_brings_photos_beside_it(person: Person, tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    goods = tmp_path / "goods.csv"
    goods.write_text("title,price,photo\nLamp,5 USD,a.jpg\nDesk,5 USD,b.jpg\n")
    dry = person.types("import", str(goods), "--photos", "--dry-run")
    assert dry.code == 0 and "b.jpg" in dry.err and blobs(person) == []
    said = person.types("import", str(goods), "--photos")
    assert said.code == 0 and "2 created" in said.out and "b.jpg" in said.err
    lamp, desk = person.json("search", "lamp").row, person.json("search", "desk").row
    assert (len(lamp["photos"]), desk["photos"]) == (1, [])
    assert "2 unchanged" in person.types("import", str(goods), "--photos").out
    nobody = Person(tmp_path / "nobody")
    assert nobody.types("import", str(goods), "--photos").code != 0
    assert blobs(nobody) == []


def test_a_running_node_puts_them_up_tells_of_them_and_fetches_them(
    person: Person, tmp_path: Path
) -> None:
    other = Person(tmp_path / "other")
    red, blue = picture(tmp_path / "a.jpg"), picture(tmp_path / "b.jpg", "blue")
    node = Node(person.home)
    neighbour = None
    try:
        listing = person.sells("Bike", "5 USD", "--photo", red)
        listing = person.json("edit", listing["id"], "--photo", blue).row
        assert len(listing["photos"]) == 2
        assert "4 photo files, " in person.types("status").out
        neighbour = Node(other.home, node.address)
        neighbour.wait_title("Bike")
        out = tmp_path / "out"
        said = other.types("photos", listing["id"], "--output", str(out))
        assert said.code == 0 and "written to" in said.out, said
        assert sorted(file.stat().st_size for file in out.iterdir()) == sorted(
            photo["size"] for photo in listing["photos"]
        )
        for path in [*blobs(person), *blobs(other)]:
            path.unlink()
        said = other.types("photos", listing["id"], "--output", str(tmp_path / "none"))
        assert said.code == 1 and "2 photos nobody has" in said.err, said
    finally:
        assert [each.stop() for each in (node, neighbour) if each is not None] in ([0], [0, 0])
