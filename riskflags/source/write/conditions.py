"""Conditions, names and spans as an author writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import Duration, ParamDuration
from riskflags.condition import Comparison, Condition, Constant, Group, Named, Operand, Reference
from riskflags.model import Absent, Codes, Moment, Number, Severity, Value
from riskflags.pack import FlagReading, GapReading, shown
from riskflags.source.readings import GAPS, families_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskflags.calendar import Span
    from riskflags.pack import Citation, Pack, Reading
    from riskflags.source.write.emit import Written

_PARAM = "param."
_THIS = "this."
_GROUPS = frozenset({"all", "any", "none", "at_least_of"})


def name(inside: str) -> str:
    """Return the name of a value as its author writes it, without the rule that it belongs to."""
    return f"{_THIS}{shown(inside.removeprefix(_THIS))}" if inside.startswith(_THIS) else shown(inside)


def span(within: Span) -> Written:
    """Return a duration, or the parameter that is one."""
    match within:
        case Duration():
            return str(within)
        case ParamDuration():
            return {"param": within.param}
        case _:
            assert_never(within)


def codes(values: Iterable[str], pack: Pack) -> Written:
    """Return codes, by the name of a list that holds just these, where there is one."""
    found = frozenset(values)
    same = (one.name for one in pack.lists.values() if one.values == found and len(found) > 1)
    named = next(same, None)
    return sorted(found) if named is None else {"list": named}


def citations(found: Iterable[Citation]) -> list[Written]:
    """Return what is cited under `source`."""
    return [without_nothing({"ref": one.ref, "at": one.at, "says": one.says, "checked": one.checked}) for one in found]


def without_nothing(data: dict[str, Written]) -> dict[str, Written]:
    """Return what says something: no key with an empty text or list, with no, or with nothing."""
    return {key: value for key, value in data.items() if value}


# ---- conditions ------------------------------------------------------------------------------------------------------


def condition(tree: Condition, pack: Pack) -> dict[str, Written]:
    """Return a condition, in no more levels than its author needed. ValueError for a negation."""
    match tree:
        case Comparison(positive=False) | Named(positive=False):
            msg = f"the negation of {shown(tree.name)} cannot be written in a rule: no pack that was loaded holds one"
            raise ValueError(msg)
        case Comparison():
            return _comparison(tree, pack)
        case Named():
            return {"use": tree.name}
        case Group():
            return _group(tree, pack)
        case _:
            assert_never(tree)


def _group(group: Group, pack: Pack) -> dict[str, Written]:
    parts = [condition(child, pack) for child in group.conditions]
    match group.kind:
        case "at_least_of":
            return {"at_least_of": {"many": group.many, "of": parts}}
        case "all":
            return _of_one_name(group, pack) or _side_by_side(parts) or {"all": parts}
        case "any" | "none":
            return {group.kind: parts}
        case _:
            assert_never(group.kind)


def _of_one_name(group: Group, pack: Pack) -> dict[str, Written]:
    """Return several operators on one field as the field with its operators; nothing for any other group."""
    children = [
        child for child in group.conditions if isinstance(child, Comparison) and child.name not in pack.readings
    ]
    operators = {child.operator: _operand_side(child, pack) for child in children}
    names = {name(child.name) for child in children}
    if len(names) == 1 and 1 < len(operators) == len(group.conditions):
        return {names.pop(): operators}
    return {}


def _side_by_side(parts: list[dict[str, Written]]) -> dict[str, Written]:
    """Return groups of different sorts side by side; nothing where they are not."""
    together = {key: value for part in parts for key, value in part.items()}
    if len(parts) > 1 and together.keys() <= _GROUPS and len(together) == len(parts) == sum(map(len, parts)):
        return together
    return {}


def _comparison(comparison: Comparison, pack: Pack) -> dict[str, Written]:
    if comparison.name in pack.readings:
        key = comparison.name.partition(":")[0]
        return {key: _reading(pack.readings[comparison.name], families_in(comparison.name))}
    value = _operand_side(comparison, pack)
    is_short = comparison.operator == "is" and isinstance(comparison.operands[0], Constant)
    return {name(comparison.name): value if is_short else {comparison.operator: value}}


def _reading(reading: Reading, families: list[str]) -> Written:
    """Return what an author writes under `flag` or `gap`."""
    match reading:
        case FlagReading():
            whom: dict[str, Written] = {"family": families} if families else {"rule": _one_or_all(reading.rules)}
            if reading.at_least > Severity.low:
                return {**whom, "severity": {"at_least": str(reading.at_least)}}
            return whom if families or len(reading.rules) > 1 else whom["rule"]
        case GapReading():
            whom = {"family": families} if families else {"action": _one_or_all(reading.actions)}
            states = sorted(map(str, reading.states)) if reading.states != GAPS else None
            late_by = {"at_least": span(reading.late_by)} if reading.late_by is not None else None
            return without_nothing({**whom, "state": states, "late_by": late_by})
        case _:
            assert_never(reading)


def _one_or_all(names: frozenset[str]) -> Written:
    return next(iter(names)) if len(names) == 1 else sorted(names)


def _operand_side(comparison: Comparison, pack: Pack) -> Written:
    """Return what stands on the right of an operator."""
    found = [_operand(operand, comparison.name, pack) for operand in comparison.operands]
    return found if comparison.operator == "between" else found[0]


def _operand(operand: Operand, left: str, pack: Pack) -> Written:
    match operand:
        case Constant():
            return _value(operand.value, left, pack)
        case Reference() if operand.name.startswith(_PARAM):
            return {"param": operand.name.removeprefix(_PARAM)}
        case Reference():
            return {"field": name(operand.name)}
        case _:
            assert_never(operand)


def _value(value: Value, left: str, pack: Pack) -> Written:
    match value:
        case Number():
            return str(Severity(int(value.low))) if left == "severity" else value.low
        case Moment():
            return value.local
        case Codes():
            return codes(value.known, pack)
        case Absent():
            msg = f"{shown(left)} is compared with a value that is absent, which cannot be written in a rule"
            raise ValueError(msg)
        case _:
            return value
