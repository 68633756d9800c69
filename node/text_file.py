"""A text file of unknown encoding and line ends, as numbered lines. Knows nothing of listings."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TextIO

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell

_CHUNK_BYTES: Final = 1 << 20
_LINE_SEPARATOR: Final = "\u2028"
_NAMES: Final = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp949": "CP949 (Korean)",
    "cp932": "Shift_JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "cp1252": "Windows-1252 (Western)",
}
_MAGIC: Final = (
    (b"PK\x03\x04", "a workbook or ZIP archive: save the sheet as 'CSV UTF-8'"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save the sheet as 'CSV UTF-8'"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed: unpack it first (gunzip)"),
    (b"SQLite format 3", "a database"),
)


class Line(NamedTuple):
    """`number` counts from 1 as an editor does. `text` ends in a newline, or is None where the
    line was longer than IMPORT_ROW_CHARS_MAX and is left out."""

    number: int
    text: str | None


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that was looked through once; `lines` reads it, as often as wanted."""

    path: Path
    encoding: str
    newline: str
    line_count: int
    warnings: tuple[str, ...]

    def lines(self) -> Iterator[Line]:
        """Its lines; in memory is one line at a time."""
        with self.path.open(encoding=self.encoding, errors="replace", newline=self.newline) as file:
            yield from split_lines(file)


def inspect_text(path: Path) -> TextFile:
    """Finds out encoding and line ends by one pass over the file.

    LocalProtocolError where it is no text or larger than IMPORT_FILE_BYTES_MAX; OSError from disk.
    """
    size = path.stat().st_size
    if size > limits.IMPORT_FILE_BYTES_MAX:
        raise LocalProtocolError(
            tell(
                "{name} has {size:,} bytes: at most {import_file_bytes_max:,}; split it",
                name=path.name,
                size=size,
                import_file_bytes_max=limits.IMPORT_FILE_BYTES_MAX,
            )
        )
    with path.open("rb") as file:
        head = file.read(_CHUNK_BYTES)
        for magic, what in _MAGIC:
            if head.startswith(magic):
                raise LocalProtocolError(tell("{name} is {what}", name=path.name, what=what))
        file.seek(0)
        encoding, line_ends, not_ascii = _inspect(file, head)
    warnings: tuple[str, ...] = ()
    if encoding is None:
        encoding = likely_encoding(not_ascii)
        if encoding == "utf-8-sig":
            warnings = ("a few characters are broken UTF-8 and were replaced",)
        else:
            warnings = (f"not UTF-8: read as {_NAMES[encoding]}; check the texts",)
    elif encoding == "utf-8-sig" and 10 * head.count(b"\0") > len(head):
        raise LocalProtocolError(
            tell("{name} is no text file: save it as 'CSV UTF-8'", name=path.name)
        )
    text = head.decode(encoding, errors="replace")
    newline = "" if _first_line_end(text) == "\r" else "\n"
    return TextFile(path, encoding, newline, line_ends, warnings)


def likely_encoding(data: bytes) -> str:
    """The codec under which `data`, which is not UTF-8, reads most like text."""
    codec_names = ("utf-8-sig", "cp949", "cp932", "euc_jp", "cp1252")
    return max(codec_names, key=lambda name: _plausibility(data, name))


def split_lines(file: TextIO) -> Iterator[Line]:
    """Numbered lines of `file`. A carriage return amid a line becomes U+2028, which `csv` leaves
    alone and which is a line end within a cell."""
    number, chars_max = 0, limits.IMPORT_ROW_CHARS_MAX
    while text := file.readline(chars_max):
        number += 1
        if len(text) >= chars_max and not text.endswith(("\n", "\r")):
            while (more := file.readline(chars_max)) and not more.endswith(("\n", "\r")):
                pass
            yield Line(number, None)
            continue
        if "\r" in text:
            text = text.rstrip("\r\n").replace("\r", _LINE_SEPARATOR) + "\n"
        yield Line(number, text)


def _inspect(file: BinaryIO, head: bytes) -> tuple[str | None, int, bytes]:
    """(encoding or None, number of line ends, a sample of the lines that are not ASCII)."""
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding: str | None = "utf-16" if is_wide else "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-16" if is_wide else "utf-8-sig")()
    line_ends = 0
    sample = bytearray()
    while chunk := file.read(_CHUNK_BYTES):
        line_ends += max(chunk.count(b"\n"), chunk.count(b"\r"))
        if encoding is not None:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                encoding = None
        if len(sample) < _CHUNK_BYTES and not is_wide and not chunk.isascii():
            sample += b"\n".join(line for line in chunk.splitlines() if not line.isascii())
    if encoding is not None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            encoding = None
    if encoding is None and is_wide:
        raise LocalProtocolError(tell("broken UTF-16: save the file as 'CSV UTF-8'"))
    return encoding, line_ends, bytes(sample[:_CHUNK_BYTES])


def _first_line_end(text: str) -> str:
    """Which line end comes first: "\r" alone is the one of old Macs, before a "\n" it is part."""
    for index, char in enumerate(text):
        if char == "\n":
            return "\n"
        if char == "\r":
            return "\n" if text[index:].lstrip("\r").startswith("\n") else "\r"
    return "\n"


def _plausibility(data: bytes, codec_name: str) -> float:
    """How much `data` reads like text under a codec: the mean weight of what is not ASCII.

    Bytes of one Asian encoding are often valid in another, but come out as characters that nobody
    uses: Hangul beyond KS X 1001, half-width katakana, rows of bare jamo.
    """
    weights = 0.0
    count = 0
    for char in data.decode(codec_name, errors="replace"):
        if char < "\x80":
            continue
        count += 1
        weights += _weight(char, codec_name)
    return weights / count if count else 0.0


def _weight(char: str, codec_name: str) -> float:
    if char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or char < "\xa0":
        return -2.0
    if codec_name == "utf-8-sig":
        return 1.2
    if codec_name == "cp1252":
        return 0.2 if char >= "\xc0" else 0.1
    if "가" <= char <= "힣":
        return 1.0 if _is_common_hangul(char) else -0.5
    if "\u3131" <= char <= "\u318e" or "\uff61" <= char <= "\uff9f":
        return -0.5
    if "\u3041" <= char <= "\u30fe":
        return 1.0
    if "\u4e00" <= char <= "\u9fff":
        return 0.1 if codec_name == "cp949" else 0.5
    return 0.3 if char in "、。「」・！？（）￥ー" else 0.0


def _is_common_hangul(char: str) -> bool:
    # KS X 1001 has the 2,350 syllables in use, two bytes each; Python spells the others in eight.
    return len(char.encode("euc_kr", errors="ignore")) == 2
