"""What a look-up looked at, in words: whose records, from when to when, and the nearest that its window leaves out."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import ELAPSED_SECONDS, Duration, ParamDuration, move_day
from riskflags.condition import Comparison, Condition, Group, Named
from riskflags.explanation import line_of, masked
from riskflags.lookup import beyond_the_window, counted_as_one
from riskflags.model import Absent, Moment
from riskflags.pack import shown
from riskflags.windows import span_of
from riskflags.words import in_words, moment_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskflags.condition import Row
    from riskflags.pack import LookUp
    from riskflags.record import Record, Records

_ITEMS = {"records": "records", "done": "actions", "markers": "markers", "suspects": "suspects"}
_KEYS = {"child.id": "of child", "suspect.id": "of suspect"}
_HOUR = 3600


def look_up_words(
    spec: LookUp,
    row: Row,
    record: Record,
    records: Records,
    *,
    personal: frozenset[str],
    param: Callable[[str, Row], str],
) -> str:
    """Return what a look-up looked at for one row of a record; values of the fields in `personal` are masked."""
    parts = [_asked(spec)]
    if spec.over == "records":
        parts += [_key_words(name, row, personal) for name in spec.by]
        parts += [_window_words(spec, row, records, param)]
    else:
        parts.append("on this record")
    if spec.where is not None:
        parts.append(f"where {_where_words(spec.where)}")
    text = " ".join(part for part in parts if part)
    nearest = _nearest_outside(spec, row, record, records) if spec.over == "records" else ""
    once = [f"{' and '.join(ids)} count once, as one event" for ids in counted_as_one(spec, row, record, records)]
    return "; ".join(part for part in (text, *once, nearest) if part)


def _asked(spec: LookUp) -> str:
    items = _ITEMS[spec.over]
    match spec.function:
        case "how_many":
            return f"how many {items}{', this one left out,' if spec.others else ''}"
        case "how_many_different":
            return f"how many different {shown(spec.of)} in the {items}{', this one left out,' if spec.others else ''}"
        case "union":
            return f"every {shown(spec.of)} of the {items}{', this one left out,' if spec.others else ''}"
        case "earliest" | "latest":
            return f"the {spec.function} {shown(spec.of)} of the {items}{', this one left out,' if spec.others else ''}"


def _key_words(name: str, row: Row, personal: frozenset[str]) -> str:
    value = row[name]
    words = masked(value) if name in personal else in_words(value)
    return f"{_KEYS.get(name, f'with {shown(name)}')} {words}"


def _where_words(where: Condition) -> str:
    """Return a condition in a few words: its name, or the line that it begins on."""
    match where:
        case Named(name=name):
            return name
        case Comparison() | Group():
            return f"{line_of(where.place)} holds"
        case _:
            assert_never(where)


def _window_words(spec: LookUp, row: Row, records: Records, param: Callable[[str, Row], str]) -> str:
    """Return from when to when: days for windows in days, times for windows in hours."""
    event, back = row[records.pack.event_time], spec.window.back
    if spec.window.of is not None:
        return f"the last {spec.window.last} where {_where_words(spec.window.of)}"
    if back is None or not isinstance(event, Moment):
        return "at any time" if back is None else ""
    span = span_of(back, row)
    given = f", {param(back.param, row)}," if isinstance(back, ParamDuration) else ""
    if isinstance(span, Absent):
        return f"in a window that is not known{given}"
    first, last = _ends(spec, span, event, records)
    return f"from {first} to {last}{given}"


def _ends(spec: LookUp, span: Duration, event: Moment, records: Records) -> tuple[str, str]:
    zone = records.names.zone
    if span.unit in ELAPSED_SECONDS:
        begun = event.earliest - span.amount * ELAPSED_SECONDS[span.unit] + 1
        until = records.as_of.earliest if spec.window.up_to_as_of else event.latest
        return _time(moment_at(begun, zone)), _time(moment_at(until, zone))
    first = move_day(event.day, span, back=True) + timedelta(days=1)
    return first.isoformat(), (records.as_of.day if spec.window.up_to_as_of else event.day).isoformat()


def _time(when: datetime) -> str:
    return when.replace(tzinfo=None).isoformat(" ", "minutes")


def _nearest_outside(spec: LookUp, row: Row, record: Record, records: Records) -> str:
    """Return the record that comes nearest to the window without being in it; nothing where there is none."""
    event, back = row[records.pack.event_time], spec.window.back
    span = span_of(back, row) if back is not None else None
    if not isinstance(event, Moment) or not isinstance(span, Duration):
        return ""
    left_out = [
        (_how_far(span, event, when), other.id) for other, when in beyond_the_window(spec, row, record, records)
    ]
    if not left_out:
        return ""
    (far, is_late), nearest = min(left_out)
    unit = "hour" if span.unit in ELAPSED_SECONDS else "day"
    return f"the next is {nearest}, {far} {unit}{'' if far == 1 else 's'} {'later' if is_late else 'outside'}"


def _how_far(span: Duration, event: Moment, when: Moment) -> tuple[int, bool]:
    """Return how far a time lies from the window, in days or in hours begun, and whether it lies behind its end."""
    if span.unit in ELAPSED_SECONDS:
        if when.earliest > event.latest:
            return _hours(when.earliest - event.latest), True
        return _hours(event.earliest - span.amount * ELAPSED_SECONDS[span.unit] - when.latest), False
    first: date = move_day(event.day, span, back=True) + timedelta(days=1)
    return ((when.day - event.day).days, True) if when.day > event.day else ((first - when.day).days, False)


def _hours(seconds: int) -> int:
    return max(1, -(-seconds // _HOUR))
