"""Whose budget a peer draws on: its address's, so that many peer keys on one machine have no more
than one. On the node's own machine, where whole trial markets live, each peer has its own.

Knows text only.
"""

from collections import OrderedDict

from ..protocol import limits

OWN_MACHINE = frozenset(("127.0.0.1", "::1"))
_HOSTS = ("ip4", "ip6")


def payer(peer: str, address: str) -> str:
    """A name for the budget of `peer`, whose connection's far end is the multiaddr `address`."""
    parts = address.split("/")
    if len(parts) < 3 or parts[1] not in _HOSTS or parts[2] in OWN_MACHINE:
        return peer
    return parts[2]


class Payers:
    """Who pays for each peer that is connected, or has been of late: what it sent may still be on
    its way, and is not nobody's for its having gone."""

    def __init__(self) -> None:
        self._here: dict[str, str] = {}
        self._gone: OrderedDict[str, str] = OrderedDict()

    def up(self, peer: str, address: str) -> None:
        self._gone.pop(peer, None)
        self._here[peer] = payer(peer, address)

    def down(self, peer: str) -> None:
        who = self._here.pop(peer, None)
        if who is None:
            return
        self._gone[peer] = who
        while len(self._gone) > limits.PENALTY_PEERS_MAX:
            self._gone.popitem(last=False)

    def of(self, peer: str) -> str | None:
        """None for one that was not heard of, or long ago."""
        return self._here.get(peer) or self._gone.get(peer)
