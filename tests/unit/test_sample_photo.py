"""The photos that the sample goods have: drawn here, the same each time, and such as any photo."""

import hashlib
import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from jangteo.node.sample_motif import MOTIFS
from jangteo.node.sample_photo import photos_of
from jangteo.protocol import limits

SAMPLES = Path(__file__).parents[2] / "node" / "samples"


@pytest.mark.parametrize("motif", MOTIFS)
def test_each_motif_is_a_photo_that_a_listing_can_have(motif: str) -> None:
    for pressed in photos_of(motif, motif):
        photo = pressed.photo
        assert photo.is_sound
        assert photo.hash == hashlib.sha256(pressed.full).digest()
        assert photo.thumb == hashlib.sha256(pressed.thumb).digest()
        assert (len(pressed.full), len(pressed.thumb)) == (photo.size, photo.thumb_size)
        full, thumb = (Image.open(io.BytesIO(file)) for file in (pressed.full, pressed.thumb))
        assert full.size == (photo.width, photo.height)
        assert max(thumb.size) <= limits.THUMB_SIDE_MAX
        colours = full.convert("RGB").resize((32, 32)).getcolors(1024)
        assert colours is not None and len(colours) > 20, "something is drawn on the wall"


def test_the_same_goods_have_the_same_photos_and_others_have_others() -> None:
    assert list(photos_of("bike", "a bike")) == list(photos_of("bike", "a bike"))
    hashes = [next(photos_of("bike", f"bike {number}")).photo.hash for number in range(12)]
    assert len(set(hashes)) > 6


def test_a_few_goods_are_seen_from_more_than_one_side() -> None:
    counts = [len(list(photos_of("lamp", f"lamp {number}"))) for number in range(24)]
    assert set(counts) == {1, 2, 3}
    many = next(list(photos_of("lamp", f"lamp {n}")) for n, count in enumerate(counts) if count > 2)
    assert all(one.photo.hash != other.photo.hash for one, other in pairwise(many))


def test_every_sample_says_what_its_photos_show_and_every_motif_is_shown() -> None:
    shown = {
        json.loads(line)["motif"]
        for file in SAMPLES.glob("*.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    assert shown == set(MOTIFS)
