"""`review`: how a deal went, for others to know."""

import click

from .ago import ago_text
from .call import Call
from .listing_view import person_text
from .tongue import _
from .verb import verb


@verb(
    examples=(
        'jangteo review 5b1c9a02 good "on time, and as described"',
        'jangteo review 5b1c9a02 bad "did not come" --reveal',
    ),
    prints='When it is shown; with --json {"deal", "mark", "text", "published", "published_by", '
    '"person", "name"}.',
)
@click.argument("to")
@click.argument("mark", type=click.Choice(["good", "mixed", "bad"], case_sensitive=False))
@click.argument("text", required=False)
@click.option("--reveal", is_flag=True, help="Show also what it was about, and the price.")
@click.pass_obj
def review(call: Call, to: str, mark: str, text: str | None, reveal: bool) -> None:
    """Say how a deal went.

    TO is a deal, or the listing or room it was about. It is public, signed by you, with the proof
    that the two of you made a deal, and nobody can take it away. It is shown when the other side
    has written theirs, or after 14 days; until then neither of you sees the other's.
    """
    result = call.ask("review", to=to, mark=mark.lower(), text=text, reveal=reveal or None)
    names = ("deal", "mark", "text", "published", "published_by", "person", "name")
    call.answer({name: result[name] for name in names}, result)
    who = person_text(result["person"], result["name"])
    if result["published"]:
        call.screen.say_safe(
            _("your review of {who} is public now: they had written theirs").format(who=who)
        )
    else:
        call.screen.say_safe(
            _(
                "your review of {who} is kept: it is shown when they have written theirs, or {ago}"
            ).format(who=who, ago=ago_text(result["published_by"]))
        )
    call.notices(result)
