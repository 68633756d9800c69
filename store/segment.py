"""Text into words, for the index and for queries alike (SPEC.md R10.20 to R10.27).

Folds with NFKC and case folding, splits runs of Han, kana and Hangul into overlapping bigrams and
the last character, keeps other words whole and makes each symbol or emoji a word of its own. Knows
FTS5's manner of writing phrases and prefixes; no table.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from operator import add
from typing import Final

from ..protocol import limits

_CJK: Final = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u3041-\u3096"
    "\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
_CJK_RUN: Final = re.compile(f"([{_CJK}]+)")
_ASCII_WORDS: Final = re.compile("[0-9a-z]+")
_UNSEEN: Final = frozenset((0xAD, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
"""The soft hyphen and the variation selectors: 葛󠄀城 is written with one, and is 葛城."""


class _Classes(dict[int, str]):
    """For str.translate: parts of words stay, symbols stand alone, all else parts words."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if code in _UNSEEN:
            kept = ""
        elif category[0] in "LN" or category in ("Mn", "Mc"):
            kept = char
        elif category == "So":
            kept = f" {char} "
        else:
            kept = " "
        self[code] = kept
        return kept


_CLASSES: Final = _Classes()
_RUNS_REMEMBERED: Final = 8192
_RUN_CHARS_REMEMBERED: Final = 16  # so that nobody's take more than some 3 MB
_PART_CHARS_MIN: Final = 2
_HANGUL_FIRST: Final = 0xAC00
_HANGUL_ENDINGS: Final = 28
"""A syllable's last consonant is its place modulo this; 0 is none."""
_NOUN_AND_PARTICLE: Final = re.compile(
    "(?P<noun>.+[\uac00-\ud7a3])(?:(?P<closed>을|은|으로)|(?:를|는))"
)
"""Particles that no noun ends with where they fit: after a last consonant, or after none."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query: a run of CJK characters matches within a run, another as a whole word.

    `is_prefix`: another word matches also where it begins a longer one.
    """

    text: str
    is_cjk: bool
    is_prefix: bool = False

    @property
    def phrase(self) -> str:
        """In FTS5's words; nothing in it can be an operator."""
        if self.is_cjk and len(self.text) > 1:
            ways = [self.text, *self._parted()]
            phrases = [f'"{" ".join(_bigrams_of(way)[:-1])}"' for way in ways]
            return phrases[0] if len(phrases) == 1 else f"({' OR '.join(phrases)})"
        star = "*" if self.is_cjk or self.is_prefix else ""
        return f'"{self.text}"{star}'

    def _parted(self) -> list[str]:
        """Written in two words, as many do: 접이식자전거 as 접이식 자전거."""
        if len(self.text) > limits.SEARCH_PARTED_CHARS_MAX:
            return []
        return [
            f"{self.text[:at]} {self.text[at:]}"
            for at in range(_PART_CHARS_MIN, len(self.text) - _PART_CHARS_MIN + 1)
        ]


def fold(text: str) -> str:
    """Text as it is compared: compatibility forms, case and width made one."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # A few characters need a second time (their compatibility form has case).
    again = folded.casefold()
    return folded if again == folded else unicodedata.normalize("NFKC", again)


def fold_name(text: str) -> str:
    """A name as it is compared: folded, its spaces made one, without halves of characters."""
    return " ".join(fold(text).encode(errors="replace").decode().split())


def index_text(text: str) -> str:
    """The words of `text` as the index keeps them, parted by spaces."""
    folded = fold(text)
    if folded.isascii():
        return " ".join(_ASCII_WORDS.findall(folded))
    return " ".join(_CJK_RUN.sub(_spread, folded.translate(_CLASSES)).split())


def _spread(match: re.Match[str]) -> str:
    run = match[0]
    return _tokens_again(run) if len(run) <= _RUN_CHARS_REMEMBERED else _tokens(run)


def _tokens(run: str) -> str:
    """A run's bigrams between spaces."""
    return f" {' '.join(_bigrams(run))} "


_tokens_again: Final = lru_cache(_RUNS_REMEMBERED)(_tokens)
"""The same few thousand words come again and again."""


def query_words(text: str, *, last_is_prefix: bool) -> list[Word]:
    """The words that a listing must have, all of them."""
    runs = _runs(fold(text))
    last = len(runs) - 1
    return [
        Word(_without_particle(run) if is_cjk else run, is_cjk, last_is_prefix and at == last)
        for at, (run, is_cjk) in enumerate(runs)
    ]


def _runs(folded: str) -> list[tuple[str, bool]]:
    """Words and, cut out of them, runs of CJK characters: (run, whether it is of those)."""
    runs: list[tuple[str, bool]] = []
    # Splitting by a group gives what is between runs and the runs, in turn.
    for place, part in enumerate(_CJK_RUN.split(folded.translate(_CLASSES))):
        if place % 2:
            runs.append((part, True))
        else:
            runs += [(word, False) for word in part.split()]
    return runs


def _without_particle(run: str) -> str:
    """Of a Korean noun as it stands in a sentence, the noun: 자전거 of 자전거를. What has the whole
    has this too, so nothing is lost."""
    match = _NOUN_AND_PARTICLE.fullmatch(run)
    if match is None:
        return run
    is_closed = (ord(match["noun"][-1]) - _HANGUL_FIRST) % _HANGUL_ENDINGS > 0
    return match["noun"] if is_closed == bool(match["closed"]) else run


def _bigrams_of(runs: str) -> list[str]:
    return [token for run in runs.split() for token in _bigrams(run)]


def _bigrams(run: str) -> list[str]:
    """Overlapping pairs, then the last character, so that every character begins one token."""
    return [*map(add, run, run[1:]), run[-1]]
