"""Importing signed records, whoever signed them: a file is a transport like any other.

Each is verified and admitted under its own author. Knows no listing file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ..protocol import limits
from ..protocol.envelope import Verified, listing_id, open_record
from ..protocol.errors import RemoteProtocolError
from ..protocol.kind import LISTING, PROFILE
from ..protocol.told import tell, told_by
from ..protocol.verdict import Admission
from .clerk import Clerk
from .import_step import ImportStep, ImportTally
from .record_file import read_records

_WHY_SKIPPED: Final = {
    Admission.FUTURE: tell("it is dated in the future"),
    Admission.EXPIRED: tell("it has expired"),
    Admission.BLOCKED: tell("its author is blocked"),
    Admission.CROWDED: tell("its author has a full number of newer ones"),
    Admission.FOREIGN: tell("of a market that this home has not joined"),
    Admission.FULL: tell("there is no more room for others' records"),
}


def import_records(clerk: Clerk, path: Path, *, is_dry: bool) -> Iterator[dict[str, Any]]:
    """A {"event": "row"} for each record, `line` counting records; then the summary."""
    tally = ImportTally()
    number = 0
    damage: str | None = None
    with path.open("rb") as file:
        raws = read_records(file)
        while True:
            batch: list[bytes] = []
            try:
                for raw in raws:
                    batch.append(raw)
                    if len(batch) == limits.IMPORT_BATCH_ROWS_MAX:
                        break
            except RemoteProtocolError as error:
                damage = error.message
            yield from tally.note(_admit(clerk, batch, number, is_dry=is_dry))
            number += len(batch)
            if len(batch) < limits.IMPORT_BATCH_ROWS_MAX:
                break
    if damage is not None:
        yield from tally.note([ImportStep(number + 1, "failed", "", error=damage)])
    yield tally.summary([], dry_run=is_dry, format="records", source=None)


def _admit(clerk: Clerk, raws: Sequence[bytes], number: int, *, is_dry: bool) -> list[ImportStep]:
    """What becomes of some records, committed; the first is number + 1."""
    steps: list[ImportStep] = []
    records: list[tuple[ImportStep, Verified]] = []
    for line, raw in enumerate(raws, number + 1):
        try:
            record = open_record(raw)
        except RemoteProtocolError as error:
            steps.append(ImportStep(line, "failed", "", error=told_by(error)))
            continue
        step = ImportStep(line, _prospect(clerk, record), _title(record))
        if record.header.kind == LISTING:
            step.listing_id = listing_id(record.header.thread_key)
        steps.append(step)
        records.append((step, record))
    if not is_dry:
        pen = clerk.pen()
        with pen.transaction():
            admissions = pen.carry([record for _, record in records])
        for (step, _), admission in zip(records, admissions, strict=True):
            if admission in _WHY_SKIPPED:
                step.result, step.warnings = "skipped", (_WHY_SKIPPED[admission],)
            elif admission is not Admission.NEW:
                step.result = "unchanged"
    return steps


def _prospect(clerk: Clerk, record: Verified) -> str:
    """What admitting it will be, as far as can be told before."""
    if clerk.store.has(record.id):
        return "unchanged"
    current = clerk.store.current(record.header.thread_key)
    if current is None:
        return "created"
    rank = (current.header.is_delete, current.header.revision, current.id)
    return "updated" if record.rank > rank else "unchanged"


def _title(record: Verified) -> str:
    name = {LISTING: "title", PROFILE: "name"}.get(record.header.kind)
    title = (record.body or {}).get(name) if name else None
    return title if isinstance(title, str) else ""
