"""What a disk may hold after the power went: images made from the writes that were noted.

What was synced is there. Of the rest each sector is as any of the writes that touched it left it,
or as it was before (torn, reordered, dropped); names go back to any state since they were synced.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, assert_never

from tests.faults.disk import (
    Create,
    Delete,
    Op,
    Rename,
    Sync,
    SyncFailed,
    SyncFolder,
    Truncate,
    Write,
)

SECTORS = (512, 4096)
_Names: TypeAlias = dict[str, int]
_SHM_BYTES = 32 * 1024
_GARBAGE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Manner:
    """How the power goes: `kept` is the share of what was not synced that reached the disk;
    `is_ordered`: up to one point all of it, nothing after. `has_garbage`: what was being written
    is anything at all (but not its neighbours in the sector: SQLite counts on that, as disks
    promise it); `has_shm`: so is a shared memory file that was left over."""

    sector_bytes: int
    kept: float
    is_ordered: bool
    has_garbage: bool
    has_shm: bool

    @classmethod
    def of(cls, dice: random.Random) -> "Manner":
        return cls(
            dice.choice(SECTORS),
            dice.choice((0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0)),
            dice.random() < 0.3,
            dice.random() < 0.1,
            dice.random() < 0.3,
        )


@dataclass(slots=True)
class _File:
    synced: bytearray = field(default_factory=bytearray)
    waiting: list[Write | Truncate] = field(default_factory=list)


class Platter:
    """The disk after some of the ops: what is certain, and what may or may not be there."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: list[_Names] = [{}]
        """States of the folder since it was synced; the last is how it is."""

    def apply(self, ops: Sequence[Op]) -> None:
        for op in ops:
            self._apply(op)

    def write_image(self, folder: Path, manner: Manner, dice: random.Random) -> None:
        """The files as they might be found, into an empty folder, by their last names."""
        names = dice.choice(self._names)
        for name, number in names.items():
            data = self._content(self._files[number], manner, dice)
            (folder / Path(name).name).write_bytes(data)
            if manner.has_shm and name.endswith("-wal"):
                shm = Path(name.removesuffix("-wal") + "-shm").name
                (folder / shm).write_bytes(dice.randbytes(_SHM_BYTES))

    def _apply(self, op: Op) -> None:
        match op:
            case Create(name, number):
                self._files[number] = _File()
                self._names.append({**self._names[-1], name: number})
            case Delete(name):
                self._names.append({k: v for k, v in self._names[-1].items() if k != name})
            case Rename(old, new):
                now = dict(self._names[-1])
                now[new] = now.pop(old)
                self._names.append(now)
            case SyncFolder():
                self._names = self._names[-1:]
            case Write(number) | Truncate(number):
                self._files[number].waiting.append(op)
            case SyncFailed(number):
                self._files[number].waiting.clear()
            case Sync(number, with_folder):
                file = self._files[number]
                for change in file.waiting:
                    _change(file.synced, change)
                file.waiting.clear()
                if with_folder:
                    self._names = self._names[-1:]
            case _:
                assert_never(op)

    def _content(self, file: _File, manner: Manner, dice: random.Random) -> bytes:
        data = bytearray(file.synced)
        if manner.is_ordered:
            for change in file.waiting[: round(manner.kept * len(file.waiting))]:
                _change(data, change)
            return bytes(data)
        # By sector: the changes that touched it, of which the first so many are there.
        size = manner.sector_bytes
        reached: dict[int, int] = {}
        for change in file.waiting:
            if isinstance(change, Truncate):
                # A length that went back is known with what follows it, or not at all.
                if dice.random() < manner.kept:
                    _change(data, change)
                continue
            for sector in range(change.offset // size, -(-change.end // size)):
                left = reached.setdefault(sector, _how_many(manner.kept, dice))
                if left:
                    reached[sector] = left - 1
                    begin = max(change.offset, sector * size)
                    end = min(change.end, (sector + 1) * size)
                    part = change.data[begin - change.offset : end - change.offset]
                    if manner.has_garbage and dice.random() < _GARBAGE_SHARE:
                        part = dice.randbytes(len(part))
                    _change(data, Write(change.file, begin, part))
        return bytes(data)


def _how_many(kept: float, dice: random.Random) -> int:
    """Of the writes to one sector, how many reached it: mostly all or none."""
    if dice.random() < kept:
        return 1_000_000 if dice.random() < 0.7 else 1
    return 0


def _change(data: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        if change.size < len(data):
            del data[change.size :]
        else:
            data.extend(bytes(change.size - len(data)))
        return
    if len(data) < change.offset:
        data.extend(bytes(change.offset - len(data)))
    data[change.offset : change.end] = change.data
