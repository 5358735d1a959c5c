"""Look-ups: values that come from other records, or from the actions, markers and suspects of this one.

A look-up answers with what is sure and what may be: a count is a `Number` from the items that surely count to those
that may, with the needs that would settle the rest. Order and arrival of records never matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import move_day
from riskflags.condition import Answer, Comparison, Condition, Constant, Group, Named, Row, both, comparisons, holds
from riskflags.condition import needs as needs_of
from riskflags.model import NO_NEEDS, Absent, Codes, Moment, Needs, Number, Value, all_needs
from riskflags.pack import Duration, LookUp, ParamDuration

if TYPE_CHECKING:
    from riskflags.record import Record, Records, RejectedRow

MANY = 1_000_000
"""More than any list holds: the upper end of a count that is open above."""
_HOURS = {"minutes": 60, "hours": 3600}


@dataclass(frozen=True, slots=True)
class Item:
    """One looked-at item: whether it counts, what would settle that, its `of` value, and the record it is of."""

    counts: Answer
    needs: Needs
    value: Value
    record_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """The value of a look-up, and the ids of the records that surely count."""

    value: Value
    because: tuple[str, ...] = ()


def look_up(spec: LookUp, row: Row, record: Record, records: Records) -> Found:
    """Return the value of a look-up for one row of a record."""
    if spec.over == "records":
        absent = [value for value in (row[name] for name in spec.by) if isinstance(value, Absent)]
        event = row[records.pack.event_time]
        if isinstance(event, Absent):
            absent.append(event)
        if absent or not isinstance(event, Moment):
            return Found(Absent(all_needs(absent), held=all(value.held for value in absent)))
        items = list(_record_items(spec, row, record, records, event))
        return _summarise(spec, items, NO_NEEDS)
    left_out = _left_out(spec, record)
    if left_out is None:
        return Found(Absent(frozenset({spec.over}), held=False))
    return _summarise(spec, list(_own_items(spec, row, record)), left_out)


def _summarise(spec: LookUp, items: Sequence[Item], open_above: Needs) -> Found:
    counting = [item for item in items if item.counts is not False]
    because = tuple(dict.fromkeys(item.record_id for item in counting if item.counts is True))
    needs = NO_NEEDS.union(open_above, *(item.needs for item in counting if item.counts is None))
    match spec.function:
        case "how_many":
            low, high = len([item for item in counting if item.counts is True]), len(counting)
        case "how_many_different":
            low, high = _different(counting)
            needs |= all_needs(
                item.value for item in counting if item.counts is True and isinstance(item.value, Absent)
            )
        case "earliest" | "latest":
            return Found(_extreme(spec, counting, needs), because)
        case _:
            assert_never(spec.function)
    high = MANY if open_above else high
    return Found(Number(low, high, needs if low < high else NO_NEEDS), because)


def _different(counting: Sequence[Item]) -> tuple[int, int]:
    sure, possible, unknown, surely_unknown = set[Hashable](), set[Hashable](), 0, False
    for item in counting:
        keys = keys_of(item.value)
        if not keys:
            unknown += 1
            surely_unknown |= item.counts is True
        elif item.counts is True:
            sure |= keys
        else:
            possible |= keys
    return max(len(sure), int(surely_unknown)), len(sure | possible) + unknown


def _extreme(spec: LookUp, counting: Sequence[Item], needs: Needs) -> Value:
    """Return the earliest or latest value; absent where an item that only may count could change it."""
    sure = [item.value for item in counting if item.counts is True and not isinstance(item.value, Absent)]
    moments = [value for value in sure if isinstance(value, Moment)]
    if needs or not moments:
        undated = all_needs(item.value for item in counting if isinstance(item.value, Absent))
        return Absent(needs | undated or frozenset({spec.of or spec.over}))
    if spec.function == "earliest":
        first = min(moments, key=lambda m: (m.earliest, m.latest))
        latest = min(m.latest for m in moments)
        return Moment(
            first.earliest, latest, first.day, first.local, first.needs if latest > first.earliest else NO_NEEDS
        )
    last = max(moments, key=lambda m: (m.latest, m.earliest))
    earliest = max(m.earliest for m in moments)
    return Moment(earliest, last.latest, last.day, last.local, last.needs if last.latest > earliest else NO_NEEDS)


# ---- other records ---------------------------------------------------------------------------------------------------


def _record_items(spec: LookUp, row: Row, record: Record, records: Records, event: Moment) -> Iterator[Item]:
    wanted = [keys_of(row[name]) for name in spec.by]
    reads_this = spec.where is not None and any(
        c.name.startswith("this.") or _refers(c) for c in comparisons(spec.where)
    )
    for other in records.sharing(spec.by[0], wanted[0]):
        if other is record and spec.others:
            continue
        matching = [
            candidate
            for candidate in other.rows
            if all(keys_of(candidate[name]) & keys for name, keys in zip(spec.by, wanted, strict=True))
        ]
        found = [
            _record_item(spec, looked, row, other, event, own=other is record, this=reads_this) for looked in matching
        ]
        yield from _as_one(found, by_value=bool(spec.of))
    if "child.id" in spec.by:
        yield from _rejected(records.rejected, keys_of(row["child.id"]), spec)


def _refers(comparison: Comparison) -> bool:
    return any(getattr(operand, "name", "").startswith("this.") for operand in comparison.operands)


def _record_item(spec: LookUp, looked: Row, row: Row, other: Record, event: Moment, *, own: bool, this: bool) -> Item:
    when = looked[other.event_time]
    inside = True if own else _in_window(spec, row, when, event)
    counts: Answer = inside
    needs = all_needs([when]) if inside is None else NO_NEEDS
    if inside is not False and spec.where is not None:
        seen = looked_at(looked, row, spec.where) if this else looked
        counts = both(inside, holds(spec.where, seen))
        needs |= needs_of(spec.where, seen)
    value = looked[spec.of] if spec.of else True
    return Item(counts, needs if own else _of(other.id, needs), value if own else _named(value, other.id), other.id)


def _of(record_id: str, needs: Needs) -> Needs:
    return frozenset(f"{record_id}:{need}" for need in needs)


def _named(value: Value, record_id: str) -> Value:
    return Absent(_of(record_id, value.needs), held=value.held) if isinstance(value, Absent) else value


def _as_one(found: Sequence[Item], *, by_value: bool) -> Iterator[Item]:
    """Yield what the rows of one record come to, once for each value: records are counted, never suspect rows."""
    groups: dict[Value | None, list[Item]] = {}
    for item in found:
        if item.counts is not False:
            groups.setdefault(item.value if by_value else None, []).append(item)
    for same in groups.values():
        sure = next((item for item in same if item.counts is True), None)
        needs = NO_NEEDS.union(*(item.needs for item in same))
        yield sure or Item(None, needs, same[0].value, same[0].record_id)


def _rejected(rejected: Sequence[RejectedRow], keys: frozenset[Hashable], spec: LookUp) -> Iterator[Item]:
    for reject in rejected:
        if reject.child_id in keys:
            needs = frozenset({f"rejected:{reject.source_row}"})
            value: Value = reject.child_id if spec.of == "child.id" and reject.child_id else Absent(needs)
            yield Item(None, needs, value, f"rejected:{reject.source_row}")


def _in_window(spec: LookUp, row: Row, when: Value, event: Moment) -> Answer:
    """Return whether another record's time is in the window of the current record's."""
    if isinstance(when, Absent) or not isinstance(when, Moment):
        return None
    window = spec.window
    if window.back is None:
        return True
    span = _span(window.back, row)
    if span is None:
        return None
    if span.unit in _HOURS:
        seconds = span.amount * _HOURS[span.unit]
        late = True if window.up_to_as_of else _ordered(when, event)
        begun = _ordered(Moment(event.earliest - seconds + 1, event.latest - seconds + 1, event.day, ""), when)
        return both(late, begun)
    begun = when.day > move_day(event.day, span, back=True)
    return begun and (window.up_to_as_of or when.day <= event.day)


def _ordered(first: Moment, second: Moment) -> Answer:
    if first.latest <= second.earliest:
        return True
    return False if first.earliest > second.latest else None


def _span(back: Duration | ParamDuration, row: Row) -> Duration | None:
    if isinstance(back, Duration):
        return back
    value = row[f"param.{back.param}"]
    return Duration.parse(value) if isinstance(value, str) else None


def keys_of(value: Value) -> frozenset[Hashable]:
    """Return what a value links by: itself, or each of its codes; nothing for what is absent."""
    match value:
        case Absent():
            return frozenset()
        case Codes():
            return frozenset(value.known)
        case str() | bool() | date():
            return frozenset({value})
        case Number():
            return frozenset({value.low}) if value.low == value.high else frozenset()
        case Moment():
            return frozenset({(value.earliest, value.latest)})
        case _:
            assert_never(value)


def looked_at(looked: Row, current: Row, where: Condition) -> Row:
    """Return the looked-at row with the current record's values under `this.`."""
    names = {c.name for c in comparisons(where)}
    names |= {getattr(operand, "name", "") for c in comparisons(where) for operand in c.operands}
    this = {name: current[name.removeprefix("this.")] for name in names if name.startswith("this.")}
    return looked.with_values(this) if this else looked


# ---- the record's own lists ------------------------------------------------------------------------------------------


def _own_items(spec: LookUp, row: Row, record: Record) -> Iterator[Item]:
    for item in record.items(spec.over):
        seen = looked_at(item, row, spec.where) if spec.where is not None else item
        counts = holds(spec.where, seen) if spec.where is not None else True
        needs = needs_of(spec.where, seen) if spec.where is not None else NO_NEEDS
        yield Item(counts, needs, item[spec.of] if spec.of else True, record.id)


def _left_out(spec: LookUp, record: Record) -> Needs | None:
    """Return what the source may leave out of the list: nothing, some (the need), or None for the list as a whole."""
    holds_ = record.incident.holds
    if spec.over == "done":
        if holds_.actions == "all":
            return NO_NEEDS
        codes = codes_named(spec.where)
        held = frozenset(code for code in codes or () if holds_.records_action(code))
        if holds_.actions == "none" or (codes is not None and not held):
            return None
        return NO_NEEDS if codes is not None and held == codes else frozenset({"done"})
    held_lists = {"markers": holds_.markers, "suspects": holds_.suspects}
    return NO_NEEDS if held_lists[spec.over] else None


def codes_named(where: Condition | None) -> frozenset[str] | None:
    """Return the codes of actions that alone can meet the condition; None where any code can."""
    match where:
        case Comparison(name="action.code", operator="is" | "in", operands=(Constant(value=value),), positive=True):
            return value.known if isinstance(value, Codes) else frozenset({str(value)})
        case Named(positive=True):
            return codes_named(where.condition)
        case Group(kind="all"):
            return next((found for found in map(codes_named, where.conditions) if found is not None), None)
        case Group(kind="any"):
            parts = [codes_named(child) for child in where.conditions]
            known = [part for part in parts if part is not None]
            return NO_NEEDS.union(*known) if len(known) == len(parts) else None
        case _:
            return None
