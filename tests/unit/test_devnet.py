"""The sample goods and how they are shared among the nodes of a devnet."""

import json
from pathlib import Path

import pytest

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.config import read_config
from jangteo.node.desk_error import DeskError
from jangteo.node.devnet import NODES_MAX, Devnet, people
from jangteo.node.office import open_office

SAMPLES = Path(__file__).parents[2] / "node" / "samples"


def _samples() -> list[dict[str, object]]:
    return [
        json.loads(line)
        for file in sorted(SAMPLES.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("count", range(1, NODES_MAX + 1))
def test_all_samples_are_shared_out_once_whatever_the_count(count: int) -> None:
    persons = people(count)
    goods = [line for person in persons for line in person.goods]
    assert len(goods) == len(set(goods)) == len(_samples())
    assert all(person.goods for person in persons)
    assert len({person.name for person in persons}) == count


def test_samples_are_as_varied_as_a_neighbourhood() -> None:
    samples = _samples()
    assert len(samples) >= 60
    assert {sample["side"] for sample in samples} == {"sell", "want"}
    assert {"new", "like-new", "good", "fair", "parts"} - {
        sample.get("condition") for sample in samples
    } == {"new"}
    prices = [sample["price"] for sample in samples]
    assert None in prices
    amounts = [price for price in prices if isinstance(price, dict)]
    assert {price["currency"] for price in amounts} == {"KRW", "JPY", "USD"}
    assert sum(price["amount"].strip("0.") == "" for price in amounts) >= 6
    assert len({sample["category"] for sample in samples}) >= 25


def test_a_devnet_furnishes_homes_and_takes_them_away() -> None:
    with Devnet(["true"], 2) as net:
        made = [net.furnish(person) for person in net.people]
        assert sum(event["listings"] for event in made) == net.listings
        assert [net.counted(person) for person in net.people] == [
            len(person.goods) for person in net.people
        ]
        home = net.home(net.people[0])
        with open_office(home, read_config(home)) as office:
            shown = office.call("search", {})["rows"]
            photos = [photo for listing in shown for photo in listing["photos"]]
        assert shown and all(listing["photos"] for listing in shown)
        folder = BlobFolder(home.blobs_path)
        assert all(folder.is_sound(bytes.fromhex(photo["hash"])) for photo in photos)
        assert all(folder.is_sound(bytes.fromhex(photo["thumb"])) for photo in photos)
    assert not net.folder.exists()


@pytest.mark.parametrize("count", [0, NODES_MAX + 1])
def test_more_nodes_than_a_machine_bears_are_refused(count: int) -> None:
    with pytest.raises(DeskError, match="from 1 to 16"):
        Devnet(["true"], count)


def test_a_node_that_ends_by_itself_is_told() -> None:
    with Devnet(["false"], 1) as net:
        (person,) = net.people
        net.home(person).make()
        net.start(person)
        with pytest.raises(DeskError, match="ended by itself"):
            list(net.events(30))
