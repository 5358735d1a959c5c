"""Facts about behaviour, as data: every case of tests/conformance, by meaning and on the online engine.

`conformance_cases` says how a case is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from conformance_cases import FOLDER, LONDON, Check, checks_of, read, write_pack

from riskflags import Engine, Incident, Pack
from riskflags.model import Verdict
from riskflags.online import Online, OnlineAnswer
from riskflags.results import grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from riskflags import Assessment, Requirement
    from riskflags.assessment import CaseGrade
    from riskflags.case import Case
    from riskflags.requirements import Outcome, Standing

    Data = dict[str, Any]
    Load = Callable[[Path], Pack]

WHOLE = ("grade", "suspects", "rules", "records", "requirements", "warnings")
ONE_CHANNEL = ("message", "not_assessed", "could_be", "because")
"""What only one of the channels gives, for some verdicts."""


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    @cache
    def load_once(path: Path) -> Pack:
        folder = tmp_path_factory.mktemp(path.stem)
        write_pack(folder, read(path))
        return Pack.load(folder).with_drafts()

    return load_once


def of_case(pack: Pack, keys: tuple[str, ...]) -> Pack:
    """Return the pack with the rules of one case."""
    layers = (tuple(key for key in layer if key in keys) for layer in pack.layers)
    rules = tuple(rule for rule in pack.rules if rule.key in keys)
    assert len(rules) == len(keys)
    return replace(pack, rules=rules, layers=tuple(layer for layer in layers if layer))


# ---- what came out ---------------------------------------------------------------------------------------------------


@dataclass
class Came:
    """What one record came to: by rule and suspect, and by action and suspect."""

    rules: dict[tuple[str, str | None], Data]
    requirements: dict[tuple[str, str | None], Data]
    grade: Data | None
    warnings: list[str] | None = None


def by_meaning(pack: Pack, check: Check) -> dict[str, Came]:
    """Return what each record comes to by the meaning of the rules alone."""
    cases = Engine(pack).cases(_incidents(check), as_of=check.as_of)
    return {
        case.record.id: Came(
            {key: _outcome(o) for key, o in _in_force(case).items()}, _standings(case, check), _grade(grade(case))
        )
        for case in cases
    }


def _in_force(case: Case) -> dict[tuple[str, str | None], Outcome]:
    """Return what each rule came to, by suspect: of several versions the one in force, if any is."""
    found: dict[tuple[str, str | None], Outcome] = {}
    for outcome in case.outcomes:
        if (key := (outcome.rule.id, outcome.suspect_id)) not in found or not _is_out_of_force(outcome):
            found[key] = outcome
    return found


def _is_out_of_force(outcome: Outcome) -> bool:
    return outcome.note.startswith("not in force")


def _outcome(outcome: Outcome) -> Data:
    is_undecided = outcome.verdict is Verdict.undecided
    needs = outcome.needs if is_undecided else outcome.severity_needs
    return {
        "verdict": outcome.verdict,
        "severity": str(outcome.could_be if is_undecided else outcome.severity),
        "could_be": str(outcome.could_be),
        "needs": sorted(needs),
        "because": list(outcome.because),
        "version": outcome.rule.version,
    }


def _standings(case: Case, check: Check) -> dict[tuple[str, str | None], Data]:
    return {(s.action.key, s.suspect_id): _standing(s) for s in case.standings()} if _is_there(case, check) else {}


def _is_there(case: Case, check: Check) -> bool:
    return bool(case.outcomes) or check.expect != "not_yet"


def _standing(standing: Standing) -> Data:
    return {
        "state": standing.state,
        "due": standing.due or (None, None),
        "needs": sorted(standing.needs),
        "short_of": list(standing.short_of),
        "recorded_at": standing.record.at.local if standing.record and standing.record.at else None,
        "recorded_by": standing.record.by if standing.record else None,
        "severity": str(standing.severity),
        "rules": sorted({asked.outcome.rule.id for asked in standing.asked}),
    }


def online(pack: Pack, check: Check) -> dict[str, Came]:
    """Return what each record comes to in a whole assessment, with verdicts straight from the online engine."""
    incidents = _incidents(check)
    asked = Online({name: condition for rule in pack.rules for name, condition in _questions(rule)})
    verdicts = {
        case.record.id: {key: _verdict(outcome, asked) for key, outcome in _in_force(case).items()}
        for case in Engine(pack).cases(incidents, as_of=check.as_of)
    }
    asked.close()
    results = Engine(pack, strict=True).assess_many(incidents, as_of=check.as_of)
    return {result.incident_id: _came(result, verdicts[result.incident_id], pack) for result in results}


def _questions(rule: Any) -> Iterator[tuple[str, Any]]:
    yield rule.key, rule.when
    yield from ((f"{rule.key}, unless {number}", stop) for number, stop in enumerate(rule.unless))


def _verdict(outcome: Outcome, asked: Online) -> Verdict:
    if _is_out_of_force(outcome):  # which no engine is asked
        return Verdict.clears
    answers = asked.ask(outcome.row)
    stops = [answers[name] for name, _ in list(_questions(outcome.rule))[1:]]
    if OnlineAnswer.fires in stops:
        return Verdict.clears
    said = {"fires": Verdict.fires, "clears": Verdict.clears, "neither": Verdict.undecided}
    return said[answers[outcome.rule.key]]


def _came(result: Assessment, verdicts: Mapping[tuple[str, str | None], Verdict], pack: Pack) -> Came:
    rules: dict[tuple[str, str | None], Data] = {key: {"verdict": verdict} for key, verdict in verdicts.items()}
    ids = {rule.code: rule.id for rule in pack.rules}
    decided: set[tuple[str, str | None]] = set()
    for flag in result.flags:
        decided.add((flag.rule_id, flag.suspect_id))
        rules[flag.rule_id, flag.suspect_id] |= {
            "severity": str(flag.severity), "could_be": str(flag.could_be), "needs": list(flag.severity_needs),
            "because": list(flag.because), "version": flag.rule_version, "message": flag.message,
        }  # fmt: skip
        assert rules[flag.rule_id, flag.suspect_id]["verdict"] is Verdict.fires
    for open_ in result.undecided:
        decided.add((open_.rule_id, open_.suspect_id))
        rules[open_.rule_id, open_.suspect_id] |= {
            "severity": str(open_.severity), "needs": list(open_.needs), "not_assessed": False,
        }  # fmt: skip
        assert rules[open_.rule_id, open_.suspect_id]["verdict"] is Verdict.undecided
    never = {line.rule_id: line for line in result.not_assessed}
    for key, found in rules.items():
        if key[0] in never and key not in decided:
            found |= {"needs": list(never[key[0]].fields), "not_assessed": True}
        assert key in decided or key[0] in never or found["verdict"] is Verdict.clears
    return Came(
        rules,
        {(r.action, r.suspect_id): _requirement(r, ids) for r in result.requirements},
        _grade(result.grade),
        [caution.code for caution in result.warnings],
    )


_NO_GRADE: Data = {"grade": "none", "could_be": "none", "needs": []}


def _grade(found: CaseGrade | None) -> Data | None:
    return None if found is None else {**found.model_dump(mode="json"), "needs": list(found.needs)}


def _requirement(found: Requirement, ids: Mapping[str, str]) -> Data:
    ends = (found.due_from, found.due_at)
    return {
        "state": found.state,
        "due": tuple(int(end.timestamp()) if end else None for end in ends),
        "needs": list(found.needs),
        "short_of": list(found.short_of),
        "recorded_at": found.recorded_at,
        "recorded_by": found.recorded_by,
        "severity": str(found.severity),
        "rules": sorted(ids[code] for code in found.rules),
    }


def _incidents(check: Check) -> list[Incident]:
    return [Incident.model_validate(data) for data in (check.record, *check.history)]


# ---- against what is expected ----------------------------------------------------------------------------------------


def differences(expect: Any, came: Mapping[str, Came], check: Check) -> Iterator[str]:
    """Yield how what came out differs from what is expected."""
    match expect:
        case {"records": records}:
            for incident, one in records.items():
                yield from (f"{incident}: {line}" for line in _of_record(one, came[incident], check))
        case _:
            yield from _of_record(expect, came[check.record["incident.id"]], check)


def _of_record(expect: Any, came: Came, check: Check) -> Iterator[str]:
    if expect == "not_yet":
        yield from [f"{key} was decided" for key in came.rules]
        return
    parts = expect if isinstance(expect, dict) else {}
    if not set(parts) & set(WHOLE):
        yield from _of_rule(expect, came, check.rules[0].partition(" ")[0])
    for rule, one in parts.get("rules", {}).items():
        yield from (f"{rule}: {line}" for line in _of_rule(one, came, rule))
    if "suspects" in parts:
        yield from _of_rule({"suspects": parts["suspects"]}, came, check.rules[0].partition(" ")[0])
    for action, one in parts.get("requirements", {}).items():
        yield from (f"{action}: {line}" for line in _of_action(one, came, action))
    if "grade" in parts:
        wanted = parts["grade"] if isinstance(parts["grade"], dict) else {"grade": parts["grade"]}
        yield from _compared({"could_be": wanted["grade"], "needs": []} | wanted, came.grade or _NO_GRADE)
    if "warnings" in parts and came.warnings is not None and came.warnings != parts["warnings"]:
        yield f"expected warnings {parts['warnings']}, came out as {came.warnings}"


def _of_rule(expect: Any, came: Came, rule: str) -> Iterator[str]:
    found = {suspect: one for (rule_id, suspect), one in came.rules.items() if rule_id == rule}
    if isinstance(expect, dict) and "suspects" in expect:
        if set(expect["suspects"]) != set(found):
            yield f"expected suspects {sorted(expect['suspects'])}, came out as {list(found)}"
        for suspect, one in expect["suspects"].items():
            yield from (f"{suspect}: {line}" for line in _compared(_wanted(one), found.get(suspect, {})))
    elif len(found) != 1:
        yield f"decided {len(found)} times"
    else:
        yield from _compared(_wanted(expect), *found.values())


def _wanted(expect: Any) -> Data:
    """Return what is wanted of one verdict, by the names that `_outcome` gives."""
    match expect:
        case "fires" | "clears":
            return {"verdict": expect}
        case {"undecided": list(needs)}:
            return {"verdict": "undecided", "needs": needs}
        case {"undecided": dict(more)}:
            return {"verdict": "undecided", **more}
        case {"fires": dict(more)}:
            return {"verdict": "fires", **more}
        case _:
            msg = f"not an expectation: {expect!r}"
            raise ValueError(msg)


def _of_action(expect: Any, came: Came, action: str) -> Iterator[str]:
    found = {suspect: one for (key, suspect), one in came.requirements.items() if key == action}
    match expect:
        case "not_required":
            yield from [f"required: {one}" for one in found.values()]
        case {"suspects": dict(suspects)}:
            if set(suspects) != set(found):
                yield f"expected suspects {sorted(suspects)}, came out as {list(found)}"
            for suspect, one in suspects.items():
                yield from (f"{suspect}: {line}" for line in _compared(_wanted_of(one), found.get(suspect, {})))
        case _ if len(found) != 1:
            yield f"required {len(found)} times"
        case _:
            yield from _compared(_wanted_of(expect), *found.values())


def _wanted_of(expect: Any) -> Data:
    """Return what is wanted of one requirement, by the names that `_standing` gives."""
    wanted: Data = {"state": expect} if isinstance(expect, str) else dict(expect)
    if "due" in wanted:
        ends = wanted["due"] if isinstance(wanted["due"], list) else [wanted["due"]] * 2
        wanted["due"] = tuple(None if end == "none" else _instant(end) for end in ends)
    return wanted


def _instant(text: str) -> int:
    when = datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=LONDON)).timestamp())


def _compared(wanted: Data, found: Data) -> Iterator[str]:
    for name, value in wanted.items():
        if found.get(name, value if name in ONE_CHANNEL else None) != value:
            yield f"expected {name} {value}, came out as {found}"


# ---- the test --------------------------------------------------------------------------------------------------------

CHECKS = [check for path in sorted(FOLDER.glob("*.yaml")) for check in checks_of(path)]
CHANNELS = {"holds": by_meaning, "online": online}


@pytest.mark.parametrize(
    ("check", "channel"),
    [
        pytest.param(check, channel, id=f"{check.path.name}::{check.name}[{channel}]")
        for check in CHECKS
        for channel in CHANNELS
    ],
)
def test_it_comes_out_as_expected(check: Check, channel: str, load: Load) -> None:
    pack = of_case(load(check.path), check.rules)
    assert list(differences(check.expect, CHANNELS[channel](pack, check), check)) == []


def test_there_are_at_least_150_cases_each_with_a_name_of_its_own() -> None:
    names = [(check.path.name, check.name) for check in CHECKS]
    assert len(set(names)) == len(names) >= 150


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "wrong", ["fires", "clears", {"undecided": ["child.role"]}, {"requirements": {"visit": "done"}}]
)
def test_what_is_expected_wrongly_is_noticed(wrong: Any, channel: str, load: Load) -> None:
    some = [check for check in CHECKS if isinstance(check.expect, str) and check.expect not in (wrong, "not_yet")][::40]
    for check in some:
        came = CHANNELS[channel](of_case(load(check.path), check.rules), check)
        assert list(differences(wrong, came, check))
