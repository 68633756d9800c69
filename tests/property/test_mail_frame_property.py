"""Frames of mail: what was encoded is decoded, and any other bytes are refused."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.letter import LETTER_SIZES
from jangteo.protocol.mail_frame import (
    Bye,
    Frame,
    Get,
    Hello,
    Letters,
    Put,
    Recon,
    Stored,
    decode,
    encode,
    fitting,
)

NUMBERS = st.integers(0, limits.INTEGER_MAX)
IDS = st.binary(min_size=32, max_size=32)
RAWS = st.binary(min_size=1, max_size=500)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.tuples(NUMBERS, NUMBERS).flatmap(
        lambda counts: st.builds(
            Hello,
            st.integers(1, limits.INTEGER_MAX),
            st.just(max(counts)),
            st.binary(min_size=16, max_size=16),
            st.just(min(counts)),
        )
    ),
    st.builds(Recon, st.binary(min_size=1, max_size=300)),
    st.builds(Get, st.lists(IDS, min_size=1, max_size=5, unique=True).map(tuple)),
    st.builds(Letters, st.lists(RAWS, max_size=5).map(tuple), st.booleans()),
    st.builds(Put, st.lists(RAWS, min_size=1, max_size=5).map(tuple)),
    st.builds(Stored, st.lists(IDS, max_size=5, unique=True).map(tuple)),
    st.builds(Bye, st.text(st.characters(exclude_categories=["Cs"]), max_size=200)),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=41),
        IDS,
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(FRAMES)
@settings(deadline=None)
def test_what_was_encoded_is_decoded(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


def assert_decoded_or_refused(data: bytes) -> None:
    try:
        frame = decode(data)
    except RemoteProtocolError as refused:
        assert refused.rule in ("R12.5", "R12.6")
    else:
        assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    assert_decoded_or_refused(data)


@given(st.integers(0, 8), st.lists(VALUES, max_size=5))
@settings(max_examples=500, deadline=None)
def test_any_array_is_a_frame_or_refused(tag: int, values: list[object]) -> None:
    assert_decoded_or_refused(msgpack.packb([tag, *values]))


@given(FRAMES, st.data())
@settings(max_examples=300, deadline=None)
def test_a_spoilt_frame_is_a_frame_or_refused(frame: Frame, data: st.DataObject) -> None:
    spoilt = bytearray(encode(frame))
    at = data.draw(st.integers(0, len(spoilt) - 1))
    spoilt[at] = data.draw(st.integers(0, 255))
    assert_decoded_or_refused(bytes(spoilt))
    with pytest.raises(RemoteProtocolError):
        decode(bytes(encode(frame)[:at]))


@given(st.lists(st.sampled_from(sorted(LETTER_SIZES)).map(bytes), max_size=300))
@settings(max_examples=40, deadline=None)
def test_as_many_letters_as_fit_make_a_frame(raws: list[bytes]) -> None:
    count = fitting(raws)
    assert (
        count == min(len(raws), limits.MAIL_IDS_MAX)
        or sum(len(raw) + 3 for raw in raws[: count + 1]) > limits.MAIL_FRAME_BYTES_MAX - 16
    )
    encode(Letters(tuple(raws[:count]), True))
    if count:
        encode(Put(tuple(raws[:count])))
