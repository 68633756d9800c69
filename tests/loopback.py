"""Real libp2p nodes on 127.0.0.1 for tests of faults: a victim, an attacker, and the question
whether the victim is still well."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import PUBSUB_SIGNING_PREFIX
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.utils import encode_varint_prefixed

from jangteo.node.libp2p_pubsub import GOSSIP_PROTOCOL
from jangteo.node.libp2p_transport import Libp2pTransport, open_libp2p
from jangteo.node.transport import Stream
from jangteo.protocol.verdict import Verdict

ECHO = "/test/echo/1"
TOPIC = "/test/1/square"
PATIENCE_S = 10
SEED = 20_26
ABSENT = "12D3KooWAXBTgGPh6Uqy6ePJEhi87BY2Ae15cgDNDSChyp3kSjSX"
"""A well-formed peer id that nobody here has."""


def host(name: str, listen: str = "/ip4/127.0.0.1/tcp/0") -> Any:
    return open_libp2p(hashlib.sha256(name.encode()).digest(), [listen])


async def echo(stream: Stream) -> None:
    await stream.send_all(await stream.receive_exactly(5))


@asynccontextmanager
async def victim_and_attacker() -> AsyncIterator[tuple[Libp2pTransport, Libp2pTransport]]:
    """Connected, and in one topic; the victim echoes and takes whatever is gossiped."""
    async with host("victim") as victim, host("attacker") as attacker:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        await attacker.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        await attacker.dial(victim.addresses()[0])
        with trio.fail_after(PATIENCE_S):
            yield victim, attacker


async def settled(holds: Callable[[], bool]) -> None:
    """Until `holds`, looking again whenever this process has nothing else to do."""
    with trio.fail_after(PATIENCE_S):
        while not holds():
            await trio.testing.wait_all_tasks_blocked(0.002)


async def is_well(victim: Libp2pTransport, name: str = "newcomer") -> None:
    """An honest newcomer connects, talks, and its gossip is heard."""
    heard = trio.Event()
    word = os.urandom(8)

    def listen(peer: str, data: bytes) -> Verdict:
        if data == word:
            heard.set()
        return Verdict.ACCEPT

    with trio.fail_after(PATIENCE_S):
        async with host(name) as newcomer:
            victim.pubsub.handlers[TOPIC] = listen
            await newcomer.dial(victim.addresses()[0])
            stream = await newcomer.open_stream(victim.peer, ECHO)
            await stream.send_all(b"hello")
            assert await stream.receive_exactly(5) == b"hello"
            await stream.close()
            await newcomer.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
            await newcomer.publish(TOPIC, word)
            await heard.wait()


async def raw_stream(attacker: Libp2pTransport, victim: Libp2pTransport) -> Any:
    return await attacker.host.new_stream(ID.from_base58(victim.peer), [GOSSIP_PROTOCOL])


async def attack(attacker: Libp2pTransport, victim: Libp2pTransport, data: bytes) -> Any:
    """Writes to a gossip stream of the victim."""
    stream = await raw_stream(attacker, victim)
    await stream.write(data)
    return stream


async def is_reset(stream: Any) -> None:
    with trio.fail_after(PATIENCE_S), pytest.raises((StreamError, MuxedStreamError)):
        while await stream.read(1024):
            pass


def signed(attacker: Libp2pTransport, topics: list[str], data: bytes, seqno: int = 1) -> Any:
    """A message as GossipSub's StrictSign wants it."""
    message = rpc_pb2.Message(
        data=data,
        topicIDs=topics,
        from_id=ID.from_base58(attacker.peer).to_bytes(),
        seqno=seqno.to_bytes(8, "big"),
    )
    key = attacker.host.get_private_key()
    message.signature = key.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    message.key = attacker.host.get_public_key().serialize()
    return message


def rpc(**fields: Any) -> bytes:
    return bytes(encode_varint_prefixed(rpc_pb2.RPC(**fields).SerializeToString()))
