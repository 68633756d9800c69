"""The page as an application: its addresses, who may come in, and what is shown when it fails.

Two of them are made of the same parts: one's own, behind the gate, and the window that phones on
the same network may look through, which has no gate and nothing private. Knows no sockets.
"""

import logging
from contextlib import aclosing, suppress
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...protocol import limits
from ..desk_error import EXIT_UNKNOWN_ID, DeskError
from ..page_link import ENTER
from ..tongue import CODES, chosen, tongue
from . import (
    browse,
    deals,
    goods_file,
    listing,
    me,
    mine,
    node_page,
    person,
    picture,
    poster,
    question,
    sell,
    share,
    state,
    stream,
    talk,
    wishes,
)
from .gate import Gate, Guard, NotLetIn
from .render import HEADERS
from .visit import LANGUAGE_COOKIE, Answer, Routes, Visit, Ways, with_language

log = logging.getLogger(__name__)

READING: Final[tuple[tuple[str, Answer], ...]] = (
    ("/", browse.browse),
    ("/listing/{id}", listing.listing),
    ("/photo/{hash}", picture.picture),
)
"""What everybody may see who may see anything."""

OWN: Final[Routes] = (
    *deals.ROUTES,
    *goods_file.ROUTES,
    *listing.ROUTES,
    *me.ROUTES,
    *mine.ROUTES,
    *node_page.ROUTES,
    *person.ROUTES,
    *poster.ROUTES,
    *question.ROUTES,
    *sell.ROUTES,
    *share.ROUTES,
    *state.ROUTES,
    *stream.ROUTES,
    *talk.ROUTES,
    *wishes.ROUTES,
)
"""Behind the gate."""


class Site:
    """`gate` is None where there is nothing private; `guard` then says whom is answered."""

    def __init__(self, ways: Ways, gate: Gate | None, guard: Guard | None = None) -> None:
        self._ways = ways
        self._gate = gate
        routes = [self._route("GET", path, answer) for path, answer in READING]
        routes.append(Route("/static/{version}/{name}", self._file, methods=["GET"]))
        if gate is not None:
            routes.append(Route(ENTER, self._enter, methods=["GET"]))
            routes.append(self._route("POST", "/language", _language))
            # The more of an address is said, the sooner it is looked at.
            named = sorted(OWN, key=lambda route: route[1].count("{"))
            routes += [self._route(method, path, answer) for method, path, answer in named]
        app = Starlette(
            routes=routes,
            exception_handlers={
                DeskError: self._desk_error,
                HTTPException: self._http_error,
                NotLetIn: self._not_let_in,
                Exception: self._our_error,
            },
        )
        app.router.redirect_slashes = False
        self.asgi: ASGIApp = _Guarded(app, gate or guard)

    def _route(self, method: str, path: str, answer: Answer) -> Route:
        async def answered(request: Request) -> Response:
            if self._gate is not None:
                self._gate.check_cookie(request.cookies)
            return await answer(self._visit(request))

        return Route(path, answered, methods=[method])

    def _visit(self, request: Request) -> Visit:
        told = request.query_params.get("language") if self._ways.is_guest else None
        told = told or request.cookies.get(LANGUAGE_COOKIE)
        if told not in CODES:
            told = chosen(request.headers.get("accept-language", ""))
        return Visit(request, self._ways, tongue(told))

    async def _file(self, request: Request) -> Response:
        found = self._ways.render.file(
            str(request.path_params["version"]), str(request.path_params["name"])
        )
        if found is None:
            raise HTTPException(404)
        return found

    async def _enter(self, request: Request) -> Response:
        if self._gate is None or not self._gate.is_key(request):
            raise NotLetIn
        response: Response
        if request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            response = RedirectResponse("/", 303)
        else:
            # Followed from a file or from another site: the browser keeps a SameSite cookie from
            # what it is then redirected to, but not from where a page of ours goes by itself.
            visit = self._visit(request)
            response = self._ways.render.page("entered.html", visit.tongue, {"visit": visit})
        self._gate.let_in(response)
        return response

    async def _desk_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, DeskError):
            raise error
        visit = self._visit(request)
        status = 404 if error.exit_code == EXIT_UNKNOWN_ID else 409
        return await visit.show("error.html", status, why=visit.why(error), code=status)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code == 403 or self._is_outside(request):
            return PlainTextResponse(error.detail, error.status_code)
        if error.status_code == 413:
            await _read_off(request)
        response = await self._visit(request).show(
            "error.html", error.status_code, why="", code=error.status_code
        )
        if error.status_code in (411, 413):
            response.headers["connection"] = "close"
        return response

    def _is_outside(self, request: Request) -> bool:
        if self._gate is None:
            return False
        try:
            self._gate.check_cookie(request.cookies)
        except NotLetIn:
            return True
        return False

    async def _not_let_in(self, request: Request, error: Exception) -> Response:
        visit = self._visit(request)
        response = self._ways.render.page("enter.html", visit.tongue, {"visit": visit}, 401)
        if visit.is_part:
            response.headers["hx-refresh"] = "true"
        return response

    async def _our_error(self, request: Request, error: Exception) -> Response:
        """A bug: said as one. Nobody else notes it: the server keeps no log."""
        log.error("a page failed: %s %s", request.method, request.url.path, exc_info=error)
        visit = self._visit(request)
        return self._ways.render.page("bug.html", visit.tongue, {"visit": visit}, 500)


async def _read_off(request: Request) -> None:
    """What is too much, up to a bound: a browser that is answered while it still sends may never
    look at the answer."""
    left = limits.PAGE_READ_OFF_BYTES_MAX
    with (
        trio.move_on_after(limits.PAGE_READ_OFF_MS_MAX / limits.SECOND_MS),
        suppress(ClientDisconnect),
    ):
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                left -= len(piece)
                if left < 0:
                    return


async def _language(visit: Visit) -> Response:
    told = await visit.form()
    code, back = told.get("language", ""), told.get("back", "/")
    if code not in CODES:
        raise HTTPException(400)
    # A path of this site: two slashes would name another host.
    is_own = back.startswith("/") and not back.startswith(("//", "/\\"))
    return with_language(visit.go(back if is_own else "/"), code)


class _Guarded:
    """Looks at who asks before anything is read, and adds to every answer what it forbids."""

    def __init__(self, app: ASGIApp, guard: Guard | None) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._guard is not None:
            try:
                self._guard.admit(scope)
            except HTTPException as error:
                refusal = PlainTextResponse(error.detail, error.status_code)
                await refusal(scope, receive, send_guarded)
                return
        await self._app(scope, receive, send_guarded)
