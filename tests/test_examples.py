"""Examples of rules: what passes, what fails and how that is told, what is covered, and how little an example needs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from command_line import copied_pack, in_a_process, riskflags
from conformance_cases import Writer
from junitparser import Failure, JUnitXml
from source_packs import RULE, write
from yaml import dump

from riskflags import Engine, Pack, default_pack
from riskflags.coverage import Branch, Seen
from riskflags.examples import ExampleReport, run_examples, try_condition, try_rule

if TYPE_CHECKING:
    from pathlib import Path

    from riskflags.examples import Tried

GIVEN = {"incident.id": "I1", "incident.type": "other", "incident.occurred_at": "2026-03-02T09:00", "child.id": "C1"}


def example(name: str, expect: Any, **but: Any) -> dict[str, Any]:
    changes = {path.replace("__", "."): value for path, value in but.items()}
    return {"name": name, "as_of": "2026-03-10T09:00", "but": changes, "expect": expect}


def pack_of(folder: Path, *examples: dict[str, Any], when: Any = None, **more: Any) -> Pack:
    rule = RULE if when is None else RULE.replace("when: {child.in_care: true}", dump({"when": when}, Dumper=Writer))
    text = rule + dump({"given": GIVEN, "examples": list(examples), **more}, Dumper=Writer, sort_keys=False)
    return Pack.load(write(folder, {"a/one.yaml": text}))


def tried(pack: Pack) -> Tried:
    (found,) = run_examples(pack).owners
    return found


# ---- what came out otherwise -----------------------------------------------------------------------------------------


def test_an_example_that_comes_out_as_expected_passes(tmp_path: Path) -> None:
    found = tried(pack_of(tmp_path, example("in care", "fires", child__in_care="yes")))
    assert [result.passed for result in found.results] == [True]


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("clears", "I1: expected clears, came out as fires"),
        ({"fires": {"severity": "low"}}, "I1: expected severity low, came out as high"),
        ({"fires": {"because": ["I9"]}}, "I1: expected because of I9, came out as I1"),
        ({"fires": {"suspect": "S9"}}, "I1: no suspect S9"),
        ({"undecided": ["child.role"]}, "I1: expected undecided, came out as fires"),
    ],
)
def test_what_comes_out_otherwise_is_told(expect: Any, says: str, tmp_path: Path) -> None:
    (result,) = tried(pack_of(tmp_path, example("in care", expect, child__in_care="yes"))).results
    assert [str(difference) for difference in result.differences] == [says]
    assert "A01 one v1 on I1: FIRES" in result.explanation


def test_needs_that_are_not_those_expected_are_told_with_both_sides(tmp_path: Path) -> None:
    (result,) = tried(pack_of(tmp_path, example("blank", {"undecided": ["child.role"]}))).results
    assert str(result.differences[0]) == "I1: expected needs child.role, came out as child.in_care"


def test_a_verdict_that_is_undecided_tells_what_is_missing(tmp_path: Path) -> None:
    (result,) = tried(pack_of(tmp_path, example("blank", "fires"))).results
    assert str(result.differences[0]) == "I1: expected fires, came out as undecided (child.in_care)"


def test_a_record_that_cannot_be_one_says_why_in_plain_words(tmp_path: Path) -> None:
    (result,) = tried(pack_of(tmp_path, example("no time", "fires", incident__occurred_at="absent"))).results
    assert str(result.differences[0]).startswith("not a record: ")
    assert "Value error" not in str(result.differences[0])


def test_a_record_after_as_of_is_told_as_not_yet_there(tmp_path: Path) -> None:
    (result,) = tried(pack_of(tmp_path, example("late", "fires", incident__occurred_at="2026-04-01"))).results
    assert str(result.differences[0]) == "I1: the record is not yet there at as_of"


def test_a_difference_stands_where_the_expectation_does(tmp_path: Path) -> None:
    folder = copied_pack(tmp_path)
    rule = folder / "missing" / "repeat-missing.yaml"
    text = rule.read_text(encoding="utf-8")
    assert "\n      I2: clears\n" in text
    rule.write_text(text.replace("\n      I2: clears\n", "\n      I2: fires\n"), encoding="utf-8")
    (result,) = [one for one in try_rule(Pack.load(folder), "repeat-missing v1").results if not one.passed]
    (difference,) = result.differences
    line = rule.read_text(encoding="utf-8").splitlines()[difference.place.line - 1]
    assert line[difference.place.column - 1 :].startswith("fires")


def test_a_failure_is_shown_as_its_line_a_caret_what_came_out_and_the_tree(tmp_path: Path) -> None:
    pack_of(tmp_path, example("in care", "clears", child__in_care="yes"))
    found = riskflags("test", tmp_path)
    assert found.exit_code == 2
    assert re.search(
        r"one\.yaml:\d+:\d+: one v1: example 'in care' failed\n"
        r"    \S+one\.yaml:\d+: I1: expected clears, came out as fires\n"
        r"          expect: clears\n +\^\n"
        r"    A01 one v1 on I1: FIRES\n",
        found.stdout,
    )


# ---- named conditions ------------------------------------------------------------------------------------------------


def test_an_example_of_a_named_condition_fails_with_the_tree_of_the_condition(tmp_path: Path) -> None:
    condition = {
        "is": {"any": [{"child.in_care": True}, {"child.protection_plan": True}]},
        "given": GIVEN,
        "examples": [example("in care", "clears", child__in_care="yes"), example("blank", {"undecided": []})],
    }
    files = {"vocabulary.yaml": dump({"conditions": {"looked_after": condition}}, Dumper=Writer, sort_keys=False)}
    pack = Pack.load(write(tmp_path, {**files, "a/one.yaml": RULE.replace("child.in_care: true", "use: looked_after")}))
    first, second = try_condition(pack, "looked_after").results
    assert str(first.differences[0]) == "I1: expected clears, came out as fires"
    assert first.explanation.splitlines()[0].startswith("✓ any of")
    assert second.passed
    assert [(item.is_branch, item.never) for item in try_condition(pack, "looked_after").uncovered] == [
        (False, "never false"), (False, "never true or false"), (True, "never the one that decides"),
    ]  # fmt: skip


# ---- coverage --------------------------------------------------------------------------------------------------------


def test_a_comparison_is_covered_once_it_was_both_true_and_false(tmp_path: Path) -> None:
    both = [example("yes", "fires", child__in_care="yes"), example("no", "clears", child__in_care="no")]
    assert tried(pack_of(tmp_path / "both", *both)).uncovered == ()
    (item,) = tried(pack_of(tmp_path / "one", both[0])).uncovered
    assert (item.says, item.never) == ("`child.in_care: is`", "never false")


BRANCHES = {
    "any": {"any": [{"child.in_care": True}, {"child.protection_plan": True}]},
    "none": {"none": [{"child.in_care": True}, {"child.protection_plan": True}]},
    "at_least_of": {
        "at_least_of": {
            "many": 2, "of": [{"child.in_care": True}, {"child.protection_plan": True}, {"child.role": "victim"}],
        },
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "facts", "decided"),
    [
        ("any", {"child__in_care": "yes", "child__protection_plan": "no"}, [True, False]),
        ("any", {"child__in_care": "yes"}, [True, False]),
        ("any", {"child__in_care": "yes", "child__protection_plan": "yes"}, [False, False]),
        ("any", {}, [False, False]),
        ("none", {"child__protection_plan": "yes"}, [False, True]),
        ("none", {"child__in_care": "no", "child__protection_plan": "no"}, [False, False]),
        ("at_least_of", {"child__in_care": "yes", "child__role": "victim"}, [True, False, True]),
        (
            "at_least_of",
            {"child__in_care": "yes", "child__role": "victim", "child__protection_plan": "yes"},
            [False] * 3,
        ),
    ],
)
def test_a_branch_decides_where_the_group_comes_out_so_because_of_it_alone(
    kind: str, facts: dict[str, str], decided: list[bool], tmp_path: Path
) -> None:
    pack = pack_of(tmp_path, example("one", {"undecided": []}, **facts), when=BRANCHES[kind])
    missing = {item.place for item in tried(pack).uncovered if item.is_branch}
    branches = Seen([pack.rules[0].when]).branches
    assert [branch.condition.place not in missing for branch in branches] == decided


def test_groups_in_groups_have_their_own_branches_and_all_has_none(tmp_path: Path) -> None:
    when = {"all": [{"any": [BRANCHES["none"], {"child.role": "victim"}]}, {"any": [{"child.in_care": True}]}]}
    pack = pack_of(tmp_path, example("one", {"undecided": []}), when=when)
    kinds = [branch.group.kind for branch in Seen([pack.rules[0].when]).branches]
    assert kinds == ["any", "any", "none", "none"]
    assert all(isinstance(branch, Branch) for branch in Seen([pack.rules[0].when]).branches)


def test_a_branch_that_never_decides_is_shown_and_does_not_fail(tmp_path: Path) -> None:
    facts = [
        {"child__in_care": a, "child__protection_plan": b} for a, b in (("yes", "no"), ("yes", "yes"), ("no", "no"))
    ]
    verdicts = ["fires", "fires", "clears"]
    examples = [example(str(n), verdict, **one) for n, (verdict, one) in enumerate(zip(verdicts, facts, strict=True))]
    pack_of(tmp_path, *examples, when=BRANCHES["any"])
    found = riskflags("test", tmp_path)
    assert found.exit_code == 0
    assert "one v1: this part of `any` is never the one that decides in the examples" in found.stdout
    assert "3 of 3 examples passed, 2 of 2 comparisons and 1 of 2 branches covered." in found.stdout


def half_shown(folder: Path) -> Path:
    """Write a pack whose named condition has one example, that of a rule being a draft."""
    condition = {
        "is": {"child.in_care": True},
        "given": GIVEN,
        "examples": [example("yes", "fires", child__in_care="yes")],
    }
    files = {"vocabulary.yaml": dump({"conditions": {"looked_after": condition}}, Dumper=Writer, sort_keys=False)}
    return write(folder, {**files, "a/one.yaml": RULE.replace("child.in_care: true", "use: looked_after")})


def test_a_comparison_that_is_not_covered_fails(tmp_path: Path) -> None:
    found = riskflags("test", half_shown(tmp_path))
    assert found.exit_code == 2
    assert re.search(
        r"vocabulary\.yaml:\d+:\d+: looked_after: `child\.in_care: is` is never false in the ex", found.stdout
    )


def test_a_draft_may_still_lack_examples(tmp_path: Path) -> None:
    pack_of(tmp_path, example("yes", "fires", child__in_care="yes"))
    found = riskflags("test", tmp_path)
    assert found.exit_code == 0
    assert "a/one.yaml:7:8: one v1: `child.in_care: is` is never false in the examples" in found.stdout


# ---- how little an example needs -------------------------------------------------------------------------------------


@cache
def shipped() -> Pack:
    return default_pack()


@pytest.mark.parametrize("rule", [rule.key for rule in shipped().rules])
def test_an_example_comes_out_as_it_does_with_the_whole_pack(rule: str) -> None:
    """The rules that an example leaves out neither change its verdict nor the gaps that it names."""
    pack = shipped().with_drafts()
    engine = Engine(pack, strict=True)
    owner = next(one for one in pack.rules if one.key == rule)
    assert try_rule(pack, rule).results
    for one in owner.examples:
        data = [one.record, *one.history]
        records = [pack.record.model_validate(dict(each), context={"timezone": pack.zone}) for each in data]
        cases = {case.record.id: case for case in engine.cases(records, as_of=one.as_of)}
        for expected in one.expect:
            case = cases[expected.incident_id]
            assert expected.verdict in {outcome.verdict for outcome in case.outcomes if outcome.rule.key == rule}
            states = {(standing.action.key, str(standing.state)) for standing in case.standings()}
            assert set(expected.gaps) <= states


def test_one_rule_or_one_condition_can_be_tried_alone() -> None:
    by_code, by_id = (run_examples(shipped(), only=name) for name in ("M03", "repeat-missing"))
    assert by_code == by_id
    assert [owner.owner for owner in by_id.owners] == ["repeat-missing v1"]
    assert [owner.owner for owner in run_examples(shipped(), only="violence_facts").owners] == ["violence_facts"]


def test_a_rule_that_is_not_there_is_refused() -> None:
    found = riskflags("test", "--rule", "M99")
    assert (found.exit_code, found.stderr) == (4, "riskflags: --rule: no rule or condition 'M99' in this pack\n")


def test_retired_rules_are_not_tried_and_drafts_are() -> None:
    pack = shipped()
    retired = tuple(replace(rule, status="retired") for rule in pack.rules[:1])
    report = run_examples(replace(pack, rules=(*retired, replace(pack.rules[1], status="draft"))))
    assert [owner.owner for owner in report.owners if " v" in owner.owner] == [pack.rules[1].key]


# ---- for programs ----------------------------------------------------------------------------------------------------


@pytest.fixture(name="failing")
def failing_pack(tmp_path: Path) -> Path:
    pack_of(
        tmp_path / "pack",
        example("in\x07 care", "clears", child__in_care="yes"),
        example("no", "clears", child__in_care="no"),
    )
    return tmp_path / "pack"


def test_junit_has_a_case_for_each_example_and_one_for_coverage(failing: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    found = riskflags("test", failing, "--junit", file)
    assert found.exit_code == 2
    (suite,) = JUnitXml.fromfile(str(file))
    assert (suite.name, suite.tests, suite.failures) == ("one v1", 3, 1)
    first, second, coverage = suite
    assert [case.name for case in (first, second, coverage)] == ["in\\x07 care", "no", "coverage"]
    (failure,) = first.result
    assert isinstance(failure, Failure)
    assert failure.message == "I1: expected clears, came out as fires"
    assert "A01 one v1 on I1: FIRES" in str(failure.text)
    assert not second.result
    assert not coverage.result


def test_junit_tells_coverage_that_is_missing_as_a_failure_and_branches_as_output(tmp_path: Path) -> None:
    riskflags("test", half_shown(tmp_path / "a"), "--junit", tmp_path / "a.xml")
    _, suite = JUnitXml.fromfile(str(tmp_path / "a.xml"))
    assert [(case.name, [r.message for r in case.result]) for case in suite][-1] == (
        "coverage", ["comparisons that no example covers"],
    )  # fmt: skip
    facts = {"child__in_care": "yes", "child__protection_plan": "no"}
    both = [example("a", "fires", **facts), example("b", "clears", **dict.fromkeys(facts, "no"))]
    both.append(example("c", "fires", **dict.fromkeys(facts, "yes")))
    pack_of(tmp_path / "b", *both, when=BRANCHES["any"])
    riskflags("test", tmp_path / "b", "--junit", tmp_path / "b.xml")
    (suite,) = JUnitXml.fromfile(str(tmp_path / "b.xml"))
    assert "never the one that decides" in str(list(suite)[-1].system_out)


def test_junit_that_cannot_be_written_is_refused(failing: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = riskflags("test", failing, "--junit", tmp_path / "file" / "r.xml")
    assert found.exit_code == 4
    assert "nothing was written" in found.stderr


def test_as_json_it_holds_every_example_and_every_gap(failing: Path) -> None:
    found = json.loads(riskflags("test", failing, "--format", "json").stdout)
    assert (found["passed"], [one["passed"] for one in found["examples"]]) == (False, [False, True])
    assert found["examples"][0]["differences"][0]["says"] == "I1: expected clears, came out as fires"
    assert found["uncovered"] == []
    gaps = json.loads(riskflags("test", "--rule", "violence_facts", "--format", "json").stdout)
    assert gaps["passed"] is True


def test_the_report_of_nothing_passes() -> None:
    assert ExampleReport(()).passed


def test_a_file_that_was_taken_away_is_told_without_its_line(failing: Path) -> None:
    pack = Pack.load(failing)
    (failing / "a" / "one.yaml").unlink()
    from riskflags.report.failures import failure_lines  # noqa: PLC0415 - only here

    lines = failure_lines(run_examples(pack).results[0])
    assert "expect" not in lines[2]


def test_in_a_process_of_its_own_it_says_the_same(failing: Path) -> None:
    assert in_a_process("test", str(failing)).returncode == 2
