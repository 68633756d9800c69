"""Remembered peers, and who is known to hold what."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.protocol import limits
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

OWN = Seller.named("oneself")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jangteo.db", own_author=OWN.author) as store:
        yield store


def test_peers_come_latest_seen_first_and_can_be_forgotten(store: Store) -> None:
    with store.write(durable=False):
        store.remember_peer("A", "/ip4/10.0.0.1/tcp/4110", 1)
        store.remember_peer("B", "/ip4/10.0.0.2/tcp/4110", 2)
        store.remember_peer("A", "/ip4/10.0.0.1/tcp/4110", 3)
    assert [(peer, seen_ms) for peer, _, seen_ms in store.peers()] == [("A", 3), ("B", 2)]
    with store.write(durable=False):
        store.forget_peer("A")
    assert [peer for peer, _, _ in store.peers()] == ["B"]


def test_the_longest_unseen_addresses_and_peers_make_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 4)
    with store.write(durable=False):
        for number in range(limits.PEER_ADDRESSES_MAX + 3):
            store.remember_peer("A", f"/ip4/10.0.0.{number}/tcp/4110", number)
        addresses = [address for _, address, _ in store.peers()]
        assert len(addresses) == limits.PEER_ADDRESSES_MAX
        assert "/ip4/10.0.0.0/tcp/4110" not in addresses
        for number in range(6):
            store.remember_peer(f"P{number}", "/ip4/10.1.0.1/tcp/4110", 100 + number)
    assert {peer for peer, _, _ in store.peers()} == {"P2", "P3", "P4", "P5"}


def test_the_longest_unproved_marks_make_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HELD_PEERS_MAX", 3)
    lamp = OWN.lists(1, "Lamp")
    with store.write(durable=True):
        store.admit([lamp], NOW_MS)
        store.note_synced("elsewhere", "commons", store.last_arrival(), NOW_MS)
        for number in range(5):
            store.note_synced(f"P{number}", "open", store.last_arrival(), NOW_MS + number)
    assert store.held_by([public_id(lamp)]) == {public_id(lamp): 3}
    marks = store._db.rows("SELECT peer FROM synced ORDER BY peer")
    assert marks == [("P2",), ("P3",), ("P4",), ("elsewhere",)]


def test_a_listing_is_held_by_peers_that_reconciled_after_it(store: Store) -> None:
    first, second = OWN.lists(1, "Lamp"), OWN.lists(2, "Desk")
    with store.write(durable=True):
        store.admit([first], NOW_MS)
        store.note_synced("A", "open", store.last_arrival(), NOW_MS)
        store.note_synced("B", "commons", store.last_arrival(), NOW_MS)
        store.admit([second], NOW_MS)
        store.note_synced("C", "open", store.last_arrival(), NOW_MS + 1)
        # A mark never goes back.
        store.note_synced("C", "open", 0, NOW_MS)
    ids = [public_id(first), public_id(second)]
    assert store.held_by(ids) == {ids[0]: 2, ids[1]: 1}
    assert store.held_by([bytes(32)]) == {}
    with store.write(durable=True):
        store.admit([OWN.lists(1, "Lamp, blue", revision=2)], NOW_MS)
    assert store.held_by(ids) == {ids[0]: 0, ids[1]: 1}
    assert store.counts(NOW_MS).own_unheld == 1


def test_an_old_reconciliation_is_not_believed_for_ever(store: Store) -> None:
    record = OWN.lists(1, "Lamp")
    with store.write(durable=True):
        store.admit([record], NOW_MS)
        store.note_synced("A", "open", 1, NOW_MS)
    assert store.held_by([public_id(record)], NOW_MS + limits.HELD_MS_MAX)[public_id(record)] == 1
    late_ms = NOW_MS + limits.HELD_MS_MAX + 1
    assert store.held_by([public_id(record)], late_ms)[public_id(record)] == 0
    with store.write(durable=True):
        store.note_synced("B", "commons", 1, late_ms)
    assert store.held_by([public_id(record)])[public_id(record)] == 0
