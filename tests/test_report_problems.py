"""The problems of a pack as JSON and as SARIF, beside the text that people read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from command_line import copied_pack, riskflags
from pydantic import BaseModel
from sarif_pydantic import Sarif
from source_packs import BAD, problems_of

from riskflags.errors import Place, Problem
from riskflags.report.problems import as_json, as_sarif
from riskflags.source import PROBLEMS

if TYPE_CHECKING:
    from pathlib import Path

PROBLEMS_FOUND = problems_of(BAD / "all")


def test_json_holds_every_problem_with_its_place_and_correction() -> None:
    found = json.loads(as_json(PROBLEMS_FOUND, folder="all"))
    assert (found["pack"], found["errors"] + found["warnings"]) == ("all", len(PROBLEMS_FOUND))
    for told, problem in zip(found["problems"], PROBLEMS_FOUND, strict=True):
        place = problem.place
        assert (told["path"], told["line"], told["column"]) == (place.path, place.line, place.column)
        assert (told["code"], told["message"], told["hint"]) == (problem.code, problem.message, problem.hint)
    (fixed,) = [told["fix"] for told in found["problems"] if told["message"] == "unknown key `sevrity`"]
    assert fixed == {"line": 9, "column": 8, "old": "sevrity", "new": "severity"}


def extras(model: object) -> list[Any]:
    """Return what a model was given that SARIF does not have."""
    if isinstance(model, list):
        return [extra for item in model for extra in extras(item)]
    if not isinstance(model, BaseModel):
        return []
    return [
        *(model.model_extra or {}),
        *(extra for name in type(model).model_fields for extra in extras(getattr(model, name))),
    ]


def test_sarif_can_be_read_by_what_others_wrote_and_holds_no_more() -> None:
    log = Sarif.model_validate_json(as_sarif(PROBLEMS_FOUND))
    assert extras(log) == ["columnKind"]  # section 3.14.17 of the standard, which this reader leaves out
    (run,) = log.runs
    assert [result.rule_id for result in run.results or ()] == [problem.code for problem in PROBLEMS_FOUND]
    assert [rule.id for rule in run.tool.driver.rules or ()] == list(PROBLEMS)


def test_sarif_points_at_the_place_and_carries_the_correction() -> None:
    run = json.loads(as_sarif(PROBLEMS_FOUND))["runs"][0]
    (result,) = [one for one in run["results"] if one["message"]["text"].startswith("unknown key `sevrity`")]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"].endswith("tests/bad_rules/all/wrong/key-unknown.yaml")
    assert location["region"] == {"startLine": 9, "startColumn": 8}
    (replaced,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replaced["insertedContent"] == {"text": "severity"}
    assert replaced["deletedRegion"] == {"startLine": 9, "startColumn": 8, "endLine": 9, "endColumn": 15}
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "RF010"


@pytest.mark.parametrize(("path", "uri"), [("my rules/a.yaml", "my%20rules/a.yaml"), ("/r/a.yaml", "file:///r/a.yaml")])
def test_sarif_names_a_whole_file_without_a_region(path: str, uri: str) -> None:
    log = json.loads(as_sarif([Problem(Place(path), "RF002", "not a file")]))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": uri}}


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_check_prints_one_document_and_keeps_its_exit_code(form: str, tmp_path: Path) -> None:
    good = riskflags("check", "--format", form)
    assert (good.exit_code, type(json.loads(good.stdout))) == (0, dict)
    pack = copied_pack(tmp_path)
    rule = pack / "missing" / "repeat-missing.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("severity:", "sevrity:"), encoding="utf-8")
    bad = riskflags("check", pack, "--format", form)
    assert bad.exit_code == 2
    assert "sevrity" in json.dumps(json.loads(bad.stdout))
