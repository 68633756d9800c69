"""Changes of msgpack values that keep them values: what a mutator of bytes seldom finds. The same
dice give the same change. Knows no record and no frame."""

import random
from typing import Any

import msgpack

INTEGERS = (-1, 0, 1, 15, 63, 64, 127, 128, 255, 256, 1024, 65_535, 65_536, 2**31, 2**53 - 1)
INTEGERS_FAR = (-(2**53), 2**53, 2**63 - 1, 2**64 - 1, -(2**63))
TEXTS = (
    "", " ", "\0", "a\0b", "\n", "\u200b", "\u202e", "\ufeff", "é", "e\u0301", "ß", "İ", "ﬀ", "한",
    "ㄱ", "각", "か\u3099", "\U0001f6b2", "\U0001f468\u200d\U0001f469", "\uffff", "\U0010ffff",
    "<b>", "'; --", '"', "%", "*", "NEAR(", "free", "ask", "KRW", "XXX", "ZZZ", "open", "commons",
    "sell", "want", "sold", "active", "title", "price", "until", "9" * 40, "-1", "x" * 121,
    "가" * 4001, "..", "nowhere",
)  # fmt: skip
DEPTH_MAX = 8


def mutated(dice: random.Random, value: Any) -> Any:
    """`value` with one to three changes somewhere in it."""
    for _ in range(dice.randint(1, 3)):
        value = _changed(dice, value, 0)
    return value


def packed(dice: random.Random, value: Any) -> bytes:
    """`value` in msgpack: now and then not in its shortest form, or cut, or with a byte more."""
    is_new_form = dice.random() > 0.02
    data: bytes = msgpack.packb(value, use_bin_type=is_new_form, unicode_errors="surrogatepass")
    match dice.randrange(40):
        case 0:
            return data + bytes([dice.randrange(256)])
        case 1:
            return data[: dice.randrange(len(data) + 1)]
        case 2:
            at = dice.randrange(len(data))
            return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
    return data


def mutated_bytes(dice: random.Random, data: bytes) -> bytes:
    """The classic changes: a byte, a bit, a piece out, twice, or from elsewhere."""
    told = bytearray(data or b"\0")
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(told) + 1)
        length = dice.choice((1, 1, 2, 4, 8, 32))
        match dice.randrange(6):
            case 0:
                told[at : at + 1] = bytes([dice.randrange(256)])
            case 1 if at < len(told):
                told[at] ^= 1 << dice.randrange(8)
            case 2:
                del told[at : at + length]
            case 3:
                told[at:at] = told[at : at + length]
            case 4:
                other = dice.randrange(len(told) + 1)
                told[at : at + length] = told[other : other + length]
            case _:
                told[at:at] = dice.choice((b"\0", b"\xff", b"\x80", b"\r\n", b'"', b"[" * 8))
    return bytes(told)


def _changed(dice: random.Random, value: Any, depth: int) -> Any:
    if isinstance(value, list | tuple) and value and dice.random() < 0.85:
        return _changed_list(dice, list(value), depth)
    if isinstance(value, dict) and value and dice.random() < 0.85:
        return _changed_map(dice, dict(value), depth)
    return _instead(dice, value, depth)


def _changed_list(dice: random.Random, value: list[Any], depth: int) -> list[Any]:
    at = dice.randrange(len(value))
    match dice.randrange(12):
        case 0:
            del value[at]
        case 1:
            value.insert(at, value[at])
        case 2:
            value *= dice.choice((2, 3, 20)) if len(value) < 200 else 1
        case 3:
            dice.shuffle(value)
        case 4:
            value.append(_scalar(dice))
        case _:
            value[at] = _changed(dice, value[at], depth + 1)
    return value


def _changed_map(dice: random.Random, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
    key = dice.choice(list(value))
    match dice.randrange(10):
        case 0:
            del value[key]
        case 1:
            value[dice.choice(TEXTS)] = value[key]
        case 2:
            value = dict(reversed(list(value.items())))
        case 3:
            value[_scalar(dice)] = 1
        case _:
            value[key] = _changed(dice, value[key], depth + 1)
    return value


def _instead(dice: random.Random, value: Any, depth: int) -> Any:
    match dice.randrange(8):
        case 0 | 1:
            return _scalar(dice)
        case 2 if depth < DEPTH_MAX:
            return [value]
        case 3 if depth < DEPTH_MAX:
            return {"a": value}
    match value:
        case bool():
            return not value
        case int():
            return max(-(2**63), min(2**64 - 1, value + dice.choice((-1, 1, 2, -(2**31), 2**40))))
        case str():
            at = dice.randrange(len(value) + 1)
            end = dice.choice((at, at, at + 1, len(value)))
            return value[:at] + dice.choice(TEXTS) + value[end:]
        case bytes():
            return mutated_bytes(dice, value) if dice.random() < 0.7 else value[:-1]
    return _scalar(dice)


def _scalar(dice: random.Random) -> Any:
    match dice.randrange(9):
        case 0:
            return None
        case 1:
            return dice.random() < 0.5
        case 2 | 3:
            return dice.choice(INTEGERS)
        case 4:
            return dice.choice(INTEGERS_FAR)
        case 5 | 6:
            return dice.choice(TEXTS)
        case 7:
            return dice.randbytes(dice.choice((0, 1, 15, 16, 31, 32, 40, 64)))
    return dice.choice((0.0, 1.5, float("nan"), float("inf")))
