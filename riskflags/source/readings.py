"""Flags and gaps that conditions read: the name of each reading and what it means.

Which rules a family holds depends on who reads it; `riskflags.source.layers` finds out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, assert_never

from riskflags.calendar import LATE_UNITS, Duration, ParamDuration
from riskflags.model import Severity, State
from riskflags.pack import FlagReading, GapReading
from riskflags.source import values
from riskflags.source.nodes import Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import Taken, lost, take
from riskflags.source.spans import read_span

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskflags.calendar import Span
    from riskflags.pack import Reading
    from riskflags.source.names import Names, Table

T = TypeVar("T")

READ_STATES = tuple(state for state in State if state not in (State.cannot_tell, State.undated))
GAPS = frozenset({State.overdue, State.done_late})
"""The states that a reading of a gap is about, unless it names others."""
_FAMILY = re.compile(r"(?:flag|gap):family ([A-Z]{1,4}(?:, [A-Z]{1,4})*)(?= |$)")


@dataclass(frozen=True, slots=True)
class _Whom:
    """What a reading is about: rules or actions by name, or families."""

    text: str
    found: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()


def flag_reading(node: Node, names: Names) -> str | None:
    """Return the name of a flag that is read: of a rule, of several, or of families of rules."""
    if isinstance(node, Scalar):
        rule = names.rules.name(node)
        return None if rule is None else _named(f"flag:{rule}", FlagReading(frozenset({rule})), _Whom(rule), names)
    taken = take(node, "a flag that is read", names.problems)
    if taken is None:
        return None
    who = _of_whom(taken, "rule", names.rules, names)
    at_least = _at_least(taken.get("severity"), names)
    if who is None or at_least is None:
        return None
    name = f"flag:{who.text}" + (f" at least {at_least}" if at_least > Severity.low else "")
    return _named(name, FlagReading(who.found, at_least), who, names)


def gap_reading(node: Node, names: Names) -> str | None:
    """Return the name of a gap that is read: of an action, of several, or of what families of rules require."""
    taken = take(node, "a gap that is read", names.problems)
    if taken is None:
        return None
    who = _of_whom(taken, "action", names.actions, names)
    states = _states(taken.get("state"), names)
    late_by = _late_by(taken.get("late_by"), names)
    if who is None or states is None or lost(taken, "late_by", late_by):
        return None
    name = f"gap:{who.text} {' or '.join(sorted(states))}{_late_words(late_by)}"
    return _named(name, GapReading(who.found, states, late_by), who, names)


def _named(name: str, reading: Reading, who: _Whom, names: Names) -> str:
    names.readings[name] = reading
    if who.families:
        names.families_read[name] = who.families
    return name


def _of_whom(taken: Taken, key: str, table: Table[T], names: Names) -> _Whom | None:
    """Return what a reading is about; which rules a family holds is found later."""
    if ("family" in taken.values) == (key in taken.values):
        if not taken.damaged:
            message = f"a {key} and a family in one" if key in taken.values else f"neither a {key} nor a family"
            names.problems.report("RF011", taken.place, message, f"say {key}: name, or family: [E, M]")
        return None
    if "family" in taken.values:
        letters = _at_least_one(taken.values["family"], lambda node: _family(node, names), names)
        return None if letters is None else _Whom(f"family {', '.join(sorted(letters))}", families=letters)
    found = _at_least_one(taken.values[key], table.name, names)
    return None if found is None else _Whom(", ".join(sorted(found)), found)


def _at_least_one(node: Node, read: Callable[[Node], str | None], names: Names) -> frozenset[str] | None:
    """Return the names of a list, or the one name that stands in its place."""
    nodes = values.one_or_many(node)
    if not nodes:
        names.problems.report("RF020", node.place, "an empty list", "name at least one")
    found = values.complete([read(one) for one in nodes])
    return frozenset(found) if found else None


def _family(node: Node, names: Names) -> str | None:
    scalar = values.written(node, "the letters of rule codes, such as E", names.problems)
    if scalar is None:
        return None
    if scalar.text in names.families or not names.has_every_family:
        return scalar.text
    hint = f"a family is the letters of rule codes; this pack has {listed(sorted(names.families)) or 'none'}"
    names.problems.report("RF101", scalar.place, f"unknown family {quoted(scalar.text)}", hint)
    return None


def _at_least(node: Node | None, names: Names) -> Severity | None:
    if node is None:
        return Severity.low
    if isinstance(node, Scalar) and node.text in Severity.__members__:
        message = "a severity alone does not say whether higher ones count"
        names.problems.report("RF020", node.place, message, f"write severity: {{at_least: {node.text}}}")
        return None
    taken = take(node, "at least", names.problems)
    return values.severity(taken.get("at_least"), names.problems) if taken is not None else None


def _states(node: Node | None, names: Names) -> frozenset[State] | None:
    if node is None:
        return GAPS
    found = _at_least_one(node, lambda one: values.choice(one, map(str, READ_STATES), names.problems), names)
    return None if found is None else frozenset(State(one) for one in found)


def _late_words(late_by: Span | None) -> str:
    match late_by:
        case None:
            return ""
        case Duration():
            return f" late by at least {late_by}"
        case ParamDuration():
            return f" late by at least {late_by.param}"
        case _:
            assert_never(late_by)


def _late_by(node: Node | None, names: Names) -> Span | None:
    if node is None:
        return None
    taken = take(node, "at least", names.problems)
    if taken is None:
        return None
    return read_span(taken.get("at_least"), names, units=LATE_UNITS)


def families_in(name: str) -> list[str]:
    """Return the letters of the families that a reading of this name is about; none where it names rules or actions."""
    found = _FAMILY.match(name)
    return found[1].split(", ") if found else []
