"""nostr-sdk at the benches' work: a local relay or a client, driven by JSON lines on stdin.

Run by the Python of `.bench-peers/venv`, so nothing of this project is imported here.
`nostr_peer.py FOLDER TEXTS`: TEXTS has one JSON string a line. The orders are contest.py's.
"""

import asyncio
import json
import resource
import sys
import time
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import nostr_sdk as nostr

AUTHORS = 100
AT_ONCE = 1000
SPAN_S = 80 * 86_400
BIG = 60_000
PASSES_MAX = 50


class NostrPeer:
    def __init__(self, folder: Path, texts: Path) -> None:
        self._database = nostr.NostrDatabase.lmdb(str(folder))
        self._texts = texts.open(encoding="utf-8")
        self._keys = [nostr.Keys.generate() for _ in range(AUTHORS)]
        self._made = 0
        self._relay: Any = None

    def _event(self, text: str, age_s: int) -> Any:
        self._made += 1
        at = nostr.Timestamp.from_secs(int(time.time()) - age_s)
        builder = nostr.EventBuilder.text_note(text).custom_created_at(at)
        return builder.sign_with_keys(self._keys[self._made % AUTHORS])

    async def fill(self, count: int) -> dict[str, Any]:
        began = time.monotonic()
        events = [
            self._event(json.loads(line), 10 + SPAN_S * (count - number) // count)
            for number, line in enumerate(islice(self._texts, count))
        ]
        for start in range(0, count, AT_ONCE):
            await asyncio.gather(*map(self._database.save_event, events[start : start + AT_ONCE]))
        return {"took_s": time.monotonic() - began}

    async def append(self, count: int) -> dict[str, Any]:
        """One by one, the newest of all."""
        began = time.monotonic()
        for line in islice(self._texts, count):
            await self._database.save_event(self._event(json.loads(line), 0))
        return {"took_s": time.monotonic() - began}

    async def serve(self) -> dict[str, Any]:
        builder = nostr.RelayBuilder().database(self._database).addr("127.0.0.1")
        builder = builder.default_filter_limit(BIG).max_filter_limit(BIG)
        builder = builder.rate_limit(nostr.RateLimit(max_reqs=BIG, notes_per_minute=BIG))
        self._relay = nostr.LocalRelay(builder)
        await self._relay.run()
        return {"address": str(await self._relay.url())}

    async def sync(self, address: str, total: int) -> dict[str, Any]:
        client = nostr.ClientBuilder().database(self._database).build()
        began = time.monotonic()
        await client.add_relay(nostr.RelayUrl.parse(address))
        await client.try_connect(timedelta(seconds=5))
        options = nostr.SyncOptions().direction(nostr.SyncDirection.DOWN)
        notes = nostr.Filter().kind(nostr.Kind(1))
        held = passes = 0
        # One pass does not always bring all of it.
        while (held < total or not passes) and passes < PASSES_MAX:
            await client.sync(notes, options)
            held = await self._database.count(notes)
            passes += 1
        took_s = time.monotonic() - began
        await client.shutdown()
        if held < total:
            return {"error": f"{held} of {total} came in {passes} passes"}
        return {"took_s": took_s, "passes": passes}

    async def search(self, texts: list[str], rounds: int, limit: int) -> dict[str, Any]:
        """Milliseconds of each."""
        taken: dict[str, list[float]] = {}
        for text in texts:
            for _ in range(rounds):
                began = time.perf_counter()
                found = await self._database.query(nostr.Filter().search(text).limit(limit))
                found.to_vec()
                taken.setdefault(text, []).append(1000 * (time.perf_counter() - began))
        return {"taken_ms": taken}

    async def usage(self) -> dict[str, Any]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"cpu_s": time.process_time(), "peak_mib": peak}


async def main() -> None:
    folder, texts = map(Path, sys.argv[1:3])
    peer = NostrPeer(folder, texts)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        answer = await getattr(peer, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
