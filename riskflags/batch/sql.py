"""Expressions over columns, written as SQL of DuckDB.

An expression is text, with the relations that it reads; used where it cannot be read it is an error, never another
column. The functions have the names that dataframe libraries give them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Plain = bool | int | str | date
"""What a literal can be, or a list of."""
Part = Union["Expr", Plain]
"""What an expression is made of: expressions, and values that are the same in every row."""

_TYPES = {
    "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "int8": "TINYINT", "boolean": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP", "array<string>": "VARCHAR[]", "array<array<string>>": "VARCHAR[][]",
}  # fmt: skip


class Expr:
    """A value of every row, or an aggregate. Compared with ==, it is an expression again."""

    __slots__ = ("reads", "text")
    __hash__ = None  # type: ignore[assignment] # == is not equality

    def __init__(self, text: str, reads: frozenset[str]) -> None:
        self.text = text
        self.reads = reads

    def __bool__(self) -> bool:
        msg = "an expression has no truth value: use decided, every or some"
        raise TypeError(msg)

    # ---- comparisons and arithmetic ----------------------------------------------------------------------------------

    def __eq__(self, other: Part) -> Expr:  # type: ignore[override]
        return _binary(self, "=", other)

    def __ne__(self, other: Part) -> Expr:  # type: ignore[override]
        return _binary(self, "<>", other)

    def __lt__(self, other: Part) -> Expr:
        return _binary(self, "<", other)

    def __le__(self, other: Part) -> Expr:
        return _binary(self, "<=", other)

    def __gt__(self, other: Part) -> Expr:
        return _binary(self, ">", other)

    def __ge__(self, other: Part) -> Expr:
        return _binary(self, ">=", other)

    def __and__(self, other: Part) -> Expr:
        return _binary(self, "AND", other)

    def __or__(self, other: Part) -> Expr:
        return _binary(self, "OR", other)

    def __invert__(self) -> Expr:
        return call("(NOT {})", self)

    def __add__(self, other: Part) -> Expr:
        return _binary(self, "+", other)

    def __sub__(self, other: Part) -> Expr:
        return _binary(self, "-", other)

    def __mul__(self, other: Part) -> Expr:
        return _binary(self, "*", other)

    def __mod__(self, other: Part) -> Expr:
        return _binary(self, "%", other)

    def __neg__(self) -> Expr:
        return call("(-{})", self)

    def over(self, divisor: int) -> Expr:
        """Return a whole number divided by one, without what is left over."""
        return call("({} // {})", self, divisor)

    def abs(self) -> Expr:
        """Return how far a number is from 0."""
        return call("ABS({})", self)

    def notnull(self) -> Expr:
        """Return whether there is a value."""
        return call("({} IS NOT NULL)", self)

    def isnull(self) -> Expr:
        """Return whether there is none."""
        return call("({} IS NULL)", self)

    def fill_null(self, other: Part) -> Expr:
        """Return the value, or another where there is none."""
        return call("COALESCE({}, {})", self, other)

    def isin(self, values: Iterable[Part]) -> Expr:
        """Return whether the value is one of some; never where there are none."""
        found = list(values)
        if not found:
            return literal(value=False)
        return call("({} IN (" + ", ".join("{}" for _ in found) + "))", self, *found)

    def cast(self, kind: str) -> Expr:
        """Return the value as another type."""
        return call(f"CAST({{}} AS {_TYPES[kind]})", self)

    # ---- text and days -----------------------------------------------------------------------------------------------

    def concat(self, *others: Part) -> Expr:
        """Return texts as one; NULL where any is."""
        return call("(" + " || ".join("{}" for _ in range(len(others) + 1)) + ")", self, *others)

    def startswith(self, start: Part) -> Expr:
        """Return whether text begins with another."""
        return call("STARTS_WITH({}, {})", self, start)

    def has_text(self, part: str) -> Expr:
        """Return whether text holds another."""
        return call("CONTAINS({}, {})", self, part)

    def substr(self, start: int, length: int | None = None) -> Expr:
        """Return text from a place on, counted from 0."""
        if length is None:
            return call("SUBSTRING({}, {})", self, start + 1)
        return call("SUBSTRING({}, {}, {})", self, start + 1, length)

    def replace(self, old: str, new: str) -> Expr:
        """Return text with a part replaced wherever it stands."""
        return call("REPLACE({}, {}, {})", self, old, new)

    def trimmed_right(self, character: str) -> Expr:
        """Return text without a character at its end."""
        return call("RTRIM({}, {})", self, character)

    def lpad(self, length: int, character: str) -> Expr:
        """Return text filled up from the left."""
        return call("LPAD({}, {}, {})", self, length, character)

    def year(self) -> Expr:
        """Return the year of a day."""
        return call("YEAR({})", self)

    def month(self) -> Expr:
        """Return the month of a day."""
        return call("MONTH({})", self)

    def day(self) -> Expr:
        """Return the day of the month."""
        return call("DAY({})", self)

    def days_since(self, start: Expr) -> Expr:
        """Return the days from another day to this one."""
        return call("DATE_DIFF('day', {}, {})", start, self)

    def moved(self, *, days: int = 0, months: int = 0) -> Expr:
        """Return the day that is some days or months later; a 31st falls on the last day of the month."""
        unit, amount = ("MONTH", months) if months else ("DAY", days)
        return call(f"CAST({{}} + INTERVAL ({{}}) {unit} AS DATE)", self, amount)

    # ---- lists -------------------------------------------------------------------------------------------------------

    def contains(self, value: Part) -> Expr:
        """Return whether a list holds a value."""
        return call("LIST_CONTAINS({}, {})", self, value)

    def length(self) -> Expr:
        """Return how long a list is."""
        return call("LEN({})", self)

    def intersect(self, other: Expr) -> Expr:
        """Return what two lists share, each once."""
        return call("LIST_INTERSECT({}, {})", self, other)

    def unique(self) -> Expr:
        """Return a list with each value once, in any order."""
        return call("LIST_DISTINCT({})", self)

    def sort(self) -> Expr:
        """Return a list in order."""
        return call("LIST_SORT({})", self)

    def join(self, separator: str) -> Expr:
        """Return a list as one text."""
        return call("ARRAY_TO_STRING({}, {})", self, separator)

    def flatten(self) -> Expr:
        """Return a list of lists as one list."""
        return call("FLATTEN({})", self)

    def unnest(self) -> Expr:
        """Return a row for each value of a list; no row for an empty one."""
        return call("UNNEST({})", self)

    def map(self, change: Callable[[Expr], Expr]) -> Expr:
        """Return a list with each value changed."""
        body = change(Expr("one", frozenset()))
        return Expr(f"LIST_TRANSFORM({self.text}, LAMBDA one : {body.text})", self.reads | body.reads)

    def filter(self, keep: Callable[[Expr], Expr]) -> Expr:
        """Return the values of a list that meet a condition."""
        body = keep(Expr("one", frozenset()))
        return Expr(f"LIST_FILTER({self.text}, LAMBDA one : {body.text})", self.reads | body.reads)

    def field(self, name: str) -> Expr:
        """Return a part of a struct."""
        return call("STRUCT_EXTRACT({}, {})", self, name)

    # ---- aggregates --------------------------------------------------------------------------------------------------

    def count_true(self) -> Expr:
        """Return in how many rows it holds."""
        return call("COUNT(*) FILTER (WHERE {})", self)

    def sum(self, where: Expr | None = None) -> Expr:
        """Return the sum of whole numbers."""
        return call("CAST({} AS BIGINT)", _filtered(call("SUM({})", self), where))

    def min(self, where: Expr | None = None) -> Expr:
        """Return the least value."""
        return _filtered(call("MIN({})", self), where)

    def max(self) -> Expr:
        """Return the greatest value."""
        return call("MAX({})", self)

    def any(self) -> Expr:
        """Return whether it holds in any row."""
        return call("BOOL_OR({})", self)

    def all(self) -> Expr:
        """Return whether it holds in every row."""
        return call("BOOL_AND({})", self)

    def collect(self, where: Expr | None = None, *, distinct: bool = False) -> Expr:
        """Return the values as a list; NULL where there are none."""
        there = self.notnull() if where is None else self.notnull() & where
        return _filtered(call("LIST(DISTINCT {})" if distinct else "LIST({})", self), there)

    def first(self, where: Expr | None = None, order_by: Sequence[Expr] = ()) -> Expr:
        """Return the value of the first row in an order."""
        order = (" ORDER BY " + ", ".join("{}" for _ in order_by)) if order_by else ""
        return _filtered(call("FIRST({}" + order + ")", self, *order_by), where)

    def at_least(self, other: Expr, where: Expr | None = None) -> Expr:
        """Return the value of the row in which another is least."""
        return _filtered(call("ARG_MIN({}, {})", self, other), where)

    def desc(self) -> Expr:
        """Return it as an order from the greatest down."""
        return call("{} DESC", self)

    def least_before(self, group: Sequence[Expr], order: Expr) -> Expr:
        """Return the least value of the rows of a group that come before each row."""
        by = ", ".join("{}" for _ in group)
        text = "MIN({}) OVER (PARTITION BY " + by + " ORDER BY {} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        return call(text, self, *group, order)


def _filtered(aggregate: Expr, where: Expr | None) -> Expr:
    return aggregate if where is None else call("{} FILTER (WHERE {})", aggregate, where)


def _binary(left: Expr, sign: str, right: Part) -> Expr:
    return call(f"({{}} {sign} {{}})", left, right)


def call(text: str, *parts: Part) -> Expr:
    """Return an expression of a text with a place for each part."""
    made = [expression(one) for one in parts]
    return Expr(text.format(*(one.text for one in made)), frozenset[str]().union(*(one.reads for one in made)))


def expression(part: Part) -> Expr:
    """Return a part as an expression: a value that is the same in every row becomes a literal."""
    return part if isinstance(part, Expr) else literal(part)


def literal(value: Plain | Sequence[str], kind: str = "") -> Expr:
    """Return a value that is the same in every row, of a type where it is given."""
    text = _literal(value)
    return Expr(text if kind in ("", "string", "boolean") else f"CAST({text} AS {_TYPES[kind]})", frozenset())


def _literal(value: Plain | Sequence[str]) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            return "[" + ", ".join(_literal(one) for one in value) + "]"


def null(kind: str = "") -> Expr:
    """Return no value, of a type where it is given."""
    return Expr(f"CAST(NULL AS {_TYPES[kind]})" if kind else "NULL", frozenset())


def ifelse(condition: Expr, yes: Part, no: Part) -> Expr:
    """Return one value where a condition holds, another elsewhere."""
    return call("CASE WHEN {} THEN {} ELSE {} END", condition, yes, no)


def cases(*found: tuple[Expr, Part], else_: Part) -> Expr:
    """Return the value of the first condition that holds."""
    if not found:
        return expression(else_)
    text = "CASE" + " WHEN {} THEN {}" * len(found) + " ELSE {} END"
    return call(text, *(part for pair in found for part in pair), else_)


def coalesce(*values: Expr) -> Expr:
    """Return the first value that is there."""
    return _listed("COALESCE", values)


def greatest(*values: Expr) -> Expr:
    """Return the greatest of the values that are there."""
    return _listed("GREATEST", values)


def least(*values: Expr) -> Expr:
    """Return the least of the values that are there."""
    return _listed("LEAST", values)


def _listed(name: str, values: Sequence[Expr]) -> Expr:
    return call(name + "(" + ", ".join("{}" for _ in values) + ")", *values)


def array(values: Sequence[Expr]) -> Expr:
    """Return values as a list."""
    return call("[" + ", ".join("{}" for _ in values) + "]", *values)


def struct(parts: Mapping[str, Expr]) -> Expr:
    """Return values as one, by name."""
    return call("STRUCT_PACK(" + ", ".join(f"{name} := {{}}" for name in parts) + ")", *parts.values())


def row_number() -> Expr:
    """Return a number for each row, in any order."""
    return Expr("ROW_NUMBER() OVER ()", frozenset())


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
