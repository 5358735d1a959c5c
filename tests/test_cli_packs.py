"""The commands for those who write rules, `explain` and `demo`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


from command_line import AS_OF, CASES, copied_pack, in_a_process, riskflags

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
    counts = r"(\d+) of \1 examples passed, (\d+) of \2 comparisons and (\d+) of \3 branches covered\."
    assert re.search(counts, found.stdout)


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


def test_fields_lists_paths_kinds_codes_and_what_is_personal() -> None:
    found = riskflags("fields", "child.")
    lines = found.stdout.splitlines()
    assert next(line for line in lines if line.startswith("child.date_of_birth")).split()[1:3] == ["date", "personal"]
    assert "    codes: female, male, other, unknown" in lines
    assert not any(line.startswith("incident.") for line in lines)


def test_mappings_lists_the_shipped_ones() -> None:
    found = riskflags("mappings")
    assert found.exit_code == 0
    names = [line.split()[0] for line in found.stdout.splitlines()[:-1]]
    assert names == sorted(names)
    assert {"annex-a-8", "lapd", "nibrs", "police-vulnerable-persons", "ssd", "ssda903"} <= set(names)


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
        "a crime recorded",
        "the child seen and spoken to",
        "the suspect arrested",
        "the suspect traced",
        "a warning marker on the child's address",
    ],
)
def test_the_demo_shows_what_there_is_no_record_of_in_case_a(demo: dict[str, str], action: str) -> None:
    assert f"No record of {action}" in demo["Case A"]
    assert "CRITICAL E01" in demo["Case A"]


def test_the_demo_shows_that_an_approach_falls_short_in_case_b(demo: dict[str, str]) -> None:
    assert "No record of the suspect arrested, interviewed, or a decision recorded" in demo["Case B"]
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
