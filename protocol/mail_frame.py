"""The frames of `/jangteo/mail/1`, the stream on which two peers even out the sealed letters that
they carry (SPEC.md R12).

What a frame may be and its bytes; knows neither who may send which frame when, nor streams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from . import frame_form, limits
from .errors import RemoteProtocolError
from .frame_form import check_bytes, check_integer, check_tuple, fitting_in
from .letter import LETTER_BYTES_MAX
from .reconcile import FINGERPRINT_BYTES

PROTOCOL: Final = "/jangteo/mail/1"
VERSION: Final = 1
LENGTH_BYTES: Final = frame_form.LENGTH_BYTES
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
        check_integer("version", self.version, 1, limits.INTEGER_MAX)
        check_integer("count", self.count, 0, limits.INTEGER_MAX)
        check_bytes("fingerprint", self.fingerprint, FINGERPRINT_BYTES, FINGERPRINT_BYTES)
        check_integer("declined_count", self.declined_count, 0, self.count)


@dataclass(frozen=True, slots=True)
class Recon:
    """A message of the reconciliation."""

    message: bytes

    def __post_init__(self) -> None:
        check_bytes("message", self.message, 1, limits.RECON_MESSAGE_BYTES_MAX)


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
    return frame_form.pack((_TAGS[type(frame)], *fields), limits.MAIL_FRAME_BYTES_MAX)


def encode_prefixed(frame: Frame) -> bytes:
    """The frame as it goes over the stream, its length first."""
    return frame_form.prefixed(encode(frame))


def decode_length(prefix: bytes) -> int:
    """How many bytes to read for the next frame; RemoteProtocolError R12.5, before they are
    read."""
    return frame_form.length_of(prefix, limits.MAIL_FRAME_BYTES_MAX, "R12.5")


def decode(data: bytes) -> Frame:
    """The frame of `data`; RemoteProtocolError R12.5 or R12.6 if it is none."""
    frame_type, fields = frame_form.unpack(
        data,
        _TYPES,
        bytes_max=limits.MAIL_FRAME_BYTES_MAX,
        array_max=limits.MAIL_IDS_MAX,
        length_rule="R12.5",
        rule="R12.6",
    )
    try:
        frame: Frame = frame_type(*fields)
    except ValueError as error:
        raise RemoteProtocolError("R12.6", f"{frame_type.__name__}: {error}") from None
    return frame


def fitting(raws: Sequence[bytes]) -> int:
    """How many of the first `raws` go into one frame of letters, by count and by bytes."""
    return fitting_in(
        raws,
        bytes_max=limits.MAIL_FRAME_BYTES_MAX,
        count_max=limits.MAIL_IDS_MAX,
        head_bytes=_FRAME_HEAD_BYTES,
    )


def _check_ids(ids: tuple[bytes, ...], least: int) -> None:
    check_tuple("ids", ids, least, limits.MAIL_IDS_MAX)
    for letter_id in ids:
        check_bytes("id", letter_id, limits.ID_BYTES, limits.ID_BYTES)
    if len(set(ids)) != len(ids):
        raise ValueError("an id named twice")


def _check_raws(raws: tuple[bytes, ...], least: int) -> None:
    check_tuple("letters", raws, least, limits.MAIL_IDS_MAX)
    for raw in raws:
        check_bytes("letter", raw, 1, LETTER_BYTES_MAX)
