"""The view of profiles: what each author calls themselves. Knows nothing of listings."""

import json
from collections.abc import Iterable

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Verified
from ..protocol.kind import PROFILE
from ..protocol.profile import Profile
from .database import Bindings, Database
from .segment import fold_name

_AUTHOR_HEX_MIN = 4


def is_profile(header: Header) -> bool:
    return header.kind == PROFILE


def put(db: Database, entries: Iterable[tuple[int, Verified | Envelope]]) -> None:
    """Makes (arrival, record) the authors' profiles."""
    rows: list[Bindings] = []
    for arrival, record in entries:
        profile = Profile.from_body(record.body or {})
        folded = fold_name(profile.name)
        rows.append(
            (
                record.header.author,
                arrival,
                profile.name,
                profile.about,
                folded,
                profile.place,
                json.dumps(profile.languages) if profile.languages else "",
            )
        )
    db.run_many("INSERT OR REPLACE INTO profile VALUES (?,?,?,?,?,?,?)", rows)


def drop(db: Database, arrivals: Iterable[tuple[bytes, int]]) -> None:
    """Takes out the profiles of (author, arrival), where that is what is shown."""
    db.run_many("DELETE FROM profile WHERE author = ? AND arrival = ?", arrivals)


def clear(db: Database) -> None:
    db.run("DELETE FROM profile")


def of_author(db: Database, author: bytes) -> Profile | None:
    row = db.row("SELECT name, about, place, languages FROM profile WHERE author = ?", (author,))
    if row is None:
        return None
    name, about, place, languages = row
    return Profile(name, about, place, tuple(json.loads(languages)) if languages else ())


def authors_named(db: Database, text: str, authors_max: int) -> list[bytes]:
    """Authors whose name contains `text`, case and width aside, or whose key begins with it."""
    folded = fold_name(text)
    if not folded:
        return []
    found = authors_with_name(db, folded, authors_max)
    bounds = author_bounds(folded)
    if bounds is not None:
        rows = db.rows(
            "SELECT DISTINCT author FROM thread WHERE author BETWEEN ? AND ? LIMIT ?",
            (*bounds, authors_max),
        )
        found = list(dict.fromkeys([row[0] for row in rows] + found))
    return found[:authors_max]


def authors_called(db: Database, text: str, authors_max: int) -> list[bytes]:
    """Authors whose whole name is `text`, case and width aside."""
    rows = db.rows(
        "SELECT author FROM profile WHERE folded = ? AND folded <> '' ORDER BY author LIMIT ?",
        (fold_name(text), authors_max),
    )
    return [row[0] for row in rows]


def authors_with_name(db: Database, folded: str, authors_max: int) -> list[bytes]:
    """Authors whose name contains `folded`, which is."""
    rows = db.rows(
        "SELECT author FROM profile WHERE instr(folded, ?) > 0 ORDER BY author LIMIT ?",
        (folded, authors_max),
    )
    return [row[0] for row in rows]


def author_bounds(text: str) -> tuple[bytes, bytes] | None:
    """The least and greatest key that begin with hexadecimal `text` of 4 digits or more."""
    digits = 2 * limits.ID_BYTES
    if not _AUTHOR_HEX_MIN <= len(text) <= digits or set(text) - set("0123456789abcdef"):
        return None
    return bytes.fromhex(text.ljust(digits, "0")), bytes.fromhex(text.ljust(digits, "f"))
