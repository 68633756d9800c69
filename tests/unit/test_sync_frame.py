"""The frames of the sync stream: their bytes, and each bound of them (SPEC.md R6)."""

from typing import Any

import msgpack
import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.sync_frame import (
    Get,
    Hello,
    MarketSummary,
    Push,
    Records,
    decode,
    decode_length,
    encode,
    encode_prefixed,
    fitting,
)

KEY = bytes(40)
DIGEST = bytes(16)
RAW = bytes(100)


def ids(count: int) -> list[bytes]:
    return [n.to_bytes(32, "big") for n in range(count)]


def rows(count: int) -> list[list[object]]:
    return [[f"m{n}", 1, 0, DIGEST, 0] for n in range(count)]


def test_a_frame_is_an_array_that_begins_with_its_number() -> None:
    hello = Hello(1, 1_700_000_000_000, (MarketSummary("open", 3, 0, DIGEST, 2),))
    expected = [1, 1, 1_700_000_000_000, [["open", 3, 0, DIGEST, 2]]]
    assert msgpack.unpackb(encode(hello)) == expected
    assert msgpack.unpackb(encode(Records((RAW,), KEY, True))) == [5, [RAW], KEY, True]


def test_a_frame_follows_its_length() -> None:
    data = encode_prefixed(Get("open", (bytes(32),)))
    assert decode_length(data[:4]) == len(data) - 4
    assert decode(data[4:]) == Get("open", (bytes(32),))


@pytest.mark.parametrize("length", [0, limits.SYNC_FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_beyond_the_bound_is_refused_before_its_bytes_are_read(length: int) -> None:
    assert decode_length(limits.SYNC_FRAME_BYTES_MAX.to_bytes(4, "big"))
    with pytest.raises(RemoteProtocolError) as caught:
        decode_length(length.to_bytes(4, "big"))
    assert caught.value.rule == "R6.9"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([1, 1, 0, rows(limits.SYNC_MARKETS_MAX)], id="hello of all markets"),
        pytest.param([2, "open", b"", limits.SYNC_RECORDS_MAX], id="range from the first"),
        pytest.param([2, "open", KEY, 1], id="range"),
        pytest.param([3, "open", bytes(limits.RECON_MESSAGE_BYTES_MAX)], id="recon"),
        pytest.param([4, "open", ids(limits.SYNC_RECORDS_MAX)], id="get"),
        pytest.param([5, [], b"", False], id="no records"),
        pytest.param([5, [b"x"] * limits.SYNC_RECORDS_MAX, KEY, True], id="records"),
        pytest.param([6, "open", [bytes(limits.RECORD_BYTES_MAX)]], id="push"),
        pytest.param([7, 0], id="pushed"),
        pytest.param([8, "x" * limits.SYNC_TEXT_CHARS_MAX], id="bye"),
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
        pytest.param([9, "x"], id="no such frame either"),
        pytest.param([True, "x"], id="true is not one"),
        pytest.param([8.0, "x"], id="float"),
        pytest.param([8], id="a field short"),
        pytest.param([8, "x", "y"], id="a field long"),
        pytest.param([1, 0, 0, []], id="version 0"),
        pytest.param([1, 1, -1, []], id="before 1970"),
        pytest.param([1, 1, 2**53, []], id="beyond 2^53"),
        pytest.param([1, 1, 0, rows(limits.SYNC_MARKETS_MAX + 1)], id="too many markets"),
        pytest.param([1, 1, 0, rows(1) * 2], id="one market twice"),
        pytest.param([1, 1, 0, [["open", 3, 0, DIGEST]]], id="a short summary"),
        pytest.param([1, 1, 0, [["open", 3, 0, DIGEST, 4]]], id="more declined than there are"),
        pytest.param([1, 1, 0, [["Open", 3, 0, DIGEST, 0]]], id="no name of a market"),
        pytest.param([1, 1, 0, [["open", 3, 0, bytes(15), 0]]], id="a short fingerprint"),
        pytest.param([1, 1, 0, [3]], id="a summary that is a number"),
        pytest.param([2, "open", bytes(39), 1], id="a short key"),
        pytest.param([2, "open", None, 1], id="nil for a key"),
        pytest.param([2, "open", b"", 0], id="nothing asked for"),
        pytest.param([2, "open", b"", limits.SYNC_RECORDS_MAX + 1], id="too much asked for"),
        pytest.param([2, "open", b"", True], id="a truth for a number"),
        pytest.param([3, "open", b""], id="no message"),
        pytest.param([3, "open", bytes(limits.RECON_MESSAGE_BYTES_MAX + 1)], id="long message"),
        pytest.param([3, b"open", b"a"], id="a name in bytes"),
        pytest.param([4, "open", []], id="no ids"),
        pytest.param([4, "open", ids(limits.SYNC_RECORDS_MAX + 1)], id="too many ids"),
        pytest.param([4, "open", ids(1) * 2], id="an id twice"),
        pytest.param([4, "open", [bytes(31)]], id="a short id"),
        pytest.param([4, "open", ["x" * 32]], id="an id in text"),
        pytest.param([5, [b"x"] * (limits.SYNC_RECORDS_MAX + 1), b"", False], id="many records"),
        pytest.param([5, [b""], b"", False], id="an empty record"),
        pytest.param([5, [b"x"], b"", 0], id="a number for a truth"),
        pytest.param([6, "open", []], id="nothing pushed"),
        pytest.param([6, "open", [bytes(limits.RECORD_BYTES_MAX + 1)]], id="a large record"),
        pytest.param([6, "open", [[b"x"]]], id="a record in an array"),
        pytest.param([7, limits.SYNC_RECORDS_MAX + 1], id="more kept than can be pushed"),
        pytest.param([8, "x" * (limits.SYNC_TEXT_CHARS_MAX + 1)], id="a long bye"),
        pytest.param([8, msgpack.ExtType(1, b"")], id="an extension"),
        pytest.param([8, {"a": 1}], id="a map within"),
    ],
)
def test_what_no_frame_is_is_refused(fields: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(msgpack.packb(fields))
    assert caught.value.rule == "R6.10"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x92\x08", id="cut off"),
        pytest.param(b"\x92\x08\xa1xx", id="bytes left over"),
        pytest.param(b"\x92\x08\xa1\xff", id="text that is not UTF-8"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(b"\xdd\x00\x00\x04\x00" * 50_000, id="arrays in arrays"),
        pytest.param(b"\xc1", id="a byte msgpack does not use"),
    ],
)
def test_what_is_not_msgpack_within_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.rule == "R6.10"


def test_a_frame_may_not_be_larger_than_the_bound() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes(limits.SYNC_FRAME_BYTES_MAX + 1))
    assert caught.value.rule == "R6.9"
    too_many = tuple([bytes(limits.RECORD_BYTES_MAX)] * 16)
    with pytest.raises(ValueError, match="at most"):
        encode(Push("open", too_many))
    assert fitting(too_many) == 15


def test_a_frame_that_cannot_be_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="twice"):
        Get("open", (bytes(32), bytes(32)))
