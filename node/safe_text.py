"""Text from the network, made safe to show: nothing in it can move a terminal's cursor, change
colours, reverse the line, or hide. Knows nothing of where the text stands.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

REPLACEMENT: Final = "\ufffd"
_MARKS_MAX: Final = 4
_JOINERS: Final = "\u200c\u200d"
_VARIATIONS: Final = "\ufe0e\ufe0f"
# Letters and symbols that show nothing: Hangul fillers, a blank Braille cell, Khmer inherent
# vowels, Mongolian selectors, the grapheme joiner.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
)
_BREAKS: Final = "\n\x0b\x0c\x85\u2028\u2029"
# What needs no look at each character: ASCII, Latin letters, kana, Hangul, CJK.
_PLAIN: Final = re.compile(
    "[\n\x20-\x7e\xa0-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u3000-\u3029\u3030-\u3098"
    "\u309b-\u3163\u3165-\u9fff\uac00-\ud7a3\uff01-\uff9f]*"
)
_LONE: Final = (
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: a name of a file may be any bytes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def safe_line(text: str) -> str:
    """`text` as one line: breaks become spaces, runs of spaces one."""
    if text.isascii() and text.isprintable():
        return text.strip() if "  " not in text else " ".join(text.split(" ")).strip()
    clean = "".join(_clean(text)).replace("\n", " ")
    return re.sub(" {2,}", " ", clean).strip()


def safe_block(text: str) -> str:
    """`text` with its line breaks, at most one empty line in a row."""
    lines = (line.rstrip() for line in "".join(_clean(text)).split("\n"))
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def safe_text(text: str) -> str:
    """`text` with all of its breaks and spaces, for a page that lays it out itself."""
    return text if _PLAIN.fullmatch(text) else "".join(_clean(text))


def safe_json(document: str) -> str:
    """JSON with what a terminal could act on, or a reader overlook, written as escapes. The
    meaning stays the same, so that programs lose nothing."""
    return re.sub(_LONE, _escaped, document)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"


def _clean(text: str) -> Iterator[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    before, mark_count = "", 0
    for position, char in enumerate(text):
        shown = _shown(char)
        if char in _JOINERS or char in _VARIATIONS:
            after = text[position + 1 : position + 2]
            shown = char if _has_place(char, before, after) else ""
        elif shown and unicodedata.category(char)[0] == "M":
            mark_count += 1
            # A mark needs something to sit on, and a tower of them runs over other lines.
            if mark_count > _MARKS_MAX or before in ("", "\n", " "):
                shown = ""
        elif shown:
            mark_count = 0
        if shown:
            before = shown
            yield shown


def _shown(char: str) -> str:
    if " " <= char <= "~":
        return char
    if char in _BREAKS:
        return "\n"
    category = unicodedata.category(char)
    if char in _INVISIBLE:
        return ""
    if category == "Cc":
        return " " if char == "\t" else REPLACEMENT
    if category == "Cf":
        return ""
    if category in ("Cs", "Co"):
        return REPLACEMENT
    if category == "Cn":
        return _shown_unassigned(ord(char))
    if category == "Zs":
        return char if char == "\u3000" else " "
    if 0xE0100 <= ord(char) <= 0xE01EF or 0xFE00 <= ord(char) <= 0xFE0D:
        return ""  # other shapes of the character before
    return char


def _shown_unassigned(code: int) -> str:
    """Unassigned here may be an emoji of a later Unicode; these never will be one."""
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return REPLACEMENT
    is_ignorable = code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
    return "" if is_ignorable else chr(code)


def _has_place(char: str, before: str, after: str) -> bool:
    """Joiners belong between the parts of an emoji and inside Indic and Arabic words, variation
    selectors behind a symbol. Anywhere else they only make equal texts look equal and be not."""
    if not before:
        return False
    if char in _VARIATIONS:
        return unicodedata.category(before) in ("So", "Sm", "Po") or before in "0123456789#*"
    if not after:
        return False
    if char == "\u200d" and unicodedata.category(after) == "So":
        return before in _VARIATIONS or unicodedata.category(before) in ("So", "Sk")
    is_script = "\u0600" <= before <= "\u0dff" and "\u0600" <= after <= "\u0dff"
    return is_script and unicodedata.category(after)[0] == "L"
