"""The window that phones on the same network look at the market through, when its owner opens it.

A server of its own on one address of the LAN, which answers GET and HEAD alone, from a desk that
knows nothing private. Knows nothing of the page but that it is made for guests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import trio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from ..protocol import limits
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.market import is_market
from ..protocol.told import tell
from .blob_folder import BlobFolder
from .control_connections import Connections, Started, bound
from .desk_args import Args
from .desk_error import DeskError, bad_value
from .guest_desk import GuestDesk
from .guest_node import GuestNode
from .interfaces import NoFreePort, free_port, ipv4_addresses, is_loopback
from .live_node import DeskPort, JsonObject, LiveNode
from .page.render import Renderer
from .page.site import Site
from .page.visit import Ways
from .token_bucket import TokenBuckets

_READING: Final = frozenset(("GET", "HEAD"))
_S: Final = limits.SECOND_MS


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an open window is, and what is seen through it."""

    address: str
    port: int
    market: str | None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/"


class GuestGuard:
    """Lets in who asks for this very address, to read, and not without end."""

    def __init__(self, frame: Frame, now: Callable[[], float]) -> None:
        host = f"{frame.address}:{frame.port}"
        self._hosts = frozenset((host, frame.address) if frame.port == 80 else (host,))
        self._now = now
        self._buckets = TokenBuckets(
            limits.PHONE_REQUESTS_PER_SECOND,
            limits.PHONE_REQUESTS_BURST,
            limits.PHONE_ADDRESSES_MAX,
        )

    def admit(self, scope: Scope) -> None:
        """HTTPException for whom not."""
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise HTTPException(403, "this page answers at its own address only")
        if scope["method"] not in _READING:
            raise HTTPException(405, "through this window one looks, and does nothing")
        caller = (scope.get("client") or ("",))[0]
        now = self._now()
        if not self._buckets.of(str(caller), now).take(1, now):
            raise HTTPException(429, "too much at once: wait a moment")


class PhoneWindow:
    """At most one is open. `nursery` is where it is served; it closes with that."""

    def __init__(
        self,
        desk: DeskPort,
        live: LiveNode,
        folder: BlobFolder,
        nursery: trio.Nursery,
        *,
        addresses: Callable[[], list[str]] = ipv4_addresses,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        self._desk = desk
        self._live = live
        self._folder = folder
        self._nursery = nursery
        self._addresses = addresses
        self._now = now
        self._turn = trio.Lock()
        self._frame: Frame | None = None
        self._serving: _Serving | None = None

    async def told(self, wanted: Mapping[str, Any]) -> JsonObject:
        """As LiveNode.phone."""
        args = Args("phone", wanted, ("on", "address", "port", "market"))
        is_on = args.flag("on")
        async with self._turn:
            if is_on is False:
                await self._close()
            elif is_on:
                await self._open(args)
            return self._state()

    @property
    def url(self) -> str | None:
        return self._frame.url if self._frame else None

    def _state(self) -> JsonObject:
        frame = self._frame
        return {
            "phone": frame is not None,
            "url": frame.url if frame else None,
            "address": frame.address if frame else None,
            "port": frame.port if frame else None,
            "market": frame.market if frame else None,
            "others": [
                one
                for one in self._addresses()
                if not is_loopback(one) and (frame is None or one != frame.address)
            ],
        }

    async def _open(self, args: Args) -> None:
        address = self._address(args.text("address"))
        port = args.integer("port", 1, 65_535)
        market = args.text("market")
        if market is not None and not is_market(market):
            raise bad_value(
                tell("{market} is no market: {help}", market=repr(market), help=MARKET_HELP)
            )
        if frame := self._frame:
            if (address, market) == (frame.address, frame.market) and port in (None, frame.port):
                return
            await self._close()
        try:
            chosen = port or free_port(limits.PHONE_PORT_DEFAULT, address)
            listener = bound(address, chosen)
        except NoFreePort as error:
            raise DeskError("port", str(error), tell("choose another with --port")) from None
        except OSError as error:
            raise DeskError(
                "port-in-use",
                tell(
                    "the window cannot have port {port} on {address}: {error}",
                    port=chosen,
                    address=address,
                    error=error.strerror,
                ),
                tell("choose another with --port"),
            ) from None
        frame = Frame(address, chosen, market)
        ways = Ways(
            GuestDesk(self._desk, market),
            GuestNode(self._live),
            Renderer(),
            self._folder,
            is_guest=True,
        )
        site = Site(ways, None, guard=GuestGuard(frame, self._now))
        serving = _Serving(
            Connections(
                site.asgi,
                count_max=limits.PHONE_CONNECTIONS_MAX,
                of_one_max=limits.PHONE_CONNECTIONS_PER_ADDRESS_MAX,
                seconds_max=limits.PHONE_CONNECTION_MS_MAX / _S,
            )
        )
        await self._nursery.start(serving.serve, listener)
        self._frame, self._serving = frame, serving

    def _address(self, told: str | None) -> str:
        own = self._addresses()
        if told is not None:
            if told not in own:
                raise bad_value(
                    tell(
                        "{address} is no address of this machine: it has {own}",
                        address=told,
                        own=", ".join(own) or "-",
                    )
                )
            return told
        outer = [one for one in own if not is_loopback(one)]
        if not outer:
            raise DeskError(
                "no-network",
                tell("this machine is in no network, so no phone can reach it"),
                tell("connect it to the Wi-Fi that the phone is in"),
            )
        return outer[0]

    async def _close(self) -> None:
        if self._serving is not None:
            await self._serving.close()
        self._frame = self._serving = None


class _Serving:
    """One server, from its start until it is closed."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    async def serve(self, listener: trio.SocketListener, *, task_status: "Started[None]") -> None:
        try:
            with self._scope:
                async with listener, trio.open_nursery() as nursery:
                    held: trio.Nursery = await nursery.start(self._connections.hold)
                    try:
                        task_status.started(None)
                        await trio.serve_listeners(
                            self._connections.serve, [listener], handler_nursery=held
                        )
                    finally:
                        self._connections.close()
        finally:
            self._ended.set()

    async def close(self) -> None:
        self._scope.cancel()
        await self._ended.wait()
