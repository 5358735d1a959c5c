"""What the rules of a pack can come to on the records of one format: by what its mapping fills, before a row is read.

It errs on one side: a rule that comes to an answer on some record of the format is always said to be able to. Files
that a mapping does without are taken to be there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import OPERATORS, Comparison, Constant, Group, Named, Reference, codes_of
from riskflags.derive import FUNCTIONS
from riskflags.fields import group_paths
from riskflags.kinds import parse_yes_no
from riskflags.lookup import codes_named
from riskflags.mapping.model import Always, FirstOf
from riskflags.model import Codes, Number
from riskflags.pack import Computed, FlagReading, GapReading, LookUp, MarkerInPlace, RecordedAction, RecordedField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.condition import Condition, Operand
    from riskflags.fields import FieldInfo
    from riskflags.mapping.model import FileMapping, Source
    from riskflags.model import Value
    from riskflags.pack import Action, Derived, Pack, Rule

_GROWING = frozenset({"has", "has_any", "has_all", "at_least", "more_than"})
"""Operators that more codes, or a higher number, can only make hold."""
_THIS = "this."


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rule can come to: whether it can fire, clear, or be stopped by an `unless`.

    `reads` are the fields that it rests on, `missing` what it reads in vain: fields, groups, or a list as a whole.
    """

    rule: Rule
    fires: bool
    clears: bool
    is_stopped: bool
    reads: frozenset[str]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Can:
    """Which answers a condition can have besides undecided."""

    hold: bool
    fail: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What a name can be: nothing at all where it is not held, one of `values`, or anything where these are None.

    There may always be more than is known of one that is `open`: codes, or things that are counted.
    """

    held: bool = True
    values: frozenset[Value] | None = None
    open: bool = False


_ANYTHING = _Known()
_NOTHING = _Known(held=False)
_NEITHER = _Can(hold=False, fail=False)


def reach(mapping: FileMapping, pack: Pack) -> tuple[Reach, ...]:
    """Return what each active rule can come to on records that the mapping makes, in the order of the pack."""
    names = _Names(mapping, pack)
    by_key = {rule.key: rule for rule in pack.rules}
    for layer in pack.layers:
        for key in layer:
            names.reached[by_key[key].id] = names.of_rule(by_key[key])
    return tuple(names.reached[rule.id] for rule in pack.rules if rule.status == "active")


def filled(mapping: FileMapping) -> frozenset[str]:
    """Return the fields that records of the mapping can have."""
    return frozenset(path for path in mapping.fields if path not in mapping.no_identity)


def is_held(action: Action, mapping: FileMapping, pack: Pack) -> bool:
    """Return whether an action would be on record, had it been taken: its source holds one of the ways to tell."""
    names = _Names(mapping, pack)
    return any(names.is_held(way) for way in action.satisfied_by)


@dataclass(slots=True)
class _Names:
    """What the names of a pack can be on records of a mapping, and what has been found of its rules."""

    mapping: FileMapping
    pack: Pack
    reached: dict[str, Reach] = field(default_factory=dict[str, Reach])
    _known: dict[str, _Known] = field(default_factory=dict[str, _Known])
    _derived: Mapping[str, Derived] = field(init=False)
    _groups: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Gather the names of the pack."""
        own = {one.name: one for rule in self.pack.rules for one in rule.derived}
        self._derived = {**self.pack.derived, **own}
        self._groups = group_paths(self.pack.record)

    def of_rule(self, rule: Rule) -> Reach:
        """Return what a rule can come to; the rules that it reads have been looked at."""
        when = self.can(rule.when)
        stops = any(self.can(condition).hold for condition in rule.unless)
        seen: set[str] = set()
        missing = sorted({name for one in (rule.when, *rule.unless) for name in self._missing(one, seen=seen)})
        return Reach(rule, when.hold, when.fail, stops, frozenset(seen & {*self.pack.fields}), tuple(missing))

    # ---- conditions --------------------------------------------------------------------------------------------------

    def can(self, condition: Condition) -> _Can:
        """Return the answers that a condition can have."""
        match condition:
            case Comparison():
                found = self._compared(condition)
                return found if condition.positive else _not(found)
            case Named():
                found = self.can(condition.condition)
                return found if condition.positive else _not(found)
            case Group():
                return self._together(condition)
            case _:
                assert_never(condition)

    def _together(self, group: Group) -> _Can:
        parts = [self.can(one) for one in group.conditions]
        match group.kind:
            case "all":
                return _Can(all(part.hold for part in parts), any(part.fail for part in parts))
            case "any":
                return _Can(any(part.hold for part in parts), all(part.fail for part in parts))
            case "none":
                return _Can(all(part.fail for part in parts), any(part.hold for part in parts))
            case "at_least_of":
                holding, failing = (sum(answers) for answers in ((p.hold for p in parts), (p.fail for p in parts)))
                return _Can(holding >= group.many, failing > len(parts) - group.many)
            case _:
                assert_never(group.kind)

    def _compared(self, comparison: Comparison) -> _Can:
        if comparison.name.startswith(("flag:", "gap:")):
            return self._read(comparison.name)
        known = self.known(comparison.name)
        if not known.held:
            return _NEITHER
        if comparison.operator == "recorded":
            return _Can(hold=True, fail=True)
        operands = [self._operand(one) for one in comparison.operands]
        if any(not one.held for one in operands):
            return _NEITHER
        values = [one.values for one in operands]
        found = _Can(hold=True, fail=True)
        if known.values is not None and all(some is not None and len(some) == 1 for some in values):
            right = tuple(next(iter(some)) for some in values if some is not None)
            answers = {OPERATORS[comparison.operator].test(value, right) for value in known.values}
            found = _Can(True in answers, False in answers)
        if known.open:
            grows = comparison.operator in _GROWING
            found = _Can(found.hold and grows, found.fail and not grows)
        return found

    def _operand(self, operand: Operand) -> _Known:
        match operand:
            case Constant(value=value):
                return _Known(values=frozenset({value}))
            case Reference(name=name):
                return self.known(name)
            case _:
                assert_never(operand)

    # ---- names -------------------------------------------------------------------------------------------------------

    def known(self, name: str) -> _Known:
        """Return what a name can be."""
        name = name.removeprefix(_THIS)
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def _found(self, name: str) -> _Known:
        if name in self._derived:
            how = self._derived[name].how
            return self._computed(how) if isinstance(how, Computed) else self._looked_up(how)
        if name in self._groups:
            return _ANYTHING if any(self.known(path).held for path in self._groups[name]) else _NOTHING
        if name.startswith("param."):
            value = self.pack.params[name.removeprefix("param.")].values[-1][1]
            return _Known(values=frozenset({Number(value, value)})) if isinstance(value, Decimal | int) else _ANYTHING
        if name not in self.pack.fields:
            return _ANYTHING  # as_of, severity
        return self._field(self.pack.fields[name])

    def _field(self, info: FieldInfo) -> _Known:
        holds = self.mapping.holds.model_copy(update={"fields": tuple(sorted(filled(self.mapping)))})
        group = info.path.partition(".")[0]
        if info.path not in filled(self.mapping) or not holds.records_field(info.path):
            return _NOTHING
        return _ANYTHING if group in ("action", "marker") else _of_source(self.mapping.fields[info.path], info)

    def _computed(self, how: Computed) -> _Known:
        found = [self.known(name) for name in how.names]
        held = [one for one in found if one.held]
        is_open = any(one.open for one in held)
        match how.function:
            case "first_recorded":
                values = None if any(one.values is None for one in held) else _all_values(held)
                return _Known(bool(held), values, is_open)
            case "list_of":
                values = None if any(one.values is None for one in held) else _lists(_all_values(held))
                return _Known(bool(held), values, is_open or len(held) < len(found))
            case "size":
                compute = FUNCTIONS["size"].compute
                sizes = frozenset(compute([one], how.codes) for one in found[0].values or ())
                return _Known(found[0].held, None if found[0].values is None else sizes, is_open)
            case "age":
                return _ANYTHING if any(one.held for one in found[1:]) else _NOTHING
            case "age_gap":
                people = (found[1:6], found[6:11])
                return _ANYTHING if all(any(one.held for one in person) for person in people) else _NOTHING
            case _:
                return _Known(len(held) == len(found), None, is_open)

    def _looked_up(self, how: LookUp) -> _Known:
        left_out = self._left_out(how)
        if left_out is None:
            return _NOTHING
        counts = [self.can(condition) for condition in how.conditions]
        can_count = all(one.hold for one in counts)
        never_sure = any(not one.hold and not one.fail for one in counts)
        of = self.known(how.of) if how.of else _ANYTHING
        match how.function:
            case "how_many":
                is_open = left_out or (never_sure and not how.others)
                return _Known(values=None if can_count else frozenset({_number(0)}), open=is_open)
            case "how_many_different":
                few = frozenset({_number(0), _number(1)}) if can_count else frozenset({_number(0)})
                return _Known(values=None if can_count and of.held else few, open=left_out)
            case "union":
                values = of.values if can_count and of.held else frozenset({Codes(frozenset())})
                return _Known(values=values, open=left_out or never_sure or not of.held)
            case "earliest" | "latest":
                return replace(_ANYTHING, held=can_count and of.held)
            case _:
                assert_never(how.function)

    def _left_out(self, how: LookUp) -> bool | None:
        """Return whether there may be more than the source holds; None where it holds nothing of the kind."""
        holds = self.mapping.holds
        match how.over:
            case "records":
                linked = all(self.known(name).held for name in (*how.by, self.pack.event_time))
                return False if linked else None
            case "done":
                codes = codes_named(how.where)
                if holds.actions == "all" or codes is None:
                    return None if holds.actions == "none" else holds.actions != "all"
                held = frozenset(code for code in codes if holds.records_action(code))
                return held != codes if held else None
            case "markers":
                return False if holds.markers else None
            case "suspects":
                return False if holds.suspects else None
            case _:
                assert_never(how.over)

    # ---- flags and gaps of other rules -------------------------------------------------------------------------------

    def _read(self, name: str) -> _Can:
        reading = self.pack.readings[name]
        match reading:
            case FlagReading():
                found = [self.reached[one] for one in reading.rules if one in self.reached]
                return _Can(any(one.fires for one in found), all(one.clears or one.is_stopped for one in found))
            case GapReading():
                parts = [self._gap(self.pack.actions[key], reading.rules) for key in reading.actions]
                return _Can(any(part.hold for part in parts), all(part.fail for part in parts))
            case _:
                assert_never(reading)

    def _gap(self, action: Action, rules: frozenset[str] | None) -> _Can:
        asking = [
            one
            for one in self.reached.values()
            if (rules is None or one.rule.id in rules) and any(ask.action == action.key for ask in one.rule.requires)
        ]
        is_held = any(self.is_held(way) for way in action.satisfied_by)
        is_asked = any(one.fires for one in asking)
        unasked = all(one.clears or one.is_stopped for one in asking)
        return _Can(is_held and is_asked, unasked or (is_held and is_asked))

    def is_held(self, way: RecordedAction | RecordedField | MarkerInPlace) -> bool:
        """Return whether one of the ways in which an action is satisfied would be on record."""
        match way:
            case RecordedAction():
                return any(self.mapping.holds.records_action(code) for code in way.codes)
            case RecordedField():
                return self.known(way.name).held
            case MarkerInPlace():
                return self.mapping.holds.markers
            case _:
                assert_never(way)

    # ---- what is read in vain ----------------------------------------------------------------------------------------

    def _missing(self, condition: Condition, *, seen: set[str]) -> Iterator[str]:
        match condition:
            case Comparison():
                yield from self._lacking(condition.name, seen=seen)
                for operand in condition.operands:
                    if isinstance(operand, Reference):
                        yield from self._lacking(operand.name, seen=seen)
            case Named():
                yield from self._missing(condition.condition, seen=seen)
            case Group():
                for one in condition.conditions:
                    yield from self._missing(one, seen=seen)
            case _:
                assert_never(condition)

    def _lacking(self, name: str, *, seen: set[str]) -> Iterator[str]:
        """Yield what a name rests on and the source does not hold: fields, groups, or a list as a whole."""
        name = name.removeprefix(_THIS)
        if name in seen:
            return
        seen.add(name)
        if name in self._derived:
            yield from self._lacking_of(self._derived[name], seen=seen)
        elif name.startswith("gap:"):
            reading = self.pack.readings[name]
            keys: Iterable[str] = reading.actions if isinstance(reading, GapReading) else ()
            ways = [way for key in keys for way in self.pack.actions[key].satisfied_by]
            yield from () if any(map(self.is_held, ways)) else ("done",)
        elif name in self.pack.fields or name in self._groups:
            yield from () if self.known(name).held else (name,)

    def _lacking_of(self, derived: Derived, *, seen: set[str]) -> Iterator[str]:
        match derived.how:
            case Computed() as how:
                for name in self._needed(how):
                    yield from self._lacking(name, seen=seen)
            case LookUp() as how:
                if how.over != "records" and self._left_out(how) is None:
                    yield how.over
                    return
                for name in (*how.by, *([how.of] if how.of else ())):
                    yield from self._lacking(name, seen=seen)
                for condition in how.conditions:
                    yield from self._missing(condition, seen=seen)
            case _:
                assert_never(derived.how)

    def _needed(self, how: Computed) -> Iterator[str]:
        """Yield the names that a computed value cannot do without: of those that stand in for each other the first."""
        match how.function:
            case "first_recorded":
                choices = [how.names]
            case "age":
                choices = [how.names[:1], how.names[1:]]
            case "age_gap":
                choices = [how.names[:1], how.names[1:6], how.names[6:]]
            case _:
                choices = [(name,) for name in how.names]
        for some in choices:
            yield next((name for name in some if self.known(name).held), some[0])


def _not(can: _Can) -> _Can:
    return _Can(hold=can.fail, fail=can.hold)


def _number(value: int) -> Number:
    return Number(value, value)


def _all_values(known: Iterable[_Known]) -> frozenset[Value]:
    return frozenset(value for one in known for value in one.values or ())


def _lists(values: Iterable[Value]) -> frozenset[Value]:
    """Return the lists that some codes and lists can make together: each alone, all of them, and none."""
    found = [codes_of(value).known for value in values]
    return frozenset(Codes(one) for one in (frozenset[str](), frozenset[str]().union(*found), *found))


def _of_source(source: Source, info: FieldInfo) -> _Known:
    """Return what a source can give for a field: the values that its mapping writes, where it lists them."""
    texts = _texts(source)
    if texts is None or info.kind not in ("code", "yes_no", "codes", "text"):
        return _ANYTHING
    if info.kind == "yes_no":
        return _Known(values=frozenset(parse_yes_no(text) for one in texts for text in one))
    if info.kind == "codes":
        every = frozenset(code for one in texts for code in one)
        lists = [frozenset[str](), every, *(frozenset({code}) for code in every)]
        return _Known(values=frozenset(Codes(one) for one in lists))
    return _Known(values=frozenset(text for one in texts for text in one))


def _texts(source: Source) -> list[tuple[str, ...]] | None:
    """Return the values that a source can give, each a list; None where a cell is taken as it is."""
    if source.values is not None:
        written = [*source.values.values(), source.other or None]
        return [(one,) if isinstance(one, str) else one for one in written if one is not None]
    match source.form:
        case Always(value=value):
            return [(value,) if isinstance(value, str) else value]
        case FirstOf(sources=sources):
            found = [_texts(one) for one in sources]
            return None if None in found else [text for one in found if one is not None for text in one]
        case _:
            return None
