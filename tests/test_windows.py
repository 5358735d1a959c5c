"""Windows of look-ups: what lies side by side in time, and what the window leaves out without a look at it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from riskflags import Incident, default_pack
from riskflags.model import Moment
from riskflags.record import Names, Record, Records
from riskflags.windows import ByDay, BySecond, Line, Reach, in_reach

DAY = date(2026, 3, 29)  # the clocks go forward
MIDNIGHT = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp())
HOUR = 3600


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Return a time of a few days: exact, of a day alone, or with a day that is not the one of its second."""
    start = MIDNIGHT + draw(st.integers(-40, 40)) * HOUR
    lasts = draw(st.sampled_from((0, 0, HOUR, 24 * HOUR - 1, 25 * HOUR)))
    day = datetime.fromtimestamp(start, UTC).date() + timedelta(days=draw(st.integers(-1, 1)))
    return Moment(start, start + lasts, day, "")


REACHES: st.SearchStrategy[Reach] = st.one_of(
    st.sampled_from((True, None)),
    st.builds(
        ByDay,
        st.integers(-3, 3).map(lambda days: DAY + timedelta(days=days)),
        st.none() | st.integers(-3, 3).map(lambda days: DAY + timedelta(days=days)),
    ),
    st.builds(BySecond, moments(), st.none() | moments()),
)


def record(number: int) -> Record:
    data: dict[str, Any] = {"incident.id": f"I{number:02}", "incident.type": "assault", "child.id": "C1"}
    incident = Incident.model_validate(data | {"incident.reported_at": "2026-03-29T12:00"})
    names = Names.of(default_pack())
    return next(iter(Records(names, [incident], as_of=datetime(2026, 4, 1, tzinfo=UTC))))


RECORDS = tuple(record(number) for number in range(12))


@given(st.lists(moments(), max_size=12), REACHES)
def test_what_a_window_leaves_out_without_a_look_is_surely_outside(times: list[Moment], reach: Reach) -> None:
    there = list(zip(times, RECORDS, strict=False))
    near = Line(there).within(reach)
    left_out = [when for when, one in there if all(one is not other for _, other in near)]
    assert all(in_reach(reach, when) is False for when in left_out)
    assert len(near) + len(left_out) == len(there)


@given(st.lists(moments(), max_size=12), REACHES)
def test_records_that_share_a_key_come_in_order_of_time_and_id(times: list[Moment], reach: Reach) -> None:
    near = Line(zip(times, RECORDS, strict=False)).within(reach)
    assert all((one[0].earliest, one[1].id) < (two[0].earliest, two[1].id) for one, two in pairwise(near))
