"""The README and the docs do what they say: their commands are run, and their output is compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str):
    for page in PAGES:
        for number, (found, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if found == kind:
                yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch, tmp_path):
    """Commands of the docs are typed in the project's folder; what they write goes to a folder of its own."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("text", blocks("console"))
def test_a_command_prints_what_the_page_shows(text, capsys):
    """Lines after `$` are commands; `...` in the output stands for any lines."""
    from riskflags.cli import main  # noqa: PLC0415 - the console script, as the shell would start it

    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        assert words[0] == "riskflags", "docs show only commands of this project in console blocks"
        with pytest.raises(SystemExit):
            raise SystemExit(main(words[1:]))
        printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines()).strip()
        wanted = "\n".join(line.rstrip() for line in shown.splitlines()).strip()
        pattern = "(?:.*)".join(re.escape(piece) for piece in wanted.split("..."))
        assert re.fullmatch(pattern, printed, flags=re.DOTALL), printed


@pytest.mark.parametrize("text", blocks("python"))
def test_the_python_of_a_page_runs(text):
    exec(compile(text, "a page of the docs", "exec"), {})  # noqa: S102 - our own pages


def test_every_link_between_the_pages_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
