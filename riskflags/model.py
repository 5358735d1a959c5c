"""The values that every engine sees, with what is not exactly known kept in the value itself.

A name of a record (a field, a derived value, a parameter, a reading of a flag or gap) has one `Value`:

text, code   `str`, compared whole, by code point
yes_no       `bool`
date         `datetime.date`
moment       `Moment`: two UTC instants and a local day
number       `Number`: low and high
codes        `Codes`: the codes known to be there, and whether there may be more
not there    `Absent`: with the needs that would fill it

A *need* is the shortest spelling of what is missing: `child.in_care` (absent), `missing.located_at@time` (only the
day is known), `child.stated_age@exact` (only a stated age is known), `I7:child.id` (in another record), `rejected:12`
(a row that could not be read).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

Needs = frozenset[str]
NO_NEEDS: Needs = frozenset()


class Severity(IntEnum):
    """How serious a flag is: low < medium < high < critical."""

    low = 1
    medium = 2
    high = 3
    critical = 4

    def __str__(self) -> str:
        return self.name


class Grade(IntEnum):
    """How well a case was handled, as inspectors say it: good < requires_improvement < inadequate."""

    good = 1
    requires_improvement = 2
    inadequate = 3

    def __str__(self) -> str:
        return self.name


class Verdict(StrEnum):
    """What a rule says of a record. Undecided is an answer of its own, never a quiet "no"."""

    fires = "fires"
    clears = "clears"
    undecided = "undecided"


class State(StrEnum):
    """Where a requirement stands at `as_of`. `overdue` and `done_late` are gaps."""

    overdue = "overdue"
    done_late = "done_late"
    cannot_tell = "cannot_tell"
    undated = "undated"
    not_yet_due = "not_yet_due"
    done = "done"
    waived = "waived"

    @property
    def is_gap(self) -> bool:
        """True for a required action with no record in time."""
        return self in (State.overdue, State.done_late)


@dataclass(frozen=True, slots=True)
class Absent:
    """No value, and the needs that would give one. `held` is False where the source records no such thing at all."""

    needs: Needs
    held: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """A number between `low` and `high`, both ends in; exact when they are equal."""

    low: Decimal | int
    high: Decimal | int
    needs: Needs = NO_NEEDS

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        return low if self.low == self.high else f"{low} to {high}"


def _plain(number: Decimal | int) -> str:
    """Return the number without an exponent or trailing zeros."""
    return f"{Decimal(number).normalize():f}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: between two UTC instants of whole seconds since 1970, on one local day.

    `earliest` and `latest` are equal when the time is known; else they are the first and last second it can be.
    `local` is how it was written, in local time: "2026-03-31T10:00:00+01:00", or "2026-03-31" for a day without a time.
    """

    earliest: int
    latest: int
    day: date
    local: str = field(compare=False)
    needs: Needs = NO_NEEDS

    @property
    def is_exact(self) -> bool:
        """True when the second is known, not only the day."""
        return self.earliest == self.latest

    def __str__(self) -> str:
        return self.local

    @classmethod
    def at(cls, when: datetime) -> Moment:
        """Return the exact moment of an aware datetime; its day is the day in the datetime's own zone."""
        if when.utcoffset() is None:
            msg = "a moment needs an aware datetime: add a timezone"
            raise TypeError(msg)
        seconds = math.floor(when.timestamp())
        return cls(seconds, seconds, when.date(), when.replace(microsecond=0).isoformat())

    @classmethod
    def local_time(cls, when: datetime, *, zone: ZoneInfo) -> Moment:
        """Return the moment of a naive local time in `zone`.

        A time that the clocks show twice in autumn is both; one that they skip in spring is a ValueError.
        """
        first, second = (when.replace(microsecond=0, tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return cls.at(first)
        instants = sorted((int(first.timestamp()), int(second.timestamp())))
        local = first.replace(tzinfo=None)
        if datetime.fromtimestamp(instants[0], zone).replace(tzinfo=None) != local:
            msg = f"{local.isoformat()} does not exist in {zone.key}: the clocks went forward over it"
            raise ValueError(msg)
        return cls(instants[0], instants[1], local.date(), local.isoformat())

    @classmethod
    def whole_day(cls, day: date, *, zone: ZoneInfo) -> Moment:
        """Return the moment that is some time on the local day: never midnight."""
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=zone)
        return cls(int(start.timestamp()), int(end.timestamp()) - 1, day, day.isoformat())


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes. With needs, `known` may lack some: there can be more."""

    known: frozenset[str]
    needs: Needs = NO_NEEDS

    def __str__(self) -> str:
        shown = ", ".join(sorted(self.known)) or "(none)"
        return f"{shown}, perhaps more" if self.needs else shown


Value = str | bool | date | Moment | Number | Codes | Absent


_NOT_EXACT = (Absent, Number, Moment, Codes)


def all_needs(values: Iterable[Value]) -> Needs:
    """Return every need of the values, absent or not exactly known."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, _NOT_EXACT):
            found |= value.needs
    return frozenset(found) if found else NO_NEEDS
