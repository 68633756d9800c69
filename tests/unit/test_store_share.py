"""The share of the store's time: whoever takes more is answered slowly, and only that peer."""

from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.store_share import StoreShare
from jangteo.node.worker import InlineWorker
from jangteo.node.writer import Writer
from jangteo.protocol import limits
from jangteo.store.store import Store

pytestmark = pytest.mark.trio
BURST_S = limits.SYNC_STORE_BURST_MS / 1000
SHARE = limits.SYNC_STORE_SHARE_PERCENT / 100


def writer_of(store: Store) -> Writer:
    return Writer(store, now_ms=lambda: 0, worker=InlineWorker())


async def test_a_burst_is_free_and_then_it_costs(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    with Store.open(tmp_path / "a.db") as store:
        share = StoreShare(writer_of(store))
        assert share.spend("p", BURST_S) == 0
        assert share.spend("p", 1.0) == pytest.approx(1 / SHARE)
        assert share.spend("q", 1.0) == 0
        await trio.sleep(1 / SHARE)
        assert share.spend("p", 0.0) == pytest.approx(0.0)


async def test_nobody_rests_longer_than_so_long(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    with Store.open(tmp_path / "a.db") as store:
        share = StoreShare(writer_of(store))
        assert share.spend("p", 1000.0) == limits.SYNC_STORE_REST_MS_MAX / 1000


async def test_a_job_s_value_and_its_error_come_back(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    with Store.open(tmp_path / "a.db") as store:
        writer = writer_of(store)
        share = StoreShare(writer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            assert await share.call("p", lambda store: store.summary("commons")[0]) == 0
            with pytest.raises(ZeroDivisionError):
                await share.call("p", lambda store: 1 // 0)
            writer.close()
