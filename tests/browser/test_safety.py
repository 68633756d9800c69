"""What pages elsewhere, stored words and other people of this machine can do to the page: nothing.
In a real browser, against a real node.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Playwright

from jangteo.node.home import Home
from tests.browser.conftest import RunningNode, Starter, Visitor, browser_with, visiting


@pytest.fixture(scope="module")
def node(start_node: Starter) -> RunningNode:
    return start_node("하나")


@pytest.fixture
def visitor(browser: Browser, node: RunningNode) -> Iterator[Visitor]:
    with visiting(browser, node) as started:
        yield started


def test_the_link_lets_a_browser_in_and_the_key_does_not_stay_in_its_address(
    visitor: Visitor,
) -> None:
    assert visitor.page.url == f"{visitor.node.url}/"
    assert visitor.page.get_by_role("main").is_visible()
    assert visitor.complaints == []


def test_without_the_link_nothing_is_seen(browser: Browser, node: RunningNode) -> None:
    page = browser.new_page()
    answer = page.goto(f"{node.url}/")
    assert answer is not None
    assert answer.status == 401
    assert "하나" not in page.content()
    page.close()


def test_a_name_that_was_made_to_point_here_is_refused(
    playwright: Playwright, node: RunningNode
) -> None:
    with browser_with(playwright, "--host-resolver-rules=MAP evil.test 127.0.0.1") as browser:
        page = browser.new_page()
        for path in ("/", f"/enter?{node.link.partition('?')[2]}", "/v1/events"):
            answer = page.goto(f"http://evil.test:{node.port}{path}")
            assert answer is not None
            assert answer.status == 403, path
        assert page.context.cookies() == []


def test_the_file_that_a_browser_is_started_with_leads_in(
    browser: Browser, node: RunningNode
) -> None:
    """From a file, and so from another site, to whose redirects no SameSite cookie is sent."""
    home = Home(node.person.home)
    node.person.types("open", BROWSER="true %s")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(home.open_path.as_uri())
        page.wait_for_url(f"{node.url}/")
        assert page.get_by_role("main").is_visible()
        assert page.locator("nav").first.is_visible()


def test_the_link_followed_from_another_site_leads_in(browser: Browser, node: RunningNode) -> None:
    with browser.new_context() as context, Elsewhere() as elsewhere:
        page = context.new_page()
        elsewhere.page = f'<a href="{node.link}">in</a>'
        page.goto(elsewhere.url)
        page.get_by_role("link").click()
        page.wait_for_url(f"{node.url}/")
        assert page.get_by_role("main").is_visible()


def test_the_cookie_of_another_node_on_this_host_is_worth_nothing(
    browser: Browser, node: RunningNode, start_node: Starter
) -> None:
    """Browsers send the cookies of one port to all of them."""
    other = start_node("다른 이")
    with visiting(browser, other) as visitor:
        mine = {cookie["name"]: cookie["value"] for cookie in visitor.context.cookies()}
        assert f"jangteo-{other.port}" in mine
        answer = visitor.page.goto(node.url)
        assert answer is not None
        assert answer.status == 401
        visitor.context.add_cookies(
            [{"name": f"jangteo-{node.port}", "value": mine[f"jangteo-{other.port}"],
              "url": node.url}]
        )  # fmt: skip
        answer = visitor.page.goto(node.url)
        assert answer is not None
        assert answer.status == 401


class Elsewhere:
    """A site of somebody else on this host: whatever is asked, it shows `page`."""

    def __init__(self) -> None:
        self.page = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(outer.page.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> "Elsewhere":
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


ATTACK = """<!doctype html><title>elsewhere</title>
<iframe id="frame" src="{url}/"></iframe>
<img src="{url}/me"><link rel="stylesheet" href="{url}/static/0/style.css">
<form id="form" method="post" action="{url}/me" target="sink">
<input name="name" value="pwned"></form>
<form id="text" method="post" action="{url}/me" enctype="text/plain" target="sink">
<input name="name" value="pwned"></form>
<iframe name="sink"></iframe>
<script>
window.got = [];
const told = '{{"name":"pwned"}}', json = {{ "Content-Type": "application/json" }};
const body = new URLSearchParams({{ name: "pwned" }});
const ways = [
  ["/me", {{ method: "POST", body, mode: "no-cors", credentials: "include" }}],
  ["/me", {{ method: "POST", body, credentials: "include" }}],
  ["/v1/profile", {{ method: "POST", body: told, mode: "no-cors", credentials: "include" }}],
  ["/v1/profile", {{ method: "POST", body: told, headers: json, credentials: "include" }}],
  ["/me", {{ credentials: "include" }}],
  ["/me", {{ method: "PUT", body, credentials: "include" }}],
  ["/events", {{ credentials: "include" }}],
];
window.done = Promise.all(ways.map(([path, how]) =>
  fetch("{url}" + path, how).then((r) => r.text()).then((t) => window.got.push(t), () => 0)));
navigator.sendBeacon("{url}/me", body);
document.getElementById("form").submit();
document.getElementById("text").submit();
</script>"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.test"])
def test_a_page_elsewhere_reads_nothing_and_does_nothing(
    playwright: Playwright, node: RunningNode, host: str
) -> None:
    """Though the browser was let in, and the page elsewhere is of this very host."""
    flag = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    with browser_with(playwright, flag) as browser, visiting(browser, node) as visitor:
        with Elsewhere() as elsewhere:
            elsewhere.page = ATTACK.format(url=node.url)
            page = visitor.context.new_page()
            page.goto(f"http://{host}:{elsewhere.port}/")
            page.evaluate("window.done")
            page.wait_for_load_state("networkidle")
            got = "".join(page.evaluate("window.got"))
            framed = "".join(frame.content() for frame in page.frames[1:])
            page.close()
        assert "하나" not in got + framed
        assert "Jangteo" not in framed
        assert node.person.json("whoami").row["name"] == "하나"
        assert "하나" in visitor.goes("/me").content()


SCRIPTS = (
    "<script>window.pwned=1;alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'-alert(3)-'{{7*7}}</title></textarea><svg onload=alert(4)>",
)


@pytest.fixture(scope="module")
def hostile(node: RunningNode, start_node: Starter) -> RunningNode:
    """Somebody whose every field is a script, beside the node, in its talk and its market."""
    first, second, third = SCRIPTS
    mallory = start_node(first, "--peer", node.address)
    person = mallory.person
    person.types("profile", "--about", second, "--place", third)
    person.json(
        "sell", first, "--price", "ask", "--description", second + "\njavascript:alert(5)",
        "--category", third, "--place", second, "--tag", "<b>x</b>",
        "--url", "https://evil.test/?javascript:alert(6)",
    )  # fmt: skip
    own = node.person.sells("자전거")
    mallory.person.types("sync")
    for _ in range(3):
        if person.json("show", own["id"]).code == 0:
            break
        person.types("sync")
    assert person.types("ask", own["id"], first + second).code == 0
    assert person.types("send", own["id"], second + third).code == 0
    node.person.types("sync")
    (listing,) = [row for row in node.person.json("search").rows if not row["mine"]]
    assert node.person.types("favourites", "add", listing["id"]).code in (0, 2)
    node.person.types("contacts", "add", listing["author"], "--note", second)
    node.person.types("ask", listing["id"], third)
    node.person.types("saved", "add", second[:30], second)
    return mallory


PLACES = (
    "/", "/?q=%3Cscript%3Ealert(7)%3C/script%3E", "/listing/{theirs}", "/listing/{own}",
    "/listing/{theirs}/share", "/listing/{theirs}/poster", "/person/{author}", "/talk",
    "/talk/{theirs}", "/talk/to/{theirs}", "/deals", "/me", "/mine", "/node", "/outbox", "/people",
    "/settings", "/checks", "/favourites", "/saved", "/notifications", "/sell",
    "/open?text=%22%3E%3Cimg%20src=x%20onerror=alert(8)%3E", "/market/open/poster",
    "/listing/{own}/edit",
)  # fmt: skip


def test_stored_scripts_are_text_wherever_they_are_shown(
    visitor: Visitor, hostile: RunningNode
) -> None:
    rows = visitor.node.person.json("search").rows
    (theirs,) = [row for row in rows if not row["mine"]]
    (own,) = [row for row in rows if row["mine"]]
    for path in PLACES:
        page = visitor.goes(
            path.format(theirs=theirs["id"], own=own["id"], author=theirs["author"])
        )
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("[onerror], [onload], [onclick]").count() == 0, path
        assert page.locator("a[href^='javascript' i], script:not([src])").count() == 0, path
        assert page.locator("a[href*='evil.test']").count() == 0, path
        assert "49" not in page.title(), path
    rooms = visitor.node.person.json("inbox").rows
    assert rooms, "the hostile message has come"
    page = visitor.goes(f"/talk/{rooms[0]['id'] if 'id' in rooms[0] else rooms[0]['room']}")
    assert "onerror=alert(2)" in page.get_by_role("main").inner_text()
    refused = [said for said in visitor.complaints if "422" not in said]
    assert refused == []


def test_a_drawing_with_a_script_is_no_photo(visitor: Visitor, tmp_path: Path) -> None:
    drawing = tmp_path / "photo.svg"
    drawing.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9"><script>alert(9)</script></svg>'
    )
    disguised = tmp_path / "photo.jpg"
    disguised.write_bytes(drawing.read_bytes())
    page = visitor.goes("/sell")
    for path in (drawing, disguised):
        page.set_input_files("input[type=file]", path)
        page.locator(".photo-news .notice.failed").wait_for()
        assert page.locator(".photo-tile img").count() == 0
        page.reload()
    assert [said for said in visitor.complaints if "422" not in said] == []


def test_ten_megabytes_in_a_field_change_nothing(visitor: Visitor) -> None:
    """By the page itself, so that nothing but their number speaks against them."""
    page = visitor.goes("/me")
    for field in ("name", "about", "place", "languages"):
        told = page.evaluate(
            "field => fetch('/me', { method: 'POST', redirect: 'manual',"
            " body: new URLSearchParams({ [field]: 'x'.repeat(10_000_000) }) })"
            ".then((answer) => answer.status, () => 'cut off')",
            field,
        )
        assert told in (413, "cut off")
    assert visitor.node.person.json("profile").row["about"] == ""
    assert visitor.goes("/me").get_by_role("heading", level=1).inner_text() == "하나"


def test_nothing_is_kept_by_the_browser_that_shows_what_is_private(visitor: Visitor) -> None:
    kept = []
    visitor.page.on(
        "response",
        lambda answer: kept.append(answer) if answer.request.resource_type == "document" else None,
    )
    for path in ("/", "/me", "/node", "/people", "/outbox", "/settings"):
        visitor.goes(path)
    assert {answer.headers["cache-control"] for answer in kept} == {"no-store"}
    assert visitor.page.evaluate("document.cookie") == ""
    stored = visitor.page.evaluate("Object.keys({ ...localStorage, ...sessionStorage })")
    assert set(stored) <= {"htmx-current-path-for-history"}
