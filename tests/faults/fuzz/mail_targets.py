"""Fuzz targets for mail: frames, letters, and what a hostile peer says to a real session over a
real store, in either role, as the bytes of its stream."""

import random
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any

import trio
import trio.testing

from jangteo.crypto.digest import sha256
from jangteo.node.mail_responder import MailResponder
from jangteo.node.mail_session import MailSession
from jangteo.node.mail_shared import MailShared
from jangteo.node.mail_stream import MailStream
from jangteo.node.store_share import StoreShare
from jangteo.node.transport import StreamBroken
from jangteo.node.worker import InlineWorker
from jangteo.node.writer import Writer
from jangteo.protocol import limits, mail_frame
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.letter import Letter, may_live, parse_letter
from jangteo.store.store import Store
from tests.faults.fuzz.session_targets import HeardStream, PairedStream, split
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated_bytes
from tests.faults.fuzz.wire_targets import by_value
from tests.letter_maker import GREAT, letter, letters
from tests.market_maker import NOW_MS

INPUTS_PER_STORE = 300
SECONDS_MAX = 3600
LETTERS_MAX = 100
Role = type[MailSession] | type[MailResponder]


# --- frames and letters ---------------------------------------------------------------------------


def run_frame(data: bytes) -> None:
    try:
        frame = mail_frame.decode(data)
    except RemoteProtocolError as error:
        assert error.rule in ("R12.5", "R12.6"), error
        return
    assert mail_frame.decode(mail_frame.encode(frame)) == frame


def frames() -> list[mail_frame.Frame]:
    raws = (letter(1).raw, letter(2, size=GREAT).raw)
    return [
        mail_frame.Hello(1, 3, bytes(16), 1),
        mail_frame.Recon(b"\x61\x00\x00\x02\x00"),
        mail_frame.Get((sha256(b"a"), sha256(b"b"))),
        mail_frame.Letters(raws, more=True),
        mail_frame.Letters(()),
        mail_frame.Put(raws),
        mail_frame.Stored((sha256(b"a"),)),
        mail_frame.Stored(()),
        mail_frame.Bye("enough"),
    ]


def run_letter(data: bytes) -> None:
    try:
        found = parse_letter(data)
    except RemoteProtocolError as error:
        assert error.rule in ("R12.1", "R12.2"), error
        return
    assert (found.raw, found.id) == (data, sha256(data))
    if may_live(found, NOW_MS):
        assert NOW_MS < found.ends_ms <= NOW_MS + (limits.LETTER_DAYS + 2) * limits.DAY_MS


# --- sessions -------------------------------------------------------------------------------------


class HeardMail(HeardStream):
    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self._is_over:
            raise StreamBroken("closed")
        length = mail_frame.decode_length(data[: mail_frame.LENGTH_BYTES])
        assert len(data) == length + mail_frame.LENGTH_BYTES
        mail_frame.decode(data[mail_frame.LENGTH_BYTES :])


def stocked(stock: Iterable[Letter]) -> Store:
    store = Store.temporary(own_author=bytes(32))
    store.mail.letters_max = LETTERS_MAX
    with store.write(durable=False):
        store.salt_shares(bytes(16))
        for number, each in enumerate(stock):
            store.mail.put([each], NOW_MS, "ann", is_own=number % 5 == 0)
    return store


class Stores:
    """A stocked store, replaced now and then so that it does not fill up."""

    def __init__(self) -> None:
        self._used = 0
        self._store: Store | None = None

    def take(self) -> Store:
        if self._store is None or self._used % INPUTS_PER_STORE == 0:
            if self._store is not None:
                self._store.close()
            self._store = stocked(letters(range(40)))
        self._used += 1
        return self._store


@cache
def stores(_name: str) -> Stores:
    return Stores()


async def session(role: Role, store: Store, stream: Any) -> None:
    """One session to its end, RemoteProtocolError being one of the ends that it may have."""
    writer = Writer(store, now_ms=lambda: NOW_MS, worker=InlineWorker())
    share = StoreShare(writer, stopwatch=trio.current_time)
    shared = MailShared(writer, now_ms=lambda: NOW_MS, share=lambda: share)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            with trio.fail_after(SECONDS_MAX):
                report = await role(shared, MailStream(stream)).run()
            assert report.peer == stream.peer
        except RemoteProtocolError as error:
            assert error.rule.startswith("R"), error
        finally:
            writer.close()


def run_role(role: Role, data: bytes) -> None:
    store = stores(role.__name__).take()
    own = store.mail.counts().own
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(session, role, store, HeardMail(data), clock=clock)
    counts = store.mail.counts()
    assert counts.own == own
    assert counts.letters == store.mail.items().count() <= LETTERS_MAX


STOCKS: tuple[tuple[range, range], ...] = (
    (range(40), range(40)),
    (range(40), range(10, 60)),
    (range(0), range(30)),
    (range(30), range(0)),
    (range(90), range(80, 95)),
)


def dialogues(role: Role) -> Iterator[bytes]:
    """What `role` is told by an honest other side, for several stocks of both."""
    for mine, theirs in STOCKS:
        clock = trio.testing.MockClock(autojump_threshold=0)
        yield trio.run(_told, role, mine, theirs, clock=clock)


async def _told(role: Role, mine: range, theirs: range) -> bytes:
    ends = [PairedStream(end) for end in trio.testing.memory_stream_pair()]
    other: Role = MailResponder if role is MailSession else MailSession
    both = stocked(letters(mine)), stocked(letters(theirs))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session, role, both[0], ends[0])
        nursery.start_soon(session, other, both[1], ends[1])
    for store in both:
        store.close()
    return bytes(ends[0].heard)


def mutate_frames(dice: random.Random, data: bytes) -> bytes:
    """A frame changed, left out, twice, or moved; a letter changed within; now and then the bytes
    themselves."""
    if dice.random() < 0.1:
        return mutated_bytes(dice, data)
    told = split(data)
    for _ in range(dice.randint(1, 2)):
        if not told:
            return mutated_bytes(dice, data)
        at = dice.randrange(len(told))
        match dice.randrange(8):
            case 0:
                del told[at]
            case 1:
                told.insert(dice.randrange(len(told) + 1), told[at])
            case 2:
                told[at] = _with_other_letters(dice, told[at])
            case _:
                told[at] = by_value(dice, told[at])
    return b"".join(len(each).to_bytes(mail_frame.LENGTH_BYTES, "big") + each for each in told)


def _with_other_letters(dice: random.Random, data: bytes) -> bytes:
    """A frame with letters of other days, versions and sizes."""
    others = [
        letter(dice.randrange(1000), days=dice.choice((-1, 0, 15, 16, 2**31))).raw,
        bytes((dice.randrange(3), dice.randrange(3))) + letter(1).raw[2:],
        letter(dice.randrange(1000)).raw[: dice.randrange(1, 300)],
    ]
    return mail_frame.encode(mail_frame.Put((*others, letter(dice.randrange(1000)).raw)))


def target(name: str, role: Role) -> Target:
    return Target(
        name, partial(run_role, role), cache(lambda: tuple(dialogues(role))), mutate_frames, 65_536
    )


TARGETS = [
    Target("mail-frame", run_frame, lambda: map(mail_frame.encode, frames()), by_value, 65_536),
    Target("letter", run_letter, lambda: (letter(1).raw, letter(2, days=0).raw)),
    target("mail-answerer", MailResponder),
    target("mail-asker", MailSession),
]
