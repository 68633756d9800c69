"""The frames of `/jangteo/blob/1`, the stream on which a node fetches pictures by their hashes
(SPEC.md R16).

What a frame may be and its bytes; knows neither who may send which frame when, nor streams.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from . import frame_form, limits
from .errors import RemoteProtocolError
from .frame_form import check_bytes, check_integer, check_tuple

PROTOCOL: Final = "/jangteo/blob/1"
LENGTH_BYTES: Final = frame_form.LENGTH_BYTES
_PART_FIELDS: Final = 3


class Part(NamedTuple):
    """The blob with this hash, if it is no larger than this, from this byte on."""

    hash: bytes
    size_max: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Get:
    """Give me these blobs, none twice, each from its offset to its end."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        check_tuple("parts", self.parts, 1, limits.BLOB_GETS_MAX)
        for part in self.parts:
            if not isinstance(part, tuple) or len(part) != _PART_FIELDS:
                raise ValueError("a part is not a hash, a size and an offset")
            check_bytes("hash", part[0], limits.ID_BYTES, limits.ID_BYTES)
            check_integer("size_max", part[1], 1, limits.PHOTO_BYTES_MAX)
            check_integer("offset", part[2], 0, part[1] - 1)
        if len({part[0] for part in self.parts}) != len(self.parts):
            raise ValueError("a blob named twice")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of the blob that the get names at `index`, from `offset` on, of `total`."""

    index: int
    offset: int
    total: int
    data: bytes

    def __post_init__(self) -> None:
        check_integer("index", self.index, 0, limits.BLOB_GETS_MAX - 1)
        check_integer("offset", self.offset, 0, limits.PHOTO_BYTES_MAX - 1)
        check_integer("total", self.total, 1, limits.PHOTO_BYTES_MAX)
        check_bytes("data", self.data, 1, limits.BLOB_CHUNK_BYTES)


@dataclass(frozen=True, slots=True)
class Lacking:
    """I do not have the blob that the get names at `index`, or it is larger or ends before."""

    index: int

    def __post_init__(self) -> None:
        check_integer("index", self.index, 0, limits.BLOB_GETS_MAX - 1)


@dataclass(frozen=True, slots=True)
class Bye:
    """I end this session; `text` says why, to a person."""

    text: str

    def __post_init__(self) -> None:
        if type(self.text) is not str or len(self.text) > limits.SYNC_TEXT_CHARS_MAX:
            raise ValueError(f"not a text of at most {limits.SYNC_TEXT_CHARS_MAX} characters")


Frame: TypeAlias = Get | Chunk | Lacking | Bye

_TYPES: Final[dict[int, type[Any]]] = {1: Get, 2: Chunk, 3: Lacking, 4: Bye}
_TAGS: Final = {frame_type: tag for tag, frame_type in _TYPES.items()}


def encode(frame: Frame) -> bytes:
    """The frame's bytes without their length; ValueError beyond BLOB_FRAME_BYTES_MAX."""
    fields = (getattr(frame, name) for name in frame.__slots__)
    return frame_form.pack((_TAGS[type(frame)], *fields), limits.BLOB_FRAME_BYTES_MAX)


def encode_prefixed(frame: Frame) -> bytes:
    """The frame as it goes over the stream, its length first."""
    return frame_form.prefixed(encode(frame))


def decode_length(prefix: bytes) -> int:
    """How many bytes to read for the next frame; RemoteProtocolError R16.1, before they are
    read."""
    return frame_form.length_of(prefix, limits.BLOB_FRAME_BYTES_MAX, "R16.1")


def decode(data: bytes) -> Frame:
    """The frame of `data`; RemoteProtocolError R16.1 or R16.2 if it is none."""
    frame_type, fields = frame_form.unpack(
        data,
        _TYPES,
        bytes_max=limits.BLOB_FRAME_BYTES_MAX,
        array_max=limits.BLOB_GETS_MAX,
        length_rule="R16.1",
        rule="R16.2",
    )
    try:
        frame: Frame = frame_type(*fields)
    except ValueError as error:
        raise RemoteProtocolError("R16.2", f"{frame_type.__name__}: {error}") from None
    if isinstance(frame, Get):
        return Get(tuple(Part(*part) for part in frame.parts))
    return frame
