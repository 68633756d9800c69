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
from ..protocol.told import tell, told_by
from .program import named
from .screen import OutputLost, json_line
from .tongue import in_tongue
from .usage_text import usage_text

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
        sys.stdout.flush()
        if is_json:
            message, hint = _clipped(safe_line(self.message)), self.hint and safe_line(self.hint)
            error = {"code": self.code, "message": name(message), "hint": hint and name(hint)}
            print(json_line({"error": error}), file=sys.stderr)
            return
        print(f"jangteo: {name(_clipped(safe_line(in_tongue(self.message))))}", file=sys.stderr)
        if self.hint:
            print(f"  {name(safe_line(in_tongue(self.hint)))}", file=sys.stderr)


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
        if is_done:
            message = tell("done, but standard output cannot be written: {error}", error=error)
        else:
            message = tell("standard output cannot be written: {error}", error=error)
        return Report("output", message, None, EXIT_FAILED)

    if isinstance(error, DeskError):
        return Report(error.code, error.message, error.hint, error.exit_code)
    if isinstance(error, LocalProtocolError):
        return Report("bad-value", told_by(error), None, EXIT_USAGE)
    if isinstance(error, click.UsageError):
        return _of_usage(error)
    if isinstance(error, click.ClickException):
        return Report("failed", error.format_message(), None, EXIT_FAILED)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return Report("failed", f"{error.strerror}{where}", None, EXIT_FAILED)
    return _of_our_own(error, home)


def _of_usage(error: click.UsageError) -> Report:
    message = usage_text(error)
    path = error.ctx.command_path if error.ctx else "jangteo"
    hint = tell("`{path} --help` shows how", path=path)
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        hint = tell("put -- before words that begin with a dash; {hint}", hint=hint)
    return Report("usage", message, hint, EXIT_USAGE)


def _of_our_own(error: Exception, home: Path | None) -> Report:
    """A fault of ours: the details go to a file that its message names."""
    import traceback

    details = "".join(traceback.format_exception(error))
    if os.environ.get("JANGTEO_DEBUG"):
        print(details, file=sys.stderr, end="")
    path = _write_details(details, home)
    if path:
        where = tell("details in {path}", path=path)
    else:
        where = tell("JANGTEO_DEBUG=1 shows the details")
    return Report(
        "internal",
        tell(
            "something unexpected went wrong ({name}); {where}",
            name=type(error).__name__,
            where=where,
        ),
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
