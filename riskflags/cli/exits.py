"""Exit codes, and the words with which the command line says no. No error of a user ends in a traceback."""

from __future__ import annotations

import io
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import typer

from riskflags.errors import EngineError, PackError, RecordError
from riskflags.report import OutputError
from riskflags.report.terminal import flush

if TYPE_CHECKING:
    from collections.abc import Callable


class Exit(IntEnum):
    """The exit codes of the commands; MEANINGS says what each means."""

    done = 0
    found = 1
    bad_pack = 2
    bad_data = 3
    misuse = 4
    stopped = 130
    ended = 143


MEANINGS = {
    Exit.done: "Done.",
    Exit.found: "An example came out otherwise or is missing, or `--fail-on` found a flag or a gap.",
    Exit.bad_pack: "The pack has problems, or a file is not laid out as `fmt` would.",
    Exit.bad_data: "The input cannot be read, every row was rejected, or rows were rejected with `--strict`.",
    Exit.misuse: "The command was given something that it cannot use. Standard error says what to write instead.",
    Exit.stopped: "Stopped from the keyboard. No half-written file is left behind.",
    Exit.ended: "Ended by the system (SIGTERM). No half-written file is left behind.",
}
"""What each exit code means, for the reference."""


class Refused(Exception):  # noqa: N818 - a refusal with the exit code that goes with it
    """The command cannot do what was asked: `message` says why and what to do instead."""

    def __init__(self, message: str, code: Exit = Exit.misuse) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code


class Stopped(Exception):  # noqa: N818 - whoever sits at the keyboard wanted it
    """The command was stopped: `message` says what was done and what was not."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code


def exit_code(command: Callable[[], object]) -> int:
    """Return the exit code of a command, having said on standard error what went wrong, if anything did."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks stops no run
    try:
        found = command()
        code = found if isinstance(found, int) else Exit.done
        if code == Exit.stopped:
            sys.stderr.write("Stopped. No half-written file is left behind.\n")
    except SystemExit:  # typer, when the reader of its help has gone away
        code = Exit.done
    except Exception as error:
        said = _words(error)
        if said is None:
            raise
        code, words = said
        sys.stderr.write(f"{words}\n")
    flush(sys.stdout)
    return int(code)


def _words(error: Exception) -> tuple[Exit, str] | None:
    """Return the exit code and the words for an error of the user; None for an error of ours."""
    match error:
        case PackError():
            number = len(error.problems)
            return Exit.bad_pack, f"{error}\n{number} problem{'' if number == 1 else 's'}."
        case RecordError():
            return Exit.bad_data, f"riskflags: {error}"
        case EngineError() | OutputError():
            return Exit.misuse, f"riskflags: {error}"
        case Refused():
            return error.code, f"riskflags: {error.message}"
        case Stopped():
            return error.code, error.message
        case typer.Abort():
            return Exit.stopped, "Stopped."
        case OSError():
            return Exit.bad_data, f"riskflags: {error.filename or 'the system'}: {error.strerror or error}"
        case _ if (format_message := getattr(error, "format_message", None)) is not None:
            return Exit.misuse, _misuse(format_message(), getattr(error, "ctx", None))
        case _:
            return None


def _misuse(message: str, context: Any) -> str:
    """Return the words for a misuse that typer finds; not every version of it exports a name for that error."""
    command = context.command_path if context is not None else "riskflags"
    return f"riskflags: {message.replace('Value error, ', '')}\nTry: {command} --help"
