"""Records at the edges of their rules: what is just within is taken, what is just beyond is not."""

import dataclasses
from typing import Any

import msgpack
import pytest

from jangteo.crypto.digest import sha256
from jangteo.protocol import canonical, limits
from jangteo.protocol.envelope import (
    Envelope,
    Header,
    UnknownVersion,
    Verified,
    author_record,
    open_record,
    parse,
    verify,
)
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.kind import KIND_MAX, LISTING, lifetime_ms
from jangteo.protocol.listing import Listing
from jangteo.protocol.verdict import Admission, Verdict
from tests.market_maker import NOW_MS, Seller, key

AUTHOR = key("author")
UNKNOWN_KIND = 40
DOMAIN = b"jangteo/record/1\x00"


def payload(**changes: Any) -> bytes:
    fields = {
        "version": 1,
        "kind": UNKNOWN_KIND,
        "author": AUTHOR.public,
        "ts_ms": NOW_MS,
        "market": "open",
        "thread": bytes(16),
        "revision": 1,
        "body": {"a": 1},
    }
    packed: bytes = msgpack.packb(list((fields | changes).values()), use_bin_type=True)
    return packed


def signed(packed: bytes) -> bytes:
    return packed + AUTHOR.sign(DOMAIN + sha256(packed))


def header(**changes: Any) -> Header:
    fields: dict[str, Any] = {
        "kind": UNKNOWN_KIND,
        "author": AUTHOR.public,
        "ts_ms": NOW_MS,
        "market": "open",
        "thread": bytes(16),
        "revision": 1,
        "is_delete": False,
    }
    return Header(**(fields | changes))


def nested(depth: int, *, of: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if of == "list" else {"a": value}
    return value


# --- the canonical form (R1) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        -limits.INTEGER_MAX,
        limits.INTEGER_MAX,
        [0] * limits.ARRAY_ENTRIES_MAX,
        {f"{n:02}": n for n in range(limits.MAP_ENTRIES_MAX)},
        nested(limits.DEPTH_MAX, of="list"),
        nested(limits.DEPTH_MAX, of="map"),
    ],
)
def test_what_is_just_within_the_bounds_has_an_encoding(value: Any) -> None:
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (-limits.INTEGER_MAX - 1, "R1.4"),
        (limits.INTEGER_MAX + 1, "R1.4"),
        ([0] * (limits.ARRAY_ENTRIES_MAX + 1), "R1.2"),
        ({f"{n:02}": n for n in range(limits.MAP_ENTRIES_MAX + 1)}, "R1.2"),
        (nested(limits.DEPTH_MAX + 1, of="list"), "R1.6"),
        (nested(limits.DEPTH_MAX + 1, of="map"), "R1.6"),
        ({1: 1}, "R1.5"),
        ({"b": 1, "a": 1}, "R1.5"),
        (1.0, "R1.7"),
        (["ok", {"a": 1.0}], "R1.7"),
    ],
)
def test_what_is_just_beyond_has_none(value: Any, rule: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(msgpack.packb(value))
    assert caught.value.rule == rule
    if rule != "R1.5" or 1 in value:  # whoever encodes need not sort
        with pytest.raises(LocalProtocolError):
            canonical.encode(value)


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, {"a": "\udfff"}, (1, 2), {1, 2}])
def test_what_no_bytes_stand_for_is_refused_in_words(value: Any) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be published"):
        canonical.encode(value)


@pytest.mark.parametrize("data", [b"", b"\xa1\xff", b"\xa5abc", b"\xdd\xff\xff\xff\xff"])
def test_bytes_that_are_no_value_break_a_rule(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(data)
    assert caught.value.rule == "R1.2"


def test_a_value_may_be_as_long_as_its_reader_says() -> None:
    data = canonical.encode(bytes(100))
    assert canonical.decode(data, bytes_max=len(data)) == bytes(100)
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(data, bytes_max=len(data) - 1)
    assert caught.value.rule == "R1.1"


# --- records (R2) ---------------------------------------------------------------------------------


def test_a_record_may_be_as_long_as_its_bound() -> None:
    filled = payload(body={"a": b""})
    room = limits.RECORD_BYTES_MAX - limits.SIGNATURE_BYTES - len(filled)
    raw = signed(payload(body={"a": bytes(room - 1)}))  # bin16: one more byte of length
    assert len(raw) == limits.RECORD_BYTES_MAX
    assert open_record(raw).raw == raw
    with pytest.raises(RemoteProtocolError) as caught:
        open_record(signed(payload(body={"a": bytes(room)})))
    assert caught.value.rule == "R2.1"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 0},
        {"kind": KIND_MAX},
        {"ts_ms": 0},
        {"ts_ms": limits.INTEGER_MAX},
        {"revision": 0},
        {"revision": limits.INTEGER_MAX},
        {"body": {}},
        {"body": None},
        {"market": "a" * limits.MARKET_CHARS_MAX},
    ],
)
def test_a_header_may_say_so(changes: dict[str, Any]) -> None:
    record = open_record(signed(payload(**changes)))
    assert record.header.is_delete == (record.body is None)


@pytest.mark.parametrize(
    ("changes", "rule", "says"),
    [
        ({"version": True}, "R2.1", "version"),
        ({"version": "1"}, "R2.1", "version"),
        ({"kind": -1}, "R2.3", "kind"),
        ({"kind": KIND_MAX + 1}, "R2.3", "kind"),
        ({"ts_ms": -1}, "R2.3", "ts"),
        ({"ts_ms": "now"}, "R2.3", "ts"),
        ({"revision": -1}, "R2.3", "revision"),
        ({"revision": False}, "R2.3", "revision"),
        ({"author": "a" * 32}, "R2.3", "author"),
        ({"author": AUTHOR.public + b"a"}, "R2.3", "author"),
        ({"thread": "a" * 16}, "R2.3", "thread"),
        ({"thread": bytes(17)}, "R2.3", "thread"),
        ({"market": b"open"}, "R4.1", "market"),
        ({"market": 5}, "R4.1", "market"),
        ({"body": [1]}, "R2.4", "body"),
        ({"body": {"a": None}}, "R2.4", "nil"),
        ({"body": {"a": [1, None]}}, "R2.4", "nil"),
        ({"body": {"a": {"b": None}}}, "R2.4", "nil"),
        ({"later": 1}, "R2.3", "9 fields"),
    ],
)
def test_a_header_may_not_say_so(changes: dict[str, Any], rule: str, says: str) -> None:
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        parse(signed(payload(**changes)))
    assert caught.value.rule == rule
    assert caught.value.penalty == 10


def test_another_version_is_nobody_s_fault() -> None:
    for version in (0, 2):
        with pytest.raises(UnknownVersion) as caught:
            parse(signed(payload(version=version, kind="anything")))
        assert (caught.value.rule, caught.value.penalty) == ("R2.2", 0)


def test_a_forged_signature_costs_half_a_ban() -> None:
    raw = signed(payload())
    envelope = parse(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(RemoteProtocolError) as caught:
        verify(envelope)
    assert (caught.value.rule, caught.value.penalty) == ("R2.5", 50)


def test_nobody_makes_a_verified_record_but_by_its_signature() -> None:
    envelope = parse(signed(payload()))
    with pytest.raises(TypeError, match="verify"):
        Verified(envelope, object())
    record = verify(envelope)
    assert record.rank == (False, 1, record.id)
    with pytest.raises(AttributeError):
        record.extra = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [header(), parse(signed(payload()))])
def test_a_header_and_an_envelope_never_change(value: Header | Envelope) -> None:
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, 1)
    assert not hasattr(value, "__dict__")


def test_records_are_equal_by_their_ids() -> None:
    seller = Seller.named("ana")
    lamp, again, chair = seller.lists(1, "lamp"), seller.lists(1, "lamp"), seller.lists(1, "chair")
    assert lamp == again and lamp != chair
    assert lamp != lamp.id
    assert {lamp, again, chair} == {chair, lamp}
    assert len({lamp, again, chair}) == 2
    assert lamp.id.hex()[:12] in repr(lamp)


def test_an_author_signs_only_what_is_a_record_of_theirs() -> None:
    record = author_record(AUTHOR, header(), {"a": 1})
    assert open_record(record.raw) == record
    assert author_record(AUTHOR, header(is_delete=True), None).header.is_delete
    for wrong, body in (
        (header(author=key("other").public), {"a": 1}),
        (header(is_delete=True), {"a": 1}),
        (header(), None),
        (header(market="Open"), {"a": 1}),
        (header(kind=LISTING), {"a": 1}),
        (header(revision=-1), {"a": 1}),
    ):
        with pytest.raises(LocalProtocolError):
            author_record(AUTHOR, wrong, body)


def test_the_body_of_a_listing_is_read_with_its_time() -> None:
    ends = NOW_MS + limits.LIFETIME_SHORT_MS
    body = Listing("lamp", until_ms=ends, created_ms=NOW_MS).to_body()
    assert parse(signed(payload(kind=LISTING, body=body))).body == body
    with pytest.raises(RemoteProtocolError):
        parse(signed(payload(kind=LISTING, body=body, ts_ms=NOW_MS - 1)))


# --- lifetimes and verdicts (R3, R5) --------------------------------------------------------------


def test_a_record_is_over_when_its_lifetime_is() -> None:
    for kind, is_delete in ((LISTING, False), (63, True), (64, False), (KIND_MAX, True)):
        told = header(kind=kind, is_delete=is_delete)
        assert told.expires_ms == NOW_MS + lifetime_ms(kind, is_delete)


KEPT = {Admission.NEW, Admission.DUPLICATE}
DECLINED = {
    Admission.FUTURE,
    Admission.EXPIRED,
    Admission.BLOCKED,
    Admission.CROWDED,
    Admission.FULL,
}


def test_each_admission_has_its_consequences() -> None:
    for admission in Admission:
        assert admission.is_kept is (admission in KEPT)
        assert admission.is_declined is (admission in DECLINED)
        is_news = admission is Admission.NEW
        assert admission.verdict is (Verdict.ACCEPT if is_news else Verdict.IGNORE)
        assert admission.value == admission.name.lower()
    assert [verdict.value for verdict in Verdict] == ["accept", "ignore", "reject"]
