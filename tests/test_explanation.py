"""What an explanation tells: parameters and since when they hold, windows and the nearest outside, chains, needs."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from command_line import AS_OF, CASES, riskflags
from conformance_cases import write_pack
from hypothesis import given
from hypothesis import strategies as st
from small_pack import LONDON, engine_of, incident
from strategies import KINDS, conditions, exactly, rows

from riskflags import Engine, Incident, Pack
from riskflags.condition import Condition, Row, holds, needs
from riskflags.explanation import Explanation, Step, settled_by, settles
from riskflags.model import all_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.model import Value

NOW = datetime(2026, 3, 31, 12, tzinfo=LONDON)
_WRITTEN: dict[str, Any] = {
    "params": {
        "limit": {
            "label": "Limit", "unit": "records", "values": {"2020-01-01": 2, "2026-01-01": 3},
            "source": [{"ref": "here"}],
        },
        "span": {
            "label": "Window", "unit": "duration", "values": {"2020-01-01": "90 days"}, "source": [{"ref": "here"}],
        },
        "future": {"label": "Later", "unit": "records", "values": {"2030-01-01": 1}, "source": [{"ref": "here"}]},
    },
    "derived": {
        "calc.records": {
            "label": "Records",
            "how_many": {
                "in": "records", "by": ["child.id"], "where": {"use": "is_missing"},
                "window": {"back": {"param": "span"}},
            },
        },
        "calc.in_hours": {
            "label": "In 30 hours", "how_many": {"in": "records", "by": ["child.id"], "window": {"back": "30 hours"}},
        },
        "calc.in_town": {
            "label": "Of the town",
            "how_many": {
                "in": "records", "by": ["incident.team"], "where": {"incident.district": "D1"},
                "window": {"back": "1 month", "up_to": "as_of"}, "others": True,
            },
        },
        "calc.by_birth": {
            "label": "Same birthday",
            "how_many_different": {
                "in": "records", "of": "child.id", "by": ["child.date_of_birth"], "window": "all",
            },
        },
        "calc.first": {
            "label": "First",
            "earliest": {"in": "records", "of": "incident.reported_at", "by": ["child.id"], "window": "all"},
        },
        "calc.visits": {"label": "Visits", "how_many": {"in": "done", "where": {"action.code": "visit"}}},
        "calc.in_future": {
            "label": "Not yet",
            "how_many": {"in": "records", "by": ["child.id"], "window": {"back": {"param": "soon"}}},
        },
    },
    "conditions": {"is_missing": {"incident.type": "missing_episode"}},
    "actions": {"visit": {}, "call": {"per": "suspect"}, "letter": {}},
    "cases": [
        {
            "rules": [
                {"id": "many", "code": "M1", "when": {"calc.records": {"at_least": {"param": "limit"}}}},
                {"id": "hours", "code": "M2", "when": {"calc.in_hours": {"at_least": 2}}},
                {"id": "town", "code": "M3", "when": {"calc.in_town": {"at_least": 1}}},
                {"id": "birthday", "code": "M4", "when": {"calc.by_birth": {"at_least": 2}}},
                {"id": "first", "code": "M5", "when": {"incident.reported_at": {"after": {"field": "calc.first"}}}},
                {"id": "visited", "code": "M6", "when": {"calc.visits": {"at_least": 1}}},
                {"id": "future", "code": "M7", "when": {"missing.earlier_episodes": {"at_least": {"param": "future"}}}},
                {"id": "given", "code": "M8", "when": {"param.limit": {"at_least": 3}}},
                {"id": "soon", "code": "M9", "when": {"calc.in_future": {"at_least": 1}}},
                {
                    "id": "graded", "code": "D1", "when": {"child.role": "victim"},
                    "severity": [
                        {"is": "critical", "when": {"child.protection_plan": True}},
                        {"is": "medium", "when": {"child.in_care": True}},
                        {"is": "low"},
                    ],
                },
                {"id": "care", "code": "A1", "when": {"child.in_care": True}, "requires": ["visit"]},
                {
                    "id": "stranger", "code": "A2", "for_each": "suspects", "severity": "critical",
                    "when": {"suspect.relationship": "stranger"}, "requires": ["call"],
                },
                {"id": "chain", "code": "B1", "when": {"any": [{"flag": "care"}, {"flag": {"family": ["A"]}}]}},
                {"id": "gap", "code": "B2", "when": {"gap": {"action": ["visit", "call", "letter"]}}},
                {"id": "both", "code": "C1", "when": {"all": [{"flag": "chain"}, {"flag": "gap"}]}},
                {
                    "id": "codes", "code": "E1",
                    "when": {"incident.type": {"in": ["assault", "other", "child_concern", "online_contact",
                                                      "sexual_offence", "domestic_abuse"]}},
                },
            ]
        }
    ],
}  # fmt: skip
_WRITTEN["params"]["soon"] = {
    "label": "Soon", "unit": "duration", "values": {"2030-01-01": "1 day"}, "source": [{"ref": "here"}],
}  # fmt: skip


@cache
def engine() -> Engine:
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), _WRITTEN)
        return Engine(Pack.load(folder).with_drafts(), strict=True)


def record(**facts: Any) -> Incident:
    known = {
        "incident.id": "I9", "incident.type": "missing_episode", "incident.reported_at": "2026-03-31T09:00",
        "child.id": "C1",
    }  # fmt: skip
    return Incident.model_validate(known | {path.replace("__", "."): value for path, value in facts.items()})


def earlier(incident_id: str, reported: str, **facts: Any) -> Incident:
    return record(incident__id=incident_id, incident__reported_at=reported, **facts)


def told(rule: str, *history: Incident, **facts: Any) -> Explanation:
    return engine().assess(record(**facts), history, as_of=NOW).explain(rule)


def steps(step: Step) -> Iterator[Step]:
    yield step
    for child in step.steps:
        yield from steps(child)


# ---- parameters and windows ------------------------------------------------------------------------------------------


def test_a_parameter_tells_its_value_its_name_and_since_when_it_holds() -> None:
    now, before = told("many"), told("many", incident__reported_at="2025-06-01T09:00")
    assert now.when.says == "calc.records at least 3 (param limit, since 2026-01-01)"
    assert before.when.says == "calc.records at least 2 (param limit, since 2020-01-01)"
    assert told("given").when.says == "3 (param limit, since 2026-01-01) at least 3"


def test_a_parameter_without_a_value_yet_says_so() -> None:
    assert told("future").when.says.endswith("at least param future, which has no value for this record's date")
    assert "in a window that is not known, param soon, which has no value" in told("soon").when.detail[0]


def test_a_count_tells_whose_records_and_from_when_to_when() -> None:
    found = told("many", earlier("I1", "2026-01-01"), earlier("I2", "2026-02-01"))
    assert (found.when.actual, found.when.evidence) == ("3", ("I1", "I2", "I9"))
    (detail,) = found.when.detail
    assert detail.startswith("Records: how many records of child C1 from 2026-01-01 to 2026-03-31, 90 days (param span")
    assert detail.endswith(", since 2020-01-01), where is_missing")
    assert "3  [I1, I2, I9]" in str(found)


@pytest.mark.parametrize(
    ("rule", "when", "nearest"),
    [
        ("many", "2025-12-31T09:00", "; the next is I0, 1 day outside"),
        ("many", "2025-12-28", "; the next is I0, 4 days outside"),
        ("many", "2026-01-01", ""),
        ("hours", "2026-03-30T03:00", "; the next is I0, 1 hour outside"),
        ("hours", "2026-03-29T10:00", "; the next is I0, 17 hours outside"),
        ("hours", "2026-03-31T11:00", "; the next is I0, 2 hours later"),
        ("hours", "2026-03-30T03:00:01", ""),
    ],
)
def test_a_count_tells_the_nearest_record_that_its_window_leaves_out(rule: str, when: str, nearest: str) -> None:
    (detail,) = told(rule, earlier("I0", when)).when.detail
    assert detail.partition(";")[2] == nearest.removeprefix(";")


def test_a_record_that_comes_later_is_told_as_later() -> None:
    found = engine().assess(earlier("I0", "2026-03-20T09:00"), [record()], as_of=NOW).explain("many")
    assert found.when.detail[0].endswith("; the next is I9, 11 days later")


def test_the_nearest_of_several_is_told_and_what_counts_for_nothing_is_not() -> None:
    far = [
        earlier("I1", "2025-11-01"),
        earlier("I2", "2025-12-30"),
        earlier("I3", "2025-12-31", incident__type="other"),
    ]
    assert told("many", *far).when.detail[0].endswith("; the next is I2, 2 days outside")


def test_records_of_one_event_are_told_as_counted_once() -> None:
    look_up = {"in": "records", "by": ["child.id"], "window": "all"}
    once = {"of": {"incident.type": "missing_episode"}, "by": ["child.id"], "counted": "once"}
    found = engine_of(
        {"calc.n": {"label": "Episodes", "how_many": look_up}},
        when={"calc.n": {"at_least": 1}},
        duplicates=[once | {"from": "missing.last_seen_at", "to": "missing.located_at"}],
    )
    one, two = (
        incident(
            incident__id=number,
            incident__type="missing_episode",
            missing__last_seen_at="2026-03-01T10:00",
            missing__located_at="2026-03-02T10:00",
        )
        for number in ("I1", "I2")
    )
    (detail,) = found.assess(one, [two], as_of=NOW).explain("one").when.detail
    assert detail.endswith("at any time; I1 and I2 count once, as one event")


def test_windows_up_to_as_of_other_keys_and_records_left_out_are_told() -> None:
    found = told("town", incident__team="Rural", incident__district="D1")
    (detail,) = found.when.detail
    assert detail.startswith(
        "Of the town: how many records, this one left out, with incident.team Rural from 2026-03-01 to 2026-03-31 w"
    )
    assert re.search(r"vocabulary\.yaml:\d+ holds$", detail)


def test_a_personal_key_is_masked_unless_it_is_asked_for() -> None:
    result = engine().assess(record(child__date_of_birth="2012-05-06"), as_of=NOW)
    assert "with child.date_of_birth <date> at any time" in result.explain("birthday").when.detail[0]
    assert "6 May 2012" in result.explain("birthday", show_personal=True).when.detail[0]


def test_the_first_and_the_different_ones_are_told() -> None:
    assert told("first").when.says == "incident.reported_at after calc.first (31 March 2026, 9:00am)"
    assert told("birthday").when.detail[0].startswith("Same birthday: how many different child.id in the records with")


def test_a_look_up_over_the_records_own_lists_names_no_records() -> None:
    found = told("visited", done=[{"code": "visit"}]).when
    assert (found.actual, found.evidence) == ("1", ())
    assert found.detail[0].startswith("Visits: how many actions on this record where ")


def test_of_many_codes_a_few_are_shown() -> None:
    assert (
        told("codes").when.says
        == "incident.type one of assault, child_concern, domestic_abuse, online_contact and 2 more"
    )


# ---- chains ----------------------------------------------------------------------------------------------------------


def test_a_flag_that_is_read_is_explained_below_it() -> None:
    found = told("chain", child__in_care=True)
    care = next(step for step in steps(found.when) if step.says.startswith("A1"))
    assert care.says == "A1 care v1: FIRES, high"
    assert [step.says for step in care.steps] == ["child.in_care is yes"]
    assert [step.actual for step in care.steps] == ["yes"]


def test_an_undecided_rule_is_explained_below_what_reads_it_and_cleared_ones_are_named() -> None:
    says = [step.says for step in steps(told("chain", child__in_care=False, suspects=[{"id": "S1"}]).when)]
    assert "A2 stranger v1, suspect S1: UNDECIDED" in says
    assert "suspect.relationship is stranger" in says
    assert "cleared: A1" in says


def test_a_rule_that_two_readings_rest_on_is_told_once() -> None:
    found = told("both", child__in_care=True)
    care = [step for step in steps(found.when) if step.says.startswith("A1 care")]
    assert [bool(step.steps) for step in care] == [True, False]
    assert care[1].detail == ("as told above",)


def test_a_gap_that_is_read_tells_the_requirement_and_who_asks_for_it() -> None:
    found = told("gap", child__in_care=True, incident__reported_at="2026-03-25T09:00")
    visit, letter = (next(s for s in steps(found.when) if s.says.startswith(key)) for key in ("visit", "letter"))
    assert (visit.answer, visit.says, visit.actual) == ("holds", "visit: overdue", "due 26 March 2026, 9:00am")
    assert visit.detail == ("required by A1",)
    assert (letter.answer, letter.says) == ("fails", "letter: not required")


def test_a_gap_that_may_be_required_tells_which_rule_is_undecided() -> None:
    found = told("gap", suspects=[{"id": "S1"}])
    call = next(step for step in steps(found.when) if step.says.startswith("call"))
    assert (call.answer, call.says) == ("undecided", "call: not known whether it is required")
    assert call.steps[0].says == "A2 stranger v1, suspect S1: UNDECIDED"


def test_a_requirement_that_cannot_be_told_says_what_would_tell() -> None:
    done = [{"code": "call", "at": "2026-04-01", "outcome": "completed"}]
    facts: dict[str, Any] = {"suspects": [{"id": "S1", "relationship": "stranger"}], "done": done}
    result = engine().assess(record(**facts), as_of=datetime(2026, 4, 3, 9, tzinfo=LONDON))
    call = next(step for step in steps(result.explain("gap").when) if step.says.startswith("call"))
    assert (call.answer, call.says) == ("undecided", "call, suspect S1: cannot tell")
    assert call.detail == ("required by A2", "to tell: action.at@time")


def test_a_deadline_between_two_times_is_told_as_both() -> None:
    found = told("gap", child__in_care=True, incident__reported_at="2026-03-25")
    visit = next(step for step in steps(found.when) if step.says.startswith("visit"))
    assert visit.actual == "due 26 March 2026, 12:00am to 26 March 2026, 11:59pm"


# ---- what would settle it --------------------------------------------------------------------------------------------


def with_need(data: Explanation, need: str) -> list[str]:
    return [line for line in data.closing if need in line]


def test_one_need_is_told_once() -> None:
    found = told("care")
    assert found.needs == found.settles == ("child.in_care",)
    assert with_need(found, "child.in_care") == ["to decide it: child.in_care"]


@given(conditions(plain=True), rows())
def test_what_settles_a_condition_is_among_what_could_and_what_is_needed(
    condition: Condition, known: dict[str, Value]
) -> None:
    row = Row(known)
    sure, may = set(settles(condition, row)), set(settled_by(condition, row))
    assert sure <= may <= set(needs(condition, row))
    assert holds(condition, row) is None or not may


@given(conditions(plain=True), rows(), st.data())
def test_what_settles_a_condition_settles_it_however_it_turns_out(
    condition: Condition, known: dict[str, Value], data: st.DataObject
) -> None:
    row = Row(known)
    for need in settles(condition, row):
        names = [name for name in KINDS if need in all_needs([row[name]])]
        met = {name: data.draw(st.sampled_from(exactly(name, row[name]))) for name in names}
        assert holds(condition, Row(known | met)) is not None


# ---- forms -----------------------------------------------------------------------------------------------------------

ASKED = ("explain", CASES / "case-a.jsonl", "--incident", "CASE-A-4", "--as-of", AS_OF)


def test_as_json_it_is_what_the_model_says_of_every_rule_that_did_not_clear() -> None:
    found = json.loads(riskflags(*ASKED, "--format", "json").stdout)
    assert found["as_of"] == "2025-10-16T09:00:00+01:00"
    (one,) = found["records"]
    assert (one["incident_id"], one["child_id"], one["not_yet"]) == ("CASE-A-4", "CHILD-A", False)
    assert {Explanation.model_validate(data).verdict for data in one["explanations"]} == {"fires", "undecided"}
    assert "M02" in one["cleared"]


def test_as_a_tree_it_holds_every_line_of_the_text() -> None:
    text, tree = (riskflags(*ASKED, "--rule", "Q01", "--format", form).stdout for form in ("text", "tree"))
    words = {re.sub(r"^[ ✓✗?]+", "", line).split("  ")[0] for line in text.splitlines()[4:]}
    assert [word for word in words if word not in tree] == []
    assert "└── " in tree


def test_of_a_record_that_is_not_yet_there_only_that_is_told() -> None:
    early = ("explain", CASES / "case-a.jsonl", "--incident", "CASE-A-4", "--as-of", "2025-01-01T09:00")
    (one,) = json.loads(riskflags(*early, "--format", "json").stdout)["records"]
    assert (one["not_yet"], one["explanations"], one["cleared"]) == (True, [], [])
    assert "takes no part yet" in riskflags(*early, "--format", "tree").stdout


# ---- severity --------------------------------------------------------------------------------------------------------


def test_a_severity_tells_the_cases_until_one_holds() -> None:
    found = told("graded", child__role="victim", child__protection_plan=False, child__in_care=True)
    assert (found.severity, found.could_be) == ("medium", "medium")
    assert [(step.answer, step.says) for step in found.severities] == [
        ("fails", "critical: child.protection_plan is yes"),
        ("holds", "medium: child.in_care is yes"),
    ]
    assert "\n  severity medium\n    ✗ critical: child.protection_plan is yes" in str(found)


def test_a_severity_tells_what_it_could_be() -> None:
    found = told("graded", child__role="victim", child__in_care=False)
    assert (found.severity, found.could_be) == ("low", "critical")
    assert [step.answer for step in found.severities] == ["undecided", "fails"]
    assert "\n  severity low, could be critical\n" in str(found)


def test_an_undecided_rule_tells_the_severity_that_it_would_have() -> None:
    found = told("graded", child__protection_plan=True)
    assert [step.answer for step in found.severities] == ["holds"]
    assert "\n  severity would be critical\n" in str(found)


def test_a_rule_that_clears_has_no_severity() -> None:
    found = told("graded", child__role="witness", child__protection_plan=True)
    assert (found.severity, found.severities, "severity" in str(found)) == ("", (), False)


def test_a_severity_without_cases_is_told_in_one_line() -> None:
    found = told("care", child__in_care=True)
    assert (found.severity, found.severities) == ("high", ())
    assert "\n  severity high\n" in str(found)
