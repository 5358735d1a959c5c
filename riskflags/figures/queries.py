"""Each figure as one Ibis expression over the tables of facts, run by DuckDB in the process."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskflags.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.figures.facts import Facts

ibis: Any = import_module("ibis")  # it ships no types
_DAY = 86_400
_BANDS = (0, 3, 7, 28, 70)
"""First days of the bands in which suspects wait: local default, not guidance."""
_SATISFIED = (State.done, State.done_late, State.undated)
_STATES = {
    "in_time": State.done, "late": State.done_late, "no_record": State.overdue, "not_yet_due": State.not_yet_due,
    "cannot_tell": State.cannot_tell, "undated": State.undated, "waived": State.waived,
}  # fmt: skip
STAGES = ("required", "on_record", "held", "with_outcome", "in_time")
Rows = list[dict[str, Any]]


class Queries:
    """The tables of facts in a database of their own, and the figures over them as rows."""

    def __init__(self, facts: Facts) -> None:
        self._con: Any = ibis.duckdb.connect()
        self._as_of = facts.as_of
        self._tables: dict[str, Any] = {
            name: self._con.create_table(name, ibis.memtable(table)) for name, table in facts.tables.items()
        }

    def _rows(self, expression: Any) -> Rows:
        found: Rows = self._con.to_pyarrow(expression).to_pylist()
        return found

    def _with_group(self, name: str, by: str | None) -> Any:
        """Return a table with the group of each row's record."""
        records = self._tables["records"]
        group = records[by] if by else ibis.null("string")
        return self._tables[name].join(records.select("record", group=group), "record")

    # ---- actions -----------------------------------------------------------------------------------------------------

    def actions(self, by: str | None) -> Rows:
        """Return the states and lateness of each action and group; action None is all of them."""
        found = self._with_group("requirements", by)
        alone = found.select("group", "state", "late_seconds", action=found.action)
        together = found.select("group", "state", "late_seconds", action=ibis.null("string"))
        both = ibis.union(alone, together)
        counted = both.group_by("group", "action").agg(
            **{name: (both.state == str(state)).sum() for name, state in _STATES.items()},
            due=both.state.isin([str(State.done), str(State.done_late), str(State.overdue)]).sum(),
            oldest_seconds=both.late_seconds.max(where=both.state == str(State.overdue)),
        )
        late = _percentiles(both.filter(both.late_seconds.notnull()))
        joined = counted.join(
            late,
            [counted.group.identical_to(late.late_group), counted.action.identical_to(late.late_action)],
            how="left",
        ).drop("late_group", "late_action")
        return self._rows(joined.order_by([_first(joined.group), _first(joined.action)]))

    # ---- the last day ------------------------------------------------------------------------------------------------

    def noticed(self, action: str, made: Sequence[tuple[str, str]]) -> Rows:
        """Return the flagged records of the last 24 hours without a referral on record, worst first.

        `made` are the codes and outcomes that count where no rule requires one.
        """
        records, flags, requirements = (self._tables[name] for name in ("records", "flags", "requirements"))
        done = self._tables["actions"]
        recent = records.filter(
            records.worst > 0, records.reported > self._as_of - _DAY, records.reported <= self._as_of
        )
        rules = flags.group_by("record").agg(rules=flags.rule.group_concat(",", order_by=[flags.rule]))
        asked = requirements.filter(requirements.action == action).group_by("record").agg(
            state=requirements.state.max(), satisfied=requirements.state.isin([str(s) for s in _SATISFIED]).any()
        )  # fmt: skip
        pairs = [f"{code} {outcome}" for code, outcome in made]
        tried = done.filter((done.code + " " + done.outcome).isin(pairs)).select("record").distinct()
        unasked = tried.anti_join(asked, "record")
        found = recent.join(rules, "record").left_join(asked, "record").drop("record_right")
        found = found.filter(~found.satisfied.fill_null(False)).anti_join(unasked, "record")  # noqa: FBT003 - Ibis' own
        return self._rows(found.order_by([ibis.desc("worst"), "reported", "incident_id", "child_id"]))

    # ---- strategy discussions ----------------------------------------------------------------------------------------

    def funnel(self, action: str, codes: Sequence[str], outcomes: Sequence[str], by: str | None) -> Rows:
        """Return how many records of each group reached each stage, in the order of STAGES."""
        found = self._with_group("requirements", by)
        found = found.filter(found.action == action)
        done = self._tables["actions"]
        done = done.filter(done.code.isin(list(codes)))
        tried = done.group_by("record").agg(held=done.outcome.isin(list(outcomes)).any(), on_record=done.count() > 0)
        whole = found.left_join(tried, "record")
        satisfied = whole.state.isin([str(state) for state in _SATISFIED])
        reached = {
            "on_record": whole.on_record.fill_null(False) | satisfied,  # noqa: FBT003 - Ibis' own
            "held": whole.held.fill_null(False) | satisfied,  # noqa: FBT003 - Ibis' own
            "with_outcome": satisfied,
            "in_time": whole.state == str(State.done),
        }
        counted = whole.group_by("group").agg(
            required=whole.count(), **{stage: test.sum() for stage, test in reached.items()}
        )
        rows = self._rows(counted.order_by(_first(counted.group)))
        return [{"group": row["group"], "stage": stage, "records": row[stage]} for row in rows for stage in STAGES]

    # ---- suspects, needs, grades -------------------------------------------------------------------------------------

    def ageing(self, action: str, by: str | None) -> Rows:
        """Return how many suspects have waited from so many days on, by whether the source would tell."""
        found = self._with_group("requirements", by)
        waiting = [str(state) for state in (State.overdue, State.not_yet_due, State.cannot_tell)]
        found = found.filter(found.action == action, found.state.isin(waiting), found.suspect_id.notnull())
        days = found.waiting_seconds // _DAY
        banded = found.mutate(days=ibis.cases(*[(days >= first, first) for first in reversed(_BANDS)], else_=0))
        unclear = banded.state == str(State.cannot_tell)
        counted = banded.group_by("group", "days").agg(no_record=(~unclear).sum(), cannot_tell=unclear.sum())
        return self._rows(counted.order_by([_first(counted.group), "days"]))

    def undecided(self, by: str | None) -> Rows:
        """Return how many verdicts lack each need, and how many lack nothing else."""
        found = self._with_group("needs", by).distinct()
        lacking = found.group_by("verdict").agg(many=found.need.nunique())
        whole = found.join(lacking, "verdict")
        counted = whole.group_by("group", "need").agg(
            verdicts=whole.verdict.nunique(), alone=whole.verdict.nunique(where=whole.many == 1)
        )
        order = [_first(counted.group), ibis.desc(counted.alone), ibis.desc(counted.verdicts), counted.need]
        return self._rows(counted.order_by(order))

    def grades(self, by: str | None) -> Rows:
        """Return how many cases have each grade; the group of a case is that of its worst record, the first by id."""
        records = self._tables["records"]
        records = records.filter(records.grade.notnull())
        group = records[by] if by else ibis.null("string")
        ranked = records.mutate(
            group=group,
            rank=ibis.row_number().over(
                ibis.window(group_by=records.case, order_by=[ibis.desc(records.grade), records.incident_id])
            ),
            worst=records.could_be.max().over(ibis.window(group_by=records.case)),
        )
        worst = ranked.filter(ranked["rank"] == 0)
        counted = worst.group_by("group", "grade").agg(
            cases=worst.count(), could_be_worse=(worst.worst > worst.grade).sum()
        )
        return self._rows(counted.order_by([_first(counted.group), "grade"]))


def _percentiles(late: Any) -> Any:
    """Return the median and the 90th percentile of lateness of each group and action, by nearest rank."""
    of_one = ibis.window(group_by=[late.group, late.action])
    ranked = late.select(
        late_group=late.group,
        late_action=late.action,
        late_seconds=late.late_seconds,
        rank=ibis.row_number().over(ibis.window(group_by=[late.group, late.action], order_by=late.late_seconds)) + 1,
        many=late.count().over(of_one),
    )
    picked = {
        name: ranked.late_seconds.max(where=ranked["rank"] == (ranked.many * percent + 99) // 100)
        for name, percent in (("median_seconds", 50), ("p90_seconds", 90))
    }
    return ranked.group_by("late_group", "late_action").agg(**picked)


def _first(column: Any) -> Any:
    """Return an order in which what has no name comes first."""
    return ibis.asc(column, nulls_first=True)
