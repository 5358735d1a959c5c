"""The README and the docs do what they say: their commands are run, and their output is compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from riskflags import default_pack
from riskflags.cli import main
from riskflags.condition import OPERATORS
from riskflags.derive import FUNCTIONS
from riskflags.fields import catalogue
from riskflags.pack import LookUpFunction
from riskflags.source import PROBLEMS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TRANSCRIPTS = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
"""Pages that are followed from top to bottom, in an empty folder."""
BLOCK = re.compile(r"^```(\w+)(?: (file|change|add)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[ParameterSet]:
    """Return the code blocks of a kind on every page."""
    return list(_blocks(kind))


def _blocks(kind: str) -> Iterator[ParameterSet]:
    for page in PAGES:
        if page in TRANSCRIPTS:
            continue
        for number, (found, _, _, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if found == kind:
                yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the docs are typed in the project's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(name="typed")
def typed_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return what types the commands of a block, and compares what they print with what the block shows."""

    def typed(text: str) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            words = shlex.split(command, comments=True)
            assert words[0] == "riskflags", "docs show only commands of this project in console blocks"
            monkeypatch.setattr("sys.argv", words)
            main()
            found = capsys.readouterr()
            printed, wanted = (_trimmed(one) for one in (found.out + found.err, shown))
            pattern = "(?:.*)".join(re.escape(piece) for piece in wanted.split("..."))
            assert re.fullmatch(pattern, printed, flags=re.DOTALL), f"{command}\n{printed}"

    return typed


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


@pytest.mark.parametrize("text", blocks("console"))
def test_a_command_prints_what_the_page_shows(text: str, typed: Callable[[str], None]) -> None:
    """Lines after `$` are commands; `...` in the output stands for any lines."""
    typed(text)


@pytest.mark.parametrize("page", TRANSCRIPTS, ids=lambda page: page.stem)
def test_a_page_can_be_followed_from_top_to_bottom(
    page: Path, typed: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks with file=, change= and add= are saved as the page says; the commands are typed in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for kind, how, name, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if how:
            written_as_told(tmp_path / name, how, text)
        elif kind == "console":
            typed(text)
        elif kind == "python":
            exec(compile(text, page.name, "exec"), {})  # noqa: S102 - our own pages


def written_as_told(path: Path, how: str, text: str) -> None:
    """Write a file anew, add lines at its end, or change the lines that begin with - into those with +."""
    if how == "file":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if how == "add":
        path.write_text(before + text, encoding="utf-8")
        return
    old, new = ("".join(f"{line[1:]}\n" for line in text.splitlines() if line[0] == sign) for sign in "-+")
    assert before.count(old) == 1, f"{path.name} has this {before.count(old)} times:\n{old}"
    path.write_text(before.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("text", blocks("python"))
def test_the_python_of_a_page_runs(text: str) -> None:
    exec(compile(text, "a page of the docs", "exec"), {})  # noqa: S102 - our own pages


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_page_on_rules_names_every_operator_and_function() -> None:
    page = (ROOT / "docs" / "writing-rules.md").read_text(encoding="utf-8")
    assert [name for name in (*OPERATORS, *FUNCTIONS, *get_args(LookUpFunction)) if f"`{name}" not in page] == []


# ---- the reference ---------------------------------------------------------------------------------------------------


def pages_in(folder: Path) -> dict[str, str]:
    """Return the text of every page below a folder, by its place there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_the_reference_is_what_the_command_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change write it again: riskflags docs rules --out docs/reference --problems tests/bad_rules."""
    monkeypatch.setattr("sys.argv", f"riskflags docs rules --out {tmp_path} --problems tests/bad_rules".split())
    assert main() == 0
    assert pages_in(tmp_path) == pages_in(ROOT / "docs" / "reference")


def test_every_problem_has_an_entry_with_a_real_example() -> None:
    entries = (ROOT / "docs" / "reference" / "problems.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert [entry.partition("\n")[0] for entry in entries] == list(PROBLEMS)
    assert [entry[:6] for entry in entries if f": {entry.partition(chr(10))[0]} " not in entry] == []


def test_the_reference_names_every_field_operator_and_key() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert [path for path in catalogue() if f"`{path}`" not in pages["fields"]] == []
    named = [*OPERATORS, *FUNCTIONS, *get_args(LookUpFunction), *(key for shape in SHAPES.values() for key in shape)]
    assert [name for name in named if f"`{name}`" not in pages["language"]] == []
    assert [rule.code for rule in default_pack().rules if f"\n## {rule.code} " not in pages["rules"]] == []
