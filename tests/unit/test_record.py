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
    reopened,
    verify,
    vouched,
)
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.kind import KIND_MAX, LISTING, PROFILE, REVIEW, lifetime_ms
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import COMMONS, HELP, OPEN, is_market, market_of, topic
from jangteo.protocol.money import Price
from jangteo.protocol.proof import Proof, Terms
from jangteo.protocol.review import Review
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
        [True, False, None, b"", b"\xff", "", "가", 0],
    ],
)
def test_what_is_just_within_the_bounds_has_an_encoding(value: Any) -> None:
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "unordered"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
        ({"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}}),
        (
            {"\uffff": 1, "\U00010000": 2},
            {"\U00010000": 2, "\uffff": 1},
        ),  # UTF-16 has them otherwise
    ],
)
def test_whoever_encodes_need_not_sort_and_whoever_decodes_must_find_it_sorted(
    value: Any, unordered: Any
) -> None:
    assert canonical.encode(unordered) == canonical.encode(value) == msgpack.packb(value)
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(msgpack.packb(unordered))
    assert caught.value.rule == "R1.5"


def test_a_key_that_comes_twice_has_another_encoding() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(b"\x82\xa1a\x01\xa1a\x02")
    assert caught.value.rule == "R1.3"


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
        ([{1: 1}], "R1.5"),
        (1.0, "R1.7"),
        (["ok", {"a": 1.0}], "R1.7"),
    ],
)
def test_what_is_just_beyond_has_none(value: Any, rule: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(msgpack.packb(value))
    assert caught.value.rule == rule
    # A reader does not even unpack what is too wide.
    assert rule_of_unpublished(value) == ("R1.6" if rule == "R1.2" else rule)


def rule_of_unpublished(value: Any) -> str:
    """The rule for which `value` has no encoding, beneath the words for whoever wanted one."""
    with pytest.raises(LocalProtocolError, match="cannot be published") as caught:
        canonical.encode(value)
    assert isinstance(caught.value.__context__, RemoteProtocolError)
    return caught.value.__context__.rule


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("\ud800", "R1.2"),
        ({"\ud800": 1}, "R1.2"),
        ({"a": "\udfff"}, "R1.2"),
        ((1, 2), "R1.7"),
        ({1, 2}, "R1.7"),
    ],
)
def test_what_no_bytes_stand_for_is_refused_in_words(value: Any, rule: str) -> None:
    assert rule_of_unpublished(value) == rule


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xa1\xff",
        b"\xa5abc",
        b"\xdd\xff\xff\xff\xff",
        b"\x81\x80\x01",  # a map as the key of a map
        b"\x91" * limits.RECORD_BYTES_MAX,
        b"\xc7\x01\x05x",
    ],
)
def test_bytes_that_are_no_value_break_a_rule(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(data)
    assert caught.value.rule == "R1.2"


def test_msgpack_calls_bytes_that_are_none_a_value_error() -> None:
    for error in (msgpack.FormatError, msgpack.StackError, msgpack.ExtraData):
        assert issubclass(error, ValueError)


def test_an_extension_without_content_has_no_place() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        canonical.decode(b"\xc7\x00\x05")
    assert caught.value.rule == "R1.7"


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
        {"kind": 65_535},
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
        ({"kind": -1}, "R2.3", "R2.3: kind is not"),
        ({"kind": 65_536}, "R2.3", "R2.3: kind is not"),
        ({"ts_ms": -1}, "R2.3", "R2.3: ts is not"),
        ({"ts_ms": "now"}, "R2.3", "R2.3: ts is not"),
        ({"revision": -1}, "R2.3", "R2.3: revision is not"),
        ({"revision": False}, "R2.3", "R2.3: revision is not"),
        ({"author": "a" * 32}, "R2.3", "R2.3: author is not"),
        ({"author": AUTHOR.public + b"a"}, "R2.3", "R2.3: author is not"),
        ({"thread": "a" * 16}, "R2.3", "R2.3: thread is not"),
        ({"thread": bytes(17)}, "R2.3", "R2.3: thread is not"),
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


def nested(kind: type, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize(
    ("value", "is_sound"),
    [
        *((value, True) for value in ("a", b"a", None, True, [], {}, {"a": 1, "b": [2, {"c": 3}]})),
        *((sign * limits.INTEGER_MAX, True) for sign in (1, -1)),
        *((sign * (limits.INTEGER_MAX + 1), False) for sign in (1, -1)),
        *((nested(kind, limits.DEPTH_MAX), True) for kind in (list, dict)),
        *((nested(kind, limits.DEPTH_MAX + 1), False) for kind in (list, dict)),
        *((value, False) for value in (1.0, [1.0], {"a": 1.0}, {b"a": 1}, {"b": 1, "a": 2})),
    ],
)
def test_one_look_tells_what_is_sound(value: Any, is_sound: bool) -> None:
    """So that the slower one, that says what is wrong, is for unsound values alone."""
    assert canonical._is_sound((value,), 0) is is_sound


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


def test_what_another_process_of_ours_has_taken_is_taken_as_it_is() -> None:
    seller = Seller.named("Kim")
    lamp, gone = seller.lists(1, "Lamp"), seller.withdraws(1, revision=2)
    for record in (lamp, gone):
        same = vouched(record.raw, None)
        assert (same.raw, same.id, same.header, same.body) == (
            record.raw, record.id, record.header, record.body,
        )  # fmt: skip
        assert same.listing is None
    words = ("lamp", "", "", "", "")
    told = vouched(lamp.raw, words)
    assert (told.listing, told.words) == (lamp.listing, words)


def test_what_was_taken_before_is_opened_by_its_id_alone() -> None:
    seller = Seller.named("Kim")
    for record in (seller.lists(1, "Lamp"), seller.withdraws(1, revision=2)):
        assert reopened(record.raw, record.id) == parse(record.raw)
        for raw in (b"", record.raw[:-1], b"\x97" + record.raw[1:], record.raw[:80]):
            with pytest.raises(RemoteProtocolError, match="not the bytes of its id") as caught:
                reopened(raw, record.id)
            assert caught.value.rule == "R2.1"


def test_what_a_listing_says_is_read_once() -> None:
    seller = Seller.named("Kim")
    lists, withdraws = seller.lists(1, "Lamp"), seller.withdraws(1, revision=2)
    told = parse(lists.raw).listing
    assert told is not None
    assert told.title == "Lamp"
    assert open_record(lists.raw).listing == told
    assert parse(withdraws.raw).listing is None


def test_nobody_makes_a_verified_record_but_by_its_signature() -> None:
    envelope = parse(signed(payload()))
    for seal in (object(), None, envelope):
        with pytest.raises(TypeError, match="verify"):
            Verified(envelope, seal)
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
    assert hash(lamp) == hash(again) != hash(chair)
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


@pytest.mark.parametrize("fields", [[], [None], [[1]]])
def test_an_array_that_begins_with_no_version_is_no_record(fields: list[Any]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(signed(msgpack.packb(fields)))
    assert caught.value.rule == "R2.1"


def test_a_profile_may_be_deleted_where_profiles_live() -> None:
    gone = {"kind": PROFILE, "market": COMMONS, "body": None}
    assert open_record(signed(payload(**gone))).header.is_delete
    for wrong in ({"market": OPEN}, {"thread": bytes(15) + b"\x01"}):
        with pytest.raises(RemoteProtocolError) as caught:
            parse(signed(payload(**(gone | wrong))))
        assert caught.value.rule == "R8.3"


def test_an_error_says_whose_doing_and_where() -> None:
    theirs = RemoteProtocolError("R2.3", "nine fields")
    assert (theirs.rule, theirs.message, theirs.penalty) == ("R2.3", "nine fields", 10)
    assert str(theirs) == "R2.3: nine fields"
    ours = LocalProtocolError("a title has 120 characters at most", "title")
    assert (str(ours), ours.field) == ("a title has 120 characters at most", "title")
    assert LocalProtocolError("no").field is None


# --- markets (R4) ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "0", "open", "campus/hanyang", "a_b-c/1", "a" * 64])
def test_a_market_and_its_topic_name_each_other(name: str) -> None:
    assert is_market(name)
    assert topic(name) == "/jangteo/1/" + name
    assert market_of("/jangteo/1/" + name) == name


@pytest.mark.parametrize(
    "name", ["", "Open", "/a", "-a", "_a", "a b", "open\n", "장터", "a.b", "a" * 65]
)
def test_what_is_no_market_has_no_topic(name: str) -> None:
    assert not is_market(name)
    assert market_of("/jangteo/1/" + name) is None


def test_whoever_asks_what_a_market_is_called_is_told_of_two() -> None:
    assert f"1 to {limits.MARKET_CHARS_MAX} of" in HELP
    assert HELP.endswith("such as open or campus/hanyang")
    assert is_market("open") and is_market("campus/hanyang")


def test_other_topics_are_no_market_s() -> None:
    assert (OPEN, COMMONS) == ("open", "commons")
    for name in ("open", "jangteo/1/open", "/jangteo/2/open", "x/jangteo/1/open", ""):
        assert market_of(name) is None


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
    assert {admission.value for admission in Admission} == {
        *("new", "duplicate", "stale", "future", "expired", "blocked", "crowded", "foreign"),
        "full",
    }
    assert [verdict.value for verdict in Verdict] == ["accept", "ignore", "reject"]


def test_a_review_is_parsed_with_the_signatures_that_it_stands_on() -> None:
    ana, bea = Seller.named("ana").key, Seller.named("bea").key
    terms = Terms(bytes(16), bytes(32), bytes(32), Price(900, "KRW"), 1, bytes(16))
    proof = Proof.of(ana.public, bea.public, terms)
    review = Review(bea.public, "seller", "good", "", proof, proof.sign(ana), proof.sign(bea))
    head = Header(REVIEW, ana.public, NOW_MS, COMMONS, review.thread, 1, False)
    record = author_record(ana, head, review.to_body())
    envelope = parse(record.raw)
    assert (envelope.raw, envelope.id, envelope.header, envelope.body) == (
        record.raw, record.id, head, review.to_body(),
    )  # fmt: skip
    assert envelope.others == review.signed()
    assert envelope.listing is None
    assert verify(envelope) == record
    forged = review.to_body() | {"signatures": [proof.sign(ana), proof.sign(ana)]}
    payload = canonical.encode([1, REVIEW, ana.public, NOW_MS, COMMONS, review.thread, 1, forged])
    raw = payload + ana.sign(b"jangteo/record/1\x00" + sha256(payload))
    with pytest.raises(RemoteProtocolError, match=r"R2\.5"):
        open_record(raw)
