"""A small pack, its records and what is read off their assessments, for tests of the Python API."""

from __future__ import annotations

import pickle
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from conformance_cases import write_pack

from riskflags import Engine, Incident, Pack

if TYPE_CHECKING:
    from riskflags import Assessment

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 10, 12, tzinfo=LONDON)
_WRITTEN: dict[str, Any] = {
    "derived": {
        "calc.records": {"label": "Records", "how_many": {"in": "records", "by": ["child.id"], "window": "all"}},
        "calc.addresses": {
            "label": "Addresses",
            "how_many_different": {"in": "records", "of": "incident.address_id", "by": ["child.id"], "window": "all"},
        },
        "calc.own": {"label": "Here", "how_many": {"in": "records", "by": ["incident.address_id"], "window": "all"}},
    },
    "conditions": {"in_town": {"incident.team": {"in": ["Town", "Centre"]}}},
    "actions": {"visit": {"core": True}},
    "cases": [
        {
            "rules": [
                {
                    "id": "repeat", "code": "R1", "when": {"calc.records": {"at_least": 2}},
                    "message": "{calc.records} records of {child.id}", "requires": ["visit"],
                },
                {"id": "many", "code": "R2", "when": {"calc.records": {"at_least": 3}}, "severity": "critical"},
                {"id": "moving", "code": "R3", "when": {"calc.addresses": {"at_least": 2}}},
                {"id": "crowded", "code": "R4", "when": {"calc.own": {"at_least": 2}}},
                {
                    "id": "grouped", "code": "G1",
                    "when": {
                        "all": [
                            {"none": [{"child.date_of_birth": {"before": "2000-01-01"}}, {"use": "in_town"}]},
                            {"at_least_of": {"many": 1, "of": [{"incident.narrative": "A secret"}, {"flag": "many"}]}},
                            {"missing.earlier_episodes": {"at_least": {"field": "child.stated_age"}}},
                            {"child.role": {"recorded": False}},
                        ]
                    },
                },
                {
                    "id": "care", "code": "C1", "when": {"child.in_care": True}, "unless": [{"child.role": "witness"}],
                    "source": [{"ref": "here", "at": "p. 4", "says": "so it is"}],
                },
                {
                    "id": "stranger", "code": "S1", "for_each": "suspects", "severity": "medium",
                    "when": {"any": [{"suspect.relationship": "stranger"}, {"suspect.registered_offender": True}]},
                },
            ]
        }
    ],
}  # fmt: skip


@cache
def small_pack() -> Pack:
    """Return rules that count records of a child, that ask about it, and one for each suspect."""
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), _WRITTEN)
        return Pack.load(folder).with_drafts()


def write_small_pack(folder: Path) -> Path:
    """Write the small pack; its rules are drafts."""
    write_pack(folder, _WRITTEN)
    return folder


@cache
def small_engine() -> Engine:
    return Engine(small_pack(), strict=True)


def incident(**facts: Any) -> Incident:
    """Return a record of C1; a keyword is the path of a field with two underscores for its dot."""
    known = {
        "incident.id": "I1",
        "incident.type": "other",
        "incident.reported_at": "2026-03-02T09:00",
        "child.id": "C1",
    }
    return Incident.model_validate(known | {path.replace("__", "."): value for path, value in facts.items()})


def twin(value: Any) -> Any:
    """Return the value, pickled and read back."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - it is our own


def flagged(result: Assessment) -> list[str]:
    return sorted(flag.rule_code for flag in result.flags)


def needed(result: Assessment) -> dict[str, tuple[str, ...]]:
    return {line.rule_code: line.needs for line in result.undecided}


def engine_of(
    derived: dict[str, Any], *, when: dict[str, Any], duplicates: list[dict[str, Any]] | None = None, **more: Any
) -> Engine:
    """Return the engine of a pack with one rule and what it looks up."""
    with TemporaryDirectory() as folder:
        rule = {"id": "one", "code": "A1", "when": when, **more}
        settings = {"duplicates": duplicates} if duplicates else {}
        write_pack(Path(folder), settings | {"derived": derived, "cases": [{"name": "one", "rules": [rule]}]})
        return Engine(Pack.load(folder).with_drafts())
