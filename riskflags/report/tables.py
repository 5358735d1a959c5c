"""The tables of a run, one for each file, with the columns and the order that other systems may rely on.

Cells are text, whole numbers, yes or no, lists of text, or nothing. Moments are ISO 8601 text with the offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, overload

from riskflags.report.findings import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from riskflags.assessment import CaseGrade, Flag, Requirement, Undecided
    from riskflags.intake import Reject, RowWarning
    from riskflags.report.findings import Findings, Origin, Origins, RecordKey

TABLES = ("flags", "requirements", "grades", "undecided", "not_assessed", "rejects", "warnings")
Cell = str | int | bool | tuple[str, ...] | None
CellKind = Literal["text", "code", "number", "yes_no", "texts"]
"""`code` is text that this library or the pack chose, never the data."""
BECAUSE_SHOWN = 100
"""Ids of evidence in a cell, at most; the true number stands beside them."""


Row = tuple[Cell, ...]
Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, its columns with their kinds, and its rows in order."""

    name: str
    columns: tuple[tuple[str, CellKind], ...]
    rows: Sequence[Row]


class MadeRows(Sequence[Row], Generic[Line]):
    """Rows that are made each time they are asked for: all those of a long run at once would take its memory again."""

    def __init__(self, lines: Sequence[Line], row: Callable[[Line], Row]) -> None:
        self._lines = lines
        self._row = row

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self._lines)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> MadeRows[Line]: ...

    def __getitem__(self, place: int | slice) -> Row | MadeRows[Line]:
        if isinstance(place, slice):
            return MadeRows(self._lines[place], self._row)
        return self._row(self._lines[place])


_RECORD: tuple[tuple[str, CellKind], ...] = (("incident_id", "text"), ("child_id", "text"), ("suspect_id", "text"))
_RULE: tuple[tuple[str, CellKind], ...] = (("rule_code", "code"), ("rule_id", "code"))
_SOURCE: tuple[tuple[str, CellKind], ...] = (("source_file", "text"), ("source_row", "number"))


def tables(
    findings: Findings,
    *,
    origins: Origins,
    rejects: Iterable[Reject],
    warnings: Iterable[RowWarning],
) -> tuple[Table, ...]:
    """Return every table of a run: flags, requirements, grades, undecided, not_assessed, rejects and warnings."""
    as_of = findings.as_of.isoformat()

    def source(found: Flag | Requirement) -> Origin:
        return origins.get((found.incident_id, found.child_id), NOWHERE)

    return (
        Table("flags", _FLAG_COLUMNS, MadeRows(findings.flags, lambda flag: (*_flag(flag), as_of, *source(flag)))),
        Table(
            "requirements",
            _REQUIREMENT_COLUMNS,
            MadeRows(findings.requirements, lambda found: (*_requirement(found), as_of, *source(found))),
        ),
        Table("grades", _GRADE_COLUMNS, MadeRows(findings.grades, lambda one: _grade(*one, as_of, origins))),
        Table("undecided", _UNDECIDED_COLUMNS, MadeRows(findings.undecided, lambda item: (*_undecided(item), as_of))),
        Table(
            "not_assessed",
            _NOT_ASSESSED_COLUMNS,
            tuple((i.source_file, i.rule_code, i.rule_id, i.fields, i.records) for i in findings.not_assessed),
        ),
        Table("rejects", _REJECT_COLUMNS, _rejects(rejects)),
        Table("warnings", _WARNING_COLUMNS, _warnings(findings, warnings, origins)),
    )


_FLAG_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    *_RECORD,
    *_RULE,
    ("rule_version", "number"),
    ("severity", "code"),
    ("could_be", "code"),
    ("severity_needs", "texts"),
    ("about", "code"),
    ("message", "text"),
    ("because", "texts"),
    ("because_count", "number"),
    ("as_of", "code"),
    *_SOURCE,
)


def _flag(flag: Flag) -> tuple[Cell, ...]:
    return (
        flag.incident_id,
        flag.child_id,
        flag.suspect_id,
        flag.rule_code,
        flag.rule_id,
        flag.rule_version,
        str(flag.severity),
        str(flag.could_be),
        flag.severity_needs,
        flag.about,
        flag.message,
        flag.because[:BECAUSE_SHOWN],
        len(flag.because),
    )


_REQUIREMENT_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    *_RECORD,
    ("action", "code"),
    ("action_code", "code"),
    ("label", "text"),
    ("owner", "code"),
    ("due_from", "code"),
    ("due_at", "code"),
    ("state", "code"),
    ("recorded_at", "code"),
    ("recorded_outcome", "code"),
    ("recorded_by", "code"),
    ("short_of", "texts"),
    ("needs", "texts"),
    ("is_gap", "yes_no"),
    ("severity", "code"),
    ("rules", "texts"),
    ("as_of", "code"),
    *_SOURCE,
)


def _requirement(found: Requirement) -> tuple[Cell, ...]:
    return (
        found.incident_id,
        found.child_id,
        found.suspect_id,
        found.action,
        found.action_code,
        found.label,
        found.owner,
        _moment(found.due_from),
        _moment(found.due_at),
        str(found.state),
        found.recorded_at,
        found.recorded_outcome,
        found.recorded_by,
        found.short_of,
        found.needs,
        found.is_gap,
        str(found.severity),
        found.rules,
    )


def _moment(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None


_GRADE_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    ("incident_id", "text"),
    ("child_id", "text"),
    ("grade", "code"),
    ("could_be", "code"),
    ("needs", "texts"),
    ("as_of", "code"),
    *_SOURCE,
)


def _grade(key: RecordKey, grade: CaseGrade, as_of: str, origins: Origins) -> tuple[Cell, ...]:
    return (*key, str(grade.grade), str(grade.could_be), grade.needs, as_of, *origins.get(key, NOWHERE))


_UNDECIDED_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    *_RECORD,
    *_RULE,
    ("severity", "code"),
    ("needs", "texts"),
    ("as_of", "code"),
)


def _undecided(item: Undecided) -> tuple[Cell, ...]:
    who = (item.incident_id, item.child_id, item.suspect_id)
    return (*who, item.rule_code, item.rule_id, str(item.severity), item.needs)


_NOT_ASSESSED_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    ("source_file", "text"),
    *_RULE,
    ("fields", "texts"),
    ("records", "number"),
)
_REJECT_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    *_SOURCE,
    ("child_id", "text"),
    ("column", "text"),
    ("code", "code"),
    ("expected", "text"),
    ("message", "text"),
)


def _rejects(rejects: Iterable[Reject]) -> tuple[tuple[Cell, ...], ...]:
    """Return the rejects as intake orders them: by file as given, then by row."""
    return tuple((r.source_file, r.source_row, r.child_id, r.column, r.code, r.expected, r.message) for r in rejects)


_WARNING_COLUMNS: tuple[tuple[str, CellKind], ...] = (
    ("incident_id", "text"),
    ("child_id", "text"),
    *_SOURCE,
    ("field", "text"),
    ("code", "code"),
    ("message", "text"),
)


def _warnings(findings: Findings, warnings: Iterable[RowWarning], origins: Origins) -> tuple[tuple[Cell, ...], ...]:
    rows: list[tuple[Cell, ...]] = [
        (w.incident_id, w.child_id, w.source_file, w.source_row, w.field, w.code, w.message) for w in warnings
    ]

    def add(key: RecordKey, field: str, code: str, message: str) -> None:
        rows.append((*key, *origins.get(key, NOWHERE), field, code, message))

    for key, caution in findings.cautions:
        add(key, caution.field, caution.code, caution.message)
    for key, rule in findings.disagreements:
        add(key, rule, "engines_disagree", DISAGREEMENT)
    return tuple(sorted(rows, key=lambda row: _as_key((row[2], row[3], row[0], row[1], *row[4:]))))


DISAGREEMENT = "the two engines give different verdicts: no flag of either is lost; please report it"


def _as_key(row: Sequence[Cell]) -> tuple[tuple[bool, str | int], ...]:
    """Return a key by which rows with empty cells sort: empty cells first."""
    return tuple((cell is not None, cell if isinstance(cell, int) else str(cell or "")) for cell in row)
