"""The queue of RPCs for a peer."""

import random
from typing import Any

import pytest
from libp2p.pubsub.pb import rpc_pb2

from jangteo.node.libp2p_rpc import MERGED_BYTES_MAX, MERGED_MAX, DeepQueue, publish_field
from jangteo.protocol.limits import (
    GOSSIP_MESSAGE_BYTES_MAX,
    GOSSIP_QUEUE_BYTES_MAX,
    GOSSIP_QUEUE_RPCS_MAX,
)
from tests.loopback import SEED, TOPIC

pytestmark = pytest.mark.trio


async def test_a_queue_is_deep_and_bounded_in_number() -> None:
    """Bug 9."""
    queue = DeepQueue()
    small = rpc_pb2.RPC()
    assert all(queue.push(small) for _ in range(GOSSIP_QUEUE_RPCS_MAX))
    assert not queue.push(small)
    assert queue.dropped_count == 1


async def test_a_queue_is_bounded_in_bytes_and_frees_them() -> None:
    queue = DeepQueue()
    large = rpc_pb2.RPC(publish=[rpc_pb2.Message(data=bytes(GOSSIP_MESSAGE_BYTES_MAX))])
    pushed = 0
    while queue.push(large):
        pushed += 1
    assert pushed == GOSSIP_QUEUE_BYTES_MAX // large.ByteSize()
    await queue.pop()
    assert queue.push(large)


def messages_of(sizes: list[int]) -> list[Any]:
    return [
        rpc_pb2.Message(data=bytes([n % 256]) * size, topicIDs=[TOPIC], seqno=bytes([n]))
        for n, size in enumerate(sizes)
    ]


async def test_what_waits_goes_out_as_few_rpcs_that_say_the_same() -> None:
    dice = random.Random(SEED)  # noqa: S311
    queue = DeepQueue()
    messages = messages_of([dice.choice((1, 1000, 3000, 60_000)) for _ in range(120)])
    grafts = [f"topic {n}" for n in range(3)]
    for n, message in enumerate(messages):
        if n % 2:
            assert queue.push_bytes(publish_field(message))
        else:
            assert queue.push(rpc_pb2.RPC(publish=[message], senderRecord=b"x"))
    for topic in grafts:
        graft = rpc_pb2.ControlMessage(graft=[rpc_pb2.ControlGraft(topicID=topic)])
        assert queue.push(rpc_pb2.RPC(control=graft), priority=True)
    queue.close()
    got, popped = [], []
    while (data := await queue.pop()) is not None:
        told = rpc_pb2.RPC.FromString(data)
        assert len(told.control.graft) <= 1
        assert len(data) <= MERGED_BYTES_MAX + 100 or len(told.publish) == 1
        assert len(told.publish) <= MERGED_MAX
        got += told.publish
        popped.append(told)
    assert got == messages
    assert [one.control.graft[0].topicID for one in popped[:3]] == grafts
    assert not any(one.HasField("senderRecord") for one in popped)
    assert len(popped) < len(messages) // 2


async def test_small_messages_do_not_fill_an_rpc_beyond_what_others_take() -> None:
    queue = DeepQueue()
    for message in messages_of([1] * 100):
        queue.push_bytes(publish_field(message))
    first = rpc_pb2.RPC.FromString(await queue.pop() or b"")
    assert len(first.publish) == MERGED_MAX
