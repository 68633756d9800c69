"""People at the desk: one's profile, who is blocked, and which markets one is in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.node.desk import Desk
from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from tests.desk_maker import Stall, meet, stall
from tests.market_maker import Seller


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        yield made


def test_a_name_is_published_once_and_changed_by_parts(ana: Stall) -> None:
    assert ana.call("profile") == {
        "author": ana.key.public.hex(), "name": "", "about": "", "place": "", "languages": [],
        "changed": False,
    }  # fmt: skip
    assert ana.call("profile", name="  Ana  B ", about="hi")["name"] == "Ana B"
    assert not ana.call("profile", name="Ana B")["changed"]
    assert ana.call("profile", about="")["changed"]
    assert ana.call("whoami")["name"] == "Ana B"
    assert len(ana.desk.take_published()) == 2
    with pytest.raises(DeskError, match="at most 40") as caught:
        ana.call("profile", name="x" * 41)
    assert caught.value.exit_code == 2


def test_a_profile_says_where_one_is_and_what_one_understands(ana: Stall) -> None:
    said = ana.call("profile", place="  연남동 ", languages="ko, en-GB,ko,")
    assert (said["place"], said["languages"]) == ("연남동", ["ko", "en-GB"])
    assert ana.call("profile", name="Ana")["place"] == "연남동"
    assert ana.call("whoami")["languages"] == ["ko", "en-GB"]
    assert not ana.call("profile", languages=["ko", "en-GB"])["changed"]
    assert ana.call("profile", languages="none", place="")["languages"] == []
    body = {"name": "Ana"}
    current = ana.store.current(("commons", ana.key.public, bytes(16)))
    assert current is not None
    assert current.body == body


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"place": "x" * (limits.PLACE_CHARS_MAX + 1)}, "place has 81 characters: at most 80"),
        ({"languages": "Korean, maybe"}, "'Korean' is no language's code: use such as ko"),
        ({"languages": "en-abcdefg-abcdefg"}, "is no language's code"),
        ({"languages": [f"a{c}" for c in "abcdefghi"]}, "9 languages: at most 8"),
        ({"languages": 5}, "languages is a list of texts"),
    ],
)
def test_what_a_profile_cannot_say_is_told(ana: Stall, told: dict[str, object], why: str) -> None:
    with pytest.raises(DeskError, match=why) as caught:
        ana.desk.call("profile", told)
    assert caught.value.exit_code == 2


def test_an_empty_profile_is_published_when_said(ana: Stall) -> None:
    assert ana.call("profile", name="")["changed"]
    assert not ana.call("profile", name="")["changed"]


def test_a_blocked_author_is_gone_at_once_and_stays_away(ana: Stall) -> None:
    ben = meet(ana, "Ben", "Cho")["Ben"]
    assert ana.titles() == ["Ben's", "Cho's"]
    blocked = ana.call("block", author="ben")
    assert (blocked["author"], blocked["name"]) == (ben.author.hex(), "Ben")
    assert blocked["forgotten"] == 2
    assert blocked["changed"]
    assert ana.titles() == ["Cho's"]
    meet(ana, "Ben")
    assert ana.titles() == ["Cho's"]
    assert [one["author"] for one in ana.call("blocked")["blocked"]] == [ben.author.hex()]
    assert not ana.call("block", author=ben.author.hex())["changed"]
    assert ana.call("unblock", author=ben.author.hex()[:6])["changed"]
    assert not ana.call("unblock", author=ben.author.hex())["changed"]
    meet(ana, "Ben")
    assert ana.titles() == ["Ben's", "Cho's"]


def test_who_is_blocked_already_is_known_by_the_beginning_of_the_key(ana: Stall) -> None:
    author = meet(ana, "Spam")["Spam"].author.hex()
    assert ana.call("block", author="Spam")["changed"]
    assert not ana.call("block", author=author[:8])["changed"]
    with pytest.raises(DeskError, match="at least 4 digits"):
        ana.call("block", author=author[:3])
    assert ana.call("unblock", author=author[:8])["changed"]


def test_an_author_is_found_by_hex_or_by_a_name_that_is_one_person_s(ana: Stall) -> None:
    ann = meet(ana, "Ann", "Anna", "Annabel")["Ann"]
    assert ana.call("block", author="ann")["author"] == ann.author.hex()
    for told in ("zoe", "", "   "):
        with pytest.raises(DeskError, match="nobody known") as caught:
            ana.call("block", author=told)
        assert caught.value.exit_code == 3


def test_two_of_one_name_are_told_apart_by_their_keys(ana: Stall) -> None:
    hana, other = Seller.named("Hana"), Seller.named("another Hana")
    with ana.store.write(durable=False):
        ana.store.admit([hana.is_called("Hana"), other.is_called("ＨＡＮＡ")], ana.moment())
    with pytest.raises(DeskError, match="2 people") as caught:
        ana.call("block", author="hana")
    assert (caught.value.code, caught.value.exit_code) == ("ambiguous", 2)
    assert ana.call("block", author=hana.author.hex()[:8])["changed"]
    assert ana.call("block", author="hana")["author"] == other.author.hex()


def test_a_part_of_a_name_is_nobody_s(ana: Stall) -> None:
    author = meet(ana, "Minjun", "Cho")["Minjun"].author.hex()
    for verb in ("block", "unblock", "keep", "unkeep"):
        with pytest.raises(DeskError) as caught:
            ana.call(verb, author="un")
        expected = f"nobody is called 'un': did you mean Minjun ({author[:8]})?"
        assert (caught.value.message, caught.value.exit_code) == (expected, 3)
    assert ana.titles() == ["Cho's", "Minjun's"]
    assert ana.titles(seller="un") == ["Minjun's"]


def test_a_name_is_found_whole_among_any_number_that_contain_it(ana: Stall) -> None:
    meet(ana, *(f"Ann {number}" for number in range(limits.SEARCH_SELLERS_MAX + 1)))
    ann = meet(ana, "Ann")["Ann"]
    assert ana.call("block", author="ann")["author"] == ann.author.hex()


def test_a_block_is_undone_by_the_name_that_went_with_it(ana: Stall) -> None:
    hana = meet(ana, "Hana")["Hana"].author.hex()
    ana.call("block", author="Hana")
    (entry,) = ana.call("blocked")["blocked"]
    assert (entry["author"], entry["name"]) == (hana, "Hana")
    assert entry["since"].endswith("Z")
    assert not ana.call("block", author="hana")["changed"]
    other = Seller.named("another Hana")
    with ana.store.write(durable=False):
        ana.store.admit([other.is_called("Hana")], ana.moment())
    with pytest.raises(DeskError, match="did you mean Hana"):
        ana.call("unblock", author="han")
    undone = ana.call("unblock", author="HANA")
    assert (undone["author"], undone["name"], undone["changed"]) == (hana, "Hana", True)
    assert ana.call("blocked")["blocked"] == []


def test_who_was_blocked_without_a_note_is_listed_all_the_same(ana: Stall) -> None:
    ben = Seller.named("Ben").author
    with ana.store.write(durable=True):
        ana.store.block(ben)
    entry = {"author": ben.hex(), "name": "", "since": None}
    assert ana.call("blocked")["blocked"] == [entry]
    with ana.store.write(durable=True):
        ana.store.put_meta(f"blocked:{ben.hex()}", "[1]")
    assert ana.call("blocked")["blocked"] == [entry]


def test_a_block_says_that_a_contact_is_none_any_more(ana: Stall) -> None:
    meet(ana, "Ben", "Cho")
    ana.call("keep", author="Ben", note="the potter")
    told = ana.call("block", author="Ben")
    assert (told["contact"], told["note"]) == (True, "the potter")
    ana.call("unblock", author="Ben")
    assert ana.call("contacts")["contacts"] == []
    assert not ana.call("block", author="Cho")["contact"]


def test_a_stranger_never_met_can_be_blocked_by_the_whole_key(ana: Stall) -> None:
    stranger = Seller.named("Stranger").author.hex()
    assert ana.call("block", author=stranger.upper())["author"] == stranger
    meet(ana, "Stranger")
    assert ana.titles() == []


def test_nobody_blocks_themselves(ana: Stall) -> None:
    ana.call("profile", name="Ana")
    for told in ("Ana", ana.key.public.hex()):
        with pytest.raises(DeskError, match="that is you"):
            ana.call("block", author=told)


def test_markets_are_joined_and_left(ana: Stall) -> None:
    assert ana.call("join", market="campus/hanyang")["changed"]
    assert not ana.call("join", market="campus/hanyang")["changed"]
    ana.sell("Lamp", market="campus/hanyang")
    left = ana.call("leave", market="campus/hanyang")
    assert (left["changed"], left["joined"]) == (True, ["commons", "open"])
    assert not ana.call("leave", market="campus/hanyang")["changed"]
    with pytest.raises(DeskError, match="every node is in"):
        ana.call("leave", market="commons")
    with pytest.raises(DeskError, match="a market is"):
        ana.call("join", market="Campus")


def test_a_node_is_in_only_so_many_markets(ana: Stall) -> None:
    for number in range(limits.MARKETS_JOINED_MAX - 1):
        ana.call("join", market=f"m{number}")
    with pytest.raises(DeskError, match="at most 32") as caught:
        ana.call("join", market="one-more")
    assert caught.value.exit_code == 2


def test_whoami_of_a_home_without_identity_says_so(ana: Stall) -> None:
    desk = Desk(ana.store, None, ana.config, ana.moment, lambda count: bytes(count))
    told = desk.call("whoami", {})
    assert (told["author"], told["created"]) == (None, False)
    assert told["notices"][0]["code"] == "no-identity"
