"""Importing at the desk: the same file again changes nothing, and what is taken back is never
more than what the file's own earlier edition brought."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.node.import_source import load
from jangteo.node.record_file import record_chunks
from jangteo.protocol import limits
from tests.desk_maker import DAY_MS, Stall, stall
from tests.market_maker import NOW_MS, Seller

HEADER = "title,price,currency,sku\n"


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        yield made


def rows_of(*titles: str, price: int = 1000) -> str:
    """A plain CSV; the sku is the title, so that a row stays the same when its price changes."""
    return HEADER + "".join(f"{title},{price},KRW,{title}\n" for title in titles)


def summary(items: list[dict[str, Any]]) -> dict[str, int]:
    """What was counted, without the zeros."""
    names = ("created", "updated", "unchanged", "failed", "skipped", "withdrawn")
    return {name: items[-1][name] for name in names if items[-1][name]}


def codes(items: list[dict[str, Any]]) -> set[str]:
    return {notice["code"] for notice in items[-1]["notices"]}


def test_the_same_file_again_changes_nothing(ana: Stall) -> None:
    items = ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    assert summary(items) == {"created": 2}
    assert [(row["line"], row["result"], row["title"]) for row in items[:-1]] == [
        (2, "created", "Lamp"),
        (3, "created", "Chair"),
    ]
    ids = [row["id"] for row in items[:-1]]
    assert len(ana.desk.take_published()) == 2
    again = ana.import_text("other-name.csv", rows_of("Lamp", "Chair"))
    assert summary(again) == {"unchanged": 2}
    assert [row["id"] for row in again[:-1]] == ids
    assert ana.desk.take_published() == []


def test_a_changed_row_is_a_new_revision_of_its_listing(ana: Stall) -> None:
    first = ana.import_text("a.csv", rows_of("Lamp"))
    ana.moment.pass_ms(DAY_MS)
    second = ana.import_text("a.csv", rows_of("Lamp", price=900))
    assert summary(second) == {"updated": 1}
    assert second[0]["id"] == first[0]["id"]
    shown = ana.call("show", id=first[0]["id"])
    assert shown["listing"]["price"]["amount"] == "900"
    assert len(shown["revisions"]) == 2
    assert shown["listing"]["created_at"] < shown["listing"]["updated_at"]


def test_what_the_file_does_not_speak_of_stays(ana: Stall) -> None:
    public_id = ana.import_text("a.csv", rows_of("Lamp"))[0]["id"]
    ana.call("edit", id=public_id, place="Seoul")
    ana.call("sold", id=public_id)
    assert summary(ana.import_text("a.csv", rows_of("Lamp"))) == {"unchanged": 1}
    listing = ana.call("show", id=public_id)["listing"]
    assert (listing["place"], listing["status"]) == ("Seoul", "sold")


def test_what_had_expired_is_put_up_again(ana: Stall) -> None:
    public_id = ana.import_text("a.csv", rows_of("Lamp"))[0]["id"]
    ana.moment.pass_ms(100 * DAY_MS)
    (row, _) = ana.import_text("a.csv", rows_of("Lamp"))
    assert (row["result"], row["id"]) == ("updated", public_id)
    assert "expired" in row["warnings"][0]
    assert ana.titles() == ["Lamp"]


def test_what_was_withdrawn_by_hand_comes_as_a_new_listing(ana: Stall) -> None:
    public_id = ana.import_text("a.csv", rows_of("Lamp"))[0]["id"]
    ana.call("withdraw", id=public_id)
    (row, _) = ana.import_text("a.csv", rows_of("Lamp"))
    assert row["result"] == "created"
    assert row["id"] != public_id


def test_a_bad_row_is_told_with_its_line_and_stops_no_other(ana: Stall) -> None:
    text = HEADER + "Lamp,1000,KRW,l\nChair,cheap,KRW,c\n,5,KRW,x\nSofa,7,KRW,s\n"
    items = ana.import_text("a.csv", text)
    assert summary(items) == {"created": 2, "failed": 2}
    assert [row["line"] for row in items[:-1] if row["result"] == "failed"] == [3, 4]
    assert all(row["error"] for row in items[:-1] if row["result"] == "failed")


def test_a_dry_run_tells_the_same_and_writes_nothing(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair", "Sofa"))
    before = list(ana.store.iter_records())
    sources = load(ana.store)
    args = {"dry_run": True, "withdraw_missing": True}
    text = rows_of("Lamp", "Desk") + "Chair,900,KRW,Chair\n"
    dry = ana.import_text("b.csv", text, **args)
    assert summary(dry) == {"created": 1, "updated": 1, "unchanged": 1, "withdrawn": 1}
    assert list(ana.store.iter_records()) == before
    assert load(ana.store) == sources
    wet = ana.import_text("b.csv", text, withdraw_missing=True)
    assert summary(wet) == summary(dry)


# --- taking back ------------------------------------------------------------------------------


def test_what_a_newer_edition_lacks_is_taken_back(ana: Stall) -> None:
    ana.import_text("products_export_1.csv", rows_of("Lamp", "Chair", "Sofa"))
    items = ana.import_text("products_export_2.csv", rows_of("Lamp", "Desk"), withdraw_missing=True)
    assert summary(items) == {"created": 1, "unchanged": 1, "withdrawn": 2}
    assert ana.titles() == ["Desk", "Lamp"]


def test_nothing_is_taken_back_unless_asked(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    assert summary(ana.import_text("a.csv", rows_of("Lamp"))) == {"unchanged": 1}
    assert ana.titles() == ["Chair", "Lamp"]
    later = ana.import_text("a.csv", rows_of("Lamp"), withdraw_missing=True)
    assert summary(later) == {"unchanged": 1, "withdrawn": 1}


def test_what_was_typed_by_hand_is_never_taken_back(ana: Stall) -> None:
    ana.sell("Lamp")
    ana.sell("Handmade")
    ana.import_text("a.csv", rows_of("Chair", "Sofa"))
    ana.import_text("a.csv", rows_of("Chair"), withdraw_missing=True)
    assert ana.titles() == ["Chair", "Handmade", "Lamp"]


def test_a_second_shop_s_file_takes_nothing_of_the_first_s_back(ana: Stall) -> None:
    ana.import_text("products_export.csv", rows_of("Lamp", "Chair", "Sofa", "Gift card"))
    items = ana.import_text(
        "products_export.csv",
        rows_of("Ring", "Necklace", "Brooch", "Gift card"),
        withdraw_missing=True,
    )
    assert "withdrawn" not in summary(items)
    assert "not-withdrawn" in codes(items)
    assert len(ana.titles()) == 7
    # From now on both are known, each by its own rows.
    items = ana.import_text("x.csv", rows_of("Ring", "Necklace"), withdraw_missing=True)
    assert summary(items) == {"unchanged": 2, "withdrawn": 1}
    assert ana.titles() == ["Chair", "Gift card", "Lamp", "Necklace", "Ring", "Sofa"]


def test_a_name_ties_editions_that_share_nothing(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair"), source="furniture")
    items = ana.import_text("b.csv", rows_of("Desk"), source="furniture", withdraw_missing=True)
    assert summary(items) == {"created": 1, "withdrawn": 2}
    assert items[-1]["source"] == "furniture"
    ana.import_text("c.csv", rows_of("Ring"), source="jewelry", withdraw_missing=True)
    assert ana.titles() == ["Desk", "Ring"]


def test_a_name_can_be_given_to_an_earlier_import(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    ana.import_text("a.csv", rows_of("Lamp", "Chair"), source="furniture")
    assert [source.name for source in load(ana.store)] == ["furniture"]


def test_a_row_that_failed_is_not_missing(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair", "Sofa"))
    text = rows_of("Lamp", "Sofa") + "Chair,cheap,KRW,Chair\n"
    items = ana.import_text("a.csv", text, withdraw_missing=True)
    assert summary(items) == {"unchanged": 2, "failed": 1}
    assert ana.titles() == ["Chair", "Lamp", "Sofa"]


def test_an_unreadable_row_may_be_what_is_missing_so_nothing_is_taken_back(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    text = rows_of("Lamp") + "too,many,cells,in,this,row\n"
    items = ana.import_text("a.csv", text, withdraw_missing=True)
    assert summary(items) == {"unchanged": 1, "failed": 1}
    assert "not-withdrawn" in codes(items)
    assert ana.titles() == ["Chair", "Lamp"]


def test_markets_are_kept_apart(ana: Stall) -> None:
    ana.call("join", market="campus")
    ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    ana.import_text("a.csv", rows_of("Lamp", "Chair"), market="campus")
    ana.import_text("a.csv", rows_of("Lamp"), market="campus", withdraw_missing=True)
    assert ana.titles(market="campus") == ["Lamp"]
    assert ana.titles(market="open") == ["Chair", "Lamp"]


def test_many_sources_and_many_rows_are_remembered_within_their_bounds(
    ana: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_SOURCES_MAX", 2)
    titles = [f"row {number}" for number in range(2100)]
    ana.import_text("many.csv", rows_of(*titles))
    assert len(load(ana.store)[0].refs) == 2100
    fewer = ana.import_text("many.csv", rows_of(*titles[:1500]), withdraw_missing=True)
    assert summary(fewer) == {"unchanged": 1500, "withdrawn": 600}
    assert len(load(ana.store)[0].refs) == 1500
    for name in ("b", "c"):
        ana.import_text(f"{name}.csv", rows_of(f"only {name}"), source=name)
    assert [source.name for source in load(ana.store)] == ["b", "c"]
    assert ana.store.meta("import_source_refs/1/0") is None


def test_lost_memory_takes_nothing_back(ana: Stall) -> None:
    ana.import_text("a.csv", rows_of("Lamp", "Chair"))
    with ana.store.write(durable=True):
        ana.store.put_meta("import_sources", "[{")
    items = ana.import_text("a.csv", rows_of("Lamp"), withdraw_missing=True)
    assert summary(items) == {"unchanged": 1}


# --- other forms ------------------------------------------------------------------------------


def test_an_export_imported_again_changes_nothing(ana: Stall) -> None:
    ana.sell("Lamp", "free", description="a\nb", place="Seoul", tags="x,y", quantity=3)
    ana.sell("Chair", "ask", until="30d")
    ana.sell("Bike", "80.50 USD", wanted=True, url="https://x.org/?a=1,2", condition="good")
    ana.call("reserve", id=ana.sell("Desk"))
    ana.import_text("a.csv", rows_of("Sofa"))
    ana.sell("'=1+1", description="＝HYPERLINK()", tags=["a;b", "c|d", "e\\f"], place="'-'")
    exported = list(ana.desk.stream("export", {"mine": True}))
    text = "".join(json.dumps(listing) + "\n" for listing in exported)
    assert summary(ana.import_text("e.jsonl", text)) == {"unchanged": 6}
    lines = "".join(item["line"] for item in ana.desk.stream("export", {"format": "csv"}))
    assert summary(ana.import_text("e.csv", lines)) == {"unchanged": 6}


def test_others_exported_listings_are_skipped_and_counted(tmp_path: Path, ana: Stall) -> None:
    with stall(tmp_path, "ben") as ben:
        ben.sell("Lamp")
        text = "".join(json.dumps(one) + "\n" for one in ben.desk.stream("export", {}))
    assert summary(ana.import_text("e.jsonl", text)) == {"skipped": 1}


def test_signed_records_keep_their_authors(tmp_path: Path, ana: Stall) -> None:
    ben = Seller.named("ben")
    lamp = ben.lists(1, "Lamp")
    records = [lamp, ben.is_called("Ben"), ben.lists(2, "Chair"), ben.withdraws(2, revision=2)]
    forged = bytearray(lamp.raw)
    forged[-1] ^= 1
    path = tmp_path / "stick"
    path.write_bytes(b"".join(record_chunks([*(one.raw for one in records), bytes(forged)])))
    items = list(ana.desk.stream("import", {"path": str(path)}))
    assert items[0]["format"] == "records"
    assert summary(items[1:]) == {"created": 4, "failed": 1}
    assert items[1]["title"] == "Lamp"
    (row,) = ana.call("search", text="lamp")["rows"]
    assert (row["author"], row["seller"], row["mine"]) == (ben.author.hex(), "Ben", False)
    assert lamp in ana.desk.take_published()
    again = list(ana.desk.stream("import", {"path": str(path)}))
    assert summary(again) == {"unchanged": 4, "failed": 1}
    assert ana.desk.take_published() == []


def test_a_stick_that_was_pulled_out_early_gives_what_it_has(tmp_path: Path, ana: Stall) -> None:
    raws = [Seller.named("ben").lists(number, f"Lamp {number}").raw for number in range(3)]
    path = tmp_path / "stick"
    path.write_bytes(b"".join(record_chunks(raws))[:-40])
    items = list(ana.desk.stream("import", {"path": str(path)}))
    assert summary(items[1:]) == {"created": 2, "failed": 1}


def test_records_that_may_not_be_here_are_skipped_with_the_reason(
    tmp_path: Path, ana: Stall
) -> None:
    ben = Seller.named("ben")
    records = [
        ben.lists(1, "Old", ts_ms=NOW_MS - 91 * DAY_MS),
        ben.lists(2, "Early", ts_ms=NOW_MS + DAY_MS),
        ben.lists(3, "Elsewhere", market="campus"),
    ]
    path = tmp_path / "stick"
    path.write_bytes(b"".join(record_chunks([one.raw for one in records])))
    items = list(ana.desk.stream("import", {"path": str(path)}))
    assert summary(items[1:]) == {"skipped": 3}
    reasons = [row["warnings"][0] for row in items[1:-1]]
    assert ["expired" in reasons[0], "future" in reasons[1], "not joined" in reasons[2]] == [
        True
    ] * 3


def test_what_is_exported_as_records_another_home_admits(tmp_path: Path, ana: Stall) -> None:
    from base64 import b64decode

    ana.call("profile", name="Ana")
    ana.sell("Lamp")
    ana.call("withdraw", id=ana.sell("Chair"))
    pieces = ana.desk.stream("export", {"format": "records"})
    path = tmp_path / "stick"
    path.write_bytes(b"".join(b64decode(piece["base64"]) for piece in pieces))
    with stall(tmp_path, "ben") as ben:
        assert summary(list(ben.desk.stream("import", {"path": str(path)}))[1:]) == {"created": 3}
        assert ben.call("search", seller="ana")["rows"][0]["title"] == "Lamp"
        assert ben.store.summary("open") == ana.store.summary("open")


# --- bounds and wrong input -------------------------------------------------------------------


def test_rows_are_committed_in_batches_and_told_after_their_commit(ana: Stall) -> None:
    count = limits.IMPORT_BATCH_ROWS_MAX + 10
    path = ana.folder / "many.csv"
    path.write_text(rows_of(*(f"row {number}" for number in range(count))))
    items = ana.desk.stream("import", {"path": str(path)})
    next(items)
    next(items)
    assert ana.call("status-local")["counts"]["own_active"] == limits.IMPORT_BATCH_ROWS_MAX
    items.close()
    assert len(ana.desk.take_published()) == limits.IMPORT_BATCH_ROWS_MAX
    assert summary(ana.import_text("many.csv", path.read_text())) == {
        "created": 10,
        "unchanged": limits.IMPORT_BATCH_ROWS_MAX,
    }


def test_no_more_than_an_author_may_have_is_created(
    ana: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_THREADS_PER_AUTHOR_MAX", 2)
    items = ana.import_text("a.csv", rows_of("Lamp", "Chair", "Sofa"))
    assert summary(items) == {"created": 2, "failed": 1}
    assert "at most 2" in items[2]["error"]
    assert codes(items) == {"crowded", "backup"}


def test_a_listing_too_large_for_a_record_fails_alone(ana: Stall) -> None:
    wide = "한" * 3900
    text = f"title,description,place\nBig,{wide},{'서' * 80}\nSmall,x,y\n"
    items = ana.import_text("a.csv", text)
    assert [row["result"] for row in items[:-1]] == ["created", "created"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "needs path"),
        ({"path": "/nowhere/at/all.csv"}, "cannot read"),
        ({"path": "/"}, "cannot read"),
        ({"path": "a.csv", "format": "xls"}, "auto, shopify"),
        ({"path": "a.csv", "currency": "won"}, "unknown currency"),
        ({"path": "a.csv", "market": "A B"}, "a market is"),
        ({"path": "a.csv", "market": "campus"}, "not in the market"),
        ({"path": "a.csv", "source": "x" * 65}, "at most 64"),
        ({"path": "a.csv", "dry_run": "yes"}, "true or false"),
    ],
)
def test_wrong_input_is_one_line(ana: Stall, args: dict[str, Any], message: str) -> None:
    (ana.folder / "a.csv").write_text(rows_of("Lamp"))
    if args.get("path") == "a.csv":
        args = {**args, "path": str(ana.folder / "a.csv")}
    with pytest.raises(DeskError) as caught:
        list(ana.desk.stream("import", args))
    assert message in caught.value.message
    assert caught.value.exit_code == 2
    assert ana.titles() == []
