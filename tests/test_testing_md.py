"""TESTING.md tells commands that exist: each file, option and switch it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "TESTING.md").read_text(encoding="utf-8")
OF_RUN = {"sim": "tests/simulation/sim.py"}
TOLD = [
    told for told in re.findall(r"`([^`\n]+)`", TEXT) if re.search(r"\./run |python tests/", told)
]


def _source(command: str) -> str:
    """The text of the program that `command` starts; empty for `./run test`."""
    started = re.search(r"(?:python (\S+\.py)|\./run ([a-z]+)(?: ([a-z]+))?)", command)
    assert started is not None, command
    path, verb, name = started.groups()
    if verb == "test":
        return ""
    if verb == "bench":
        path = f"tests/bench/bench_{name}.py"
    path = path or OF_RUN[verb]
    assert (ROOT / path).is_file(), f"{command}: no {path}"
    return (ROOT / path).read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"(?:tests|node|protocol|store|crypto|cli)/[\w./-]*\w", TEXT))
    assert len(named) > 10
    missing = {path for path in named if not (ROOT / path).exists()}
    assert not missing


def test_every_command_and_option_that_is_told_exists() -> None:
    assert len(TOLD) > 15
    for command in TOLD:
        source = _source(command)
        if source:
            unknown = {
                option for option in re.findall(r"--[a-z-]+", command) if option not in source
            }
            assert not unknown, command


def test_every_switch_of_the_environment_that_is_told_is_read_by_a_test() -> None:
    switches = set(re.findall(r"JANGTEO_[A-Z_]+", TEXT))
    assert switches
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.name != Path(__file__).name
    )
    assert not {switch for switch in switches if switch not in sources}
