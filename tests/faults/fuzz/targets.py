"""All fuzz targets by name, and the inputs that are kept for each."""

from pathlib import Path

from tests.faults.fuzz import (
    blob_targets,
    deal_targets,
    desk_targets,
    file_targets,
    libp2p_targets,
    mail_targets,
    photo_targets,
    session_targets,
    wire_targets,
)
from tests.faults.fuzz.target import Target

HERE = Path(__file__).parent
TARGETS: dict[str, Target] = {
    target.name: target
    for module in (
        wire_targets,
        session_targets,
        mail_targets,
        blob_targets,
        deal_targets,
        libp2p_targets,
        file_targets,
        desk_targets,
        photo_targets,
    )
    for target in module.TARGETS
}


def corpus_folder(name: str) -> Path:
    """One input a file, named after its digest: a corpus that libFuzzer takes as it is."""
    return HERE / "corpora" / name


def crashes_folder(name: str) -> Path:
    """What once broke a rule of the target: one file each, and never deleted."""
    return HERE / "crashes" / name


def corpus(name: str) -> list[bytes]:
    """The committed inputs of a target."""
    return [path.read_bytes() for path in sorted(corpus_folder(name).glob("*"))]


def crashes(name: str) -> list[tuple[str, bytes]]:
    folder = crashes_folder(name)
    return [(path.name, path.read_bytes()) for path in sorted(folder.glob("*"))]


def corpora_files() -> list[Path]:
    """The committed inputs of all targets."""
    return [path for path in (HERE / "corpora").glob("*/*") if path.is_file()]
