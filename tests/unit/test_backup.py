"""A backup brings a person back: identity, own records, settings. Nobody loses a home by it."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from jangteo.crypto.keyfile import open_secret, seal_secret
from jangteo.node import identity
from jangteo.node.backup import make_backup, restore_file, restore_words
from jangteo.node.blob_folder import BlobFolder
from jangteo.node.config import read_config, set_value
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home
from jangteo.node.home_store import open_store
from jangteo.node.import_source import load
from jangteo.node.listing_json import photo_json
from jangteo.protocol import limits
from jangteo.protocol.photo import Photo
from tests.desk_maker import DAY_MS, Dice, Moment, stall
from tests.market_maker import NOW_MS, Seller

HORSE = "correct horse"


def backed_up(folder: Path) -> tuple[Home, bytes]:
    """Ana's home, with two listings, a withdrawn one and an import, and its backup."""
    with stall(folder, "ana") as ana:
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        set_value(ana.home, "currency", "JPY")
        ana.call("join", market="campus")
        ana.call("profile", name="Ana")
        ana.sell("Lamp")
        ana.call("edit", id=ana.sell("Chair", market="campus"), price="5 KRW")
        ana.call("withdraw", id=ana.sell("Sofa"))
        ana.import_text("a.csv", "title\nDesk\n")
        ana.call("block", author=Seller.named("spam").author.hex())
        ana.call("keep", author=Seller.named("cho").author.hex(), note="the potter")
        with ana.store.write(durable=False):
            ana.store.admit([Seller.named("ben").lists(1, "Ben's")], NOW_MS)
        data = make_backup(
            ana.home, ana.config, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("backup")
        ).data
        return ana.home, data


def test_all_that_is_one_s_own_comes_back(tmp_path: Path) -> None:
    old, data = backed_up(tmp_path)
    new = Home(tmp_path / "new")
    restored = restore_file(new, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    assert restored.author == old.author() == new.author()
    assert (restored.records, restored.left_out) == (6, 0)
    assert identity.words(new) == identity.words(old)
    assert identity.load_peer_seed(new) != identity.load_peer_seed(old)
    config = read_config(new, environ={})
    assert config.currency == "JPY"
    store = open_store(new, config, own=restored.author)
    titles = {row.listing.title for row in store.own_listings(restored.author)}
    assert titles == {"Lamp", "Chair", "Desk"}
    assert [row.listing.title for row in store.iter_listings(NOW_MS)] == ["Lamp", "Chair", "Desk"]
    assert store.joined() == ["campus", "commons", "open"]
    assert store.blocked() == {Seller.named("spam").author}
    assert store.kept() == [(Seller.named("cho").author, NOW_MS, "the potter")]
    assert len(load(store)) == 1
    store.close()


def test_a_restored_home_never_doubles_what_it_imports_again(tmp_path: Path) -> None:
    _, data = backed_up(tmp_path)
    restore_file(Home(tmp_path / "away" / "ana"), data, HORSE, now_ms=NOW_MS, environ={})
    with stall(tmp_path / "away", "ana") as again:
        *_, summary = again.import_text("a.csv", "title\nDesk\n")
        assert (summary["created"], summary["unchanged"]) == (0, 1)


def test_restoring_again_adds_only_what_is_missing(tmp_path: Path) -> None:
    old, data = backed_up(tmp_path)
    with stall(tmp_path, "ana") as ana:
        ana.sell("Later")
    restored = restore_file(old, data, HORSE, now_ms=NOW_MS, environ={})
    assert restored.records == 6
    with stall(tmp_path, "ana") as ana:
        assert ana.titles() == ["Ben's", "Chair", "Desk", "Lamp", "Later"]


def test_what_was_decided_about_a_contact_since_is_not_undone(tmp_path: Path) -> None:
    old, data = backed_up(tmp_path)
    cho = Seller.named("cho").author
    with stall(tmp_path, "ana") as ana:
        ana.call("keep", author=cho.hex(), note="the painter")
    restore_file(old, data, HORSE, now_ms=NOW_MS, environ={})
    with stall(tmp_path, "ana") as ana:
        assert [contact.note for contact in ana.store.kept()] == ["the painter"]
        ana.call("block", author=cho.hex())
    restore_file(old, data, HORSE, now_ms=NOW_MS, environ={})
    with stall(tmp_path, "ana") as ana:
        assert ana.store.kept() == []
        assert ana.store.blocked() >= {cho}


def test_a_backup_of_before_there_were_contacts_is_restored(tmp_path: Path) -> None:
    _, data = backed_up(tmp_path)
    told = json.loads(zlib.decompress(open_secret(data, HORSE)))
    del told["contacts"]
    packed = zlib.compress(json.dumps(told).encode())
    older = seal_secret(packed, HORSE, bytes(16), bytes(12))
    new = Home(tmp_path / "new")
    restore_file(new, older, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    with open_store(new, read_config(new, environ={}), own=new.author()) as store:
        assert store.kept() == []


@pytest.mark.parametrize(
    "contact",
    [
        {"author": "ab", "since_ms": 0, "note": ""},
        {"author": "ab" * 32, "since_ms": -1, "note": ""},
        {"author": "ab" * 32, "since_ms": 0, "note": "\ud800"},
        {"author": "ab" * 32, "since_ms": 0},
        "ab" * 32,
    ],
)
def test_a_damaged_contact_is_no_backup(tmp_path: Path, contact: object) -> None:
    _, data = backed_up(tmp_path)
    told = json.loads(zlib.decompress(open_secret(data, HORSE))) | {"contacts": [contact]}
    packed = zlib.compress(json.dumps(told).encode())
    new = Home(tmp_path / "new")
    with pytest.raises(DeskError, match="no backup"):
        restore_file(
            new, seal_secret(packed, HORSE, bytes(16), bytes(12)), HORSE, now_ms=NOW_MS, environ={}
        )
    assert not new.exists


def test_a_home_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    _, data = backed_up(tmp_path)
    home = Home(tmp_path / "zoe")
    author = identity.create(home, entropy=Dice("zoe")).author
    with pytest.raises(DeskError, match="has an identity already"):
        restore_file(home, data, HORSE, now_ms=NOW_MS, environ={})
    with pytest.raises(DeskError, match="has an identity already"):
        restore_words(home, identity.words(Home(tmp_path / "ana")))
    assert home.author() == author
    assert not home.store_path.exists()
    assert not home.config_path.exists()


def test_words_alone_bring_the_identity_back(tmp_path: Path) -> None:
    old, _ = backed_up(tmp_path)
    new = Home(tmp_path / "new")
    assert restore_words(new, identity.words(old), entropy=Dice()) == old.author()
    with pytest.raises(DeskError, match="not the 24 words"):
        restore_words(Home(tmp_path / "other"), "one two three")
    assert not (tmp_path / "other").exists()


def test_what_is_over_is_counted_apart(tmp_path: Path) -> None:
    _, data = backed_up(tmp_path)
    later = Moment(NOW_MS + 400 * DAY_MS)
    restored = restore_file(Home(tmp_path / "new"), data, HORSE, now_ms=later(), environ={})
    assert restored.records + restored.left_out == 6
    assert restored.left_out > 0


def test_what_was_published_in_a_market_that_was_left_since_comes_back_too(tmp_path: Path) -> None:
    with stall(tmp_path, "ana") as ana:
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        ana.call("join", market="campus")
        ana.sell("Lamp", market="campus")
        ana.call("leave", market="campus")
        data = make_backup(ana.home, ana.config, HORSE, now_ms=NOW_MS, environ={}).data
    new = Home(tmp_path / "new")
    restored = restore_file(new, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    assert (restored.records, restored.left_out) == (1, 0)
    with open_store(new, read_config(new, environ={}), own=restored.author) as store:
        assert [row.listing.title for row in store.own_listings(restored.author)] == ["Lamp"]
        assert "campus" not in store.joined()
        assert store.summary("campus")[0] == 0
        assert store.check_views() == []


def test_a_wrong_passphrase_or_another_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = backed_up(tmp_path)
    new = Home(tmp_path / "new")
    sealed = seal_secret(b"secret", HORSE, bytes(16), bytes(12))
    for what, passphrase in (
        (data, "wrong"), (data[:-20], HORSE), (b"", HORSE), (b"{}", HORSE), (sealed, HORSE),
    ):  # fmt: skip
        with pytest.raises(DeskError):
            restore_file(new, what, passphrase, now_ms=NOW_MS, environ={})
        assert not new.exists
    monkeypatch.setattr(limits, "BACKUP_BYTES_MAX", 100)
    with pytest.raises(DeskError, match="no backup"):
        restore_file(new, data, HORSE, now_ms=NOW_MS, environ={})
    assert not new.exists


def test_a_backup_needs_a_passphrase(tmp_path: Path) -> None:
    old, data = backed_up(tmp_path)
    config = read_config(old, environ={})
    with pytest.raises(DeskError, match="protects nothing"):
        make_backup(old, config, "", now_ms=NOW_MS, environ={})
    assert b"Lamp" not in data
    with pytest.raises(DeskError, match="no identity"):
        make_backup(Home(tmp_path / "none"), config, HORSE, now_ms=NOW_MS, environ={})


def test_who_kept_or_blocked_this_author_before_it_was_oneself_is_no_matter(tmp_path: Path) -> None:
    old, data = backed_up(tmp_path)
    author = old.author()
    assert author is not None
    for number, name in enumerate(("keeper", "blocker")):
        home = Home(tmp_path / name)
        home.make()
        config = read_config(home, environ={})
        with open_store(home, config, own=None) as store, store.write(durable=True):
            if name == "keeper":
                store.keep(author, NOW_MS)
            else:
                store.block(author)
        restore_file(home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice(name))
        again = make_backup(home, config, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice(name)).data
        last = Home(tmp_path / f"last {number}")
        restored = restore_file(
            last, again, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice(f"last {number}")
        )
        assert (restored.records, restored.left_out) == (6, 0)


def shown(folder: BlobFolder, word: str) -> dict[str, Any]:
    """A photo whose files are in `folder`."""
    full, thumb = f"photo of {word}".encode(), f"small {word}".encode()
    photo = Photo(folder.put(full), len(full), 4, 3, folder.put(thumb), len(thumb), bytes(48))
    return photo_json(photo)


def with_photos(folder: Path) -> tuple[Home, bytes, int]:
    """Ana's home with two listings that have photos, one of which both have, and its backup; how
    many of the files had no room."""
    with stall(folder, "ana") as ana:
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        photos = BlobFolder(ana.home.blobs_path)
        lamp, chair, both = (shown(photos, word) for word in ("lamp", "chair", "both"))
        ana.call("sell", title="Lamp", price="5 KRW", photos=[lamp, both])
        ana.call("sell", title="Chair", price="5 KRW", photos=[chair, both])
        made = make_backup(ana.home, ana.config, HORSE, now_ms=NOW_MS, environ={})
        return ana.home, made.data, made.photos_left_out


def test_the_photos_of_one_s_own_come_back(tmp_path: Path) -> None:
    _, data, left_out = with_photos(tmp_path)
    new = Home(tmp_path / "new")
    for _ in range(2):
        restored = restore_file(new, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
        assert (restored.photos, left_out) == (6, 0)
    folder = BlobFolder(new.blobs_path)
    with open_store(new, read_config(new, environ={}), own=restored.author) as store:
        for row in store.own_listings(restored.author):
            assert len(row.listing.photos) == 2
            for photo in row.listing.photos:
                assert folder.is_sound(photo.hash) and folder.is_sound(photo.thumb)
                assert store.blobs.here([photo.hash, photo.thumb]) == {photo.hash, photo.thumb}
        assert store.blobs.totals().wanted_count == 0


def test_a_backup_holds_so_many_photos_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = sum(len(f"small {word}") for word in ("lamp", "chair", "both"))
    monkeypatch.setattr(limits, "BACKUP_PHOTO_BYTES_MAX", small + len("photo of chair"))
    _, data, left_out = with_photos(tmp_path)
    assert left_out == 2
    new = Home(tmp_path / "new")
    restored = restore_file(new, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    assert restored.photos == 4


def test_a_photo_that_is_damaged_here_is_in_no_backup(tmp_path: Path) -> None:
    with stall(tmp_path, "ana") as ana:
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        folder = BlobFolder(ana.home.blobs_path)
        photo = shown(folder, "lamp")
        ana.call("sell", title="Lamp", price="5 KRW", photos=[photo])
        folder.path(bytes.fromhex(photo["hash"])).write_bytes(b"x")
        folder.drop(bytes.fromhex(photo["thumb"]))
        data = make_backup(ana.home, ana.config, HORSE, now_ms=NOW_MS, environ={}).data
    new = Home(tmp_path / "new")
    restored = restore_file(new, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    assert (restored.records, restored.photos) == (1, 0)


@pytest.mark.parametrize(
    "photos", ["text", [5], ["*"], [""], ["AAAA" * (limits.PHOTO_BYTES_MAX // 3 + 1)]]
)
def test_what_are_no_photos_make_no_backup(tmp_path: Path, photos: object) -> None:
    _, data = backed_up(tmp_path)
    told = json.loads(zlib.decompress(open_secret(data, HORSE))) | {"photos": photos}
    changed = seal_secret(zlib.compress(json.dumps(told).encode()), HORSE, bytes(16), bytes(12))
    new = Home(tmp_path / "new")
    with pytest.raises(DeskError, match="no backup"):
        restore_file(new, changed, HORSE, now_ms=NOW_MS, environ={})
    assert not new.exists


def test_a_photo_that_nothing_names_is_not_brought_back(tmp_path: Path) -> None:
    _, data = backed_up(tmp_path)
    told = json.loads(zlib.decompress(open_secret(data, HORSE))) | {"photos": ["AAAA"]}
    changed = seal_secret(zlib.compress(json.dumps(told).encode()), HORSE, bytes(16), bytes(12))
    new = Home(tmp_path / "new")
    restored = restore_file(new, changed, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    assert restored.photos == 0
    assert list(BlobFolder(new.blobs_path).files()) == []
