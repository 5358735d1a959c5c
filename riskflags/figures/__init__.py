"""What leaders ask of many assessments: gaps and timeliness by action, the last day, funnels, ageing, grades.

Every figure is one query over the tables of `riskflags.figures.facts`, so that tables of any size serve as well.
"""

from __future__ import annotations

import importlib.util
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from riskflags.errors import AN_AWARE_DATETIME, EngineError
from riskflags.figures.facts import BREAKDOWNS, Facts, Gathered, facts
from riskflags.figures.suppression import across, hidden_cells
from riskflags.figures.values import (
    ActionFigures,
    AgeBand,
    Figure,
    FunnelStage,
    GradeFigures,
    Noticed,
    UndecidedField,
)
from riskflags.model import Grade, Severity
from riskflags.pack import RecordedAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.assessment import Assessment
    from riskflags.figures.queries import Queries
    from riskflags.figures.suppression import Cell
    from riskflags.incident import Incident
    from riskflags.pack import Pack

__all__ = ["BREAKDOWNS", "Gathered", "Report"]

F = TypeVar("F", bound=Figure)
_PLACES = Decimal("0.000001")
_HOUR = 3600
_DAY = 86_400


class Report:
    """The figures of some assessments, as of one moment.

    `by` in each method is one of BREAKDOWNS: ValueError for any other. With `suppress_below` set to 5, numbers from 1
    to 4 are None, and so are the rates over them. Where such a number would follow from those beside it, or from the
    figures of everybody, the smallest other one is None too. Two breakdowns laid side by side may still tell.
    """

    def __init__(self, pack: Pack, found: Facts, *, suppress_below: int = 0) -> None:
        if importlib.util.find_spec("ibis") is None:
            raise EngineError("figures need ibis. Install it with: pip install 'riskflags[batch]'")
        from riskflags.figures.queries import Queries  # noqa: PLC0415 - with the extra `batch` alone

        self.pack = pack
        self.as_of = datetime.fromtimestamp(found.as_of, pack.zone)
        self._suppress_below = suppress_below
        self._queries: Queries = Queries(found)

    @classmethod
    def of(
        cls,
        pack: Pack,
        incidents: Iterable[Incident],
        assessments: Iterable[Assessment],
        *,
        as_of: datetime,
        suppress_below: int = 0,
    ) -> Report:
        """Return the report of assessments and the incidents that they are of, matched by incident and child.

        `as_of` is that of the assessments. ValueError for an assessment of another moment, or without its incident;
        TypeError for a naive `as_of`. EngineError where the extra `batch` is not installed.
        """
        if as_of.utcoffset() is None:
            raise TypeError(AN_AWARE_DATETIME)
        by_key = {incident.key: incident for incident in incidents}
        pairs: list[tuple[Incident, Assessment]] = []
        for one in assessments:
            incident = by_key.get((one.incident_id, one.child_id))
            if incident is None:
                msg = f"no incident for the assessment of {one.incident_id}: give the incidents that were assessed"
                raise ValueError(msg)
            if one.as_of != as_of:
                msg = f"the assessment of {one.incident_id} is as of {one.as_of.isoformat()}, not {as_of.isoformat()}"
                raise ValueError(msg)
            pairs.append((incident, one))
        return cls(pack, facts(pairs, as_of=as_of, zone=pack.zone), suppress_below=suppress_below)

    def actions(self, *, by: str | None = None) -> list[ActionFigures]:
        """Return how each action stands, in order of group and action; all actions together come first."""
        rows = self._queries.actions(_checked(by))
        of_row = [[(number, name) for name in ("due", *_PARTS_OF_DUE)] for number in range(len(rows))]
        of_group = list(across(rows, _STATES, within=("group",)))
        shown = self._shown(rows, _STATES, within=("action",), sums=[*of_row, *of_group])
        return [ActionFigures(**_named(row), **_rates(row)) for row in shown]

    def noticed(self) -> list[Noticed]:
        """Return the children of the last 24 hours who were flagged and have no referral on record, worst first.

        Where a referral is required, the requirement says whether one is on record that will do; where none is, any
        record of one counts. Empty where the pack names no referral. Children are listed, so nothing is suppressed.
        """
        action = self.pack.actions.get(self.pack.report.referral)
        if action is None:
            return []
        ways = [way for way in action.satisfied_by if isinstance(way, RecordedAction)]
        made = sorted({(code, outcome) for way in ways for code in way.codes for outcome in way.outcomes})
        rows = self._queries.noticed(action.key, made)
        return [
            Noticed(
                incident_id=row["incident_id"],
                child_id=row["child_id"],
                reported_at=datetime.fromtimestamp(row["reported"], self.pack.zone),
                severity=str(Severity(row["worst"])),
                rules=tuple(row["rules"].split(",")),
                referral=row["state"] or "not_required",
            )
            for row in rows
        ]

    def strategy(self, *, by: str | None = None) -> list[FunnelStage]:
        """Return how far the required strategy discussions got; empty where the pack names none."""
        action = self.pack.actions.get(self.pack.report.strategy)
        if action is None:
            return []
        ways = [way for way in action.satisfied_by if isinstance(way, RecordedAction)]
        codes = sorted({code for way in ways for code in way.codes} | action.steps)
        outcomes = sorted({outcome for way in ways for outcome in way.outcomes})
        rows = self._queries.funnel(action.key, codes, outcomes, _checked(by))
        return [FunnelStage(**row) for row in self._shown(rows, ("records",), within=("stage",))]

    def suspects(self, *, by: str | None = None) -> list[AgeBand]:
        """Return how long suspects have waited without a decision on record; empty where the pack names no action."""
        if not self.pack.report.suspect:
            return []
        rows = self._queries.ageing(self.pack.report.suspect, _checked(by))
        shown = self._shown(rows, ("no_record", "cannot_tell"), within=("days",))
        return [AgeBand(**row) for row in shown]

    def undecided(self, *, by: str | None = None) -> list[UndecidedField]:
        """Return what undecided verdicts lack, what would settle most of them first."""
        rows = self._queries.undecided(_checked(by))
        return [UndecidedField(**row) for row in self._shown(rows, ("verdicts", "alone"), within=("need",))]

    def grades(self, *, by: str | None = None) -> list[GradeFigures]:
        """Return how many cases have each grade, from good to inadequate."""
        rows = [{**row, "grade": str(Grade(row["grade"]))} for row in self._queries.grades(_checked(by))]
        return [GradeFigures(**row) for row in self._shown(rows, ("cases", "could_be_worse"), within=("grade",))]

    def _shown(
        self,
        rows: Sequence[dict[str, Any]],
        numbers: Sequence[str],
        *,
        within: Sequence[str],
        sums: Iterable[Sequence[Cell]] = (),
    ) -> list[dict[str, Any]]:
        """Return the rows with small numbers left out.

        Groups with the same values of `within` add up to what the report says of everybody; `sums` are numbers that
        add up otherwise.
        """
        if not self._suppress_below:
            return list(rows)
        sums = [*sums, *across(rows, numbers, within=within)]
        hidden = hidden_cells(rows, sums, least=self._suppress_below)
        return [
            {name: None if (number, name) in hidden else value for name, value in row.items()}
            for number, row in enumerate(rows)
        ]


def _checked(by: str | None) -> str | None:
    if by is not None and by not in BREAKDOWNS:
        msg = f"by={by!r}: figures can be broken down by {', '.join(BREAKDOWNS)}"
        raise ValueError(msg)
    return by


_PARTS_OF_DUE = ("in_time", "late", "no_record")
_STATES = ("due", *_PARTS_OF_DUE, "not_yet_due", "cannot_tell", "undated", "waived")
_SECONDS = ("median_seconds", "p90_seconds", "oldest_seconds")


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _SECONDS}


def _rates(row: Mapping[str, Any]) -> dict[str, Any]:
    median, p90, oldest = (row[name] for name in _SECONDS)
    if row["late"] is None or row["no_record"] is None:  # how late a few are would say how few
        median = p90 = oldest = None
    return {
        "gap_rate": _share(row["no_record"], row["due"]),
        "on_time_rate": _share(row["in_time"], row["due"]),
        "median_hours_late": _hours(median),
        "p90_hours_late": _hours(p90),
        "oldest_open_days": None if oldest is None else oldest // _DAY,
    }


def _share(part: int | None, whole: int | None) -> Decimal | None:
    return None if part is None or not whole else (Decimal(part) / whole).quantize(_PLACES)


def _hours(seconds: int | None) -> Decimal | None:
    return None if seconds is None else (Decimal(seconds) / _HOUR).quantize(_PLACES)
