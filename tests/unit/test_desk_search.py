"""Looking at the desk: what is asked reaches the store's search, what is wrong is said."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk_error import DeskError
from tests.desk_maker import DAY_MS, Stall, stall
from tests.letter_maker import SMALL, letters


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        made.call("profile", name="Ana")
        made.sell("Old bike", "80000", category="Sports", place="Seoul", condition="good")
        made.sell("New bike", "$300", category="Sports", place="Busan", condition="new")
        made.sell("Lamp", "free", category="Home")
        made.sell("Bike wanted", "ask", wanted=True)
        made.call("reserve", id=made.sell("Reserved bike", "70000"))
        made.call("sold", id=made.sell("Sold bike", "1000"))
        made.sell("Brief bike", "1000", until="1d")
        made.moment.pass_ms(2 * DAY_MS)
        yield made


@pytest.mark.parametrize(
    ("args", "titles"),
    [
        ({"text": "bike"}, ["Bike wanted", "New bike", "Old bike", "Reserved bike"]),
        ({"text": "bik", "wanted": False}, ["New bike", "Old bike", "Reserved bike"]),
        ({"wanted": True}, ["Bike wanted"]),
        ({"category": "sports"}, ["New bike", "Old bike"]),
        ({"place": "busan"}, ["New bike"]),
        ({"condition": "Good"}, ["Old bike"]),
        ({"min_price": "75000"}, ["Old bike"]),
        ({"max_price": "$500", "currency": "USD"}, ["Lamp", "New bike"]),
        ({"min_price": "7만원", "max_price": "8만원"}, ["Old bike", "Reserved bike"]),
        ({"status": "reserved"}, ["Reserved bike"]),
        ({"status": ["sold", "expired"]}, ["Brief bike", "Sold bike"]),
        ({"status": "all", "text": "b"},
         ["Bike wanted", "Brief bike", "New bike", "Old bike", "Reserved bike", "Sold bike"]),
        ({"seller": "ana", "text": "lamp"}, ["Lamp"]),
        ({"seller": "nobody"}, []),
        ({"market": "open", "text": "lamp"}, ["Lamp"]),
        ({"text": '"*AND-'}, []),
    ],
)  # fmt: skip
def test_filters(ana: Stall, args: dict[str, Any], titles: list[str]) -> None:
    assert ana.titles(**args) == titles


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"min_price": "abc"}, "no price"),
        ({"min_price": "ask"}, "is an amount"),
        ({"min_price": "$5", "max_price": "5 KRW"}, "within one currency"),
        ({"max_price": "$5", "currency": "KRW"}, "within one currency"),
        ({"min_price": "5000", "max_price": "10"}, "above"),
        ({"currency": "won"}, "ISO 4217"),
        ({"condition": "mint"}, "not one of new"),
        ({"status": "gone"}, "not one of active, reserved, sold, expired"),
        ({"sort": "oldest"}, "newest, price, relevance"),
        ({"limit": 0}, "from 1 to 1,000"),
        ({"limit": 1001}, "from 1 to 1,000"),
        ({"after": "nonsense"}, "cursor"),
        ({"market": "Open"}, "a market is"),
        ({"text": "x" * 1000}, "at most"),
        ({"text": ["x"]}, "text is text"),
        ({"nearby": True}, "knows no 'nearby'"),
    ],
)
def test_wrong_questions_say_what_is_allowed(
    ana: Stall, args: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeskError) as caught:
        ana.call("search", **args)
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_pages_follow_each_other_by_their_cursors(ana: Stall) -> None:
    found: list[str] = []
    after = None
    while True:
        page = ana.call("search", limit=2, after=after)
        found += [row["title"] for row in page["rows"]]
        if not page["has_more"]:
            break
        after = page["rows"][-1]["cursor"]
    assert found == [row["title"] for row in ana.call("search")["rows"]]
    assert list(ana.desk.stream("search", {})) == ana.call("search")["rows"]


def test_facets_are_counted_over_all_pages(ana: Stall) -> None:
    assert "facets" not in ana.call("search")
    assert "facets" not in ana.call("search", facets=False)
    facets = ana.call("search", text="bike", limit=1, facets=True)["facets"]
    assert (facets["hits"], facets["is_exact"]) == (4, True)
    assert facets["category"] == [{"value": "Sports", "count": 2}]
    assert [one["value"] for one in facets["condition"]] == ["good", "new"]
    assert {one["value"]: one["count"] for one in facets["currency"]} == {
        "KRW": 2,
        "USD": 1,
        "ask": 1,
    }
    with pytest.raises(DeskError, match="true or false"):
        ana.call("search", facets="yes")


def test_show_tells_revisions_newest_first_and_the_seller(ana: Stall) -> None:
    public_id = ana.sell("Sofa", "100")
    ana.call("edit", id=public_id, price="90")
    shown = ana.call("show", id=public_id)
    assert [one["price"]["amount"] for one in shown["revisions"]] == ["90", "100"]
    assert shown["seller"]["name"] == "Ana"


def test_one_s_own_are_listed_newest_first_in_every_state(ana: Stall) -> None:
    rows = ana.call("listings", limit=100)["rows"]
    assert len(rows) == 7
    assert {row["status"] for row in rows} == {"active", "reserved", "sold", "expired"}
    first = ana.call("listings", limit=4)
    assert first["has_more"]
    rest = ana.call("listings", limit=4, after=first["rows"][-1]["cursor"])
    assert [row["id"] for row in first["rows"] + rest["rows"]] == [row["id"] for row in rows]
    assert [row["title"] for row in ana.call("listings", status="sold")["rows"]] == ["Sold bike"]
    with pytest.raises(DeskError, match="cursor"):
        ana.call("listings", after="x")


def test_the_home_screen_has_what_is_new_and_what_is_mine(ana: Stall) -> None:
    told = ana.call("home")
    assert [len(told["new"]), len(told["mine"])] == [5, 5]
    assert told["counts"]["own_active"] == 4
    assert told["unheld"] == 4
    assert [market["market"] for market in told["markets"]] == ["commons", "open"]


def test_an_exported_cell_is_never_a_formula(ana: Stall) -> None:
    starts = ("=", "+", "-", "@", "'=", "''@", "＝", "＠")
    for start in starts:
        ana.sell(f"{start}1+1", "5")
    lines = [item["line"] for item in ana.desk.stream("export", {"format": "csv", "mine": True})]
    assert lines[0].startswith("id,author,")
    cells = [cell for cells in csv.reader(lines) for cell in cells]
    assert {f"'{start}1+1" for start in starts} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝", "＠"))]


def test_export_leaves_out_what_is_over(ana: Stall) -> None:
    titles = {item["title"] for item in ana.desk.stream("export", {})}
    assert "Brief bike" not in titles
    assert "Sold bike" in titles
    assert {item["title"] for item in ana.desk.stream("export", {"mine": True})} == titles


def test_verify_checks_every_signature_and_reindex_changes_nothing(ana: Stall) -> None:
    before = ana.call("search", text="bike")
    assert ana.call("reindex")["reindexed"]
    assert ana.call("search", text="bike") == before
    checked = ana.call("verify")
    assert checked["ok"]
    assert checked["records"] == len(list(ana.store.iter_records()))
    *_, summary = ana.desk.stream("verify", {})
    assert summary["event"] == "summary"


def test_status_tells_how_much_mail_is_carried(ana: Stall) -> None:
    assert ana.call("status-local")["mail"] == {"letters": 0, "bytes": 0}
    some = letters(range(3), now_ms=ana.moment())
    with ana.store.write(durable=True):
        ana.store.mail.put(some, ana.moment(), None, is_own=True)
    assert ana.call("status-local")["mail"] == {"letters": 3, "bytes": 3 * SMALL}
