"""What watchers are told of listings: each revision as what it said, a withdrawal too."""

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jangteo.node.simulation import Neighbourhood

pytestmark = pytest.mark.trio


async def test_revisions_in_quick_succession_are_told_one_by_one(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann:
        await trio.sleep(5)
        told: list[dict[str, Any]] = []

        async def listen(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            task_status.started()
            async for event in ann.core.board.events():
                if event["event"] == "listing":
                    told.append(event)

        async with trio.open_nursery() as nursery:
            await nursery.start(listen)
            await trio.testing.wait_all_tasks_blocked()
            bicycle = await ann.sell("bicycle")
            await ann.edit(bicycle, "red bicycle")
            await ann.edit(bicycle, "red bicycle, sold")
            await trio.sleep(3)
            assert [(event["change"], event["title"]) for event in told] == [
                ("new", "bicycle"),
                ("changed", "red bicycle"),
                ("changed", "red bicycle, sold"),
            ]
            assert len({event["record_id"] for event in told}) == 3
            told.clear()
            await ann.withdraw(bicycle)
            await trio.sleep(3)
            assert [(event["change"], event["id"]) for event in told] == [
                ("withdrawn", told[0]["id"])
            ]
            assert told[0]["mine"]
            nursery.cancel_scope.cancel()
