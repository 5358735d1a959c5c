"""The plugin of pytest: a pack's examples as tests of their own, and nothing imported where there is no pack."""

from __future__ import annotations

import shutil
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest
from source_packs import ALONE, RULE
from test_examples import half_shown

from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]
INSTALLED = bool(entry_points(group="pytest11", name="riskflags"))
WITH_PLUGIN = () if INSTALLED else ("-p", "riskflags.pytest_plugin")
"""An installed plugin is found by itself; in a checkout that is only on the path it is named."""


@pytest.fixture(name="shipped")
def shipped_pack(pytester: pytest.Pytester) -> Path:
    return shutil.copytree(default_folder(), pytester.path / "rules")


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*WITH_PLUGIN, "-p", "no:cacheprovider", *args)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.usefixtures("shipped")
def test_every_example_of_a_pack_is_a_test_and_so_is_the_coverage_of_each_rule(pytester: pytest.Pytester) -> None:
    done = run(pytester, "rules", "-v")
    counts = done.parseoutcomes()
    assert set(counts) == {"passed"}
    assert counts["passed"] > 250
    done.stdout.fnmatch_lines(["rules/pack.yaml::repeat-missing v1::89 days after the first PASSED*"])
    done.stdout.fnmatch_lines(["rules/pack.yaml::repeat-missing v1::coverage PASSED*"])
    done.stdout.fnmatch_lines(["rules/pack.yaml::violence_facts::coverage PASSED*"])


@pytest.mark.usefixtures("shipped")
def test_one_rule_can_be_chosen_by_its_name(pytester: pytest.Pytester) -> None:
    assert run(pytester, "-k", "repeat-missing and coverage").parseoutcomes()["passed"] == 1


def test_a_failure_tells_what_was_expected_and_the_tree_without_a_traceback(
    pytester: pytest.Pytester, shipped: Path
) -> None:
    replace(shipped / "missing" / "repeat-missing.yaml", "expect: clears", "expect: fires")
    done = run(pytester, "rules", "-k", "repeat-missing")
    assert done.parseoutcomes()["failed"] == 1
    done.stdout.fnmatch_lines(["*: repeat-missing v1: example '90 days after the first' failed"])
    done.stdout.fnmatch_lines(["*I3: expected fires, came out as clears"])
    done.stdout.fnmatch_lines(["M03 repeat-missing v1 on I3: CLEARS"])
    assert "Traceback" not in done.stdout.str()
    assert "pytest_plugin.py" not in done.stdout.str()


def test_what_is_not_covered_fails_unless_it_is_a_draft(pytester: pytest.Pytester) -> None:
    half_shown(pytester.path / "mine")
    done = run(pytester, "mine")
    assert done.parseoutcomes() == {"passed": 2, "failed": 1}
    done.stdout.fnmatch_lines(["*vocabulary.yaml:*: looked_after: `child.in_care: is` is never false in the examples"])


def test_a_pack_that_cannot_be_loaded_is_one_error_with_every_problem(pytester: pytest.Pytester, shipped: Path) -> None:
    for name in ("repeat-missing", "missing-from-care"):
        replace(shipped / "missing" / f"{name}.yaml", "severity:", "sevrity:")
    done = run(pytester, "rules")
    assert done.parseoutcomes() == {"errors": 1}
    for name in ("repeat-missing", "missing-from-care"):
        done.stdout.fnmatch_lines([f"*missing/{name}.yaml:*: RF010 unknown key `sevrity`"])
    assert "Traceback" not in done.stdout.str()


def test_the_setting_says_which_packs_are_collected(pytester: pytest.Pytester) -> None:
    half_shown(pytester.path / "mine")
    half_shown(pytester.path / "others")
    pytester.makeini("[pytest]\nriskflags_packs = mine\n")
    assert sum(run(pytester).parseoutcomes().values()) == 3


def test_the_pack_file_of_another_tool_is_left_alone(pytester: pytest.Pytester) -> None:
    (pytester.path / "pack.yaml").write_text("name: something else\nversion: 1\n", encoding="utf-8")
    assert run(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_an_error_of_ours_is_shown_as_pytest_shows_errors(pytester: pytest.Pytester) -> None:
    folder = half_shown(pytester.path / "mine")
    pytester.makeconftest(
        "import riskflags.examples\n"
        "def broken(*args):\n    raise RuntimeError('it broke')\n"
        "riskflags.examples.try_condition = broken\n"
    )
    done = run(pytester, str(folder))
    done.stdout.fnmatch_lines(["*RuntimeError: it broke"])


LOOK = """
import sys
def test_nothing_of_ours_is_there():
    ours = {"riskflags.pack", "riskflags.source", "riskflags.examples", "pydantic", "yaml", "durable_rules_engine"}
    assert not ours & set(sys.modules)
"""


def test_nothing_is_imported_where_there_is_no_pack(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LOOK)
    done = run(pytester, "-p", "no:hypothesispytest", "-p", "no:cov", "-p", "no:benchmark")
    assert done.parseoutcomes() == {"passed": 1}


def test_the_marks_of_a_pack_are_those_of_the_smallest_pack() -> None:
    assert all(f"{key}:" in ALONE for key in ("language", "event_time", "effective_by"))
    assert "language" not in RULE
