"""HTML as readable plain text: the bodies that shop exports carry. Knows nothing of listings.

A tokenizer of its own, since the standard library's html.parser takes quadratic time on broken
markup (29 s for 64 KiB of "<a "), and a cell of a file may hold anything. This one is linear.
"""

import html
import re
from typing import Final

_MARKUP: Final = re.compile(r"<(?:/?[A-Za-z]|!--)|&(?:#\d|#[xX][0-9a-fA-F]|[A-Za-z]{2,31};)")
_NAME: Final = re.compile(r"/?([A-Za-z][A-Za-z0-9:-]*)")
_TAG_END: Final = re.compile(r"""[^"'>]*+(?:"[^"]*+"[^"'>]*+|'[^']*+'[^"'>]*+)*+>""")
_BREAKING: Final = re.compile(r"<(?:p|br|div|li|tr|h[1-6]|table|ul|ol|dl|pre)\b", re.IGNORECASE)
_BLANK_LINE: Final = re.compile(r"\n[ \t\r\xa0]*\n")
_SPACES: Final = re.compile(r"[ \t\n\r\f\v\xa0]+")

_UNSEEN: Final = frozenset(
    "script style head title template noscript svg iframe object select textarea".split()
)
_PARAGRAPHS: Final = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre hr".split())
_LINES: Final = frozenset(
    "div br tr dt dd section article header footer figure figcaption main nav aside address "
    "form fieldset thead tbody tfoot caption details summary center".split()
)
_CELLS: Final = frozenset(("td", "th"))
_LISTS: Final = frozenset(("ul", "ol"))
_LIST_DEPTH_MAX: Final = 8


def is_markup(text: str) -> bool:
    """Whether `text` has a tag or a character reference."""
    return _MARKUP.search(text) is not None


def readable(text: str) -> str:
    """`text` without markup: paragraphs, lists and tables as lines, references decoded.

    Text without markup keeps its lines. Any text is accepted and the time is linear in its length.
    """
    if not is_markup(text):
        return _tidy(text)
    page = _Page(keeps_lines=_BREAKING.search(text) is None)
    position, is_quoting = 0, True
    while (begin := text.find("<", position)) >= 0:
        page.write(text[position:begin])
        if text.startswith("<!--", begin):
            end = text.find("-->", begin + 4)
            position = len(text) if end < 0 else end + 3
            continue
        name = _NAME.match(text, begin + 1)
        if name is None and text[begin + 1 : begin + 2] not in ("!", "?"):
            page.write("<")
            position = begin + 1
            continue
        matched = _TAG_END.match(text, begin + 1) if is_quoting else None
        if matched is None:
            # A quote that never closes; from here on the next ">" ends a tag.
            is_quoting = False
            end = text.find(">", begin)
            if end < 0:
                break
            position = end + 1
        else:
            position = matched.end()
        if name is None:
            continue
        tag = name[1].lower()
        is_end = text[begin + 1] == "/"
        if tag in _UNSEEN and not is_end and text[position - 2] != "/":
            closing = re.compile(rf"</{tag}\b[^>]*>?", re.IGNORECASE).search(text, position)
            position = len(text) if closing is None else closing.end()
            continue
        page.mark(tag, is_end=is_end)
    else:
        page.write(text[position:])
    return page.text()


def unescaped(text: str) -> str:
    """One line of text with its character references decoded ("Rock &amp; Roll")."""
    return html.unescape(text) if "&" in text else text


class _Page:
    """Text under construction, a line at a time."""

    def __init__(self, *, keeps_lines: bool) -> None:
        self._keeps_lines = keeps_lines
        self._lines: list[str] = []
        self._line: list[str] = []
        self._bullet = ""
        # One entry per open list: the number of its last item, None where items have no numbers.
        self._lists: list[int | None] = []
        self._pre_depth = 0

    def write(self, text: str) -> None:
        if not text:
            return
        text = html.unescape(text) if "&" in text else text
        if self._keeps_lines or self._pre_depth:
            first, *rest = text.split("\n")
            self._line.append(first)
            for line in rest:
                self._end_line(is_blank_kept=True)
                self._line.append(line)
            return
        first, *rest = _BLANK_LINE.split(text)
        self._line.append(first)
        for paragraph in rest:
            self._end_paragraph()
            self._line.append(paragraph)

    def mark(self, tag: str, *, is_end: bool) -> None:
        if tag in _LISTS:
            if is_end and self._lists:
                self._lists.pop()
            elif not is_end and len(self._lists) < _LIST_DEPTH_MAX:
                self._lists.append(0 if tag == "ol" else None)
        if tag == "li":
            self._end_line()
            self._bullet = "" if is_end else self._next_bullet()
        elif tag in _CELLS:
            if not is_end and any(not piece.isspace() for piece in self._line):
                self._line.append(" | ")
        elif tag in _PARAGRAPHS and not self._is_in_item(is_list=tag in _LISTS and not is_end):
            self._end_paragraph()
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._end_line()
        if tag == "pre":
            self._pre_depth = max(0, self._pre_depth + (-1 if is_end else 1))

    def text(self) -> str:
        self._end_line()
        return _tidy("\n".join(self._lines))

    def _is_in_item(self, *, is_list: bool) -> bool:
        """Paragraphs and lists within an item are lines: no gaps in a list."""
        return bool(self._bullet) or len(self._lists) > is_list

    def _next_bullet(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        self._lists[-1] += 1
        return f"{self._lists[-1]}. "

    def _end_line(self, *, is_blank_kept: bool = False) -> None:
        line = _SPACES.sub(" ", "".join(self._line)).strip(" |")
        self._line = []
        if line:
            self._lines.append(self._bullet + line)
            self._bullet = ""
        elif is_blank_kept:
            self._lines.append("")

    def _end_paragraph(self) -> None:
        self._end_line()
        if self._lines and self._lines[-1]:
            self._lines.append("")


def _tidy(text: str) -> str:
    """Lines without trailing space, never two blank ones in a row, none at either end."""
    lines: list[str] = []
    for line in text.split("\n"):
        kept = line.replace("\xa0", " ").strip()
        if kept or (lines and lines[-1]):
            lines.append(kept)
    return "\n".join(lines).strip()
