"""Where every requirement of an action stands: its deadline, its state, the record that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.answers import answer, needs
from riskflags.batch.asked import asked, merged, rows_of
from riskflags.batch.cells import (
    Expr,
    sql,
    in_order,
    length,
    no,
    no_texts,
    possibly,
    surely,
    texts,
    together,
    where,
)
from riskflags.batch.on_record import MATCH, ORDER, gather
from riskflags.condition import names_read
from riskflags.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.batch.asked import Line
    from riskflags.batch.frames import Frames
    from riskflags.pack import Action

_KEYS = ("record", "seat")


def standings(frames: Frames, action: Action, number: int, lines: Sequence[Line], made: str) -> None:
    """Make the table of where the requirements of an action stand, by the lines that ask for it.

    `number` is that of the action.
    """
    store = frames.store
    asks, required = f"{made} asked", f"{made} required"
    asked(frames, action, lines, asks)
    store.make(required, _applying(frames, action, merged(frames, asks)))
    matches, short = gather(frames, action, rows_of(action), store.table(required), made)
    store.make(made, _standing(frames, action, number, required, matches, short))
    for one in (asks, required, matches, short):
        store.drop_if_there(one)


def _applying(frames: Frames, action: Action, found: Expr) -> Expr:
    """Return the requirements of an action that applies, or may; with whose they are, and what would settle that."""
    rows = rows_of(action)
    names = names_read(action.when) if action.when is not None else frozenset[str]()
    names |= {"suspect.id"} if rows == "seats" else set()
    frame = frames.frame(names | {frames.pack.effective_by}, rows=rows)
    keys = ["record", "seat"] if rows == "seats" else ["record"]
    kept = {f"~{name}": found[name] for name in found.columns}
    others = found.select(**kept)
    joined = frame.table.join(others, [frame.table[key] == others[f"~{key}"] for key in keys])
    here = frame.onto(joined)
    applies = sql.literal(True) if action.when is None else answer(action.when, here.cells)
    unsure = None if action.when is None else where(applies.isnull(), needs(action.when, here.cells))
    columns = {name: joined[f"~{name}"] for name in found.columns if name != "unsure"}
    table = joined.select(
        **columns, world=joined["world"], as_of=joined["as_of"], holds=joined["holds"], applies=applies,
        suspect_id=here.cells["suspect.id"].value if rows == "seats" else sql.null("string"),
        unsure=together((joined["~unsure"], unsure)),
    )  # fmt: skip
    return table.filter(possibly(table["applies"])).drop("applies")


# ---- states ----------------------------------------------------------------------------------------------------------


def _standing(frames: Frames, action: Action, number: int, required: str, matches: str, short: str) -> Expr:
    store = frames.store
    table = store.table(required)
    held = _held(frames, action, table)
    table = table.mutate(missing=held)
    table = _with_matches(table, store.table(matches) if store.has(matches) else None)
    table = _with_short(table, store.table(short) if store.has(short) else None)
    table = _with_state(table)
    return _final(table, number)


def _held(frames: Frames, action: Action, table: Expr) -> Expr:
    """Return what the source would need to hold for the action to be on record at all; empty where it holds a way."""
    cases = []
    for number in frames.each_holds():
        missing = frames.unheld(action, number)
        if missing:
            cases.append((table["holds"] == number, texts(sorted(missing))))
    return sql.cases(*cases, else_=no_texts()) if cases else no_texts()


_RECORD = ("at_low", "at_high", "at_local", "outcome", "by", "at_needs")


def _with_matches(table: Expr, matches: Expr | None) -> Expr:
    """Return the requirements with what satisfies them first of all, and what may lie in time."""
    if matches is None:
        none = {name: sql.null(MATCH[name]) for name in _RECORD}
        columns = {f"{kind} {name}": one for kind in ("dated", "first", "waived", "may") for name, one in none.items()}
        return table.mutate(
            any_true=no(), any_dated=no(), any_waived=no(), in_time=no(), in_time_needs=no_texts(),
            in_time_inexact=no(), **columns,
        )  # fmt: skip
    dues = table.select(**{f"~{key}": table[key] for key in _KEYS}, due_low=table["low"], due_high=table["high"])
    m = matches.join(dues, [matches[key] == dues[f"~{key}"] for key in _KEYS])
    is_match = ~m["waives"]
    sure = is_match & surely(m["answer"])
    dated = sure & m["at_low"].notnull()
    in_time = is_match & possibly(m["at_low"] <= m["due_high"])
    early = m["at_low"].notnull() & surely(m["at_high"] <= m["due_low"])
    m = m.mutate(
        is_sure=sure, is_dated=dated, in_time=surely(in_time), may_not=surely(in_time) & ~early,
        asked=sql.ifelse(early, m["needs"], together((m["needs"], m["at_needs"]))),
    )  # fmt: skip
    order = [m[name] for name in ORDER]
    kinds = {
        "dated": (m["is_dated"], [m["at_high"], m["at_low"], *order]),
        "first": (m["is_sure"], order),
        "waived": (m["waives"], order),
        "may": (m["in_time"], order),
    }
    found = m.group_by(_KEYS).agg(
        any_true=m["is_sure"].any(), any_dated=m["is_dated"].any(), any_waived=m["waives"].any(),
        in_time=m["in_time"].any(), in_time_needs=m["asked"].collect(where=m["in_time"]),
        in_time_inexact=m["may_not"].any(),
        **{f"{kind} one": _packed(m).first(where=here, order_by=by) for kind, (here, by) in kinds.items()},
    )  # fmt: skip
    found = found.mutate(
        **{f"{kind} {name}": found[f"{kind} one"].field(name) for kind in kinds for name in _RECORD},
        in_time_needs=found["in_time_needs"].flatten(),
    ).drop(*(f"{kind} one" for kind in kinds))
    renamed = found.rename({f"~{key}": key for key in _KEYS})
    joined = table.left_join(renamed, [table[key] == renamed[f"~{key}"] for key in _KEYS]).drop("~record", "~seat")
    flags = ("any_true", "any_dated", "any_waived", "in_time", "in_time_inexact")
    return joined.mutate(
        **{name: surely(joined[name]) for name in flags}, in_time_needs=joined["in_time_needs"].fill_null(no_texts())
    )


def _packed(m: Expr) -> Expr:
    return sql.struct({name: m[name] for name in _RECORD})


def _with_short(table: Expr, short: Expr | None) -> Expr:
    if short is None:
        return table.mutate(short_of=no_texts())
    found = short.group_by(_KEYS).agg(short_of=short["step"].collect(distinct=True))
    renamed = found.rename({f"~{key}": key for key in _KEYS})
    joined = table.left_join(renamed, [table[key] == renamed[f"~{key}"] for key in _KEYS]).drop("~record", "~seat")
    return joined.mutate(short_of=joined["short_of"].fill_null(no_texts()).sort())


def _with_state(t: Expr) -> Expr:
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
    inexact = sql.ifelse(surely(as_of > low), t["inexact"], no_texts())
    open_due = sql.ifelse(surely(as_of <= high), together((t["absent"], inexact)), no_texts())
    of_time = together((t["in_time_needs"], sql.ifelse(t["in_time_inexact"], t["inexact"], no_texts())))
    asked = sql.cases(
        (t["any_true"] & ~t["any_dated"], t["first at_needs"]), (t["any_true"] & ~due, t["absent"]),
        (t["any_true"], of_time), (~is_held | ~due, t["absent"]), (t["in_time"], together((open_due, of_time))),
        else_=open_due,
    )  # fmt: skip
    unsure = (length(t["unsure"]) > 0) & ~by_record.isin([str(State.done), str(State.waived)])
    t = t.mutate(before=by_record, asked=asked, is_unsure=unsure, is_due=due, is_held=is_held)
    return t.mutate(state=sql.ifelse(t["is_unsure"], str(State.cannot_tell), t["before"]))


def _final(t: Expr, number: int) -> Expr:
    state = t["state"]
    cannot = state == str(State.cannot_tell)
    kept = t["before"].isin([str(State.cannot_tell), str(State.undated)])
    asked = together((
        sql.ifelse(kept, t["asked"], no_texts()), sql.ifelse(t["is_unsure"], t["unsure"], no_texts()),
        sql.ifelse(cannot, t["missing"], no_texts()),
    ))  # fmt: skip
    kind = sql.cases(
        (t["any_true"] & ~t["any_dated"], "first"), (t["any_true"], "dated"), (t["any_waived"], "waived"),
        (~t["is_held"] | ~t["is_due"], ""), (surely(t["as_of"] <= t["low"]) & (length(t["absent"]) == 0), ""),
        (t["in_time"], "may"), else_="",
    )  # fmt: skip
    t = t.mutate(kind=kind, all_needs=asked)
    state = t["state"]
    record = {
        name: sql.cases(*((t["kind"] == one, t[f"{one} {name}"]) for one in ("first", "dated", "waived", "may")),
                         else_=sql.null(MATCH[name]))
        for name in ("at_low", "at_high", "at_local", "outcome", "by", "at_needs")
    }  # fmt: skip
    is_late = state == str(State.done_late)
    is_gap = (is_late | (state == str(State.overdue))) & t["is_due"]
    first = sql.ifelse(is_late, record["at_low"], t["as_of"])
    last = sql.ifelse(is_late, record["at_high"], t["as_of"])
    late_needs = together((t["inexact"], sql.ifelse(is_late, record["at_needs"].fill_null(no_texts()), no_texts())))
    found = t.select(
        "record", "seat", "world", "suspect_id", "severity", "rules", "uncovered", action=sql.literal(number, "int32"),
        due_from=t["low"], due_at=t["high"], state=state, recorded_at=record["at_local"],
        recorded_outcome=record["outcome"], recorded_by=record["by"],
        short_of=sql.ifelse(state == str(State.done), no_texts(), t["short_of"]),
        needs=sql.ifelse(state.isin([str(State.cannot_tell), str(State.undated)]), t["all_needs"], no_texts()),
        late_low=sql.ifelse(is_gap, first - t["high"], 0), late_high=sql.ifelse(is_gap, last - t["low"], 0),
        late_needs=sql.ifelse(is_gap, late_needs, no_texts()),
    )  # fmt: skip
    return found.mutate(needs=in_order(found["needs"]), late_needs=in_order(found["late_needs"]))
