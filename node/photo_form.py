"""Photos as callers of the desk say them, and how a listing comes to have them.

What is named must be here: nobody else can give what its author has not. Knows no pixels.
"""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
        for blob in _blobs_of(photo):
            if _is_known(clerk, blob):
                continue
            if not _is_sound(clerk, blob):
                raise DeskError(
                    "no-photo",
                    tell("the photo {short} is not in this home", short=blob.hash.hex()[:8]),
                    tell("`jangteo sell … --photo FILE` brings it here"),
                )
            clerk.store.blobs.put(blob.hash, blob.kind, blob.size, clerk.now_ms())


def is_here(clerk: Clerk, photo: Photo) -> bool:
    """Whether `keep` would take it."""
    return all(_is_known(clerk, blob) or _is_sound(clerk, blob) for blob in _blobs_of(photo))


@dataclass(frozen=True, slots=True)
class _Blob:
    hash: bytes
    kind: int
    size: int


def _blobs_of(photo: Photo) -> tuple[_Blob, _Blob]:
    return _Blob(photo.hash, FULL, photo.size), _Blob(photo.thumb, THUMB, photo.thumb_size)


def _is_known(clerk: Clerk, blob: _Blob) -> bool:
    return blob.hash in clerk.store.blobs.here([blob.hash])


def _is_sound(clerk: Clerk, blob: _Blob) -> bool:
    folder = clerk.blobs
    return folder is not None and folder.is_sound(blob.hash) and folder.size(blob.hash) == blob.size
