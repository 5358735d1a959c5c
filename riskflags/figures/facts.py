"""The tables that figures are computed from: one row a record, a requirement, a flag, a need, an action on record.

Times are UTC seconds. Breakdowns are text; what is not on record is `not recorded`. A batch engine can fill the same
tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskflags.derive import whole_years
from riskflags.kinds import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from riskflags.assessment import Assessment, Requirement
    from riskflags.incident import Incident
    from riskflags.model import Moment

NOT_RECORDED = "not recorded"
BREAKDOWNS = (
    "district", "team", "unit", "force", "incident_type", "missing_from", "age_band", "sex", "ethnicity", "disability",
    "looked_after", "placement_type", "placement_provider", "placement_authority", "home_authority",
    "responsible_authority", "source_system", "severity", "week", "month",
)  # fmt: skip
"""What figures can be broken down by. A week is one of ISO 8601, such as 2026-W09, of when the child came to notice."""
AGE_BANDS = ((0, "0 to 4"), (5, "5 to 9"), (10, "10 to 12"), (13, "13 to 15"), (16, "16 and 17"), (18, "18 and over"))
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "records": {
        "record": "int64", "incident_id": "string", "child_id": "string", "case": "string", "reported": "int64",
        "worst": "int64", "grade": "int64", "could_be": "int64", **dict.fromkeys(BREAKDOWNS, "string"),
    },
    "requirements": {
        "record": "int64", "action": "string", "suspect_id": "string", "state": "string", "late_seconds": "int64",
        "waiting_seconds": "int64",
    },
    "flags": {"record": "int64", "rule": "string", "severity": "int64"},
    "needs": {"record": "int64", "verdict": "int64", "need": "string"},
    "actions": {"record": "int64", "code": "string", "outcome": "string"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables by name, as Arrow tables, as of a moment in UTC seconds."""

    as_of: int
    tables: Mapping[str, Any]


class Gathered:
    """The rows of the tables, taken up record by record, so that no assessment has to be kept."""

    def __init__(self, *, as_of: datetime, zone: ZoneInfo) -> None:
        self._now = int(as_of.timestamp())
        self._zone = zone
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _COLUMNS}
        self._records = self._verdicts = 0

    def add(self, incident: Incident, found: Assessment) -> None:
        """Take up one record with its assessment; one that is not yet there is left out."""
        if found.not_yet:
            return
        number, now, rows = self._records, self._now, self._rows
        self._records += 1
        rows["records"].append(_record(number, incident, found))
        rows["requirements"] += [
            _requirement(number, one, incident, now=now, zone=self._zone) for one in found.requirements
        ]
        rows["flags"] += [
            {"record": number, "rule": flag.rule_code, "severity": int(flag.severity)} for flag in found.flags
        ]
        for line in found.undecided:
            self._verdicts += 1
            rows["needs"] += [{"record": number, "verdict": self._verdicts, "need": _kind(need)} for need in line.needs]
        rows["actions"] += [
            {"record": number, "code": action.code, "outcome": action.outcome}
            for action in incident.done
            if action.at is None or action.at.earliest <= now
        ]

    def facts(self) -> Facts:
        """Return the tables of what was taken up."""
        return Facts(self._now, {name: _table(rows, _COLUMNS[name]) for name, rows in self._rows.items()})


def facts(pairs: Iterable[tuple[Incident, Assessment]], *, as_of: datetime, zone: ZoneInfo) -> Facts:
    """Return the tables of some records with their assessments. A record that is not yet there is left out."""
    gathered = Gathered(as_of=as_of, zone=zone)
    for incident, found in pairs:
        gathered.add(incident, found)
    return gathered.facts()


def _table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> Any:
    pa: Any = import_module("pyarrow")  # it ships no types, and comes with the extra `batch` alone
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in columns.items()])
    return pa.Table.from_pylist(rows, schema=schema)


def _record(number: int, incident: Incident, found: Assessment) -> dict[str, Any]:
    known = _known_at(incident)
    child = incident.child.id
    return {
        "record": number,
        "incident_id": incident.incident.id,
        "child_id": child,
        "case": f"child {child}" if child else f"incident {incident.incident.id}",
        "reported": known.earliest if known is not None else None,
        "worst": max((int(flag.severity) for flag in found.flags), default=0),
        "grade": int(found.grade.grade) if found.grade is not None else None,
        "could_be": int(found.grade.could_be) if found.grade is not None else None,
        **{name: value or NOT_RECORDED for name, value in breakdowns(incident, found).items()},
    }


def breakdowns(incident: Incident, found: Assessment) -> dict[str, str | None]:
    """Return the value of each breakdown for one record; None where it is not on record."""
    return dict(_breakdowns(incident, found, _known_at(incident)))


def _breakdowns(incident: Incident, found: Assessment, known: Moment | None) -> Iterator[tuple[str, str | None]]:
    facts, child = incident.incident, incident.child
    yield from ((name, getattr(facts, name)) for name in ("district", "team", "unit", "force", "source_system"))
    yield "incident_type", facts.type
    yield "missing_from", incident.missing.missing_from
    yield "age_band", _age_band(incident, known)
    names = (
        "sex", "ethnicity", "placement_type", "placement_provider", "placement_authority", "home_authority",
        "responsible_authority",
    )  # fmt: skip
    yield from ((name, getattr(child, name)) for name in names)
    yield "week", known.day.strftime("%G-W%V") if known is not None else None
    yield "month", known.day.strftime("%Y-%m") if known is not None else None
    yield "looked_after", _yes_no(child.in_care)
    yield "disability", None if child.disabilities is None else _yes_no(bool(child.disabilities))
    yield "severity", str(max(flag.severity for flag in found.flags)) if found.flags else "no flag"


def _yes_no(value: bool | None) -> str | None:  # noqa: FBT001 - a value of the record
    return None if value is None else "yes" if value else "no"


def _age_band(incident: Incident, known: Moment | None) -> str | None:
    born, stated = incident.child.date_of_birth, incident.child.stated_age
    if isinstance(born, date) and known is not None:
        years = whole_years(born, known.day)
    elif stated is not None:
        years = int(stated)
    else:
        return None
    return next((name for least, name in reversed(AGE_BANDS) if years >= least), None)


def _known_at(incident: Incident) -> Moment | None:
    """Return when a child came to notice: when it was reported, or else when it happened."""
    times = (incident.incident.reported_at, incident.missing.reported_at, incident.incident.occurred_at)
    return next((time for time in times if time is not None), incident.missing.last_seen_at)


def _requirement(number: int, one: Requirement, incident: Incident, *, now: int, zone: ZoneInfo) -> dict[str, Any]:
    """Return a requirement: how late a gap is at the least, and how long its suspect has been known."""
    due = int(one.due_at.timestamp()) if one.due_at is not None else None
    recorded = parse_moment(one.recorded_at, zone=zone).earliest if one.recorded_at else now
    begins = _suspect_known_at(one.suspect_id, incident)
    return {
        "record": number,
        "action": one.action,
        "suspect_id": one.suspect_id,
        "state": str(one.state),
        "late_seconds": max(recorded - due, 0) if one.is_gap and due is not None else None,
        "waiting_seconds": max(now - begins.earliest, 0) if begins is not None else None,
    }


def _suspect_known_at(suspect_id: str | None, incident: Incident) -> Moment | None:
    suspect = next((one for one in incident.suspects if one.id == suspect_id), None)
    identified = suspect.identified_at if suspect is not None else None
    return identified if identified is not None else _known_at(incident)


def _kind(need: str) -> str:
    """Return a need without the record that it stands in."""
    before, colon, name = need.rpartition(":")
    return need if not colon else "rejected:<row>" if before == "rejected" else f"<incident id>:{name}"
