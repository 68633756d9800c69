"""What a person is told when a command cannot be done: one line that says what is allowed.

Knows the exit codes of the command line and the JSON form; nothing of what went wrong inside.
"""

from typing import Any, Final, Self

from ..protocol.told import tell

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNKNOWN_ID: Final = 3
EXIT_NEEDS_NODE: Final = 4


class DeskError(Exception):
    """`code` is for programs ("bad-value"), `message` one line for people, `hint` what to do.
    Both are `Told` where they can be said in other languages."""

    def __init__(
        self, code: str, message: str, hint: str | None = None, exit_code: int = EXIT_FAILED
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def to_json(self) -> dict[str, Any]:
        """{"code", "message", "hint"}, as `--json` shows it on stderr."""
        return {"code": self.code, "message": self.message, "hint": self.hint}

    @classmethod
    def from_json(cls, error: Any) -> Self:
        """From what the control API answered ({"code", "message", "hint", "exit"})."""
        if not isinstance(error, dict):
            return cls(
                "failed", tell("the node answered with something that is no error of its own")
            )
        message, hint, exit_code = error.get("message"), error.get("hint"), error.get("exit")
        return cls(
            str(error.get("code", "failed")),
            message if isinstance(message, str) else tell("the node could not do it"),
            hint if isinstance(hint, str) else None,
            exit_code if type(exit_code) is int else EXIT_FAILED,
        )


def usage(message: str, hint: str | None = None) -> DeskError:
    """The verb or its arguments are not what it takes (exit 2)."""
    return DeskError("usage", message, hint, EXIT_USAGE)


def bad_value(message: str, hint: str | None = None) -> DeskError:
    """A value that cannot be (exit 2); the message says what can."""
    return DeskError("bad-value", message, hint, EXIT_USAGE)


def needs_node(verb: str) -> DeskError:
    return DeskError(
        "needs-node",
        tell("`{verb}` asks a running node, and none runs on this home", verb=verb),
        tell("start one with `jangteo up`"),
        EXIT_NEEDS_NODE,
    )
