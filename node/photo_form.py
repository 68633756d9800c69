"""Photos as callers of the desk say them, and how a listing comes to have them.

What is named must be here: nobody else can give what its author has not. Knows no pixels.
"""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Final

from ..protocol import limits
from ..protocol.photo import Photo
from ..protocol.told import tell
from ..store.photo_view import FULL, THUMB
from .clerk import Clerk
from .desk_error import DeskError, bad_value

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NUMBERS: Final = ("size", "width", "height", "thumb_size")


def photos_from(told: object) -> tuple[Photo, ...]:
    """A list of photos as JSON has them; DeskError for what is none."""
    if not isinstance(told, list | tuple):
        raise bad_value(tell("photos are a list"))
    photos = tuple(_photo_from(each) for each in told)
    if len(photos) > limits.PHOTOS_MAX:
        raise bad_value(
            tell("{count} photos: at most {most}", count=len(photos), most=limits.PHOTOS_MAX)
        )
    if len({photo.hash for photo in photos}) < len(photos):
        raise bad_value(tell("a photo is there twice"))
    return photos


def _photo_from(told: object) -> Photo:
    wrong = bad_value(tell("that is no photo as a listing has them"))
    if not isinstance(told, Mapping):
        raise wrong
    hashes = [told.get("hash"), told.get("thumb")]
    numbers = [told[name] for name in _NUMBERS if type(told.get(name)) is int]
    blur = told.get("blur")
    if not all(isinstance(one, str) and _HASH.fullmatch(one) for one in hashes):
        raise wrong
    if not isinstance(blur, str) or len(numbers) < len(_NUMBERS):
        raise wrong
    size, width, height, thumb_size = numbers
    try:
        photo = Photo(
            bytes.fromhex(told["hash"]), size, width, height,
            bytes.fromhex(told["thumb"]), thumb_size, b64decode(blur, validate=True),
        )  # fmt: skip
    except ValueError:
        raise wrong from None
    if not photo.is_sound:
        raise wrong
    return photo


def keep(clerk: Clerk, photos: Iterable[Photo]) -> None:
    """Notes in the open transaction that the files of `photos` are here; DeskError where one is
    not, or is not what it says."""
    for photo in photos:
        for hash, kind, size in (
            (photo.hash, FULL, photo.size),
            (photo.thumb, THUMB, photo.thumb_size),
        ):
            if hash in clerk.store.blobs.here([hash]):
                continue
            folder = clerk.blobs
            if folder is None or not folder.is_sound(hash) or folder.size(hash) != size:
                raise DeskError(
                    "no-photo",
                    tell("the photo {short} is not in this home", short=hash.hex()[:8]),
                    tell("`jangteo sell … --photo FILE` brings it here"),
                )
            clerk.store.blobs.put(hash, kind, size, clerk.now_ms())
