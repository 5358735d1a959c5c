"""The commands: what they print, what they write, and the exit codes."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import typer
from typer.testing import CliRunner

import riskflags as package
from riskflags import EngineError, Incident, PackError, cli, default_pack, shipped
from riskflags.cli import packs, run
from riskflags.cli.app import app
from riskflags.cli.exits import Refused, exit_code
from riskflags.cli.inputs import moment_of, record_model
from riskflags.errors import Place
from riskflags.examples import ExampleReport, ExampleResult, Uncovered
from riskflags.model import Severity
from riskflags.report.tables import TABLES
from riskflags.report.terminal import Screen, flush, progress
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from typer.testing import Result

LONDON = ZoneInfo("Europe/London")
COMMANDS = ["run", "demo", "check", "test", "explain", "fields", "mappings"]


def riskflags(*args: str | Path, stdin: str | None = None, env: dict[str, str | None] | None = None) -> Result:
    return CliRunner(env=env).invoke(app, [str(arg) for arg in args], input=stdin)


def in_a_process(*args: str | Path, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "riskflags", *map(str, args)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd)


# ---- help, version and misuse ----------------------------------------------------------------------------------------


def test_help_names_every_command() -> None:
    found = riskflags("--help")
    assert found.exit_code == 0
    assert [line.split()[0] for line in found.stdout.partition("Commands:\n")[2].splitlines()] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command: str) -> None:
    found = riskflags(command, "--help")
    assert found.exit_code == 0
    assert f"riskflags {command}" in found.stdout or f"root {command}" in found.stdout


def test_help_needs_neither_the_models_nor_the_engine() -> None:
    code = "import sys; from riskflags.cli import main; sys.argv[1:] = ['--help']; main(); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "rich", "holidays", "riskflags.engine"} & set(done.stdout.split("'"))


def test_version_is_printed() -> None:
    found = riskflags("--version")
    assert found.exit_code == 0
    assert found.stdout.startswith("riskflags ")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "say which command to run"),
        (["rnu"], "No such command 'rnu'"),
        (["run"], "Missing argument 'FILE'"),
        (["run", "a.csv", "--format", "xml"], "'xml' is not one of 'csv', 'jsonl', 'parquet'"),
        (["run", "a.csv", "--fail-on", "bad"], "'bad' is not one of"),
        (["run", "a.csv", "--html", "x"], "No such option: --html"),
        (["run", "a.csv", "--record", "nonsense"], "write module:Class"),
        (["run", "a.csv", "--record", "no_such_module:X"], "No module named 'no_such_module'"),
        (["run", "a.csv", "--record", "json:loads"], "loads is not a subclass of riskflags.Incident"),
        (["explain", "a.csv"], "Missing option '--incident'"),
        (["fields", "chidl."], "no field begins with chidl."),
    ],
)
def test_misuse_exits_with_4_and_says_what_is_wrong(args: list[str], says: str) -> None:
    found = riskflags(*args)
    assert found.exit_code == 4
    assert says in found.stderr
    assert "Traceback" not in found.output


def test_without_typer_or_rich_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert cli.main() == 4
    assert "needs typer and rich. Install it with: pip install 'riskflags[cli]'" in capsys.readouterr().err


def test_the_entry_point_returns_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["riskflags", "--version"])
    assert cli.main() == 0
    monkeypatch.setattr(sys, "argv", ["riskflags", "rnu"])
    assert cli.main() == 4


def test_the_module_runs_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["riskflags", "rnu"])
    with pytest.raises(SystemExit, match="4"):
        runpy.run_module("riskflags", run_name="__main__")


def test_python_dash_m_is_the_command_line() -> None:
    done = in_a_process("rnu")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "riskflags: No such command 'rnu'. Did you mean 'run'?\nTry: riskflags --help\n"


# ---- run -------------------------------------------------------------------------------------------------------------

CASES = Path(package.__file__).parent / "samples" / "cases"
AS_OF = "2025-10-16T09:00"
HEADERS = (
    "incident.id,incident.type,missing.last_seen_at,missing.reported_at,missing.returned_at,child.id,child.in_care"
)
MISSING = "{0},missing_episode,2026-01-0{1}T10:00,2026-01-0{1}T11:00,2026-01-0{1}T15:00,C1,yes\n"


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(name="missing")
def missing_file(tmp_path: Path) -> Path:
    """Three missing episodes of one child, of which one is later than the others; and a row that is rejected."""
    lines = [MISSING.format(f"I{day}", day) for day in (1, 2, 9)]
    path = tmp_path / "missing.csv"
    path.write_text(f"{HEADERS}\n{''.join(lines)}I4,missing_episode,,,,C1,yes\n", encoding="utf-8")
    return path


def test_run_prints_who_needs_someone_now_worst_first() -> None:
    found = riskflags("run", CASES / "case-a.jsonl", CASES / "case-b.jsonl", "--as-of", AS_OF)
    assert found.exit_code == 0
    assert "As of 16 October 2025, 9:00am (2025-10-16T09:00:00+01:00)." in found.stdout
    assert "Critical flags and no record of a required action: 2 children, worst first" in found.stdout
    people = [line for line in found.stdout.splitlines() if line.startswith("Child ")]
    assert people[:2] == ["Child CHILD-A, incident CASE-A-4", "Child CHILD-B, incident CASE-B-1"]
    assert (
        "    No record of crime recorded. Attending officer. Due 24 September 2025, 10:00am, 21 days overdue"
        in found.stdout
    )
    assert "Recorded late: suspect traced, or enquiries to trace (suspect SUSPECT-B)." in found.stdout
    assert "      Recorded, but falls short of it: approach, completed, 15 October 2025, 10:00am" in found.stdout
    assert "  Crime recorded (Attending officer): 2 no record, of 2 required" in found.stdout
    assert "No files were written. Add --out DIR" in found.stdout
    assert found.stderr == ""


def test_run_says_so_when_no_child_is_failed() -> None:
    found = riskflags("run", CASES / "case-d.jsonl", "--as-of", AS_OF)
    assert "No child has a critical flag and a required action that is known to be overdue." in found.stdout


def test_run_writes_every_file_and_says_where(tmp_path: Path) -> None:
    found = riskflags("run", *CASES.glob("*.jsonl"), "--as-of", AS_OF, "--out", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*(f"{t}.csv" for t in TABLES), "summary.json"]
    )
    flags = rows(tmp_path / "out", "flags")
    assert f"flags.csv: {len(flags)} rows" in found.stdout
    assert {row["as_of"] for row in flags} == {"2025-10-16T09:00:00+01:00"}
    assert {Path(row["source_file"]).name for row in flags} == {f"case-{letter}.jsonl" for letter in "abcd"}
    ranks = [Severity[row["severity"]] for row in flags]
    assert ranks == sorted(ranks, reverse=True)
    numbers = summary(tmp_path / "out")
    assert sum(sum(by.values()) for by in numbers["flags"].values()) == len(flags)
    assert numbers["as_of"] == "2025-10-16T09:00:00+01:00"
    assert numbers["pack"]["digest"].startswith("sha256:")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_two_runs_of_the_same_input_write_the_same_bytes(tmp_path: Path, form: str) -> None:
    for name in ("a", "b"):
        riskflags("run", *sorted(CASES.glob("*.jsonl")), "--as-of", AS_OF, "--out", tmp_path / name, "--format", form)
    assert len(list((tmp_path / "a").iterdir())) == 7
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_run_writes_parquet(tmp_path: Path) -> None:
    assert riskflags("run", CASES / "case-a.jsonl", "--out", tmp_path, "--format", "parquet").exit_code == 0
    assert (tmp_path / "flags.parquet").stat().st_size


def test_parquet_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    found = riskflags("run", "a.csv", "--out", tmp_path, "--format", "parquet")
    assert (found.exit_code, found.stderr) == (
        4,
        "riskflags: --format parquet needs pyarrow. Install it with: pip install 'riskflags[batch]'\n",
    )


def test_the_counts_of_rows_add_up_with_those_after_as_of(missing: Path, tmp_path: Path) -> None:
    found = riskflags("run", missing, "--as-of", "2026-01-05T12:00", "--out", tmp_path / "out")
    assert "4 rows: 3 accepted, 1 rejected" in found.stdout
    assert summary(tmp_path / "out")["rows"] == {
        "read": 4, "accepted": 3, "warned": 0, "rejected": 1, "out_of_scope": 0, "not_yet": 1,
    }  # fmt: skip


def test_a_rejected_row_is_named_on_the_terminal_and_in_its_file(missing: Path, tmp_path: Path) -> None:
    found = riskflags("run", missing, "--as-of", AS_OF, "--out", tmp_path / "out")
    assert "  Rejected: " in found.stdout
    assert "missing.csv, row 4, column" in found.stdout
    (reject,) = rows(tmp_path / "out", "rejects")
    assert (reject["source_row"], reject["child_id"]) == ("4", "C1")


def test_strict_exits_with_3_for_a_rejected_row_and_still_writes(missing: Path, tmp_path: Path) -> None:
    assert riskflags("run", missing, "--out", tmp_path / "out", "--strict").exit_code == 3
    assert (tmp_path / "out/rejects.csv").exists()
    assert riskflags("run", CASES / "case-a.jsonl", "--strict").exit_code == 0


@pytest.mark.parametrize(("severity", "code"), [("critical", 0), ("high", 1), ("low", 1)])
def test_fail_on_exits_with_1_at_or_above_the_severity(missing: Path, severity: str, code: int) -> None:
    assert riskflags("run", missing, "--as-of", "2026-01-05T12:00", "--fail-on", severity).exit_code == code


def test_standard_input_is_read(missing: Path) -> None:
    found = riskflags("run", "-", "--as-of", "2026-01-20T12:00", stdin=missing.read_text(encoding="utf-8"))
    assert found.exit_code == 0
    assert "4 rows: 3 accepted, 1 rejected. 3 records." in found.stdout


def test_a_mapping_reads_a_format_that_we_did_not_invent(tmp_path: Path) -> None:
    path = tmp_path / "903.csv"
    path.write_text(
        "CHILD,DOB,MISSING,MIS_START,MIS_END\n1,06/05/2012,m,01/01/2026,\n1,06/05/2012,m,xx,\n", encoding="utf-8"
    )
    found = riskflags("run", path, "--mapping", "ssda903", "--as-of", "2026-02-01T12:00", "--out", tmp_path / "out")
    assert "as missing in utf-8, separated by commas." in found.stdout
    assert rows(tmp_path / "out", "not_assessed")
    assert not {row["state"] for row in rows(tmp_path / "out", "requirements")} & {"overdue", "done_late"}
    assert "Not assessed in " in found.stdout


def test_more_fields_come_with_a_model_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "more_records.py").write_text(MORE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = riskflags("fields", "child.shoe", "--record", "more_records:MyIncident")
    assert found.stdout.split() == ["child.shoe_size", "number", "Shoe", "size"]
    assert riskflags("run", CASES / "case-a.jsonl", "--record", "more_records:MyIncident").exit_code == 0


MORE = """
from pydantic import Field
from riskflags import Incident
from riskflags.incident import Child
from riskflags.kinds import Decimal6
class MyChild(Child):
    shoe_size: Decimal6 = Field(None, description="Shoe size")
class MyIncident(Incident):
    child: MyChild = MyChild()
"""


def test_a_pack_of_ones_own_and_its_drafts_can_be_run(tmp_path: Path) -> None:
    pack = copied_pack(tmp_path)
    rule = pack / "missing/missing-from-care.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("status: active", "status: draft"), encoding="utf-8")

    def codes(*options: str) -> set[str]:
        riskflags("run", CASES / "case-a.jsonl", "--rules", pack, "--as-of", AS_OF, "--out", tmp_path / "out", *options)
        return {row["rule_code"] for row in rows(tmp_path / "out", "flags")}

    assert codes("--drafts") - codes() == {"M02"}


def test_personal_fields_are_shown_only_when_asked_for() -> None:
    found = riskflags("run", CASES / "case-a.jsonl", "--as-of", AS_OF)
    assert "14 May 2010" not in found.output
    found = riskflags("run", CASES / "case-a.jsonl", "--as-of", AS_OF, "--show-personal")
    assert "  child.date_of_birth: 14 May 2010" in found.stdout


def test_the_terminal_shows_the_worst_children_and_says_how_many_more(tmp_path: Path) -> None:
    record = (CASES / "case-b.jsonl").read_text(encoding="utf-8")
    path = tmp_path / "many.jsonl"
    path.write_text("".join(record.replace("-B", f"-{number:02}") for number in range(25)), encoding="utf-8")
    found = riskflags("run", path, "--as-of", AS_OF)
    assert found.stdout.count("\nChild CHILD-") == 20
    assert "and 5 records more: all of them are with --out DIR." in found.stdout


def test_a_child_without_id_is_said_to_be_not_identified(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = (CASES / "case-b.jsonl").read_text(encoding="utf-8").replace('"id": "CHILD-B", ', "")
    path.write_text(record, encoding="utf-8")
    assert "Child not identified, incident CASE-B-1" in riskflags("run", path, "--as-of", AS_OF).stdout


def test_text_from_data_is_made_safe_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = (CASES / "case-b.jsonl").read_text(encoding="utf-8").replace("CHILD-B", "\\u001b[2J[red]x")
    path.write_text(record, encoding="utf-8")
    found = riskflags("run", path, "--as-of", AS_OF)
    assert r"Child \x1b[2J[red]x, incident CASE-B-1" in found.stdout


# ---- what users get wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [("no-such.csv", "no-such.csv"), ("folder", "folder"), ("empty.csv", "empty.csv"), ("book.xlsx", "Excel")],
)
def test_data_that_cannot_be_read_exits_with_3(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04rest")
    found = riskflags("run", tmp_path / name)
    assert found.exit_code == 3
    assert says in found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize("command", [["run", "a.csv", "--rules"], ["check"], ["test"]])
def test_a_pack_that_is_not_there_exits_with_2(tmp_path: Path, command: list[str]) -> None:
    found = riskflags(*command, tmp_path / "nowhere")
    assert found.exit_code == 2
    assert "nowhere" in found.output


def test_a_mapping_that_is_not_there_names_the_nearest() -> None:
    found = riskflags("run", CASES / "case-a.jsonl", "--mapping", "ssda93")
    assert found.exit_code == 2
    assert "did you mean ssda903?" in found.stderr


def test_a_file_in_the_place_of_out_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    found = riskflags("run", "no-such.csv", "--out", tmp_path / "out")
    assert found.exit_code == 4
    assert "out is a file: --out needs a folder" in found.stderr


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = riskflags("run", "no-such.csv", "--out", tmp_path / "out")
    assert found.exit_code == 4
    assert "you have no permission" in found.stderr


def test_a_run_does_not_write_over_what_it_reads(tmp_path: Path) -> None:
    found = riskflags("run", tmp_path / "flags.csv", "--out", tmp_path)
    assert found.exit_code == 4
    assert "flags.csv is read by this run: give another folder with --out" in found.stderr


def test_an_error_of_the_system_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr(run, "read_records", fail)
    found = riskflags("run", "secret.csv")
    assert (found.exit_code, found.stderr) == (3, "riskflags: secret.csv: Permission denied\n")


def test_an_engine_that_cannot_work_exits_with_4(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise EngineError("durable_rules could not be imported")

    monkeypatch.setattr(run, "Engine", fail)
    found = riskflags("run", "a.csv")
    assert (found.exit_code, found.stderr) == (4, "riskflags: durable_rules could not be imported\n")


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "read_records", fail)
    assert isinstance(riskflags("run", "a.csv").exception, ZeroDivisionError)


def test_an_interrupt_exits_with_130_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "show_ending", interrupt)
    monkeypatch.setattr(run, "tables", interrupt)
    found = riskflags("run", CASES / "case-a.jsonl", "--out", tmp_path / "out")
    assert (found.exit_code, found.stderr) == (130, "Stopped. No half-written file is left behind.\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("args", "code"), [(["fields"], 0), (["--help"], 0), (["run", "--fail-on", "low"], 1)])
def test_a_reader_that_goes_away_is_no_error(args: list[str], code: int) -> None:
    files = [str(CASES / "case-a.jsonl")] * (args[0] == "run")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "riskflags", *args, *files]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (code, "")


def test_a_terminal_that_lacks_a_character_stops_nothing() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "riskflags",
            "explain",
            CASES / "case-b.jsonl",
            "--incident",
            "CASE-B-1",
            "--rule",
            "T01",
        ],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2713" in done.stdout


# ---- explain ---------------------------------------------------------------------------------------------------------


def explained(*options: str) -> Result:
    return riskflags("explain", CASES / "case-c.jsonl", "--incident", "CASE-C-1", "--as-of", AS_OF, *options)


def test_explain_shows_each_comparison_with_its_actual_value_and_place() -> None:
    found = explained("--child", "CHILD-C", "--rule", "O01")
    assert found.exit_code == 0
    assert "O01 suspect-multi-child v1 on CASE-C-1, suspect SUSPECT-C: FIRES" in found.stdout
    assert "rules/network/suspect-multi-child.yaml:" in found.stdout


def test_explain_takes_every_child_of_the_incident_unless_one_is_named() -> None:
    both = [line for line in explained().stdout.splitlines() if line.startswith("Child ")]
    assert both == ["Child CHILD-C, incident CASE-C-1", "Child CHILD-C-BROTHER, incident CASE-C-1"]
    one = [line for line in explained("--child", "CHILD-C").stdout.splitlines() if line.startswith("Child ")]
    assert one == both[:1]


def test_explain_without_a_rule_shows_what_did_not_clear_and_names_the_rest() -> None:
    found = explained("--child", "CHILD-C")
    assert ": FIRES" in found.stdout
    assert ": CLEARS" not in found.stdout
    assert "Cleared: " in found.stdout


def test_explain_with_a_rule_shows_it_though_it_cleared() -> None:
    assert "M02 missing-from-care v1 on CASE-C-1: CLEARS" in explained("--rule", "missing-from-care").stdout


def test_explain_masks_personal_values_unless_they_are_asked_for() -> None:
    found = riskflags("explain", CASES / "case-a.jsonl", "--incident", "CASE-A-4", "--as-of", AS_OF)
    assert "2010-05-14" not in found.stdout
    assert "14 May 2010" not in found.stdout


def test_explain_says_that_a_record_is_not_yet_there() -> None:
    found = riskflags("explain", CASES / "case-a.jsonl", "--incident", "CASE-A-4", "--as-of", "2025-01-01T09:00")
    assert "The time of this record is after as_of: it takes no part yet." in found.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--incident", "CASE-A-9"], "no record of incident 'CASE-A-9'; the nearest is CASE-A-4"),
        (["--incident", "CASE-A-4", "--child", "X"], "incident 'CASE-A-4' has no record of child 'X', but of CHILD-A"),
        (["--incident", "CASE-A-4", "--rule", "E0"], "no active rule 'E0'; the nearest is E0"),
    ],
)
def test_explain_names_the_nearest_of_what_is_not_there(options: list[str], says: str) -> None:
    found = riskflags("explain", CASES / "case-a.jsonl", *options)
    assert found.exit_code == 4
    assert says in found.stderr


# ---- check, test, fields and mappings --------------------------------------------------------------------------------


def copied_pack(folder: Path) -> Path:
    return Path(shutil.copytree(default_folder(), folder / "pack"))


def test_check_of_the_shipped_pack_finds_no_problem() -> None:
    found = riskflags("check")
    assert found.exit_code == 0
    assert re.search(
        r"no problems\. core-england .+: \d+ rules, \d+ actions, digest sha256:\w{12}, 0 warnings\.", found.stdout
    )


def test_check_shows_every_problem_with_its_place_and_a_count(tmp_path: Path) -> None:
    pack = copied_pack(tmp_path)
    for name in ("missing/missing-from-care.yaml", "missing/repeat-missing.yaml"):
        text = (pack / name).read_text(encoding="utf-8")
        (pack / name).write_text(f"{text}\nsevrity: high\n", encoding="utf-8")
    found = riskflags("check", pack)
    assert found.exit_code == 2
    assert re.search(r"missing-from-care\.yaml:\d+:\d+: RF010 ", found.stdout)
    assert re.search(r"repeat-missing\.yaml:\d+:\d+: RF010 ", found.stdout)
    assert re.search(r"^ +\^$", found.stdout, re.MULTILINE)
    assert found.stdout.splitlines()[-1].endswith(" 2 problems.")


def test_check_shows_warnings_and_still_passes(tmp_path: Path) -> None:
    pack = copied_pack(tmp_path)
    vocabulary = pack / "vocabulary.yaml"
    text = vocabulary.read_text(encoding="utf-8")
    unused = "lists:\n  never_used: {label: Never used, values: [cse], source: [{ref: local-default}]}"
    vocabulary.write_text(text.replace("lists:", unused, 1), encoding="utf-8")
    found = riskflags("check", pack)
    assert found.exit_code == 0
    assert "RFW" in found.stdout
    assert "1 warning." in found.stdout


def test_the_examples_of_the_shipped_pack_pass_and_cover_it() -> None:
    found = riskflags("test")
    assert found.exit_code == 0
    assert re.search(r"(\d+) of \1 examples passed, (\d+) of \2 comparisons covered\.", found.stdout)


def test_an_example_that_fails_is_shown_beside_what_came_out(tmp_path: Path) -> None:
    pack = copied_pack(tmp_path)
    rule = pack / "missing/repeat-missing.yaml"
    text = rule.read_text(encoding="utf-8")
    rule.write_text(re.sub(r"expect: clears", "expect: fires", text, count=1), encoding="utf-8")
    found = riskflags("test", pack)
    assert found.exit_code == 2
    assert re.search(r"repeat-missing\.yaml:\d+:\d+: repeat-missing v1: example '.+' failed", found.stdout)
    assert "expected fires, came out as clears" in found.stdout
    assert "M03 repeat-missing v1 on " in found.stdout


def test_what_no_example_covers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ExampleResult("a-rule v1", "an example", Place("no/such/file.yaml", 3, 5), ("expected fires",))
    uncovered = Uncovered("a-rule v1", Place("rules/a.yaml", 7, 5), "child.in_care: is", "never false")
    monkeypatch.setattr(packs, "run_examples", lambda _pack: ExampleReport((result,), (uncovered,), 2))
    found = riskflags("test")
    assert found.exit_code == 2
    assert "no/such/file.yaml:3:5: a-rule v1: example 'an example' failed\n    expected fires\n" in found.stdout
    assert "rules/a.yaml:7:5: a-rule v1: child.in_care: is is never false in the examples" in found.stdout
    assert "0 of 1 example passed, 1 of 2 comparisons covered." in found.stdout


def test_fields_lists_paths_kinds_codes_and_what_is_personal() -> None:
    found = riskflags("fields", "child.")
    lines = found.stdout.splitlines()
    assert next(line for line in lines if line.startswith("child.date_of_birth")).split()[1:3] == ["date", "personal"]
    assert "    codes: female, male, other, unknown" in lines
    assert not any(line.startswith("incident.") for line in lines)


def test_mappings_lists_the_shipped_ones() -> None:
    found = riskflags("mappings")
    assert found.exit_code == 0
    assert found.stdout.startswith("ssda903")


# ---- demo ------------------------------------------------------------------------------------------------------------


@pytest.fixture(name="demo", scope="module")
def demo_output() -> dict[str, str]:
    """What the demonstration prints, by case."""
    done = riskflags("demo")
    assert (done.exit_code, done.stderr) == (0, "")
    parts = re.split(r"\n\n(?=Case [A-D]|What to see|Try next)", done.stdout)
    return {part.split(",")[0]: part for part in parts} | {"all": done.stdout}


def test_the_demo_says_that_all_of_it_is_synthetic(demo: dict[str, str]) -> None:
    assert demo["all"].startswith("All of this is synthetic: no real child, person or place is in it.\n")
    assert "As of 16 October 2025, 9:00am." in demo["all"]


@pytest.mark.parametrize(
    "action",
    [
        "crime recorded",
        "child seen and spoken to",
        "suspect arrested",
        "suspect traced",
        "warning marker on the child's address",
    ],
)
def test_the_demo_shows_what_there_is_no_record_of_in_case_a(demo: dict[str, str], action: str) -> None:
    assert f"No record of {action}" in demo["Case A"]
    assert "CRITICAL E01" in demo["Case A"]


def test_the_demo_shows_that_an_approach_falls_short_in_case_b(demo: dict[str, str]) -> None:
    assert "No record of suspect arrested, interviewed, or a decision recorded" in demo["Case B"]
    step = "Recorded: approach, completed, 15 October 2025, 10:00am, 70 days after the report. That falls short of it."
    assert step in demo["Case B"]


@pytest.mark.parametrize("case", ["Case C", "Case D"])
def test_the_demo_shows_no_overdue_core_action_in_the_good_cases(demo: dict[str, str], case: str) -> None:
    assert "CRITICAL" in demo[case]
    assert "No core action is overdue" in demo[case]
    assert "No record of" not in demo[case]


def test_the_demo_works_from_any_folder(tmp_path: Path) -> None:
    done = in_a_process("demo", cwd=tmp_path)
    assert done.returncode == 0


# ---- the moment and the model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-03-31T17:00", "2026-03-31T17:00:00+01:00"),
        ("2026-03-31 17:00", "2026-03-31T17:00:00+01:00"),
        ("2026-03-31T17:00Z", "2026-03-31T18:00:00+01:00"),
        ("2026-10-25T01:30+00:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_as_of_is_local_unless_it_has_an_offset(text: str, means: str) -> None:
    assert moment_of(text, zone=LONDON).isoformat() == means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yesterday", "expected a time such as"),
        ("2026-03-31", "add a time of day, such as 2026-03-31T17:00"),
        ("2026-10-25T01:30", "the clocks show this time twice"),
        ("2026-03-29T01:30", "does not exist in Europe/London"),
        ("2026-02-30T01:30", "is not a day of the calendar"),
    ],
)
def test_an_as_of_that_is_not_one_moment_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        moment_of(text, zone=LONDON)


def test_as_of_is_now_in_whole_seconds_by_default() -> None:
    before = datetime.now(LONDON).replace(microsecond=0)
    assert before <= moment_of(None, zone=LONDON) <= datetime.now(LONDON)


def test_a_model_of_the_record_is_found_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_records.py").write_text("from riskflags import Incident\nclass MyIncident(Incident): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert record_model("my_records:MyIncident").__name__ == "MyIncident"


def test_a_field_without_a_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare_records.py").write_text(MORE.replace("Decimal6 = Field(None", "int = Field(1"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(Refused, match=r"child\.shoe_size: annotate the field with a type of riskflags\.kinds"):
        record_model("bare_records:MyIncident")


# ---- the shipped pack ------------------------------------------------------------------------------------------------


def test_the_default_pack_takes_a_model_of_the_record() -> None:
    class Mine(Incident):
        """A model of somebody's own."""

    assert default_pack(record=Mine).record is Mine


def test_a_checkout_comes_before_an_installed_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package_folder = tmp_path / "riskflags"
    monkeypatch.setattr(shipped, "__file__", str(package_folder / "shipped.py"))
    with pytest.raises(PackError, match="the shipped rules are missing from this installation"):
        shipped.default_folder()
    for folder in (package_folder / "rules", tmp_path / "rules"):
        folder.mkdir(parents=True)
        (folder / "pack.yaml").touch()
        assert shipped.default_folder() == folder


def test_the_version_is_that_of_the_installed_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "1.2.3")
    assert shipped.library_version() == "1.2.3"

    def fail(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", fail)
    assert shipped.library_version() == "unknown"


# ---- screens ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "30", **env}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    Screen(terminal).line(("CRITICAL", "bold red"), " [E01] a message of many words :smile:", indent=2)
    return terminal.getvalue()


def test_a_line_wraps_under_its_indent_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = re.sub(r"\x1b\[[0-9;]*m", "", printed(monkeypatch)).splitlines()
    assert lines == ["  CRITICAL [E01] a message of", "  many words :smile:"]


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "31m" in printed(monkeypatch)
    assert "31m" not in printed(monkeypatch, NO_COLOR="1")


def test_a_line_in_a_pipe_is_plain_and_whole() -> None:
    pipe = io.StringIO()
    Screen(pipe).line(("CRITICAL", "bold red"), " " + "word " * 50, indent=2)
    assert pipe.getvalue() == "  CRITICAL " + "word " * 50 + "\n"


def test_a_reader_that_goes_away_while_we_print_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as stream:
        Screen(stream).line("nobody reads this")
        Screen(stream).line("nor this")
        flush(stream)


def test_what_is_left_to_hand_over_to_a_reader_that_has_gone_is_dropped() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        Screen(stream).line("nobody reads this")
        os.close(reader)
        flush(stream)


def test_progress_is_told_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("Assessing", total=2) as bar:
            bar.step(1)
        assert ("Assessing" in stream.getvalue()) is stream.isatty()


@pytest.mark.parametrize(("found", "code"), [(3, 3), (None, 0), ("text", 0)])
def test_what_a_command_returns_is_its_exit_code(found: object, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert exit_code(lambda: found) == code


def test_typer_leaving_because_its_reader_has_gone_is_no_error() -> None:
    assert exit_code(lambda: sys.exit(1)) == 0


def test_an_end_of_input_stops_a_command() -> None:
    def abort() -> None:
        raise typer.Abort

    assert exit_code(abort) == 130
