"""One visit to a page: who asks, in which language, and what an answer is made with.

Every page is a function from a Visit to a Response. What changes something answers with a redirect
and a notice, so that reloading repeats nothing, and it works without scripts.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ...protocol import limits
from ..blob_folder import BlobFolder
from ..desk_error import DeskError
from ..house import House
from ..live_node import DeskPort, JsonObject, LiveNode
from ..tongue import Tongue
from .render import Renderer

LANGUAGE_COOKIE: Final = "jangteo-language"
_NOTICE_SECONDS: Final = 30
_NOTICE_CHARS_MAX: Final = 600
_LANGUAGE_SECONDS: Final = 365 * 24 * 3600


def _few() -> trio.CapacityLimiter:
    return trio.CapacityLimiter(limits.PAGE_PRESSES_MAX)


@dataclass(slots=True)
class OpenStreams:
    """How many pages listen to what happens."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """What a page reaches. `is_guest`: somebody else's phone, which sees the market and no more."""

    desk: DeskPort
    live: LiveNode
    render: Renderer
    folder: BlobFolder
    is_guest: bool = False
    house: House | None = None
    streams: OpenStreams = field(default_factory=OpenStreams)
    presses: trio.CapacityLimiter = field(default_factory=_few)


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    ways: Ways
    tongue: Tongue

    @property
    def is_part(self) -> bool:
        """Whether a script asks for a part of a page, and not a person for a whole one."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-boosted") != "true"

    @property
    def _notice_cookie(self) -> str:
        return f"jangteo-notice-{self.request.url.port}"  # cookies of one host know no ports

    @property
    def path_and_query(self) -> str:
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    def words(self, name: str, chars_max: int = 500) -> str:
        """A parameter of the address, trimmed and bounded."""
        return self.request.query_params.get(name, "").strip()[:chars_max]

    async def ask(self, verb: str, **args: Any) -> JsonObject:
        """A verb of the desk; DeskError as it raises it."""
        told = {name: value for name, value in args.items() if value not in (None, "", [])}
        return await self.ways.desk.call(verb, told)

    async def show(self, template: str, status: int = 200, **context: Any) -> Response:
        """A whole page. What hangs over every page (what waits, what was just done) is added."""
        waiting: dict[str, Any] = {}
        if not self.ways.is_guest and not self.is_part:
            waiting = await self.ask("waiting")
            waiting["peers"] = len(await self.ways.live.peers())
        response = self.ways.render.page(
            template,
            self.tongue,
            {
                "visit": self,
                "waiting": waiting,
                "notice": self._notice(),
                "here": self.request.url.path,
                "peer_count": waiting.get("peers", 0),
                "is_guest": self.ways.is_guest,
            }
            | context,
            status,
        )
        if self._notice_cookie in self.request.cookies:
            response.delete_cookie(self._notice_cookie, path="/", httponly=True, samesite="strict")
        return response

    def part(self, template: str, **context: Any) -> Response:
        """A part of a page, for a script that puts it in its place."""
        told = {"visit": self, "is_guest": self.ways.is_guest, "here": self.request.url.path}
        return self.ways.render.page(template, self.tongue, told | context)

    def go(self, path: str, done: str = "", *, failed: str = "") -> Response:
        """On to `path` of this site, and there tells what was done, or why it was not."""
        response = RedirectResponse(path, 303)
        kind, text = ("failed", failed) if failed else ("done", done)
        if text:
            value = quote(json.dumps([kind, text[:_NOTICE_CHARS_MAX]]))
            response.set_cookie(
                self._notice_cookie,
                value,
                _NOTICE_SECONDS,
                httponly=True,
                samesite="strict",
                path="/",
            )
        return response

    def why(self, error: DeskError) -> str:
        """An error of the desk's in this language; its hint names commands, so it stays there."""
        return self.tongue.told(error.message)

    async def form(self) -> Mapping[str, str]:
        """The fields of a small form; HTTPException for more, and for files."""
        length = self.request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > limits.PAGE_FORM_BYTES_MAX:
            raise HTTPException(413, f"at most {limits.PAGE_FORM_BYTES_MAX:,} bytes")
        async with self.request.form(max_files=0, max_fields=limits.PAGE_FIELDS_MAX) as told:
            return {name: value for name, value in told.items() if isinstance(value, str)}

    def _notice(self) -> tuple[str, str] | None:
        told = self.request.cookies.get(self._notice_cookie)
        if told is None:
            return None
        try:
            kind, text = json.loads(unquote(told))
        except (ValueError, TypeError, RecursionError):
            return None
        is_sound = kind in ("done", "failed") and isinstance(text, str)
        return (kind, text[:_NOTICE_CHARS_MAX]) if is_sound else None


def with_language(response: Response, code: str) -> Response:
    response.set_cookie(
        LANGUAGE_COOKIE, code, _LANGUAGE_SECONDS, httponly=True, samesite="strict", path="/"
    )
    return response


def address(path: str, **told: Any) -> str:
    """A path of this site with what is said as its query."""
    query = {name: value for name, value in told.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(query)}" if query else path


Answer = Callable[[Visit], Awaitable[Response]]
"""A page, or what a form does."""
Routes = Sequence[tuple[str, str, Answer]]
"""(method, address, answer)"""
