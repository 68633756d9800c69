"""What a running node says of itself, as JSON, to the control API.

Implements `live_node.LiveNode` over the core. Knows no HTTP and no store but through the core.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio

from ..protocol.told import tell
from .core import NodeCore
from .desk_error import EXIT_UNKNOWN_ID, DeskError, bad_value
from .listing_json import time_text
from .live_node import JsonObject, LiveNode
from .transport import DialFailed

if TYPE_CHECKING:
    from .phone_window import PhoneWindow

_TYPED_CHARS_MIN = 4


class LiveCore(LiveNode):
    """`interfaces()` are this machine's addresses."""

    def __init__(self, core: NodeCore, *, interfaces: Callable[[], list[str]]) -> None:
        self._core = core
        self._interfaces = interfaces
        self._since_ms = core.now_ms()
        self.api = ""
        self.window: PhoneWindow | None = None
        """Set by whoever serves it; it asks this for what it shows."""

    async def status(self) -> JsonObject:
        core = self._core
        last_ms = core.last_sync_ms
        return {
            "peer": core.transport.peer,
            "addresses": core.transport.addresses(),
            "api": self.api,
            "since": time_text(self._since_ms),
            "peers": len(core.transport.peers()),
            "last_sync": None if last_ms is None else time_text(last_ms),
            "interfaces": self._interfaces(),
            "clock_offset_ms": core.clock.offset_ms(),
            "writer_queued": core.writer.records_queued,
            "banned": core.penalties.banned_count(core.now_ms()),
            "phone": self.window.url if self.window else None,
            "photo_exchange": None if core.blobs is None else core.blobs.status(),
            "tasks": trio.lowlevel.current_statistics().tasks_living,
            "warnings": [
                {"code": code, "message": message} for code, message in core.warnings.items()
            ],
        }

    async def peers(self) -> list[JsonObject]:
        now_ms = self._core.now_ms()
        return [
            {
                "peer": each.peer,
                "address": each.address,
                "inbound": each.inbound,
                "since": time_text(each.since_ms),
                "score": round(each.score, 1),
                "penalty": round(self._core.penalties.points(each.peer, now_ms), 1),
            }
            for each in self._core.transport.peers()
        ]

    async def connect(self, address: str) -> JsonObject:
        try:
            peer = await self._core.transport.dial(address)
        except DialFailed as error:
            raise DeskError("no-connection", tell("cannot reach {error}", error=error)) from None
        return {"peer": peer, "address": address}

    async def sync(self, peer: str | None) -> list[JsonObject]:
        connected = [each.peer for each in self._core.transport.peers()]
        if peer is not None:
            peer = _one_of(peer, connected)
        rows: list[JsonObject] = []
        for each in connected if peer is None else [peer]:
            report = await self._core.sync.sync_now(each)
            if report.error or not report.markets:
                rows.append(
                    {
                        "peer": each,
                        "market": None,
                        "received": report.received,
                        "sent": report.sent,
                        "ok": not report.error,
                        "error": report.error or None,
                    }
                )
                continue
            for market, part in report.markets.items():
                rows.append(
                    {
                        "peer": each,
                        "market": market,
                        "received": part.received,
                        "sent": part.sent,
                        "ok": True,
                        "even": part.is_even,
                        "error": None,
                    }
                )
        return rows

    async def blob(self, hash: bytes) -> bool:
        blobs = self._core.blobs
        return blobs is not None and await blobs.keeper.look(hash)

    async def phone(self, wanted: Mapping[str, Any]) -> JsonObject:
        if self.window is None:
            raise DeskError("no-window", tell("this node has no window for phones"))
        return await self.window.told(wanted)

    def events(self) -> AsyncGenerator[JsonObject, None]:
        return self._core.board.events()


def _one_of(told: str, connected: list[str]) -> str:
    """A connected peer's id or its unique end or beginning, as `peers` shows it."""
    if len(told) < _TYPED_CHARS_MIN:
        raise bad_value(
            tell("{told!r} is too short: type at least 4 characters of a peer's id", told=told)
        )
    found = [peer for peer in connected if peer.startswith(told) or peer.endswith(told)]
    if len(found) > 1:
        raise DeskError(
            "ambiguous",
            tell("{told!r} is {count} peers: type more of it", told=told, count=len(found)),
            None,
            2,
        )
    if not found:
        raise DeskError(
            "unknown-peer",
            tell("no peer {told!r} is connected", told=told),
            tell("`jangteo peers` lists them"),
            EXIT_UNKNOWN_ID,
        )
    return found[0]
