"""Mutation testing: the modules that decide what a record is and whether it is kept are changed,
one small change at a time, and the tests must notice. `python tests/faults/mutation.py`.

A driver of our own: mutmut and cosmic-ray import what they mutate under its path in the repository
(`protocol.envelope`), and the tests know it as `jangteo.protocol.envelope`, through links. Here the
changed module is handed to the import system of a forked process, and nothing on disk is touched.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORD_TESTS = (
    "tests/vectors",
    "tests/unit/test_record.py",
    "tests/property/test_record_property.py",
)
STORE_TESTS = (
    "tests/unit/test_store_rules.py",
    "tests/unit/test_store_admission.py",
    "tests/unit/test_store_views.py",
    "tests/unit/test_store_log.py",
    "tests/property/test_store_model.py",
)
# Each module with the tests that answer for it, the quickest first.
MODULES = {
    "protocol/kind.py": RECORD_TESTS,
    "protocol/canonical.py": RECORD_TESTS,
    "protocol/envelope.py": RECORD_TESTS,
    "protocol/verdict.py": ("tests/unit/test_record.py", *STORE_TESTS),
    "store/admission.py": STORE_TESTS,
}
KILLED_PERCENT_MIN = 90
PATIENCE_S_MIN = 60
PATIENCE = 10
"""A change that makes the tests take so many times longer is noticed, too."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: of the `position`th node of the tree, the `choice`th that it allows."""

    path: str
    line: int
    what: str
    source: str


# --- changes --------------------------------------------------------------------------------------


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """(what, the node instead of `node`); None: the statement is left out. Texts that people read
    are left alone, and so are types."""
    match node:
        case ast.Compare(ops=[op], left=left, comparators=right):
            for other in COMPARISONS[type(op)]:
                yield f"{name(op)} → {name(other)}", ast.Compare(left, [other()], right)
        case ast.Compare(ops=[first, second], left=left, comparators=right):
            for other in COMPARISONS[type(first)]:
                yield f"{name(first)} → {name(other)}", ast.Compare(left, [other(), second], right)
            for other in COMPARISONS[type(second)]:
                yield f"{name(second)} → {name(other)}", ast.Compare(left, [first, other()], right)
        case ast.BoolOp(op=op, values=values):
            other_op = ast.And() if isinstance(op, ast.Or) else ast.Or()
            yield f"{name(op)} → {name(other_op)}", ast.BoolOp(other_op, values)
            for at in range(len(values)):
                rest = values[:at] + values[at + 1 :]
                shorter = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield f"without `{ast.unparse(values[at])}`", shorter
        case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
            other_kind = ARITHMETIC[type(op)]
            yield f"{name(op)} → {name(other_kind)}", ast.BinOp(left, other_kind(), right)
        case ast.AugAssign(op=op, target=target, value=value) if type(op) in ARITHMETIC:
            other_kind = ARITHMETIC[type(op)]
            yield f"{name(op)}= → {name(other_kind)}=", ast.AugAssign(target, other_kind(), value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not left out", operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "minus left out", operand
        case ast.IfExp(body=body, orelse=orelse):
            yield "always the first", body
            yield "always the second", orelse
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f"{value} → {value + 1}", ast.Constant(value + 1)
        case ast.Constant(value=str() | bytes() as value):
            changed = value + (b"x" if isinstance(value, bytes) else "x")  # type: ignore[operator]
            yield f"{value!r} → {changed!r}", ast.Constant(changed)
        case ast.Return(value=ast.expr()):
            yield "returns None", ast.Return(ast.Constant(None))
        case ast.If(test=test, body=body, orelse=orelse):
            yield f"if {ast.unparse(test)}: always", ast.If(ast.Constant(True), body, orelse)
            yield f"if {ast.unparse(test)}: never", ast.If(ast.Constant(False), body, orelse)
        case ast.Continue():
            yield "continue → break", ast.Break()
        case ast.Break():
            yield "break → continue", ast.Continue()
        case ast.ExceptHandler(type=ast.Tuple(elts=kinds), name=told, body=body):
            for at in range(len(kinds)):
                rest = ast.Tuple(kinds[:at] + kinds[at + 1 :], ast.Load())
                yield (
                    f"does not catch {ast.unparse(kinds[at])}",
                    ast.ExceptHandler(rest, told, body),
                )
        case ast.Raise() | ast.Expr(value=ast.Call()) | ast.Assign() | ast.Delete():
            yield f"left out: {ast.unparse(node)[:60]}", None


def name(op: Any) -> str:
    return op.__name__ if isinstance(op, type) else type(op).__name__


def is_skipped(node: ast.AST, parent: ast.AST) -> bool:
    """Docstrings, texts of errors, types, and what only a type checker reads."""
    match parent:
        case ast.Expr() if isinstance(node, ast.Constant):
            return True
        case ast.AnnAssign(annotation=annotation) if node is annotation:
            return True
        case ast.arg() | ast.JoinedStr() | ast.FormattedValue():
            return True
        case ast.FunctionDef(returns=returns) if node is returns:
            return True
        case ast.Call(func=ast.Name(id=called), args=args) if "Error" in called or called in (
            "CorruptStore",
            "UnknownVersion",
        ):
            is_rule = isinstance(node, ast.Constant) and str(node.value).startswith("R")
            return node in args and not is_rule
        case ast.Call(func=ast.Attribute(attr="__init__")):
            return isinstance(node, ast.JoinedStr)
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            return True
    return isinstance(node, ast.FunctionDef) and node.name == "__repr__"


def mutants(path: str) -> list[Mutant]:
    source = (ROOT / path).read_text(encoding="utf-8")
    found = []
    for position, (node, _) in enumerate(walked(ast.parse(source))):
        if is_within_skipped(node):
            continue
        for choice, (what, _) in enumerate(changes(node)):
            tree = ast.parse(source)
            target, target_parent = walked(tree)[position]
            replace(target, target_parent, list(changes(target))[choice][1])
            changed = ast.unparse(ast.fix_missing_locations(tree))
            found.append(Mutant(path, getattr(node, "lineno", 0), what, changed))
    return found


def walked(tree: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """Every node with its parent, in an order that is the same for equal trees."""
    found: list[tuple[ast.AST, ast.AST]] = []
    waiting: list[tuple[ast.AST, ast.AST, bool]] = [
        (child, tree, False) for child in ast.iter_child_nodes(tree)
    ]
    while waiting:
        node, parent, is_left_alone = waiting.pop()
        is_left_alone = is_left_alone or is_skipped(node, parent)
        node._is_left_alone = is_left_alone  # type: ignore[attr-defined]
        found.append((node, parent))
        waiting += [(child, node, is_left_alone) for child in ast.iter_child_nodes(node)]
    return found


def is_within_skipped(node: ast.AST) -> bool:
    return bool(node._is_left_alone)  # type: ignore[attr-defined]


def replace(node: ast.AST, parent: ast.AST, other: ast.AST | None) -> None:
    instead = ast.Pass() if other is None else copy.deepcopy(other)
    for field, value in ast.iter_fields(parent):
        if value is node:
            setattr(parent, field, instead)
            return
        if isinstance(value, list) and any(entry is node for entry in value):
            setattr(parent, field, [instead if entry is node else entry for entry in value])
            return
    raise AssertionError("a node that its parent does not have")


# --- running --------------------------------------------------------------------------------------


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module of ours from a changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = "jangteo." + mutant.path.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        file = str(ROOT / self._mutant.path)
        module.__file__ = file
        exec(compile(self._mutant.source, file, "exec"), module.__dict__)  # noqa: S102


def start(mutant: Mutant, tests: Sequence[str], folder: Path, patience_s: float) -> int:
    """The process id of a fork that runs the tests: exit 0 where they all pass."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        quiet = os.open(folder / f"{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.setpgid(0, 0)
        signal.alarm(max(PATIENCE_S_MIN, int(patience_s)))
        sys.meta_path.insert(0, Changed(mutant))
        code = int(
            pytest.main(
                [
                    "-x",
                    "-q",
                    "--no-header",
                    "-Wignore::pytest.PytestAssertRewriteWarning",
                    "-p",
                    "no:cacheprovider",
                    "--hypothesis-profile=mutation",
                    f"--basetemp={folder / str(os.getpid())}",
                    *[test for test in tests if (ROOT / test).exists()],
                ]
            )
        )
    finally:
        sys.stdout.flush()
        os._exit(code)


def survivors(found: Sequence[Mutant], jobs: int, folder: Path, patience_s: float) -> list[Mutant]:
    """Those that no test noticed."""
    running: dict[int, Mutant] = {}
    waiting = list(reversed(found))
    alive: list[Mutant] = []
    done = 0
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            pid = start(mutant, MODULES[mutant.path], folder, patience_s)
            running[pid] = mutant
        pid, status = os.wait()
        mutant = running.pop(pid)
        done += 1
        if status == 0:
            alive.append(mutant)
        if status == 0 and mutant.line:
            print(f"survived  {mutant.path}:{mutant.line}  {mutant.what}", flush=True)
        if done % 50 == 0:
            print(f"{done} of {len(found)}", file=sys.stderr, flush=True)
    return alive


def prepare(folder: Path) -> None:
    """What each fork would load again; nothing of ours, which is loaded changed."""
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    import apsw  # noqa: F401
    import hypothesis
    import mnemonic  # noqa: F401
    import msgpack  # noqa: F401
    import nacl.bindings  # noqa: F401
    import pytest_trio  # noqa: F401
    import trio.testing  # noqa: F401

    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--line", type=int, help="only the changes of this line")
    told = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.nice(15)
    counted: Counter[str] = Counter()
    alive: list[Mutant] = []
    begun = time.monotonic()
    # In memory where the system has such a place: the tests make hundreds of stores.
    memory = Path("/dev/shm")  # noqa: S108
    place = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as name_of_folder:
        folder = Path(name_of_folder)
        prepare(folder)
        paths = told.modules or list(MODULES)
        for path in paths:
            tree = ast.unparse(ast.parse((ROOT / path).read_text(encoding="utf-8")))
            unchanged = Mutant(path, 0, "nothing changed", tree)
            began = time.monotonic()
            if survivors([unchanged], 1, folder, 3600) != [unchanged]:
                latest = max(folder.glob("*.log"), key=lambda log: log.stat().st_mtime_ns)
                log = latest.read_text(encoding="utf-8")
                raise SystemExit(f"{path}: the tests fail without a change\n{log[-4000:]}")
            found = [one for one in mutants(path) if told.line in (None, one.line)]
            counted[path] = len(found)
            took_s = time.monotonic() - began
            alive += survivors(found, told.jobs, folder, PATIENCE * took_s * told.jobs)
    print(f"{'module':28}{'changes':>9}{'noticed':>9}{'':>8}")
    for path, count in counted.items():
        noticed = count - sum(one.path == path for one in alive)
        print(f"{path:28}{count:>9}{noticed:>9}{noticed / max(count, 1):>8.1%}")
    total, noticed = sum(counted.values()), sum(counted.values()) - len(alive)
    print(f"{'all':28}{total:>9}{noticed:>9}{noticed / max(total, 1):>8.1%}")
    print(f"{time.monotonic() - begun:,.0f} s", file=sys.stderr)
    if 100 * noticed < KILLED_PERCENT_MIN * total:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
