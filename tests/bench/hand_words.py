"""What the statements of the SQL by hand share: its columns, names and texts as SQL, and the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bench_rules import ACTIONS

from riskflags.calendar import working_day_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


LONDON = ZoneInfo("Europe/London")
YEARS = range(2023, 2028)
"""Years for which the rival knows the clocks and the bank holidays; a time outside them is refused."""
_CALENDAR = "england-and-wales"
OF_EVENT = ("incident.occurred_at", "incident.reported_at")
TEXTS = ("incident.id", "incident.team", "incident.unit", "incident.address_id", "child.id", "suspect.id")
FREE_CODES = ("incident.authority", "child.responsible_authority")
CODES = ("incident.type", "child.placement_type", "suspect.relationship")
DATES = ("child.date_of_birth", "suspect.date_of_birth")
YES_NO = (
    "child.in_care", "child.education_plan", "contact.sexual_content", "contact.images_requested",
    "contact.meeting_arranged",
)  # fmt: skip
MOMENTS = (*OF_EVENT, "missing.returned_at", *(f"action.{key}.at" for key in ACTIONS))
OUTCOMES = tuple(f"action.{key}.outcome" for key in ACTIONS)
LIST = "incident.indicators"
BY_BIRTH = {
    "calc.child_age": ("child.date_of_birth",),
    "calc.suspect_age": ("suspect.date_of_birth",),
    "calc.age_gap": ("child.date_of_birth", "suspect.date_of_birth"),
}
"""Derived numbers, with the dates of birth that they need."""
SPANS = {"calc.hours_away": ("event", "missing.returned_at"), "calc.hours_to_report": OF_EVENT}
"""Derived hours, with the two moments that they lie between."""
RANKS = {"critical": 4, "high": 3, "medium": 2}
SHOWN = 100


def text(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a name as SQL."""
    return f'"{value}"'


def texts(values: Iterable[str]) -> str:
    """Return texts as SQL, with commas."""
    return ", ".join(map(text, values))


def either(parts: Iterable[str]) -> str:
    """Return whether any of some conditions holds."""
    return "(" + " OR ".join(parts) + ")"


def there(parts: Iterable[str]) -> str:
    """Return a list of the texts that are not NULL."""
    return f"list_filter([{', '.join(parts)}]::VARCHAR[], lambda one : one IS NOT NULL)"


# ---- the clocks ------------------------------------------------------------------------------------------------------


@cache
def summers() -> tuple[tuple[datetime, datetime], ...]:
    """Return when the clocks go forward and back, in UTC without a zone."""
    found: list[datetime] = []
    for year in YEARS:
        hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(366 * 24)]
        offsets = [hour.astimezone(LONDON).utcoffset() for hour in hours]
        found += [hour.replace(tzinfo=None) for n, hour in enumerate(hours) if n and offsets[n] != offsets[n - 1]]
    return tuple(zip(found[::2], found[1::2], strict=True))


def in_summer(when: str, *, first: int, last: int) -> str:
    """Return whether a local time lies in summer, which begins and ends so many hours after the clocks change."""
    spans = (
        f"{when} >= TIMESTAMP '{start + timedelta(hours=first)}' AND {when} < TIMESTAMP '{end + timedelta(hours=last)}'"
        for start, end in summers()
    )
    return either(f"({span})" for span in spans)


def days(amounts: Sequence[int]) -> str:
    """Return the rows of a table of days: for each number of working days the last second of the last one, in UTC."""
    rows: list[str] = []
    day = date(YEARS[0], 1, 1)
    while day < date(YEARS[-1], 12, 1):
        ends = (working_day_after(day, amount, calendar=_CALENDAR) for amount in amounts)
        rows.append(f"(DATE '{day}', {', '.join(_last_second(end) for end in ends)})")
        day += timedelta(days=1)
    columns = ", ".join(["day", *(f"working_{amount}" for amount in amounts)])
    return f"SELECT * FROM (VALUES {', '.join(rows)}) v({columns})"


def _last_second(day: date | None) -> str:
    if day is None:
        return "NULL"
    following = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(days=1)
    return str(int(following.timestamp()) - 1)


NO_TEXTS = "[]::VARCHAR[]"
