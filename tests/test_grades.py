"""Indicative grades: the four inspected cases, an audit of 79 with a known answer, and each grade explained."""

from __future__ import annotations

import pickle
from collections import Counter
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest
from command_line import AS_OF, CASES, riskflags, rows

from riskflags import Assessment, Engine, Incident, default_pack, read
from riskflags.model import Grade
from riskflags.report.findings import case_grades, collect
from riskflags.samples import audit

if TYPE_CHECKING:
    from pathlib import Path


def when(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=default_pack().zone)


@cache
def audited() -> list[tuple[Assessment, Grade]]:
    made = audit.audit_cases()
    incidents = [Incident.model_validate(data) for data, _ in made]
    found = {
        a.incident_id: a for a in Engine(default_pack(), strict=True).assess_many(incidents, as_of=when(audit.AS_OF))
    }
    return [(found[data["incident"]["id"]], grade) for data, grade in made]


def test_the_audit_comes_out_case_by_case_as_it_was_built() -> None:
    wrong = [
        (one.incident_id, one.grade, grade) for one, grade in audited() if not one.grade or one.grade.grade != grade
    ]
    assert wrong == []


def test_the_audit_has_as_many_of_each_grade_as_the_inspectors_found() -> None:
    assert Counter(one.grade.grade for one, _ in audited() if one.grade) == {
        Grade.good: 14, Grade.requires_improvement: 35, Grade.inadequate: 30,
    }  # fmt: skip


def test_no_grade_of_the_audit_could_be_worse_than_it_is() -> None:
    assert [one.incident_id for one, _ in audited() if one.grade and one.grade.could_be != one.grade.grade] == []


def test_every_case_that_is_not_good_names_a_core_action_with_no_record_in_time() -> None:
    for one, grade in audited():
        assert (grade is Grade.good) == (not any(gap.core for gap in one.gaps))


@pytest.mark.parametrize(("letter", "grade"), [("a", "inadequate"), ("b", "inadequate"), ("c", "good"), ("d", "good")])
def test_the_four_inspected_cases_are_graded_as_the_inspectors_text_reads(letter: str, grade: str) -> None:
    pack = default_pack()
    incidents = [i for one in "abcd" for i in read(CASES / f"case-{one}.jsonl", zone=pack.zone).incidents]
    ids = {i.incident.id for i in read(CASES / f"case-{letter}.jsonl", zone=pack.zone).incidents}
    results = Engine(pack, strict=True).assess_many(incidents, as_of=when(AS_OF))
    found = collect((one for one in results if one.incident_id in ids), as_of=when(AS_OF), origins={})
    assert {str(one.grade) for one in case_grades(found).values()} == {grade}


# ---- explained -------------------------------------------------------------------------------------------------------


def test_a_grade_is_explained_with_values_and_places() -> None:
    one = next(one for one, grade in audited() if grade is Grade.inadequate)
    told = one.explain_grade()
    assert (told.grade, [step.answer for step in told.cases]) == ("inadequate", ["holds"])
    assert str(told).startswith(f"Indicative grade of {one.incident_id}: INADEQUATE\n  ✓ inadequate: all of")
    assert "pack.yaml:" in str(told)


def test_a_grade_that_is_good_tells_why_no_worse_one_holds() -> None:
    told = next(one for one, grade in audited() if grade is Grade.good).explain_grade()
    assert [step.answer for step in told.cases] == ["fails", "fails"]


def test_a_grade_that_is_not_there_is_not_explained() -> None:
    record = Incident.model_validate(
        {"incident.id": "I1", "incident.type": "other", "incident.reported_at": "2025-06-01"}
    )
    result = Engine(default_pack()).assess(record, as_of=when(AS_OF))
    assert result.grade is None
    with pytest.raises(LookupError, match="no grade"):
        result.explain_grade()


def test_a_grade_that_was_stored_is_the_same_and_is_explained_no_more() -> None:
    one = audited()[0][0]
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own
    assert again == one
    assert Assessment.model_validate_json(one.model_dump_json()).grade == one.grade
    with pytest.raises(LookupError, match="assess the incident again"):
        again.explain_grade()


# ---- in the outputs --------------------------------------------------------------------------------------------------


def test_a_run_writes_and_counts_grades(tmp_path: Path) -> None:
    files = [CASES / f"case-{letter}.jsonl" for letter in "abcd"]
    done = riskflags("run", *files, "--as-of", AS_OF, "--out", tmp_path)
    assert "Indicative grades of 6 cases: 4 good, 2 inadequate." in done.stdout
    found = {(row["incident_id"], row["child_id"]): row["grade"] for row in rows(tmp_path, "grades")}
    assert found["CASE-A-3", "CHILD-A"] == found["CASE-B-1", "CHILD-B"] == "inadequate"
    assert found["CASE-C-1", "CHILD-C-BROTHER"] == "good"


@pytest.mark.parametrize("form", ["text", "tree", "json"])
def test_explain_shows_the_grade_alone(form: str) -> None:
    done = riskflags(
        "explain", CASES / "case-b.jsonl", "--incident", "CASE-B-1", "--grade", "--as-of", AS_OF, "--format", form
    )
    assert done.exit_code == 0
    assert ("inadequate" if form == "json" else "Indicative grade of CASE-B-1: INADEQUATE") in done.stdout
    assert "Cleared:" not in done.stdout


def test_explain_takes_a_rule_or_the_grade() -> None:
    done = riskflags("explain", CASES / "case-b.jsonl", "--incident", "CASE-B-1", "--grade", "--rule", "T01")
    assert (done.exit_code, "ask for one of them" in done.stderr) == (4, True)


def test_the_demo_shows_the_grade_of_each_case() -> None:
    shown = [line.strip() for line in riskflags("demo").stdout.splitlines() if line.strip().startswith("Indicative")]
    assert shown == ["Indicative grade: inadequate."] * 2 + ["Indicative grade: good."] * 2
