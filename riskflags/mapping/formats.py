"""Dates and times as extracts write them: formats are named, tried in the order given, and never inferred.

`dd`, `mm`, `hh`, `ss` are two digits, `d`, `m`, `h` one or two, `mmm` an English month (Jan), `yyyy` or `yy` a year,
`AM` either AM or PM. After an hour, `mm` is minutes. `excel_serial` is the number of days that Excel counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXCEL_SERIAL = "excel_serial"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TIME_FORMATS = ("hh:mm", "hh:mm:ss", "h:mm", "hhmm", "h:mm AM", "hh:mm:ss AM")
_TOKEN = re.compile(r"yyyy|yy|mmm|mm|m|dd|d|hh|h|ss|AM|T|[a-zA-Z]+|.", re.DOTALL)
_PATTERNS = {
    "yyyy": r"(?P<year>\d{4})", "yy": r"(?P<short>\d\d)", "mmm": r"(?P<name>[a-z]{3})", "mm": r"(?P<month>\d\d)",
    "m": r"(?P<month>\d\d?)", "dd": r"(?P<day>\d\d)", "d": r"(?P<day>\d\d?)", "hh": r"(?P<hour>\d\d)",
    "h": r"(?P<hour>\d\d?)", "ss": r"(?P<second>\d\d)", "AM": r"(?P<half>am|pm)", "T": "t",
}  # fmt: skip
_SERIAL = re.compile(r"\d{1,6}(\.\d+)?", re.ASCII)
_FIRST_SERIAL = 61  # Excel counts a 29 February 1900 that never was: earlier serials are a day off
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a local time: its zone is the mapping's affair
_LAST_SERIAL = (date(2200, 1, 1) - _SERIAL_ZERO.date()).days
_NOON = 12


@dataclass(frozen=True, slots=True)
class Clock:
    """A local day, and the time on it where it is known."""

    day: date
    at: time | None = None

    def text(self) -> str:
        """Return ISO 8601 local text: "2026-03-31T10:00:00", or "2026-03-31" for a day alone."""
        return self.day.isoformat() if self.at is None else f"{self.day.isoformat()}T{self.at.isoformat('seconds')}"


def check_format(form: str, *, two_digit_years: bool) -> str:
    """Return what is wrong with a date format; empty when nothing is."""
    if form == EXCEL_SERIAL:
        return ""
    tokens: list[str] = _TOKEN.findall(form)
    if unknown := next((token for token in tokens if token.isalpha() and token not in _PATTERNS), ""):
        return f"{unknown} means nothing in a date format"
    groups: list[str] = re.findall(r"\?P<(\w+)>", _pattern(form))
    needed = "day" in groups and {"month", "name"} & {*groups} and {"year", "short"} & {*groups}
    if not needed or len(groups) != len({*groups} - ({"name"} if "month" in groups else set())):
        return "a date format has a day, a month and a year, each once"
    if "short" in groups and not two_digit_years:
        return "yy needs two_digit_years: {from: 1930}"
    return ""


def read_clock(text: str, formats: Sequence[str], *, century_from: int = 0) -> Clock | None:
    """Return the day, and the time if any, of a text in the first format that it fits; None where it fits none.

    A year of two digits is the one from `century_from` to 99 years later.
    """
    return next((found for form in formats if (found := _read(text, form, century_from)) is not None), None)


def looks_like(text: str, form: str) -> bool:
    """Return whether a text has the shape of a date format, whatever its digits say; no shape is an Excel serial."""
    return form != EXCEL_SERIAL and _compiled(form).fullmatch(text.lower()) is not None


def read_time(text: str, form: str, *, pad: int = 0) -> time | None:
    """Return the time of day of a text in a format of TIME_FORMATS, filled up with zeros to `pad`; None for no time."""
    found = _compiled(form).fullmatch(text.rjust(pad, "0").lower())
    return _time(found.groupdict()) if found else None


def _read(text: str, form: str, century_from: int) -> Clock | None:
    if form == EXCEL_SERIAL:
        return _serial(text)
    found = _compiled(form).fullmatch(text.lower())
    if not found:
        return None
    parts = found.groupdict()
    year = int(parts["year"]) if parts.get("year") else _full_year(int(parts["short"]), century_from)
    month = MONTHS.index(parts["name"]) + 1 if parts.get("name") in MONTHS else int(parts.get("month") or 0)
    at = _time(parts) if parts.get("hour") else None
    if parts.get("hour") and at is None:
        return None
    try:
        return Clock(date(year, month, int(parts["day"])), at)
    except ValueError:
        return None


def _full_year(short: int, century_from: int) -> int:
    return century_from + (short - century_from) % 100


def _time(parts: dict[str, str | None]) -> time | None:
    hour, half = int(parts["hour"] or 0), parts.get("half")
    if half is not None:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    try:
        return time(hour, int(parts.get("minute") or 0), int(parts.get("second") or 0))
    except ValueError:
        return None


def _serial(text: str) -> Clock | None:
    if not _SERIAL.fullmatch(text) or not _FIRST_SERIAL <= float(text) < _LAST_SERIAL:
        return None
    when = _SERIAL_ZERO + timedelta(seconds=round(float(text) * 86_400))
    return Clock(when.date(), when.time() if "." in text else None)


def _pattern(form: str) -> str:
    """Return a format as a regular expression; minutes are told from months by the hour before them."""
    pattern, seen_hour = "", False
    for token in _TOKEN.findall(form):
        if token in ("mm", "m") and seen_hour:
            pattern += r"(?P<minute>\d\d)"
        else:
            pattern += _PATTERNS.get(token, re.escape(token.lower()))
        seen_hour = seen_hour or token in ("hh", "h")
    return pattern


@cache
def _compiled(form: str) -> re.Pattern[str]:
    return re.compile(_pattern(form), re.ASCII)
