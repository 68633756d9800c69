"""A node that stops while its page is open: it is said, and what was typed stays."""

from playwright.sync_api import Browser, expect

from .conftest import PATIENCE_MS, Starter, visiting


def test_a_node_that_stopped_is_said_and_nothing_is_lost(
    start_node: Starter, browser: Browser
) -> None:
    node = start_node("Fay")
    with visiting(browser, node) as fay:
        page = fay.goes("/sell")
        gone = page.locator("#gone")
        expect(gone).to_be_hidden()
        page.get_by_label("Title").fill("A lamp that waits")
        page.get_by_label("Free").check()
        node.process.terminate()
        node.process.wait(30)
        expect(gone).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Put it up").click()
        assert page.url.endswith("/sell")
        assert page.get_by_label("Title").input_value() == "A lamp that waits"
