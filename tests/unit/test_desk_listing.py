"""One's own listings at the desk: each verb is one new revision, or says that nothing changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk import Desk
from jangteo.node.desk_error import DeskError
from jangteo.node.owner import OwnerState
from jangteo.protocol import limits
from jangteo.protocol.envelope import open_record
from jangteo.protocol.listing import Listing
from tests.desk_maker import DAY_MS, Dice, Stall, stall
from tests.market_maker import NOW_MS, Seller


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        yield made


@pytest.fixture
def ben(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ben") as made:
        yield made


def refused(ana: Stall, verb: str, **args: Any) -> DeskError:
    """The error of a verb that must change nothing and publish nothing."""
    before = [raw for _, raw in ana.store.iter_records()]
    ana.desk.take_published()
    with pytest.raises(DeskError) as caught:
        ana.call(verb, **args)
    assert [raw for _, raw in ana.store.iter_records()] == before
    assert ana.desk.take_published() == []
    assert "\n" not in caught.value.message
    return caught.value


def test_what_is_sold_is_stored_signed_and_waits_for_the_network(ana: Stall) -> None:
    sold = ana.call(
        "sell", title=" Desk  lamp ", price="₩15,000", description="warm", category="Home",
        condition="Like New", place="Seoul", quantity="2", tags="lamp, light", url="https://x.org",
    )  # fmt: skip
    listing = sold["listing"]
    assert listing["title"] == "Desk lamp"
    assert listing["price"] == {"amount": "15000", "currency": "KRW"}
    assert listing["condition"] == "like-new"
    assert (listing["quantity"], listing["tags"]) == (2, ["lamp", "light"])
    assert (listing["status"], listing["side"], listing["market"]) == ("active", "sell", "open")
    assert (listing["held_by"], listing["mine"]) == (0, True)
    assert listing["author"] == ana.key.public.hex()
    assert listing["created_at"] == listing["updated_at"] == "2025-10-09T08:53:20Z"
    assert listing["expires_at"] == "2026-01-07T08:53:20Z"
    (record,) = ana.desk.take_published()
    assert open_record(record.raw).id.hex() == listing["record_id"]
    assert ana.desk.take_published() == []


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ("950000", {"amount": "950000", "currency": "KRW"}),
        ("95만원", {"amount": "950000", "currency": "KRW"}),
        ("$80", {"amount": "80.00", "currency": "USD"}),
        ("free", {"amount": "0", "currency": "KRW"}),
        ("ask", None),
        (None, None),
    ],
)
def test_a_price_is_what_people_write(
    ana: Stall, price: str | None, shown: dict[str, str] | None
) -> None:
    assert ana.call("sell", title="x", price=price)["listing"]["price"] == shown


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"price": "abc"}, "no price"),
        ({"price": "10 XYZ"}, "unknown currency"),
        ({"price": "1.005 USD"}, "at most 2 decimals"),
        ({"price": "-5"}, "negative"),
        ({"title": "x" * 5000}, "at most 120"),
        ({"title": "   "}, "needs a title"),
        ({"title": 5}, "title is text"),
        ({"title": "\ud800"}, "not valid text"),
        ({"description": "x" * 4001}, "at most 4,000"),
        ({"description": "한" * 4000 + "!"}, "at most"),
        ({"condition": "mint"}, "new, like-new, good, fair, parts"),
        ({"quantity": "many"}, "from 0 to 1,000,000"),
        ({"quantity": "-1"}, "from 0 to 1,000,000"),
        ({"quantity": True}, "whole number"),
        ({"until": "2020-01-01"}, "in the past"),
        ({"until": "0d"}, "in the past"),
        ({"until": "91d"}, "at most 90 days"),
        ({"until": "tomorrow"}, "no date"),
        ({"until": "2025-13-01"}, "no date"),
        ({"until": "9999-12-31"}, "too far"),
        ({"market": "Open Market"}, "a market is"),
        ({"market": "commons"}, "do not live in"),
        ({"market": "campus/hanyang"}, "not in the market"),
        ({"wanted": "yes"}, "true or false"),
        ({"tags": ["x"] * 3 + [f"t{number}" for number in range(10)]}, "at most 10"),
        ({"colour": "red"}, "knows no 'colour'"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    ana: Stall, args: dict[str, Any], message: str
) -> None:
    error = refused(ana, "sell", **{"title": "Lamp", **args})
    assert message in error.message
    assert error.exit_code == 2


def test_a_bare_number_without_a_currency_says_how_to_name_one(tmp_path: Path) -> None:
    with stall(tmp_path, "cho", currency=None) as cho:
        error = refused(cho, "sell", title="x", price="500")
        assert "names no currency" in error.message


def test_a_person_without_an_identity_cannot_sell(tmp_path: Path) -> None:
    from jangteo.node.desk import Desk

    with stall(tmp_path) as made:
        desk = Desk(made.store, None, made.config, made.moment, lambda count: bytes(count))
        with pytest.raises(DeskError) as caught:
            desk.call("sell", {"title": "x"})
        assert (caught.value.code, caught.value.exit_code) == ("no-identity", 1)


@pytest.mark.parametrize(
    ("told", "days"), [("30d", 30), ("2w", 14), ("12h", 0.5), ("2025-12-24T00:00:00Z", None)]
)
def test_an_end_can_be_given(ana: Stall, told: str, days: float | None) -> None:
    public_id = ana.sell("Lamp", until=told)
    row = ana.store.listing(bytes.fromhex(public_id))
    assert row is not None
    expected = 1_766_534_400_000 if days is None else NOW_MS + round(days * DAY_MS)
    assert row.listing.until_ms == expected


def test_a_date_ends_with_its_day(ana: Stall) -> None:
    row = ana.store.listing(bytes.fromhex(ana.sell("Lamp", until="2025-12-24")))
    assert row is not None
    assert row.listing.until_ms is not None
    assert row.listing.until_ms % 1000 == 0
    assert (row.listing.until_ms // 1000) % 60 == 59


def test_an_edit_keeps_what_it_does_not_say(ana: Stall) -> None:
    public_id = ana.sell("Lamp", "15000 KRW", place="Seoul", until="30d")
    ana.moment.pass_ms(5_000)
    edited = ana.call("edit", id=public_id[:8], price="12000", description="warm")
    listing = edited["listing"]
    assert edited["changed"]
    assert (listing["id"], listing["title"], listing["place"]) == (public_id, "Lamp", "Seoul")
    assert listing["price"]["amount"] == "12000"
    assert listing["created_at"] < listing["updated_at"]
    gone = ana.call("edit", id=public_id, place="", until="none", price="ask", description="none")
    row = ana.store.listing(bytes.fromhex(public_id))
    assert row is not None
    assert (row.listing.place, row.listing.until_ms, row.listing.description) == ("", None, "")
    assert gone["listing"]["price"] is None


def test_the_same_again_changes_nothing(ana: Stall) -> None:
    public_id = ana.sell("Lamp", "15000 KRW")
    ana.desk.take_published()
    assert not ana.call("edit", id=public_id, title="Lamp", price="₩15,000")["changed"]
    assert not ana.call("relist", id=public_id)["changed"]
    assert ana.call("reserve", id=public_id)["changed"]
    assert not ana.call("reserve", id=public_id)["changed"]
    assert len(ana.desk.take_published()) == 1


def test_a_title_is_published_in_nfc(ana: Stall) -> None:
    public_id = ana.sell("Cafe\u0301")
    assert ana.titles() == ["Caf\u00e9"]
    assert not ana.call("edit", id=public_id, title="Cafe\u0301")["changed"]


def test_reserved_and_sold_are_undone_by_relist(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    assert ana.call("reserve", id=public_id)["listing"]["status"] == "reserved"
    assert ana.titles() == ["Lamp"]
    assert ana.call("sold", id=public_id)["listing"]["status"] == "sold"
    assert ana.titles() == []
    assert ana.call("relist", id=public_id)["listing"]["status"] == "active"
    assert ana.titles() == ["Lamp"]


def test_a_revision_passes_the_clock_and_the_one_before(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    revisions = [ana.call("show", id=public_id)["listing"]["revision"]]
    for price in ("1 KRW", "2 KRW"):
        revisions.append(ana.call("edit", id=public_id, price=price)["listing"]["revision"])
    assert revisions == [NOW_MS // 1000, NOW_MS // 1000 + 1, NOW_MS // 1000 + 2]
    ana.moment.pass_ms(60_000)
    edited = ana.call("edit", id=public_id, price="3 KRW")["listing"]
    assert edited["revision"] == NOW_MS // 1000 + 60


def test_time_never_goes_back_within_a_thread(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    ana.moment.pass_ms(-5 * 60_000)
    edited = ana.call("edit", id=public_id, price="3 KRW")["listing"]
    assert edited["updated_at"] == "2025-10-09T08:53:20Z"
    ana.moment.pass_ms(-limits.FUTURE_MS_MAX)
    assert refused(ana, "edit", id=public_id, price="4 KRW").code == "clock"


def test_what_is_withdrawn_is_gone_for_good_and_can_still_be_shown(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    taken = ana.call("withdraw", id=public_id)
    assert (taken["changed"], taken["listing"]["status"]) == (True, "withdrawn")
    assert taken["listing"]["title"] == "Lamp"
    assert ana.titles(status="all") == []
    shown = ana.call("show", id=public_id[:6])
    assert shown["listing"]["status"] == "withdrawn"
    assert shown["revisions"][0]["is_delete"]
    assert not ana.call("withdraw", id=public_id)["changed"]
    for verb in ("edit", "relist", "sold", "reserve", "renew"):
        error = refused(ana, verb, id=public_id)
        assert "withdrawn, and that is final" in error.message
        assert error.exit_code == 2


def test_what_has_expired_is_put_up_again_by_relist(ana: Stall) -> None:
    public_id = ana.sell("Lamp", until="2d")
    ana.moment.pass_ms(3 * DAY_MS)
    assert ana.titles() == []
    assert ana.call("show", id=public_id)["listing"]["status"] == "expired"
    assert "relist" in refused(ana, "reserve", id=public_id).message
    relisted = ana.call("relist", id=public_id)
    assert relisted["changed"]
    assert relisted["listing"]["status"] == "active"
    assert ana.titles() == ["Lamp"]


def test_what_outlived_its_record_is_put_up_again_too(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    ana.moment.pass_ms(91 * DAY_MS)
    with ana.store.write(durable=False):
        ana.store.forget_expired(ana.moment(), 100)
    assert ana.call("listings")["rows"][0]["status"] == "expired"
    assert ana.call("relist", id=public_id)["listing"]["status"] == "active"
    assert ana.titles() == ["Lamp"]


def test_renewing_gives_90_more_days(ana: Stall) -> None:
    public_id = ana.sell("Lamp", until="30d")
    ana.moment.pass_ms(20 * DAY_MS)
    renewed = ana.call("renew", id=public_id)
    assert renewed["changed"]
    assert renewed["listing"]["expires_at"] == "2026-01-27T08:53:20Z"
    ana.call("sold", id=public_id)
    assert "relist" in refused(ana, "renew", id=public_id).message


def test_renewing_all_leaves_what_is_sold_and_what_has_an_end(ana: Stall) -> None:
    lamp, chair = ana.sell("Lamp"), ana.sell("Chair")
    ana.sell("Table", until="80d")
    ana.call("sold", id=ana.sell("Sofa"))
    ana.call("withdraw", id=ana.sell("Bed"))
    ana.desk.take_published()
    ana.moment.pass_ms(DAY_MS)
    renewed = ana.call("renew", all=True)
    assert renewed["renewed"] == 2
    assert {listing["id"] for listing in renewed["listings"]} == {lamp, chair}
    assert len(ana.desk.take_published()) == 2
    assert refused(ana, "renew", all=True, id=lamp).exit_code == 2
    assert refused(ana, "renew").exit_code == 2


def test_the_node_renews_only_what_is_in_its_last_days(ana: Stall) -> None:
    ana.call("profile", name="Ana")
    ana.sell("Lamp")
    ana.moment.pass_ms(80 * DAY_MS)
    ana.sell("Chair")
    assert ana.call("renew-due")["renewed"] == 0
    ana.moment.pass_ms(4 * DAY_MS)
    assert ana.call("renew-due")["renewed"] == 1
    assert ana.call("renew-due")["renewed"] == 0
    ana.moment.pass_ms(20 * DAY_MS)
    assert ana.titles() == ["Chair", "Lamp"]
    ana.moment.pass_ms(620 * DAY_MS)
    ana.desk.take_published()
    ana.call("renew-due")
    assert [record.header.market for record in ana.desk.take_published()] == ["commons"]


def test_an_id_may_be_any_unique_beginning(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    assert ana.call("show", id=public_id[:4].upper())["listing"]["id"] == public_id
    for told, message in (
        (public_id[:3], "at least 4"),
        ("zzzz", "hexadecimal"),
        ("", "hexadecimal"),
        (public_id + "0", "hexadecimal"),
    ):
        error = refused(ana, "show", id=told)
        assert message in error.message
        assert error.exit_code == 2
    other = "0000" if not public_id.startswith("0000") else "ffff"
    assert refused(ana, "show", id=other).exit_code == 3
    assert refused(ana, "show").exit_code == 2


def test_an_ambiguous_id_names_the_candidates(ana: Stall) -> None:
    by_prefix: dict[str, list[str]] = {}
    prefix = ""
    while not prefix:
        public_id = ana.sell("Lamp")
        group = by_prefix.setdefault(public_id[:4], [])
        group.append(public_id)
        prefix = public_id[:4] if len(group) == 2 else ""
    error = refused(ana, "edit", id=prefix, price="1 KRW")
    assert (error.code, error.exit_code) == ("ambiguous", 2)
    assert all(public_id[:8] in error.message for public_id in by_prefix[prefix])
    assert "Lamp" in error.message


def test_another_s_listing_cannot_be_changed(ana: Stall, ben: Stall) -> None:
    ben.call("profile", name="Ben")
    public_id = ben.sell("Lamp")
    ben.give(ana, ben.desk.take_published())
    assert ana.call("show", id=public_id)["seller"]["name"] == "Ben"
    for verb in ("edit", "sold", "reserve", "relist", "withdraw", "renew"):
        error = refused(ana, verb, id=public_id)
        assert (error.code, error.exit_code) == ("not-yours", 2)
        assert "Ben" in error.message


def test_an_author_has_only_so_many_live_listings(
    ana: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_THREADS_PER_AUTHOR_MAX", 2)
    public_id = ana.sell("One")
    ana.sell("Two")
    error = refused(ana, "sell", title="Three")
    assert error.code == "crowded"
    ana.call("withdraw", id=public_id)
    ana.sell("Three")


def test_a_new_listing_pushes_none_of_one_s_own_out(
    ana: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "THREADS_PER_AUTHOR_MAX", 3)
    ana.sell("The oldest")
    for title in ("Lamp", "Chair"):
        ana.moment.pass_ms(5000)
        ana.call("sold", id=ana.sell(title))
    items = ana.store.items("open").keys(0, 3)
    assert refused(ana, "sell", title="Sofa").code == "crowded"
    rows = ana.import_text("a.csv", "title\nDesk\nBook\n")
    assert [row["result"] for row in rows if row["event"] == "row"] == ["failed", "failed"]
    assert ana.store.items("open").keys(0, 3) == items
    ana.call("edit", id=ana.call("search", text="oldest")["rows"][0]["id"], title="Older still")


def test_a_reminder_that_cannot_be_noted_makes_no_error_of_what_is_done(ana: Stall) -> None:
    owner = OwnerState(ana.folder / "no such folder" / "state.json")
    desk = Desk(ana.store, ana.key, ana.config, ana.moment, Dice("other"), owner=owner)
    sold = desk.call("sell", {"title": "Lamp", "price": "free"})
    assert sold["changed"]
    assert [notice["code"] for notice in sold["notices"]] == ["backup"]
    assert desk.call("home", {})["mine"]


def test_the_backup_is_asked_for_once_a_day_until_there_is_one(ana: Stall) -> None:
    def codes() -> list[str]:
        sold = ana.call("sell", title="Lamp")
        return [notice["code"] for notice in sold.get("notices", ())]

    assert codes() == ["backup"]
    assert codes() == []
    ana.moment.pass_ms(DAY_MS)
    assert codes() == ["backup"]
    ana.home.owner.note_backed_up(ana.moment())
    ana.moment.pass_ms(2 * DAY_MS)
    assert codes() == []


def test_a_wrong_clock_is_said_when_something_is_published(ana: Stall) -> None:
    ana.home.owner.note_backed_up(ana.moment())
    with ana.store.write(durable=True):
        ana.store.put_meta("clock_offset_ms", str(limits.CLOCK_WARN_MS + 60_000))
    (notice,) = ana.call("sell", title="Lamp")["notices"]
    assert notice["code"] == "clock"
    assert "6 min ahead" in notice["message"]
    with ana.store.write(durable=True):
        ana.store.put_meta("clock_offset_ms", str(limits.CLOCK_WARN_MS))
    assert "notices" not in ana.call("sell", title="Lamp")


def test_who_holds_a_listing_is_told(ana: Stall) -> None:
    public_id = ana.sell("Lamp")
    assert ana.call("status-local")["unheld"] == 1
    with ana.store.write(durable=True):
        ana.store.note_synced("peer", "open", ana.store.last_arrival(), ana.moment())
    assert ana.call("show", id=public_id)["listing"]["held_by"] == 1
    assert ana.call("status-local")["unheld"] == 0
    assert ana.call("edit", id=public_id, price="1 KRW")["listing"]["held_by"] == 0


def test_an_unknown_verb_is_refused(ana: Stall) -> None:
    assert "no verb 'buy'" in refused(ana, "buy").message
    with pytest.raises(DeskError, match="stream of verb 'sell'"):
        list(ana.desk.stream("sell", {}))


def test_a_stranger_s_odd_times_can_be_shown(ana: Stall) -> None:
    odd = Seller.named("odd").lists(
        1, Listing(title="Odd", created_ms=limits.INTEGER_MAX), ts_ms=NOW_MS
    )
    with ana.store.write(durable=False):
        ana.store.admit([odd], NOW_MS)
    assert ana.call("search", text="odd")["rows"][0]["created_at"] == "9999-12-31T23:59:59Z"
