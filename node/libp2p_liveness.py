"""Hangs up on connections that lead nowhere any more, such as those to the old address of a peer
that has come back at another. TCP itself holds on to them for half a minute.

A yamux ping asks; what does not answer is closed. Knows nothing of why a peer is wanted.
"""

import logging
from collections.abc import Iterable
from typing import Any

import trio
from libp2p.io.exceptions import IOException
from libp2p.network.connection.exceptions import RawConnError
from libp2p.stream_muxer.yamux import yamux

from ..protocol.limits import SECOND_MS, STREAM_OPEN_MS_MAX

log = logging.getLogger(__name__)


async def answers(muxed: Any, within_s: float) -> bool:
    """Whether the far end of a yamux connection is there."""
    muxed._ping_id += 1
    # The library's own ping, each 30 s, may put another event in its place: then that one tells.
    event = muxed._ping_event = trio.Event()
    ping = yamux.struct.pack(
        yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, muxed._ping_id
    )
    try:
        with trio.move_on_after(within_s):
            await muxed._write_frame(ping)
            muxed._ping_sent_time = trio.current_time()  # what a round trip is reckoned from
            await event.wait()
    except (IOException, RawConnError) as error:
        log.debug("libp2p: %s cannot be asked: %r", muxed.peer_id, error)
    return event.is_set() or bool(muxed._ping_event.is_set())


async def close_if_dead(connection: Any) -> None:
    muxed = connection.muxed_conn
    if await answers(muxed, STREAM_OPEN_MS_MAX / SECOND_MS) or muxed.event_closed.is_set():
        return
    log.debug("libp2p: a connection with %s leads nowhere", muxed.peer_id)
    await connection.close()


async def close_dead(connections: Iterable[Any]) -> None:
    """All at once, so that it takes as long as one."""
    async with trio.open_nursery() as nursery:
        for connection in connections:
            nursery.start_soon(close_if_dead, connection)
