"""Deadlines and working days, beyond the single facts of conformance/deadlines.yaml."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from riskflags.calendar import (
    Duration,
    deadline,
    is_calendar,
    is_working_day,
    move_day,
    working_day_after,
    working_days_after,
)
from riskflags.model import Moment

LONDON = ZoneInfo("Europe/London")
AUCKLAND = ZoneInfo("Pacific/Auckland")
ENGLAND = "england-and-wales"

BANK_HOLIDAYS = {  # as published on www.gov.uk/bank-holidays and in the proclamations of the years before
    1999: "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28 12-31",
    2002: "01-01 03-29 04-01 05-06 06-03 06-04 08-26 12-25 12-26",
    2011: "01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27",
    2012: "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26",
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}
DAYS = st.dates(date(1996, 1, 1), date(2099, 1, 1))
INSTANTS = st.integers(
    int(datetime(1996, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2090, 1, 1, tzinfo=UTC).timestamp())
)
DURATIONS = st.builds(
    Duration,
    st.integers(1, 60),
    st.sampled_from(("minutes", "hours", "days", "weeks", "months", "years", "working days")),
)


def at(seconds: int) -> Moment:
    return Moment.at(datetime.fromtimestamp(seconds, LONDON))


def due(anchor: Moment, within: str) -> tuple[int, int] | None:
    return deadline(anchor, Duration.parse(within), calendar=ENGLAND, zone=LONDON)


@pytest.mark.parametrize("year", BANK_HOLIDAYS)
def test_nobody_works_on_the_published_bank_holidays_and_everybody_on_the_other_weekdays(year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    free = {day for day in days if day.weekday() < 5 and not is_working_day(day, calendar=ENGLAND)}
    assert free == {date.fromisoformat(f"{year}-{day}") for day in BANK_HOLIDAYS[year].split()}


def test_a_calendar_of_weekends_only_has_no_holidays() -> None:
    assert is_working_day(date(2026, 12, 25), calendar="weekends-only")
    assert not is_working_day(date(2026, 12, 26), calendar="weekends-only")


@pytest.mark.parametrize(
    ("calendar", "day", "works"),
    [
        ("scotland", date(2026, 1, 2), False),
        (ENGLAND, date(2026, 1, 2), True),
        ("scotland", date(2026, 4, 6), True),
        ("northern-ireland", date(2026, 7, 13), False),
        ("IE", date(2026, 3, 17), False),
        ("GB-NIR", date(2026, 3, 17), False),
    ],
)
def test_other_calendars_have_their_own_holidays(calendar: str, day: date, works: bool) -> None:
    assert is_calendar(calendar)
    assert is_working_day(day, calendar=calendar) is works


@pytest.mark.parametrize("name", ["", "england", "XX", "GB-XXX", "GB-", "-", "weekends"])
def test_a_calendar_that_nobody_knows_is_none(name: str) -> None:
    assert not is_calendar(name)


@given(DAYS, st.integers(1, 60))
def test_so_many_working_days_lie_between_a_day_and_its_deadline(start: date, amount: int) -> None:
    end = working_day_after(start, amount, calendar=ENGLAND)
    assert end is not None
    days = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(is_working_day(day, calendar=ENGLAND) for day in days) == amount
    assert is_working_day(end, calendar=ENGLAND)


def test_every_deadline_of_working_days_from_2010_to_2035_is_the_one_that_is_counted_by_hand() -> None:
    """Counted from a list of working days that is made here, of the rules of bank holidays and their exceptions."""
    first, last = date(2010, 1, 1), date(2035, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    working = [day for day in days if day.weekday() < 5 and day not in bank_holidays(day.year)]
    place = {day: bisect_right(working, day) for day in days}
    for day in days[:-40]:
        found = [working_day_after(day, amount, calendar=ENGLAND) for amount in (0, 1, 2, 3, 5, 10, 15)]
        assert found == [day, *(working[place[day] + amount - 1] for amount in (1, 2, 3, 5, 10, 15))], day


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Return the bank holidays of England and Wales: by the Act of 1971 and the proclamations for single years."""
    easter = easter_sunday(year)
    mondays = {
        month: [day for day in (date(year, month, n) for n in range(1, 32)) if day.weekday() == 0] for month in (5, 8)
    }
    fixed = [_moved_on(date(year, 1, 1), [])]
    christmas = _moved_on(date(year, 12, 25), [date(year, 12, 26)])
    fixed += [christmas, _moved_on(date(year, 12, 26), [christmas])]
    may_day = date(2020, 5, 8) if year == 2020 else mondays[5][0]
    spring = {2012: date(2012, 6, 4), 2022: date(2022, 6, 2)}.get(year, mondays[5][-1])
    once = {
        2011: [date(2011, 4, 29)], 2012: [date(2012, 6, 5)], 2022: [date(2022, 6, 3), date(2022, 9, 19)],
        2023: [date(2023, 5, 8)],
    }.get(year, [])  # fmt: skip
    moving = [easter - timedelta(days=2), easter + timedelta(days=1), may_day, spring, mondays[8][-1]]
    return frozenset([*fixed, *moving, *once])


def _moved_on(day: date, taken: list[date]) -> date:
    """Return the day, or the next weekday that is not taken where it falls on a weekend."""
    while day.weekday() >= 5 or (day in taken and day.day != 25):
        day += timedelta(days=1)
    return day


def easter_sunday(year: int) -> date:
    """Return Easter Sunday by the rule of the Gregorian calendar (the anonymous algorithm of Meeus)."""
    golden, century, rest = year % 19, year // 100, year % 100
    leap, correction = century // 4, (8 * century + 13) // 25
    moon = (19 * golden + century - leap - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@pytest.mark.parametrize("day", [date(1990, 6, 1), date(1993, 12, 31), date(2100, 12, 31), date(2150, 1, 1)])
def test_outside_the_years_of_the_calendar_there_is_no_answer(day: date) -> None:
    assert working_day_after(day, 1, calendar=ENGLAND) is None
    assert due(Moment.whole_day(day, zone=LONDON), "1 working day") is None


@given(st.lists(INSTANTS, min_size=2), DURATIONS)
def test_a_later_anchor_never_has_an_earlier_deadline(instants: list[int], within: Duration) -> None:
    found = [deadline(at(s), within, calendar=ENGLAND, zone=LONDON) for s in sorted(instants)]
    for earlier, later in pairwise(found):
        assert earlier is not None
        assert later is not None
        assert later >= earlier or later[0] >= earlier[0] - 3600  # the hour that occurs twice is one local time


@given(INSTANTS, DURATIONS)
def test_a_day_has_every_deadline_that_a_time_of_it_has(second: int, within: Duration) -> None:
    moment = at(second)
    some_time = deadline(Moment.whole_day(moment.day, zone=LONDON), within, calendar=ENGLAND, zone=LONDON)
    exactly = deadline(moment, within, calendar=ENGLAND, zone=LONDON)
    assert some_time is not None
    assert exactly is not None
    assert some_time[0] <= exactly[0] <= exactly[1] <= some_time[1]


@given(INSTANTS, st.integers(0, 10_000), st.sampled_from(("minutes", "hours")))
def test_minutes_and_hours_are_elapsed_time(second: int, amount: int, unit: str) -> None:
    seconds = amount * {"minutes": 60, "hours": 3600}[unit]
    assert due(at(second), f"{amount} {unit}") == (second + seconds, second + seconds)


@given(INSTANTS, st.integers(0, 400))
def test_days_keep_the_local_time_of_day(second: int, amount: int) -> None:
    start, found = datetime.fromtimestamp(second, LONDON), due(at(second), f"{amount} days")
    assert found is not None
    end = datetime.fromtimestamp(found[0], LONDON)
    wanted = start.replace(tzinfo=None) + timedelta(days=amount)
    skipped = wanted.replace(tzinfo=LONDON).astimezone(UTC).astimezone(LONDON).replace(tzinfo=None) != wanted
    assert end.replace(tzinfo=None) == (wanted + timedelta(hours=1) if skipped else wanted)


@given(INSTANTS)
def test_the_same_day_ends_with_its_last_second(second: int) -> None:
    found = due(at(second), "same day")
    assert found is not None
    assert found[0] == found[1]
    assert datetime.fromtimestamp(found[0], LONDON).date() == at(second).day
    assert datetime.fromtimestamp(found[0] + 1, LONDON).date() == at(second).day + timedelta(days=1)


def test_days_are_those_of_the_zone_of_the_pack() -> None:
    anchor = Moment.at(datetime(2026, 3, 2, 20, tzinfo=UTC).astimezone(AUCKLAND))
    end = deadline(anchor, Duration.parse("same day"), calendar="weekends-only", zone=AUCKLAND)
    last_second = int(datetime(2026, 3, 3, 23, 59, 59, tzinfo=AUCKLAND).timestamp())
    assert end == (last_second, last_second)


@given(DAYS, st.builds(Duration, st.integers(0, 48), st.sampled_from(("days", "weeks", "months", "years"))))
def test_moving_a_day_there_and_back_changes_it_only_where_a_month_is_shorter(day: date, within: Duration) -> None:
    assume(day.day <= 28 or within.unit in ("days", "weeks"))
    assert move_day(move_day(day, within), within, back=True) == day


@pytest.mark.parametrize(
    ("day", "within", "there"),
    [
        (date(2026, 1, 31), "1 month", date(2026, 2, 28)),
        (date(2024, 1, 31), "1 month", date(2024, 2, 29)),
        (date(2026, 12, 31), "2 months", date(2027, 2, 28)),
        (date(2024, 2, 29), "1 year", date(2025, 2, 28)),
        (date(2024, 2, 29), "4 years", date(2028, 2, 29)),
        (date(2026, 11, 30), "1 month", date(2026, 12, 30)),
        (date(2026, 11, 30), "14 months", date(2028, 1, 30)),
    ],
)
def test_a_month_ends_where_it_ends(day: date, within: str, there: date) -> None:
    assert move_day(day, Duration.parse(within)) == there


@pytest.mark.parametrize("within", ["3 hours", "3 minutes", "3 working days", "same day"])
def test_what_is_no_span_of_days_does_not_move_a_day(within: str) -> None:
    with pytest.raises(ValueError, match="does not move a day"):
        move_day(date(2026, 3, 2), Duration.parse(within))


# ---- times as they are written ---------------------------------------------------------------------------------------


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/London: the clocks went forward over it"):
        Moment.local_time(datetime(2026, 3, 29, 1, 30), zone=LONDON)  # noqa: DTZ001 - a local time is naive


@pytest.mark.parametrize("amount", [0, 1, 2, 5, 10])
@pytest.mark.parametrize(
    ("calendar", "first"),
    [(ENGLAND, date(2025, 12, 1)), (ENGLAND, date(1994, 12, 10)), ("weekends-only", date(2100, 11, 20))],
)
def test_days_one_after_another_have_the_working_days_of_each(calendar: str, first: date, amount: int) -> None:
    days = [first + timedelta(days=n) for n in range(60)]
    alone = [working_day_after(day, amount, calendar=calendar) for day in days]
    assert working_days_after(days, amount, calendar=calendar) == alone


def test_a_time_that_occurs_twice_is_both() -> None:
    moment = Moment.local_time(datetime(2026, 10, 25, 1, 30), zone=LONDON)  # noqa: DTZ001 - a local time is naive
    assert moment.latest - moment.earliest == 3600
    assert not moment.is_exact


@given(st.dates(date(1972, 1, 2), date(2199, 12, 30)))
def test_a_day_is_never_midnight_and_days_touch(day: date) -> None:
    today, tomorrow = (Moment.whole_day(day + timedelta(days=n), zone=LONDON) for n in (0, 1))
    assert tomorrow.earliest == today.latest + 1
    assert today.latest - today.earliest + 1 in (23 * 3600, 24 * 3600, 25 * 3600)
    assert str(today) == day.isoformat()


def test_a_naive_datetime_is_no_moment() -> None:
    with pytest.raises(TypeError, match="add a timezone"):
        Moment.at(datetime(2026, 3, 2, 9))  # noqa: DTZ001 - that is the point
