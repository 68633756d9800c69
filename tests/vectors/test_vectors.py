"""The committed vectors are what the generator makes, and this implementation agrees with each."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from jangteo.crypto.keys import AuthorKey
from jangteo.crypto.phrase import seed_from_words, words_from_seed
from jangteo.protocol.envelope import listing_id, open_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.kind import lifetime_ms
from jangteo.protocol.letter import open_letter, parse_letter
from jangteo.protocol.message import open_message
from jangteo.protocol.money import EXPONENTS

HERE = Path(__file__).parent


def load(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def generator(name: str = "make_vectors") -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_vectors_are_what_the_generator_makes() -> None:
    made = generator()
    for name, make in made.FILES.items():
        assert (HERE / name).read_text(encoding="utf-8") == made.text_of(make), name


def test_the_committed_letters_are_what_their_generator_makes() -> None:
    """Their seal is written out from the standard: the library opens what another has sealed."""
    made = generator("make_letters")
    text = generator().text_of(made.letters)
    assert (HERE / "letters.json").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("vector", load("letters.json"), ids=lambda vector: vector["name"])
def test_a_letter_is_opened_or_refused_as_the_vector_says(vector: dict[str, Any]) -> None:
    secret, public = bytes.fromhex(vector["secret"]), bytes.fromhex(vector["public"])
    raw, person = bytes.fromhex(vector["letter"]), bytes.fromhex(vector["person"])
    if "breaks" in vector:
        with pytest.raises(RemoteProtocolError) as caught:
            open_message(open_letter(parse_letter(raw), secret, public) or b"", person)
        assert caught.value.rule == vector["breaks"]
        return
    plain = open_letter(parse_letter(raw), secret, public)
    assert (plain is not None) is vector["opens"]
    if plain is not None:
        message, said = open_message(plain, person), vector["message"]
        assert (message.id.hex(), message.author.hex()) == (said["id"], said["author"])
        assert (message.about.hex(), message.ts_ms) == (said["about"], said["ts_ms"])
        assert (message.kind, message.body["text"]) == (said["kind"], said["text"])


@pytest.mark.parametrize("vector", load("records_good.json"), ids=lambda vector: vector["name"])
def test_a_good_record_is_read_as_the_vector_says(vector: dict[str, Any]) -> None:
    record = open_record(bytes.fromhex(vector["raw"]))
    head = record.header
    assert record.id.hex() == vector["id"]
    assert listing_id(head.thread_key).hex() == vector["listing_id"]
    assert (head.kind, head.author.hex(), head.ts_ms) == (
        vector["kind"],
        vector["author"],
        vector["ts_ms"],
    )
    assert (head.market, head.thread.hex(), head.revision) == (
        vector["market"],
        vector["thread"],
        vector["revision"],
    )
    assert (head.is_delete, head.expires_ms) == (vector["is_delete"], vector["expires_ms"])


@pytest.mark.parametrize("vector", load("records_bad.json"), ids=lambda vector: vector["name"])
def test_a_bad_record_breaks_the_rule_the_vector_names(vector: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        open_record(bytes.fromhex(vector["raw"]))
    assert caught.value.rule == vector["breaks"]
    assert (caught.value.penalty == 0) == (vector["breaks"] == "R2.2")


@pytest.mark.parametrize("vector", load("current.json"), ids=lambda vector: vector["name"])
def test_the_current_record_of_a_thread_is_the_one_of_greatest_rank(vector: dict[str, Any]) -> None:
    records = [open_record(bytes.fromhex(raw)) for raw in vector["raws"]]
    assert max(records, key=lambda record: record.rank) is records[vector["current"]]


@pytest.mark.parametrize("vector", load("keys.json"), ids=lambda vector: vector["seed"][:8])
def test_words_seed_and_author_belong_together(vector: dict[str, Any]) -> None:
    seed = bytes.fromhex(vector["seed"])
    assert words_from_seed(seed) == vector["words"]
    assert seed_from_words("  " + vector["words"].upper().replace(" ", "\n")) == seed
    assert AuthorKey.from_seed(seed).public.hex() == vector["author"]


def test_lifetimes_follow_from_kind_and_delete_alone() -> None:
    for vector in load("lifetimes.json"):
        assert lifetime_ms(vector["kind"], vector["is_delete"]) == vector["lifetime_ms"]


def test_the_table_of_exponents_is_frozen() -> None:
    assert load("exponents.json") == EXPONENTS
