"""Peers seen before, and what each is known to hold by completed reconciliations.

Knows addresses as text and arrivals as numbers; dials nobody.
"""

from collections.abc import Sequence

from ..protocol import limits
from .database import Database


def remember(db: Database, peer: str, address: str, seen_ms: int) -> None:
    """Notes an address of a peer. The longest unseen make room, addresses and then peers."""
    db.run("INSERT OR REPLACE INTO peer VALUES (?,?,?)", (peer, address, seen_ms))
    db.run(
        "DELETE FROM peer WHERE peer = ?1 AND address NOT IN "
        "(SELECT address FROM peer WHERE peer = ?1 ORDER BY seen_ms DESC, address LIMIT ?2)",
        (peer, limits.PEER_ADDRESSES_MAX),
    )
    count = db.value("SELECT count(DISTINCT peer) FROM peer")
    if count > limits.PEERS_REMEMBERED_MAX:
        db.run(
            "DELETE FROM peer WHERE peer NOT IN (SELECT peer FROM peer GROUP BY peer "
            "ORDER BY max(seen_ms) DESC, peer LIMIT ?)",
            (limits.PEERS_REMEMBERED_MAX,),
        )


def forget(db: Database, peer: str) -> None:
    """Its addresses; what it holds stays known."""
    db.run("DELETE FROM peer WHERE peer = ?", (peer,))


def peers(db: Database) -> list[tuple[str, str, int]]:
    """(peer, address, seen_ms), the latest seen first."""
    rows = db.rows("SELECT peer, address, seen_ms FROM peer ORDER BY seen_ms DESC, peer, address")
    return [(peer, address, seen_ms) for peer, address, seen_ms in rows]


def note_synced(db: Database, peer: str, market: str, arrival: int, now_ms: int) -> None:
    """A completed reconciliation: the peer held all current records with rid <= `arrival`. Of a
    market's peers the longest unproved make room: anyone can have as many peer ids as they like."""
    db.run(
        "INSERT INTO synced VALUES (?,?,?,?) ON CONFLICT (market, peer) DO UPDATE "
        "SET arrival = max(arrival, excluded.arrival), at_ms = max(at_ms, excluded.at_ms)",
        (market, peer, arrival, now_ms),
    )
    db.run("DELETE FROM synced WHERE at_ms < ?", (now_ms - limits.HELD_MS_MAX,))
    db.run(
        "DELETE FROM synced WHERE market = ?1 AND peer NOT IN (SELECT peer FROM synced "
        "WHERE market = ?1 ORDER BY at_ms DESC, peer LIMIT ?2)",
        (market, limits.HELD_PEERS_MAX),
    )


def drop_marks(db: Database, market: str) -> None:
    db.run("DELETE FROM synced WHERE market = ?", (market,))


def held_by(db: Database, listing_ids: Sequence[bytes], now_ms: int | None) -> dict[bytes, int]:
    """For each listing here how many peers hold its current record, as far as is known.

    Marks count for HELD_MS_MAX before `now_ms`; without it, before the newest mark. A record that
    is no item any more (expired, of a market that was left) is held by nobody.
    """
    if now_ms is None:
        now_ms = db.value("SELECT max(at_ms) FROM synced") or 0
    since_ms = now_ms - limits.HELD_MS_MAX
    held: dict[bytes, int] = {}
    for public_id in listing_ids:
        row = db.row(
            "SELECT (SELECT count(*) FROM synced AS s WHERE s.market = l.market "
            "AND s.arrival >= l.rid AND s.at_ms >= ?2) * (SELECT count(*) FROM thread AS t "
            "JOIN record AS r ON t.author = r.author AND t.market = r.market "
            "AND t.thread = r.thread WHERE r.rid = l.rid AND t.expires_ms IS NOT NULL) "
            "FROM listing AS l WHERE l.listing_id = ?1",
            (public_id, since_ms),
        )
        if row is not None:
            held[public_id] = row[0]
    return held
