"""`words`: shows the 24 words of a home; `passphrase`: seals its key, or no longer."""

import time

import click

from ..node.desk_error import DeskError
from ..protocol.told import tell
from . import cells
from .call import Call
from .passphrase import ask_passphrase, new_passphrase
from .program import program_name
from .screen import Screen
from .tongue import _
from .verb import verb

_ROW_WORDS = 4


@verb(
    examples=("jangteo words", "jangteo words --json"),
    prints='24 words, numbered; with --json {"words"}.',
)
@click.pass_obj
def words(call: Call) -> None:
    """Show the 24 words that are your identity.

    Write them on paper. `jangteo restore` makes you yourself again from them, on any machine.
    Whoever reads them can be you. They are printed to a terminal only, never into a log.
    """
    from ..node import identity

    home, screen = call.home, call.screen
    home.check()
    if not home.has_identity:
        raise identity.none_yet(home)
    if not screen.is_terminal and not screen.is_json:
        raise DeskError(
            "no-terminal",
            tell("the words are shown in a terminal only"),
            tell("run it without a pipe, or with --json if a program needs them"),
        )
    told = identity.words(home, ask_passphrase)
    home.owner.note_backed_up(time.time_ns() // 1_000_000)
    screen.row({"words": told})
    print_words(screen, told)


@verb(
    examples=("jangteo passphrase", "jangteo passphrase --remove"),
    prints='Whether the key is sealed now; with --json {"sealed"}.',
)
@click.option("--remove", is_flag=True, help="No passphrase any more.")
@click.pass_obj
def passphrase(call: Call, remove: bool) -> None:
    """Seal your key with a passphrase, or change it.

    The file with the key is then of no use to whoever copies it. A node needs it to start: at a
    terminal, or from the file that JANGTEO_PASSPHRASE_FILE names. The 24 words stay as they are.
    """
    from ..node import identity

    home = call.home
    home.check()
    if not home.has_identity:
        raise identity.none_yet(home)
    # The file that the environment names has the passphrase of now, if there is one.
    is_open = not identity.is_sealed(home)
    fresh = None if remove else new_passphrase(may_read_file=is_open)
    with home.lock("command"):
        identity.set_passphrase(home, fresh, ask_passphrase)
    call.screen.row({"sealed": not remove})
    call.screen.say(_("the key is open again") if remove else _("the key is sealed"))


def print_words(screen: Screen, told: str) -> None:
    """Numbered, four a line where there is room, with what they are."""
    listed = [f"{position:2}. {word}" for position, word in enumerate(told.split(), 1)]
    row_words = _ROW_WORDS if screen.cells >= 60 else 2
    screen.say()
    for start in range(0, len(listed), row_words):
        screen.say("  " + "".join(f"{word:14}" for word in listed[start : start + row_words]))
    screen.say()
    for line in cells.wrap(
        _(
            "These 24 words are your key, written for people. On paper they "
            "outlive this machine: `{program} restore` makes you yourself again. "
            "Whoever reads them can sign as you, and nobody can give you new ones."
        ).format(program=program_name()),
        min(screen.cells, 80),
    ):
        screen.talk(line)
