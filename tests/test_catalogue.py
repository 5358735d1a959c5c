"""The catalogue says in words what a rule does: all of it, and nothing that only its author would understand."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from source_packs import write

from riskflags import Pack, default_pack
from riskflags.calendar import ParamDuration
from riskflags.pack import LookUp
from riskflags.report.reference.catalogue import catalogue_page
from riskflags.report.reference.markdown import anchor

if TYPE_CHECKING:
    from pathlib import Path

RULE = """\
code: A01
id: one
title: One
why: It is there to be tested.
version: 1
status: active
effective: {from: 2014-01-01}
source: [{ref: law, says: something, checked: 2026-01-01}]
derived:
  calc.records: {label: Records in the window, how_many: {in: records, by: [child.id], window: {back: 30 days}}}
  calc.ever: {label: Records, how_many: {in: records, by: [child.id], window: all}}
when:
  any:
    - calc.records: {at_least: 2}
    - calc.ever: {at_least: 9}
    - missing.located_at: {recorded: false}
    - child.legal_status: {in: [C1, C2, D1, E1, V2, V3, V4, L1, L2, L3, J1, J2, J3]}
flag: {severity: low, about: child, message: One}
requires:
  - see
  - {do: tell, when: {all: [{none: [{child.in_care: true}]}, {missing.located_at: {recorded: true}}]}}
  - {do: look, when: {any: [{child.in_care: true}, {child.protection_plan: true}]}}
given: {incident.id: I1, incident.type: other, incident.reported_at: 2026-01-02T09:00, child.id: C1}
examples:
  - {name: fires, as_of: 2026-01-03T09:00, expect: fires}
  - {name: clears, as_of: 2026-01-03T09:00, but: {missing.located_at: 2026-01-02T10:00, child.legal_status: absent},
     expect: clears}
"""
ACTIONS = """\
actions:
  see:
    code: SEE
    label: the child seen
    owner: sergeant
    due:
      - {within: 24 hours, of: incident.reported_at, when: {severity: {at_least: high}}}
      - {within: same day, of: incident.reported_at}
    satisfied_by: {codes: [see], outcomes: [completed]}
  tell:
    code: TELL
    label: the school told
    owner: sergeant
    due: {within: 1 hour, of: incident.reported_at, when: {severity: critical}}
    satisfied_by: {codes: [tell], outcomes: [completed]}
  look:
    code: LOOK
    label: the home looked at
    owner: sergeant
    due: {within: 1 hour, of: incident.reported_at}
    satisfied_by: {codes: [look], outcomes: [completed]}
"""


@pytest.fixture(name="page")
def page_of_one_rule(tmp_path: Path) -> str:
    files: dict[str, str | bytes] = {
        "a/one.yaml": RULE, "actions.yaml": ACTIONS, "vocabulary.yaml": "roles: {sergeant: {label: Sergeant}}\n",
        "sources.yaml": "law: {title: Law, publisher: us, published: 2026}\n",
    }  # fmt: skip
    return catalogue_page(Pack.load(write(tmp_path, files)))


def test_how_far_back_a_rule_looks_is_told(page: str) -> None:
    assert "- Records (in 30 days): at least 2\n" in page
    assert "- Records (in all records): at least 9\n" in page


def test_no_code_of_a_list_is_left_out(page: str) -> None:
    assert "one of C1, C2, D1, E1, J1, J2, J3, L1, L2, L3, V2, V3 or V4\n" in page


def test_when_an_action_is_asked_for_and_by_when_is_told_in_words(page: str) -> None:
    see, tell, look = (line for line in page.splitlines() if "| Sergeant |" in line)
    assert see == (
        "| The child seen | Sergeant | 24 hours after: when it was reported, where the flag is at least high; "
        "else the same day as: when it was reported |"
    )
    assert tell == (
        "| The school told (unless looked after by a local authority: yes) (where it is on record when the child was "
        "found) | Sergeant | 1 hour after: when it was reported, where the flag is critical |"
    )
    assert "(where looked after by a local authority: yes, or has a child protection plan: yes)" in look


# ---- the shipped pack ------------------------------------------------------------------------------------------------


@cache
def shipped() -> str:
    return catalogue_page(default_pack())


def section(code: str) -> str:
    """Return what the page says of a rule."""
    found = re.search(rf"^### {code} .*?(?=^###? )", shipped(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("C05", "Contacts with a concern about the child (in 90 days, local default): at least 3 (local default)"),
        ("D02", "Incidents of this child (in 12 months, local default): at least 3 (local default)"),
        ("E07", "Medium indicators (in 90 days, local default): at least 3 (local default)"),
        ("M03", "Missing episodes (in 90 days, local default): at least 3 (local default)"),
        ("O01", "Children linked by the phone (in 730 days, local default): at least 2 (local default)"),
        ("Q03", "overdue: any action that D01, D02, D03,"),
        ("T03", "Days since it was asked for: at least 5 (local default)"),
    ],
)
def test_of_each_family_one_rule_is_told_whole(code: str, says: str) -> None:
    assert says in section(code)


def test_a_rule_that_looks_at_other_records_says_how_far() -> None:
    pack = default_pack()
    silent = {
        rule.code
        for rule in pack.rules
        for one in rule.derived
        if isinstance(one.how, LookUp) and one.how.over == "records" and one.how.window.back is not None
        for back in [one.how.window.back]
        if f"(in {pack.params[back.param].values[-1][1] if isinstance(back, ParamDuration) else back}"
        not in section(rule.code)
    }
    assert silent == set()


def test_each_word_that_rules_share_leads_to_what_it_stands_for() -> None:
    headings = {anchor(found) for found in re.findall(r"^### (.+)$", shipped(), re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", shipped()))
    assert {"safeguarding-facts", "looked-after", "not-a-child"} <= links <= headings


def test_the_page_holds_no_word_that_only_an_author_would_understand() -> None:
    odd = [r"; required", r"severity: \d", r"or else When", r"\bcalc\.", r"\bparam\.", r"where where", r"\d more\b"]
    assert [found[0] for word in odd if (found := re.search(word, shipped()))] == []
