"""Which shop an imported file is an edition of, so that what a newer edition no longer has can be
taken back without touching anything else.

A file does not say where it comes from: its name changes with every export, and two shops of one
person use the same format. So each import is remembered by the refs of its rows, and a file is an
edition of the import that it shares half of its rows with (half of the smaller of the two), or of
the one that was given its name. Knows no file and no listing.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..protocol import limits

if TYPE_CHECKING:
    from ..store.store import Store

_INDEX: Final = "import_sources"
_REFS: Final = "import_source_refs"
_PART_REFS: Final = limits.META_VALUE_CHARS_MAX // (2 * limits.REF_BYTES)
"""As many as one value of the store's can have, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """`refs` are the rows of this source that became listings of one's own in `market`."""

    number: int
    name: str
    market: str
    refs: frozenset[bytes]


def load(store: "Store") -> list[ImportSource]:
    """All that are remembered, the latest import last."""
    try:
        index = json.loads(store.meta(_INDEX) or "[]")
        return [
            ImportSource(
                int(entry["number"]),
                str(entry["name"]),
                str(entry["market"]),
                _load_refs(store, int(entry["number"])),
            )
            for entry in index
        ]
    except (ValueError, KeyError, TypeError):
        # Lost memory: nothing is taken back until the next import is remembered.
        return []


def remember(store: "Store", source: ImportSource) -> None:
    """In the caller's transaction. The oldest is forgotten beyond IMPORT_SOURCES_MAX."""
    others = [one for one in load(store) if one.number != source.number]
    kept = [*others, source][-limits.IMPORT_SOURCES_MAX :]
    for gone in others:
        if gone not in kept:
            _put_refs(store, gone.number, [])
    index = [{"number": one.number, "name": one.name, "market": one.market} for one in kept]
    store.put_meta(_INDEX, json.dumps(index))
    _put_refs(store, source.number, sorted(source.refs))


def source_of(
    sources: Collection[ImportSource], *, name: str, market: str, refs: frozenset[bytes]
) -> ImportSource | None:
    """The source of a file with these rows; None if it is a new one.

    A name that was given decides; without one of that name, and without a name, the rows do.
    """
    here = [one for one in sources if one.market == market]
    if name:
        named = [one for one in here if one.name == name]
        if named:
            return named[-1]
        here = [one for one in here if not one.name]
    best = max(here, key=lambda one: len(one.refs & refs), default=None)
    if best is None or not best.refs & refs:
        return None
    is_edition = 2 * len(best.refs & refs) >= min(len(best.refs), len(refs))
    return replace(best, name=name or best.name) if is_edition else None


def fresh(sources: Iterable[ImportSource], *, name: str, market: str) -> ImportSource:
    number = 1 + max((one.number for one in sources), default=0)
    return ImportSource(number, name, market, frozenset())


def _load_refs(store: "Store", number: int) -> frozenset[bytes]:
    refs: set[bytes] = set()
    part = 0
    while text := store.meta(f"{_REFS}/{number}/{part}"):
        data = bytes.fromhex(text)
        refs.update(
            data[at : at + limits.REF_BYTES] for at in range(0, len(data), limits.REF_BYTES)
        )
        part += 1
    return frozenset(refs)


def _put_refs(store: "Store", number: int, refs: Sequence[bytes]) -> None:
    part = 0
    for part, at in enumerate(range(0, len(refs), _PART_REFS), 1):
        text = b"".join(refs[at : at + _PART_REFS]).hex()
        store.put_meta(f"{_REFS}/{number}/{part - 1}", text)
    while store.meta(f"{_REFS}/{number}/{part}") is not None:  # a longer list stood here
        store.put_meta(f"{_REFS}/{number}/{part}", None)
        part += 1
