"""The command line as such: help, misuse, exit codes, moments, models, screens."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import typer

from riskflags import Incident, PackError, cli, default_pack, shipped
from riskflags.cli.exits import Refused, exit_code
from riskflags.cli.inputs import moment_of, record_model
from riskflags.report.terminal import Screen, flush, progress

if TYPE_CHECKING:
    from pathlib import Path


from command_line import MORE, in_a_process, riskflags

LONDON = ZoneInfo("Europe/London")
COMMANDS = [
    "run", "demo", "check", "test", "explain", "fields", "copy", "new", "example", "fmt", "schema",
    "docs", "map", "mappings",
]  # fmt: skip


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
        (["run", "a.csv", "--network", "x"], "No such option: --network"),
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


def test_python_dash_m_is_the_command_line() -> None:
    done = in_a_process("rnu")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "riskflags: No such command 'rnu'. Did you mean 'run'?\nTry: riskflags --help\n"


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
        with progress("Deciding", unit="records") as bar:
            bar.step(1_000, 2_000)
        assert ("Deciding" in stream.getvalue()) is stream.isatty()
        assert ("1,000 of 2,000 records" in stream.getvalue()) is stream.isatty()


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
