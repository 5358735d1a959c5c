"""A run that goes from files to files inside the database, without an object for each line."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from riskflags.batch import Head, OutOfMemory, Plan, Store, Teller, assessed_of, brought_back, spark_store
from riskflags.batch.facts import incidents_of, schemas
from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import moment_of
from riskflags.engine import Engine, differs
from riskflags.errors import EngineError
from riskflags.intake.at_once import read_into
from riskflags.model import Severity
from riskflags.record import Names
from riskflags.report.batched import LINES, Batched, before
from riskflags.report.closing import Ending, show_ending
from riskflags.report.outputs import Output, write_files, write_rows
from riskflags.report.phrases import count
from riskflags.report.summary import Rows, summary
from riskflags.report.tables import TABLES, reject_table
from riskflags.report.terminal import Screen
from riskflags.shipped import library_version

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from riskflags.cli.course import Course
    from riskflags.cli.run import RunOptions
    from riskflags.history import HistoryKey
    from riskflags.intake.at_once import BatchIntake
    from riskflags.report.numbers import Numbers
    from riskflags.report.outputs import Written
    from riskflags.report.terminal import Progress

_TOGETHER = 50
"""Records that are decided again together, with all that they read of others in memory."""
_SHARE = 7 / 8
"""How much of the memory of a run the database may take; the rest is what it does not count, and Python."""


def run_at_once(options: RunOptions, course: Course) -> int:
    """Read, decide, write the files and print the closing words; return the exit code."""
    pack = options.terms.pack()
    as_of = moment_of(options.terms.as_of, zone=pack.zone)
    engine = Engine(pack)
    inputs = options.inputs
    on = spark_store(options.master) if options.backend == "spark" else nullcontext()
    with _store(options.memory_limit) as store, on as spark:
        with course.stage("Reading", unit="bytes") as bar:
            intake = read_into(
                store, *inputs.files, pack=pack, as_of=as_of, mapping=inputs.mapping, actions=inputs.actions,
                suspects=inputs.suspects, markers=inputs.markers, told=bar.step,
            )  # fmt: skip
        course.tell(f"{count(intake.counts.read, 'row')} read")
        names = Names.of(pack)
        known = before(store, names)
        with course.stage("Deciding", unit="steps") as bar:
            if spark is not None:
                spark.take_over(store, schemas(pack))
            with store.in_any_order():
                plan = Plan(names, spark or store, intake.holds, only={})
                plan.run(bar.step)
            if spark is not None:
                plan = brought_back(plan, spark, store)
        course.tell("all decided")
        head = Head(names, pack.digest, as_of)
        with course.stage("Verifying", unit="records") as bar:
            _verify(engine, plan, head, intake, verify=options.verify, told=bar.step)
        with course.stage("Writing", unit="files") as bar:
            found = Batched(plan, store, Teller(head), as_of=as_of, before=known)
            numbers, rows = found.numbers(), _rows(store, intake)
            written = _write(options, found, numbers, intake, rows=rows, stage=(bar, course))
    show_ending(Screen(), Ending(numbers, rows, pack, intake, written))
    if intake.rejects and (options.strict or not numbers.records):
        return Exit.bad_data
    worst = None if options.fail_on is None else Severity[options.fail_on]
    return Exit.found if worst is not None and numbers.at_or_above(worst) else Exit.done


@contextmanager
def _store(memory_limit: str | None) -> Generator[Store]:
    """Give a database in memory, with a folder for what it spills, which is removed. Refused where memory is too small.

    Not a file: each of its thousand statements would wait for the disk.
    """
    limit = {} if memory_limit is None else {"memory_limit": _of_database(memory_limit)}
    with TemporaryDirectory(prefix="riskflags-") as folder:
        store = Store(temp_directory=str(Path(folder) / "spill"), **limit)
        try:
            yield store
        except OutOfMemory as error:
            more = "this machine has" if memory_limit is None else f"{memory_limit}: give --memory-limit more"
            raise Refused(f"the run needs more memory than {more}; nothing was written") from error
        finally:
            store.close()


def _of_database(memory_limit: str) -> str:
    """Return how much of the memory of a run the database may take."""
    return f"{int(memory_limit[:-2]) * _SHARE}{memory_limit[-2:]}"


def _rows(store: Store, intake: BatchIntake) -> Rows:
    """Return what became of every row."""
    counts = intake.counts
    (waiting,) = store.connection.execute(
        "SELECT coalesce(sum(o.accepted + o.warned), 0) FROM origins o ANTI JOIN records r ON o.record = r.record"
    ).fetchall()[0]
    return Rows(counts.read, counts.accepted, counts.warned, counts.rejected, counts.out_of_scope, int(waiting))


def _write(
    options: RunOptions,
    found: Batched,
    numbers: Numbers,
    intake: BatchIntake,
    *,
    rows: Rows,
    stage: tuple[Progress, Course],
) -> tuple[Written, ...]:
    if options.out is None:
        return ()
    form = options.form
    python = {"rejects": reject_table(intake.rejects), "warnings": found.warnings(intake.warnings)}
    outputs = [
        Output(f"{name}.{form}", found.count(name), partial(found.write, name, form))
        if name in LINES
        else Output(f"{name}.{form}", len(python[name].rows), partial(write_rows, python[name], form))
        for name in TABLES
    ]
    quoted_cells = found.quoted_cells(python.values()) if form == "csv" else 0
    told = partial(
        summary,
        numbers,
        rows=rows,
        pack=found.pack,
        quoted=quoted_cells,
        version=library_version(),
        backend="spark" if options.backend == "spark" else "duckdb",
    )
    bar, course = stage
    return write_files(
        outputs, summary=lambda files: told(files=files), folder=options.out, told=bar.step, placed=course.placed
    )


# ---- the same, one record at a time ----------------------------------------------------------------------------------


def _verify(
    engine: Engine,
    plan: Plan,
    head: Head,
    intake: BatchIntake,
    *,
    verify: int,
    told: Callable[[int, int], None],
) -> None:
    """Decide some records one at a time as well, drawn by a fixed seed; EngineError where any comes out otherwise."""
    store = plan.store
    there = sorted(store.rows(store.table("records", ["record"])).column("record").to_pylist())
    drawn = sorted(Random(0).sample(there, min(verify, len(there))))  # noqa: S311 - a sample, no secret
    for first in range(0, len(drawn), _TOGETHER):
        told(first, len(drawn))
        some = drawn[first : first + _TOGETHER]
        incidents = incidents_of(store, plan.pack, intake.holds, some)
        keys = (key for incident in incidents.values() for key in engine.history_needed(incident))
        others = incidents_of(store, plan.pack, intake.holds, sorted(_linked(plan, keys) - set(some)))
        together = assessed_of(plan, {number: incidents[number] for number in some}, head)
        alone = engine.assess_some(
            (incidents[number] for number in some), [*incidents.values(), *others.values()], as_of=head.as_of,
            rejects=intake.rejects,
        )  # fmt: skip
        for apart, joint in zip(alone, together, strict=True):
            if apart != joint:
                raise EngineError(differs(apart, joint))


def _linked(plan: Plan, keys: Iterable[HistoryKey]) -> set[int]:
    """Return the numbers of the records that hold one of some keys."""
    asked: dict[str, set[str]] = {}
    for key in keys:
        asked.setdefault(key.field, set()).add(key.value)
    return {record for field, values in asked.items() for record in _holders(plan, field, sorted(values))}


def _holders(plan: Plan, field: str, values: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the records that hold one of some values in a field; of a list, any of it."""
    frame = plan.frames.frame([field], rows="seats" if plan.frames.names.is_of_suspect(field) else "records")
    cell = frame.cells[field]
    is_codes = cell.kind == "codes"
    holds = [cell.value.contains(one) for one in values] if is_codes else [cell.value.cast("string").isin(values)]
    for one in holds:
        for row in plan.store.rows(frame.table.filter(one).select("record")).to_pylist():
            yield row["record"]
