"""Conditions and witnesses in words, for problems: what clashes, and a record that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from riskflags.condition import OPERATORS, Comparison, Condition, Constant, Group, Named
from riskflags.model import Absent, Codes, Moment, Value
from riskflags.pack import shown
from riskflags.words import in_words, moment_at, moment_words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from riskflags.lint.witness import Witness

_MOST_CODES = 4
_GROUPS = {"all": "all of", "any": "any of", "none": "none of"}


def condition_words(condition: Condition) -> str:
    """Return a condition in a few words: a comparison in full, a group by its kind."""
    match condition:
        case Comparison():
            return f"{'' if condition.positive else 'not: '}{_comparison(condition)}"
        case Named():
            return f"{'' if condition.positive else 'not: '}use {condition.name}"
        case Group():
            kind = _GROUPS.get(condition.kind, f"at least {condition.many} of")
            return f"{kind} {len(condition.conditions)} conditions"
        case _:
            assert_never(condition)


def _comparison(comparison: Comparison) -> str:
    name = shown(comparison.name).replace(":", " ", 1)
    if comparison.name.startswith(("flag:", "gap:")):
        return name
    if comparison.operator == "recorded":
        return f"{name} is {'' if comparison.operands[0] == Constant(value=True) else 'not '}recorded"
    right = (
        _value(operand.value) if isinstance(operand, Constant) else shown(operand.name)
        for operand in comparison.operands
    )
    return f"{name} {OPERATORS[comparison.operator].says} {' and '.join(right)}"


def _value(value: Value) -> str:
    if isinstance(value, Codes) and len(value.known) > _MOST_CODES:
        return f"{', '.join(sorted(value.known)[:_MOST_CODES])} and {len(value.known) - _MOST_CODES} more"
    return in_words(value)


def witness_words(witness: Witness, zone: ZoneInfo) -> str:
    """Return a record that shows it, by the values that matter; "any record" where none does."""
    parts = [
        f"{shown(name).replace(':', ' ', 1)} is {_of_witness(value, zone)}"
        for name, value in sorted(witness.items())
        if not name.startswith("?")
    ]
    return ", ".join(parts) or "any record"


def _of_witness(value: Value, zone: ZoneInfo) -> str:
    match value:
        case Moment():
            when = moment_at(value.earliest, zone)
            return moment_words(Moment(value.earliest, value.latest, when.date(), when.isoformat()))
        case Absent():
            return "not recorded"
        case _:
            return in_words(value)
