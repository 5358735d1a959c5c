"""For every kind of harm that a record can state, some rule asks: whatever is known of the ages and of a suspect."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from riskflags import default_pack
from riskflags.report.reference.harms import BY_INTENT, Asked, harms


@cache
def shipped() -> list[Asked]:
    return harms(default_pack())


def test_no_kind_of_harm_falls_between_the_rules() -> None:
    found = shipped()
    assert [hole for one in found for hole in one.holes] == []
    assert len(found) > 40


def test_what_is_not_asked_for_by_intent_is_really_not_always_asked_for() -> None:
    found = {one.kind: one.always for one in shipped()}
    assert [(kind, sort) for kind, sorts in BY_INTENT.items() for sort in sorts if found[kind][sort]] == []


def test_without_a_rule_that_is_a_floor_there_is_a_hole() -> None:
    pack, rule = default_pack(), "threats-or-abduction"
    rules = tuple(one for one in pack.rules if one.id != rule)
    keys = {one.key for one in rules}
    layers = tuple(tuple(key for key in layer if key in keys) for layer in pack.layers)
    assert [hole for one in harms(replace(pack, rules=rules, layers=layers)) for hole in one.holes] != []
