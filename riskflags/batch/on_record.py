"""What is on record towards the requirements of an action: what satisfies it or may, what waives it, what falls short.

Each is a row beside its requirement. `place` orders them as one record at a time would find them: by the record that
holds them, the way of satisfying, and the item.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import (
    Cell,
    Expr,
    sql,
    negation,
    no,
    no_texts,
    possibly,
    surely,
    texts,
    together,
    where,
    yes,
)
from riskflags.batch.lookups import spelled
from riskflags.batch.windows import moved_day, spans
from riskflags.calendar import ParamDuration
from riskflags.condition import names_read
from riskflags.looking import PARAM, THIS
from riskflags.pack import MarkerInPlace, RecordedAction, RecordedField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.batch.frames import Frame, Frames, Rows
    from riskflags.condition import Condition
    from riskflags.pack import Action

MATCH = {
    "record": "int64", "seat": "int64", "waives": "boolean", "answer": "boolean", "at_low": "int64", "at_high": "int64",
    "at_local": "string", "outcome": "string", "by": "string", "needs": "array<string>", "at_needs": "array<string>",
    "event": "int64", "id": "string", "way": "int64", "item": "int64",
}  # fmt: skip
"""The columns of what satisfies, may satisfy or waives."""
ORDER = ("event", "id", "way", "item")
_ACTION = ("action.code", "action.outcome", "action.at", "action.reason", "action.by_role", "action.suspect_id")
_MARKER = ("marker.placed_at", "marker.removed_at", "marker.target")


def gather(frames: Frames, action: Action, rows: Rows, required: Expr, made: str) -> tuple[str, str]:
    """Make the tables of matches, and of what falls short, for the requirements of an action; return their names."""
    matches, short = f"{made} matches", f"{made} short"
    found = _Found(frames, action, rows, required)
    for number, way in enumerate(action.satisfied_by):
        match way:
            case RecordedAction():
                weighed = _kept(frames, found.actions(way), f"{made} weighed")
                frames.store.add(matches, _match_columns(weighed.filter(surely(weighed["is_match"])), number))
                _add_short(frames, short, weighed.filter(surely(weighed["is_short"])), "step")
                frames.store.drop(f"{made} weighed")
            case RecordedField():
                frames.store.add(matches, found.field(way.name, number))
            case MarkerInPlace():
                weighed = _kept(frames, found.markers(way), f"{made} weighed")
                frames.store.add(matches, _match_columns(weighed.filter(possibly(weighed["answer"])), number))
                _add_short(frames, short, weighed.filter(surely(weighed["is_short"])), "step")
                frames.store.drop(f"{made} weighed")
    if action.steps:
        _add_short(frames, short, found.steps(), "step")
    return matches, short


def _kept(frames: Frames, rows: sql.Relation, name: str) -> sql.Relation:
    """Return rows as a table of the store, since they are read twice."""
    frames.store.make(name, rows)
    return frames.store.table(name)


def _add_short(frames: Frames, short: str, rows: Expr, column: str) -> None:
    frames.store.add(short, rows.select("record", "seat", step=rows[column]))


def _match_columns(rows: Expr, way: int) -> Expr:
    return rows.mutate(way=sql.literal(way, "int64")).select(*MATCH)


class _Found:
    """The requirements of one action beside the items of the records that count for it."""

    def __init__(self, frames: Frames, action: Action, rows: Rows, required: Expr) -> None:
        self._frames = frames
        self._action = action
        self._rows: Rows = rows
        self._required = required

    def _asking(self, conditions: tuple[Condition, ...], more: frozenset[str]) -> Frame:
        """Return the requirements with what conditions on items read of the record that asks."""
        read = frozenset[str]().union(*map(names_read, conditions))
        names = {name.removeprefix(THIS) for name in read if name.startswith((THIS, PARAM))} | more
        names |= {"child.id"} if self._action.per == "child" else set()
        names |= {"suspect.id"} if self._rows == "seats" else set()
        frame = self._frames.frame(names | {self._frames.pack.effective_by}, rows=self._rows)
        keys = ["record", "seat"] if self._rows == "seats" else ["record"]
        required = self._required.select(
            "anchor_day", seat_of=self._required["seat"], **{f"~{key}": self._required[key] for key in keys}
        )
        joined = frame.table.join(required, [frame.table[key] == required[f"~{key}"] for key in keys])
        return replace(frame.onto(joined), keys=(*frame.keys, "anchor_day", "seat_of"))

    def _beside(self, asking: Frame, items: Frame) -> tuple[Expr, Frame, Frame, Expr]:
        """Return requirements beside items of the same record, or of any record of the child; and whether its own."""
        a, o = asking.prefixed("a:"), items.prefixed("o:")
        own = a["a:record"] == o["o:record"]
        on = [own]
        if self._action.per == "child":
            child = asking.onto(a, prefix="a:").cells["child.id"].value == items.onto(o, prefix="o:").cells["child.id"].value
            on = [a["a:world"] == o["o:world"], own | surely(child)]
        joined = a.join(o, on)
        return joined, asking.onto(joined, prefix="a:"), items.onto(joined, prefix="o:"), joined["a:record"] == joined["o:record"]

    def _items(self, rows: Rows, names: frozenset[str]) -> Frame:
        event = self._frames.pack.event_time
        more = {"incident.id", "child.id", event, self._frames.pack.effective_by}
        return self._frames.frame(names | more, rows=rows)

    def _cells(self, asks: Frame, items: Frame, condition: Condition | None) -> dict[str, Cell]:
        found = dict(items.cells)
        for name in names_read(condition) if condition is not None else ():
            if name.startswith((THIS, PARAM)):
                cell = asks.cells[name.removeprefix(THIS)]
                of_this = None if cell.needs is None else cell.needs.map(lambda need: sql.literal(THIS).concat(need))
                found[name] = replace(cell, needs=of_this)
        return found

    def _head(self, joined: Expr, items: Frame, own: Expr) -> dict[str, Expr]:
        event = items.cells[self._frames.pack.event_time]
        key = items.cells["incident.id"].value
        # The records of a child come in order of time and id; one that is not among them comes first.
        alone = own & items.cells["child.id"].absent
        return {
            "record": joined["a:record"], "seat": joined["a:seat_of"],
            "event": sql.ifelse(alone, sql.literal(-(2**62), "int64"), event.low), "id": key,
            "item": joined["o:item"], "prefix": sql.ifelse(own, "", key.concat(":")),
        }  # fmt: skip

    # ---- recorded actions --------------------------------------------------------------------------------------------

    def actions(self, way: RecordedAction) -> Expr:
        """Return recorded actions that may count by one way: as a match, as a waiver, as what falls short."""
        conditions = () if way.where is None else (way.where,)
        plain = frozenset(n for c in conditions for n in names_read(c) if not n.startswith((THIS, PARAM)))
        span = way.still_counts
        more = frozenset({f"{PARAM}{span.param}"}) if isinstance(span, ParamDuration) else frozenset[str]()
        asking = self._asking(conditions, more)
        items = self._items("done", plain | set(_ACTION))
        code = items.cells["action.code"]
        items = items.filtered(code.absent | code.value.isin(sorted(way.codes)))
        joined, asks, found, own = self._beside(asking, items)
        who = self._is_about(joined, asks, found)
        cells = self._cells(asks, found, way.where)
        code, outcome, at = (found.cells[name] for name in _ACTION[:3])
        is_code = sql.ifelse(code.absent, sql.null("boolean"), yes())
        first = is_code & who
        asked = [code.needs, where(who.isnull(), texts(["action.suspect_id"]))]
        waives = surely(outcome.value == "waived") & found.cells["action.reason"].known
        further, more_needs = self._weighed(way, asks, found, cells, joined)
        full = sql.ifelse(waives, first, first & further)
        dated = sql.ifelse(waives & ~surely(full), no(), at.known)
        every_need = together([*asked, where(negation(waives), together(more_needs))])
        at_needs = no_texts() if at.needs is None else sql.ifelse(waives & ~surely(full), no_texts(), at.needs)
        table = joined.select(
            **self._head(joined, found, own), first=first, answer=full, waives=waives & surely(full),
            at_low=sql.ifelse(dated, at.low, sql.null("int64")), at_high=sql.ifelse(dated, at.high, sql.null("int64")),
            at_local=sql.ifelse(dated, at.local, sql.null("string")), outcome=outcome.value,
            by=found.cells["action.by_role"].value, step=_step(code, outcome, at), coded=code.known, is_waiver=waives,
            needs=where(full.isnull(), every_need), at_needs=at_needs,
        )  # fmt: skip
        table = table.filter(possibly(table["first"]))
        return table.mutate(
            needs=spelled(table["needs"], table["prefix"]), at_needs=spelled(table["at_needs"], table["prefix"]),
            is_match=possibly(table["answer"]),
            is_short=~table["is_waiver"] & ~surely(table["answer"]) & table["coded"],
        )

    def _weighed(
        self, way: RecordedAction, asks: Frame, found: Frame, cells: Mapping[str, Cell], joined: Expr
    ) -> tuple[Expr, list[Expr | None]]:
        """Return whether outcome, contents and time are as they must be, and what would settle that."""
        outcome, at = found.cells["action.outcome"], found.cells["action.at"]
        holds: Expr = outcome.value.isin(sorted(way.outcomes))
        asked: list[Expr | None] = [where(outcome.absent, outcome.needs)]
        if way.where is not None:
            holds &= answer(way.where, cells)
            asked.append(needs(way.where, cells))
        if way.still_counts is not None:
            since, unknown, span_needs = self._since(way, asks, joined)
            recent = sql.ifelse(at.absent, sql.null("boolean"), at.day >= since)
            counts = sql.ifelse(joined["a:anchor_day"].isnull(), yes(), sql.ifelse(unknown, sql.null("boolean"), recent))
            holds &= counts
            limited = joined["a:anchor_day"].notnull()
            asked.append(where(limited & at.absent, at.needs))
            asked.append(where(limited & unknown, span_needs))
        return holds, asked

    def _since(self, way: RecordedAction, asks: Frame, joined: Expr) -> tuple[Expr, Expr, Expr | None]:
        """Return the first day on which an action still counts, and where that is not known."""
        anchor = joined["a:anchor_day"]
        if way.still_counts is None:
            return sql.null("date"), no(), None
        lengths = list(spans(way.still_counts, asks.cells, self._frames.pack))
        since = sql.cases(
            *((here, moved_day(anchor, span, back=True)) for here, span in lengths), else_=sql.null("date")
        )
        if not isinstance(way.still_counts, ParamDuration):
            return since, no(), None
        param = asks.cells[f"{PARAM}{way.still_counts.param}"]
        of_this = None if param.needs is None else param.needs.map(lambda need: sql.literal(THIS).concat(need))
        return since, param.absent, of_this

    def _is_about(self, joined: Expr, asks: Frame, found: Frame) -> Expr:
        """Return whether a recorded action is about the suspect: without an id it is about the only one there is."""
        if self._rows != "seats":
            return yes()
        suspect, about = asks.cells["suspect.id"], found.cells["action.suspect_id"]
        alone = joined["o:suspects"] <= 1
        return sql.cases(
            (suspect.absent | (about.absent & alone), yes()), (about.absent, sql.null("boolean")),
            else_=about.value == suspect.value,
        )  # fmt: skip

    def steps(self) -> Expr:
        """Return the recorded steps that fall short of the action."""
        asking = self._asking((), frozenset())
        items = self._items("done", frozenset(_ACTION))
        items = items.filtered(surely(items.cells["action.code"].value.isin(sorted(self._action.steps))))
        joined, asks, found, _ = self._beside(asking, items)
        who = self._is_about(joined, asks, found)
        code, outcome, at = (found.cells[name] for name in _ACTION[:3])
        table = joined.select(record=joined["a:record"], seat=joined["a:seat_of"], who=who, step=_step(code, outcome, at))
        return table.filter(possibly(table["who"]))

    # ---- fields and markers ------------------------------------------------------------------------------------------

    def field(self, name: str, way: int) -> Expr:
        """Return the records in which a field is filled that satisfies the action."""
        asking = self._asking((), frozenset({name, self._frames.pack.event_time, "incident.id", "child.id"}))
        asking = asking.filtered(asking.cells[name].known)
        at, event = asking.cells[name], asking.cells[self._frames.pack.event_time]
        table = asking.table
        alone = asking.cells["child.id"].absent
        return table.select(
            record=table["record"], seat=table["seat_of"], waives=no(), answer=yes(), at_low=at.low, at_high=at.high,
            at_local=at.local, outcome=sql.null("string"), by=sql.null("string"), needs=no_texts(),
            at_needs=no_texts() if at.needs is None else at.needs,
            event=sql.ifelse(alone, sql.literal(-(2**62), "int64"), event.low), id=asking.cells["incident.id"].value,
            way=sql.literal(way, "int64"), item=sql.literal(0, "int64"),
        )  # fmt: skip

    def markers(self, way: MarkerInPlace) -> Expr:
        """Return markers that are in place, or may be, and those that were removed."""
        plain = frozenset(n for n in names_read(way.where) if not n.startswith((THIS, PARAM)))
        asking = self._asking((way.where,), frozenset())
        items = self._items("markers", plain | set(_MARKER))
        joined, asks, found, own = self._beside(asking, items)
        cells = self._cells(asks, found, way.where)
        holds, asked = answer(way.where, cells), needs(way.where, cells)
        at, removed, target = (found.cells[name] for name in _MARKER)
        step = sql.literal("marker_on_").concat(target.value, " removed ", removed.local)
        table = joined.select(
            **self._head(joined, found, own), waives=no(), answer=holds, at_low=at.low, at_high=at.high, at_local=at.local,
            outcome=sql.null("string"), by=sql.null("string"), step=step, needs=where(holds.isnull(), asked) if asked is not None else no_texts(),
            at_needs=no_texts() if at.needs is None else at.needs,
            is_short=surely(negation(holds)) & removed.known & target.known,
        )  # fmt: skip
        return table.mutate(
            needs=spelled(table["needs"], table["prefix"]), at_needs=spelled(table["at_needs"], table["prefix"])
        )


def _step(code: Cell, outcome: Cell, at: Cell) -> Expr:
    return code.value.concat(
        " ", outcome.value.fill_null("(outcome not recorded)"), " ", at.local.fill_null("(not dated)")
    )

