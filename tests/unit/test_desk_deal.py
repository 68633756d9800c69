"""Deals between desks: haggled, confirmed, fulfilled; crossing on the way, and every mistake."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jangteo.cli.call import Call
from jangteo.cli.cmd_home import print_home
from jangteo.node.deal_keeper import folded
from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from jangteo.protocol.deal_step import Step, StepKind
from jangteo.protocol.envelope import open_record
from tests.talk_maker import Talker, introduce, meet, talkers


@pytest.fixture
def market(tmp_path: Path) -> Iterator[tuple[Talker, Talker, Talker, str]]:
    """Ana sells a bike; Bea and Cho look at it."""
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea, cho)
        yield ana, bea, cho, bike


def state(person: Talker, to: str) -> str:
    (deal,) = person.call("deals", to=to)["deals"]
    return str(deal["state"])


def both(one: Talker, other: Talker, to: str) -> str:
    """The state, which both sides agree on."""
    (ours,), (theirs,) = one.call("deals", to=to)["deals"], other.call("deals", to=to)["deals"]
    assert ours["state"] == theirs["state"]
    assert ours["deal"] == theirs["deal"]
    return str(ours["state"])


def listing(person: Talker, listing_id: str) -> dict[str, Any]:
    return dict(person.call("show", id=listing_id)["listing"])


Market = tuple[Talker, Talker, Talker, str]


def test_the_home_screen_says_what_waits_for_whom(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, bea, _, bike = market
    assert ana.call("home")["waiting"] == {"offers": 0, "deals": 0}
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    assert ana.call("home")["waiting"] == {"offers": 1, "deals": 0}
    assert bea.call("home")["waiting"] == {"offers": 0, "deals": 0}
    print_home(Call(), ana.call("home"), None)
    shown = capsys.readouterr().out
    assert "1 active listing here, 1 of them yours" in shown
    assert "1 offer waits for your answer: `jangteo deals`" in shown
    ana.call("accept", to=bike)
    meet(ana, bea)
    for each in (ana, bea):
        assert each.call("home")["waiting"] == {"offers": 0, "deals": 1}
    print_home(Call(), ana.call("home"), None)
    shown = capsys.readouterr().out
    assert "0 active listings here, 0 of them yours" in shown
    assert "1 deal waits for your part: `jangteo deals`" in shown
    assert "Yours, with what is reserved, sold or expired" in shown
    ana.call("done", to=bike)
    meet(ana, bea)
    assert ana.call("home")["waiting"] == {"offers": 0, "deals": 0}
    assert bea.call("home")["waiting"] == {"offers": 0, "deals": 1}


def test_an_offer_becomes_a_deal_and_is_done(market: Market) -> None:
    ana, bea, _, bike = market
    offered = bea.call("offer", to=bike, price="900000", note="tonight?")
    assert offered["deal"]["state"] == "offered"
    assert offered["deal"]["waits_for"] == "them"
    meet(ana, bea)
    (room,) = ana.call("inbox")["rooms"]
    countered = ana.call("offer", to=room["room"], price="920000")
    assert countered["deal"]["state"] == "countered"
    meet(ana, bea)
    assert both(ana, bea, bike) == "countered"
    assert bea.call("accept", to=bike)["deal"]["state"] == "accepted"
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"  # by Ana's node
    assert listing(ana, bike)["status"] == "reserved"
    assert listing(bea, bike)["status"] == "reserved"

    ana.call("done", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "handed"
    bea.call("done", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "done"
    assert listing(ana, bike)["status"] == "sold"
    (deal,) = bea.call("deals", to=bike)["deals"]
    assert deal["signed_by_both"]
    assert deal["price"] == {"amount": "920000", "currency": "KRW"}
    assert (deal["role"], deal["open"]) == ("buyer", False)


def test_the_owner_accepts_an_offer_and_that_confirms_it(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    assert ana.call("accept", to=bike)["deal"]["state"] == "confirmed"
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"


def test_of_two_who_accept_the_first_that_comes_has_it_and_the_other_is_told(
    market: Market,
) -> None:
    ana, bea, cho, bike = market
    for guest in (bea, cho):
        guest.call("offer", to=bike, price="900000")
    meet(ana, bea, cho)
    for room in ana.call("inbox")["rooms"]:
        ana.call("offer", to=room["room"], price="920000")
    meet(ana, bea, cho)
    for guest in (bea, cho):
        guest.call("accept", to=bike)
    meet(ana, bea, cho)
    assert sorted((state(bea, bike), state(cho, bike))) == ["confirmed", "declined"]
    loser = bea if state(bea, bike) == "declined" else cho
    (deal,) = loser.call("deals", to=bike)["deals"]
    assert deal["shown"] == "declined: sold"


def test_pieces_go_one_by_one_until_there_are_none(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        jars = ana.sell("Jam", "5000 KRW", quantity=3)
        introduce(ana, bea, cho)
        bea.call("offer", to=jars, price="9000", quantity=2)
        cho.call("offer", to=jars, price="9000", quantity=2)
        meet(ana, bea, cho)
        rooms = {room["name"]: room["room"] for room in ana.call("inbox")["rooms"]}
        ana.call("accept", to=rooms["bea"])
        assert (listing(ana, jars)["quantity"], listing(ana, jars)["status"]) == (1, "active")
        with pytest.raises(DeskError, match="only 1 of 2 are left"):
            ana.call("accept", to=rooms["cho"])
        cho.call("offer", to=jars, price="5000", quantity=1)
        meet(ana, bea, cho)
        ana.call("accept", to=rooms["cho"])
        assert (listing(ana, jars)["quantity"], listing(ana, jars)["status"]) == (0, "reserved")
        # One of the two deals comes to nothing: its pieces are back.
        ana.call("cancel", to=rooms["bea"], reason="they broke")
        assert (listing(ana, jars)["quantity"], listing(ana, jars)["status"]) == (2, "active")


def test_a_deal_that_comes_to_nothing_puts_the_goods_back(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("accept", to=bike)
    meet(ana, bea)
    bea.call("noshow", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "noshow"
    assert listing(bea, bike)["status"] == "active"


def test_offers_that_cross_come_to_one_state(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    # Both act without having heard of each other.
    ana.call("offer", to=bike, price="930000")
    bea.call("offer", to=bike, price="910000")
    meet(ana, bea)
    assert both(ana, bea, bike) in ("offered", "countered")


def test_a_confirmation_that_crosses_a_retraction_stands(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("accept", to=bike)
    bea.call("retract", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"


def test_an_offer_that_was_taken_back_cannot_be_accepted(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    bea.call("retract", to=bike)
    meet(ana, bea)
    with pytest.raises(DeskError, match="no offer stands there"):
        ana.call("accept", to=bike)


def test_expiry_is_judged_by_the_owner(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000", expires="2h")
    meet(ana, bea)
    ana.moment.pass_ms(3 * limits.HOUR_MS)
    with pytest.raises(DeskError, match="has expired"):
        ana.call("accept", to=bike)
    (deal,) = ana.call("deals", to=bike)["deals"]
    assert (deal["shown"], deal["open"]) == ("expired", False)


def test_an_acceptance_that_comes_too_late_is_declined(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("offer", to=bike, price="920000", expires="2h")
    meet(ana, bea)
    bea.call("accept", to=bike)
    for each in (ana, bea):
        each.moment.pass_ms(3 * limits.HOUR_MS)
    (deal,) = bea.call("deals", to=bike)["deals"]
    assert deal["shown"] == "expired, unless it was confirmed before"
    meet(ana, bea)
    (deal,) = bea.call("deals", to=bike)["deals"]
    assert deal["shown"] == "declined: expired"


def test_an_offer_binds_to_what_was_offered(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    ana.call("edit", id=bike, price="990000 KRW")
    meet(ana, bea)
    with pytest.raises(DeskError, match="has changed since"):
        ana.call("accept", to=bike)
    assert ana.call("accept", to=bike, anyway=True)["deal"]["state"] == "confirmed"


def test_a_change_that_matters_to_nobody_does_not_hinder(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    ana.call("edit", id=bike, tags=["fast"])
    meet(ana, bea)
    assert ana.call("accept", to=bike)["deal"]["state"] == "confirmed"


def test_an_offer_for_what_is_gone_is_declined_by_the_owners_node(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    ana.call("sold", id=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "declined"


def test_what_is_wanted_is_sold_by_the_guest(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        wanted = ana.sell("A ladder", "20000 KRW", wanted=True)
        introduce(ana, bea)
        bea.call("offer", to=wanted, price="25000")
        meet(ana, bea)
        ana.call("accept", to=wanted)
        meet(ana, bea)
        (deal,) = bea.call("deals", to=wanted)["deals"]
        assert deal["role"] == "seller"
        bea.call("done", to=wanted)
        meet(ana, bea)
        assert both(ana, bea, wanted) == "handed"


@pytest.mark.parametrize(
    ("verb", "arguments", "message"),
    [
        ("offer", {"price": "ask"}, "names a price"),
        ("offer", {"price": "12 zorkmids"}, "unknown currency"),
        ("offer", {"price": "$80"}, "sold for KRW"),
        ("offer", {"price": "900000", "quantity": 2}, "only 1 of it"),
        ("offer", {"price": "900000", "expires": "30d"}, "at most 14 days"),
        ("offer", {"price": "900000", "note": "x" * 301}, "at most 300"),
        ("accept", {}, "no offer was made there"),
        ("decline", {}, "no offer was made there"),
        ("retract", {}, "no offer was made there"),
        ("done", {}, "no offer was made there"),
        ("cancel", {"reason": "why not"}, "no offer was made there"),
    ],
)
def test_mistakes_are_one_line(
    market: Market, verb: str, arguments: dict[str, Any], message: str
) -> None:
    _, bea, _, bike = market
    with pytest.raises(DeskError, match=message):
        bea.call(verb, to=bike, **arguments)


def test_mistakes_in_an_open_deal_are_one_line(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    for verb, arguments, message in (
        ("accept", {}, "that offer is your own"),
        ("decline", {}, "that offer is your own"),
        ("done", {}, "no deal yet"),
        ("cancel", {"reason": "x"}, "no deal yet"),
        ("noshow", {}, "no deal yet"),
    ):
        with pytest.raises(DeskError, match=message):
            bea.call(verb, to=bike, **arguments)
    meet(ana, bea)
    with pytest.raises(DeskError, match="the other side's"):
        ana.call("retract", to=bike)
    ana.call("accept", to=bike)
    for verb, message in (("accept", "a deal already"), ("decline", "it is a deal$")):
        with pytest.raises(DeskError, match=message):
            ana.call(verb, to=bike)
    with pytest.raises(DeskError, match="say why"):
        ana.call("cancel", to=bike)
    ana.call("done", to=bike)
    with pytest.raises(DeskError, match="said so already"):
        ana.call("done", to=bike)


def test_nobody_offers_on_their_own_listing(market: Market) -> None:
    ana, _, _, bike = market
    with pytest.raises(DeskError, match="your own listing"):
        ana.call("offer", to=bike, price="900000")


def test_nor_on_a_sold_one(market: Market) -> None:
    ana, bea, _, bike = market
    ana.call("sold", id=bike)
    introduce(ana, bea)
    with pytest.raises(DeskError, match="it is sold"):
        bea.call("offer", to=bike, price="900000")


def test_a_stranger_cannot_step_into_a_deal(market: Market) -> None:
    ana, bea, cho, bike = market
    offered = bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    row = bea.store.deals.deal(bytes.fromhex(offered["deal"]["deal"]))
    assert row is not None
    step = bea.desk._clerk.keeper().answer(row, StepKind.RETRACT)
    with cho.pen().transaction():
        cho.post().say(ana.key.public, bytes.fromhex(bike), "deal", step.to_body())
    meet(ana, bea, cho)
    assert both(ana, bea, bike) == "offered"
    assert len(ana.call("inbox")["rooms"]) == 1


def say_by_hand(person: Talker, other: Talker, to: str, step: Step) -> None:
    """What a node that keeps no rules might say."""
    with person.pen().transaction():
        person.post().say(other.key.public, bytes.fromhex(to), "deal", step.to_body())


def only_deal(person: Talker) -> Any:
    (row,) = person.store.deals.deals()
    return row


def test_the_greatest_number_said_at_once_stops_nobody(market: Market) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("sold", id=bike)
    row = only_deal(bea)
    keeper = bea.desk._clerk.keeper()
    again = keeper.offer(row, folded(bea.store, row).standing)
    say_by_hand(bea, ana, bike, replace(again, number=limits.DEAL_STEPS_MAX))
    meet(ana, bea)
    bea.says(bike, "are you there?")
    meet(ana, bea)
    (room,) = ana.call("inbox")["rooms"]
    assert "are you there?" in ana.texts(room["room"])
    assert both(ana, bea, bike) == "declined"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_steps_that_come_in_another_order_are_not_lost(
    market: Market, order: tuple[int, int, int]
) -> None:
    ana, bea, _, bike = market
    before = {letter.id for letter in bea.letters()}
    bea.call("offer", to=bike, price="900000")
    bea.call("retract", to=bike)
    bea.call("offer", to=bike, price="910000")
    letters = [letter for letter in bea.letters() if letter.id not in before]
    assert len(letters) == 3
    for at in order:
        ana.gets([letters[at]])
        ana.opens()
    assert both(ana, bea, bike) == "offered"
    (deal,) = ana.call("deals", to=bike)["deals"]
    assert deal["price"]["amount"] == "910000"


def test_a_confirmation_stands_though_a_retraction_with_a_smaller_number_comes_later(
    market: Market,
) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("offer", to=bike, price="930000")
    meet(ana, bea)
    bea.call("accept", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"
    row = only_deal(bea)
    cheap = replace(folded(bea.store, row).standing, salt=bytes(16))
    step = replace(bea.desk._clerk.keeper().offer(row, cheap), number=2)
    say_by_hand(bea, ana, bike, step)
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"
    assert listing(ana, bike)["status"] == "reserved"


def test_who_says_endlessly_much_in_a_deal_is_not_heard_and_the_other_still_is(
    market: Market,
) -> None:
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("accept", to=bike)
    meet(ana, bea)
    row = only_deal(bea)
    for number in range(3, 3 + limits.DEAL_STEPS_MAX // 2):
        say_by_hand(bea, ana, bike, Step(row.id, StepKind.DECLINE, number, row.id * 2))
    meet(ana, bea)
    deal = folded(ana.store, only_deal(ana))
    assert deal.said_count[bea.key.public] == limits.DEAL_STEPS_MAX // 2
    ana.call("done", to=bike)
    with pytest.raises(DeskError, match="has said that they came"):
        ana.call("noshow", to=bike)
    ana.call("cancel", to=bike, reason="nobody there")
    meet(ana, bea)
    assert both(ana, bea, bike) == "cancelled"


def test_no_more_is_haggled_than_a_deal_holds(market: Market) -> None:
    ana, bea, _, bike = market
    most = limits.DEAL_STEPS_MAX // 2 - limits.DEAL_STEPS_KEPT
    for _ in range(most):
        bea.call("offer", to=bike, price="900000")
    with pytest.raises(DeskError, match="as much was said"):
        bea.call("offer", to=bike, price="900000")
    with pytest.raises(DeskError, match="as much was said"):
        bea.call("retract", to=bike)
    meet(ana, bea)
    ana.call("accept", to=bike)
    meet(ana, bea)
    bea.call("done", to=bike)
    ana.call("done", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "done"


def test_goods_are_put_back_once_though_what_crossed_it_leads_there_again(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        jars = ana.sell("Jam", "5000 KRW", quantity=2)
        introduce(ana, bea)
        bea.call("offer", to=jars, price="9000", quantity=2)
        meet(ana, bea)
        ana.call("accept", to=jars)
        meet(ana, bea)
        ana.call("noshow", to=jars)
        assert listing(ana, jars)["quantity"] == 2
        bea.call("done", to=jars)
        meet(ana, bea)
        assert both(ana, bea, jars) == "received"
        bea.call("cancel", to=jars, reason="it was another's")
        meet(ana, bea)
        assert both(ana, bea, jars) == "cancelled"
        assert listing(ana, jars)["quantity"] == 2


def test_what_cannot_be_followed_now_keeps_no_letter_back(market: Market) -> None:
    """Here the owner's clock: a revision of now would be older than the listing's last one."""
    ana, bea, _, bike = market
    bea.call("offer", to=bike, price="900000")
    meet(ana, bea)
    ana.call("offer", to=bike, price="920000")
    meet(ana, bea)
    bea.call("accept", to=bike)
    bea.says(bike, "see you")
    ana.moment.pass_ms(-limits.HOUR_MS)
    ana.gets(bea.letters())
    told = ana.opens()
    assert [each["event"] for each in told if each["event"] != "delivery"] == [
        "message", "warning", "message",
    ]  # fmt: skip
    assert ana.texts(bike) == ["see you"]
    assert (state(ana, bike), listing(ana, bike)["status"]) == ("accepted", "active")
    ana.moment.pass_ms(limits.HOUR_MS)
    ana.call("accept", to=bike)
    meet(ana, bea)
    assert both(ana, bea, bike) == "confirmed"


def test_an_offer_that_comes_before_ones_own_listing_is_back(
    market: Market, tmp_path: Path
) -> None:
    """In a home that was restored from its words."""
    ana, bea, _, bike = market
    records = [open_record(raw) for _, raw in ana.store.iter_records()]
    ana.close()
    (tmp_path / "ana").rename(tmp_path / "lost")
    again = Talker(tmp_path, "ana")
    again.tend()
    introduce(again, bea)
    hers = [open_record(raw) for _, raw in bea.store.iter_records()]
    bea.give(again, [each for each in hers if each.header.author == bea.key.public])
    bea.call("offer", to=bike, price="900000")
    again.gets(bea.letters())
    again.opens()
    assert again.call("deals")["deals"] == []
    with again.store.write(durable=True):
        again.store.admit(records, again.moment())
    again.tend()
    assert state(again, bike) == "offered"
    again.call("accept", to=bike)
    meet(again, bea)
    assert both(again, bea, bike) == "confirmed"
    ana.store = again.store
