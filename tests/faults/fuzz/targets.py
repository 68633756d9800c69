"""All fuzz targets by name, and the inputs that are kept for each."""

import base64
from pathlib import Path

from tests.faults.fuzz import desk_targets, file_targets, wire_targets
from tests.faults.fuzz.target import Target

HERE = Path(__file__).parent
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (*wire_targets.TARGETS, *file_targets.TARGETS, *desk_targets.TARGETS)
}


def corpus_path(name: str) -> Path:
    """One input a line, in base64."""
    return HERE / "corpora" / f"{name}.b64"


def crashes_folder(name: str) -> Path:
    """What once broke a rule of the target: one file each, and never deleted."""
    return HERE / "crashes" / name


def corpus(name: str) -> list[bytes]:
    """The committed inputs of a target."""
    path = corpus_path(name)
    if not path.exists():
        return []
    return [base64.b64decode(line) for line in path.read_text(encoding="ascii").split()]


def crashes(name: str) -> list[tuple[str, bytes]]:
    folder = crashes_folder(name)
    return [(path.name, path.read_bytes()) for path in sorted(folder.glob("*"))]


def corpora_bytes() -> int:
    return sum(path.stat().st_size for path in (HERE / "corpora").glob("*.b64"))
