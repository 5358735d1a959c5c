"""Which records an assessment can read, and which can read it: everything outside is sure not to matter."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from incidents import MOMENTS, START, histories
from random_packs import packs
from small_pack import engine_of, incident
from test_laws_assessment import engine

from riskflags import Engine, Incident
from riskflags.history import HistoryKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from riskflags import Pack

LATER = START + timedelta(days=30)


def event_day(incident: Incident) -> date:
    """Return the local day of the event time of the rich pack."""
    facts, missing = incident.incident, incident.missing
    times = (facts.occurred_at, missing.last_seen_at, facts.reported_at, missing.reported_at)
    return next(time.day for time in times if time is not None)


def holds(incident: Incident, key: HistoryKey) -> bool:
    group, _, name = key.field.partition(".")
    items = incident.suspects if group == "suspect" else (getattr(incident, group),)
    found: set[Any] = set()
    for item in items:
        value = getattr(item, name)
        found |= set(value) if isinstance(value, tuple) else {value}
    day = event_day(incident)
    in_time = (key.since is None or key.since <= day) and (key.until is None or day <= key.until)
    return in_time and key.value in {str(value) for value in found if value is not None}


def any_of(keys: Sequence[HistoryKey], incident: Incident) -> bool:
    return any(holds(incident, key) for key in keys)


def same(first: Any, second: Any) -> bool:
    return bool(first.model_dump() == second.model_dump())


@given(histories(most=6, least=1), MOMENTS, st.randoms())
def test_history_outside_the_keys_never_changes_an_assessment(
    records: list[Incident], as_of: datetime, chance: Any
) -> None:
    record = chance.choice(records)
    keys = engine("rich").history_needed(record)
    inside = [one for one in records if any_of(keys, one)]
    for now in (as_of, LATER):
        assert same(
            engine("rich").assess(record, history=inside, as_of=now),
            engine("rich").assess(record, history=records, as_of=now),
        )


@given(histories(most=6, least=2), histories(least=1, most=1), MOMENTS)
def test_a_record_that_arrives_or_is_corrected_changes_only_those_that_it_affects(
    records: list[Incident], other: list[Incident], as_of: datetime
) -> None:
    """The first record arrives, or is corrected from another content of the same id."""
    new, others = records[0], records[1:]
    for before, old in ((others, None), ([other[0], *others], other[0])):
        keys = engine("rich").affected_by(new, old)
        for now in (as_of, LATER):
            for one in others:
                if not any_of(keys, one):
                    assert same(
                        engine("rich").assess(one, history=before, as_of=now),
                        engine("rich").assess(one, history=records, as_of=now),
                    ), one.incident.id


@given(packs(rules=3), histories(most=5, least=1), st.randoms())
def test_the_same_holds_of_random_packs(pack: Pack, records: list[Incident], chance: Any) -> None:
    found = Engine(pack.with_drafts())
    record = chance.choice(records)
    keys, affected = found.history_needed(record), found.affected_by(record)
    inside = [one for one in records if any_of(keys, one)]
    assert same(found.assess(record, history=inside, as_of=LATER), found.assess(record, history=records, as_of=LATER))
    without = [one for one in records if one is not record]
    for one in without:
        if not any_of(affected, one):
            assert same(
                found.assess(one, history=without, as_of=LATER), found.assess(one, history=records, as_of=LATER)
            )


@given(histories(most=6, least=2), histories(most=6), st.randoms())
def test_any_order_of_arrival_with_corrections_ends_as_one_pass_over_all(
    final: list[Incident], earlier: list[Incident], chance: Any
) -> None:
    """Each record comes once as it is in the end, some before that in another version, all in a random order."""
    drafts = [one for one in earlier if one.key[0] in {record.key[0] for record in final}]
    arrivals = [(one.key[0], one) for one in chance.sample(drafts, len(drafts))]
    for one in chance.sample(final, len(final)):
        after = max((n for n, (name, _) in enumerate(arrivals, start=1) if name == one.key[0]), default=0)
        arrivals.insert(chance.randint(after, len(arrivals)), (one.key[0], one))
    store: dict[str, Incident] = {}
    assessed: dict[str, Any] = {}
    for name, one in arrivals:
        before = store.get(name)
        store[name] = one
        keys = engine("rich").affected_by(one, before)
        again = {other for other, held in store.items() if other == name or any_of(keys, held)}
        for other in again:
            needed = engine("rich").history_needed(store[other])
            history = [held for held in store.values() if any_of(needed, held)]
            assessed[other] = engine("rich").assess(store[other], history=history, as_of=LATER)
    whole = {result.incident_id: result for result in engine("rich").assess_many(final, as_of=LATER)}
    assert {name: one.model_dump() for name, one in assessed.items()} == {
        name: one.model_dump() for name, one in whole.items()
    }


# ---- exactly ---------------------------------------------------------------------------------------------------------


@cache
def small(window: str) -> Engine:
    windows: dict[str, Any] = {
        "back": {"back": "90 days"}, "up_to": {"back": "90 days", "up_to": "as_of"}, "hours": {"back": "30 hours"},
        "months": {"back": "1 month"}, "all": "all", "last": {"last": 3, "of": {"incident.type": "other"}},
    }  # fmt: skip
    look_up = {"in": "records", "by": ["child.id"], "window": windows[window]}
    return engine_of({"calc.n": {"label": "Records", "how_many": look_up}}, when={"calc.n": {"at_least": 2}})


def record(**facts: Any) -> Incident:
    return incident(incident__occurred_at="2026-03-31T12:00", incident__reported_at=None, **facts)


@pytest.mark.parametrize(
    ("window", "since", "until"),
    [
        ("back", date(2026, 1, 1), date(2026, 3, 31)),
        ("up_to", date(2026, 1, 1), None),
        ("hours", date(2026, 3, 28), date(2026, 3, 31)),
        ("months", date(2026, 3, 1), date(2026, 3, 31)),
        ("all", None, None),
        ("last", None, date(2026, 3, 31)),
    ],
)
def test_the_days_that_are_needed_are_those_of_the_window(window: str, since: date | None, until: date | None) -> None:
    assert small(window).history_needed(record()) == [HistoryKey("child.id", "C1", since, until)]


@pytest.mark.parametrize(
    ("window", "since", "until"),
    [
        ("back", date(2026, 3, 31), date(2026, 6, 29)),
        ("up_to", None, date(2026, 6, 29)),
        ("months", date(2026, 3, 31), date(2026, 5, 3)),
        ("all", None, None),
        ("last", date(2026, 3, 31), None),
    ],
)
def test_the_days_that_are_affected_are_those_whose_window_reaches_back(
    window: str, since: date | None, until: date | None
) -> None:
    assert small(window).affected_by(record()) == [HistoryKey("child.id", "C1", since, until)]


def test_a_correction_affects_those_of_both_versions() -> None:
    found = small("all").affected_by(record(), record(child__id="C2"))
    assert [key.value for key in found] == ["C1", "C2"]


def test_a_record_without_the_key_needs_nothing() -> None:
    assert small("all").history_needed(record(child__id=None)) == []


def test_a_list_of_places_is_looked_for_in_each_of_its_fields() -> None:
    keys = engine("rich").history_needed(
        record(child__home_address_id="P1", incident__address_id="P2", incident__team="Red")
    )
    places = {(key.field, key.value) for key in keys if "address" in key.field}
    assert places == {
        ("child.home_address_id", "P1"), ("child.home_address_id", "P2"), ("incident.address_id", "P1"),
        ("incident.address_id", "P2"),
    }  # fmt: skip


def test_what_is_no_incident_is_refused() -> None:
    with pytest.raises(TypeError, match="expected Incident"):
        small("all").history_needed(cast("Incident", {"incident.id": "I1"}))
