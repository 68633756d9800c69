"""Photos in the body of a listing: their form, and what comes of another one (R8.13, R8.14)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jangteo.protocol import canonical, limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.listing import Listing
from jangteo.protocol.photo import Photo, photos_of

PHOTO = Photo(bytes(32), 1000, 1600, 1200, b"\1" * 32, 900, bytes(48))
FORM = PHOTO.to_value()


def test_photos_go_into_a_body_and_come_back() -> None:
    listing = Listing("lamp", photos=(PHOTO,) * limits.PHOTOS_MAX)
    body = canonical.decode(canonical.encode(listing.authored().to_body()))
    assert Listing.from_body(body, 0) == listing


def test_a_listing_without_photos_has_no_such_field() -> None:
    assert "photos" not in Listing("lamp").to_body()


@pytest.mark.parametrize(
    "value",
    [
        None, 5, {}, "x", [None], [[]], [FORM[:-1]], [[*FORM, 1]], [FORM] * (limits.PHOTOS_MAX + 1),
        [[b"short", *FORM[1:]]], [[*FORM[:6], b"short"]], [[FORM[0], 0, *FORM[2:]]],
        [[FORM[0], limits.PHOTO_BYTES_MAX + 1, *FORM[2:]]], [[FORM[0], True, *FORM[2:]]],
        [[*FORM[:2], limits.PHOTO_SIDE_MAX + 1, *FORM[3:]]],
        [[*FORM[:5], limits.THUMB_BYTES_MAX + 1, FORM[6]]], [FORM, "x"],
    ],
)  # fmt: skip
def test_another_form_is_no_photos_and_no_fault(value: object) -> None:
    body = Listing("lamp").to_body() | {"photos": value}
    assert Listing.from_body(body, 0).photos == ()


def test_the_bounds_themselves_are_within() -> None:
    most = [
        FORM[0], limits.PHOTO_BYTES_MAX, limits.PHOTO_SIDE_MAX, limits.PHOTO_SIDE_MAX, FORM[4],
        limits.THUMB_BYTES_MAX, FORM[6],
    ]  # fmt: skip
    assert len(photos_of([most] * limits.PHOTOS_MAX)) == limits.PHOTOS_MAX


@given(st.recursive(st.none() | st.integers() | st.binary() | st.text(), st.lists, max_leaves=20))
def test_whatever_is_there_is_photos_or_none(value: object) -> None:
    assert all(photo.is_sound for photo in photos_of(value))


def test_an_author_is_told_what_is_too_much() -> None:
    with pytest.raises(LocalProtocolError, match="9 photos: at most 8"):
        Listing("lamp", photos=(PHOTO,) * 9).authored()
    with pytest.raises(LocalProtocolError, match="form"):
        Listing("lamp", photos=(replace(PHOTO, width=0),)).authored()
