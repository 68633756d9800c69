"""Signed records in a file, for carrying by USB stick (R9.9). Bytes only: verifying is protocol's.

`jangteo records 1\\n`, then each record as a 4-byte big-endian length and its raw envelope, then
length 0 and the number of records in 8 bytes. The end shows that nothing was lost on the way.
"""

from collections.abc import Generator, Iterable, Iterator
from typing import BinaryIO, Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError, RemoteProtocolError
from ..protocol.told import tell

MAGIC: Final = b"jangteo records 1\n"
_RULE: Final = "R9.9"
_LENGTH_BYTES: Final = 4
_COUNT_BYTES: Final = 8


def record_chunks(raws: Iterable[bytes]) -> Iterator[bytes]:
    """The file's bytes in pieces. LocalProtocolError for a raw that is no record's size."""
    yield MAGIC
    count = 0
    for raw in raws:
        if not 0 < len(raw) <= limits.RECORD_BYTES_MAX:
            raise LocalProtocolError(
                tell(
                    "{count} bytes: a record has 1 to {record_bytes_max}",
                    count=len(raw),
                    record_bytes_max=limits.RECORD_BYTES_MAX,
                )
            )
        yield len(raw).to_bytes(_LENGTH_BYTES) + raw
        count += 1
    yield bytes(_LENGTH_BYTES) + count.to_bytes(_COUNT_BYTES)


def read_records(file: BinaryIO) -> Generator[bytes, None, None]:
    """The raw records of a file, one at a time; nothing about them is verified.

    LocalProtocolError where the file is of another kind. RemoteProtocolError R9.9, after the
    records that could be read, where it is damaged or its end is missing: what came before stands.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise LocalProtocolError(
            tell("no file of signed records: `jangteo export --format records`")
        )
    count = 0
    while True:
        prefix = file.read(_LENGTH_BYTES)
        if len(prefix) < _LENGTH_BYTES:
            raise _damaged(f"the file ends after {count} records without its end mark", count)
        length = int.from_bytes(prefix)
        if length == 0:
            break
        if length > limits.RECORD_BYTES_MAX:
            raise _damaged(f"record {count + 1} would have {length} bytes", count)
        raw = file.read(length)
        if len(raw) < length:
            raise _damaged(f"the file ends amid record {count + 1}", count)
        count += 1
        yield raw
    told = file.read(_COUNT_BYTES + 1)
    if len(told) != _COUNT_BYTES or int.from_bytes(told) != count:
        raise _damaged(f"the end mark does not fit the {count} records before it", count)


def _damaged(what: str, count: int) -> RemoteProtocolError:
    return RemoteProtocolError(_RULE, f"{what}; {count} read", penalty=0)
