"""Forms with files: read within their bounds, before anything is kept.

Knows sizes; not what is in the files.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ...protocol import limits

_PIECE_BYTES: Final = 256 * limits.KIB


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form, each with all that was said for it, and its files."""

    fields: Mapping[str, Sequence[str]]
    files: Sequence[UploadFile]

    def word(self, name: str) -> str:
        told = self.fields.get(name, ())
        return told[0].strip() if told else ""


@asynccontextmanager
async def sent_form(request: Request, bytes_max: int) -> AsyncIterator[Sent]:
    """A form of at most `bytes_max` bytes; HTTPException for a larger one. Its files are on this
    machine's disk until the end of it."""
    check_length(request, bytes_max)
    async with request.form(
        max_files=limits.PAGE_FILES_MAX,
        max_fields=limits.PAGE_FIELDS_MAX,
        max_part_size=limits.PAGE_FORM_BYTES_MAX,
    ) as form:
        fields: dict[str, list[str]] = {}
        files: list[UploadFile] = []
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields.setdefault(name, []).append(value)
            elif value.filename:  # a field for files that was left empty has none
                files.append(value)
        yield Sent(fields, files)


def check_length(request: Request, bytes_max: int) -> None:
    """What is sent says its length first: then it cannot be more."""
    told = request.headers.get("content-length", "")
    if not told.isdecimal():
        raise HTTPException(411)
    if int(told) > bytes_max:
        raise HTTPException(413, f"at most {bytes_max:,} bytes", {"Connection": "close"})


async def whole(file: UploadFile, bytes_max: int) -> bytes:
    """Up to one byte more than `bytes_max`, by which its reader sees that it is too large."""
    data = bytearray()
    while len(data) <= bytes_max and (piece := await file.read(_PIECE_BYTES)):
        data += piece
    return bytes(data[: bytes_max + 1])
