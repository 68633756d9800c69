"""An error as its person sees it: one line, a hint, an exit code; JSON when asked; never a
traceback.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ..node.desk_error import EXIT_FAILED, EXIT_USAGE, DeskError
from ..node.safe_text import safe_line
from .program import named
from .screen import OutputLost, json_line

_LOG_BYTES_MAX: Final = 1_000_000
_MESSAGE_CHARS_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class Report:
    """What is printed of an error."""

    code: str
    message: str
    hint: str | None
    exit_code: int

    def print(self, is_json: bool, name: Callable[[str], str] = named) -> None:
        """`name` puts the commands in it as they must be typed."""
        message, hint = _clipped(safe_line(self.message)), self.hint and safe_line(self.hint)
        sys.stdout.flush()
        if is_json:
            error = {"code": self.code, "message": name(message), "hint": hint and name(hint)}
            print(json_line({"error": error}), file=sys.stderr)
            return
        print(f"jangteo: {name(message)}", file=sys.stderr)
        if hint:
            print(f"  {name(hint)}", file=sys.stderr)


def _clipped(message: str) -> str:
    """One line stays one line, whatever was typed: what is allowed stands at its end."""
    if len(message) <= _MESSAGE_CHARS_MAX:
        return message
    return f"{message[: _MESSAGE_CHARS_MAX // 3]} … {message[-_MESSAGE_CHARS_MAX // 2 :]}"


def report_of(error: Exception, home: Path | None, *, is_done: bool = False) -> Report:
    """What to tell of any exception that ended a command. `is_done`: what was asked for was done
    before it, and is not to be asked for again."""
    from ..protocol.errors import LocalProtocolError

    if isinstance(error, OutputLost):
        done = "done, but " if is_done else ""
        return Report(
            "output", f"{done}standard output cannot be written: {error}", None, EXIT_FAILED
        )

    if isinstance(error, DeskError):
        return Report(error.code, error.message, error.hint, error.exit_code)
    if isinstance(error, LocalProtocolError):
        return Report("bad-value", str(error), None, EXIT_USAGE)
    if isinstance(error, click.UsageError):
        return _of_usage(error)
    if isinstance(error, click.ClickException):
        return Report("failed", error.format_message(), None, EXIT_FAILED)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return Report("failed", f"{error.strerror}{where}", None, EXIT_FAILED)
    return _of_our_own(error, home)


def _of_usage(error: click.UsageError) -> Report:
    message = error.format_message().rstrip(".")
    path = error.ctx.command_path if error.ctx else "jangteo"
    hint = f"`{path} --help` shows how"
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        hint = f"put -- before words that begin with a dash; {hint}"
    return Report("usage", message[:1].lower() + message[1:], hint, EXIT_USAGE)


def _of_our_own(error: Exception, home: Path | None) -> Report:
    """A fault of ours: the details go to a file that its message names."""
    import traceback

    details = "".join(traceback.format_exception(error))
    if os.environ.get("JANGTEO_DEBUG"):
        print(details, file=sys.stderr, end="")
    path = _write_details(details, home)
    where = f"details in {path}" if path else "JANGTEO_DEBUG=1 shows the details"
    return Report(
        "internal",
        f"something unexpected went wrong ({type(error).__name__}); {where}",
        None,
        EXIT_FAILED,
    )


def _write_details(details: str, home: Path | None) -> Path | None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    text = f"--- {stamp} jangteo (Python {sys.version.split()[0]})\n{details}\n"
    try:
        if home is not None and home.is_dir():
            path = home / "errors.log"
            if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
                path.unlink()
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        else:
            import tempfile

            descriptor, name = tempfile.mkstemp(prefix="jangteo-error-", suffix=".log")
            path = Path(name)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        return None
    return path
