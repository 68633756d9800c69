"""Brings photo files into a home: pressed, and both files of each on the disk, before a listing
names them. Done where the person is, so that no node waits for pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..protocol import limits
from ..protocol.told import tell
from .blob_folder import BlobFolder
from .desk_error import bad_value
from .home import Home
from .listing_json import photo_json
from .photo_press import Pressed, press_file


def bring(home: Home, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """The photo of each file as JSON, in their order; DeskError at the first that is none."""
    if len(paths) > limits.PHOTOS_MAX:
        raise bad_value(
            tell("{count} photos: at most {most}", count=len(paths), most=limits.PHOTOS_MAX)
        )
    home.check()
    folder = BlobFolder(home.blobs_path)
    for path in paths:
        yield put(folder, press_file(path))


def put(folder: BlobFolder, pressed: Pressed, *, is_durable: bool = True) -> dict[str, Any]:
    """What `sell` and `edit` take; its files are on the disk then, if `is_durable`."""
    folder.put(pressed.full, is_durable=is_durable)
    folder.put(pressed.thumb, is_durable=is_durable)
    return photo_json(pressed.photo)
