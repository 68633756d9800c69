"""Conversations come back with a backup: rooms, deals, keys, and what is owed."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from jangteo.crypto.keyfile import open_secret, seal_secret
from jangteo.node import identity
from jangteo.node.backup import make_backup, restore_file
from jangteo.node.desk_error import DeskError
from jangteo.protocol.envelope import open_record
from tests.desk_maker import Dice
from tests.market_maker import NOW_MS
from tests.talk_maker import Talker, introduce, meet, talkers

HORSE = "correct horse"


def backup_of(person: Talker) -> bytes:
    return make_backup(
        person.home, person.config, HORSE, now_ms=NOW_MS, environ={}, entropy=Dice("backup")
    )


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


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("boxes", [{"secret": "AA==", "suite": 1, "made_ms": 1, "succeeded_ms": None}]),
        ("messages", [{"raw": "AA==", "shown_ms": 1}]),
        ("outbox", [{"raw": "AA=="}]),
        ("deals", [{"id": "00"}]),
        ("reviews", [{"deal": "00", "body": "AA=="}]),
        ("boxes", 5),
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
