"""The frames of the mail stream: their bytes, and each bound of them (SPEC.md R12.5, R12.6)."""

from typing import Any

import msgpack
import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.letter import LETTER_BYTES_MAX
from jangteo.protocol.mail_frame import (
    Get,
    Hello,
    Letters,
    Put,
    decode,
    decode_length,
    encode,
    encode_prefixed,
    fitting,
)

DIGEST = bytes(16)
RAW = bytes(310)
MANY = limits.MAIL_IDS_MAX


def ids(count: int) -> list[bytes]:
    return [n.to_bytes(32, "big") for n in range(count)]


def test_a_frame_is_an_array_that_begins_with_its_number() -> None:
    assert msgpack.unpackb(encode(Hello(1, 3, DIGEST, 2))) == [1, 1, 3, DIGEST, 2]
    assert msgpack.unpackb(encode(Letters((RAW,), True))) == [4, [RAW], True]


def test_a_frame_follows_its_length() -> None:
    data = encode_prefixed(Get((bytes(32),)))
    assert decode_length(data[:4]) == len(data) - 4
    assert decode(data[4:]) == Get((bytes(32),))


@pytest.mark.parametrize("length", [0, limits.MAIL_FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_beyond_the_bound_is_refused_before_its_bytes_are_read(length: int) -> None:
    assert decode_length(limits.MAIL_FRAME_BYTES_MAX.to_bytes(4, "big"))
    with pytest.raises(RemoteProtocolError) as caught:
        decode_length(length.to_bytes(4, "big"))
    assert caught.value.rule == "R12.5"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([1, 1, 0, DIGEST, 0], id="hello of nothing"),
        pytest.param([1, 2, limits.INTEGER_MAX, DIGEST, limits.INTEGER_MAX], id="hello"),
        pytest.param([2, bytes(limits.RECON_MESSAGE_BYTES_MAX)], id="recon"),
        pytest.param([3, ids(MANY)], id="get"),
        pytest.param([4, [], False], id="no letters"),
        pytest.param([4, [b"x"] * MANY, True], id="letters"),
        pytest.param([5, [bytes(LETTER_BYTES_MAX)]], id="put"),
        pytest.param([6, []], id="nothing stored"),
        pytest.param([6, ids(MANY)], id="stored"),
        pytest.param([7, "x" * limits.SYNC_TEXT_CHARS_MAX], id="bye"),
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
        pytest.param([8, "x"], id="no such frame either"),
        pytest.param([True, 1, DIGEST, 0], id="true is not one"),
        pytest.param([7.0, "x"], id="float"),
        pytest.param([7], id="a field short"),
        pytest.param([7, "x", "y"], id="a field long"),
        pytest.param([1, 0, 0, DIGEST, 0], id="version 0"),
        pytest.param([1, 1, -1, DIGEST, 0], id="fewer than none"),
        pytest.param([1, 1, 2**53, DIGEST, 0], id="beyond 2^53"),
        pytest.param([1, 1, 3, bytes(15), 0], id="a short fingerprint"),
        pytest.param([1, 1, 3, DIGEST, 4], id="more declined than there are"),
        pytest.param([1, True, 3, DIGEST, 0], id="a truth for a number"),
        pytest.param([2, b""], id="no message"),
        pytest.param([2, bytes(limits.RECON_MESSAGE_BYTES_MAX + 1)], id="long message"),
        pytest.param([2, "a"], id="a message in text"),
        pytest.param([3, []], id="no ids"),
        pytest.param([3, ids(MANY + 1)], id="too many ids"),
        pytest.param([3, ids(1) * 2], id="an id twice"),
        pytest.param([3, [bytes(31)]], id="a short id"),
        pytest.param([3, ["x" * 32]], id="an id in text"),
        pytest.param([3, None], id="nil for ids"),
        pytest.param([4, [b"x"] * (MANY + 1), False], id="many letters"),
        pytest.param([4, [b""], False], id="an empty letter"),
        pytest.param([4, [b"x"], 0], id="a number for a truth"),
        pytest.param([5, []], id="nothing put"),
        pytest.param([5, [bytes(LETTER_BYTES_MAX + 1)]], id="a large letter"),
        pytest.param([5, [[b"x"]]], id="a letter in an array"),
        pytest.param([6, ids(1) * 2], id="stored twice"),
        pytest.param([6, ids(MANY + 1)], id="more stored than can be put"),
        pytest.param([7, "x" * (limits.SYNC_TEXT_CHARS_MAX + 1)], id="a long bye"),
        pytest.param([7, msgpack.ExtType(1, b"")], id="an extension"),
        pytest.param([7, {"a": 1}], id="a map within"),
    ],
)
def test_what_no_frame_is_is_refused(fields: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(msgpack.packb(fields))
    assert caught.value.rule == "R12.6"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x92\x07", id="cut off"),
        pytest.param(b"\x92\x07\xa1xx", id="bytes left over"),
        pytest.param(b"\x92\x07\xa1\xff", id="text that is not UTF-8"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(b"\xdd\x00\x00\x01\x00" * 50_000, id="arrays in arrays"),
        pytest.param(b"\xc1", id="a byte msgpack does not use"),
    ],
)
def test_what_is_not_msgpack_within_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.rule == "R12.6"


def test_a_frame_may_not_be_larger_than_the_bound() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes(limits.MAIL_FRAME_BYTES_MAX + 1))
    assert caught.value.rule == "R12.5"
    too_many = tuple([bytes(LETTER_BYTES_MAX)] * 32)
    with pytest.raises(ValueError, match="at most"):
        encode(Put(too_many))
    assert fitting(too_many) == 31


def test_a_frame_that_cannot_be_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="twice"):
        Get((bytes(32), bytes(32)))
