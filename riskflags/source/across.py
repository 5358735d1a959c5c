"""Flags and gaps of other records that look-ups read: those of rules and actions that need no other record.

A look-up reaches one record far. So a rule that looks at other records itself cannot be read in one by name; a family,
and the rules that require an action, are taken without such rules.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple, assert_never

from riskflags.condition import comparisons
from riskflags.pack import Derived, FlagReading, GapReading, LookUp, MarkerInPlace, RecordedAction
from riskflags.source.problems import listed, quoted
from riskflags.source.renaming import derived_renamed
from riskflags.source.web import Web, about, conditions_of, meaning_of, required_by, values_behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.condition import Comparison, Condition
    from riskflags.pack import Action, Due, Reading, Rule
    from riskflags.source.names import Names

_TWO_HOPS = "looks at other records itself: two hops"


@dataclasses.dataclass(frozen=True, slots=True)
class Across:
    """What look-ups read of other records.

    `derived` are the derived values that do, by name, with each reading under a name of its own; `readings` gives these
    their meaning. `behind` gives each rule the rules that its look-ups read. `rules` are the ids of all of them, and of
    those that they read in turn.
    """

    derived: Mapping[str, Derived]
    readings: Mapping[str, Reading]
    behind: Mapping[str, frozenset[str]]
    rules: frozenset[str]


def read_across(rules: Sequence[Rule], web: Web, names: Names) -> Across:
    """Return what the look-ups of a pack read of other records. What looks further than one record is reported."""
    every = {**names.made, **{own.name: own for rule in rules for own in rule.derived}}
    reading = {key: one for key, one in every.items() if any(name in names.readings for name in _looked_for(one))}
    if not reading:
        return Across({}, {}, {}, frozenset())
    alone = _alone(rules, web, names)
    derived: dict[str, Derived] = {}
    readings: dict[str, Reading] = {}
    read: dict[str, frozenset[str]] = {}
    for key, one in reading.items():
        changed: dict[str, str] = {}
        for comparison in _comparisons(one):
            if comparison.name in names.readings and _is_one_hop(comparison, alone, web, names):
                meaning = _meaning(comparison.name, alone, web, names)
                changed[comparison.name] = f"{comparison.name} on that record"
                readings[changed[comparison.name]] = meaning
                read[key] = read.get(key, frozenset()) | (meaning.rules or frozenset())
        derived[key] = derived_renamed(one, changed)
    behind = {
        rule.id: frozenset[str]().union(*(read.get(one.name, ()) for one in values_behind(rule, every)))
        for rule in rules
    }
    return Across(derived, readings, behind, _with_what_they_read(frozenset[str]().union(*read.values()), web))


# ---- what needs no other record --------------------------------------------------------------------------------------


class _Alone(NamedTuple):
    """The ids of the rules, and the keys of the actions, that can be decided on one record without any other."""

    rules: frozenset[str]
    actions: frozenset[str]


def _alone(rules: Sequence[Rule], web: Web, names: Names) -> _Alone:
    actions = frozenset(key for key, action in names.actions.known.items() if not _action_reaches(action, names))
    found = frozenset(web.read) - {rule.id for rule in rules if _rule_reaches(rule, names)}
    before = frozenset[str]()
    while found != before:
        before = found
        found = frozenset(
            rule_id
            for rule_id in before
            if all(ids <= before for ids in web.kept[rule_id].values())
            and _actions_read(rule_id, web, names) <= actions
        )
    return _Alone(found, actions)


def _rule_reaches(rule: Rule, names: Names) -> bool:
    """Return whether a rule looks at other records itself."""
    anchors = (due.anchor for ask in rule.requires for due in ask.due)
    return any(names.traits(one).across for one in conditions_of(rule)) or _any_reaches(anchors, names)


def _action_reaches(action: Action, names: Names) -> bool:
    """Return whether an action looks at other records: in a condition, or since any record of the child counts."""
    anchors = (due.anchor for due in action.due)
    across = any(names.traits(one).across for one in _conditions_of(action))
    return action.per == "child" or across or _any_reaches(anchors, names)


def _any_reaches(anchors: Iterator[str], names: Names) -> bool:
    terms = map(names.term, anchors)
    return any(term is not None and term.traits.across for term in terms)


def _conditions_of(action: Action) -> Iterator[Condition]:
    dues: Sequence[Due] = action.due
    yield from (one for one in (action.when, *(due.when for due in dues)) if one is not None)
    for way in action.satisfied_by:
        if isinstance(way, RecordedAction | MarkerInPlace) and way.where is not None:
            yield way.where


def _actions_read(rule_id: str, web: Web, names: Names) -> frozenset[str]:
    meanings = (meaning_of(name, ids, web, names) for name, ids in web.kept[rule_id].items())
    return frozenset[str]().union(*(one.actions for one in meanings if isinstance(one, GapReading)))


# ---- what look-ups read ----------------------------------------------------------------------------------------------


def _comparisons(derived: Derived) -> Iterator[Comparison]:
    if isinstance(derived.how, LookUp):
        for condition in derived.how.conditions:
            yield from comparisons(condition)


def _looked_for(derived: Derived) -> Iterator[str]:
    return (comparison.name for comparison in _comparisons(derived))


def _is_one_hop(comparison: Comparison, alone: _Alone, web: Web, names: Names) -> bool:
    """Return whether a look-up can read a flag or a gap of another record, having reported it where it cannot."""
    reading = names.readings[comparison.name]
    if comparison.name not in web.families:
        match reading:
            case FlagReading():
                far = sorted(reading.rules - alone.rules)
            case GapReading():
                far = sorted(reading.actions - alone.actions)
            case _:
                assert_never(reading)
        if far:
            message = f"{quoted(_shown(comparison.name))} in a look-up: {listed(far)} {_TWO_HOPS}"
            hint = "read a rule, or the gap of an action, that needs no other record"
            names.problems.report("RF130", comparison.place, message, hint)
            return False
    if not (_meaning(comparison.name, alone, web, names).rules or ()):
        message = f"{quoted(_shown(comparison.name))} in a look-up is about no rule that needs no other record"
        hint = "a look-up reads only what is flagged and required by rules that look at one record alone"
        names.problems.report("RF130", comparison.place, message, hint)
        return False
    return True


def _shown(name: str) -> str:
    return name.replace(":", " ", 1)


def _meaning(name: str, alone: _Alone, web: Web, names: Names) -> Reading:
    """Return what a reading means of another record: what it is about, without what needs other records."""
    reading = names.readings[name]
    match reading:
        case FlagReading():
            return dataclasses.replace(reading, rules=about(name, "", web.requiring, names) & alone.rules)
        case GapReading():
            ids = about(name, "", web.requiring, names) & alone.rules
            actions = required_by(ids, web) & alone.actions if name in web.families else reading.actions
            return dataclasses.replace(reading, actions=actions, rules=ids)
        case _:
            assert_never(reading)


def _with_what_they_read(ids: frozenset[str], web: Web) -> frozenset[str]:
    """Return rules with all that they read in turn."""
    found: set[str] = set()
    ahead = list(ids)
    while ahead:
        rule_id = ahead.pop()
        if rule_id not in found:
            found.add(rule_id)
            ahead += frozenset[str]().union(*web.kept[rule_id].values())
    return frozenset(found)
