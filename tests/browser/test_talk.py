"""A trade between two people on two pages: from the first word to the reviews, live, and without
losing what is being typed."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import RunningNode, Starter, Visitor, shoot, visiting

pytestmark = pytest.mark.slow

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def nodes(start_node: Starter) -> tuple[RunningNode, RunningNode]:
    """Ana sells a bike and some lamps; Bea has them on her disk."""
    ana = start_node("은하")
    ana.person.types("sell", "로드 자전거", "--price", "950000 KRW", "--place", "서울 성동구")
    ana.person.types("sell", "Lamp", "--price", "20000 KRW", "--quantity", "5")
    bea = start_node("Bea", "--peer", ana.address)
    return ana, bea


Pair = tuple[Visitor, Visitor]


@pytest.fixture
def visitors(browser: Browser, nodes: tuple[RunningNode, RunningNode]) -> Iterator[Pair]:
    """Ana at a desk, Bea with a phone in the dark."""
    with (
        visiting(browser, nodes[0]) as ana,
        visiting(browser, nodes[1], viewport=PHONE, color_scheme="dark") as bea,
    ):
        yield ana, bea


def opens(bea: Visitor, title: str) -> Page:
    """The talk about a listing, as soon as that has come."""
    page = bea.goes("/")
    fresh = page.locator("#fresh .fresh")
    card = page.locator(".card a").filter(has_text=title)
    for _ in range(20):
        if card.count():
            break
        fresh.wait_for(timeout=10_000)
        page.reload()
    card.click()
    page.get_by_role("link", name="Talk about it").click()
    return page


def check_access(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"] if page.viewport_size else True


def test_a_trade_on_two_pages(visitors: Pair) -> None:
    ana, bea = visitors
    b = opens(bea, "로드 자전거")
    check_access(b)
    b.fill("#text", "안녕하세요! Is it still there?")
    b.keyboard.press("Enter")
    expect(b.locator(".bubble.own")).to_have_count(1)

    a = ana.goes("/talk")
    a.locator(".rooms a").click()
    expect(a.locator(".bubble.other")).to_have_count(1)
    b.fill("#text", "a draft that stays")
    a.fill("#text", "It is.")
    a.keyboard.press("Shift+Enter")
    a.keyboard.type("Come and look.")
    a.keyboard.press("Enter")
    expect(a.locator("#text")).to_have_value("")
    expect(b.locator(".bubble.other .words")).to_have_text("It is.\nCome and look.")
    expect(b.locator("#text")).to_have_value("a draft that stays")
    expect(b.locator(".bubble.own .sent")).to_have_text("Read")
    expect(a.locator(".bubble.own .sent")).to_have_text("Read")

    b.locator("#offer-fold summary").click()
    b.locator("#offer-fold [name=price]").fill("a lot")
    b.get_by_role("button", name="Send the offer").click()
    expect(b.locator("#offer-why")).to_contain_text("is no price")
    expect(b.locator("#offer-fold [name=price]")).to_have_value("a lot")
    shoot(b, "offer-wrong-phone-dark")
    b.locator("#offer-fold [name=price]").fill("900000")
    b.get_by_role("button", name="Send the offer").click()
    expect(b.locator(".bubble.own.slip")).to_have_count(1)
    expect(b.locator("#text")).to_have_value("a draft that stays")
    expect(b.locator("#offer-fold")).to_be_hidden()

    a.locator(".bubble summary", has_text="Counter").click()
    price = a.locator(".bubble [name=price]")
    price.fill("930000")
    b.fill("#text", "well?")
    b.keyboard.press("Enter")
    expect(a.locator(".bubble .words", has_text="well?")).to_be_visible()
    expect(price).to_have_value("930000")
    expect(price).to_be_focused()
    price.press("Enter")
    expect(b.locator(".bubble.other.slip")).to_contain_text("930,000")
    check_access(a)
    b.get_by_role("button", name="Accept").click()
    for page in (a, b):
        expect(page.locator(".deal-now")).to_contain_text("It is a deal.")
        expect(page.locator("#about .badge")).to_have_text("Reserved")
        check_access(page)
    shoot(a, "deal-desk-light")
    shoot(b, "deal-phone-dark")

    a.get_by_text("Propose a meeting").click()
    a.fill("#meet-time", "토요일 3시")
    a.fill("[name=place]", "왕십리역 2번 출구")
    a.get_by_role("button", name="Propose it").click()
    b.get_by_role("button", name="Agree").click()
    expect(a.locator(".event", has_text="Agreed to the meeting")).to_contain_text("왕십리역")
    a.get_by_role("button", name="I have handed it over").click()
    expect(b.locator(".deal-now")).to_contain_text("has handed it over")
    b.get_by_role("button", name="I have received it").click()
    expect(a.locator(".deal-now")).to_contain_text("Done: both have said so.")

    a.locator(".deal-now summary", has_text="Write a review").click()
    a.get_by_label("Good").check()
    a.locator(".deal-now textarea").fill("on time\nfriendly")
    a.get_by_role("button", name="Send the review").click()
    expect(a.locator(".deal-now")).to_contain_text("Your review is written")
    d = bea.goes("/deals")
    expect(d.get_by_text("They have reviewed you")).to_be_visible()
    check_access(d)
    d.locator("summary", has_text="Write a review").click()
    d.get_by_label("Good").check()
    d.get_by_role("button", name="Send the review").click()
    expect(d.locator(".notice.done")).to_contain_text("for all to read")
    a = ana.goes("/person/" + bea.node.ready["author"])
    expect(a.locator(".list").first).to_contain_text("on time")
    check_access(a)
    complaints = [each for each in bea.complaints if "422" not in each]
    assert (ana.complaints, complaints) == ([], [])


def test_who_reads_what_was_said_before_is_left_there(visitors: Pair) -> None:
    ana, bea = visitors
    b = opens(bea, "Lamp")
    b.fill("#text", "first word")
    b.keyboard.press("Enter")
    expect(b.locator(".bubble.own")).to_have_count(1)
    for number in range(25):
        bea.node.person.types("send", b.url.rpartition("/")[2], f"word {number}\nand more")
    expect(b.locator(".bubble.own")).to_have_count(26)
    said = b.locator(".said")
    assert said.evaluate("said => said.scrollTop") == 0
    said.evaluate("said => { said.scrollTop = -600; }")
    before = b.locator(".bubble").nth(10).bounding_box()
    ana.node.person.types("send", b.url.rpartition("/")[2], "an answer")
    expect(b.locator(".bubble.other")).to_have_count(1)
    after = b.locator(".bubble").nth(10).bounding_box()
    assert before is not None and after is not None
    assert abs(before["y"] - after["y"]) < 3
    # She has answered from elsewhere: that alone says of nothing that she has seen it.
    a = ana.goes("/talk")
    expect(a.locator(".rooms .unread", has_text="Lamp")).to_have_count(1)
    check_access(a)


def test_what_is_kept_an_eye_on_is_told_as_it_happens(visitors: Pair) -> None:
    ana, bea = visitors
    b = bea.goes("/?q=lamp")
    b.locator(".filters summary").click()
    b.get_by_label("Name of this search").fill("lamps")
    b.get_by_role("button", name="Keep", exact=True).click()
    expect(b.locator(".notice.done")).to_contain_text("Kept")
    b = bea.goes("/notifications")
    seen = b.locator(".notes > li").count()
    ana.node.person.types("sell", "Desk lamp", "--price", "9000 KRW")
    expect(b.locator(".notes > li")).to_have_count(seen + 1)
    expect(b.locator(".notes")).to_contain_text("Desk lamp")
    for path in ("/notifications", "/saved", "/favourites", "/talk?find=word"):
        check_access(bea.goes(path))
    assert bea.complaints == []
