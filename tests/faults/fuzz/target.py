"""What a fuzz target is: bytes in; nothing out, or an error that nobody documented."""

import random
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jangteo.crypto.keys import AuthorKey
from tests.faults.fuzz.value_mutation import mutated_bytes
from tests.market_maker import key

Mutate = Callable[[random.Random, bytes], bytes]

AUTHOR: AuthorKey = key("fuzz")


@dataclass(frozen=True, slots=True)
class Target:
    """`run` takes any bytes and raises for a find only. `seeds` are made by our own encoders;
    `mutate` knows the form, and leaves most of what it changes readable."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Mutate = mutated_bytes
    bytes_max: int = 16_384


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="jangteo-fuzz-")


def folder() -> Path:
    """One for this process, deleted at its end."""
    return Path(_folder().name)
