"""Who may see the page: a browser on this machine that was let in by the link of this start.

The link's key is not the API's token, so that no history of a browser has that; both, and the
cookie's value, are made from the token and are worth nothing after the node has stopped. A cookie
is not bound to a port by browsers: its name and its value are. It is SameSite=Strict, and what
writes must besides come from a page of this very origin, since another port of this host is the
same site to a browser. Knows nothing of what is shown.
"""

import hmac
from collections.abc import Mapping
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from ..page_link import ENTER, made_of, page_key

_OWN_SITES: Final = frozenset(("same-origin", "none"))
_READING: Final = frozenset(("GET", "HEAD"))


class Guard(Protocol):
    """Looks at every request before anything is read of it."""

    def admit(self, scope: Scope) -> None:
        """HTTPException for one that is not answered."""


class NotLetIn(Exception):
    """There is no cookie of this start: the link is to be opened once."""


class Gate:
    """Of the page that is served at `port` of loopback in the start that `token` belongs to."""

    def __init__(self, token: str, port: int) -> None:
        self._key = page_key(token)
        self._cookie = f"jangteo-{port}"
        self._value = made_of(token, f"cookie/{port}")
        self._hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))

    def admit(self, scope: Scope) -> None:
        """HTTPException for a request that no page of this origin, and no person, has made."""
        self.check_origin(scope["method"], scope["path"], Headers(scope=scope))

    def check_origin(self, method: str, path: str, headers: Headers) -> None:
        """HTTPException for a request that no page of this origin, and no person, has made. The
        link may be followed from anywhere: what it opens with is in it, and it changes nothing."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            # A foreign name that was made to point at loopback (DNS rebinding).
            raise HTTPException(403, "this page answers at its own address only")
        own = f"http://{hosts[0].lower()}"
        origins = headers.getlist("origin")
        if any(origin.lower() != own for origin in origins) or len(origins) > 1:
            raise HTTPException(403, "a page of another origin may not ask")
        is_entering = path == ENTER and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "none") not in _OWN_SITES and not is_entering:
            raise HTTPException(403, "a page of another site may not ask")
        if method not in _READING and not origins:
            raise HTTPException(403, "what changes something must say which page asks for it")

    def check_cookie(self, cookies: Mapping[str, str]) -> None:
        """NotLetIn without the cookie of this start."""
        told = cookies.get(self._cookie, "").encode(errors="replace")
        if not hmac.compare_digest(told, self._value.encode()):
            raise NotLetIn

    def is_key(self, request: Request) -> bool:
        """Whether the link's key is this start's."""
        told = request.query_params.get("key", "").encode(errors="replace")
        return hmac.compare_digest(told, self._key.encode())

    def let_in(self, response: Response) -> None:
        """`response` brings the cookie."""
        response.set_cookie(self._cookie, self._value, httponly=True, samesite="strict", path="/")
