"""The catalogues against today's sources: nothing that people read lacks its Korean or Japanese."""

import re
import string
from functools import cache

import pytest
from babel.messages.catalog import Catalog, Message

from jangteo.node.tongue import catalogue_path, tongue

from . import catalogue as catalogues
from .catalogue import TRANSLATED, first_of, path_of, strings, to_mo, to_po

CODES = pytest.mark.parametrize("code", TRANSLATED)


@cache
def sources() -> Catalog:
    return catalogues.in_sources()


def messages(code: str) -> list[Message]:
    return [message for message in catalogues.read(code) if message.id]


def expect_none(broken: list[str]) -> None:
    if broken:
        pytest.fail("\n".join(broken[:40]), pytrace=False)


def test_the_sources_have_texts_of_every_kind() -> None:
    found = sources()
    for msgid in (
        "just now",  # of a Tongue
        "it has expired",  # of the desk
        "nothing found",  # of a command
        "TITLE",  # a table's head
        "Show one setting.",  # help of a command
        "At most.",  # of an option
        "Talk and trade",  # a section
        "reserved",  # a word of JSON
    ):
        assert msgid in found, msgid
    # Of texts with a plural the first is the key.
    assert found["{count} day"].id == ("{count} day", "{count} days")


@CODES
def test_every_text_has_its_translation(code: str) -> None:
    expect_none([f"{code}: {msgid!r}: ./run catalogue" for msgid in missing(code)])


def missing(code: str) -> list[str]:
    return catalogues.missing(code, sources())


@CODES
def test_the_catalogue_is_what_run_catalogue_writes(code: str) -> None:
    assert path_of(code).read_bytes() == to_po(catalogues.merged(code, sources()))


@CODES
def test_what_is_compiled_is_what_stands_there(code: str) -> None:
    assert catalogue_path(code).read_bytes() == to_mo(path_of(code).read_bytes(), code)


@CODES
def test_no_translation_is_a_guess(code: str) -> None:
    expect_none([first_of(message.id) for message in messages(code) if message.fuzzy])


@CODES
def test_a_translation_has_the_places_of_its_text(code: str) -> None:
    broken = []
    for message in messages(code):
        wanted = {name for one in strings(message.id) for name in places(one)}
        for told in strings(message.string):
            if set(places(told)) != wanted or not is_fillable(told):
                broken.append(f"{code}: {first_of(message.id)!r}: {told!r}")
    expect_none(broken)


class Anything:
    def __format__(self, spec: str) -> str:
        return f"x{spec}"


def is_fillable(text: str) -> bool:
    """Whether it takes its values as `gettext` of the page, or `format`, puts them in."""
    names = places(text)
    if "%(" in text:
        return bool(text % dict.fromkeys(names, "x"))
    return (
        not names
        or names[0].startswith('"')
        or bool(text.format(**dict.fromkeys(names, Anything())))
    )


def places(text: str) -> list[str]:
    """The names in {braces} and %(such)s. In help and in JSON braces stand for themselves."""
    named = re.findall(r"%\((\w+)\)[sd]", text)
    if named:
        return named
    if '{"' in text and '{{"' not in text:
        return re.findall(r'"\w+"', text)
    fields = (name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    return [re.split(r"[.\[]", name)[0] for name in fields]


@CODES
def test_a_translation_stands_where_its_text_stood(code: str) -> None:
    """With the same spaces around it, the same quotes of commands, and no markup of its own."""
    broken = []
    for message in messages(code):
        msgid = first_of(message.id)
        for told in strings(message.string):
            is_spaced = edges(told) == edges(msgid) or (code == "ja" and msgid == ", no ")
            marks = ("`", "<", ">", "&", "\n\n")
            if not is_spaced or any(told.count(mark) != msgid.count(mark) for mark in marks):
                broken.append(f"{code}: {msgid!r}: {told!r}")
    expect_none(broken)


def edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@CODES
def test_what_is_said_is_of_the_language(code: str) -> None:
    """Letters of the one in the other are a slip of whoever translated two at a time."""
    foreign = {"ko": r"[\u3040-\u30ff]", "ja": r"[\uac00-\ud7af]"}[code]
    allowed = re.compile("商品名|タイトル|제목|상품명")
    expect_none(
        [
            f"{code}: {first_of(message.id)!r}: {told!r}"
            for message in messages(code)
            for told in strings(message.string)
            if re.search(foreign, allowed.sub("", told))
        ]
    )


@CODES
def test_a_tongue_says_what_the_catalogue_has(code: str) -> None:
    said = tongue(code)
    assert said.gettext("nothing found") != "nothing found"
    assert said.ngettext("{count} day", "{count} days", 2) != "{count} days"
    assert said.gettext("of this nobody has heard") == "of this nobody has heard"
    assert said.gettext("") == ""
    assert said.money(None) != "ask"


def test_texts_are_found_where_they_are_said() -> None:
    source = """
_("one")
self.tongue.gettext("two")
ngettext("{n} three", "{n} threes", n)
pgettext("price", "four")
tell("five " "and more", value=1)
talk.tell({"event": "none"})
_(f"none {x}")
_(none)
_("")
Column("SIX", 3)
"""
    assert list(catalogues.of_source(source)) == [
        ("one", None),
        ("two", None),
        (("{n} three", "{n} threes"), None),
        ("four", "price"),
        ("five and more", None),
        ("SIX", None),
    ]
