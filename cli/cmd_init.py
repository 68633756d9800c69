"""`init`: makes the identity of a home."""

import click

from .call import Call
from .cmd_words import print_words
from .passphrase import new_passphrase
from .tongue import _
from .verb import verb


@verb(
    examples=(
        "jangteo init --name 은하",
        "jangteo init --passphrase",
        "jangteo --home ~/try init --json",
    ),
    prints='Your key and, at a terminal, the 24 words; with --json {"author", "name", "home", '
    '"words"}.',
)
@click.option("--name", metavar="NAME", help="What others see; up to 40 characters.")
@click.option(
    "--passphrase",
    "has_passphrase",
    is_flag=True,
    help="Seal the key with a passphrase, asked for at every command that signs.",
)
@click.pass_obj
def init(call: Call, name: str | None, has_passphrase: bool) -> None:
    """Make your identity.

    It is a key on this machine, and 24 words that are the same key: whoever has them is you, and
    without them or a `backup` a lost disk is a lost identity. There is no account and nobody to
    ask for a new password. `jangteo up` makes one too, if you start there.
    """
    from ..node import identity

    screen, home = call.screen, call.home
    home.check()
    if home.has_identity:
        # Before the lock: a node that runs here is no reason to stop it.
        raise identity.exists_already(home)
    passphrase = new_passphrase() if has_passphrase else None
    with home.lock("command"):
        made = identity.create(home, passphrase=passphrase)
    call.is_done = True
    given = {"author": made.author.hex(), "name": name or "", "home": str(home.path)}
    try:
        if name:
            # The key was made here and now, so its passphrase need not be asked for again.
            with call.office(ask=lambda: passphrase or "") as office:
                given["name"] = office.call("profile", {"name": name})["name"]
    finally:
        # Whatever became of the name, the words exist only here.
        screen.row({**given, "words": made.words})
        screen.say(
            _("you are {author}, {name}").format(author=made.author.hex()[:8], name=name)
            if name
            else _("you are {author}").format(author=made.author.hex()[:8])
        )
        screen.say(_("home: {path}").format(path=home.path), "dim")
        if screen.is_terminal and not screen.is_json:
            print_words(screen, made.words)
        else:
            screen.talk(
                _(
                    "your 24 words are the only other copy of your key: run "
                    "`{prefix} words` in a terminal and write them down"
                ).format(prefix=call.command_prefix())
            )
        screen.talk(
            _("next: `{prefix} up` meets the neighbours").format(prefix=call.command_prefix())
        )
