"""Photos as the browser asks for them: what is here at once, and what is not as soon as a neighbour
has given it. Only what a listing names, by its hash; never an address from a text."""

import re
from typing import Final

import trio
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ...protocol import limits
from .visit import Visit

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_YEAR: Final = "private, max-age=31536000, immutable"


async def picture(visit: Visit) -> Response:
    """Of the blob `hash`. One that is not here is asked for, and is a 404 meanwhile: a page that is
    told when it came (stream.py) asks again, and no connection is held up by slow neighbours."""
    told = str(visit.request.path_params["hash"])
    if not _HASH.fullmatch(told):
        raise HTTPException(404)
    hash = bytes.fromhex(told)
    try:
        data = await trio.to_thread.run_sync(visit.ways.folder.read, hash)
    except OSError:
        with trio.move_on_after(limits.PAGE_PHOTO_WAIT_MS / limits.SECOND_MS):
            if await visit.ways.live.blob(hash):
                data = await trio.to_thread.run_sync(visit.ways.folder.read, hash)
                return _shown(data)
        return Response(status_code=404, headers={"cache-control": "no-store"})
    return _shown(data)


def _shown(data: bytes) -> Response:
    """As a picture and nothing else, whatever is in it (R8.15)."""
    return Response(data, media_type="image/webp", headers={"cache-control": _YEAR})
