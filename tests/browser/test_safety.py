"""What pages elsewhere, stored words and other people of this machine can do to the page: nothing.
In a real browser, against a real node.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

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
