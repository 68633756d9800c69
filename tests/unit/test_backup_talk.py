"""Conversations come back with a backup: rooms, deals, keys, and what is owed."""

import json
import zlib
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jangteo.crypto.keyfile import open_secret, seal_secret
from jangteo.node import identity
from jangteo.node.backup import make_backup, restore_file
from jangteo.node.desk_error import DeskError
from jangteo.protocol.deal import State
from jangteo.protocol.envelope import open_record
from jangteo.protocol.message import DEAL, author_message
from tests.desk_maker import Dice
from tests.market_maker import NOW_MS
from tests.talk_maker import Talker, introduce, meet, talkers

HORSE = "correct horse"


def backup_of(person: Talker) -> bytes:
    return make_backup(
        person.home, person.config, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("backup")
    ).data


def restored(folder: Path, data: bytes) -> tuple[Talker, int]:
    """A new home of Ana's from a backup, and how many messages came back."""
    there = folder / "again"
    there.mkdir()
    home = Talker(there, "ana")
    home.close()
    told = restore_file(home.home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
    return Talker(there, "ana"), told.messages


def test_a_conversation_goes_on_where_it_was(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        bea.says(bike, "still there?")
        bea.call("offer", to=bike, price="900000")
        meet(ana, bea)
        ana.call("accept", to=bike)
        ana.says(bike, "come tonight")  # nobody has it yet
        bea.says(bike, "sealed before the backup, and under way")
        data = backup_of(ana)

        again, count = restored(tmp_path, data)
        assert count == 4
        assert again.texts(bike) == ["still there?", "come tonight"]
        (deal,) = again.call("deals", to=bike)["deals"]
        assert (deal["state"], deal["signed_by_both"]) == ("confirmed", True)
        bea.give(again, [open_record(raw) for _, raw in bea.store.iter_records()])
        again.tend()
        introduce(again, bea)
        meet(again, bea)
        assert "come tonight" in bea.texts(bike)
        assert "sealed before the backup, and under way" in again.texts(bike)
        (deal,) = bea.call("deals", to=bike)["deals"]
        assert deal["state"] == "confirmed"
        again.call("done", to=bike)
        assert again.call("review", to=bike, mark="good")["published"] is False
        again.close()


def test_restoring_again_doubles_nothing(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        bea.says("ana", "hello")
        meet(ana, bea)
        ana.says("bea", "hello yourself")
        data = backup_of(ana)
        told = restore_file(ana.home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
        assert told.messages == 0
        assert ana.texts("bea") == ["hello", "hello yourself"]


def test_what_was_seen_stays_seen_and_what_came_since_does_not(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea", "cyd") as (ana, bea, cyd):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        bea.says("ana", "one")
        bea.says("ana", "two")
        cyd.says("ana", "not seen yet")
        meet(ana, bea, cyd)
        ana.call("seen", to="bea")
        ana.call("mute", to="cyd")
        bea.says("ana", "three")
        meet(ana, bea, cyd)
        data = backup_of(ana)
        again, _ = restored(tmp_path, data)
        rooms = {each["person"]: each for each in again.call("inbox")["rooms"]}
        with_bea, with_cyd = (rooms[each.key.public.hex()] for each in (bea, cyd))
        assert (with_bea["unread"], with_bea["muted"]) == (1, False)
        assert (with_cyd["unread"], with_cyd["muted"]) == (1, True)
        again.close()
        # An older one takes nothing of what was seen since away.
        ana.call("seen", to="bea")
        restore_file(ana.home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
        assert ana.call("inbox")["unread"] == 0


def test_what_came_into_a_home_of_words_is_opened_with_the_keys_that_come_back(
    tmp_path: Path,
) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        bea.says("ana", "hello")
        meet(ana, bea)
        data = backup_of(ana)
        bea.says("ana", "sealed to the key of before")
        there = tmp_path / "words"
        there.mkdir()
        words = Talker(there, "ana")
        words.call("profile", name="ana")
        words.close()
        words = Talker(there, "ana")  # with dice of its own: its box keys are others
        identity.adopt_seed(words.home, words.key.seed, entropy=Dice())
        words.tend()
        introduce(words, bea)
        words.gets(bea.letters())
        words.opens()
        assert not words.call("inbox")["rooms"]
        restore_file(words.home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
        words.opens()
        assert words.texts(bea.key.public.hex()) == ["hello", "sealed to the key of before"]
        words.close()


def test_a_deal_that_is_here_goes_on_from_what_came_back(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        bea.call("offer", to=bike, price="900000")
        meet(ana, bea)
        ana.call("accept", to=bike)
        data = backup_of(ana)
        (before,) = ana.store.deals.deals()
        with ana.store.write(durable=True):  # as it is in a home that heard of the offer alone
            ana.store.deals.put(replace(before, state=State.OFFERED, taken=0))
        told = restore_file(ana.home, data, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("new"))
        assert told.made_ms == NOW_MS
        (after,) = ana.store.deals.deals()
        assert (after.state, after.taken) == (State.CONFIRMED, 1)


def test_a_damaged_step_of_a_deal_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        told = json.loads(zlib.decompress(open_secret(backup_of(ana), HORSE)))
        step = author_message(ana.key, bea.key.public, NOW_MS, bytes(32), DEAL, {"deal": b"no"})
        told["talk"]["messages"] = [{"raw": b64encode(step.raw).decode(), "shown_ms": NOW_MS}]
        packed = zlib.compress(json.dumps(told).encode())
        data = seal_secret(packed, HORSE, bytes(16), bytes(12))
        with pytest.raises(DeskError, match="damaged"):
            restored(tmp_path, data)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("boxes", [{"secret": "AA==", "suite": 1, "made_ms": 1, "succeeded_ms": None}]),
        ("messages", [{"raw": "AA==", "shown_ms": 1}]),
        ("outbox", [{"raw": "AA=="}]),
        ("deals", [{"id": "00"}]),
        ("reviews", [{"deal": "00", "body": "AA=="}]),
        ("boxes", 5),
        ("boxes", [{"secret": "AA" * 21 + "A=", "suite": 1, "made_ms": 2**70}]),
        ("rooms", [{"room": "zz"}]),
    ],
)
def test_a_damaged_talk_is_no_backup(tmp_path: Path, part: str, value: Any) -> None:
    with talkers(tmp_path, "ana") as (ana,):
        identity.adopt_seed(ana.home, ana.key.seed, entropy=Dice())
        told = json.loads(zlib.decompress(open_secret(backup_of(ana), HORSE)))
        told["talk"][part] = value
        packed = zlib.compress(json.dumps(told).encode())
        data = seal_secret(packed, HORSE, bytes(16), bytes(12))
        with pytest.raises(DeskError):
            restored(tmp_path, data)
