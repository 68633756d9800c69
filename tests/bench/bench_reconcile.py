"""What a reconciliation costs: round trips, bytes and CPU, by the sets' size and their difference.

The sets are in memory (ListItemSet), ids lifted wide, both sides here.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from jangteo.crypto.digest import LIFT_BITS
from jangteo.protocol import limits
from jangteo.protocol.item_set import ListItemSet, item_key, key_id
from jangteo.protocol.reconcile import Reconciliation
from tests.bench.report import Report, parser

SIZES: Final = (10_000, 100_000)
LARGE: Final = 1_000_000
DIFFERENCES: Final = (
    ("none", 0),
    ("1 scattered", 1),
    ("100 newest", 100),
    ("100 scattered", 100),
    ("10000 newest", 10_000),
)


@dataclass(frozen=True, slots=True)
class Cost:
    round_trips: int
    sent_bytes: int
    received_bytes: int
    initiator_cpu_ms: float
    responder_cpu_ms: float
    worst_message_cpu_ms: float


def some_keys(count: int) -> list[bytes]:
    """A record every ten minutes or so, as a market of many weeks has them."""
    dice = random.Random(count)  # noqa: S311
    span_ms = count * 600_000
    return sorted(item_key(dice.randrange(span_ms), dice.randbytes(32)) for _ in range(count))


def missing_keys(keys: list[bytes], difference: str, count: int) -> list[bytes]:
    if "newest" in difference:
        return keys[len(keys) - count :]
    return random.Random(1).sample(keys, count)  # noqa: S311


def measure(items: ListItemSet, keys: list[bytes], difference: str, count: int, frame: int) -> Cost:
    """The initiator lacks `count` of the keys that the responder holds."""
    missing = missing_keys(keys, difference, count)
    fewer = ListItemSet(set(keys) - set(missing)) if missing else items
    initiator = Reconciliation(fewer, lift_bits=LIFT_BITS, frame_bytes_max=frame, initiator=True)
    responder = Reconciliation(items, lift_bits=LIFT_BITS, frame_bytes_max=frame, initiator=False)
    items.count(), fewer.count()
    cpu_ms: tuple[list[float], list[float]] = ([], [])
    need: list[bytes] = []
    sent = received = 0
    began = time.process_time()
    message: bytes | None = initiator.initiate()
    cpu_ms[0].append((time.process_time() - began) * 1000)
    while message is not None:
        sent += len(message)
        began = time.process_time()
        reply = responder.handle(message).reply
        between = time.process_time()
        assert reply is not None
        received += len(reply)
        step = initiator.handle(reply)
        cpu_ms[0].append((time.process_time() - between) * 1000)
        cpu_ms[1].append((between - began) * 1000)
        need += step.need
        message = step.reply
    assert sorted(need) == sorted(map(key_id, missing))
    return Cost(
        len(cpu_ms[1]),
        sent,
        received,
        round(sum(cpu_ms[0]), 2),
        round(sum(cpu_ms[1]), 2),
        round(max(map(max, cpu_ms)), 2),
    )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--size", type=int, nargs="+", default=SIZES, help="items of the sets")
    options.add_argument("--large", action="store_true", help=f"also {LARGE:,} items")
    options.add_argument("--frame", type=int, default=limits.RECON_MESSAGE_BYTES_MAX)
    told = options.parse_args(words)
    report = Report("reconcile")
    for size in (*told.size, LARGE) if told.large else told.size:
        keys = some_keys(size)
        items = ListItemSet(keys)
        for difference, count in DIFFERENCES:
            if count * 2 <= size:
                cost = asdict(measure(items, keys, difference, count, told.frame))
                case = f"{size:,} items, {difference}"
                report.add("reconciliation", case, items=size, difference=difference, **cost)
    report.close()


if __name__ == "__main__":
    main()
