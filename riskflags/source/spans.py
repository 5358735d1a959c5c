"""Spans of time in windows and deadlines: a duration, or a parameter that is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.calendar import Duration, ParamDuration, Span
from riskflags.source import values
from riskflags.source.nodes import MapNode, Node
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import refuse_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskflags.calendar import Unit
    from riskflags.source.names import Names


def read_span(node: Node | None, names: Names, *, units: Iterable[str] = values.UNITS) -> Span | None:
    """Return a duration, or {param: x} whose every value is one, in units that mean something where it stands."""
    allowed = tuple(units)
    if not isinstance(node, MapNode):
        return values.duration(node, names.problems, units=allowed)
    if len(node.pairs) != 1 or node.pairs[0][0].text != "param":
        refuse_shape(node, "expected a duration such as 24 hours, or {param: name}", names.problems)
        return None
    name = node.pairs[0][1]
    param = names.params.find(name)
    if param is None:
        return None
    if param.unit != "duration":
        hint = "give it unit: duration and values such as 90 days"
        names.problems.report("RF107", name.place, f"the parameter {quoted(param.name)} is no duration", hint)
        return None
    wrong = sorted(str(value) for _, value in param.values if isinstance(value, Duration) and value.unit not in allowed)
    if wrong:
        message = f"the parameter {quoted(param.name)} can be {quoted(wrong[0])}, which cannot be counted here"
        names.problems.report("RF107", name.place, message, f"give it a number of {listed(allowed)}")
        return None
    return ParamDuration(param.name)


def units_of(span: Span, names: Names) -> frozenset[Unit]:
    """Return the units in which a span is, or can be, counted."""
    spans = (span,) if isinstance(span, Duration) else (value for _, value in names.params.known[span.param].values)
    return frozenset(one.unit for one in spans if isinstance(one, Duration))


def params_in(span: Span | None) -> frozenset[str]:
    """Return the parameter behind a span, if any."""
    return frozenset({span.param}) if isinstance(span, ParamDuration) else frozenset()
