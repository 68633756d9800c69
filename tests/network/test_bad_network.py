"""Real nodes behind the forwarder: what a LAN does that loses a frame in twenty, takes 50 ms each
way and parts. Waits for what has to come, and measures nothing; bad_network.py does, for longer.
"""

import time
from collections.abc import Iterator

import pytest

from tests.network import bad_lan
from tests.network.bad_switch import Weather
from tests.network.member import Member
from tests.network.network import Network, network

pytestmark = [
    pytest.mark.skipif(bad_lan.why_not() is not None, reason=str(bad_lan.why_not())),
    pytest.mark.slow,
]

BAD = Weather(delay_s=0.05, jitter_s=0.01, loss=0.05, rate=512 * 1024.0)
SECONDS_MAX = 600.0
PATIENCE_S = 90.0
NODES = 4


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("network")
    with network(folder, NODES, seed=1, weather=BAD, seconds_max=SECONDS_MAX) as made:
        made.start_all()
        yield made


def test_nodes_come_together_over_losses_delays_a_cut_and_a_kill(net: Network) -> None:
    one, two, three, _ = net.members
    for owner in net.owners:
        for _ in range(3):
            owner.sell()
    net.until_even(PATIENCE_S)

    net.lan.part([[0, 3], [1, 2]])
    for owner in net.owners:
        for _ in range(3):
            assert owner.act()
    three.kill()
    assert not net.is_even()
    net.until(lambda: one.fingerprints() != two.fingerprints(), "each side on its own", PATIENCE_S)
    three.start()
    net.lan.heal()
    net.wait_ready(three)
    for owner in net.owners:
        owner.sell()

    net.until_even(PATIENCE_S)
    assert net.check_words() >= 4 * NODES
    assert net.verify([three]) > 0
    counts = net.lan.counts()
    assert counts["lost"] > 0
    assert counts["cut"] > 0


def test_a_node_whose_address_changes_is_found_again(net: Network) -> None:
    one, two, *_ = net.members
    net.until(net.is_meshed, "all connected", PATIENCE_S)
    net.lan.readdress(1, "10.78.3.3")
    began = time.monotonic()

    def is_at(who: Member, of: Member, address: str) -> bool:
        return any(
            event["event"] == "peer"
            and event["state"] == "up"
            and event["peer"] == of.peer
            and f"/{address}/" in event["address"]
            for at, event in list(who.node.events)
            if at > began
        )

    # Whoever dials: at the other one, or at itself, somebody is new.
    net.until(
        lambda: is_at(one, two, "10.78.3.3") or is_at(two, one, "10.78.0.1"),
        "connected from the new address",
        PATIENCE_S,
    )
    print(f"connected again {time.monotonic() - began:.1f} s after the change")
    net.owners[1].sell()
    net.until_even(PATIENCE_S)
    print(f"even {time.monotonic() - began:.1f} s after the change")
