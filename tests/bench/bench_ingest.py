"""Ingest on one core: verify, store, set, views and full text; duplicates; one's own records.

`per_cpu_s` is records for each second of the processor. "import" and "sell" are the verbs, as a
person's command gives them, without a running node; every one is on the disk (synchronous=FULL)
when it is answered.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jangteo.crypto.digest import sha256
from jangteo.protocol.envelope import Verified, open_record
from jangteo.protocol.limits import SIGNATURE_BYTES
from jangteo.protocol.verdict import Admission
from jangteo.store.store import Store
from tests.bench import warehouse
from tests.bench.goods import MIXES, Goods, Mix
from tests.bench.peers import contest
from tests.bench.report import Report, parser, percentile
from tests.desk_maker import Stall
from tests.market_maker import NOW_MS

KNOWN = {Admission.NEW, Admission.DUPLICATE}


def measure(report: Report, case: str, records: int, work: Callable[[], object]) -> float:
    """Its seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    report.add(
        "ingest",
        case,
        records=records,
        per_cpu_s=records / max(cpu_s, 1e-9),
        cpu_s=cpu_s,
        wall_s=wall_s,
    )
    return wall_s


def admit_all(store: Store, records: Sequence[Verified], batch: int, durable: bool) -> None:
    for first in range(0, len(records), batch):
        with store.write(durable):
            outcomes = store.admit(records[first : first + batch], NOW_MS)
        if not set(outcomes) <= KNOWN:
            raise RuntimeError(f"a bench of admissions met {set(outcomes)}")


def take_in(store: Store, raws: Sequence[bytes], batch: int) -> None:
    """As sync does: verified, then admitted."""
    for first in range(0, len(raws), batch):
        opened = [open_record(raw) for raw in raws[first : first + batch]]
        admit_all(store, opened, batch, durable=False)


def refuse_known(store: Store, raws: Sequence[bytes]) -> None:
    """As what comes again by gossip or sync is refused before its signature is looked at."""
    for raw in raws:
        if not store.has(sha256(raw[:-SIGNATURE_BYTES])):
            raise RuntimeError("not known")


def measure_store(report: Report, folder: Path, mix: Mix, count: int, batch: int) -> None:
    records = list(Goods().records(count, mix))
    raws = [record.raw for record in records]
    ids = [record.id for record in records]
    path = folder / f"{mix}.db"
    with Store.open(path) as store:
        measure(report, f"{mix}: verify alone", count, lambda: [open_record(raw) for raw in raws])
        measure(report, f"{mix}: verify and admit", count, lambda: take_in(store, raws, batch))
        measure(report, f"{mix}: duplicates verified", count, lambda: take_in(store, raws, batch))
        measure(report, f"{mix}: duplicates by id", count, lambda: refuse_known(store, raws))
        measure(
            report,
            f"{mix}: raws by 1,024 ids",
            count,
            lambda: [store.raws(ids[at : at + 1024]) for at in range(0, count, 1024)],
        )
        measure(report, f"{mix}: rebuild of all views", count, store.reindex)
    with Store.open(folder / f"{mix}-alone.db") as store:
        measure(
            report, f"{mix}: admit alone", count, lambda: admit_all(store, records, batch, False)
        )
    few = records[: min(count, 500)]
    with Store.open(folder / f"{mix}-one.db") as store:
        measure(
            report, f"{mix}: admit one by one, durable", len(few),
            lambda: admit_all(store, few, 1, True),
        )  # fmt: skip


def as_row(number: int, goods: Goods) -> dict[str, Any]:
    """A listing as a file to import, or `sell`, has it."""
    listing = goods.listing()
    return {
        "id": f"row {number}",
        "title": listing.title,
        "description": listing.description,
        "price": "1000 KRW" if listing.price is None else f"{listing.price.amount} KRW",
        "category": listing.category,
        "place": listing.place,
    }


def measure_own(report: Report, folder: Path, count: int, sales: int) -> None:
    goods = Goods()
    stall = Stall(folder, "importer")
    path = folder / "goods.jsonl"
    rows = [json.dumps(as_row(number, goods), ensure_ascii=False) for number in range(count)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")

    def bring() -> None:
        told = list(stall.desk.stream("import", {"path": str(path)}))
        if told[-1].get("new", count) != count:
            raise RuntimeError(f"the import says {told[-1]}")

    imported_s = measure(report, "import", count, bring)
    taken_ms: list[float] = []
    cpu = time.process_time()
    for number in range(sales):
        row = as_row(count + number, goods)
        del row["id"]
        began = time.perf_counter()
        stall.desk.call("sell", row)
        taken_ms.append(1000 * (time.perf_counter() - began))
    report.add(
        "own records",
        "jangteo, sell",
        rivals="own",
        p50_ms=percentile(taken_ms, 0.5),
        p99_ms=percentile(taken_ms, 0.99),
        many_at_once_per_s=count / imported_s,
        one_by_one_per_s=1000 * sales / sum(taken_ms),
        cpu_ms=1000 * (time.process_time() - cpu) / sales,
        disk_bytes_per_record=warehouse.disk_mib(stall.home.path) * 2**20 / (count + sales),
    )
    stall.store.close()


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--batch", type=int, default=1000)
    options.add_argument("--mix", choices=list(MIXES), help="only this one")
    options.add_argument("--sales", type=int, default=300, help="own listings, one by one")
    options.add_argument("--rows", type=int, default=5000, help="of the file to import")
    options.add_argument("--no-peers", action="store_true", help="measure no other programs")
    told = options.parse_args(words)
    report = Report("ingest")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for mix in [told.mix] if told.mix else list(MIXES):
            measure_store(report, folder, mix, told.count, told.batch)
        measure_own(report, folder, told.rows, told.sales)
    if not told.no_peers:
        contest.appending(report, Goods(), told.rows)
        report.ratios(
            "own records", "many_at_once_per_s", "one_by_one_per_s", "disk_bytes_per_record"
        )
    report.close()


if __name__ == "__main__":
    main()
