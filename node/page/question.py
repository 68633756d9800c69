"""Answering what was asked about a listing, for all to read."""

from typing import Final

from starlette.responses import Response

from ..desk_error import DeskError
from .visit import Routes, Visit


async def answer(visit: Visit) -> Response:
    told = await visit.form()
    question = str(visit.request.path_params["id"])
    try:
        done = await visit.ask("answer", id=question, text=told.get("text", ""))
    except DeskError as error:
        back = told.get("listing", "")
        path = f"/listing/{back}#questions" if back.isalnum() and back.isascii() else "/"
        return visit.go(path, failed=visit.why(error))
    _ = visit.tongue.gettext
    return visit.go(
        f"/listing/{done['listing']['id']}#questions", _("Your answer is there for all to read.")
    )


ROUTES: Final[Routes] = (("POST", "/question/{id}/answer", answer),)
