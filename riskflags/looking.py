"""The looked-at item as the record that asks sees it: names under `this.`, and needs as that record spells them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from riskflags.model import Absent, Codes, Moment, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskflags.condition import Condition, Row
    from riskflags.model import Needs, Value

PARAM = "param."
THIS = "this."


class Given(NamedTuple):
    """What a condition on looked-at items takes from the record that asks: values under `this.`, and parameters."""

    this: Mapping[str, Value]
    params: Mapping[str, Value]

    def seen(self, looked: Row) -> Row:
        """Return a looked-at row with what is given."""
        values = self.this
        if self.params:
            other = {name: value for name, value in self.params.items() if value != looked[name]}
            values = {**values, **{name: renamed(value, of_this) for name, value in other.items()}}
        return looked.with_values(values) if values else looked


def given_by(current: Row, where: Condition) -> Given:
    """Return what a record gives to a condition on the items that it looks at.

    A parameter has the value in force for the record that asks, whatever the date of the one that is looked at.
    """
    names = [name for name in where.names if name.startswith(THIS)]
    return Given(
        {name: renamed(current[name.removeprefix(THIS)], of_this) for name in names},
        {name: current[name] for name in where.names if name.startswith(PARAM)},
    )


def looked_at(looked: Row, current: Row, where: Condition) -> Row:
    """Return the looked-at row with the current record's values under `this.`, and with its parameters."""
    return given_by(current, where).seen(looked)


def spelled(needs: Needs, *, of: str) -> Needs:
    """Return needs as the record under assessment spells them: those of a record that is looked at with its id.

    `of` is empty where that is the record itself. What was read under `this.` is the record's own in any case.
    """
    prefix = f"{of}:" if of else ""
    return frozenset(need.removeprefix(THIS) if need.startswith(THIS) else f"{prefix}{need}" for need in needs)


def of_this(needs: Needs) -> Needs:
    """Return needs of the record that asks, as they stand among those of a looked-at one."""
    return frozenset(f"{THIS}{need}" for need in needs)


def renamed(value: Value, rename: Callable[[Needs], Needs]) -> Value:
    """Return a value with its needs spelled otherwise."""
    match value:
        case Absent() | Number() | Moment() | Codes():
            return replace(value, needs=rename(value.needs)) if value.needs else value
        case _:
            return value
