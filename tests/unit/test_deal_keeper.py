"""What becomes of the goods, and of offers and deals that meet trouble on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node import deal_keeper
from jangteo.node.deal_keeper import folded
from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from jangteo.protocol.deal_step import Step, StepKind
from jangteo.protocol.envelope import open_record
from tests.talk_maker import Talker, introduce, meet, talkers

Jam = tuple[Talker, Talker, Talker, str]


@pytest.fixture
def jam(tmp_path: Path) -> Iterator[Jam]:
    """Ana sells three jars; Bea and Cho look at them."""
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        jars = ana.sell("Jam", "5000 KRW", quantity=3)
        introduce(ana, bea, cho)
        yield ana, bea, cho, jars


def deal_of(person: Talker, to: str) -> dict[str, Any]:
    (deal,) = person.call("deals", to=to)["deals"]
    return dict(deal)


def listing(person: Talker, listing_id: str) -> dict[str, Any]:
    return dict(person.call("show", id=listing_id)["listing"])


def left(person: Talker, listing_id: str) -> tuple[int, str]:
    shown = listing(person, listing_id)
    return shown["quantity"], shown["status"]


def test_who_counters_means_as_many_pieces_as_the_offer_does(jam: Jam) -> None:
    ana, bea, _, jars = jam
    bea.call("offer", to=jars, price="9000", quantity=2)
    meet(ana, bea)
    assert ana.call("offer", to=jars, price="9500")["deal"]["quantity"] == 2
    meet(ana, bea)
    assert bea.call("offer", to=jars, price="9200")["deal"]["quantity"] == 2
    assert bea.call("offer", to=jars, price="5000", quantity=1)["deal"]["quantity"] == 1
    bea.call("retract", to=jars)
    assert bea.call("offer", to=jars, price="15000", quantity=3)["deal"]["quantity"] == 3
    ana.call("edit", id=jars, quantity=2)
    introduce(ana, bea)
    with pytest.raises(DeskError, match="only 2 of it, and the offer is for 3"):
        bea.call("offer", to=jars, price="9000")


def test_what_crossed_a_cancel_and_makes_it_done_takes_the_piece_off_again(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        bea.call("offer", to=bike, price="900000")
        meet(ana, bea)
        ana.call("accept", to=bike)
        meet(ana, bea)
        ana.call("done", to=bike)
        meet(ana, bea)
        bea.call("done", to=bike)  # on its way
        ana.call("cancel", to=bike, reason="nobody came")
        assert left(ana, bike) == (1, "active")
        meet(ana, bea)
        assert deal_of(ana, bike)["state"] == "done"
        assert left(ana, bike) == (0, "sold")


def test_pieces_that_are_in_a_deal_are_not_put_up_again(jam: Jam) -> None:
    ana, bea, cho, jars = jam
    bea.call("offer", to=jars, price="15000", quantity=3)
    meet(ana, bea, cho)
    ana.call("accept", to=jars)
    meet(ana, bea, cho)
    with pytest.raises(DeskError, match="it is in a deal with bea"):
        ana.call("relist", id=jars)
    assert left(ana, jars) == (0, "reserved")
    ana.call("cancel", to=jars, reason="they broke")
    assert left(ana, jars) == (3, "active")


@pytest.mark.parametrize("verb", ["sold", "withdraw"])
def test_who_waits_for_an_answer_is_told_that_it_is_gone(jam: Jam, verb: str) -> None:
    ana, bea, cho, jars = jam
    bea.call("offer", to=jars, price="4500")
    cho.call("offer", to=jars, price="4000")
    meet(ana, bea, cho)
    room = next(each for each in ana.call("inbox")["rooms"] if each["name"] == "bea")
    ana.call("accept", to=room["room"])
    told = [each["message"] for each in ana.call(verb, id=jars)["notices"]]
    assert told[0] == "1 offer for it was declined: sold"
    assert told[1].startswith("a deal about it holds all the same")
    meet(ana, bea, cho)
    assert deal_of(cho, room["listing"])["shown"] == "declined: sold"
    assert deal_of(bea, room["listing"])["state"] == "confirmed"


def say_by_hand(person: Talker, other: Talker, to: str, step: Step) -> bytes:
    """What a node that keeps no rules might say; the message's id."""
    with person.pen().transaction():
        message = person.post().say(other.key.public, bytes.fromhex(to), "deal", step.to_body())
    return message.id


def test_what_a_deal_comes_to_is_worked_out_once_for_each_step(jam: Jam) -> None:
    ana, bea, _, jars = jam
    bea.call("offer", to=jars, price="4500")
    meet(ana, bea)
    (row,) = ana.store.deals.deals()
    keeper = ana.desk._clerk.keeper()
    before = keeper.deal(row)
    assert keeper.deal(row) is before
    bea.call("retract", to=jars)
    meet(ana, bea)
    assert keeper.deal(row).state == "retracted"


def test_what_others_say_of_a_listing_that_is_not_here_hides_no_deal(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(bea, cho)
        records = ana.desk.take_published()
        bea.give(bea, records)
        offered = bea.call("offer", to=bike, price="900000")["deal"]
        row = bea.store.deals.deal(bytes.fromhex(offered["deal"]))
        assert row is not None
        real = folded(bea.store, row).standing
        for at in range(deal_keeper._ORPHANS_AT_ONCE):
            decoy = Step(bytes([at] * 16), StepKind.OFFER, 1, b"", real, bytes(64))
            say_by_hand(cho, bea, "ee" * 32, decoy)
        bea.gets(cho.letters())
        bea.opens()
        with bea.pen().transaction():
            bea.store.deals._db.run("DELETE FROM deal")
        bea.tend()
        assert deal_of(bea, bike)["state"] == "offered"


@pytest.mark.parametrize("is_wanted", [False, True])
def test_who_sells_is_known_of_a_withdrawn_listing_by_what_the_guest_signed(
    tmp_path: Path, is_wanted: bool
) -> None:
    """In a home that was restored, where only the withdrawal has come back."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        what = ana.sell("A ladder", "20000 KRW", wanted=is_wanted)
        bea.give(bea, ana.desk.take_published())
        ana.call("withdraw", id=what)
        (deleted,) = ana.desk.take_published()
        ana.close()
        (tmp_path / "ana").rename(tmp_path / "lost")
        again = Talker(tmp_path, "ana")
        again.tend()
        introduce(again, bea)
        bea.give(again, [open_record(raw) for _, raw in bea.store.iter_records()][:2])
        with again.store.write(durable=True):
            again.store.admit([deleted], again.moment())
        bea.call("offer", to=what, price="20000")
        again.gets(bea.letters())
        again.opens()
        (row,) = again.store.deals.deals()
        assert row.side == ("want" if is_wanted else "sell")
        assert folded(again.store, row).state == "declined"
        ana.store = again.store


def test_an_open_deal_is_not_hidden_by_later_ones_that_are_over(jam: Jam) -> None:
    ana, bea, cho, jars = jam
    bread = ana.sell("Bread", "3000 KRW")
    introduce(ana, bea, cho)
    bea.call("offer", to=bread, price="3000")
    meet(ana, bea, cho)
    for guest in (bea, cho):
        ana.moment.pass_ms(1000)
        guest.call("offer", to=jars, price="4500")
        guest.call("retract", to=jars)
        meet(ana, bea, cho)
    shown = ana.call("deals", limit=1)
    assert [each["title"] for each in shown["deals"]] == ["Bread"]
    assert not shown["has_more"]
    assert len(ana.call("deals", all=True)["deals"]) == 3


def test_a_deal_in_which_nothing_counts_is_not_shown(jam: Jam) -> None:
    ana, bea, _, jars = jam
    say_by_hand(bea, ana, jars, Step(bytes(16), StepKind.RETRACT, 1, bytes(32)))
    meet(ana, bea)
    assert len(ana.store.deals.deals()) == 1
    assert ana.call("deals", all=True)["deals"] == []
    with pytest.raises(DeskError, match="no offer was made there"):
        ana.call("deals", to=jars)


def test_of_several_rooms_about_a_listing_the_one_that_can_be_answered_is_meant(jam: Jam) -> None:
    ana, bea, cho, jars = jam
    bea.call("offer", to=jars, price="4500")
    bea.call("retract", to=jars)
    cho.call("offer", to=jars, price="4000")
    meet(ana, bea, cho)
    assert len(ana.call("deals", to=jars)["deals"]) == 2
    assert ana.call("offer", to=deal_of(cho, jars)["deal"], price="4200")["deal"]["name"] == "cho"
    bea.call("offer", to=jars, price="4400")
    meet(ana, bea, cho)
    assert ana.call("decline", to=jars)["deal"]["name"] == "bea"
    cho.call("offer", to=jars, price="4100")
    bea.call("offer", to=jars, price="4300")
    meet(ana, bea, cho)
    with pytest.raises(DeskError, match="may be any of 2 deals"):
        ana.call("accept", to=jars)


def test_an_acceptance_binds_and_every_verb_says_so(jam: Jam) -> None:
    ana, bea, _, jars = jam
    bea.call("offer", to=jars, price="4500")
    meet(ana, bea)
    ana.call("offer", to=jars, price="4800")
    meet(ana, bea)
    bea.call("accept", to=jars)
    for verb, more in (("decline", {}), ("retract", {}), ("cancel", {"reason": "x"})):
        with pytest.raises(DeskError, match="that binds you until the other side confirms"):
            bea.call(verb, to=jars, **more)
    ana.call("sold", id=jars)
    meet(ana, bea)
    for verb, more in (("done", {}), ("cancel", {"reason": "x"}), ("noshow", {})):
        with pytest.raises(DeskError, match="it came to nothing: declined: sold"):
            bea.call(verb, to=jars, **more)


def test_a_confirmation_that_would_be_dated_after_the_offers_end_is_not_said(jam: Jam) -> None:
    """Its author's clock was ahead when they wrote there last."""
    ana, bea, _, jars = jam
    bea.call("offer", to=jars, price="4500", expires="2h")
    meet(ana, bea)
    ana.moment.pass_ms(3 * limits.HOUR_MS)
    ana.says(jars, "well")
    ana.moment.pass_ms(-3 * limits.HOUR_MS)
    with pytest.raises(DeskError, match="this machine's clock was ahead"):
        ana.call("accept", to=jars)
    assert left(ana, jars) == (3, "active")
    ana.call("offer", to=jars, price="4500")
    meet(ana, bea)
    bea.call("accept", to=jars)
    meet(ana, bea)
    assert deal_of(bea, jars)["state"] == "confirmed"


def test_many_changes_that_matter_to_nobody_do_not_hinder(jam: Jam) -> None:
    """The revision that the offer was about is gone by then."""
    ana, bea, cho, jars = jam
    bea.call("offer", to=jars, price="4500")
    cho.call("offer", to=jars, price="4400")
    meet(ana, bea, cho)
    for at in range(limits.HISTORY_REVISIONS_MAX + 2):
        ana.moment.pass_ms(1000)
        ana.call("edit", id=jars, tags=[f"tag{at}"])
    assert ana.call("accept", to=deal_of(bea, jars)["deal"])["deal"]["state"] == "confirmed"
    ana.moment.pass_ms(1000)
    ana.call("edit", id=jars, price="6000 KRW")
    with pytest.raises(DeskError, match="has changed since"):
        ana.call("accept", to=deal_of(cho, jars)["deal"])


def test_who_says_how_many_there_are_is_told_of_those_in_deals(jam: Jam) -> None:
    ana, bea, _, jars = jam
    bea.call("offer", to=jars, price="9000", quantity=2)
    meet(ana, bea)
    ana.call("accept", to=jars)
    assert "notices" not in ana.call("edit", id=jars, price="5100 KRW")
    (notice,) = ana.call("edit", id=jars, quantity=2)["notices"]
    assert notice["message"].startswith("2 in deals are not counted")
    ana.call("cancel", to=jars, reason="they broke")
    assert left(ana, jars) == (4, "active")
