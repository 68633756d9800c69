"""The line below every page: how the node is, in a few words."""

from starlette.responses import Response

from .visit import Visit


async def state(visit: Visit) -> Response:
    peers = await visit.ways.live.peers()
    return visit.part("state.html", peers=len(peers))
