"""The languages: how texts, money, dates and spans are said, and which language is chosen."""

import json

import pytest

from jangteo.node.tongue import CODES, Tongue, chosen, of_environment, tongue
from jangteo.protocol.told import Told, retold, said_in, tell, tell_count

WON = {"amount": "950000", "currency": "KRW"}
NOON = "2026-11-24T12:00:00+00:00"
NOON_MS = 1_795_521_600_000


def test_english_is_what_stands_in_the_sources() -> None:
    english = tongue("en")
    assert english.gettext("just now") == "just now"
    assert english.gettext("") == ""
    assert english.ngettext("{count} day", "{count} days", 2) == "{count} days"
    assert english.money(WON) == "₩950,000"
    assert english.money({"amount": "0", "currency": "XXX"}) == "free"
    assert english.money({"amount": "0.00", "currency": "USD"}) == "free"
    assert english.money(None) == "ask"
    assert english.number(1234567) == "1,234,567"


def test_no_tongue_is_made_of_another_code() -> None:
    for code in ("de", "", "KO", "../ko"):
        with pytest.raises(ValueError, match="none of"):
            Tongue(code)
        with pytest.raises(ValueError, match="none of"):
            tongue(code)


@pytest.mark.parametrize("code", CODES)
def test_a_date_is_said_in_the_manner_of_the_language(code: str) -> None:
    expected = {"en": "November 24, 2026", "ko": "2026년 11월 24일", "ja": "2026年11月24日"}
    assert tongue(code).date(NOON).startswith(expected[code])
    assert tongue(code).moment(NOON).startswith(expected[code])


def test_money_stands_as_its_own_country_writes_it() -> None:
    assert tongue("ko").money(WON) == "950,000원"
    assert tongue("ja").money({"amount": "8000", "currency": "JPY"}) == "8,000円"
    assert tongue("ja").money(WON) == "₩950,000"
    assert tongue("ko").money({"amount": "80.50", "currency": "USD"}) == "$80.50"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (-59, "in a moment"),
        (60, "1 min ago"),
        (7_199, "1 h ago"),
        (86_400, "1 day ago"),
        (-86_401, "in 2 days"),
        (86_400 * 365 * 3, "3 years ago"),
    ],
)
def test_a_span_is_rounded_as_one_says_it(seconds: int, said: str) -> None:
    assert tongue("en").ago(NOON, NOON_MS + seconds * 1000) == said


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr-FR, ja;q=0.5, en;q=0.3", "ja"),
        ("en;q=0.2, ko-Kore-KR;q=0.8", "ko"),
        ("ja;q=0, en", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
        ("*", "en"),
        ("ko;q=much, ja", "ja"),
        ("x" * 100_000, "en"),
        ("de," * 100_000 + "ko", "en"),
    ],
)
def test_the_language_is_the_first_of_ours_that_a_browser_wants(
    header: str | None, code: str
) -> None:
    assert chosen(header) == code


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ja_JP.eucJP@x"}, "ja"),
        ({"LC_ALL": "C", "LANG": "ko_KR.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "ja_JP", "LANG": "ko_KR"}, "ja"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_of_a_terminal_is_that_of_its_environment(
    environ: dict[str, str], code: str
) -> None:
    assert of_environment(environ) == code


def test_what_is_told_is_english_text_that_remembers_its_making() -> None:
    made = tell("{price!r} is no price: {help}", price="x", help=tell("write 80 USD"))
    assert made == "'x' is no price: write 80 USD"
    assert Told.from_json(made.to_json()) == made
    days = tell_count("{n:,} day", "{n:,} days", 2000)
    assert days == "2,000 days"
    again = Told.from_json(days.to_json())
    assert again is not None
    assert (again, again.number, again.many) == (days, 2000, "{n:,} days")
    assert tongue("en").told(made) == made


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        {},
        {"msgid": 1, "values": {}},
        {"msgid": "{a}", "values": {"b": 1}},
        {"msgid": "{a.b}", "values": {"a": 1}},
        {"msgid": "{a", "values": {"a": 1}},
        {"msgid": "{a}", "values": {"a": 1.5}},
        {"msgid": "{a}", "values": {"a": {"msgid": 1}}},
        {"msgid": "x", "values": {}, "many": 3},
        {"msgid": "x", "values": {}, "many": "y", "number": "2"},
        {"msgid": "x", "values": {str(n): n for n in range(17)}},
    ],
)
def test_what_is_not_told_is_nothing(broken: object) -> None:
    assert Told.from_json(broken) is None


def test_telling_does_not_nest_without_end() -> None:
    deep: dict[str, object] = {"msgid": "x", "values": {}}
    for _ in range(5):
        deep = {"msgid": "{x}", "values": {"x": deep}}
    assert Told.from_json(deep) is None


def test_what_an_answer_says_survives_the_way_over_the_control_api() -> None:
    answer = {
        "result": {"rows": [1, {"shown": tell("a deal")}], "title": "a deal"},
        "notices": [{"message": tell_count("{n} day", "{n} days", 3)}],
    }
    told = json.loads(json.dumps(answer))
    retold(told, json.loads(json.dumps(said_in(answer))))
    assert told == answer
    assert isinstance(told["result"]["rows"][1]["shown"], Told)
    assert isinstance(told["notices"][0]["message"], Told)
    assert not isinstance(told["result"]["title"], Told)


def test_only_what_stands_there_is_told_again() -> None:
    answer = {"a": ["one", "two"], "b": 1}
    how = tell("three").to_json()
    for said in (
        None,
        "a",
        {"a": 1},
        [1],
        [[]],
        [[[], how]],
        [[["a", 0], how]],
        [[["a", 7], how]],
        [[["a", -1], how]],
        [[["a", "0"], how]],
        [[["b", "c"], how]],
        [[["a", True], how]],
        [[["a", 0], how, 3]],
        [[["a", 0], {"msgid": "one"}]],
    ):
        retold(answer, said)
        assert answer == {"a": ["one", "two"], "b": 1}
        assert not isinstance(answer["a"][0], Told)  # type: ignore[index]
