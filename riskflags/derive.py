"""Values computed from other values of one record: ages, spans of time, sums, first-recorded, lists.

`FUNCTIONS` is the one table that the loader, the engines and the docs read. An argument that is absent makes the result
absent, with its needs, unless the function says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Literal

from riskflags.condition import bounds, codes_of
from riskflags.kinds import OLDEST_AGE
from riskflags.model import NO_NEEDS, Absent, Codes, Moment, Number, Value, all_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from riskflags.condition import Row
    from riskflags.kinds import KindName
    from riskflags.pack import Computed

_HOUR = 3600
_SIXTH_PLACE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Function:
    """One derived function: what it takes, the kind it gives (None: the kind of its arguments), and how it computes."""

    name: str
    takes: Literal["two days", "two moments", "two numbers", "any", "texts", "a list", "a person", "two people"]
    gives: KindName | None
    meaning: str
    compute: Callable[[Sequence[Value], frozenset[str] | None], Value]


def compute(how: Computed, row: Row) -> Value:
    """Return the value of a computed name for this row."""
    if how.function == "first_recorded":  # the rest is not read: it is asked for on every record that is looked at
        for name in how.names:
            if not isinstance(row[name], Absent):
                return row[name]
    return FUNCTIONS[how.function].compute([row[name] for name in how.names], how.codes)


def _absent(values: Sequence[Value], *, also: Sequence[Value] = ()) -> Absent | None:
    """Return the absent result of absent arguments: with their needs, and those of the others that are inexact."""
    missing = [value for value in values if isinstance(value, Absent)]
    if not missing:
        return None
    return Absent(all_needs([*missing, *also]), held=all(value.held for value in missing))


def _day(value: Value) -> date:
    match value:
        case Moment():
            return value.day
        case date():
            return value
        case _:
            msg = f"{value!r} is on no day"
            raise TypeError(msg)


def whole_years(start: date, end: date) -> int:
    """Return the whole years from start to end; a 29 February counts from 1 March in other years."""
    if end < start:
        return -whole_years(end, start)
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _years_between(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    if absent := _absent(values):
        return absent
    years = whole_years(_day(values[0]), _day(values[1]))
    return Number(years, years)


def _days_between(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    if absent := _absent(values):
        return absent
    days = (_day(values[1]) - _day(values[0])).days
    return Number(days, days)


def _hours_between(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    if absent := _absent(values, also=values):
        return absent
    (start_low, start_high), (end_low, end_high) = bounds(values[0]), bounds(values[1])
    low, high = (
        (Decimal(seconds) / _HOUR).quantize(_SIXTH_PLACE, ROUND_FLOOR)
        for seconds in (end_low - start_high, end_high - start_low)
    )
    return Number(low, high, all_needs(values))


def _subtract(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    if absent := _absent(values, also=values):
        return absent
    (a_low, a_high), (b_low, b_high) = bounds(values[0]), bounds(values[1])
    return Number(a_low - b_high, a_high - b_low, all_needs(values))


def _add(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    if absent := _absent(values, also=values):
        return absent
    (a_low, a_high), (b_low, b_high) = bounds(values[0]), bounds(values[1])
    return Number(a_low + b_low, a_high + b_high, all_needs(values))


def _first_recorded(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    for value in values:
        if not isinstance(value, Absent):
            return value
    return Absent(all_needs(values), held=any(value.held for value in values if isinstance(value, Absent)))


def _list_of(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    present = [codes_of(value) for value in values if not isinstance(value, Absent)]
    if not present:
        return Absent(all_needs(values), held=any(value.held for value in values if isinstance(value, Absent)))
    return Codes(NO_NEEDS.union(*(codes.known for codes in present)), all_needs(values))


def _size(values: Sequence[Value], codes: frozenset[str] | None) -> Value:
    if absent := _absent(values):
        return absent
    held = codes_of(values[0])
    low = len(held.known if codes is None else held.known & codes)
    if not held.needs:
        return Number(low, low)
    return Number(low, len(codes) if codes is not None else 1_000_000, held.needs)


def _age(values: Sequence[Value], _codes: frozenset[str] | None) -> Value:
    """From (on, date of birth, stated age, youngest, oldest, is adult): whole years on the local day of `on`.

    A stated age is exact against a threshold; a range, or "is an adult" (18 or more), is as wide as it says.
    """
    on, born, stated, youngest, oldest, adult = values
    if isinstance(born, date) and not isinstance(on, Absent):
        years = whole_years(born, _day(on))
        return Number(years, years)
    if isinstance(stated, Number):
        return Number(math.floor(stated.low), math.floor(stated.high))
    low, high = 0, OLDEST_AGE
    if isinstance(youngest, Number):
        low = max(low, math.floor(youngest.low))
    if isinstance(oldest, Number):
        high = min(high, math.floor(oldest.high))
    if adult is True:
        low = max(low, ADULT)
    if adult is False:
        high = min(high, ADULT - 1)
    fillable = [v for v in (born, stated) if isinstance(v, Absent) and v.held]
    settles = all_needs(fillable[:1] or [born]) or all_needs([on])
    if (low, high) == (0, OLDEST_AGE) or low > high:
        return Absent(settles, held=bool(fillable) or isinstance(born, date))
    return Number(low, high, settles if low < high else NO_NEEDS)


def _age_gap(values: Sequence[Value], codes: frozenset[str] | None) -> Value:
    """From (on, the five of the older, the five of the younger): whole years between two people.

    From two dates of birth it is exact; from ages it is one year wide each way.
    """
    on, older, younger = values[0], values[1:6], values[6:11]
    if isinstance(older[0], date) and isinstance(younger[0], date):
        years = whole_years(older[0], younger[0])
        return Number(years, years)
    ages = _age([on, *older], codes), _age([on, *younger], codes)
    needs = NO_NEEDS.union(*(_birth_need(person) for person in (older, younger)))
    if absent := _absent(ages, also=[Absent(needs)]):
        return absent
    (a_low, a_high), (b_low, b_high) = bounds(ages[0]), bounds(ages[1])
    return Number(a_low - b_high - 1, a_high - b_low + 1, needs)


def _birth_need(person: Sequence[Value]) -> frozenset[str]:
    """Return what would give a date of birth: the stated age made exact, or the date itself."""
    born, stated = person[0], person[1]
    if isinstance(born, Absent) and isinstance(stated, Number):
        return frozenset(f"{need.removesuffix('.date_of_birth')}.stated_age@exact" for need in born.needs)
    return all_needs([born])


ADULT = 18
PERSON_FIELDS = ("date_of_birth", "stated_age", "age_from", "age_to", "is_adult")
"""The fields of a person that say something about age, in the order in which `age` takes them."""

FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("years_between", "two days", "number", "whole years from the first day to the second", _years_between),
        Function("days_between", "two days", "number", "calendar days from the first day to the second", _days_between),
        Function(
            "hours_between", "two moments", "number", "elapsed hours from the first to the second", _hours_between
        ),
        Function("subtract", "two numbers", "number", "the first less the second", _subtract),
        Function("add", "two numbers", "number", "the sum of the two", _add),
        Function("first_recorded", "any", None, "the first of the names that has a value", _first_recorded),
        Function("list_of", "texts", "codes", "the values of the names, as one list", _list_of),
        Function("size", "a list", "number", "how many codes a list has, or has of a given list", _size),
        Function("age", "a person", "number", "whole years of a person on a day", _age),
        Function("age_gap", "two people", "number", "whole years between two people", _age_gap),
    )
}


def person_names(person: str) -> tuple[str, ...]:
    """Return the names that `age` reads of a person: child or suspect."""
    return tuple(f"{person}.{name}" for name in PERSON_FIELDS)
