"""The desk at a running node: what it publishes goes out, and the answer says who holds it."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jangteo.node.config import read_config
from jangteo.node.desk import Desk
from jangteo.node.desk_error import DeskError
from jangteo.node.desk_port import NodeDesk, Reading
from jangteo.node.home import Home
from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.node.worker import InlineWorker
from jangteo.protocol import limits
from jangteo.store.errors import StoreFull
from jangteo.store.store import Store

pytestmark = pytest.mark.trio


async def desk_of(node: SimulatedNode, folder: Path) -> NodeDesk:
    config = read_config(Home(folder / "home"), environ={})
    stores: list[Store] = []
    await node.core.writer.call(stores.append)
    return NodeDesk(node.core, Desk(stores[0], node.key, config, node.now_ms, os.urandom))


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[SimulatedNode, NodeDesk, SimulatedNode]]:
    place = Neighbourhood(folder)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        yield ann, await desk_of(ann, folder), bob


async def test_what_is_sold_is_there_and_held_when_the_answer_comes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (_, desk, bob):
        began = trio.current_time()
        result = await desk.call("sell", {"title": "lamp", "price": "free"})
        assert result["listing"]["held_by"] == 1
        assert (await bob.summary())[0] == 1
        assert trio.current_time() - began < 1


async def test_with_nobody_there_the_answer_does_not_wait(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with Neighbourhood(tmp_path).node("ann") as ann:
        desk = await desk_of(ann, tmp_path)
        began = trio.current_time()
        result = await desk.call("sell", {"title": "lamp", "price": "free"})
        assert result["listing"]["held_by"] == 0
        assert trio.current_time() == began


async def test_a_neighbour_that_keeps_nothing_is_waited_for_so_long_only(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (ann, desk, bob):
        await (await desk_of(bob, tmp_path)).call("block", {"author": ann.key.public.hex()})
        began = trio.current_time()
        result = await desk.call("sell", {"title": "lamp", "price": "free"})
        assert result["listing"]["held_by"] == 0
        waited = trio.current_time() - began
        assert waited == pytest.approx(limits.HELD_WAIT_MS_MAX / 1000, abs=0.1)


async def test_a_block_is_in_effect_when_the_answer_comes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (ann, desk, bob):
        await bob.sell("spam")
        await trio.sleep(1)
        assert (await ann.summary())[0] == 1
        await desk.call("block", {"author": bob.key.public.hex()})
        assert (await ann.summary())[0] == 0
        assert ann.core.gossip_in.is_unwanted(bob.key.public)
        await bob.sell("more spam")
        await trio.sleep(60)
        assert (await ann.summary())[0] == 0
        await desk.call("unblock", {"author": bob.key.public.hex()})
        await trio.sleep(limits.SYNC_FRUITLESS_WAIT_MS / 1000 + 1)
        assert (await ann.summary())[0] == 2


async def test_a_market_is_joined_and_left_with_its_topic(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (ann, desk, bob):
        await (await desk_of(bob, tmp_path)).call("join", {"market": "books"})
        await bob.sell("atlas", market="books")
        await desk.call("join", {"market": "books"})
        await trio.sleep(5)
        assert (await ann.summary("books"))[0] == 1
        await desk.call("leave", {"market": "books"})
        assert "books" not in ann.core.joined
        await bob.sell("globe", market="books")
        await trio.sleep(5)
        assert (await ann.summary("books"))[0] == 0


async def test_wrong_input_is_the_caller_s_and_changes_nothing(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (ann, desk, _):
        with pytest.raises(DeskError) as caught:
            await desk.call("sell", {"title": "lamp", "price": "abc"})
        assert caught.value.exit_code == 2
        assert (await ann.summary())[0] == 0


async def test_an_import_s_rows_are_gossiped_as_they_are_committed(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("title,price\n" + "".join(f"thing {n},{n + 1}\n" for n in range(300)))
    async with two(tmp_path) as (_, desk, bob):
        seen = 0
        args: Mapping[str, Any] = {"path": str(file), "currency": "KRW", "format": "csv"}
        async with aclosing(desk.stream("import", args)) as steps:
            async for step in steps:
                seen += sum(item.get("result") == "created" for item in step)
                await trio.sleep(0.2)
        assert seen == 300
        await trio.sleep(5)
        assert (await bob.summary())[0] == 300


async def test_a_stream_that_is_left_keeps_what_it_told(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("title,price\n" + "".join(f"thing {n},{n + 1}\n" for n in range(2000)))
    async with two(tmp_path) as (ann, desk, _):
        args: Mapping[str, Any] = {"path": str(file), "currency": "KRW", "format": "csv"}
        async with aclosing(desk.stream("import", args)) as steps:
            async for step in steps:
                told = sum(item.get("result") == "created" for item in step)
                break
        assert 0 < told <= (await ann.summary())[0] < 2000
        assert (await desk.call("sell", {"title": "lamp", "price": "free"}))["changed"]


async def test_rows_that_are_kept_are_told_before_what_ended_their_import(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_BATCH_ROWS_MAX", 250)
    file = tmp_path / "goods.csv"
    file.write_text("title,price\n" + "".join(f"thing {n},{n + 1}\n" for n in range(300)))
    async with two(tmp_path) as (ann, desk, bob):
        write = Store.write
        batches = iter(range(2))

        def fill_up(store: Store, durable: bool) -> Any:
            if store is ann.store and durable and next(batches) == 1:
                raise StoreFull("the disk is full: make room")
            return write(store, durable)

        monkeypatch.setattr(Store, "write", fill_up)
        args: Mapping[str, Any] = {"path": str(file), "currency": "KRW", "format": "csv"}
        told = 0
        with pytest.raises(DeskError, match="disk is full"):
            async with aclosing(desk.stream("import", args)) as steps:
                async for step in steps:
                    told += sum(item.get("result") == "created" for item in step)
        monkeypatch.undo()
        kept = (await ann.summary())[0]
        assert told == kept == 250
        await trio.sleep(10)
        assert (await bob.summary())[0] == kept


async def test_a_store_that_fails_and_a_node_that_stops_are_said_in_a_line(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(tmp_path) as (ann, desk, _):

        def full(store: Store, durable: bool) -> None:
            raise StoreFull("the disk is full: make room")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "write", full)
            with pytest.raises(DeskError, match="disk is full"):
                await desk.call("sell", {"title": "lamp", "price": "free"})
        assert (await desk.call("sell", {"title": "lamp", "price": "free"}))["changed"]
        ann.core.stop()
        await trio.sleep(1)
        with pytest.raises(DeskError, match="stopping"):
            await desk.call("sell", {"title": "chair", "price": "free"})


async def test_what_is_read_has_a_store_of_its_own_and_is_what_was_committed(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    asked: list[str] = []

    class NotedDesk(Desk):
        def call(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
            asked.append(verb)
            return super().call(verb, args)

    async with Neighbourhood(tmp_path).node("ann") as ann:
        own = ann.key.public
        config = read_config(Home(tmp_path / "home"), environ={})
        with Store.open(tmp_path / "ann.db", own_author=own, read_only=True) as seen:
            noted = NotedDesk(seen, None, config, ann.now_ms, os.urandom, own=own)
            writing = Desk(ann.store, ann.key, config, ann.now_ms, os.urandom)
            desk = NodeDesk(ann.core, writing, Reading(noted, InlineWorker()))
            made = await desk.call("sell", {"title": "lamp", "price": "free"})
            public_id = made["listing"]["id"]
            assert [row["id"] for row in (await desk.call("search", {}))["rows"]] == [public_id]
            assert (await desk.call("status-local", {}))["counts"]["own_active"] == 1
            await desk.call("withdraw", {"id": public_id})
            assert (await desk.call("listings", {}))["rows"] == []
            assert (await desk.call("whoami", {}))["author"] == own.hex()
            with pytest.raises(DeskError, match="no listing here"):
                await desk.call("show", {"id": "beef"})
    assert asked == ["search", "status-local", "listings", "show"]
