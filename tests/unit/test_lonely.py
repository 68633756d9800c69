"""What a node without neighbours tells its owner."""

from jangteo.node.lonely import lonely_advice, peer_line

LAN = "/ip4/192.168.0.7/tcp/4110/p2p/P"
LOOPBACK = "/ip4/127.0.0.1/tcp/4110/p2p/P"


def test_it_names_the_interfaces_the_causes_and_the_line_to_hand_over() -> None:
    advice = lonely_advice(
        interfaces=["192.168.0.7", "10.0.0.3", "127.0.0.1"],
        addresses=[LAN, LOOPBACK],
        is_searching=True,
    )
    assert "192.168.0.7, 10.0.0.3" in advice
    assert "127.0.0.1" not in advice
    assert "guest Wi-Fi" in advice
    assert "firewall" in advice
    assert f"jangteo up --peer {LAN}" in advice


def test_it_says_when_there_is_no_network_or_no_search() -> None:
    alone = lonely_advice(interfaces=["127.0.0.1"], addresses=[], is_searching=True)
    assert "no network" in alone
    assert "--peer" not in alone
    off = lonely_advice(interfaces=["192.168.0.7"], addresses=[LAN], is_searching=False)
    assert "switched off" in off


def test_the_line_prefers_what_others_can_reach() -> None:
    assert peer_line([LOOPBACK, LAN]) == f"jangteo up --peer {LAN}"
    assert peer_line([LOOPBACK]) == f"jangteo up --peer {LOOPBACK}"
    assert peer_line([]) is None
