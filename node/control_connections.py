"""Connections that HTTP is spoken on, in a nursery of the node's, until they are closed.

Each is hypercorn's. Its sends are shielded from cancellation, so a caller who does not read would
keep the node from stopping: here every socket is known, and closed at the end. Knows nothing of
what is answered.
"""

import socket
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import trio
from hypercorn.config import Config as HttpConfig
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp

_BACKLOG: Final = 64
_LEFT_FOLD: Final = 4

T = TypeVar("T", contravariant=True)


class Started(Protocol[T]):
    """What `nursery.start` hands in (trio.TaskStatus, which the stubs in use do not know)."""

    def started(self, value: T, /) -> None: ...


class Connections:
    """The open sockets and their tasks. At most `count_max`, `of_one_max` of one address; each ends
    after `seconds_max`, whatever is under way on it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        count_max: int,
        of_one_max: int | None = None,
        seconds_max: float | None = None,
    ) -> None:
        self._config = HttpConfig()
        self._config.accesslog = None
        self._config.errorlog = None
        self._config.include_server_header = False
        self._config.h11_max_incomplete_size = 16 * 1024
        self._app = wrap_app(app, self._config.wsgi_max_body_size, "asgi")
        self._context = WorkerContext(None)
        self._count_max = count_max
        self._of_one_max = of_one_max or count_max
        self._seconds_max = seconds_max
        self._streams: set[trio.SocketStream] = set()
        self._callers: Counter[str] = Counter()
        """How many connections each has whose other end is still there: hypercorn keeps one that
        was closed until it would have been idle for long enough, and does what it asked for."""
        self._scope = trio.CancelScope(shield=True)

    @property
    def count(self) -> int:
        return len(self._streams)

    async def hold(self, task_status: "Started[trio.Nursery]") -> None:
        """The nursery of all connections, shielded until `close`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                task_status.started(nursery)
                await trio.sleep_forever()

    async def serve(self, stream: trio.SocketStream) -> None:
        caller = _caller(stream)
        is_full = self._callers.total() >= self._count_max
        is_full |= len(self._streams) >= _LEFT_FOLD * self._count_max
        if is_full or self._callers[caller] >= self._of_one_max:
            await trio.aclose_forcefully(stream)
            return
        self._streams.add(stream)
        self._callers[caller] += 1
        watched = _Watched(stream, partial(self._forget, caller))
        try:
            state = ConnectionState({})
            if self._seconds_max is None:
                await TCPServer(self._app, self._config, self._context, state, watched)
            else:
                await self._serve_stranger(watched, state, self._seconds_max)
        finally:
            watched.leave()
            self._streams.discard(stream)
            stream.socket.close()

    def _forget(self, caller: str) -> None:
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]

    async def _serve_stranger(
        self, watched: "_Watched", state: ConnectionState, seconds_max: float
    ) -> None:
        """One who may not stay: hypercorn keeps the place of one that has left until it would have
        been idle for long enough."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_close_after, watched, seconds_max)
            nursery.start_soon(_cancel_when, watched.has_left, nursery.cancel_scope)
            await TCPServer(self._app, self._config, self._context, state, watched)
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        """Drops every connection; whoever waits in a send is woken."""
        for stream in self._streams:
            stream.socket.close()
        self._scope.shield = False
        self._scope.cancel()


class _Watched:
    """A stream, and whether its other end has closed it."""

    def __init__(self, stream: trio.SocketStream, on_left: Callable[[], None]) -> None:
        self._stream = stream
        self._on_left = on_left
        self.has_left = trio.Event()

    def leave(self) -> None:
        if not self.has_left.is_set():
            self.has_left.set()
            self._on_left()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def receive_some(self, bytes_max: int) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(bytes_max))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.leave()
            raise
        if not data:
            self.leave()
        return data


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _close_after(stream: "_Watched", seconds: float) -> None:
    await trio.sleep(seconds)
    stream.socket.close()


def _caller(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:  # it has left already
        return ""


def bound(host: str, port: int) -> trio.SocketListener:
    """Listens on an IPv4 address of this machine. OSError where it cannot."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except BaseException:  # whatever it was goes on; the socket would stay open
        listening.close()
        raise
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))
