"""Measure runs of many records beside DuckDB SQL laid out by hand, and verdicts alone beside other engines: the page.

`python tests/bench/measure_engines.py` takes the better part of an hour. Every candidate is a process of its own; they
take turns, several rounds, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench_packs import write_pack
from bench_planning import Planned
from bench_records import AS_OF
from bench_rules import BASE, look_ups_of, rules_of
from bench_verdicts import ENGINES, RISKFLAGS, Found

from riskflags import default_pack
from riskflags.report.reference.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "measured" / "engines.md"
LARGE = 10_000_000
"""Rows from which the memory limit is set."""
_READ, _SQL, _BARE, _USUAL = "read_csv alone", "SQL by hand", "riskflags, --verify 0", "riskflags"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: sizes of files with thirty rules, numbers of rules on one size, engines, and how often."""

    rows: tuple[int, ...]
    rules: tuple[int, ...]
    rules_at: int
    verdict_rows: int
    rounds: int
    memory_limit: str
    out: Path
    keep: Path | None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of the processors, and the peak of memory in MB, of a process with all that it began."""

    wall: float
    cpu: float
    peak: float

    def best(self, other: Cost) -> Cost:
        """Return the best of two rounds; of memory the worst."""
        return Cost(min(self.wall, other.wall), min(self.cpu, other.cpu), max(self.peak, other.peak))


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one file by one number of rules."""

    rows: int
    rules: int
    costs: dict[str, Cost]


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a run of the shipped rules cost on a file."""

    rows: int
    rules: int
    cost: Cost


def cost_of(command: Sequence[str], *, folder: Path) -> tuple[Cost, str]:
    """Run a command and return what it cost and what it said; SystemExit with its last words where it failed.

    To Linux the peak of a process is at least the memory that its parent had: this one leaves what is large to others.
    """
    with (folder / "out.txt").open("w+") as out, (folder / "err.txt").open("w+") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            msg = f"{' '.join(command[:3])} ...: exit {process.returncode}\n{err.read()[-2000:]}"
            raise SystemExit(msg)
        out.seek(0)
        return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), out.read()


# ---- from file to files ----------------------------------------------------------------------------------------------


def commands(file: Path, folder: Path, *, rules: int, memory_limit: str | None) -> dict[str, list[str]]:
    """Return the command of each candidate; a pack of so many rules stands in the folder."""
    limit = ["--memory-limit", memory_limit] if memory_limit else []
    by_hand = [sys.executable, str(HERE / "bench_sql.py"), str(file)]
    run = [
        sys.executable, "-m", "riskflags", "run", str(file), "--rules", str(folder / f"r{rules}"), "--drafts",
        "--backend", "duckdb", "--as-of", AS_OF, "--format", "parquet", "--out", str(folder / "ours"), *limit,
    ]  # fmt: skip
    return {
        _READ: by_hand,
        _SQL: [*by_hand, "--rules", str(rules), "--out", str(folder / "by hand"), *limit],
        _BARE: [*run, "--verify", "0"],
        _USUAL: run,
    }


def measured(file: Path, folder: Path, *, rows: int, rules: int, asked: Asked, verified: bool) -> Measured:
    """Measure every candidate on a file, and check that the two that decide say the same.

    `verified` measures a run with its usual sample as well.
    """
    if not (folder / f"r{rules}").exists():
        write_pack(folder / f"r{rules}", rules=rules)
    limit = asked.memory_limit if rows >= LARGE else None
    best: dict[str, Cost] = {}
    for number in range(asked.rounds):
        for name, command in commands(file, folder, rules=rules, memory_limit=limit).items():
            if name == _USUAL and not verified:
                continue
            cost, _ = cost_of(command, folder=folder)
            best[name] = best[name].best(cost) if name in best else cost
            _say(f"{rows:,} rows, {rules} rules, round {number + 1}: {name} {cost.wall:.1f} s, {cost.cpu:.1f} s of CPU")
    compare = [sys.executable, str(HERE / "bench_compare.py"), str(folder / "ours"), str(folder / "by hand")]
    cost_of([*compare, "--rows", str(rows)], folder=folder)
    return Measured(rows, rules, best)


def shipped(file: Path, folder: Path, *, rows: int, rounds: int) -> Shipped:
    """Measure the shipped rules on a file; there is no SQL of them to put beside."""
    command = [
        sys.executable, "-m", "riskflags", "run", str(file), "--backend", "duckdb", "--as-of", AS_OF,
        "--format", "parquet", "--verify", "0", "--out", str(folder / "shipped"),
    ]  # fmt: skip
    best, _ = cost_of(command, folder=folder)
    for _ in range(rounds - 1):
        best = best.best(cost_of(command, folder=folder)[0])
    _say(f"{rows:,} rows, the shipped rules: {best.wall:.1f} s, {best.cpu:.1f} s of CPU")
    return Shipped(rows, len(default_pack().rules), best)


# ---- the rest --------------------------------------------------------------------------------------------------------


def planning(rules: int, *, folder: Path, rounds: int) -> Planned:
    """Return the round of planning that took the least in all."""
    command = [sys.executable, str(HERE / "bench_planning.py"), "--rules", str(rules)]
    found = [Planned(**json.loads(cost_of(command, folder=folder)[1])) for _ in range(rounds)]
    return min(found, key=lambda one: one.load + one.text + one.duckdb)


def verdicts(asked: Asked, folder: Path) -> list[Found]:
    """Return the best round of each engine that is installed."""
    several, many = (
        _file(asked, folder, asked.verdict_rows, whole=True),
        _file(asked, folder, max(asked.rows), whole=True),
    )
    best: dict[tuple[str, int], Found] = {}
    turns = [(engine, several, asked.verdict_rows) for engine in (*ENGINES, RISKFLAGS) if is_installed(engine)]
    turns.append((RISKFLAGS, many, max(asked.rows)))
    for number in range(asked.rounds):
        for engine, file, rows in turns:
            command = [sys.executable, str(HERE / "bench_verdicts.py"), engine, str(file), "--rows", str(rows)]
            one = Found(**json.loads(cost_of(command, folder=folder)[1]))
            if one.wrong:
                msg = f"{engine}: {one.wrong} verdicts are not those of the SQL"
                raise SystemExit(msg)
            key = (engine, rows)
            best[key] = min(best.get(key, one), one, key=lambda found: found.seconds)
            _say(f"verdicts, round {number + 1}: {engine} {one.rows / one.seconds:,.0f} rows a second")
    return list(best.values())


def is_installed(engine: str) -> bool:
    """Return whether an engine is there to be measured."""
    try:
        version(engine)
    except PackageNotFoundError:
        return False
    return True


def _file(asked: Asked, folder: Path, rows: int, *, whole: bool = False) -> Path:
    """Return a file of so many records, made at the first."""
    path = (asked.keep or folder) / f"{'whole' if whole else 'records'}-{rows}.csv"
    if not path.exists():
        made = [sys.executable, str(HERE / "bench_records.py"), str(path), "--rows", str(rows)]
        cost_of([*made, "--whole"] if whole else made, folder=folder)
    return path


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


# ---- the page --------------------------------------------------------------------------------------------------------


def page(asked: Asked, runs: Sequence[Measured], own: Shipped, plans: Sequence[Planned], alone: Sequence[Found]) -> str:
    """Return the page."""
    parts = [
        "# Engines: runs of many records, beside SQL by hand and beside other engines",
        _how(asked),
        ABOUT,
        "## From file to files",
        RUNS,
        table(_RUN_HEADS, (row for one in runs for row in _run_rows(one))),
        _growth(runs),
        _of_shipped(own),
        "## Before the first record",
        PLANS,
        table(_PLAN_HEADS, (_plan_row(p) for p in plans)),
        "## Verdicts alone",
        VERDICTS,
        table(_VERDICT_HEADS, _verdict_rows(alone)),
        *(f"Not measured, since it is not installed: {one}." for one in ENGINES if not is_installed(one)),
        "## Versions",
        table(["package", "version"], _versions()),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _how(asked: Asked) -> str:
    options = f"--rows {' '.join(map(str, asked.rows))} --rules {' '.join(map(str, asked.rules))}"
    options += f" --rules-at {asked.rules_at} --verdict-rows {asked.verdict_rows} --rounds {asked.rounds}"
    return (
        "All records are synthetic, and every share in them is made up (`tests/bench/bench_records.py`); so are the "
        f"rules (`bench_rules.py` beside it). Measured on {os.cpu_count()} processors that other work may share: "
        "compare the figures of one table, not those of two pages. Each candidate is a process of its own; they take "
        f"turns, and the best of {asked.rounds} rounds counts. Make the page again, in the project's folder, with the "
        f"extra `bench` installed:\n\n```sh\npython tests/bench/measure_engines.py {options}\n```"
    )


ABOUT = """\
Everything in these tables is measured, nothing is reckoned from another figure but the ratios. Seconds are by the
clock; CPU is the seconds of all processors, of the process and of all that it began; peak is its memory at most."""
RUNS = """\
A canonical CSV becomes flags, requirements, gaps and undecided rules on disk, as Parquet. *SQL by hand* is the rival:
DuckDB statements laid out for exactly these columns and rules (`bench_sql.py`), which check every cell, decide in three
values with what is missing, tell the evidence of what fired, set deadlines in hours and working days and write the same
files in the same order. Their lines are compared, all up to 100,000 rows, and their counts by rule, severity, action,
state and need above that: a difference ends the measuring. *riskflags* decides 200 of the records a second time, one at
a time, and compares, which is measured on the first file alone; with `--verify 0` it does not, as
the SQL does not. The ratio is to the SQL of the same file and rules."""
PLANS = """\
Seconds to load a pack, to write its statements, and for DuckDB to plan them and run them on ten rows: what a run takes
before rows count."""
VERDICTS = """\
Thirty rules that read one record, on rows in memory: no file, no needs, no evidence, no requirements. The rows have no
blanks, since the others know no third answer, and ages, gaps and hours are worked out in theirs. Each gets the rules
that it can express, in its own documents' way: durable_rules a fact for each row, by its host. Every verdict is
compared with that of the SQL. riskflags works out ages and hours itself; its time goes from the tables of its store to
the tables of verdicts, planning included, so that it gains with the number of rows. The ratio is to riskflags on the
most rows."""
_RUN_HEADS = ["rows", "rules", "look-ups", "candidate", "seconds", "CPU", "peak MB", "ratio", "ratio of CPU"]
_PLAN_HEADS = ["rules", "load", "statements written", "planned and run on ten rows", "statements"]
_VERDICT_HEADS = [
    "engine", "rules", "rows", "rows a second", "riskflags is faster by", "rows a second of CPU", "by CPU",
]  # fmt: skip


def _run_rows(one: Measured) -> Iterator[tuple[str, ...]]:
    rival, linked = one.costs[_SQL], len(look_ups_of(rules_of(one.rules)))
    for name, cost in one.costs.items():
        yield (
            f"{one.rows:,}", str(one.rules), str(linked), name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}",
            f"{cost.peak:,.0f}",
            f"{cost.wall / rival.wall:.2f}", f"{cost.cpu / rival.cpu:.2f}",
        )  # fmt: skip


def _growth(runs: Sequence[Measured]) -> str:
    """Return what a row of the largest file costs beside a row of a tenth of it, where both were measured."""
    by_size = {(one.rows, one.rules): one.costs for one in runs}
    found = [
        f"- {name}, {rules} rules: a row of {rows:,} costs {large[name].wall / small[name].wall / 10:.2f} times what a "
        f"row of {rows // 10:,} does ({large[name].cpu / small[name].cpu / 10:.2f} of CPU)"
        for (rows, rules), large in by_size.items()
        if (small := by_size.get((rows // 10, rules))) is not None
        for name in large
    ]
    return "\n".join(found)


def _plan_row(one: Planned) -> tuple[str, ...]:
    return str(one.rules), f"{one.load:.2f}", f"{one.text:.2f}", f"{one.duckdb:.2f}", f"{one.statements:,}"


def _of_shipped(one: Shipped) -> str:
    return (
        f"The {one.rules} rules of the shipped pack take {one.cost.wall:.1f} seconds on {one.rows:,} of these rows, "
        f"with `--verify 0`: {one.cost.cpu:.1f} of CPU, {one.cost.peak:,.0f} MB."
    )


def _verdict_rows(alone: Sequence[Found]) -> Iterator[tuple[str, ...]]:
    fastest = max((one for one in alone if one.engine == RISKFLAGS), key=lambda one: one.rows)
    best, best_cpu = fastest.rows / fastest.seconds, fastest.rows / fastest.cpu
    for one in alone:
        speed, by_cpu = one.rows / one.seconds, one.rows / one.cpu
        yield (
            one.engine, str(one.rules), f"{one.rows:,}", f"{speed:,.0f}", f"{best / speed:.1f}", f"{by_cpu:,.0f}",
            f"{best_cpu / by_cpu:.1f}",
        )  # fmt: skip


def _versions() -> Iterator[tuple[str, str]]:
    yield "Python", platform.python_version()
    for package in (RISKFLAGS, "duckdb", "pyarrow", *ENGINES):
        if is_installed(package):
            yield package, version(package)


def asked_for(arguments: Sequence[str] | None) -> Asked:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes, with 30 rules")
    parser.add_argument("--rules", type=int, nargs="*", default=[10, 100, 300], help="other numbers of rules")
    parser.add_argument("--rules-at", type=int, default=100_000, help="the size that those are measured at")
    parser.add_argument("--verdict-rows", type=int, default=20_000, help="rows that each engine decides in memory")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--memory-limit", default="4GB", help="of DuckDB from 10,000,000 rows on")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page")
    parser.add_argument("--keep", type=Path, help="a folder in which generated files are kept, and found again")
    found = parser.parse_args(arguments)
    if min(*found.rows, found.rules_at, found.verdict_rows, found.rounds) < 1:
        parser.error("--rows, --rules-at, --verdict-rows, --rounds: at least 1")
    return Asked(
        tuple(found.rows), tuple(found.rules), found.rules_at, found.verdict_rows, found.rounds, found.memory_limit,
        found.out, found.keep,
    )  # fmt: skip


@contextmanager
def _folder(asked: Asked) -> Iterator[Path]:
    with TemporaryDirectory(prefix="bench-") as folder:
        if asked.keep is not None:
            asked.keep.mkdir(parents=True, exist_ok=True)
        yield Path(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    asked = asked_for(arguments)
    with _folder(asked) as folder:
        pairs = [*((rows, BASE) for rows in asked.rows), *((asked.rules_at, rules) for rules in asked.rules)]
        runs = [
            measured(_file(asked, folder, rows), folder, rows=rows, rules=rules, asked=asked, verified=number == 0)
            for number, (rows, rules) in enumerate(dict.fromkeys(pairs))
        ]
        plans = [planning(rules, folder=folder, rounds=asked.rounds) for rules in sorted({BASE, *asked.rules})]
        small = min(asked.rows)
        own = shipped(_file(asked, folder, small), folder, rows=small, rounds=asked.rounds)
        found = page(asked, runs, own, plans, verdicts(asked, folder))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
