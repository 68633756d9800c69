"""All attacks by name, from the wire upward."""

from tests.faults.attacks import on_connections, on_gossip, on_streams, on_sync
from tests.faults.attacks.field import Attack

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        *on_connections.ATTACKS,
        *on_streams.ATTACKS,
        *on_gossip.ATTACKS,
        *on_sync.ATTACKS,
    )
}
