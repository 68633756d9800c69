"""What this program is called in lines that a person may type or paste."""

import os
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "JANGTEO_PROGRAM"
"""Set by a wrapper that starts this program under a name of its own."""
_NAME: Final = "jangteo"


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


def named(text: str) -> str:
    """`text` with its `jangteo …` commands as a wrapper calls them."""
    told = os.environ.get(VARIABLE)
    return text if not told else text.replace(f"`{_NAME} ", f"`{program_name()} ")
