"""Photos as the desk takes them: whose files are here, at most eight, and none twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.desk_error import DeskError
from jangteo.node.listing_json import photo_json
from jangteo.protocol import limits
from jangteo.protocol.photo import Photo
from tests.desk_maker import Stall, stall


def brought(ana: Stall, word: str) -> dict[str, Any]:
    """A photo whose files are in the home."""
    folder = BlobFolder(ana.home.blobs_path)
    full, thumb = f"photo of {word}".encode(), f"small {word}".encode()
    return photo_json(
        Photo(folder.put(full), len(full), 4, 3, folder.put(thumb), len(thumb), bytes(48))
    )


def hashes(ana: Stall, listing_id: str) -> list[str]:
    shown = ana.call("show", id=listing_id)["listing"]["photos"]
    return [photo["hash"] for photo in shown]


def test_a_listing_is_put_up_with_photos_and_they_are_its_author_s(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        photos = [brought(ana, word) for word in "ab"]
        listing_id = ana.sell("Lamp", photos=photos)
        assert ana.call("show", id=listing_id)["listing"]["photos"] == photos
        blob = ana.store.blobs.of(bytes.fromhex(photos[0]["hash"]))
        assert blob is not None and blob.is_here and blob.is_own
        assert ana.store.blobs.totals().wanted_count == 0


def test_edit_replaces_adds_and_takes_away(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        one, two, three = (brought(ana, word) for word in "abc")
        listing_id = ana.sell("Lamp", photos=[one])
        ana.call("edit", id=listing_id, more_photos=[one, two])
        assert hashes(ana, listing_id) == [one["hash"], two["hash"]]
        ana.call("edit", id=listing_id, photos=[three])
        assert hashes(ana, listing_id) == [three["hash"]]
        ana.call("edit", id=listing_id, price="5 KRW")
        assert hashes(ana, listing_id) == [three["hash"]]
        assert not ana.call("edit", id=listing_id, photos=[three])["changed"]
        ana.call("edit", id=listing_id, photos=[])
        assert hashes(ana, listing_id) == []


def test_what_others_took_away_of_a_listing_s_files_does_not_stop_an_edit(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        photo = brought(ana, "a")
        listing_id = ana.sell("Lamp", photos=[photo])
        BlobFolder(ana.home.blobs_path).drop(bytes.fromhex(photo["hash"]))
        ana.call("edit", id=listing_id, title="Brass lamp")
        assert hashes(ana, listing_id) == [photo["hash"]]


def test_more_than_eight_are_refused(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        photos = [brought(ana, str(number)) for number in range(limits.PHOTOS_MAX + 1)]
        with pytest.raises(DeskError, match="9 photos: at most 8"):
            ana.sell("Lamp", photos=photos)
        listing_id = ana.sell("Lamp", photos=photos[:-1])
        with pytest.raises(DeskError, match="at most 8"):
            ana.call("edit", id=listing_id, more_photos=photos[-1:])
        assert len(hashes(ana, listing_id)) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "x"}, {"hash": None}, {"hash": "ab" * 31}, {"hash": "AB" * 32}, {"size": 0},
        {"size": True}, {"size": "5"}, {"size": limits.PHOTO_BYTES_MAX + 1}, {"width": 0},
        {"height": limits.PHOTO_SIDE_MAX + 1}, {"thumb": 5}, {"thumb_size": 1 << 70},
        {"blur": "*"}, {"blur": ""}, {"blur": None},
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused_in_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    with stall(tmp_path) as ana:
        with pytest.raises(DeskError, match="no photo as a listing has them") as raised:
            ana.sell("Lamp", photos=[brought(ana, "a") | change])
        assert raised.value.exit_code == 2


@pytest.mark.parametrize("photos", ["a.jpg", {"hash": "x"}, 5, ["a.jpg"], [None], [[]]])
def test_photos_are_a_list_of_photos(tmp_path: Path, photos: object) -> None:
    with stall(tmp_path) as ana, pytest.raises(DeskError, match=r"photos are a list|no photo as"):
        ana.sell("Lamp", photos=photos)


def test_a_photo_whose_files_are_not_here_or_are_others_is_refused(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        folder = BlobFolder(ana.home.blobs_path)
        missing, damaged, short = (brought(ana, word) for word in "abc")
        folder.drop(bytes.fromhex(missing["thumb"]))
        folder.path(bytes.fromhex(damaged["hash"])).write_bytes(b"photo of x")
        for photo in (missing, damaged, short | {"size": 3}):
            with pytest.raises(DeskError, match="is not in this home"):
                ana.sell("Lamp", photos=[photo])
        assert ana.store.counts(ana.moment()).own_active == 0
        assert ana.store.blobs.totals().count == 0, "a listing that is refused leaves nothing"


def lines(*listings: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(listing)}\n" for listing in listings)


def test_an_export_brings_photos_back_where_they_are(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        here, gone = brought(ana, "a"), brought(ana, "b")
        BlobFolder(ana.home.blobs_path).drop(bytes.fromhex(gone["thumb"]))
        *rows, summary = ana.import_text(
            "a.jsonl",
            lines(
                {"title": "Lamp", "photos": [here]},
                {"title": "Chair", "photos": [here, gone]},
                {"title": "Desk", "photos": ["a.jpg"]},
                {"title": "Sofa", "photos": [here, here]},
                {"title": "Bed", "photos": None},
            ),
        )
        assert [row["result"] for row in rows] == [
            "created", "created", "failed", "failed", "created",
        ]  # fmt: skip
        assert [len(row["warnings"]) for row in rows] == [0, 1, 0, 0, 0]
        assert "a photo is not in this home" in rows[1]["warnings"][0]
        for row in rows[:2]:
            assert hashes(ana, row["id"]) == [here["hash"]]
        assert ana.store.blobs.here([bytes.fromhex(here["hash"])])
        assert summary["created"] == 3


def test_importing_it_again_changes_nothing(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        photo = brought(ana, "a")
        listing_id = ana.sell("Lamp", photos=[photo])
        text = lines(*ana.desk.stream("export", {"mine": True}))
        (row,) = ana.import_text("a.jsonl", text)[:-1]
        assert (row["result"], row["warnings"]) == ("unchanged", [])
        # The files went since: the listing keeps what it has.
        BlobFolder(ana.home.blobs_path).drop(bytes.fromhex(photo["hash"]))
        (row,) = ana.import_text("a.jsonl", text)[:-1]
        assert row["result"] == "unchanged"
        # A file that says nothing of photos leaves them; one that says none takes them away.
        told = json.loads(text)
        del told["photos"]
        (row,) = ana.import_text("a.jsonl", lines(told))[:-1]
        assert row["result"] == "unchanged"
        (row,) = ana.import_text("a.jsonl", lines(told | {"photos": []}))[:-1]
        assert (row["result"], hashes(ana, listing_id)) == ("updated", [])


def test_a_dry_run_says_what_is_missing_and_notes_nothing(tmp_path: Path) -> None:
    with stall(tmp_path) as ana:
        here, gone = brought(ana, "a"), brought(ana, "b")
        BlobFolder(ana.home.blobs_path).drop(bytes.fromhex(gone["hash"]))
        text = lines({"title": "Lamp", "photos": [here, gone]})
        (row,) = ana.import_text("a.jsonl", text, dry_run=True)[:-1]
        assert row["result"] == "created" and len(row["warnings"]) == 1
        assert ana.store.blobs.totals().count == 0
