"""The tables and files of a run, from hand-made assessments."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from handmade import ORIGINS, assessment, flag, found, listing, made, read_csv, requirement, undecided, write_csv
from pyarrow import parquet

from riskflags.assessment import CaseGrade, Caution, NotAssessed
from riskflags.model import Grade, Severity
from riskflags.report import OutputError, outputs, placing
from riskflags.report.outputs import check_folder, quoted_cells, write
from riskflags.report.tables import TABLES, MadeRows, Table, tables

if TYPE_CHECKING:
    from pathlib import Path


# ---- tables and order ------------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_contract() -> None:
    columns = {table.name: [name for name, _ in table.columns] for table in made()}
    assert {name: " ".join(found) for name, found in columns.items()} == {
        "flags": "incident_id child_id suspect_id rule_code rule_id rule_version severity could_be severity_needs "
        "about message because because_count as_of source_file source_row",
        "requirements": "incident_id child_id suspect_id action action_code label owner due_from due_at state "
        "recorded_at recorded_outcome recorded_by short_of needs is_gap severity rules as_of source_file source_row",
        "grades": "incident_id child_id grade could_be needs as_of source_file source_row",
        "undecided": "incident_id child_id suspect_id rule_code rule_id severity needs as_of",
        "not_assessed": "source_file rule_code rule_id fields records",
        "rejects": "source_file source_row child_id column code expected message",
        "warnings": "incident_id child_id source_file source_row field code message",
    }


def test_every_row_has_a_cell_for_every_column() -> None:
    everything = assessment(
        flags=(flag(),),
        requirements=(requirement(),),
        undecided=(undecided(),),
        grade=CaseGrade(grade=Grade.good, could_be=Grade.inadequate, needs=("done",)),
        not_assessed=(NotAssessed(rule_code="E03", rule_id="grooming", fields=("contact",)),),
        warnings=(Caution(code="after_as_of", field="missing.returned_at", message="is after as_of"),),
        engines_disagree=("grooming v1",),
    )
    for table in made(everything):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_rows_are_made_as_they_are_asked_for() -> None:
    made_of: list[int] = []

    def row(line: int) -> tuple[str]:
        made_of.append(line)
        return (str(line),)

    rows = MadeRows((1, 2, 3), row)
    assert (len(rows), made_of) == (3, [])
    assert list(rows[1:]) == [("2",), ("3",)]
    assert rows[-1] == ("3",)
    assert made_of == [2, 3, 3]


def test_flags_are_sorted_by_severity_could_be_code_incident_child_and_suspect() -> None:
    low, high, critical = Severity.low, Severity.high, Severity.critical
    wanted = [
        flag("I2"),
        flag("I1", severity=high, could_be=critical),
        flag("I1", severity=high, could_be=high, rule_code="A01"),
        flag("I1", None, severity=high, could_be=high),
        flag("I1", "C1", severity=high, could_be=high),
        flag("I1", "C1", severity=high, could_be=high, suspect_id="S1"),
        flag("I1", "C2", severity=high, could_be=high),
        flag("I0", severity=low, could_be=low),
    ]
    assert list(found(*(assessment(flags=(one,)) for one in reversed(wanted))).flags) == wanted


def test_the_order_of_assessments_changes_nothing() -> None:
    several = [
        assessment(incident, child, flags=(flag(incident, child),), undecided=(undecided(incident, child),))
        for incident, child in (("I1", "C1"), ("I1", None), ("I2", "C1"))
    ]
    assert found(*several) == found(*reversed(several))


def test_evidence_is_cut_at_a_hundred_ids_with_the_true_number_beside(tmp_path: Path) -> None:
    ids = tuple(f"I{number:03}" for number in range(120))
    (row,) = read_csv(write_csv(tmp_path, assessment(flags=(flag(because=ids),))) / "flags.csv")
    assert row["because"].split(";") == list(ids[:100])
    assert row["because_count"] == "120"


def test_a_rule_that_a_source_cannot_feed_is_reported_once_with_the_number_of_records() -> None:
    lacking = NotAssessed(rule_code="E01", rule_id="online-age-gap", fields=("contact",))
    other = NotAssessed(rule_code="E01", rule_id="online-age-gap", fields=("suspects",))
    several = found(assessment("I1", not_assessed=(lacking,)), assessment("I2", not_assessed=(lacking, other)))
    (table,) = (t for t in tables(several, origins=ORIGINS, rejects=[], warnings=[]) if t.name == "not_assessed")
    assert table.rows == (("in.csv", "E01", "online-age-gap", ("contact", "suspects"), 2),)


def test_engines_that_disagree_stand_among_the_warnings(tmp_path: Path) -> None:
    rows = read_csv(write_csv(tmp_path, assessment(engines_disagree=("online-age-gap v1",))) / "warnings.csv")
    assert [(row["code"], row["field"]) for row in rows] == [
        ("engines_disagree", "online-age-gap v1"),
        ("unknown_code", "child.sex"),
    ]


# ---- files -----------------------------------------------------------------------------------------------------------


def test_moments_have_an_offset_and_lists_are_joined(tmp_path: Path) -> None:
    folder = write_csv(tmp_path, assessment(requirements=(requirement(rules=("E01", "E02")),)))
    (row,) = read_csv(folder / "requirements.csv")
    assert (row["due_at"], row["as_of"]) == ("2026-03-28T09:00:00+00:00", "2026-03-31T09:00:00+00:00")
    assert (row["rules"], row["is_gap"], row["recorded_at"]) == ("E01;E02", "true", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_could_run_gets_a_leading_quote(tmp_path: Path, start: str) -> None:
    nasty = assessment(f"{start}1+1", flags=(flag(f"{start}1+1", message="plain"),))
    (row,) = read_csv(write_csv(tmp_path, nasty) / "flags.csv")
    assert row["incident_id"] == f"'{start}1+1"
    assert row["because"] == f"'{start}1+1"
    assert quoted_cells(made(nasty)) == 2


def test_numbers_and_our_own_codes_are_not_quoted() -> None:
    table = Table("t", (("n", "number"), ("c", "code"), ("y", "yes_no")), ((-1, "-1", False),))
    assert quoted_cells([table]) == 0


def test_json_lines_keep_lists_and_text_as_they_are(tmp_path: Path) -> None:
    write(
        made(assessment("=I1", flags=(flag("=I1", because=("=I1", "I2")),))),
        summary=listing,
        folder=tmp_path,
        form="jsonl",
    )
    (line,) = (tmp_path / "flags.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(line)
    assert (row["incident_id"], row["because"], row["suspect_id"]) == ("=I1", ["=I1", "I2"], None)


def test_parquet_holds_the_same_rows_with_types(tmp_path: Path) -> None:
    write(made(assessment(flags=(flag(because=("I1", "I2")),))), summary=listing, folder=tmp_path, form="parquet")
    (row,) = parquet.read_table(tmp_path / "flags.parquet").to_pylist()
    assert (row["because"], row["because_count"], row["rule_version"]) == (["I1", "I2"], 2, 1)
    assert parquet.read_table(tmp_path / "requirements.parquet").num_rows == 0


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_broken_characters_in_data_stop_no_run(tmp_path: Path, form: outputs.Format) -> None:
    write(
        made(assessment("\ud800", flags=(flag("\ud800"),))),
        summary=lambda _: {"x": "\ud800"},
        folder=tmp_path,
        form=form,
    )
    assert (tmp_path / f"flags.{form}").stat().st_size


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, form: outputs.Format) -> None:
    several = [assessment(incident, flags=(flag(incident, message='line\r\n"quoted"'),)) for incident in ("I1", "I2")]
    for name, order in (("a", several), ("b", [*reversed(several)])):
        write(made(*order), summary=lambda _: {"n": 1}, folder=tmp_path / name, form=form)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_message_with_line_breaks_and_quotes_comes_back_whole(tmp_path: Path) -> None:
    text = 'one\r\ntwo\nthree\rfour "five", six;'
    (row,) = read_csv(write_csv(tmp_path, assessment(flags=(flag(message=text),))) / "flags.csv")
    assert row["message"] == text


def test_every_table_is_written_though_it_is_empty(tmp_path: Path) -> None:
    write(
        tables(found(), origins=ORIGINS, rejects=[], warnings=[]), summary=listing, folder=tmp_path / "a/b", form="csv"
    )
    assert sorted(path.name for path in (tmp_path / "a/b").iterdir()) == sorted(
        [*(f"{n}.csv" for n in TABLES), "summary.json"]
    )
    assert (
        tmp_path / "a/b/rejects.csv"
    ).read_text() == "source_file,source_row,child_id,column,code,expected,message\n"


# ---- whole or not at all ---------------------------------------------------------------------------------------------


def test_a_failure_while_writing_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path, assessment(flags=(flag("old"),)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(outputs, "_write_json", fail)
    with pytest.raises(OutputError, match="No space left on device; nothing was written"):
        write_csv(tmp_path, assessment(flags=(flag("new"),)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_interrupt_while_writing_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "_write_json", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_csv(tmp_path, assessment(flags=(flag(),)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_files_get_their_names_waits_until_all_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = placing._exchange  # noqa: SLF001

    def press_and_exchange(*places: Any) -> None:
        os.kill(os.getpid(), 2)
        exchange(*places)

    monkeypatch.setattr(placing, "_exchange", press_and_exchange)
    with pytest.raises(KeyboardInterrupt):
        write_csv(tmp_path, assessment(flags=(flag(),)))
    assert len(list(tmp_path.iterdir())) == len(TABLES) + 1


class Killed(BaseException):
    """The end of a process, as far as its files can tell: nothing is put back or cleared away after it."""


def written_and_killed(folder: Path, monkeypatch: pytest.MonkeyPatch, *, moves: int, form: outputs.Format) -> None:
    """Write a new run, and be killed after so many moves of files."""
    replace, done = type(folder).replace, [0]

    def move(self: Path, target: Path) -> Path:
        if done[0] == moves:
            raise Killed
        done[0] += 1
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(type(folder), "replace", move)
        patched.setattr(placing, "_clear", lambda _: None)
        with contextlib.suppress(Killed):
            write(made(assessment(flags=(flag("new"),))), summary=listing, folder=folder, form=form)


def visible(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_run_that_is_killed_between_two_moves_mixes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: outputs.Format
) -> None:
    new = tmp_path / "new"
    write(made(assessment(flags=(flag("new"),))), summary=listing, folder=new, form=form)
    moves = 2 * (len(TABLES) + 1)
    for number in range(moves + 1):
        folder = tmp_path / str(number)
        before = visible(write_csv(folder, assessment(flags=(flag("old"),))))
        written_and_killed(folder, monkeypatch, moves=number, form=form)
        there = visible(folder)
        assert there.items() <= before.items() or there.items() <= visible(new).items()
        assert "summary.json" not in there or len(there) == len(TABLES) + 1
        write(made(assessment(flags=(flag("new"),))), summary=listing, folder=folder, form=form)
        assert visible(folder) == visible(new)
        assert len(list(folder.iterdir())) == len(TABLES) + 1


def test_files_of_another_form_go_with_the_run_that_wrote_them_and_no_others(tmp_path: Path) -> None:
    write_csv(tmp_path, assessment())
    for name in ("notes.csv", "flags.xlsx"):
        (tmp_path / name).write_text("mine")
    write(made(assessment()), summary=listing, folder=tmp_path, form="parquet")
    wanted = ["flags.xlsx", "notes.csv", "summary.json", *(f"{name}.parquet" for name in TABLES)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(wanted)


def test_a_summary_that_is_not_ours_takes_nothing_away(tmp_path: Path) -> None:
    for number, said in enumerate(
        ('{"files": ["../mine.csv", "flags.jsonl", "other.csv"]}', '["x"]', "{", '{"files": 1}')
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("other.csv", "../mine.csv"):
            (folder / name).write_text("mine")
        (folder / "summary.json").write_text(said)
        write_csv(folder, assessment())
        assert (folder / "other.csv").exists()
        assert (tmp_path / "mine.csv").exists()


def test_a_run_that_is_still_writing_is_not_cleared_away(tmp_path: Path) -> None:
    with placing._staged(tmp_path, "riskflags-run") as (staging, _):  # noqa: SLF001
        write_csv(tmp_path, assessment())
        assert staging.new.is_dir()
    assert len(list(tmp_path.iterdir())) == len(TABLES) + 1


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "_write_json", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_csv(tmp_path / "a/b", assessment())
    assert list(tmp_path.iterdir()) == []


# ---- tables in parts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_large_table_is_a_folder_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: outputs.Format
) -> None:
    monkeypatch.setattr(outputs, "PART_ROWS", 2)
    every = [assessment(f"I{number}", flags=(flag(f"I{number}"),)) for number in range(5)]
    first, *_ = write(made(*every), summary=listing, folder=tmp_path, form=form)
    assert (first.path.name, first.rows, first.parts) == (f"flags.{form}", 5, 3)
    names = [f"flags.{form}/part-0000{number}.{form}" for number in range(3)]
    assert [name for name in json.loads((tmp_path / "summary.json").read_text())["files"] if "/" in name] == names
    found = [row["incident_id"] for name in names for row in rows_of(tmp_path / name)]
    assert found == [f"I{number}" for number in range(5)]
    assert (tmp_path / f"requirements.{form}").is_file()


def test_parts_and_a_whole_file_replace_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = [assessment(f"I{number}", flags=(flag(f"I{number}"),)) for number in range(5)]
    for rows in (2, 10, 1, 3, 10):
        monkeypatch.setattr(outputs, "PART_ROWS", rows)
        write_csv(tmp_path, *every)
        files = [path for path in (tmp_path / "flags.csv").rglob("*") if path.is_file()] or [tmp_path / "flags.csv"]
        assert sum(len(rows_of(path)) for path in files) == 5
        assert len(list(tmp_path.iterdir())) == len(TABLES) + 1


def test_a_folder_of_parts_with_something_else_in_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "PART_ROWS", 1)
    every = [assessment(f"I{number}", flags=(flag(f"I{number}"),)) for number in range(3)]
    write_csv(tmp_path, *every)
    (tmp_path / "flags.csv/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"there is a folder of this name; nothing was written"):
        write_csv(tmp_path, *every)


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return [dict(row) for row in read_csv(path)]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def test_a_file_that_cannot_have_its_name_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path, assessment(flags=(flag("old"),)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    replace = type(tmp_path).replace

    def fail_late(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and target.name == "warnings.csv":
            raise PermissionError(1, "not permitted", str(target))
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", fail_late)
    with pytest.raises(OutputError, match="not permitted"):
        write_csv(tmp_path, assessment(flags=(flag("new"),)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "warnings.csv").mkdir()
    with pytest.raises(OutputError, match=r"there is a folder of this name; nothing was written"):
        write_csv(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["warnings.csv"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    for folder in (tmp_path / "out", tmp_path / "out/deeper"):
        with pytest.raises(OutputError, match="out is a file: --out needs a folder"):
            check_folder(folder)


def test_files_can_be_written_from_any_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=write_csv, args=(tmp_path,))
    thread.start()
    thread.join()
    assert (tmp_path / "summary.json").exists()
