"""Photos that a file of listings names: files beside it, pressed before it is read for good.

A file may come from anybody, and what a listing shows everybody sees: so only what lies in the
file's own folder, or below it, is ever opened. Addresses in the web are never fetched.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .blob_folder import BlobFolder
from .desk_args import refused
from .desk_error import DeskError, bad_value
from .home import Home
from .import_file import open_listing_file, read_rows
from .photo_bring import put
from .photo_press import press_file

_SOME_CURRENCY = "USD"
"""What prices are in is no matter here."""


def names_in(path: Path, file_format: str, currency: str | None) -> list[str]:
    """Of all photos that the listings of a file name; `currency` as `read_rows` has it.

    DeskError where it cannot be read, or names too many."""
    try:
        file = open_listing_file(path, file_format)
        if file.format == "records":
            return []
        rows = read_rows(file, currency=currency or _SOME_CURRENCY)
        names = dict.fromkeys(name for row in rows for name in row.photo_names)
    except LocalProtocolError as error:
        raise refused(error) from None
    except OSError as error:
        raise bad_value(
            tell("cannot read {path}: {why}", path=path, why=error.strerror or error)
        ) from None
    if len(names) > limits.IMPORT_PHOTOS_MAX:
        raise bad_value(
            tell(
                "{name} names {count} photos: at most {most}",
                name=path.name,
                count=len(names),
                most=limits.IMPORT_PHOTOS_MAX,
            ),
            tell("import it in parts"),
        )
    return list(names)


def bring_named(
    home: Home, path: Path, names: Iterable[str], *, is_dry: bool
) -> Iterator[tuple[str, dict[str, Any] | str | None]]:
    """Each name with its photo as JSON, or with why there is none; if `is_dry` nothing is brought
    in, and None is said of those that could be."""
    folder = BlobFolder(home.blobs_path)
    for name in names:
        try:
            pressed = press_file(_beside(path, name))
        except DeskError as error:
            yield name, error.message
            continue
        yield name, None if is_dry else put(folder, pressed)


def _beside(path: Path, name: str) -> Path:
    try:
        folder = path.parent.resolve()
        found = (folder / name).resolve()
        is_beside = found.is_relative_to(folder) and not Path(name).is_absolute()
    except (OSError, ValueError, RuntimeError):  # a name that none can be; links in a circle
        is_beside = False
    if not is_beside:
        raise bad_value(tell("the photo {name} is not in the folder of the file", name=name))
    return found
