"""GossipSub's and identify's messages as bytes, written by hand: any field may say anything.

Knows protobuf's wire format and nothing else.
"""

from collections.abc import Sequence

from .wire import Identity, varint

_SIGNED_AS = b"libp2p-pubsub:"


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def prefixed(rpc: bytes) -> bytes:
    return varint(len(rpc)) + rpc


def subscribe(topic: bytes, is_on: bool = True) -> bytes:
    return field(1, field(1, int(is_on)) + field(2, topic))


def message(
    sender: bytes, data: bytes, seqno: bytes, topic: bytes, signature: bytes, key: bytes
) -> bytes:
    """A published message as an RPC; empty fields are left out."""
    return field(2, _unsigned(sender, data, seqno, topic, signature, key))


def signed(identity: Identity, data: bytes, seqno: int, topic: bytes, key: bytes = b"") -> bytes:
    """A message as StrictSign wants it."""
    number = seqno.to_bytes(8, "big")
    body = _unsigned(identity.peer, data, number, topic, b"", b"")
    proof = identity.sign(_SIGNED_AS + body)
    return message(identity.peer, data, number, topic, proof, key)


def _unsigned(
    sender: bytes, data: bytes, seqno: bytes, topic: bytes, signature: bytes, key: bytes
) -> bytes:
    parts = ((1, sender), (2, data), (3, seqno), (4, topic), (5, signature), (6, key))
    return b"".join(field(number, value) for number, value in parts if value)


def control(*parts: bytes) -> bytes:
    return field(3, b"".join(parts))


def ihave(topic: bytes, ids: Sequence[bytes]) -> bytes:
    return field(1, field(1, topic) + b"".join(field(2, each) for each in ids))


def iwant(ids: Sequence[bytes]) -> bytes:
    return field(2, b"".join(field(1, each) for each in ids))


def graft(topic: bytes) -> bytes:
    return field(3, field(1, topic))


def prune(topic: bytes, backoff_s: int = 60) -> bytes:
    return field(4, field(1, topic) + field(3, backoff_s))


def identify(identity: Identity, protocols: Sequence[bytes], addresses: Sequence[bytes]) -> bytes:
    return b"".join(
        [
            field(1, identity.public_key),
            *(field(2, each) for each in addresses),
            *(field(3, each) for each in protocols),
            field(5, b"jangteo/attack"),
            field(6, b"attacker/1"),
        ]
    )
