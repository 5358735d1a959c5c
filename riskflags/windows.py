"""Windows of look-ups over records: which records are inside, by their time or as the last ones of a sort."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple, assert_never

from riskflags.calendar import ELAPSED_SECONDS, Duration, ParamDuration, move_day
from riskflags.condition import Answer, both, holds, invert
from riskflags.condition import needs as needs_of
from riskflags.duplicates import together, unsettled
from riskflags.looking import PARAM, THIS, given_by, of_this, spelled
from riskflags.model import NO_NEEDS, Absent, Moment, Needs, all_needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from riskflags.calendar import Span
    from riskflags.condition import Row
    from riskflags.duplicates import Occurrence
    from riskflags.looking import Given
    from riskflags.model import Value
    from riskflags.pack import LookUp
    from riskflags.record import Record

Inside = tuple[Answer, Needs]
"""Whether a record is in a window, and the needs that would settle it, spelled from that record."""
SURE: Inside = (True, NO_NEEDS)


@dataclass(frozen=True, slots=True)
class ByDay:
    """A window of whole local days: after one, up to and including another; None is without end."""

    after: date
    until: date | None

    def __contains__(self, when: Moment) -> bool:
        return self.after < when.day and (self.until is None or when.day <= self.until)


@dataclass(frozen=True, slots=True)
class BySecond:
    """A window of elapsed time, its ends as exact as the time of the record that asks; None is without end."""

    begins: Moment
    until: Moment | None


Reach = ByDay | BySecond | Literal[True] | None
"""A window as it lies around the record that asks: True for all records, None where it is not known."""


def reach_of(spec: LookUp, row: Row, event: Value) -> Reach:
    """Return how far the window of a look-up reaches from a record, whose time is `event`."""
    window = spec.window
    if not isinstance(event, Moment):
        return None
    if window.back is None:
        return True
    span = span_of(window.back, row)
    if isinstance(span, Absent):
        return None
    if span.unit in ELAPSED_SECONDS:
        begin = 1 - span.amount * ELAPSED_SECONDS[span.unit]
        begins = Moment(event.earliest + begin, event.latest + begin, event.day, "")
        return BySecond(begins, None if window.up_to_as_of else event)
    return ByDay(move_day(event.day, span, back=True), None if window.up_to_as_of else event.day)


def in_reach(reach: Reach, when: Moment) -> Answer:
    """Return whether a record of this time is in a window."""
    match reach:
        case True | None:
            return reach
        case ByDay():
            return when in reach
        case BySecond():
            late = True if reach.until is None else _ordered(when, reach.until)
            return both(late, _ordered(reach.begins, when))
        case _:
            assert_never(reach)


def settling(spec: LookUp, row: Row, when: Moment, event: Value) -> Needs:
    """Return what would settle whether another record's time is in a window, spelled from that record."""
    back = spec.window.back
    param = row[f"{PARAM}{back.param}"] if isinstance(back, ParamDuration) else True
    return when.needs | of_this(all_needs([param] if isinstance(param, Absent) else [event]))


def in_order(records: Iterable[tuple[Moment, Record]]) -> list[tuple[Moment, Record]]:
    """Return records, each with its time, in order of time, id and child."""
    return sorted(records, key=lambda pair: (pair[0].earliest, pair[1].id, pair[1].incident.child.id or ""))


class Line:
    """Records that share a key, in order: those that a window can reach lie side by side."""

    def __init__(self, records: Iterable[tuple[Moment, Record]]) -> None:
        self._records = in_order(records)
        times = [when for when, _ in self._records]
        self._earliest = [when.earliest for when in times]
        self._latest_yet = list(accumulate((when.latest for when in times), max))
        self._day_yet = list(accumulate((when.day for when in times), max))
        self._day_still = list(accumulate((when.day for when in reversed(times)), min))[::-1]

    def within(self, reach: Reach) -> Sequence[tuple[Moment, Record]]:
        """Return the records that may be in a window: every other is surely outside."""
        start, stop = 0, len(self._records)
        match reach:
            case True | None:
                return self._records
            case ByDay(after, until):
                start = bisect_right(self._day_yet, after)
                stop = stop if until is None else bisect_right(self._day_still, until)
            case BySecond(begins, until):
                start = bisect_left(self._latest_yet, begins.earliest)
                stop = stop if until is None else bisect_right(self._earliest, until.latest)
            case _:
                assert_never(reach)
        return self._records[start:stop]


def _ordered(first: Moment, second: Moment) -> Answer:
    if first.latest <= second.earliest:
        return True
    return False if first.earliest > second.latest else None


def span_of(span: Span, row: Row) -> Duration | Absent:
    """Return how long a span is for a record; absent where its parameter has no value on the record's date."""
    if isinstance(span, Duration):
        return span
    name = f"{PARAM}{span.param}"
    value = row[name]
    if isinstance(value, str):
        return Duration.parse(value)
    return value if isinstance(value, Absent) else Absent(frozenset({name}))


# ---- the last ones ---------------------------------------------------------------------------------------------------


class _Candidate(NamedTuple):
    """A record that may take a place among the last ones: its time, whether it does, and what would settle its sort.

    `early` says whether it is up to and including the record that asks.
    """

    record: Record
    when: Moment
    counts: Answer
    early: Answer
    needs: Needs


def last_ones(
    spec: LookUp, linked: Sequence[tuple[Record, Sequence[Row]]], row: Row, record: Record, *, unread: Needs
) -> dict[tuple[str, str | None], Inside]:
    """Return which of the linked records are among the last ones, by key; one that is surely not is left out.

    `unread` are the needs of rows that could not be read: each may be among the last ones, and put another out.
    """
    event, last = row[record.event_time], spec.window.last
    placed = list(_placed(spec, linked, row, record))
    later = Later([(one.record.counted_once, one.counts, one.when) for one in placed])
    found: dict[tuple[str, str | None], Inside] = {}
    for number, one in enumerate(placed):
        sure, may_be = later.surely(number), later.possibly(number) + len(unread)
        if sure >= last:
            continue
        if may_be < last and one.counts is True:
            found[one.record.incident.key] = SURE
            continue
        needs = one.needs | (all_needs([one.when]) | of_this(all_needs([event])) if one.early is None else NO_NEEDS)
        if may_be >= last:
            of = one.record.id if one.record is not record else ""
            needs |= all_needs([one.when]) | of_this(unread)
            for other, events in zip(placed, later.unsettled, strict=True):
                own = other.record.id if other.record is not record else ""
                unsure = both(other.counts, invert(_ordered(other.when, one.when))) is None
                if unsure and other is not one:
                    needs |= _as_seen_from(other.needs | all_needs([other.when]), other=own, looked=of)
                needs |= _as_seen_from(events, other=own, looked=of)
        found[one.record.incident.key] = (None, needs)
    return found


class Later:
    """How many events come after each of the records that may take a place: for sure at least, possibly at most.

    Records of one event take one place, the latest of theirs; those that only may be of one are one at least, and
    possibly more. `unsettled` is, for each record, what would settle which others are of its event.
    """

    def __init__(self, placed: Sequence[tuple[Sequence[Occurrence], Answer, Moment]]) -> None:
        self._times = [when for _, _, when in placed]
        events = [seen for seen, _, _ in placed]
        self._fewest = together(events, surely=False)
        self._most = together(events, surely=True)
        self.unsettled = unsettled(events, self._fewest)
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        for (_, counts, when), few, many in zip(placed, self._fewest, self._most, strict=True):
            if counts is True:
                starts[few] = max(starts.get(few, when.earliest), when.earliest)
            ends[many] = max(ends.get(many, when.latest), when.latest)
        self._starts, self._ends = starts, ends
        self._in_order = sorted(starts.values()), sorted(ends.values())

    def surely(self, number: int) -> int:
        """Return how many events surely come after one of the records."""
        return self._after(self._in_order[0], self._times[number].latest, self._starts.get(self._fewest[number]))

    def possibly(self, number: int) -> int:
        """Return how many events may come after one of the records."""
        return self._after(self._in_order[1], self._times[number].earliest, self._ends[self._most[number]])

    @staticmethod
    def _after(times: Sequence[int], when: int, own: int | None) -> int:
        """Return how many times lie after one, its own event left out."""
        return len(times) - bisect_right(times, when) - (own is not None and own > when)


def _placed(
    spec: LookUp, linked: Sequence[tuple[Record, Sequence[Row]]], row: Row, record: Record
) -> Iterator[_Candidate]:
    """Yield the records that may take a place: of the sort, and up to and including the one that asks."""
    event = row[record.event_time]
    given = given_by(row, spec.window.of) if spec.window.of is not None else None
    for other, rows in linked:
        when = other.when
        if not rows or when is None or not isinstance(event, Moment):
            continue
        early = True if other is record else _ordered(when, event)
        if early is False:
            continue
        meets, needs = _meets(spec, rows, given)
        counts = both(meets, early)
        if counts is not False:
            yield _Candidate(other, when, counts, early, needs)


def _meets(spec: LookUp, rows: Sequence[Row], given: Given | None) -> Inside:
    """Return whether a record is of the sort whose last ones are looked at: one of its rows is enough."""
    of = spec.window.of
    if of is None or given is None:
        return True, NO_NEEDS
    seen = [given.seen(looked) for looked in rows]
    answers = [holds(of, one) for one in seen]
    if True in answers:
        return True, NO_NEEDS
    if None not in answers:
        return False, NO_NEEDS
    return None, NO_NEEDS.union(*(needs_of(of, one) for one in seen))


def _as_seen_from(needs: Needs, *, other: str, looked: str) -> Needs:
    """Return the needs of another record for the needs of a looked-at one, which are spelled with that one's id yet."""
    if other == looked:
        return needs
    return frozenset(f"{THIS}{need}" for need in spelled(needs, of=other))
