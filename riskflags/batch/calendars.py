"""The calendar as a table of days, so that deadlines are joins: no backend converts a timezone or knows a holiday.

Every figure of a day comes from `riskflags.calendar`. An instant is told by the seconds since its local day began; on
the day of a change of the clocks the table says when they change, and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from riskflags.batch import sql
from riskflags.batch.cells import surely
from riskflags.batch.windows import moved_day
from riskflags.calendar import ELAPSED_SECONDS, Duration, School, is_school_day, working_days_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from riskflags.batch.frames import Frame
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.batch.store import AnyStore
    from riskflags.pack import Pack

pa: Any = import_module("pyarrow")  # it ships no types
DAYS = "days"
_FIRST, _LAST = date(1899, 12, 1), date(2300, 1, 31)
_SECONDS_A_DAY = 86_400
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """A deadline in every row: its two ends, NULL where the calendar does not cover it."""

    low: Expr
    high: Expr


def make_days(store: AnyStore, pack: Pack, spans: set[Duration]) -> None:
    """Make the table of days, with a column for each number of working days that the pack counts."""
    days, columns = _of_zone(pack.zone)
    amounts = sorted({span.amount for span in spans if span.unit == "working days"})
    made = dict(columns)
    schema = {"date": "date", "start": "int64", "end": "int64", "changes_at": "int64", "change": "int64"}
    ends = dict(zip(days, columns["end"], strict=True))
    for amount in amounts:
        reached = working_days_after(days, amount, calendar=pack.calendar)
        made[working(amount)] = [None if day is None else ends[day] for day in reached]
        schema[working(amount)] = "int64"
    own, following = _school(pack.school, days, pack)
    made |= {"school": own, "next_school": following}
    schema |= {"school": "int64", "next_school": "int64"}
    types = {"date": pa.date32(), "int64": pa.int64()}
    table = pa.table({name: pa.array(made[name], types[kind]) for name, kind in schema.items()})
    store.take(DAYS, table, schema)


def working(amount: int) -> str:
    """Return the column of the end of the day that is so many working days later."""
    return f"after {amount} working days"


@cache
def _of_zone(zone: ZoneInfo) -> tuple[list[date], dict[str, list[Any]]]:
    """Return the days, and for each when it starts and ends, and when the clocks change on it."""
    count = (_LAST - _FIRST).days
    days = [date.fromordinal(_FIRST.toordinal() + n) for n in range(count + 1)]
    starts = [int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) for day in days]
    columns: dict[str, list[Any]] = {"date": days[:-1], "start": starts[:-1], "end": [one - 1 for one in starts[1:]]}
    changes = [
        (None, 0) if after - before == _SECONDS_A_DAY else _change(before, after, zone)
        for before, after in pairwise(starts)
    ]
    columns["changes_at"], columns["change"] = [at for at, _ in changes], [by for _, by in changes]
    return days[:-1], columns


def changes_of_offset(zone: ZoneInfo) -> list[tuple[int, int]]:
    """Return since which UTC second a timezone has had which offset, in seconds, in order of time."""
    _, columns = _of_zone(zone)
    first = columns["start"][0]
    before = datetime.fromtimestamp(first, UTC).astimezone(zone).utcoffset()
    offset = int(before.total_seconds()) if before is not None else 0
    found = [(-(2**40), offset)]
    for start, at, by in zip(columns["start"], columns["changes_at"], columns["change"], strict=True):
        if by:
            offset += by
            found.append((start + at, offset))
    return found


def _change(start: int, end: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return how long after the start of a day its clocks change, and by how many seconds."""

    def offset(seconds: int) -> int:
        found = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()
        return int(found.total_seconds()) if found is not None else 0

    low, high, before = start, end, offset(start)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return high - start, offset(high) - before


def _school(school: School | None, days: list[date], pack: Pack) -> tuple[list[int | None], list[int | None]]:
    """Return when school starts on each day, where it does, and when it next starts after that day, in a known term."""
    own: list[int | None] = [None] * len(days)
    following: list[int | None] = [None] * len(days)
    if school is None:
        return own, following
    first, last = min(first for first, _ in school.terms), max(last for _, last in school.terms)
    ahead: int | None = None
    for number in reversed(range(len(days))):
        day = days[number]
        if not first <= day <= last:
            continue
        following[number] = ahead
        if is_school_day(day, school, calendar=pack.calendar):
            own[number] = int(datetime.combine(day, school.day_starts, pack.zone).timestamp())
            ahead = own[number]
    return own, following


# ---- deadlines -------------------------------------------------------------------------------------------------------


def deadline(store: AnyStore, frame: Frame, anchor: str, within: Duration) -> tuple[Relation, Due]:
    """Return the rows with the days that a deadline needs beside them, and the deadline: a span after `anchor`."""
    cell = frame.cells[anchor]
    if within.unit in ELAPSED_SECONDS:
        seconds = within.amount * ELAPSED_SECONDS[within.unit]
        return frame.table, Due(cell.low + seconds, cell.high + seconds)
    if within.unit in ("same day", "working days"):
        beside, (day,) = _beside(store, frame.table, [cell.day])
        end = beside[f"{day} end" if within.unit == "same day" else f"{day} {working(within.amount)}"]
        return beside, Due(end, end)
    ends = [cell.low] if cell.is_exact else [cell.low, cell.high]
    beside, days = _in_zone(store, frame.table, ends)
    if within.unit == "before next school day":
        beside, found = _beside(store, beside, [beside[day] for day in days])
        cell = frame.onto(beside).cells[anchor]
        due = [_school_start(beside, day, end) for day, end in zip(found, (cell.low, cell.high), strict=False)]
    else:
        wanted = [one for day in days for one in (beside[day], moved_day(beside[day], within))]
        beside, found = _beside(store, beside, wanted)
        cell = frame.onto(beside).cells[anchor]
        own = zip((cell.low, cell.high), found[::2], found[1::2], strict=False)
        due = [_same_time(beside, end, day, to) for end, day, to in own]
    return beside, Due(due[0], due[-1])


def _in_zone(store: AnyStore, table: Relation, ends: Sequence[Expr]) -> tuple[Relation, list[str]]:
    """Return rows with the local day of some instants, and the columns of these days.

    It is the day in UTC or one beside it; the day that a record states may be that of another timezone.
    """
    names = [f"instant {len(table.columns)} {number}" for number in range(len(ends))]
    table = table.mutate(**dict(zip(names, ends, strict=True)))
    beside, days = _beside(store, table, [_day_in_utc(table[name]) for name in names])
    found = {
        f"{name} day": sql.cases(
            (beside[name] < beside[f"{day} start"], beside[f"{day} date"].moved(days=-1)),
            (beside[name] > beside[f"{day} end"], beside[f"{day} date"].moved(days=1)),
            else_=beside[f"{day} date"],
        )
        for name, day in zip(names, days, strict=True)
    }
    return beside.mutate(**found), list(found)


def _day_in_utc(seconds: Expr) -> Expr:
    """Return the day of some seconds in UTC, before 1970 too."""
    since_midnight = ((seconds % _SECONDS_A_DAY) + _SECONDS_A_DAY) % _SECONDS_A_DAY
    return sql.literal(_EPOCH, "date").moved(days=(seconds - since_midnight).over(_SECONDS_A_DAY).cast("int32"))


def _beside(store: AnyStore, table: Relation, wanted: Sequence[Expr]) -> tuple[Relation, list[str]]:
    """Return rows with what the calendar says of some days, and the name under which each of these stands."""
    names = [f"day {len(table.columns)} {number}" for number in range(len(wanted))]
    table = table.mutate(**{f"{name} date": day for name, day in zip(names, wanted, strict=True)})
    for name in names:
        days = store.table(DAYS)
        table = table.left_join(days.rename({f"{name} {one}": one for one in days.columns}), f"{name} date")
    return table, names


def _school_start(beside: Relation, day: str, seconds: Expr) -> Expr:
    own, following = beside[f"{day} school"], beside[f"{day} next_school"]
    return sql.ifelse(surely(seconds < own), own, following)


def _same_time(beside: Relation, seconds: Expr, day: str, to: str) -> Expr:
    """Return the instant at the same local time of another day; a time that the clocks skip moves on with them."""
    since = seconds - beside[f"{day} start"]
    changes_at, change = beside[f"{day} changes_at"], beside[f"{day} change"]
    after = surely(since >= changes_at)
    clock = since + sql.ifelse(after, change, 0)
    second = after & (change < 0) & (clock < changes_at)  # the second of two hours that the clocks show twice
    start, at, by = (beside[f"{to} {name}"] for name in ("start", "changes_at", "change"))
    forward = (clock >= at + by) | ((clock >= at) & second)
    turned = surely(sql.ifelse(by > 0, forward, (clock >= at) | ((clock >= at + by) & second)))
    return start + clock - sql.ifelse(turned, by, 0)


def spans_of(pack: Pack) -> Iterator[Duration]:
    """Yield every duration that a deadline of the pack can have."""
    dues = [due for action in pack.actions.values() for due in action.due]
    dues += [due for rule in pack.rules for ask in rule.requires for due in ask.due]
    for due in dues:
        if isinstance(due.within, Duration):
            yield due.within
        else:
            yield from (value for _, value in pack.params[due.within.param].values if isinstance(value, Duration))
