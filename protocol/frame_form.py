"""What all frames on streams share: a length before them, one msgpack array of a number and fixed
fields within, and fields that are checked one by one. Knows no protocol; the bounds and the rules
that are broken are its callers'.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgpack

from .errors import RemoteProtocolError

LENGTH_BYTES: Final = 4
"""Each frame follows its length in bytes, big-endian."""
_RAW_HEAD_BYTES: Final = 3  # msgpack's, of up to 65,535 bytes


def prefixed(data: bytes) -> bytes:
    """A frame as it goes over the stream, its length first."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def pack(values: tuple[Any, ...], bytes_max: int, default: Any = None) -> bytes:
    """A frame's bytes without their length; ValueError beyond `bytes_max`."""
    packed: bytes = msgpack.packb(values, default=default, use_bin_type=True)
    if len(packed) > bytes_max:
        raise ValueError(f"a frame of {len(packed)} bytes, at most {bytes_max}")
    return packed


def length_of(prefix: bytes, bytes_max: int, rule: str) -> int:
    """How many bytes to read for the next frame; RemoteProtocolError, before they are read."""
    length = int.from_bytes(prefix, "big")
    if not 0 < length <= bytes_max:
        raise RemoteProtocolError(rule, f"a frame of {length} bytes, at most {bytes_max}")
    return length


def unpack(
    data: bytes,
    types: dict[int, type[Any]],
    *,
    bytes_max: int,
    array_max: int,
    length_rule: str,
    rule: str,
) -> tuple[type[Any], tuple[Any, ...]]:
    """The type of a frame and its fields, as many as it has; RemoteProtocolError if it is none."""
    if len(data) > bytes_max:
        raise RemoteProtocolError(length_rule, f"a frame of {len(data)} bytes, at most {bytes_max}")
    try:
        values = msgpack.unpackb(
            data,
            raw=False,
            use_list=False,
            # Arrays are allocated at the length that they claim, at each depth: bound it first.
            max_array_len=array_max,
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError, OverflowError) as error:
        raise RemoteProtocolError(rule, f"not msgpack within bounds: {error}") from None
    if type(values) is not tuple or not values or type(values[0]) is not int:
        raise RemoteProtocolError(rule, "not an array that begins with a number")
    frame_type = types.get(values[0])
    if frame_type is None:
        raise RemoteProtocolError(rule, f"no frame has the number {values[0]}")
    fields = values[1:]
    if len(fields) != len(frame_type.__slots__):
        raise RemoteProtocolError(rule, f"{len(fields)} fields in a {frame_type.__name__}")
    return frame_type, fields


def fitting_in(raws: Sequence[bytes], *, bytes_max: int, count_max: int, head_bytes: int) -> int:
    """How many of the first `raws` go into one frame, by count and by bytes; `head_bytes` is room
    for all else in it."""
    left = bytes_max - head_bytes
    for count, raw in enumerate(raws[:count_max]):
        left -= len(raw) + _RAW_HEAD_BYTES
        if left < 0:
            return count
    return min(len(raws), count_max)


def check_integer(name: str, value: object, least: int, most: int) -> None:
    """ValueError where it is none within these bounds; so too the others."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is not an integer from {least} to {most}")


def check_bytes(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not bytes or not least <= len(value) <= most:
        raise ValueError(f"{name} is not {least} to {most} bytes")


def check_tuple(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not tuple or not least <= len(value) <= most:
        raise ValueError(f"{name} is not an array of {least} to {most}")
