"""Plain English for values: what a person reads in a message, an explanation or a report."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from riskflags.model import Absent, Codes, Moment, Number, Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""Not by strftime: its names follow the locale of the process that imports this."""
_NAME = re.compile(r"\{([a-z_.0-9]+)\}")


def names_in(message: str) -> tuple[str, ...]:
    """Return the names that a message holds in braces, in order."""
    return tuple(_NAME.findall(message))


def fill(message: str, value_of: Callable[[str], Value]) -> str:
    """Return the message with each {name} replaced by its value in words; codes of a list lose their underscores."""

    def said(found: re.Match[str]) -> str:
        value = value_of(found[1])
        words = in_words(value)
        return words.replace("_", " ") if isinstance(value, Codes) else words

    return _NAME.sub(said, message)


def in_words(value: Value) -> str:
    """Return a value as a person reads it: "8 March 2018, 2:30pm", "9 to 11", "yes", "not recorded"."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Absent():
            return "not recorded" if value.held else "not held by this source"
        case Moment():
            return moment_words(value)
        case Number() | Codes():
            return str(value)
        case str():
            return value
        case date():
            return day_words(value)


def day_words(day: date) -> str:
    """Return a day in the GOV.UK style: "8 March 2018"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_words(when: datetime) -> str:
    """Return a time in the GOV.UK style: "8 March 2018, 2:30pm"."""
    hour = when.hour % 12 or 12
    return f"{day_words(when.date())}, {hour}:{when:%M}{'am' if when.hour < 12 else 'pm'}"  # noqa: PLR2004 - noon


def moment_words(moment: Moment) -> str:
    """Return a moment in words; a day alone where the time is not known."""
    if "T" not in moment.local:
        return day_words(moment.day)
    return time_words(datetime.fromisoformat(moment.local))


def moment_at(seconds: int, zone: ZoneInfo) -> datetime:
    """Return a UTC second as an aware datetime in a timezone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)
