"""One's own pages without scripts, at a real node: the profile, people, the node, its settings, and
sharing."""

from collections.abc import AsyncIterator, Iterator

import pytest

from jangteo.node.control_server import ControlFace
from tests.browser.conftest import RunningNode, running
from tests.cli_runner import Person
from tests.page_visitor import Visitor

pytestmark = pytest.mark.trio


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    person = Person(tmp_path_factory.mktemp("home") / "home")
    person.types("init", "--name", "하나")
    person.sells("로드 자전거", "950000 KRW")
    with running(person) as started:
        yield started


@pytest.fixture
async def me(node: RunningNode) -> AsyncIterator[Visitor]:
    yield await Visitor(ControlFace(node.url, node.port, node.token)).enter()


async def test_a_profile_is_changed_and_emptied(me: Visitor, node: RunningNode) -> None:
    told = {"name": "하나", "about": "자전거", "place": "성수동", "languages": "ko, en"}
    done = await me.post("/me", told)
    assert done.notice() == ("done", "Saved: neighbours see it with the next exchange.")
    assert node.person.json("profile").row["languages"] == ["ko", "en"]
    again = await me.post("/me", told)
    assert again.notice() == ("done", "It was so already: nothing changed.")
    await me.post("/me", {"name": "하나"})
    row = node.person.json("profile").row
    assert (row["name"], row["about"], row["place"], row["languages"]) == ("하나", "", "", [])


async def test_a_profile_that_cannot_be_is_shown_again_as_it_was_typed(me: Visitor) -> None:
    shown = await me.post("/me", {"name": "x" * 5000, "about": "left as it was"})
    assert shown.status == 422
    assert "left as it was" in shown.text
    assert 'role="alert"' in shown.text


async def test_the_words_are_never_on_a_page(me: Visitor, node: RunningNode) -> None:
    assert "jangteo words" in (await me.get("/me")).text
    words = node.person.json("words").row["words"]  # and now there is a copy of it
    assert "jangteo words" not in (await me.get("/me")).text
    for path in ("/me", "/node", "/settings", "/checks", "/people"):
        shown = await me.get(path)
        assert shown.status == 200
        assert words not in shown.text
        assert " ".join(words.split()[:2]) not in shown.text


async def test_markets_are_joined_and_left(me: Visitor, node: RunningNode) -> None:
    assert (await me.post("/node/join", {"market": "NO"})).notice()[0] == "failed"  # type: ignore[index]
    assert (await me.post("/node/join", {"market": "campus"})).notice()[0] == "done"  # type: ignore[index]
    assert "campus" in (await me.get("/node")).words
    left = await me.post("/node/leave", {"market": "campus"})
    assert left.notice() == ("done", "Left campus: 0 records of others are dropped.")
    assert (await me.post("/node/leave", {"market": "commons"})).notice()[0] == "failed"  # type: ignore[index]


async def test_what_cannot_be_reached_is_said(me: Visitor) -> None:
    for address in ("", "elsewhere", "/ip4/127.0.0.1/tcp/1"):
        notice = (await me.post("/node/connect", {"address": address})).notice()
        assert notice is not None
        assert notice[0] == "failed"
    alone = (await me.post("/node/sync")).notice()
    assert alone == ("failed", "No neighbour is connected: there is nobody to compare with.")


async def test_settings_are_changed_refused_and_given_back(me: Visitor, node: RunningNode) -> None:
    assert (await me.post("/settings", {"name": "currency", "value": "jpy"})).status == 200
    assert node.person.json("config", "get", "currency").row["value"] == "JPY"
    refused = await me.post("/settings", {"name": "currency", "value": "gold"})
    assert refused.status == 422
    assert 'value="gold"' in refused.text
    await me.post("/settings", {"name": "currency", "value": ""})
    assert node.person.json("config", "get", "currency").row["from"] == "default"
    assert (await me.post("/settings", {"name": "no such", "value": "1"})).status == 422
    assert (await me.post("/settings", {"name": "auto_renew", "value": "off"})).status == 200
    assert node.person.json("config", "get", "auto_renew").row["value"] is False


async def test_people_are_let_go(me: Visitor, node: RunningNode) -> None:
    stranger = "ab" * 32
    node.person.types("block", stranger)
    assert stranger[:16] in (await me.get("/people")).words
    done = await me.post("/people/unblock", {"author": stranger})
    assert done.notice()[0] == "done"  # type: ignore[index]
    assert stranger[:16] not in (await me.get("/people")).words
    assert (await me.post("/people/unblock", {"author": "zz"})).notice()[0] == "failed"  # type: ignore[index]


async def test_the_window_is_opened_and_closed(me: Visitor, node: RunningNode) -> None:
    opened = await me.post("/node/phone", {"on": "1", "address": "127.0.0.1"})
    assert "http://127.0.0.1:" in opened.words
    assert (await me.get("/node/phone.svg")).text.startswith("<svg")
    await me.post("/node/phone", {"on": "0"})
    assert (await me.get("/node/phone.svg")).status == 404
    bad = await me.post("/node/phone", {"on": "1", "address": "10.9.9.9"})
    assert bad.notice()[0] == "failed"  # type: ignore[index]


async def test_a_listing_is_shared_and_a_shared_text_opened(me: Visitor, node: RunningNode) -> None:
    (row,) = node.person.json("mine").rows
    text = f"jangteo:listing/{row['id']}"
    shown = await me.get(f"/listing/{row['id']}/share")
    assert text in shown.text
    assert (await me.get(f"/listing/{row['id']}/qr.svg")).text.startswith("<svg")
    assert (await me.get(f"/?q={text}")).path == f"/listing/{row['id']}"
    assert (await me.get("/open?text=jangteo:market/open")).path == "/?market=open"
    absent = f"jangteo:listing/{'ab' * 32}?at=/ip4/127.0.0.1/tcp/1"
    asking = await me.get(f"/open?text={absent}")
    assert "/open" in asking.forms()
    failed = await me.post("/open", {"text": absent})
    assert failed.notice()[0] == "failed"  # type: ignore[index]
    for wrong in ("jangteo:", "x", "jangteo:listing/1", "jangteo:person/" + "ab" * 32):
        assert (await me.get(f"/open?text={wrong}")).status == 422
    assert node.person.json("show", text).row["id"] == row["id"]
    assert node.person.json("show", absent).code == 3
    assert "--fetch" in node.person.types("show", absent).err
    assert node.person.json("show", absent, "--fetch").code == 1
    assert node.person.json("show", "jangteo:market/open").code == 2
    assert node.person.json("show", "jangteo:listing/1").code == 2
    assert node.person.json("connect", "jangteo:market/open").code == 2
