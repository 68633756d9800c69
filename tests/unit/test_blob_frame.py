"""The frames of the blob stream: their bytes, and each bound of them (SPEC.md R16.1, R16.2)."""

from typing import Any

import msgpack
import pytest

from jangteo.protocol import limits
from jangteo.protocol.blob_frame import (
    Bye,
    Chunk,
    Get,
    Lacking,
    Part,
    decode,
    decode_length,
    encode,
    encode_prefixed,
)
from jangteo.protocol.errors import RemoteProtocolError

HASH = bytes(32)
MANY = limits.BLOB_GETS_MAX
SIZE = limits.PHOTO_BYTES_MAX
CHUNK = limits.BLOB_CHUNK_BYTES


def parts(count: int, size: int = 100) -> list[list[Any]]:
    return [[n.to_bytes(32, "big"), size, 0] for n in range(count)]


def test_a_frame_is_an_array_that_begins_with_its_number() -> None:
    assert msgpack.unpackb(encode(Get((Part(HASH, 9, 4),)))) == [1, [[HASH, 9, 4]]]
    assert msgpack.unpackb(encode(Chunk(3, 5, 9, b"x"))) == [2, 3, 5, 9, b"x"]
    assert msgpack.unpackb(encode(Lacking(7))) == [3, 7]
    assert msgpack.unpackb(encode(Bye("done"))) == [4, "done"]


def test_a_frame_follows_its_length() -> None:
    data = encode_prefixed(Get((Part(HASH, 9),)))
    assert decode_length(data[:4]) == len(data) - 4
    decoded = decode(data[4:])
    assert isinstance(decoded, Get)
    assert decoded.parts[0].size_max == 9


@pytest.mark.parametrize("length", [0, limits.BLOB_FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_beyond_the_bound_is_refused_before_its_bytes_are_read(length: int) -> None:
    assert decode_length(limits.BLOB_FRAME_BYTES_MAX.to_bytes(4, "big"))
    with pytest.raises(RemoteProtocolError) as caught:
        decode_length(length.to_bytes(4, "big"))
    assert caught.value.rule == "R16.1"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([1, parts(MANY, SIZE)], id="get"),
        pytest.param([1, [[HASH, SIZE, SIZE - 1]]], id="the last byte"),
        pytest.param([2, MANY - 1, SIZE - 1, SIZE, b"x"], id="a last chunk"),
        pytest.param([2, 0, 0, 1, bytes(CHUNK)], id="chunk"),
        pytest.param([3, MANY - 1], id="lacking"),
        pytest.param([4, "x" * limits.SYNC_TEXT_CHARS_MAX], id="bye"),
    ],
)
def test_what_is_just_within_the_bounds_is_a_frame(fields: list[Any]) -> None:
    assert msgpack.unpackb(encode(decode(msgpack.packb(fields)))) == fields


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(None, id="nil"),
        pytest.param([], id="empty"),
        pytest.param({}, id="map"),
        pytest.param([0], id="no such frame"),
        pytest.param([5, "x"], id="no such frame either"),
        pytest.param([True, parts(1)], id="true is not one"),
        pytest.param([3.0, 1], id="float"),
        pytest.param([1], id="a field short"),
        pytest.param([3, 1, 1], id="a field long"),
        pytest.param([1, []], id="nothing asked for"),
        pytest.param([1, parts(MANY + 1)], id="too many"),
        pytest.param([1, parts(1) * 2], id="one twice"),
        pytest.param([1, [HASH]], id="a bare hash"),
        pytest.param([1, [[HASH, 1]]], id="no offset"),
        pytest.param([1, [[HASH, 1, 0, 0]]], id="a part too long"),
        pytest.param([1, [[bytes(31), 1, 0]]], id="a short hash"),
        pytest.param([1, [["x" * 32, 1, 0]]], id="a hash in text"),
        pytest.param([1, [[HASH, 0, 0]]], id="a blob of nothing"),
        pytest.param([1, [[HASH, SIZE + 1, 0]]], id="a blob too large"),
        pytest.param([1, [[HASH, 10, 10]]], id="from its end on"),
        pytest.param([1, [[HASH, 10, -1]]], id="before its beginning"),
        pytest.param([1, [[HASH, True, 0]]], id="a truth for a size"),
        pytest.param([1, [[[1], 10, 0]]], id="an array for a hash"),
        pytest.param([1, None], id="nil for parts"),
        pytest.param([1, 5], id="a number for parts"),
        pytest.param([2, MANY, 0, 9, b"x"], id="beyond the last"),
        pytest.param([2, -1, 0, 9, b"x"], id="before the first"),
        pytest.param([2, 0, SIZE, 9, b"x"], id="beyond a blob's end"),
        pytest.param([2, 0, 0, 9, b""], id="an empty chunk"),
        pytest.param([2, 0, 0, 9, bytes(CHUNK + 1)], id="a chunk too large"),
        pytest.param([2, 0, 0, 9, "x"], id="a chunk in text"),
        pytest.param([2, 0, 0, 0, b"x"], id="a chunk of nothing"),
        pytest.param([2, 0, 0, SIZE + 1, b"x"], id="a chunk of too much"),
        pytest.param([2, 0, 0, True, b"x"], id="a chunk of a truth"),
        pytest.param([3, MANY], id="lacking beyond the last"),
        pytest.param([3, None], id="lacking nil"),
        pytest.param([4, "x" * (limits.SYNC_TEXT_CHARS_MAX + 1)], id="a long bye"),
        pytest.param([4, msgpack.ExtType(1, b"")], id="an extension"),
        pytest.param([4, {"a": 1}], id="a map within"),
    ],
)
def test_what_no_frame_is_is_refused(fields: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(msgpack.packb(fields))
    assert caught.value.rule == "R16.2"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x92\x04", id="cut off"),
        pytest.param(b"\x92\x04\xa1xx", id="bytes left over"),
        pytest.param(b"\x92\x04\xa1\xff", id="text that is not UTF-8"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(b"\xdd\x00\x00\x01\x00" * 10_000, id="arrays in arrays"),
        pytest.param(b"\xc1", id="a byte msgpack does not use"),
    ],
)
def test_what_is_not_msgpack_within_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.rule == "R16.2"


def test_a_frame_may_not_be_larger_than_the_bound() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes(limits.BLOB_FRAME_BYTES_MAX + 1))
    assert caught.value.rule == "R16.1"
    largest = Get(tuple(Part(bytes(part[0]), SIZE, SIZE - 1) for part in parts(MANY)))
    assert len(encode(largest)) < limits.BLOB_FRAME_BYTES_MAX
    assert len(encode(Chunk(MANY - 1, SIZE - 1, SIZE, bytes(CHUNK)))) < limits.BLOB_FRAME_BYTES_MAX


def test_a_frame_that_cannot_be_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="twice"):
        Get((Part(HASH, 1), Part(HASH, 2)))
