"""The writer: order, grouping, room, errors, and an end at which nothing taken is lost."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey
from jangteo.node.worker import InlineWorker, ThreadWorker, Worker
from jangteo.node.writer import Admitted, Writer, WriterClosed
from jangteo.protocol import limits
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.verdict import Admission
from jangteo.store.errors import StoreFull
from jangteo.store.share import UNKNOWN, bucket_of
from jangteo.store.store import Store
from tests.market_maker import Seller

pytestmark = pytest.mark.trio
NOW_MS = 1_750_000_000_000
KEY = AuthorKey.from_seed(bytes(range(32)))


def listing(number: int, *, revision: int = 1) -> Verified:
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, KEY.public, NOW_MS, "open", thread, revision, False)
    return author_record(KEY, header, Listing(f"thing {number}", created_ms=NOW_MS).to_body())


class CountingStore(Store):
    """A real store that counts its transactions, and can be made to fail in the next one."""

    transactions: list[bool]
    failure: Exception | None = None

    def write(self, durable: bool) -> Any:
        if not hasattr(self, "transactions"):
            self.transactions = []
        self.transactions.append(durable)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return super().write(durable)


class HeldWorker:
    """Does its jobs inline, but only while `open` is set."""

    def __init__(self) -> None:
        self.open = trio.Event()

    async def __call__(self, job: Callable[[], Any], /) -> Any:
        await self.open.wait()
        return job()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CountingStore]:
    with CountingStore.open(tmp_path / "a.db", own_author=KEY.public) as opened:
        with opened.write(durable=False):
            opened.join("open")
        opened.transactions.clear()
        yield opened


def writer_of(store: Store, worker: Worker | None = None) -> Writer:
    return Writer(store, now_ms=lambda: NOW_MS, worker=worker or InlineWorker())


async def test_records_are_admitted_and_their_outcome_told(store: CountingStore) -> None:
    writer = writer_of(store)
    told: list[tuple[list[Admitted], str]] = []
    writer.on_admitted = lambda admitted, source: told.append((admitted, source))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        record = listing(1)
        assert await writer.admit([record], "p") == [Admission.NEW]
        assert await writer.admit([record], "q") == [Admission.DUPLICATE]
        assert await writer.admit([], "q") == []
        writer.close()
    assert told == [
        ([(record, Admission.NEW)], "p"),
        ([(record, Admission.DUPLICATE)], "q"),
    ]
    assert store.has(record.id)


async def test_what_waits_together_is_committed_together(store: CountingStore) -> None:
    worker = HeldWorker()
    writer = writer_of(store, worker)
    for number in range(20):
        assert writer.admit_nowait([listing(number)], "p")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        worker.open.set()
        writer.close()
    assert store.transactions == [False]
    assert store.summary("open")[0] == 20


async def test_records_count_for_who_brought_them_when_they_came(store: CountingStore) -> None:
    with store.write(durable=False):
        store.salt_shares(b"salt")
    writer = writer_of(store, worker := HeldWorker())
    payers: dict[str, str] = {"p": "10.0.0.1", "q": "10.0.0.2"}
    writer.bringer_of = payers.get
    for peer, number in (("p", 1), ("q", 2), ("r", 3)):
        assert writer.admit_nowait([Seller.named("x").lists(number, "Lamp", ts_ms=NOW_MS)], peer)
    payers.clear()  # all have gone before anything is written
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        worker.open.set()
        writer.close()
    shares = [row[0] for row in store._db.rows("SELECT bucket FROM record ORDER BY rid")]
    assert shares == [bucket_of(b"salt", "10.0.0.1"), bucket_of(b"salt", "10.0.0.2"), UNKNOWN]


async def test_a_transaction_is_bounded_in_records(store: CountingStore) -> None:
    writer = writer_of(store)
    batch = limits.WRITER_GROUP_RECORDS_MAX // 2 + 1
    for start in range(0, 3 * batch, batch):
        assert writer.admit_nowait([listing(start + n) for n in range(batch)], "p")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        writer.close()
    assert len(store.transactions) == 3


async def test_one_durable_batch_makes_its_group_durable(store: CountingStore) -> None:
    worker = HeldWorker()
    writer = writer_of(store, worker)
    async with trio.open_nursery() as nursery:
        writer.admit_nowait([listing(1)], "p")
        async with trio.open_nursery() as asking:

            @asking.start_soon
            async def ask() -> None:
                await writer.admit([listing(2)], "q", is_durable=True)

            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(writer.run)
            worker.open.set()
        writer.close()
    assert store.transactions == [True]


async def test_a_full_queue_refuses_at_once_and_says_so(store: CountingStore) -> None:
    writer = writer_of(store)
    records = [listing(number) for number in range(limits.WRITER_RECORDS_MAX)]
    assert writer.admit_nowait(records, "p")
    assert not writer.admit_nowait([listing(10**6)], "p")
    assert writer.records_queued == limits.WRITER_RECORDS_MAX


async def test_who_waits_for_room_gets_it(store: CountingStore) -> None:
    writer = writer_of(store)
    records = [listing(number) for number in range(limits.WRITER_RECORDS_MAX)]
    writer.admit_nowait(records, "p")
    outcomes: list[Admission] = []
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as asking:

            @asking.start_soon
            async def ask() -> None:
                outcomes.extend(await writer.admit([listing(10**6)], "p"))

            await trio.testing.wait_all_tasks_blocked()
            assert outcomes == []
            nursery.start_soon(writer.run)
        writer.close()
    assert outcomes == [Admission.NEW]


async def test_jobs_wait_for_room_too(store: CountingStore) -> None:
    writer = writer_of(store)
    done: list[int] = []

    async def ask(number: int) -> None:
        done.append(await writer.call(lambda store: number))

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as asking:
            for number in range(limits.WRITER_JOBS_MAX + 5):
                asking.start_soon(ask, number)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(writer.run)
        writer.close()
    assert sorted(done) == list(range(limits.WRITER_JOBS_MAX + 5))


async def test_a_job_s_error_is_its_caller_s_alone(store: CountingStore) -> None:
    writer = writer_of(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        with pytest.raises(ZeroDivisionError):
            await writer.call(lambda store: 1 // 0)
        assert await writer.call(lambda store: store.summary("open")[0]) == 0
        writer.close()


async def test_a_full_disk_is_told_and_the_writer_goes_on(store: CountingStore) -> None:
    writer = writer_of(store)
    failed: list[tuple[BaseException, str]] = []
    told = trio.Event()

    def on_failed(error: BaseException, source: str) -> None:
        failed.append((error, source))
        told.set()

    writer.on_failed = on_failed
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        store.failure = StoreFull("the disk is full")
        with pytest.raises(StoreFull):
            await writer.admit([listing(1)], "p")
        store.failure = StoreFull("the disk is full")
        writer.admit_nowait([listing(1)], "q")
        await told.wait()  # what comes meanwhile may share its transaction, and its end
        assert await writer.admit([listing(2)], "p") == [Admission.NEW]
        writer.close()
    assert [source for _, source in failed] == ["q"]
    assert not store.has(listing(1).id)
    assert writer.records_queued == 0


async def test_what_was_taken_is_committed_even_when_all_is_cancelled(
    store: CountingStore,
) -> None:
    writer = writer_of(store, ThreadWorker())
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            for number in range(100):
                writer.admit_nowait([listing(number)], "p")
            writer.close()
            scope.cancel()
    assert store.summary("open")[0] == 100


async def test_after_the_close_nothing_is_taken(store: CountingStore) -> None:
    writer = writer_of(store)
    writer.close()
    assert not writer.admit_nowait([listing(1)], "p")
    with pytest.raises(WriterClosed):
        await writer.admit([listing(1)], "p")
    with pytest.raises(WriterClosed):
        await writer.call(lambda store: None)


async def test_who_waits_for_room_at_the_close_is_sent_away(store: CountingStore) -> None:
    writer = writer_of(store)
    records = [listing(number) for number in range(limits.WRITER_RECORDS_MAX)]
    writer.admit_nowait(records, "p")
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def ask() -> None:
            with pytest.raises(WriterClosed):
                await writer.admit([listing(10**6)], "p")

        await trio.testing.wait_all_tasks_blocked()
        writer.close()
        nursery.start_soon(writer.run)
    assert store.summary("open")[0] == limits.WRITER_RECORDS_MAX


async def test_a_caller_that_leaves_holds_nothing_up(store: CountingStore) -> None:
    worker = HeldWorker()
    writer = writer_of(store, worker)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        async with trio.open_nursery() as asking:
            asking.start_soon(writer.admit, [listing(1)], "p")
            await trio.testing.wait_all_tasks_blocked()
            asking.cancel_scope.cancel()
        worker.open.set()
        assert await writer.admit([listing(2)], "p") == [Admission.NEW]
        writer.close()
    assert store.has(listing(1).id)


def others_listings(count: int) -> list[Verified]:
    return [
        Seller.named("other").lists(number, "red bike", ts_ms=NOW_MS) for number in range(count)
    ]


async def test_words_of_a_few_records_are_in_when_their_outcome_is_told(
    store: CountingStore, autojump_clock: trio.testing.MockClock
) -> None:
    writer = writer_of(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        await writer.admit(others_listings(limits.TEXT_NOW_RECORDS_MAX), "p")
        assert store.fts_lag() == 0
        await trio.sleep(10)
        assert store.transactions == [False]
        writer.close()


async def test_words_of_many_records_wait_for_the_writer_to_be_idle(
    store: CountingStore, autojump_clock: trio.testing.MockClock
) -> None:
    writer = writer_of(store)
    records = others_listings(limits.TEXT_NOW_RECORDS_MAX + 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        began = trio.current_time()
        await writer.admit(records, "p")
        await trio.sleep(limits.TEXT_IDLE_MS / 1000 - 0.01)
        assert store.fts_lag() == len(records)
        await trio.sleep(0.02)
        assert store.fts_lag() == 0
        assert trio.current_time() - began < 1
        writer.close()


async def test_words_wait_only_so_long_for_a_writer_that_is_never_idle(
    store: CountingStore,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "TEXT_RECORDS_AT_ONCE", 100)
    writer = writer_of(store)
    records = others_listings(1000)
    lags: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        for begin in range(0, len(records), limits.TEXT_NOW_RECORDS_MAX + 1):
            some = records[begin : begin + limits.TEXT_NOW_RECORDS_MAX + 1]
            await writer.admit(some, "p")
            lags.append(store.fts_lag())
            await trio.sleep(limits.TEXT_IDLE_MS / 2000)
        writer.close()
    batch = limits.TEXT_NOW_RECORDS_MAX + 1
    assert lags.count(batch) > 1  # all before it were added
    assert max(lags) <= batch * (2 * limits.TEXT_WAIT_MS_MAX / limits.TEXT_IDLE_MS + 1)
    assert store.fts_lag() == 0


async def test_words_that_no_disk_takes_are_tried_again(
    store: CountingStore, autojump_clock: trio.testing.MockClock
) -> None:
    writer = writer_of(store)
    told: list[BaseException] = []
    writer.on_failed = lambda error, source: told.append(error)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        await writer.admit(others_listings(100), "p")
        store.failure = StoreFull("no space left")
        await trio.sleep(limits.TEXT_IDLE_MS / 1000 + 0.1)
        assert (len(told), store.fts_lag()) == (1, 100)
        await trio.sleep(limits.TEXT_WAIT_MS_MAX / 1000)
        assert (len(told), store.fts_lag()) == (1, 0)
        writer.close()


async def test_at_the_end_words_are_added_for_a_while_only(
    store: CountingStore,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "TEXT_RECORDS_AT_ONCE", 1)
    step_s = 0.02

    async def slow(job: Callable[[], Any], /) -> Any:
        await trio.sleep(step_s)
        return job()

    writer = writer_of(store, slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        await writer.admit(others_listings(100), "p")
        writer.close()
    steps = limits.TEXT_LAST_MS_MAX / 1000 / step_s
    assert abs(100 - store.fts_lag() - steps) <= 2
