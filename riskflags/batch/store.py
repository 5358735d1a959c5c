"""Where the tables of a batch stand: a database of DuckDB in the process, in memory or in a folder that is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riskflags.batch.cells import Expr, ibis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskflags.batch.facts import Schema


class Store:
    """Tables by name, each made by one statement."""

    def __init__(self, path: str = ":memory:", **settings: Any) -> None:
        self._con: Any = ibis.duckdb.connect(path, **settings)
        self._schemas: dict[str, Schema] = {}

    def take(self, name: str, table: Any, schema: Schema) -> None:
        """Make a table of an Arrow table."""
        self._con.create_table(name, ibis.memtable(table, schema=schema))
        self._schemas[name] = schema

    def make(self, name: str, expression: Expr) -> None:
        """Make a table of the rows of an expression."""
        self._schemas[name] = {column: str(kind) for column, kind in expression.schema().items()}
        self._con.raw_sql(f'CREATE TABLE "{name}" AS {self._con.compile(expression)}')

    def add(self, name: str, expression: Expr) -> None:
        """Add the rows of an expression to a table, which is made at the first."""
        if name not in self._schemas:
            self.make(name, expression)
            return
        self._con.raw_sql(f'INSERT INTO "{name}" BY NAME {self._con.compile(expression)}')

    def table(self, name: str, columns: Iterable[str] | None = None) -> Expr:
        """Return a table, or some of its columns: a statement of a few columns is made in no time."""
        schema = self._schemas[name]
        wanted = schema if columns is None else {one: schema[one] for one in dict.fromkeys(columns)}
        return ibis.table(wanted, name=name)

    def schema(self, name: str) -> Schema:
        """Return the columns of a table with their types."""
        return self._schemas[name]

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        return name in self._schemas

    def drop(self, name: str) -> None:
        """Remove a table."""
        self._con.raw_sql(f'DROP TABLE "{name}"')
        del self._schemas[name]

    def rename(self, name: str, new: str) -> None:
        """Give a table another name."""
        self._con.raw_sql(f'ALTER TABLE "{name}" RENAME TO "{new}"')
        self._schemas[new] = self._schemas.pop(name)

    def rows(self, expression: Expr) -> Any:
        """Return the rows of an expression as an Arrow table."""
        return self._con.raw_sql(self._con.compile(expression)).to_arrow_table()

    def close(self) -> None:
        """Let go of the database."""
        self._con.disconnect()
