"""Rows with named columns, as SQL: each relation is written once, as a CTE of the statement that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from riskflags.batch.sql import Expr, call, expression, in_place, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from riskflags.batch.sql import Dialect, Part

_NUMBERS = count()  # a relation's name is new; nothing else is read of it


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """Rows with named columns: a table that is there, or a query over other relations."""

    name: str
    columns: tuple[str, ...]
    query: Expr
    parents: tuple[Relation, ...] = ()
    stored: str = ""
    """The name of the table that it reads, of one that is there."""

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
        every = _every(self, without=[name for name in self.columns if name in found])
        return _relation((*kept, *found), _select([*every, *_listed(found, (self,))], f" FROM {self.name}"), (self,))

    def filter(self, condition: Expr) -> Relation:
        """Return the rows in which a condition holds."""
        query = call(f"SELECT * FROM {self.name} WHERE {{}}", _readable(condition, (self,)))
        return _relation(self.columns, query, (self,))

    def drop(self, *names: str) -> Relation:
        """Return the other columns."""
        return self.select(*(name for name in self.columns if name not in names))

    def rename(self, names: Mapping[str, str]) -> Relation:
        """Return the columns with some renamed: new name -> old one."""
        if not names:
            return self
        new = {old: name for name, old in names.items()}
        listed = ", ".join(f"{quoted(old)} AS {quoted(name)}" for old, name in new.items())
        every = ", ".join(f"{quoted(name)} AS {quoted(new.get(name, name))}" for name in self.columns)
        columns = tuple(new.get(name, name) for name in self.columns)
        query = _plain(f"SELECT * RENAME ({listed}) FROM {self.name}", spark=f"SELECT {every} FROM {self.name}")
        return _relation(columns, query, (self,))

    def distinct(self) -> Relation:
        """Return each row once."""
        return _relation(self.columns, _plain(f"SELECT DISTINCT * FROM {self.name}"), (self,))

    def count(self, where: Expr | None = None) -> Expr:
        """Return how many rows there are, in which a condition holds."""
        return Expr("COUNT(*)", frozenset({self.name})) if where is None else where.count_true()

    def aggregate(self, by: Sequence[str], /, **found: Expr) -> Relation:
        """Return one row for each group: what it is grouped by, and the aggregates; one row where it is by nothing."""
        groups = {name: self[name] for name in by}
        listed = _listed(groups | found, (self,))
        tail = f" FROM {self.name}" + (f" GROUP BY {', '.join('{}' for _ in groups)}" if groups else "")
        return _relation((*groups, *found), _select(listed, tail, *groups.values()), (self,))

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

    def sql(self, dialect: Dialect = "duckdb") -> str:
        """Return the statement that gives the rows."""
        *before, last = self._lineage()
        listed = ", ".join(f"{one.name} AS ({one.query.written(dialect)})" for one in before)
        return f"WITH {listed} {last.query.written(dialect)}" if before else last.query.written(dialect)

    def tables(self) -> Iterator[str]:
        """Yield the names of the tables that it reads."""
        yield from (one.stored for one in self._lineage() if one.stored)

    def _lineage(self) -> Iterable[Relation]:
        """Return all that it is made of, each after what it reads, and itself last."""
        order: dict[str, Relation] = {}

        def visit(one: Relation) -> None:
            if one.name not in order:
                for parent in one.parents:
                    visit(parent)
                order[one.name] = one

        visit(self)
        return order.values()


def table(name: str, columns: Iterable[str]) -> Relation:
    """Return a table that is there, by some of its columns."""
    found = tuple(columns)
    query = _plain(f"SELECT {', '.join(map(quoted, found))} FROM {quoted(name)}")
    return Relation(f"t{next(_NUMBERS)}", found, query, stored=name)


def union(*rows: Relation) -> Relation:
    """Return the rows of all, by the columns of the first."""
    first, *others = rows
    if not others:
        return first
    parts = [f"SELECT {', '.join(one[name].text for name in first.columns)} FROM {one.name}" for one in rows]
    return _relation(first.columns, _plain(" UNION ALL ".join(parts)), rows)


def _plain(text: str, *, spark: str = "") -> Expr:
    """Return a query that is made of no expressions."""
    return Expr(text, frozenset(), spark=spark)


def _select(listed: Sequence[Expr], tail: str, *more: Expr) -> Expr:
    """Return a query of expressions; `tail` has a place for each of some more."""
    return call(f"SELECT {', '.join('{}' for _ in listed)}{tail}", *listed, *more)


def _every(rows: Relation, *, without: Sequence[str] = ()) -> list[Expr]:
    """Return all columns but some, as SQL lists them in short."""
    if len(without) == len(rows.columns):
        return []
    if not without:
        return [_plain(f"{rows.name}.*")]
    but = ", ".join(map(quoted, without))
    return [_plain(f"{rows.name}.* EXCLUDE ({but})", spark=f"{rows.name}.* EXCEPT ({but})")]


def _expressions(parts: Mapping[str, Part]) -> dict[str, Expr]:
    return {name: expression(one) for name, one in parts.items()}


def _relation(columns: Iterable[str], query: Expr, parents: tuple[Relation, ...]) -> Relation:
    return Relation(f"t{next(_NUMBERS)}", tuple(columns), query, parents)


def _query(rows: Relation, found: Mapping[str, Expr]) -> Relation:
    return _relation(found, _select(_listed(found, (rows,)), f" FROM {rows.name}"), (rows,))


def _joined(how: str, one: Relation, other: Relation, on: Sequence[str | Expr]) -> Relation:
    shared = [name for name in on if isinstance(name, str)]
    others = [name for name in other.columns if name not in shared]
    if twice := set(one.columns) & set(others):
        msg = f"both sides have {', '.join(sorted(twice))}: rename one"
        raise ValueError(msg)
    listed = [*_every(one), *_every(other, without=shared)]
    return _beside(how, one, other, on, columns=(*one.columns, *others), listed=listed)


def _beside(
    how: str, one: Relation, other: Relation, on: Sequence[str | Expr], *, columns: tuple[str, ...],
    listed: Sequence[Expr],
) -> Relation:  # fmt: skip
    conditions = [_readable(one[key] == other[key] if isinstance(key, str) else key, (one, other)) for key in on]
    tail = f" FROM {one.name} {how} {other.name} ON {' AND '.join('{}' for _ in conditions)}"
    return _relation(columns, _select(listed, tail, *conditions), (one, other))


def _listed(found: Mapping[str, Expr], scope: tuple[Relation, ...]) -> list[Expr]:
    return [call(f"{{}} AS {in_place(name)}", _readable(one, scope)) for name, one in found.items()]


def _readable(one: Expr, scope: tuple[Relation, ...]) -> Expr:
    if unknown := one.reads - {relation.name for relation in scope}:
        msg = f"{one.text[:200]} reads {', '.join(sorted(unknown))}, which is not in {[r.name for r in scope]}"
        raise ValueError(msg)
    return one
