"""Gets the photos of a listing out of a home, as files that other programs can open.

What is not here is asked of neighbours by the running node. Knows files; prints nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..protocol.told import tell
from .blob_folder import BlobFolder
from .desk_error import DeskError
from .home import Home
from .office import Office


def photo_files(
    home: Home, office: Office, listing: Mapping[str, Any], folder: Path | None
) -> Iterator[dict[str, Any]]:
    """Each photo of `listing` as JSON with "number" and "here"; where `folder` is named it is
    written there and "path" says where. DeskError where a file cannot be written."""
    blobs = BlobFolder(home.blobs_path)
    for number, photo in enumerate(listing["photos"], 1):
        blob = bytes.fromhex(photo["hash"])
        is_here = blobs.has(blob)
        told = {"number": number, **photo, "here": is_here}
        if folder is None:
            yield told
            continue
        if not is_here and office.node is not None:
            is_here = bool(office.call("photo", {"hash": photo["hash"]})["here"])
        if not is_here or not blobs.is_sound(blob):
            yield told | {"here": False, "path": None}
            continue
        path = folder / f"{listing['id'][:8]}-{number}.webp"
        _write(path, blobs.read(blob))
        yield told | {"here": True, "path": str(path)}


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise DeskError(
            "unwritable", tell("cannot write {path}: {why}", path=path, why=error.strerror or error)
        ) from None
