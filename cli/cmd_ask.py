"""`ask` and `answer`: questions about a listing, which everybody can read."""

from typing import Any

import click

from ..node.desk_error import usage
from ..node.safe_text import safe_line
from ..protocol.told import tell
from .call import Call
from .listing_options import id_argument
from .listing_view import ID_CHARS_MIN, person_text
from .tongue import _
from .verb import verb


@verb(
    examples=(
        'jangteo ask 3fa91c07 "Does the bell come with it?"',
        "jangteo ask --withdraw 5b1c9a02",
    ),
    prints='The question and its id; with --json {"question", "listing", "changed"}, taken back '
    '{"id", "kind", "text"}.',
    is_text=True,
)
@id_argument
@click.argument("text", required=False)
@click.option("--withdraw", is_flag=True, help="Take back a question or an answer of yours: ID.")
@click.pass_obj
def ask(call: Call, listing_id: str, text: str | None, withdraw: bool) -> None:
    """Ask about a listing, for everybody to read.

    The seller is told, and everybody sees question and answer at `jangteo show ID`. What is between
    the two of you is better said with `jangteo send ID`. Changed your mind? --withdraw takes back
    what you asked (or answered), by its own id; then ask anew.
    """
    if withdraw:
        if text is not None:
            raise usage(tell("--withdraw takes one id and no text"))
        _withdraw(call, listing_id)
        return
    if text is None:
        raise usage(
            tell("`ask` needs the question"), tell('such as `jangteo ask ID "Is it still there?"`')
        )
    result = call.ask("ask", id=listing_id, text=text)
    question = result["question"]
    call.answer({name: result[name] for name in ("question", "listing", "changed")}, result)
    asked = _("asked about {title}") if result["changed"] else _("asked already about {title}")
    _say(call, question, result, asked)
    if result["changed"]:
        call.screen.talk(
            _("  take it back: `{prefix} ask --withdraw {id}`").format(
                prefix=call.command_prefix(), id=question["id"][:ID_CHARS_MIN]
            ),
            "dim",
        )
    call.notices(result)


@verb(
    examples=('jangteo answer 5b1c9a02 "Yes, and a lock."',),
    prints='The answer; with --json {"answer", "question", "listing", "changed"}.',
    is_text=True,
)
@click.argument("question_id", metavar="QUESTION")
@click.argument("text")
@click.pass_obj
def answer(call: Call, question_id: str, text: str) -> None:
    """Answer a question about a listing, for everybody to read.

    QUESTION is the question's id, as `jangteo show ID` and `jangteo notifications` tell it. Anybody
    may answer; the seller's answers are marked. `jangteo ask --withdraw` takes an answer back.
    """
    result = call.ask("answer", id=question_id, text=text)
    told = {name: result[name] for name in ("answer", "question", "listing", "changed")}
    call.answer(told, result)
    asked = result["question"]
    if asked["mine"]:
        said = _("answered your own question about {title}")
        again = _("already answered your own question about {title}")
    else:
        said = _("answered {who}'s question about {title}")
        again = _("already answered {who}'s question about {title}")
    who = person_text(asked["author"], asked["name"])
    _say(call, result["answer"], result, said if result["changed"] else again, who)
    call.notices(result)


def _say(
    call: Call, remark: dict[str, Any], result: dict[str, Any], said: str, who: str = ""
) -> None:
    short = call.screen.paint(remark["id"][:ID_CHARS_MIN], "id")
    told = said.format(who=safe_line(who), title=safe_line(result["listing"]["title"]))
    call.screen.say(f"{short}  {told}")
    call.screen.say(f"  {safe_line(remark['text'])}")


def _withdraw(call: Call, remark_id: str) -> None:
    result = call.ask("unask", id=remark_id)
    call.answer({name: result[name] for name in ("id", "kind", "text")}, result)
    answer_, question = _("answer taken back: {text}"), _("question taken back: {text}")
    pattern = answer_ if result["kind"] == "answer" else question
    call.screen.say_safe(pattern.format(text=result["text"]))
    call.notices(result)
