"""The body of a profile (SPEC.md R8.4): what a person calls themselves. One thread per author."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError

THREAD: Final = bytes(limits.THREAD_BYTES)
"""Every author's one profile has this thread, in the market `commons`."""


@dataclass(frozen=True, slots=True)
class Profile:
    name: str = ""
    about: str = ""

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name}
        if self.about:
            body["about"] = self.about
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """RemoteProtocolError R8.4 if it is no profile."""
        name, about = body.get("name"), body.get("about", "")
        if type(name) is not str or len(name) > limits.NAME_CHARS_MAX:
            raise RemoteProtocolError("R8.4", "name is not text within its bound")
        if type(about) is not str or len(about) > limits.ABOUT_CHARS_MAX:
            raise RemoteProtocolError("R8.4", "about is not text within its bound")
        return cls(name, about)

    def authored(self) -> "Profile":
        """In NFC and trimmed; LocalProtocolError says what is allowed."""
        name = " ".join(unicodedata.normalize("NFC", self.name).split())
        about = unicodedata.normalize("NFC", self.about).strip()
        for field, text, chars_max in (
            ("name", name, limits.NAME_CHARS_MAX),
            ("about", about, limits.ABOUT_CHARS_MAX),
        ):
            if len(text) > chars_max:
                raise LocalProtocolError(
                    f"{field} has {len(text):,} characters: at most {chars_max:,}", field
                )
        return Profile(name, about)
