"""An editor with the schemas: yaml-language-server completes the words of the grammar and the names of the pack.

Skipped where RISKFLAGS_YAML_LANGUAGE_SERVER does not name the server's script (npm install yaml-language-server; then
node_modules/yaml-language-server/bin/yaml-language-server). Needs Node.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from language_server import LanguageServer

from riskflags import default_pack
from riskflags.authoring.schema import schemas
from riskflags.fields import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = os.environ.get("RISKFLAGS_YAML_LANGUAGE_SERVER", "")
pytestmark = pytest.mark.skipif(not SCRIPT, reason="RISKFLAGS_YAML_LANGUAGE_SERVER names no yaml-language-server")
RULE = """\
code: M90
id: from-hospital
title: Missing from hospital
why: Synthetic, for a test.
version: 1
status: draft
for_each: suspects
when:
  all:
    - incident.type: missing_episode
    - child.in_care: true
    - missing.missing_from:
        in:
          - hospital
flag:
  severity: high
  about: child
  message: Missing from hospital
requires:
  - see_child
"""


@pytest.fixture(name="server", scope="module")
def yaml_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LanguageServer, Path]]:
    folder = tmp_path_factory.mktemp("editor")
    for name, schema in schemas(default_pack()).items():
        (folder / f"{name}.json").write_text(json.dumps(schema), encoding="utf-8")
    (folder / "pack" / "missing").mkdir(parents=True)
    settings = {
        "yaml": {
            "schemas": {(folder / "rule.json").as_uri(): "**/pack/*/*.yaml"},
            "schemaStore": {"enable": False},
            "validate": True,
            "completion": True,
        }
    }
    with LanguageServer(["node", SCRIPT, "--stdio"], folder=folder, settings=settings) as server:
        yield server, folder / "pack" / "missing"


def proposed(server: tuple[LanguageServer, Path], name: str, text: str) -> set[str]:
    """Return what is proposed where `|` stands in a text."""
    speaker, folder = server
    before, _, after = text.partition("|")
    uri = speaker.open(folder / f"{name}.yaml", before + after)
    speaker.problems(uri)  # it has the schema when it has looked at the file
    return set(speaker.completions(uri, line=before.count("\n"), column=len(before.rpartition("\n")[2])))


def test_the_keys_of_a_rule(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "keys", RULE.replace("title: Missing from hospital\n", "|\n"))
    assert {"title", "unless", "derived", "known_limits"} <= found


def test_fields_and_groups_in_a_condition(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "fields", RULE.replace("    - child.in_care: true\n", "    - |\n"))
    readable = {path for path, info in catalogue().items() if not info.repeated or path.startswith("suspect.")}
    assert {"all", "any", "none", "at_least_of", "use", "flag", "gap"} <= found
    assert readable <= found
    assert {name for name in default_pack().derived if name.startswith("calc.")} <= found


def test_operators_by_kind(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "operators", RULE.replace("        in:\n          - hospital\n", "        |\n"))
    assert {"in", "not_in", "is", "is_not", "recorded"} <= found
    assert not {"at_least", "before", "has_any"} & found


def test_codes_of_a_field(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "codes", RULE.replace("- hospital", "- |"))
    assert set(catalogue()["missing.missing_from"].codes or ()) <= found


def test_named_conditions_of_the_pack(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "names", RULE.replace("child.in_care: true", "use: |"))
    assert set(default_pack().conditions) <= found


def test_actions_of_the_pack(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "actions", RULE.replace("- see_child", "- |"))
    assert set(default_pack().actions) <= found


def test_severities(server: tuple[LanguageServer, Path]) -> None:
    found = proposed(server, "severities", RULE.replace("severity: high", "severity: |"))
    assert {"low", "medium", "high", "critical"} <= found


def test_a_right_rule_has_no_problems(server: tuple[LanguageServer, Path]) -> None:
    speaker, folder = server
    assert not speaker.problems(speaker.open(folder / "right.yaml", RULE))


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("child.in_care: true", "child.in_car: true", 10),
        ("in:\n", "at_least:\n", 12),
        ("- hospital", "- hospitl", 13),
        ("about: child", "about: children", 16),
        ("- see_child", "- see_chidl", 19),
    ],
)
def test_a_wrong_rule_has_a_problem_in_its_line(
    server: tuple[LanguageServer, Path], right: str, wrong: str, line: int
) -> None:
    speaker, folder = server
    found = speaker.problems(speaker.open(folder / f"wrong-{line}.yaml", RULE.replace(right, wrong)))
    assert line in {problem["range"]["start"]["line"] for problem in found}
