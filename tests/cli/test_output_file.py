"""Files that a person names: what stands there is never lost to a slip."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli_runner import Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    person = Person(tmp_path / "home")
    assert person.types("init", "--name", "은하").code == 0
    person.sells("Lamp", "20 USD")
    return person


def _sealed(tmp_path: Path, words: str = "correct horse") -> dict[str, str]:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(words)
    passphrase.chmod(0o600)
    return {"JANGTEO_PASSPHRASE_FILE": str(passphrase)}


def test_an_export_goes_into_a_pipe_and_leaves_it_a_pipe(person: Person, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        assert person.types("export", "--output", str(pipe)).code == 0
        assert b"Lamp" in read.result(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_an_export_through_a_link_writes_where_it_leads(person: Person, tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(file)
    for _ in range(2):
        assert person.types("export", "--output", str(link)).code == 0
        assert link.is_symlink() and "Lamp" in file.read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "home", "link"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("", 2, "needs a name"), (".", 2, "is a folder"), ("no/file", 1, "no such folder")],
)
@pytest.mark.parametrize("verb", ["export", "backup"])
def test_where_nothing_can_be_written_one_line_says_so(
    person: Person, tmp_path: Path, verb: str, name: str, code: int, said: str
) -> None:
    path = str(tmp_path / name) if name else ""
    words = ("export", "--output", path) if verb == "export" else ("backup", path)
    done = person.types(*words, **_sealed(tmp_path))
    assert done.code == code
    assert said in done.err or "is a directory" in done.err
    assert ".new" not in done.err and "unexpected" not in done.err


def test_an_export_that_cannot_be_finished_leaves_the_file_of_before(
    person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "market.jsonl"
    file.write_text("of before")
    assert person.types("export", "--format", "no-such", "--output", str(file)).code == 2
    assert file.read_text() == "of before"


def test_a_backup_replaces_an_older_one_of_the_same_identity_only(
    person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    sealed = _sealed(tmp_path)
    assert person.types("backup", str(file), **sealed).code == 0
    person.sells("Kettle")
    assert person.types("backup", str(file), **sealed).code == 0
    kept = file.read_bytes()
    other = Person(tmp_path / "other")
    other.types("init")
    for refused in (
        other.json("backup", str(file), **sealed),
        person.json("backup", str(file), **_sealed(tmp_path, "another one")),
    ):
        assert (refused.code, refused.error["code"]) == (1, "exists")
        assert file.read_bytes() == kept


def test_a_backup_never_replaces_what_is_no_backup(person: Person, tmp_path: Path) -> None:
    sealed = _sealed(tmp_path)
    notes, link, pipe = tmp_path / "notes.txt", tmp_path / "link", tmp_path / "pipe"
    notes.write_text("mine")
    link.symlink_to(notes)
    os.mkfifo(pipe)
    for path in (notes, link):
        assert person.types("backup", str(path), **sealed).code == 1
        assert notes.read_text() == "mine"
    assert person.types("backup", str(pipe), **sealed).code == 2
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert person.json("whoami").row["backed_up"] is False
