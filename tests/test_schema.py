"""The JSON Schemas: right files of packs fit them, and files of a wrong shape do not."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import copied_pack, riskflags
from conformance_cases import Reader
from jsonschema import Draft7Validator
from source_packs import BAD, EXPECT, GOOD

from riskflags import Pack, default_pack
from riskflags.authoring.schema import FILES, schemas
from riskflags.shipped import default_folder
from riskflags.source import SHAPES

SHAPE_CODES = frozenset({"RF010", "RF011", "RF013", "RF020"})
NOT_OF_SHAPE = {
    "value-at-least-of": "a number larger than the list beside it",
    "value-date": "a day that is not in the calendar",
    "grades-order": "which of several grades has a `when` goes by their order",
    "value-severities": "which of several severities has a `when` goes by their order",
    "value-time": "a time that is not on the clock",
    "value-calendar": "a calendar is any that the holidays package knows",
    "value-timezone": "a timezone is any that the system knows",
    "value-param-day": "a day that is not in the calendar",
    "value-param-duration": "a duration goes by the unit beside it",
}
"""Files with a code of SHAPE_CODES that a schema lets through -> what in them no schema can see."""


def read(text: str) -> Any:
    """Return YAML as an editor reads it: by version 1.2, where days and `no` are text."""
    return yaml.load(text, Reader)  # noqa: S506 - it derives from SafeLoader


@cache
def validators(folder: Path) -> dict[str, Draft7Validator]:
    return {name: Draft7Validator(schema) for name, schema in schemas(Pack.load(folder)).items()}


@pytest.fixture(name="around", scope="module")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the pack that the bad rules stand in, without them."""
    folder = tmp_path_factory.mktemp("good")
    for path, text in GOOD.items():
        target = folder / path.relative_to(BAD / "all")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def sort_of(path: Path, folder: Path) -> str:
    return "rule" if path.parent != folder else path.stem


def faults(path: Path, validator: Draft7Validator) -> list[str]:
    found = validator.iter_errors(read(path.read_text("utf-8")))
    return [f"{path.name}: {fault.json_path}: {fault.message}" for fault in found]


# ---- the schemas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one_of_draft_7(name: str) -> None:
    Draft7Validator.check_schema(schemas(default_pack())[name])


def test_every_part_of_the_grammar_is_in_a_schema() -> None:
    parts = {part for schema in schemas(default_pack()).values() for part in schema["definitions"]}
    assert set(SHAPES) - {"at least", "at_least_of"} <= parts | set(FILES.values())


def test_a_schema_holds_only_what_it_refers_to() -> None:
    for schema in schemas(default_pack()).values():
        named = set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema)))
        assert named == set(schema["definitions"])


@pytest.mark.parametrize("folder", [default_folder(), *sorted((Path(__file__).parent / "packs").iterdir())])
def test_the_files_of_a_right_pack_fit(folder: Path) -> None:
    found = validators(folder)
    paths = sorted(folder.rglob("*.yaml"))
    assert len(paths) > 4
    assert [fault for path in paths for fault in faults(path, found[sort_of(path, folder)])] == []


def test_the_right_files_around_the_bad_rules_fit(around: Path) -> None:
    found = validators(around)
    assert [fault for path in around.rglob("*.yaml") for fault in faults(path, found[sort_of(path, around)])] == []


def _bad_files() -> list[tuple[str, Path]]:
    rules = [("rule", path) for path in sorted((BAD / "all" / "wrong").glob("*.yaml"))]
    return rules + [(name, path) for name in FILES for path in sorted((BAD / "files" / name).rglob("*.yaml"))]


def _shape_files() -> list[tuple[str, Path]]:
    found = [(name, path) for name, path in _bad_files() if _codes(path) & SHAPE_CODES]
    return [(name, path) for name, path in found if _is_yaml(path)]


def _codes(path: Path) -> set[str]:
    return {code for code, _, _ in EXPECT.findall(path.read_text("utf-8"))}


def _is_yaml(path: Path) -> bool:
    try:
        read(path.read_text("utf-8"))
    except yaml.YAMLError:
        return False
    return True


@pytest.mark.parametrize(("name", "path"), _shape_files(), ids=lambda value: getattr(value, "stem", value))
def test_a_file_of_a_wrong_shape_does_not_fit(name: str, path: Path, around: Path) -> None:
    fits = not faults(path, validators(around)[name])
    assert fits == (path.stem in NOT_OF_SHAPE), NOT_OF_SHAPE.get(path.stem, "no schema stopped it")


def test_every_exception_is_one(around: Path) -> None:
    assert {path.stem for _, path in _shape_files()} >= set(NOT_OF_SHAPE)
    assert len(_shape_files()) > 40


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("child.in_care: true", "child.in_car: true"),
        ("child.in_care: true", "child.in_care: maybe"),
        ("child.in_care: true", "child.in_care: {at_least: 3}"),
        ("child.in_care: true", "use: no_such_condition"),
        ("child.in_care: true", "flag: no-such-rule"),
        ("child.in_care: true", "incident.type: missing"),
        ("child.in_care: true", "{child.in_care: true, child.sex: female}"),
        ("severity: high", "severity: grave"),
        ("do: see_child", "do: see_chidl"),
        ("within: 24 hours", "within: 24 hrs"),
    ],
)
def test_names_values_and_operators_are_checked(right: str, wrong: str) -> None:
    text = (
        "code: M90\nid: one\ntitle: One\nwhy: Synthetic.\nversion: 1\nstatus: draft\nwhen:\n  child.in_care: true\n"
        "flag:\n  severity: high\n  about: child\n  message: One\nrequires:\n  - do: see_child\n    due:\n"
        "      within: 24 hours\n      of: incident.reported_at\n"
    )
    validator = Draft7Validator(schemas(default_pack())["rule"])
    assert validator.is_valid(read(text))
    wrong = wrong if not wrong.startswith("{") else wrong.strip("{}").replace(", ", "\n  ")
    assert not validator.is_valid(read(text.replace(right, wrong)))


@pytest.mark.parametrize(
    ("window", "fits"),
    [
        ({"back": "90 days"}, True),
        ({"last": 3, "of": {"incident.type": "assault"}}, True),
        ({"last": 3}, False),
        ({"back": "90 days", "last": 3, "of": {"incident.type": "assault"}}, False),
        ({"up_to": "as_of"}, False),
    ],
)
def test_a_window_reaches_back_or_holds_the_last_of_a_sort(window: dict[str, Any], fits: bool) -> None:
    look_up = {"in": "records", "by": ["child.id"], "window": window}
    file = {"derived": {"calc.n": {"label": "Records", "how_many": look_up}}}
    assert validators(default_folder())["vocabulary"].is_valid(file) == fits


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_schema_for_each_sort_of_file(tmp_path: Path) -> None:
    mine = copied_pack(tmp_path / "mine")
    done = riskflags("schema", mine, "--out", tmp_path / "schemas")
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "schemas").iterdir()) == sorted(f"{name}.json" for name in FILES)
    written = json.loads((tmp_path / "schemas" / "rule.json").read_text("utf-8"))
    assert written == schemas(Pack.load(mine))["rule"]
    settings = json.loads(done.stdout[done.stdout.index("{") :])["yaml.schemas"]
    assert {Path(path).name for path in settings} == {f"{name}.json" for name in FILES}


@pytest.mark.parametrize("command", ["schema", "docs"])
def test_what_cannot_be_written_is_refused(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = riskflags(command, "--out", tmp_path / "file" / "x")
    assert (done.exit_code, "nothing was written" in done.stderr) == (4, True)


def test_problems_are_looked_for_in_a_folder(tmp_path: Path) -> None:
    done = riskflags("docs", "--out", tmp_path / "pages", "--problems", tmp_path / "nowhere")
    assert (done.exit_code, (tmp_path / "pages").exists()) == (4, False)


def test_a_pack_with_problems_has_no_schema(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("id: x\n", encoding="utf-8")
    done = riskflags("schema", tmp_path, "--out", tmp_path / "schemas")
    assert (done.exit_code, (tmp_path / "schemas").exists()) == (2, False)
