"""Where the tables of a batch stand: a database of DuckDB in the process, in memory or in a folder that is removed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskflags.batch.relations import table
from riskflags.batch.sql import quoted
from riskflags.watching import opened_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.batch.relations import Relation

duckdb: Any = import_module("duckdb")  # its types are partly unknown


class Store:
    """Tables by name, each made by one statement."""

    def __init__(self, path: str = ":memory:", **settings: Any) -> None:
        self.connection: Any = duckdb.connect(path, config=settings)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._opened = opened_here()
        if self._opened is not None:
            self._opened.add(self.connection)

    def take(self, name: str, rows: Any, schema: Mapping[str, str]) -> None:
        """Make a table of an Arrow table."""
        self.connection.register("taken", rows)
        self.connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM taken")
        self.connection.unregister("taken")
        self._columns[name] = tuple(schema)

    def adopt(self, name: str, columns: Iterable[str]) -> None:
        """Take in a table that was made by SQL, by its columns."""
        self._columns[name] = tuple(columns)

    def make(self, name: str, rows: Relation) -> None:
        """Make a table of the rows of a relation."""
        self.connection.execute(f"CREATE TABLE {quoted(name)} AS {rows.sql()}")
        self._columns[name] = rows.columns

    def add(self, name: str, rows: Relation) -> None:
        """Add the rows of a relation to a table, which is made at the first."""
        if name not in self._columns:
            self.make(name, rows)
        else:
            self.connection.execute(f"INSERT INTO {quoted(name)} BY NAME {rows.sql()}")

    def table(self, name: str, columns: Iterable[str] | None = None) -> Relation:
        """Return a table, or some of its columns."""
        return table(name, self._columns[name] if columns is None else dict.fromkeys(columns))

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the names of the columns of a table."""
        return self._columns[name]

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        return name in self._columns

    def count(self) -> int:
        """Return how many tables there are."""
        return len(self._columns)

    def take_out(self, name: str, rows: Relation, key: str) -> None:
        """Take the rows out of a table that have the key of a row of a relation."""
        found = f"SELECT {quoted(key)} FROM ({rows.sql()})"
        self.connection.execute(f"DELETE FROM {quoted(name)} WHERE {quoted(key)} IN ({found})")

    def drop(self, name: str) -> None:
        """Remove a table."""
        self.connection.execute(f"DROP TABLE {quoted(name)}")
        del self._columns[name]

    def drop_if_there(self, name: str) -> None:
        """Remove a table, if there is one."""
        if self.has(name):
            self.drop(name)

    def rename(self, name: str, new: str) -> None:
        """Give a table another name."""
        self.connection.execute(f"ALTER TABLE {quoted(name)} RENAME TO {quoted(new)}")
        self._columns[new] = self._columns.pop(name)

    def rows(self, rows: Relation) -> Any:
        """Return the rows of a relation as an Arrow table."""
        return self.connection.sql(rows.sql()).to_arrow_table()

    def close(self) -> None:
        """Let go of the database."""
        if self._opened is not None:
            self._opened.drop(self.connection)
        self.connection.close()
