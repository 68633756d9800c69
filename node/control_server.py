"""Serves the control API on loopback, inside the node's own nursery, and stops when it is told.

Each connection is hypercorn's to speak HTTP on. Its sends are shielded from cancellation, so a
caller who does not read would keep the node from stopping: here every socket is known, and closed
at the end. Knows nothing of verbs; what is answered is control_app's.
"""

import secrets
import socket
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import trio
from hypercorn.config import Config as HttpConfig
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from ..protocol.told import tell
from .control_app import ControlApp
from .desk_error import DeskError
from .live_node import DeskPort, LiveNode

LOOPBACK: Final = "127.0.0.1"
TOKEN_BYTES: Final = 32
_CONNECTIONS_MAX: Final = 64
_GRACE_SECONDS: Final = 0.5
"""For answers that are on their way when the node stops."""


T = TypeVar("T", contravariant=True)


@dataclass(frozen=True, slots=True)
class ControlFace:
    """Where the API answers, and the secret that opens it."""

    url: str
    port: int
    token: str = field(repr=False)


async def serve_control(
    desk: DeskPort,
    live: LiveNode,
    *,
    port: int = 0,
    port_remembered: int | None = None,
    task_status: "Started[ControlFace]",
) -> None:
    """Serves until cancelled; `started` with a ControlFace. Stop it before the writer.

    `port` 0 is `port_remembered` if it is free, else any. DeskError where `port` is taken.
    """
    listener = _listener(port, port_remembered)
    number = listener.socket.getsockname()[1]
    token = secrets.token_urlsafe(TOKEN_BYTES)
    app = ControlApp(desk, live, token=token, port=number)
    connections = _Connections(app)
    async with listener, trio.open_nursery() as nursery:
        held: trio.Nursery = await nursery.start(connections.hold)
        try:
            task_status.started(ControlFace(f"http://{LOOPBACK}:{number}", number, token))
            await trio.serve_listeners(connections.serve, [listener], handler_nursery=held)
        finally:
            with trio.move_on_after(_GRACE_SECONDS) as grace:
                grace.shield = True
                await app.wait_idle()
            connections.close()


class Started(Protocol[T]):
    """What `nursery.start` hands in (trio.TaskStatus, which the stubs in use do not know)."""

    def started(self, value: T, /) -> None: ...


class _Connections:
    """The open sockets and their tasks."""

    def __init__(self, app: ControlApp) -> None:
        self._config = HttpConfig()
        self._config.accesslog = None
        self._config.errorlog = None
        self._config.include_server_header = False
        self._config.h11_max_incomplete_size = 16 * 1024
        self._app = wrap_app(app.asgi, self._config.wsgi_max_body_size, "asgi")
        self._context = WorkerContext(None)
        self._streams: set[trio.SocketStream] = set()
        self._scope = trio.CancelScope(shield=True)

    async def hold(self, task_status: "Started[trio.Nursery]") -> None:
        """The nursery of all connections, shielded until `close`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                task_status.started(nursery)
                await trio.sleep_forever()

    async def serve(self, stream: trio.SocketStream) -> None:
        if len(self._streams) >= _CONNECTIONS_MAX:
            await trio.aclose_forcefully(stream)
            return
        self._streams.add(stream)
        try:
            state = ConnectionState({})
            await TCPServer(self._app, self._config, self._context, state, stream)
        finally:
            self._streams.discard(stream)
            stream.socket.close()

    def close(self) -> None:
        """Drops every connection; whoever waits in a send is woken."""
        for stream in self._streams:
            stream.socket.close()
        self._scope.shield = False
        self._scope.cancel()


def _listener(port: int, port_remembered: int | None) -> trio.SocketListener:
    try:
        return _bound(port or port_remembered or 0)
    except OSError as error:
        if port:
            raise DeskError(
                "port-in-use",
                tell(
                    "the control API cannot have port {port} on {loopback}: {strerror}",
                    port=port,
                    loopback=LOOPBACK,
                    strerror=error.strerror,
                ),
                tell("choose another with --api-port, or leave it out for a free one"),
            ) from None
        return _bound(0)


def _bound(port: int) -> trio.SocketListener:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(_CONNECTIONS_MAX)
    except BaseException:  # whatever it was goes on; the socket would stay open
        listening.close()
        raise
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))
