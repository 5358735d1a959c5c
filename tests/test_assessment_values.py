"""Assessments as values, explained, from many threads and processes, and where the two engines disagree."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from small_pack import LONDON, NOW, flagged, incident, small_engine, small_pack, twin

from riskflags import Assessment, Engine, EngineError, Incident, default_pack, read
from riskflags.online import Online, OnlineAnswer
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from riskflags import Pack
    from riskflags.condition import Row

LATER = datetime(2026, 4, 1, 9, tzinfo=LONDON)


@pytest.fixture
def pack() -> Pack:
    return small_pack()


@pytest.fixture
def engine() -> Engine:
    return small_engine()


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.fixture
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
    assert "2  [I0, I1]" in lines[2]
    assert lines[3].strip() == "Records: how many records of child C1 at any time"
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
    lines = [" ".join(re.sub(r"\S+\.yaml:\d+$", "", line).split()) for line in str(found).splitlines()]
    assert lines[2:] == [
        "? all of",
        "✓ none of",
        "✗ child.date_of_birth before 1 January 2000 <date>",
        "✗ in_town: incident.team one of Centre, Town Rural",
        "✓ at least 1 of",
        "✓ incident.narrative is A secret <text>",
        "✗ flag many",
        "✗ cleared: R2",
        "? missing.earlier_episodes at least child.stated_age (not recorded) not recorded",
        "✓ child.role is not recorded not recorded",
        "severity would be high",
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
    assert one.endswith("to decide it: suspect.registered_offender")
    assert "to decide it: suspect.registered_offender, suspect.relationship\n" in two
    assert "each of these alone may decide it: suspect.registered_offender, suspect.relationship" in two


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


# ---- threads and processes -------------------------------------------------------------------------------------------


def test_many_threads_assess_with_one_engine(engine: Engine) -> None:
    records = [incident(incident__id=f"I{n}", child__id=f"C{n % 5}", child__in_care=bool(n % 2)) for n in range(40)]
    alone = list(engine.assess_many(records, as_of=NOW))
    with ThreadPoolExecutor(8) as pool:
        for again in pool.map(lambda _: list(engine.assess_many(records, as_of=NOW)), range(16)):
            assert again == alone


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> list[Incident]:
    """Return synthetic records in which children and suspects come again and again."""
    file = tmp_path_factory.mktemp("generated") / "generated.csv"
    write_canonical(file, rows=60, seed=11)
    return list(read(file).incidents)


def told(result: Assessment) -> list[str]:
    """Return every explanation of what did not clear, and of the grade."""
    lines = [(flag.rule_id, flag.suspect_id) for flag in result.flags]
    lines += [(line.rule_id, line.suspect_id) for line in result.undecided]
    grade = [str(result.explain_grade())] if result.grade is not None else []
    return [str(result.explain(rule, suspect=suspect)) for rule, suspect in lines] + grade


def test_an_assessment_is_explained_the_same_at_once_and_when_all_else_was_assessed(generated: list[Incident]) -> None:
    engine = Engine(default_pack(), strict=True)
    at_once = [told(result) for result in engine.assess_many(generated, as_of=LATER)]
    assert sum(map(len, at_once)) > len(generated)
    results = list(engine.assess_many(generated, as_of=LATER))
    assert [told(result) for result in reversed(results)] == at_once[::-1]
    assert [told(result) for result in results] == at_once


def test_assessments_are_explained_from_threads_while_others_are_made(generated: list[Incident]) -> None:
    engine = Engine(default_pack(), strict=True)
    right = [told(result) for result in engine.assess_many(generated, as_of=LATER)]
    with ThreadPoolExecutor(4) as pool:
        found = [(pool.submit(told, one), pool.submit(told, one)) for one in engine.assess_many(generated, as_of=LATER)]
    assert [[one.result() for one in pair] for pair in found] == [[one, one] for one in right]


def test_a_copy_of_an_assessment_is_explained_as_the_assessment_is(generated: list[Incident]) -> None:
    result = Engine(default_pack()).assess(generated[0], generated[1:], as_of=LATER)
    assert told(copy.deepcopy(result)) == told(result) == told(copy.copy(result))


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
