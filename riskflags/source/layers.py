"""Which rules read which: families resolved, circles refused, and the layers in which rules can be decided.

A rule that reads a flag comes after the rule that raises it; a rule that reads a gap comes after every rule that
requires the action. A family leaves out the rule that reads it and every rule that reads that one, directly or through
others.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import Comparison, Condition, Group, Named, comparisons
from riskflags.pack import Ask, Due, FlagReading, GapReading, Reading, Rule, SeverityCase
from riskflags.source.order import in_order, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.source.names import Names


@dataclasses.dataclass(frozen=True, slots=True)
class Layered:
    """The rules with every reading resolved, what each reading means, and the layers of rule keys."""

    rules: tuple[Rule, ...]
    readings: Mapping[str, Reading]
    layers: tuple[tuple[str, ...], ...]


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """Yield every condition of a rule, in the order in which a file has them."""
    yield rule.when
    yield from rule.unless
    yield from (case.when for case in rule.flag.severity if case.when is not None)
    for ask in rule.requires:
        if ask.when is not None:
            yield ask.when
        yield from (due.when for due in ask.due if due.when is not None)


def layered(rules: Sequence[Rule], names: Names) -> Layered:
    """Return the rules in layers. Circles, and rules that require what they read, are reported."""
    web = _woven(rules, names)
    for rule in rules:
        _refuse_own_gaps(rule, web, names)
    graph = {rule_id: frozenset[str]().union(*(web.kept[rule_id].values())) for rule_id in web.read}
    order, circles = in_order(graph)
    for circle in circles:
        _refuse_circle(circle, web, names)
    level: dict[str, int] = {}
    for rule_id in order:
        level[rule_id] = 1 + max((level[other] for other in graph[rule_id] if other in level), default=-1)
    by_code = sorted(rules, key=lambda rule: (rule.code, rule.version))
    layers = tuple(
        tuple(rule.key for rule in by_code if level.get(rule.id) == number)
        for number in range(max(level.values(), default=-1) + 1)
    )
    return Layered(tuple(_settled(rule, web) for rule in rules), _readings(web, names), layers)


@dataclasses.dataclass(frozen=True, slots=True)
class _Web:
    """Who reads whom, by rule id: every version of a rule counts as the rule.

    `read` gives each reading of a rule the comparison that makes it; `kept` gives it the rules that it is about,
    without those that a family leaves out. `requiring` gives each action the rules that require it.
    """

    read: Mapping[str, Mapping[str, Comparison]]
    kept: Mapping[str, Mapping[str, frozenset[str]]]
    requiring: Mapping[str, frozenset[str]]
    families: frozenset[str]


def _woven(rules: Sequence[Rule], names: Names) -> _Web:
    read: dict[str, dict[str, Comparison]] = {rule.id: {} for rule in rules}
    requiring: dict[str, frozenset[str]] = {}
    for rule in rules:
        for condition in conditions_of(rule):
            for comparison in comparisons(condition):
                if comparison.name in names.readings:
                    read[rule.id].setdefault(comparison.name, comparison)
        for ask in rule.requires:
            requiring[ask.action] = requiring.get(ask.action, frozenset()) | {rule.id}
    about = {reader: {name: _about(name, reader, requiring, names) for name in found} for reader, found in read.items()}
    widest = {reader: frozenset[str]().union(*found.values()) for reader, found in about.items()}
    reached = {reader: reach(widest, reader) for reader in read if read[reader]}
    kept: dict[str, dict[str, frozenset[str]]] = {}
    for reader, found in about.items():
        readers = {other for other, ahead in reached.items() if reader in ahead}
        kept[reader] = {name: ids - readers if name in names.families_read else ids for name, ids in found.items()}
    return _Web(read, kept, requiring, frozenset(names.families_read))


def _about(name: str, reader: str, requiring: Mapping[str, frozenset[str]], names: Names) -> frozenset[str]:
    """Return the rules that a reading is about, before a family leaves out those that read the reader."""
    if name in names.families_read:
        families = (names.families.get(letters, set[str]()) for letters in names.families_read[name])
        return frozenset[str]().union(*families) - {reader}
    reading = names.readings[name]
    match reading:
        case FlagReading():
            return reading.rules
        case GapReading():
            found = (requiring.get(action, frozenset[str]()) for action in reading.actions)
            return frozenset[str]().union(*found) - {reader}
        case _:
            assert_never(reading)


def _required_by(ids: frozenset[str], web: _Web) -> frozenset[str]:
    return frozenset(action for action, requiring in web.requiring.items() if requiring & ids)


def _meaning(name: str, ids: frozenset[str], web: _Web, names: Names) -> Reading:
    """Return what a reading means once its rules are known."""
    reading = names.readings[name]
    if name not in web.families:
        return reading
    match reading:
        case FlagReading():
            return dataclasses.replace(reading, rules=ids)
        case GapReading():
            return dataclasses.replace(reading, actions=_required_by(ids, web), rules=ids)
        case _:
            assert_never(reading)


def _readings(web: _Web, names: Names) -> dict[str, Reading]:
    found = {name: _meaning(name, _about(name, "", web.requiring, names), web, names) for name in names.readings}
    for reader, kept in web.kept.items():
        for name, ids in kept.items():
            if name in web.families:
                found[_name_for(name, reader)] = _meaning(name, ids, web, names)
    return dict(sorted(found.items()))


def _name_for(name: str, reader: str) -> str:
    """Return the name of a family as one rule reads it."""
    return f"{name} except {reader}"


# ---- what is refused -------------------------------------------------------------------------------------------------


def _refuse_own_gaps(rule: Rule, web: _Web, names: Names) -> None:
    """Report each action that a rule requires although it reads its gap."""
    own: set[str] = set()
    for name, ids in web.kept[rule.id].items():
        reading = _meaning(name, ids, web, names)
        if isinstance(reading, GapReading):
            own |= reading.actions
    for ask in rule.requires:
        if ask.action in own:
            message = f"{rule.id} -> gap of {ask.action} -> {rule.id}: the rule requires the action whose gap it reads"
            hint = "drop it from requires: the rules that raised the gap already ask"
            names.problems.report("RF120", ask.place, message, hint)


def _refuse_circle(circle: tuple[str, ...], web: _Web, names: Names) -> None:
    steps = [_step(reader, other, web, names) for reader, other in itertools.pairwise(circle)]
    path = "".join(f"{reader} -> {way}" for reader, (way, _) in zip(circle, steps, strict=False)) + circle[-1]
    message = f"rules that read each other in a circle: {path}"
    hint = "take one of these readings out: no rule can be decided before the rules that it reads"
    names.problems.report("RF120", steps[0][1].place, message, hint)


def _step(reader: str, other: str, web: _Web, names: Names) -> tuple[str, Comparison]:
    """Return how a rule reads another, and the comparison in which it does."""
    name = next(name for name, ids in web.kept[reader].items() if other in ids)
    reading = names.readings[name]
    if isinstance(reading, FlagReading):
        return "", web.read[reader][name]
    actions = sorted(action for action in reading.actions if other in web.requiring.get(action, ()))
    return f"gap of {', '.join(actions)} -> " if actions else "", web.read[reader][name]


# ---- names of families, as each rule reads them ----------------------------------------------------------------------


def _settled(rule: Rule, web: _Web) -> Rule:
    """Return the rule with each family that it reads under the name that leaves the rule itself out."""
    changed = {name: _name_for(name, rule.id) for name in web.read[rule.id] if name in web.families}
    if not changed:
        return rule
    return dataclasses.replace(
        rule,
        when=_renamed(rule.when, changed),
        unless=tuple(_renamed(condition, changed) for condition in rule.unless),
        flag=dataclasses.replace(rule.flag, severity=tuple(_case(case, changed) for case in rule.flag.severity)),
        requires=tuple(_ask(ask, changed) for ask in rule.requires),
    )


def _case(case: SeverityCase, changed: Mapping[str, str]) -> SeverityCase:
    return case if case.when is None else dataclasses.replace(case, when=_renamed(case.when, changed))


def _due(due: Due, changed: Mapping[str, str]) -> Due:
    return due if due.when is None else dataclasses.replace(due, when=_renamed(due.when, changed))


def _ask(ask: Ask, changed: Mapping[str, str]) -> Ask:
    when = None if ask.when is None else _renamed(ask.when, changed)
    return dataclasses.replace(ask, when=when, due=tuple(_due(due, changed) for due in ask.due))


def _renamed(condition: Condition, changed: Mapping[str, str]) -> Condition:
    match condition:
        case Comparison():
            return dataclasses.replace(condition, name=changed.get(condition.name, condition.name))
        case Named():
            return dataclasses.replace(condition, condition=_renamed(condition.condition, changed))
        case Group():
            children = tuple(_renamed(child, changed) for child in condition.conditions)
            return dataclasses.replace(condition, conditions=children)
        case _:
            assert_never(condition)
