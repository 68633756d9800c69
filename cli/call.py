"""One call of the program: its screen, its home, its settings, and the office that does the work.

Opens nothing until asked, so that help and usage errors cost nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..node.desk_error import DeskError, usage
from ..node.safe_text import is_text, safe_line
from ..node.tongue import Tongue, of_environment, tongue
from ..protocol.told import tell
from .passphrase import ask_passphrase
from .program import command_prefix, named, program_name
from .screen import Screen
from .tongue import in_tongue

if TYPE_CHECKING:
    from ..node.config import Config
    from ..node.home import Home
    from ..node.office import Office


class Call:
    """Made once a process; click hands it to every command as `ctx.obj`."""

    def __init__(self) -> None:
        self.screen = Screen()
        self.home_flag: str | None = None
        self._spoken: tuple[str | None, Tongue] | None = None
        self.is_done = False
        """Something was changed as asked: if its answer is lost, it is not to be asked again."""

    @property
    def home(self) -> "Home":
        from ..node.home import Home, default_home

        if self.home_flag is None:
            home = default_home(os.environ)
        elif self.home_flag:
            home = Home(Path(self.home_flag).expanduser().absolute())
        else:
            raise usage(tell("--home needs the name of a folder"))
        if not is_text(str(home.path)):
            raise usage(
                tell("{path} is no name that a home can have: it is not UTF-8", path=home.path)
            )
        return home

    def tongue(self) -> Tongue:
        """As this home's settings say, else the environment."""
        if self._spoken is None or self._spoken[0] != self.home_flag:
            self._spoken = (self.home_flag, tongue(self._language()))
        return self._spoken[1]

    def _language(self) -> str:
        try:
            return self.config().language(os.environ)
        except (DeskError, OSError):  # of settings that cannot be read an error tells soon
            return of_environment(os.environ)

    def config(self, flags: Mapping[str, Any] | None = None) -> "Config":
        from ..node.config import read_config

        return read_config(self.home, flags=dict(flags or {}), environ=os.environ)

    @contextmanager
    def office(self, ask: Callable[[], str] = ask_passphrase) -> "Iterator[Office]":
        """Where verbs are called; `ask` gives the passphrase of a sealed key, when needed."""
        from ..node.office import open_office

        with open_office(self.home, self.config(), ask_passphrase=ask) as office:
            yield office

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """One verb: opens the office, calls, closes. Arguments that are None are not said."""
        from ..node.desk import VERBS, kind_of

        told = {k: v for k, v in arguments.items() if v is not None}
        with self.office() as office:
            result = office.call(verb, told)
        self.is_done |= verb in VERBS and kind_of(verb, told) != "read"
        return result

    def notices(self, result: Mapping[str, Any]) -> None:
        """What the work wants to be said beside its result: reminders, warnings."""
        for notice in result.get("notices") or ():
            self.screen.warn(self.named(safe_line(in_tongue(notice["message"]))))

    def named(self, text: str) -> str:
        """`text` with its commands as they must be typed here."""
        return named(text, self.home_flag)

    @property
    def program(self) -> str:
        return program_name()

    def answer(self, value: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Under --json: the one object that is the answer, with the notices in it, if any."""
        notices = [
            {**notice, "message": self.named(notice["message"])}
            for notice in result.get("notices") or ()
        ]
        self.screen.row({**value, "notices": notices} if notices else value)

    def command_prefix(self) -> str:
        """How to call this program for this home, in lines a person may paste."""
        return command_prefix(self.home_flag)
