"""The canonical form of values: msgpack with exactly one encoding per value (SPEC.md R1).

A value is None, a bool, an int, a str, bytes, a list of values, or a dict from str to value.
Knows nothing of what the values mean.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgpack

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .told import tell

Value: TypeAlias = Any
"""None | bool | int | str | bytes | list[Value] | dict[str, Value]; checked by `decode`."""

_TEXT: Final = frozenset((str,))


def encode(value: Value) -> bytes:
    """The one encoding of `value`, its keys put in order; LocalProtocolError if it has none."""
    try:
        _check(value, 0, sorted_keys=False)
    except RemoteProtocolError as error:
        raise LocalProtocolError(
            tell("cannot be published: {message}", message=error.message)
        ) from None
    packed: bytes = msgpack.packb(_ordered(value))
    return packed


def encode_flat(values: list[Value]) -> bytes:
    """As `encode`, of whole text, bytes and truths alone: there is nothing in them to check."""
    packed: bytes = msgpack.packb(values)
    return packed


def decode(data: bytes, *, bytes_max: int = limits.RECORD_BYTES_MAX) -> Value:
    """The value of canonical `data`; any other bytes raise RemoteProtocolError (R1.*).

    The walk checks types, order and bounds; encoding again and comparing catches what the walk
    cannot see (over-long integers and lengths). Neither alone is enough: the comparison lets
    unsorted keys, extension types and NaN through.
    """
    if len(data) > bytes_max:
        raise RemoteProtocolError("R1.1", f"{len(data)} bytes, at most {bytes_max}")
    try:
        # Text and bytes are bounded by `data` itself. Every error of msgpack's for bytes that are
        # none is a ValueError; a map as the key of a map is a TypeError of dict's.
        value = msgpack.unpackb(
            data,
            strict_map_key=False,
            max_array_len=limits.ARRAY_ENTRIES_MAX,
            max_map_len=limits.MAP_ENTRIES_MAX,
            max_ext_len=0,
        )
    except (ValueError, TypeError) as error:
        raise RemoteProtocolError("R1.2", f"not msgpack within bounds: {error}") from None
    if not _is_sound((value,), 0):
        _check(value, 0, sorted_keys=True)  # says what is wrong
    if msgpack.packb(value) != data:
        raise RemoteProtocolError("R1.3", "not the canonical encoding")
    return value


def _is_sound(entries: Iterable[Value], depth: int) -> bool:
    """Whether `_check` would pass them all, as msgpack has unpacked them (which has looked at text
    and lengths): nearly all values are sound, and this takes a third of its time."""
    for entry in entries:
        kind = type(entry)
        if kind is str or kind is bytes:
            continue
        if kind is int:
            if not -limits.INTEGER_MAX <= entry <= limits.INTEGER_MAX:
                return False
        elif kind is list:
            if depth >= limits.DEPTH_MAX or not _is_sound(entry, depth + 1):
                return False
        elif kind is dict:
            keys = list(entry)
            if depth >= limits.DEPTH_MAX or not _TEXT.issuperset(map(type, keys)):
                return False
            # The order of code points is that of UTF-8 bytes.
            if keys != sorted(keys) or not _is_sound(entry.values(), depth + 1):
                return False
        elif not (kind is bool or entry is None):
            return False
    return True


def decode_known(data: bytes) -> Value:
    """The value of bytes that `decode` has taken before: nothing is checked again."""
    return msgpack.unpackb(data, strict_map_key=False)


def _check(value: Value, depth: int, *, sorted_keys: bool) -> None:
    kind = type(value)
    if kind is int:
        if not -limits.INTEGER_MAX <= value <= limits.INTEGER_MAX:
            raise RemoteProtocolError("R1.4", "integer beyond 2^53 - 1")
    elif kind is str:
        _check_text(value)
    elif kind is list:
        _check_depth(depth)
        if len(value) > limits.ARRAY_ENTRIES_MAX:
            raise RemoteProtocolError("R1.6", f"array of more than {limits.ARRAY_ENTRIES_MAX}")
        for entry in value:
            _check(entry, depth + 1, sorted_keys=sorted_keys)
    elif kind is dict:
        _check_depth(depth)
        if len(value) > limits.MAP_ENTRIES_MAX:
            raise RemoteProtocolError("R1.6", f"map of more than {limits.MAP_ENTRIES_MAX}")
        last: bytes | None = None
        for key, entry in value.items():
            if type(key) is not str:
                raise RemoteProtocolError("R1.5", "map key that is not text")
            _check_text(key)
            key_bytes = key.encode()
            if sorted_keys and last is not None and key_bytes <= last:
                raise RemoteProtocolError("R1.5", "map keys out of order")
            last = key_bytes
            _check(entry, depth + 1, sorted_keys=sorted_keys)
    elif not (kind is bytes or kind is bool or value is None):
        raise RemoteProtocolError("R1.7", f"type {kind.__name__} has no place here")


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RemoteProtocolError("R1.2", "text with a lone surrogate") from None


def _check_depth(depth: int) -> None:
    if depth >= limits.DEPTH_MAX:
        raise RemoteProtocolError("R1.6", f"nested deeper than {limits.DEPTH_MAX}")


def _ordered(value: Value) -> Value:
    if type(value) is dict:
        # msgpack writes a dict in its own order; that of code points is that of UTF-8 bytes.
        return {key: _ordered(value[key]) for key in sorted(value)}
    if type(value) is list:
        return [_ordered(entry) for entry in value]
    return value
