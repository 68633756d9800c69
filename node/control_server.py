"""Serves the control API on loopback, inside the node's own nursery, and stops when it is told.

Knows nothing of verbs; what is answered is control_app's.
"""

import secrets
from dataclasses import dataclass, field
from typing import Final

import trio

from ..protocol.told import tell
from .blob_folder import BlobFolder
from .control_app import ControlApp
from .control_connections import Connections, Started, bound
from .desk_error import DeskError
from .house import House
from .live_node import DeskPort, LiveNode
from .page.gate import Gate
from .page.render import Renderer
from .page.site import Site
from .page.visit import Ways

LOOPBACK: Final = "127.0.0.1"
TOKEN_BYTES: Final = 32
_CONNECTIONS_MAX: Final = 64
_GRACE_SECONDS: Final = 0.5
"""For answers that are on their way when the node stops."""


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
    folder: BlobFolder,
    house: House | None = None,
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
    page = Site(Ways(desk, live, Renderer(), folder, house=house), Gate(token, number))
    app = ControlApp(desk, live, token=token, port=number, page=page.asgi)
    connections = Connections(app.asgi, count_max=_CONNECTIONS_MAX)
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


def _listener(port: int, port_remembered: int | None) -> trio.SocketListener:
    try:
        return bound(LOOPBACK, port or port_remembered or 0)
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
        return bound(LOOPBACK, 0)
