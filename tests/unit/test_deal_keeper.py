"""What becomes of the goods, and of offers and deals that meet trouble on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk_error import DeskError
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
