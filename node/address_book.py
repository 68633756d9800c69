"""Remembers across restarts where peers were met. Knows their own word for it; dials nothing."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import trio

from ..protocol import limits
from ..store.store import Store
from .supervisor import survive
from .transport import Transport
from .writer import Writer

_ADDRESSES_KEPT = 4  # of each peer


class AddressBook:
    """`note` a peer that has proved useful; `run` writes where it is, once an hour at most."""

    def __init__(self, transport: Transport, writer: Writer, *, now_ms: Callable[[], int]) -> None:
        self._transport = transport
        self._writer = writer
        self._now_ms = now_ms
        self._due: dict[str, None] = {}
        self._written_ms: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._wake = trio.Event()
        self.on_known: Callable[[list[str]], None] = lambda addresses: None

    def note(self, peer: str) -> None:
        self._due[peer] = None
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await survive("remembering peers", self._write)

    async def _write(self) -> None:
        due, self._due = self._due, {}
        now_ms = self._now_ms()
        fresh = [
            (peer, address)
            for peer in due
            for address in self._transport.addresses_of(peer)[:_ADDRESSES_KEPT]
            if now_ms - self._written_ms.get((peer, address), 0) > limits.HOUR_MS
        ]
        if not fresh:
            return
        await self._writer.call(partial(_remember, fresh, now_ms))
        for entry in fresh:
            self._written_ms[entry] = now_ms
            self._written_ms.move_to_end(entry)
        while len(self._written_ms) > _ADDRESSES_KEPT * limits.PEERS_REMEMBERED_MAX:
            self._written_ms.popitem(last=False)
        self.on_known([address for _, address in fresh])


def _remember(fresh: list[tuple[str, str]], now_ms: int, store: Store) -> None:
    with store.write(durable=False):
        for peer, address in fresh:
            store.remember_peer(peer, address, now_ms)
