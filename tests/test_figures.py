"""Figures for leaders: against a count by hand over the same assessments, and on cases with a known answer."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from command_line import AS_OF, CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from incidents import LONDON, MOMENTS, START, histories
from test_laws_assessment import rich_pack

from riskflags import Engine, EngineError, Incident, Report, default_pack, read
from riskflags.condition import Comparison, Constant
from riskflags.figures.facts import AGE_BANDS, BREAKDOWNS, NOT_RECORDED
from riskflags.figures.suppression import across, hidden_cells
from riskflags.model import State
from riskflags.pack import RecordedAction, Reported
from riskflags.report.phrases import need_kind
from riskflags.samples import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from riskflags import Assessment, Requirement

    Pairs = Sequence[tuple[Incident, Assessment]]

KNOWN = (State.done, State.done_late, State.overdue)
SATISFIED = (State.done, State.done_late, State.undated)
LATER = START + timedelta(days=30)


@cache
def engine() -> Engine:
    return Engine(replace(rich_pack(), report=Reported("letter", "visit", "arrest")))


def report(found: Engine, incidents: Sequence[Incident], as_of: datetime, **more: Any) -> tuple[Report, Pairs]:
    results = list(found.assess_many(incidents, as_of=as_of))
    by_key = {incident.key: incident for incident in incidents}
    pairs = [(by_key[one.incident_id, one.child_id], one) for one in results if not one.not_yet]
    return Report.of(found.pack, incidents, results, as_of=as_of, **more), pairs


# ---- against a count by hand -----------------------------------------------------------------------------------------


def group_of(incident: Incident, one: Assessment, by: str | None) -> str | None:
    match by:
        case None:
            return None
        case "severity":
            return str(max(flag.severity for flag in one.flags)) if one.flags else "no flag"
        case "looked_after":
            return {None: NOT_RECORDED, True: "yes", False: "no"}[incident.child.in_care]
        case _:
            return incident.incident.team or NOT_RECORDED


def hours_late(line: Requirement, as_of: datetime) -> Decimal | None:
    if not line.is_gap or line.due_at is None:
        return None
    recorded = as_of
    if line.recorded_at:
        text = line.recorded_at if "T" in line.recorded_at else f"{line.recorded_at}T00:00"
        when = datetime.fromisoformat(text)
        recorded = when if when.tzinfo else when.replace(tzinfo=LONDON)
    seconds = max(int(recorded.timestamp()) - int(line.due_at.timestamp()), 0)
    return (Decimal(seconds) / 3600).quantize(Decimal("0.000001"))


def nearest_rank(values: Iterable[Decimal], percent: int) -> Decimal | None:
    ordered = sorted(values)
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else None


def by_hand(pairs: Pairs, as_of: datetime, by: str | None) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    lines = [(group_of(i, one, by), line) for i, one in pairs for line in one.requirements]
    found = {}
    for group, action in {(group, action) for group, line in lines for action in (line.action, None)}:
        some = [line for where, line in lines if where == group and action in (None, line.action)]
        states = Counter(line.state for line in some)
        late = [hours for line in some if (hours := hours_late(line, as_of)) is not None]
        found[group, action] = {
            "due": sum(states[state] for state in KNOWN),
            "in_time": states[State.done],
            "late": states[State.done_late],
            "no_record": states[State.overdue],
            "cannot_tell": states[State.cannot_tell],
            "median_hours_late": nearest_rank(late, 50),
            "p90_hours_late": nearest_rank(late, 90),
        }
    return found


@settings(max_examples=max(10, settings().max_examples // 15))
@given(histories(least=3, most=8), MOMENTS, st.sampled_from((None, "looked_after", "team", "severity")))
def test_figures_are_what_is_counted_by_hand(records: list[Incident], as_of: datetime, by: str | None) -> None:
    for now in (as_of, LATER):
        found, pairs = report(engine(), records, now)
        expected = by_hand(pairs, now, by)
        rows = found.actions(by=by)
        assert {(row.group, row.action) for row in rows} == set(expected)
        for row in rows:
            wanted = expected[row.group, row.action]
            assert {name: getattr(row, name) for name in wanted} == wanted
        assert {(r.group, r.stage): r.records for r in found.strategy(by=by)} == funnel(pairs, by)
        assert {(r.group, r.need): (r.verdicts, r.alone) for r in found.undecided(by=by)} == lacking(pairs, by)
        assert {(r.group, r.days): (r.no_record, r.cannot_tell) for r in found.suspects(by=by)} == waiting(
            pairs, now, by
        )
        assert {(r.incident_id, r.child_id) for r in found.noticed()} == unreferred(pairs, now)


def funnel(pairs: Pairs, by: str | None) -> dict[tuple[str | None, str], int]:
    counted: Counter[tuple[str | None, str]] = Counter()
    for incident, one in pairs:
        now = int(one.as_of.timestamp())
        there = [a for a in incident.done if a.at is None or a.at.earliest <= now]
        for line in (line for line in one.requirements if line.action == "visit"):
            tried = [a for a in there if a.code in ("visit", "meeting", "charge", "call")]
            reached = {
                "required": True,
                "on_record": bool(tried) or line.state in SATISFIED,
                "held": any(a.outcome in ("completed", "declined") for a in tried) or line.state in SATISFIED,
                "with_outcome": line.state in SATISFIED,
                "in_time": line.state is State.done,
            }
            counted.update({(group_of(incident, one, by), stage): int(yes) for stage, yes in reached.items()})
    return dict(counted)


def lacking(pairs: Pairs, by: str | None) -> dict[tuple[str | None, str], tuple[int, int]]:
    verdicts, alone = Counter[Any](), Counter[Any]()
    for incident, one in pairs:
        for line in one.undecided:
            kinds = {need_kind(need) for need in line.needs}
            verdicts.update((group_of(incident, one, by), kind) for kind in kinds)
            alone.update((group_of(incident, one, by), kind) for kind in kinds if len(kinds) == 1)
    return {key: (number, alone[key]) for key, number in verdicts.items()}


def known_at(incident: Incident) -> int:
    facts, missing = incident.incident, incident.missing
    times = (facts.reported_at, missing.reported_at, facts.occurred_at, missing.last_seen_at)
    return next(time.earliest for time in times if time is not None)


def waiting(pairs: Pairs, as_of: datetime, by: str | None) -> dict[tuple[str | None, int], tuple[int, int]]:
    found: dict[Any, list[int]] = {}
    for incident, one in pairs:
        for line in one.requirements:
            if line.action != "arrest" or not line.suspect_id or line.state not in (
                State.overdue, State.not_yet_due, State.cannot_tell,
            ):  # fmt: skip
                continue
            suspect = next((s for s in incident.suspects if s.id == line.suspect_id), None)
            begins = suspect.identified_at.earliest if suspect and suspect.identified_at else known_at(incident)
            days = max(int(as_of.timestamp()) - begins, 0) // 86_400
            band = max(first for first in (0, 3, 7, 28, 70) if first <= days)
            both = found.setdefault((group_of(incident, one, by), band), [0, 0])
            both[line.state is State.cannot_tell] += 1
    return {key: (both[0], both[1]) for key, both in found.items()}


def unreferred(pairs: Pairs, as_of: datetime) -> set[tuple[str, str | None]]:
    now = int(as_of.timestamp())
    return {
        incident.key
        for incident, one in pairs
        if one.flags and now - 86_400 < known_at(incident) <= now and not is_referred(incident, one, now)
    }


def is_referred(incident: Incident, one: Assessment, now: int) -> bool:
    states = [line.state for line in one.requirements if line.action == "letter"]
    if states:
        return any(state in SATISFIED for state in states)
    there = (a for a in incident.done if a.at is None or a.at.earliest <= now)
    return any((a.code, a.outcome) == ("letter", "completed") for a in there)


# ---- known answers ---------------------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=default_pack().zone)


@cache
def audited() -> Report:
    incidents = [Incident.model_validate(data) for data, _ in audit.audit_cases()]
    return report(Engine(default_pack()), incidents, at(audit.AS_OF))[0]


def test_the_grades_of_the_audit() -> None:
    assert [(row.grade, row.cases, row.could_be_worse) for row in audited().grades()] == [
        ("good", 14, 0), ("requires_improvement", 35, 0), ("inadequate", 30, 0),
    ]  # fmt: skip


def test_a_source_that_holds_no_actions_leaves_the_grade_open() -> None:
    data = audit.audit_cases()[0][0] | {"holds": {"actions": "none", "markers": False}}
    del data["incident"]["crime_recorded_at"]
    data["holds"]["fields"] = ["incident.reported_at", "child.date_of_birth", "suspect.date_of_birth"]
    found, pairs = report(Engine(default_pack()), [Incident.model_validate(data)], at(audit.AS_OF))
    assert [(row.grade, row.cases, row.could_be_worse) for row in found.grades()] == [("good", 1, 1)]
    assert pairs[0][1].grade is not None
    assert "done" in pairs[0][1].grade.needs


def test_the_rates_of_all_actions_together_come_first() -> None:
    first = audited().actions()[0]
    assert (first.group, first.action) == (None, None)
    assert first.due is not None
    assert first.no_record is not None
    assert first.gap_rate == (Decimal(first.no_record) / first.due).quantize(Decimal("0.000001"))


def inspected(as_of: str = AS_OF, **more: Any) -> Report:
    pack = default_pack()
    incidents = [i for letter in "abcd" for i in read(CASES / f"case-{letter}.jsonl", zone=pack.zone).incidents]
    return report(Engine(pack), incidents, at(as_of), **more)[0]


def test_the_funnel_shows_where_a_strategy_discussion_got_stuck() -> None:
    of_care = {row.stage: row.records for row in inspected().strategy(by="looked_after") if row.group == "yes"}
    assert of_care == {"required": 3, "on_record": 1, "held": 0, "with_outcome": 0, "in_time": 0}


def test_suspects_age_in_bands_of_3_7_28_and_70_days() -> None:
    assert [(row.days, row.no_record) for row in inspected().suspects()] == [(7, 1), (70, 1)]


def test_a_child_of_the_last_day_without_a_referral_is_listed() -> None:
    found = inspected("2025-08-06T20:00").noticed()
    assert [(row.incident_id, row.referral) for row in found] == [
        ("CASE-B-1", "not_yet_due"), ("CASE-A-2", "not_yet_due"),
    ]  # fmt: skip
    assert "D03" in found[0].rules


@pytest.mark.parametrize("by", BREAKDOWNS)
def test_every_breakdown_adds_up_to_the_whole(by: str) -> None:
    found = inspected()
    whole = next(row for row in found.actions() if row.action is None)
    parts = [row for row in found.actions(by=by) if row.action is None]
    assert (sum(row.due or 0 for row in parts), sum(row.no_record or 0 for row in parts)) == (
        whole.due,
        whole.no_record,
    )
    assert all(row.group for row in parts)
    assert sum(row.cases or 0 for row in found.grades(by=by)) == sum(row.cases or 0 for row in found.grades())


def test_age_bands_are_those_of_the_child_on_the_day_of_the_report() -> None:
    assert {row.group for row in inspected().grades(by="age_band")} == {"5 to 9", "10 to 12", "13 to 15", "16 and 17"}
    assert [least for least, _ in AGE_BANDS] == [0, 5, 10, 13, 16, 18]


# ---- small numbers ---------------------------------------------------------------------------------------------------


def shown(rows: Sequence[Any], name: str) -> dict[Any, Any]:
    return {row.group: getattr(row, name) for row in rows}


def test_small_numbers_are_left_out_with_their_rates() -> None:
    rows = audited_small().actions()
    siblings = next(row for row in rows if row.action == "see_child")
    assert siblings.due == 79
    assert all(row.late is None or row.late == 0 or row.late >= 5 for row in rows)
    hidden = [row for row in rows if row.no_record is None]
    assert all(row.gap_rate is None and row.median_hours_late is None for row in hidden)


@cache
def audited_small() -> Report:
    incidents = [Incident.model_validate(data) for data, _ in audit.audit_cases()]
    return report(Engine(default_pack()), incidents, at(audit.AS_OF), suppress_below=5)[0]


def test_a_single_number_that_is_left_out_takes_the_next_smallest_with_it() -> None:
    found = inspected(suppress_below=3)
    plain = shown([row for row in inspected().strategy(by="sex") if row.stage == "required"], "records")
    assert sorted(plain.values()) == [2, 5]
    assert shown([row for row in found.strategy(by="sex") if row.stage == "required"], "records") == dict.fromkeys(
        plain
    )


CELLS = st.integers(0, 30)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6), st.integers(2, 8))
def test_no_small_number_is_shown_and_none_is_left_out_alone(parts: list[tuple[int, int, int]], least: int) -> None:
    rows: list[dict[str, Any]] = [
        {"group": str(n), "due": sum(three), "in_time": three[0], "late": three[1], "no_record": three[2]}
        for n, three in enumerate(parts)
    ]
    names = ("due", "in_time", "late", "no_record")
    sums = [[(n, name) for name in names] for n in range(len(rows))] + list(across(rows, names, within=()))
    hidden = hidden_cells(rows, sums, least=least)
    assert all((n, name) in hidden for n, row in enumerate(rows) for name in names if 0 < row[name] < least)
    assert all(len(hidden.intersection(one)) != 1 or len(one) == 1 for one in sums)


def test_a_small_part_cannot_be_worked_out_from_what_is_due() -> None:
    for row in audited_small().actions():
        parts = (row.due, row.in_time, row.late, row.no_record)
        assert sum(part is None for part in parts) != 1


# ---- misuse ----------------------------------------------------------------------------------------------------------


METHODS: tuple[Callable[[Report], Any], ...] = (
    lambda found: found.actions(by="hair"),
    lambda found: found.grades(by="hair"),
    lambda found: found.undecided(by="hair"),
)


@pytest.mark.parametrize("method", METHODS)
def test_a_breakdown_that_is_not_there_is_refused(method: Callable[[Report], Any]) -> None:
    with pytest.raises(ValueError, match="can be broken down by district, team"):
        method(inspected())


def test_an_assessment_of_another_moment_is_refused() -> None:
    pack = default_pack()
    incidents = read(CASES / "case-b.jsonl", zone=pack.zone).incidents
    results = list(Engine(pack).assess_many(incidents, as_of=at(AS_OF)))
    with pytest.raises(ValueError, match="CASE-B-1 is as of 2025-10-16T09:00:00"):
        Report.of(pack, incidents, results, as_of=at("2025-10-17T09:00"))


def test_a_naive_as_of_is_refused() -> None:
    with pytest.raises(TypeError, match="aware datetime"):
        Report.of(default_pack(), [], [], as_of=at(AS_OF).replace(tzinfo=None))


def test_a_referral_that_falls_short_leaves_the_child_on_the_list() -> None:
    pack = default_pack()
    referral = pack.actions["referral"]
    whole = Comparison("action.contents", "has", (Constant("rationale"),))
    ways = tuple(replace(way, where=whole) for way in referral.satisfied_by if isinstance(way, RecordedAction))
    strict = replace(pack, actions={**pack.actions, "referral": replace(referral, satisfied_by=ways)})
    data = audit.audit_cases()[0][0]
    day = datetime.fromisoformat(data["incident"]["reported_at"]) + timedelta(hours=20)
    found, _ = report(Engine(strict), [Incident.model_validate(data)], day.replace(tzinfo=pack.zone))
    assert [row.incident_id for row in found.noticed()] == [data["incident"]["id"]]


def test_an_assessment_without_its_incident_is_refused() -> None:
    pack = default_pack()
    incidents = read(CASES / "case-b.jsonl", zone=pack.zone).incidents
    results = list(Engine(pack).assess_many(incidents, as_of=at(AS_OF)))
    with pytest.raises(ValueError, match="no incident for the assessment of CASE-B-1"):
        Report.of(pack, [], results, as_of=at(AS_OF))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"pip install 'riskflags\[batch\]'"):
        Report.of(default_pack(), [], [], as_of=at(AS_OF))


def test_a_pack_that_names_no_actions_has_no_lists_of_them() -> None:
    found, _ = report(Engine(replace(default_pack(), report=Reported())), [], at(AS_OF))
    assert (found.noticed(), found.strategy(), found.suspects(), found.actions()) == ([], [], [], [])


def test_the_pack_says_which_actions_are_reported() -> None:
    assert default_pack().report == Reported("referral", "strategy_discussion", "suspect_action", "repeat-missing")
