"""What goes wrong for one peer, or once an hour, costs that work only."""

import logging

import pytest
import trio

from jangteo.node.supervisor import survive
from jangteo.store.errors import StoreFull

pytestmark = pytest.mark.trio


async def _fails(error: Exception) -> None:
    await trio.lowlevel.checkpoint()
    raise error


async def test_a_bug_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        await _fails(KeyError("x"))

    with caplog.at_level(logging.ERROR):
        assert await survive("greeting", work) == "KeyError: 'x'"
    assert caplog.records[0].exc_info


async def test_a_full_disk_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        await _fails(StoreFull("no space left for x: free some"))

    with caplog.at_level(logging.ERROR):
        assert await survive("remembering peers", work) == "no space left for x: free some"
    assert not caplog.records[0].exc_info
    assert "no space left" in caplog.text
