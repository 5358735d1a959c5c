"""The summary of a run in numbers: what was read, what was found, and on what terms."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from riskflags.report.findings import case_grades
from riskflags.report.phrases import need_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.intake import Intake
    from riskflags.pack import Pack
    from riskflags.report.findings import Findings


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
    findings: Findings, *, rows: Rows, pack: Pack, files: Sequence[str], quoted: int, version: str, backend: str
) -> dict[str, Any]:
    """Return what summary.json holds. `quoted` is the number of cells that a CSV file gives a leading '.

    `backend` is how the records were decided: record or duckdb.
    """
    return {
        "as_of": findings.as_of.isoformat(),
        "backend": backend,
        "library_version": version,
        "pack": {"id": pack.id, "version": pack.version, "digest": pack.digest},
        "overlays": [asdict(one) for one in pack.overlays],
        "rows": asdict(rows),
        "records": findings.records,
        "flags": _nested((flag.rule_id, str(flag.severity)) for flag in findings.flags),
        "requirements": _nested((found.action, str(found.state)) for found in findings.requirements),
        "gaps": len(findings.gaps),
        "grades": _counted(str(grade.grade) for grade in case_grades(findings).values()),
        "undecided": _counted(kind for item in findings.undecided for kind in {need_kind(n) for n in item.needs}),
        "engines_disagree": len(findings.disagreements),
        "cells_quoted": quoted,
        "files": list(files),
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Mapping[str, int]]:
    found: dict[str, Counter[str]] = {}
    for outer, inner in pairs:
        found.setdefault(outer, Counter())[inner] += 1
    return {outer: dict(sorted(found[outer].items())) for outer in sorted(found)}
