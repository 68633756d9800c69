"""What click says of a wrong command line, in a way that can be said in other languages.

click tells texts alone, so they are known by their patterns; one that is not known stays English.
"""

import re
from typing import Final

import click

from ..protocol.told import Told
from .tongue import N_

# The first that fits; "why" and "more" are looked at once more.
_PATTERNS: Final = (
    N_("missing argument {name}. {more}"),
    N_("missing argument {name}"),
    N_("missing option {name}"),
    N_("missing command"),
    N_("no such command {name}"),
    N_("no such option {name}. Did you mean {meant}?"),
    N_("no such option {name}. (Did you mean one of: {meant}?)"),
    N_("no such option {name}"),
    N_("option {name} does not take a value"),
    N_("option {name} requires an argument"),
    N_("got unexpected extra argument ({name})"),
    N_("got unexpected extra arguments ({name})"),
    N_("invalid value for {name}: {why}"),
    N_("{value} is not one of {choices}"),
    N_("{value} is not in the range {range}"),
    N_("{value} is not a valid integer"),
    N_("{value} is not a valid float"),
    N_("{kind} {name} is a directory"),
    N_("Choose from: {choices}"),
)
_DEPTH_MAX: Final = 2


def usage_text(error: click.UsageError) -> str:
    """One line that begins small and ends without a point."""
    if type(error) is click.UsageError and isinstance(error.message, Told):
        return error.message
    text = error.format_message().rstrip(".")
    return _known(text[:1].lower() + text[1:], _DEPTH_MAX)


def _known(text: str, depth: int) -> str:
    for pattern in _PATTERNS if depth else ():
        shape = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(pattern))
        if match := re.fullmatch(shape.replace(r"\ ", r"\s+"), text, re.DOTALL):
            values = {name: _known(value, depth - 1) for name, value in match.groupdict().items()}
            told = Told(pattern, values)
            # Of breaks and tabs in it nothing is left on one line anyway.
            if told.split() == text.split():
                return told
    return text
