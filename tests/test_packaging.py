"""The wheel, built and tried as a stranger would: the lock first, then the wheel, in an environment
that has neither this checkout nor its folder. Needs the package index.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("crypto", "protocol", "store", "node", "cli")
HASHED = ["--no-deps", "--require-hashes", "--no-build-isolation", "--use-pep517", "-r"]
NO_NETWORK = re.compile(r"Retrying \(|ConnectionError|ProxyError|[Tt]imed out|name resolution")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(venv: Path, *arguments: str | Path) -> None:
    pip = [venv / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    try:
        run(*pip, *arguments, cwd=venv)
    except AssertionError as failure:
        if "CI" in os.environ or not NO_NETWORK.search(str(failure)):
            raise
        pytest.skip("the package index cannot be reached, so the wheel was not tried")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with the locks and the wheel."""
    folder = tmp_path_factory.mktemp("a stranger's")
    venv = folder / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=folder)
    install(venv, *HASHED, ROOT / "requirements-build.lock")
    install(venv, *HASHED, ROOT / "requirements.lock")
    install(venv, "--no-deps", "--no-index", next(built.glob("*.whl")))
    yield venv
    shutil.rmtree(venv)


def sources() -> set[str]:
    """Every file of the five folders that a program may need."""
    return {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
    }


def test_the_wheel_has_every_file_under_jangteo_and_nothing_beside_it(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    inside = {name.removeprefix("jangteo/") for name in names if name.startswith("jangteo/")}
    beside = {name.split("/")[0] for name in names} - {"jangteo"}
    assert all(re.fullmatch(r"jangteo-[^/]+\.dist-info", name) for name in beside), beside
    assert inside == sources()


def test_the_sdist_can_be_developed_in(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        members = {member.name.split("/", 1)[1]: member for member in sdist.getmembers()}
    assert sources() <= members.keys()
    assert members["run"].mode & 0o100
    for name in (".dev/set-up.py", "requirements-dev.lock", "tests/test_packaging.py", "LICENSE"):
        assert name in members
    assert not [name for name in members if "node_modules" in name or "__pycache__" in name]


def test_the_wheel_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "bin" / "jangteo", "--version", cwd=tmp_path)
    assert re.fullmatch(r"jangteo \d+\.\d+\.\d+\S*\n", said)


def test_every_module_of_the_wheel_can_be_imported(installed: Path, tmp_path: Path) -> None:
    modules = [
        "jangteo." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in sorted(sources())
        if name.endswith(".py") and not name.endswith("__main__.py")
    ]
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    run(installed / "bin" / "python", "-W", "ignore", "-c", program, *modules, cwd=tmp_path)


def test_no_folder_of_ours_is_installed_at_the_top(installed: Path) -> None:
    [packages] = installed.glob("lib/python3.*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert "jangteo" in names
    assert not names & {*PARTS, "tests", "run"}
