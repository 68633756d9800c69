"""The running node as a guest's page reaches it: photos of what is shown, and nothing else."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import trio

from ..protocol.told import tell
from .desk_error import EXIT_UNKNOWN_ID, DeskError
from .live_node import JsonObject, LiveNode

_FETCHES_MAX: Final = 4


class GuestNode(LiveNode):
    """Over the owner's `live`; guests have it fetch few photos at once."""

    def __init__(self, live: LiveNode) -> None:
        self._live = live
        self._turns = trio.CapacityLimiter(_FETCHES_MAX)

    async def status(self) -> JsonObject:
        raise _not_for_guests()

    async def peers(self) -> list[JsonObject]:
        raise _not_for_guests()

    async def connect(self, address: str) -> JsonObject:
        raise _not_for_guests()

    async def sync(self, peer: str | None) -> list[JsonObject]:
        raise _not_for_guests()

    async def blob(self, hash: bytes) -> bool:
        async with self._turns:
            return await self._live.blob(hash)

    async def phone(self, wanted: Mapping[str, Any]) -> JsonObject:
        raise _not_for_guests()

    async def events(self) -> AsyncGenerator[JsonObject, None]:
        raise _not_for_guests()
        yield {}


def _not_for_guests() -> DeskError:
    return DeskError(
        "not-for-guests", tell("that is for who runs this node"), None, EXIT_UNKNOWN_ID
    )
