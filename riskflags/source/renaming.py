"""Rules and derived values with the names of what they read put in place of those that their author wrote."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import Comparison, Group, Named
from riskflags.pack import Ask, Derived, Due, LookUp, Rule, SeverityCase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.condition import Condition


def rule_renamed(rule: Rule, changed: Mapping[str, str]) -> Rule:
    """Return a rule with other names for some of what its conditions read."""
    if not changed:
        return rule
    return dataclasses.replace(
        rule,
        when=renamed(rule.when, changed),
        unless=tuple(renamed(condition, changed) for condition in rule.unless),
        flag=dataclasses.replace(rule.flag, severity=tuple(_case(case, changed) for case in rule.flag.severity)),
        requires=tuple(_ask(ask, changed) for ask in rule.requires),
    )


def _case(case: SeverityCase, changed: Mapping[str, str]) -> SeverityCase:
    return case if case.when is None else dataclasses.replace(case, when=renamed(case.when, changed))


def _due(due: Due, changed: Mapping[str, str]) -> Due:
    return due if due.when is None else dataclasses.replace(due, when=renamed(due.when, changed))


def _ask(ask: Ask, changed: Mapping[str, str]) -> Ask:
    when = None if ask.when is None else renamed(ask.when, changed)
    return dataclasses.replace(ask, when=when, due=tuple(_due(due, changed) for due in ask.due))


def derived_renamed(derived: Derived, changed: Mapping[str, str]) -> Derived:
    """Return a derived value with other names for some of what the conditions of its look-up read."""
    how = derived.how
    if not isinstance(how, LookUp):
        return derived
    where = None if how.where is None else renamed(how.where, changed)
    of = None if how.window.of is None else renamed(how.window.of, changed)
    window = dataclasses.replace(how.window, of=of)
    return dataclasses.replace(derived, how=dataclasses.replace(how, where=where, window=window))


def renamed(condition: Condition, changed: Mapping[str, str]) -> Condition:
    """Return a condition with other names for some of what it reads."""
    match condition:
        case Comparison():
            return dataclasses.replace(condition, name=changed.get(condition.name, condition.name))
        case Named():
            return dataclasses.replace(condition, condition=renamed(condition.condition, changed))
        case Group():
            children = tuple(renamed(child, changed) for child in condition.conditions)
            return dataclasses.replace(condition, conditions=children)
        case _:
            assert_never(condition)
