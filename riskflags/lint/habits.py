"""RFW202 to RFW206: what is right, and would be easier to keep right if it were written otherwise."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, cast

from riskflags.condition import Comparison, Condition, Constant, Group, Named
from riskflags.coverage import own_conditions
from riskflags.incident import LISTS
from riskflags.lint.words import condition_words
from riskflags.model import Number
from riskflags.pack import Computed, LookUp, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from riskflags.lint.clashes import Report
    from riskflags.pack import Derived, Pack, Rule

_SAME_IN = 3
_RARELY = 0.1
_AGES = ("stated_age", "age_from", "age_to")


def check_habits(pack: Pack, derived: Mapping[str, Derived], report: Report, *, today: date) -> None:
    """Report what several rules write alike, bare numbers, `none` on blank fields, deadlines unseen, reviews due."""
    rules = [rule for rule in pack.rules if rule.status != "retired"]
    _same_in_rules(rules, report)
    filled = _filled(pack)
    anchored = set[str]()
    for rule in rules:
        _bare_numbers(rule, derived, report)
        _rarely_filled(rule, filled, pack, report)
        if rule.review is not None and rule.review < today:
            message = f"the rule was to be read again by {rule.review}"
            report("RFW206", rule.place, message, "read it and its sources again, and write the next day under review")
        anchored |= {ask.action for ask in rule.requires if not ask.due}
    for key in sorted(anchored):
        _unseen_anchor(key, pack, rules, derived, report)


def _groups(condition: Condition) -> Iterator[Group]:
    """Yield the groups that are written here, not in a named condition."""
    if isinstance(condition, Group):
        yield condition
        for child in condition.conditions:
            yield from _groups(child)


def _same_in_rules(rules: list[Rule], report: Report) -> None:
    found: dict[Group, dict[str, Group]] = defaultdict(dict)
    for rule in rules:
        for condition in own_conditions(rule):
            for group in _groups(condition):
                if len(list(_own_comparisons(group))) > 1:
                    found[group].setdefault(rule.id, group)
    for group, by_rule in found.items():
        if len(by_rule) >= _SAME_IN:
            *others, last = sorted(by_rule.values(), key=lambda one: one.place)
            message = f"`{condition_words(group)}` stands in {len(by_rule)} rules, word for word"
            places = ", ".join(str(one.place) for one in others)
            report(
                "RFW202",
                last.place,
                message,
                f"give it a name under conditions, and say {{use: name}}\nalso at {places}",
            )


def _bare_numbers(rule: Rule, derived: Mapping[str, Derived], report: Report) -> None:
    """Report numbers that count, or measure days, hours or gaps. Ages are not among them: law sets most of those.

    0 and 1 are not numbers to be tuned: they say none and some.
    """
    for condition in own_conditions(rule):
        for one in _own_comparisons(condition):
            numbers = [o.value for o in one.operands if isinstance(o, Constant) and isinstance(o.value, Number)]
            bare = [number for number in numbers if number.low not in (0, 1)]
            if bare and one.name != "severity" and not one.name.startswith("param.") and not _is_age(one.name, derived):
                message = f"`{condition_words(one)}`: the number stands in the rule alone"
                hint = "give it a name under params, with its source or default: local, and say {param: name}"
                report("RFW203", one.place, message, hint)


def _own_comparisons(condition: Condition) -> Iterator[Comparison]:
    match condition:
        case Comparison():
            yield condition
        case Group():
            for child in condition.conditions:
                yield from _own_comparisons(child)
        case Named():
            return


def _is_age(name: str, derived: Mapping[str, Derived]) -> bool:
    if name.rpartition(".")[2] in _AGES:
        return True
    how = derived[name].how if name in derived else None
    if isinstance(how, Computed) and how.function != "age":
        return how.function == "first_recorded" and all(_is_age(one, derived) for one in how.names)
    return isinstance(how, Computed)


# ---- fields that are rarely filled -----------------------------------------------------------------------------------


def _records(pack: Pack) -> list[Mapping[str, object]]:
    examples = [example for rule in pack.rules for example in rule.examples]
    examples += [example for condition in pack.conditions.values() for example in condition.examples]
    return [record for example in examples for record in (example.record, *example.history)]


def _filled(pack: Pack) -> tuple[Mapping[str, int], int]:
    """Return in how many records of the pack's examples each field is filled, and how many records there are."""
    found: dict[str, int] = defaultdict(int)
    records = _records(pack)
    for record in records:
        for path in _paths(record):
            found[path] += 1
    return found, len(records)


def _paths(record: Mapping[str, object]) -> set[str]:
    found: set[str] = set()
    for key, value in record.items():
        entries = cast("tuple[Mapping[str, object], ...]", value) if key in LISTS else ()
        found |= {key} if key not in LISTS else {path for entry in entries for path in entry}
    return found


def _rarely_filled(rule: Rule, filled: tuple[Mapping[str, int], int], pack: Pack, report: Report) -> None:
    by_path, records = filled
    for group in _groups(rule.when):
        for one in group.conditions if group.kind == "none" else ():
            if isinstance(one, Comparison) and one.operator != "recorded" and one.name in pack.fields:
                many = by_path.get(one.name, 0)
                if many < _RARELY * records:
                    message = f"`none` on {one.name}, which {many} of the {records} records of examples fill"
                    report("RFW204", one.place, message, "blank, it leaves the rule undecided: say it under `unless`?")


# ---- deadlines that no example shows ---------------------------------------------------------------------------------


def _unseen_anchor(key: str, pack: Pack, rules: list[Rule], derived: Mapping[str, Derived], report: Report) -> None:
    """Report an action each of whose deadlines counts from a moment that no example of the rules asking for it has."""
    action = pack.actions[key]
    asking = [rule for rule in rules if any(ask.action == key for ask in rule.requires)]
    examples = [example for rule in asking for example in rule.examples]
    if not examples:
        return
    paths = set[str]().union(*(_paths(example.record) for example in examples))
    for due in action.due:
        fields = set(_fields_of(due.anchor, derived))
        if fields and not fields & paths:
            codes = ", ".join(sorted({rule.code for rule in asking}))
            message = f"{key} falls due from {shown(due.anchor)}, which no example of the rules that require it records"
            report("RFW205", action.place, message, f"record it in an example of {codes}, and say which gap comes out")


def _fields_of(name: str, derived: Mapping[str, Derived]) -> Iterator[str]:
    """Yield the fields of the record that a moment comes from; nothing for one that is looked up."""
    if name not in derived:
        yield name
        return
    match derived[name].how:
        case Computed(names=names):
            for one in names:
                yield from _fields_of(one, derived)
        case LookUp():
            return
