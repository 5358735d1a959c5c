"""What the shipped pack has to keep as a whole: nothing in it is read by nobody, asked for by nobody, or said twice."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING

from source_packs import write

from riskflags import Engine, Pack, default_pack
from riskflags.fields import catalogue
from riskflags.intake import read
from riskflags.reads import fields_of_action, fields_of_pack, fields_of_rule, rules_read
from riskflags.samples.extract import write_extract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from riskflags import Incident

UNREAD = {
    "incident.district": "figures are broken down by it",
    "incident.team": "figures are broken down by it",
    "incident.unit": "figures are broken down by it",
    "incident.narrative": "free text is for people: no rule guesses at its meaning",
    "incident.source_system": "where it comes from: probable duplicates are told by it, and figures broken down",
    "incident.other_children": "other children are to be looked for whatever the record says of the household (S39c)",
    "incident.children_present": "a child is a victim of domestic abuse at home whether in the room or not (D01)",
    "incident.reported_by": "who reports says nothing of how serious it is",
    "child.sex": "no rule may go by it: figures and the fairness table are broken down by it",
    "child.ethnicity": "no rule may go by it: figures and the fairness table are broken down by it",
    "child.placement_provider": "the duties of a home are the same whoever runs it",
    "child.school_urn": "whom to tell, once D01 asks for the school to be told",
    "suspect.several": "an entry that stands for several has no identifier, and so links nothing",
    "suspect.authority": "which authority leads follows from the child's (C02)",
    "missing.risk_assessed_at": "a time is no rationale, and the action asks for one",
    "missing.earlier_episodes": "a count without days fits no window: M03 counts records",
    "contact.first_at": "how long the contact went on has no published threshold",
    "contact.gifts": "gifts that a child came back with are M10; in a contact they have no published threshold",
    "action.evidence_ref": "where the evidence is: for people",
}
"""The fields that no rule and no action reads, with the reason."""
TOGETHER = {
    ("M01", "M07"): "nearly every child of the generator has a sign of exploitation within a year; M01 asks for none",
}
"""Rules that fire together nearly always on generated records, with the reason why both are there."""
NEARLY_ALWAYS, ENOUGH = 0.95, 10
AS_OF = datetime.fromisoformat("2026-04-01T09:00+01:00")


# ---- fields and actions ----------------------------------------------------------------------------------------------


def test_every_field_is_read_by_a_rule_or_an_action_or_has_a_reason_why_not() -> None:
    assert sorted(catalogue().keys() - fields_of_pack(default_pack()).keys()) == sorted(UNREAD)


def test_no_rule_goes_by_sex_or_ethnicity() -> None:
    pack = default_pack()
    read_by = {path: fields_of_pack(pack).get(path, ()) for path in ("child.sex", "child.ethnicity")}
    assert read_by == {"child.sex": (), "child.ethnicity": ()}


def test_every_action_is_required_by_some_rule() -> None:
    pack = default_pack()
    assert sorted(pack.actions.keys() - {ask.action for rule in pack.rules for ask in rule.requires}) == []


READS = """\
code: A01
id: one
title: One
why: It is there to be tested.
version: 1
status: draft
for_each: suspects
derived:
  calc.others:
    label: Others
    how_many:
      {in: records, by: [child.id], where: {all: [{contact.met: true}, {this.child.in_care: true}]},
      window: all}
when:
  any:
    - calc.others: {at_least: 1}
    - suspect.several: true
unless: [{child.role: witness}]
flag:
  severity:
    - {is: high, when: {child.sex: female}}
    - {is: low}
  about: child
  message: "{incident.team}"
requires:
  - {do: see, when: {incident.district: D1}, due: {within: 1 hour, of: incident.closed_at}}
"""
ACTIONS = """\
actions:
  see:
    code: SEE
    label: child seen
    owner: sergeant
    when: {incident.injury: serious}
    due: {within: 24 hours, of: incident.reported_at}
    satisfied_by:
      - {codes: [see], outcomes: [completed], where: {action.contents: {has: words}}}
      - {field: missing.located_at}
      - {marker: {marker.type: warning}}
"""


def test_what_a_rule_and_an_action_read_is_found_wherever_it_stands(tmp_path: Path) -> None:
    roles = "roles: {sergeant: {label: Sergeant}}\n"
    pack = Pack.load(write(tmp_path, {"a/one.yaml": READS, "actions.yaml": ACTIONS, "vocabulary.yaml": roles}))
    (rule,) = pack.rules
    decides = {"child.id", "contact.met", "child.in_care", "suspect.several", "child.role", "child.sex"}
    assert fields_of_rule(rule, pack) == decides | {"incident.district"}
    asked = {"incident.injury", "incident.reported_at", "missing.located_at", "marker.type", "marker.placed_at"}
    recorded = {f"action.{name}" for name in ("code", "outcome", "at", "by_role", "contents")}
    assert fields_of_action(pack.actions["see"], pack) == asked | recorded
    found = fields_of_pack(pack)
    assert found["incident.team"] == found["incident.closed_at"] == ("A01",)
    assert found["marker.type"] == ("SEE",)
    assert found["incident.occurred_at"] == ("pack.yaml",)


def test_a_rule_rests_on_the_rules_that_its_flags_and_gaps_come_from() -> None:
    pack = default_pack()
    by_id = {rule.id: rule for rule in pack.rules}
    assert rules_read(by_id["child-missing"], pack) == frozenset()
    assert "online-age-gap" in rules_read(by_id["greater-vulnerability"], pack)
    assert {"child-missing", "physical-harm"} <= rules_read(by_id["closed-with-open-actions"], pack)
    for rule in pack.rules:
        assert rule.id not in rules_read(rule, pack)


# ---- rules that fire together ----------------------------------------------------------------------------------------


def fired_on(pack: Pack, incidents: Iterable[Incident]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for assessment in Engine(pack).assess_many(incidents, as_of=AS_OF):
        for flag in assessment.flags:
            found[flag.rule_code].add(assessment.incident_id)
    return found


def together(fired: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the pairs of rules that fire on nearly the same records, where there are enough to tell."""
    return [
        (one, other)
        for one, other in combinations(sorted(fired), 2)
        if len(fired[one] | fired[other]) >= ENOUGH
        and len(fired[one] & fired[other]) >= NEARLY_ALWAYS * len(fired[one] | fired[other])
    ]


def generated(folder: Path, rows: int) -> tuple[Incident, ...]:
    write_extract(folder / "extract.csv", rows=rows, seed=5)
    return tuple(read(folder / "extract.csv").incidents)


def test_no_two_rules_always_fire_together_on_generated_records_without_a_reason(tmp_path: Path) -> None:
    assert together(fired_on(default_pack(), generated(tmp_path, 2_000))) == sorted(TOGETHER)


def test_no_two_rules_always_fire_together_on_the_examples_of_the_pack() -> None:
    pack, engine = default_pack(), Engine(default_pack())
    fired: dict[str, set[str]] = defaultdict(set)
    for number, example in enumerate(example for rule in pack.rules for example in rule.examples):
        incidents = [
            pack.record.model_validate(dict(data), context={"timezone": pack.zone})
            for data in (*example.history, example.record)
        ]
        assessed = engine.assess_many(incidents, as_of=example.as_of)
        for flag in (flag for assessment in assessed for flag in assessment.flags):
            fired[flag.rule_code].add(f"{number} {flag.incident_id}")
    assert len(fired) == len(pack.rules)
    assert together(fired) == []


def test_a_rule_under_another_name_is_found(tmp_path: Path) -> None:
    pack = default_pack()
    (rule,) = (one for one in pack.rules if one.code == "E12")
    twin = replace(rule, code="E99", id="twin")
    layers = tuple((*layer, twin.key) if rule.key in layer else layer for layer in pack.layers)
    twins = replace(pack, rules=(*pack.rules, twin), layers=layers)
    assert ("E12", "E99") in together(fired_on(twins, generated(tmp_path, 200)))


# ---- words that a threshold would make wrong -------------------------------------------------------------------------

BY_LAW = {"Q02"}
"""Rules whose words name a deadline of the catalogue of actions, which no overlay changes."""


def test_no_title_or_message_states_a_threshold_that_an_area_can_change() -> None:
    stated = re.compile(r"\b(second|third|twice|two|three|\d+ (hours?|days?|weeks?|months?|years?))\b", re.IGNORECASE)
    found = {rule.code for rule in default_pack().rules if stated.search(f"{rule.title} {rule.flag.message}")}
    assert found - BY_LAW <= {"M11"}  # "the last three" is how far it looks back, and no parameter


# ---- what each rule has ----------------------------------------------------------------------------------------------

FLOORS = {"C04", "C07", "D01", "E12", "E14", "E15"}
"""Rules that rest on the type of incident, which is always there, with lists of which a blank counts as none."""


def test_every_rule_is_shown_to_fire_to_clear_and_to_be_undecided_but_for_those_that_never_are() -> None:
    pack = default_pack()
    shown = {
        rule.code: {expected.verdict for example in rule.examples for expected in example.expect} for rule in pack.rules
    }
    assert {code for code, verdicts in shown.items() if not {"fires", "clears"} <= verdicts} == set()
    assert {code for code, verdicts in shown.items() if "undecided" not in verdicts} == FLOORS


def test_a_floor_is_never_undecided_whatever_is_blank() -> None:
    pack = default_pack()
    kinds = pack.fields["incident.type"].codes or ()
    when = {"incident.reported_at": "2026-03-02T09:00"}
    bare = [pack.record.model_validate({"incident.id": f"SYN-{kind}", "incident.type": kind, **when}) for kind in kinds]
    for assessment in Engine(pack).assess_many(bare, as_of=AS_OF):
        unsure = {one.rule_code for one in assessment.undecided} | {one.rule_code for one in assessment.not_assessed}
        assert unsure & FLOORS == set(), assessment.incident_id


def test_every_rule_says_why_and_where_it_is_from_and_what_it_cannot_tell() -> None:
    assert [rule.code for rule in default_pack().rules if not (rule.why and rule.source and rule.known_limits)] == []


def test_every_source_that_is_cited_is_told_and_what_is_our_own_says_so() -> None:
    pack = default_pack()
    cited = [rule.source for rule in pack.rules] + [one.source for one in pack.lists.values()]
    cited += [param.source for param in pack.params.values()] + [action.source for action in pack.actions.values()]
    for one in (citation for source in cited for citation in source):
        assert one.ref in pack.sources
        assert one.ref != "local-default" or "local default, not guidance" in one.says
    for param in pack.params.values():
        assert param.is_local is ("local-default" in {one.ref for one in param.source}), param.name
    assert [key for key, action in pack.actions.items() if not action.source] == []
