"""Values computed from other values of one row: the functions of `riskflags.derive`, as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.cells import (
    MANY,
    MILLION,
    Cell,
    Expr,
    every,
    sql,
    length,
    negation,
    no_texts,
    number,
    some,
    surely,
    texts,
    together,
    yes,
)
from riskflags.derive import ADULT
from riskflags.kinds import OLDEST_AGE, KindName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from riskflags.pack import Computed
_HOUR = 3600


def computed(how: Computed, cells: Mapping[str, Cell], kind: KindName) -> Cell:
    """Return the cell of a computed name."""
    return _FUNCTIONS[how.function]([cells[name] for name in how.names], how.codes, kind)


# ---- absence ---------------------------------------------------------------------------------------------------------


def _held(cell: Cell) -> Expr:
    return sql.literal(cell.held) if isinstance(cell.held, bool) else cell.held


def _all_held(cells: Sequence[Cell]) -> Expr:
    """Return whether all that is absent could be filled."""
    open_ones = [cell for cell in cells if not cell.is_known and cell.held is not True]
    return every(cell.known | _held(cell) for cell in open_ones) if open_ones else True


def _any_held(cells: Sequence[Cell]) -> Expr:
    """Return whether any that is absent could be filled."""
    if any(cell.held is True for cell in cells):
        return True
    return some(cell.absent & _held(cell) for cell in cells)


def _needs_of_absent(cell: Cell) -> Expr:
    if cell.needs is None or cell.is_known:
        return None
    return sql.ifelse(cell.absent, cell.needs, no_texts())


def _any_absent(cells: Sequence[Cell]) -> Expr:
    return some(cell.absent for cell in cells)


def _if_present(cells: Sequence[Cell], value: Expr) -> Expr:
    """Return a value where all its arguments are there, NULL elsewhere."""
    open_ones = [cell for cell in cells if not cell.is_known]
    return value if not open_ones else sql.ifelse(_any_absent(open_ones), sql.null(), value)


def _exact(cells: Sequence[Cell], value: Expr) -> Cell:
    """Return an exact number of arguments that must all be there; only what is absent is needed."""
    low = _if_present(cells, value.cast("int64"))
    needs = together(_needs_of_absent(cell) for cell in cells)
    return number(low, low, needs=needs, held=_all_held(cells), is_known=all(cell.is_known for cell in cells))


def _between(cells: Sequence[Cell], low: Expr, high: Expr) -> Cell:
    """Return a number of arguments that must all be there; every inexact one is needed."""
    low, high = _if_present(cells, low.cast("int64")), _if_present(cells, high.cast("int64"))
    needs = together(cell.needs for cell in cells)
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


def _years_between(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    return _exact(cells, whole_years(_day(cells[0]), _day(cells[1])) * MILLION)


def _days_between(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    return _exact(cells, _day(cells[1]).days_since(_day(cells[0])).cast("int64") * MILLION)


def _hours_between(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    start, end = cells
    low, high = _hours(end.low - start.high), _hours(end.high - start.low)
    if start.is_exact and end.is_exact:
        high = low
    return _between(cells, low, high)


def _hours(seconds: Expr) -> Expr:
    """Return seconds as millionths of an hour, rounded down."""
    left = ((seconds % _HOUR) + _HOUR) % _HOUR
    return (seconds - left).over(_HOUR) * MILLION + (left * MILLION).over(_HOUR)


def _subtract(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    a, b = cells
    low, high = a.low - b.high, a.high - b.low
    return _between(cells, low, low if a.is_exact and b.is_exact else high)


def _add(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    a, b = cells
    low, high = a.low + b.low, a.high + b.high
    return _between(cells, low, low if a.is_exact and b.is_exact else high)


def _first_recorded(cells: Sequence[Cell], _codes: frozenset[str] | None, kind: KindName) -> Cell:
    taken = cells[: next((n for n, cell in enumerate(cells, start=1) if cell.is_known), len(cells))]
    parts: dict[str, Expr] = {}
    for part in ("value", "low", "high", "day", "low_day", "high_day", "local"):
        found = [getattr(cell, part) for cell in taken]
        if any(one is None for one in found):
            continue
        same = next((p for p in parts if all(getattr(c, p) is one for c, one in zip(taken, found, strict=True))), None)
        parts[part] = parts[same] if same else (found[0] if len(found) == 1 else sql.coalesce(*found))
    return Cell(
        kind, **parts, needs=_needs_of_first(taken), held=_any_held(taken), is_known=any(c.is_known for c in taken)
    )  # fmt: skip


def _needs_of_first(cells: Sequence[Cell]) -> Expr:
    """Return the needs of the first that is there; where none is, the needs of all."""
    if all(cell.needs is None for cell in cells):
        return None
    cases = [(cell.known, no_texts() if cell.needs is None else cell.needs) for cell in cells]
    if cells[-1].is_known:
        return sql.cases(*cases, else_=no_texts()) if len(cases) > 1 else cases[0][1]
    every_need = together(cell.needs for cell in cells)
    return sql.cases(*cases, else_=no_texts() if every_need is None else every_need)


def _list_of(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    known = [cell for cell in cells if cell.is_known]
    held = together(sql.ifelse(cell.absent, no_texts(), _as_list(cell)) for cell in cells)
    gone = every(cell.absent for cell in cells)
    value = held.unique() if known else sql.ifelse(gone, sql.null("array<string>"), held.unique())
    return Cell(
        "codes", value=value, needs=together(cell.needs for cell in cells), held=_any_held(cells), is_known=bool(known)
    )  # fmt: skip


def _as_list(cell: Cell) -> Expr:
    return cell.value if cell.kind == "codes" else sql.array([cell.value])


def _size(cells: Sequence[Cell], codes: frozenset[str] | None, _kind: KindName) -> Cell:
    (cell,) = cells
    listed = _as_list(cell)
    counted = listed if codes is None else listed.intersect(texts(sorted(codes)))
    low = _if_present(cells, counted.length().cast("int64") * MILLION)
    if cell.needs is None:
        return number(low, low, held=_all_held(cells), is_known=cell.is_known)
    if cell.kind != "codes":
        return number(low, low, needs=_needs_of_absent(cell), held=_all_held(cells), is_known=cell.is_known)
    most = sql.literal((MANY if codes is None else len(codes)) * MILLION, "int64")
    high = sql.ifelse(length(cell.needs) > 0, _if_present(cells, most), low)
    return number(low, high, needs=cell.needs, held=_all_held(cells), is_known=cell.is_known)


def _floor(value: Expr) -> Expr:
    """Return millionths rounded down to a whole number; ages are never negative."""
    return value - value % MILLION


def _age(cells: Sequence[Cell], _codes: frozenset[str] | None, _kind: KindName) -> Cell:
    on, born, stated, youngest, oldest, adult = cells
    by_birth = born.known & on.known
    years = whole_years(born.value, _day(on)) * MILLION
    limit = OLDEST_AGE * MILLION
    least = [sql.literal(0, "int64")]
    least += [sql.ifelse(youngest.known, _floor(youngest.low), 0).cast("int64")]
    least += [sql.ifelse(surely(adult.value == yes()), ADULT * MILLION, 0).cast("int64")]
    most = [sql.literal(limit, "int64")]
    most += [sql.ifelse(oldest.known, _floor(oldest.high), limit).cast("int64")]
    most += [sql.ifelse(surely(negation(adult.value)), (ADULT - 1) * MILLION, limit).cast("int64")]
    low_range, high_range = sql.greatest(*least), sql.least(*most)
    by_age = negation(by_birth) & stated.known
    nothing = ((low_range == 0) & (high_range == limit)) | (low_range > high_range)
    none = sql.null("int64")
    low = sql.cases((by_birth, years), (by_age, _floor(stated.low)), (nothing, none), else_=low_range)
    high = sql.cases((by_birth, years), (by_age, _floor(stated.high)), (nothing, none), else_=high_range)
    settled = by_birth | by_age | (negation(nothing) & (low_range == high_range))
    needs = sql.ifelse(settled, no_texts(), _age_needs(on, born, stated))
    held = (born.absent & _held(born)) | (stated.absent & _held(stated)) | born.known
    return number(low.cast("int64"), high.cast("int64"), needs=needs, held=held)


def _age_needs(on: Cell, born: Cell, stated: Cell) -> Expr:
    """Return what would settle an age: the date of birth, the stated age where only that can be filled, or the day."""
    of_on = no_texts() if on.needs is None else on.needs
    return sql.cases(
        (born.absent & _held(born), born.needs),
        (stated.absent & _held(stated), stated.needs),
        (born.absent, born.needs),
        else_=of_on,
    )


def _age_gap(cells: Sequence[Cell], codes: frozenset[str] | None, kind: KindName) -> Cell:
    on, older, younger = cells[0], cells[1:6], cells[6:11]
    both = older[0].known & younger[0].known
    years = whole_years(older[0].value, younger[0].value) * MILLION
    a, b = _age([on, *older], codes, kind), _age([on, *younger], codes, kind)
    gone = a.absent | b.absent
    none = sql.null("int64")
    low = sql.cases((both, years), (gone, none), else_=a.low - b.high - MILLION)
    high = sql.cases((both, years), (gone, none), else_=a.high - b.low + MILLION)
    of_birth = together((_birth_need(older), _birth_need(younger)))
    of_ages = together((_needs_of_absent(a), _needs_of_absent(b), of_birth))
    needs = sql.cases((both, no_texts()), (gone, of_ages), else_=of_birth)
    held = (a.known | a.held) & (b.known | b.held)
    return number(low.cast("int64"), high.cast("int64"), needs=needs, held=held)


def _birth_need(person: Sequence[Cell]) -> Expr:
    """Return what would give a date of birth: the stated age made exact, or the date itself."""
    born, stated = person[0], person[1]
    exact = born.needs.map(lambda need: need.replace(".date_of_birth", ".stated_age@exact"))
    return sql.cases((born.absent & stated.known, exact), (born.absent, born.needs), else_=no_texts())


_FUNCTIONS: Mapping[str, Callable[[Sequence[Cell], frozenset[str] | None, KindName], Cell]] = {
    "years_between": _years_between,
    "days_between": _days_between,
    "hours_between": _hours_between,
    "subtract": _subtract,
    "add": _add,
    "first_recorded": _first_recorded,
    "list_of": _list_of,
    "size": _size,
    "age": _age,
    "age_gap": _age_gap,
}
"""The functions of `derive.FUNCTIONS`, over columns."""

