"""Photos as the browser asks for them: what is here at once, what is not as soon as a neighbour
has given it. Only what a listing names, by its hash; never an address from a text."""

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from .visit import Visit

_YEAR: Final = "private, max-age=31536000, immutable"


async def picture(visit: Visit) -> Response:
    told = str(visit.request.path_params["hash"])
    if not re.fullmatch(r"[0-9a-f]{64}", told):
        raise HTTPException(404)
    raise HTTPException(404)
