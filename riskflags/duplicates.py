"""Records that are probably of one event: of one sort, alike in what links them, at overlapping times.

Two systems may each hold a record of one missing episode. A pack says in `duplicates` which records can be the same
event; values are compared whole. Where times or sorts are not exactly known, neither is whether two are the same.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from riskflags.condition import Answer, both, holds
from riskflags.condition import needs as needs_of
from riskflags.looking import spelled
from riskflags.model import NO_NEEDS, Moment, Needs, all_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from riskflags.condition import Row
    from riskflags.model import Value
    from riskflags.pack import Duplicates

_Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One record as a definition of duplicates sees it: whether it is of the sort, its keys, and how long it lasted.

    `keys` is None where one is absent: such a record cannot be linked. `needs` would settle its sort and its times.
    """

    is_of: Answer
    keys: tuple[Hashable, ...] | None
    begins: Value
    ends: Value
    needs: Needs

    def surely(self) -> _Span:
        """Return the time that it surely lasted, from its latest beginning to its earliest end, in UTC seconds."""
        begins = self.begins.latest if isinstance(self.begins, Moment) else math.inf
        return begins, self.ends.earliest if isinstance(self.ends, Moment) else -math.inf

    def possibly(self) -> _Span:
        """Return the time that it may have lasted; without end where no end is known."""
        begins = self.begins.earliest if isinstance(self.begins, Moment) else -math.inf
        return begins, self.ends.latest if isinstance(self.ends, Moment) else math.inf


def occurrence(spec: Duplicates, row: Row, keys_of: Callable[[Value], frozenset[Hashable]]) -> Occurrence:
    """Return a record, by its row without a suspect, as a definition of duplicates sees it."""
    found = [keys_of(row[name]) for name in spec.by]
    keys = tuple(next(iter(one)) for one in found) if all(len(one) == 1 for one in found) else None
    is_of, begins, ends = holds(spec.of, row), row[spec.begins], row[spec.ends]
    return Occurrence(is_of, keys, begins, ends, needs_of(spec.of, row) | all_needs([begins, ends]))


_NONE = Occurrence(is_of=False, keys=None, begins=False, ends=False, needs=NO_NEEDS)
"""Of a row that could not be read."""


def seen_from(found: Occurrence, *, of: str) -> Occurrence:
    """Return an occurrence of another record, with its needs as the record under assessment spells them."""
    return replace(found, needs=spelled(found.needs, of=of)) if of else found


def one_event(first: Sequence[Occurrence], second: Sequence[Occurrence]) -> tuple[Answer, Needs]:
    """Return whether two records are of one event by any of the definitions, and what would settle it."""
    answers = [same(one, other) for one, other in zip(first, second, strict=True)]
    if True in answers:
        return True, NO_NEEDS
    pairs = zip(answers, first, second, strict=True)
    open_ones = [one.needs | other.needs for answer, one, other in pairs if answer is None]
    return (None, NO_NEEDS.union(*open_ones)) if open_ones else (False, NO_NEEDS)


def same(first: Occurrence, second: Occurrence) -> Answer:
    """Return whether two records are of one event by the definition that sees them so."""
    if first.keys is None or first.keys != second.keys:
        return False
    time = True if _meet(first.surely(), second.surely()) else _or_none(_meet(first.possibly(), second.possibly()))
    return both(both(first.is_of, second.is_of), time)


def _or_none(may_be: bool) -> Answer:  # noqa: FBT001 - one of the two answers
    return None if may_be else False


def _meet(first: _Span, second: _Span) -> bool:
    """Return whether two spans have a time in common; one that ends as the other begins has none."""
    return first[0] < second[1] and second[0] < first[1]


# ---- how many events -------------------------------------------------------------------------------------------------


class Counted(NamedTuple):
    """A record that counts, or may: what its definitions of duplicates see of it."""

    counts: Answer
    occurrences: Sequence[Occurrence]


def how_many_events(items: Sequence[Counted]) -> tuple[int, int, Needs]:
    """Return how many events some records are, at least and at most, and what would settle which of them are one."""
    if not any(item.occurrences for item in items):  # each is an event of its own
        return sum(item.counts is True for item in items), len(items), NO_NEEDS
    sure = [item for item in items if item.counts is True]
    possible = together([item.occurrences for item in items], surely=False)
    least = len({event for event, item in zip(possible, items, strict=True) if item.counts is True})
    certain = together([item.occurrences for item in sure], surely=True)
    known = _Known([item.occurrences for item in sure])
    more = sum(item.counts is None and not known.has_one_of(item.occurrences) for item in items)
    most = len(set(certain)) + more
    if least == most:
        return least, most, NO_NEEDS
    unsure = unsettled([item.occurrences for item in items], possible)
    return least, most, NO_NEEDS.union(*unsure)


def unsettled(records: Sequence[Sequence[Occurrence]], possible: Sequence[int]) -> list[Needs]:
    """Return for each record what would settle which others are of its event; nothing where that is known.

    `possible` are the events of which the records may be.
    """
    certain = together(records, surely=True)
    parts: dict[int, set[int]] = {}
    for event, part in zip(possible, certain, strict=True):
        parts.setdefault(event, set()).add(part)
    return [
        NO_NEEDS.union(*(one.needs for one in occurrences)) if len(parts[event]) > 1 else NO_NEEDS
        for event, occurrences in zip(possible, records, strict=True)
    ]


def together(records: Sequence[Sequence[Occurrence]], *, surely: bool) -> list[int]:
    """Return for each record a number that those of one event share: of those that surely are, or that may be."""
    events = list(range(len(records)))
    for spec in range(max(map(len, records), default=0)):
        groups: dict[tuple[Hashable, ...], list[tuple[int, _Span]]] = {}
        for number, occurrences in enumerate(records):
            one = occurrences[spec] if occurrences else _NONE
            if one.keys is not None and (one.is_of is True or (one.is_of is None and not surely)):
                groups.setdefault(one.keys, []).append((number, one.surely() if surely else one.possibly()))
        for group in groups.values():
            for first, second in _links(group):
                _join(events, first, second)
    return [_root(events, number) for number in range(len(records))]


def _links(group: Sequence[tuple[int, _Span]]) -> list[tuple[int, int]]:
    """Return pairs that meet, enough of them to reach from each record to every other of its event.

    In order of their beginnings a proper span meets the one before it that ends last, if any. A thin one, which ends no
    later than it begins, meets what lasts all through it.
    """
    proper = sorted((span, number) for number, span in group if span[0] < span[1])
    found: list[tuple[int, int]] = []
    last = _Last()
    for span, number in proper:
        if last.end > span[0]:
            found.append((last.number, number))
        last.add(span, number)
    thin = [(span, number) for number, span in group if span[0] >= span[1]]
    found += [(around, number) for span, number in thin if (around := last.meets(span)) is not None]
    return found


class _Last:
    """Spans in order of their beginnings: which ends last of those that begin before a time."""

    def __init__(self) -> None:
        self.end, self.number = -math.inf, -1
        self._starts: list[float] = []
        self._ends: list[tuple[float, int]] = []

    def add(self, span: _Span, number: int) -> None:
        if span[1] > self.end:
            self.end, self.number = span[1], number
        self._starts.append(span[0])
        self._ends.append((self.end, self.number))

    def meets(self, span: _Span) -> int | None:
        """Return one that has a time in common with a span, if any."""
        before = bisect_left(self._starts, span[1])
        if not before:
            return None
        end, number = self._ends[before - 1]
        return number if end > span[0] else None


class _Known:
    """Records that surely count: whether another is surely of one event with one of them."""

    def __init__(self, records: Sequence[Sequence[Occurrence]]) -> None:
        self._spans: dict[tuple[int, tuple[Hashable, ...]], _Last] = {}
        starting: dict[tuple[int, tuple[Hashable, ...]], list[_Span]] = {}
        for occurrences in records:
            for spec, one in enumerate(occurrences):
                if one.is_of is True and one.keys is not None:
                    starting.setdefault((spec, one.keys), []).append(one.surely())
        for key, spans in starting.items():
            self._spans[key] = _Last()
            for span in sorted(spans):
                self._spans[key].add(span, 0)

    def has_one_of(self, occurrences: Sequence[Occurrence]) -> bool:
        for spec, one in enumerate(occurrences):
            last = self._spans.get((spec, one.keys)) if one.keys is not None else None
            if last is not None and one.is_of is True and last.meets(one.surely()) is not None:
                return True
        return False


def _root(events: list[int], number: int) -> int:
    while events[number] != number:
        events[number] = events[events[number]]
        number = events[number]
    return number


def _join(events: list[int], first: int, second: int) -> None:
    events[_root(events, first)] = _root(events, second)
