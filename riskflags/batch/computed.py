"""Values computed from other values of one row: the functions of `riskflags.derive`, as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.cells import (
    MANY,
    PARTS,
    Cell,
    combined,
    every,
    length,
    listed,
    negation,
    no_texts,
    number,
    single,
    some,
    surely,
    texts,
    together,
    where,
    yes,
)
from riskflags.batch.facts import MILLION
from riskflags.derive import ADULT
from riskflags.kinds import OLDEST_AGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from riskflags.batch.cells import PartName
    from riskflags.batch.sql import Expr
    from riskflags.kinds import KindName
    from riskflags.pack import Computed

_HOUR = 3600
_OF_PERSON = 5


def computed(how: Computed, cells: Mapping[str, Cell], kind: KindName) -> Cell:
    """Return the cell of a computed name, which is of a kind."""
    read = [cells[name] for name in how.names]
    match how.function:
        case "first_recorded":
            return _first_recorded(read, kind)
        case "size":
            (cell,) = read
            return _size(cell, how.codes)
        case function:
            return _FUNCTIONS[function](*read)


# ---- absence ---------------------------------------------------------------------------------------------------------


def _all_held(cells: Sequence[Cell]) -> Expr | bool:
    """Return whether all that is absent could be filled."""
    open_ones = [cell for cell in cells if not cell.is_known and cell.held is not True]
    return every(cell.known | cell.fillable for cell in open_ones) if open_ones else True


def _any_held(cells: Sequence[Cell]) -> Expr | bool:
    """Return whether any that is absent could be filled."""
    if any(cell.held is True for cell in cells):
        return True
    return some(cell.absent & cell.fillable for cell in cells)


def _needs_of_absent(cell: Cell) -> Expr | None:
    return None if cell.is_known else where(cell.absent, cell.needs)


def _if_present(cells: Sequence[Cell], value: Expr) -> Expr:
    """Return a value where all its arguments are there, NULL elsewhere."""
    absent = [cell.absent for cell in cells if not cell.is_known]
    return sql.ifelse(some(absent), sql.null(), value) if absent else value


def _exact(cells: Sequence[Cell], value: Expr) -> Cell:
    """Return an exact number of arguments that must all be there; only what is absent is needed."""
    low = _if_present(cells, value.cast("int64"))
    needs = combined(_needs_of_absent(cell) for cell in cells)
    return number(low, low, needs=needs, held=_all_held(cells), is_known=all(cell.is_known for cell in cells))


def _between(cells: Sequence[Cell], low: Expr, high: Expr) -> Cell:
    """Return a number of arguments that must all be there; every inexact one is needed."""
    low, high = _if_present(cells, low.cast("int64")), _if_present(cells, high.cast("int64"))
    needs = combined(cell.needs for cell in cells)
    return number(low, high, needs=needs, held=_all_held(cells), is_known=all(cell.is_known for cell in cells))


# ---- functions -------------------------------------------------------------------------------------------------------


def _day(cell: Cell) -> Expr:
    return cell.day if cell.kind == "moment" else cell.value


def whole_years(start: Expr, end: Expr) -> Expr:
    """Return the whole years from one day to another; a 29 February counts from 1 March in other years."""
    return sql.ifelse(end < start, -_years(end, start), _years(start, end))


def _years(start: Expr, end: Expr) -> Expr:
    before = _month_day(end) < _month_day(start)
    return (end.year().cast("int64") - start.year().cast("int64")) - sql.ifelse(before, 1, 0)


def _month_day(day: Expr) -> Expr:
    return day.month().cast("int64") * 100 + day.day().cast("int64")


def _years_between(start: Cell, end: Cell) -> Cell:
    return _exact((start, end), whole_years(_day(start), _day(end)) * MILLION)


def _days_between(start: Cell, end: Cell) -> Cell:
    return _exact((start, end), _day(end).days_since(_day(start)).cast("int64") * MILLION)


def _hours_between(start: Cell, end: Cell) -> Cell:
    low, high = _hours(end.low - start.high), _hours(end.high - start.low)
    return _between((start, end), low, low if start.is_exact and end.is_exact else high)


def _hours(seconds: Expr) -> Expr:
    """Return seconds as millionths of an hour, rounded down."""
    left = ((seconds % _HOUR) + _HOUR) % _HOUR
    return (seconds - left).over(_HOUR) * MILLION + (left * MILLION).over(_HOUR)


def _subtract(a: Cell, b: Cell) -> Cell:
    low, high = a.low - b.high, a.high - b.low
    return _between((a, b), low, low if a.is_exact and b.is_exact else high)


def _add(a: Cell, b: Cell) -> Cell:
    low, high = a.low + b.low, a.high + b.high
    return _between((a, b), low, low if a.is_exact and b.is_exact else high)


def _first_recorded(cells: Sequence[Cell], kind: KindName) -> Cell:
    taken = cells[: next((n for n, cell in enumerate(cells, start=1) if cell.is_known), len(cells))]
    parts: dict[PartName, Expr] = {}
    for part in PARTS[kind]:
        found = [cell.of[part] for cell in taken]
        alike = (
            there for p, there in parts.items() if all(c.of[p] is one for c, one in zip(taken, found, strict=True))
        )
        parts[part] = next(alike, found[0] if len(found) == 1 else sql.coalesce(*found))
    is_known = any(cell.is_known for cell in taken)
    return Cell(kind, parts, needs=_needs_of_first(taken), held=_any_held(taken), is_known=is_known)


def _needs_of_first(cells: Sequence[Cell]) -> Expr | None:
    """Return the needs of the first that is there; where none is, the needs of all."""
    if all(cell.needs is None for cell in cells):
        return None
    cases = [(cell.known, listed(cell.needs)) for cell in cells]
    if cells[-1].is_known:
        return sql.cases(*cases, else_=no_texts()) if len(cases) > 1 else cases[0][1]
    return sql.cases(*cases, else_=listed(combined(cell.needs for cell in cells)))


def _list_of(*cells: Cell) -> Cell:
    is_known = any(cell.is_known for cell in cells)
    there = together(*(sql.ifelse(cell.absent, no_texts(), _as_list(cell)) for cell in cells)).unique()
    value = there if is_known else sql.ifelse(every(cell.absent for cell in cells), sql.null("array<string>"), there)
    needs = combined(cell.needs for cell in cells)
    return single("codes", value, needs=needs, held=_any_held(cells), is_known=is_known)


def _as_list(cell: Cell) -> Expr:
    return cell.value if cell.kind == "codes" else sql.array([cell.value])


def _size(cell: Cell, codes: frozenset[str] | None) -> Cell:
    """Return how many codes a list has, of some or of any; open above where it may lack some."""
    there = _as_list(cell)
    counted = there if codes is None else there.intersect(texts(codes))
    low = _if_present((cell,), counted.length().cast("int64") * MILLION)
    held = _all_held((cell,))
    if cell.kind != "codes" or cell.needs is None:
        return number(low, low, needs=_needs_of_absent(cell), held=held, is_known=cell.is_known)
    most = sql.literal((MANY if codes is None else len(codes)) * MILLION, "int64")
    high = sql.ifelse(length(cell.needs) > 0, _if_present((cell,), most), low)
    return number(low, high, needs=cell.needs, held=held, is_known=cell.is_known)


def _floor(value: Expr) -> Expr:
    """Return millionths rounded down to a whole number; ages are never negative."""
    return value - value % MILLION


def _age(on: Cell, *person: Cell) -> Cell:
    """Return an age by the date of birth, else as it was stated, else between the limits that are known."""
    born, stated, youngest, oldest, adult = person
    by_birth = born.known & on.known
    by_age = negation(by_birth) & stated.known
    years = whole_years(born.value, _day(on)) * MILLION
    least, most = _age_limits(youngest, oldest, adult)
    nothing = ((least == 0) & (most == OLDEST_AGE * MILLION)) | (least > most)
    none = sql.null("int64")
    low = sql.cases((by_birth, years), (by_age, _floor(stated.low)), (nothing, none), else_=least)
    high = sql.cases((by_birth, years), (by_age, _floor(stated.high)), (nothing, none), else_=most)
    settled = by_birth | by_age | (negation(nothing) & (least == most))
    needs = sql.ifelse(settled, no_texts(), _age_needs(on, born, stated))
    held = (born.absent & born.fillable) | (stated.absent & stated.fillable) | born.known
    return number(low.cast("int64"), high.cast("int64"), needs=needs, held=held)


def _age_limits(youngest: Cell, oldest: Cell, adult: Cell) -> tuple[Expr, Expr]:
    """Return the least and the greatest age, by what is said of the age and of adulthood."""
    limit = OLDEST_AGE * MILLION
    least = sql.greatest(
        sql.literal(0, "int64"),
        sql.ifelse(youngest.known, _floor(youngest.low), 0).cast("int64"),
        sql.ifelse(surely(adult.value == yes()), ADULT * MILLION, 0).cast("int64"),
    )
    most = sql.least(
        sql.literal(limit, "int64"),
        sql.ifelse(oldest.known, _floor(oldest.high), limit).cast("int64"),
        sql.ifelse(surely(negation(adult.value)), (ADULT - 1) * MILLION, limit).cast("int64"),
    )
    return least, most


def _age_needs(on: Cell, born: Cell, stated: Cell) -> Expr:
    """Return what would settle an age: the date of birth, the stated age where only that can be filled, or the day."""
    return sql.cases(
        (born.absent & born.fillable, listed(born.needs)),
        (stated.absent & stated.fillable, listed(stated.needs)),
        (born.absent, listed(born.needs)),
        else_=listed(on.needs),
    )


def _age_gap(on: Cell, *persons: Cell) -> Cell:
    """Return how many years older one person is than another; of each, what `age` reads."""
    older, younger = persons[:_OF_PERSON], persons[_OF_PERSON:]
    both = older[0].known & younger[0].known
    years = whole_years(older[0].value, younger[0].value) * MILLION
    a, b = _age(on, *older), _age(on, *younger)
    gone = a.absent | b.absent
    none = sql.null("int64")
    low = sql.cases((both, years), (gone, none), else_=a.low - b.high - MILLION)
    high = sql.cases((both, years), (gone, none), else_=a.high - b.low + MILLION)
    of_birth = together(*(_birth_need(born, stated) for born, stated, *_ in (older, younger)))
    of_ages = listed(combined((_needs_of_absent(a), _needs_of_absent(b), of_birth)))
    needs = sql.cases((both, no_texts()), (gone, of_ages), else_=of_birth)
    held = (a.known | a.fillable) & (b.known | b.fillable)
    return number(low.cast("int64"), high.cast("int64"), needs=needs, held=held)


def _birth_need(born: Cell, stated: Cell) -> Expr:
    """Return what would give a date of birth: the stated age made exact, or the date itself."""
    needs = listed(born.needs)
    exact = needs.map(lambda need: need.replace(".date_of_birth", ".stated_age@exact"))
    return sql.cases((born.absent & stated.known, exact), (born.absent, needs), else_=no_texts())


_FUNCTIONS: Mapping[str, Callable[..., Cell]] = {
    "years_between": _years_between,
    "days_between": _days_between,
    "hours_between": _hours_between,
    "subtract": _subtract,
    "add": _add,
    "list_of": _list_of,
    "age": _age,
    "age_gap": _age_gap,
}
"""The functions of `derive.FUNCTIONS` that need nothing but their arguments."""
