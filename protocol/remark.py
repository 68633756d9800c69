"""The body of a question about a listing or of an answer to one (SPEC.md R8.10, R8.11)."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .listing import WHITE_SPACE
from .told import tell

NO_QUESTION: Final = b""


@dataclass(frozen=True, slots=True)
class Remark:
    """`listing` is the public id (32 bytes) of what it is about. An answer names its `question` by
    that one's public id; a question has none."""

    listing: bytes
    text: str
    question: bytes = NO_QUESTION

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"listing": self.listing, "text": self.text}
        if self.question:
            body["question"] = self.question
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any], *, is_answer: bool) -> Self:
        """RemoteProtocolError R8.10 if it is no question, R8.11 if it is no answer."""
        rule = "R8.11" if is_answer else "R8.10"
        listing, text = body.get("listing"), body.get("text")
        question = body.get("question") if is_answer else NO_QUESTION
        if type(listing) is not bytes or len(listing) != limits.ID_BYTES:
            raise RemoteProtocolError(rule, f"listing is not {limits.ID_BYTES} bytes")
        if type(question) is not bytes or (is_answer and len(question) != limits.ID_BYTES):
            raise RemoteProtocolError(rule, f"question is not {limits.ID_BYTES} bytes")
        if type(text) is not str or len(text) > limits.REMARK_CHARS_MAX:
            raise RemoteProtocolError(rule, "text is not text within its bound")
        if not text.strip(WHITE_SPACE):
            raise RemoteProtocolError(rule, "text is blank")
        return cls(listing, text, question)

    def authored(self) -> "Remark":
        """In NFC and trimmed; LocalProtocolError says what is allowed."""
        what = "an answer" if self.question else "a question"
        text = unicodedata.normalize("NFC", self.text).strip()
        if not text.strip(WHITE_SPACE):
            raise LocalProtocolError(tell("{what} needs some words", what=what), "text")
        if len(text) > limits.REMARK_CHARS_MAX:
            raise LocalProtocolError(
                tell(
                    "{what} has at most {remark_chars_max:,} characters, not {count:,}",
                    what=what,
                    remark_chars_max=limits.REMARK_CHARS_MAX,
                    count=len(text),
                ),
                "text",
            )
        return Remark(self.listing, text, self.question)
