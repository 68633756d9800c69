"""Talk, deals and people on the page, over real HTTP and real desks, without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_visitor import visitors
from tests.talk_maker import Talker, introduce, talkers

pytestmark = pytest.mark.trio

Market = tuple[Talker, Talker, str]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """Ana sells a bike; Bea looks at it."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        yield ana, bea, bike


async def test_a_trade_from_the_first_word_to_the_reviews(market: Market) -> None:
    ana, bea, bike = market
    async with visitors(ana, bea) as (_at_ana, at_bea):
        fresh = await at_bea.get(f"/talk/to/{bike}")
        assert fresh.status == 200
        assert "Nothing was said here yet" in fresh.words
        said = await at_bea.post(f"/talk/{bike}/send", {"text": "안녕하세요 <b>there</b>?"})
        assert said.path.startswith("/talk/")
        assert "안녕하세요 <b>there</b>?" in said.words
        offered = await at_bea.post(f"{said.path}/offer", {"price": "900000", "note": "tonight"})
        assert offered.status == 200
        assert "An offer: ₩900,000" in offered.words
