"""What holds for every record and for any bytes: one encoding, and one kind of error."""

import string
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jangteo.crypto.keys import AuthorKey
from jangteo.protocol import canonical, limits
from jangteo.protocol.envelope import Header, author_record, open_record, parse
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import CONDITIONS, SIDES, STATUSES, Listing, fit
from jangteo.protocol.money import EXPONENTS, Price, from_decimal, parse_price
from jangteo.protocol.photo import Photo

KEY = AuthorKey.from_seed(b"\x07" * 32)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-limits.INTEGER_MAX, limits.INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.binary(max_size=40)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
texts_short = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
prices = st.builds(
    Price,
    st.integers(0, limits.INTEGER_MAX),
    st.sampled_from([code for code in EXPONENTS if code != "XXX"]),
)
photos = st.builds(
    Photo,
    hash=st.binary(min_size=32, max_size=32),
    size=st.integers(1, limits.PHOTO_BYTES_MAX),
    width=st.integers(1, limits.PHOTO_SIDE_MAX),
    height=st.integers(1, limits.PHOTO_SIDE_MAX),
    thumb=st.binary(min_size=32, max_size=32),
    thumb_size=st.integers(1, limits.THUMB_BYTES_MAX),
    blur=st.binary(min_size=48, max_size=48),
)
listings = st.builds(
    Listing,
    title=texts.filter(str.strip),
    side=st.sampled_from(SIDES),
    description=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    price=st.none() | prices,
    quantity=st.integers(0, limits.QUANTITY_MAX),
    tags=st.lists(st.text(string.ascii_letters, min_size=1, max_size=32), max_size=10).map(tuple),
    url=texts,
    category=texts,
    condition=st.sampled_from(("", *CONDITIONS)),
    place=texts,
    status=st.sampled_from(STATUSES),
    until_ms=st.none() | st.integers(0, limits.LIFETIME_SHORT_MS),
    created_ms=st.integers(0, limits.INTEGER_MAX),
    ref=st.none() | st.binary(min_size=32, max_size=32),
    photos=st.lists(photos, max_size=3).map(tuple),
)


wild = st.recursive(
    scalars
    | st.floats()
    | st.integers(-(2**63), 2**64 - 1)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=2)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts_short | st.integers(0, 9) | st.binary(max_size=2), inner)
    ),
    max_leaves=10,
)
"""What msgpack may unpack, canonical or not."""


def nests_deeper(value: Any, left: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return left == 0 or any(nests_deeper(entry, left - 1) for entry in inner)
    return False


def has_nil(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return value is None or (isinstance(value, dict | list) and any(map(has_nil, inner)))


@given(values)
def test_decode_of_encode_is_the_value(value: Any) -> None:
    if nests_deeper(value, limits.DEPTH_MAX):
        with pytest.raises(LocalProtocolError):
            canonical.encode(value)
    else:
        assert canonical.decode(canonical.encode(value)) == value


@given(st.dictionaries(st.text(max_size=8), st.integers(0, 9), max_size=8), st.randoms())
def test_one_map_has_one_encoding_in_whatever_order_it_was_written(
    value: dict[str, int], random: Any
) -> None:
    entries = list(value.items())
    random.shuffle(entries)
    assert canonical.encode(dict(entries)) == canonical.encode(value)


@given(wild)
def test_the_quick_look_at_a_value_finds_what_the_thorough_one_does(value: Any) -> None:
    try:
        canonical._check(value, 0, sorted_keys=True)
    except RemoteProtocolError:
        assert not canonical._is_sound((value,), 0)
    else:
        assert canonical._is_sound((value,), 0)


@given(texts_short, st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_whole_text_and_bytes_are_encoded_without_a_look(
    market: str, author: bytes, thread: bytes
) -> None:
    values: list[str | bytes] = [market, author, thread]
    assert canonical.encode_flat(values) == canonical.encode(values)


@given(
    st.dictionaries(texts_short, values | st.binary(max_size=3).map(lambda data: b"\xc0" + data)),
    st.binary(min_size=16, max_size=16) | st.just(b"\xc0" * 16),
)
def test_a_body_with_a_nil_anywhere_is_none(body: dict[str, Any], thread: bytes) -> None:
    payload = canonical.encode([1, 63, KEY.public, 0, "open", thread, 1, {}])[:-1]
    try:
        payload += canonical.encode(body)
        canonical.decode(payload)
    except (LocalProtocolError, RemoteProtocolError):
        return  # nested too deep
    if has_nil(body):
        with pytest.raises(RemoteProtocolError, match=r"nil within a body"):
            parse(payload + bytes(64))
    else:
        assert parse(payload + bytes(64)).body == body


@given(st.binary(max_size=300))
@example(b"\x91" * 300)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xc7\x08\x7fAAAAAAAA")
def test_any_bytes_are_a_value_or_break_a_rule(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except RemoteProtocolError:
        return
    assert canonical.encode(value) == data


@given(st.binary(max_size=400))
def test_no_bytes_make_a_record_raise_anything_else(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        open_record(data)


@given(values)
@settings(max_examples=200)
def test_any_payload_is_a_record_or_breaks_a_rule(value: Any) -> None:
    raw = msgpack.packb(value, use_bin_type=True) + bytes(64)
    with pytest.raises(RemoteProtocolError):
        open_record(raw)


@given(listings)
def test_a_listing_is_the_same_after_a_journey(listing: Listing) -> None:
    header = Header(LISTING, KEY.public, 0, "open", bytes(16), 1, False)
    record = author_record(KEY, header, listing.to_body())
    assert record.body is not None
    assert Listing.from_body(record.body, 0) == listing == record.listing
    assert open_record(record.raw) == record


@given(listings, st.integers(0, 10_000), st.integers(1, 255))
def test_a_record_changed_in_any_bit_is_no_record(listing: Listing, at: int, flip: int) -> None:
    header = Header(LISTING, KEY.public, 0, "open", bytes(16), 1, False)
    raw = bytearray(author_record(KEY, header, listing.to_body()).raw)
    raw[at % len(raw)] ^= flip
    with pytest.raises(RemoteProtocolError):
        open_record(bytes(raw))


@given(listings, st.text(st.characters(exclude_categories=["Cs"]), min_size=100, max_size=9000))
def test_what_fit_returns_can_always_be_published(listing: Listing, long: str) -> None:
    wide = Listing(title=listing.title + long, description=long * 3, tags=(long, *listing.tags))
    fitted, warnings = fit(wide)
    assert warnings
    if fitted.title.strip():
        parse(
            author_record(
                KEY,
                Header(LISTING, KEY.public, 0, "open", bytes(16), 1, False),
                fitted.authored().to_body(),
            ).raw
        )


@given(prices)
def test_a_price_reads_back_in_each_of_its_writings(price: Price) -> None:
    assert from_decimal(price.decimal_text, price.currency) == price
    assert parse_price(f"{price.decimal_text} {price.currency}") == price
    if not price.is_gift:
        assert parse_price(price.shown, price.currency) == price


@given(st.text(max_size=80), st.none() | st.sampled_from(["KRW", "USD", "BHD"]))
def test_no_text_makes_a_price_raise_anything_but_a_clear_line(
    text: str, currency: str | None
) -> None:
    try:
        parse_price(text, currency)
    except LocalProtocolError as error:
        assert str(error)
