"""Expressions over columns, written as SQL of DuckDB, and on demand as SQL of Spark.

An expression is text, with the relations that it reads; used where it cannot be read it is an error, never another
column. The functions have the names that dataframe libraries give them. Where Spark spells one otherwise, its spelling
stands beside that of DuckDB, and a table of values with NULLs holds the two to one answer.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Plain = bool | int | str | date
"""What a literal can be, or a list of."""
Part = Union["Expr", Plain]
"""What an expression is made of: expressions, and values that are the same in every row."""

Dialect = Literal["duckdb", "spark"]

_TYPES = {
    "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "int8": "TINYINT", "boolean": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP", "array<string>": "VARCHAR[]", "array<array<string>>": "VARCHAR[][]",
}  # fmt: skip
_SPARK_TYPES = {
    "string": "STRING", "int64": "BIGINT", "int32": "INT", "int8": "TINYINT", "boolean": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP", "array<string>": "ARRAY<STRING>", "array<array<string>>": "ARRAY<ARRAY<STRING>>",
}  # fmt: skip


class Expr:
    """A value of every row, or an aggregate. Compared with ==, it is an expression again.

    `text` is what DuckDB reads. What Spark reads is put together when it is asked for: `spark` has a place for each
    of the parts; without parts it is the text itself.
    """

    __slots__ = ("parts", "reads", "spark", "text")
    __hash__ = None  # type: ignore[assignment] # == is not equality

    def __init__(self, text: str, reads: frozenset[str], *, spark: str = "", parts: Sequence[Expr] = ()) -> None:
        self.text = text
        self.reads = reads
        self.spark = spark or text
        self.parts = parts

    def written(self, dialect: Dialect) -> str:
        """Return the expression as a database reads it."""
        if dialect == "duckdb":
            return self.text
        return self.spark.format(*(one.written(dialect) for one in self.parts)) if self.parts else self.spark

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
        return call("({} // {})", self, divisor, spark="({} DIV {})")

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
        return call(f"CAST({{}} AS {_TYPES[kind]})", self, spark=f"CAST({{}} AS {_SPARK_TYPES[kind]})")

    # ---- text and days -----------------------------------------------------------------------------------------------

    def concat(self, *others: Part) -> Expr:
        """Return texts as one; NULL where any is."""
        return call("(" + " || ".join("{}" for _ in range(len(others) + 1)) + ")", self, *others)

    def startswith(self, start: Part) -> Expr:
        """Return whether text begins with another."""
        return call("STARTS_WITH({}, {})", self, start, spark="STARTSWITH({}, {})")

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
        return call("RTRIM({}, {})", self, character, spark="TRIM(TRAILING {1} FROM {0})")

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
        return call("DATE_DIFF('day', {}, {})", start, self, spark="DATEDIFF({1}, {0})")

    def moved(self, *, days: Part = 0, months: int = 0) -> Expr:
        """Return the day that is some days or months later; a 31st falls on the last day of the month."""
        if months:
            return call("CAST({} + INTERVAL ({}) MONTH AS DATE)", self, months, spark="ADD_MONTHS({}, {})")
        return call("CAST({} + INTERVAL ({}) DAY AS DATE)", self, days, spark="DATE_ADD({}, {})")

    # ---- lists -------------------------------------------------------------------------------------------------------

    def contains(self, value: Part) -> Expr:
        """Return whether a list holds a value."""
        return call("LIST_CONTAINS({}, {})", self, value, spark="ARRAY_CONTAINS(ARRAY_COMPACT({}), {})")

    def length(self) -> Expr:
        """Return how long a list is."""
        return call("LEN({})", self, spark="ARRAY_SIZE({})")

    def intersect(self, other: Expr) -> Expr:
        """Return what two lists share, each once; nothing with an other that is NULL."""
        return call(
            "LIST_INTERSECT({}, {})", self, other, spark="ARRAY_COMPACT(ARRAY_INTERSECT({}, COALESCE({}, ARRAY())))"
        )

    def unique(self) -> Expr:
        """Return a list with each value once, in any order."""
        return call("LIST_DISTINCT({})", self, spark="ARRAY_COMPACT(ARRAY_DISTINCT({}))")

    def sort(self) -> Expr:
        """Return a list in order."""
        return call("LIST_SORT({})", self, spark="ARRAY_SORT({})")

    def join(self, separator: str) -> Expr:
        """Return a list as one text."""
        return call("ARRAY_TO_STRING({}, {})", self, separator, spark="ARRAY_JOIN({}, {})")

    def flatten(self) -> Expr:
        """Return a list of lists as one list."""
        return call("FLATTEN({})", self, spark="FLATTEN(ARRAY_COMPACT({}))")

    def unnest(self) -> Expr:
        """Return a row for each value of a list; no row for an empty one."""
        return call("UNNEST({})", self, spark="EXPLODE({})")

    def map(self, change: Callable[[Expr], Expr]) -> Expr:
        """Return a list with each value changed."""
        body = change(Expr("one", frozenset()))
        return call("LIST_TRANSFORM({}, LAMBDA one : {})", self, body, spark="TRANSFORM({}, one -> {})")

    def filter(self, keep: Callable[[Expr], Expr]) -> Expr:
        """Return the values of a list that meet a condition."""
        body = keep(Expr("one", frozenset()))
        return call("LIST_FILTER({}, LAMBDA one : {})", self, body, spark="FILTER({}, one -> {})")

    def field(self, name: str) -> Expr:
        """Return a part of a struct."""
        return call("STRUCT_EXTRACT({}, {})", self, name, spark=f"({{}}).{in_place(name)}")

    # ---- aggregates --------------------------------------------------------------------------------------------------

    def count_true(self) -> Expr:
        """Return in how many rows it holds."""
        return call("COUNT(*) FILTER (WHERE {})", self)

    def sum(self, where: Expr | None = None) -> Expr:
        """Return the sum of whole numbers."""
        return _filtered(call("SUM({})", self), where).cast("int64")

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
        made = call(
            "LIST(DISTINCT {})" if distinct else "LIST({})", self,
            spark="COLLECT_SET({})" if distinct else "COLLECT_LIST({})",
        )  # fmt: skip
        # Spark gives an empty list of no rows; asked twice for the same list, it would collect it twice
        return call("{}", _filtered(made, there), spark="GET(FILTER(ARRAY({}), one -> ARRAY_SIZE(one) > 0), 0)")

    def first(self, where: Expr | None = None, order_by: Sequence[Expr] = ()) -> Expr:
        """Return the value of the first row in an order."""
        if not order_by:
            return _filtered(call("FIRST({})", self), where)
        places = range(1, len(order_by) + 1)
        listed = ", ".join(f"{{{place}}}" for place in places)
        last = ", ".join(f"{{{place}}} IS NULL, {{{place}}}" for place in places)  # Spark puts NULL first
        made = call(f"FIRST({{0}} ORDER BY {listed})", self, *order_by, spark=f"MIN_BY({{0}}, STRUCT({last}))")
        return _filtered(made, where)

    def at_least(self, other: Expr) -> Expr:
        """Return the value of the row in which another is least."""
        return call("ARG_MIN({}, {})", self, other, spark="MIN_BY({0}, {1}) FILTER (WHERE {0} IS NOT NULL)")

    def desc(self) -> Expr:
        """Return a number as an order from the greatest down, for `first`."""
        return call("{} DESC", self, spark="(-{})")

    def least_before(self, group: Sequence[Expr], order: Expr) -> Expr:
        """Return the least value of the rows of a group that come before each row."""
        by = ", ".join("{}" for _ in group)
        rows = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        text = f"MIN({{}}) OVER (PARTITION BY {by} ORDER BY {{}} NULLS LAST {rows})"
        return call(text, self, *group, order)


def _filtered(aggregate: Expr, where: Expr | None) -> Expr:
    return aggregate if where is None else call("{} FILTER (WHERE {})", aggregate, where)


def _binary(left: Expr, sign: str, right: Part) -> Expr:
    return call(f"({{}} {sign} {{}})", left, right)


def call(text: str, *parts: Part, spark: str = "") -> Expr:
    """Return an expression of a text with a place for each part, as DuckDB spells it, and Spark where it differs."""
    made = [expression(one) for one in parts]
    reads = frozenset[str]().union(*(one.reads for one in made))
    return Expr(text.format(*(one.text for one in made)), reads, spark=spark or text, parts=made)


def expression(part: Part) -> Expr:
    """Return a part as an expression: a value that is the same in every row becomes a literal."""
    return part if isinstance(part, Expr) else literal(part)


def literal(value: Plain | Sequence[str], kind: str = "") -> Expr:
    """Return a value that is the same in every row, of a type where it is given."""
    text, spark = _literal(value), _spark_literal(value)
    if kind in ("", "string", "boolean"):
        return Expr(text, frozenset(), spark=spark)
    return Expr(f"CAST({text} AS {_TYPES[kind]})", frozenset(), spark=f"CAST({spark} AS {_SPARK_TYPES[kind]})")


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


def _spark_literal(value: Plain | Sequence[str]) -> str:
    match value:
        case bool() | int() | date():
            return _literal(value)
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case _:
            return "ARRAY(" + ", ".join(map(_spark_literal, value)) + ")"


def null(kind: str = "") -> Expr:
    """Return no value, of a type where it is given."""
    if not kind:
        return Expr("NULL", frozenset())
    return Expr(f"CAST(NULL AS {_TYPES[kind]})", frozenset(), spark=f"CAST(NULL AS {_SPARK_TYPES[kind]})")


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
    text = name + "(" + ", ".join("{}" for _ in values) + ")"
    return call(text, *values, spark="{}" if len(values) == 1 else text)  # Spark refuses the greatest of one


def array(values: Sequence[Expr]) -> Expr:
    """Return values as a list."""
    places = ", ".join("{}" for _ in values)
    return call(f"[{places}]", *values, spark=f"ARRAY({places})")


def struct(parts: Mapping[str, Expr]) -> Expr:
    """Return values as one, by name."""
    text = "STRUCT_PACK(" + ", ".join(f"{name} := {{}}" for name in parts) + ")"
    return call(text, *parts.values(), spark="STRUCT(" + ", ".join(f"{{}} AS {name}" for name in parts) + ")")


def row_number() -> Expr:
    """Return a number for each row, in any order."""
    return Expr("ROW_NUMBER() OVER ()", frozenset(), spark="MONOTONICALLY_INCREASING_ID()")


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def in_place(name: str) -> str:
    """Return a name as SQL writes it, for a text in which braces are places."""
    return quoted(name).replace("{", "{{").replace("}", "}}")
