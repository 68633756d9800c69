"""A whole trade of two people at two pages, by clicking and typing alone: from the photo that is
dropped into the form to the reviews of both. Two real nodes, two browsers' profiles."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import PATIENCE_MS, RunningNode, Starter, Visitor, shoot, visiting

expect.set_options(timeout=2 * PATIENCE_MS)


@contextmanager
def two_at_their_pages(
    browser: Browser, seller: RunningNode, buyer: RunningNode
) -> Iterator[tuple[Visitor, Visitor]]:
    with visiting(browser, seller) as ana, visiting(browser, buyer) as ben:
        yield ana, ben
        assert (ana.complaints, ben.complaints) == ([], [])


def picture(path: Path, colour: str) -> Path:
    image = Image.new("RGB", (1200, 900), "#e8dccb")
    ImageDraw.Draw(image).ellipse((200, 150, 1000, 750), fill=colour)
    image.save(path, "JPEG")
    return path


def has_pixels(image: Locator) -> None:
    """Until the photo itself is shown, not what stands in its place."""
    expect(image).to_have_class(re.compile(r"\bhere\b"))
    assert image.evaluate("image => image.naturalWidth") > 0


def unfold(page: Page, label: str) -> None:
    """As a person does: once more where the page was shown anew under the finger."""
    fold = page.locator("details", has=page.locator("summary:visible", has_text=label)).first
    while fold.get_attribute("open") is None:
        fold.locator("summary").click()
        page.wait_for_timeout(300)


def test_a_trade_from_the_photo_to_the_reviews(
    start_node: Starter, browser: Browser, tmp_path: Path
) -> None:
    seller = start_node("Ana")
    buyer = start_node("Ben", "--peer", seller.address)
    with two_at_their_pages(browser, seller, buyer) as (ana, ben):
        # Ana puts a lamp up, with two photos.
        page = ana.goes("/sell")
        files = [picture(tmp_path / f"{colour}.jpg", colour) for colour in ("teal", "orange")]
        page.set_input_files("#files", files)
        expect(page.locator(".photo-tile img.here")).to_have_count(2)
        page.get_by_label("Title").fill("Reading lamp, teal")
        page.get_by_label("Amount").fill("80")
        page.get_by_label("Currency").select_option("USD")
        page.get_by_label("Description").fill("Bright, and warm.\nThe switch is new.")
        page.get_by_label("Category").fill("home")
        expect(page.locator("#preview h3")).to_have_text("Reading lamp, teal")
        expect(page.locator("#preview .price")).to_have_text("80 USD")
        shoot(page, "trade-1-sell")
        page.get_by_role("button", name="Put it up").click()
        expect(page.get_by_role("status").filter(has_text="It is up")).to_be_visible()

        # Ben sees it come, without doing anything; looks, and asks for all to read.
        page = ben.goes("/")
        card = page.locator(".card", has_text="Reading lamp, teal")
        if not card.count():
            page.locator("#fresh a").click()
        has_pixels(card.locator("img.sharp"))
        shoot(page, "trade-2-market")
        card.click()
        for shown in page.locator(".slides img.sharp").all():
            shown.scroll_into_view_if_needed()
            has_pixels(shown)
        page.get_by_label("Your question").fill("How tall is it?")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#questions")).to_contain_text("How tall is it?")
        page.get_by_role("button", name="Favourite").click()
        expect(page.get_by_role("button", name="Favourite")).to_have_attribute(
            "aria-pressed", "true"
        )
        shoot(page, "trade-3-listing")
        page.get_by_role("link", name="Talk about it").click()

        # They talk and haggle; each sees what the other says as it is said.
        page.get_by_label("Your message").fill("Is it still there?")
        page.get_by_label("Your message").press("Enter")
        expect(page.locator(".bubble.own")).to_contain_text("Is it still there?")
        unfold(page, "Make an offer")
        page.get_by_label("Price").fill("60 USD")
        page.get_by_role("button", name="Send the offer").click()
        expect(page.locator(".bubble.slip")).to_contain_text("$60")
        at_ana = ana.goes("/talk")
        at_ana.get_by_role("link", name=re.compile("Ben")).first.click()
        expect(at_ana.locator(".bubble.other").first).to_contain_text("Is it still there?")
        shoot(at_ana, "trade-4-talk")
        unfold(at_ana, "Counter")
        at_ana.locator("form[action$='/offer']:visible").get_by_label("Price").fill("70 USD")
        at_ana.locator("form[action$='/offer']:visible").get_by_role(
            "button", name="Send the offer"
        ).click()
        expect(page.locator(".bubble.other.slip")).to_contain_text("$70")
        page.get_by_role("button", name="Accept", exact=True).click()
        for told in (page, at_ana):  # what its owner offered is confirmed by the owner's node
            expect(told.locator(".deal-now")).to_contain_text("It is a deal.")
        unfold(page, "Propose a meeting")
        page.get_by_label("When").fill("Saturday at 3")
        page.get_by_label("Where").fill("exit 2")
        page.get_by_role("button", name="Propose it").click()
        at_ana.get_by_role("button", name="Agree").click()
        expect(page.locator("#live")).to_contain_text("Agreed to the meeting")
        shoot(page, "trade-5-deal")

        # They meet; both say so, both write a review, and both reviews are there.
        at_ana.get_by_role("button", name="I have handed it over").click()
        page.get_by_role("button", name="I have received it").click()
        for told, words in ((page, "As described"), (at_ana, "On time")):
            expect(told.locator("summary", has_text="Write a review")).to_be_visible()
            unfold(told, "Write a review")
            told.get_by_label("Good", exact=True).check()
            told.locator("form[action$='/review']").get_by_label("In your words").fill(words)
            told.get_by_role("button", name="Send the review").click()
            expect(told.locator("#live")).to_contain_text("review")
        page = ben.goes(f"/person/{seller.ready['author']}")
        for _ in range(20):
            if "As described" in page.locator("main").inner_text():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(page.locator("main")).to_contain_text("As described")
        shoot(page, "trade-6-person")
        expect(ana.goes("/deals").locator("main")).to_contain_text("Done: both have said so.")
        shoot(ana.page, "trade-7-deals")
        expect(ana.goes("/mine").locator("main")).to_contain_text("Sold")


def test_a_listing_of_a_seller_who_is_gone_keeps_its_photos(
    start_node: Starter, browser: Browser, tmp_path: Path
) -> None:
    """Who has looked can serve."""
    seller = start_node("Cho")
    file = picture(tmp_path / "green.jpg", "green")
    sold = seller.person.types("sell", "Green plate", "--price", "free", "--photo", str(file))
    assert sold.code == 0, sold.err
    looker = start_node("Dan", "--peer", seller.address)
    with visiting(browser, looker) as dan:
        page = dan.goes("/")
        card = page.locator(".card", has_text="Green plate")
        while not card.count():
            page.wait_for_timeout(300)
            page.reload()
        card.click()
        has_pixels(page.locator(".slides img.sharp"))
    seller.process.terminate()
    seller.process.wait(30)
    late = start_node("Eva", "--peer", looker.address)
    with visiting(browser, late) as eva:
        page = eva.goes("/")
        card = page.locator(".card", has_text="Green plate")
        while not card.count():
            page.wait_for_timeout(300)
            page.reload()
        has_pixels(card.locator("img.sharp"))
        card.click()
        has_pixels(page.locator(".slides img.sharp"))


pytestmark = pytest.mark.slow
