"""What may come in answer to a get, and what may not (SPEC.md R16.4)."""

import pytest

from jangteo.node.blob_answer import BlobAnswer, Lacked, Whole
from jangteo.protocol import limits
from jangteo.protocol.blob_frame import Chunk, Lacking, Part
from jangteo.protocol.errors import RemoteProtocolError

FULL = limits.BLOB_CHUNK_BYTES
SIZE = 2 * FULL + 100
DATA = bytes(range(256)) * (SIZE // 256 + 1)
BIG = Part(b"b" * 32, SIZE)
SMALL = Part(b"s" * 32, 10)


def big(offset: int = 0) -> list[Chunk]:
    return [Chunk(0, at, SIZE, DATA[at : min(at + FULL, SIZE)]) for at in range(offset, SIZE, FULL)]


def test_chunks_make_a_whole() -> None:
    answer = BlobAnswer([BIG, SMALL])
    first, second, last = big()
    assert answer.take(first) is None
    assert answer.begun() == (BIG, DATA[:FULL])
    assert answer.take(second) is None
    assert answer.take(last) == Whole(BIG, SIZE, DATA[:SIZE])
    assert answer.begun() is None
    assert not answer.is_complete
    assert answer.take(Lacking(1)) == Lacked(SMALL)
    assert answer.is_complete


def test_a_blob_goes_on_where_it_was_left() -> None:
    part = BIG._replace(offset=50)
    answer = BlobAnswer([part])
    whole = Whole(part, SIZE, DATA[50:SIZE])
    assert [answer.take(chunk) for chunk in big(50)] == [None, None, whole]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Chunk(1, 0, SIZE, DATA[:10]), id="of the second first"),
        pytest.param(Lacking(1), id="the second lacking first"),
        pytest.param(Chunk(0, FULL, SIZE, DATA[:FULL]), id="another place"),
        pytest.param(Chunk(0, 0, SIZE, DATA[:10]), id="a short chunk"),
        pytest.param(Chunk(0, 0, SIZE + 1, DATA[:FULL]), id="a blob that is too large"),
    ],
)
def test_what_is_not_the_next_is_refused(frame: Chunk | Lacking) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        BlobAnswer([BIG, SMALL]).take(frame)
    assert caught.value.rule == "R16.4"
    assert caught.value.penalty


def test_more_bytes_than_the_blob_has_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        BlobAnswer([SMALL]).take(Chunk(0, 0, 11, DATA[:11]))


def test_nothing_is_lacking_half_way() -> None:
    answer = BlobAnswer([BIG])
    answer.take(big()[0])
    with pytest.raises(RemoteProtocolError):
        answer.take(Lacking(0))


def test_nothing_may_follow_the_end() -> None:
    answer = BlobAnswer([SMALL])
    assert answer.take(Chunk(0, 0, 10, DATA[:10])) == Whole(SMALL, 10, DATA[:10])
    for frame in (Chunk(0, 0, 10, DATA[:10]), Lacking(0)):
        with pytest.raises(RemoteProtocolError):
            answer.take(frame)


def test_a_blob_may_be_smaller_than_a_listing_says_and_does_not_change_its_size() -> None:
    answer = BlobAnswer([BIG])
    assert answer.take(Chunk(0, 0, 7, DATA[:7])) == Whole(BIG, 7, DATA[:7])
    other = BlobAnswer([BIG])
    other.take(big()[0])
    with pytest.raises(RemoteProtocolError):
        other.take(Chunk(0, FULL, SIZE - 1, DATA[FULL : 2 * FULL]))


def test_a_blob_that_ends_before_what_is_here_is_none() -> None:
    with pytest.raises(RemoteProtocolError):
        BlobAnswer([BIG._replace(offset=500)]).take(Chunk(0, 500, 500, b"x"))
