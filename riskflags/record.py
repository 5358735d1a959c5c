"""Records made ready for the engines: a row of values for each incident and suspect, found by what they share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from riskflags.calendar import Duration
from riskflags.condition import Row
from riskflags.derive import compute
from riskflags.duplicates import Occurrence, occurrence, same
from riskflags.fields import FieldInfo, group_paths, read_value
from riskflags.incident import GROUPS, Facts, Incident
from riskflags.lookup import Sight, codes_named, keep, keys_of, look_up
from riskflags.model import Absent, Moment, Number, Value
from riskflags.pack import Computed, Derived, LookUp, Pack, RecordedAction
from riskflags.windows import Line, in_order

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from riskflags.lookup import Item
    from riskflags.pack import Duplicates
    from riskflags.windows import Reach


Read = Callable[[str, Row], Value]
"""What gives the value of a flag or a gap, by its name in the pack, on a row."""


class RejectedRow(Protocol):
    """A row that could not be read, as intake reports it."""

    @property
    def source_row(self) -> int:
        """The number of the row in its file, from 1."""
        ...

    @property
    def child_id(self) -> str | None:
        """The child's id, where it could be read."""
        ...


class Record:
    """One incident as the engines see it: `rows` holds one row per suspect, or one where none is recorded.

    `base` is the row of the incident without a suspect. Values are found at their first reading and kept: most records
    are only looked at, and little is read of them. `seen` is how its rows look to the look-ups of other records.
    """

    __slots__ = (
        "_items", "_occurrences", "_records", "_suspects", "base", "event_time", "id", "incident", "read", "seen",
    )  # fmt: skip

    def __init__(self, incident: Incident, records: Records) -> None:
        self.incident = incident
        self.id = incident.incident.id or ""
        self.event_time = records.pack.event_time
        self.read: Read | None = None
        self.seen: dict[str, tuple[Item, ...]] = {}
        self._records = records
        self._items: dict[str, tuple[Row, ...]] | None = None
        self._suspects: tuple[Row, ...] | None = None
        self._occurrences: tuple[Occurrence, ...] | None = None
        self.base = Row({"as_of": records.as_of}, find=self._find)

    @property
    def when(self) -> Moment | None:
        """The time by which records are ordered; None where it is not known."""
        when = self.base[self.event_time]
        return when if isinstance(when, Moment) else None

    @property
    def suspects(self) -> tuple[Row, ...]:
        """A row for each suspect."""
        if self._suspects is None:
            self._suspects = tuple(Row(find=partial(self._of_suspect, suspect)) for suspect in self.incident.suspects)
        return self._suspects

    @property
    def rows(self) -> tuple[Row, ...]:
        """A row for each suspect, or the one of the incident where none is recorded."""
        return self.suspects or (self.base,)

    def items(self, over: str) -> tuple[Row, ...]:
        """Return a row for each action done, marker or suspect of this record that is there by as_of."""
        if over == "suspects":
            return self.suspects
        if self._items is None:
            self._items = {}
        if over not in self._items:
            found: tuple[Facts, ...] = getattr(self.incident, over)
            begins = "action.at" if over == "done" else "marker.placed_at"
            there = [facts for facts in found if not self._lies_ahead(facts, begins)]
            self._items[over] = tuple(Row(find=self._of_item(facts, f"{GROUPS[over]}.")) for facts in there)
        return self._items[over]

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """What each definition of duplicates of the pack sees of the record."""
        if self._occurrences is None:
            self._occurrences = tuple(occurrence(spec, self.base, keys_of) for spec in self._records.pack.duplicates)
        return self._occurrences

    @property
    def counted_once(self) -> tuple[Occurrence, ...]:
        """What the definitions see of the record whose duplicates look-ups count once."""
        return tuple([self.occurrences[number] for number in self._records.once])

    def release(self) -> None:
        """Let go of what was decided on the record, and of every value that no other record will look at.

        How it looks to all others is kept. What is read of it afterwards is found again.
        """
        names = self._records.names
        for sight in names.sights.values():
            if sight.kept_as:
                keep(sight, self)
        self.read = None
        self._items = None
        for row in (self.base, *(self._suspects or ())):
            row.keep_only(names.looked_at)

    def _lies_ahead(self, facts: Facts, begins: str) -> bool:
        moment = getattr(facts, begins.partition(".")[2])
        return isinstance(moment, Moment) and moment.earliest > self._records.as_of.earliest

    def _of_item(self, facts: Facts, prefix: str) -> Callable[[str, Row], Value]:
        """Return what finds the values of an item: its own fields, else those of the record."""
        return lambda name, _row: self._field(facts, name) if name.startswith(prefix) else self.base[name]

    def _of_suspect(self, suspect: Facts, name: str, row: Row) -> Value:
        """Return a value of a suspect's row: of the suspect, or as it differs by suspect, else that of the record."""
        if name.startswith("suspect."):
            return self._field(suspect, name)
        if self._records.names.is_of_suspect(name):
            return self._find(name, row)
        value = self.base[name]
        row.keep_evidence(name, self.base.evidence(name))
        return value

    def _field(self, facts: Facts, name: str) -> Value:
        info = self._records.names.fields.get(name)
        if info is None:
            return Absent(frozenset({name}), held=False)
        return read_value(facts, info, record=self.incident, as_of=self._records.as_of.earliest)

    def _find(self, name: str, row: Row) -> Value:
        derived = self._records.names.derived.get(name)
        if derived is not None:
            return self._derive(derived, row)
        if name.startswith(("flag:", "gap:")):
            read = self.read or self._records.decide(self)
            return read(name, row)
        group, _, rest = name.partition(".")
        if group == "param":
            return self._param(rest, row)
        if not rest and name in self._records.names.groups:
            return self._group(name, row)
        facts = getattr(self.incident, group, None)
        if isinstance(facts, Facts):
            return self._field(facts, name)
        return Absent(frozenset({name}), held=self.incident.holds.records_field(name))

    def _derive(self, derived: Derived, row: Row) -> Value:
        match derived.how:
            case Computed():
                value = compute(derived.how, row)
                because = {one for name in derived.how.names for one in row.evidence(name)}
                row.keep_evidence(derived.name, tuple(sorted(because)))
                return value
            case LookUp():
                found = look_up(self._records.names.sights[derived.name], row, self, self._records)
                row.keep_evidence(derived.name, found.because)
                return found.value

    def _param(self, name: str, row: Row) -> Value:
        when = row[self._records.pack.effective_by]
        value = self._records.pack.params[name].on(when.day) if isinstance(when, Moment) else None
        match value:
            case None:
                return Absent(when.needs if isinstance(when, Absent) else frozenset({f"param.{name}"}))
            case Duration():
                return str(value)
            case _:
                return Number(value, value)

    def _group(self, name: str, row: Row) -> Value:
        if any(not isinstance(row[path], Absent) for path in self._records.names.groups[name]):
            return True
        return Absent(frozenset({name}), held=self.incident.holds.records_field(name))


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of a pack mean, worked out once: its fields, groups and derived values.

    `per_suspect` are the derived values that differ from suspect to suspect; `looked_at` is what look-ups read of a
    record each time that another asks; `action_codes` are the codes of recorded actions that something in the pack
    looks for.
    """

    pack: Pack
    zone: ZoneInfo
    fields: Mapping[str, FieldInfo]
    groups: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, Derived]
    sights: Mapping[str, Sight]
    per_suspect: frozenset[str]
    looked_at: frozenset[str]
    action_codes: frozenset[str]

    def is_of_suspect(self, name: str) -> bool:
        """Return whether the value of a name differs from suspect to suspect."""
        return _is_of_suspect(self.per_suspect, name)

    @classmethod
    def of(cls, pack: Pack) -> Names:
        """Return the names of a pack, with the derived values that belong to one rule."""
        derived = {**pack.derived, **{own.name: own for rule in pack.rules for own in rule.derived}}
        per_suspect = _reading_suspects(derived)
        sights = {
            name: Sight.of(one.how, partial(_is_of_suspect, per_suspect), kept_as=name)
            for name, one in derived.items()
            if isinstance(one.how, LookUp)
        }
        return cls(
            pack=pack,
            zone=pack.zone,
            fields=pack.fields,
            groups=group_paths(pack.record),
            derived=derived,
            sights=sights,
            per_suspect=per_suspect,
            looked_at=frozenset({"as_of", pack.event_time}).union(*(sight.looked_at for sight in sights.values())),
            action_codes=_action_codes(pack, derived),
        )


def _is_of_suspect(per_suspect: frozenset[str], name: str) -> bool:
    return name.startswith(("suspect.", "flag:", "gap:")) or name in per_suspect


class Records:
    """All the records of one assessment, at one as_of, each findable by any of its values.

    `decide` is set by what decides rules: on a record that a look-up looks at, it gives what reads its flags and gaps.
    `lock` lets one thread at a time decide or explain a record. A record whose time is after as_of is not yet there.
    Of two records with one key the one that sorts last by content is taken, so that the order in which they came does
    not matter.
    """

    def __init__(
        self,
        names: Names,
        incidents: Iterable[Incident],
        *,
        as_of: datetime,
        rejected: Sequence[RejectedRow] = (),
    ) -> None:
        self.names = names
        self.decide: Callable[[Record], Read] = _undecided
        self.lock = threading.RLock()
        self.pack = names.pack
        self.once = tuple(number for number, spec in enumerate(names.pack.duplicates) if spec.once)
        self.as_of = Moment.at(as_of.astimezone(names.zone))
        self.rejected = tuple(reject for reject in rejected if reject.child_id)
        self._index: dict[str, dict[Hashable, Line]] = {}
        self._by_key: dict[tuple[str, str | None], Record] = {}
        for incident in incidents:
            self.add(incident)

    def add(self, incident: Incident) -> Record:
        """Add a record, unless one of the same key that sorts after it is there; return the one that stands."""
        standing = self._by_key.get(incident.key)
        if standing is None or _content(standing.incident) < _content(incident):
            self._by_key[incident.key] = Record(incident, self)
            self._index.clear()
        return self._by_key[incident.key]

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_key.values())

    def is_there(self, record: Record) -> bool:
        """Return whether the record's time is not after as_of."""
        return record.when is not None and record.when.earliest <= self.as_of.earliest

    def sharing(self, name: str, keys: frozenset[Hashable]) -> list[Record]:
        """Return the records one of whose rows has one of the keys under the name, in order of time and id."""
        return [record for _, record in self.near(name, keys, reach=True)]

    def near(self, name: str, keys: frozenset[Hashable], *, reach: Reach) -> Sequence[tuple[Moment, Record]]:
        """Return those that share a key and that a window may reach, each with its time, in order of time and id."""
        if name not in self._index:
            self._index[name] = self._indexed(name)
        lines = [line for key in keys if (line := self._index[name].get(key)) is not None]
        if len(lines) == 1:
            return lines[0].within(reach)
        found = {id(record): (when, record) for line in lines for when, record in line.within(reach)}
        return in_order(found.values())

    def _indexed(self, name: str) -> dict[Hashable, Line]:
        index: dict[Hashable, list[tuple[Moment, Record]]] = {}
        by_suspect = self.names.is_of_suspect(name)
        for record in self._by_key.values():
            when = record.when
            if when is not None and self.is_there(record):
                rows = record.rows if by_suspect else (record.base,)
                for key in {key for row in rows for key in keys_of(row[name])}:
                    index.setdefault(key, []).append((when, record))
        return {key: Line(found) for key, found in index.items()}

    def same_event(self, record: Record) -> list[tuple[Record, Duplicates]]:
        """Return the other records that are surely of one event with a record, with the definition that says so."""
        found: dict[int, tuple[Moment, Record]] = {}
        because: dict[int, Duplicates] = {}
        for number, spec in enumerate(self.pack.duplicates):
            own = record.occurrences[number]
            if own.is_of is True and own.keys is not None:
                for when, other in self.near(spec.by[0], keys_of(record.base[spec.by[0]]), reach=True):
                    if other is not record and same(own, other.occurrences[number]) is True:
                        found.setdefault(id(other), (when, other))
                        because.setdefault(id(other), spec)
        return [(other, because[id(other)]) for _, other in in_order(found.values())]

    def same_child(self, record: Record) -> list[Record]:
        """Return the records of the record's child, itself among them."""
        keys = keys_of(record.base["child.id"])
        return self.sharing("child.id", keys) if keys else [record]


def _undecided(record: Record) -> Read:  # noqa: ARG001 - as for a record on which rules are decided
    """Return what reads flags and gaps where no rule is decided: each is absent."""
    return lambda name, _: Absent(frozenset({name}))


def _content(incident: Incident) -> str:
    return incident.model_dump_json()


def _action_codes(pack: Pack, derived: Mapping[str, Derived]) -> frozenset[str]:
    """Return every code of a recorded action that an action or a look-up of the pack names."""
    found: set[str] = set()
    for action in pack.actions.values():
        found |= action.steps
        for way in action.satisfied_by:
            found |= way.codes if isinstance(way, RecordedAction) else frozenset()
    for value in derived.values():
        if isinstance(value.how, LookUp):
            found |= codes_named(value.how.where) or frozenset()
    return frozenset(found)


def _reading_suspects(derived: dict[str, Derived]) -> frozenset[str]:
    """Return the names whose value differs from suspect to suspect."""
    found: set[str] = set()
    before = -1
    while len(found) != before:
        before = len(found)
        for name, value in derived.items():
            if any(read.startswith("suspect.") or read in found for read in _reads(value)):
                found.add(name)
    return frozenset(found)


def _reads(derived: Derived) -> frozenset[str]:
    """Return the names of the current record that a derived value reads."""
    match derived.how:
        case Computed():
            return frozenset(derived.how.names)
        case LookUp():
            this = {name.removeprefix("this.") for name in derived.how.reads if name.startswith("this.")}
            return frozenset({*derived.how.by, *this})
