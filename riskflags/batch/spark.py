"""Where the tables of a batch stand on Spark: nothing is worked out before something is asked for that needs it.

`make` and `add` only write a statement down. When rows are asked for, the statements that they need are run, those that
do not need each other at the same time. A table that several statements read is written to Parquet, in a folder that is
removed; one that a single statement reads becomes a part of it. No row passes through the driver's Python.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from riskflags.batch.relations import table, union
from riskflags.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from riskflags.batch.relations import Relation
    from riskflags.batch.store import Row, Store

pa: Any = import_module("pyarrow")  # it ships no types
pq: Any = import_module("pyarrow.parquet")
SETTINGS: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a number that does not fit is an error, never another number
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",  # names are written as for DuckDB
    "spark.sql.parser.escapedStringLiterals": "false",  # so `literal` escapes text
    "spark.sql.variable.substitute": "false",  # or a text with ${...} in it would come out as another
    "spark.sql.caseSensitive": "false",  # as in DuckDB
    "spark.sql.files.ignoreCorruptFiles": "false",  # rows that cannot be read are an error
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # days are of one calendar, before 1582 too
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.broadcastTimeout": "-1",  # a busy cluster is no failure
    "spark.sql.parquet.compression.codec": "snappy",  # DuckDB reads it
}
"""What would change an answer, or give none. Statements run in a session of their own: the caller's stays as it is."""
_SMALL = 32 * 1024 * 1024
"""Bytes of Parquet up to which the records are few: then planning and compiling take longer than the rows do."""
_OF_FEW: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
"""What makes statements over few records quicker and changes no answer. Measured on local[2], 58 small worlds together:
14 s with these, 23 to 36 s without; and a third less again where each table is written as one file."""
_STARTED: Mapping[str, str] = {
    "spark.log.level": "ERROR",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.enabled": "false",
    "spark.sql.ui.retainedExecutions": "20",  # Spark keeps the plans of the last 1,000 statements, which are large here
    "spark.ui.retainedJobs": "100",
    "spark.ui.retainedStages": "100",
    "spark.ui.retainedTasks": "1000",
}
"""How a session is started where there is none."""
_PARTS = 24
"""Additions to a table that become one statement. Measured as above: 20 of them one by one took 20 s, together 7 s."""
_MOST_AT_ONCE = 8
"""Statements that are run at one time, on a large cluster. Of two cores, planning one statement keeps one busy and
running it both: two at a time were slower than one."""


@dataclass(slots=True)
class _Table:
    """A table that was asked for: the statement that makes it, the tables that this reads, and how many read it."""

    statement: str
    reads: tuple[str, ...]
    finish: Callable[[Any], Any] | None = None
    """What makes the table of what the statement gives, where the statement alone does not."""
    readers: int = 0
    is_kept: bool = False
    """It is written to files, however many read it."""
    future: Future[None] | None = None


@dataclass(slots=True)
class _Name:
    """A name of a table: its columns, the parts whose rows it has, and the additions that nothing has read yet."""

    columns: tuple[str, ...]
    parts: list[str] = field(default_factory=list[str])
    added: list[Relation] = field(default_factory=list["Relation"])


class SparkStore:
    """Tables by name on Spark, with their files in a folder that every machine of the cluster sees."""

    is_eager = False

    def __init__(self, session: Any, folder: Path) -> None:
        self._session: Any = session.newSession()
        self._cores = int(session.sparkContext.defaultParallelism)
        self._set(SETTINGS)
        self._folder = folder
        self._tables: dict[str, _Table] = {}
        self._names: dict[str, _Name] = {}
        self._files: dict[str, list[str]] = {}
        self._taken: list[Path] = []
        self._are_few = False
        self._number = 0
        self._tag = f"riskflags-{uuid4()}"

    def _set(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self._session.conf.set(name, value)

    # ---- tables ------------------------------------------------------------------------------------------------------

    def take(self, name: str, rows: Any, schema: Mapping[str, str]) -> None:
        """Make a table of an Arrow table."""
        view = self._view()
        path = self._folder / f"{view}.parquet"
        pq.write_table(rows, path)
        self._take_file(name, view, path, tuple(schema))

    def take_over(self, store: Store, names: Iterable[str]) -> None:
        """Take over some tables of a store of DuckDB, which no longer has them."""
        for name in names:
            view = self._view()
            path = self._folder / f"{view}.parquet"
            store.write_parquet(name, path)
            self._take_file(name, view, path, store.columns(name))
            store.drop(name)

    def _take_file(self, name: str, view: str, path: Path, columns: tuple[str, ...]) -> None:
        self._files[view] = [str(path)]
        self._taken.append(path)
        self._session.read.parquet(path.as_uri()).createOrReplaceTempView(view)
        self._names[name] = _Name(columns, [view])

    def make(self, name: str, rows: Relation) -> None:
        """Make a table of the rows of a relation."""
        self._names[name] = _Name(rows.columns, [self._write_down(rows)])

    def add(self, name: str, rows: Relation) -> None:
        """Add the rows of a relation to a table, which is made at the first."""
        self._names.setdefault(name, _Name(rows.columns)).added.append(rows)

    def work_out(
        self, name: str, rows: Relation, by: Sequence[str], work: Callable[[list[Row]], Iterable[Row]], schema: Any
    ) -> None:
        """Make a table of what a function makes of the rows of each group, where these are; none needs the driver."""
        functions: Any = import_module("pyspark.sql.functions")
        types: Any = import_module("pyspark.sql.types")
        names = tuple(schema.names)

        def of_group(rows: list[Any]) -> list[tuple[Any, ...]]:
            return [tuple(made[one] for one in names) for made in work([row.asDict() for row in rows])]

        def finish(frame: Any) -> Any:
            made = types.ArrayType(_struct_of(schema))
            rows = functions.collect_list(functions.struct(*map(_column, frame.columns))).alias("rows")
            called = functions.udf(of_group, made, useArrow=False)  # with Arrow it would need pandas
            found = frame.groupBy(*map(_column, by)).agg(rows).select(functions.explode(called("rows")).alias("made"))
            return found.select("made.*")

        self._names[name] = _Name(tuple(schema.names), [self._write_down(rows, finish)])

    def _write_down(self, rows: Relation, finish: Callable[[Any], Any] | None = None) -> str:
        reads = tuple(rows.tables())
        for one in reads:
            if one in self._tables:
                self._tables[one].readers += 1
        view = self._view()
        self._tables[view] = _Table(rows.sql("spark"), reads, finish, is_kept=finish is not None)
        return view

    def _view(self) -> str:
        self._number += 1
        return f"v{self._number}"

    def table(self, name: str, columns: Iterable[str] | None = None) -> Relation:
        """Return a table, or some of its columns."""
        found = self._names[name]
        self._close_added(found)
        listed = found.columns if columns is None else tuple(dict.fromkeys(columns))
        return union(*(table(part, listed) for part in found.parts))

    def _close_added(self, found: _Name) -> None:
        """Make parts of what was added to a table, which is about to be read."""
        for first in range(0, len(found.added), _PARTS):
            some = [rows.select(*found.columns) for rows in found.added[first : first + _PARTS]]
            found.parts.append(self._write_down(union(*some)))
        found.added.clear()

    def take_out(self, name: str, rows: Relation, key: str) -> None:
        """Take the rows out of a table that have the key of a row of a relation."""
        self.make(name, self.table(name).anti_join(rows, key))

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the names of the columns of a table."""
        return self._names[name].columns

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        return name in self._names

    def names(self) -> tuple[str, ...]:
        """Return the names of all tables."""
        return tuple(self._names)

    def drop(self, name: str) -> None:
        """Let go of a name; what was written down of its table can still be read."""
        del self._names[name]

    def drop_if_there(self, name: str) -> None:
        """Let go of a name, if there is one."""
        if self.has(name):
            self.drop(name)

    # ---- what is asked for -------------------------------------------------------------------------------------------

    def rows(self, rows: Relation) -> Any:
        """Return the rows of a relation as an Arrow table."""
        self._run(rows.tables())
        return self._session.sql(rows.sql("spark")).toArrow()

    def hand_back(self, store: Store, names: Iterable[str]) -> None:
        """Let a store of DuckDB read some tables, where there are such, from the files in which they stand."""
        found = {name: self._names[name] for name in names if self.has(name)}
        for one in found.values():
            self._close_added(one)
        parts = [part for one in found.values() for part in one.parts]
        for part in parts:
            if part in self._tables:
                self._tables[part].is_kept = True
        self._run(parts)
        for name, one in found.items():
            store.take_files(name, [file for part in one.parts for file in self._files[part]], one.columns)

    def _run(self, views: Iterable[str]) -> None:
        """Run the statements that some tables need and that have not been run."""
        needed: set[str] = set()
        waiting = [view for view in views if view in self._tables]
        while waiting:
            view = waiting.pop()
            if view not in needed and self._tables[view].future is None:
                needed.add(view)
                waiting += [one for one in self._tables[view].reads if one in self._tables]
        self._are_few = sum(path.stat().st_size for path in self._taken) <= _SMALL
        if self._are_few:
            self._set({**_OF_FEW, "spark.sql.shuffle.partitions": str(min(self._cores, 8))})
        workers = max(1, min(self._cores // 2, _MOST_AT_ONCE))
        with ThreadPoolExecutor(workers, initializer=self._session.addTag, initargs=(self._tag,)) as pool:
            made = [(view, one) for view, one in self._tables.items() if view in needed]
            try:
                for view, one in made:
                    one.future = pool.submit(self._make, view, one)
                for _, one in made:
                    if one.future is not None:
                        one.future.result()
            except BaseException:  # a failure, or Ctrl-C: what runs already is not waited for
                pool.shutdown(wait=False, cancel_futures=True)
                self._session.interruptTag(self._tag)
                raise

    def _make(self, view: str, one: _Table) -> None:
        """Run the statement of a table; those that it reads were begun before it."""
        for read in one.reads:
            before = self._tables[read].future if read in self._tables else None
            if before is not None:
                before.result()
        frame = self._session.sql(one.statement)
        if one.finish is not None:
            frame = one.finish(frame)
        if one.is_kept or one.readers > 1:
            frame = self._written(view, frame)
        frame.createOrReplaceTempView(view)

    def _written(self, view: str, frame: Any) -> Any:
        path = self._folder / view
        (frame.coalesce(1) if self._are_few else frame).write.parquet(path.as_uri())
        self._files[view] = [str(path / "*.parquet")]
        return self._session.read.schema(frame.schema).parquet(path.as_uri())

    def close(self) -> None:
        """Let go of all tables; what Spark knows of them goes with the session of this store."""
        self._tables.clear()
        self._names.clear()
        self._files.clear()


def _struct_of(schema: Any) -> Any:
    """Return an Arrow schema of whole numbers and lists of text as a type of Spark."""
    types: Any = import_module("pyspark.sql.types")
    kinds = {pa.int64(): types.LongType(), pa.list_(pa.string()): types.ArrayType(types.StringType())}
    return types.StructType([types.StructField(one.name, kinds[one.type]) for one in schema])


def _column(name: str) -> str:
    """Return a column as a frame of Spark takes it."""
    return "`" + name.replace("`", "``") + "`"


@contextmanager
def spark_store(master: str | None = None) -> Generator[SparkStore]:
    """Give a store on Spark, with a folder for its files that is removed: where TMPDIR says."""
    session = session_of(master)
    with TemporaryDirectory(prefix="riskflags-") as folder:
        store = SparkStore(session, Path(folder))
        try:
            yield store
        finally:
            store.close()


def session_of(master: str | None = None) -> Any:
    """Return the session of Spark that is there, or one that is started: at an address, or as Spark is configured.

    EngineError where none can be started, or the one that is there runs elsewhere.
    """
    sql: Any = import_module("pyspark.sql")
    session = sql.SparkSession.getActiveSession()
    if session is None:
        builder = sql.SparkSession.builder.appName("riskflags")
        for name, value in _STARTED.items():
            builder = builder.config(name, value)
        builder = builder.config("spark.pyspark.python", sys.executable)
        try:
            session = (builder if master is None else builder.master(master)).getOrCreate()
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise EngineError(f"Spark did not start, which needs Java 17 or later: {reason}") from error
    there = session.sparkContext.master
    if master is not None and there != master:
        raise EngineError(f"Spark runs on {there} already, not on {master}")
    return session
