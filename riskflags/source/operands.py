"""What stands on the right of an operator: a value of the field's kind, or a reference to another name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import Constant, Operand, Reference
from riskflags.kinds import parse_date, parse_moment
from riskflags.model import NO_NEEDS, Codes, Moment, Number
from riskflags.source import values
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.scope import resolve
from riskflags.source.shape import refuse_shape, unknown_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from riskflags.condition import Operator
    from riskflags.model import Value
    from riskflags.pack import CodeList
    from riskflags.source.names import Names, Term
    from riskflags.source.scope import Scope

_FORMS = {
    "severity": "a severity such as high",
    "number": "a number, {param: name} or {field: name}",
    "yes_no": "true or false",
    "date": "a date such as 2026-03-31, or {field: name}",
    "moment": "a time such as 2026-03-31T10:00, a day, or {field: name}",
    "text": "text, or {field: name}",
    "code": "a code, or {field: name}",
    "codes": "a code, or {field: name}",
}
_WORDS = ("text", "code")


def read_operands(operator: Operator, node: Node, term: Term, scope: Scope, names: Names) -> tuple[Operand, ...] | None:
    """Return what an operator of this field compares with."""
    match operator.takes:
        case "yes_no":
            flag = values.yes_no(node, names.problems)
            return None if flag is None else (Constant(flag),)
        case "one":
            operand = _one(node, term, scope, names, many=operator.name)
            return None if operand is None else (_instant(operand, operator.name),)
        case "two":
            ends = _two(node, term, scope, names)
            return ends and (_instant(ends[0], "on_or_after"), _instant(ends[1], "on_or_before"))
        case "many":
            operand = _many(operator.name, node, term, scope, names)
            return None if operand is None else (operand,)
        case _:
            assert_never(operator.takes)


def _instant(operand: Operand, operator: str) -> Operand:
    """Return a day that stands against a moment as the instant that the operator means: its first or last second."""
    match operand:
        case Constant(value=Moment(earliest=first, latest=last) as moment) if first != last:
            end = last if operator in ("after", "on_or_before") else first
            return Constant(replace(moment, earliest=end, latest=end, needs=NO_NEEDS))
        case _:
            return operand


def _two(node: Node, term: Term, scope: Scope, names: Names) -> tuple[Operand, ...] | None:
    if not isinstance(node, ListNode) or len(node.items) != 2:  # noqa: PLR2004 - both ends
        refuse_shape(node, "between takes both ends, which are both in: between: [16, 17]", names.problems)
        return None
    return values.complete([_one(item, term, scope, names, many="") for item in node.items])


def _one(node: Node, term: Term, scope: Scope, names: Names, *, many: str) -> Operand | None:
    match node:
        case MapNode():
            return _reference(node, term, scope, names)
        case ListNode():
            better = {"is": "in", "is_not": "not_in", "has": "has_any"}.get(many, "")
            hint = f"for several values say {better}: [...]" if better else f"expected {_FORMS[term.kind]}"
            refuse_shape(node, hint, names.problems)
            return None
        case _:
            value = constant(node, term, names)
            return None if value is None else Constant(value)


def _many(operator: str, node: Node, term: Term, scope: Scope, names: Names) -> Operand | None:
    if isinstance(node, MapNode) and node.get("list") is None:
        return _reference(node, term, scope, names, many=True)
    if isinstance(node, Scalar) and not node.is_empty:
        hint = f"{operator} takes a list: {operator}: [{node.text}]"
        fix = None if node.quoted else node.replaced_by(f"[{node.text}]")
        names.problems.report("RF020", node.place, f"{quoted(node.text)} is one value", hint, fix=fix)
        return None
    codes = read_codes(node, term, names)
    return None if codes is None else Constant(Codes(codes))


def read_codes(node: Node, term: Term, names: Names) -> frozenset[str] | None:
    """Return the codes of a list, {list: x} among them; each is a code that the field can hold."""
    found: set[str] = set()
    complete = True
    for item in values.one_or_many(node):
        if isinstance(item, MapNode):
            of_list = _of_list(item, term, names)
            found |= of_list or frozenset()
            complete &= of_list is not None
        else:
            code = code_value(item, term, names)
            complete &= code is not None
            found.add(code or "")
    if complete and not found:
        names.problems.report("RF020", node.place, "an empty list", "name at least one code")
        return None
    return frozenset(found) if complete else None


def _of_list(node: MapNode, term: Term, names: Names) -> frozenset[str] | None:
    if len(node.pairs) != 1 or node.pairs[0][0].text != "list":
        refuse_shape(node, "expected codes, or {list: name}", names.problems)
        return None
    found = names.lists.find(node.pairs[0][1])
    if found is None:
        return None
    return found.values if _fits(found, node.pairs[0][1], term, names) else None


def _fits(codes: CodeList, node: Node, term: Term, names: Names) -> bool:
    """Return whether a field can hold the codes of a list; a wrong code is reported where the list is written."""
    if term.codes is None:
        return True
    unknown = sorted(codes.values - term.codes)
    if unknown and len(unknown) == len(codes.values):
        hint = f"its codes are {listed(sorted(term.codes))}"
        message = f"the list {quoted(codes.name)} has no code that {_shown(term)} can hold"
        names.problems.report("RF106", node.place, message, hint)
    else:
        for code in unknown:
            place = names.code_places.get(codes.name, {}).get(code, codes.place)
            _refuse_code(Scalar(code, *place), term, names)
    return not unknown


def _refuse_code(node: Scalar, term: Term, names: Names) -> None:
    known = sorted(term.codes or ())
    near = names.problems.nearest(node.text, known)
    meant = f"did you mean {near}? " if near else ""
    message = f"{quoted(node.text)} is not a code of {_shown(term)}"
    hint = f"{meant}Its codes are {listed(known)}"
    names.problems.report("RF106", node.place, message, hint, fix=node.replaced_by(near))


def _shown(term: Term) -> str:
    return term.name.rpartition("/")[2]


def code_value(node: Node, term: Term, names: Names) -> str | None:
    """Return a text or a code that the field can hold."""
    found = values.text(node, names.problems)
    if found is not None and term.codes is not None and found not in term.codes:
        quotes = isinstance(node, Scalar) and node.quoted
        _refuse_code(Scalar(found, *node.place, quoted=quotes), term, names)
        return None
    return found


def constant(node: Node, term: Term, names: Names) -> Value | None:
    """Return a value that is written in a rule, as the field's kind asks."""
    problems = names.problems
    match term.kind:
        case "severity":
            found = values.severity(node, problems)
            return None if found is None else Number(int(found), int(found))
        case "number":
            number = values.number(node, problems)
            return None if number is None else Number(number, number)
        case "yes_no":
            return values.yes_no(node, problems)
        case "date":
            return _date(node, term, names)
        case "moment":
            return values.parsed(node, lambda text: parse_moment(text, zone=names.zone), _FORMS["moment"], problems)
        case "text" | "code" | "codes":
            return code_value(node, term, names)
        case "duration" | "group":
            hint = "a duration stands in a window or a deadline: window: {back: {param: name}}"
            problems.report("RF107", node.place, f"{quoted(_shown(term))} cannot be compared", hint)
            return None
        case _:
            assert_never(term.kind)


def _date(node: Node, term: Term, names: Names) -> date | None:
    if isinstance(node, Scalar):
        try:
            parse_date(node.text)
        except ValueError:
            if _is_moment(node.text):
                hint = f"{_shown(term)} is a date: leave the time off"
                fix = node.replaced_by(node.text.replace("T", " ").partition(" ")[0])
                names.problems.report("RF107", node.place, f"{quoted(node.text)} has a time", hint, fix=fix)
                return None
    return values.day(node, names.problems)


def _is_moment(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


# ---- references ------------------------------------------------------------------------------------------------------


def _reference(node: MapNode, term: Term, scope: Scope, names: Names, *, many: bool = False) -> Operand | None:
    """Return the operand that {field: x} or {param: x} stands for."""
    if len(node.pairs) != 1:
        if not node.damaged:
            hint = "a reference is one of {field: name}, {param: name} and {list: name}"
            names.problems.report("RF011", node.place, "two things in one item", hint)
        return None
    key, value = node.pairs[0]
    match key.text:
        case "field":
            return _field(value, term, scope, names, many=many)
        case "param":
            return _param(value, term, names, many=many)
        case "list":
            hint = "compare with a list by in, not_in, has_any, has_all or has_none"
            names.problems.report("RF020", node.place, "a list where one value is asked for", hint)
            return None
        case _:
            unknown_key(key, ("field", "param", "list"), names.problems)
            return None


def _param(node: Node, term: Term, names: Names, *, many: bool) -> Operand | None:
    param = names.params.find(node)
    if param is None:
        return None
    other = names.param_term(param.name)
    if other is None or other.kind != "number" or term.kind != "number" or many:
        hint = "a parameter is a number, for fields that are numbers; a duration stands in a window or a deadline"
        message = f"{_shown(term)} ({term.kind}) cannot be compared with the parameter {quoted(param.name)}"
        names.problems.report("RF107", node.place, message, hint)
        return None
    return Reference(other.name) if _same_unit(node, term, other, names) else None


def _field(node: Node, term: Term, scope: Scope, names: Names, *, many: bool) -> Operand | None:
    other = resolve(node, scope, names)
    if other is None:
        return None
    if not _comparable(term, other, many=many):
        wanted: Sequence[str] = ("codes",) if many else _WORDS if term.kind in (*_WORDS, "codes") else (term.kind,)
        hint = f"name one of kind {' or '.join(wanted)}, on the left or on the right"
        if {term.kind, other.kind} == {"date", "moment"}:
            hint = "one is a day, the other a time: name two dates, or two moments"
        message = f"{_shown(term)} ({term.kind}) cannot be compared with {_shown(other)} ({other.kind})"
        names.problems.report("RF107", node.place, message, hint)
        return None
    return Reference(other.name) if _same_unit(node, term, other, names) else None


def _comparable(term: Term, other: Term, *, many: bool) -> bool:
    if many:
        return other.kind == "codes"
    if term.kind in (*_WORDS, "codes"):
        return other.kind in _WORDS
    return term.kind == other.kind and term.kind not in ("group", "duration")


def _same_unit(node: Node, term: Term, other: Term, names: Names) -> bool:
    if not term.unit or not other.unit or term.unit == other.unit:
        return True
    message = f"{_shown(term)} is in {term.unit}, {_shown(other)} in {other.unit}"
    names.problems.report("RF107", node.place, message, f"give both in {term.unit}")
    return False
