"""The language in which this call speaks, for whatever prints.

What is printed is made in many small functions, from the head of a table to the end of an error:
so the language is not handed from one to the next, but is the context's, as trio has it for tasks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from ..node.tongue import ENGLISH, Tongue, tongue

_SPEAKER: Final[ContextVar[Callable[[], Tongue]]] = ContextVar("speaker")


@contextmanager
def speaking(choose: Callable[[], Tongue]) -> Iterator[None]:
    """`choose` is asked when the first text is needed, and again for each: it remembers."""
    token = _SPEAKER.set(choose)
    try:
        yield
    finally:
        _SPEAKER.reset(token)


def spoken() -> Tongue:
    """English outside of `speaking`."""
    choose = _SPEAKER.get(None)
    return tongue(ENGLISH) if choose is None else choose()


def _(msgid: str) -> str:
    return spoken().gettext(msgid)


def ngettext(one: str, many: str, n: int) -> str:
    return spoken().ngettext(one, many, n)


def in_tongue(text: str) -> str:
    """A text of the desk's, which may be `Told`."""
    return spoken().told(text)


def n_(one: str, many: str) -> tuple[str, str]:
    """Marks a pair for `ngettext`."""
    return one, many


def N_(msgid: str) -> str:
    """Only marks a text for the catalogue: `_` says it, where it is needed."""
    return msgid
