"""Whose budget a peer draws on: its address's, so that many peer keys on one machine have no more
than one. On the node's own machine, where whole trial markets live, each peer has its own.

Knows text only.
"""

OWN_MACHINE = frozenset(("127.0.0.1", "::1"))
_HOSTS = ("ip4", "ip6")


def payer(peer: str, address: str) -> str:
    """A name for the budget of `peer`, whose connection's far end is the multiaddr `address`."""
    parts = address.split("/")
    if len(parts) < 3 or parts[1] not in _HOSTS or parts[2] in OWN_MACHINE:
        return peer
    return parts[2]
