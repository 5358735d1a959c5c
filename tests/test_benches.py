"""The benchmarks measure engines that decide alike: their packs load, and the SQL and the others say what we say."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING, Any

import bench_sql
import measure_engines
import pytest
from bench_compare import differences
from bench_packs import SIZES, write_pack
from bench_planning import planned
from bench_records import AS_OF, write_records
from bench_rules import look_ups_of, rules_of
from bench_verdicts import ENGINES, RISKFLAGS, Found, measure
from command_line import riskflags

from riskflags import Pack
from riskflags.lint import lint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of records without blanks."""
    path = tmp_path_factory.mktemp("whole") / "records.csv"
    write_records(path, rows=400, whole=True)
    return path


def run(file: Path, folder: Path, *, rules: int) -> None:
    """Let riskflags and the SQL write their files of one run side by side."""
    pack = write_pack(folder / "pack", rules=rules)
    options = ["--rules", str(pack), "--drafts", "--as-of", AS_OF, "--format", "parquet", "--backend", "record"]
    done = riskflags("run", str(file), *options, "--out", str(folder / "ours"))
    assert done.exit_code == 0, done.stderr
    bench_sql.run(file, rules_of(rules), folder / "by hand")


@pytest.mark.parametrize("rules", SIZES)
def test_a_pack_of_the_benchmarks_loads(rules: int, tmp_path: Path) -> None:
    pack = Pack.load(write_pack(tmp_path / "pack", rules=rules)).with_drafts()
    assert sum(rule.status == "active" for rule in pack.rules) == rules
    assert len(look_ups_of(rules_of(rules))) == {10: 1, 30: 5, 100: 20, 300: 20}[rules]


@pytest.mark.parametrize("linked", [True, False])
def test_the_thirty_rules_have_no_problem_that_is_more_than_a_warning(linked: bool, tmp_path: Path) -> None:
    pack = Pack.load(write_pack(tmp_path / "pack", rules=30, linked=linked))
    assert [problem for problem in lint(pack, today=date(2026, 11, 27)) if not problem.is_warning] == []


def test_the_same_seed_gives_the_same_records(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        write_records(tmp_path / name, rows=50, seed=seed)
    one, same, other = ((tmp_path / name).read_text(encoding="utf-8") for name in ("one", "same", "other"))
    assert one == same != other


def test_the_sql_and_riskflags_write_the_same_lines(tmp_path: Path) -> None:
    write_records(tmp_path / "records.csv", rows=500)
    run(tmp_path / "records.csv", tmp_path, rules=30)
    assert differences(tmp_path / "ours", tmp_path / "by hand", rows=500) == []


def test_a_line_that_differs_is_told(tmp_path: Path) -> None:
    write_records(tmp_path / "records.csv", rows=60)
    run(tmp_path / "records.csv", tmp_path, rules=4)
    (tmp_path / "by hand" / "warnings.parquet").write_bytes((tmp_path / "by hand" / "rejects.parquet").read_bytes())
    con: Any = bench_sql.duckdb.connect()
    flags = tmp_path / "by hand" / "flags.parquet"
    con.execute(f"CREATE TABLE fewer AS FROM '{flags}' LIMIT 5")
    con.execute(f"COPY fewer TO '{flags}' (FORMAT parquet)")
    con.close()
    (told,) = (
        line for line in differences(tmp_path / "ours", tmp_path / "by hand", rows=60) if line.startswith("flags")
    )
    assert told.endswith("only of riskflags, 0 only of the SQL")


WRONG = (
    ("incident.type", "no_such_type"),
    ("incident.reported_at", "31/12/2025"),
    ("child.in_care", "perhaps"),
    ("missing.returned_at", "2026-03-29T01:30"),
    ("child.date_of_birth", "2025-02-29"),
    ("incident.indicators", "grooming;nonsense"),
    ("action.mark.outcome", "waived"),
)


def test_a_cell_that_the_sql_does_not_take_is_told_as_a_reject(tmp_path: Path) -> None:
    write_records(tmp_path / "records.csv", rows=20)
    with (tmp_path / "records.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, (column, cell) in zip(rows, WRONG, strict=False):
        row[column] = cell
    with (tmp_path / "records.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    bench_sql.run(tmp_path / "records.csv", rules_of(4), tmp_path / "out")
    rejects = bench_sql.duckdb.read_parquet(str(tmp_path / "out" / "rejects.parquet")).select("source_row", "column")
    assert rejects.fetchall() == [(n, column) for n, (column, _) in enumerate(WRONG, start=1)]


@pytest.mark.parametrize("engine", [*ENGINES, RISKFLAGS])
def test_every_engine_gives_the_verdicts_of_the_sql(engine: str, whole: Path) -> None:
    if not measure_engines.is_installed(engine):
        pytest.skip(f"{engine} is not installed: it comes with the extra `bench`")
    found = measure(engine, whole, rows=400)
    assert (found.rows, found.wrong) == (400, 0)
    assert found.rules == (28 if engine == "business-rules" else 30)  # it cannot compare two fields


def test_planning_is_measured(tmp_path: Path) -> None:
    found = planned(1)
    assert found.statements > 1
    assert min(found.load, found.text, found.duckdb) > 0


def test_the_runner_measures_every_candidate_and_finds_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = measure_engines.commands

    def quick(*arguments: Any, **options: Any) -> dict[str, list[str]]:
        found = usual(*arguments, **options)
        return found | {"riskflags": [*found["riskflags"], "--verify", "2"]}

    monkeypatch.setattr(measure_engines, "commands", quick)
    asked = measure_engines.asked_for(["--rows", "1000", "--rules", "1", "--rounds", "1"])
    write_records(tmp_path / "records.csv", rows=1_000)
    found = measure_engines.measured(
        tmp_path / "records.csv", tmp_path, rows=1_000, rules=1, asked=asked, verified=True
    )
    assert list(found.costs) == ["read_csv alone", "SQL by hand", "riskflags, --verify 0", "riskflags"]
    assert all(min(cost.wall, cost.cpu, cost.peak) > 0 for cost in found.costs.values())
    alone = [Found(engine, "1", 30, 1_000, 1.0, 1.0, 5, 0) for engine in ("zen-engine", RISKFLAGS)]
    own = measure_engines.Shipped(1_000, 50, found.costs["riskflags"])
    page = measure_engines.page(asked, [found], own, [], alone)
    assert page.count("| 1,000 | 1 | 0 |") == 4
    assert "python tests/bench/measure_engines.py --rows 1000 --rules 1 " in page


def test_what_the_runner_cannot_measure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        measure_engines.asked_for(["--rounds", "0"])
    assert stopped.value.code == 2
    assert "--rounds: at least 1" in capsys.readouterr().err


def test_the_page_in_the_docs_says_how_it_was_made() -> None:
    page = measure_engines.PAGE.read_text(encoding="utf-8")
    assert page.startswith("# Engines")
    assert "python tests/bench/measure_engines.py --rows " in page
