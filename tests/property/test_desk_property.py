"""Whatever a caller sends to the desk: it answers, or says in one line why not, as DeskError."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.node.desk import STREAMS, VERBS
from jangteo.node.desk_args import parse_until
from jangteo.node.desk_error import DeskError
from tests.desk_maker import Stall, stall
from tests.market_maker import NOW_MS

ARGUMENTS = (
    "id", "title", "price", "description", "category", "condition", "place", "quantity", "tags",
    "url", "until", "market", "wanted", "text", "min_price", "max_price", "currency", "seller",
    "status", "sort", "limit", "after", "author", "name", "about", "all", "mine", "format",
    "path", "source", "dry_run", "withdraw_missing", "per_variant",
)  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=30),
    st.text(alphabet="0123456789abcdef", min_size=3, max_size=8),
    st.sampled_from(("free", "ask", "₩5,000", "30d", "2025-12-24", "none", "all", "open", "sold")),
    st.lists(st.text(max_size=5), max_size=4),
    st.dictionaries(st.sampled_from(("amount", "currency")), st.text(max_size=5), max_size=2),
    st.floats(allow_nan=False),
)
CALLS = st.tuples(
    st.sampled_from((*VERBS, "buy")),
    st.dictionaries(st.sampled_from((*ARGUMENTS, "colour")), VALUES, max_size=4),
)
STREAM_CALLS = st.tuples(
    st.sampled_from((*STREAMS, "sell")),
    st.dictionaries(st.sampled_from(ARGUMENTS), VALUES, max_size=3),
)


@pytest.fixture(scope="module")
def ana() -> Iterator[Stall]:
    with tempfile.TemporaryDirectory() as folder, stall(Path(folder)) as made:
        yield made


def known_id(ana: Stall, args: dict[str, Any]) -> dict[str, Any]:
    """Sometimes an id of a listing that there is, so that more than the first check is reached."""
    if args.get("id") is True:
        return args | {"id": ana.sell("Lamp")}
    return args


@settings(max_examples=300, deadline=None)
@given(CALLS)
def test_a_call_gives_json_or_says_why_not(ana: Stall, call: tuple[str, dict[str, Any]]) -> None:
    verb, args = call
    try:
        result = ana.desk.call(verb, known_id(ana, args))
    except DeskError as error:
        assert error.message
        assert error.exit_code in (1, 2, 3)
        assert len(error.message.splitlines()) == 1
        json.dumps(error.to_json())
    else:
        assert json.loads(json.dumps(result)) == result
    ana.desk.take_published()


@settings(max_examples=100, deadline=None)
@given(STREAM_CALLS)
def test_a_stream_gives_json_or_says_why_not(ana: Stall, call: tuple[str, dict[str, Any]]) -> None:
    verb, args = call
    try:
        for item in ana.desk.stream(verb, args):
            assert json.loads(json.dumps(item)) == item
    except DeskError as error:
        assert len(error.message.splitlines()) == 1


@given(st.text(max_size=40))
def test_an_end_is_a_time_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_until(text, NOW_MS), int)
    except DeskError as error:
        assert error.exit_code == 2


def test_what_came_of_it_all_is_sound(ana: Stall) -> None:
    assert ana.call("verify")["ok"]
