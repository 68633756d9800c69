"""Signed records in a file."""

import io
from itertools import islice

import pytest

from jangteo.node.record_file import MAGIC, read_records, record_chunks
from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError

RAWS = [b"one", b"two" * 1000, b"x" * limits.RECORD_BYTES_MAX]


def written(raws: list[bytes]) -> bytes:
    return b"".join(record_chunks(raws))


def test_records_come_back_byte_for_byte() -> None:
    assert list(read_records(io.BytesIO(written(RAWS)))) == RAWS
    assert list(read_records(io.BytesIO(written([])))) == []


def test_a_file_cut_anywhere_gives_what_came_before_and_says_so() -> None:
    data = written([b"one", b"two"])
    for size in range(len(MAGIC), len(data)):
        found: list[bytes] = []
        with pytest.raises(RemoteProtocolError) as caught:
            found.extend(read_records(io.BytesIO(data[:size])))
        assert caught.value.rule == "R9.9" and caught.value.penalty == 0
        reader = read_records(io.BytesIO(data[:size]))
        assert list(islice(reader, len(found))) == found


def test_what_is_before_the_damage_was_read() -> None:
    reader = read_records(io.BytesIO(written([b"one", b"two"])[:-14]))
    assert next(reader) == b"one"
    with pytest.raises(RemoteProtocolError, match="amid record 2; 1 read"):
        next(reader)


def test_a_length_beyond_a_records_is_not_read() -> None:
    data = MAGIC + (limits.RECORD_BYTES_MAX + 1).to_bytes(4) + b"x" * 100_000
    with pytest.raises(RemoteProtocolError, match="record 1 would have"):
        list(read_records(io.BytesIO(data)))


def test_bytes_after_the_end_or_a_wrong_count_are_damage() -> None:
    data = written([b"one"])
    for bad in (data + b"x", data[:-1] + b"\x02"):
        with pytest.raises(RemoteProtocolError, match="end mark"):
            list(read_records(io.BytesIO(bad)))


def test_another_file_and_a_raw_of_a_wrong_size_are_refused() -> None:
    with pytest.raises(LocalProtocolError):
        list(read_records(io.BytesIO(b"title,price\n")))
    for raw in (b"", b"x" * (limits.RECORD_BYTES_MAX + 1)):
        with pytest.raises(LocalProtocolError):
            list(record_chunks([raw]))
