"""A line for people that can still be said in another language: English text that keeps the pattern
and the values it was made from. Knows no other language.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

Value = str | int

VALUES_MAX: Final = 16
_DEPTH_MAX: Final = 4


class Told(str):
    """As a str it is the English text: whoever does not translate needs to know nothing of it."""

    __slots__ = ("many", "msgid", "number", "values")

    msgid: str
    many: str | None
    """The pattern for other numbers than 1, where the text depends on `number`."""
    number: int
    values: Mapping[str, Value]

    def __new__(
        cls, msgid: str, values: Mapping[str, Value], many: str | None = None, number: int = 1
    ) -> Self:
        pattern = msgid if many is None or number == 1 else many
        made = super().__new__(cls, pattern.format_map(values) if values else pattern)
        made.msgid, made.values, made.many, made.number = msgid, values, many, number
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.msgid, self.values, self.many, self.number)

    def to_json(self) -> dict[str, Any]:
        """{"msgid", "values"}, with {"many", "number"} where there is a plural."""
        values = {
            name: value.to_json() if isinstance(value, Told) else value
            for name, value in self.values.items()
        }
        told: dict[str, Any] = {"msgid": self.msgid, "values": values}
        return told if self.many is None else {**told, "many": self.many, "number": self.number}

    @classmethod
    def from_json(cls, told: Any, depth: int = _DEPTH_MAX) -> Self | None:
        """None for what is no such object, or does not fit together."""
        match told:
            case {"msgid": str(msgid), "values": dict(given)} if depth and len(given) <= VALUES_MAX:
                pass
            case _:
                return None
        values: dict[str, Value] = {}
        for name, value in given.items():
            inner = cls.from_json(value, depth - 1) if isinstance(value, dict) else value
            if not isinstance(inner, str | int):
                return None
            values[name] = inner
        many, number = told.get("many"), told.get("number", 1)
        if not (many is None or isinstance(many, str)) or type(number) is not int:
            return None
        try:
            return cls(msgid, values, many, number)
        except (ValueError, LookupError, AttributeError):  # a pattern that is none
            return None


def tell(msgid: str, /, **values: object) -> Told:
    """`msgid` with its {names} filled in. What is neither text nor a whole number, such as a path
    or an error, is taken as its text."""
    return Told(msgid, _plain(values))


def tell_count(one: str, many: str, number: int, /, **values: object) -> Told:
    """The same where the words depend on a number, which they may name {n}."""
    return Told(one, _plain({"n": number, **values}), many, number)


def said_in(value: Any) -> list[Any]:
    """Where in a JSON value something is told: [[path, how], …], as `retold` takes it."""
    found: list[Any] = []

    def look(inner: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(inner, Told):
            found.append([list(path), inner.to_json()])
        elif isinstance(inner, dict):
            for name, each in inner.items():
                if not isinstance(each, int):
                    look(each, (*path, name))
        elif isinstance(inner, list | tuple):
            for index, each in enumerate(inner):
                look(each, (*path, index))

    look(value, ())
    return found


def retold(value: Any, said: Any) -> None:
    """Puts back into `value` what it lost as JSON. What is not there, or says other words than
    stand there, is left out."""
    for entry in said if isinstance(said, list) else ():
        match entry:
            case [[*path, last], how]:
                told, place = Told.from_json(how), _at(value, path)
            case _:
                continue
        if told is not None and _at(place, [last]) == told:
            place[last] = told


def _at(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and type(step) is int and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def told_by(error: Exception) -> str:
    """What an error says: as it was told, where it was."""
    match error.args:
        case (Told() as first, *_):
            return first
        case _:
            return str(error)


def _plain(values: Mapping[str, object]) -> dict[str, Value]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: object) -> Value:
    if isinstance(value, Exception):
        return told_by(value)
    return value if isinstance(value, str | int) else str(value)
