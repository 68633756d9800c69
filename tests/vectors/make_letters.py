"""Makes letters.json: sealed letters, what is in them, and those that must not be taken.

Each says whose box key (`secret`, `public`) tries it and for which author (`person`). `opens` is
false where the key does not open it; `breaks` is the rule that it breaks. Deterministic.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.crypto.seal import box_public
from jangteo.protocol import canonical, limits
from jangteo.protocol.letter import PLAIN_SIZES
from jangteo.protocol.message import author_message

Vector = dict[str, Any]

_SPEC = importlib.util.spec_from_file_location("hpke", Path(__file__).with_name("hpke.py"))
assert _SPEC
assert _SPEC.loader
hpke = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(hpke)

ANA = AuthorKey.from_seed(bytes(range(32)))
BEA = AuthorKey.from_seed(bytes(range(32, 64)))
EVE = AuthorKey.from_seed(bytes(range(64, 96)))
BOX = bytes(range(96, 128))
OTHER_BOX = bytes(range(128, 160))
EPHEMERAL = bytes(range(160, 192))
LISTING = sha256(b"a listing")
TS_MS = 1_767_225_600_000
DAY = TS_MS // limits.DAY_MS + limits.LETTER_DAYS
INFO = b"jangteo/mail/1\x00"


def message(words: str = "아직 있나요?", writer: AuthorKey = ANA, reader: AuthorKey = BEA) -> bytes:
    return author_message(writer, reader.public, TS_MS, LISTING, "text", {"text": words}).raw


def letter(
    plain: bytes,
    *,
    box: bytes = BOX,
    padded: bytes | None = None,
    header: bytes | None = None,
    info: bytes = INFO,
) -> bytes:
    size = next(each for each in PLAIN_SIZES if len(plain) + 2 <= each)
    inside = padded or (len(plain).to_bytes(2, "big") + plain).ljust(size, b"\x00")
    head = header or bytes((1, 1)) + DAY.to_bytes(4, "big")
    public = box_public(box)
    sealed: bytes = hpke.seal(inside, public, info + head + public, EPHEMERAL)
    return head + sealed


def changed(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def vector(name: str, raw: bytes, why: str, **expected: Any) -> Vector:
    return {
        "name": name,
        "letter": raw.hex(),
        "secret": BOX.hex(),
        "public": box_public(BOX).hex(),
        "person": BEA.public.hex(),
        **expected,
        "why": why,
    }


def unsigned(writer: bytes = ANA.public, signer: AuthorKey = EVE) -> bytes:
    fields = [1, writer, BEA.public, TS_MS, LISTING, "text", {"text": "싸게 줄게요"}]
    payload = canonical.encode(fields)
    return payload + signer.sign(b"jangteo/message/1\x00" + sha256(payload))


def letters() -> list[Vector]:
    good = letter(message())
    said = {
        "author": ANA.public.hex(),
        "about": LISTING.hex(),
        "ts_ms": TS_MS,
        "kind": "text",
        "text": "아직 있나요?",
        "id": sha256(message()[: -limits.SIGNATURE_BYTES]).hex(),
    }
    long = "가" * (limits.MESSAGE_BYTES_MAX // 3)
    re_addressed = message(reader=EVE)
    bad_padding = (len(message()).to_bytes(2, "big") + message()).ljust(256, b"\x01")
    return [
        vector("a message", good, "as it should be", opens=True, message=said),
        vector(
            "the same again",
            good,
            "a replay: the same message id, and so nothing new",
            opens=True,
            message=said,
        ),
        vector(
            "the longest words",
            letter(message(long)),
            "of the largest size",
            opens=True,
            message=said
            | {"text": long, "id": sha256(message(long)[: -limits.SIGNATURE_BYTES]).hex()},
        ),
        vector("wrong key", letter(message(), box=OTHER_BOX), "sealed to another", opens=False),
        vector("tampered", changed(good, 100), "one bit of the ciphertext", opens=False),
        vector("tampered enc", changed(good, 6), "one bit of the encapsulated key", opens=False),
        vector("a longer life", changed(good, 5), "the day is bound into the seal", opens=False),
        vector(
            "another context",
            letter(message(), info=b"jangteo/mail/2\x00"),
            "sealed for another protocol",
            opens=False,
        ),
        vector(
            "re-addressed",
            letter(re_addressed),
            "words that were said to Eve, sealed by her to Bea",
            breaks="R13.3",
        ),
        vector("forged", letter(unsigned()), "Ana's name, Eve's signature", breaks="R13.2"),
        vector("changed words", letter(_reworded()), "signed as others", breaks="R13.2"),
        vector(
            "padding that speaks",
            letter(message(), padded=bad_padding),
            "padding is zeros",
            breaks="R12.4",
        ),
        vector("too short", good[:-1], "no letter has this size", breaks="R12.1"),
        vector("too long", good + b"\x00", "no letter has this size", breaks="R12.1"),
        vector("a version to come", changed(good, 0), "passed over", breaks="R12.2"),
        vector(
            "a suite to come",
            letter(message(), header=bytes((1, 7)) + DAY.to_bytes(4, "big")),
            "passed over",
            breaks="R12.2",
        ),
    ]


def _reworded() -> bytes:
    raw = message("싸게 줄게요")
    return raw.replace("싸게".encode(), "비싸".encode())


def main() -> None:
    path = Path(__file__).with_name("letters.json")
    path.write_text(json.dumps(letters(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print("wrote", path.name)


if __name__ == "__main__":
    main()
