"""A run from files to files inside the database writes what a run of one record after another writes."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import riskflags
from small_pack import small_pack, write_small_pack

from riskflags.batch import Plan, Store
from riskflags.batch.plan import RESULTS
from riskflags.intake.at_once import read_into
from riskflags.record import Names
from riskflags.report import outputs
from riskflags.report.tables import TABLES
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

AS_OF = "2026-01-15T09:00"  # in the middle of the generated year: some records are not yet there
CASES = Path(__file__).parent.parent / "riskflags" / "samples" / "cases"


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return generated incidents with what intake and rules say no to: odd dates, formulas, unknown codes, no id."""
    path = tmp_path_factory.mktemp("extract") / "incidents.csv"
    write_canonical(path, rows=250, seed=11)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[3]["incident.type"] = "no_such_type"
    rows[5]["incident.reported_at"] = "31/12/2025"
    rows[7]["incident.id"] = "=SYN-formula"
    rows[9]["child.id"] = ""
    rows[11]["action.see_child.at"] = "2026-03-01T10:00"
    rows[13] = dict(rows[12])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def runs(tmp_path: Path, inputs: Sequence[str], *, form: str, as_of: str = AS_OF) -> list[tuple[Path, str, int]]:
    """Return the folder, the words and the exit code of both runs."""
    found: list[tuple[Path, str, int]] = []
    for backend in ("record", "duckdb"):
        out = tmp_path / backend
        more = ["--as-of", as_of, "--backend", backend, "--verify", "10", "--out", str(out), "--format", form]
        done = riskflags("run", *inputs, *more, "--fail-on", "critical")
        found.append((out, done.stdout.replace(str(out), "OUT"), done.exit_code))
    return found


def rows_of(path: Path) -> list[Any]:
    if path.is_dir():
        return [row for part in sorted(path.iterdir()) for row in rows_of(part)]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))
    import pyarrow.parquet as pq  # noqa: PLC0415 - of the extra `batch`

    rows: list[Any] = pq.read_table(path).to_pylist()
    return rows


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_files_and_the_closing_words_are_the_same(
    extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """With the shipped rules as CSV, and with a few rules as Parquet in parts."""
    few: list[str] = []
    if form == "parquet":
        monkeypatch.setattr(outputs, "PART_ROWS", 100)
        few = ["--rules", str(write_small_pack(tmp_path / "rules")), "--drafts"]
    (alone, words, code), (together, other_words, other_code) = runs(tmp_path, [str(extract), *few], form=form)
    assert (words, code) == (other_words, other_code)
    for name in TABLES:
        assert rows_of(alone / f"{name}.{form}") == rows_of(together / f"{name}.{form}"), name
    first, second = (json.loads((out / "summary.json").read_text(encoding="utf-8")) for out in (alone, together))
    assert first.pop("backend") == "record"
    assert second.pop("backend") == "duckdb"
    assert first == second
    assert (together / f"flags.{form}").is_dir() is (form == "parquet")


def test_records_with_lists_in_several_files_come_out_alike(tmp_path: Path) -> None:
    inputs = [str(path) for path in sorted(CASES.glob("*.jsonl"))]
    (alone, words, _), (together, other_words, _) = runs(tmp_path, inputs, form="jsonl", as_of="2025-10-16T09:00")
    assert words == other_words
    for name in TABLES:
        assert rows_of(alone / f"{name}.jsonl") == rows_of(together / f"{name}.jsonl"), name


@pytest.mark.parametrize("limit", ["1KB", "20 MB"])
def test_a_memory_limit_that_is_too_small_says_so_and_nothing_is_written(
    extract: Path, tmp_path: Path, limit: str
) -> None:
    out = tmp_path / "out"
    done = riskflags("run", str(extract), "--backend", "duckdb", "--memory-limit", limit, "--out", str(out))
    assert done.exit_code == 4
    assert f"the run needs more memory than {limit}: give --memory-limit more; nothing was written" in done.stderr
    assert not out.exists()


def test_a_memory_limit_that_is_none_is_refused(extract: Path, tmp_path: Path) -> None:
    done = riskflags(
        "run", str(extract), "--backend", "duckdb", "--memory-limit", "much", "--out", str(tmp_path / "out")
    )
    assert done.exit_code == 4
    assert "--memory-limit much: write a number and a unit, such as 4GB or 512MB" in done.stderr


def test_where_spark_runs_is_refused_for_another_backend(extract: Path) -> None:
    done = riskflags("run", str(extract), "--backend", "duckdb", "--master", "local[2]")
    assert done.exit_code == 4
    assert "--master is for --backend spark: give both, or neither" in done.stderr


def test_a_run_on_spark_without_it_says_what_to_install(extract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyspark" else found(name))
    done = riskflags("run", str(extract), "--backend", "spark")
    assert done.exit_code == 4
    assert "a batch needs pyspark. Install it with: pip install 'riskflags[spark]'" in done.stderr


def test_nothing_of_the_database_is_left_behind(extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spill").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spill"))
    out = tmp_path / "out"
    few = ["--rules", str(write_small_pack(tmp_path / "rules")), "--drafts", "--memory-limit", "2GB"]
    done = riskflags("run", str(extract), "--as-of", AS_OF, "--backend", "duckdb", *few, "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert list((tmp_path / "spill").iterdir()) == []
    assert sorted(path.name for path in out.iterdir()) == sorted([*(f"{name}.csv" for name in TABLES), "summary.json"])


def test_reading_and_deciding_say_how_far_they_are_and_end_at_the_end(extract: Path) -> None:
    pack = small_pack()
    read: list[tuple[float, float]] = []
    decided: list[tuple[float, float]] = []
    with contextlib.closing(Store()) as store:
        as_of = datetime.fromisoformat("2026-01-15T09:00+00:00")
        intake = read_into(store, extract, pack=pack, as_of=as_of, told=lambda *at: read.append(at))
        plan = Plan(Names.of(pack), store, intake.holds, only={})
        plan.run(lambda *at: decided.append(at))
    for found, end in ((read, extract.stat().st_size), (decided, len(decided))):
        assert found == sorted(found)
        assert found[-1] == (end, end)
        assert {every for _, every in found} == {end}


def test_a_plan_that_has_run_holds_records_and_results_alone(extract: Path) -> None:
    pack = small_pack()
    with contextlib.closing(Store()) as store:
        as_of = datetime.fromisoformat("2026-01-15T09:00+00:00")
        intake = read_into(store, extract, pack=pack, as_of=as_of)
        given = set(store.names())
        Plan(Names.of(pack), store, intake.holds, only={}).run()
        left = set(store.names())
    assert given <= left
    assert {"fired", "undecided"} <= left - given
    assert all(name in RESULTS or name.startswith("values by ") for name in left - given)
