"""A node without a network, for tests: a real home, store, desk and control API on loopback.

`python -m tests.control_node HOME` prints its URL and serves until its stdin ends.
"""

import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import trio

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.config import read_config
from jangteo.node.control_server import ControlFace, serve_control
from jangteo.node.desk import Desk
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home, NodeFace
from jangteo.node.home_store import open_store
from jangteo.node.identity import load_author_key
from jangteo.node.live_node import DeskPort, JsonObject, LiveNode
from jangteo.node.office import system_now_ms

_STEP_ITEMS = 50


class PlainDesk(DeskPort):
    """The desk's verbs in the loop's own thread. `steps` counts what streams were asked for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.calls = 0
        self.steps = 0
        self.closed = trio.Event()

    async def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        await trio.lowlevel.checkpoint()
        self.calls += 1
        return self.desk.call(verb, args)

    async def stream(
        self, verb: str, args: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        items = self.desk.stream(verb, args)
        try:
            while step := list(islice(items, _STEP_ITEMS)):
                self.steps += 1
                yield step
        finally:
            items.close()
            self.closed.set()


class QuietNode(LiveNode):
    """Knows one peer. Its events are what the test sends into `event_sender`."""

    def __init__(self) -> None:
        self.event_sender, self._event_receiver = trio.open_memory_channel[JsonObject](100)

    async def status(self) -> JsonObject:
        return {"peer": "12D3", "peers": 1, "notices": [{"code": "lonely", "message": "quiet"}]}

    async def peers(self) -> list[JsonObject]:
        return [{"peer": "12D3other"}]

    async def connect(self, address: str) -> JsonObject:
        if not address.startswith("/ip4/"):
            raise DeskError("dial", f"{address!r} is no address", None, 2)
        return {"peer": "12D3other", "address": address}

    async def phone(self, wanted: Mapping[str, Any]) -> JsonObject:
        return {"phone": wanted.get("on") is True, "url": None}

    async def sync(self, peer: str | None) -> list[JsonObject]:
        return [{"peer": peer, "ok": True}]

    async def blob(self, hash: bytes) -> bool:
        return hash == bytes(32)

    async def events(self) -> AsyncGenerator[JsonObject, None]:
        async for event in self._event_receiver:
            yield event


async def _serve(home: Home) -> None:
    config = read_config(home, flags={"currency": "KRW"}, environ={})
    key = load_author_key(home)
    store = open_store(home, config, own=key.public)
    desk = Desk(
        store,
        key,
        config,
        system_now_ms,
        os.urandom,
        owner=home.owner,
        blobs=BlobFolder(home.blobs_path),
    )
    live = QuietNode()
    try:
        async with trio.open_nursery() as nursery:
            face: ControlFace = await nursery.start(
                partial(
                    serve_control,
                    PlainDesk(desk),
                    live,
                    folder=BlobFolder(home.blobs_path),
                    port=config.api_port,
                )
            )
            home.write_node(NodeFace(face.url, face.token, os.getpid()))
            await live.event_sender.send({"event": "ready"})
            await live.event_sender.aclose()
            print(face.url, flush=True)
            await trio.to_thread.run_sync(sys.stdin.read)
            nursery.cancel_scope.cancel()
    finally:
        store.close()
        home.forget_node()


def main() -> None:
    home = Home(Path(sys.argv[1]))
    with home.lock("node"):
        trio.run(_serve, home)


if __name__ == "__main__":
    main()
