"""A file that a person names to be written: it takes its name only when it is whole.

What is no regular file (a device, a pipe) is written to and never replaced; a link stays a link.
Knows nothing of what is written.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..node.desk_error import DeskError, usage
from ..protocol.told import tell


def output_path(told: str) -> Path:
    """Where `told` leads, through links. DeskError for no name, a folder, or no folder to be in."""
    if not told:
        raise usage(tell("a file to write needs a name"))
    named = Path(told).expanduser()
    try:
        path = named.resolve()
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise DeskError(
            "unwritable", tell("cannot write {told}: {error}", told=told, error=error)
        ) from None
    if is_folder:
        raise usage(tell("{told} is a folder: name a file in it", told=told))
    if not has_folder:
        raise DeskError("unwritable", tell("no such folder: {parent}", parent=path.parent))
    return path


@contextmanager
def output_file(told: str) -> Iterator[BinaryIO]:
    """Open for bytes. An error inside leaves what was there before. DeskError as `output_path`,
    and where it cannot be written."""
    path = output_path(told)
    try:
        with _in_place(path) if _is_special(path) else _replacing(path) as file:
            yield file
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise DeskError(
            "unwritable",
            tell("cannot write {told}: {strerror}", told=told, strerror=error.strerror),
        ) from error


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def _in_place(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        yield file


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:  # Ctrl-C too: what is not whole does not stay; it goes on to its end
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
