"""What the control API asks of a running node, as two ports that the runtime implements.

`DeskPort` brings the desk's verbs to the writer's thread; `LiveNode` is what only a running node
knows: its peers, its sessions, its events. Knows nothing of HTTP, libp2p or the store.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]


class DeskPort(ABC):
    """The desk's verbs, awaited. Both raise DeskError, and store errors as DeskError."""

    @abstractmethod
    async def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        """`Desk.call` on the writer's thread (reads: on any thread with its own store), outside of
        any transaction; then what `take_published` gives is gossiped."""

    @abstractmethod
    def stream(
        self, verb: str, args: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        """`Desk.stream` in steps of at most some hundred items, each step one job of the writer's
        thread; nothing more is asked of the desk until the step before it was taken. Closing the
        generator closes the desk's."""


class LiveNode(ABC):
    """The node while it runs. Everything given back is JSON."""

    @abstractmethod
    async def status(self) -> JsonObject:
        """What only the running node knows: {"peer", "addresses": [multiaddr…], "api", "since",
        "peers": connected count, "last_sync": RFC 3339 or None, "interfaces": […],
        "warnings": [{"code", "message"}…], …}. Merged over the desk's `status-local`."""

    @abstractmethod
    async def peers(self) -> list[JsonObject]:
        """[{"peer", "address", "inbound", "since": RFC 3339, "score", …}]"""

    @abstractmethod
    async def connect(self, address: str) -> JsonObject:
        """Dials a multiaddr: {"peer", "address"}. DeskError says why not."""

    @abstractmethod
    async def sync(self, peer: str | None) -> list[JsonObject]:
        """Reconciles now, with one peer or all: [{"peer", "market", "received", "sent", "ok",
        "error"}…]. DeskError for a peer that is not connected."""

    @abstractmethod
    async def blob(self, hash: bytes) -> bool:
        """Whether the blob is here, after neighbours were asked for it: at once, and joined with a
        fetch that is under way. False where no listing names it, or nobody has it now. Whoever
        stops waiting stops nothing."""

    @abstractmethod
    async def phone(self, wanted: Mapping[str, Any]) -> JsonObject:
        """The window for phones on the same network, opened or closed where "on" is said, with
        "address", "port" and "market": {"phone": is it open, "url", "address", "port", "market",
        "others": this machine's other addresses}. DeskError where it cannot be opened."""

    @abstractmethod
    def events(self) -> AsyncGenerator[JsonObject, None]:
        """From now on: {"event": "peer"|"listing"|"sync"|"photo"|"warning"|"stopping", …}. A slow
        reader loses the oldest and is told so by {"event": "warning", "code": "missed",
        "count"}."""
