"""A browser, and nodes to look at with it: Chromium through playwright, and `jangteo up` as
a process of its own in an empty home. Skipped where there is no Chromium.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from jangteo.node.home import Home
from jangteo.node.page_link import page_link
from tests.cli_runner import COMMAND, Person

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio")
ON_LOOPBACK = ("--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
PATIENCE_MS = 15_000


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A started `up`; `person` types commands in its home. `ready` is its first event."""

    person: Person
    ready: dict[str, Any]
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        """Where its page is, without a slash at the end."""
        return str(self.ready["api"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def token(self) -> str:
        face = Home(self.person.home).node()
        assert face is not None
        return face.token

    @property
    def link(self) -> str:
        """What lets a browser in."""
        return page_link(self.url, self.token)

    @property
    def address(self) -> str:
        """What another node's `--peer` takes."""
        return str(self.ready["addresses"][0])


@contextmanager
def running(person: Person, *options: str) -> Iterator[RunningNode]:
    command = [*COMMAND, "up", "--json", *ON_LOOPBACK, *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=person.environ(),
    ) as process:
        try:
            yield RunningNode(person, _ready(process), process)
        finally:
            process.kill()


def _ready(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            assert isinstance(event, dict)
            return event
    raise AssertionError("the node ended before it was ready")


Starter = Callable[..., RunningNode]


@pytest.fixture(scope="module")
def start_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """`start_node("하나", *options)`: a node in a home of its own, whose owner has that name; all
    end with the file's tests."""
    with ExitStack() as stack:

        def start(name: str, *options: str, **environment: str) -> RunningNode:
            person = Person(tmp_path_factory.mktemp("home") / "home", tuple(environment.items()))
            assert person.types("init", "--name", name).code == 0
            return stack.enter_context(running(person, *options))

        yield start


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    # Of a file and not of all: its loop, as long as it is there, is in the way of trio's tests.
    with sync_playwright() as started:
        yield started


@contextmanager
def browser_with(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    """A Chromium that nothing else has touched."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with browser_with(playwright) as started:
        yield started


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser's profile that was let into a node's page, and what went wrong in it."""

    node: RunningNode
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    """Of the console, of scripts that failed, of requests to anywhere else; dialogs that opened."""

    def goes(self, path: str) -> Page:
        self.page.goto(self.node.url + path)
        return self.page

    def listens_to(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self._close_dialog(dialog))
        page.on("request", lambda request: self._look(request.url))

    def _note(self, kind: str, text: str) -> None:
        # A photo that is not here yet is asked for and answered with 404: that is no fault.
        if kind in ("error", "warning") and "404" not in text:
            self.complaints.append(f"{kind}: {text}")

    def _close_dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _look(self, url: str) -> None:
        if not url.startswith((self.node.url + "/", "data:", "blob:", "about:")):
            self.complaints.append(f"request: {url}")


@contextmanager
def visiting(browser: Browser, node: RunningNode, **settings: Any) -> Iterator[Visitor]:
    """A profile of its own: `settings` are playwright's, such as locale, color_scheme, viewport."""
    context = browser.new_context(**{"locale": "en-US"} | settings)
    try:
        visitor = Visitor(node, context, context.new_page())
        visitor.listens_to(visitor.page)
        visitor.page.goto(node.link)
        yield visitor
    finally:
        context.close()


ARTEFACTS = os.environ.get("JANGTEO_SHOTS")
"""A folder where screenshots are kept, if one is told."""


def shoot(page: Page, name: str) -> None:
    if ARTEFACTS:
        Path(ARTEFACTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(ARTEFACTS) / f"{name}.png", full_page=True)
