"""The body of a profile (SPEC.md R8.4): what a person calls themselves. One thread per author."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .told import tell

THREAD: Final = bytes(limits.THREAD_BYTES)
"""Every author's one profile has this thread, in the market `commons`."""
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""As BCP 47 writes them, in short. Asked of authors only."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Empty where not said. `languages` are those that the person understands, such as "ko"."""

    name: str = ""
    about: str = ""
    place: str = ""
    languages: tuple[str, ...] = ()

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name}
        if self.about:
            body["about"] = self.about
        if self.place:
            body["place"] = self.place
        if self.languages:
            body["languages"] = list(self.languages)
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """RemoteProtocolError R8.4 if it is no profile."""
        languages = body.get("languages", [])
        if type(languages) is not list or len(languages) > limits.LANGUAGES_MAX:
            raise RemoteProtocolError(
                "R8.4", f"languages are an array of at most {limits.LANGUAGES_MAX}"
            )
        return cls(
            _text(body.get("name"), "name", limits.NAME_CHARS_MAX),
            _text(body.get("about", ""), "about", limits.ABOUT_CHARS_MAX),
            _text(body.get("place", ""), "place", limits.PLACE_CHARS_MAX),
            tuple(_text(each, "language", limits.LANGUAGE_CHARS_MAX) for each in languages),
        )

    def authored(self) -> "Profile":
        """In NFC and trimmed; LocalProtocolError says what is allowed."""
        name = " ".join(unicodedata.normalize("NFC", self.name).split())
        about = unicodedata.normalize("NFC", self.about).strip()
        place = " ".join(unicodedata.normalize("NFC", self.place).split())
        for field, text, chars_max in (
            ("name", name, limits.NAME_CHARS_MAX),
            ("about", about, limits.ABOUT_CHARS_MAX),
            ("place", place, limits.PLACE_CHARS_MAX),
        ):
            if len(text) > chars_max:
                raise LocalProtocolError(
                    tell(
                        "{field} has {count:,} characters: at most {chars_max:,}",
                        field=field,
                        count=len(text),
                        chars_max=chars_max,
                    ),
                    field,
                )
        languages = tuple(dict.fromkeys(filter(None, (each.strip() for each in self.languages))))
        for each in languages:
            if not _LANGUAGE.fullmatch(each) or len(each) > limits.LANGUAGE_CHARS_MAX:
                raise LocalProtocolError(
                    tell(
                        "{each!r} is no language's code: use such as ko, ja or en-GB",
                        each=each[:40],
                    ),
                    "languages",
                )
        if len(languages) > limits.LANGUAGES_MAX:
            raise LocalProtocolError(
                tell(
                    "{count} languages: at most {languages_max}",
                    count=len(languages),
                    languages_max=limits.LANGUAGES_MAX,
                ),
                "languages",
            )
        return Profile(name, about, place, languages)


def _text(value: object, name: str, chars_max: int) -> str:
    if type(value) is not str or len(value) > chars_max:
        raise RemoteProtocolError("R8.4", f"{name} is not text within its bound")
    return value
