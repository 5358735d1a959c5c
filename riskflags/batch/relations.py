"""Rows with named columns, as SQL of DuckDB: each relation is written once, as a CTE of the statement that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from riskflags.batch.sql import Expr, expression, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.batch.sql import Part

_NUMBERS = count()  # a relation's name is new; nothing else is read of it


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """Rows with named columns: a table that is there, or a query over other relations."""

    name: str
    columns: tuple[str, ...]
    query: str
    parents: tuple[Relation, ...] = ()

    def __getitem__(self, column: str) -> Expr:
        if column not in self.columns:
            msg = f"no column {column!r}; there are {', '.join(self.columns)}"
            raise KeyError(msg)
        return Expr(f"{self.name}.{quoted(column)}", frozenset({self.name}))

    def select(self, *columns: str, **more: Part) -> Relation:
        """Return some columns, and expressions under new names."""
        return _query(self, {name: self[name] for name in columns} | _expressions(more))

    def mutate(self, **more: Part) -> Relation:
        """Return every column with more; one of the same name is replaced."""
        found = _expressions(more)
        kept = tuple(name for name in self.columns if name not in found)
        listed = [_every(self, without=[name for name in self.columns if name in found]), _listed(found, (self,))]
        return _relation((*kept, *found), f"SELECT {', '.join(filter(None, listed))} FROM {self.name}", (self,))

    def filter(self, condition: Expr) -> Relation:
        """Return the rows in which a condition holds."""
        return _relation(self.columns, f"SELECT * FROM {self.name} WHERE {_readable(condition, (self,))}", (self,))

    def drop(self, *names: str) -> Relation:
        """Return the other columns."""
        return self.select(*(name for name in self.columns if name not in names))

    def rename(self, names: Mapping[str, str]) -> Relation:
        """Return the columns with some renamed: new name -> old one."""
        if not names:
            return self
        new = {old: name for name, old in names.items()}
        listed = ", ".join(f"{quoted(old)} AS {quoted(name)}" for old, name in new.items())
        columns = tuple(new.get(name, name) for name in self.columns)
        return _relation(columns, f"SELECT * RENAME ({listed}) FROM {self.name}", (self,))

    def distinct(self) -> Relation:
        """Return each row once."""
        return _relation(self.columns, f"SELECT DISTINCT * FROM {self.name}", (self,))

    def count(self, where: Expr | None = None) -> Expr:
        """Return how many rows there are, in which a condition holds."""
        return Expr("COUNT(*)", frozenset({self.name})) if where is None else where.count_true()

    def aggregate(self, by: Sequence[str], /, **found: Expr) -> Relation:
        """Return one row for each group: what it is grouped by, and the aggregates."""
        groups = {name: self[name] for name in by}
        return _query(self, groups | found, tail=" GROUP BY " + ", ".join(one.text for one in groups.values()))

    def join(self, other: Relation, *on: str | Expr) -> Relation:
        """Return the pairs of rows that meet every condition, or agree in a column, which is then there once.

        ValueError where both have any other column of one name.
        """
        return _joined("JOIN", self, other, on)

    def left_join(self, other: Relation, *on: str | Expr) -> Relation:
        """Return every row, with those of another that meet the conditions, as for `join`."""
        return _joined("LEFT JOIN", self, other, on)

    def semi_join(self, other: Relation, *on: str | Expr) -> Relation:
        """Return the rows for which there is one of another."""
        return _beside("SEMI JOIN", self, other, on, columns=self.columns, listed=_every(self))

    def anti_join(self, other: Relation, *on: str | Expr) -> Relation:
        """Return the rows for which there is none of another."""
        return _beside("ANTI JOIN", self, other, on, columns=self.columns, listed=_every(self))

    def sql(self) -> str:
        """Return the statement that gives the rows."""
        order: dict[str, Relation] = {}

        def visit(one: Relation) -> None:
            if one.name not in order:
                for parent in one.parents:
                    visit(parent)
                order[one.name] = one

        visit(self)
        *before, last = order.values()
        listed = ", ".join(f"{one.name} AS ({one.query})" for one in before)
        return f"WITH {listed} {last.query}" if before else last.query


def table(name: str, columns: Iterable[str]) -> Relation:
    """Return a table that is there, by some of its columns."""
    found = tuple(columns)
    return _relation(found, f"SELECT {', '.join(map(quoted, found))} FROM {quoted(name)}", ())


def union(*rows: Relation) -> Relation:
    """Return the rows of all, by the columns of the first."""
    first, *others = rows
    if not others:
        return first
    parts = [f"SELECT {', '.join(one[name].text for name in first.columns)} FROM {one.name}" for one in rows]
    return _relation(first.columns, " UNION ALL ".join(parts), rows)


def _every(rows: Relation, *, without: Sequence[str] = ()) -> str:
    """Return all columns but some, as SQL lists them in short."""
    if len(without) == len(rows.columns):
        return ""
    return f"{rows.name}.*" + (f" EXCLUDE ({', '.join(map(quoted, without))})" if without else "")


def _expressions(parts: Mapping[str, Part]) -> dict[str, Expr]:
    return {name: expression(one) for name, one in parts.items()}


def _relation(columns: Iterable[str], query: str, parents: tuple[Relation, ...]) -> Relation:
    return Relation(f"t{next(_NUMBERS)}", tuple(columns), query, parents)


def _query(rows: Relation, found: Mapping[str, Expr], *, tail: str = "") -> Relation:
    return _relation(found, f"SELECT {_listed(found, (rows,))} FROM {rows.name}{tail}", (rows,))


def _joined(how: str, one: Relation, other: Relation, on: Sequence[str | Expr]) -> Relation:
    shared = [name for name in on if isinstance(name, str)]
    others = [name for name in other.columns if name not in shared]
    if twice := set(one.columns) & set(others):
        msg = f"both sides have {', '.join(sorted(twice))}: rename one"
        raise ValueError(msg)
    listed = ", ".join(filter(None, (_every(one), _every(other, without=shared))))
    return _beside(how, one, other, on, columns=(*one.columns, *others), listed=listed)


def _beside(
    how: str, one: Relation, other: Relation, on: Sequence[str | Expr], *, columns: tuple[str, ...], listed: str
) -> Relation:
    conditions = " AND ".join(
        _readable(one[key] == other[key] if isinstance(key, str) else key, (one, other)) for key in on
    )
    return _relation(columns, f"SELECT {listed} FROM {one.name} {how} {other.name} ON {conditions}", (one, other))


def _listed(found: Mapping[str, Expr], scope: tuple[Relation, ...]) -> str:
    return ", ".join(f"{_readable(one, scope)} AS {quoted(name)}" for name, one in found.items())


def _readable(one: Expr, scope: tuple[Relation, ...]) -> str:
    if unknown := one.reads - {relation.name for relation in scope}:
        msg = f"{one.text[:200]} reads {', '.join(sorted(unknown))}, which is not in {[r.name for r in scope]}"
        raise ValueError(msg)
    return one.text
