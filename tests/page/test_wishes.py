"""Favourites, saved searches, news and answers on the page, over real HTTP and a real desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_visitor import visitors
from tests.talk_maker import Talker, introduce, talkers

pytestmark = pytest.mark.trio

Market = tuple[Talker, Talker, str]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """Ana sells a bike; Bea looks at it."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        yield ana, bea, bike


async def test_a_search_is_kept_and_seen_again(market: Market) -> None:
    _, bea, _ = market
    async with visitors(bea) as (at_bea,):
        assert "No search is kept yet" in (await at_bea.get("/saved")).words
        found = await at_bea.get("/?q=bike&max=1000000&currency=KRW&side=sell")
        assert found.has_form("/saved")
        asked = {"q": "bike", "max": "1000000", "currency": "KRW", "side": "sell"}
        kept = await at_bea.post("/saved", asked | {"name": "bikes"})
        assert kept.path.startswith("/?") and "Kept: you are told" in kept.words
        assert "Road bike" in kept.words
        assert bea.call("saved")["saved"][0]["query"] == {
            "text": "bike", "max_price": "1000000", "currency": "KRW", "wanted": False,
        }  # fmt: skip
        page = await at_bea.get("/saved")
        assert "bikes bike · For sale · To 1000000 KRW" in page.words
        assert "q=bike" in page.text and "side=sell" in page.text
        refused = await at_bea.post("/saved", asked | {"name": " "})
        assert refused.status == 422 and 'value="1000000"' in refused.text
        nothing = await at_bea.post("/saved", {"name": "all"})
        assert nothing.status == 422 and "looks for something" in nothing.words
        wrong = await at_bea.post("/saved", {"name": "odd", "q": "x", "max": "a lot"})
        assert wrong.status == 422
        assert "No search is kept" in (await at_bea.post("/saved/remove", {"name": "bikes"})).words
        again = await at_bea.post("/saved/remove", {"name": "bikes"})
        assert again.notice() is not None and again.notice() != ("done", "")


async def test_favourites_are_shown_and_taken_off(market: Market) -> None:
    _, bea, bike = market
    async with visitors(bea) as (at_bea,):
        assert "No favourites yet" in (await at_bea.get("/favourites")).words
        await at_bea.post(f"/listing/{bike}/favour", {"on": "1"})
        assert "Road bike" in (await at_bea.get("/favourites")).words
        off = await at_bea.post("/favourites/remove", {"id": bike})
        assert off.notice() == ("done", "No longer a favourite.")
        again = await at_bea.post("/favourites/remove", {"id": bike})
        assert again.notice() is not None


async def test_news_are_shown_until_they_were_seen(market: Market) -> None:
    ana, bea, bike = market
    bea.call("follow", author=ana.key.public.hex())
    bea.call("favour", id=bike)
    bea.call("save", name="lamps", query={"text": "lamp"})
    bea.call("look-out")
    ana.sell("Desk lamp", "9000 KRW")
    for number in range(12):
        ana.sell(f"Lamp {number}", "9000 KRW")
    ana.call("edit", id=bike, price="900000 KRW")
    introduce(ana, bea)
    with bea.store.write(durable=False):
        bea.store.index_texts(100)
    bea.call("look-out")
    async with visitors(bea) as (at_bea,):
        page = await at_bea.get("/notifications")
        assert "has put up 13 listings" in page.words
        assert "New in your search lamps" in page.words
        assert "A favourite has another price" in page.words
        assert "₩950,000" in page.words and "₩900,000" in page.words
        assert bea.call("notifications")["unseen"] == 3
        latest = bea.call("notifications")["notifications"][0]["id"]
        seen = await at_bea.post("/notifications/seen", {"up_to": str(latest)})
        assert bea.call("notifications")["unseen"] == 0
        assert 'class="unread"' not in seen.text and "A favourite has" in seen.words
        wrong = await at_bea.post("/notifications/seen", {"up_to": "all"})
        assert wrong.notice() is not None
        part = await at_bea.get("/notifications", HX_Request="true")
        assert part.text.lstrip().startswith('<div id="news-list"')


async def test_questions_are_answered_and_told(market: Market) -> None:
    ana, bea, bike = market
    bea.call("look-out")
    ana.call("look-out")
    question = bea.call("ask", id=bike, text="Is it fast?")["question"]["id"]
    introduce(ana, bea)
    ana.call("look-out")
    async with visitors(ana, bea) as (at_ana, at_bea):
        assert "bea asks" in (await at_ana.get("/notifications")).words
        told = {"text": "Very.", "listing": bike}
        answered = await at_ana.post(f"/question/{question}/answer", told)
        assert "Very." in answered.words
        assert answered.notice() == ("done", "Your answer is there for all to read.")
        empty = await at_ana.post(f"/question/{question}/answer", {"text": " ", "listing": bike})
        assert empty.notice() is not None and empty.path.startswith(f"/listing/{bike}")
        unknown = await at_ana.post(f"/question/{'0' * 64}/answer", {"text": "x", "listing": "//x"})
        assert unknown.path == "/"
        introduce(ana, bea)
        bea.call("look-out")
        assert "ana answers" in (await at_bea.get("/notifications")).words
