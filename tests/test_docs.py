"""The README and the docs do what they say: their commands are run, and their output is compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from riskflags.cli import main
from riskflags.condition import OPERATORS
from riskflags.derive import FUNCTIONS
from riskflags.pack import LookUpFunction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[ParameterSet]:
    """Return the code blocks of a kind on every page."""
    return list(_blocks(kind))


def _blocks(kind: str) -> Iterator[ParameterSet]:
    for page in PAGES:
        for number, (found, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if found == kind:
                yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the docs are typed in the project's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("text", blocks("console"))
def test_a_command_prints_what_the_page_shows(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines after `$` are commands; `...` in the output stands for any lines."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        assert words[0] == "riskflags", "docs show only commands of this project in console blocks"
        monkeypatch.setattr("sys.argv", words)
        main()
        printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines()).strip()
        wanted = "\n".join(line.rstrip() for line in shown.splitlines()).strip()
        pattern = "(?:.*)".join(re.escape(piece) for piece in wanted.split("..."))
        assert re.fullmatch(pattern, printed, flags=re.DOTALL), printed


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
