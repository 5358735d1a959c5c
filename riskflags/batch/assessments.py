"""Assessments read off the tables of a batch, record by record, equal to those of the record path."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from riskflags.assessment import Assessment, CaseGrade, Flag, NotAssessed, Requirement, Undecided
from riskflags.batch.grades import GRADES
from riskflags.batch.plan import REQUIREMENTS
from riskflags.batch.twins import TWINS
from riskflags.batch.verdicts import FIRED, OPEN
from riskflags.model import Grade, Severity, State
from riskflags.results import duplicate_caution, in_order, never_held, record_cautions, uncovered_caution
from riskflags.words import moment_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from riskflags.assessment import Caution
    from riskflags.batch.plan import Plan
    from riskflags.batch.sql import Expr
    from riskflags.incident import Incident
    from riskflags.pack import Action, Rule
    from riskflags.record import Names

Row = dict[str, Any]
Who = tuple[str, str | None]
Which = Callable[["Expr"], "Expr"]
"""What says of the numbers of records which are meant."""
_AT_ONCE = 5_000
"""Records whose rows are in memory at one time."""


class Head(NamedTuple):
    """What all assessments of a batch have in common."""

    names: Names
    digest: str
    as_of: datetime


def assessed(plan: Plan, incidents: Sequence[Incident], head: Head, *, start: int = 0) -> Iterator[Assessment]:
    """Yield the assessment of each record, in order. `incidents` are the records by number, from `start` on."""
    told = Teller(head)
    for first in range(0, len(incidents), _AT_ONCE):
        some = incidents[first : first + _AT_ONCE]
        ends = start + first, start + first + len(some)
        yield from _told(plan, told, dict(enumerate(some, start=ends[0])), partial(_is_between, ends))


def _is_between(ends: tuple[int, int], record: Expr) -> Expr:
    return (record >= ends[0]) & (record < ends[1])


def assessed_of(plan: Plan, incidents: Mapping[int, Incident], head: Head) -> Iterator[Assessment]:
    """Yield the assessments of some records by number, in their order."""
    yield from _told(plan, Teller(head), incidents, lambda record: record.isin(incidents))


def _told(plan: Plan, told: Teller, incidents: Mapping[int, Incident], which: Which) -> Iterator[Assessment]:
    tables = {name: _rows(plan, name, which) for name in (FIRED, OPEN, REQUIREMENTS, TWINS, GRADES)}
    there = _rows(plan, "records", which, ["record"])
    for number, incident in incidents.items():
        rows = {name: of.get(number, []) for name, of in tables.items()}
        yield told.assessment(incident, rows, there=number in there)


def _rows(plan: Plan, name: str, which: Which, columns: Sequence[str] | None = None) -> Mapping[int, list[Row]]:
    """Return the rows of a table for some records, by record; none where there is no such table."""
    if not plan.store.has(name):
        return {}
    table = plan.store.table(name, columns)
    found: dict[int, list[Row]] = {}
    for row in plan.store.rows(table.filter(which(table["record"]))).to_pylist():
        found.setdefault(row["record"], []).append(row)
    return found


class Teller:
    """What turns the rows of a record into its assessment."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._names = head.names
        self._pack = head.names.pack
        self._actions = list(self._pack.actions.values())
        self._order = {key: place for place, key in enumerate(key for layer in self._pack.layers for key in layer)}

    def assessment(self, incident: Incident, rows: Mapping[str, list[Row]], *, there: bool) -> Assessment:
        """Return the assessment of one record."""
        pack = self._pack
        found = rows[OPEN]
        closed = [row for row in found if never_held(row["needs"], incident.holds)]
        return Assessment(
            incident_id=incident.incident.id or "",
            child_id=incident.child.id,
            as_of=self._head.as_of,
            pack_id=pack.id,
            pack_version=pack.version,
            pack_digest=self._head.digest,
            flags=self.flags(incident.key, rows[FIRED]),
            requirements=self.requirements(incident.key, rows[REQUIREMENTS]),
            undecided=self._undecided(incident.key, [row for row in found if row not in closed]),
            not_assessed=self._not_assessed(closed),
            warnings=self._cautions(incident, rows),
            grade=_grade(rows[GRADES]),
            not_yet=not there,
        )

    def _rule(self, row: Row) -> Rule:
        return self._pack.rules[int(row["rule"])]

    def _action(self, row: Row) -> Action:
        return self._actions[int(row["action"])]

    def _key(self, row: Row) -> tuple[int, str, str, int, int]:
        rule = self._rule(row)
        return (-row["could_be"], rule.code, row["suspect_id"] or "", self._order[rule.key], row["seat"])

    def flags(self, who: Who, rows: list[Row]) -> tuple[Flag, ...]:
        """Return the flags of a record, in order."""
        rows.sort(key=lambda row: (-row["severity"], *self._key(row)))
        return tuple(self._flag(who, row) for row in rows)

    def _flag(self, who: Who, row: Row) -> Flag:
        rule = self._rule(row)
        return Flag(
            incident_id=who[0],
            child_id=who[1],
            suspect_id=row["suspect_id"],
            rule_code=rule.code,
            rule_id=rule.id,
            rule_version=rule.version,
            title=rule.title,
            severity=Severity(row["severity"]),
            could_be=Severity(row["could_be"]),
            severity_needs=tuple(row["severity_needs"]),
            about=rule.flag.about,
            message=row["message"],
            because=tuple(sorted({who[0], *row["because"]})),
        )

    def _undecided(self, who: Who, rows: list[Row]) -> tuple[Undecided, ...]:
        rows.sort(key=self._key)
        return tuple(self._open(who, row) for row in rows)

    def _open(self, who: Who, row: Row) -> Undecided:
        rule = self._rule(row)
        return Undecided(
            incident_id=who[0],
            child_id=who[1],
            suspect_id=row["suspect_id"],
            rule_code=rule.code,
            rule_id=rule.id,
            rule_version=rule.version,
            severity=Severity(row["could_be"]),
            needs=tuple(row["needs"]),
        )

    def _not_assessed(self, rows: list[Row]) -> tuple[NotAssessed, ...]:
        found: dict[str, NotAssessed] = {}
        for row in sorted(rows, key=self._key):
            rule = self._rule(row)
            found[rule.key] = NotAssessed(rule_code=rule.code, rule_id=rule.id, fields=tuple(row["needs"]))
        return tuple(found.values())

    def requirements(self, who: Who, rows: list[Row]) -> tuple[Requirement, ...]:
        """Return the requirements of a record, in order."""

        def key(row: Row) -> tuple[int, str, str, str]:
            action = self._action(row)
            return (-row["severity"], action.code, action.key, row["suspect_id"] or "")

        return tuple(self._requirement(who, row) for row in sorted(rows, key=key))

    def _requirement(self, who: Who, row: Row) -> Requirement:
        action, zone = self._action(row), self._names.zone
        due_from, due_at = (None if row[end] is None else moment_at(row[end], zone) for end in ("due_from", "due_at"))
        return Requirement(
            incident_id=who[0],
            child_id=who[1],
            suspect_id=row["suspect_id"],
            action=action.key,
            action_code=action.code,
            label=action.label,
            owner=action.owner,
            core=action.core,
            due_from=due_from,
            due_at=due_at,
            state=State(row["state"]),
            recorded_at=row["recorded_at"],
            recorded_outcome=row["recorded_outcome"],
            recorded_by=row["recorded_by"],
            short_of=tuple(row["short_of"]),
            needs=tuple(row["needs"]),
            severity=Severity(row["severity"]),
            rules=tuple(sorted({self._pack.rules[int(number)].code for number in row["rules"]})),
        )

    def _cautions(self, incident: Incident, rows: Mapping[str, list[Row]]) -> tuple[Caution, ...]:
        not_covered = (row for row in rows[REQUIREMENTS] if row["uncovered"])
        uncovered = (uncovered_caution(self._action(row), self._pack) for row in not_covered)
        alone = record_cautions(incident, self._names, as_of=int(self._head.as_of.timestamp()))
        return in_order((*uncovered, *self._twins(rows[TWINS]), *alone))

    def _twins(self, rows: list[Row]) -> Iterator[Caution]:
        """Yield each other record of the same event once, by the first definition that says so."""
        first: dict[int, Row] = {}
        for row in sorted(rows, key=lambda row: row["spec"]):
            first.setdefault(row["other"], row)
        yield from (duplicate_caution(row["id"], self._pack.duplicates[int(row["spec"])]) for row in first.values())


def _grade(rows: list[Row]) -> CaseGrade | None:
    return next(
        (CaseGrade(grade=Grade(r["grade"]), could_be=Grade(r["could_be"]), needs=tuple(r["needs"])) for r in rows), None
    )
