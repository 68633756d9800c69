"""`./run` and its set-up, on a project of one page and a package index of one package: what a first
start leaves, what the next one trusts, and what is said when it fails. Needs no network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parent.parent

# A build backend that makes the editable wheel by hand, so that the test needs no real one.
BACKEND = '''
import zipfile
from pathlib import Path

INFO = "jangteo-1.0.dist-info"
FILES = {
    "page.py": """
import os, sys
import pebble
def main():
    print(os.getcwd(), *sys.argv[1:])
""",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: jangteo\\nVersion: 1.0\\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\\njangteo = page:main\\n",
    f"{INFO}/RECORD": "",
}

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "jangteo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
    return name
'''


@dataclass(frozen=True, slots=True)
class Checkout:
    path: Path
    index: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        own = {
            "JANGTEO_PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.index),
        }
        return kept | own | more

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.path / "run", *arguments],
            cwd=self.index,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        with self.start(*arguments, **environment) as process:
            stdout, stderr = process.communicate()
        return process.returncode, stdout, stderr

    @property
    def stamps(self) -> list[str]:
        return sorted(path.name for path in self.path.glob(".venv/*.stamp"))


def make_checkout(folder: Path) -> Checkout:
    index = folder / "index"
    index.mkdir()
    pebble = index / "pebble-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pebble, "w") as wheel:
        wheel.writestr("pebble.py", "")
        wheel.writestr("pebble-1.0.dist-info/METADATA", "Name: pebble\nVersion: 1.0\n")
        wheel.writestr("pebble-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("pebble-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(pebble.read_bytes()).hexdigest()

    path = folder / "a checkout"
    (path / ".dev").mkdir(parents=True)
    for name in ("run", ".dev/set-up.py"):
        shutil.copy(ROOT / name, path / name)
    pin = f"pebble==1.0 \\\n    --hash=sha256:{digest}\n"
    (path / "requirements.lock").write_text(pin)
    (path / "requirements-dev.lock").write_text(pin)
    (path / "requirements-build.lock").write_text("# nothing\n")
    (path / "backend.py").write_text(BACKEND)
    (path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return Checkout(path, index)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    yield make_checkout(tmp_path)
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout that was started once."""
    folder = tmp_path_factory.mktemp("ready")
    made = make_checkout(folder)
    code, stdout, stderr = made.run("first")
    assert (code, stdout) == (0, f"{made.index} first\n"), stderr
    assert "setting up" in stderr
    assert "set-up done" in stderr
    yield made
    shutil.rmtree(folder)


def test_a_second_start_does_no_set_up_and_keeps_its_folder_and_words(ready: Checkout) -> None:
    assert ready.run("sell", "a  b", "--json") == (0, f"{ready.index} sell a  b --json\n", "")


def test_run_may_be_a_symlink(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(ready.path / "run")
    (tmp_path / "two").symlink_to("one")
    done = subprocess.run(
        [tmp_path / "two", "up"],
        cwd=tmp_path,
        env=ready.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"{tmp_path} up\n", "")


def test_a_changed_project_is_brought_up_to_date(ready: Checkout) -> None:
    with (ready.path / "pyproject.toml").open("a") as project:
        project.write("\n")
    code, _, stderr = ready.run()
    assert (code, "bringing .venv up to date" in stderr) == (0, True)
    assert ready.run()[2] == ""


def test_what_a_stopped_set_up_left_is_thrown_away(ready: Checkout) -> None:
    [stamp] = ready.path.glob(".venv/*.stamp")
    stamp.unlink()
    [pebble] = ready.path.glob(".venv/lib/*/site-packages/pebble.py")
    pebble.unlink()
    code, _, stderr = ready.run()
    assert (code, "half-made" in stderr) == (0, True)
    assert pebble.exists()
    assert ready.stamps == ["jangteo-user.stamp"]


def test_a_moved_checkout_is_set_up_anew(ready: Checkout, tmp_path: Path) -> None:
    moved = Checkout(tmp_path / "elsewhere", ready.index)
    ready.path.rename(moved.path)
    try:
        code, stdout, stderr = moved.run("here")
    finally:
        moved.path.rename(ready.path)
    assert (code, stdout) == (0, f"{ready.index} here\n")
    assert "making .venv anew" in stderr


def test_of_two_starts_at_once_one_sets_up_and_both_run(checkout: Checkout) -> None:
    both = [checkout.start(word) for word in ("one", "two")]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [stdout for stdout, _ in said] == [f"{checkout.index} {w}\n" for w in ("one", "two")]
    assert sum(stderr.count("set-up done") for _, stderr in said) == 1


def test_a_package_with_another_hash_is_refused(checkout: Checkout) -> None:
    lock = checkout.path / "requirements.lock"
    lock.write_text(lock.read_text()[:-5] + "0000\n")
    code, stdout, stderr = checkout.run()
    assert (code, stdout, checkout.stamps) == (1, "", [])
    assert "its hash differs" in stderr.splitlines()[-1]


def test_an_index_out_of_reach_is_said_in_one_line(checkout: Checkout) -> None:
    out_of_reach = {
        "PIP_NO_INDEX": "0",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "1",
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "NO_PROXY": "127.0.0.1",
    }
    code, stdout, stderr = checkout.run("up", "--json", **out_of_reach)
    assert (code, stdout, checkout.stamps) == (1, "", [])
    first, last = stderr.splitlines()
    assert "setting up" in first
    assert "the package index cannot be reached" in last


@pytest.mark.parametrize("python", ["/nowhere/python3", shutil.which("false") or "false"])
def test_a_python_that_does_not_fit_is_named(checkout: Checkout, python: str) -> None:
    code, stdout, stderr = checkout.run(JANGTEO_PYTHON=python)
    assert (code, stdout) == (1, "")
    assert stderr == f"run: JANGTEO_PYTHON={python} is no Python 3.11, 3.12 or 3.13\n"


def test_without_any_python_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    code, _, stderr = checkout.run(JANGTEO_PYTHON="", PATH=bare_path(tmp_path / "tools"))
    assert code == 1
    [line] = stderr.splitlines()
    assert line.startswith("run: needs Python 3.11, 3.12 or 3.13, found none.")
    assert "apt install python3 python3-venv" in line


def bare_path(folder: Path) -> str:
    """A PATH with the tools of POSIX that ./run needs, and nothing else."""
    folder.mkdir()
    for name in ("sh", "dirname", "readlink", "cat", "cksum"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


def hide(folder: Path, *modules: str) -> str:
    """A PYTHONPATH under which `modules` cannot be found, as in Debian's plain python3."""
    folder.mkdir()
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in modules)
    (folder / "sitecustomize.py").write_text(f"import sys\n{hidden}")
    return str(folder)


def test_without_ensurepip_the_pip_of_that_python_serves(
    checkout: Checkout, tmp_path: Path
) -> None:
    pytest.importorskip("pip")
    hidden = hide(tmp_path / "hidden", "ensurepip")
    code, stdout, stderr = checkout.run("up", PYTHONPATH=hidden, PATH=bare_path(tmp_path / "tools"))
    assert (code, stdout) == (0, f"{checkout.index} up\n"), stderr
    assert not (checkout.path / ".venv" / "bin" / "pip").exists()


def test_without_any_way_to_make_an_environment_it_says_what_to_install(
    checkout: Checkout, tmp_path: Path
) -> None:
    hidden = hide(tmp_path / "hidden", "ensurepip", "pip")
    code, stdout, stderr = checkout.run("up", PYTHONPATH=hidden, PATH=bare_path(tmp_path / "tools"))
    assert (code, stdout, checkout.stamps) == (1, "", [])
    [line] = stderr.splitlines()
    assert "apt install python3-venv" in line


def test_the_files_that_are_begun_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []


def test_the_whole_suite_is_shared_out_and_what_is_chosen_is_not(ready: Checkout) -> None:
    """On a module of the name pytest that says what it was given."""
    (ready.path / "pytest.py").write_text("import sys\nprint(*sys.argv[1:])\n")
    shared = "-n logical --maxprocesses=8 --dist loadfile --no-loadscope-reorder"
    assert ready.run("test")[:2] == (0, f"{shared}\n")
    assert ready.run("test", "-x", "--lf")[:2] == (0, f"{shared} -x --lf\n")
    for chosen in ("-k word", "-kword", "-x -m slow", "-n0", "-n 3", "--lf tests/unit"):
        assert ready.run("test", *chosen.split())[:2] == (0, f"{chosen}\n")
