"""The Python API of a whole assessment: what it takes, refuses, keeps and explains."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from conformance_cases import write_pack
from pydantic import Field, ValidationError

from riskflags import Assessment, Engine, EngineError, Incident, Pack
from riskflags.incident import Facts, IncidentFacts
from riskflags.kinds import Decimal6, YesNo  # noqa: TC001 - pydantic reads annotations at run time
from riskflags.model import Severity, State
from riskflags.online import Online, OnlineAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from riskflags.condition import Row

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 10, 12, tzinfo=LONDON)
REPEAT: dict[str, Any] = {
    "derived": {
        "calc.records": {"label": "Records", "how_many": {"in": "records", "by": ["child.id"], "window": "all"}},
        "calc.addresses": {
            "label": "Addresses",
            "how_many_different": {"in": "records", "of": "incident.address_id", "by": ["child.id"], "window": "all"},
        },
        "calc.own": {"label": "Here", "how_many": {"in": "records", "by": ["incident.address_id"], "window": "all"}},
    },
    "conditions": {"in_town": {"incident.team": {"in": ["Town", "Centre"]}}},
    "actions": {"visit": {"core": True}},
    "cases": [
        {
            "rules": [
                {
                    "id": "repeat", "code": "R1", "when": {"calc.records": {"at_least": 2}},
                    "message": "{calc.records} records of {child.id}", "requires": ["visit"],
                },
                {"id": "many", "code": "R2", "when": {"calc.records": {"at_least": 3}}, "severity": "critical"},
                {"id": "moving", "code": "R3", "when": {"calc.addresses": {"at_least": 2}}},
                {"id": "crowded", "code": "R4", "when": {"calc.own": {"at_least": 2}}},
                {
                    "id": "grouped", "code": "G1",
                    "when": {
                        "all": [
                            {"none": [{"child.date_of_birth": {"before": "2000-01-01"}}, {"use": "in_town"}]},
                            {"at_least_of": {"many": 1, "of": [{"incident.narrative": "A secret"}, {"flag": "many"}]}},
                            {"missing.earlier_episodes": {"at_least": {"field": "child.stated_age"}}},
                            {"child.role": {"recorded": False}},
                        ]
                    },
                },
                {
                    "id": "care", "code": "C1", "when": {"child.in_care": True}, "unless": [{"child.role": "witness"}],
                    "source": [{"ref": "here", "at": "p. 4", "says": "so it is"}],
                },
                {
                    "id": "stranger", "code": "S1", "for_each": "suspects", "severity": "medium",
                    "when": {"any": [{"suspect.relationship": "stranger"}, {"suspect.registered_offender": True}]},
                },
            ]
        }
    ],
}  # fmt: skip


def incident(**facts: Any) -> Incident:
    """Return a record of C1; a keyword is the path of a field with two underscores for its dot."""
    known = {
        "incident.id": "I1",
        "incident.type": "other",
        "incident.reported_at": "2026-03-02T09:00",
        "child.id": "C1",
    }
    return Incident.model_validate(known | {path.replace("__", "."): value for path, value in facts.items()})


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder = tmp_path_factory.mktemp("pack")
    write_pack(folder, REPEAT)
    return Pack.load(folder).with_drafts()


@pytest.fixture(scope="module")
def engine(pack: Pack) -> Engine:
    return Engine(pack, strict=True)


def twin(value: Any) -> Any:
    """Return the value, pickled and read back."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - it is our own


def flagged(result: Assessment) -> list[str]:
    return sorted(flag.rule_code for flag in result.flags)


def needed(result: Assessment) -> dict[str, tuple[str, ...]]:
    return {line.rule_code: line.needs for line in result.undecided}


# ---- misuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_of", [datetime(2026, 3, 10, 12), date(2026, 3, 10), "2026-03-10T12:00", None])  # noqa: DTZ001
def test_as_of_is_an_aware_datetime(engine: Engine, as_of: Any) -> None:
    with pytest.raises(TypeError, match="as_of must be an aware datetime"):
        engine.assess(incident(), as_of=as_of)
    with pytest.raises(TypeError, match="as_of must be an aware datetime"):
        engine.assess_many([incident()], as_of=as_of)


def test_as_of_has_no_default(engine: Engine) -> None:
    with pytest.raises(TypeError, match="as_of"):
        engine.assess(incident())  # type: ignore[call-arg]


@pytest.mark.parametrize("record", [{"incident.id": "I1"}, "I1", None, NOW])
def test_what_is_no_incident_is_refused(engine: Engine, record: Any) -> None:
    with pytest.raises(TypeError, match="validate the record first"):
        engine.assess(record, as_of=NOW)
    with pytest.raises(TypeError, match="validate the record first"):
        engine.assess(incident(), history=[record], as_of=NOW)
    with pytest.raises(TypeError, match="validate the record first"):
        engine.assess_many([incident(), record], as_of=NOW)


def test_a_history_that_is_one_incident_is_refused(engine: Engine) -> None:
    with pytest.raises(TypeError, match="validate the record first"):
        engine.assess(incident(), history=incident(incident__id="I0"), as_of=NOW)  # type: ignore[arg-type]


def test_an_incident_of_another_model_is_refused(tmp_path: Path) -> None:
    write_pack(tmp_path, {"cases": [{"when": {"local.score": {"at_least": 7}}}]})
    engine = Engine(Pack.load(tmp_path, record=LocalIncident).with_drafts())
    with pytest.raises(TypeError, match="expected LocalIncident, not Incident"):
        engine.assess(incident(), as_of=NOW)


# ---- one record among others -----------------------------------------------------------------------------------------


def test_any_iterable_will_do(engine: Engine) -> None:
    peers = [incident(incident__id=f"I{n}") for n in range(2, 5)]
    once = engine.assess(incident(), history=(peer for peer in peers), as_of=NOW)
    assert once == engine.assess(incident(), history=tuple(peers), as_of=NOW)
    assert flagged(once) == ["R1", "R2"]


def test_the_same_incident_and_child_in_the_history_is_left_out(engine: Engine) -> None:
    stale = incident(child__in_care=True)
    assert flagged(engine.assess(incident(child__in_care=False), history=[stale], as_of=NOW)) == []


def test_another_child_of_the_same_incident_is_another_record(engine: Engine) -> None:
    first, second = (incident(child__id=child, incident__address_id="A1") for child in ("C1", "C2"))
    results = list(engine.assess_many([first, second], as_of=NOW))
    assert [(r.incident_id, r.child_id) for r in results] == [("I1", "C1"), ("I1", "C2")]
    assert [flagged(r) for r in results] == [["R4"], ["R4"]]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_records_of_one_incident_and_child_one_is_assessed_whichever_comes_first(
    engine: Engine, order: int
) -> None:
    both = [incident(child__in_care=True), incident(child__in_care=False)]
    (result,) = engine.assess_many(both[::order], as_of=NOW)
    assert flagged(result) == ["C1"]


def test_the_input_is_read_to_its_end_first(engine: Engine) -> None:
    read: list[str] = []

    def records() -> Iterator[Incident]:
        for name in ("I1", "I2"):
            read.append(name)
            yield incident(incident__id=name)

    results = engine.assess_many(records(), as_of=NOW)
    assert read == ["I1", "I2"]
    assert [flagged(result) for result in results] == [["R1"], ["R1"]]


def test_no_records_give_no_assessments(engine: Engine) -> None:
    assert list(engine.assess_many([], as_of=NOW)) == []


def test_as_of_is_an_instant_whatever_its_zone(engine: Engine) -> None:
    elsewhere = NOW.astimezone(ZoneInfo("Pacific/Auckland"))
    result = engine.assess(incident(), as_of=elsewhere)
    assert result == engine.assess(incident(), as_of=NOW)
    assert result.as_of.isoformat() == "2026-03-10T12:00:00+00:00"


def test_a_record_after_as_of_takes_no_part(engine: Engine) -> None:
    early = datetime(2026, 3, 1, tzinfo=LONDON)
    result = engine.assess(incident(child__in_care=True), history=[incident(incident__id="I2")], as_of=early)
    assert result.not_yet
    assert (result.flags, result.undecided, result.requirements, result.gaps) == ((), (), (), ())


def test_flags_and_requirements_say_whose_they_are(engine: Engine) -> None:
    result = engine.assess(incident(), history=[incident(incident__id="I0")], as_of=NOW)
    (flag,) = result.flags
    assert (flag.rule_id, flag.rule_version, flag.severity, flag.message) == (
        "repeat",
        1,
        Severity.high,
        "2 records of C1",
    )
    assert (flag.incident_id, flag.child_id, flag.suspect_id, flag.because) == ("I1", "C1", None, ("I0", "I1"))
    (gap,) = result.gaps
    assert (gap.action, gap.action_code, gap.owner, gap.core, gap.state) == (
        "visit",
        "VISIT",
        "officer",
        True,
        State.overdue,
    )
    assert gap.due_at == datetime(2026, 3, 3, 9, tzinfo=LONDON)
    assert (gap.rules, gap.severity) == (("R1",), Severity.high)
    assert result.pack_digest == engine.pack.digest


def test_flags_come_worst_first_and_then_by_code_and_suspect(engine: Engine) -> None:
    record = incident(
        child__in_care=True,
        suspects=[{"id": "S2", "relationship": "stranger"}, {"id": "S1", "registered_offender": True}],
    )
    history = [incident(incident__id=f"I{n}") for n in (2, 3)]
    result = engine.assess(record, history=history, as_of=NOW)
    assert [(f.rule_code, f.suspect_id) for f in result.flags] == [
        ("R2", None), ("C1", None), ("R1", None), ("S1", "S1"), ("S1", "S2"),
    ]  # fmt: skip


# ---- rows that could not be read -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read."""

    source_row: int
    child_id: str | None


def test_a_rejected_row_of_the_child_may_or_may_not_count(engine: Engine) -> None:
    rejects = [BadRow(7, "C1"), BadRow(8, "C2"), BadRow(9, None)]
    result = engine.assess(incident(incident__address_id="A1"), as_of=NOW, rejects=rejects)
    assert flagged(result) == []
    found = {code: needs for code, needs in needed(result).items() if code != "G1"}
    assert found == {"R1": ("rejected:7",), "R3": ("rejected:7",), "C1": ("child.in_care",),
                              "S1": ("suspect.registered_offender", "suspect.relationship")}  # fmt: skip


def test_a_rejected_row_does_not_matter_where_enough_is_known(engine: Engine) -> None:
    history = [incident(incident__id="I0")]
    result = engine.assess(incident(), history=history, as_of=NOW, rejects=[BadRow(7, "C1")])
    assert [(f.rule_code, f.because) for f in result.flags] == [("R1", ("I0", "I1"))]
    assert needed(result)["R2"] == ("rejected:7",)


def test_the_rejected_rows_of_a_file_count_for_each_of_its_records(engine: Engine) -> None:
    records = [incident(), incident(incident__id="I2", child__id="C2")]
    results = list(engine.assess_many(records, as_of=NOW, rejects=[BadRow(3, "C2"), BadRow(1, "C2")]))
    assert [needed(result).get("R1") for result in results] == [None, ("rejected:1", "rejected:3")]


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(engine: Engine) -> Assessment:
    record = incident(
        suspects=[{"id": "S1", "relationship": "stranger"}, {"stated_age": 30}],
        done=[{"code": "visit", "at": "2026-03-03", "outcome": "completed"}],
        markers=[{"target": "child", "review_due": "2026-09-01"}],
    )
    found = engine.assess(record, history=[incident(incident__id="I0")], as_of=NOW)
    assert found.flags
    assert found.requirements
    assert found.undecided
    return found


def test_an_assessment_survives_pickle_copy_and_json(result: Assessment) -> None:
    assert twin(result) == result
    assert copy.copy(result) == result
    assert copy.deepcopy(result) == result
    assert Assessment.model_validate_json(result.model_dump_json()) == result
    assert Assessment.model_validate(result.model_dump()) == result
    assert len({result, twin(result)}) == 1


def test_a_stored_assessment_says_how_to_explain_it_again(result: Assessment) -> None:
    with pytest.raises(LookupError, match="assess the incident again"):
        twin(result).explain("repeat")


def test_an_assessment_is_frozen_and_not_equal_to_another(engine: Engine, result: Assessment) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        result.flags = ()  # type: ignore[misc]
    assert result != engine.assess(incident(), as_of=NOW)
    assert result != engine.assess(incident(), as_of=NOW + timedelta(seconds=1))
    assert result != "I1"


def test_an_incident_survives_pickle_copy_and_json() -> None:
    record = incident(
        incident__occurred_at="2026-03-02",
        child__date_of_birth="2012-02-29",
        child__stated_age="14.5",
        incident__indicators=["debt"],
        suspects=[{"relationship": "stranger"}, {"id": "S1"}],
        holds={"actions": ["visit"], "contact": False},
    )
    assert twin(record) == record
    assert copy.deepcopy(record) == record
    assert Incident.model_validate_json(record.model_dump_json()) == record
    assert Incident.model_validate(record.model_dump(mode="json", exclude_none=True)) == record


def test_a_time_that_the_clocks_skip_is_no_record() -> None:
    with pytest.raises(ValidationError, match="the clocks went forward over it"):
        incident(incident__reported_at="2026-03-29T01:30")


def test_an_engine_survives_pickle(engine: Engine) -> None:
    again = twin(engine)
    assert again.strict is True
    assert again.assess(incident(), as_of=NOW) == engine.assess(incident(), as_of=NOW)


# ---- explanations ----------------------------------------------------------------------------------------------------


def test_a_flag_is_explained_with_its_records(engine: Engine) -> None:
    found = engine.assess(incident(), history=[incident(incident__id="I0")], as_of=NOW).explain("repeat")
    lines = str(found).splitlines()
    assert lines[0] == "R1 repeat v1 on I1: FIRES"
    assert "✓ calc.records at least 2" in lines[2]
    assert "Records: I0, I1" in lines[3]
    assert "because of I0, I1" in str(found)
    assert found.message == "2 records of C1"
    assert found.model_dump()["verdict"] == "fires"


def test_a_rule_that_clears_is_explained_with_what_it_found(engine: Engine) -> None:
    found = engine.assess(incident(child__in_care=False), as_of=NOW).explain("C1")
    assert str(found).splitlines()[0] == "C1 care v1 on I1: CLEARS"
    assert "✗ child.in_care is yes" in str(found)
    assert "cases/care" in found.when.place
    assert found.needs == ()
    assert "source: A case (riskflags), p. 4: so it is" in str(found)


def test_every_node_is_explained_and_personal_values_are_masked(engine: Engine) -> None:
    record = incident(child__date_of_birth="2012-05-06", incident__narrative="A secret", incident__team="Rural")
    found = engine.assess(record, as_of=NOW).explain("grouped")
    lines = [" ".join(re.sub(r"\S+\.yaml:\d+:\d+$", "", line).split()) for line in str(found).splitlines()]
    assert lines[2:] == [
        "? all of",
        "✓ none of",
        "✗ child.date_of_birth before 1 January 2000 <date>",
        "✗ in_town",
        "✗ incident.team one of Centre, Town Rural",
        "✓ at least 1 of",
        "✓ incident.narrative is A secret <text>",
        "✗ flag many",
        "? missing.earlier_episodes at least child.stated_age not recorded, child.stated_age not recorded",
        "✓ child.role is not recorded not recorded",
        "to decide it: child.stated_age, missing.earlier_episodes",
    ]
    assert "2012" not in str(found)


def test_a_rule_that_was_stopped_says_so(engine: Engine) -> None:
    found = engine.assess(incident(child__in_care=True, child__role="witness"), as_of=NOW).explain("care")
    assert found.verdict == "clears"
    assert found.note == "stopped by an `unless` that is known to hold"
    assert "unless\n    ✓ child.role is witness" in str(found)


def test_an_undecided_rule_says_what_it_needs_and_what_alone_could_settle_it(engine: Engine) -> None:
    record = incident(suspects=[{"id": "S1", "relationship": "friend"}, {"id": "S2"}])
    result = engine.assess(record, as_of=NOW)
    one, two = (str(result.explain("stranger", suspect=suspect)) for suspect in ("S1", "S2"))
    assert "S1 stranger v1 on I1, suspect S1: UNDECIDED" in one
    assert "to decide it: suspect.registered_offender\n" in one
    assert "to decide it: suspect.registered_offender, suspect.relationship\n" in two
    assert "one of these alone could settle it: suspect.registered_offender, suspect.relationship" in two


def test_of_several_suspects_the_worst_is_explained(engine: Engine) -> None:
    record = incident(suspects=[{"id": "S1", "relationship": "friend"}, {"id": "S2", "relationship": "stranger"}])
    found = engine.assess(record, as_of=NOW).explain("stranger")
    assert (found.suspect_id, found.verdict) == ("S2", "fires")


def test_a_rule_that_is_not_there_is_a_lookup_error(engine: Engine) -> None:
    result = engine.assess(incident(), as_of=NOW)
    with pytest.raises(LookupError, match="no rule 'repaet' was decided on I1"):
        result.explain("repaet")
    with pytest.raises(LookupError, match="for suspect S9"):
        result.explain("stranger", suspect="S9")


# ---- a record with fields of its own ---------------------------------------------------------------------------------


class LocalFacts(Facts):
    """Fields that one force has."""

    score: Decimal6 = Field(default=None, description="Score of the local tool")


class LocalIncidentFacts(IncidentFacts):
    """The facts of an incident, and one more."""

    on_camera: YesNo = Field(default=None, description="It was filmed")


class LocalIncident(Incident):
    """A record with a group of its own, and a field of its own in a group that is there."""

    incident: LocalIncidentFacts  # pyright: ignore[reportIncompatibleVariableOverride] - frozen
    local: LocalFacts = LocalFacts()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("local")
    rules = [
        {"id": "scored", "code": "L1", "when": {"local.score": {"at_least": 7}}, "message": "Scored {local.score}"},
        {"id": "filmed", "code": "L2", "when": {"all": [{"incident.on_camera": True}, {"local": {"recorded": True}}]}},
    ]
    write_pack(folder, {"cases": [{"rules": rules}]})
    return Engine(Pack.load(folder, record=LocalIncident).with_drafts(), strict=True)


def test_rules_read_the_fields_of_a_subclass(local: Engine) -> None:
    known = {
        "incident.id": "I1",
        "incident.type": "other",
        "incident.reported_at": "2026-03-02",
        "incident.on_camera": "yes",
    }
    record = LocalIncident.model_validate(known | {"local.score": "7.5"})
    result = local.assess(record, as_of=NOW)
    assert [(flag.rule_code, flag.message) for flag in result.flags] == [("L1", "Scored 7.5"), ("L2", "A case")]
    unscored = local.assess(LocalIncident.model_validate(known), as_of=NOW)
    assert needed(unscored) == {"L1": ("local.score",)}
    assert twin(record) == record
    assert LocalIncident.model_validate_json(record.model_dump_json()) == record
    assert twin(local).assess(record, as_of=NOW) == result


# ---- threads and processes -------------------------------------------------------------------------------------------


def test_many_threads_assess_with_one_engine(engine: Engine) -> None:
    records = [incident(incident__id=f"I{n}", child__id=f"C{n % 5}", child__in_care=bool(n % 2)) for n in range(40)]
    alone = list(engine.assess_many(records, as_of=NOW))
    with ThreadPoolExecutor(8) as pool:
        for again in pool.map(lambda _: list(engine.assess_many(records, as_of=NOW)), range(16)):
            assert again == alone


FORK = """
import os, pickle, sys
engine, records, as_of = pickle.load(sys.stdin.buffer)
before = list(engine.assess_many(records, as_of=as_of))
children = []
for _ in range(3):
    pid = os.fork()
    if not pid:
        os._exit(0 if list(engine.assess_many(records, as_of=as_of)) == before else 1)
    children.append(pid)
assert list(engine.assess_many(records, as_of=as_of)) == before
print([os.waitpid(pid, 0)[1] for pid in children], sum(len(result.flags) for result in before))
"""


def test_an_engine_works_on_after_a_fork(engine: Engine) -> None:
    records = [incident(incident__id=f"I{n}") for n in range(5)]
    done = subprocess.run(
        [sys.executable, "-c", FORK], input=pickle.dumps((engine, records, NOW)), capture_output=True, check=False
    )
    assert (done.stdout.decode().strip(), done.returncode) == ("[0, 0, 0] 10", 0), done.stderr.decode()


# ---- when the engines disagree ---------------------------------------------------------------------------------------


def lying(monkeypatch: pytest.MonkeyPatch, **answers: OnlineAnswer) -> None:
    """Let the online engine answer otherwise for some rules."""
    ask = Online.ask

    def lie(self: Online, row: Row) -> dict[str, OnlineAnswer]:
        told = ask(self, row)
        return told | {name: answers[name.partition(" ")[0]] for name in told if name.partition(" ")[0] in answers}

    monkeypatch.setattr(Online, "ask", lie)


@pytest.mark.parametrize("online", [OnlineAnswer.clears, OnlineAnswer.neither, OnlineAnswer.both])
def test_a_flag_that_only_the_meaning_gives_is_kept(
    pack: Pack, monkeypatch: pytest.MonkeyPatch, online: OnlineAnswer
) -> None:
    lying(monkeypatch, repeat=online)
    result = Engine(pack).assess(incident(), history=[incident(incident__id="I0")], as_of=NOW)
    assert flagged(result) == ["R1"]
    assert result.engines_disagree == ("repeat v1",)
    assert [gap.action for gap in result.gaps] == ["visit"]


@pytest.mark.parametrize("online", [OnlineAnswer.fires, OnlineAnswer.both])
def test_a_flag_that_only_the_online_engine_gives_is_kept(
    pack: Pack, monkeypatch: pytest.MonkeyPatch, online: OnlineAnswer
) -> None:
    lying(monkeypatch, repeat=online)
    result = Engine(pack).assess(incident(), as_of=NOW)
    assert flagged(result) == ["R1"]
    assert result.engines_disagree == ("repeat v1",)


def test_engines_that_agree_are_not_said_to_disagree(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    lying(monkeypatch, repeat=OnlineAnswer.clears)
    assert Engine(pack).assess(incident(), as_of=NOW).engines_disagree == ()


def test_a_strict_engine_raises_and_names_the_rule(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    lying(monkeypatch, repeat=OnlineAnswer.fires)
    with pytest.raises(EngineError, match="repeat v1 on I1: clears by meaning, fires online") as raised:
        Engine(pack, strict=True).assess(incident(), as_of=NOW)
    again = twin(raised.value)
    assert (type(again), again.args) == (EngineError, raised.value.args)


# ---- which rules take part -------------------------------------------------------------------------------------------


def test_only_active_rules_take_part(pack: Pack) -> None:
    rules = tuple(replace(rule, status="retired" if rule.id == "many" else "draft") for rule in pack.rules)
    history = [incident(incident__id=f"I{n}") for n in range(2, 5)]
    drafts = replace(pack, rules=rules)
    assert flagged(Engine(drafts).assess(incident(), history=history, as_of=NOW)) == []
    assert flagged(Engine(drafts.with_drafts()).assess(incident(), history=history, as_of=NOW)) == ["R1"]
