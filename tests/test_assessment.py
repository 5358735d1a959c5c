"""The Python API of an assessment: what it takes and refuses, which records take part, and models of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from conformance_cases import write_pack
from pydantic import Field
from small_pack import LONDON, NOW, engine_of, flagged, incident, needed, small_engine, small_pack, twin

from riskflags import Engine, Incident, Pack
from riskflags.incident import Facts, IncidentFacts
from riskflags.kinds import Decimal6, YesNo  # noqa: TC001 - pydantic reads annotations at run time
from riskflags.model import Severity, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pack() -> Pack:
    return small_pack()


@pytest.fixture
def engine() -> Engine:
    return small_engine()


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


def test_a_rejected_row_may_put_another_out_of_the_last_ones() -> None:
    """Two of the last three met: a row that nobody could read may be one of the three, and leave one of them out."""
    last = {"last": 2, "of": {"incident.type": "other"}}
    look_up = {"in": "records", "by": ["child.id"], "where": {"contact.met": True}, "window": last}
    engine = engine_of({"calc.met": {"label": "Met", "how_many": look_up}}, when={"calc.met": {"at_least": 2}})
    record = incident(contact__met=True)
    earlier = incident(incident__id="I0", incident__reported_at="2026-03-01T09:00", contact__met=True)
    sure = engine.assess(record, history=[earlier], as_of=NOW)
    assert flagged(sure) == ["A1"]
    open_ = engine.assess(record, history=[earlier], as_of=NOW, rejects=[BadRow(7, "C1")])
    assert (flagged(open_), needed(open_)["A1"]) == ([], ("rejected:7",))


def test_the_rejected_rows_of_a_file_count_for_each_of_its_records(engine: Engine) -> None:
    records = [incident(), incident(incident__id="I2", child__id="C2")]
    results = list(engine.assess_many(records, as_of=NOW, rejects=[BadRow(3, "C2"), BadRow(1, "C2")]))
    assert [needed(result).get("R1") for result in results] == [None, ("rejected:1", "rejected:3")]


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


# ---- which rules take part -------------------------------------------------------------------------------------------


def test_only_active_rules_take_part(pack: Pack) -> None:
    rules = tuple(replace(rule, status="retired" if rule.id == "many" else "draft") for rule in pack.rules)
    history = [incident(incident__id=f"I{n}") for n in range(2, 5)]
    drafts = replace(pack, rules=rules)
    assert flagged(Engine(drafts).assess(incident(), history=history, as_of=NOW)) == []
    assert flagged(Engine(drafts.with_drafts()).assess(incident(), history=history, as_of=NOW)) == ["R1"]
