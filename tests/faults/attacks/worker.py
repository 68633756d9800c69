"""The attackers' process: reads one order a line, carries it out, says what it sent.

An order is {"name", "count", "host", "port", "peer", "network", "market", "seed"}; {"stop": true}
ends the attack that runs. It answers {"ready"}, then {"over", "sent", "peers", "error"}. When its
input ends, so does it. A process of its own: an attack must not take time from those who measure.
"""

import json
import random
import sys
from typing import Any

import trio

from tests.faults.attacks.catalogue import ATTACKS
from tests.faults.attacks.field import Field, fresh_records
from tests.faults.attacks.wire import Gone, Target

_ATTACK_S_MAX = 60.0
_PEERS_TOLD_MAX = 2000
Order = dict[str, Any]


async def serve() -> None:
    orders, inbox = trio.open_memory_channel[Order](10)

    async def read() -> None:
        while text := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            await orders.send(json.loads(text))
        await orders.send({"end": True})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        async for order in inbox:
            if "end" in order:
                break
            if "name" in order:
                await carry_out(order, inbox)
        nursery.cancel_scope.cancel()


async def carry_out(order: Order, inbox: trio.MemoryReceiveChannel[Order]) -> None:
    attack = ATTACKS[order["name"]]
    dice = random.Random(order["seed"])  # noqa: S311  (repeatable)
    field = Field(
        Target(order["host"], order["port"]),
        order["peer"],
        order["count"],
        dice,
        order["network"],
        order["market"],
        fresh_records(-int(-order["count"] * attack.needs // 1), dice),
    )
    say({"ready": True})
    error = ""
    with trio.move_on_after(_ATTACK_S_MAX):
        try:
            async with trio.open_nursery() as nursery:

                async def listen() -> None:
                    await inbox.receive()
                    nursery.cancel_scope.cancel()

                nursery.start_soon(listen)
                await attack.run(field)
                nursery.cancel_scope.cancel()
        except* Gone as gone:
            error = repr(gone.exceptions[0])
    peers = field.peers[-_PEERS_TOLD_MAX:]
    say({"over": True, "sent": dict(field.sent), "peers": peers, "error": error})


def say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    trio.run(serve)
