"""Lines on a terminal: wrapped and coloured where there is one, plain and whole in a pipe. Colour never stands alone.

A reader who has gone away (`riskflags ... | head`) is no error: what is left to say is dropped, and the run goes on.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import ConsoleRenderable

Part = str | tuple[str, str]
"""Text, or text with a style of rich: ("CRITICAL", "bold red")."""
NARROWEST = 20
"""Characters that a line may always take: a terminal that is narrower wraps by itself."""
_WIDEST = 1_000
"""Characters of a line in a pipe: nobody wraps it there."""
SEVERITY_STYLES = {"critical": "bold red", "high": "bold yellow", "medium": "bold", "low": ""}


class Screen:
    """Where a command prints. `lines` gives each line an indent that holds when it wraps."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._is_terminal = self._stream.isatty()

    def line(self, *parts: Part, indent: int = 0) -> None:
        """Print one line."""
        self._write(self._wrapped(parts, indent) if self._is_terminal else f"{' ' * indent}{_plain(parts)}\n")

    def heading(self, text: str) -> None:
        """Print a heading, after an empty line."""
        self.line()
        self.line((text, "bold"))

    def text(self, text: str) -> None:
        """Print text as it is: explanations and problems have a layout of their own."""
        self._write(f"{text}\n")

    def drawing(self, drawing: ConsoleRenderable) -> None:
        """Print what rich draws: coloured and as wide as the terminal, plain and as wide as it must be in a pipe."""
        from rich.console import Console  # noqa: PLC0415 - not quick to import

        buffer = io.StringIO()
        width = None if self._is_terminal else _WIDEST
        console = Console(file=buffer, force_terminal=self._is_terminal, width=width, highlight=False, emoji=False)
        console.print(drawing)
        self._write("".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines()))

    def _wrapped(self, parts: tuple[Part, ...], indent: int) -> str:
        from rich.console import Console  # noqa: PLC0415 - not needed in a pipe, and not quick to import
        from rich.text import Text  # noqa: PLC0415

        buffer = io.StringIO()
        console = Console(file=buffer, force_terminal=True, highlight=False, emoji=False)
        for line in Text.assemble(*parts).wrap(console, max(console.width - indent, NARROWEST)) or [Text()]:
            line.rstrip()
            console.print(Text(" " * indent).append_text(line), soft_wrap=True)
        return buffer.getvalue()

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except BrokenPipeError:
            _reader_gone(self._stream)


def flush(stream: TextIO) -> None:
    """Hand over what was printed."""
    try:
        stream.flush()
    except BrokenPipeError:
        _reader_gone(stream)


def _reader_gone(stream: TextIO) -> None:
    """Send what is left to nowhere, so that neither we nor the interpreter at its end fail on it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _plain(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else part[0] for part in parts)


class Progress(Protocol):
    """What a command tells about how far it is."""

    def step(self, done: float, total: float | None = None) -> None:
        """Say that so many are done, of so many where that is known only now."""
        ...


class _Silent:
    def step(self, done: float, total: float | None = None) -> None:
        """Say nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class _Bar:
    def __init__(self, what: str, total: float | None, unit: str) -> None:
        from rich import progress as rich  # noqa: PLC0415 - not needed in a pipe, and not quick to import
        from rich.console import Console  # noqa: PLC0415

        columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.TextColumn("{task.fields[told]}"))
        times = (rich.TimeElapsedColumn(), rich.TextColumn("{task.fields[left]}"), rich.TimeRemainingColumn())
        self._progress = rich.Progress(*columns, *times, console=Console(stderr=True), transient=True)
        self._unit = unit
        self._task = self._progress.add_task(what, total=total, told="", left="")

    def step(self, done: float, total: float | None = None) -> None:
        """Move the bar."""
        total = self._progress.tasks[0].total if total is None else total
        told = f"{int(done):,} of {int(total):,} {self._unit}" if total and self._unit else ""
        self._progress.update(self._task, completed=done, total=total, told=told, left="left:" if total else "")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def progress(what: str, *, total: float | None = None, unit: str = "") -> AbstractContextManager[Progress]:
    """Return a bar on standard error while something takes its time; nothing at all where that is not a terminal.

    With a total it counts in units, and says how long it will take.
    """
    return _Bar(what, total, unit) if sys.stderr.isatty() else _Silent()
