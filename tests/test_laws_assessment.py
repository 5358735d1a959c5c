"""Laws of whole assessments, over random incidents: the engines agree, order never matters, knowing more decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from conformance_cases import read, write_pack
from hypothesis import given, settings
from hypothesis import strategies as st
from incidents import MOMENTS, START, histories, incidents, raw_incidents

from riskflags import Engine, Incident, Pack, default_pack
from riskflags.calendar import Duration
from riskflags.condition import Comparison, Constant
from riskflags.model import State
from riskflags.pack import Ask, Due

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskflags import Assessment, Requirement

RICH = Path(__file__).parent / "rich_pack.yaml"
LATER = START + timedelta(days=30)  # everything has happened


@cache
def rich_pack() -> Pack:
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), read(RICH))
        return Pack.load(folder).with_drafts()


@cache
def engine(name: str) -> Engine:
    return Engine(rich_pack() if name == "rich" else default_pack(), strict=True)


def by_key(results: Iterable[Assessment]) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(r.incident_id, r.child_id): r.model_dump(exclude={"pack_digest"}) for r in results}


# ---- 1: the engines agree --------------------------------------------------------------------------------------------


@given(records=histories(least=6, most=6), times=st.lists(MOMENTS, min_size=5, max_size=5))
def test_the_engines_never_disagree(records: list[Incident], times: list[datetime]) -> None:
    """Strict engines raise where they do: 150 examples of 36 assessments in profile ci."""
    for as_of in (*times, LATER):
        assert not any(result.engines_disagree for result in engine("rich").assess_many(records, as_of=as_of))


@settings(max_examples=max(20, settings().max_examples // 3))
@given(records=histories(least=6, most=6), times=st.lists(MOMENTS, min_size=5, max_size=5))
def test_the_engines_never_disagree_on_the_shipped_rules(records: list[Incident], times: list[datetime]) -> None:
    """As above, a third as often: there are more rules, and each is asked in its own examples too."""
    for as_of in (*times, LATER):
        assert not any(result.engines_disagree for result in engine("shipped").assess_many(records, as_of=as_of))


# ---- 2: order never matters ------------------------------------------------------------------------------------------


@given(histories(most=6), MOMENTS, st.randoms())
def test_the_order_of_records_never_matters(records: list[Incident], as_of: datetime, chance: Any) -> None:
    shuffled = chance.sample(records, len(records))
    first, second = (by_key(engine("rich").assess_many(some, as_of=as_of)) for some in (records, shuffled))
    assert first == second


@given(histories(most=5, least=1), MOMENTS)
def test_one_at_a_time_is_all_at_once(records: list[Incident], as_of: datetime) -> None:
    alone = [engine("rich").assess(record, history=records, as_of=as_of) for record in records]
    assert list(engine("rich").assess_many(records, as_of=as_of)) == alone


@given(histories(most=4, least=1), MOMENTS, st.randoms())
def test_the_order_of_rules_never_matters(records: list[Incident], as_of: datetime, chance: Any) -> None:
    pack = rich_pack()
    rules = tuple(chance.sample(pack.rules, len(pack.rules)))
    layers = tuple(tuple(chance.sample(layer, len(layer))) for layer in pack.layers)
    shuffled = Engine(replace(pack, rules=rules, layers=layers), strict=True)
    assert by_key(shuffled.assess_many(records, as_of=as_of)) == by_key(
        engine("rich").assess_many(records, as_of=as_of)
    )


@given(raw_incidents(), MOMENTS, st.randoms())
def test_the_order_of_what_is_in_a_record_never_matters(data: dict[str, Any], as_of: datetime, chance: Any) -> None:
    lists = {name: chance.sample(data[name], len(data[name])) for name in ("suspects", "markers", "done")}
    first, second = Incident.model_validate(data), Incident.model_validate(data | lists)
    assert first == second
    assert engine("rich").assess(first, as_of=as_of) == engine("rich").assess(second, as_of=as_of)


@given(histories(most=3, least=1), MOMENTS)
def test_a_record_that_comes_twice_is_one(records: list[Incident], as_of: datetime) -> None:
    twice = [*records, *records]
    assert list(engine("rich").assess_many(twice, as_of=as_of)) == list(
        engine("rich").assess_many(records, as_of=as_of)
    )


# ---- 4: meeting every need decides -----------------------------------------------------------------------------------

LINKS = frozenset({"child.id", "child.home_address_id", "incident.address_id", "suspect.id"})
"""What a rule of the rich pack links records by: what a new link brings in cannot be known before it is there."""
SIMPLE = tuple(f"{letter}{n}" for letter in "ABD" for n in range(1, 8))
"""The codes of the rules that read no flags and gaps, which may bring in needs of their own."""
FILLING: dict[str, Any] = {
    "date_of_birth": "2010-03-04", "role": "victim", "in_care": True, "protection_plan": False, "met": False,
    "channels": ["game_chat"], "team": "Red", "indicators": ["debt"], "relationship": "stranger", "is_adult": True,
    "identified_at": START.isoformat(), "code": "visit", "outcome": "completed", "suspect_id": "S1",
    "contents": ["words"], "target": "child", "target_id": "P1", "id": "X9", "address_id": "P1",
    "home_address_id": "P2", "stated_age": 15, "sexual_content": False, "type": "other",
}  # fmt: skip
GROUPS = {"suspect": "suspects", "marker": "markers", "action": "done"}


def filled(data: dict[str, Any], need: str) -> dict[str, Any]:
    """Return a record, as data, in which a need is met."""
    path, _, what = need.partition("@")
    group, _, name = path.partition(".")
    holds = {"done": {"actions": "all"}, "contact": {"contact": True}}.get(group, {group: True})
    if not name:  # a list or a group as a whole: what is in it becomes known too
        items = [_complete(item, group) for item in data.get(group, [])] if group in GROUPS.values() else []
        return data | {"holds": data["holds"] | holds} | ({group: items} if items else {})
    if group in GROUPS:
        items = data[GROUPS[group]] or [_complete({}, GROUPS[group])]
        return data | {GROUPS[group]: [_with(item, name, what) for item in items]}
    return data | {group: _with(data[group], name, what)}


def _complete(item: dict[str, Any], group: str) -> dict[str, Any]:
    """Return an entry of a list in which every field that rules read has a value."""
    names = {"done": ("code", "at", "outcome"), "markers": ("placed_at", "target", "target_id")}
    for name in names.get(group, ("identified_at", "is_adult", "relationship")):
        item = _with(item, name, "")
    return item


def _with(facts: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    value = facts.get(name)
    match what:
        case "exact" if value is not None:
            return {"date_of_birth": f"{2026 - int(float(value))}-01-01"} | facts
        case "time" if value is not None and "T" not in value:
            return facts | {name: f"{value}T{'00:00' if name in ('occurred_at', 'last_seen_at') else '23:59:59'}"}
        case "" if value is None:
            late = name in ("reported_at", "located_at", "at")
            return facts | {name: FILLING.get(name, (LATER if late else START).isoformat())}
        case _:
            return facts


def met(records: Sequence[Incident], of: Incident, needs: Iterable[str]) -> list[Incident]:
    """Return the records with every need of one of them met."""
    changed = {record.incident.id: record.model_dump(mode="json", exclude_none=True) for record in records}
    for need in needs:
        other, _, own = need.rpartition(":")
        record_id = other or of.incident.id
        changed[record_id] = filled(changed[record_id], own)
    return [Incident.model_validate(data) for data in changed.values()]


@given(histories(most=4, least=1), st.randoms())
def test_meeting_every_need_of_a_rule_decides_it(records: list[Incident], chance: Any) -> None:
    record = chance.choice(records)
    found = [
        line
        for line in engine("rich").assess(record, history=records, as_of=LATER).undecided
        if line.rule_code in SIMPLE and not LINKS.intersection(need.rpartition(":")[2] for need in line.needs)
    ]
    for line in chance.sample(found, min(3, len(found))):
        then = met(records, record, line.needs)
        after = engine("rich").assess(next(one for one in then if one.key == record.key), history=then, as_of=LATER)
        assert (line.rule_code, line.suspect_id) not in [(one.rule_code, one.suspect_id) for one in after.undecided], (
            line
        )


# ---- merging: one requirement for all that ask -----------------------------------------------------------------------

ANCHORS = (
    "incident.reported_at", "incident.occurred_at", "missing.last_seen_at", "missing.located_at", "calc.event_time",
)  # fmt: skip
DUES = st.builds(
    Due,
    st.builds(Duration, st.integers(1, 60), st.sampled_from(("minutes", "hours", "days", "working days"))),
    st.sampled_from(ANCHORS),
)


def asking(dues: Sequence[Due]) -> Engine:
    """Return an engine whose rules always fire, each asking for one action by a deadline of its own."""
    pack = rich_pack()
    always = Comparison("incident.id", "recorded", (Constant(value=True),))
    rules = tuple(
        replace(
            pack.rules[0], id=f"ask-{n}", code=f"Z{n}", when=always, derived=(), effective_from=None, effective_to=None,
            requires=(Ask("crime", due=(due,)),),
        )
        for n, due in enumerate(dues)
    )  # fmt: skip
    return Engine(replace(pack, rules=rules, layers=(tuple(rule.key for rule in rules),)), strict=True)


@given(incidents(), st.lists(DUES, min_size=1, max_size=4), MOMENTS, st.randoms())
def test_a_requirement_has_the_earliest_deadline_of_all_that_ask(
    record: Incident, dues: list[Due], as_of: datetime, chance: Any
) -> None:
    def required(some: Sequence[Due]) -> Requirement | None:
        found = asking(some).assess(record, as_of=as_of).requirements
        return found[0] if found else None

    merged = required(dues)
    alone = [one for due in dues if (one := required([due])) is not None]
    assert (merged is None) == (not alone)
    if merged is not None:
        for end in ("due_from", "due_at"):
            known = [when for one in alone if (when := getattr(one, end)) is not None]
            assert getattr(merged, end) == min(known, default=None)
        assert len(merged.rules) == len(dues)
        again = required(chance.sample(dues, len(dues)))
        assert again is not None
        assert merged.model_dump(exclude={"rules"}) == again.model_dump(exclude={"rules"})


# ---- 7: states are monotone in as_of ---------------------------------------------------------------------------------

NEXT = {
    State.not_yet_due: {State.not_yet_due, State.cannot_tell, State.overdue},
    State.cannot_tell: {State.cannot_tell, State.overdue},
}
"""What a requirement may come to when time goes by and nothing new is on record; every other state stays."""


@given(histories(most=3, least=1), st.lists(st.integers(0, 24 * 20), min_size=3, max_size=4))
def test_states_only_move_on_when_time_goes_by(records: list[Incident], hours: list[int]) -> None:
    earlier: dict[Any, Any] = {}
    start = START + timedelta(days=9)  # by now, everything is there
    for hour in sorted(hours):
        found = {}
        for result in engine("rich").assess_many(records, as_of=start + timedelta(hours=hour)):
            for line in result.requirements:
                asked = (
                    line.incident_id,
                    line.action,
                    line.suspect_id,
                    line.rules,
                    line.due_from,
                    line.due_at,
                    line.severity,
                )
                found[asked] = line.state
        for asked in found.keys() & earlier.keys():
            assert found[asked] in NEXT.get(earlier[asked], {earlier[asked]}), (asked, earlier[asked])
        earlier = found


@given(histories(most=3, least=1), st.lists(MOMENTS, min_size=3, max_size=4, unique=True))
def test_a_gap_stays_a_gap_whatever_is_recorded_later(records: list[Incident], times: list[datetime]) -> None:
    earlier: dict[Any, Any] = {}
    for as_of in sorted(times):
        found = {}
        for result in engine("rich").assess_many(records, as_of=as_of):
            for line in result.requirements:
                found[line.incident_id, line.action, line.suspect_id, line.rules, line.due_from, line.due_at] = (
                    line.state
                )
        for asked in found.keys() & earlier.keys():
            if earlier[asked] is State.overdue:
                assert found[asked] not in (State.done, State.not_yet_due), asked
        earlier = found
