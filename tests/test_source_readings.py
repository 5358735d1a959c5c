"""Flags and gaps that rules read: families, layers, and the order of what rests on what."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from source_packs import RULE, codes_of, write

from riskflags.condition import Comparison, Named
from riskflags.errors import PackError
from riskflags.incident import Facts, Incident
from riskflags.kinds import Code, Decimal6
from riskflags.model import State
from riskflags.pack import (
    FlagReading,
    GapReading,
)
from riskflags.source import load
from riskflags.source.order import in_order

if TYPE_CHECKING:
    from pathlib import Path

# ---- families, layers and readings -----------------------------------------------------------------------------------


WHEN = "{child.in_care: true}"
ACTIONS = """\
actions:
  visit:
    code: V
    label: visited
    owner: sergeant
    due: {within: 1 day, of: incident.reported_at}
    satisfied_by: {field: incident.closed_at}
"""


def rules_reading(folder: Path, **whens: str) -> Path:
    """Write a rule for each name (its code is the name in capitals), with the condition given."""
    rules = {
        name: RULE.replace("A01", name.upper()).replace("id: one", f"id: {name}").replace(WHEN, when)
        for name, when in whens.items()
    }
    return write(folder, {"actions.yaml": ACTIONS, **{f"r/{name}.yaml": rule for name, rule in rules.items()}})


def test_a_family_leaves_out_the_rule_that_reads_it_and_those_that_read_that_one(tmp_path: Path) -> None:
    pack = load(
        rules_reading(
            tmp_path,
            e1="{child.in_care: true}",
            e2="{flag: {family: E}}",
            e3="{flag: e2}",
            e4="{flag: {family: [E, F]}}",
            f1="{child.in_care: true}",
        )
    )
    read = {name.partition(" except ")[2]: reading for name, reading in pack.readings.items() if " except " in name}
    assert read["e2"] == FlagReading(frozenset({"e1"}))
    assert read["e4"] == FlagReading(frozenset({"e1", "f1"}))
    assert pack.readings["flag:family E"] == FlagReading(frozenset({"e1", "e2", "e3", "e4"}))
    assert pack.layers == (("e1 v1", "f1 v1"), ("e2 v1", "e4 v1"), ("e3 v1",))


def test_the_gaps_of_a_family_are_those_of_the_actions_that_its_rules_require(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, e1="{child.in_care: true}", q1="{gap: {family: [E, Q]}}")
    with (folder / "r" / "e1.yaml").open("a") as file:
        file.write("requires: [visit]\n")
    reading = load(folder).readings["gap:family E, Q done_late or overdue except q1"]
    assert reading == GapReading(
        frozenset({"visit"}), frozenset({State.overdue, State.done_late}), None, frozenset({"e1"})
    )


def test_a_named_condition_can_read_a_family_for_several_rules(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, e1="{child.in_care: true}", e2="{use: serious}", q1="{all: [{use: serious}]}")
    write(folder, {"vocabulary.yaml": "conditions: {serious: {flag: {family: E}}}\n"})
    pack = load(folder)
    when = pack.rules[1].when
    assert isinstance(when, Named)
    assert isinstance(when.condition, Comparison)
    assert when.condition.name == "flag:family E except e2"
    assert pack.readings["flag:family E except e2"] == FlagReading(frozenset({"e1"}))
    assert pack.readings["flag:family E except q1"] == FlagReading(frozenset({"e1", "e2"}))


def test_readings_in_severities_deadlines_and_requirements_count_too(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, a1="{child.in_care: true}", b1="{child.in_care: true}")
    path = folder / "r" / "b1.yaml"
    text = path.read_text().replace("severity: high", "severity: [{is: high, when: {flag: {family: A}}}, {is: low}]")
    path.write_text(
        f"{text}unless: [{{flag: {{rule: [a1], severity: {{at_least: critical}}}}}}]\n"
        "requires:\n"
        "  - do: visit\n"
        "    when: {flag: {family: [A]}}\n"
        "    due: {within: 1 day, of: incident.reported_at, when: {flag: a1}}\n"
    )
    pack = load(folder)
    assert pack.layers == (("a1 v1",), ("b1 v1",))
    assert set(pack.readings) == {"flag:a1", "flag:a1 at least critical", "flag:family A", "flag:family A except b1"}


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ("{flag: {rule: b1, family: [B]}}", "RF011"),
        ("{flag: {}}", "RF011"),
        ("{flag: [b1]}", "RF020"),
        ("{flag: {family: []}}", "RF020"),
        ("{gap: {family: B, state: []}}", "RF020"),
        ("{gap: {family: B, state: [cannot_tell]}}", "RF020"),
        ("{gap: {action: visit, late_by: 3 days}}", "RF020"),
        ("{gap: {action: visit, late_by: {at_least: 3 working days}}}", "RF020"),
        ("{gap: {action: visit, late_by: {at_least: {param: nothing}}}}", "RF101"),
        ("{gap: {action: [visit, vist]}}", "RF101"),
        ("{gap: visit}", "RF020"),
        ("{gap: {action: ~}}", "RF020"),
        ("{gap: {family: [~]}}", "RF020"),
    ],
)
def test_a_reading_that_is_wrong_is_told(reading: str, code: str, tmp_path: Path) -> None:
    assert codes_of(rules_reading(tmp_path, a1=reading, b1="{child.in_care: true}")) == [code]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghx"), max_size=4)))
def test_an_order_puts_each_name_after_what_it_reads(reads: dict[str, list[str]]) -> None:
    order, circles = in_order(reads)
    place = {name: number for number, name in enumerate(order)}
    in_circles = set(reads) - set(order)
    for name in order:
        assert all(place[other] < place[name] for other in reads[name] if other in place)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert set(circle) <= in_circles
        assert all(other in reads[name] for name, other in pairwise(circle))
    assert bool(in_circles) == bool(circles)


# ---- a record with fields of its own ---------------------------------------------------------------------------------


class Local(Facts):
    """Fields that a records system adds."""

    ward: Annotated[Literal["north", "south"] | None, Code] = Field(None, description="Ward")
    score: Decimal6 = Field(None, description="Score")


class LocalIncident(Incident):
    """A record with a group of its own."""

    local: Local = Local.model_validate({})


def test_rules_can_read_the_fields_of_another_model_at_once(tmp_path: Path) -> None:
    rule = RULE.replace("{child.in_care: true}", "{all: [{local.ward: north}, {local: {recorded: true}}]}")
    rule += "given: {incident.id: I1, incident.type: other, incident.reported_at: 2026-03-01T10:00}\n"
    rule += "examples: [{name: one, as_of: 2026-03-02T10:00, but: {local: {ward: north, score: 1}}, expect: fires}]\n"
    write(tmp_path, {"a/one.yaml": rule})
    pack = load(tmp_path, record=LocalIncident)
    assert pack.record is LocalIncident
    assert pack.rules[0].examples[0].record["local.ward"] == "north"
    write(tmp_path, {"a/one.yaml": rule.replace("local.ward: north", "local.ward: east")})
    with pytest.raises(PackError, match="RF106"):
        load(tmp_path, record=LocalIncident)
    assert set(codes_of(tmp_path)) == {"RF104", "RF010"}
