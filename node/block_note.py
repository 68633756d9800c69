"""What one remembers of a blocked author: the name, which goes with their records, and since when.

Kept in the store beside the block; only here. Knows no verb.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store.store import Store


@dataclass(frozen=True, slots=True)
class BlockNote:
    """`name` is "" and `since_ms` (Unix ms) None where nothing was remembered."""

    name: str = ""
    since_ms: int | None = None


def block_notes(store: "Store") -> dict[bytes, BlockNote]:
    """Of everybody who is blocked."""
    return {author: _read(store.meta(_key(author))) for author in sorted(store.blocked())}


def put_block_note(store: "Store", author: bytes, note: BlockNote) -> None:
    """Within a transaction."""
    store.put_meta(_key(author), json.dumps([note.name, note.since_ms]))


def drop_block_note(store: "Store", author: bytes) -> None:
    """Within a transaction."""
    store.put_meta(_key(author), None)


def _key(author: bytes) -> str:
    return f"blocked:{author.hex()}"


def _read(told: str | None) -> BlockNote:
    if told is None:
        return BlockNote()
    try:
        name, since_ms = json.loads(told)
    except (ValueError, TypeError):
        return BlockNote()
    is_whole = type(name) is str and type(since_ms) in (int, type(None))
    return BlockNote(name, since_ms) if is_whole else BlockNote()
