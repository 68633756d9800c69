"""Every command teaches itself: help, examples, --json; and help costs nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jangteo.cli.command_table import COMMANDS
from jangteo.cli.commands import jangteo
from jangteo.cli.verb import Verb, VerbGroup
from tests.cli_runner import COMMAND, Person

HEAVY = ("libp2p", "trio", "starlette", "hypercorn", "nacl", "cryptography", "zeroconf", "wcwidth")


def _walk() -> list[tuple[str, click.Command]]:
    context = click.Context(jangteo)
    found: list[tuple[str, click.Command]] = []
    for name in COMMANDS:
        command = jangteo.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", one) for inner, one in command.commands.items()]
    return found


EVERY = _walk()


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_every_command_has_help_examples_and_takes_json(name: str, command: click.Command) -> None:
    assert isinstance(command, Verb | VerbGroup)
    assert command.help, "says what it does"
    assert command.help.splitlines()[0].endswith("."), "in one line first"
    assert command.examples, "shows how"
    own = re.compile(rf"jangteo (--home \S+ )?{name}\b|journalctl")
    assert all(own.search(example) for example in command.examples)
    if isinstance(command, Verb):
        assert command.prints, "says what it prints"
        # An example that the command would refuse teaches the wrong thing.
        assert "--json" in command.prints or "listing" in command.prints.lower()
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--home"} <= options
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} says what it is for"


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_examples_use_only_options_that_exist(name: str, command: click.Command) -> None:
    assert isinstance(command, Verb | VerbGroup)
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    if isinstance(command, click.Group):
        inner = command.commands.values()
        known |= {option for one in inner for each in one.params for option in each.opts}
    for example in command.examples:
        told = example.split("|")[0].split("#")[0]
        if told.startswith("jangteo"):
            unknown = set(re.findall(r"(?<!\S)--[a-z-]+", told)) - known
            assert not unknown, example


def test_the_list_of_commands_says_what_their_help_says() -> None:
    for name, command in EVERY:
        if " " not in name:
            assert command.help is not None
            assert COMMANDS[name][2] == command.help.splitlines()[0], name


def test_the_readme_names_only_commands_and_options_that_exist() -> None:
    known = dict(EVERY)
    root = Path(__file__).parents[2]
    text = (root / "README.md").read_text(encoding="utf-8")
    developers = re.findall(
        r"^ {4}([a-z]+)\)", (root / "run").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {"test", "sim"} <= set(developers)
    told = re.findall(r"(?:^\$ |`|&& |^)(?:\./run|jangteo) ([a-z]+[^`\n]*)", text, re.MULTILINE)
    assert len(told) > 20
    for line in told:
        name, *rest = line.split("#")[0].split()
        if name in developers:
            continue
        assert name in known, line
        command = known[name]
        inner = known.get(f"{name} {rest[0]}") if rest else None
        options = {
            option for each in (command, inner) if each for p in each.params for option in p.opts
        }
        unknown = {word for word in rest if word.startswith("--")} - options - {"--help"}
        assert not unknown, line


def test_help_fits_a_narrow_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "status", "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "40", "PATH": "/usr/bin", "LANG": "C.UTF-8"},
        check=True,
    )
    prose = done.stdout.split("Examples:")[0].splitlines()
    assert max(map(len, prose)) <= 40
    assert "Prints:" in done.stdout


@pytest.mark.parametrize("words", [("--help",), ("search", "--help"), ("search", "bike"), ()])
def test_looking_loads_no_network_and_no_keys(words: tuple[str, ...], tmp_path: Path) -> None:
    """A second of loading is too much for a search."""
    person = Person(home=tmp_path / "home")
    person.types("init")
    check = (
        "import sys\n"
        "from jangteo.cli.main import main\n"
        f"code = main({list(words)!r})\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        env=person.environ(),
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[] 0"


def test_the_version_is_printed_for_people_and_programs(tmp_path: Path) -> None:
    person = Person(home=tmp_path)
    assert re.fullmatch(r"jangteo \d+\.\d+\.\d+\n", person.types("--version").out)
    told = person.types("--json", "--version").out
    assert json.loads(told)["version"]
