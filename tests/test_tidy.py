"""The house's own manners, held by reading its sources: who may import whom, what a file is called
and how it opens, where a blanket handler may stand. It knows no behaviour of the program.

The lists here are allow-lists: what is not named is not allowed. To widen one is a decision about
the house, and the line that widens it says why.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("crypto", "protocol", "store", "node", "cli")

# Each part may import itself and these.
OURS = {
    "crypto": set[str](),
    "protocol": {"crypto"},
    "store": {"protocol"},
    "node": {"store", "protocol", "crypto"},
    "cli": {"node", "protocol"},
}

# The standard library without clock, dice, disk and network.
PURE = set(
    "__future__ abc base64 binascii bisect collections dataclasses decimal enum fractions functools"
    " hashlib heapq hmac itertools json math operator re string struct types typing"
    " unicodedata".split()
)
# asyncio and multiprocessing: trio alone runs things here. sqlite3: Debian's has a corruption bug.
# pickle, marshal, shelve: a stranger's bytes would run.
UNWELCOME = set("asyncio multiprocessing sqlite3 pickle marshal shelve tkinter imp".split())
STDLIB = {
    "crypto": PURE,
    "protocol": PURE,
    "store": PURE | {"contextlib", "importlib", "os", "pathlib", "threading"},
    "node": set(sys.stdlib_module_names) - UNWELCOME,
    "cli": set(sys.stdlib_module_names) - UNWELCOME,
}

# Each outside library has one group of files that may name it.
OUTSIDE = {
    "cryptography": ("crypto/*",),
    "nacl": ("crypto/*",),
    "mnemonic": ("crypto/*",),
    "msgpack": ("protocol/*",),
    "apsw": ("store/*",),
    "trio": ("node/*",),
    "libp2p": ("node/libp2p_*.py",),
    "multiaddr": ("node/libp2p_*.py",),
    "zeroconf": ("node/mdns.py",),
    "ifaddr": ("node/mdns.py", "node/interfaces.py"),
    "starlette": ("node/control_*.py", "node/phone_window.py", "node/page/*.py"),
    "jinja2": ("node/page/*.py",),
    "markupsafe": ("node/page/*.py",),
    "PIL": ("node/photo_process.py", "node/sample_pen.py"),
    "pillow_heif": ("node/photo_process.py",),
    "babel": ("node/tongue.py",),
    "segno": ("node/qr.py",),
    "hypercorn": ("node/control_*.py",),
    "platformdirs": ("node/home.py",),
    "tomli_w": ("node/config.py",),
    "click": ("cli/*",),
    "wcwidth": ("cli/*",),
}
# Inside a function of the command line, where it costs only the command that needs it.
OUTSIDE_LATE = {"trio": ("cli/*",)}

# Too slow to load for a search, which answers as a whole process within 150 ms.
SLOW = {"trio", "libp2p", "multiaddr", "starlette", "hypercorn", "zeroconf", "babel"}

# A handler for everything swallows bugs. Those that raise again are free; the others are here.
BLANKET_HANDLERS = {
    "node/libp2p_*.py": "libp2p lets any exception escape, and each guard says which",
    "node/supervisor.py": "one failed task must not take the node down; it is counted and logged",
    "node/memory_transport.py": "a handler's failure is kept for the test that looks at it",
    "node/writer.py": "one write's failure is handed to whoever asked for it",
    "node/photo_process.py": "what a decoder fails with is told in one word, and the process ends",
    "cli/main.py": "the outermost of all: a line for a person, the details into a file",
}

UNFOUND_NOUNS = set(
    "util utils helper helpers common types models manager base constants misc".split()
)
LINES_MAX = 600  # a smoke alarm; about 400 is the aim
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "vendor"}


@dataclass(frozen=True, slots=True)
class Import:
    module: str  # dotted, absolute: jangteo.node.home, trio
    line: int
    is_late: bool  # inside a function
    is_for_types: bool  # under TYPE_CHECKING

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def expect_none(broken: list[str]) -> None:
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


def files(*folders: str, pattern: str = "*.py") -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob(pattern)]
    return sorted(path for path in found if not SKIPPED_FOLDERS & set(path.parts))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> list[Import]:
    """Every import of a file of ours, the relative ones resolved."""
    package = ["jangteo", *path.relative_to(ROOT).parent.parts]
    found: list[Import] = []

    def walk(node: ast.AST, is_late: bool, is_for_types: bool) -> None:
        match node:
            case ast.Import(names=names):
                for name in names:
                    found.append(Import(name.name, node.lineno, is_late, is_for_types))
            case ast.ImportFrom(module=module, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                for name in names:
                    # `from ..node import home` names a module, `from ..node.home import Home` one
                    # that the prefix already names; both resolve by their longest file.
                    dotted = ".".join([*base, *(module.split(".") if module else [])])
                    full = f"{dotted}.{name.name}"
                    module_name = full if level and file_of(full) else dotted
                    found.append(Import(module_name, node.lineno, is_late, is_for_types))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                is_late = True
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for child in node.body:
                    walk(child, is_late, True)
                for child in node.orelse:
                    walk(child, is_late, is_for_types)
                return
        for child in ast.iter_child_nodes(node):
            walk(child, is_late, is_for_types)

    walk(tree_of(path), is_late=False, is_for_types=False)
    return found


def file_of(module: str) -> Path | None:
    """The file of a module of ours; None for what is not ours."""
    first, *rest = module.split(".")
    if first != "jangteo" or not rest or rest[0] not in PARTS:
        return None
    plain = ROOT.joinpath(*rest).with_suffix(".py")
    package = ROOT.joinpath(*rest, "__init__.py")
    return plain if plain.is_file() else package if package.is_file() else None


def is_allowed(path: Path, wanted: Import) -> bool:
    name, part = name_of(path), path.relative_to(ROOT).parts[0]
    if wanted.top == "jangteo":
        inner = wanted.module.split(".")[1:2]
        return bool(inner) and inner[0] in OURS[part] | {part}
    if wanted.top in sys.stdlib_module_names:
        return wanted.top in STDLIB[part]
    patterns = OUTSIDE.get(wanted.top, ())
    if wanted.is_late:
        patterns += OUTSIDE_LATE.get(wanted.top, ())
    return any(fnmatch(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_the_house_allows(part: str) -> None:
    broken = [
        f"{name_of(path)}:{wanted.line} imports {wanted.module}"
        for path in files(part)
        for wanted in imports_of(path)
        if not is_allowed(path, wanted)
    ]
    expect_none(broken)


def test_what_the_command_line_loads_at_once_is_quick_to_load() -> None:
    broken = []
    for start in files("cli"):
        reached: dict[Path, list[str]] = {start: [name_of(start)]}
        waiting = [start]
        while waiting:
            path = waiting.pop()
            for wanted in imports_of(path):
                if wanted.is_late or wanted.is_for_types:
                    continue
                if wanted.top in SLOW:
                    broken.append(" -> ".join([*reached[path], wanted.module]))
                target = file_of(wanted.module)
                if target and target not in reached:
                    reached[target] = [*reached[path], name_of(target)]
                    waiting.append(target)
    expect_none(broken)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("protocol/x.py", "import time", "time"),
        ("protocol/x.py", "from ..store import record", "jangteo.store"),
        ("crypto/x.py", "def f():\n    import os", "os"),
        ("store/x.py", "from jangteo.crypto.keys import AuthorKey", "jangteo.crypto.keys"),
        ("node/sync.py", "from libp2p.peer.id import ID", "libp2p.peer.id"),
        ("node/x.py", "import asyncio.events", "asyncio.events"),
        ("cli/cmd_x.py", "from .. import store", "jangteo.store"),
        ("cli/cmd_x.py", "import trio", "trio"),
        ("node/x.py", "import requests", "requests"),
    ],
)
def test_the_reader_of_imports_sees_what_is_not_allowed(
    path: str, source: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "__init__.py").touch()
    (tmp_path / path).write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    refused = [
        wanted.module
        for wanted in imports_of(tmp_path / path)
        if not is_allowed(tmp_path / path, wanted)
    ]
    assert refused == [expected]


def test_every_source_file_says_first_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in files(*PARTS, "tests", ".dev")
        if not (ast.get_docstring(tree_of(path)) or "").strip()
    ]
    expect_none(silent)


def blanket_handlers(path: Path) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {kind.id if isinstance(kind, ast.Name) else None for kind in kinds}
            if node.type is None or names & {"Exception", "BaseException"}:
                yield node


def test_a_handler_for_everything_stands_only_where_it_has_a_reason() -> None:
    unreasoned = [
        f"{name_of(path)}:{handler.lineno}"
        for path in files(*PARTS)
        if not any(fnmatch(name_of(path), pattern) for pattern in BLANKET_HANDLERS)
        for handler in blanket_handlers(path)
        if not isinstance(handler.body[-1], ast.Raise)
    ]
    expect_none(unreasoned)


def test_no_handler_for_everything_only_passes() -> None:
    passing = [
        f"{name_of(path)}:{handler.lineno}"
        for path in files(*PARTS)
        for handler in blanket_handlers(path)
        if all(isinstance(step, ast.Pass) for step in handler.body)
    ]
    expect_none(passing)


def test_a_file_is_named_after_a_thing() -> None:
    unfound = [
        name_of(path)
        for path in files(*PARTS, "tests")
        if UNFOUND_NOUNS & set(path.stem.removeprefix("test_").split("_"))
    ]
    expect_none(unfound)


def test_no_file_has_grown_beyond_a_sitting() -> None:
    counted = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in files(*PARTS, "tests")
    }
    long = [f"{name}: {count} lines" for name, count in counted.items() if count > LINES_MAX]
    expect_none(long)


def test_every_bound_bounds_something() -> None:
    limits = ROOT / "protocol" / "limits.py"
    needs: dict[str, set[str]] = {}  # constant: the constants that it is made from
    for node in tree_of(limits).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                needs[name] = names_in(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                needs[name] = names_in(value)
    used = {
        name for path in files(*PARTS) if path != limits for name in names_in(tree_of(path))
    } & needs.keys()
    waiting = list(used)
    while waiting:
        for name in needs[waiting.pop()] & (needs.keys() - used):
            used.add(name)
            waiting.append(name)
    expect_none(sorted(needs.keys() - used))


def names_in(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                names.add(name)
    return names


def test_no_text_names_a_folder_of_one_machine() -> None:
    own = re.compile(r"(?<![\w.])/(?:" + "|".join(("tmp", "work", "root", "farm")) + r")/[\w.-]+")
    folders = (*PARTS, "tests", ".dev", ".ci")
    texts = [
        path
        for folder in folders
        for path in files(folder, pattern="*")
        if path.is_file() and not path.is_symlink()
    ]
    texts += [path for path in ROOT.iterdir() if path.suffix in (".md", ".toml", ".lock", "")]
    found = [
        f"{name_of(path)}:{number} {match.group()}"
        for path in texts
        if path.is_file() and not path.name.startswith(".venv")
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1)
        for match in own.finditer(line)
    ]
    expect_none(found)


def test_a_bench_can_be_started_by_its_file() -> None:
    for path in files("tests/bench", pattern="bench_*.py"):
        source = path.read_text(encoding="utf-8")
        assert re.search(r"^def main\(", source, re.MULTILINE), name_of(path)
        assert '__name__ == "__main__"' in source, name_of(path)


def test_no_word_of_run_hides_a_command() -> None:
    from jangteo.cli.main import COMMANDS

    dispatch = (ROOT / "run").read_text().split("\ncase ${1:-} in\n")[1].split("\nesac\n")[0]
    verbs = set(
        re.findall(r"\b[a-z]+\b", " ".join(re.findall(r"^    ([a-z |]+)\)$", dispatch, re.M)))
    )
    assert {"test", "check", "lock"} <= verbs
    assert not verbs & COMMANDS.keys()


# --- the locks -----------------------------------------------------------------------------------

LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")


def pins(lock: str) -> dict[str, Requirement]:
    text = re.sub(r" \\\n\s+--hash=\S+", "", (ROOT / lock).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {str(canonicalize_name(pin.name)): pin for pin in map(Requirement, lines)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_versions_and_hashes_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "./run lock" in text.splitlines()[1]
    assert "://" not in text
    entries = re.findall(r"^[a-z0-9][^\n]*\\\n(?:    [^\n]*\n?)+", text, re.MULTILINE)
    assert len(entries) == len(pins(lock))
    for entry in entries:
        head, *hashes = entry.replace("\\", "").split("\n    ")
        assert re.match(r"^[a-z0-9.-]+==[^\s*]+( ;.*)?\s*$", head), head
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}\s*", one) for one in hashes), head


def test_the_locks_have_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    development = [entry for entry in groups["dev"] if isinstance(entry, str)]
    for lock, wanted in (
        ("requirements.lock", project["project"]["dependencies"]),
        ("requirements-build.lock", [*groups["build"], *project["build-system"]["requires"]]),
        ("requirements-dev.lock", [*project["project"]["dependencies"], *development]),
    ):
        held = pins(lock)
        for requirement in map(Requirement, wanted):
            pin = held.get(canonicalize_name(requirement.name))
            assert pin is not None, f"{lock} lacks {requirement}: ./run lock"
            version = str(pin.specifier).removeprefix("==")
            assert requirement.specifier.contains(version, prereleases=True), f"{lock}: {pin}"


def test_what_develops_is_what_runs_and_more() -> None:
    development = pins("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-build.lock"):
        for name, pin in pins(lock).items():
            assert development[name].specifier == pin.specifier, name
