"""From a file of anybody's to a photo that can be published: `press`.

The work is done by a process of its own (photo_process.py), which may fail in any way: here each
way is a line to read. Knows bounds and errors; no pixels.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..protocol import limits
from ..protocol.photo import Photo
from ..protocol.told import Told, tell
from .desk_error import DeskError, bad_value

_S: Final = limits.SECOND_MS
_BOUNDS: Final[Mapping[str, int]] = {
    "source_max": limits.PHOTO_SOURCE_BYTES_MAX,
    "pixels_max": limits.PHOTO_SOURCE_PIXELS_MAX,
    "side_max": limits.PHOTO_SIDE_MAX,
    "bytes_max": limits.PHOTO_BYTES_MAX,
    "thumb_side_max": limits.THUMB_SIDE_MAX,
    "thumb_bytes_max": limits.THUMB_BYTES_MAX,
    "memory_max": limits.PHOTO_PRESS_BYTES_MAX,
    "cpu_seconds": limits.PHOTO_PRESS_MS_MAX * 2 // 3 // _S,
}
_ANSWER_MAX: Final = limits.PHOTO_BYTES_MAX + limits.THUMB_BYTES_MAX + 4096


@dataclass(frozen=True, slots=True)
class Pressed:
    """A photo and its two files."""

    photo: Photo
    full: bytes = field(repr=False)
    thumb: bytes = field(repr=False)


def press_file(path: Path) -> Pressed:
    """The photo of a picture file; DeskError in one line where it is none, or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.PHOTO_SOURCE_BYTES_MAX + 1)
    except OSError as error:
        raise bad_value(
            tell("cannot read the photo {path}: {why}", path=path, why=error.strerror or error)
        ) from None
    return press(data, path.name)


def press(data: bytes, name: str) -> Pressed:
    """As `press_file`, of its bytes; `name` is what an error calls it."""
    if len(data) > limits.PHOTO_SOURCE_BYTES_MAX:
        raise _unfit(name, "bytes")
    if not data:
        raise _unfit(name, "empty")
    with tempfile.TemporaryFile() as answer:
        command = [
            sys.executable, "-I", "-m", f"{__package__}.photo_process", json.dumps(dict(_BOUNDS)),
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 — our own program
                command,
                input=data,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                timeout=limits.PHOTO_PRESS_MS_MAX / _S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _unfit(name, "time") from None
        except OSError as error:
            raise DeskError(
                "failed", tell("no process can be started for the photo {name}: {why}",
                               name=name, why=error.strerror or error)
            ) from None  # fmt: skip
        answer.seek(0)
        told = answer.read(_ANSWER_MAX)
    pressed = _read(told)
    if isinstance(pressed, Pressed):
        return pressed
    if pressed == "damaged" and done.returncode < 0:
        # It was ended by the system: too much of the processor, or of memory.
        pressed = "time"
    raise _unfit(name, pressed)


def _read(answer: bytes) -> Pressed | str:
    """What the process answered; it is not trusted either."""
    line, _, files = answer.partition(b"\n")
    try:
        told = json.loads(line)
        if "error" in told:
            return str(told["error"])
        size, thumb_size = told["size"], told["thumb_size"]
        full, thumb = files[:size], files[size:]
        photo = Photo(
            hashlib.sha256(full).digest(), size, told["width"], told["height"],
            hashlib.sha256(thumb).digest(), thumb_size, bytes.fromhex(told["blur"]),
        )  # fmt: skip
        is_whole = len(full) == size and len(thumb) == thumb_size
    except (ValueError, TypeError, KeyError, RecursionError):
        return "damaged"
    return Pressed(photo, full, thumb) if is_whole and photo.is_sound else "damaged"


def _unfit(name: str, word: str) -> DeskError:
    return bad_value(_why(name, word), _hint(word))


def _why(name: str, word: str) -> Told:
    match word:
        case "empty":
            return tell("{name} is empty: no photo is in it", name=name)
        case "bytes":
            most = limits.PHOTO_SOURCE_BYTES_MAX // limits.MIB
            return tell("{name} is larger than {most} MiB", name=name, most=most)
        case "pixels":
            most = limits.PHOTO_SOURCE_PIXELS_MAX // 1_000_000
            return tell("{name} has more than {most} megapixels", name=name, most=most)
        case "time":
            return tell("{name} took too long to be read", name=name)
        case "memory":
            return tell("{name} needs too much memory to be read", name=name)
        case "heic":
            return tell(
                "{name} seems to be HEIC, which this installation cannot read: save it as JPEG",
                name=name,
            )
        case "unknown":
            return tell("{name} is no photo: JPEG, PNG, WebP and GIF are taken", name=name)
        case _:
            return tell("{name} is damaged: it cannot be read as a photo", name=name)


def _hint(word: str) -> Told | None:
    match word:
        case "heic":
            return tell("or install pillow-heif where this program is installed, with pip")
        case "bytes" | "pixels" | "memory":
            return tell("make it smaller first: it is shown 1600 pixels wide at most")
        case _:
            return None
