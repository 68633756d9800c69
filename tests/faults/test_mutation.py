"""The mutation driver is honest, its list of equivalents does not rot, and of the changes to what
decides about records a fixed sample is noticed. All of them: `python tests/faults/mutation.py`.
"""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import mutant
from tests.faults.mutant import mutants, sample
from tests.faults.mutation import MODULES, ROOT, Outcome, Results, distinct, equivalents

RULES = ("protocol/kind.py", "protocol/canonical.py", "protocol/envelope.py", "protocol/verdict.py")
SAMPLED = 20
SEED = 2026

# A source, and what is changed in it: one row for each kind of change.
OPERATORS = [
    ("a = b < c", {"Lt → LtE", "Lt → GtE"}),
    ("a = b <= c < d", {"LtE → Lt", "LtE → Gt", "Lt → LtE", "Lt → GtE"}),
    ("a = b is c", {"Is → IsNot"}),
    ("a = b in c", {"In → NotIn"}),
    ("a = b == c", {"Eq → NotEq"}),
    ("a = b + c", {"Add → Sub"}),
    ("a = b % c", {"Mod → FloorDiv"}),
    ("a = b >> c", {"RShift → LShift"}),
    ("a += b", {"Add= → Sub=", "Add= → =", "left out: a += b"}),
    ("a = b", {"set to None", "left out: a = b"}),
    ("a = None", {"set to ''"}),
    ("a: int = b", {"set to None", "left out: a: int = b"}),
    ("a = b and c", {"And → Or", "without `b`", "without `c`"}),
    ("a = not b", {"Not left out"}),
    ("a = -b", {"USub left out"}),
    ("a = b if c else d", {"always the first", "always the second"}),
    ("a = 5", {"5 → 6", "5 → 4"}),
    ("a = True", {"True → False"}),
    ("a = 'Text'", {"'Text' → 'Textx'", "'Text' → ''", "'Text' → 'tEXT'"}),
    ("a = b''", {"b'' → b'x'"}),
    ("a = b[c:d]", {"without the lower bound", "upper bound + 1", "without the upper bound"}),
    ("a = b[0]", {"0 → 1", "0 → -1"}),
    ("a = (b, c)", {"without b", "without c"}),
    ("a = {b: c}", {"without b"}),
    ("a = [b for b in c if b]", {"without if b"}),
    ("a = lambda: b", {"answers None"}),
    ("a = b.lower()", {"lower → upper"}),
    ("a = min(b)", {"min → max", "argument b → None", "argument b left out"}),
    ("a = b(c=d)", {"argument c=d left out", "argument c=d → None"}),
    ("def a(b=c, *, d=e): pass", {"first default left out", "d has no default"}),
    ("def a():\n    return b", {"returns None"}),
    ("def a():\n    return", {"left out: return"}),
    ("@a\ndef b(): pass", {"without @a"}),
    ("@a\nclass b: pass", {"without @a"}),
    ("if a:\n    b()", {"if a: always", "if a: never", "left out: b()"}),
    ("while a:\n    break", {"while: never", "break → continue", "left out: break"}),
    ("for a in b:\n    continue", {"for: over nothing", "continue → break", "left out: continue"}),
    ("try: a\nexcept b: c", {"catches nothing"}),
    ("try: a\nexcept (b, c): d", {"catches nothing", "does not catch b", "does not catch c"}),
    ("raise a", {"left out: raise a"}),
    ("assert a", {"left out: assert a"}),
    ("del a", {"left out: del a"}),
    ("match a:\n    case 1 if b: c\n    case _: d", {"without case 1", "without its guard"}),
]
LEFT_ALONE = [
    "'What a module says of itself.'",
    "raise ValueError('words for a person')",
    "def a() -> 'int | None': ...",
    "log.debug('words %s', 5)",
    "class a:\n    def __repr__(self): return 'a'",
    "b: TypeAlias = 'int | str'",
]


def changed(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What → the source that it makes."""
    monkeypatch.setattr(mutant, "ROOT", folder)
    (folder / "module.py").write_text(source)
    return {one.what: one.source() for one in mutants("module.py")}


@pytest.mark.parametrize(("source", "expected"), OPERATORS, ids=[row[0] for row in OPERATORS])
def test_every_kind_of_change_is_made(
    source: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changed(source, tmp_path, monkeypatch)
    assert expected <= found.keys()
    unchanged = ast.unparse(ast.parse(source))
    assert unchanged not in [found[what] for what in expected]
    assert len({found[what] for what in expected}) == len(expected)


@pytest.mark.parametrize("source", LEFT_ALONE)
def test_what_only_people_and_type_checkers_read_is_left_alone(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changed(source, tmp_path, monkeypatch)
    assert set(found) <= {"left out: " + ast.unparse(ast.parse(source))[:60]}


@pytest.mark.parametrize("path", MODULES)
def test_each_change_has_a_name_of_its_own(path: str) -> None:
    names = Counter(one.name for one in mutants(path))
    assert names and max(names.values()) == 1


def test_changes_that_make_the_same_source_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutant, "ROOT", tmp_path)
    (tmp_path / "module.py").write_text("a = not b\nwhile False: c\n")
    unchanged = ast.unparse(ast.parse("a = not b\nwhile False: c\n"))
    sources = [source for _, source in distinct(mutants("module.py"), unchanged)]
    assert len(sources) == len(set(sources)) and unchanged not in sources


def test_what_is_listed_as_equivalent_is_still_a_change_of_its_line() -> None:
    names = {one.name for path in MODULES for one in mutants(path)}
    stale = [name for name in equivalents() if name not in names]
    assert stale == []
    assert all(why.strip() for why in equivalents().values())


def test_results_are_taken_up_and_the_latest_counts(tmp_path: Path) -> None:
    first, second = mutants("protocol/kind.py")[:2]
    kept = Results(tmp_path / "results.jsonl")
    kept.note(first, "d1", Outcome.SURVIVED)
    kept.note(second, "d2", Outcome.SURVIVED)
    kept.note(first, "d3", Outcome.NOTICED)
    known = Results(tmp_path / "results.jsonl")
    assert [known.of(digest) for digest in ("d1", "d2", "d3", "d4")] == [
        Outcome.SURVIVED,
        Outcome.SURVIVED,
        Outcome.NOTICED,
        None,
    ]
    assert [known.has_survived(one) for one in (first, second)] == [False, True]


def test_a_sample_is_the_same_each_time() -> None:
    found = mutants("protocol/verdict.py")
    assert sample(found, 5, 1) == sample(reversed(found), 5, 1) != sample(found, 5, 2)


def driver(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tests/faults/mutation.py", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)


def test_a_sample_of_changes_to_the_rules_is_noticed() -> None:
    """By the unit tests and the vectors alone: what only luck would find is not counted on."""
    run = driver(
        *RULES,
        *("--sample", str(SAMPLED), "--seed", str(SEED)),
        *("--tests", "tests/unit/test_record.py", "--tests", "tests/vectors"),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].split()[:3] == ["all", str(SAMPLED), str(SAMPLED)]


def test_tests_that_look_at_nothing_notice_nothing(tmp_path: Path) -> None:
    blind = tmp_path / "test_blind.py"
    blind.write_text("def test_blind():\n    from jangteo.protocol import verdict as _\n")
    run = driver("protocol/verdict.py", "--sample", "4", "--tests", str(blind))
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1].split()[:4] == ["all", "4", "0", "0.0%"], run.stdout


def test_tests_that_fail_without_a_change_count_for_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("def test_broken():\n    assert 1 == 2\n")
    run = driver("protocol/verdict.py", "--sample", "2", "--tests", str(broken))
    assert run.returncode == 1
    assert "the tests fail without a change" in run.stderr
