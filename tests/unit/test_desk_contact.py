"""Contacts at the desk: found by key or name, noted, listed, and strangers again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from tests.desk_maker import Stall, meet, stall
from tests.market_maker import Seller


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        yield made


def test_a_contact_is_added_listed_and_removed(ana: Stall) -> None:
    ben = meet(ana, "Ben", "Cho")["Ben"].author.hex()
    assert ana.call("keep", author="ben", note=" the\n potter ") == {
        "author": ben, "name": "Ben", "note": "the potter", "changed": True,
    }  # fmt: skip
    (entry,) = ana.call("contacts")["contacts"]
    assert (entry["author"], entry["name"], entry["note"]) == (ben, "Ben", "the potter")
    assert entry["since"].endswith("Z")
    assert ana.call("unkeep", author="Ben")["changed"]
    assert not ana.call("unkeep", author="Ben")["changed"]
    assert ana.call("contacts")["contacts"] == []


def test_a_note_stays_until_another_is_said(ana: Stall) -> None:
    meet(ana, "Ben")
    ana.call("keep", author="Ben", note="the potter")
    assert not ana.call("keep", author="Ben")["changed"]
    assert ana.call("contacts")["contacts"][0]["note"] == "the potter"
    assert ana.call("keep", author="Ben", note="")["changed"]
    assert ana.call("contacts")["contacts"][0]["note"] == ""
    with pytest.raises(DeskError, match="at most 200"):
        ana.call("keep", author="Ben", note="x" * (limits.CONTACT_NOTE_CHARS_MAX + 1))


def test_a_contact_of_whom_nothing_is_here_is_known_by_the_beginning_of_the_key(
    ana: Stall,
) -> None:
    author = Seller.named("Dae").author.hex()
    assert ana.call("keep", author=author)["changed"]
    assert not ana.call("keep", author=author[:8])["changed"]
    assert ana.call("unkeep", author=author[:8])["changed"]
    with pytest.raises(DeskError, match="nobody known"):
        ana.call("unkeep", author=author[:8])


def test_who_is_called_what_a_key_begins_with_is_not_taken_for_its_owner(ana: Stall) -> None:
    author = Seller.named("Dae").author.hex()
    ana.call("keep", author=author)
    called = meet(ana, author[:4])[author[:4]].author.hex()
    with pytest.raises(DeskError, match="2 people"):
        ana.call("keep", author=author[:4])
    assert ana.call("keep", author=called)["author"] == called
    assert ana.call("unkeep", author=author[:6])["author"] == author


def test_nobody_keeps_oneself_or_whom_one_blocks(ana: Stall) -> None:
    ben = meet(ana, "Ben")["Ben"].author.hex()
    with pytest.raises(DeskError, match="that is you"):
        ana.call("keep", author=ana.key.public.hex())
    ana.call("keep", author="Ben")
    ana.call("block", author="Ben")
    assert ana.call("contacts")["contacts"] == []
    with pytest.raises(DeskError, match="is blocked") as caught:
        ana.call("keep", author=ben)
    assert f"unblock {ben[:16]}" in (caught.value.hint or "")


def test_only_so_many_are_contacts(ana: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    meet(ana, "Ben", "Cho")
    monkeypatch.setattr(limits, "KEPT_AUTHORS_MAX", 1)
    ana.call("keep", author="Ben")
    with pytest.raises(DeskError, match="at most 1 people"):
        ana.call("keep", author="Cho")
    assert ana.call("keep", author="Ben", note="still")["changed"]


def test_a_listing_tells_whether_its_seller_is_a_contact(ana: Stall) -> None:
    meet(ana, "Ben")
    (listing,) = ana.call("search", text="Ben")["rows"]
    assert ana.call("show", id=listing["id"])["seller"]["contact"] is False
    ana.call("keep", author="Ben")
    assert ana.call("show", id=listing["id"])["seller"]["contact"] is True


def test_the_state_of_the_store_tells_whose_bytes_there_are(ana: Stall) -> None:
    meet(ana, "Ben", "Cho")
    ana.call("keep", author="Ben")
    ana.sell("Lamp")
    counts = ana.call("status-local")["counts"]
    assert 0 < counts["bytes_own"] < counts["bytes"]
    assert 0 < counts["bytes_contacts"] < counts["bytes"] - counts["bytes_own"]
    assert counts["bytes_max"] == ana.config.record_store_bytes
