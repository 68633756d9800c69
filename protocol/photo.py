"""A photo of a listing (SPEC.md R8.13 to R8.15): two blobs by their hashes, and what stands in
their place until they are here.

Knows no pixels and no files.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

from . import limits

BLUR_BYTES: Final = 48
_FIELDS: Final = 7


@dataclass(frozen=True, slots=True)
class Photo:
    """`hash` and `thumb` are the SHA-256 of two WebP files of `size` and `thumb_size` bytes; the
    full one is `width` by `height` pixels. `blur` is 4 by 4 pixels of RGB, row by row."""

    hash: bytes
    size: int
    width: int
    height: int
    thumb: bytes
    thumb_size: int
    blur: bytes

    @property
    def is_sound(self) -> bool:
        return (
            _is_hash(self.hash)
            and _is_within(self.size, limits.PHOTO_BYTES_MAX)
            and _is_within(self.width, limits.PHOTO_SIDE_MAX)
            and _is_within(self.height, limits.PHOTO_SIDE_MAX)
            and _is_hash(self.thumb)
            and _is_within(self.thumb_size, limits.THUMB_BYTES_MAX)
            and type(self.blur) is bytes
            and len(self.blur) == BLUR_BYTES
        )

    def to_value(self) -> list[Any]:
        return [
            self.hash, self.size, self.width, self.height, self.thumb, self.thumb_size, self.blur,
        ]  # fmt: skip

    @classmethod
    def from_value(cls, value: object) -> Self | None:
        """None for what is no photo."""
        if type(value) is not list or len(value) != _FIELDS:
            return None
        photo = cls(*value)
        return photo if photo.is_sound else None


def photos_of(value: object) -> tuple[Photo, ...]:
    """Of a body's field; none where any of it is not as it should be. That is no reason to reject
    a record: nodes that know no photos have passed it on (R8.14)."""
    if type(value) is not list or len(value) > limits.PHOTOS_MAX:
        return ()
    photos = [Photo.from_value(each) for each in value]
    sound = tuple(photo for photo in photos if photo is not None)
    return sound if len(sound) == len(photos) else ()


def _is_hash(value: object) -> bool:
    return type(value) is bytes and len(value) == limits.ID_BYTES


def _is_within(value: object, value_max: int) -> bool:
    return type(value) is int and 1 <= value <= value_max
