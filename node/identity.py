"""Who a home is: the author key (a person, 24 words) and the peer key (a node, replaceable).

Knows key files, words and passphrases; nothing of records. Key libraries load only where a key is
made or opened.
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..protocol.told import tell
from .desk_error import DeskError, bad_value
from .home import Home
from .private_file import FILE_MODE, check_private, read_private, write_private

if TYPE_CHECKING:
    from ..crypto.keys import AuthorKey

Entropy = Callable[[int], bytes]
"""count → that many fresh random bytes; os.urandom but in tests"""
AskPassphrase = Callable[[], str]
"""asks the person for the identity's passphrase"""

PASSPHRASE_VARIABLE: Final = "JANGTEO_PASSPHRASE_FILE"  # noqa: S105  (a name, no secret)
PASSPHRASE_CHARS_MAX: Final = 1024
_SEED_BYTES: Final = 32
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """A fresh one. The words never show in a repr, so that no log has them."""

    author: bytes
    words: str = field(repr=False)


def create(home: Home, *, passphrase: str | None = None, entropy: Entropy = os.urandom) -> Identity:
    """Makes both keys; DeskError if the home has an identity already. Call it under the lock."""
    from ..crypto.phrase import words_from_seed

    if home.has_lost_key:
        raise _lost_key(home)
    seed = entropy(_SEED_BYTES)
    author = adopt_seed(home, seed, passphrase=passphrase, entropy=entropy)
    return Identity(author, words_from_seed(seed))


def adopt_seed(
    home: Home, seed: bytes, *, passphrase: str | None = None, entropy: Entropy = os.urandom
) -> bytes:
    """Makes this home the identity of `seed`; its author. Under the lock. DeskError if it is
    someone else's already; where it is this very one, nothing changes."""
    from ..crypto.keys import AuthorKey

    if passphrase is not None:
        check_passphrase(passphrase)
    home.make()
    author = AuthorKey.from_seed(seed).public
    if home.has_identity:
        known = home.author()
        if known == author:
            return author
        raise exists_already(home)
    if home.has_lost_key and home.author() not in (None, author):
        raise _lost_key(home)
    _write_seed(home, seed, passphrase, entropy)
    return author


def ensure(home: Home, *, entropy: Entropy = os.urandom) -> tuple[bytes, bool]:
    """The author of this home, made now (without a passphrase) if there is none, and whether it
    was. The words are for `words` to show: what a service prints is a log. Under the lock."""
    if not home.has_identity:
        return create(home, entropy=entropy).author, True
    known = home.author()
    return (known if known is not None else load_author_key(home).public), False


def load_author_key(
    home: Home,
    ask_passphrase: AskPassphrase | None = None,
    environ: Mapping[str, str] = os.environ,
) -> "AuthorKey":
    """The key that signs; DeskError where there is none, or the passphrase is missing or wrong.

    The passphrase comes from the file that JANGTEO_PASSPHRASE_FILE names, else from
    `ask_passphrase`.
    """
    from ..crypto.keys import AuthorKey

    key = AuthorKey.from_seed(_open_seed(home, ask_passphrase, environ))
    if home.author() != key.public:
        _write_author(home, key.public)
    return key


def load_peer_seed(home: Home, *, entropy: Entropy = os.urandom) -> bytes:
    """The 32 bytes of the node's transport key; a new one where it is lost, since it names a
    node and not a person."""
    from ..crypto.keyfile import open_secret

    if not home.peer_key_path.exists():
        _write_secret(home.peer_key_path, entropy(_SEED_BYTES), None, entropy)
    try:
        return _whole_seed(open_secret(read_private(home.peer_key_path), None))
    except ValueError as error:
        raise DeskError(
            "peer-key",
            tell(
                "{peer_key_path} cannot be read: {error}",
                peer_key_path=home.peer_key_path,
                error=error,
            ),
            tell("delete it: the node makes a new one, and nothing of yours is lost"),
        ) from None


def words(
    home: Home,
    ask_passphrase: AskPassphrase | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """The 24 words. For the owner's eyes: never for a log."""
    from ..crypto.phrase import words_from_seed

    return words_from_seed(_open_seed(home, ask_passphrase, environ))


def is_sealed(home: Home) -> bool:
    """Whether the author key needs a passphrase."""
    from ..crypto import keyfile

    try:
        return home.has_identity and keyfile.is_sealed(read_private(home.author_key_path))
    except ValueError as error:
        raise _unreadable(home.author_key_path, error) from None


def set_passphrase(
    home: Home,
    passphrase: str | None,
    ask_passphrase: AskPassphrase | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    entropy: Entropy = os.urandom,
) -> None:
    """Seals the author key under `passphrase` (None: no longer). Under the lock."""
    if passphrase is not None:
        check_passphrase(passphrase)
    _write_seed(home, _open_seed(home, ask_passphrase, environ), passphrase, entropy)


def seed_from_typed_words(text: str) -> bytes:
    """The seed of 24 typed words; DeskError says which word is wrong."""
    from ..crypto.phrase import seed_from_words

    try:
        return seed_from_words(text)
    except ValueError as error:
        raise bad_value(tell("these are not the 24 words: {error}", error=error)) from None


def check_passphrase(passphrase: str) -> str:
    """`passphrase` if it can be one."""
    if not passphrase:
        raise bad_value(tell("an empty passphrase protects nothing: leave it out, or choose one"))
    if len(passphrase) > PASSPHRASE_CHARS_MAX:
        raise bad_value(
            tell(
                "a passphrase has at most {passphrase_chars_max} characters",
                passphrase_chars_max=PASSPHRASE_CHARS_MAX,
            )
        )
    return passphrase


def passphrase_from_file(environ: Mapping[str, str]) -> str | None:
    """The first line of the file that JANGTEO_PASSPHRASE_FILE names; None if it is not set.
    DeskError where it cannot be read, or others could."""
    told = environ.get(PASSPHRASE_VARIABLE)
    if not told:
        return None
    path = Path(told).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            _check_passphrase_file(path, os.fstat(file.fileno()))
            text = file.read(PASSPHRASE_CHARS_MAX + 2)
    except (OSError, UnicodeDecodeError) as error:
        raise DeskError(
            "passphrase",
            tell(
                "{passphrase_variable} names {path}, which cannot be read: {error}",
                passphrase_variable=PASSPHRASE_VARIABLE,
                path=path,
                error=error,
            ),
        ) from None
    return check_passphrase(text.split("\n", 1)[0].rstrip("\r"))


def _check_passphrase_file(path: Path, status: os.stat_result) -> None:
    """One's own is closed to others, as a key is. A pipe has no others, and another's file (what a
    service manager hands over) is that one's to close."""
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        check_private(path, status, FILE_MODE)


def open_seed(
    home: Home,
    ask_passphrase: AskPassphrase | None = None,
    environ: Mapping[str, str] = os.environ,
) -> bytes:
    """The 32 bytes behind the words, for a backup. DeskError as `load_author_key` raises it."""
    return _open_seed(home, ask_passphrase, environ)


def exists_already(home: Home) -> DeskError:
    """For one who would make a second identity in this home."""
    known = home.author()
    who = f" ({known.hex()[:12]}…)" if known else ""
    return DeskError(
        "identity-exists",
        tell("this home has an identity already{who}: {path}", who=who, path=home.path),
        tell("choose another folder with --home; an identity is never overwritten"),
    )


def none_yet(home: Home) -> DeskError:
    """For one who needs an identity where there is none, or none any more."""
    if home.has_lost_key:
        return _lost_key(home)
    return DeskError(
        "no-identity",
        tell("no identity in this home yet: {path}", path=home.path),
        tell("make one with `jangteo init`, or bring yours with `jangteo restore`"),
    )


def _open_seed(
    home: Home, ask_passphrase: AskPassphrase | None, environ: Mapping[str, str]
) -> bytes:
    from ..crypto.keyfile import WrongPassphrase, open_secret
    from ..crypto.keyfile import is_sealed as is_sealed_data

    home.check()
    try:
        data = read_private(home.author_key_path)
    except FileNotFoundError:
        raise none_yet(home) from None
    try:
        if not is_sealed_data(data):
            return _whole_seed(open_secret(data, None))
        passphrase = passphrase_from_file(environ)
        if passphrase is None:
            if ask_passphrase is None:
                raise DeskError(
                    "passphrase",
                    tell("the identity is sealed with a passphrase"),
                    tell(
                        "set {passphrase_variable} to a file that has it, or ask at a terminal",
                        passphrase_variable=PASSPHRASE_VARIABLE,
                    ),
                )
            passphrase = ask_passphrase()
        return _whole_seed(open_secret(data, passphrase))
    except WrongPassphrase:
        raise DeskError("passphrase", tell("the passphrase does not open this identity")) from None
    except ValueError as error:
        raise _unreadable(home.author_key_path, error) from None


def _whole_seed(secret: bytes) -> bytes:
    if len(secret) != _SEED_BYTES:
        raise ValueError(
            tell(
                "it holds {count} bytes, a key has {seed_bytes}",
                count=len(secret),
                seed_bytes=_SEED_BYTES,
            )
        )
    return secret


def _write_seed(home: Home, seed: bytes, passphrase: str | None, entropy: Entropy) -> None:
    from ..crypto.keys import AuthorKey

    # The public half first: with the key file in place, the identity is complete.
    _write_author(home, AuthorKey.from_seed(seed).public)
    if not home.peer_key_path.exists():
        _write_secret(home.peer_key_path, entropy(_SEED_BYTES), None, entropy)
    _write_secret(home.author_key_path, seed, passphrase, entropy)


def _write_author(home: Home, author: bytes) -> None:
    write_private(home.author_path, author.hex().encode() + b"\n")


def _write_secret(path: Path, secret: bytes, passphrase: str | None, entropy: Entropy) -> None:
    from ..crypto.keyfile import seal_secret

    write_private(
        path, seal_secret(secret, passphrase, entropy(_SALT_BYTES), entropy(_NONCE_BYTES))
    )


def _lost_key(home: Home) -> DeskError:
    known = home.author()
    who = f" ({known.hex()[:12]}…)" if known else ""
    return DeskError(
        "key-lost",
        tell(
            "the key of this home's identity{who} is missing: {author_key_path}",
            who=who,
            author_key_path=home.author_key_path,
        ),
        tell(
            "put it back, or bring it with `jangteo restore` (24 words or a backup "
            "file); to begin as somebody else, choose another folder with --home"
        ),
    )


def _unreadable(path: Path, error: ValueError) -> DeskError:
    return DeskError(
        "key-file",
        tell("{path} cannot be read: {error}", path=path, error=error),
        tell("bring it back with `jangteo restore` in another home"),
    )
