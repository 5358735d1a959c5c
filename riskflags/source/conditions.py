"""Conditions: a tree of YAML becomes a `Condition` with every name resolved and every operator checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

from riskflags.condition import OPERATORS, Comparison, Condition, Constant, Group, Named
from riskflags.source import values
from riskflags.source.names import HIGHEST, LARGEST, Traits
from riskflags.source.nodes import Broken, ListNode, MapNode, Node, Scalar
from riskflags.source.operands import read_operands
from riskflags.source.problems import listed, quoted
from riskflags.source.readings import flag_reading, gap_reading
from riskflags.source.scope import Scope, allowed, resolve
from riskflags.source.shape import CONDITION_KEYS, SHAPES, refuse_shape, take, unknown_key

if TYPE_CHECKING:
    from riskflags.errors import Place
    from riskflags.source.names import Names, Term

Pairs = tuple[tuple[Scalar, Node], ...]
_GROUPS = ("all", "any", "none", "at_least_of")


def read_condition(node: Node | None, scope: Scope, names: Names) -> Condition | None:
    """Return the condition of a node; None where it is not one, or is wrong, which is reported."""
    match node:
        case None | Broken():
            return None
        case MapNode():
            return _of_keys(node, scope, names, "two conditions side by side: say all: or any:")
        case ListNode():
            _bare_list(node, names)
            return None
        case Scalar():
            _bare_text(node, names)
            return None
        case _:
            assert_never(node)


def read_conditions(node: Node | None, scope: Scope, names: Names) -> tuple[Condition, ...] | None:
    """Return a list of conditions, complete or not at all."""
    found = values.items(node, "a list of conditions, each with a dash", names.problems)
    if found is None:
        return None
    if not found and node is not None:
        names.problems.report("RF020", node.place, "an empty list", "put at least one condition into it")
        return None
    return values.complete([_item(item, scope, names) for item in found])


def _item(node: Node, scope: Scope, names: Names) -> Condition | None:
    crowded = "missing dash? Two conditions in one item"
    return _of_keys(node, scope, names, crowded) if isinstance(node, MapNode) else read_condition(node, scope, names)


def past_limits(traits: Traits, place: Place, names: Names) -> bool:
    """Return whether a name or a condition goes past the limits, having reported it."""
    if traits.height > HIGHEST:
        message = f"more than {HIGHEST} levels of names that rest on names and of groups in groups"
        names.problems.report("RF001", place, message, "say it with fewer levels")
        return True
    if traits.size > LARGEST:
        message = f"more than {LARGEST:,} comparisons once the named conditions are written out"
        names.problems.report("RF001", place, message, "name the same condition less often")
        return True
    return False


# ---- what is not a condition -----------------------------------------------------------------------------------------


_MISPLACED = frozenset(SHAPES["a rule"]) - frozenset(CONDITION_KEYS)


def _without_misplaced(node: MapNode, names: Names) -> tuple[tuple[Scalar, Node], ...]:
    """Return the keys of a condition, having reported those of a rule that stand too far to the right."""
    for key, _ in node.pairs:
        if key.text in _MISPLACED:
            hint = f"{key.text} stands beside `when`, not in it: move it to the left"
            names.problems.report("RF010", key.place, f"unknown key {quoted(key.text)} in a condition", hint)
    return tuple(pair for pair in node.pairs if pair[0].text not in _MISPLACED)


def _is_crowded(pairs: Pairs) -> bool:
    return len(pairs) > 1 and any(key.text not in _GROUPS for key, _ in pairs)


def _crowded(pairs: Pairs, names: Names, message: str) -> None:
    lines = [f"  - {key.text}: {inline(value)}" for key, value in pairs[:4]]
    names.problems.report("RF011", pairs[1][0].place, message, "\n".join(["all:", *lines]))


def _bare_list(node: ListNode, names: Names) -> None:
    lines = [f"  - {inline(item)}" for item in node.items[:4]]
    hint = "\n".join(["say all: or any:", "all:", *lines])
    names.problems.report("RF011", node.place, "a list of conditions without a word that joins them", hint)


def _bare_text(node: Scalar, names: Names) -> None:
    if not node.is_empty and names.conditions.is_declared(node.text):
        message = f"{quoted(node.text)} is the name of a condition, not a condition"
        names.problems.report("RF020", node.place, message, f"write {{use: {node.text}}}")
        return
    refuse_shape(node, "expected a condition, such as {incident.type: missing_episode}", names.problems)


def inline(node: Node, *, most: int = 80) -> str:
    """Return a node as it could be written in one line, cut off where it gets long."""
    return _flow(node, depth=4)[:most]


def _flow(node: Node, *, depth: int) -> str:
    if depth == 0 or isinstance(node, Broken):
        return "..."
    match node:
        case Scalar():
            return f'"{node.text}"' if node.quoted else node.text
        case ListNode():
            return f"[{', '.join(_flow(item, depth=depth - 1) for item in node.items[:8])}]"
        case MapNode():
            pairs = (f"{key.text}: {_flow(value, depth=depth - 1)}" for key, value in node.pairs[:8])
            return f"{{{', '.join(pairs)}}}"
        case _:
            assert_never(node)


# ---- keys ------------------------------------------------------------------------------------------------------------


def _of_keys(node: MapNode, scope: Scope, names: Names, crowded: str) -> Condition | None:
    pairs = _without_misplaced(node, names)
    if not node.pairs and not node.damaged:
        refuse_shape(node, "expected a condition, such as {incident.type: missing_episode}", names.problems)
    if _is_crowded(pairs):
        _crowded(pairs, names, crowded)
        return None
    complete: tuple[Condition, ...] | None = values.complete(
        [_of_key(key, value, scope, names) for key, value in pairs]
    )
    if not complete or node.damaged or len(pairs) < len(node.pairs):
        return None
    return complete[0] if len(complete) == 1 else Group("all", complete, place=node.place)


def _of_key(key: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    match key.text:
        case "all" | "any" | "none" as kind:
            return _group(kind, key, value, scope, names)
        case "at_least_of":
            return _at_least_of(key, value, scope, names)
        case "use":
            return _use(key, value, scope, names)
        case "flag" | "gap":
            return _reading(key, value, scope, names)
        case _:
            return _of_field(key, value, scope, names)


def _group(
    kind: Literal["all", "any", "none"], key: Scalar, value: Node, scope: Scope, names: Names
) -> Condition | None:
    children = read_conditions(value, scope, names)
    return None if children is None else Group(kind, children, place=key.place)


def _at_least_of(key: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    taken = take(value, "at_least_of", names.problems)
    if taken is None:
        return None
    many = values.whole(taken.get("many"), names.problems, least=1)
    children = read_conditions(taken.get("of"), scope, names)
    if many is None or children is None:
        return None
    if many > len(children):
        message = f"at least {many} of {len(children)} conditions can never hold"
        names.problems.report("RF020", taken.value_place("many"), message, f"write a number from 1 to {len(children)}")
        return None
    return Group("at_least_of", children, many, key.place)


def _use(key: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    named = names.conditions.find(value)
    if named is None or not isinstance(value, Scalar):
        return None
    traits = names.condition_traits[named.name]
    if scope.over in ("done", "markers") or (scope.over == "suspects" and (traits.record or traits.across)):
        message = f"the condition {quoted(named.name)} speaks of the record, not of an item of the list {scope.over}"
        names.problems.report("RF111", value.place, message, "compare the fields of the item here")
        return None
    if not allowed(value, traits, scope, names):
        return None
    return Named(named.name, named.condition, place=key.place)


def _reading(key: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    if scope.no_readings:
        code = "RF130" if scope.over else "RF111"
        names.problems.report(code, key.place, f"a {key.text} cannot be read here", scope.no_readings)
        return None
    name = flag_reading(value, names) if key.text == "flag" else gap_reading(value, names)
    return None if name is None else Comparison(name, "is", (Constant(value=True),), place=key.place)


# ---- comparisons -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Left:
    """What stands on the left of a comparison: the name as it is written, and what it is."""

    key: Scalar
    term: Term


def _of_field(key: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    if "." not in key.text and key.text not in names.groups and key.text not in ("as_of", "severity"):
        _unknown_word(key, scope, names)
        return None
    term = resolve(key, scope, names)
    if term is None:
        return None
    match value:
        case MapNode():
            return _operators(Left(key, term), value, scope, names)
        case ListNode():
            better = "has_any" if term.kind == "codes" else "in"
            hint = f"write {key.text}: {{{better}: {inline(value)}}}"
            names.problems.report("RF011", value.place, "a list without an operator", hint)
            return None
        case _:
            return _comparison(Left(key, term), Scalar("is", *value.place), value, scope, names)


def _unknown_word(key: Scalar, scope: Scope, names: Names) -> None:
    """Report a key that is neither a group of conditions nor a field."""
    if any(path.endswith(f".{key.text}") for path in names.fields):
        resolve(key, scope, names)
    else:
        unknown_key(key, (*CONDITION_KEYS, *names.groups), names.problems)


def _operators(left: Left, node: MapNode, scope: Scope, names: Names) -> Condition | None:
    if not node.pairs:
        if not node.damaged:
            refuse_shape(node, f"the operators here are {listed(_fitting(left.term))}", names.problems)
        return None
    complete: tuple[Condition, ...] | None = values.complete(
        [_operator(left, name, value, scope, names) for name, value in node.pairs]
    )
    if complete is None or node.damaged:
        return None
    return complete[0] if len(complete) == 1 else Group("all", complete, place=left.key.place)


def _operator(left: Left, name: Scalar, value: Node, scope: Scope, names: Names) -> Condition | None:
    if name.text in OPERATORS:
        return _comparison(left, name, value, scope, names)
    if name.text in ("field", "param", "list"):
        better = ("has_any" if left.term.kind == "codes" else "in") if name.text == "list" else "is"
        hint = f"write {left.key.text}: {{{better}: {{{name.text}: {inline(value)}}}}}"
        names.problems.report("RF010", name.place, "a reference without an operator", hint)
    else:
        unknown_key(name, _fitting(left.term), names.problems)
    return None


def _comparison(left: Left, name: Scalar, value: Node, scope: Scope, names: Names) -> Comparison | None:
    operator, term = OPERATORS[name.text], left.term
    if name.text not in _fitting(term):
        message = f"{quoted(name.text)} does not fit {left.key.text}, which is of kind {term.kind}"
        hint = f"the operators that fit are {listed(_fitting(term))}"
        names.problems.report("RF105", name.place, message, hint)
        return None
    operands = read_operands(operator, value, term, scope, names)
    return None if operands is None else Comparison(term.name, name.text, operands, place=left.key.place)


def _fitting(term: Term) -> tuple[str, ...]:
    """Return the operators that fit a name."""
    match term.kind:
        case "group":
            return ("recorded",)
        case "severity" | "duration":
            return tuple(
                name for name, operator in OPERATORS.items() if "number" in operator.kinds and name != "recorded"
            )
        case kind:
            return tuple(name for name, operator in OPERATORS.items() if kind in operator.kinds)
