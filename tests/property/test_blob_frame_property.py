"""Frames of blobs, and answers to gets: what was encoded is decoded, any other bytes are refused;
whatever an answer is cut into, only the one form of it is taken."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.node.blob_answer import BlobAnswer, Lacked, Whole
from jangteo.protocol import limits
from jangteo.protocol.blob_frame import (
    Bye,
    Chunk,
    Frame,
    Get,
    Lacking,
    Part,
    decode,
    encode,
)
from jangteo.protocol.errors import RemoteProtocolError

HASHES = st.binary(min_size=32, max_size=32)
PARTS = st.tuples(
    HASHES, st.integers(1, limits.PHOTO_BYTES_MAX), st.integers(0, limits.PHOTO_BYTES_MAX)
).map(lambda told: Part(told[0], told[1], told[2] % told[1]))
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        Get, st.lists(PARTS, min_size=1, max_size=5, unique_by=lambda part: part.hash).map(tuple)
    ),
    st.builds(
        Chunk,
        st.integers(0, limits.BLOB_GETS_MAX - 1),
        st.integers(0, limits.PHOTO_BYTES_MAX - 1),
        st.integers(1, limits.PHOTO_BYTES_MAX),
        st.binary(min_size=1, max_size=300),
    ),
    st.builds(Lacking, st.integers(0, limits.BLOB_GETS_MAX - 1)),
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
        HASHES,
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
        assert refused.rule in ("R16.1", "R16.2")
    else:
        assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    assert_decoded_or_refused(data)


@given(st.integers(0, 5), st.lists(VALUES, max_size=5))
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


SIZES = st.integers(1, 3 * limits.BLOB_CHUNK_BYTES)


@given(st.lists(st.tuples(SIZES, SIZES, st.booleans()), min_size=1, max_size=6), st.data())
@settings(max_examples=100, deadline=None)
def test_an_answer_is_taken_in_its_one_form_only(
    told: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    parts = [
        Part(number.to_bytes(32, "big"), size, offset % size)
        for number, (size, offset, _) in enumerate(told)
    ]
    frames: list[Chunk | Lacking] = []
    for index, (part, (_, _, is_here)) in enumerate(zip(parts, told, strict=True)):
        if not is_here:
            frames.append(Lacking(index))
            continue
        for at in range(part.offset, part.size_max, limits.BLOB_CHUNK_BYTES):
            length = min(limits.BLOB_CHUNK_BYTES, part.size_max - at)
            frames.append(Chunk(index, at, part.size_max, bytes([index + 1]) * length))
    answer = BlobAnswer(parts)
    outcomes = [outcome for frame in frames if (outcome := answer.take(frame)) is not None]
    assert answer.is_complete
    for index, (part, outcome) in enumerate(zip(parts, outcomes, strict=True)):
        fill = bytes([index + 1]) * (part.size_max - part.offset)
        whole = Whole(part, part.size_max, fill)
        assert outcome == (whole if told[index][2] else Lacked(part))
    at = data.draw(st.integers(0, len(frames) - 1))
    if len(frames) > 1:
        other = BlobAnswer(parts)
        with pytest.raises(RemoteProtocolError):
            for frame in frames[:at] + frames[at + 1 :]:
                other.take(frame)
            assert not other.is_complete  # without the last it is not whole
            raise RemoteProtocolError("R16.4", "the last was left out")
