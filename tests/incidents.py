"""Random incidents for the laws of whole assessments: few ids, few days, holes, days without times, stated ages.

Everything comes from small pools, so that records link, windows touch, deadlines pass and codes meet.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from riskflags import Incident

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 3, 3, tzinfo=LONDON)  # a Tuesday
MOMENTS = st.integers(0, 6 * 24).map(lambda hours: START + timedelta(hours=hours))
"""When an incident, an action or an assessment may be: in the six days from START."""

YES_NO = st.booleans()
ADDRESSES = st.sampled_from(("P1", "P2", "P3"))
AGES: dict[str, SearchStrategy[Any]] = {
    "date_of_birth": st.sampled_from(("1990-03-05", "2000-02-29", "2008-03-04", "2010-03-04", "2012-03-06")),
    "stated_age": st.sampled_from((12, 15, 16, 17, 18, 25, 40)),
    "age_from": st.sampled_from((13, 16, 18)),
    "age_to": st.sampled_from((15, 17, 19, 30)),
}


def written(when: datetime) -> SearchStrategy[str]:
    """Return a moment as it may be written: with its time, or the day alone."""
    return st.sampled_from((when.isoformat(), when.isoformat(), when.date().isoformat()))


TIMES = MOMENTS.flatmap(written)


def some(**fields: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Return groups of some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def codes(*names: str) -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=2)


CHILDREN = some(
    id=st.sampled_from(("C1", "C1", "C2", "KA848400480", "NHS942185370")),
    role=st.sampled_from(("victim", "missing", "witness")),
    in_care=YES_NO,
    protection_plan=YES_NO,
    home_address_id=ADDRESSES,
    **AGES,
)
SUSPECTS = some(
    id=st.sampled_from(("S1", "S2")),
    is_adult=YES_NO,
    relationship=st.sampled_from(("parent", "stranger", "unknown")),
    identified_at=TIMES,
    **AGES,
)
ACTIONS = st.fixed_dictionaries(
    {
        "code": st.sampled_from(
            ("visit", "visit", "charge", "crime", "plan", "call", "letter", "see_child", "record_crime")
        )
    },
    optional={
        "at": TIMES,
        "outcome": st.sampled_from(("completed", "completed", "requested", "declined", "waived")),
        "suspect_id": st.sampled_from(("S1", "S2")),
        "contents": codes("words", "rationale"),
        "reason": st.just("A reason"),
    },
)
MARKERS = some(
    target=st.sampled_from(("child", "address")),
    target_id=ADDRESSES,
    placed_at=TIMES,
    removed_at=TIMES,
    review_due=TIMES,
)
HOLDS = some(
    actions=st.sampled_from(("all", "none", ["visit", "charge"])), markers=YES_NO, suspects=YES_NO, contact=YES_NO,
    indicators=YES_NO,
)  # fmt: skip
FACTS = some(
    address_id=ADDRESSES,
    team=st.sampled_from(("Red", "Blue")),
    crime_recorded_at=TIMES,
    recorded_at=TIMES,
    indicators=codes("debt", "drugs", "hotel"),
)
CONTACTS = some(
    channels=codes("social_media", "phone"), met=YES_NO, sexual_content=YES_NO, images_requested=YES_NO,
    meeting_arranged=YES_NO,
)  # fmt: skip
TYPES = st.sampled_from(("missing_episode", "online_contact", "other"))


@st.composite
def raw_incidents(draw: DrawFn, *, number: int = 1) -> dict[str, Any]:
    """Return an incident as data, with times in their order."""
    when = draw(MOMENTS)
    later = sorted(when + timedelta(hours=draw(st.integers(0, 50))) for _ in range(2))
    facts = draw(FACTS) | {"id": f"I{number}", "type": draw(TYPES)}
    missing: dict[str, Any] = {}
    if draw(YES_NO):
        facts["occurred_at"] = draw(written(when))
    if draw(YES_NO) or "occurred_at" not in facts:
        facts["reported_at"] = draw(written(later[0]))
    if draw(YES_NO):
        missing = {"last_seen_at": draw(written(when)), "reported_at": draw(written(later[0]))}
        if draw(YES_NO):
            missing["located_at"] = draw(written(later[1]))
    return {
        "incident": facts,
        "child": draw(CHILDREN),
        "suspects": draw(st.lists(SUSPECTS, max_size=2, unique_by=lambda suspect: suspect.get("id", id(suspect)))),
        "missing": missing,
        "contact": draw(CONTACTS),
        "markers": draw(st.lists(MARKERS, max_size=2)),
        "done": draw(st.lists(ACTIONS, max_size=3)),
        "holds": draw(st.one_of(st.just({}), st.just({}), HOLDS)),
    }


def incidents(*, number: int = 1) -> SearchStrategy[Incident]:
    """Return random incidents of one id."""
    return raw_incidents(number=number).map(Incident.model_validate)


def histories(*, most: int, least: int = 0) -> SearchStrategy[list[Incident]]:
    """Return lists of incidents, each with an id of its own."""
    return st.integers(least, most).flatmap(
        lambda many: st.tuples(*(incidents(number=n) for n in range(many))).map(list)
    )
