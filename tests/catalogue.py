"""`./run catalogue`: reads what people are told from the sources into the catalogues, and compiles
these. What has lost its place in the sources goes; what is new waits for its translation.

`--check` changes nothing, and prints what is missing.
"""

import argparse
import ast
import io
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from jangteo.cli.command_table import COMMANDS, SECTIONS
from jangteo.cli.commands import jangteo
from jangteo.cli.verb import help_of
from jangteo.node.config import KEYS, Source
from jangteo.node.tongue import CODES, DOMAIN, ENGLISH
from jangteo.protocol.listing import CONDITIONS, STATUSES
from jangteo.protocol.review import MARKS, ReviewSide

ROOT: Final = Path(__file__).resolve().parent.parent
TRANSLATED: Final = tuple(code for code in CODES if code != ENGLISH)
# Called by these names, and which of their arguments are texts: the first may be a context.
_SINGLE: Final = frozenset(("_", "N_", "gettext", "tell", "Column"))
_PLURAL: Final = frozenset(("_n", "n_", "ngettext", "tell_count"))
_IN_CONTEXT: Final = frozenset(("pgettext",))
_METHODS: Final = frozenset(("gettext", "ngettext", "pgettext"))
_TEMPLATE_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
_HEAD: Final = frozenset(
    ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
)
# What else is said by a word of JSON: states, settings' origins, and what `doctor` looks at.
_WORDS: Final = (
    *("withdrawn", "expired", "joined", "ok", "warn", "FAIL", "python", "home", "identity"),
    *("disk", "port", "network", "mdns", "firewall", "clock", "neighbours", "seen by others"),
    *("settings", "store"),
)
Msgid = str | tuple[str, ...]


def in_sources() -> Catalog:
    """Every msgid of today's sources."""
    found = Catalog()
    for part in ("protocol", "store", "node", "cli"):
        for path in sorted((ROOT / part).rglob("*.py")):
            for msgid, context in of_source(path.read_text(encoding="utf-8")):
                found.add(msgid, context=context)
    for path in sorted((ROOT / "node" / "page" / "templates").rglob("*.*")):
        for msgid, context in of_template(path):
            found.add(msgid, context=context)
    for msgid in (*of_commands(), *of_words()):
        found.add(msgid)
    return found


def of_source(source: str) -> Iterator[tuple[Msgid, str | None]]:
    """The texts of a Python file, with their contexts. A text that is put together first is none:
    it could not be found in a catalogue."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name):
                pass
            case ast.Attribute(attr=name) if name in _METHODS:
                pass
            case _:
                continue
        match (
            name,
            [argument.value for argument in node.args if isinstance(argument, ast.Constant)],
        ):
            case _, []:
                pass
            case name, [str(one), *_] if name in _SINGLE and one:
                yield one, None
            case name, [str(one), str(many), *_] if name in _PLURAL:
                yield (one, many), None
            case name, [str(context), str(one), *_] if name in _IN_CONTEXT:
                yield one, context


def of_template(path: Path) -> Iterator[tuple[Msgid, str | None]]:
    options = {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}
    with path.open("rb") as file:
        for _, msgid, _, context in extract(
            "jinja2.ext:babel_extract", file, _TEMPLATE_KEYWORDS, options=options
        ):
            if msgid:
                yield msgid, context


def of_commands() -> Iterator[str]:
    """What help says, as click has it: of each command and option, and of each setting."""
    for section, commands in SECTIONS.items():
        yield section
        yield from (place[2] for place in commands.values())
    context = click.Context(jangteo)
    yield from _of_command(jangteo, context)
    for name in COMMANDS:
        command = jangteo.get_command(context, name)
        assert command is not None
        yield from _of_command(command, context)
    for key in KEYS.values():
        yield key.help


def _of_command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield help_of(command)
    if prints := getattr(command, "prints", ""):
        yield prints
    for option in command.get_params(context):
        if isinstance(option, click.Option) and option.help:
            yield option.help
    if isinstance(command, click.Group) and command is not jangteo:
        for inner in command.commands.values():
            yield from _of_command(inner, context)


def of_words() -> Iterator[str]:
    """Words that stand in JSON, and are shown as they are."""
    for words in (STATUSES, CONDITIONS, MARKS, get_args(ReviewSide), get_args(Source), _WORDS):
        yield from words


def path_of(code: str) -> Path:
    return ROOT / "node" / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(code: str) -> Catalog:
    path = path_of(code)
    if not path.exists():
        return Catalog(code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def merged(code: str, sources: Catalog) -> Catalog:
    """The catalogue of `code` with what today's sources say, and nothing else."""
    catalogue, known = Catalog(code, project=DOMAIN, fuzzy=False), read(code)
    for message in sources:
        if message.id:
            old = known.get(message.id, message.context)
            is_fitting = old is not None and (type(old.id) is type(message.id))
            catalogue.add(
                message.id,
                old.string if old is not None and is_fitting else None,
                context=message.context,
                flags=set(message.flags) - {"fuzzy"},
            )
    return catalogue


def missing(code: str, sources: Catalog) -> list[str]:
    """What has no translation yet."""
    return [
        first_of(one.id) for one in merged(code, sources) if one.id and not all(strings(one.string))
    ]


def strings(told: str | Iterable[str] | None) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told or ("",))


def first_of(msgid: Msgid) -> str:
    return msgid if isinstance(msgid, str) else msgid[0]


def to_po(catalogue: Catalog) -> bytes:
    """Sorted, and with no place of origin: a change of sources changes nothing else here."""
    buffer = io.BytesIO()
    head = [(name, value) for name, value in catalogue.mime_headers if name in _HEAD]
    buffer.write(b'msgid ""\nmsgstr ""\n')
    for name, value in head:
        buffer.write(f'"{name}: {value}\\n"\n'.encode())
    buffer.write(b"\n")
    write_po(buffer, catalogue, no_location=True, omit_header=True, sort_output=True, width=100)
    return buffer.getvalue()


def to_mo(po: bytes, code: str) -> bytes:
    buffer, catalogue = io.BytesIO(), read_po(io.BytesIO(po), locale=code)
    # Babel writes when it was made into it, but the same texts are to be the same bytes.
    catalogue.creation_date = catalogue.revision_date = datetime.fromtimestamp(0, UTC)
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run catalogue", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only print what is missing")
    is_check = parser.parse_args().check
    sources, is_complete = in_sources(), True
    for code in TRANSLATED:
        path, catalogue = path_of(code), merged(code, sources)
        if not is_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(to_po(catalogue))
            path.with_suffix(".mo").write_bytes(to_mo(path.read_bytes(), code))
        without = missing(code, sources)
        is_complete &= not without
        print(f"{code}: {len(catalogue):,} texts, {len(without):,} without a translation")
        for msgid in without:
            print(f"  {msgid!r}")
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
