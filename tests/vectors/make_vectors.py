"""Makes the test vectors: JSON that another implementation can read, one success or one failure
each, with the rule of SPEC.md that it breaks. Deterministic: fixed seeds, no clock, no dice.

    python tests/vectors/make_vectors.py        writes the files beside this one
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.crypto.phrase import words_from_seed
from jangteo.protocol import limits
from jangteo.protocol.envelope import Header, author_record, listing_id
from jangteo.protocol.kind import LISTING, PROFILE, lifetime_ms
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import EXPONENTS, Price
from jangteo.protocol.profile import Profile

Vector = dict[str, Any]

SEED = bytes(range(32))
KEY = AuthorKey.from_seed(SEED)
OTHER = AuthorKey.from_seed(bytes(reversed(range(32))))
TS_MS = 1_767_225_600_000
THREAD = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
DOMAIN = b"jangteo/record/1\x00"
FULL = Listing(
    title="접이식 자전거 20인치",
    side="sell",
    description="2년 탔습니다.\n브레이크 새로 교체.",
    price=Price(95_000, "KRW"),
    quantity=1,
    tags=("자전거", "folding"),
    url="https://example.org/bike",
    category="스포츠/자전거",
    condition="good",
    place="행당동",
    status="active",
    until_ms=TS_MS + 30 * limits.DAY_MS,
    created_ms=TS_MS,
    ref=sha256(b"row"),
)


def payload(**changes: Any) -> list[Any]:
    fields = {
        "version": 1,
        "kind": LISTING,
        "author": KEY.public,
        "ts_ms": TS_MS,
        "market": "open",
        "thread": THREAD,
        "revision": TS_MS // 1000,
        "body": Listing(title="chair", created_ms=TS_MS).to_body(),
    }
    return list((fields | changes).values())


def signed(packed: bytes, key: AuthorKey = KEY) -> bytes:
    return packed + key.sign(DOMAIN + sha256(packed))


def pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def failure(name: str, rule: str, raw: bytes, why: str) -> Vector:
    return {"name": name, "raw": raw.hex(), "breaks": rule, "why": why}


def success(name: str, header: Header, body: dict[str, Any] | None, why: str) -> Vector:
    record = author_record(KEY, header, body)
    return {
        "name": name,
        "raw": record.raw.hex(),
        "id": record.id.hex(),
        "listing_id": listing_id(header.thread_key).hex(),
        "kind": header.kind,
        "author": header.author.hex(),
        "ts_ms": header.ts_ms,
        "market": header.market,
        "thread": header.thread.hex(),
        "revision": header.revision,
        "is_delete": header.is_delete,
        "expires_ms": header.expires_ms,
        "why": why,
    }


def header(**changes: Any) -> Header:
    fields: dict[str, Any] = {
        "kind": LISTING,
        "author": KEY.public,
        "ts_ms": TS_MS,
        "market": "open",
        "thread": THREAD,
        "revision": TS_MS // 1000,
        "is_delete": False,
    }
    return Header(**(fields | changes))


def good_records() -> list[Vector]:
    plain = Listing(title="chair", created_ms=TS_MS)
    commons = {"kind": PROFILE, "market": "commons", "thread": bytes(16)}
    return [
        success("listing", header(), plain.to_body(), "the least a listing can say"),
        success("listing-full", header(), FULL.to_body(), "every field of a listing"),
        success(
            "listing-wanted",
            header(),
            Listing(title="desk", side="want", created_ms=TS_MS).to_body(),
            "something looked for",
        ),
        success(
            "listing-gift",
            header(),
            Listing(title="책 나눔", price=Price(0, "XXX"), created_ms=TS_MS).to_body(),
            "0 without a currency is a gift",
        ),
        success(
            "listing-later-field",
            header(),
            plain.to_body() | {"zz-later": {"a": [1, "b", b"c"]}},
            "unknown fields of a body are kept",
        ),
        success("delete", header(is_delete=True), None, "a nil body is a delete"),
        success(
            "profile", header(**commons), Profile("하나", "행당동 주민").to_body(), "a profile"
        ),
        success(
            "unknown-kind",
            header(kind=40, market="campus/hanyang"),
            {"anything": 1},
            "an unknown kind is kept and passed on; class 0 lives 90 days",
        ),
        success(
            "unknown-kind-long", header(kind=999), {}, "an unknown kind of another class: 2 years"
        ),
        success("unknown-kind-last", header(kind=65_535), {"a": True}, "the greatest kind"),
        success(
            "least-numbers",
            header(kind=0, ts_ms=0, revision=0, market="0"),
            {},
            "a kind, a time and a revision of 0",
        ),
        success(
            "delete-profile",
            header(**commons, is_delete=True),
            None,
            "whoever has a name may want none",
        ),
        success(
            "astral-keys",
            header(kind=40),
            {"\uffff": 1, "\U00010000": 2},
            "keys ascend by UTF-8 bytes; by UTF-16 units these two would not",
        ),
    ]


def bad_body(name: str, rule: str, why: str, **changes: Any) -> Vector:
    body = Listing(title="chair", created_ms=TS_MS).to_body() | changes
    body = {key: body[key] for key in sorted(body) if body[key] is not ...}
    return failure(name, rule, signed(pack(payload(body=body))), why)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def bad_records() -> list[Vector]:
    good = signed(pack(payload()))
    unsorted = {"title": "chair", "created": TS_MS, "quantity": 1, "side": "sell"}
    wide = pack(payload())
    at = wide.index(b"\xcb" if b"\xcb" in wide else pack(TS_MS))
    overlong = wide[:at] + b"\xd3" + TS_MS.to_bytes(8, "big") + wide[at + 9 :]
    big = pack(payload(kind=40, body={"x": b"\x00" * limits.RECORD_BYTES_MAX}))
    form: list[Vector] = [
        failure("empty", "R2.1", b"", "nothing"),
        failure("short", "R2.1", b"\x90" * 64, "no longer than a signature"),
        failure("too-large", "R2.1", signed(big), "more than 16 KiB"),
        failure("not-msgpack", "R1.2", b"\xc1" + bytes(64), "a byte that msgpack never uses"),
        failure("trailing", "R1.2", signed(pack(payload()) + b"\x00"), "bytes behind the payload"),
        failure("overlong-integer", "R1.3", signed(overlong), "int64 where uint64 is shorter form"),
        failure("float", "R1.7", signed(pack(payload(ts_ms=1.5))), "a float"),
        failure("nan", "R1.7", signed(pack(payload(kind=40, body={"a": float("nan")}))), "NaN"),
        failure(
            "big-integer",
            "R1.4",
            signed(pack(payload(kind=40, body={"a": 2**53}))),
            "2^53 is beyond the bound",
        ),
        failure("unsorted", "R1.5", signed(pack(payload(body=unsorted))), "map keys out of order"),
        failure(
            "key-not-text", "R1.5", signed(pack(payload(kind=40, body={1: 1}))), "a number as a key"
        ),
        failure(
            "utf-16-order",
            "R1.5",
            signed(pack(payload(kind=40, body={"\U00010000": 2, "\uffff": 1}))),
            "keys that ascend by UTF-16 units and not by UTF-8 bytes",
        ),
        failure(
            "doubled-key",
            "R1.3",
            signed(pack(payload(kind=40, body=None))[:-1] + b"\x82\xa1a\x01\xa1a\x02"),
            "a key twice: no value is written so",
        ),
        failure("deep", "R1.6", signed(pack(payload(kind=40, body={"a": nested(3)}))), "depth 5"),
        failure(
            "wide-array",
            "R1.2",
            signed(pack(payload(kind=40, body={"a": [0] * 65}))),
            "65 entries in an array",
        ),
        failure(
            "wide-map",
            "R1.2",
            signed(pack(payload(kind=40, body={f"{n:03}": 0 for n in range(33)}))),
            "33 entries in a map",
        ),
        failure(
            "extension",
            "R1.2",
            signed(pack(payload(kind=40, body={"a": msgpack.ExtType(1, b"x")}))),
            "an extension type",
        ),
    ]
    head: list[Vector] = [
        failure("not-an-array", "R2.1", signed(pack({"a": 1})), "a map as payload"),
        failure("no-fields", "R2.1", signed(pack([])), "an empty array as payload"),
        failure("next-version", "R2.2", signed(pack(payload(version=2))), "ignored, not punished"),
        failure("a-field-less", "R2.3", signed(pack(payload()[:-1])), "seven fields"),
        failure("bool-kind", "R2.3", signed(pack(payload(kind=True))), "bool is not an integer"),
        failure(
            "kind-too-large", "R2.3", signed(pack(payload(kind=65_536))), "kind beyond 16 bits"
        ),
        failure("negative-ts", "R2.3", signed(pack(payload(ts_ms=-1))), "a negative time"),
        failure("short-author", "R2.3", signed(pack(payload(author=b"a" * 31))), "31 bytes"),
        failure("short-thread", "R2.3", signed(pack(payload(thread=b"a" * 15))), "15 bytes"),
        failure("body-array", "R2.4", signed(pack(payload(body=[]))), "a body that is no map"),
        failure(
            "nil-inside",
            "R2.4",
            signed(pack(payload(kind=40, body={"a": None}))),
            "nil is only ever a whole body",
        ),
        failure("flipped-bit", "R2.5", good[:-1] + bytes([good[-1] ^ 1]), "a damaged signature"),
        failure("other-signer", "R2.5", signed(pack(payload()), OTHER), "signed by another key"),
        failure(
            "small-order-key",
            "R2.5",
            pack(payload(author=b"\x01" + bytes(31))) + b"\x01" + bytes(63),
            "the identity point as a key: every message would seem signed",
        ),
        failure("market-upper", "R4.1", signed(pack(payload(market="Open"))), "an upper-case name"),
        failure("market-empty", "R4.1", signed(pack(payload(market=""))), "an empty name"),
        failure("market-long", "R4.1", signed(pack(payload(market="a" * 65))), "65 characters"),
    ]
    body: list[Vector] = [
        bad_body("no-title", "R8.1", "a listing without a title", title=...),
        bad_body("blank-title", "R8.1", "a title of spaces", title="  "),
        bad_body(
            "blank-title-wide",
            "R8.1",
            "every white space",
            title="\t\x1c\x85\xa0\u1680\u2000\u3000",
        ),
        bad_body("long-title", "R8.1", "121 characters", title="가" * 121),
        bad_body("long-description", "R8.1", "4,001 characters", description="a" * 4001),
        bad_body("heavy-description", "R8.1", "over 12,000 bytes", description="🚲" * 3001),
        bad_body("status-unknown", "R8.1", "a status that is none", status="gone"),
        bad_body("side-unknown", "R8.1", "neither sell nor want", side="rent"),
        bad_body("condition-unknown", "R8.1", "a condition that is none", condition="mint"),
        bad_body("quantity-negative", "R8.1", "a negative quantity", quantity=-1),
        bad_body("eleven-tags", "R8.1", "at most ten tags", tags=[str(n) for n in range(11)]),
        bad_body("long-tag", "R8.1", "33 characters", tags=["a" * 33]),
        bad_body("short-ref", "R8.1", "a ref of 31 bytes", ref=b"r" * 31),
        bad_body("until-too-late", "R8.1", "more than 90 days", until=TS_MS + 91 * limits.DAY_MS),
        bad_body("price-shape", "R7.1", "no currency at all", price=[5]),
        bad_body("price-negative", "R7.1", "a negative amount", price=[-5, "KRW"]),
        bad_body("currency-unknown", "R7.2", "not a code of the table", price=[5, "ZZZ"]),
        bad_body("amount-of-nothing", "R7.3", "5 of no currency", price=[5, "XXX"]),
        failure(
            "listing-in-commons",
            "R8.2",
            signed(pack(payload(market="commons"))),
            "a listing does not live in commons",
        ),
        failure(
            "profile-elsewhere",
            "R8.3",
            signed(pack(payload(kind=PROFILE, thread=bytes(16), body={"name": "a"}))),
            "a profile lives in commons",
        ),
        failure(
            "profile-thread",
            "R8.3",
            signed(pack(payload(kind=PROFILE, market="commons", body={"name": "a"}))),
            "a profile's thread is zero",
        ),
        failure(
            "profile-long-name",
            "R8.4",
            signed(
                pack(
                    payload(
                        kind=PROFILE, market="commons", thread=bytes(16), body={"name": "a" * 41}
                    )
                )
            ),
            "41 characters",
        ),
    ]
    return form + head + body


def current_records() -> list[Vector]:
    """Threads of several records; `current` is the index of the one that stands."""

    def record(revision: int, body: dict[str, Any] | None, ts_ms: int = TS_MS) -> bytes:
        head = header(revision=revision, is_delete=body is None, ts_ms=ts_ms)
        return author_record(KEY, head, body).raw

    def titled(title: str) -> dict[str, Any]:
        return Listing(title=title, created_ms=TS_MS).to_body()

    same = [record(7, titled("a")), record(7, titled("b"))]
    larger = max((0, 1), key=lambda index: sha256(same[index][:-64]))
    cases: list[tuple[str, list[bytes], int, str]] = [
        ("later-revision", [record(7, titled("a")), record(8, titled("b"))], 1, "R2.7"),
        (
            "revision-not-time",
            [record(8, titled("a")), record(7, titled("b"), TS_MS + 1000)],
            0,
            "R2.7",
        ),
        ("delete-is-final", [record(7, None), record(9, titled("again"))], 0, "R2.8"),
        ("equivocation", same, larger, "R2.7"),
        ("two-deletes", [record(7, None), record(8, None)], 1, "R2.7"),
    ]
    return [
        {"name": name, "raws": [raw.hex() for raw in raws], "current": current, "rule": rule}
        for name, raws, current, rule in cases
    ]


def keys() -> list[Vector]:
    seeds = [bytes(32), SEED, b"\xff" * 32, sha256(b"jangteo")]
    return [
        {
            "seed": seed.hex(),
            "words": words_from_seed(seed),
            "author": AuthorKey.from_seed(seed).public.hex(),
        }
        for seed in seeds
    ]


def lifetimes() -> list[Vector]:
    return [
        {"kind": kind, "is_delete": is_delete, "lifetime_ms": lifetime_ms(kind, is_delete)}
        for kind in (0, 1, 63, 64, 68, 127, 128, 65_535)
        for is_delete in (False, True)
    ]


FILES: dict[str, Callable[[], Any]] = {
    "records_good.json": good_records,
    "records_bad.json": bad_records,
    "current.json": current_records,
    "keys.json": keys,
    "lifetimes.json": lifetimes,
    "exponents.json": lambda: dict(sorted(EXPONENTS.items())),
}


def text_of(make: Callable[[], Any]) -> str:
    return json.dumps(make(), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    for name, make in FILES.items():
        (Path(__file__).parent / name).write_text(text_of(make), encoding="utf-8")
        print("wrote", name)


if __name__ == "__main__":
    main()
