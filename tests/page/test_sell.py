"""Selling and looking without scripts: the form with its files, one's own goods, files of many,
the market with its filters."""

import html
import io
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jangteo.protocol import limits
from tests.desk_maker import Stall, stall
from tests.page_visitor import Visitor, visitors

pytestmark = pytest.mark.trio


def jpeg(colour: str = "teal", size: tuple[int, int] = (300, 200)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path) as made:
        yield made


@pytest.fixture
async def me(ana: Stall) -> AsyncIterator[Visitor]:
    async with visitors(ana) as (visitor,):
        yield visitor


LAMP = {"title": "Lamp", "side": "sell", "kind": "price", "amount": "80", "currency": "USD"}


def listings(ana: Stall) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ana.desk.call("listings", {})["rows"]
    return rows


async def test_a_listing_is_put_up_with_the_files_of_its_form(ana: Stall, me: Visitor) -> None:
    told = LAMP | {
        "description": "Bright.\r\n\r\nNew switch.",
        "tags": "home, #light ,",
        "place": "A",
    }
    done = await me.post_files("/sell", told, [("a.jpg", jpeg()), ("b.jpg", jpeg("red"))])
    assert done.notice() == (
        "done", "It is up, and signed. Neighbours get it as soon as one is connected."
    )  # fmt: skip
    [item] = listings(ana)
    assert item["title"] == "Lamp" and item["price"] == {"amount": "80.00", "currency": "USD"}
    assert item["description"] == "Bright.\n\nNew switch." and item["tags"] == ["home", "light"]
    assert len(item["photos"]) == 2
    assert f"/photo/{item['photos'][0]['hash']}" in done.text
    # The next form knows from where one sells.
    assert 'name="place" value="A"' in (await me.get("/sell")).text


async def test_what_is_wrong_is_said_and_what_was_typed_stays(ana: Stall, me: Visitor) -> None:
    for told, files, why in (
        ({"title": ""}, [], "title"),
        ({"amount": "much"}, [], "price"),
        ({"quantity": "x"}, [], "quantity"),
        ({"title": "x" * 121}, [], "at most 120"),
        ({}, [("notes.txt", b"hello")], "notes.txt is no photo"),
        ({}, [(f"{n}.jpg", jpeg()) for n in range(9)], "At most 8 photos"),
    ):
        shown = await me.post_files("/sell", LAMP | {"category": "kept"} | told, files)
        assert shown.status in (413, 422, 400), (told, shown.status)
        if shown.status == 422:
            assert why in shown.words or why in html.unescape(shown.text)
            assert 'value="kept"' in shown.text
    assert listings(ana) == []


async def test_a_photo_is_sent_before_the_form_and_named_in_it(ana: Stall, me: Visitor) -> None:
    def sent(body: bytes) -> Any:
        return me._follow("POST", "/photos?name=a.jpg", body, {"Content_Type": "image/jpeg"})

    tile = await sent(jpeg())
    [value] = re.findall(r'name="photo" value="([^"]*)"', tile.text)
    photo = json.loads(html.unescape(value))
    await me.post_files("/sell", LAMP | {"photo": html.unescape(value)}, [])
    assert [each["hash"] for each in listings(ana)[0]["photos"]] == [photo["hash"]]
    failed = await sent(b"no photo")
    assert "a.jpg is no photo" in failed.text and 'role="alert"' in failed.text
    # Named, and not here: nobody could ever give it.
    other = json.dumps(photo | {"hash": "0" * 64})
    shown = await me.post_files("/sell", LAMP | {"photo": other}, [])
    assert shown.status == 422 and len(listings(ana)) == 1
    for nonsense in ("", "{", "[]", "1", '{"hash": 5}', "null"):
        await me.post_files("/sell", LAMP | {"photo": nonsense}, [])
    assert all(len(each["photos"]) <= 1 for each in listings(ana))


async def test_a_photo_beyond_the_bound_is_refused(me: Visitor) -> None:
    data = bytes(limits.PHOTO_SOURCE_BYTES_MAX + 1)
    with suppress(OSError):  # it may be cut off before all is sent
        shown = await me._follow("POST", "/photos?name=a", data, {"Content_Type": "image/jpeg"})
        assert shown.status == 413


async def test_a_preview_publishes_nothing(ana: Stall, me: Visitor) -> None:
    shown = await me.post_files("/sell", LAMP | {"preview": "1"}, [("a.jpg", jpeg())])
    assert shown.status == 200 and "$80.00" in shown.words
    assert listings(ana) == []


async def test_a_listing_is_changed_and_goes_through_its_states(ana: Stall, me: Visitor) -> None:
    await me.post_files("/sell", LAMP, [("a.jpg", jpeg())])
    [item] = listings(ana)
    path = f"/listing/{item['id']}"
    form = await me.get(f"{path}/edit")
    [value] = re.findall(r'name="photo" value="([^"]*)"', form.text)
    kept = LAMP | {"title": "Lamp, teal", "photo": html.unescape(value), "kind": "free"}
    done = await me.post_files(f"{path}/edit", kept, [])
    assert done.notice() == ("done", "Changed.")
    again = await me.post_files(f"{path}/edit", kept, [])
    assert again.notice() == ("done", "It was so already: nothing changed.")
    [item] = listings(ana)
    assert item["title"] == "Lamp, teal" and len(item["photos"]) == 1
    assert item["price"]["amount"].strip("0.") == ""
    for act, status in (("reserve", "reserved"), ("sold", "sold"), ("relist", "active")):
        assert ((await me.post(f"{path}/{act}")).notice() or ("", ""))[0] == "done"
        assert listings(ana)[0]["status"] == status
    assert (await me.post(f"{path}/renew", {"back": "mine"})).path == "/mine"
    assert "for good" in (await me.get(f"{path}/withdraw")).words
    gone = await me.post(f"{path}/withdraw")
    assert gone.path == "/mine" and listings(ana) == []
    assert (await me.get(f"{path}/edit")).status in (200, 404)
    assert (await me.post(f"{path}/explode")).status == 404


async def test_a_file_of_goods_comes_in_with_a_report(ana: Stall, me: Visitor) -> None:
    rows = b"title,price,currency\nChair,20,USD\n,5,USD\nTable,x,USD\n"
    tried = await me.post_files("/import", {"format": "auto", "dry": "1"}, [("goods.csv", rows)])
    assert "nothing was changed" in tried.words and listings(ana) == []
    done = await me.post_files("/import", {"format": "auto"}, [("goods.csv", rows)])
    assert "Not taken" in done.words and [row["title"] for row in listings(ana)] == ["Chair"]
    wrong = await me.post_files("/import", {"format": "auto"}, [("goods.csv", b"\xff\xfe\x00")])
    assert wrong.status == 422 or "Not taken" in wrong.words
    assert "UTF-16" in wrong.words and tempfile.gettempdir() not in wrong.text
    none = await me.post_files("/import", {"format": "auto"}, [])
    assert none.status == 422 and "Choose a file first." in none.words


async def test_the_market_is_filtered_and_linked(ana: Stall, me: Visitor) -> None:
    for number in range(30):
        ana.desk.call(
            "sell",
            {"title": f"Bike {number}", "price": f"{number + 1} USD", "category": "bikes"},
        )
    ana.desk.call("sell", {"title": "자전거", "price": "free", "place": "행당동"})
    first = await me.get("/")
    assert "31 listings" in first.words and first.text.count('<li class="card') == 24
    [following] = re.findall(r'hx-get="(/\?[^"]*after=[^"]*)"', first.text)
    second = await me.get(html.unescape(following))
    assert second.text.count('<li class="card') == 7
    part = await me.get(html.unescape(following), HX_Request="true")
    assert "<html" not in part.text and part.text.count('<li class="card') == 7
    typed = await me.get("/?q=자전", HX_Request="true")
    assert 'id="results"' in typed.text and typed.text.count('<li class="card') == 1
    cheap = await me.get("/?max=3+USD&sort=price")
    assert cheap.text.count('<li class="card') == 4
    for wrong in ("/?min=x", "/?max=10&min=20&currency=USD", "/?after=!!", "/?sort=up",
                  "/?status=x", "/?market=A!", "/?currency=nope", "/?q=" + "x" * 5000):  # fmt: skip
        shown = await me.get(wrong)
        assert shown.status == 200, wrong
    assert (await me.get("/listing/ffff")).status == 404
    assert (await me.get("/listing/..%2f..%2f")).status in (404, 409)
