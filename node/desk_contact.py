"""The verbs of contacts: people whose records no stranger's displace. Only here; nobody is told."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .block_note import block_notes
from .clerk import Clerk
from .desk_args import Args, refused
from .desk_error import bad_value
from .listing_json import time_text


def contacts(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    Args("contacts", told, ())
    return {
        "contacts": [
            {
                "author": contact.author.hex(),
                "name": clerk.name_of(contact.author),
                "note": contact.note,
                "since": time_text(contact.since_ms),
            }
            for contact in clerk.store.kept()
        ]
    }


def keep(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """A contact from now on; of one already, the note is changed where `note` is said."""
    args = Args("keep", told, ("author", "note"))
    author, name = _person(clerk, args.needed("author"))
    before = {contact.author: contact for contact in clerk.store.kept()}.get(author)
    if author == clerk.own:
        raise bad_value(tell("that is you: your own records are kept anyway"))
    if author in clerk.store.blocked():
        raise bad_value(
            tell("{name} is blocked", name=name or author.hex()[:8]),
            tell("first `jangteo unblock {author}`", author=author.hex()[:16]),
        )
    told_note = args.text("note")
    note = _line(told_note) if told_note is not None else before.note if before else ""
    try:
        with clerk.store.write(durable=True):
            clerk.store.keep(author, clerk.now_ms(), note)
    except LocalProtocolError as error:
        raise refused(error) from None
    is_changed = before is None or before.note != note
    return {"author": author.hex(), "name": name, "note": note, "changed": is_changed}


def unkeep(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """No contact any more; what is here of them stays as long as there is room."""
    author, name = _person(clerk, Args("unkeep", told, ("author",)).needed("author"))
    is_kept = author in {contact.author for contact in clerk.store.kept()}
    with clerk.store.write(durable=True):
        clerk.store.unkeep(author)
    return {"author": author.hex(), "name": name, "changed": is_kept}


def _person(clerk: Clerk, typed: str) -> tuple[bytes, str]:
    """Who is meant: anyone, or a contact or somebody blocked, whose records may be gone."""
    others = dict.fromkeys((contact.author for contact in clerk.store.kept()), "")
    others |= {author: note.name for author, note in block_notes(clerk.store).items()}
    return clerk.find_author(typed, others)


def _line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
