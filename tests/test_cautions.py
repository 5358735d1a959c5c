"""What the shipped pack says of records that look right and are not: a slip of the pen must not hide a child."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from riskflags import Assessment, Engine, Incident, Pack, default_pack

AS_OF = datetime(2026, 3, 10, 9, tzinfo=ZoneInfo("Europe/London"))
CONTACT: dict[str, Any] = {
    "incident.id": "SYN-1",
    "incident.type": "online_contact",
    "incident.reported_at": "2026-03-02T09:00",
    "child.id": "SYN-CHILD",
    "child.stated_age": 15,
    "suspects": [{"id": "SYN-S1", "stated_age": 30}],
    "contact.channels": ["messaging_app"],
    "contact.images_requested": True,
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(default_pack(), strict=True)


def assessed(engine: Engine, **facts: Any) -> Assessment:
    known = CONTACT | {path.replace("__", "."): value for path, value in facts.items()}
    return engine.assess(Incident.model_validate(known), as_of=AS_OF)


def test_a_misspelt_action_is_said_with_the_nearest(engine: Engine) -> None:
    result = assessed(engine, done=[{"code": "see_chld", "at": "2026-03-02T10:00", "outcome": "completed"}])
    (caution,) = result.warnings
    assert (caution.code, caution.field) == ("unknown_action", "action.code")
    assert "'see_chld'" in caution.message
    assert "'see_child'" in caution.message


def test_an_action_about_nobody_here_is_said_with_the_nearest_suspect(engine: Engine) -> None:
    arrest = {"code": "arrest", "at": "2026-03-02T10:00", "outcome": "completed", "suspect_id": "SYN-S-1"}
    (caution,) = assessed(engine, done=[arrest]).warnings
    assert caution.code == "unknown_suspect"
    assert "'SYN-S1'" in caution.message


def test_what_every_action_knows_is_no_reason_to_warn(engine: Engine) -> None:
    arrest = {"code": "arrest", "at": "2026-03-02T10:00", "outcome": "completed", "suspect_id": "SYN-S1"}
    assert assessed(engine, done=[arrest, {"code": "approach", "at": "2026-03-02T09:30"}]).warnings == ()


@pytest.mark.parametrize("age", [-1, 121, 999])
@pytest.mark.parametrize("field", ["child.stated_age", "child.age_from", "child.age_to"])
def test_an_age_that_nobody_has_is_refused(field: str, age: int) -> None:
    with pytest.raises(ValidationError, match="expected an age from 0 to 120"):
        Incident.model_validate(CONTACT | {field: age})


def test_a_marker_on_another_address_does_not_clear_the_child(engine: Engine) -> None:
    elsewhere = {"target": "address", "target_id": "SYN-A2", "placed_at": "2026-03-02T10:00"}
    flagged = {f.rule_code for f in assessed(engine, child__home_address_id="SYN-A1", markers=[elsewhere]).flags}
    assert "Q01" in flagged
    here = elsewhere | {"target_id": "SYN-A1"}
    flagged = {f.rule_code for f in assessed(engine, child__home_address_id="SYN-A1", markers=[here]).flags}
    assert "Q01" not in flagged


def test_an_explanation_names_the_rules_behind_a_family(engine: Engine) -> None:
    told = str(assessed(engine).explain("Q01"))
    assert all(f"✓ {code}" in told for code in ("E01 online-age-gap", "E02 meeting-or-images"))


@pytest.mark.parametrize("wrong", [None, {"incident.id": "SYN-1"}, "SYN-1"])
def test_what_is_no_incident_is_a_type_error(engine: Engine, wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected Incident"):
        engine.assess(wrong, as_of=AS_OF)


def test_what_is_no_pack_is_a_type_error() -> None:
    folder: Any = "rules"
    with pytest.raises(TypeError, match="expected Pack, not str"):
        Engine(folder)
    record: Any = dict
    with pytest.raises(TypeError, match="Incident"):
        Pack.load(folder, record=record)


def test_a_marker_that_was_removed_stands_beside_the_gap(engine: Engine) -> None:
    removed = {"target": "address", "placed_at": "2026-03-02T10:00", "removed_at": "2026-03-05T10:00"}
    (gap,) = [gap for gap in assessed(engine, markers=[removed]).gaps if gap.action == "mark_address"]
    assert gap.short_of == ("marker_on_address removed 2026-03-05T10:00:00+00:00",)
