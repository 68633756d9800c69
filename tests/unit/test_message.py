"""Messages within the seal: whose they are, for whom, and what they may say."""

from typing import Any

import pytest

from jangteo.crypto.digest import sha256
from jangteo.protocol import canonical, limits
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.message import (
    AGREE,
    MEET,
    RECEIPT,
    REVIEW,
    TEXT,
    Message,
    Receipt,
    author_message,
    open_message,
    receipt_of,
    room_id,
    stored_message,
)
from tests.market_maker import NOW_MS, key

ANA, BEA, EVE = key("ana"), key("bea"), key("eve")
LISTING = bytes(range(32))


def text(words: str = "still there?", about: bytes = LISTING) -> Message:
    return author_message(ANA, BEA.public, NOW_MS, about, TEXT, {"text": words})


def signed(fields: list[Any]) -> bytes:
    payload = canonical.encode(fields)
    return payload + ANA.sign(b"jangteo/message/1\x00" + sha256(payload))


def test_it_opens_as_what_was_written() -> None:
    message = open_message(text().raw, BEA.public)
    assert (message.author, message.person) == (ANA.public, BEA.public)
    assert (message.kind, message.body["text"]) == (TEXT, "still there?")
    assert message.id == text().id == stored_message(message.raw).id


def test_one_that_was_written_to_another_is_refused() -> None:
    """Who got a message cannot seal it again to somebody else as its writer's words to them."""
    with pytest.raises(RemoteProtocolError, match=r"R13\.3"):
        open_message(text().raw, EVE.public)


@pytest.mark.parametrize("at", [-1, -64])
def test_a_changed_signature_is_nobodys(at: int) -> None:
    raw = bytearray(text().raw)
    raw[at] ^= 1
    with pytest.raises(RemoteProtocolError, match=r"R13\.2"):
        open_message(bytes(raw), BEA.public)


def test_changed_words_are_not_signed() -> None:
    raw = text().raw.replace(b"still there?", b"still there!")
    with pytest.raises(RemoteProtocolError, match=r"R13\.2"):
        open_message(raw, BEA.public)


def test_a_room_is_the_same_from_both_sides() -> None:
    ours = text().room
    theirs = author_message(BEA, ANA.public, NOW_MS, LISTING, TEXT, {"text": "yes"}).room
    assert ours == theirs == room_id(BEA.public, ANA.public, LISTING)
    assert ours != text(about=b"").room


def test_a_message_is_made_by_signing_or_opening_only() -> None:
    with pytest.raises(TypeError):
        Message(b"", [], object())


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 2),
        (0, True),
        (1, b"short"),
        (2, ANA.public),
        (3, -1),
        (3, "now"),
        (4, b"12"),
        (5, ""),
        (5, "x" * 17),
        (6, []),
    ],
)
def test_what_is_no_message_is_refused(at: int, value: object) -> None:
    fields: list[Any] = [1, ANA.public, BEA.public, NOW_MS, LISTING, TEXT, {"text": "hi"}]
    fields[at] = value
    with pytest.raises(RemoteProtocolError, match=r"R13\.1"):
        open_message(signed(fields), BEA.public)


@pytest.mark.parametrize("raw", [b"", b"x" * 64, b"\x91" * 100, b"x" * 9000])
def test_bytes_are_bounded_before_they_are_read(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        open_message(raw, BEA.public)


@pytest.mark.parametrize(
    ("kind", "body", "rule"),
    [
        (TEXT, {}, "R13.4"),
        (TEXT, {"text": ""}, "R13.4"),
        (TEXT, {"text": 5}, "R13.4"),
        (TEXT, {"text": "x" * (limits.MESSAGE_CHARS_MAX + 1)}, "R13.4"),
        (TEXT, {"text": "𝄞" * (limits.MESSAGE_BYTES_MAX // 4 + 1)}, "R13.4"),
        (MEET, {}, "R13.5"),
        (MEET, {"time": "3", "place": "x" * (limits.MEET_CHARS_MAX + 1)}, "R13.4"),
        (AGREE, {"meet": b"12"}, "R13.5"),
        (RECEIPT, {"delivered": []}, "R13.6"),
        (RECEIPT, {"delivered": [b"12"], "read": []}, "R13.6"),
        (REVIEW, {"deal": bytes(16)}, "R13.7"),
        (REVIEW, {"deal": b"12", "commit": bytes(32)}, "R13.7"),
    ],
)
def test_a_known_kind_says_what_it_may(kind: str, body: dict[str, Any], rule: str) -> None:
    fields = [1, ANA.public, BEA.public, NOW_MS, LISTING, kind, body]
    with pytest.raises(RemoteProtocolError) as caught:
        open_message(signed(fields), BEA.public)
    assert caught.value.rule == rule
    with pytest.raises(LocalProtocolError):
        author_message(ANA, BEA.public, NOW_MS, LISTING, kind, body)


def test_a_kind_to_come_is_kept() -> None:
    raw = signed([1, ANA.public, BEA.public, NOW_MS, b"", "dance", {"tempo": 3}])
    assert open_message(raw, BEA.public).kind == "dance"


def test_a_receipt_says_what_came_and_what_was_read() -> None:
    receipt = Receipt((bytes(32),), (b"r" * 32,))
    message = author_message(ANA, BEA.public, NOW_MS, b"", RECEIPT, receipt.to_body())
    assert receipt_of(open_message(message.raw, BEA.public)) == receipt


def test_the_longest_words_fit_a_letter() -> None:
    words = "가" * (limits.MESSAGE_BYTES_MAX // 3)
    assert len(text(words).raw) < limits.LETTER_PLAIN_BYTES_MAX
