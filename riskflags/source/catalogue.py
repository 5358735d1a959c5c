"""What holds for the rules of a pack together: ids, codes and families, versions and their dates, names in use."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from riskflags.source.problems import quoted
from riskflags.source.rules import CODE, Dated, RuleFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.errors import Place
    from riskflags.pack import Rule
    from riskflags.source.names import Names


def declare_rules(files: Sequence[RuleFile], names: Names) -> None:
    """Make every rule known by its id, its code and its family, before any of them is read."""
    for file in sorted(files, key=lambda one: one.version is not None):
        _declare_id(file, names)
    codes: dict[str, tuple[str, Place]] = {}
    for file in files:
        code = file.scalar("code")
        if code is None or not CODE.fullmatch(code.text):
            names.has_every_family = False
            continue
        letters = code.text.rstrip("0123456789")
        names.families.setdefault(letters, set()).add(file.rule_id)
        names.rules.aliases.setdefault(code.text, file.rule_id)
        owner, first = codes.setdefault(code.text, (file.rule_id, code.place))
        if owner != file.rule_id:
            message = f"the code {code.text} is there twice: first at {first}"
            names.problems.report("RF102", code.place, message, "give one of the two rules another number")


def _declare_id(file: RuleFile, names: Names) -> None:
    written = file.scalar("id")
    place = written.place if written is not None else file.place
    if file.version is None:
        if not names.rules.declare(file.rule_id, place):
            names.rules_there_twice.add(file.rule_id)
    elif not names.rules.is_declared(file.rule_id):
        names.rules.places[file.rule_id] = place
    if written is not None:
        names.rules.places.setdefault(written.text, written.place)


def check_catalogue(rules: Sequence[Dated], names: Names) -> None:
    """Report versions of a rule that overlap or differ in code, and parameters without a value when it is needed."""
    by_id: dict[str, list[Dated]] = {}
    for dated in rules:
        by_id.setdefault(dated.rule.id, []).append(dated)
    for rule_id, versions in by_id.items():
        if rule_id in names.rules_there_twice:
            continue
        for first, second in combinations(sorted(versions, key=lambda one: one.rule.version), 2):
            _check_versions(first, second, names)
    _check_first_days(rules, names)


def _check_versions(first: Dated, second: Dated, names: Names) -> None:
    old, new = first.rule, second.rule
    if old.version == new.version:
        message = f"version {new.version} of {new.id} is there twice: first at {old.place}"
        names.problems.report("RF102", new.place, message, f"write version: {new.version + 1} in the newer one")
    elif old.code != new.code:
        message = f"version {new.version} has the code {new.code}, version {old.version} had {old.code}"
        names.problems.report("RF103", new.place, message, "a rule keeps its code from version to version")
    elif (start := _shared(old, new)) is not None:
        message = (
            f"version {old.version} is in force {_range(old)}, version {new.version} {_range(new)}: both on {start}"
        )
        hint = f"end version {old.version} the day before: to: {_before(new)}"
        names.problems.report("RF151", second.place, message, hint)


def _shared(first: Rule, second: Rule) -> date | None:
    """Return the first day on which both are in force."""
    if first.effective_from is None or second.effective_from is None:
        return None
    start = max(first.effective_from, second.effective_from)
    ends = [rule.effective_to for rule in (first, second) if rule.effective_to is not None]
    return start if all(start <= end for end in ends) else None


def _range(rule: Rule) -> str:
    return f"from {rule.effective_from}" + (f" to {rule.effective_to}" if rule.effective_to else "")


def _before(rule: Rule) -> date | None:
    return rule.effective_from - timedelta(days=1) if rule.effective_from is not None else None


def _check_first_days(rules: Sequence[Dated], names: Names) -> None:
    """Report each parameter that has no value yet when the first rule that needs it comes into force."""
    for name, param in sorted(names.params.known.items()):
        needing = [dated for dated in rules if name in dated.params and dated.rule.effective_from is not None]
        first = min(needing, key=lambda one: (one.rule.effective_from or date.max, one.rule.key), default=None)
        if first is None or first.rule.effective_from is None:
            continue
        start = param.values[0][0]
        if first.rule.effective_from < start:
            since = first.rule.effective_from
            message = f"{quoted(name)} has no value before {start}, and {first.rule.key} needs it from {since} on"
            hint = f"give it a value for {since}, or let the rule begin later ({first.place})"
            names.problems.report("RF151", param.place, message, hint)


def check_nothing_is_lost(files: Sequence[RuleFile], rules: Sequence[Dated], names: Names) -> None:
    """Report what could not be read although no problem was found in it: nothing is left out in silence."""
    read = {dated.rule.place for dated in rules}
    lost = [file.place for file in files if file.place not in read]
    for table in (
        names.lists,
        names.params,
        names.roles,
        names.derived,
        names.conditions,
        names.actions,
        names.sources,
    ):
        lost += [place for name, place in table.places.items() if name not in table.known]
    for place in lost:
        names.problems.report("RF020", place, "this cannot be read, and it is not clear why", "please report it")


def unused(names: Names) -> None:
    """Report the lists, parameters, derived values, conditions, actions, roles and sources that nothing uses."""
    tables = (
        names.lists,
        names.params,
        names.derived,
        names.conditions,
        names.actions,
        names.roles,
        names.sources,
    )
    for table in tables:
        for name, place in table.places.items():
            if name not in table.used:
                hint = "take it out, or use it"
                names.problems.report("RFW201", place, f"nothing uses the {table.what} {quoted(name)}", hint)
