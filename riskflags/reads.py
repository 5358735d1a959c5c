"""Which fields the rules and actions of a pack read, so that an extract can be cut to them and nobody has to guess.

A field that only a personal or a group name stands for is told by that name: `contact`, where any contact counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.condition import names_read
from riskflags.coverage import own_conditions
from riskflags.looking import THIS
from riskflags.pack import Computed, FlagReading, GapReading, LookUp, MarkerInPlace, RecordedAction, RecordedField
from riskflags.words import names_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.condition import Condition
    from riskflags.pack import Action, Derived, Due, Pack, Rule


def fields_of_rule(rule: Rule, pack: Pack) -> frozenset[str]:
    """Return the fields that decide a rule, its severity and when it asks, without those of the flags it reads."""
    return _fields(_of_conditions(own_conditions(rule), rule.derived, pack), pack)


def rules_read(rule: Rule, pack: Pack) -> frozenset[str]:
    """Return the ids of the rules whose flags or gaps a rule reads, and of those that they read in turn."""
    by_id = {one.id: one for one in pack.rules}
    found: set[str] = set()
    left = [rule.id]
    while left:
        for other in _read_directly(by_id[left.pop()], pack) & by_id.keys():
            if other not in found:
                found.add(other)
                left.append(other)
    return frozenset(found)


def fields_of_pack(pack: Pack) -> Mapping[str, tuple[str, ...]]:
    """Return what reads each field that is read: codes of rules, codes of actions, and what pack.yaml says."""
    found: dict[str, set[str]] = {}
    for rule in (one for one in pack.rules if one.status != "retired"):
        inner = {one.shown: one.name for one in rule.derived}
        told = {inner.get(name, name) for name in names_in(rule.flag.message)}
        names = _of_names(told, _derived(rule.derived, pack)) | _of_dues(_own_dues(rule), rule.derived, pack)
        for path in fields_of_rule(rule, pack) | _fields(names, pack):
            found.setdefault(path, set()).add(rule.code)
    for action in pack.actions.values():
        for path in fields_of_action(action, pack):
            found.setdefault(path, set()).add(action.code)
    for path in _fields(_of_settings(pack), pack):
        found.setdefault(path, set()).add("pack.yaml")
    return {path: tuple(sorted(found[path])) for path in sorted(found)}


def fields_of_action(action: Action, pack: Pack) -> frozenset[str]:
    """Return the fields that decide whether an action applies, by when, and whether it is on record."""
    conditions = [action.when] if action.when is not None else []
    names: set[str] = set()
    for way in action.satisfied_by:
        match way:
            case RecordedAction():
                names |= {"action.code", "action.outcome", "action.at", "action.by_role"}
                names |= {"action.suspect_id"} if action.per == "suspect" else set()
                conditions += [way.where] if way.where is not None else []
            case RecordedField():
                names.add(way.name)
            case MarkerInPlace():
                names.add("marker.placed_at")
                conditions.append(way.where)
    found = _of_conditions(conditions, (), pack) | _of_names(names, pack.derived)
    return _fields(found | _of_dues(action.due, (), pack), pack)


def _fields(names: Iterable[str], pack: Pack) -> frozenset[str]:
    return frozenset(name for name in names if name in pack.fields)


def _of_settings(pack: Pack) -> set[str]:
    names = {pack.event_time, pack.effective_by}
    found = _of_conditions([one.when for one in pack.grades if one.when is not None], (), pack)
    for one in pack.duplicates:
        names |= {*one.by, one.begins, one.ends}
        found |= _of_conditions([one.of], (), pack)
    return found | _of_names(names, pack.derived)


def _own_dues(rule: Rule) -> Iterator[Due]:
    return (due for ask in rule.requires for due in ask.due)


def _of_dues(dues: Iterable[Due], own: Iterable[Derived], pack: Pack) -> set[str]:
    every = list(dues)
    conditions = [due.when for due in every if due.when is not None]
    return _of_conditions(conditions, own, pack) | _of_names({due.anchor for due in every}, _derived(own, pack))


def _of_conditions(conditions: Iterable[Condition], own: Iterable[Derived], pack: Pack) -> set[str]:
    names = {name for condition in conditions for name in names_read(condition)}
    return _of_names(names, _derived(own, pack))


def _derived(own: Iterable[Derived], pack: Pack) -> Mapping[str, Derived]:
    return {**pack.derived, **{one.name: one for one in own}}


def _of_names(names: Iterable[str], derived: Mapping[str, Derived]) -> set[str]:
    """Return every name that these come from, themselves among them."""
    found: set[str] = set()
    left = [name.removeprefix(THIS) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        if name in derived:
            left += [one.removeprefix(THIS) for one in _read_by(derived[name])]
    return found


def _read_by(derived: Derived) -> Iterator[str]:
    match derived.how:
        case Computed(names=names):
            yield from names
        case LookUp() as how:
            yield from (*how.by, *((how.of,) if how.of else ()))
            for condition in how.conditions:
                yield from names_read(condition)


def _read_directly(rule: Rule, pack: Pack) -> frozenset[str]:
    """Return the ids of the rules whose flags or gaps a rule reads itself."""
    names = _of_conditions(own_conditions(rule), rule.derived, pack)
    found: set[str] = set()
    for reading in (pack.readings[name] for name in names if name in pack.readings):
        match reading:
            case FlagReading():
                found |= reading.rules
            case GapReading():
                found |= reading.rules if reading.rules is not None else _asking(reading.actions, pack)
    return frozenset(found)


def _asking(actions: frozenset[str], pack: Pack) -> frozenset[str]:
    return frozenset(rule.id for rule in pack.rules if any(ask.action in actions for ask in rule.requires))
