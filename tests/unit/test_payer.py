"""Who draws on whose budget, and how many budgets are kept."""

import pytest

from jangteo.node.payer import Payers, payer
from jangteo.node.token_bucket import TokenBuckets
from jangteo.protocol import limits


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/ip4/192.168.0.7/tcp/4110/p2p/12D3", "192.168.0.7"),
        ("/ip4/127.0.0.66/tcp/4110/p2p/12D3", "127.0.0.66"),
        ("/ip6/fe80::1/tcp/4110", "fe80::1"),
        ("/ip4/127.0.0.1/tcp/4110/p2p/12D3", "peer"),
        ("/ip6/::1/tcp/4110", "peer"),
        ("/memory/ann/p2p/ann", "peer"),
        ("", "peer"),
    ],
)
def test_an_address_pays_for_its_peers_but_not_on_the_own_machine(address: str, name: str) -> None:
    assert payer("peer", address) == name


def test_who_is_gone_pays_for_what_is_still_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENALTY_PEERS_MAX", 2)
    payers = Payers()
    assert payers.of("a") is None
    payers.up("a", "/ip4/192.168.0.7/tcp/4110")
    payers.down("a")
    assert payers.of("a") == "192.168.0.7"
    payers.up("a", "/ip4/192.168.0.8/tcp/4110")
    assert payers.of("a") == "192.168.0.8"
    payers.down("a")
    payers.down("never here")
    for peer in "bc":
        payers.up(peer, "/ip4/192.168.0.9/tcp/4110")
        payers.down(peer)
    assert payers.of("a") is None
    assert payers.of("b") == payers.of("c") == "192.168.0.9"


def test_only_the_latest_budgets_are_kept() -> None:
    buckets = TokenBuckets(1.0, 2.0, 3)
    for name in "abca":
        assert buckets.of(name, 0.0).take(1, 0.0)
    buckets.of("d", 0.0)
    assert len(buckets) == 3
    assert not buckets.of("a", 0.0).take(1, 0.0)
    assert buckets.of("b", 0.0).take(2, 0.0)  # forgotten meanwhile
