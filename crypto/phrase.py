"""The 24 words (BIP-39, English list): another writing of a 32-byte seed. The entropy itself is
the Ed25519 seed; BIP-39's PBKDF2 step is not used, so words and seed turn into each other."""

import functools

from mnemonic import Mnemonic

WORDS_COUNT = 24


@functools.cache
def _wordlist() -> Mnemonic:
    return Mnemonic("english")


def words_from_seed(seed: bytes) -> str:
    """24 words, separated by single spaces, for a seed of 32 bytes."""
    if len(seed) != 32:
        raise ValueError("a seed is 32 bytes")
    return str(_wordlist().to_mnemonic(seed))


def seed_from_words(text: str) -> bytes:
    """The 32-byte seed of 24 words in any case and spacing; ValueError says what is wrong."""
    words = text.lower().split()
    if len(words) != WORDS_COUNT:
        raise ValueError(f"{len(words)} words, a phrase has {WORDS_COUNT}")
    known = set(_wordlist().wordlist)
    for position, word in enumerate(words, 1):
        if word not in known:
            raise ValueError(f"word {position} is not in the word list: check its spelling")
    try:
        return bytes(_wordlist().to_entropy(words))
    except ValueError:
        raise ValueError(
            "the words do not fit together: one is wrong or two changed places"
        ) from None
