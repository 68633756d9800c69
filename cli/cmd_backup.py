"""`backup` and `restore`: one's identity and own records, saved and brought back."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..node.desk_error import DeskError, usage
from ..protocol.told import tell
from .ago import ago_text
from .call import Call
from .event_view import event_text
from .listing_view import ID_CHARS_MIN, counted
from .output_file import output_path
from .passphrase import ask_passphrase, file_passphrase, new_passphrase
from .tongue import N_, _, in_tongue, ngettext
from .verb import verb

if TYPE_CHECKING:
    from ..node.home import Home

_WORDS_COUNT = 24
_FILE_BYTES_MAX = 256 * 1024 * 1024

_NOT_IN_WORDS = (
    N_("messages"),
    N_("deals"),
    N_("contacts"),
    N_("settings"),
    N_("letters that were sealed to you before"),
)


@verb(
    examples=("jangteo backup ~/jangteo.backup",),
    prints='Where the file is; with --json {"file", "bytes", "photos_left_out"}.',
)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.pass_obj
def backup(call: Call, path: str) -> None:
    """Save your identity and records to a file.

    Your key, your own listings with their photos, your messages and deals with the keys that open
    your mail, your settings, your contacts and whom you block, sealed with a passphrase that is
    asked for (or stands in the file that JANGTEO_PASSPHRASE_FILE names). Keep it on another disk,
    and make a new one after each deal. What others put up is not in it: neighbours bring that back.
    """
    from ..node.backup import make_backup
    from ..node.private_file import write_private

    home = call.home
    home.check()
    if not home.has_identity:
        raise DeskError(
            "no-identity",
            tell("no identity in this home yet: {path}", path=home.path),
            tell("make one with `jangteo init`"),
        )
    target = output_path(path)
    if target.exists() and not target.is_file():
        raise usage(tell("{path} is no file that a backup could be kept in", path=path))
    before = _read(path) if target.exists() else None
    now_ms = time.time_ns() // 1_000_000
    sealed_with = new_passphrase(_("Passphrase for the backup"))
    made = make_backup(
        home, call.config(), sealed_with, now_ms=now_ms, ask_passphrase=ask_passphrase
    )
    data = made.data
    if before is not None:
        _check_replaceable(path, before, sealed_with, home)
    write_private(target, data)
    home.owner.note_backed_up(now_ms)
    left_out = made.photos_left_out
    call.screen.row({"file": str(target), "bytes": len(data), "photos_left_out": left_out})
    call.screen.say(_("written: {target} ({count:,} bytes)").format(target=target, count=len(data)))
    if left_out:
        call.screen.warn(
            ngettext(
                "{n} photo file had no room in it: keep the blobs folder of this home besides",
                "{n} photo files had no room in it: keep the blobs folder of this home besides",
                left_out,
            ).format(n=left_out)
        )
    call.screen.talk(_("  without its passphrase it is of no use to anybody, you included"), "dim")


@verb(
    examples=(
        "jangteo restore                    # asks for the 24 words",
        "jangteo restore < words.txt",
        "jangteo restore ~/jangteo.backup",
    ),
    prints='Who you are again and what came back; with --json {"author", "home", "records", '
    '"messages", "photos", "made", "missing", "peers", "listings"}.',
)
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(dir_okay=False))
@click.option("--peer", metavar="ADDRESS", multiple=True, help="A neighbour to fetch from.")
@click.option(
    "--wait",
    "wait_seconds",
    metavar="N",
    type=click.FloatRange(0, 3600),
    default=30.0,
    help="Seconds to look for neighbours that have your records; 30 unless told, 0 not at all.",
)
@click.option(
    "--passphrase", "has_passphrase", is_flag=True, help="Seal the key in this home with one."
)
@click.pass_obj
def restore(
    call: Call, path: str | None, peer: tuple[str, ...], wait_seconds: float, has_passphrase: bool
) -> None:
    """Bring your identity back.

    From the 24 words (typed, or on stdin) or from a backup file, into a home that has no other
    identity. Then it looks for neighbours that hold your records, so that you go on from where
    you were. Do not run one identity on two machines at a time.
    """
    screen, home = call.screen, call.home
    brought = _restore(call, path, has_passphrase)
    screen.say(_("you are {author} again").format(author=brought["author"][:ID_CHARS_MIN]))
    screen.say(_("home: {path}").format(path=home.path), "dim")
    if "made" in brought:
        screen.say(
            _("{records} and {messages} from the backup, which was made {ago}").format(
                records=counted(brought["records"], "record"),
                messages=counted(brought["messages"], "message"),
                ago=ago_text(brought["made"]),
            )
        )
        screen.talk(
            _(
                "  it is of {made}: messages and deals made after it are only with the other side"
            ).format(made=brought["made"]),
            "dim",
        )
    if brought["missing"]:
        screen.warn(
            _("words hold no {missing}: only a backup does").format(
                missing=_(", no ").join(map(_, brought["missing"]))
            )
        )
    fetched = _fetch(call, peer, wait_seconds)
    screen.row({**brought, "home": str(home.path), **fetched})


def _restore(call: Call, path: str | None, has_passphrase: bool) -> dict[str, Any]:
    from ..node import backup as backups
    from ..node.listing_json import time_text

    home, now_ms = call.home, time.time_ns() // 1_000_000
    data = None if path is None else _read(path)
    words = _typed_words() if data is None else _as_words(data)
    if words is not None:
        from ..node.identity import seed_from_typed_words

        seed_from_typed_words(words)  # wrong words are said before a passphrase is asked for
        passphrase = new_passphrase() if has_passphrase else None
        author = backups.restore_words(home, words, passphrase=passphrase)
        home.owner.note_backed_up(now_ms)
        return {
            "author": author.hex(),
            "records": 0,
            "messages": 0,
            "photos": 0,
            "missing": _NOT_IN_WORDS,
        }
    opened_with = file_passphrase()
    passphrase = new_passphrase(_("Passphrase for this home")) if has_passphrase else None
    restored = backups.restore_file(
        home, data or b"", opened_with, now_ms=now_ms, passphrase=passphrase
    )
    home.owner.note_backed_up(now_ms)
    return {
        "author": restored.author.hex(),
        "records": restored.records,
        "messages": restored.messages,
        "photos": restored.photos,
        "made": time_text(restored.made_ms),
        "missing": [],
    }


def _check_replaceable(path: str, before: bytes, passphrase: str, home: "Home") -> None:
    """Only an older backup of the same identity gives way: what else is there may be the only one
    of its kind."""
    from ..node.backup import author_of_backup

    try:
        author = author_of_backup(before, passphrase)
    except DeskError:
        author = None
    if author is None or author != home.author():
        raise DeskError(
            "exists",
            tell(
                "{path} is there already, and is no backup of this identity under this passphrase",
                path=path,
            ),
            tell("name another file: nothing was written"),
        )


def _read(path: str) -> bytes:
    file = Path(path).expanduser()
    with file.open("rb") as opened:
        data = opened.read(_FILE_BYTES_MAX + 1)
    if len(data) > _FILE_BYTES_MAX:
        raise usage(tell("{path} is too large for a backup", path=path))
    return data


def _typed_words() -> str:
    if sys.stdin.isatty():
        print(_("Your 24 words, on one line or several; an empty line ends them:"), file=sys.stderr)
        words: list[str] = []
        while len(words) < _WORDS_COUNT and (line := sys.stdin.readline()).strip():
            words += line.split()
        return " ".join(words)
    return sys.stdin.read(100_000)


def _as_words(data: bytes) -> str | None:
    """The text of a file with words in it; None for a backup."""
    try:
        text = data[:10_000].decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if len(data) <= 10_000 and len(text.split()) == _WORDS_COUNT else None


def _fetch(call: Call, peers: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """Asks neighbours for one's own records; says how that went."""
    from ..node.fetch_own import fetch_own
    from ..node.identity import PASSPHRASE_VARIABLE, is_sealed
    from ..node.service_unit import program

    screen, home, prefix = call.screen, call.home, call.command_prefix()
    later = _("run `{prefix} up` and wait for neighbours before you change old listings").format(
        prefix=prefix
    )
    if home.node() is not None:
        screen.talk(_("a node runs here: it fetches what neighbours have of yours"))
        return {"peers": 0, "listings": 0}
    if seconds <= 0 or (is_sealed(home) and PASSPHRASE_VARIABLE not in os.environ):
        screen.talk(_("your records were not looked for: {later}").format(later=later))
        return {"peers": 0, "listings": 0}
    screen.talk(
        _("looking up to {seconds:.0f} s for neighbours that have your records").format(
            seconds=seconds
        )
    )

    def tell(event: dict[str, Any]) -> None:
        told = event_text(event)
        if told is not None and event["event"] in ("peer", "sync"):
            screen.talk(f"  {told}", "dim")

    fetched = fetch_own(home, call.config(), program(), peers=peers, seconds=seconds, on_event=tell)
    if fetched.listings:
        screen.say(
            _("{listings} of yours here").format(listings=counted(fetched.listings, "listing"))
        )
    if fetched.trouble:
        screen.warn(
            _("the node could not run: {trouble}").format(trouble=in_tongue(fetched.trouble))
        )
    if not fetched.peers:
        screen.warn(_("no neighbour was found to ask: {later}").format(later=later))
    elif not fetched.listings:
        screen.talk(
            _("{neighbours} asked; none has a listing of yours").format(
                neighbours=counted(fetched.peers, "neighbour")
            )
        )
    return {"peers": fetched.peers, "listings": fetched.listings}
