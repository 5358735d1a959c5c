"""The course of a run: how far it has come, on a terminal; and how it stops: at once, whole, and in plain words.

DuckDB does not see Ctrl-C in the middle of a statement that makes a table or a file (2.0.1: it goes on to the end of
the statement). So while a run goes on, a thread of its own hears the signal and interrupts every database that is open.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from riskflags.cli.exits import Exit, Stopped
from riskflags.report.terminal import progress
from riskflags.watching import watching

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from riskflags.report.terminal import Progress
    from riskflags.watching import Opened

_ENDS = {signal.SIGINT: Exit.stopped, signal.SIGTERM: Exit.ended}
_AGAIN = 0.05
"""Seconds between two interrupts: one that comes between two statements does nothing to the second."""


class Course:
    """The stages of a run, and what to say of it where it is stopped.

    `out` is the folder of its tables, `more` are other files, in the order in which they are written after them.
    """

    def __init__(self, out: Path | None, more: Sequence[Path] = ()) -> None:
        self._out = out
        self._waits = [*([out] if out is not None else []), *more]
        self._stage = ""
        self._told: list[str] = []
        self._at = ""
        self.pressed: list[int] = []

    def go_on(self) -> None:
        """Stop here if a signal came and was lost: a library that calls us back may swallow what it raised."""
        if self.pressed:
            raise KeyboardInterrupt

    @contextmanager
    def stage(self, name: str, *, total: int | None = None, unit: str = "") -> Generator[Progress]:
        """Show how far a stage has come, with an estimate where its end is known; `name` is such as "Reading"."""
        self.go_on()
        self._stage, self._at = name.lower(), ""
        with progress(name, total=total, unit=unit) as bar:
            yield _Stage(self, bar, total, unit)

    def tell(self, what: str) -> None:
        """Note what has been done, such as "1,000 rows read"."""
        self._told.append(what)
        self._at = ""

    def at(self, words: str) -> None:
        """Note how far the stage has come."""
        self._at = words

    def placed(self, path: Path | None = None) -> None:
        """Note that a file has its name, or the tables have theirs."""
        name = self._out if path is None else path
        self._waits = [one for one in self._waits if one != name]

    def words(self) -> str:
        """Return what to say where the run is stopped here."""
        done = ", ".join([*self._told, *([self._at] if self._at else [])])
        found = [done] if done else []
        if self._out is not None and self._out not in self._waits:
            found.append(f"all tables are in {self._out}")
        if self._waits:
            found.append(f"nothing was written to {' or '.join(map(str, self._waits))}")
        where = f" while {self._stage}" if self._stage else ""
        return f"Stopped{where}{': ' if found else ''}{'; '.join(found)}."


class _Stage:
    """A bar that notes where it stands."""

    def __init__(self, course: Course, bar: Progress, total: int | None, unit: str) -> None:
        self._course = course
        self._bar = bar
        self._total = total
        self._unit = unit

    def step(self, done: float, total: float | None = None) -> None:
        """Say that so many are done, of so many where that is known only now."""
        self._course.go_on()
        self._bar.step(done, total)
        if self._total is not None:
            self._course.at(f"{int(done):,} of {self._total:,} {self._unit}")


@contextmanager
def stoppable(course: Course) -> Generator[None]:
    """Let Ctrl-C, or the signal to end, stop what goes on at once: Stopped then says what was done and what was not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = course.pressed

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, press) for one in _ENDS}
    try:
        with watching() as opened, _heard(opened):
            yield
    except BaseException as error:
        if not pressed and not isinstance(error, KeyboardInterrupt):
            raise
        number = pressed[0] if pressed else signal.SIGINT
        raise Stopped(course.words(), _ENDS[signal.Signals(number)]) from error
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _heard(opened: Opened) -> Generator[None]:
    """From the first signal on, interrupt every database that is open, until what goes on has ended."""
    ended = threading.Event()
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def listen() -> None:
        while (numbers := os.read(heard, 1)) and not ended.is_set():
            if numbers[0] in set(_ENDS):
                while not ended.wait(_AGAIN):
                    opened.interrupt()

    listener = threading.Thread(target=listen, name="riskflags stops", daemon=True)
    before = signal.set_wakeup_fd(told)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(told)
        listener.join()
        os.close(heard)
