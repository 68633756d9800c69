"""What a neighbour sees: the window for phones, and a poster on paper."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from jangteo.protocol import limits
from tests.browser.conftest import RunningNode, Starter, Visitor, shoot, visiting

LONG = "아주 긴 제목을 가진 물건 " * 6
MANY = limits.POSTER_LISTINGS_MAX + 3


@pytest.fixture(scope="module")
def node(start_node: Starter) -> RunningNode:
    started = start_node("하나")
    started.person.json(
        "sell", LONG[:80], "--price", "950000 KRW", "--place", "성수동", "--condition", "good",
        "--description", "상태가 아주 좋습니다. " * 200,
    )  # fmt: skip
    for number in range(MANY):
        started.person.sells(f"물건 {number}", f"{number + 1}000 KRW")
    return started


@pytest.fixture
def visitor(browser: Browser, node: RunningNode) -> Iterator[Visitor]:
    with visiting(browser, node) as started:
        yield started


def sheets(page: Page) -> int:
    """How many pages it is on paper, all of A4."""
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    sizes = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", printed)
    for width, height in sizes:
        assert (round(float(width)), round(float(height))) == (595, 842)
    count = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert count == len(sizes)
    return count


def test_a_poster_is_a_sheet_a_listing(visitor: Visitor, tmp_path: Path) -> None:
    rows = visitor.node.person.json("mine").rows
    file = tmp_path / "poster.html"
    ids = [row["id"] for row in rows[-3:]]
    said = visitor.node.person.json("poster", *ids, "--output", str(file))
    assert said.row["sheets"] == 3
    page = visitor.context.new_page()
    visitor.listens_to(page)
    page.route("**/*", lambda route: route.continue_())
    page.goto(file.as_uri())
    assert sheets(page) == 3
    assert page.locator(".sheet").count() == 3
    loaded = page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    assert loaded
    told = [one for one in visitor.complaints if not one.startswith("request: file:")]
    assert told == []  # nothing is asked for anywhere, nothing is forbidden by its own policy
    page.close()


@pytest.mark.parametrize("path", ["/listing/{id}/poster", "/market/open/poster"])
@pytest.mark.parametrize("is_open", [False, True])
def test_the_page_s_own_posters_fit_one_sheet(visitor: Visitor, path: str, is_open: bool) -> None:
    where = ("--address", "127.0.0.1") if is_open else ("--off",)
    visitor.node.person.types("open", "--phone", *where)
    rows = visitor.node.person.json("mine").rows
    (long,) = [row for row in rows if row["title"].startswith("아주 긴")]
    page = visitor.goes(path.format(id=long["id"]))
    assert sheets(page) == 1
    assert page.locator("figure").count() == (2 if is_open else 1)
    if "market" in path:
        assert page.locator(".goods li").count() == limits.POSTER_LISTINGS_MAX
    shoot(page, f"poster-{'market' if 'market' in path else 'listing'}")
    assert visitor.complaints == []


def test_a_phone_looks_and_finds_nothing_to_press(browser: Browser, node: RunningNode) -> None:
    told = node.person.json("open", "--phone", "--address", "127.0.0.1").row
    url = told["url"].rstrip("/")
    with browser.new_context(
        locale="ko-KR", viewport={"width": 360, "height": 740}, has_touch=True
    ) as context:
        page = context.new_page()
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console",
            lambda said: faults.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.goto(url)
        page.get_by_role("searchbox").fill("아주 긴")
        expect(page.locator(".card")).to_have_count(1)
        page.locator(".card a").click()
        page.get_by_role("heading", level=1).wait_for()
        assert page.locator("form[method=post]").count() == 0
        assert page.locator("nav").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert Axe().run(page).response["violations"] == []
        assert context.cookies() == []
        shoot(page, "phone-listing")
        assert all(one.startswith((url, "data:")) for one in asked)
        assert faults == []


def test_a_shared_text_is_opened_by_another_node(
    browser: Browser, node: RunningNode, start_node: Starter
) -> None:
    other = start_node("노아")
    (row,) = node.person.json("search", "아주").rows
    text = f"jangteo:listing/{row['id']}?at={node.address}"
    with visiting(browser, other) as visitor:
        page = visitor.goes("/")
        page.get_by_role("searchbox").fill(text)
        page.get_by_role("button", name="Ask there").click()
        page.wait_for_url(f"**/listing/{row['id']}")
        assert page.get_by_role("heading", level=1).inner_text().startswith("아주 긴")
        page = visitor.goes(f"/?q={text}")
        assert page.url.endswith(f"/listing/{row['id']}")
        page = visitor.goes("/listing/" + row["id"] + "/share")
        assert page.locator("textarea").input_value().startswith(f"jangteo:listing/{row['id']}")
        assert page.evaluate("document.querySelector('.share-code img').naturalWidth") > 0
        assert Axe().run(page).response["violations"] == []
        assert visitor.complaints == []
