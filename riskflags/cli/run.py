"""The command `run`: records in; flags, required actions and gaps out."""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.cli.course import Course, stoppable
from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import Inputs, Terms, moment_of, read_records
from riskflags.cli.sizes import pays_at_once
from riskflags.engine import VERIFIED, Backend, Engine, obstacle_to_batch
from riskflags.errors import EngineError
from riskflags.model import Severity
from riskflags.report.closing import Ending, show_ending
from riskflags.report.findings import Findings, collect, origins_of
from riskflags.report.junit import run_as_junit
from riskflags.report.numbers import Numbers, numbers_of
from riskflags.report.outputs import (
    Format,
    Written,
    check_folder,
    check_format,
    check_page,
    file_names,
    is_parts,
    quoted_cells,
    write,
    write_text,
)
from riskflags.report.phrases import count
from riskflags.report.summary import Rows, rows_of, summary
from riskflags.report.tables import TABLES, tables
from riskflags.report.terminal import Screen
from riskflags.shipped import library_version

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from datetime import datetime

    from riskflags.assessment import Assessment
    from riskflags.intake import Intake
    from riskflags.pack import Pack
    from riskflags.report.terminal import Progress


_SIZE = re.compile(r"\d{1,6} ?[KMGT]B")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run` was asked for."""

    inputs: Inputs
    terms: Terms
    out: Path | None = None
    form: Format = "csv"
    fail_on: str | None = None
    strict: bool = False
    html: Path | None = None
    junit: Path | None = None
    marking: str = "OFFICIAL-SENSITIVE"
    backend: Backend = "auto"
    verify: int = VERIFIED
    memory_limit: str | None = None
    master: str | None = None


def run_rules(options: RunOptions) -> int:
    """Assess the records, write the files, print the closing words; return the exit code."""
    check_format(options.form)
    if options.html is not None:
        check_page()
    _check_targets(options)
    if options.memory_limit is not None and not _SIZE.fullmatch(options.memory_limit):
        raise Refused(f"--memory-limit {options.memory_limit}: write a number and a unit, such as 4GB or 512MB")
    if options.backend in ("duckdb", "spark") and (obstacle := obstacle_to_batch(options.backend)):
        raise EngineError(obstacle)
    if options.master is not None and options.backend != "spark":
        raise Refused("--master is for --backend spark: give both, or neither")
    course = Course(options.out, [path for path in (options.junit, options.html) if path is not None])
    with stoppable(course), _seldom_collected():
        if options.backend == "spark":
            _start_spark(options, course)
        if _at_once(options):
            from riskflags.cli.at_once import run_at_once  # noqa: PLC0415 - with the extra `batch` alone

            return run_at_once(options, course)
        return _run_by_record(options, course)


@contextmanager
def _seldom_collected() -> Generator[None]:
    """Let Python look for cycles less often: of the objects of a run hardly any is one, and they are many."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _run_by_record(options: RunOptions, course: Course) -> int:
    """Do what was asked for with the records in memory; return the exit code."""
    pack = options.terms.pack()
    as_of = moment_of(options.terms.as_of, zone=pack.zone)
    engine = Engine(pack)
    watch = _Watched(pack, as_of, show_personal=options.terms.show_personal) if options.html is not None else None
    with course.stage("Reading"):
        intake = read_records(options.inputs, record=pack.record, zone=pack.zone)
    course.tell(f"{count(intake.counts.read, 'row')} read")
    with course.stage("Deciding", total=len(intake.admitted), unit="records") as bar:
        assessments = engine.assess_many(
            intake.incidents, as_of=as_of, rejects=intake.rejects, backend=options.backend, verify=options.verify
        )
        seen = _counted(watch.watched(assessments, intake) if watch else assessments, bar)
        findings = collect(seen, as_of=as_of, origins=origins_of(intake))
    course.tell("all decided")
    rows = rows_of(intake, findings)
    numbers = numbers_of(findings)
    texts: list[tuple[Path, str]] = []
    if options.junit is not None:
        texts.append((options.junit, run_as_junit(findings, pack)))
    if watch is not None and options.html is not None:
        with course.stage("Drawing"):
            texts.append((options.html, watch.page(findings, rows, intake, marking=options.marking)))
    with course.stage("Writing", unit="files") as bar:
        backend = engine.backend_for(len(intake.admitted), options.backend)
        written = _write(options, findings, numbers, intake, rows=rows, pack=pack, backend=backend, stage=(bar, course))
        for path, text in texts:
            write_text(path, text, placed=partial(course.placed, path))
            written = (*written, Written(path))
    show_ending(Screen(), Ending(numbers, rows, pack, intake, written, show_personal=options.terms.show_personal))
    return _code(options, numbers, intake)


def _start_spark(options: RunOptions, course: Course) -> None:
    """Start Spark before anything is read."""
    from riskflags.batch.spark import session_of  # noqa: PLC0415 - with the extra `spark` alone

    with course.stage("Starting Spark"):
        session_of(options.master)


def _at_once(options: RunOptions) -> bool:
    """Return whether a run goes from files to files in the database: where that is quicker and no record is needed."""
    needs_records = options.html or options.junit or options.form == "xlsx" or options.terms.show_personal
    is_piped = any(str(file) == "-" for file in options.inputs.files)
    if needs_records or is_piped or options.backend == "record":
        return False
    if options.backend == "spark":
        return options.out is not None
    return options.backend == "duckdb" or (not obstacle_to_batch() and pays_at_once(options.inputs.files))


class _Watched:
    """The assessments of a run as they go by, with what a page needs of each."""

    def __init__(self, pack: Pack, as_of: datetime, *, show_personal: bool) -> None:
        from riskflags.figures import Gathered  # noqa: PLC0415 - with the extra `batch` alone
        from riskflags.report.page.values import Kept  # noqa: PLC0415

        self.pack = pack
        self.kept = Kept(pack, as_of, show_personal=show_personal)
        self._gathered = Gathered(as_of=as_of, zone=pack.zone)

    def watched(self, assessments: Iterable[Assessment], intake: Intake) -> Iterator[Assessment]:
        """Yield the assessments, each with its record taken up on the way."""
        by_key = {incident.key: incident for incident in intake.incidents}
        for found in assessments:
            incident = by_key[found.incident_id, found.child_id]
            self.kept.add(incident, found)
            self._gathered.add(incident, found)
            yield found

    def page(self, findings: Findings, rows: Rows, intake: Intake, *, marking: str) -> str:
        """Return the page of the run."""
        from riskflags.figures import Report  # noqa: PLC0415 - with the extras `batch` and `report` alone
        from riskflags.report.page import Source, render  # noqa: PLC0415

        report = Report(self.pack, self._gathered.facts())
        return render(
            Source(findings, rows, self.pack, intake, self.kept, report, marking=marking, version=library_version())
        )


def _check_targets(options: RunOptions) -> None:
    """Refuse at once what would fail at the end of a long run: what cannot be written there, or would be lost by it."""
    given = (*options.inputs.files, options.inputs.actions, options.inputs.suspects, options.inputs.markers)
    taken = {Path(file).resolve(): "is read by this run" for file in given if file is not None}
    for option, path in _targets(options):
        check_folder(path.parent, option=option)
        another = "another folder" if option == "--out" else "another file"
        if path.is_dir() and not (option == "--out" and is_parts(path)):
            raise Refused(f"{path} is a folder: give {another} with {option}")
        if path.resolve() in taken:
            raise Refused(f"{path} {taken[path.resolve()]}: give {another} with {option}")
        taken[path.resolve()] = "is written by this run already"


def _targets(options: RunOptions) -> Iterator[tuple[str, Path]]:
    """Yield every file that the run will write, with the option that asks for it."""
    if options.out is not None:
        yield from (("--out", options.out / name) for name in file_names(TABLES, options.form))
    if options.html is not None:
        yield "--html", options.html
    if options.junit is not None:
        yield "--junit", options.junit


def _counted(assessments: Iterable[Assessment], bar: Progress) -> Iterator[Assessment]:
    for done, assessment in enumerate(assessments, start=1):
        yield assessment
        bar.step(done)


def _write(
    options: RunOptions,
    findings: Findings,
    numbers: Numbers,
    intake: Intake,
    *,
    rows: Rows,
    pack: Pack,
    backend: str,
    stage: tuple[Progress, Course],
) -> tuple[Written, ...]:
    if options.out is None:
        return ()
    form = options.form
    made = tables(findings, origins=origins_of(intake), rejects=intake.rejects, warnings=intake.warnings)
    quoted = quoted_cells(made) if form == "csv" else 0
    told = partial(summary, numbers, rows=rows, pack=pack, quoted=quoted, version=library_version(), backend=backend)
    bar, course = stage
    return write(
        made, summary=lambda files: told(files=files), folder=options.out, form=form, told=bar.step,
        placed=course.placed,
    )  # fmt: skip


def _code(options: RunOptions, numbers: Numbers, intake: Intake) -> Exit:
    nothing_read = bool(intake.rejects) and not intake.incidents
    if nothing_read or (options.strict and intake.rejects):
        return Exit.bad_data
    if options.fail_on is not None and numbers.at_or_above(Severity[options.fail_on]):
        return Exit.found
    return Exit.done
