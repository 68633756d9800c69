"""What must hold of every scenario, whatever it was; each check says in words where it does not.

Convergence is judged over edges: no neighbour has anything that a member lacks and would take.
Whoever is connected through such edges holds equal sets. Knows no faults.
"""

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import trio

from jangteo.node.core import FULL
from jangteo.node.simulation import SimulatedNode
from jangteo.protocol import limits
from jangteo.protocol.envelope import Envelope, parse
from jangteo.protocol.item_set import key_id
from jangteo.store.store import Store

if TYPE_CHECKING:
    from .stage import Journal, Stage

EVEN_S_MAX: Final = 900.0
"""A connection that failed often is tried again within 375 s, a fruitless pair within 300 s."""
QUIET_S_MAX: Final = 1200.0
REST_S: Final = 60.0
"""So long nothing but hellos may fly: each member says several."""
_HOURS_MIN: Final = 6
_RECON_BYTES: Final = 8_192
_RECON_BYTES_PER_RECORD: Final = 2_048


def failures(journal: "Journal") -> list[str]:
    """All that was wrong, in words; empty if the run was well."""
    found = list(dict.fromkeys(journal.bad))
    if journal.even_s is None:
        found.append(
            f"not even {EVEN_S_MAX:.0f} s after the calm: " + "; ".join(journal.uneven[:5])
        )
    elif journal.uneven:
        found.append("even, and then uneven again: " + "; ".join(journal.uneven[:5]))
    if journal.quiet_s is None:
        unrest = [f"{what} ×{count}" for what, count in journal.unrest.most_common(5)]
        unrest += [f"{one} and {other}: {why}" for (one, other), why in _uneven_pairs(journal)]
        found.append(f"no rest {QUIET_S_MAX:.0f} s after evenness: " + ", ".join(unrest))
    found += _out_of_proportion(journal)
    found += _grown(journal)
    return found


# --- convergence ----------------------------------------------------------------------------------


def uneven(stage: "Stage") -> list[str]:
    """Where a neighbour has what a member lacks and would take; stops at the first few."""
    nodes = stage.place.nodes
    found: list[str] = []
    for one, other in stage.scenario.edges():
        if one not in nodes or other not in nodes:
            continue
        found += _lacking(stage, nodes[one], nodes[other])
        found += _lacking(stage, nodes[other], nodes[one])
        if len(found) > 10:
            break
    return found


def _lacking(stage: "Stage", node: SimulatedNode, neighbour: SimulatedNode) -> Iterator[str]:
    """What `neighbour` offers that `node` would take and has not."""
    for market in sorted(set(node.core.joined) & set(neighbour.core.joined)):
        if node.store.summary(market) == neighbour.store.summary(market):
            continue
        ours = set(_keys(node.store, market))
        for key in _keys(neighbour.store, market):
            if key in ours:
                continue
            envelope = parse(neighbour.store.raws([key_id(key)])[0])
            if _would_take(stage, node, envelope):
                what = f"{envelope.id.hex()[:8]} of {market}"
                yield f"{node.name} lacks {what}, which {neighbour.name} has"
                return


def _keys(store: Store, market: str) -> list[bytes]:
    items = store.items(market)
    return items.keys(0, items.count())


def _would_take(stage: "Stage", node: SimulatedNode, record: Envelope) -> bool:
    """R10.6 once more, slow and plain."""
    header, now_ms = record.header, node.now_ms()
    is_own = header.author == node.key.public
    if header.author in node.core.blocked and not is_own:
        return False
    if header.ts_ms > now_ms + limits.FUTURE_MS_MAX or header.expires_ms <= now_ms:
        return False
    held = node.store.current(header.thread_key)
    if held is not None:
        mine = (held.header.is_delete, held.header.revision, held.id)
        if mine >= (header.is_delete, header.revision, record.id):
            return False
    member = next(each for each in stage.scenario.members if each.name == node.name)
    if is_own or not member.is_small:
        return True
    # What of strangers' finds room depends on who brought what; a contact's does not.
    if header.author not in {contact.author for contact in node.store.kept()}:
        return False
    counts = node.store.counts(now_ms)
    foreign_bytes = counts.record_bytes - counts.own_bytes - counts.kept_bytes
    excess = counts.record_bytes + len(record.raw) - member.records_bytes_max
    if excess <= 0 and FULL in node.core.warnings:
        return False  # what found no room waits, until there is more than a little (R6.32)
    return excess <= foreign_bytes


def _uneven_pairs(journal: "Journal") -> list[tuple[tuple[str, str], str]]:
    """Honest members whose last session did not end even: they only rest, and will try again."""
    honest = {member.name for member in journal.scenario.honest}
    return [
        (pair, why)
        for pair, why in journal.parted_uneven.items()
        if why and honest.issuperset(pair)
    ]


def is_anyone_uneven(journal: "Journal") -> bool:
    return bool(_uneven_pairs(journal))


# --- at the end -----------------------------------------------------------------------------------


def look(stage: "Stage") -> None:
    """Looks at the nodes before they stop."""
    for name, node in sorted(stage.place.nodes.items()):
        stage.journal.bad += [f"{name}: {problem}" for problem in node.store.check_views()]
        stage.journal.bad += _own_lost(stage, node)
        stage.journal.bad += _kept_lost(stage, node)
        stage.journal.bad += _overfull(stage, node)
        # Where a hostile member has promised something, a session may be waiting for it.
        is_waiting = len(stage.scenario.honest) < len(stage.scenario.members)
        if node.core.shared.claims.count and not is_waiting:
            stage.journal.bad.append(f"{name}: {node.core.shared.claims.count} ids claimed at rest")


def _own_lost(stage: "Stage", node: SimulatedNode) -> Iterator[str]:
    """What was committed is there, or a greater one of its thread; and those who would take it have
    it (or convergence would have failed). After the loss of a store, what nobody held is gone, and
    what was withdrawn is when the withdrawal is over (R10.5)."""
    published = stage.journal.published[node.name]
    over = {
        record.header.thread_key
        for record in published
        if record.header.is_delete and record.header.expires_ms <= node.now_ms()
    }
    for record in published:
        if record.header.thread_key in over:
            continue
        held = node.store.current(record.header.thread_key)
        if held is not None:
            mine = (held.header.is_delete, held.header.revision, held.id)
            if mine >= record.rank:
                continue
        if node.name in stage.journal.lost:
            continue
        yield f"{node.name} has lost its own {record.id.hex()[:8]}"


def _kept_lost(stage: "Stage", node: SimulatedNode) -> Iterator[str]:
    """What was held of a contact's is, or a greater one of its thread, or it is over (R10.32)."""
    for key, header in stage.journal.kept[node.name].items():
        if header.expires_ms <= node.now_ms():
            continue
        held = node.store.current(key)
        if held is None or (held.header.is_delete, held.header.revision) < (
            header.is_delete,
            header.revision,
        ):
            yield f"{node.name} has let go of a contact's {header.thread.hex()[:8]}"


def _overfull(stage: "Stage", node: SimulatedNode) -> Iterator[str]:
    """Only one's own go beyond the bound, and then no stranger's is there (R10.33, R10.37)."""
    if node.name in stage.journal.unkept:
        return  # who was a contact then is a stranger now
    member = next(each for each in stage.scenario.members if each.name == node.name)
    counts = node.store.counts(node.now_ms())
    foreign_bytes = counts.record_bytes - counts.own_bytes - counts.kept_bytes
    if counts.record_bytes > member.records_bytes_max and foreign_bytes:
        yield f"{node.name} is over its bound with {foreign_bytes} bytes of strangers'"


# --- bounds ---------------------------------------------------------------------------------------


def sample(stage: "Stage") -> None:
    """Bounds that must hold at any moment, and the greatest sizes seen."""
    journal = stage.journal
    for name, node in stage.place.nodes.items():
        core = node.core
        sizes_now = {
            "writer": (core.writer.records_queued, limits.WRITER_RECORDS_MAX),
            "claims": (core.shared.claims.count, limits.CLAIMED_IDS_MAX),
            "gossip": (core.gossip_out.waiting_count, limits.GOSSIP_OUTBOX_RECORDS_MAX),
            "known": (len(core.gossip_in.known), limits.KNOWN_IDS_MAX),
            "addresses": (len(core.dialer.book), limits.DIAL_ADDRESSES_MAX),
            "streams": (
                max((len(link.streams) for link in node.transport._links.values()), default=0),
                2 * limits.STREAMS_PER_PEER_MAX,
            ),
        }
        for what, (size, bound) in sizes_now.items():
            if size > journal.peaks[what]:
                journal.peaks[what] = size
            if size > bound:
                journal.bad.append(f"{name}: {what} is {size}, at most {bound}")


def sizes(stage: "Stage") -> dict[str, int]:
    """What all nodes together keep in memory, by kind: for growth over hours."""
    nodes = list(stage.place.nodes.values())
    statistics = trio.lowlevel.current_statistics()
    return {
        "nodes": len(nodes),
        "objects": len(gc.get_objects()),
        "tasks": statistics.tasks_living,
        "items": sum(node.store.summary("open")[0] for node in nodes),
        "known": sum(len(node.core.gossip_in.known) for node in nodes),
        "claims": sum(node.core.shared.claims.count for node in nodes),
        "addresses": sum(len(node.core.dialer.book) for node in nodes),
        "streams": sum(
            len(link.streams) for node in nodes for link in node.transport._links.values()
        ),
    }


def _grown(journal: "Journal") -> Iterator[str]:
    """Over hours, what serves sessions comes down again; only what is kept of records may grow."""
    if len(journal.hourly) < _HOURS_MIN:
        return
    for what in ("tasks", "claims", "streams"):
        sizes_then = [each[what] for each in journal.hourly]
        early, late = sizes_then[: _HOURS_MIN // 2], sizes_then[-_HOURS_MIN // 2 :]
        if min(late) > 1.5 * max(early) + 10:
            yield f"{what} grew over {len(sizes_then)} hours: {early} at first, {late} at last"


# --- bytes ----------------------------------------------------------------------------------------


def _out_of_proportion(journal: "Journal") -> Iterator[str]:
    """Bytes of reconciliation go with what moved: so many for a session and for each record."""
    moved = sum(each.records_new for each in journal.traffic.values())
    recon = sum(each.recon_bytes for each in journal.traffic.values())
    bound = _RECON_BYTES * (journal.sessions_moving + 8 * len(journal.scenario.members))
    bound += _RECON_BYTES_PER_RECORD * moved
    if recon > bound:
        yield f"{recon} bytes of reconciliation for {moved} records, at most {bound}"
