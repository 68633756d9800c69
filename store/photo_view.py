"""The view of photos: which listing names which blobs. Beside it grows the list of what is wanted.

Knows rows; files and neighbours are the node's affair.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ..protocol.photo import Photo
from .database import Bindings, Database

THUMB: Final = 0
FULL: Final = 1


def put(
    db: Database, photos: Iterable[tuple[int, Sequence[Photo]]], again: Sequence[Bindings]
) -> None:
    """Makes (arrival, photos) the named ones; `again` are (arrival,) of which some were there."""
    if again:
        db.run_many("DELETE FROM photo WHERE arrival = ?", again)
    rows: list[Bindings] = []
    wants: list[Bindings] = []
    for arrival, named in photos:
        for position, each in enumerate(named):
            rows.append((arrival, position, each.hash, each.size, each.thumb, each.thumb_size))
            wants.append((each.thumb, THUMB, each.thumb_size, arrival))
            wants.append((each.hash, FULL, each.size, arrival))
    if not rows:
        return
    db.run_many("INSERT INTO photo VALUES (?,?,?,?,?,?)", rows)
    db.run_many(
        "INSERT INTO want SELECT ?1, ?2, ?3, ?4, 0, 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM blob WHERE hash = ?1) "
        "ON CONFLICT (hash) DO UPDATE SET arrival = excluded.arrival, again_ms = 0, "
        "kind = min(kind, excluded.kind)",
        wants,
    )


def drop(db: Database, arrivals: Iterable[Bindings]) -> None:
    """Of (arrival,); whether they name any or not."""
    db.run_many("DELETE FROM photo WHERE arrival = ?", arrivals)


def clear(db: Database) -> None:
    db.run("DELETE FROM photo")
