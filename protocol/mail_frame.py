"""The frames of `/jangteo/mail/1`, the stream on which two peers even out the sealed letters that
they carry (SPEC.md R12).

What a frame may be and its bytes; knows neither who may send which frame when, nor streams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgpack

from . import limits
from .errors import RemoteProtocolError
from .letter import LETTER_BYTES_MAX
from .reconcile import FINGERPRINT_BYTES

PROTOCOL: Final = "/jangteo/mail/1"
VERSION: Final = 1
LENGTH_BYTES: Final = 4
"""Each frame follows its length in bytes, big-endian."""

_RAW_HEAD_BYTES: Final = 3  # msgpack's, of up to 65,535 bytes
_FRAME_HEAD_BYTES: Final = 16  # room for all else in a frame of letters


@dataclass(frozen=True, slots=True)
class Hello:
    """What I carry: `count` letters and the fingerprint (16 bytes) of all of them.
    `declined_count` of them the sender has not: it declined them when the other side offered
    them."""

    version: int
    count: int
    fingerprint: bytes
    declined_count: int = 0

    def __post_init__(self) -> None:
        _check_integer("version", self.version, 1, limits.INTEGER_MAX)
        _check_integer("count", self.count, 0, limits.INTEGER_MAX)
        _check_bytes("fingerprint", self.fingerprint, FINGERPRINT_BYTES, FINGERPRINT_BYTES)
        _check_integer("declined_count", self.declined_count, 0, self.count)


@dataclass(frozen=True, slots=True)
class Recon:
    """A message of the reconciliation."""

    message: bytes

    def __post_init__(self) -> None:
        _check_bytes("message", self.message, 1, limits.RECON_MESSAGE_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Get:
    """Give me the letters with these ids (32 bytes each, none twice)."""

    ids: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_ids(self.ids, 1)


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters in answer to a Get; `more` says that another such frame follows in the same
    answer."""

    raws: tuple[bytes, ...]
    more: bool = False

    def __post_init__(self) -> None:
        _check_raws(self.raws, 0)
        if type(self.more) is not bool:
            raise ValueError("more is not a truth value")


@dataclass(frozen=True, slots=True)
class Put:
    """Letters that you lack."""

    raws: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_raws(self.raws, 1)


@dataclass(frozen=True, slots=True)
class Stored:
    """Of your last Put these are on my disk (ids of 32 bytes, none twice)."""

    ids: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_ids(self.ids, 0)


@dataclass(frozen=True, slots=True)
class Bye:
    """I end this session; `text` says why, to a person."""

    text: str

    def __post_init__(self) -> None:
        if type(self.text) is not str or len(self.text) > limits.SYNC_TEXT_CHARS_MAX:
            raise ValueError(f"not a text of at most {limits.SYNC_TEXT_CHARS_MAX} characters")


Frame: TypeAlias = Hello | Recon | Get | Letters | Put | Stored | Bye

_TYPES: Final[dict[int, type[Any]]] = {
    1: Hello,
    2: Recon,
    3: Get,
    4: Letters,
    5: Put,
    6: Stored,
    7: Bye,
}
_TAGS: Final = {frame_type: tag for tag, frame_type in _TYPES.items()}


def encode(frame: Frame) -> bytes:
    """The frame's bytes without their length; ValueError beyond MAIL_FRAME_BYTES_MAX."""
    fields = (getattr(frame, name) for name in frame.__slots__)
    packed: bytes = msgpack.packb((_TAGS[type(frame)], *fields), use_bin_type=True)
    if len(packed) > limits.MAIL_FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(packed)} bytes, at most {limits.MAIL_FRAME_BYTES_MAX}")
    return packed


def encode_prefixed(frame: Frame) -> bytes:
    """The frame as it goes over the stream, its length first."""
    data = encode(frame)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def decode_length(prefix: bytes) -> int:
    """How many bytes to read for the next frame; RemoteProtocolError R12.5, before they are
    read."""
    length = int.from_bytes(prefix, "big")
    if not 0 < length <= limits.MAIL_FRAME_BYTES_MAX:
        raise RemoteProtocolError(
            "R12.5", f"a frame of {length} bytes, at most {limits.MAIL_FRAME_BYTES_MAX}"
        )
    return length


def decode(data: bytes) -> Frame:
    """The frame of `data`; RemoteProtocolError R12.5 or R12.6 if it is none."""
    if len(data) > limits.MAIL_FRAME_BYTES_MAX:
        raise RemoteProtocolError(
            "R12.5", f"a frame of {len(data)} bytes, at most {limits.MAIL_FRAME_BYTES_MAX}"
        )
    try:
        values = msgpack.unpackb(
            data,
            raw=False,
            use_list=False,
            # Arrays are allocated at the length that they claim, at each depth: bound it first.
            max_array_len=limits.MAIL_IDS_MAX,
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError, OverflowError) as error:
        raise RemoteProtocolError("R12.6", f"not msgpack within bounds: {error}") from None
    if type(values) is not tuple or not values or type(values[0]) is not int:
        raise RemoteProtocolError("R12.6", "not an array that begins with a number")
    frame_type = _TYPES.get(values[0])
    if frame_type is None:
        raise RemoteProtocolError("R12.6", f"no frame has the number {values[0]}")
    fields = values[1:]
    if len(fields) != len(frame_type.__slots__):
        raise RemoteProtocolError("R12.6", f"{len(fields)} fields in a {frame_type.__name__}")
    try:
        frame: Frame = frame_type(*fields)
    except ValueError as error:
        raise RemoteProtocolError("R12.6", f"{frame_type.__name__}: {error}") from None
    return frame


def fitting(raws: Sequence[bytes]) -> int:
    """How many of the first `raws` go into one frame of letters, by count and by bytes."""
    left = limits.MAIL_FRAME_BYTES_MAX - _FRAME_HEAD_BYTES
    for count, raw in enumerate(raws[: limits.MAIL_IDS_MAX]):
        left -= len(raw) + _RAW_HEAD_BYTES
        if left < 0:
            return count
    return min(len(raws), limits.MAIL_IDS_MAX)


def _check_integer(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is not an integer from {least} to {most}")


def _check_bytes(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not bytes or not least <= len(value) <= most:
        raise ValueError(f"{name} is not {least} to {most} bytes")


def _check_tuple(name: str, value: object, least: int) -> None:
    if type(value) is not tuple or not least <= len(value) <= limits.MAIL_IDS_MAX:
        raise ValueError(f"{name} is not an array of {least} to {limits.MAIL_IDS_MAX}")


def _check_ids(ids: tuple[bytes, ...], least: int) -> None:
    _check_tuple("ids", ids, least)
    for letter_id in ids:
        _check_bytes("id", letter_id, limits.ID_BYTES, limits.ID_BYTES)
    if len(set(ids)) != len(ids):
        raise ValueError("an id named twice")


def _check_raws(raws: tuple[bytes, ...], least: int) -> None:
    _check_tuple("letters", raws, least)
    for raw in raws:
        _check_bytes("letter", raw, 1, LETTER_BYTES_MAX)
