"""Where every requirement of an action stands: its deadline, its state, the record that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of, needs
from riskflags.batch.asked import asked, merged, rows_of
from riskflags.batch.cells import in_order, length, listed, no_texts, only, possibly, surely, texts, together, where
from riskflags.batch.on_record import MATCH, ORDER, gather
from riskflags.model import State
from riskflags.requirements import unheld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.batch.asked import Line
    from riskflags.batch.frames import Frames
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import Action

_KEYS = ("record", "seat")
_KINDS = ("dated", "first", "waived", "may")
"""What may stand for a requirement: the first dated match, the first of all, a waiver, one that may be in time."""
_RECORD = ("at_low", "at_high", "at_local", "outcome", "by", "at_needs")
"""What is said of it."""


def standings(frames: Frames, action: Action, lines: Sequence[Line], made: str) -> None:
    """Make the table of where the requirements of an action stand. `lines` are those that ask for it, one at least."""
    store = frames.store
    asks, required = f"{made} asked", f"{made} required"
    asked(frames, action, lines, asks)
    store.make(required, _applying(frames, action, merged(frames, lines, asks)))
    matches, short = gather(frames, action, rows_of(action), store.table(required), made)
    found = _with_matches(store.table(required), store.table(matches) if store.has(matches) else None)
    found = _with_short(found, store.table(short) if store.has(short) else None)
    store.make(made, _final(_with_state(found), list(frames.pack.actions).index(action.key)))
    for one in (asks, required, matches, short):
        store.drop_if_there(one)


def _applying(frames: Frames, action: Action, found: Relation) -> Relation:
    """Return the requirements of an action that applies, or may; with whose they are, and what would settle that.

    `missing` is what the source would need to hold for the action to be on record at all; empty where it holds a way.
    """
    rows = rows_of(action)
    names = names_of(action.when)
    if rows == "seats":
        names |= {"suspect.id"}
    here = frames.frame(names, rows=rows, among=found)
    applies = answer(action.when, here.cells)
    unsure = listed(where(applies.isnull(), needs(action.when, here.cells)))
    missing = [
        (here["holds"] == number, texts(lacking))
        for number, holds in enumerate(frames.holds)
        if (lacking := unheld(action, holds))
    ]
    table = here.table.select(
        *(name for name in found.columns if name != "unsure"), "as_of", applies=applies,
        suspect_id=here.cells["suspect.id"].value if rows == "seats" else sql.null("string"),
        unsure=together(here["unsure"], unsure), missing=sql.cases(*missing, else_=no_texts()),
    )  # fmt: skip
    return table.filter(possibly(table["applies"])).drop("applies")


# ---- what is on record -----------------------------------------------------------------------------------------------


def _with_matches(table: Relation, matches: Relation | None) -> Relation:
    """Return the requirements with what satisfies them first of all, and what may lie in time."""
    flags = ("any_true", "any_dated", "any_waived", "in_time", "in_time_inexact")
    if matches is None:
        records = {_column(kind, name): sql.null(MATCH[name]) for kind in _KINDS for name in _RECORD}
        return table.mutate(**dict.fromkeys(flags, False), in_time_needs=no_texts(), **records)
    m = _weighed(table, matches)
    order = [m[name] for name in ORDER]
    kinds: dict[str, tuple[Expr, list[Expr]]] = {
        "dated": (m["is_dated"], [m["at_high"], m["at_low"], *order]),
        "first": (m["is_sure"], order),
        "waived": (m["waives"], order),
        "may": (m["in_time"], order),
    }
    packed = sql.struct({name: m[name] for name in _RECORD})
    found = m.aggregate(
        _KEYS, any_true=m["is_sure"].any(), any_dated=m["is_dated"].any(), any_waived=m["waives"].any(),
        in_time=m["in_time"].any(), in_time_needs=m["asked"].collect(where=m["in_time"]),
        in_time_inexact=m["in_time_inexact"].any(),
        **{kind: packed.first(where=here, order_by=by) for kind, (here, by) in kinds.items()},
    )  # fmt: skip
    records = {_column(kind, name): found[kind].field(name) for kind in kinds for name in _RECORD}
    found = found.mutate(in_time_needs=found["in_time_needs"].flatten(), **records).drop(*kinds)
    joined = table.left_join(found, *_KEYS)
    return joined.mutate(
        **{name: surely(joined[name]) for name in flags}, in_time_needs=joined["in_time_needs"].fill_null(no_texts())
    )


def _column(kind: str, name: str) -> str:
    return f"{kind} {name}"


def _weighed(table: Relation, matches: Relation) -> Relation:
    """Return the matches with what each is for its requirement: sure, dated, in time or perhaps."""
    dues = table.select(*_KEYS, due_low=table["low"], due_high=table["high"])
    m = matches.join(dues, *_KEYS)
    is_sure = ~m["waives"] & surely(m["answer"])
    in_time = surely(~m["waives"] & possibly(m["at_low"] <= m["due_high"]))
    early = m["at_low"].notnull() & surely(m["at_high"] <= m["due_low"])
    return m.mutate(
        is_sure=is_sure, is_dated=is_sure & m["at_low"].notnull(), in_time=in_time, in_time_inexact=in_time & ~early,
        asked=sql.ifelse(early, m["needs"], together(m["needs"], m["at_needs"])),
    )  # fmt: skip


def _with_short(table: Relation, short: Relation | None) -> Relation:
    """Return the requirements with the steps on record that fall short of them."""
    if short is None:
        return table.mutate(short_of=no_texts())
    joined = table.left_join(short.aggregate(_KEYS, short_of=short["step"].collect(distinct=True)), *_KEYS)
    return joined.mutate(short_of=joined["short_of"].fill_null(no_texts()).sort())


# ---- states ----------------------------------------------------------------------------------------------------------


def _with_state(t: Relation) -> Relation:
    """Return the requirements with their states, by what is on record and as_of, as for one record at a time."""
    as_of, low, high = t["as_of"], t["low"], t["high"]
    is_held, due = length(t["missing"]) == 0, low.notnull()
    nothing_absent = length(t["absent"]) == 0
    early = surely(t["dated at_high"] <= low)
    satisfied = sql.cases(
        (~t["any_dated"], str(State.undated)), (~due, str(State.cannot_tell)), (early, str(State.done)),
        (~t["in_time"], str(State.done_late)), else_=str(State.cannot_tell),
    )  # fmt: skip
    nothing = sql.cases(
        (t["any_waived"], str(State.waived)), (~is_held | ~due, str(State.cannot_tell)),
        (surely(as_of <= low) & nothing_absent, str(State.not_yet_due)), (t["in_time"], str(State.cannot_tell)),
        (surely(as_of > high), str(State.overdue)), else_=str(State.cannot_tell),
    )  # fmt: skip
    by_record = sql.ifelse(t["any_true"], satisfied, nothing)
    open_due = only(as_of <= high, together(t["absent"], only(as_of > low, t["inexact"])))
    of_time = together(t["in_time_needs"], only(t["in_time_inexact"], t["inexact"]))
    asked = sql.cases(
        (t["any_true"] & ~t["any_dated"], t["first at_needs"]), (t["any_true"] & ~due, t["absent"]),
        (t["any_true"], of_time), (~is_held | ~due, t["absent"]), (t["in_time"], together(open_due, of_time)),
        else_=open_due,
    )  # fmt: skip
    kind = sql.cases(
        (t["any_true"] & ~t["any_dated"], "first"), (t["any_true"], "dated"), (t["any_waived"], "waived"),
        (~is_held | ~due, ""), (surely(as_of <= low) & nothing_absent, ""), (t["in_time"], "may"), else_="",
    )  # fmt: skip
    is_unsure = (length(t["unsure"]) > 0) & ~by_record.isin([str(State.done), str(State.waived)])
    t = t.mutate(before=by_record, asked=asked, is_unsure=is_unsure, is_due=due, kind=kind)
    return t.mutate(state=sql.ifelse(t["is_unsure"], str(State.cannot_tell), t["before"]))


def _final(t: Relation, number: int) -> Relation:
    """Return the columns of requirements of the action of a number, with how late each gap is."""
    undecided = [str(State.cannot_tell), str(State.undated)]
    state, is_open = t["state"], t["state"].isin(undecided)
    needed = together(
        only(t["before"].isin(undecided), t["asked"]),
        only(t["is_unsure"], t["unsure"]),
        only(state == str(State.cannot_tell), t["missing"]),
    )
    record = {
        name: sql.cases(*((t["kind"] == kind, t[_column(kind, name)]) for kind in _KINDS), else_=sql.null(MATCH[name]))
        for name in _RECORD
    }
    is_late = state == str(State.done_late)
    is_gap = (is_late | (state == str(State.overdue))) & t["is_due"]
    first = sql.ifelse(is_late, record["at_low"], t["as_of"])
    last = sql.ifelse(is_late, record["at_high"], t["as_of"])
    late_needs = together(t["inexact"], only(is_late, record["at_needs"].fill_null(no_texts())))
    found = t.select(
        *_KEYS, "suspect_id", "severity", "rules", "uncovered", "state", action=sql.literal(number, "int32"),
        due_from=t["low"], due_at=t["high"], recorded_at=record["at_local"], recorded_outcome=record["outcome"],
        recorded_by=record["by"], short_of=sql.ifelse(state == str(State.done), no_texts(), t["short_of"]),
        needs=only(is_open, needed), late_needs=only(is_gap, late_needs),
        late_low=sql.ifelse(is_gap, first - t["high"], 0), late_high=sql.ifelse(is_gap, last - t["low"], 0),
    )  # fmt: skip
    return found.mutate(needs=in_order(found["needs"]), late_needs=in_order(found["late_needs"]))
