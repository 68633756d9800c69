"""Every page in three languages, narrow and wide, light and dark: nothing sticks out, axe finds no
fault, no text is left in another language, and the screenshots are kept for eyes to look at
(JANGTEO_SHOTS=FOLDER)."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from tests.cli_runner import Person

from .conftest import ARTEFACTS, RunningNode, Starter, shoot, visiting

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
WIDTHS = (360, 1280)
EMPTY = (
    "/", "/?q=nothing-like-this", "/sell", "/mine", "/talk", "/deals", "/me", "/node", "/outbox",
    "/people", "/settings", "/favourites", "/saved", "/notifications", "/import", "/checks",
    "/nowhere",
)  # fmt: skip
# What axe knows of these pages' sort: WCAG 2.2 A and AA, and its own advice on landmarks.
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass(frozen=True)
class Market:
    """A node amid a trade, with all that its pages may have to show."""

    node: RunningNode
    paths: tuple[str, ...]


def photo(path: Path, colour: str) -> str:
    image = Image.new("RGB", (900, 1200), "#dfe7ea")
    ImageDraw.Draw(image).rounded_rectangle((150, 250, 750, 950), 90, fill=colour)
    image.save(path, "JPEG")
    return str(path)


@pytest.fixture(scope="module")
def market(start_node: Starter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("photos")
    node = start_node("김하나")
    other = start_node("さくら", "--peer", node.address)
    ana, ben = node.person, other.person

    def told(person: Person, *words: str) -> None:
        done = person.types(*words)
        assert done.code == 0, (words, done.err)

    photos = [
        word
        for colour in ("#b45309", "#0f766e")
        for word in ("--photo", photo(folder / f"{colour[1:]}.jpg", colour))
    ]
    told(ana, "sell", "접이식 자전거 20인치, 기어 7단", "--price", "95만원", "--place", "행당동",
         "--condition", "good", "--category", "자전거", "--tag", "미니벨로", "--description",
         "작년에 샀고 열 번쯤 탔어요.\n\n앞바퀴는 새것이에요.", *photos)  # fmt: skip
    told(ana, "sell", LONG, "--price", "free", "--description", LONG * 3, "--category", LONG[:60])
    told(ana, "profile", "--about", "행당동 주민이에요. 저녁에 만나요.", "--place", "행당동")
    told(ben, "sell", "中古のシティサイクル 26インチ", "--price", "￥8,000", "--place", "下北沢駅",
         "--condition", "fair", "--category", "自転車", *photos[:2])  # fmt: skip
    told(
        ben, "sell", "Brass desk lamp, rewired last spring", "--price", "$40", "--category", "home"
    )
    wait_for(ana, "シティサイクル")
    wait_for(ben, "자전거")
    bike = found(ben, "자전거")
    cycle = found(ana, "シティサイクル")
    lamp = found(ana, "Brass")
    told(ben, "ask", bike, "Is it heavy? " + LONG)
    told(ana, "favourites", cycle)
    told(ana, "saved", "bikes", "자전거", "--category", "자전거")
    told(ben, "send", bike, "안녕하세요, 아직 있나요? " + LONG)
    told(ben, "offer", bike, "80만원", "--note", "오늘 저녁에 갈 수 있어요")
    told(ana, "send", lamp, "Could you come down to 30?")
    told(ana, "offer", lamp, "$30")
    told(ben, "meet", bike, "토요일 3시", "--place", "행당역 2번 출구")
    rooms = wait_for_rooms(ana, 2)
    paths = [
        "/", "/?q=자전거", f"/listing/{bike}", f"/listing/{found(ana, 'Donau')}",
        f"/listing/{cycle}", f"/listing/{bike}/edit", f"/listing/{bike}/withdraw",
        f"/listing/{bike}/share", f"/person/{other.ready['author']}",
        f"/person/{other.ready['author']}/block", *(f"/talk/{room}" for room in rooms),
        "/talk", "/deals", "/mine", "/me", "/node", "/outbox", "/people", "/settings",
        "/favourites", "/saved", "/notifications",
    ]  # fmt: skip
    yield Market(node, tuple(paths))


def wait_for(person: Person, words: str) -> None:
    for _ in range(100):
        if found(person, words):
            return
        time.sleep(0.2)
    raise AssertionError(f"{words} did not come")


def found(person: Person, words: str) -> str:
    lines = person.types("search", words, "--json").out.splitlines()
    return json.loads(lines[0])["id"] if lines else ""


def wait_for_rooms(person: Person, count: int) -> list[str]:
    for _ in range(100):
        lines = person.types("inbox", "--json").out.splitlines()
        rooms = [json.loads(line)["room"] for line in lines]
        if len(rooms) >= count:
            return rooms
        time.sleep(0.2)
    raise AssertionError("nothing was heard")


def faults(page: Page, width: int) -> list[str]:
    """What is wrong with the page as it stands."""
    wrong = []
    # What sticks out makes the page itself wider than the window.
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        wrong.append(f"{wide} px wide")
    for violation in Axe().run(page, options=AXE).response["violations"]:
        where = [node["target"] for node in violation["nodes"]][:3]
        wrong.append(f"{violation['id']}: {violation['help']} at {where}")
    return wrong


LOOKS = [
    (language, scheme, width)
    for language, scheme in (("ko", "light"), ("ja", "dark"), ("en", "light"), ("en", "dark"))
    for width in WIDTHS
]
if ARTEFACTS is None:  # all of them take minutes, and are for who looks at them
    LOOKS = [("ko", "light", 360), ("ja", "dark", 1280)]


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_every_page_looks_right(
    market: Market, browser: Browser, language: str, scheme: str, width: int
) -> None:
    wrong = look(market.node, market.paths, browser, f"full-{language}-{scheme}-{width}", **{
        "locale": language, "color_scheme": scheme, "viewport": {"width": width, "height": 800},
    })  # fmt: skip
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("ko", "dark", 360), ("en", "light", 1280)]
)
def test_pages_with_nothing_to_show_look_right(
    start_node: Starter, browser: Browser, language: str, scheme: str, width: int
) -> None:
    wrong = look(start_node("Neu"), EMPTY, browser, f"empty-{language}-{scheme}-{width}", **{
        "locale": language, "color_scheme": scheme, "viewport": {"width": width, "height": 800},
    })  # fmt: skip
    assert not wrong, "\n".join(wrong)


def look(
    node: RunningNode, paths: tuple[str, ...], browser: Browser, name: str, **settings: object
) -> list[str]:
    wrong = []
    width = settings["viewport"]["width"]  # type: ignore[index]
    with visiting(browser, node, reduced_motion="reduce", **settings) as visitor:
        for number, path in enumerate(paths):
            page = visitor.goes(path)
            page.wait_for_timeout(250)
            shoot(page, f"{name}-{number:02}")
            wrong += [f"{path}: {fault}" for fault in faults(page, int(width))]
        wrong += [each for each in visitor.complaints if "404" not in each]
    return wrong


pytestmark = pytest.mark.slow
