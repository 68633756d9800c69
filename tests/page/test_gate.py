"""Who may see the page and who may act on it: every address of it, asked in every wrong way."""

import hashlib
import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import apsw
import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from jangteo.node.home import Home
from jangteo.node.page.gate import Gate, NotLetIn
from jangteo.node.page.render import HEADERS
from jangteo.node.page.site import OWN, READING
from jangteo.node.page_link import ENTER, made_of, page_key
from jangteo.protocol import limits
from tests.browser.conftest import RunningNode, running
from tests.cli_runner import Person

TOKEN, PORT = "a token", 4444
HOST = f"127.0.0.1:{PORT}"
GATE = Gate(TOKEN, PORT)

# --- the gate alone -------------------------------------------------------------------------------


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode()) for name, value in pairs])


def is_admitted(method: str, *pairs: tuple[str, str], path: str = "/me") -> bool:
    try:
        GATE.check_origin(method, path, headers(*pairs))
    except HTTPException as error:
        assert error.status_code == 403
        return False
    return True


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_its_own_names_are_answered(host: str) -> None:
    assert is_admitted("GET", ("host", host))
    assert is_admitted("POST", ("host", host), ("origin", f"http://{host.lower()}"))


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.test",),
        (f"evil.test:{PORT}",),
        ("127.0.0.1",),
        ("127.0.0.1:4445",),
        (f"127.0.0.1:{PORT}.evil.test",),
        (f"[::1]:{PORT}",),
        (f"0.0.0.0:{PORT}",),
        (f"127.0.0.2:{PORT}",),
        (f" 127.0.0.1:{PORT} evil",),
        (HOST, HOST),
        (HOST, "evil.test"),
    ],
)
def test_no_other_name_is(hosts: tuple[str, ...]) -> None:
    assert not is_admitted("GET", *(("host", host) for host in hosts))


@pytest.mark.parametrize(
    "origins",
    [
        ("null",),
        ("",),
        ("http://evil.test",),
        ("http://127.0.0.1:4445",),
        ("http://127.0.0.1",),
        (f"https://{HOST}",),
        (f"http://localhost:{PORT}",),  # another origin than the one that is asked
        (f"http://{HOST}/",),
        (f"http://{HOST}", f"http://{HOST}"),
        (f"http://{HOST}", "http://evil.test"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_may_not_ask(method: str, origins: tuple[str, ...]) -> None:
    assert not is_admitted(method, ("host", HOST), *(("origin", origin) for origin in origins))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"])
def test_what_may_change_something_says_which_page_asks(method: str) -> None:
    assert not is_admitted(method, ("host", HOST))
    assert is_admitted(method, ("host", HOST), ("origin", f"http://{HOST}"))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "SAME-ORIGIN", "something"])
def test_another_site_may_not_even_read(site: str) -> None:
    """Another port of this host is the same site."""
    assert not is_admitted("GET", ("host", HOST), ("sec-fetch-site", site))
    assert not is_admitted(
        "GET", ("host", HOST), ("sec-fetch-site", site), ("sec-fetch-mode", "navigate")
    )


def test_the_link_may_be_followed_from_anywhere_and_not_fetched() -> None:
    other = (("host", HOST), ("sec-fetch-site", "cross-site"))
    assert is_admitted("GET", *other, ("sec-fetch-mode", "navigate"), path=ENTER)
    assert not is_admitted("GET", *other, ("sec-fetch-mode", "no-cors"), path=ENTER)
    assert not is_admitted("GET", *other, path=ENTER)
    assert not is_admitted("GET", ("host", "evil.test"), ("sec-fetch-mode", "navigate"), path=ENTER)


def test_the_cookie_belongs_to_one_port_of_one_start() -> None:
    value = made_of(TOKEN, f"cookie/{PORT}")
    GATE.check_cookie({f"jangteo-{PORT}": value})
    others = [
        {},
        {f"jangteo-{PORT}": ""},
        {f"jangteo-{PORT}": "é"},
        {f"jangteo-{PORT}": page_key(TOKEN)},
        {f"jangteo-{PORT}": made_of("of an earlier start", f"cookie/{PORT}")},
        {f"jangteo-{PORT}": made_of(TOKEN, "cookie/4445")},
        {"jangteo-4445": value},
        {f"JANGTEO-{PORT}": value},
    ]
    for cookies in others:
        with pytest.raises(NotLetIn):
            GATE.check_cookie(cookies)


def test_neither_the_key_nor_the_cookie_tells_the_token() -> None:
    made = {page_key(TOKEN), made_of(TOKEN, f"cookie/{PORT}"), made_of(TOKEN, "cookie/1"), TOKEN}
    assert len(made) == 4


# --- the whole site -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    person = Person(tmp_path_factory.mktemp("home") / "home")
    person.types("init", "--name", "하나")
    person.sells("로드 자전거", "950000 KRW")
    with running(person) as started:
        yield started


@pytest.fixture(scope="module")
def cookie(node: RunningNode) -> str:
    answer = asked(node, "GET", node.link.removeprefix(node.url))
    assert answer.status == 303
    told = answer.getheader("set-cookie", "")
    assert re.search(r"; HttpOnly; Path=/; SameSite=strict$", told)
    return told.split(";")[0]


def asked(
    node: RunningNode, method: str, path: str, body: str = "", **told: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
    try:
        sent = {name.replace("_", "-"): value for name, value in told.items()}
        if body or method == "POST":
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body=body or None, headers=sent)
        answer = connection.getresponse()
        answer.data = answer.read()  # type: ignore[attr-defined]
        return answer
    finally:
        connection.close()


def filled(node: RunningNode, path: str) -> str:
    """A route's path with something real in it."""
    (row,) = node.person.json("search").rows
    known = {"id": row["id"], "author": row["author"], "name:path": "open", "hash": "ab" * 32}
    return re.sub(r"{([^}]+)}", lambda found: known.get(found[1], "x"), path)


EVERY = (*(("GET", path) for path, _ in READING), *((method, path) for method, path, _ in OWN))
QUIET = [(method, path) for method, path in EVERY if path != "/events"]


def is_guarded(answer: http.client.HTTPResponse) -> bool:
    return all(answer.headers.get_all(name) == [value] for name, value in HEADERS.items())


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_nothing_is_shown_and_nothing_done_without_the_cookie(
    node: RunningNode, method: str, path: str
) -> None:
    answer = asked(node, method, filled(node, path), Origin=node.url)
    assert answer.status == 401
    assert is_guarded(answer)
    assert "하나".encode() not in answer.data  # type: ignore[attr-defined]


@pytest.mark.parametrize(("method", "path"), [each for each in EVERY if each[0] != "GET"])
def test_what_changes_something_refuses_whoever_is_no_page_of_it(
    node: RunningNode, cookie: str, method: str, path: str
) -> None:
    path = filled(node, path)
    port = node.port
    for told in (
        {},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"http://localhost:{port}"},
        {"Origin": node.url, "Sec_Fetch_Site": "cross-site"},
        {"Origin": node.url, "Sec_Fetch_Site": "same-site"},
        {"Origin": node.url, "Host": f"evil.test:{port}"},
    ):
        answer = asked(node, method, path, "on=1", Cookie=cookie, **told)
        assert answer.status == 403, told
        assert is_guarded(answer)


def contents(node: RunningNode) -> str:
    """Everything in the store, as a digest."""
    connection = apsw.Connection(
        str(Home(node.person.home).store_path), flags=apsw.SQLITE_OPEN_READONLY
    )
    try:
        digest = hashlib.sha256()
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' "
            "ORDER BY name"
        )
        for (name,) in list(names):
            for row in connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608
                digest.update(repr((name, row)).encode())
        return digest.hexdigest()
    finally:
        connection.close()


@pytest.mark.parametrize("path", [path for method, path in QUIET if method == "GET"])
def test_looking_changes_nothing(node: RunningNode, cookie: str, path: str) -> None:
    before = contents(node)
    answer = asked(node, "GET", filled(node, path), Cookie=cookie)
    assert answer.status in (200, 303, 404, 422), answer.status
    assert is_guarded(answer)
    assert asked(node, "HEAD", filled(node, path), Cookie=cookie).status == answer.status
    assert contents(node) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/", "/me", "/listing/x", "/nothing", "/static/0/style.css"])
def test_other_methods_do_nothing(node: RunningNode, cookie: str, method: str, path: str) -> None:
    answer = asked(node, method, path, Cookie=cookie, Origin=node.url)
    assert answer.status in (400, 404, 405)
    assert asked(node, method, path, Cookie=cookie).status in (400, 403)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/static/0/style.css", "/static/0/..%2f..%2fgate.py", "/listing/zz", "/photo/x",
     "/listing/" + "%00" * 3, "/person/%ff", "/../../etc/passwd", "//evil.test/", "/?q=%ff%00",
     "/?after=x", "/?min=x", "/?market=NO", "/talk/x", "/node/phone.svg", "/market/none/poster",
     "/open?text=" + "x" * 4000],
)  # fmt: skip
def test_every_answer_says_what_a_page_may_not_do(
    node: RunningNode, cookie: str, path: str
) -> None:
    answer = asked(node, "GET", path, Cookie=cookie)
    assert answer.status < 500
    assert is_guarded(answer)
    if answer.status >= 400:
        assert answer.getheader("cache-control") != "public"


def test_a_wrong_key_lets_nobody_in(node: RunningNode) -> None:
    for key in ("", "x", page_key("of an earlier start"), "é", page_key(node.token)[:-1]):
        for path in (f"{ENTER}?key={key.encode().hex() if not key.isascii() else key}", ENTER):
            answer = asked(node, "GET", path)
            assert answer.status == 401
            assert answer.getheader("set-cookie") is None


def test_the_key_of_an_earlier_start_is_worth_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    person = Person(tmp_path_factory.mktemp("twice") / "home")
    with running(person) as first:
        path = first.link.removeprefix(first.url)
        told = asked(first, "GET", path).getheader("set-cookie", "").split(";")[0]
        first.process.terminate()
        first.process.wait(20)
    with running(person) as second:
        assert second.port == first.port  # remembered, so that the browser has the cookie still
        assert asked(second, "GET", path).status == 401
        assert asked(second, "GET", "/", Cookie=told).status == 401


def test_the_api_does_not_take_the_cookie_nor_the_key(node: RunningNode, cookie: str) -> None:
    key = page_key(node.token)
    for told in ({"Cookie": cookie}, {"Authorization": f"Bearer {key}"}):
        assert asked(node, "GET", "/v1/events", **told).status == 401
        answer = asked(node, "POST", "/v1/peers", "{}", Content_Type="application/json", **told)
        assert answer.status == 401


def test_a_form_beyond_its_bound_is_refused(node: RunningNode, cookie: str) -> None:
    body = "name=" + "x" * (limits.PAGE_FORM_BYTES_MAX - len("name=") + 1)
    answer = asked(node, "POST", "/me", body, Cookie=cookie, Origin=node.url)
    assert answer.status == 413
    assert is_guarded(answer)
    # Ten megabytes are not even taken: the answer comes, and the connection ends, before.
    with suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
        body = "name=" + "x" * 10_000_000
        assert asked(node, "POST", "/me", body, Cookie=cookie, Origin=node.url).status == 413
    assert node.person.json("whoami").row["name"] == "하나"
    fields = "&".join(f"f{number}=x" for number in range(2000))
    assert asked(node, "POST", "/me", fields, Cookie=cookie, Origin=node.url).status == 400


@pytest.mark.parametrize(
    "flood",
    [
        b"GET / HTTP/1.1\r\n" + b"X-Flood: " + b"x" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X-Flood: x\r\n" * 20_000,
        b"GET /" + b"x" * 100_000,
        b"\x00" * 100_000,
    ],
)
def test_headers_without_end_end_the_connection(node: RunningNode, flood: bytes) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as caller:
        told = b""
        try:
            caller.sendall(flood)
            while data := caller.recv(65536):
                told += data
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert told.startswith((b"HTTP/1.1 4", b"")) and b" 200 " not in told
    assert asked(node, "GET", "/").status == 401


def test_who_sends_a_request_byte_by_byte_is_cut_off(node: RunningNode) -> None:
    """hypercorn's five seconds for a connection on which nothing has been asked."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert caller.recv(1024) == b""
