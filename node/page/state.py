"""The line below every page: how the node is, in a few words."""

from typing import Final

from starlette.responses import Response

from .visit import Routes, Visit


async def state(visit: Visit) -> Response:
    peers = await visit.ways.live.peers()
    return visit.part("state.html", peer_count=len(peers))


ROUTES: Final[Routes] = (("GET", "/state", state),)
