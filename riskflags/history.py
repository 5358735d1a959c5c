"""Which other records the rules can read of one record, and which records can read it: keys and days.

Exact as far as a key and a range of days can be: every record outside is sure not to matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from riskflags.calendar import ELAPSED_SECONDS, Duration, move_day
from riskflags.lookup import keys_of
from riskflags.model import Absent, Moment
from riskflags.pack import Computed, LookUp
from riskflags.record import Names, Records
from riskflags.windows import span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from riskflags.calendar import Span
    from riskflags.condition import Row
    from riskflags.incident import Incident
    from riskflags.pack import Pack
    from riskflags.record import Record

_Days = tuple["date | None", "date | None"]
_EVERYTHING_IS_THERE = datetime(2199, 12, 31, tzinfo=UTC)
_LISTING = ("list_of", "first_recorded")
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, order=True)
class HistoryKey:
    """Records that hold a value in a field, of the days from `since` to `until`, both in; None is without end.

    A day is the local day of the pack's event_time. `field` is a path such as child.id; of suspect.id, any suspect
    counts, and of a list of codes, any of them. A derived value that is no list of fields stands under its own name.
    """

    field: str
    value: str
    since: date | None = None
    until: date | None = None


def history_needed(incident: Incident, names: Names) -> list[HistoryKey]:
    """Return what the look-ups and actions of a pack can read of other records for one record, each key once."""
    return _widest(_reached(incident, names, _read_from))


def affected_by(versions: Iterable[Incident], names: Names) -> list[HistoryKey]:
    """Return which records can read one of these: a record that arrives, and how it was before it was corrected."""
    return _widest(key for incident in versions for key in _reached(incident, names, _read_until))


def _reached(
    incident: Incident, names: Names, days: Callable[[LookUp, Row, Record, Pack], _Days]
) -> Iterator[HistoryKey]:
    """Yield the keys by which a record is linked to others, each with the days that a look-up reaches."""
    record = next(iter(Records(names, [incident], as_of=_EVERYTHING_IS_THERE)))
    for how in _look_ups(names):
        for row in record.rows:
            yield from _keys(how, row, names, *days(how, row, record, names.pack))
    child = incident.child.id
    if child is not None and _asks_by_child(names.pack):
        yield HistoryKey("child.id", child)
    for spec in names.pack.duplicates:
        for value in keys_of(record.base[spec.by[0]]):
            yield from (HistoryKey(field, _text(value)) for field in _fields(spec.by[0], names))


def _look_ups(names: Names) -> Iterator[LookUp]:
    """Yield every look-up over records of the pack."""
    for derived in names.derived.values():
        if isinstance(derived.how, LookUp) and derived.how.over == "records":
            yield derived.how


def _asks_by_child(pack: Pack) -> bool:
    """Return whether a rule requires an action that any record of the child can satisfy."""
    return any(pack.actions[ask.action].per == "child" for rule in pack.rules for ask in rule.requires)


def _keys(how: LookUp, row: Row, names: Names, since: date | None, until: date | None) -> Iterator[HistoryKey]:
    """Yield the keys of the first thing that the records must share: all the others only leave some of them out."""
    for value in keys_of(row[how.by[0]]):
        for field in _fields(how.by[0], names):
            yield HistoryKey(field, _text(value), since, until)


def _fields(name: str, names: Names) -> Iterator[str]:
    """Yield the fields that a name reads: those that it is a list of, or the first of."""
    derived = names.derived.get(name)
    if derived is not None and isinstance(derived.how, Computed) and derived.how.function in _LISTING:
        for one in derived.how.names:
            yield from _fields(one, names)
    else:
        yield name


def _text(value: Hashable) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return value.isoformat()
        case _:
            return str(value)


# ---- days ------------------------------------------------------------------------------------------------------------


def _read_from(how: LookUp, row: Row, record: Record, pack: Pack) -> _Days:
    """Return the first and the last day that a look-up of this record reads."""
    event = row[record.event_time]
    until = None if how.window.up_to_as_of or _is_everything(how) or not isinstance(event, Moment) else event.day
    if how.window.back is None or not isinstance(event, Moment):
        return None, until
    span = span_of(how.window.back, row)
    spans = _every_value(how.window.back, pack) if isinstance(span, Absent) else [span]
    return min(_back(event.day, one) for one in spans), until


def _read_until(how: LookUp, row: Row, record: Record, pack: Pack) -> _Days:
    """Return the first and the last day of the records whose look-up reads this one."""
    event = row[record.event_time]
    if not isinstance(event, Moment) or _is_everything(how):
        return None, None
    since = None if how.window.up_to_as_of else event.day
    if how.window.back is None:
        return since, None
    return since, max(_forth(event.day, one) for one in _every_value(how.window.back, pack))


def _is_everything(how: LookUp) -> bool:
    return how.window.back is None and not how.window.last


def _every_value(span: Span, pack: Pack) -> list[Duration]:
    """Return every length that a window can have: a parameter goes by the day of the record that asks."""
    if isinstance(span, Duration):
        return [span]
    return [value for _, value in pack.params[span.param].values if isinstance(value, Duration)]


def _back(day: date, span: Duration) -> date:
    if span.unit in ELAPSED_SECONDS:
        return day - timedelta(days=_days_of(span))
    return move_day(day, span, back=True) + timedelta(days=1)


def _forth(day: date, span: Duration) -> date:
    """Return the last day from which a window reaches back to this one; the end of a month may reach further."""
    if span.unit in ELAPSED_SECONDS:
        return day + timedelta(days=_days_of(span))
    return move_day(day, span) + timedelta(days=3 if span.unit in ("months", "years") else 0)


def _days_of(span: Duration) -> int:
    """Return over how many days a span of hours can reach."""
    return -(-span.amount * ELAPSED_SECONDS[span.unit] // _DAY_SECONDS) + 1


# ---- each key once ---------------------------------------------------------------------------------------------------


def _widest(keys: Iterable[HistoryKey]) -> list[HistoryKey]:
    """Return the keys in order, ranges of one field and value that touch or overlap put together."""
    found: list[HistoryKey] = []
    for key in sorted(set(keys), key=_order):
        last = found[-1] if found else None
        if last is not None and (last.field, last.value) == (key.field, key.value) and _touch(last, key):
            until = None if last.until is None or key.until is None else max(last.until, key.until)
            found[-1] = HistoryKey(key.field, key.value, last.since, until)
        else:
            found.append(key)
    return found


def _order(key: HistoryKey) -> tuple[str, str, date, date]:
    return key.field, key.value, key.since or date.min, key.until or date.max


def _touch(first: HistoryKey, second: HistoryKey) -> bool:
    return first.until is None or second.since is None or second.since <= first.until + timedelta(days=1)
