"""All that a run found, flat and in the order of output: severity, could_be, rule code, incident, child, suspect.

Assessments are taken apart as they come, so that none of them has to be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from riskflags.assessment import Assessment, CaseGrade, Caution, Flag, NotAssessed, Requirement, Undecided
from riskflags.model import Severity, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from riskflags.intake import Intake

Found = TypeVar("Found", Flag, Requirement)
RecordKey = tuple[str, str | None]
"""What makes a record itself: its incident and its child."""


class Origin(NamedTuple):
    """Where a record was read: the file, and its first row there."""

    source_file: str | None
    source_row: int | None


Origins = Mapping[RecordKey, Origin]
NOWHERE = Origin(None, None)
"""The origin of a record that was made in Python."""


def origins_of(intake: Intake) -> dict[RecordKey, Origin]:
    """Return where each record of an intake was read."""
    return {found.incident.key: Origin(found.source_file, found.source_row) for found in intake.admitted}


@dataclass(frozen=True, slots=True)
class Unassessed:
    """A rule that could not be decided on `records` records of one source, for what that source never holds."""

    source_file: str
    rule_code: str
    rule_id: str
    fields: tuple[str, ...]
    records: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of every record of a run at `as_of`. `not_yet` are the records whose time is after it."""

    as_of: datetime
    records: int
    flags: tuple[Flag, ...]
    requirements: tuple[Requirement, ...]
    undecided: tuple[Undecided, ...]
    not_assessed: tuple[Unassessed, ...]
    cautions: tuple[tuple[RecordKey, Caution], ...]
    disagreements: tuple[tuple[RecordKey, str], ...]
    not_yet: frozenset[RecordKey]
    grades: tuple[tuple[RecordKey, CaseGrade], ...] = ()

    @property
    def gaps(self) -> tuple[Requirement, ...]:
        """The required actions with no record in time."""
        return tuple(requirement for requirement in self.requirements if requirement.is_gap)


@dataclass(slots=True)
class _Collected:
    records: int = 0
    flags: list[Flag] = field(default_factory=list[Flag])
    requirements: list[Requirement] = field(default_factory=list[Requirement])
    undecided: list[Undecided] = field(default_factory=list[Undecided])
    cautions: list[tuple[RecordKey, Caution]] = field(default_factory=list[tuple[RecordKey, Caution]])
    disagreements: list[tuple[RecordKey, str]] = field(default_factory=list[tuple[RecordKey, str]])
    not_yet: set[RecordKey] = field(default_factory=set[RecordKey])
    grades: list[tuple[RecordKey, CaseGrade]] = field(default_factory=list[tuple[RecordKey, CaseGrade]])
    sources: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    lacking: dict[tuple[str, str, str], set[str]] = field(default_factory=dict[tuple[str, str, str], set[str]])

    def add(self, assessment: Assessment, source_file: str) -> None:
        key = (assessment.incident_id, assessment.child_id)
        self.records += 1
        self.flags.extend(assessment.flags)
        self.requirements.extend(assessment.requirements)
        self.undecided.extend(assessment.undecided)
        self.cautions.extend((key, caution) for caution in assessment.warnings)
        self.disagreements.extend((key, rule) for rule in assessment.engines_disagree)
        if assessment.not_yet:
            self.not_yet.add(key)
        if assessment.grade is not None:
            self.grades.append((key, assessment.grade))
        for found in {(item.rule_code, item.rule_id): item for item in assessment.not_assessed}.values():
            self.sources[source_file, found.rule_code, found.rule_id] += 1
        for item in assessment.not_assessed:
            self._lacks(item, source_file)

    def _lacks(self, item: NotAssessed, source_file: str) -> None:
        self.lacking.setdefault((source_file, item.rule_code, item.rule_id), set()).update(item.fields)


def collect(assessments: Iterable[Assessment], *, as_of: datetime, origins: Origins) -> Findings:
    """Return all that the assessments hold, in the order of output. `origins` says where each record was read."""
    found = _Collected()
    for assessment in assessments:
        source = origins.get((assessment.incident_id, assessment.child_id), NOWHERE)
        found.add(assessment, source.source_file or "")
    return Findings(
        as_of=as_of,
        records=found.records,
        flags=tuple(sorted(found.flags, key=lambda f: (-f.severity, -f.could_be, f.rule_code, *_who(f)))),
        requirements=tuple(sorted(found.requirements, key=lambda r: (-r.severity, r.action_code, *_who(r), r.action))),
        undecided=tuple(sorted(found.undecided, key=lambda u: (-u.severity, u.rule_code, *_who(u)))),
        not_assessed=_unassessed(found.sources, found.lacking),
        cautions=tuple(sorted(found.cautions, key=lambda pair: (_key(pair[0]), pair[1].field, pair[1].code))),
        disagreements=tuple(sorted(found.disagreements, key=lambda pair: (_key(pair[0]), pair[1]))),
        not_yet=frozenset(found.not_yet),
        grades=tuple(sorted(found.grades, key=lambda pair: (-pair[1].grade, -pair[1].could_be, _key(pair[0])))),
    )


def _who(found: Flag | Requirement | Undecided) -> tuple[str, str, str]:
    return (found.incident_id, found.child_id or "", found.suspect_id or "")


def _key(key: RecordKey) -> tuple[str, str]:
    return (key[0], key[1] or "")


def _unassessed(
    records: Mapping[tuple[str, str, str], int], lacking: Mapping[tuple[str, str, str], set[str]]
) -> tuple[Unassessed, ...]:
    return tuple(
        Unassessed(file, code, rule, tuple(sorted(lacking[file, code, rule])), number)
        for (file, code, rule), number in sorted(records.items())
    )


def case_grades(findings: Findings) -> dict[RecordKey, CaseGrade]:
    """Return the grade of each case: the worst of the child's records, or that of the record of a child without id.

    A case is named by the first record that is this bad; its grade could be what that of any of its records could be.
    """
    cases: dict[RecordKey, list[tuple[RecordKey, CaseGrade]]] = {}
    for key, grade in findings.grades:  # worst first
        cases.setdefault(("", key[1]) if key[1] else key, []).append((key, grade))
    return {found[0][0]: _together([grade for _, grade in found]) for found in cases.values()}


def _together(grades: Sequence[CaseGrade]) -> CaseGrade:
    could_be = max(grade.could_be for grade in grades)
    needs = {need for grade in grades if grade.could_be > grades[0].grade for need in grade.needs}
    return CaseGrade(grade=grades[0].grade, could_be=could_be, needs=tuple(sorted(needs)))


# ---- for the closing words -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed:
    """A record with critical flags and at least one required action with no record."""

    incident_id: str
    child_id: str | None
    flags: tuple[Flag, ...]
    gaps: tuple[Requirement, ...]


def worst_first(findings: Findings) -> tuple[Failed, ...]:
    """Return the records with critical flags and no record of a required action, worst first.

    Worst is: most critical flags, then most actions with no record, then the longest overdue.
    """
    critical = _by_record(flag for flag in findings.flags if flag.severity is Severity.critical)
    gaps = _by_record(findings.gaps)
    found = [
        Failed(*key, tuple(flags), tuple(sorted(gaps[key], key=_oldest_first)))
        for key, flags in critical.items()
        if any(gap.state is State.overdue for gap in gaps.get(key, ()))
    ]
    return tuple(sorted(found, key=_badness))


def not_told(findings: Findings) -> tuple[Failed, ...]:
    """Return the records with critical flags of which no required action is overdue, but some cannot be told."""
    critical = _by_record(flag for flag in findings.flags if flag.severity is Severity.critical)
    required = _by_record(findings.requirements)
    found = [
        Failed(*key, tuple(flags), ())
        for key, flags in critical.items()
        if any(one.state is State.cannot_tell for one in required.get(key, ()))
        and not any(one.state is State.overdue for one in required.get(key, ()))
    ]
    return tuple(sorted(found, key=_badness))


def _by_record(items: Iterable[Found]) -> dict[RecordKey, list[Found]]:
    grouped: dict[RecordKey, list[Found]] = {}
    for item in items:
        grouped.setdefault((item.incident_id, item.child_id), []).append(item)
    return grouped


def _oldest_first(gap: Requirement) -> tuple[bool, float, str, str]:
    due = gap.due_at.timestamp() if gap.due_at else float("inf")
    return (gap.state is not State.overdue, due, gap.action_code, gap.suspect_id or "")


def _badness(failed: Failed) -> tuple[int, int, float, tuple[str, str]]:
    none = [gap for gap in failed.gaps if gap.state is State.overdue]
    oldest = min((gap.due_at.timestamp() for gap in none if gap.due_at), default=float("inf"))
    return (-len(failed.flags), -len(none), oldest, _key((failed.incident_id, failed.child_id)))


@dataclass(frozen=True, slots=True)
class Tally:
    """How the requirements of one action stand, by state."""

    action: str
    label: str
    owner: str
    states: Mapping[State, int]

    @property
    def gaps(self) -> int:
        """The number with no record in time."""
        return sum(number for state, number in self.states.items() if state.is_gap)

    @property
    def required(self) -> int:
        """The number of requirements of the action."""
        return sum(self.states.values())


def tallies(findings: Findings) -> tuple[Tally, ...]:
    """Return how each action that has a gap stands, most gaps first."""
    states: dict[tuple[str, str, str], Counter[State]] = {}
    for requirement in findings.requirements:
        key = (requirement.action, requirement.label, requirement.owner)
        states.setdefault(key, Counter())[requirement.state] += 1
    found = [Tally(*key, counter) for key, counter in states.items()]
    return tuple(sorted((t for t in found if t.gaps), key=lambda t: (-t.gaps, t.label, t.action)))


@dataclass(frozen=True, slots=True)
class Want:
    """How much one kind of need holds up: the verdicts that lack it, and those that lack nothing else."""

    need: str
    verdicts: int
    alone: int


def wants(findings: Findings, *, kind: Callable[[str], str]) -> tuple[Want, ...]:
    """Return what undecided verdicts lack, what would settle most of them first. `kind` names the kind of a need."""
    verdicts, alone = Counter[str](), Counter[str]()
    for item in findings.undecided:
        kinds = {kind(need) for need in item.needs}
        verdicts.update(kinds)
        if len(kinds) == 1:
            alone.update(kinds)
    found = [Want(need, number, alone[need]) for need, number in verdicts.items()]
    return tuple(sorted(found, key=lambda want: (-want.alone, -want.verdicts, want.need)))
