"""The figures that leaders ask for, as values: what each counts, and of how many.

A number that was suppressed is None, and so is a share of nothing. Shares are exact to six decimal places.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Figure(BaseModel):
    """One row of figures. `group` is the value of the breakdown; None where there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str | None = None


class ActionFigures(Figure):
    """How the requirements of one action stand; of all actions together where `action` is None.

    `due` are those whose answer is known: in time, late, or no record of them after the deadline. `gap_rate` is the
    share of them with no record, `on_time_rate` that in time. Hours late, by nearest rank, are over those late and
    those with no record, the latter up to as_of, at the least that they can be. `oldest_open_days` is the longest that
    one with no record is overdue.
    """

    action: str | None
    due: int | None
    in_time: int | None
    late: int | None
    no_record: int | None
    gap_rate: Decimal | None
    on_time_rate: Decimal | None
    median_hours_late: Decimal | None
    p90_hours_late: Decimal | None
    oldest_open_days: int | None
    not_yet_due: int | None
    cannot_tell: int | None
    undated: int | None
    waived: int | None


class Noticed(Figure):
    """A child who came to notice in the last 24 hours, flagged, with no referral on record.

    `referral` is the state of the requirement, or `not_required`.
    """

    incident_id: str
    child_id: str | None
    reported_at: datetime
    severity: str
    rules: tuple[str, ...]
    referral: str


class FunnelStage(Figure):
    """How many required strategy discussions got so far: required, on_record, held, with_outcome, in_time."""

    stage: str
    records: int | None


class AgeBand(Figure):
    """How many suspects have waited so long, from `days` on, without a decision on record, or with no telling."""

    days: int
    no_record: int | None
    cannot_tell: int | None


class UndecidedField(Figure):
    """How many verdicts lack something, and how many lack nothing else."""

    need: str
    verdicts: int | None
    alone: int | None


class GradeFigures(Figure):
    """How many cases have a grade: a case is a child, or the record of one without id; its grade is the worst.

    `could_be_worse` of them turn on what is not known: no telling yet.
    """

    grade: str
    cases: int | None
    could_be_worse: int | None
