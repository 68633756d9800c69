"""The pages of who runs the node, in a browser: accessible in light and dark, and live."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import RunningNode, Starter, Visitor, shoot, visiting

PATHS = ("/me", "/node", "/outbox", "/people", "/settings", "/checks", "/open", "/open?text=no")


@pytest.fixture(scope="module")
def node(start_node: Starter) -> RunningNode:
    return start_node("하나")


@pytest.fixture
def visitor(browser: Browser, node: RunningNode) -> Iterator[Visitor]:
    with visiting(browser, node) as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_everybody_can_use_it(browser: Browser, node: RunningNode, scheme: str, width: int) -> None:
    node.person.types("join", "campus/hanyang")
    node.person.types("open", "--phone", "--address", "127.0.0.1")
    view = {"width": width, "height": 800}
    with visiting(browser, node, color_scheme=scheme, viewport=view) as visitor:
        for path in PATHS:
            page = visitor.goes(path)
            violations = Axe().run(page).response["violations"]
            assert violations == [], (path, [one["id"] for one in violations])
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            shoot(page, f"node-{path.strip('/').partition('?')[0]}-{scheme}-{width}")
        assert [said for said in visitor.complaints if "422" not in said] == []


def test_a_neighbour_who_comes_is_seen_at_once(visitor: Visitor, start_node: Starter) -> None:
    page = visitor.goes("/node")
    expect(page.get_by_text("Nobody is connected.")).to_be_visible()
    other = start_node("노아", "--peer", visitor.node.address)
    row = page.locator("#neighbours-live tbody tr, .table tbody tr")
    expect(row.first).to_contain_text(other.ready["peer"][-8:])
    page.get_by_role("button", name="Compare with all now").click()
    expect(page.get_by_role("status").first).to_contain_text("Compared with 1 neighbour")
    assert visitor.complaints == []
