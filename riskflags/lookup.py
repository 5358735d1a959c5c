"""Look-ups: values that come from other records, or from the actions, markers and suspects of this one.

A look-up answers with what is sure and what may be: a count is a `Number` from the items that surely count to those
that may, with the needs that would settle the rest. Order and arrival of records never matter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, assert_never

from riskflags.calendar import ELAPSED_SECONDS, Duration, ParamDuration, move_day
from riskflags.condition import (
    Answer,
    Comparison,
    Condition,
    Constant,
    Group,
    Named,
    Row,
    both,
    codes_of,
    holds,
    names_read,
)
from riskflags.condition import needs as needs_of
from riskflags.incident import is_assigned
from riskflags.model import NO_NEEDS, Absent, Codes, Moment, Needs, Number, Value, all_needs
from riskflags.pack import NONE_COUNTS

if TYPE_CHECKING:
    from riskflags.calendar import Span
    from riskflags.pack import LookUp
    from riskflags.record import Record, Records, RejectedRow

MANY = 1_000_000
"""More than any list holds: the upper end of a count that is open above."""
_PARAM = "param."
_THIS = "this."


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
        absent = [value for value in (_key(row, name, record.id) for name in spec.by) if isinstance(value, Absent)]
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


def _key(row: Row, name: str, record_id: str) -> Value:
    """Return what a record is linked or told apart by: an id that was only given to an unnamed suspect is none."""
    value = row[name]
    if name == "suspect.id" and isinstance(value, str) and is_assigned(value, record_id):
        return Absent(frozenset({name}))
    return value


def _summarise(spec: LookUp, items: Sequence[Item], open_above: Needs) -> Found:
    counting = [item for item in items if item.counts is not False]
    because = tuple(dict.fromkeys(item.record_id for item in counting if item.counts is True))
    match spec.function:
        case "how_many":
            value: Value = _count(counting, open_above)
        case "how_many_different":
            value = _different(counting, open_above)
        case "earliest" | "latest":
            value = _extreme(spec, counting, open_above)
        case "union":
            value = _union(counting, open_above)
        case _:
            assert_never(spec.function)
    return Found(value, because)


def _count(counting: Sequence[Item], open_above: Needs) -> Number:
    low = sum(item.counts is True for item in counting)
    high = MANY if open_above else len(counting)
    needs = open_above.union(*(item.needs for item in counting))
    return Number(low, high, needs if low < high else NO_NEEDS)


def _different(counting: Sequence[Item], open_above: Needs) -> Number:
    """Return how many different values there are; one that is not known may be one of the others, or one more."""
    sure = frozenset[Hashable]().union(*(keys_of(item.value) for item in counting if item.counts is True))
    unknown = [item for item in counting if not keys_of(item.value) and not isinstance(item.value, Codes)]
    more = [item for item in counting if all_needs([item.value]) or keys_of(item.value) - sure]
    needs = open_above.union(*(item.needs | all_needs([item.value]) for item in more))
    low = max(len(sure), int(any(item.counts is True for item in unknown)))
    high = len(sure.union(*(keys_of(item.value) for item in more))) + len(unknown)
    if open_above or any(isinstance(item.value, Codes) and item.value.needs for item in more):
        high = MANY
    return Number(low, high, needs if low < high else NO_NEEDS)


def _union(counting: Sequence[Item], open_above: Needs) -> Codes:
    """Return every value that is there; open where an item that only may count has another, or a value is absent."""
    sure = frozenset[str]().union(*(_codes(item.value) for item in counting if item.counts is True))
    more = [item for item in counting if all_needs([item.value]) or _codes(item.value) - sure]
    return Codes(sure, open_above.union(*(item.needs | all_needs([item.value]) for item in more)))


def _codes(value: Value) -> frozenset[str]:
    return frozenset() if isinstance(value, Absent) else codes_of(value).known


def _extreme(spec: LookUp, counting: Sequence[Item], open_above: Needs) -> Value:
    """Return the earliest or latest moment; absent where what has no time, or only may count, could be it."""
    pick = min if spec.function == "earliest" else max
    sure = [item.value for item in counting if item.counts is True and isinstance(item.value, Moment)]
    low = pick((moment.earliest for moment in sure), default=0)
    high = pick((moment.latest for moment in sure), default=0)
    open_items = [
        item
        for item in counting
        if not sure
        or not isinstance(item.value, Moment)
        or (pick(low, item.value.earliest), pick(high, item.value.latest)) != (low, high)
    ]
    if not sure or open_items or open_above:
        needs = open_above.union(*(item.needs | all_needs([item.value]) for item in open_items))
        return Absent(needs or frozenset({NONE_COUNTS[spec.over]}))
    named = pick(sure, key=lambda moment: (moment.earliest, moment.latest))
    inside = [moment for moment in sure if moment.earliest <= high and moment.latest >= low]
    return Moment(low, high, named.day, named.local, all_needs(inside) if low < high else NO_NEEDS)


# ---- other records ---------------------------------------------------------------------------------------------------


def _record_items(spec: LookUp, row: Row, record: Record, records: Records, event: Moment) -> Iterator[Item]:
    wanted = [keys_of(row[name]) for name in spec.by]
    reads_this = any(name.startswith((_THIS, _PARAM)) for one in spec.conditions for name in names_read(one))
    linked: list[tuple[Record, list[Row]]] = []
    for other in records.sharing(spec.by[0], wanted[0]):
        matching = [
            candidate
            for candidate in other.rows
            if all(keys_of(candidate[name]) & keys for name, keys in zip(spec.by, wanted, strict=True))
        ]
        linked.append((other, matching))
    last = _last_ones(spec, linked, row, record, event) if spec.window.last else {}
    for other, matching in linked:
        if other is record and spec.others:
            continue
        window = last.get(other.incident.key, (False, NO_NEEDS)) if spec.window.last else None
        found = [
            _record_item(spec, looked, row, other, event, own=other is record, this=reads_this, window=window)
            for looked in matching
        ]
        yield from _as_one(found, by_value=bool(spec.of), each=_is_of_suspect(spec.of, records))
    if "child.id" in spec.by:
        yield from _rejected(records.rejected, keys_of(row["child.id"]), spec)


def beyond_the_window(spec: LookUp, row: Row, record: Record, records: Records) -> list[tuple[Record, Moment]]:
    """Return the records that a look-up leaves out for their time alone, each with its time."""
    event = row[records.pack.event_time]
    if spec.window.back is None or not isinstance(event, Moment):
        return []
    inside, wherever = (
        {item.record_id for item in _record_items(one, row, record, records, event) if item.counts is not False}
        for one in (spec, replace(spec, window=replace(spec.window, back=None)))
    )
    others = {other.id: other for other in records.sharing(spec.by[0], keys_of(row[spec.by[0]]))}
    times = ((others[key], others[key].base[records.pack.event_time]) for key in wherever - inside if key in others)
    return [(other, when) for other, when in times if isinstance(when, Moment)]


def _record_item(
    spec: LookUp, looked: Row, row: Row, other: Record, event: Moment, *, own: bool, this: bool, window: _Inside | None
) -> Item:
    """Return one record as an item. `window` says whether it is among the last ones, where these are looked at."""
    when = looked[other.event_time]
    inside: Answer
    if window is not None:
        inside, needs = window
    else:
        inside = True if own else _in_window(spec, row, when, event)
        needs = _window_needs(spec, row, when, event) if inside is None else NO_NEEDS
    counts: Answer = inside
    if inside is not False and spec.where is not None:
        seen = looked_at(looked, row, spec.where) if this else looked
        counts = both(inside, holds(spec.where, seen))
        needs |= needs_of(spec.where, seen) if counts is None else NO_NEEDS
    value = _key(looked, spec.of, other.id) if spec.of else True
    of = "" if own else other.id
    return Item(counts, spelled(needs, of=of), _renamed(value, lambda needs: spelled(needs, of=of)), other.id)


RecordKey = tuple[str, "str | None"]
_Inside = tuple[Answer, Needs]
"""Whether a record is in a window, and the needs that would settle it, spelled from that record."""


def _last_ones(
    spec: LookUp, linked: Sequence[tuple[Record, list[Row]]], row: Row, record: Record, event: Moment
) -> dict[RecordKey, _Inside]:
    """Return which of the linked records are among the last ones; one that is surely not is left out."""
    candidates = [
        _Candidate(other, when, *_meets(spec, rows, row))
        for other, rows in linked
        if rows and isinstance(when := other.base[other.event_time], Moment)
    ]
    in_time = [
        (one, True if one.record is record else _ordered(one.when, event))
        for one in candidates
        if one.meets is not False
    ]
    placed = [(one, both(one.meets, early), early) for one, early in in_time if early is not False]
    starts = sorted(one.when.earliest for one, answer, _ in placed if answer is True)
    ends = sorted(one.when.latest for one, _, _ in placed)
    found: dict[RecordKey, _Inside] = {}
    for one, answer, early in placed:
        sure = len(starts) - bisect_right(starts, one.when.latest)
        may_be = len(ends) - bisect_right(ends, one.when.earliest) - (one.when.latest > one.when.earliest)
        if sure >= spec.window.last:
            continue
        if may_be < spec.window.last and answer is True:
            found[one.record.incident.key] = (True, NO_NEEDS)
            continue
        needs = one.needs | (all_needs([one.when]) | _this(all_needs([event])) if early is None else NO_NEEDS)
        if may_be >= spec.window.last:
            needs |= all_needs([one.when])
            of = one.record.id if one.record is not record else ""
            for other, may, _ in placed:
                if other is not one and both(may, _later(other.when, one.when)) is None:
                    own = other.record.id if other.record is not record else ""
                    needs |= _as_seen_from(other.needs | all_needs([other.when]), other=own, looked=of)
        found[one.record.incident.key] = (None, needs)
    return found


class _Candidate(NamedTuple):
    """A record that may be among the last ones: its time, whether it is of their sort, and what would settle that."""

    record: Record
    when: Moment
    meets: Answer
    needs: Needs


def _meets(spec: LookUp, rows: Sequence[Row], row: Row) -> _Inside:
    """Return whether a record is of the sort whose last ones are looked at: one of its rows is enough."""
    of = spec.window.of
    if of is None:
        return True, NO_NEEDS
    seen = [looked_at(looked, row, of) for looked in rows]
    answers = [holds(of, one) for one in seen]
    if True in answers:
        return True, NO_NEEDS
    if None not in answers:
        return False, NO_NEEDS
    return None, NO_NEEDS.union(*(needs_of(of, one) for one in seen))


def _later(first: Moment, second: Moment) -> Answer:
    """Return whether the first is strictly later."""
    if first.earliest > second.latest:
        return True
    return False if first.latest <= second.earliest else None


def _as_seen_from(needs: Needs, *, other: str, looked: str) -> Needs:
    """Return the needs of another record for the needs of a looked-at one, which are spelled with that one's id yet."""
    if other == looked:
        return needs
    return frozenset(f"{_THIS}{need}" for need in spelled(needs, of=other))


def _window_needs(spec: LookUp, row: Row, when: Value, event: Moment) -> Needs:
    """Return what would settle whether another record's time is in the window."""
    back = spec.window.back
    param = row[f"param.{back.param}"] if isinstance(back, ParamDuration) else True
    return all_needs([when]) | _this(all_needs([param] if isinstance(param, Absent) else [event]))


def spelled(needs: Needs, *, of: str) -> Needs:
    """Return needs as the record under assessment spells them: those of a record that is looked at with its id.

    `of` is empty where that is the record itself. What was read under `this.` is the record's own in any case.
    """
    prefix = f"{of}:" if of else ""
    return frozenset(need.removeprefix(_THIS) if need.startswith(_THIS) else f"{prefix}{need}" for need in needs)


def _this(needs: Needs) -> Needs:
    return frozenset(f"{_THIS}{need}" for need in needs)


def _renamed(value: Value, rename: Callable[[Needs], Needs]) -> Value:
    match value:
        case Absent() | Number() | Moment() | Codes():
            return replace(value, needs=rename(value.needs)) if value.needs else value
        case _:
            return value


def _as_one(found: Sequence[Item], *, by_value: bool, each: bool) -> Iterator[Item]:
    """Yield what the rows of one record come to, once for each value: records are counted, never suspect rows.

    With `each`, the values are those of suspects: two that are absent may be two.
    """
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate(found):
        if item.counts is not False:
            value = number if each and isinstance(item.value, Absent) else item.value
            groups.setdefault(value if by_value else None, []).append(item)
    for same in groups.values():
        sure = next((item for item in same if item.counts is True), None)
        needs = NO_NEEDS.union(*(item.needs for item in same))
        yield sure or Item(None, needs, same[0].value, same[0].record_id)


def _is_of_suspect(name: str, records: Records) -> bool:
    return name.startswith("suspect.") or name in records.names.per_suspect


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
    span = span_of(window.back, row)
    if isinstance(span, Absent):
        return None
    if span.unit in ELAPSED_SECONDS:
        seconds = span.amount * ELAPSED_SECONDS[span.unit]
        late = True if window.up_to_as_of else _ordered(when, event)
        begun = _ordered(Moment(event.earliest - seconds + 1, event.latest - seconds + 1, event.day, ""), when)
        return both(late, begun)
    begun = when.day > move_day(event.day, span, back=True)
    return begun and (window.up_to_as_of or when.day <= event.day)


def _ordered(first: Moment, second: Moment) -> Answer:
    if first.latest <= second.earliest:
        return True
    return False if first.earliest > second.latest else None


def span_of(span: Span, row: Row) -> Duration | Absent:
    """Return how long a span is for a record; absent where its parameter has no value on the record's date."""
    if isinstance(span, Duration):
        return span
    name = f"param.{span.param}"
    value = row[name]
    if isinstance(value, str):
        return Duration.parse(value)
    return value if isinstance(value, Absent) else Absent(frozenset({name}))


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
    """Return the looked-at row with the current record's values under `this.`, and with its parameters.

    A parameter has the value in force for the record that asks, whatever the date of the one that is looked at.
    """
    values: dict[str, Value] = {}
    for name in names_read(where):
        if name.startswith(_THIS):
            values[name] = _renamed(current[name.removeprefix(_THIS)], _this)
        elif name.startswith(_PARAM) and current[name] != looked[name]:
            values[name] = _renamed(current[name], _this)
    return looked.with_values(values) if values else looked


# ---- the record's own lists ------------------------------------------------------------------------------------------


def _own_items(spec: LookUp, row: Row, record: Record) -> Iterator[Item]:
    for item in record.items(spec.over):
        seen = looked_at(item, row, spec.where) if spec.where is not None else item
        counts = holds(spec.where, seen) if spec.where is not None else True
        needs = spelled(needs_of(spec.where, seen), of="") if spec.where is not None else NO_NEEDS
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
