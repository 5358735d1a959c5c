"""The summary of a run in numbers: what was read, what was found, and on what terms."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskflags.intake import Intake
    from riskflags.model import Severity, State
    from riskflags.pack import Pack
    from riskflags.report.findings import Findings
    from riskflags.report.numbers import Numbers


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of every row that was read. `read` is the sum of accepted, warned, rejected and out of scope.

    `not_yet` are the rows, of those accepted with or without a warning, whose time is after as_of: they take no part.
    """

    read: int
    accepted: int
    warned: int
    rejected: int
    out_of_scope: int
    not_yet: int

    def __post_init__(self) -> None:
        parts = self.accepted + self.warned + self.rejected + self.out_of_scope
        if parts != self.read:
            raise ValueError(f"{self.read} rows were read, but {parts} are accounted for")


def rows_of(intake: Intake, findings: Findings) -> Rows:
    """Return what became of every row."""
    waiting = [found for found in intake.admitted if found.incident.key in findings.not_yet]
    counts = intake.counts
    return Rows(
        read=counts.read,
        accepted=counts.accepted,
        warned=counts.warned,
        rejected=counts.rejected,
        out_of_scope=counts.out_of_scope,
        not_yet=sum(found.accepted + found.warned for found in waiting),
    )


def summary(
    numbers: Numbers, *, rows: Rows, pack: Pack, files: Sequence[str], quoted: int, version: str, backend: str
) -> dict[str, Any]:
    """Return what summary.json holds. `quoted` is the number of cells that a CSV file gives a leading '.

    `backend` is how the records were decided: record or duckdb.
    """
    return {
        "as_of": numbers.as_of.isoformat(),
        "backend": backend,
        "library_version": version,
        "pack": {"id": pack.id, "version": pack.version, "digest": pack.digest},
        "overlays": [asdict(one) for one in pack.overlays],
        "rows": asdict(rows),
        "records": numbers.records,
        "flags": _nested(numbers.flags),
        "requirements": _nested(numbers.requirements),
        "gaps": numbers.gaps,
        "grades": _grades(numbers),
        "undecided": dict(sorted((want.need, want.verdicts) for want in numbers.wants)),
        "engines_disagree": numbers.disagreements,
        "cells_quoted": quoted,
        "files": list(files),
    }


def _grades(numbers: Numbers) -> dict[str, int]:
    found = Counter[str]()
    for (grade, _), cases in numbers.grades.items():
        found[str(grade)] += cases
    return dict(sorted(found.items()))


def _nested(counted: Mapping[tuple[str, Severity], int] | Mapping[tuple[str, State], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (outer, inner), number in sorted(counted.items(), key=lambda pair: (pair[0][0], str(pair[0][1]))):
        found.setdefault(outer, {})[str(inner)] = number
    return found
