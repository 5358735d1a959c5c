"""Who reads whom: which rules the flags and gaps that a rule reads are about, families resolved."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import comparisons, names_read
from riskflags.pack import Computed, FlagReading, GapReading, LookUp
from riskflags.source.order import reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.condition import Comparison, Condition
    from riskflags.pack import Derived, Reading, Rule
    from riskflags.source.names import Names


@dataclasses.dataclass(frozen=True, slots=True)
class Web:
    """Who reads whom, by rule id: every version of a rule counts as the rule.

    `read` gives each reading of a rule the comparison that makes it; `kept` gives it the rules that it is about,
    without those that a family leaves out. `requiring` gives each action the rules that require it.
    """

    read: Mapping[str, Mapping[str, Comparison]]
    kept: Mapping[str, Mapping[str, frozenset[str]]]
    requiring: Mapping[str, frozenset[str]]
    families: frozenset[str]


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """Yield every condition of a rule, in the order in which a file has them."""
    yield rule.when
    yield from rule.unless
    yield from (case.when for case in rule.flag.severity if case.when is not None)
    for ask in rule.requires:
        if ask.when is not None:
            yield ask.when
        yield from (due.when for due in ask.due if due.when is not None)


def values_behind(rule: Rule, derived: Mapping[str, Derived]) -> Iterator[Derived]:
    """Yield each derived value that a rule reads, and each that such a value rests on, once."""
    ahead = [name for condition in conditions_of(rule) for name in names_read(condition)]
    ahead += [due.anchor for ask in rule.requires for due in ask.due]
    seen: set[str] = set()
    while ahead:
        name = ahead.pop().removeprefix("this.")
        if name in seen or name not in derived:
            continue
        seen.add(name)
        yield derived[name]
        ahead += _names_behind(derived[name])


def _names_behind(derived: Derived) -> Iterator[str]:
    match derived.how:
        case Computed():
            yield from derived.how.names
        case LookUp():
            yield from derived.how.by
            for condition in derived.how.conditions:
                yield from names_read(condition)
        case _:
            assert_never(derived.how)


def woven(rules: Sequence[Rule], names: Names) -> Web:
    """Return who reads whom."""
    read: dict[str, dict[str, Comparison]] = {rule.id: {} for rule in rules}
    requiring: dict[str, frozenset[str]] = {}
    for rule in rules:
        for condition in conditions_of(rule):
            for comparison in comparisons(condition):
                if comparison.name in names.readings:
                    read[rule.id].setdefault(comparison.name, comparison)
        for ask in rule.requires:
            requiring[ask.action] = requiring.get(ask.action, frozenset()) | {rule.id}
    meant = {reader: {name: about(name, reader, requiring, names) for name in found} for reader, found in read.items()}
    widest = {reader: frozenset[str]().union(*found.values()) for reader, found in meant.items()}
    reached = {reader: reach(widest, reader) for reader in read if read[reader]}
    kept: dict[str, dict[str, frozenset[str]]] = {}
    for reader, found in meant.items():
        readers = {other for other, ahead in reached.items() if reader in ahead}
        kept[reader] = {name: ids - readers if name in names.families_read else ids for name, ids in found.items()}
    return Web(read, kept, requiring, frozenset(names.families_read))


def about(name: str, reader: str, requiring: Mapping[str, frozenset[str]], names: Names) -> frozenset[str]:
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


def required_by(ids: frozenset[str], web: Web) -> frozenset[str]:
    """Return the actions that one of these rules requires."""
    return frozenset(action for action, requiring in web.requiring.items() if requiring & ids)


def meaning_of(name: str, ids: frozenset[str], web: Web, names: Names) -> Reading:
    """Return what a reading means once its rules are known."""
    reading = names.readings[name]
    if name not in web.families:
        return reading
    match reading:
        case FlagReading():
            return dataclasses.replace(reading, rules=ids)
        case GapReading():
            return dataclasses.replace(reading, actions=required_by(ids, web), rules=ids)
        case _:
            assert_never(reading)
