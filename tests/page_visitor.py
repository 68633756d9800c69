"""A browser without scripts, for tests of the page: real HTTP on loopback, cookies, forms."""

import html
import http.client
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import trio

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.control_server import ControlFace, serve_control
from jangteo.node.page_link import page_link
from tests.control_node import PlainDesk, QuietNode
from tests.desk_maker import Stall


@dataclass(frozen=True)
class Shown:
    status: int
    path: str
    text: str

    @property
    def words(self) -> str:
        """What a person reads, in one line."""
        main = re.sub(r"(?s)^.*<main[^>]*>|</main>.*$", "", self.text)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())

    def notice(self) -> tuple[str, str] | None:
        """What hangs over the page: ("done", what was done)."""
        found = re.search(
            r'<p class="notice (done|failed)" role=[^>]*>.*?<span>(.*?)</span>', self.text
        )
        return None if found is None else (found[1], html.unescape(found[2]))

    def forms(self) -> list[str]:
        """The paths that forms of this page post to."""
        return re.findall(r'<form[^>]* action="([^"]+)"[^>]* method="post"', self.text)

    def has_form(self, end: str) -> bool:
        return any(path.endswith(end) for path in self.forms())


@dataclass
class Visitor:
    """Who looks at the page of `face`."""

    face: ControlFace
    cookies: dict[str, str] = field(default_factory=dict)

    async def enter(self) -> "Visitor":
        url = urlsplit(page_link(self.face.url, self.face.token))
        await self.get(f"{url.path}?{url.query}")
        return self

    async def get(self, path: str, **headers: str) -> Shown:
        return await self._follow("GET", path, None, headers)

    async def post(self, path: str, told: dict[str, Any] | None = None, **headers: str) -> Shown:
        return await self._follow("POST", path, urlencode(told or {}).encode(), headers)

    async def post_files(
        self, path: str, told: dict[str, str], files: list[tuple[str, bytes]], **headers: str
    ) -> Shown:
        """A form with files, (name, bytes) each (RFC 7578)."""
        line = b"--between-two-parts\r\n"
        head = 'Content-Disposition: form-data; name="{}"'
        parts = [
            head.format(name).encode() + b"\r\n\r\n" + value.encode()
            for name, value in told.items()
        ]
        parts += [
            (head.format("file") + f'; filename="{name}"').encode()
            + b"\r\nContent-Type: application/octet-stream\r\n\r\n"
            + data
            for name, data in files
        ]
        body = b"".join(line + part + b"\r\n" for part in parts) + b"--between-two-parts--\r\n"
        kind = "multipart/form-data; boundary=between-two-parts"
        return await self._follow("POST", path, body, headers | {"Content_Type": kind})

    async def _follow(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Shown:
        for _ in range(3):
            status, goes_to, text = await trio.to_thread.run_sync(
                partial(self._ask, method, path, body, headers)
            )
            if status != 303:
                return Shown(status, path, text)
            method, path, body = "GET", goes_to, None
        raise AssertionError("it leads on and on")

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, str, str]:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            told["Origin"] = self.face.url
            told.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection("127.0.0.1", self.face.port, timeout=20)
        with closing(connection):
            connection.request(method, quote(path.split("#")[0], safe="/?&=%+:!"), body, told)
            response = connection.getresponse()
            text = response.read().decode()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    self._take(value)
        return response.status, response.getheader("location", ""), text

    def _take(self, told: str) -> None:
        cookie, _, rest = told.partition(";")
        key, _, content = cookie.partition("=")
        if "max-age=0" in rest.lower():
            self.cookies.pop(key, None)
        else:
            self.cookies[key] = content


@asynccontextmanager
async def visitors(*people: Stall) -> AsyncIterator[list[Visitor]]:
    """Each at the page of their own home."""
    async with AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(trio.open_nursery())
        faces = [
            await nursery.start(
                partial(
                    serve_control,
                    PlainDesk(each.desk),
                    QuietNode(),
                    folder=BlobFolder(each.home.blobs_path),
                )
            )
            for each in people
        ]
        with trio.fail_after(60):
            yield [await Visitor(face).enter() for face in faces]
        nursery.cancel_scope.cancel()
