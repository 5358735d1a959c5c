"""Durations, and deadlines: elapsed minutes and hours, local calendar days to years, and working days.

Minutes and hours are elapsed time. Days, weeks, months and years keep the local time of day. Working days count from
the anchor's day as day 0 and end with the last local second of the last day; so does "same day". "Before next school
day" ends where the next school day starts, which may be later on the anchor's own day. An anchor whose time is not
known gives a deadline that lies between two instants.
"""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import holidays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from riskflags.model import Moment

Unit = Literal[
    "minutes", "hours", "days", "weeks", "months", "years", "working days", "same day", "before next school day"
]
_WITHOUT_AMOUNT: tuple[Unit, ...] = ("same day", "before next school day")
_LONGEST_AMOUNT = 5
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duration:
    """An amount of a unit. `same day` and `before next school day` have amount 0. Text form: "24 hours"."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        if self.unit in _WITHOUT_AMOUNT:
            return self.unit
        return f"{self.amount} {self.unit[:-1] if self.amount == 1 else self.unit}"

    @classmethod
    @cache
    def parse(cls, text: str) -> Duration:
        """Return the duration of a text such as "24 hours", "1 working day" or "same day". ValueError for any other."""
        for alone in _WITHOUT_AMOUNT:
            if text == alone:
                return cls(0, alone)
        amount, _, unit = text.partition(" ")
        plural = unit if unit.endswith("s") else f"{unit}s"
        found = next((u for u in get_args(Unit) if u == plural), None)
        if (
            found is None
            or found in _WITHOUT_AMOUNT
            or not (amount.isascii() and amount.isdigit())
            or len(amount) > _LONGEST_AMOUNT
        ):
            msg = (
                'write a number and a unit: "24 hours", "5 working days", "90 days"; or "same day", or '
                '"before next school day"'
            )
            raise ValueError(msg)
        return cls(int(amount), found)


@dataclass(frozen=True, slots=True)
class ParamDuration:
    """A duration that is a parameter of the pack, in force on the record's date."""

    param: str


Span = Duration | ParamDuration


@dataclass(frozen=True, slots=True)
class School:
    """The school days of a pack: when a day starts, the terms (both days in), and the days on which school is closed.

    Weekends and the holidays of the pack's calendar are never school days.
    """

    day_starts: time
    terms: tuple[tuple[date, date], ...]
    closed: frozenset[date] = frozenset()


Deadline = tuple[int, int]
"""The earliest and the latest UTC second at which it can fall due; both ends are in time."""

ELAPSED_SECONDS: Mapping[str, int] = {"minutes": 60, "hours": 3600}
"""Units of elapsed time; all others count days of the calendar."""
_LATE_SECONDS: Mapping[str, int] = {**ELAPSED_SECONDS, "days": 86_400, "weeks": 604_800}
LATE_UNITS = tuple(_LATE_SECONDS)
"""The units in which it can be said how late something is: elapsed time, a day being 24 hours."""
_FIRST_YEAR, _LAST_YEAR = 1995, 2100
_SATURDAY = 5


WEEKENDS_ONLY = "weekends-only"
CALENDARS: Mapping[str, str] = {
    "england-and-wales": "GB-ENG",
    "scotland": "GB-SCT",
    "northern-ireland": "GB-NIR",
    WEEKENDS_ONLY: "",
}
"""Name of a calendar in pack.yaml -> what the `holidays` package calls it. Its own names, such as IE, serve too."""


def is_calendar(name: str) -> bool:
    """Return whether there is a calendar of working days of this name."""
    if name in CALENDARS:
        return True
    country, dash, part = name.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    return country in known and (part in known[country] if dash else True)


@cache
def _days_off(calendar: str, year: int) -> frozenset[date]:
    """Return the days of a year, besides Saturdays and Sundays, on which nobody works."""
    country, _, part = CALENDARS.get(calendar, calendar).partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year)) if country else frozenset()


@cache
def _years(calendar: str) -> range:
    """Return the years that a calendar covers."""
    country, _, part = CALENDARS.get(calendar, calendar).partition("-")
    if not country:
        return range(_FIRST_YEAR, _LAST_YEAR + 1)
    found = holidays.country_holidays(country, subdiv=part or None)
    return range(max(_FIRST_YEAR, found.start_year), min(_LAST_YEAR, found.end_year) + 1)


def late_seconds(late_by: Duration) -> int:
    """Return how many seconds late a gap is that is late by so much; KeyError for units that are not LATE_UNITS."""
    return late_by.amount * _LATE_SECONDS[late_by.unit]


def deadline(
    anchor: Moment, within: Duration, *, calendar: str, zone: ZoneInfo, school: School | None = None
) -> Deadline | None:
    """Return when something falls due a span after the anchor; None outside what the calendar or the terms cover."""
    if within.unit in ELAPSED_SECONDS:
        seconds = within.amount * ELAPSED_SECONDS[within.unit]
        return anchor.earliest + seconds, anchor.latest + seconds
    if within.unit == "same day":
        end = _last_second(anchor.day, zone)
        return end, end
    if within.unit == "working days":
        day = working_day_after(anchor.day, within.amount, calendar=calendar)
        if day is None:
            return None
        end = _last_second(day, zone)
        return end, end
    if within.unit == "before next school day":
        starts = [next_school_start(s, school, calendar=calendar, zone=zone) for s in (anchor.earliest, anchor.latest)]
        return None if starts[0] is None or starts[1] is None else (starts[0], starts[1])
    return _moved(anchor.earliest, within, zone), _moved(anchor.latest, within, zone)


def next_school_start(seconds: int, school: School | None, *, calendar: str, zone: ZoneInfo) -> int | None:
    """Return the first start of a school day after an instant; None outside the terms that the pack knows."""
    if school is None:
        return None
    day = datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()
    if day < min(first for first, _ in school.terms):
        return None
    while day <= max(last for _, last in school.terms):
        start = int(datetime.combine(day, school.day_starts, zone).timestamp())
        if start > seconds and is_school_day(day, school, calendar=calendar):
            return start
        day += timedelta(days=1)
    return None


def is_school_day(day: date, school: School, *, calendar: str) -> bool:
    """Return whether school is open on the day: a working day in term that is not among those closed."""
    in_term = any(first <= day <= last for first, last in school.terms)
    return in_term and day not in school.closed and is_working_day(day, calendar=calendar)


def working_day_after(day: date, amount: int, *, calendar: str) -> date | None:
    """Return the working day that is `amount` working days after the day; None where the calendar does not cover it."""
    left, covered = amount, _years(calendar)
    while left:
        day += timedelta(days=1)
        if day.year not in covered:
            return None
        if is_working_day(day, calendar=calendar):
            left -= 1
    return day if day.year in covered else None


def working_days_after(days: Sequence[date], amount: int, *, calendar: str) -> list[date | None]:
    """Return `working_day_after` of each of some days that follow one another, without counting anew from each."""
    covered = _years(calendar)
    if amount == 0:
        return [day if day.year in covered else None for day in days]
    first = date(covered.start, 1, 1) - _ONE_DAY
    working = _working_days(calendar)
    found: list[date | None] = []
    passed = 0
    for day in days:
        while passed < len(working) and working[passed] <= day:
            passed += 1
        reached = passed + amount - 1
        found.append(working[reached] if day >= first and reached < len(working) else None)
    return found


@cache
def _working_days(calendar: str) -> tuple[date, ...]:
    """Return the working days of all years that a calendar covers."""
    covered = _years(calendar)
    first, last = date(covered.start, 1, 1).toordinal(), date(covered.stop - 1, 12, 31).toordinal()
    days = map(date.fromordinal, range(first, last + 1))
    return tuple(day for day in days if is_working_day(day, calendar=calendar))


def is_working_day(day: date, *, calendar: str) -> bool:
    """Return whether people work on the day: not a Saturday, a Sunday or a holiday of the calendar."""
    return day.weekday() < _SATURDAY and day not in _days_off(calendar, day.year)


def move_day(day: date, within: Duration, *, back: bool = False) -> date:
    """Return the day that is some days, weeks, months or years later, or earlier. A 31st falls on the month's last day.

    Hours and minutes do not move a day: ValueError.
    """
    amount = -within.amount if back else within.amount
    match within.unit:
        case "days" | "weeks":
            return day + timedelta(days=amount * (7 if within.unit == "weeks" else 1))
        case "months" | "years":
            count = day.year * 12 + day.month - 1 + amount * (12 if within.unit == "years" else 1)
            year, month = divmod(count, 12)
            return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))
        case _:
            msg = f"{within} does not move a day"
            raise ValueError(msg)


def _moved(seconds: int, within: Duration, zone: ZoneInfo) -> int:
    """Return the instant at the same local time of day, later; a time that the clocks skip moves an hour on."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    day = move_day(local.date(), within)
    return int(local.replace(year=day.year, month=day.month, day=day.day).timestamp())


def _last_second(day: date, zone: ZoneInfo) -> int:
    following = day + timedelta(days=1)
    return int(datetime(following.year, following.month, following.day, tzinfo=zone).timestamp()) - 1
