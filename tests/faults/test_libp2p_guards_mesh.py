"""Who is in the mesh, who is told of what, and by what score: GuardedGossipSub on loopback."""

import random
from typing import Any

import pytest
import trio
from libp2p.peer.id import ID
from libp2p.pubsub.score import PeerScorer

from jangteo.node import libp2p_transport
from jangteo.node.libp2p_pubsub import (
    GOSSIP_PROTOCOL,
    MESH,
    MESH_LOW,
    PUBLISH_SCORE,
    InvalidScorer,
)
from jangteo.protocol.verdict import Verdict
from tests.loopback import SEED, TOPIC, settled, victim_and_attacker

pytestmark = pytest.mark.trio


async def test_a_pruned_peer_is_back_in_seconds() -> None:
    """Bug 8: a minute in back-off, deaf and mute."""
    async with victim_and_attacker() as (victim, attacker):
        router, peer_id = victim.pubsub.router, ID.from_base58(attacker.peer)
        router._add_back_off(peer_id, TOPIC, False)
        router._add_back_off(peer_id, TOPIC, True)
        assert router.back_off[TOPIC][peer_id] <= int(libp2p_transport.time.time()) + 5


async def test_a_peer_in_back_off_is_told_of_messages() -> None:
    """Bug 8 (gossipsub.py:1510)."""
    async with victim_and_attacker() as (victim, attacker):
        heard = trio.Event()

        def hear(peer: str, data: bytes) -> Verdict:
            heard.set()
            return Verdict.ACCEPT

        attacker.pubsub.handlers[TOPIC] = hear
        await settled(lambda: TOPIC in victim.pubsub.peer_topics)
        for one, other in ((victim, attacker), (attacker, victim)):
            peer_id, router = ID.from_base58(other.peer), one.pubsub.router
            await settled(lambda router=router, id_=peer_id: id_ in router.mesh[TOPIC])
            router.mesh[TOPIC].clear()
            router._add_back_off(peer_id, TOPIC, False, 3600)
        await victim.publish(TOPIC, b"x")
        await heard.wait()
        assert not victim.pubsub.router.mesh[TOPIC]


async def test_nodes_do_not_all_prune_the_same_peer() -> None:
    """gossipsub.py:3293."""
    async with victim_and_attacker() as (victim, _):
        router = victim.pubsub.router
        strangers = [ID(b"%d" % number) for number in range(20)]
        router.mesh[TOPIC] = set(strangers)
        router.scorer.on_invalid_message(strangers[0], TOPIC)
        pruned = [router._select_peers_for_pruning(TOPIC, 2) for _ in range(50)]
        router.mesh[TOPIC].clear()
        assert all(worst == strangers[0] for worst, _ in pruned)
        assert len({other for _, other in pruned}) > 2


async def test_peers_of_equal_scores_are_not_grafted_without_need() -> None:
    """gossipsub.py:3048: one more at each heartbeat, until all are in all meshes."""
    async with victim_and_attacker() as (victim, _):
        router = victim.pubsub.router
        strangers = [ID(b"%d" % number) for number in range(20)]
        router.mesh[TOPIC] = set(strangers[:MESH_LOW])
        victim.pubsub.peer_topics[TOPIC] = set(strangers)
        router.peer_protocol |= dict.fromkeys(strangers, GOSSIP_PROTOCOL)
        grafts, prunes = router.mesh_heartbeat()
        assert not grafts and not prunes
        router.mesh[TOPIC] = set(strangers)
        grafts, prunes = router.mesh_heartbeat()
        assert not grafts
        assert len(prunes) == len(strangers) - MESH == len(strangers) - len(router.mesh[TOPIC])
        victim.pubsub.peer_topics[TOPIC] = set()


async def test_each_peer_gets_the_control_that_is_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """gossipsub.py:1250: the GRAFTs for one go to all that follow."""
    async with victim_and_attacker() as (victim, _):
        router = victim.pubsub.router
        sent: dict[ID, Any] = {}

        def keep(peer: ID, rpc: Any, priority: bool = False) -> None:
            sent[peer] = rpc.control

        monkeypatch.setattr(router, "send_rpc", keep)
        one, two, three = (ID(b"%d" % number) for number in range(3))
        await router._emit_control_msgs(
            {one: ["a"], two: ["b"]}, {two: ["c"], three: ["d"]}, {three: {"a": [b"id"]}}
        )
        assert [each.topicID for each in sent[one].graft] == ["a"]
        assert [each.topicID for each in sent[two].graft] == ["b"]
        assert [(each.topicID, each.backoff) for each in sent[three].prune] == [("d", 5)]
        assert [each.topicID for each in sent[two].prune] == ["c"]
        assert [list(each.messageIDs) for each in sent[three].ihave] == [[b"id"]]
        assert router._check_back_off(three, "d") and not router._check_back_off(one, "a")


async def test_the_score_is_the_librarys() -> None:
    dice = random.Random(SEED)  # noqa: S311
    async with victim_and_attacker() as (victim, _):
        params = victim.pubsub.router.scorer.params
    stock, ours = PeerScorer(params), InvalidScorer(params)
    peers, topics = [ID(b"%d" % n) for n in range(5)], ["a", "b"]
    for _ in range(300):
        peer, topic = dice.choice(peers), dice.choice(topics)
        event = dice.choice(("on_invalid_message", "on_first_delivery", "on_join_mesh"))
        for scorer in (stock, ours):
            getattr(scorer, event)(peer, topic)
        if dice.random() < 0.1:
            stock.on_heartbeat()
            ours.on_heartbeat()
        for asked in (["a"], ["a", "b"], []):
            assert ours.score(peer, asked) == stock.score(peer, asked)
            for gate in ("allow_publish", "allow_gossip", "is_graylisted", "allow_px_from"):
                assert getattr(ours, gate)(peer, asked) == getattr(stock, gate)(peer, asked)
    assert ours.score(peers[0], ["a", "b"]) < PUBLISH_SCORE
