"""Talk between two desks: sealed, opened, acknowledged, once each, whatever happens on the way."""

from pathlib import Path

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from jangteo.protocol.envelope import open_record
from tests.desk_maker import DAY_MS
from tests.market_maker import key
from tests.talk_maker import Talker, introduce, meet, talkers


def test_a_question_and_its_answer(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        listing = ana.sell("Road bike")
        introduce(ana, bea)
        sent = bea.says(listing, "Is it still there?")
        assert (sent["state"], sent["mine"]) == ("written", True)

        told = meet(ana, bea)
        (heard,) = [each for each in told["ana"] if each["event"] == "message"]
        assert (heard["text"], heard["name"], heard["title"]) == (
            "Is it still there?", "bea", "Road bike",
        )  # fmt: skip
        assert bea.last(listing)["state"] == "delivered"

        (room,) = ana.call("inbox")["rooms"]
        assert (room["unread"], room["mine"], room["name"]) == (1, True, "bea")
        ana.says(room["room"], "Yes. Come tonight?")
        ana.call("seen", to=room["room"])
        meet(ana, bea)
        assert bea.texts(listing) == ["Is it still there?", "Yes. Come tonight?"]
        first = bea.call("room", to=listing)["messages"][0]
        assert first["state"] == "read"
        assert ana.call("inbox")["unread"] == 0


def test_both_sides_name_the_room_alike(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello")
        meet(ana, bea)
        assert ana.call("room", to="bea")["room"] == bea.call("room", to="ana")["room"]


def test_a_letter_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "once")
        meet(ana, bea)
        (owed,) = bea.store.outbox.entries(10)
        with bea.pen().transaction():
            bea.post().try_again(owed)  # delivered already: stays as it is
        meet(ana, bea)
        assert ana.texts("bea") == ["once"]


def test_the_same_words_sealed_anew_are_read_once_and_acknowledged_again(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "once")
        ana.gets(bea.letters())
        ana.opens()
        # The receipt never comes; its writer tries again.
        bea.call("resend", id=bea.call("outbox")["entries"][0]["id"])
        told = meet(ana, bea)
        assert ana.texts("bea") == ["once"]
        assert [each["state"] for each in told["bea"]] == ["delivered"]


def test_what_is_said_before_a_key_is_known_waits_for_it(tmp_path: Path) -> None:
    ana, bea = Talker(tmp_path, "ana"), Talker(tmp_path, "bea")
    ana.call("profile", name="ana")
    introduce(ana, bea)
    result = bea.call("send", to="ana", text="hello")
    assert result["waits_for_key"]
    (entry,) = bea.call("outbox")["entries"]
    assert (entry["state"], entry["sealed"]) == ("written", False)
    ana.tend()
    introduce(ana, bea)
    bea.tend()
    meet(ana, bea)
    assert ana.texts(bea.key.public.hex()) == ["hello"]
    ana.close()
    bea.close()


def test_receipts_that_are_off_still_tell_that_it_came(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        ana.post()._tells_read = False
        bea.says("ana", "hello")
        meet(ana, bea)
        ana.call("seen", to="bea")
        meet(ana, bea)
        assert bea.last("ana")["state"] == "delivered"
        assert ana.call("inbox")["unread"] == 0


def test_what_never_comes_is_told_and_can_be_sent_again(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "are you there?")
        for person in (ana, bea):
            person.moment.pass_ms((limits.LETTER_DAYS + 1) * DAY_MS)
        (told,) = bea.tend()
        assert (told["event"], told["state"]) == ("delivery", "expired")
        assert bea.last("ana")["state"] == "expired"
        with bea.store.write(durable=True):
            bea.store.mail.forget_over(bea.moment(), 100)
        bea.call("resend", id=told["id"])
        ana.tend()
        introduce(ana, bea)
        meet(ana, bea)
        assert ana.texts("bea") == ["are you there?"]
        assert bea.last("ana")["state"] == "delivered"


def test_keys_change_each_week_and_old_ones_open_what_was_under_way(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "sealed to the first")
        letters = bea.letters()
        for _ in range(2):
            ana.moment.pass_ms(limits.BOX_ROTATE_MS)
            ana.tend()
        assert len(ana.store.boxes.boxes()) == 3
        ana.gets(letters)
        ana.opens()
        assert ana.texts("bea") == ["sealed to the first"]


def test_an_old_secret_goes_after_three_weeks_and_a_whole_exchange_of_mail(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, _):
        first = ana.store.boxes.boxes()[0].public
        for _ in range(5):
            ana.moment.pass_ms(limits.BOX_ROTATE_MS)
            ana.tend()
        assert first in [box.public for box in ana.store.boxes.boxes()]  # nobody was met
        with ana.store.write(durable=True):
            ana.store.put_meta("mail_synced_ms", str(ana.moment()))
        ana.tend()
        left = ana.store.boxes.boxes()
        assert first not in [box.public for box in left]
        assert len(left) == 4  # current, and those succeeded less than three weeks ago


def test_who_lost_their_keys_gets_the_words_sealed_to_the_new_one(tmp_path: Path) -> None:
    """Restored from the 24 words: what was sealed to the lost key cannot be opened by anybody."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello")
        ana.close()
        lost = tmp_path / "ana"
        lost.rename(tmp_path / "lost")
        again = Talker(tmp_path, "ana")
        again.moment.pass_ms(limits.HOUR_MS)
        bea.moment.pass_ms(limits.HOUR_MS)
        again.tend()
        introduce(again, bea)
        bea.tend()
        bea.give(again, [open_record(raw) for _, raw in bea.store.iter_records()])
        meet(again, bea)
        assert again.texts(bea.key.public.hex()) == ["hello"]
        assert bea.last("ana")["state"] == "delivered"
        again.close()


def test_a_blocked_author_is_neither_heard_nor_answered(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        ana.call("block", author=bea.key.public.hex())
        bea.says("ana", "hello?")
        meet(ana, bea)
        assert ana.call("inbox")["rooms"] == []
        assert bea.last("ana")["state"] == "written"
        with pytest.raises(DeskError, match="is blocked"):
            ana.says(bea.key.public.hex(), "no")


def test_a_roll_back_tells_nothing_and_opens_it_later(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello")
        ana.gets(bea.letters())

        def fail(message: object) -> None:
            raise RuntimeError("in the middle")

        taken = ana.post()._take
        ana.post()._take = fail  # type: ignore[method-assign,assignment]
        with pytest.raises(RuntimeError):
            ana.opens()
        ana.post()._take = taken  # type: ignore[method-assign]
        assert [each["event"] for each in ana.opens()] == ["message"]


def test_a_forgotten_room_stays_forgotten(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "my telephone number")
        meet(ana, bea)
        assert ana.call("forget", to="bea")["deleted"] == 1
        assert ana.call("inbox")["rooms"] == []
        with ana.store.write(durable=True):
            ana.store.put_meta("letters_opened_rid", "0")
        assert ana.opens() == []
        assert ana.call("inbox")["rooms"] == []
        # Nothing of it is left in the file, nor in its log.
        for path in ana.home.path.glob("jangteo.db*"):
            assert b"telephone" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("to", "text", "message"),
    [
        ("ana", "", "needs some words"),
        ("ana", "x" * (limits.MESSAGE_CHARS_MAX + 1), "at most 2,000"),
        ("ana", "𝄞" * (limits.MESSAGE_BYTES_MAX // 4 + 1), "at most 6,000"),
        ("bea", "hello", "that is you"),
        ("nobody", "hello", "no room, listing or person"),
        ("00000000", "hello", "no room, listing or person"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, to: str, text: str, message: str) -> None:
    with talkers(tmp_path, "ana", "bea") as (_, bea), pytest.raises(DeskError, match=message):
        bea.says(to, text)


def test_ones_own_listing_is_the_room_of_who_asked(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        listing = ana.sell("Road bike")
        introduce(ana, bea, cho)
        with pytest.raises(DeskError, match="nobody has written"):
            ana.says(listing, "hello?")
        bea.says(listing, "mine?")
        meet(ana, bea, cho)
        ana.says(listing, "yes")
        cho.says(listing, "or mine?")
        meet(ana, bea, cho)
        with pytest.raises(DeskError, match="2 rooms"):
            ana.says(listing, "who?")


def test_words_are_found_again(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "왕십리역 2번 출구에서 만나요")
        meet(ana, bea)
        (found,) = ana.call("inbox", find="왕십리역")["messages"]
        assert found["name"] == "bea"


def test_a_muted_room_counts_for_nothing(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "buy!")
        meet(ana, bea)
        ana.call("mute", to="bea")
        bea.says("ana", "buy now!")
        told = meet(ana, bea)
        assert told["ana"][0]["muted"]
        assert ana.call("inbox")["unread"] == 0
        assert ana.call("inbox", unread=True)["rooms"] == []


def test_a_person_opens_only_so_many_rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS_PER_PERSON_MAX", 2)
    monkeypatch.setattr(limits, "ROOM_MESSAGES_MAX", 2)
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        listings = [ana.sell(f"Thing {number}") for number in range(3)]
        introduce(ana, bea)
        for listing in listings:
            bea.says(listing, "hello")
        meet(ana, bea)
        assert len(ana.call("inbox")["rooms"]) == 2
        assert bea.last(listings[2])["state"] == "written"  # and never told that it came
        for word in ("two", "three"):
            bea.says(listings[0], word)
        meet(ana, bea)
        assert ana.texts(listings[0]) == ["hello", "two"]


def test_a_room_is_read_page_by_page_whatever_order_it_came_in(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        for number in range(30):
            bea.moment.pass_ms(1000)
            bea.says("ana", f"number {number}")
        ana.moment.pass_ms(limits.HOUR_MS)
        letters = bea.letters()
        for number in range(29, -1, -1):  # the last comes first
            ana.gets([letters[number]])
            ana.opens()
        seen: list[str] = []
        before: dict[str, int] = {}
        while True:
            room = ana.call("room", to="bea", limit=7, **before)
            seen += [each["text"] for each in room["messages"]]
            if not room["has_more"]:
                break
            before = {"before": min(each["cursor"] for each in room["messages"])}
        assert sorted(seen) == sorted(f"number {number}" for number in range(30))
        assert ana.texts("bea") == [f"number {number}" for number in range(30)]


def rotates(person: Talker, *others: Talker) -> None:
    """A week passes for all, and one's box key changes."""
    for each in (person, *others):
        each.moment.pass_ms(limits.BOX_ROTATE_MS)
    person.tend()
    introduce(person, *others)


def test_receipts_are_not_sealed_again_to_newer_keys_and_end(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello")
        meet(ana, bea)
        for _ in range(5):
            rotates(bea, ana)
            ana.tend()
        assert ana.store.outbox.receipt_count() == 0


def test_keys_that_change_again_and_again_neither_add_up_letters_nor_put_the_end_off(
    tmp_path: Path,
) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello?")
        for _ in range(10):
            for each in (ana, bea):
                each.moment.pass_ms(DAY_MS)
            with ana.pen().transaction():  # more often than a node would
                ana.store.boxes.drop(ana.store.boxes.boxes()[0].public)
                ana.post().ensure_box()
            introduce(ana, bea)
            bea.tend()
        assert bea.store.mail.counts().own == 1  # of what was sealed to older keys no more is
        bea.moment.pass_ms(5 * DAY_MS)
        told = bea.tend()
        assert [each["state"] for each in told] == ["expired"]


def test_who_has_no_key_keeps_nobody_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTBOX_SEALED_AT_ONCE", 2)
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        for number in range(3):
            bea.says(key(f"stranger {number}").public.hex(), "hello")
        bea.says("ana", "hello")
        bea.call("resend", id=bea.call("outbox")["entries"][0]["id"])
        meet(ana, bea)
        assert ana.texts("bea") == ["hello"]


def test_the_same_message_said_again_and_again_is_acknowledged_now_and_then(
    tmp_path: Path,
) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "hello")
        ana.gets(bea.letters())
        ana.opens()
        owed = bea.store.outbox.entries(1)[0]
        before = ana.store.mail.counts().own
        ana.moment.pass_ms(1)
        for _ in range(30):
            with bea.pen().transaction():
                bea.post().try_again(owed)
        ana.gets(bea.letters())
        ana.opens()
        assert ana.store.mail.counts().own == before + 1
        ana.moment.pass_ms(limits.RECEIPTS_AGAIN_MS)
        with bea.pen().transaction():
            bea.post().try_again(owed)
        ana.gets(bea.letters())
        ana.opens()
        assert ana.store.mail.counts().own == before + 2


def test_receipts_have_an_end_to_their_own_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECEIPTS_OWN_MAX", 2)
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        for number in range(5):
            bea.says("ana", f"number {number}")
            ana.gets(bea.letters())
            ana.opens()
        assert ana.store.mail.counts().own == 2
        assert ana.store.outbox.receipt_count() == 5


def test_a_message_that_finds_no_room_among_letters_waits(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (_, bea):
        bea.store.mail.letters_max = 1
        bea.says("ana", "first")
        second = bea.says("ana", "second")
        assert second["state"] == "written"
        assert [each["sealed"] for each in bea.call("outbox")["entries"]] == [False, True]
        bea.store.mail.letters_max = 10
        bea.tend()
        assert [each["sealed"] for each in bea.call("outbox")["entries"]] == [True, True]


def test_strangers_make_room_for_each_other_and_not_of_whom_one_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROOMS_MAX", 2)
    with talkers(tmp_path, "ana", "bea", "cho", "dan", "eve") as (ana, bea, cho, dan, eve):
        bea.says("ana", "hello")
        meet(ana, bea)
        ana.says("bea", "hello bea")
        for each in (cho, dan, eve):
            each.says("ana", "buy!")
            ana.gets(each.letters())
            ana.opens()
        assert sorted(room["name"] for room in ana.call("inbox")["rooms"]) == ["bea", "eve"]


def test_who_is_never_answered_says_only_so_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNANSWERED_MESSAGES_MAX", 3)
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        for number in range(5):
            bea.says("ana", f"number {number}")
        meet(ana, bea)
        assert len(ana.texts("bea")) == 3
        ana.says("bea", "I am here")
        for owed in [one for one in bea.store.outbox.entries(10) if not one.is_over]:
            bea.call("resend", id=owed.id.hex())
        meet(ana, bea)
        assert len(ana.texts("bea")) == 6


def test_what_was_written_while_blocked_comes_after_it(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        ana.call("block", author="bea")
        bea.says("ana", "are you angry?")
        meet(ana, bea)
        ana.call("unblock", author="bea")
        ana.opens()
        assert ana.texts(bea.key.public.hex()) == ["are you angry?"]


def test_a_damaged_letter_keeps_none_behind_it_back(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "one")
        bea.says("ana", "two")
        ana.gets(bea.letters())
        with ana.store.write(durable=True):
            ana.store._db.run(
                "UPDATE letter SET raw = x'00' WHERE rid = (SELECT min(rid) FROM letter)"
            )
        ana.opens()
        assert ana.texts("bea") == ["two"]


def test_a_forgotten_room_s_words_are_not_in_the_outbox(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bea.says("ana", "my telephone number")
        meet(ana, bea)
        bea.call("forget", to="ana")
        assert bea.call("outbox", all=True)["entries"] == []
        for path in bea.home.path.glob("jangteo.db*"):
            assert b"telephone" not in path.read_bytes(), path
