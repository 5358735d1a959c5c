"""Where the tables of a batch stand: what any store does, and a database of DuckDB in the process.

That of DuckDB is in memory, and spills into a folder that is removed. That of Spark is in `riskflags.batch.spark`.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from riskflags.batch.relations import table
from riskflags.batch.sql import literal, null, quoted
from riskflags.watching import opened_here

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Plain

duckdb: Any = import_module("duckdb")  # its types are partly unknown
pa: Any = import_module("pyarrow")  # it ships no types
OutOfMemory: type[Exception] = duckdb.OutOfMemoryException
"""What a statement ends with that needs more memory than it may take."""


Row = dict[str, Any]


class AnyStore(Protocol):
    """Tables by name, each made by one statement."""

    is_eager: bool
    """Each statement runs when it is given, so that to ask for rows runs no other."""

    def take(self, name: str, rows: Any, schema: Mapping[str, str]) -> None:
        """Make a table of an Arrow table."""

    def make(self, name: str, rows: Relation) -> None:
        """Make a table of the rows of a relation."""

    def add(self, name: str, rows: Relation) -> None:
        """Add the rows of a relation to a table, which is made at the first."""

    def work_out(
        self, name: str, rows: Relation, by: Sequence[str], work: Callable[[list[Row]], Iterable[Row]], schema: Any
    ) -> None:
        """Make a table of what a function makes of the rows of each group, one group after another.

        The function can be pickled, and gives rows of the Arrow schema.
        """

    def table(self, name: str, columns: Iterable[str] | None = None) -> Relation:
        """Return a table, or some of its columns."""
        ...

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the names of the columns of a table."""
        ...

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of all tables."""
        ...

    def drop(self, name: str) -> None:
        """Remove a table."""

    def drop_if_there(self, name: str) -> None:
        """Remove a table, if there is one."""

    def take_out(self, name: str, rows: Relation, key: str) -> None:
        """Take the rows out of a table that have the key of a row of a relation."""

    def rows(self, rows: Relation) -> Any:
        """Return the rows of a relation as an Arrow table."""

    def close(self) -> None:
        """Let go of all tables."""


class Store:
    """A database of DuckDB in the process."""

    is_eager = True

    def __init__(self, path: str = ":memory:", **settings: Any) -> None:
        self.connection: Any = duckdb.connect(path, config=settings)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._under: dict[str, str] = {}
        self._opened = opened_here()
        if self._opened is not None:
            self._opened.add(self.connection)

    def take(self, name: str, rows: Any, schema: Mapping[str, str]) -> None:
        """Make a table of an Arrow table. Columns of a known type that are blank in every row take no room."""
        count = rows.num_rows
        blank = [one for one, kind in schema.items() if kind and 0 < count == rows.column(one).null_count]
        self.connection.register("taken", rows.drop_columns(blank))
        self.connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM taken")
        self.connection.unregister("taken")
        self.adopt(name, schema, always=dict.fromkeys(blank))

    def take_files(self, name: str, files: Sequence[str], columns: Iterable[str]) -> None:
        """Let a name stand for the rows of some Parquet files, which are read when they are asked for."""
        listed = literal(files).text
        self.connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet({listed})")
        self._columns[name] = tuple(columns)

    def write_parquet(self, name: str, path: Path) -> None:
        """Write a table to a Parquet file."""
        self.connection.execute(f"COPY {quoted(name)} TO {literal(str(path)).text} (FORMAT parquet)")

    def adopt(
        self, name: str, schema: Mapping[str, str], *, always: Mapping[str, Plain | None] = MappingProxyType({})
    ) -> None:
        """Take in a table that was made by SQL; `always` are the columns that it lacks, alike in every row.

        These take no room, and what is worked out of them is worked out once.
        """
        self._columns[name] = tuple(schema)
        if always:
            under = self._under[name] = f"{name} themselves"
            alike = {n: null(schema[n]) if one is None else literal(one, schema[n]) for n, one in always.items()}
            more = "".join(f", {one.text} AS {quoted(n)}" for n, one in alike.items())
            self.connection.execute(f"ALTER TABLE {quoted(name)} RENAME TO {quoted(under)}")
            self.connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT *{more} FROM {quoted(under)}")

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

    def work_out(
        self, name: str, rows: Relation, by: Sequence[str], work: Callable[[list[Row]], Iterable[Row]], schema: Any
    ) -> None:
        """Make a table of what a function makes of the rows of each group, one group after another."""

        def key(row: Row) -> tuple[Any, ...]:
            return tuple(row[one] for one in by)

        groups = groupby(sorted(self.rows(rows).to_pylist(), key=key), key=key)
        found = [made for _, group in groups for made in work(list(group))]
        self.take(name, pa.Table.from_pylist(found, schema=schema), dict.fromkeys(schema.names, ""))

    def table(self, name: str, columns: Iterable[str] | None = None) -> Relation:
        """Return a table, or some of its columns."""
        return table(name, self._columns[name] if columns is None else dict.fromkeys(columns))

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the names of the columns of a table."""
        return self._columns[name]

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        return name in self._columns

    def names(self) -> tuple[str, ...]:
        """Return the names of all tables."""
        return tuple(self._columns)

    def take_out(self, name: str, rows: Relation, key: str) -> None:
        """Take the rows out of a table that have the key of a row of a relation."""
        found = f"SELECT {quoted(key)} FROM ({rows.sql()})"
        under = self._under.get(name, name)
        self.connection.execute(f"DELETE FROM {quoted(under)} WHERE {quoted(key)} IN ({found})")

    def drop(self, name: str) -> None:
        """Remove a table."""
        under = self._under.pop(name, None)
        if under is not None:
            self.connection.execute(f"DROP VIEW {quoted(name)}")
        self.connection.execute(f"DROP TABLE {quoted(under or name)}")
        del self._columns[name]

    def drop_if_there(self, name: str) -> None:
        """Remove a table, if there is one."""
        if self.has(name):
            self.drop(name)

    @contextmanager
    def in_any_order(self) -> Generator[None]:
        """Let the rows of the tables that are made come in any order, which takes less time."""
        self.connection.execute("SET preserve_insertion_order = false")
        try:
            yield
        finally:
            self.connection.execute("SET preserve_insertion_order = true")

    def rows(self, rows: Relation) -> Any:
        """Return the rows of a relation as an Arrow table."""
        return self.connection.sql(rows.sql()).to_arrow_table()

    def close(self) -> None:
        """Let go of the database."""
        if self._opened is not None:
            self._opened.drop(self.connection)
        self.connection.close()
