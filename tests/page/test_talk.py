"""Talk, deals and people on the page, over real HTTP and real desks, without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.protocol import limits
from tests.page_visitor import Visitor, visitors
from tests.talk_maker import Talker, introduce, meet, talkers

pytestmark = pytest.mark.trio

Market = tuple[Talker, Talker, str]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """Ana sells a bike; Bea looks at it."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW", quantity=2)
        introduce(ana, bea)
        yield ana, bea, bike


def room_of(person: Talker) -> str:
    return str(person.call("inbox")["rooms"][0]["room"])


def deal_of(person: Talker) -> str:
    return str(person.call("deals", all=True)["deals"][0]["deal"])


async def test_a_trade_from_the_first_word_to_the_reviews(market: Market) -> None:
    ana, bea, bike = market
    async with visitors(ana, bea) as (at_ana, at_bea):
        empty = await at_ana.get("/talk")
        assert "You have not talked with anybody yet" in empty.words
        assert "No deals yet" in (await at_bea.get("/deals")).words
        fresh = await at_bea.get(f"/talk/to/{bike}")
        assert "Nothing was said here yet" in fresh.words
        said = await at_bea.post(f"/talk/{bike}/send", {"text": "안녕하세요 <b>there</b>?"})
        room = room_of(bea)
        assert said.path == f"/talk/{room}"
        assert "안녕하세요 <b>there</b>?" in said.words
        assert "On this disk" in said.words or "Kept by" in said.words
        assert (await at_bea.get(f"/talk/to/{bike}")).path == f"/talk/{room}"
        meet(ana, bea)
        listed = await at_ana.get("/talk")
        assert "bea" in listed.words and "Road bike" in listed.words
        assert '<b class="count">1' in listed.text
        opened = await at_ana.get(f"/talk/{room}")
        assert "New" in opened.words
        await at_ana.post(f"/talk/{room}/seen", {"up_to": "999"})
        assert '<b class="count">1' not in (await at_ana.get("/talk")).text

        offered = await at_bea.post(
            f"/talk/{room}/offer",
            {"price": "900000", "quantity": "2", "note": "tonight", "expires": "24h"},
        )
        assert "An offer: ₩900,000 for 2 pieces" in offered.words
        assert "Waits for the answer of ana" in offered.words
        assert offered.has_form("/retract") and not offered.has_form("/accept")
        meet(ana, bea)
        deal = deal_of(ana)
        waiting = await at_ana.get("/deals")
        assert "Waiting for you 1" in waiting.words and waiting.has_form(f"/deal/{deal}/accept")
        countered = await at_ana.post(
            f"/deal/{deal}/offer", {"price": "930000", "back": "room", "quantity": "1"}
        )
        assert countered.path == f"/talk/{room}"
        assert "Another offer: ₩930,000" in countered.words
        meet(ana, bea)
        accepted = await at_bea.post(f"/deal/{deal}/accept", {"back": "deals"})
        assert accepted.notice() == (
            "done",
            "Accepted. Their node confirms it as soon as it hears of it.",
        )
        assert "You have accepted" in accepted.words
        meet(ana, bea)
        for page in (await at_ana.get(f"/talk/{room}"), await at_bea.get(f"/talk/{room}")):
            assert "It is a deal." in page.words
            assert page.has_form("/done") and page.has_form("/cancel") and page.has_form("/noshow")

        proposed = await at_ana.post(f"/talk/{room}/meet", {"time": "Saturday", "place": "Exit 2"})
        assert "Saturday" in proposed.words and not proposed.has_form("/agree")
        meet(ana, bea)
        assert (await at_bea.get(f"/talk/{room}")).has_form("/agree")
        agreed = await at_bea.post(f"/talk/{room}/agree")
        assert "Agreed to the meeting: Saturday, Exit 2" in agreed.words
        assert not agreed.has_form("/agree")

        handed = await at_ana.post(f"/deal/{deal}/done", {"back": "deals"})
        assert "Noted. It waits for the other side to say so too." in handed.words
        meet(ana, bea)
        done = await at_bea.post(f"/deal/{deal}/done", {"back": "deals"})
        assert "Both have said so" in done.words
        meet(ana, bea)
        kept = await at_ana.post(
            f"/deal/{deal}/review", {"mark": "good", "text": "on time", "back": "deals"}
        )
        assert "It is shown when both have written" in kept.words
        meet(ana, bea)
        shown = await at_bea.post(
            f"/deal/{deal}/review", {"mark": "mixed", "reveal": "1", "back": "deals"}
        )
        assert "Your review is there for all to read." in shown.words
        meet(ana, bea)
        person = await at_ana.get(f"/person/{bea.key.public.hex()}")
        assert "on time" in person.words and "you · as the seller" in person.words
        own = await at_ana.get(f"/person/{ana.key.public.hex()}")
        assert "Mixed bea you have dealt with them" in own.words and "₩930,000" in own.words


async def haggling(ana: Talker, bea: Talker, bike: str) -> tuple[str, str]:
    """Bea has offered: the room and the deal."""
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    return room_of(ana), deal_of(ana)


async def test_an_offer_is_declined_taken_back_and_made_again(market: Market) -> None:
    ana, bea, bike = market
    room, deal = await haggling(ana, bea, bike)
    async with visitors(ana, bea) as (at_ana, at_bea):
        declined = await at_ana.post(f"/deal/{deal}/decline", {"reason": "too little"})
        assert "Declined: too little" in declined.words
        meet(ana, bea)
        assert (await at_bea.get(f"/talk/{room}")).has_form(f"/deal/{deal}/offer")
        again = await at_bea.post(f"/deal/{deal}/offer", {"price": "910000", "back": "deals"})
        assert again.notice() == ("done", "Your offer is on its way.")
        back = await at_bea.post(f"/deal/{deal}/retract", {"back": "deals"})
        assert back.notice() == ("done", "Your offer is taken back.")
        assert "The offer was taken back." in back.words


async def test_a_deal_that_comes_to_nothing(market: Market) -> None:
    ana, bea, bike = market
    room, deal = await haggling(ana, bea, bike)
    ana.call("accept", to=deal)
    meet(ana, bea)
    async with visitors(ana, bea) as (at_ana, at_bea):
        unsaid = await at_ana.post(f"/deal/{deal}/cancel", {"back": "room"})
        assert unsaid.status == 422 and "say why" in unsaid.words
        gone = await at_ana.post(f"/deal/{deal}/cancel", {"reason": "it broke", "back": "deals"})
        assert "The deal was cancelled." in gone.words and "it broke" in gone.words
        meet(ana, bea)
        missed = await at_bea.post(f"/deal/{deal}/noshow", {"back": "deals"})
        assert missed.status == 422
        assert "The deal was cancelled." in (await at_bea.get(f"/talk/{room}")).words


async def test_who_did_not_come_is_told(market: Market) -> None:
    ana, bea, bike = market
    _, deal = await haggling(ana, bea, bike)
    ana.call("accept", to=deal)
    meet(ana, bea)
    async with visitors(bea) as (at_bea,):
        missed = await at_bea.post(f"/deal/{deal}/noshow", {"back": "deals"})
        assert missed.notice() == ("done", "Noted that they did not come.")
        assert "One of you did not come." in missed.words


async def test_an_offer_for_what_has_changed_is_asked_about_once_more(market: Market) -> None:
    ana, bea, bike = market
    _, deal = await haggling(ana, bea, bike)
    ana.call("edit", id=bike, title="Road bike with a bell")
    async with visitors(ana) as (at_ana,):
        asked = await at_ana.post(f"/deal/{deal}/accept", {"back": "deals"})
        assert asked.status == 409 and "the listing has changed" in asked.words
        assert 'name="anyway"' in asked.text
        made = await at_ana.post(f"/deal/{deal}/accept", {"back": "deals", "anyway": "1"})
        assert "It is a deal." in made.words


@pytest.mark.parametrize(
    ("step", "told", "why"),
    [
        ("send", {"text": "  "}, "needs some words"),
        ("send", {"text": "x" * (limits.MESSAGE_CHARS_MAX + 1)}, "at most 2,000"),
        ("send", {}, "needs text"),
        ("offer", {"price": "abc"}, "is no price"),
        ("offer", {"price": "5 USD"}, "offer in that currency"),
        ("offer", {"price": "5", "quantity": "9"}, "there are only 2"),
        ("offer", {"price": "5", "quantity": "x"}, "whole number"),
        ("offer", {"price": "5", "expires": "99d"}, "at most 14 days"),
        ("offer", {"price": "5", "note": "x" * 301}, "at most 300"),
        ("meet", {"time": " "}, "needs a time"),
        ("meet", {"time": "x" * 201}, "at most 200"),
        ("agree", {}, "no meeting was proposed"),
    ],
)
async def test_what_cannot_be_said_stays_in_its_field_with_the_reason(
    market: Market, step: str, told: dict[str, str], why: str
) -> None:
    _, bea, bike = market
    async with visitors(bea) as (at_bea,):
        for _ in range(2):  # before anything was said there, and afterwards
            refused = await at_bea.post(f"/talk/{bike}/{step}", told)
            if step != "agree":
                assert why in refused.words
            assert refused.status == 422
            for name, text in told.items():
                assert name == "expires" or text in refused.text
            bea.says(bike, "hello")


async def test_a_counter_offer_that_fails_keeps_what_was_typed(market: Market) -> None:
    ana, bea, bike = market
    _, deal = await haggling(ana, bea, bike)
    async with visitors(ana) as (at_ana,):
        for back in ("room", "deals"):
            refused = await at_ana.post(
                f"/deal/{deal}/offer", {"price": "a lot", "note": "sorry", "back": back}
            )
            assert refused.status == 422 and "is no price" in refused.words
            assert 'value="a lot"' in refused.text and 'value="sorry"' in refused.text
        refused = await at_ana.post(f"/deal/{deal}/review", {"mark": "good"})
        assert refused.status == 422
        unknown = await at_ana.post(f"/deal/{'0' * 32}/decline")
        assert unknown.path == "/deals" and unknown.notice() is not None
        assert (await at_ana.post(f"/deal/{deal}/steal")).status == 404


async def test_a_room_is_muted_searched_and_forgotten(market: Market) -> None:
    ana, bea, bike = market
    bea.says(bike, "is the saddle soft?")
    meet(ana, bea)
    room = room_of(ana)
    async with visitors(ana) as (at_ana,):
        found = await at_ana.get("/talk?find=SADDLE")
        assert "is the saddle soft?" in found.words and f"/talk/{room}?before=" in found.text
        assert "Nobody said that" in (await at_ana.get("/talk?find=xyz")).words
        past = await at_ana.get(f"/talk/{room}?before=999")
        assert "To the latest messages" in past.words
        muted = await at_ana.post(f"/talk/{room}/mute", {"on": "1"})
        assert "Muted" in muted.words
        assert "Muted" not in (await at_ana.post(f"/talk/{room}/mute", {"on": "0"})).words
        sure = await at_ana.get(f"/talk/{room}/forget")
        assert sure.has_form(f"/talk/{room}/forget")
        assert len(ana.call("inbox")["rooms"]) == 1  # asking has deleted nothing
        gone = await at_ana.post(f"/talk/{room}/forget")
        assert gone.path == "/talk" and ana.call("inbox")["rooms"] == []
        assert (await at_ana.get(f"/talk/{room}")).status == 404
        stale = await at_ana.post(f"/talk/{room}/send", {"text": "hello?"})
        assert stale.status == 404 and ana.call("inbox")["rooms"] == []


async def test_ones_own_listing_leads_to_who_wrote_about_it(market: Market) -> None:
    ana, bea, bike = market
    async with visitors(ana) as (at_ana,):
        nobody = await at_ana.get(f"/talk/to/{bike}")
        assert "Nobody has written about it yet" in nobody.words
        bea.says(bike, "hello")
        meet(ana, bea)
        assert (await at_ana.get(f"/talk/to/{bike}")).path == f"/talk/{room_of(ana)}"
        with_oneself = await at_ana.get(f"/talk/to/{ana.key.public.hex()}")
        assert with_oneself.status == 409
        assert (await at_ana.get("/talk/to/00000000")).status == 404


async def test_older_messages_are_a_link_away(market: Market) -> None:
    _, bea, bike = market
    for number in range(60):
        bea.says(bike, f"word {number:02}")
    async with visitors(bea) as (at_bea,):
        room = room_of(bea)
        page = await at_bea.get(f"/talk/{room}")
        assert "word 09" not in page.words and "word 10" in page.words
        assert f'href="/talk/{room}?count=100"' in page.text
        assert "word 00" in (await at_bea.get(f"/talk/{room}?count=100")).words
        part = await at_bea.get(f"/talk/{room}", HX_Request="true")
        assert part.text.lstrip().startswith('<section id="live"')


async def test_a_message_that_was_given_up_is_sent_again(market: Market) -> None:
    _, bea, bike = market
    message = bea.says(bike, "hello")["id"]
    bea.moment.pass_ms((limits.LETTER_DAYS + 1) * 24 * 3600 * 1000)
    bea.tend()
    async with visitors(bea) as (at_bea,):
        room = room_of(bea)
        page = await at_bea.get(f"/talk/{room}")
        assert "Not delivered" in page.words and page.has_form("/resend")
        again = await at_bea.post(f"/talk/{room}/resend", {"id": message})
        assert again.notice() == ("done", "It is on its way once more.")
        assert not again.has_form("/resend")
        wrong = await at_bea.post(f"/talk/{room}/resend", {"id": "00000000"})
        assert wrong.notice() is not None


async def test_whom_no_key_is_known_of_is_waited_for(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana") as (ana,), talkers(tmp_path, "bea") as (bea,):
        bike = bea.sell("Bike")
        records = [one for one in bea.desk.take_published() if one.header.kind == 1]
        bea.give(ana, records)
        async with visitors(ana) as (at_ana,):
            page = await at_ana.get(f"/talk/to/{bike}")
            assert "Their node has not been heard of yet" in page.words
            sent = await at_ana.post(f"/talk/{bike}/send", {"text": "hello"})
            assert "It waits on this disk for the key of their node" in sent.words


async def test_one_writes_to_a_key_that_nobody_has_heard_of(market: Market) -> None:
    _, bea, _ = market
    stranger = "ab" * 32
    async with visitors(bea) as (at_bea,):
        page = await at_bea.get(f"/talk/to/{stranger}")
        assert 'name="fresh"' in page.text and "has not been heard of yet" in page.words
        sent = await at_bea.post(f"/talk/{stranger}/send", {"text": "hello", "fresh": "1"})
        assert sent.path == f"/talk/{room_of(bea)}" and "It waits on this disk" in sent.words


# -- people -----------------------------------------------------------------------------------


async def test_a_person_is_kept_followed_and_blocked(market: Market) -> None:
    ana, bea, bike = market
    path = f"/person/{ana.key.public.hex()}"
    async with visitors(bea) as (at_bea,):
        page = await at_bea.get(path)
        assert "You do not know them" in page.words
        assert f'href="/?seller={ana.key.public.hex()}"' in page.text
        kept = await at_bea.post(f"{path}/keep", {"note": "the bike"})
        assert "One of your contacts." in kept.words and 'value="the bike"' in kept.text
        assert 'value="the bike"' not in (await at_bea.post(f"{path}/keep", {"note": ""})).text
        long = await at_bea.post(f"{path}/keep", {"note": "x" * 201})
        assert long.status == 422 and "x" * 201 in long.text
        assert "No contact any more." in (await at_bea.post(f"{path}/unkeep")).words
        assert "Followed" in (await at_bea.post(f"{path}/follow")).words
        assert "People you follow" in (await at_bea.get("/favourites")).words
        assert "Followed" not in (await at_bea.post(f"{path}/unfollow")).words
        bea.says(bike, "hello")
        sure = await at_bea.get(f"{path}/block")
        assert sure.has_form(f"{path}/block") and bea.call("blocked")["blocked"] == []
        blocked = await at_bea.post(f"{path}/block")
        assert "nothing of theirs comes here" in blocked.words
        room = await at_bea.get(f"/talk/{room_of(bea)}")
        assert "is blocked" in room.words and not room.has_form("/send")
        refused = await at_bea.post(f"/talk/{room_of(bea)}/send", {"text": "x"})
        assert refused.status == 422
        assert "No longer blocked" in (await at_bea.post(f"{path}/unblock")).words
        assert (await at_bea.post(f"{path}/kick")).status == 404
        assert (await at_bea.get("/person/00000000")).status == 404
        own = await at_bea.post(f"/person/{bea.key.public.hex()}/follow")
        assert own.notice() == ("failed", "that is you")


async def test_what_strangers_write_stays_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\u202egnp.exe"
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell(evil)
        ana.call("profile", name="<b>Ana\u202e</b>", about=evil)
        introduce(ana, bea)
        bea.says(bike, evil)
        bea.call("offer", to=bike, price="900", note=evil)
        bea.call("meet", to=bike, time=evil, place=evil)
        room = room_of(bea)
        bea.call("favour", id=bike)
        async with visitors(bea) as (at_bea,):
            for path in (
                "/talk", f"/talk/{room}", "/deals", f"/person/{ana.key.public.hex()}",
                "/talk?find=script", "/favourites", f"/talk/{room}/forget", f"/listing/{bike}",
            ):  # fmt: skip
                page = await at_bea.get(path)
                assert page.status == 200
                assert "<script>alert" not in page.text and "<b>Ana" not in page.text
                assert "\u202e" not in page.text
            assert "gnp.exe" in (await at_bea.get(f"/talk/{room}")).words


async def test_getting_a_page_changes_nothing(market: Market) -> None:
    ana, bea, bike = market
    room, deal = await haggling(ana, bea, bike)

    async def looks(visitor: Visitor) -> None:
        for path in (
            "/talk", f"/talk/{room}", f"/talk/to/{bike}", "/deals", "/notifications", "/saved",
            "/favourites", f"/talk/{room}/forget", f"/person/{bea.key.public.hex()}/block",
        ):  # fmt: skip
            await visitor.get(path)
        for path in (f"/deal/{deal}/accept", f"/talk/{room}/seen", f"/talk/{room}/mute"):
            assert (await visitor.get(path)).status in (404, 405)

    async with visitors(ana) as (at_ana,):
        before = ana.call("inbox"), ana.call("deals", all=True), ana.call("blocked")
        await looks(at_ana)
        assert before == (ana.call("inbox"), ana.call("deals", all=True), ana.call("blocked"))
