"""The scripts that measure the pack: the same page for the same seed, with figures that add up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from riskflags import default_pack

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCRIPTS = {"measure_noise.py": "noise.md", "measure_fairness.py": "fairness.md"}


def made_by(script: str, out: Path, *arguments: str) -> str:
    """Return the page that a script writes, run as the page says."""
    command = [sys.executable, str(DOCS / script), "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_same_seed_gives_the_same_page_and_says_how_it_was_made(script: str, tmp_path: Path) -> None:
    pages = [made_by(script, tmp_path / str(number) / "page.md", "--rows", "60", "--seed", "3") for number in (1, 2)]
    assert pages[0] == pages[1]
    assert f"python docs/{script} --rows 60 --seed 3" in pages[0]
    assert f"digest `{default_pack().digest[:19]}`" in pages[0]


def test_the_page_on_noise_names_every_rule_and_adds_up(tmp_path: Path) -> None:
    page = made_by("measure_noise.py", tmp_path / "page.md", "--rows", "100")
    lines = page.partition("## By rule")[2].partition("## By field")[0]
    assert set(re.findall(r"[A-Z]\d\d", lines)) == {rule.code for rule in default_pack().rules}
    by_rule = [float(row.split("|")[2]) for row in lines.splitlines() if re.match(r"\| [A-Z]\d\d", row)]
    (on_each,) = re.findall(r"^\| undecided \| ([\d.]+) \|$", page, re.MULTILINE)
    assert sum(by_rule) / 100 == pytest.approx(float(on_each), abs=0.01)


def test_the_page_on_fairness_counts_every_record_in_one_group_of_each_kind(tmp_path: Path) -> None:
    page = made_by("measure_fairness.py", tmp_path / "page.md", "--rows", "100")
    sections = re.split(r"^## By ", page, flags=re.MULTILINE)[1:]
    assert len(sections) == 4
    for section in sections:
        rows = re.findall(r"^\| [^|]+ \| ([\d,]+) \| [\d,]+ \| [\d.]+ ± ", section, re.MULTILINE)
        assert sum(int(row.replace(",", "")) for row in rows) == 100
    assert "Rules that read `child.sex`: none." in page
    assert "Rules that read `child.ethnicity`: none." in page


@pytest.mark.parametrize("arguments", [("--rows", "0"), ("--rows", "many"), ("--seeds", "1")])
def test_what_a_script_cannot_do_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, str(DOCS / "measure_noise.py"), "--out", str(tmp_path / "page.md"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("script", "name"), SCRIPTS.items())
def test_the_page_in_the_docs_is_whole(script: str, name: str) -> None:
    page = (DOCS / "measured" / name).read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert f"python docs/{script} --rows " in page
