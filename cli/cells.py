"""How many cells of a terminal a text takes, and cutting, padding and wrapping by that measure.

Counts from `unicodedata` alone: the usual library for it costs 60 ms to import, half of what a
search may take. It may count too much (emoji sequences), never too little; a test compares them.
Expects text that safe_text has been over.
"""

import re
import unicodedata
from collections.abc import Iterator

ELLIPSIS = "…"
_VARIATION_EMOJI = "\ufe0f"


# Trigrams, hexagrams, counting rods: Unicode 16 has made them wide, older Pythons have not heard.
_WIDE_SINCE_16 = (
    (0x2630, 0x2637),
    (0x268A, 0x268F),
    (0x4DC0, 0x4DFF),
    (0x1D300, 0x1D356),
    (0x1D360, 0x1D376),
)

# A kana or Han character with the signs that may not begin a line behind it, or a run of others.
_WITHOUT_SPACES = r"\u3040-\u30ff\u4e00-\u9fff"
_CLOSING = r"、。」』】）)\]}?!,.:;ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_BREAKABLE = re.compile(
    rf"[「『【（(\[]*[{_WITHOUT_SPACES}][{_CLOSING}]*|[^{_WITHOUT_SPACES}]+?(?=[「『【]|[{_WITHOUT_SPACES}]|$)[{_CLOSING}]*"
)


def _char_cells(char: str) -> int:
    code = ord(char)
    if code < 0x300:
        return 1 if code >= 0x20 else 0
    # Medial vowels and finals join the syllable before them.
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        return 0
    if unicodedata.east_asian_width(char) in "WF" or 0x1F000 <= code <= 0x1FBFF:
        return 2
    if any(first <= code <= last for first, last in _WIDE_SINCE_16):
        return 2
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf"):
        return 0
    # Not in this Python's tables: a later Unicode may have made it wide.
    return 2 if category == "Cn" else 1


def width(text: str) -> int:
    """Cells of `text`, which has no line breaks."""
    if text.isascii():
        return len(text)
    return sum(cells for _, cells in _clusters(text))


def clip(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, ending in "…" if something was cut."""
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    kept, used = [], 0
    for cluster, cluster_cells in _clusters(text):
        if used + cluster_cells > cells - 1:
            break
        kept.append(cluster)
        used += cluster_cells
    return "".join(kept).rstrip() + ELLIPSIS


def pad(text: str, cells: int, *, is_right: bool = False) -> str:
    """`text` filled with spaces to `cells` cells, on its left if it stands on the right."""
    fill = " " * max(0, cells - width(text))
    return fill + text if is_right else text + fill


def wrap(text: str, cells: int) -> list[str]:
    """Lines of at most `cells` cells (at least 2), broken at spaces, else between characters."""
    cells = max(cells, 2)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if width(joined) <= cells:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _split_word(word, cells)
            lines.extend(full)
        lines.append(line)
    return lines


def flow(text: str, cells: int) -> list[str]:
    """The same for one paragraph of a person's language: Japanese, which has no spaces, fills its
    lines, and none of them begins with what ends a sentence."""
    lines = [""]
    for word in text.split():
        glue = " " if lines[-1] else ""
        for piece in _BREAKABLE.findall(word):
            if lines[-1] and width(lines[-1] + glue + piece) > cells:
                lines.append("")
                glue = ""
            *full, lines[-1] = _split_word(lines[-1] + glue + piece, max(cells, 2))
            lines[-1:-1] = full
            glue = ""
    return lines


def _split_word(word: str, cells: int) -> list[str]:
    pieces, used = [""], 0
    for cluster, cluster_cells in _clusters(word):
        if used + cluster_cells > cells and pieces[-1]:
            pieces.append("")
            used = 0
        pieces[-1] += cluster
        used += cluster_cells
    return pieces


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """Each character with the marks that sit on it, and their cells together."""
    cluster, cells = "", 0
    for char in text:
        char_cells = _char_cells(char)
        if char == _VARIATION_EMOJI:
            cluster, cells = cluster + char, max(cells, 2)
        elif char_cells == 0:
            cluster += char
        else:
            if cluster:
                yield cluster, cells
            cluster, cells = char, char_cells
    if cluster:
        yield cluster, cells
