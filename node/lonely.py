"""What to tell an owner whose node finds no neighbour: what was tried, why that fails in real
networks, and the line to hand over. Knows texts only.
"""

from collections.abc import Sequence

_CAUSES = (
    "guest Wi-Fi often keeps its devices apart; a router in each flat makes each flat a network of "
    "its own; a firewall may block multicast (UDP 5353) or this node's port"
)


def lonely_advice(
    *, interfaces: Sequence[str], addresses: Sequence[str], is_searching: bool
) -> str:
    """`interfaces` are this machine's addresses, `addresses` the node's multiaddrs, LAN first;
    `is_searching`: mDNS is on."""
    lan = [ip for ip in interfaces if not ip.startswith("127.")]
    tried = f"searched on {', '.join(lan)}" if lan else "this machine has no network but its own"
    if not is_searching:
        tried = "mDNS is switched off"
    line = peer_line(addresses)
    hand_over = f". To connect two nodes by hand, run on the other: {line}" if line else ""
    return f"no neighbour yet: {tried}. Usual causes: {_CAUSES}{hand_over}"


def peer_line(addresses: Sequence[str]) -> str | None:
    """The command that connects another node to this one; None where it cannot be reached."""
    for address in addresses:
        if not address.startswith(("/ip4/127.", "/ip6/::1/")):
            return f"jangteo up --peer {address}"
    return f"jangteo up --peer {addresses[0]}" if addresses else None
