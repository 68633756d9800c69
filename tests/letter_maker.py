"""Makes letters for tests: of every size, with any last day. What is inside is noise, as it is to
whoever carries them."""

import hashlib

from jangteo.protocol import limits
from jangteo.protocol.letter import LETTER_SIZES, Letter, parse_letter
from tests.market_maker import NOW_MS

SMALL, GREAT = min(LETTER_SIZES), max(LETTER_SIZES)


def letter(
    number: int, *, now_ms: int = NOW_MS, days: int = limits.LETTER_DAYS, size: int = SMALL
) -> Letter:
    """The `number`th letter, which lives `days` more days."""
    day = now_ms // limits.DAY_MS + days
    noise = hashlib.shake_128(b"%d %d %d" % (number, day, size)).digest(size - 6)
    return parse_letter(bytes((1, 1)) + day.to_bytes(4, "big") + noise)


def letters(
    numbers: range, *, now_ms: int = NOW_MS, days: int = limits.LETTER_DAYS, size: int = SMALL
) -> list[Letter]:
    return [letter(number, now_ms=now_ms, days=days, size=size) for number in numbers]
