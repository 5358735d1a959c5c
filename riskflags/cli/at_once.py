"""A run that goes from files to files inside the database, without an object for each line."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskflags.batch import Head, Plan, Store, Teller, assessed
from riskflags.batch.facts import incidents_of
from riskflags.cli.exits import Exit
from riskflags.cli.inputs import moment_of
from riskflags.engine import Engine, differs
from riskflags.errors import EngineError
from riskflags.intake.at_once import read_into
from riskflags.model import Severity
from riskflags.record import Names
from riskflags.report.batched import LINES, Batched, before
from riskflags.report.closing import Ending, show_ending
from riskflags.report.outputs import Output, write_files, write_rows
from riskflags.report.summary import Rows, summary
from riskflags.report.tables import TABLES, reject_table
from riskflags.report.terminal import Screen, progress
from riskflags.shipped import library_version

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from riskflags.cli.run import RunOptions
    from riskflags.history import HistoryKey
    from riskflags.incident import Incident
    from riskflags.intake.at_once import BatchIntake
    from riskflags.report.numbers import Numbers


def run_at_once(options: RunOptions) -> int:
    """Read, decide, write the files and print the closing words; return the exit code."""
    pack = options.terms.pack()
    as_of = moment_of(options.terms.as_of, zone=pack.zone)
    engine = Engine(pack)
    inputs = options.inputs
    with _store(options.memory_limit) as store:
        with progress("Reading"):
            intake = read_into(
                store, *inputs.files, pack=pack, as_of=as_of, mapping=inputs.mapping, actions=inputs.actions,
                suspects=inputs.suspects, markers=inputs.markers,
            )  # fmt: skip
        names = Names.of(pack)
        known = before(store, names)
        with progress("Deciding"):
            plan = Plan(names, store, intake.holds, only={})
            plan.run()
        head = Head(names, pack.digest, as_of)
        with progress("Verifying"):
            _verify(engine, plan, head, intake, verify=options.verify)
        with progress("Writing"):
            found = Batched(plan, Teller(head), as_of=as_of, before=known)
            numbers, rows = found.numbers(), _rows(store, intake)
            written = _write(options, found, numbers, intake, rows)
    show_ending(Screen(), Ending(numbers, rows, pack, intake, written))
    if intake.rejects and (options.strict or not numbers.records):
        return Exit.bad_data
    worst = None if options.fail_on is None else Severity[options.fail_on]
    return Exit.found if worst is not None and numbers.at_or_above(worst) else Exit.done


@contextmanager
def _store(memory_limit: str | None) -> Generator[Store]:
    """Give a database in memory, with a folder for what it spills, which is removed.

    Not a file: each of its thousand statements would wait for the disk.
    """
    limit = {} if memory_limit is None else {"memory_limit": memory_limit}
    with TemporaryDirectory(prefix="riskflags-") as folder:
        store = Store(temp_directory=str(Path(folder) / "spill"), **limit)
        try:
            yield store
        finally:
            store.close()


def _rows(store: Store, intake: BatchIntake) -> Rows:
    """Return what became of every row."""
    counts = intake.counts
    (waiting,) = store.connection.execute(
        "SELECT coalesce(sum(o.accepted + o.warned), 0) FROM origins o ANTI JOIN records r ON o.record = r.record"
    ).fetchall()[0]
    return Rows(counts.read, counts.accepted, counts.warned, counts.rejected, counts.out_of_scope, int(waiting))


def _write(options: RunOptions, found: Batched, numbers: Numbers, intake: BatchIntake, rows: Rows) -> Any:
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
        summary, numbers, rows=rows, pack=found.pack, quoted=quoted_cells, version=library_version(), backend="duckdb"
    )
    return write_files(outputs, summary=lambda files: told(files=files), folder=options.out)


# ---- the same, one record at a time ----------------------------------------------------------------------------------


def _verify(engine: Engine, plan: Plan, head: Head, intake: BatchIntake, *, verify: int) -> None:
    """Decide some records one at a time as well, drawn by a fixed seed; EngineError where any comes out otherwise."""
    store = plan.store
    there = [number for (number,) in store.connection.execute("SELECT record FROM records ORDER BY record").fetchall()]
    for number in sorted(Random(0).sample(there, min(verify, len(there)))):  # noqa: S311 - a sample, no secret
        (incident,) = incidents_of(store, plan.pack, intake.holds, [number]).values()
        linked = _linked(plan, engine.history_needed(incident))
        history = incidents_of(store, plan.pack, intake.holds, sorted(linked - {number})).values()
        alone = engine.assess(incident, history, as_of=head.as_of, rejects=intake.rejects)
        (together,) = _of_one(plan, incident, head, number)
        if alone != together:
            raise EngineError(differs(alone, together))


def _of_one(plan: Plan, incident: Incident, head: Head, number: int) -> Iterable[Any]:
    return list(assessed(plan, [incident], head, start=number))


def _linked(plan: Plan, keys: Iterable[HistoryKey]) -> set[int]:
    """Return the numbers of the records that hold one of some keys."""
    found: set[int] = set()
    for key in keys:
        is_of_suspect = plan.frames.names.is_of_suspect(key.field)
        frame = plan.frames.frame([key.field], rows="seats" if is_of_suspect else "records")
        cell = frame.cells[key.field]
        holds = cell.value.contains(key.value) if cell.kind == "codes" else cell.value.cast("string") == key.value
        rows = plan.store.rows(frame.table.filter(holds).select("record")).to_pylist()
        found |= {row["record"] for row in rows}
    return found
