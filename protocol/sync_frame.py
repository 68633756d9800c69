"""The frames of `/jangteo/sync/1`, the stream on which two peers even out their sets (SPEC.md R6).

What a frame may be and its bytes; knows neither who may send which frame when, nor streams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from . import frame_form, limits
from .errors import RemoteProtocolError
from .frame_form import check_bytes, check_integer, check_tuple, fitting_in
from .item_set import KEY_BYTES
from .market import is_market
from .reconcile import FINGERPRINT_BYTES

PROTOCOL: Final = "/jangteo/sync/1"
VERSION: Final = 1
LENGTH_BYTES: Final = frame_form.LENGTH_BYTES
_FRAME_HEAD_BYTES: Final = 128  # room for all else in a frame of records


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """One market's set as it is now.

    `count` items whose ts is at least `since_ms`, the sender's horizon, and the fingerprint
    (16 bytes) of all of them. `declined_count` of them the sender has not: it declined them when
    the other side offered them.
    """

    market: str
    count: int
    since_ms: int
    fingerprint: bytes
    declined_count: int = 0

    def __post_init__(self) -> None:
        _check_market(self.market)
        check_integer("count", self.count, 0, limits.INTEGER_MAX)
        check_integer("since_ms", self.since_ms, 0, limits.INTEGER_MAX)
        check_bytes("fingerprint", self.fingerprint, FINGERPRINT_BYTES, FINGERPRINT_BYTES)
        check_integer("declined_count", self.declined_count, 0, self.count)


@dataclass(frozen=True, slots=True)
class Hello:
    """What I hold. Both sides say it first; equal summaries need no more."""

    version: int
    now_ms: int
    markets: tuple[MarketSummary, ...]

    def __post_init__(self) -> None:
        check_integer("version", self.version, 1, limits.INTEGER_MAX)
        check_integer("now_ms", self.now_ms, 0, limits.INTEGER_MAX)
        check_tuple("markets", self.markets, 0, limits.SYNC_MARKETS_MAX)
        if len({summary.market for summary in self.markets}) != len(self.markets):
            raise ValueError("a market said twice")


@dataclass(frozen=True, slots=True)
class Range:
    """Give me up to `limit` records whose key comes after `after` (40 bytes; empty: the first)."""

    market: str
    after: bytes
    limit: int

    def __post_init__(self) -> None:
        _check_market(self.market)
        _check_key("after", self.after)
        check_integer("limit", self.limit, 1, limits.SYNC_RECORDS_MAX)


@dataclass(frozen=True, slots=True)
class Recon:
    """A message of the reconciliation of `market`."""

    market: str
    message: bytes

    def __post_init__(self) -> None:
        _check_market(self.market)
        check_bytes("message", self.message, 1, limits.RECON_MESSAGE_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Get:
    """Give me the records with these ids (32 bytes each, none twice)."""

    market: str
    ids: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_market(self.market)
        check_tuple("ids", self.ids, 1, limits.SYNC_RECORDS_MAX)
        for record_id in self.ids:
            check_bytes("id", record_id, limits.ID_BYTES, limits.ID_BYTES)
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("an id asked for twice")


@dataclass(frozen=True, slots=True)
class Records:
    """Envelopes in answer to a Range or a Get.

    `next_key` (40 bytes) is the `after` with which to go on, empty where nothing follows; `more`
    says that another Records frame follows this one in the same answer.
    """

    raws: tuple[bytes, ...]
    next_key: bytes = b""
    more: bool = False

    def __post_init__(self) -> None:
        _check_raws(self.raws, 0)
        _check_key("next_key", self.next_key)
        if type(self.more) is not bool:
            raise ValueError("more is not a truth value")


@dataclass(frozen=True, slots=True)
class Push:
    """Envelopes that you lack."""

    market: str
    raws: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_market(self.market)
        _check_raws(self.raws, 1)


@dataclass(frozen=True, slots=True)
class Pushed:
    """Of your last Push I keep `kept` records."""

    kept: int

    def __post_init__(self) -> None:
        check_integer("kept", self.kept, 0, limits.SYNC_RECORDS_MAX)


@dataclass(frozen=True, slots=True)
class Bye:
    """I end this session; `text` says why, to a person."""

    text: str

    def __post_init__(self) -> None:
        if type(self.text) is not str or len(self.text) > limits.SYNC_TEXT_CHARS_MAX:
            raise ValueError(f"not a text of at most {limits.SYNC_TEXT_CHARS_MAX} characters")


Frame: TypeAlias = Hello | Range | Recon | Get | Records | Push | Pushed | Bye

_TYPES: Final[dict[int, type[Any]]] = {
    1: Hello,
    2: Range,
    3: Recon,
    4: Get,
    5: Records,
    6: Push,
    7: Pushed,
    8: Bye,
}
_TAGS: Final = {frame_type: tag for tag, frame_type in _TYPES.items()}


def encode(frame: Frame) -> bytes:
    """The frame's bytes without their length; ValueError beyond SYNC_FRAME_BYTES_MAX."""
    return frame_form.pack(
        (_TAGS[type(frame)], *_fields(frame)), limits.SYNC_FRAME_BYTES_MAX, _fields
    )


def encode_prefixed(frame: Frame) -> bytes:
    """The frame as it goes over the stream, its length first."""
    return frame_form.prefixed(encode(frame))


def decode_length(prefix: bytes) -> int:
    """How many bytes to read for the next frame; RemoteProtocolError R6.9, before they are read."""
    return frame_form.length_of(prefix, limits.SYNC_FRAME_BYTES_MAX, "R6.9")


def decode(data: bytes) -> Frame:
    """The frame of `data`; RemoteProtocolError R6.9 or R6.10 if it is none."""
    frame_type, fields = frame_form.unpack(
        data,
        _TYPES,
        bytes_max=limits.SYNC_FRAME_BYTES_MAX,
        array_max=limits.SYNC_RECORDS_MAX,
        length_rule="R6.9",
        rule="R6.10",
    )
    try:
        if frame_type is Hello:
            version, now_ms, rows = fields
            check_tuple("markets", rows, 0, limits.SYNC_MARKETS_MAX)
            return Hello(version, now_ms, tuple(_summary(row) for row in rows))
        frame: Frame = frame_type(*fields)
    except ValueError as error:
        raise RemoteProtocolError("R6.10", f"{frame_type.__name__}: {error}") from None
    return frame


def fitting(raws: Sequence[bytes]) -> int:
    """How many of the first `raws` go into one frame of records, by count and by bytes."""
    return fitting_in(
        raws,
        bytes_max=limits.SYNC_FRAME_BYTES_MAX,
        count_max=limits.SYNC_RECORDS_MAX,
        head_bytes=_FRAME_HEAD_BYTES,
    )


def _fields(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name in value.__slots__)


def _summary(row: Any) -> MarketSummary:
    check_tuple("market", row, len(MarketSummary.__slots__), len(MarketSummary.__slots__))
    return MarketSummary(*row)


def _check_market(value: object) -> None:
    if type(value) is not str or not is_market(value):
        raise ValueError("not the name of a market")


def _check_key(name: str, value: object) -> None:
    if type(value) is not bytes or len(value) not in (0, KEY_BYTES):
        raise ValueError(f"{name} is neither empty nor a key of {KEY_BYTES} bytes")


def _check_raws(raws: tuple[bytes, ...], least: int) -> None:
    check_tuple("records", raws, least, limits.SYNC_RECORDS_MAX)
    for raw in raws:
        check_bytes("record", raw, 1, limits.RECORD_BYTES_MAX)
