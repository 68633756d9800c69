"""`profile` and `whoami`: what one calls oneself, and who one is."""

import click

from ..node.safe_text import safe_block, safe_line
from .call import Call
from .person_view import place_text
from .tongue import _
from .verb import verb


@verb(
    examples=(
        'jangteo profile --name 은하 --about "주말 직거래" --place 연남동',
        "jangteo profile --languages ko,en",
        "jangteo profile",
    ),
    prints='Your profile; with --json {"author", "name", "about", "place", "languages"}.',
)
@click.option("--name", metavar="TEXT", help="Up to 40 characters.")
@click.option("--about", metavar="TEXT", help="Up to 1,000 characters; everybody can read it.")
@click.option("--place", metavar="TEXT", help="Roughly where you are, up to 80 characters.")
@click.option("--languages", metavar="CODES", help="What you understand, such as ko,en; or none.")
@click.pass_obj
def profile(call: Call, /, **told: str | None) -> None:
    """Say, or show, what you call yourself.

    Names are not unique: anybody may take yours. `jangteo show ID` puts the first eight signs of
    the key beside them, and so do tables where two people have one name.
    """
    result = call.ask("profile", **told)
    fields = ("author", "name", "about", "place", "languages")
    call.answer({field: result[field] for field in fields}, result)
    _print(call, result)
    if not result["author"]:
        call.screen.warn(call.named(_("this home has no identity yet: `jangteo init`")))
    call.notices(result)


@verb(
    examples=("jangteo whoami", "jangteo whoami --json"),
    prints='Your key, name, home and whether it is backed up; with --json {"author", "name", '
    '"about", "home", …}.',
)
@click.pass_obj
def whoami(call: Call) -> None:
    """Show who you are here."""
    result = call.ask("whoami")
    call.screen.row(result)
    if result.get("author"):
        _print(call, result)
        seal = _("sealed with a passphrase") if result.get("sealed") else _("no passphrase")
        saved = _("backed up") if result.get("backed_up") else _("not backed up")
        call.screen.say(_("key: {seal}, {saved}").format(seal=seal, saved=saved), "dim")
    call.screen.say(_("home: {home}").format(home=result["home"]), "dim")
    call.notices(result)


def _print(call: Call, result: dict[str, object]) -> None:
    if not result.get("author"):
        return
    nameless = call.named(_("(no name yet: `jangteo profile --name NAME`)"))
    name = safe_line(str(result.get("name") or "")) or nameless
    call.screen.say(name, "bold")
    if about := result.get("about"):
        call.screen.say(safe_block(str(about)))
    if where := place_text(result):
        call.screen.say_safe(where)
    call.screen.say(_("author: {author}").format(author=result["author"]), "dim")
