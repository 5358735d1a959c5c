"""Every way in which riskflags says no, and the one shape in which it says what is wrong.

RiskflagsError
├── PackError      the rules are wrong; carries every Problem at once
├── RecordError    data cannot be read at all (a file, never a single row: rows become rejects)
└── EngineError    an engine broke its contract
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class RiskflagsError(Exception):
    """The base of every exception that riskflags raises on purpose."""


class Place(NamedTuple):
    """Where something stands: a file, a line and a column, both counted from 1 (0: the whole file)."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"


NOWHERE = Place("")


@dataclass(frozen=True, slots=True, order=True)
class Fix:
    """A correction within one line: the text that stands at a place, and what to write in its stead."""

    place: Place
    old: str
    new: str

    def applied_to(self, line: str) -> str:
        """Return a line of the file with the correction made; unchanged where the old text does not stand in it."""
        start = self.place.column - 1
        if not line[start:].startswith(self.old):
            return line
        return f"{line[:start]}{self.new}{line[start + len(self.old) :]}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One defect of a pack: its code, its place, what is wrong and what to write instead.

    `fix` is there where one correction is clear.
    """

    place: Place
    code: str
    message: str
    hint: str = ""
    source_line: str = field(default="", compare=False)
    fix: Fix | None = field(default=None, compare=False)

    @property
    def is_warning(self) -> bool:
        """True where the pack still loads (codes that begin with RFW)."""
        return self.code.startswith("RFW")

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.code} {self.message}"]
        if self.source_line.strip() and self.place.column:
            lines.append(f"    {self.source_line}")
            lines.append("    " + " " * (self.place.column - 1) + "^")
        if self.hint:
            lines.extend(f"    {line}" for line in self.hint.splitlines())
        if self.fix is not None and self.source_line.strip():
            lines.append(f"    write: {self.fix.applied_to(self.source_line).strip()}")
        return "\n".join(lines)


class PackError(RiskflagsError):
    """The pack cannot be used. `problems` holds every defect, in stable order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class RecordError(RiskflagsError):
    """A source of records cannot be read at all. `place` says where, `hint` what to do."""

    def __init__(self, message: str, place: Place = NOWHERE, hint: str = "") -> None:
        super().__init__(message, place, hint)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place.path else ""
        return f"{where}{self.message}" + (f"\n    {self.hint}" if self.hint else "")


class EngineError(RiskflagsError):
    """An engine broke its contract: it could not be imported, or two engines disagree."""


AN_AWARE_DATETIME = (
    "as_of must be an aware datetime, such as datetime(2026, 3, 31, 9, tzinfo=ZoneInfo('Europe/London'))"
)
"""What a TypeError says where as_of is none."""
