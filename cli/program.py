"""What this program is called in lines that a person may type or paste."""

import os
import re
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "JANGTEO_PROGRAM"
"""Set by a wrapper that starts this program under a name of its own."""
_NAME: Final = "jangteo"
_IN_QUOTES: Final = re.compile(rf"`{_NAME}(?=[ `])")
_TO_HAND_OVER: Final = re.compile(rf"(?<![\w`./-]){_NAME}(?= up --peer /)")
_IN_HELP: Final = re.compile(rf"(?<![\w./-]){_NAME}(?= (?:[a-z]|--|COMMAND|\[))")


def program_name() -> str:
    """What a wrapper says, else `jangteo` where the shell finds it, else the path it was started
    by."""
    from shlex import quote
    from shutil import which

    if told := os.environ.get(VARIABLE):
        return quote(told)
    script = Path(sys.argv[0])
    if script.name != _NAME or which(_NAME):
        return _NAME
    return quote(str(script))


def named(text: str, home: str | None = None) -> str:
    """`text` with its `jangteo …` commands as they must be typed here, for the home that was
    chosen by a flag; one to hand over is a line for another machine, and names no home."""
    if _NAME not in text:
        return text
    prefix = command_prefix(home)
    text = _IN_QUOTES.sub(lambda _: f"`{prefix}", text)
    return _TO_HAND_OVER.sub(name_elsewhere(), text)


def named_in_help(text: str) -> str:
    """The same for a page of help, whose examples stand without quotes."""
    told = os.environ.get(VARIABLE)
    return text if not told else _IN_HELP.sub(lambda _: program_name(), text)


def command_prefix(home: str | None) -> str:
    """How to call this program for this home, in lines a person may paste."""
    from shlex import quote

    return f"{program_name()} --home {quote(home)}" if home else program_name()


def name_elsewhere() -> str:
    """What another one's program is called, as far as one can know: as here, but for where."""
    told = os.environ.get(VARIABLE)
    return f"./{Path(told).name}" if told else _NAME
