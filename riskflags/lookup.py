"""Look-ups: values that come from other records, or from the actions, markers and suspects of this one.

A look-up answers with what is sure and what may be: a count is a `Number` from the items that surely count to those
that may, with the needs that would settle the rest. Order and arrival of records never matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, assert_never

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
    invert,
)
from riskflags.condition import needs as needs_of
from riskflags.duplicates import Counted, Occurrence, how_many_events, one_event, seen_from, together
from riskflags.incident import is_assigned
from riskflags.looking import PARAM, THIS, given_by, renamed, spelled
from riskflags.model import NO_NEEDS, Absent, Codes, Moment, Needs, Number, Value, all_needs
from riskflags.pack import NONE_COUNTS
from riskflags.windows import SURE, in_reach, last_ones, reach_of, settling

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskflags.looking import Given
    from riskflags.pack import LookUp
    from riskflags.record import Record, Records
    from riskflags.windows import Inside

MANY = 1_000_000
"""More than any list holds: the upper end of a count that is open above."""


class Item(NamedTuple):
    """One looked-at item: whether it counts, what would settle that, its `of` value, and the record it is of.

    `occurrences` are what the pack's definitions of duplicates see of it, where these are counted once.
    """

    counts: Answer
    needs: Needs
    value: Value
    record_id: str
    occurrences: tuple[Occurrence, ...] = ()


_NO_ITEM = Item(counts=False, needs=NO_NEEDS, value=False, record_id="")


@dataclass(frozen=True, slots=True)
class Found:
    """The value of a look-up, and the ids of the records that surely count."""

    value: Value
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """A look-up, with what is the same whichever record asks.

    With `by_suspect` it looks at the rows of suspects; with `of_suspect` its `of` differs between them. A record looks
    the same to all others unless the look-up is `given` something by the one that asks: how it looks is kept with it
    under the name `kept_as`, if there is one.
    """

    spec: LookUp
    by_suspect: bool
    of_suspect: bool
    given: bool
    kept_as: str

    @classmethod
    def of(cls, spec: LookUp, is_of_suspect: Callable[[str], bool], *, kept_as: str = "") -> Sight:
        """Return a look-up with what is known of it in a pack."""
        given = any(name.startswith((THIS, PARAM)) for name in spec.reads)
        by_suspect = any(map(is_of_suspect, spec.reads))
        is_kept = spec.over == "records" and not given
        return cls(spec, by_suspect, is_of_suspect(spec.of), given, kept_as if is_kept else "")

    @property
    def looked_at(self) -> frozenset[str]:
        """What is read of a record each time that another asks: less where how it looks is kept."""
        if self.spec.over != "records":
            return frozenset()
        of = self.spec.window.of
        return frozenset(self.spec.by).union(of.names if of is not None else ()) if self.kept_as else self.spec.reads

    def rows(self, other: Record) -> tuple[Row, ...]:
        """Return the rows of a record that are looked at."""
        return other.rows if self.by_suspect else (other.base,)


def look_up(sight: Sight, row: Row, record: Record, records: Records) -> Found:
    """Return the value of a look-up for one row of a record."""
    spec = sight.spec
    if spec.over == "records":
        absent = [value for value in (_key(row, name, record.id) for name in spec.by) if isinstance(value, Absent)]
        event = row[records.pack.event_time]
        if isinstance(event, Absent):
            absent.append(event)
        if absent or not isinstance(event, Moment):
            return Found(Absent(all_needs(absent), held=all(value.held for value in absent)))
        return _summarise(spec, list(_record_items(sight, row, record, records)), NO_NEEDS)
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
    low, high, needs = how_many_events([Counted(item.counts, item.occurrences) for item in counting])
    high = MANY if open_above else high
    needs = needs.union(open_above, *(item.needs for item in counting))
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


def _record_items(sight: Sight, row: Row, record: Record, records: Records) -> Iterator[Item]:
    """Yield the items that count or may, in order of time; then the rows that could not be read."""
    spec = sight.spec
    unread = _rejected(spec, row, records)
    given = given_by(row, spec.where) if sight.given and spec.where is not None else None
    for other, numbers, (inside, needs) in _linked(sight, row, record, records, unread=unread):
        seen = _seen(sight, numbers, other, given, is_own=other is record)
        if inside is None:
            seen = [one._replace(counts=None, needs=one.needs | needs) for one in seen if one.counts is not False]
        if spec.others:
            seen = [_of_another_event(one, record) for one in seen]
        yield from _as_one(seen, by_value=bool(spec.of), each=sight.of_suspect)
    yield from unread


def _linked(
    sight: Sight, row: Row, record: Record, records: Records, *, unread: Sequence[Item]
) -> Iterator[tuple[Record, Sequence[int], Inside]]:
    """Yield the records that share all the keys and may be in the window, with the numbers of the rows that do."""
    spec, event = sight.spec, row[record.event_time]
    reach = reach_of(spec, row, event)
    wanted = [(name, keys_of(row[name])) for name in spec.by]
    near = records.near(*wanted[0], reach=reach)
    if spec.window.last:
        found = [(other, _matching(sight, other, wanted)) for _, other in near]
        rows = [(other, [sight.rows(other)[number] for number in numbers]) for other, numbers in found]
        last = last_ones(spec, rows, row, record, unread=NO_NEEDS.union(*(item.needs for item in unread)))
        for other, numbers in found:
            if other.incident.key in last and not (spec.others and other is record):
                inside, needs = last[other.incident.key]
                yield other, numbers, (inside, spelled(needs, of="" if other is record else other.id))
        return
    for when, other in near:
        inside = True if other is record else in_reach(reach, when)
        if inside is True and not (spec.others and other is record):
            yield other, _matching(sight, other, wanted), SURE
        elif inside is None:
            yield other, _matching(sight, other, wanted), (None, spelled(settling(spec, row, when, event), of=other.id))


def _matching(sight: Sight, other: Record, wanted: Sequence[tuple[str, frozenset[Hashable]]]) -> Sequence[int]:
    """Return the numbers of the rows that share all the keys, of a record that shares the first one."""
    rows = sight.rows(other)
    if len(rows) == len(wanted) == 1:
        return (0,)
    return [number for number, one in enumerate(rows) if all(keys_of(one[name]) & keys for name, keys in wanted)]


def _seen(sight: Sight, numbers: Sequence[int], other: Record, given: Given | None, *, is_own: bool) -> Sequence[Item]:
    """Return how rows of a record look to the one that asks, wherever they lie in time."""
    if is_own or not sight.kept_as:
        rows, of = sight.rows(other), "" if is_own else other.id
        return [_item(sight.spec, rows[number], other, given, of=of) for number in numbers]
    kept = keep(sight, other)
    return [kept[number] for number in numbers]


def keep(sight: Sight, other: Record) -> tuple[Item, ...]:
    """Return how the rows of a record look to any other, as the record keeps it."""
    kept = other.seen.get(sight.kept_as)
    if kept is None:
        kept = tuple([_item(sight.spec, one, other, None, of=other.id) for one in sight.rows(other)])
        other.seen[sight.kept_as] = kept
    return kept


def _item(spec: LookUp, looked: Row, other: Record, given: Given | None, *, of: str) -> Item:
    """Return one row of a record as an item; `of` is its id, empty for the record that asks."""
    where = spec.where
    seen = given.seen(looked) if given is not None else looked
    counts = True if where is None else holds(where, seen)
    if counts is False:
        return _NO_ITEM
    needs = spelled(needs_of(where, seen), of=of) if where is not None and counts is None else NO_NEEDS
    value = renamed(_key(looked, spec.of, other.id), lambda needs: spelled(needs, of=of)) if spec.of else True
    return Item(counts, needs, value, other.id, tuple([seen_from(one, of=of) for one in other.counted_once]))


def _of_another_event(item: Item, record: Record) -> Item:
    """Return an item as it counts where records of the same event as the one that asks do not."""
    if item.counts is False or not item.occurrences:
        return item
    is_this, unsure = one_event(record.counted_once, item.occurrences)
    return item._replace(counts=both(item.counts, invert(is_this)), needs=item.needs | unsure)


def _items_of(spec: LookUp, row: Row, record: Record, records: Records) -> Iterator[Item]:
    return _record_items(Sight.of(spec, records.names.is_of_suspect), row, record, records)


def counted_as_one(spec: LookUp, row: Row, record: Record, records: Records) -> list[tuple[str, ...]]:
    """Return the ids of the records that a count takes as one event, for each event of more than one."""
    if spec.function != "how_many" or spec.over != "records":
        return []
    items = [item for item in _items_of(spec, row, record, records) if item.counts is True]
    groups: dict[int, list[str]] = {}
    for event, item in zip(together([item.occurrences for item in items], surely=True), items, strict=True):
        groups.setdefault(event, []).append(item.record_id)
    return sorted(tuple(sorted(ids)) for ids in groups.values() if len(ids) > 1)


def beyond_the_window(spec: LookUp, row: Row, record: Record, records: Records) -> list[tuple[Record, Moment]]:
    """Return the records that a look-up leaves out for their time alone, each with its time."""
    event = row[records.pack.event_time]
    if spec.window.back is None or not isinstance(event, Moment):
        return []
    inside, wherever = (
        {item.record_id for item in _items_of(one, row, record, records) if item.counts is not False}
        for one in (spec, replace(spec, window=replace(spec.window, back=None)))
    )
    others = {other.id: other for other in records.sharing(spec.by[0], keys_of(row[spec.by[0]]))}
    times = ((others[key], others[key].when) for key in wherever - inside if key in others)
    return [(other, when) for other, when in times if when is not None]


def _as_one(found: Sequence[Item], *, by_value: bool, each: bool) -> Iterator[Item]:
    """Yield what the rows of one record come to, once for each value: records are counted, never suspect rows.

    With `each`, the values are those of suspects: two that are absent may be two.
    """
    if len(found) == 1:  # as nearly every record has: nothing is to be put together
        yield from (item for item in found if item.counts is not False)
        return
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate(found):
        if item.counts is not False:
            value = number if each and isinstance(item.value, Absent) else item.value
            groups.setdefault(value if by_value else None, []).append(item)
    for same in groups.values():
        sure = next((item for item in same if item.counts is True), None)
        needs = NO_NEEDS.union(*(item.needs for item in same))
        yield sure or same[0]._replace(counts=None, needs=needs)


def _rejected(spec: LookUp, row: Row, records: Records) -> list[Item]:
    """Return the rows that could not be read and carry the id of the child, where a look-up goes by that."""
    keys = keys_of(row["child.id"]) if "child.id" in spec.by else frozenset[Hashable]()
    found: list[Item] = []
    for reject in records.rejected:
        if reject.child_id in keys:
            needs = frozenset({f"rejected:{reject.source_row}"})
            value: Value = reject.child_id if spec.of == "child.id" and reject.child_id else Absent(needs)
            found.append(Item(None, needs, value, f"rejected:{reject.source_row}"))
    return found


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


# ---- the record's own lists ------------------------------------------------------------------------------------------


def _own_items(spec: LookUp, row: Row, record: Record) -> Iterator[Item]:
    where = spec.where
    given = given_by(row, where) if where is not None else None
    for item in record.items(spec.over):
        seen = given.seen(item) if given is not None else item
        counts = True if where is None else holds(where, seen)
        needs = spelled(needs_of(where, seen), of="") if where is not None and counts is None else NO_NEEDS
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
