"""What a record is, as a number; its class (kind div 64) gives its lifetime, known or not (R3)."""

from typing import Final

from . import limits

LISTING: Final = 1
QUESTION: Final = 2
ANSWER: Final = 3
PROFILE: Final = 64
BOX: Final = 65
REVIEW: Final = 66

KIND_MAX: Final = 65_535
_CLASS_SIZE: Final = 64


def lifetime_ms(kind: int, is_delete: bool) -> int:
    """How long a record of this kind lives from its `ts`, in ms. A delete outlives what it deletes.

    Class 0 (listing, question, answer) lives 90 days; every other class two years. Nodes agree on
    kinds that they do not know, because nothing but the header is asked.
    """
    lifetime = limits.LIFETIME_SHORT_MS if kind // _CLASS_SIZE == 0 else limits.LIFETIME_LONG_MS
    return 2 * lifetime if is_delete else lifetime
