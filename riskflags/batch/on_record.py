"""What is on record towards the requirements of an action: what satisfies it or may, what waives it, what falls short.

Each is a row beside its requirement. ORDER puts them as one record at a time would find them: by the record that holds
them, the way of satisfying, and the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import (
    combined,
    listed,
    negation,
    no,
    no_texts,
    only,
    possibly,
    surely,
    texts,
    unsure,
    where,
    yes,
)
from riskflags.batch.frames import KEYS, Frame
from riskflags.batch.pairs import ASKS, LOOKED, Pairs, names_of_asking, names_of_looked, of_this, spelled
from riskflags.batch.windows import day_before
from riskflags.calendar import ParamDuration
from riskflags.looking import PARAM
from riskflags.pack import MarkerInPlace, RecordedAction, RecordedField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frames, Rows
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.condition import Condition
    from riskflags.pack import Action

MATCH: Mapping[str, str] = {
    "record": "int64", "seat": "int64", "waives": "boolean", "answer": "boolean", "at_low": "int64", "at_high": "int64",
    "at_local": "string", "outcome": "string", "by": "string", "needs": "array<string>", "at_needs": "array<string>",
    "event": "int64", "id": "string", "way": "int64", "item": "int64",
}  # fmt: skip
"""The columns of what satisfies, may satisfy or waives, with their types."""
ORDER = ("event", "id", "way", "item")
_ACTION = ("action.code", "action.outcome", "action.at", "action.reason", "action.by_role", "action.suspect_id")
_MARKER = ("marker.placed_at", "marker.removed_at", "marker.target")
_SHORT = ("record", "seat", "step")
_BEFORE_ALL = -(2**62)


def gather(frames: Frames, action: Action, rows: Rows, required: Relation, made: str) -> tuple[str, str]:
    """Make the tables of matches, and of what falls short, for the requirements of an action; return their names."""
    matches, short = f"{made} matches", f"{made} short"
    found = _Found(frames, action, rows, required)
    for number, way in enumerate(action.satisfied_by):
        match way:
            case RecordedAction():
                weighed = found.actions(way)
            case RecordedField():
                weighed = found.field(way.name)
            case MarkerInPlace():
                weighed = found.markers(way)
        frames.store.make(f"{made} weighed", weighed)  # it is read twice
        weighed = frames.store.table(f"{made} weighed")
        counting = weighed.filter(possibly(weighed["answer"]))
        frames.store.add(matches, counting.mutate(way=sql.literal(number, "int64")).select(*MATCH))
        if not isinstance(way, RecordedField):
            frames.store.add(short, weighed.filter(weighed["is_short"]).select(*_SHORT))
        frames.store.drop(f"{made} weighed")
    if action.steps:
        frames.store.add(short, found.steps().select(*_SHORT))
    return matches, short


class _Found:
    """The requirements of one action beside the items of the records that count for it."""

    def __init__(self, frames: Frames, action: Action, rows: Rows, required: Relation) -> None:
        self._frames = frames
        self._event_time = frames.pack.event_time
        self._action = action
        self._rows: Rows = rows
        self._required = required

    def _asking(self, *conditions: Condition | None, more: frozenset[str] = frozenset()) -> Frame:
        """Return the requirements with what conditions on items read of the record that asks."""
        names = names_of_asking(*conditions) | more
        if self._of_child:
            names |= {"child.id"}
        if self._rows == "seats":
            names |= {"suspect.id"}
        required = self._required.select(*KEYS[self._rows], "anchor_day", seat_of=self._required["seat"])
        if not names:
            return Frame(required, {}, self._rows, required.columns)
        return self._frames.frame(names, rows=self._rows, among=required)

    @property
    def _of_child(self) -> bool:
        """Whether items of any record of the child count; else none but those of the record itself do."""
        return self._action.per == "child"

    @property
    def _in_order(self) -> frozenset[str]:
        """What puts the records in order in which items stand; nothing where that is one."""
        return frozenset({"incident.id", "child.id", self._event_time} if self._of_child else ())

    def _items(self, rows: Rows, names: frozenset[str]) -> Frame:
        return self._frames.frame(names | self._in_order, rows=rows)

    def _beside(self, asking: Frame, items: Frame) -> Pairs:
        """Return requirements beside items of the same record, or of any record of the child."""
        asks, looked = asking.prefixed(ASKS), items.prefixed(LOOKED)
        own = asks["record"] == looked["record"]
        if not self._of_child:
            return Pairs.of(asks, looked, own)
        alike = surely(asks.cells["child.id"].value == looked.cells["child.id"].value)
        return Pairs.of(asks, looked, asks["world"] == looked["world"], own | alike)

    def _head(self, pairs: Pairs) -> dict[str, Expr]:
        return {
            "record": pairs.asks["record"], "seat": pairs.asks["seat_of"], **self._order(pairs.looked, pairs.own),
            "item": pairs.looked["item"], "prefix": pairs.prefix if self._of_child else sql.literal("", "string"),
        }  # fmt: skip

    def _order(self, records: Frame, own: Expr) -> dict[str, Expr]:
        """Return the time and id by which the records of a child are in order; one that is none of them comes first."""
        first = sql.literal(_BEFORE_ALL, "int64")
        if not self._of_child:
            return {"event": first, "id": sql.literal("", "string")}
        alone = own & records.cells["child.id"].absent
        return {
            "event": sql.ifelse(alone, first, records.cells[self._event_time].low),
            "id": records.cells["incident.id"].value,
        }

    # ---- recorded actions --------------------------------------------------------------------------------------------

    def actions(self, way: RecordedAction) -> Relation:
        """Return recorded actions that may count by one way: as a match, as a waiver, as what falls short."""
        span = way.still_counts
        more = frozenset({f"{PARAM}{span.param}"}) if isinstance(span, ParamDuration) else frozenset[str]()
        items = self._items("done", names_of_looked(way.where) | set(_ACTION))
        code = items.cells["action.code"]
        items = items.filtered(code.absent | code.value.isin(sorted(way.codes)))
        pairs = self._beside(self._asking(way.where, more=more), items)
        cells = pairs.looked.cells
        code, outcome, at = (cells[name] for name in _ACTION[:3])
        who = self._is_about(pairs)
        first = sql.ifelse(code.absent, unsure(), yes()) & who
        waives = surely(outcome.value == "waived") & cells["action.reason"].known
        further, more_needs = self._weighed(way, pairs)
        full = sql.ifelse(waives, first, first & further)
        counts = negation(waives) | surely(full)
        asked = combined(
            (code.needs, where(who.isnull(), texts(["action.suspect_id"])), where(negation(waives), more_needs))
        )
        table = pairs.table.select(
            **self._head(pairs), first=first, answer=full, waives=waives & surely(full),
            at_low=sql.ifelse(counts, at.low, sql.null()), at_high=sql.ifelse(counts, at.high, sql.null()),
            at_local=sql.ifelse(counts, at.local, sql.null()), outcome=outcome.value,
            by=cells["action.by_role"].value, step=_step(code, outcome, at),
            is_short=negation(waives) & negation(surely(full)) & code.known,
            needs=listed(where(full.isnull(), asked)), at_needs=only(counts, listed(at.needs)),
        )  # fmt: skip
        return _spelled(table.filter(possibly(table["first"])))

    def _weighed(self, way: RecordedAction, pairs: Pairs) -> tuple[Expr, Expr | None]:
        """Return whether outcome, contents and time are as they must be, and what would settle that."""
        outcome, at = pairs.looked.cells["action.outcome"], pairs.looked.cells["action.at"]
        cells = pairs.cells(way.where)
        holds = outcome.value.isin(sorted(way.outcomes)) & answer(way.where, cells)
        asked = [where(outcome.absent, outcome.needs), needs(way.where, cells)]
        span = way.still_counts
        if span is not None:
            anchor = pairs.asks["anchor_day"]
            param = pairs.asks.cells[f"{PARAM}{span.param}"] if isinstance(span, ParamDuration) else None
            unknown = no() if param is None else param.absent
            recent = at.day >= day_before(anchor, span, pairs.asks.cells, self._frames.pack)
            recent = sql.ifelse(at.absent | unknown, unsure(), recent)
            holds &= sql.ifelse(anchor.isnull(), yes(), recent)
            asked.append(where(anchor.notnull() & at.absent, at.needs))
            if param is not None:
                asked.append(where(anchor.notnull() & unknown, of_this(param.needs)))
        return holds, combined(asked)

    def _is_about(self, pairs: Pairs) -> Expr:
        """Return whether a recorded action is about the suspect: without an id it is about the only one there is."""
        if self._rows != "seats":
            return yes()
        suspect, about = pairs.asks.cells["suspect.id"], pairs.looked.cells["action.suspect_id"]
        alone = pairs.looked["suspects"] <= 1
        return sql.cases(
            (suspect.absent | (about.absent & alone), yes()), (about.absent, unsure()),
            else_=about.value == suspect.value,
        )  # fmt: skip

    def steps(self) -> Relation:
        """Return the recorded steps that fall short of the action."""
        items = self._items("done", frozenset(_ACTION))
        items = items.filtered(surely(items.cells["action.code"].value.isin(sorted(self._action.steps))))
        pairs = self._beside(self._asking(), items)
        code, outcome, at = (pairs.looked.cells[name] for name in _ACTION[:3])
        table = pairs.table.select(
            record=pairs.asks["record"], seat=pairs.asks["seat_of"], who=self._is_about(pairs),
            step=_step(code, outcome, at),
        )  # fmt: skip
        return table.filter(possibly(table["who"]))

    # ---- fields and markers ------------------------------------------------------------------------------------------

    def field(self, name: str) -> Relation:
        """Return the records in which a field is filled that satisfies the action."""
        asking = self._asking(more=self._in_order | {name})
        asking = asking.filtered(asking.cells[name].known)
        at = asking.cells[name]
        return asking.table.select(
            record=asking["record"], seat=asking["seat_of"], waives=no(), answer=yes(), at_low=at.low, at_high=at.high,
            at_local=at.local, outcome=sql.null("string"), by=sql.null("string"), needs=no_texts(),
            at_needs=listed(at.needs), item=sql.literal(0, "int64"), **self._order(asking, yes()),
        )  # fmt: skip

    def markers(self, way: MarkerInPlace) -> Relation:
        """Return markers that are in place, or may be, and those that were removed."""
        pairs = self._beside(self._asking(way.where), self._items("markers", names_of_looked(way.where) | set(_MARKER)))
        cells = pairs.cells(way.where)
        holds = answer(way.where, cells)
        at, removed, target = (cells[name] for name in _MARKER)
        step = sql.literal("marker_on_").concat(target.value, " removed ", removed.local)
        table = pairs.table.select(
            **self._head(pairs), waives=no(), answer=holds, at_low=at.low, at_high=at.high, at_local=at.local,
            outcome=sql.null("string"), by=sql.null("string"), step=step,
            needs=listed(where(holds.isnull(), needs(way.where, cells))), at_needs=listed(at.needs),
            is_short=surely(negation(holds)) & removed.known & target.known,
        )  # fmt: skip
        return _spelled(table)


def _spelled(table: Relation) -> Relation:
    return table.mutate(**{name: spelled(table[name], table["prefix"]) for name in ("needs", "at_needs")})


def _step(code: Cell, outcome: Cell, at: Cell) -> Expr:
    return code.value.concat(
        " ", outcome.value.fill_null("(outcome not recorded)"), " ", at.local.fill_null("(not dated)")
    )
