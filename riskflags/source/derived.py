"""Derived values: how each comes about, of which kind it is, and what reading it brings with it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from riskflags.derive import FUNCTIONS, Function, person_names
from riskflags.pack import Computed, Derived, LookUp
from riskflags.source import values
from riskflags.source.conditions import past_limits
from riskflags.source.lookups import read_look_up
from riskflags.source.names import Term, TermKind, Traits, together
from riskflags.source.nodes import ListNode, MapNode, Scalar
from riskflags.source.operands import read_codes
from riskflags.source.problems import listed, quoted
from riskflags.source.scope import resolve
from riskflags.source.shape import LOOK_UPS, SHAPES, refuse_shape, take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.errors import Place
    from riskflags.kinds import KindName
    from riskflags.source.names import Names
    from riskflags.source.nodes import Node
    from riskflags.source.scope import Scope

_KINDS: dict[str, tuple[TermKind, ...]] = {
    "two days": ("date", "moment"),
    "two moments": ("moment",),
    "two numbers": ("number",),
    "any": ("text", "code", "number", "yes_no", "date", "moment", "codes"),
    "texts": ("text", "code", "codes"),
    "a list": ("codes",),
    "a person": ("date", "moment"),
    "two people": ("date", "moment"),
}
"""What a function of `riskflags.derive` takes -> the kinds of its arguments."""
_UNITS = {
    "years_between": "years",
    "days_between": "days",
    "hours_between": "hours",
    "age": "years",
    "age_gap": "years",
}
_PAIRS = ("two days", "two moments", "two numbers")


def read_derived(key: Scalar, node: Node, internal: str, scope: Scope, names: Names) -> Derived | None:
    """Return a derived value, known from now on by its name inside the pack."""
    taken = take(node, "a derived value", names.problems)
    if taken is None:
        return None
    label = values.text(taken.get("label"), names.problems)
    functions = [name for name in taken.values if name != "label"]
    if len(functions) != 1:
        if functions:
            message = f"{key.text} comes about in two ways: {' and '.join(functions)}"
            names.problems.report("RF011", taken.place_of(functions[1]), message, "keep one of them")
        elif not taken.damaged:
            ways = listed(name for name in SHAPES["a derived value"] if name != "label")
            hint = f"say how it comes about, by one of {ways}"
            names.problems.report("RF013", key.place, f"{quoted(key.text)} has a label and nothing else", hint)
        return None
    function, argument = functions[0], taken.values[functions[0]]
    found: tuple[Computed | LookUp, Term] | None
    if function in LOOK_UPS:
        found = read_look_up(Scalar(function, *taken.place_of(function)), argument, scope, names)
    else:
        found = _computed(FUNCTIONS[function], argument, scope, names)
    if found is None or past_limits(found[1].traits, key.place, names):
        return None
    how, term = found
    return _made(dataclasses.replace(term, name=internal), label or "", how, key.place, names)


def _made(term: Term, label: str, how: Computed | LookUp, place: Place, names: Names) -> Derived:
    own = term.traits.record and not term.traits.suspect
    names.learn(dataclasses.replace(term, traits=dataclasses.replace(term.traits, record=own)))
    return Derived(term.name, label, cast("KindName", term.kind), how, place)  # no function gives any other kind


def first_recorded(node: MapNode, scope: Scope, names: Names) -> Term | None:
    """Return the derived value that `{first_recorded: [a, b]}` stands for where a name is asked for."""
    if len(node.pairs) != 1 or node.pairs[0][0].text != "first_recorded":
        refuse_shape(node, "expected the name of a moment, or {first_recorded: [name, name]}", names.problems)
        return None
    found = _computed(FUNCTIONS["first_recorded"], node.pairs[0][1], scope, names)
    if found is None:
        return None
    how, term = found
    owner = next((f"{name.rpartition('/')[0]}/" for name in how.names if "/" in name), "")
    shown = ", ".join(name.rpartition("/")[2] for name in how.names)
    term = dataclasses.replace(term, name=f"{owner}first_recorded({shown})")
    made = _made(term, f"The first that is recorded of {shown}", how, node.place, names)
    names.made.setdefault(term.name, made)
    return term


def _computed(function: Function, node: Node, scope: Scope, names: Names) -> tuple[Computed, Term] | None:
    match function.takes:
        case "a person" | "two people":
            return _of_people(function, node, scope, names)
        case "a list":
            return _size(function, node, scope, names)
        case _:
            terms = _arguments(function, node, scope, names)
            return None if terms is None else _combined(function, terms, node, names)


def _arguments(function: Function, node: Node, scope: Scope, names: Names) -> Sequence[Term] | None:
    """Return the names that a function takes, each of a kind that it takes."""
    pair = function.takes in _PAIRS
    if not isinstance(node, ListNode) or not node.items or (pair and len(node.items) != 2):  # noqa: PLR2004 - a pair
        many = "two names" if pair else "a list of names"
        refuse_shape(node, f"{function.name} takes {many}: {function.name}: [name, name]", names.problems)
        return None
    return values.complete([_argument(function, item, scope, names) for item in node.items])


def _argument(function: Function, node: Node, scope: Scope, names: Names) -> Term | None:
    term = resolve(node, scope, names)
    kinds = _KINDS[function.takes]
    if term is None or term.kind in kinds:
        return term
    shown = term.name.rpartition("/")[2]
    message = f"{function.name} does not take {shown}, which is of kind {term.kind}"
    names.problems.report("RF105", node.place, message, f"it takes {listed(kinds)}")
    return None


def _combined(function: Function, terms: Sequence[Term], node: Node, names: Names) -> tuple[Computed, Term] | None:
    """Return what a function makes of names: the kind, the codes and the unit follow from theirs."""
    how = Computed(function.name, tuple(term.name for term in terms))
    traits = together(term.traits for term in terms)
    kind: TermKind | None = function.gives or _common_kind(terms)
    units = {term.unit for term in terms}
    if kind is None or (function.takes == "two numbers" and len(units - {""}) > 1):
        shown = listed(f"{term.name.rpartition('/')[2]} ({term.unit or term.kind})" for term in terms)
        hint = "name values of one kind and one unit"
        names.problems.report("RF107", node.place, f"{function.name} of unlike values: {shown}", hint)
        return None
    codes = [term.codes for term in terms]
    closed = frozenset[str]().union(*(one for one in codes if one is not None)) if None not in codes else None
    passes_on = function.gives in (None, "codes")
    own_unit = _UNITS.get(function.name, units.pop() if len(units) == 1 else "")
    return how, Term(
        "",
        kind,
        codes=closed if passes_on and kind in ("code", "codes") else None,
        unit=own_unit if kind == "number" else "",
        personal=passes_on and any(term.personal for term in terms),
        traits=traits,
    )


def _common_kind(terms: Sequence[Term]) -> TermKind | None:
    kinds: set[TermKind] = {term.kind for term in terms}
    if kinds == {"text", "code"}:
        return "text"
    return kinds.pop() if len(kinds) == 1 else None


def _size(function: Function, node: Node, scope: Scope, names: Names) -> tuple[Computed, Term] | None:
    """Return how many codes a list has: `size: name`, or `size: [name, {list: x}]` for those of a given list."""
    items = node.items if isinstance(node, ListNode) else (node,)
    if not 1 <= len(items) <= 2 or isinstance(items[0], MapNode):  # noqa: PLR2004 - a name, and a list
        refuse_shape(node, "size takes a name, or a name and a list: size: [name, {list: x}]", names.problems)
        return None
    term = _argument(function, items[0], scope, names)
    codes: frozenset[str] | None = None
    if len(items) > 1:
        codes = read_codes(items[1], term or Term("", "codes"), names)
        if codes is None:
            return None
    if term is None:
        return None
    return Computed("size", (term.name,), codes), Term("", "number", traits=together([term.traits]))


def _of_people(function: Function, node: Node, scope: Scope, names: Names) -> tuple[Computed, Term] | None:
    """Return an age (of, on) or the gap between two ages (older, younger, on)."""
    gap = function.takes == "two people"
    taken = take(node, "an age gap" if gap else "an age", names.problems)
    if taken is None:
        return None
    known = values.complete(
        values.choice(taken.get(key), ("child", "suspect"), names.problems)
        for key in (("older", "younger") if gap else ("of",))
    )
    on = taken.get("on")
    term = _argument(function, on, scope, names) if on is not None else None
    if term is None or known is None:
        return None
    how = Computed(function.name, (term.name, *(name for person in known for name in person_names(person))))
    persons = Traits(suspect="suspect" in known, record="child" in known)
    return how, Term("", "number", unit="years", traits=together([term.traits, persons]))
