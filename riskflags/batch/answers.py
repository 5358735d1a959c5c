"""What a condition comes to in every row: `condition.holds`, its needs and what decided it, as expressions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from riskflags.batch import sql
from riskflags.batch.cells import (
    combined,
    constant,
    decided,
    every,
    how_many,
    length,
    negation,
    no,
    possibly,
    some,
    surely,
    unsure,
    where,
    yes,
)
from riskflags.condition import Comparison, Constant, Group, Named, codes_of, names_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from riskflags.batch.cells import Cell
    from riskflags.batch.sql import Expr
    from riskflags.condition import Condition, Operand

    Cells = Mapping[str, Cell]
    Leaves = Mapping[Comparison, Expr]
    """The answers of comparisons that are columns already; of a negated one, that of the comparison itself."""


def names_of(*conditions: Condition | None) -> frozenset[str]:
    """Return every name that some conditions read."""
    return frozenset[str]().union(*(names_read(one) for one in conditions if one is not None))


def answer(condition: Condition | None, cells: Cells, leaves: Leaves | None = None) -> Expr:
    """Return True, False or NULL for every row; True of no condition."""
    match condition:
        case None:
            return yes()
        case Comparison():
            return _compare(condition, cells, leaves)
        case Named():
            found = answer(condition.condition, cells, leaves)
            return found if condition.positive else negation(found)
        case Group():
            return _group(condition, [answer(child, cells, leaves) for child in condition.conditions])
        case _:
            assert_never(condition)


def _group(group: Group, found: list[Expr]) -> Expr:
    match group.kind:
        case "all":
            return every(found)
        case "any":
            return some(found)
        case "none":
            return every(negation(one) for one in found)
        case "at_least_of":
            return decided(
                true=how_many([surely(one) for one in found]) >= group.many,
                false=how_many([possibly(one) for one in found]) < group.many,
            )
        case _:
            assert_never(group.kind)


def _operand(operand: Operand, cells: Cells) -> Cell:
    return constant(operand.value) if isinstance(operand, Constant) else cells[operand.name]


def _compare(comparison: Comparison, cells: Cells, leaves: Leaves | None) -> Expr:
    if leaves is not None and (found := leaves.get(replace(comparison, positive=True))) is not None:
        return found if comparison.positive else negation(found)
    cell = cells[comparison.name]
    if comparison.operator in ("in", "not_in") and comparison.constants is not None:
        return _is_one_of(comparison, cell)
    operands = [_operand(operand, cells) for operand in comparison.operands]
    found = OPERATORS[comparison.operator](cell, operands)
    return found if comparison.positive else negation(found)


def _is_one_of(comparison: Comparison, cell: Cell) -> Expr:
    """Return whether text is one of the codes that a rule lists: a plain IN, which is fast."""
    codes = sorted(codes_of(comparison.constants[0]).known) if comparison.constants else []
    found = cell.value.isin(codes) if codes else _present([cell], no())
    return found if (comparison.operator == "in") is comparison.positive else negation(found)


def _sides(comparison: Comparison) -> tuple[Comparison, ...]:
    """Return `between` as the comparisons with its two ends; any other by itself."""
    if comparison.operator != "between":
        return (comparison,)
    least, greatest = comparison.operands
    return Comparison(comparison.name, "at_least", (least,)), Comparison(comparison.name, "at_most", (greatest,))


# ---- operators -------------------------------------------------------------------------------------------------------


def _ends(cell: Cell) -> tuple[Expr, Expr]:
    return (cell.value, cell.value) if cell.kind == "date" else (cell.low, cell.high)


def _less(a: Cell, b: Cell) -> Expr:
    (a_low, a_high), (b_low, b_high) = _ends(a), _ends(b)
    if a_low is a_high and b_low is b_high:
        return a_low < b_low
    return decided(true=a_high < b_low, false=a_low >= b_high)


def _not_more(a: Cell, b: Cell) -> Expr:
    (a_low, a_high), (b_low, b_high) = _ends(a), _ends(b)
    if a_low is a_high and b_low is b_high:
        return a_low <= b_low
    return decided(true=a_high <= b_low, false=a_low > b_high)


def _same(a: Cell, b: Cell) -> Expr:
    if a.kind in ("text", "code", "yes_no"):
        return a.value == b.value
    (a_low, a_high), (b_low, b_high) = _ends(a), _ends(b)
    if a_low is a_high and b_low is b_high:
        return a_low == b_low
    same = (a_low == a_high) & (b_low == b_high) & (a_low == b_low)
    return decided(true=same, false=(a_high < b_low) | (a_low > b_high))


def _codes(cell: Cell) -> Expr:
    """Return a list of codes; a single code as a list of one."""
    if cell.kind == "codes":
        return cell.value
    return sql.ifelse(cell.absent, sql.null("array<string>"), sql.array([cell.value]))


def _is_open(cell: Cell) -> Expr:
    """Return whether a list may lack some codes."""
    return no() if cell.kind != "codes" or cell.needs is None else length(cell.needs) > 0


def _in(a: Cell, b: Cell) -> Expr:
    return _present([a, b], decided(true=_codes(b).contains(a.value), false=negation(_is_open(b))))


def _present(cells: list[Cell], found: Expr) -> Expr:
    absent = [cell.absent for cell in cells if not cell.is_known]
    return sql.ifelse(some(absent), unsure(), found) if absent else found


def _has_any(a: Cell, b: Cell) -> Expr:
    first, second = _codes(a), _codes(b)
    shared = first.intersect(second).length()
    may_lack, may_lack_too = _is_open(a), _is_open(b)
    closed = negation(may_lack) & negation(may_lack_too)
    none_there = (negation(may_lack_too) & (second.length() == 0)) | (negation(may_lack) & (first.length() == 0))
    return _present([a, b], decided(true=shared >= 1, false=(closed & (shared == 0)) | none_there))


def _has_all(a: Cell, b: Cell) -> Expr:
    first, second = _codes(a), _codes(b)
    contained = second.intersect(first).length() == second.length()
    closed = decided(true=contained, false=negation(_is_open(a)))
    open_ = decided(true=no(), false=negation(_is_open(a)) & negation(contained))
    return _present([a, b], sql.ifelse(_is_open(b), open_, closed))


def _recorded(a: Cell, b: Cell) -> Expr:
    return sql.ifelse(a.known, b.value, sql.ifelse(a.fillable, negation(b.value), unsure()))


OPERATORS: Mapping[str, Callable[[Cell, list[Cell]], Expr]] = {
    "is": lambda a, b: _same(a, b[0]),
    "is_not": lambda a, b: negation(_same(a, b[0])),
    "at_least": lambda a, b: _not_more(b[0], a),
    "more_than": lambda a, b: _less(b[0], a),
    "at_most": lambda a, b: _not_more(a, b[0]),
    "less_than": lambda a, b: _less(a, b[0]),
    "before": lambda a, b: _less(a, b[0]),
    "after": lambda a, b: _less(b[0], a),
    "on_or_before": lambda a, b: _not_more(a, b[0]),
    "on_or_after": lambda a, b: _not_more(b[0], a),
    "between": lambda a, b: _not_more(b[0], a) & _not_more(a, b[1]),
    "in": lambda a, b: _in(a, b[0]),
    "not_in": lambda a, b: negation(_in(a, b[0])),
    "has": lambda a, b: _has_any(a, b[0]),
    "has_any": lambda a, b: _has_any(a, b[0]),
    "has_all": lambda a, b: _has_all(a, b[0]),
    "has_none": lambda a, b: negation(_has_any(a, b[0])),
    "recorded": lambda a, b: _recorded(a, b[0]),
}
"""The operators of `condition.OPERATORS`, over columns."""


# ---- needs, and what decided -----------------------------------------------------------------------------------------


def needs(condition: Condition | None, cells: Cells, leaves: Leaves | None = None) -> Expr | None:
    """Return what would decide an undecided condition, as a list with repeats; None where it needs nothing ever."""
    if condition is None:
        return None
    return combined(where(guard, one) for guard, one in _open(condition, cells, leaves))


def _open(condition: Condition, cells: Cells, leaves: Leaves | None) -> Iterator[tuple[Expr, Expr]]:
    """Yield, for each comparison, where it leaves the condition undecided, and what it then needs."""
    undecided = answer(condition, cells, leaves).isnull()
    match condition:
        case Comparison():
            for side in _sides(condition):
                read = [cells[side.name], *(_operand(operand, cells) for operand in side.operands)]
                found = combined(cell.needs for cell in read)
                if found is not None:
                    yield (undecided if side is condition else undecided & answer(side, cells).isnull()), found
        case Named():
            yield from _open(condition.condition, cells, leaves)
        case Group():
            for child in condition.conditions:
                yield from ((undecided & guard, one) for guard, one in _open(child, cells, leaves))
        case _:
            assert_never(condition)


def deciding(condition: Condition, cells: Cells, leaves: Leaves | None = None) -> Iterator[tuple[Expr, Comparison]]:
    """Yield each comparison, and where it made the condition hold, given that the condition holds."""
    match condition:
        case Comparison():
            yield yes(), condition
        case Named():
            yield from deciding(condition.condition, cells, leaves)
        case Group():
            for child in condition.conditions:
                held = surely(answer(child, cells, leaves))
                yield from ((held & guard, one) for guard, one in deciding(child, cells, leaves))
        case _:
            assert_never(condition)
