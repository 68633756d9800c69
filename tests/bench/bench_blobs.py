"""Photos: the listings of one node, their thumbnails and full photos to an empty one, two processes
over libp2p on loopback; and as many raw bytes over a stream of the same kind, in the same run.

The clock runs from the newcomer's dial until every file is on its disk, verified and known to its
store. The raw bytes are written in chunks of 64 KiB as fast as the other process reads them, and
kept nowhere.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from jangteo.node.home import Home
from jangteo.node.libp2p_transport import Libp2pTransport, open_libp2p
from jangteo.node.transport import Stream
from jangteo.protocol import limits
from jangteo.store.store import Store
from tests.bench.counted_node import ROOT, CountedNode, node
from tests.bench.report import MIB, Report, median, parser
from tests.blob_maker import PicturedGood, pictured_goods, stock

RAW: Final = "/bench/raw/1"
_LENGTH_BYTES: Final = 8
_POLL_S: Final = 0.005
Json = dict[str, Any]


# ---- photos --------------------------------------------------------------------------------------


def fetch(giver: CountedNode, folder: Path, goods: Sequence[PicturedGood]) -> Json:
    """One newcomer that takes them all, in an empty home in `folder`."""
    before = giver.usage()
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text('photos = "all"\n', encoding="utf-8")
    hashes = [each for good in goods for each in (good.photo.hash, good.photo.thumb)]
    with node(folder, "--peer", giver.address) as taker:
        taker.wait_for(lambda event: event["event"] == "sync")
        with Store.open(Home(folder).store_path, read_only=True) as store:
            thumbs_s = None
            while store.blobs.totals().count < len(hashes):
                if thumbs_s is None and len(store.blobs.here(hashes[1::2])) == len(goods):
                    thumbs_s = time.monotonic()
                time.sleep(_POLL_S)  # another process's store: no event tells of its last blob
            done_s = time.monotonic()
            if len(store.blobs.here(hashes)) != len(hashes):
                raise RuntimeError("other blobs came than were named")
        used, given = taker.usage(), giver.usage()
    return {
        "took_s": done_s - used["dialled_s"],
        "thumbs_s": (thumbs_s or done_s) - used["dialled_s"],
        "taker_cpu_s": used["cpu_s"] - used["dialled_cpu_s"],
        "giver_cpu_s": given["cpu_s"] - before["cpu_s"],
        "taker_peak_mib": used["peak_mib"],
        "wire_mib": (used["in_bytes"] + used["out_bytes"]) / MIB,
    }


# ---- raw bytes -----------------------------------------------------------------------------------


def host(name: str) -> Any:
    return open_libp2p(hashlib.sha256(name.encode()).digest(), ["/ip4/127.0.0.1/tcp/0"])


async def pour(stream: Stream) -> None:
    count = int.from_bytes(await stream.receive_exactly(_LENGTH_BYTES), "big")
    piece = bytes(limits.STREAM_CHUNK_BYTES)
    while count:
        await stream.send_all(piece[:count])
        count -= min(count, len(piece))


async def give_raw() -> None:
    """In a process of its own: says its address, and pours until its stdin ends."""
    async with host("giver") as transport:
        transport.serve(RAW, pour)
        print(transport.addresses()[0], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


async def take_raw(address: str, byte_count: int) -> float:
    """For how many seconds `byte_count` bytes came, from the dial on."""
    async with host("taker") as transport:
        began = time.monotonic()
        await _drain(transport, await transport.dial(address), byte_count)
        return time.monotonic() - began


async def _drain(transport: Libp2pTransport, peer: str, byte_count: int) -> None:
    stream = await transport.open_stream(peer, RAW)
    await stream.send_all(byte_count.to_bytes(_LENGTH_BYTES, "big"))
    while byte_count:
        piece = await stream.receive_exactly(min(byte_count, limits.STREAM_CHUNK_BYTES))
        byte_count -= len(piece)
    await stream.close()


def raw(byte_count: int) -> Json:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_blobs", "--give-raw"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as giver:
        assert giver.stdout is not None
        address = giver.stdout.readline().strip()
        began = time.process_time()
        took_s = trio.run(partial(take_raw, address, byte_count))
        cpu_s = time.process_time() - began
        giver.communicate()
    return {"took_s": took_s, "taker_cpu_s": cpu_s}


# ---- both ----------------------------------------------------------------------------------------


def measure(report: Report, folder: Path, told: Any) -> None:
    goods = pictured_goods(told.count, thumb_bytes=told.thumb, photo_bytes=told.photo)
    byte_count = told.count * (told.thumb + told.photo)
    stock(folder / "giver", goods)
    fetched, poured = [], []
    with node(folder / "giver") as giver:
        for run in range(told.runs):
            fetched.append(fetch(giver, folder / f"taker{run}", goods))
            poured.append(raw(byte_count))
    for case, runs in (("jangteo, listings and photos", fetched), ("raw bytes", poured)):
        middle = {name: median([each[name] for each in runs]) for name in runs[0]}
        report.add(
            "photos",
            f"{case}, {told.count:,}",
            rivals=f"{told.count:,} listings",
            blobs=2 * told.count,
            mib=byte_count / MIB,
            mib_per_s=byte_count / MIB / middle["took_s"],
            **middle,
        )


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=1000, help="listings (default %(default)s)")
    options.add_argument("--thumb", type=int, default=10_000, help="bytes of a thumbnail")
    options.add_argument("--photo", type=int, default=150_000, help="bytes of a full photo")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--give-raw", action="store_true", help="(within the bench)")
    told = options.parse_args(words)
    if told.give_raw:
        trio.run(give_raw)
        return
    report = Report("blobs")
    with tempfile.TemporaryDirectory() as temporary:
        measure(report, Path(temporary), told)
    report.ratios("photos", "took_s", "taker_cpu_s")
    report.close()


if __name__ == "__main__":
    main()
