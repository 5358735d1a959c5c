"""The command `run`: what it prints, what it writes, and what users get wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import AS_OF, CASES, MORE, copied_pack, riskflags, rows, summary

from riskflags import EngineError
from riskflags.cli import run
from riskflags.model import Severity
from riskflags.report.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADERS = (
    "incident.id,incident.type,missing.last_seen_at,missing.reported_at,missing.returned_at,child.id,child.in_care"
)
MISSING = "{0},missing_episode,2026-01-0{1}T10:00,2026-01-0{1}T11:00,2026-01-0{1}T15:00,C1,yes\n"


# ---- run -------------------------------------------------------------------------------------------------------------


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
    assert people[:2] == ["Child CHILD-B, incident CASE-B-1", "Child CHILD-A, incident CASE-A-4"]
    assert (
        "    No record of a crime recorded. Attending officer. Due 24 September 2025, 10:00am, 21 days overdue"
        in found.stdout
    )
    assert "Recorded late: the suspect traced, or enquiries to trace (suspect SUSPECT-B)." in found.stdout
    assert "      Recorded, but falls short of it: approach, completed, 15 October 2025, 10:00am" in found.stdout
    assert "  A crime recorded (Attending officer): 2 no record, of 2 required" in found.stdout
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
    assert len(list((tmp_path / "a").iterdir())) == 8
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
    assert "missing.csv, row 4: " in found.stdout
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
    assert riskflags("docs", "--record", "more_records:MyIncident", "--out", tmp_path / "pages").exit_code == 0
    assert "child.shoe_size" in (tmp_path / "pages" / "fields.md").read_text(encoding="utf-8")


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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--html", "in.csv"), "in.csv is read by this run: give another file with --html"),
        (("--junit", "in.csv"), "in.csv is read by this run: give another file with --junit"),
        (("--html", "there"), "there is a folder: give another file with --html"),
        (("--junit", "in.csv/j.xml"), "in.csv is a file: --junit needs a folder"),
        (("--html", "a", "--junit", "a"), "a is written by this run already: give another file with --junit"),
        (("--out", ".", "--html", "flags.csv"), "flags.csv is written by this run already: give another file"),
        (("--out", "there"), "is a folder: give another folder with --out"),
    ],
)
def test_a_target_that_cannot_be_or_would_lose_something_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Sequence[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("incident.id\nI1\n", encoding="utf-8")
    Path("there", "flags.csv").mkdir(parents=True)
    found = riskflags("run", "in.csv", *options)
    assert found.exit_code == 4
    assert says in found.stderr
    assert Path("in.csv").read_text(encoding="utf-8") == "incident.id\nI1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "there"]


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
    words = f"Stopped while writing: 4 rows read, all decided; nothing was written to {tmp_path / 'out'}.\n"
    assert (found.exit_code, found.stderr) == (130, words)
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


def test_a_column_that_nobody_reads_is_said_on_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(
        "incident.id,incident.type,incident.reported_at,child.dob\nI1,assault,2026-03-01T10:00,x\n", "utf-8"
    )
    found = riskflags("run", file, "--as-of", AS_OF)
    assert found.exit_code == 0
    assert "  Warning: " in found.stdout
    assert "child.dob" in found.stdout
    assert "nearest field is child.id" not in found.stdout


def test_a_file_of_which_no_row_is_a_record_exits_with_3(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    file.write_text("incident.id,incident.type,incident.reported_at\nI1,assault,31/02/2026\n", "utf-8")
    found = riskflags("run", file, "--as-of", AS_OF)
    assert found.exit_code == 3
    assert "1 row: 0 accepted, 1 rejected" in found.stdout
