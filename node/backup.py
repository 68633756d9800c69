"""A backup file: the identity, one's own records and what the home was told, under a passphrase.

Version 1 is a key file (crypto/keyfile.py) whose secret is zlib over JSON: {"jangteo_backup": 1,
"made_ms", "seed", "records": […], "config", "markets", "blocked", "contacts", "imports", "talk",
"photos"}, bytes in base64. Files of before there were contacts, talk or photos have none.
Restoring admits the records as any others are: verified, and in any order.
"""

import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from ..crypto.keyfile import (
    FILE_BYTES_MAX,
    NONCE_BYTES,
    SALT_BYTES,
    WrongPassphrase,
    open_secret,
    seal_secret,
)
from ..crypto.keys import PUBLIC_BYTES, SEED_BYTES, AuthorKey
from ..protocol import limits
from ..protocol.envelope import Verified, open_record, parse
from ..protocol.errors import LocalProtocolError, RemoteProtocolError
from ..protocol.market import is_market
from ..protocol.told import tell, told_by
from ..protocol.verdict import Admission
from ..store.contacts import Contact
from ..store.errors import StoreError, StoreMissing
from ..store.store import Store
from . import import_source
from .backup_photos import fill_photos, photos_of, read_photos
from .backup_talk import KeptTalk, fill_talk, read_talk, talk_of
from .blob_folder import BlobFolder
from .config import KEYS, Config, read_config, read_file, write_file
from .desk_error import DeskError, bad_value
from .home import Home
from .home_store import open_store
from .identity import (
    AskPassphrase,
    Entropy,
    adopt_seed,
    check_passphrase,
    open_seed,
    seed_from_typed_words,
)

VERSION: Final = 1
_MARK: Final = "jangteo_backup"
_TIME_MS_MAX: Final = 253_402_300_799_999
"""The end of the year 9999: a later time cannot be shown."""


@dataclass(frozen=True, slots=True)
class Backup:
    """`data` is the file's; for `photos_left_out` photo files there was no room in it."""

    data: bytes = field(repr=False)
    photos_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Restored:
    """`records` are kept now; `left_out` were not taken, since they are over. `messages` were not
    here before; `photos` files are here now; the backup is of `made_ms`."""

    author: bytes
    records: int
    left_out: int
    messages: int = 0
    made_ms: int = 0
    photos: int = 0


def make_backup(
    home: Home,
    config: Config,
    file_passphrase: str,
    *,
    now_ms: int,
    ask_passphrase: AskPassphrase | None = None,
    environ: Mapping[str, str] = os.environ,
    entropy: Entropy = os.urandom,
) -> Backup:
    """The file; a node may run meanwhile. DeskError where the identity cannot be opened.

    Once it is written, note it: `home.owner.note_backed_up(now_ms)`.
    """
    check_passphrase(file_passphrase)
    seed = open_seed(home, ask_passphrase, environ)
    of_store, photos_left_out = _of_store(home, config, seed)
    told = {
        _MARK: VERSION,
        "made_ms": now_ms,
        "seed": b64encode(seed).decode(),
        "config": read_file(home),
        **of_store,
    }
    packed = json.dumps(told).encode()
    sealed = seal_secret(
        zlib.compress(packed, 6), file_passphrase, entropy(SALT_BYTES), entropy(NONCE_BYTES)
    )
    if len(packed) > limits.BACKUP_BYTES_MAX or len(sealed) > FILE_BYTES_MAX:
        # Better told now than at the restoring.
        raise DeskError(
            "failed",
            tell("your records are too many for one backup file"),
            tell(
                "keep the 24 words (`jangteo words`) and `jangteo export --mine --format records`"
            ),
        )
    return Backup(sealed, photos_left_out)


def restore_words(
    home: Home, text: str, *, passphrase: str | None = None, entropy: Entropy = os.urandom
) -> bytes:
    """Makes an empty home the identity of 24 typed words; its author. Its records are for the
    neighbours to bring back. DeskError for wrong words, or a home that is someone else's."""
    seed = seed_from_typed_words(text)
    with home.lock("command"):
        return adopt_seed(home, seed, passphrase=passphrase, entropy=entropy)


def restore_file(
    home: Home,
    data: bytes,
    file_passphrase: str,
    *,
    now_ms: int,
    passphrase: str | None = None,
    environ: Mapping[str, str] = os.environ,
    entropy: Entropy = os.urandom,
) -> Restored:
    """Brings identity, records and settings back; again, it adds what is missing. `passphrase` is
    for the key file in the home. DeskError for no backup, a wrong passphrase, or a home that is
    someone else's: nothing is changed then."""
    told = _opened(data, file_passphrase)
    with home.lock("command"):
        author = adopt_seed(home, told.seed, passphrase=passphrase, entropy=entropy)
        if told.config and not home.config_path.exists():
            write_file(home, told.config)
        config = read_config(home, environ=environ)
        try:
            with closing(open_store(home, config, own=author)) as store:
                kept = _fill(store, told, author, now_ms)
                with store.write(durable=True):
                    said = fill_talk(store, told.talk, told.seed, entropy, now_ms)
                photos = fill_photos(store, BlobFolder(home.blobs_path), told.photos, now_ms)
        except (StoreError, LocalProtocolError) as error:
            raise DeskError("store", told_by(error)) from error
        except RemoteProtocolError as error:
            raise bad_value(
                tell("what was said in this backup is damaged: {error}", error=error)
            ) from None
    return Restored(author, kept, len(told.records) - kept, said, told.made_ms, photos)


def author_of_backup(data: bytes, file_passphrase: str) -> bytes:
    """Whose backup it is, 32 bytes. DeskError for no backup, or another passphrase."""
    return AuthorKey.from_seed(_opened(data, file_passphrase).seed).public


@dataclass(frozen=True, slots=True)
class _Told:
    made_ms: int
    seed: bytes
    records: list[Verified]
    config: dict[str, Any]
    markets: list[str]
    blocked: list[bytes]
    contacts: list[Contact]
    imports: list[import_source.ImportSource]
    talk: KeptTalk
    photos: tuple[bytes, ...]


def _of_store(home: Home, config: Config, seed: bytes) -> tuple[dict[str, Any], int]:
    """What the store has of one's own, and how many photo files there was no room for."""
    author = AuthorKey.from_seed(seed).public
    try:
        store = open_store(home, config, own=author, read_only=True)
    except StoreMissing:
        return {"records": [], "markets": [], "blocked": [], "imports": []}, 0
    except StoreError as error:
        raise DeskError("store", told_by(error)) from error
    with closing(store):
        photos = photos_of(store, BlobFolder(home.blobs_path), author)
        return {
            "talk": talk_of(store, seed),
            "photos": photos.files,
            "records": [
                b64encode(raw).decode()
                for _, raw in store.iter_records()
                if parse(raw).header.author == author
            ],
            "markets": store.joined(),
            "blocked": sorted(one.hex() for one in store.blocked()),
            "contacts": [
                {"author": one.author.hex(), "since_ms": one.since_ms, "note": one.note}
                for one in store.kept()
            ],
            "imports": [
                {
                    "number": one.number,
                    "name": one.name,
                    "market": one.market,
                    "refs": sorted(ref.hex() for ref in one.refs),
                }
                for one in import_source.load(store)
            ],
        }, photos.left_out


def _opened(data: bytes, passphrase: str) -> _Told:
    try:
        secret = open_secret(data, passphrase)
    except WrongPassphrase:
        raise DeskError("passphrase", tell("the passphrase does not open this backup")) from None
    except ValueError as error:
        raise bad_value(tell("this is no backup file: {error}", error=error)) from None
    try:
        unpacker = zlib.decompressobj()
        told = json.loads(unpacker.decompress(secret, limits.BACKUP_BYTES_MAX))
        if unpacker.unconsumed_tail or told.get(_MARK) != VERSION:
            raise bad_value(tell("this backup is of a version that this program does not know"))
        made_ms = int(told["made_ms"])
        seed = b64decode(told["seed"], validate=True)
        records = [open_record(b64decode(text, validate=True)) for text in told["records"]]
        blocked = [bytes.fromhex(text) for text in told["blocked"]]
        contacts = [
            Contact(
                bytes.fromhex(entry["author"]),
                int(entry["since_ms"]),
                str(entry["note"]).encode().decode(),  # a lone surrogate is no text
            )
            for entry in told.get("contacts", ())
        ]
        markets = [str(name) for name in told["markets"]]
        imports = [
            import_source.ImportSource(
                int(entry["number"]),
                str(entry["name"]),
                str(entry["market"]),
                frozenset(bytes.fromhex(ref) for ref in entry["refs"]),
            )
            for entry in told["imports"]
        ]
        talk = read_talk(told["talk"]) if "talk" in told else KeptTalk()
        photos = read_photos(told.get("photos", []))
        # Read, not only taken: what is written to the home's file is read before anything is done.
        config = {
            name: KEYS[name].read(value) for name, value in told["config"].items() if name in KEYS
        }
    except (
        ValueError,
        OverflowError,  # a number that is infinite
        RecursionError,  # arrays within arrays within …
        KeyError,
        TypeError,
        AttributeError,
        zlib.error,
    ) as error:
        raise bad_value(tell("this is no backup file: {error}", error=error)) from None
    except RemoteProtocolError as error:
        raise bad_value(tell("a record in this backup is damaged: {error}", error=error)) from None
    fits = (
        len(seed) == SEED_BYTES
        and 0 <= made_ms <= _TIME_MS_MAX
        and all(len(one) == PUBLIC_BYTES for one in blocked)
        and all(len(one.author) == PUBLIC_BYTES for one in contacts)
        and all(0 <= one.since_ms <= limits.INTEGER_MAX for one in contacts)
        and all(len(one.note) <= limits.CONTACT_NOTE_CHARS_MAX for one in contacts)
        and all(is_market(name) for name in markets)
        and all(len(ref) == limits.REF_BYTES for one in imports for ref in one.refs)
    )
    if not fits:
        raise bad_value(tell("this is no backup file"))
    return _Told(made_ms, seed, records, config, markets, blocked, contacts, imports, talk, photos)


def _fill(store: Store, told: _Told, own: bytes, now_ms: int) -> int:
    """Brings the store what is missing; how many of the records it has now."""
    with store.write(durable=True):
        for market in sorted(set(told.markets) - set(store.joined())):
            store.join(market)
        # Who kept or blocked this very author before the home was theirs does no more.
        for author in set(told.blocked) - {own}:
            store.block(author)
        # What was decided here since is not undone.
        passed_over = {one.author for one in store.kept()} | store.blocked() | {own}
        for contact in told.contacts:
            if contact.author not in passed_over:
                store.keep(*contact)
        known = {one.number for one in import_source.load(store)}
        for source in told.imports:
            if source.number not in known:
                import_source.remember(store, source)
    joined = set(store.joined())
    kept = _admit(store, [one for one in told.records if one.header.market in joined], now_ms)
    left = {one.header.market for one in told.records} - joined
    for market in sorted(left):
        # What was published in a market that was left since: kept, and offered to nobody.
        with store.write(durable=True):
            store.join(market)
        kept += _admit(store, [one for one in told.records if one.header.market == market], now_ms)
        with store.write(durable=True):
            store.leave(market)
    return kept


def _admit(store: Store, records: Sequence[Verified], now_ms: int) -> int:
    kept = 0
    for begin in range(0, len(records), limits.IMPORT_BATCH_ROWS_MAX):
        with store.write(durable=True):
            outcomes = store.admit(records[begin : begin + limits.IMPORT_BATCH_ROWS_MAX], now_ms)
        kept += sum(one.is_kept or one is Admission.STALE for one in outcomes)
    return kept
