"""What becomes of every row: accepted, accepted with warnings, rejected, or out of scope. The counts add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["accepted", "warned", "rejected", "out_of_scope"]
CODES: Mapping[str, str] = {
    "ragged": "a line has too few or too many cells",
    "bad_quotes": "a quote is not closed, or not doubled inside a quoted cell",
    "too_long": "a cell is too long to be read",
    "bad_json": "a line is no JSON object",
    "missing": "a value that the row cannot do without is blank",
    "bad_value": "a value is not of the form that its field takes",
    "unknown_code": "a value is not in the code list of its field, or in its mapping",
    "no_type": "the record has no type",
    "no_time": "the record has no time at all",
    "contradiction": "two times of the record contradict each other",
    "refused": "the model of the record refuses it",
    "no_record": "a row of actions, suspects or markers belongs to no record that was read",
    "many_match": "more than one row of another table could be joined",
    "sources_differ": "two sources of one field differ",
    "rows_disagree": "two rows of one record disagree",
    "repeated_row": "a row repeats another",
    "age_disagrees": "the stated age is not the age by the date of birth",
    "born_on_the_day": "the date of birth is the day of the incident",
    "born_after": "the date of birth is after the incident",
    "episodes_overlap": "two missing episodes of one child overlap",
    "probable_duplicate": "two systems probably tell of one event",
    "unknown_column": "a column, or a key, is not read",
    "no_column": "a file has no column for a field of its mapping",
}
"""Code of a reject or a warning -> what it says, in a few words."""
FILE = 0
"""The row number of what concerns a whole file."""
_ECHOED = 40


class RowPlace(NamedTuple):
    """Where a row stands: its file, and its number there. Row 1 is the first after the header; 0 is the file."""

    source_file: str
    source_row: int

    def __str__(self) -> str:
        return f"row {self.source_row:,} of {self.source_file}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no record, or part of none: where it stands, which column is wrong, and what was expected.

    `child_id` is there where it can be read: such a row may or may not count in windows by that child.
    """

    source_file: str
    source_row: int
    child_id: str | None
    column: str
    code: str
    expected: str
    message: str


@dataclass(frozen=True, slots=True)
class RowWarning:
    """A value that was read as absent, or is doubtful. `source_row` 0 is about the whole file.

    `message` names the column and what was expected; it never holds a personal value.
    """

    incident_id: str | None
    child_id: str | None
    source_file: str
    source_row: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were read, and what became of them: `read` is the sum of the others."""

    read: int
    accepted: int
    warned: int
    rejected: int
    out_of_scope: int

    def __post_init__(self) -> None:
        if self.read != self.accepted + self.warned + self.rejected + self.out_of_scope:
            message = f"{self.read} rows were read, but not every one is accounted for: {self}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong with one value: the field, the column and row that it stands in, and what was expected there.

    The value becomes absent, unless the defect `keeps` it; a `fatal` one makes its row useless.
    """

    row: RowPlace
    field: str
    column: str
    code: str
    expected: str
    message: str
    fatal: bool = False
    keeps: bool = False


class Account:
    """The book of rows of one reading. A row that is only seen must be settled before the counts are asked for."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._outcomes: dict[RowPlace, Outcome | None] = {}
        self._rejects: dict[RowPlace, Reject] = {}
        self._warnings: dict[RowWarning, None] = {}

    def see_file(self, name: str) -> None:
        """Take note of a file: rejects and warnings come in the order of files."""
        self._files.setdefault(name, len(self._files))

    def see(self, row: RowPlace) -> None:
        """Take note that there is such a row."""
        self.see_file(row.source_file)
        self._outcomes[row] = None

    def accept(self, row: RowPlace) -> None:
        """Settle the row as accepted, unless it has been rejected; its warnings are counted when all is done."""
        self._outcomes[row] = self._outcomes[row] or "accepted"

    def leave_out(self, row: RowPlace) -> None:
        """Settle the row as out of scope."""
        self._outcomes[row] = "out_of_scope"

    def reject(self, defect: Defect, *, child_id: str | None) -> None:
        """Settle the row of the defect as rejected; the first reason stands."""
        self._outcomes[defect.row] = "rejected"
        found = (defect.column, defect.code, defect.expected, defect.message)
        self._rejects.setdefault(defect.row, Reject(*defect.row, child_id, *found))

    def warn(self, defect: Defect, *, incident_id: str | None = None, child_id: str | None = None) -> None:
        """Add a warning about the row, or about the file, of the defect; the same one twice is one."""
        self.see_file(defect.row.source_file)
        found = RowWarning(incident_id, child_id, *defect.row, defect.field, defect.code, defect.message)
        self._warnings.setdefault(found)

    def warned_rows(self) -> frozenset[RowPlace]:
        """Return the rows that have a warning."""
        return frozenset(RowPlace(w.source_file, w.source_row) for w in self._warnings)

    def counts(self) -> Counts:
        """Return the counts. ValueError where a row was never settled."""
        warned = self.warned_rows()
        tally = {"accepted": 0, "warned": 0, "rejected": 0, "out_of_scope": 0}
        for row, outcome in self._outcomes.items():
            became = "warned" if outcome == "accepted" and row in warned else outcome
            tally |= {} if became is None else {became: tally[became] + 1}
        return Counts(read=len(self._outcomes), **tally)

    def rejects(self) -> tuple[Reject, ...]:
        """Return the rejected rows in the order of files and rows."""
        return tuple(sorted(self._rejects.values(), key=lambda r: (self._files[r.source_file], r.source_row)))

    def warnings(self) -> tuple[RowWarning, ...]:
        """Return the warnings in the order of files, rows and fields."""
        return tuple(
            sorted(
                self._warnings,
                key=lambda w: (self._files[w.source_file], w.source_row, w.field, w.code, w.message),
            )
        )


def echo(value: object) -> str:
    """Return a value as a message may show it: at most 40 characters, in quotes, on one line, all printable."""
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case bool():
            return "true" if value else "false"
        case _:
            return f'"{short(str(value))}"'


def short(text: str) -> str:
    """Return at most 40 characters of a text, on one line, all printable."""
    line = " ".join(text[: _ECHOED * 4].split())
    shown = line if len(line) <= _ECHOED else f"{line[: _ECHOED - 1]}…"
    return "".join(c if c.isprintable() else "?" for c in shown)
