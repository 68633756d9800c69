"""What a talk says of what has come: one line for what came together, and none of other rooms."""

from typing import Any

from jangteo.cli.delivery_news import DeliveryNews


def mine(name: str, state: str = "written") -> dict[str, Any]:
    return {"id": name, "mine": True, "state": state}


def event(name: str, state: str = "delivered") -> dict[str, Any]:
    return {"event": "delivery", "id": name, "state": state}


def test_one_message_comes_and_is_read() -> None:
    news = DeliveryNews()
    assert news.said([mine("a")]) is None
    assert news.heard(event("a")) == "came"
    assert news.heard(event("a")) is None
    assert news.heard(event("a", "read")) == "read"


def test_many_that_come_together_are_one_line() -> None:
    news = DeliveryNews()
    for name in "abc":
        news.said([mine(name)])
    assert [news.heard(event(name)) for name in "abc"] == [None, None, "3 messages came"]
    assert [news.heard(event(name, "read")) for name in "abc"] == [None, None, "3 messages read"]


def test_what_is_heard_before_it_is_said_is_not_lost() -> None:
    news = DeliveryNews()
    assert news.heard(event("a")) is None
    assert news.said([mine("a")]) == "came"


def test_other_rooms_and_what_was_known_are_passed_over() -> None:
    news = DeliveryNews()
    news.said([{"id": "theirs", "mine": False}, mine("a", "read")])
    assert news.heard(event("a", "read")) is None
    assert news.heard(event("elsewhere")) is None
    for number in range(1000):
        news.heard(event(f"elsewhere {number}"))
    assert len(news._early) == 64


def test_an_expiry_is_no_coming() -> None:
    news = DeliveryNews()
    news.said([mine("a")])
    assert news.heard(event("a", "expired")) is None
