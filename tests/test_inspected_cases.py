"""The four inspected cases and their boundary variants come out as they should, on the whole shipped pack."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import CASES
from conformance_cases import read

from riskflags import Engine, Pack, default_pack
from riskflags.batch import World, assess_worlds
from riskflags.model import Verdict
from riskflags.record import Names
from riskflags.results import grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from riskflags import Assessment, Incident

    Data = dict[str, Any]
    Came = dict[str, Any]

WRITTEN: Data = read(Path(__file__).parent / "inspected" / "cases.yaml")
VARIANTS: list[Data] = WRITTEN["cases"]
WORDS = {"yes": True, "no": False}


def incidents(variant: Data, pack: Pack) -> list[Incident]:
    """Return the records of a variant."""
    lines = (CASES / f"{variant['file']}.jsonl").read_text(encoding="utf-8").splitlines()
    found: list[Incident] = []
    for data in map(json.loads, lines):
        names = {data["incident"]["id"], f"{data['incident']['id']}/{data['child']['id']}"}
        for path, value in merged(variant.get("but", {}), names).items():
            change(data, path, value)
        for name in names & variant.get("done", {}).keys():
            data["done"] = [*data.get("done", ()), *variant["done"][name]]
        if not names & set(variant.get("without", ())):
            found.append(pack.record.model_validate(data, context={"timezone": pack.zone}))
    return found


def merged(changes: Data, names: set[str]) -> Data:
    return {path: value for name in names for path, value in changes.get(name, {}).items()}


def change(data: Data, path: str, value: Any) -> None:
    group, _, name = path.partition(".")
    part = data["suspects"][0] if group == "suspect" else data[group]
    if value == "absent":
        assert name in part, f"{path} is not there to be taken away"
        del part[name]
    else:
        part[name] = WORDS.get(value, value) if isinstance(value, str) else value


def as_of(variant: Data, pack: Pack) -> datetime:
    return datetime.fromisoformat(str(variant.get("as_of", WRITTEN["as_of"]))).replace(tzinfo=pack.zone)


# ---- what came out ---------------------------------------------------------------------------------------------------


@cache
def engine() -> Engine:
    return Engine(default_pack(), strict=True)


def by_meaning(variant: Data) -> dict[str, Came]:
    """Return what each record comes to by the meaning of the rules alone."""
    found: dict[str, Came] = {}
    for case in engine().cases(incidents(variant, engine().pack), as_of=as_of(variant, engine().pack)):
        graded = grade(case)
        came: Came = {
            "flags": worst((o.rule.code, o.severity) for o in case.outcomes if o.verdict is Verdict.fires),
            "undecided": {o.rule.code for o in case.outcomes if o.verdict is Verdict.undecided},
            "states": {one.action.key: str(one.state) for one in case.standings()},
            "grade": str(graded.grade) if graded else None,
        }
        found[case.record.id] = found[f"{case.record.id}/{case.record.incident.child.id}"] = came
    return found


def on_both_engines(variant: Data) -> dict[str, Came]:
    """Return what an assessment says: a strict engine refuses to say anything on which the two do not agree."""
    return read_off(engine().assess_many(incidents(variant, engine().pack), as_of=as_of(variant, engine().pack)))


@cache
def in_one_batch() -> dict[str, dict[str, Came]]:
    """Return what all variants come to in one batch, by name: each is a world of its own."""
    pack = engine().pack
    worlds = [World(incidents(variant, pack), as_of(variant, pack)) for variant in VARIANTS]
    decided = assess_worlds(worlds, Names.of(pack), digest="")
    return {variant["name"]: read_off(found) for variant, found in zip(VARIANTS, decided, strict=True)}


def batch(variant: Data) -> dict[str, Came]:
    return in_one_batch()[variant["name"]]


def read_off(assessments: Iterable[Assessment]) -> dict[str, Came]:
    found: dict[str, Came] = {}
    for one in assessments:
        came: Came = {
            "flags": worst((flag.rule_code, flag.severity) for flag in one.flags),
            "undecided": {u.rule_code for u in one.undecided} | {n.rule_code for n in one.not_assessed},
            "states": {requirement.action: str(requirement.state) for requirement in one.requirements},
            "grade": str(one.grade.grade) if one.grade else None,
        }
        found[one.incident_id] = found[f"{one.incident_id}/{one.child_id}"] = came
    return found


def worst(flags: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {code: str(severity) for code, severity in sorted(flags, key=lambda one: one[1])}


@pytest.mark.parametrize("channel", [by_meaning, on_both_engines, batch], ids=["meaning", "both", "batch"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["name"])
def test_it_comes_out_as_expected(variant: Data, channel: Callable[[Data], Mapping[str, Came]]) -> None:
    came = channel(variant)
    for name, expected in variant["expect"].items():
        differs = differences(expected, came[name])
        assert differs == [], name


def differences(expected: Data, came: Came) -> list[str]:
    """Return where a record comes out otherwise than expected."""
    found = [
        f"{code}: {came['flags'].get(code)}"
        for code, s in expected.get("flags", {}).items()
        if came["flags"].get(code) != s
    ]
    found += [
        f"{code} fires"
        for code in (*expected.get("clears", ()), *expected.get("undecided", ()))
        if code in came["flags"]
    ]
    found += [f"{code} is undecided" for code in expected.get("clears", ()) if code in came["undecided"]]
    found += [f"{code} is not undecided" for code in expected.get("undecided", ()) if code not in came["undecided"]]
    states = expected.get("states", {})
    found += [f"{key}: {state}" for key in states if (state := came["states"].get(key, "not_required")) != states[key]]
    return found + ([f"grade {came['grade']}"] if expected.get("grade", came["grade"]) != came["grade"] else [])


def test_each_case_has_variants_and_each_a_name_of_its_own() -> None:
    names = [variant["name"] for variant in VARIANTS]
    assert len(names) == len(set(names)) >= 20
    assert {variant["file"] for variant in VARIANTS} == {path.stem for path in CASES.glob("*.jsonl")}
    known = {rule.code for rule in default_pack().rules}
    for variant in VARIANTS:
        for expected in variant["expect"].values():
            assert {*expected.get("flags", ()), *expected.get("clears", ()), *expected.get("undecided", ())} <= known
            assert expected.get("states", {}).keys() <= default_pack().actions.keys()


def test_what_is_expected_wrongly_is_noticed() -> None:
    came: Came = {"flags": {"E01": "high"}, "undecided": {"E04"}, "states": {"see_child": "done"}, "grade": "good"}
    wrong: list[Data] = [
        {"flags": {"E01": "critical"}}, {"flags": {"E02": "high"}}, {"clears": ["E01"]}, {"clears": ["E04"]},
        {"undecided": ["E01"]}, {"undecided": ["E05"]}, {"states": {"see_child": "overdue"}},
        {"states": {"see_child": "not_required"}}, {"grade": "inadequate"},
    ]  # fmt: skip
    assert [expected for expected in wrong if differences(expected, came) == []] == []
    right: Data = {
        "flags": {"E01": "high"},
        "clears": ["E02"],
        "undecided": ["E04"],
        "states": {"referral": "not_required"},
    }
    assert differences(right, came) == []
