"""Derived values and named conditions, in the order in which they rest on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.pack import Derived, NamedCondition
from riskflags.source.conditions import past_limits, read_condition
from riskflags.source.derived import read_derived
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.order import in_order
from riskflags.source.scope import Scope
from riskflags.source.shape import Taken, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.source.names import Names, Term
    from riskflags.source.vocabulary import Defined

_BESIDE = ("label", "examples", "given")
"""Keys whose values define nothing."""


@dataclass(frozen=True, slots=True)
class WithExamples:
    """A named condition and the keys beside it, whose examples are read once every action is known."""

    name: str
    taken: Taken


def define(derived: Mapping[str, Defined], conditions: Mapping[str, Defined], names: Names) -> list[WithExamples]:
    """Fill the tables of derived values and conditions; return the conditions that are written with examples."""
    scope = Scope()
    full: list[WithExamples] = []
    for name in _ordered({**derived, **conditions}, names):
        if name in derived:
            key, node = derived[name]
            made = read_derived(key, node, name, scope, names)
            term = names.term(name) if made is not None else None
            if made is not None and term is not None:
                names.derived.known[name] = term
                names.made[name] = made
        else:
            key, node = conditions[name]
            taken = _in_full(node, names)
            if taken is not None:
                full.append(WithExamples(name, taken))
            _define_condition(key, node if taken is None else taken.get("is"), scope, names)
    return full


def own_derived(
    defined: Mapping[str, Defined], misnamed: Iterable[str], prefix: str, names: Names
) -> tuple[dict[str, Term | None], tuple[Derived, ...]]:
    """Return a rule's own derived values: by the names that its author writes, and as the pack holds them."""
    own: dict[str, Term | None] = dict.fromkeys([*defined, *misnamed])
    made: list[Derived] = []
    for name in _ordered(defined, names):
        key, node = defined[name]
        found = read_derived(key, node, f"{prefix}/{name}", Scope(own), names)
        if found is not None:
            own[name] = names.term(found.name)
            made.append(found)
    return own, tuple(sorted(made, key=lambda one: one.place))


def _define_condition(key: Scalar, node: Node | None, scope: Scope, names: Names) -> None:
    condition = read_condition(node, scope, names)
    if condition is None:
        return
    traits = names.traits(condition)
    if past_limits(traits, key.place, names):
        return
    names.condition_traits[key.text] = traits
    names.conditions.known[key.text] = NamedCondition(key.text, condition, traits.suspect, place=key.place)


def _in_full(node: Node, names: Names) -> Taken | None:
    """Return the keys of a condition that is written with examples of its own."""
    if isinstance(node, MapNode) and (node.get("is") is not None or node.get("examples") is not None):
        return take(node, "a named condition", names.problems)
    return None


def _ordered(defined: Mapping[str, Defined], names: Names) -> list[str]:
    """Return the names so that each comes after what it rests on. Those in a circle are reported and left out."""
    order, circles = in_order({name: set(_references(node)) for name, (_, node) in defined.items()})
    for circle in circles:
        path = " -> ".join(circle)
        hint = "take one of them out of the other's definition"
        names.problems.report("RF120", defined[circle[0]][0].place, f"names that rest on each other: {path}", hint)
    return order


def _references(node: Node) -> Iterator[str]:
    """Yield what may be a derived value or a named condition in a definition, before its names are resolved."""
    stack: list[Node] = [node]
    while stack:
        match stack.pop():
            case Scalar(text=text):
                yield from _derived_in(text)
            case ListNode(items=items):
                stack.extend(items)
            case MapNode(pairs=pairs):
                for key, value in pairs:
                    yield from _derived_in(key.text)
                    if key.text == "use" and isinstance(value, Scalar):
                        yield value.text
                    elif key.text not in _BESIDE:
                        stack.append(value)
            case _:
                pass  # what was reported defines nothing


def _derived_in(text: str) -> Iterator[str]:
    name = text.removeprefix("this.")
    if name.startswith("calc."):
        yield name
