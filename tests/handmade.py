"""Assessments made by hand, for tests of what is printed and written of them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from riskflags.assessment import Assessment, Flag, Requirement, Undecided
from riskflags.intake import Reject, RowWarning
from riskflags.model import Severity, State
from riskflags.report.findings import Findings, Origin, collect
from riskflags.report.outputs import write
from riskflags.report.tables import Table, tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AS_OF = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)


def flag(incident: str = "I1", child: str | None = "C1", **other: Any) -> Flag:
    values: dict[str, Any] = {
        "suspect_id": None,
        "rule_code": "E01",
        "rule_id": "online-age-gap",
        "rule_version": 1,
        "title": "Adult much older",
        "severity": Severity.critical,
        "could_be": Severity.critical,
        "severity_needs": (),
        "about": "child",
        "message": "10 years older",
        "because": (incident,),
    }
    return Flag(incident_id=incident, child_id=child, **(values | other))


def requirement(incident: str = "I1", child: str | None = "C1", **other: Any) -> Requirement:
    values: dict[str, Any] = {
        "suspect_id": None,
        "action": "record_crime",
        "action_code": "CRIME",
        "label": "crime recorded",
        "owner": "crime_registrar",
        "core": True,
        "due_from": AS_OF - timedelta(days=3),
        "due_at": AS_OF - timedelta(days=3),
        "state": State.overdue,
        "recorded_at": None,
        "recorded_outcome": None,
        "recorded_by": None,
        "short_of": (),
        "needs": (),
        "severity": Severity.critical,
        "rules": ("E01",),
    }
    return Requirement(incident_id=incident, child_id=child, **(values | other))


def undecided(incident: str = "I1", child: str | None = "C1", **other: Any) -> Undecided:
    values: dict[str, Any] = {
        "suspect_id": None,
        "rule_code": "E02",
        "rule_id": "meeting-or-images",
        "rule_version": 1,
        "severity": Severity.critical,
        "needs": ("child.in_care",),
    }
    return Undecided(incident_id=incident, child_id=child, **(values | other))


def assessment(incident: str = "I1", child: str | None = "C1", **parts: Any) -> Assessment:
    return Assessment(
        incident_id=incident,
        child_id=child,
        as_of=AS_OF,
        pack_id="core",
        pack_version="1",
        pack_digest="sha256:00",
        **parts,
    )


REJECT = Reject("in.csv", 7, None, "MIS_START", "bad_date", "a date such as 31/03/2026", "not a date")
WARNING = RowWarning("I1", "C1", "in.csv", 2, "child.sex", "unknown_code", "not a code")


ORIGINS = {(incident, child): Origin("in.csv", 1) for incident in ("I1", "I2") for child in ("C1", None)}


def found(*assessments: Assessment) -> Findings:
    return collect(assessments, as_of=AS_OF, origins=ORIGINS)


def made(*assessments: Assessment) -> tuple[Table, ...]:
    return tables(found(*assessments), origins=ORIGINS, rejects=[REJECT], warnings=[WARNING])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(folder: Path, *assessments: Assessment) -> Path:
    write(made(*assessments), summary=listing, folder=folder, form="csv")
    return folder


def listing(files: Sequence[str]) -> dict[str, list[str]]:
    """Return a summary that says what was written, and nothing else."""
    return {"files": list(files)}
