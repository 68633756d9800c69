"""Asking for passphrases: from the file that the environment names, else at a terminal."""

import os
import sys

from ..node.desk_error import DeskError
from ..protocol.told import tell
from .tongue import _

_HINT = tell("put it in a file (mode 0600) and set JANGTEO_PASSPHRASE_FILE to its path")


def ask_passphrase() -> str:
    """The passphrase of this home's key."""
    return _ask(_("Passphrase: "))


def new_passphrase(what: str | None = None, *, may_read_file: bool = True) -> str:
    """A passphrase to seal something with, asked for twice at a terminal."""
    from ..node.identity import check_passphrase, passphrase_from_file

    told = passphrase_from_file(os.environ) if may_read_file else None
    if told is not None:
        return told
    passphrase = check_passphrase(_ask(f"{what or _('New passphrase')}: "))
    if _ask(_("Once more: ")) != passphrase:
        raise DeskError("passphrase", tell("the two were not the same; nothing was done"))
    return passphrase


def file_passphrase() -> str:
    """The passphrase that a backup was sealed with."""
    from ..node.identity import passphrase_from_file

    return passphrase_from_file(os.environ) or _ask(_("Passphrase of the backup: "))


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise DeskError(
            "passphrase", tell("a passphrase is needed, and there is no terminal to ask at"), _HINT
        )
    import getpass

    return getpass.getpass(prompt, sys.stderr)
