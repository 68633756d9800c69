"""Our reconciliation against other people's: negentropy's own implementations as the oracle.

Runs where JANGTEO_NEGENTROPY names a checkout of github.com/hoytech/negentropy: its JavaScript
under node, its C++ under g++ with OpenSSL's headers. JANGTEO_NEGENTROPY_CASES says how many cases.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jangteo.protocol.item_set import ListItemSet, item_key, key_id
from jangteo.protocol.reconcile import Bounds, Reconciliation

CHECKOUT = os.environ.get("JANGTEO_NEGENTROPY", "")
CASES = int(os.environ.get("JANGTEO_NEGENTROPY_CASES", "100"))
HERE = Path(__file__).parent
UNBOUNDED = Bounds(message_bytes_max=2**24, ranges_max=2**32, keys_max=2**32, rounds_max=2**32)
STOP_BYTES = 19  # bound infinity, mode fingerprint, 16 bytes

pytestmark = pytest.mark.skipif(not CHECKOUT, reason="JANGTEO_NEGENTROPY names no checkout")


@dataclass(frozen=True, slots=True)
class Answer:
    message: bytes | None
    have: list[bytes]
    need: list[bytes]


class Foreign:
    """A process that runs the other implementation; one side of one case at a time."""

    def __init__(self, command: list[str], ts_max: int) -> None:
        self.ts_max = ts_max
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self.process.communicate(timeout=10)

    def begin(self, keys: list[bytes], frame_bytes_max: int) -> None:
        lines = [f"new {frame_bytes_max}"]
        lines += [f"item {int.from_bytes(key[:8], 'big')} {key[8:].hex()}" for key in keys]
        self._say("\n".join([*lines, "seal"]))

    def initiate(self) -> bytes:
        self._say("initiate")
        first = self._answer().message
        assert first is not None
        return first

    def handle(self, message: bytes) -> Answer:
        self._say(f"message {message.hex()}")
        return self._answer()

    def _say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def _answer(self) -> Answer:
        assert self.process.stdout is not None
        have: list[bytes] = []
        need: list[bytes] = []
        for line in self.process.stdout:
            verb, _, rest = line.strip().partition(" ")
            if verb == "have":
                have.append(bytes.fromhex(rest))
            elif verb == "need":
                need.append(bytes.fromhex(rest))
            elif verb == "done":
                return Answer(None, have, need)
            elif verb == "message":
                return Answer(bytes.fromhex(rest), have, need)
            else:
                raise AssertionError(line)
        raise AssertionError("the other implementation ended")


@pytest.fixture(scope="module", params=["javascript", "c++"])
def foreign(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Foreign]:
    if request.param == "javascript":
        node = shutil.which("node")
        if node is None:
            pytest.skip("no node")
        other = Foreign([node, str(HERE / "negentropy_driver.js"), CHECKOUT], 2**30)
    else:
        compiler = shutil.which("g++")
        if compiler is None:
            pytest.skip("no g++")
        program = tmp_path_factory.mktemp("negentropy") / "driver"
        subprocess.run(
            [
                *(compiler, "-std=c++20", "-O2", "-w", "-I", f"{CHECKOUT}/cpp"),
                *("-o", str(program), str(HERE / "negentropy_driver.cpp"), "-lcrypto"),
            ],
            check=True,
        )
        other = Foreign([str(program)], 2**62)
    yield other
    other.close()


@dataclass(frozen=True, slots=True)
class Case:
    """Two sets and two bounds of messages; 0 is none."""

    ours: list[bytes]
    theirs: list[bytes]
    our_bytes_max: int
    their_bytes_max: int

    @staticmethod
    def of(seed: int, ts_max: int) -> "Case":
        dice = random.Random(seed)  # noqa: S311
        count = dice.choice([0, 1, 20, 40, 300, 1000, 3000])
        # Few timestamps and few first bytes make bounds that need long prefixes.
        ts_from = dice.randrange(ts_max)
        ts_spread = dice.choice([1, 3, 1000, ts_max - ts_from])
        prefix = dice.choice([b"", b"", bytes(7), bytes(27)])
        weights = dice.choice([(1, 1, 98), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (2, 1, 7)])
        ours: set[bytes] = set()
        theirs: set[bytes] = set()
        for _ in range(count):
            ts = ts_from + dice.randrange(min(ts_spread, ts_max - ts_from))
            key = item_key(ts, prefix + dice.randbytes(32 - len(prefix)))
            (where,) = dice.choices([(ours,), (theirs,), (ours, theirs)], weights)
            for one in where:
                one.add(key)
        limits = [0, 0, 4096, 5000, 20_000]
        return Case(sorted(ours), sorted(theirs), dice.choice(limits), dice.choice(limits))


def our_side(keys: list[bytes], bytes_max: int, *, initiator: bool) -> Reconciliation:
    items = ListItemSet(keys, lift=lambda id_: int.from_bytes(id_, "little"), lift_bits=256)
    return Reconciliation(
        items,
        lift_bits=256,
        frame_bytes_max=bytes_max or UNBOUNDED.message_bytes_max,
        initiator=initiator,
        bounds=UNBOUNDED,
    )


def assert_difference(case: Case, have: list[bytes], need: list[bytes], *, once: bool) -> None:
    only_initiator = {key_id(key) for key in case.ours} - {key_id(key) for key in case.theirs}
    only_responder = {key_id(key) for key in case.theirs} - {key_id(key) for key in case.ours}
    assert set(have) == only_initiator
    assert set(need) == only_responder
    if once:
        assert len(have) == len(only_initiator)
        assert len(need) == len(only_responder)


def test_our_initiator_learns_the_difference_from_their_responder(foreign: Foreign) -> None:
    for seed in range(CASES):
        case = Case.of(seed, foreign.ts_max)
        foreign.begin(case.theirs, case.their_bytes_max)
        ours = our_side(case.ours, case.our_bytes_max, initiator=True)
        have: list[bytes] = []
        need: list[bytes] = []
        message: bytes | None = ours.initiate()
        while message is not None:
            assert len(message) <= (case.our_bytes_max or len(message)), f"seed {seed}"
            reply = foreign.handle(message).message
            assert reply is not None
            step = ours.handle(reply)
            have += step.have
            need += step.need
            message = step.reply
        assert ours.is_complete
        assert_difference(case, have, need, once=not (case.our_bytes_max or case.their_bytes_max))


def test_their_initiator_learns_the_difference_from_our_responder(foreign: Foreign) -> None:
    for seed in range(CASES):
        case = Case.of(seed, foreign.ts_max)
        foreign.begin(case.ours, case.our_bytes_max)
        theirs = our_side(case.theirs, case.their_bytes_max, initiator=False)
        have: list[bytes] = []
        need: list[bytes] = []
        message: bytes | None = foreign.initiate()
        while message is not None:
            reply = theirs.handle(message).reply
            assert reply is not None
            assert len(reply) <= (case.their_bytes_max or len(reply)), f"seed {seed}"
            answer = foreign.handle(reply)
            have += answer.have
            need += answer.need
            message = answer.message
        assert_difference(case, have, need, once=not (case.our_bytes_max or case.their_bytes_max))


@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_we_say_byte_for_byte_what_they_say(foreign: Foreign, role: str) -> None:
    """But for one case, R6.6: a full message that stops at a fingerprint stops where it stands."""
    for seed in range(CASES):
        case = Case.of(seed, foreign.ts_max)
        is_initiator = role == "initiator"
        keys = case.ours if is_initiator else case.theirs
        bytes_max = case.our_bytes_max if is_initiator else case.their_bytes_max
        foreign.begin(keys, bytes_max)
        twin = our_side(keys, bytes_max, initiator=is_initiator)
        if is_initiator:
            other = our_side(case.theirs, case.their_bytes_max, initiator=False)
            message: bytes | None = twin.initiate()
            assert message == foreign.initiate(), f"seed {seed}"
            while message is not None:
                reply = other.handle(message).reply
                assert reply is not None
                step, answer = twin.handle(reply), foreign.handle(reply)
                assert step.have == answer.have, f"seed {seed}"
                assert sorted(step.need) == sorted(answer.need), f"seed {seed}"
                assert_same(step.reply, answer.message, seed, stops=bool(bytes_max))
                message = step.reply
        else:
            other = our_side(case.ours, case.our_bytes_max, initiator=True)
            query: bytes | None = other.initiate()
            while query is not None:
                said = twin.handle(query).reply
                assert said is not None
                assert_same(said, foreign.handle(query).message, seed, stops=bool(bytes_max))
                query = other.handle(said).reply


def assert_same(ours: bytes | None, theirs: bytes | None, seed: int, *, stops: bool) -> None:
    if ours == theirs:
        return
    assert stops and ours is not None and theirs is not None, f"seed {seed}"
    # Theirs stops with a fingerprint of what follows the range; ours of what begins with it,
    # after a skip up to it if one was pending.
    body = theirs[:-STOP_BYTES]
    assert ours.startswith(body), f"seed {seed}"
    skip = ours[len(body) : -STOP_BYTES]
    assert not skip or (skip.endswith(b"\0") and len(skip) <= 44), f"seed {seed}"
    assert ours[-STOP_BYTES:-16] == theirs[-STOP_BYTES:-16] == b"\0\0\1", f"seed {seed}"


def test_a_later_version_is_answered_with_ours(foreign: Foreign) -> None:
    key = item_key(12345, b"\xee" * 32)
    foreign.begin([key], 0)
    ours = our_side([key], 0, initiator=False)
    for message in (bytes.fromhex("62aabbccddeeff"), bytes.fromhex("6100000200")):
        assert ours.handle(message).reply == foreign.handle(message).message
