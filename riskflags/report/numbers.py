"""What a run comes to in numbers, and the few records that are shown: all that its closing words and its summary need.

Counted from findings in memory, or by a batch from its tables: the words are the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.model import Severity, State
from riskflags.report.findings import case_grades, not_told, tallies, wants, worst_first
from riskflags.report.phrases import need_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from riskflags.model import Grade
    from riskflags.report.findings import Failed, Findings, Tally, Unassessed, Want

RECORDS_SHOWN = 20
"""Records that are shown of those that need someone now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The first of some records, and how many records and children there are in all."""

    first: tuple[Failed, ...]
    records: int
    children: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a run comes to.

    `flags` are counted by rule id and severity, `requirements` by action and state, `grades` of cases by grade and the
    worst it could be. `failed` are the records with critical flags and no record of a required action; of `unclear` it
    cannot be told. `wants` is what undecided verdicts lack, most first; `unknown_needs` what requirements lack of which
    it cannot be told whether there is a record in time. `worst` is the severity of the worst flag or gap.
    """

    as_of: datetime
    records: int
    not_yet: int
    flags: Mapping[tuple[str, Severity], int]
    requirements: Mapping[tuple[str, State], int]
    grades: Mapping[tuple[Grade, Grade], int]
    failed: Shown
    unclear: Shown
    tallies: tuple[Tally, ...]
    undecided: int
    undecided_records: int
    wants: tuple[Want, ...]
    unknown: int
    unknown_needs: Mapping[str, int]
    not_assessed: tuple[Unassessed, ...]
    worst: Severity | None = None
    disagreements: int = 0

    @property
    def gaps(self) -> int:
        """The number of required actions with no record in time."""
        return sum(number for (_, state), number in self.requirements.items() if state.is_gap)

    def at_or_above(self, severity: Severity) -> bool:
        """Return whether there is a flag or a gap of this severity or worse."""
        return self.worst is not None and self.worst >= severity


def numbers_of(findings: Findings) -> Numbers:
    """Return what the findings of a run come to."""
    unknown = [found for found in findings.requirements if found.state in (State.cannot_tell, State.undated)]
    severities = (*(flag.severity for flag in findings.flags), *(gap.severity for gap in findings.gaps))
    return Numbers(
        as_of=findings.as_of,
        records=findings.records,
        not_yet=len(findings.not_yet),
        flags=Counter((flag.rule_id, flag.severity) for flag in findings.flags),
        requirements=Counter((found.action, found.state) for found in findings.requirements),
        grades=Counter((grade.grade, grade.could_be) for grade in case_grades(findings).values()),
        failed=shown(worst_first(findings)),
        unclear=shown(not_told(findings)),
        tallies=tallies(findings),
        undecided=len(findings.undecided),
        undecided_records=len({(item.incident_id, item.child_id) for item in findings.undecided}),
        wants=wants(findings, kind=need_kind),
        unknown=len(unknown),
        unknown_needs=Counter(need_kind(need) for found in unknown for need in found.needs),
        not_assessed=findings.not_assessed,
        worst=max(severities, default=None),
        disagreements=len(findings.disagreements),
    )


def shown(found: Sequence[Failed]) -> Shown:
    """Return the first of some records, with how many there are."""
    children = len({one.child_id or ("", one.incident_id) for one in found})
    return Shown(tuple(found[:RECORDS_SHOWN]), len(found), children)
