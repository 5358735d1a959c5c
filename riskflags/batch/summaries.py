"""The items of a look-up summed up to one value for every asking row: counts, moments, lists.

What is sure and what may be are kept apart, as for one record: a count goes from the items that surely count to those
that may, with the needs that would settle the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.cells import (
    MANY,
    Cell,
    every,
    length,
    listed,
    no_texts,
    number,
    only,
    single,
    surely,
    texts,
    together,
    yes,
)
from riskflags.batch.facts import MILLION
from riskflags.batch.pairs import ASKS
from riskflags.pack import NONE_COUNTS

if TYPE_CHECKING:
    from riskflags.batch.cells import PartName
    from riskflags.batch.frames import Frame
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import LookUp

VALUE = "value"
"""The name under which items keep their value."""


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """What is looked at and counts, or may: `counts` is True or NULL; `value` is what `of` names, `by` is who asks."""

    table: Relation
    value: Cell | None
    by: tuple[str, ...]

    def onto(self, table: Relation) -> Items:
        """Return the items on a table that has their columns."""
        return Items(table, None if self.value is None else self.value.on(table, VALUE), self.by)

    @property
    def needed(self) -> Cell:
        """The value, for a function that needs one; the loader gives it one."""
        if self.value is None:
            msg = "this function of look-ups needs a value"
            raise TypeError(msg)
        return self.value


def summarised(spec: LookUp, items: Items, asking: Frame, *, settled: Relation | None = None) -> tuple[Relation, Cell]:
    """Return the rows that ask, and the value of the look-up for each.

    `settled` are the numbers of events for those that ask about records which may be of one.
    """
    match spec.function:
        case "how_many":
            return _count(items, asking, settled)
        case "how_many_different":
            return _different(items, asking)
        case "earliest" | "latest":
            return _extreme(spec, items, asking)
        case "union":
            return _union(items, asking)


def _beside(asking: Frame, found: Relation, items: Items) -> Relation:
    """Return the rows that ask, each with what was summed up for it."""
    return asking.table.left_join(found.rename({key.removeprefix(ASKS): key for key in items.by}), *asking.keys)


def _answered(table: Relation, value: Expr) -> Expr:
    return sql.ifelse(table["unlinked"], sql.null(), value)


def _counted(table: Relation, low: Expr, high: Expr, asked: Expr) -> Cell:
    """Return a number between what is sure and what may be; `asked` would settle it."""
    least = _answered(table, low.fill_null(0).cast("int64") * MILLION)
    is_open = length(table["open"]) > 0
    most = sql.ifelse(is_open, sql.literal(MANY, "int64"), high.fill_null(0).cast("int64")) * MILLION
    most = _answered(table, most)
    settled = sql.ifelse(least < most, together(table["open"], asked.fill_null(no_texts())), no_texts())
    needs = sql.ifelse(table["unlinked"], table["link_needs"], settled)
    return number(least, most, needs=needs, held=table["link_held"])


def _count(items: Items, asking: Frame, settled: Relation | None) -> tuple[Relation, Cell]:
    table = items.table
    found = table.aggregate(
        items.by, low=surely(table["counts"]).count_true(), high=table.count(),
        asked=table["needs"].collect(where=table["counts"].isnull()),
    )  # fmt: skip
    joined = _beside(asking, found, items)
    low, high, asked = joined["low"], joined["high"], _flat(joined["asked"])
    if settled is not None:
        other = settled.rename({key.removeprefix(ASKS): key for key in items.by})
        joined = joined.left_join(other, *asking.keys)
        low, high = (joined[name].fill_null(joined[end]) for name, end in (("few", "low"), ("most", "high")))
        asked = joined["settles"].fill_null(_flat(joined["asked"]))
    return joined, _counted(joined, low, high, asked)


def _flat(lists: Expr) -> Expr:
    return lists.flatten().unique()


def _different(items: Items, asking: Frame) -> tuple[Relation, Cell]:
    """Return how many different values there are; one that is not known may be one of the others, or one more."""
    value = items.needed
    is_list = value.kind == "codes"
    found = _by_value(items, value)
    known, sure = ~found["unknown"], found["sure"]
    sums = found.aggregate(
        items.by,
        sure=found.count(where=known & sure),
        every=found.count(where=known),
        unknown=found["rows"].sum(where=~known),
        sure_unknown=(~known & sure).any(),
        asked=found["asked"].collect(where=~(known & sure)),
        open_asked=found["open_asked"].collect(where=known & sure),
        lacking=found["lacking"].any(),
    )
    joined = _beside(asking, sums, items)
    unknown_rows = sql.literal(0) if is_list else joined["unknown"].fill_null(0)
    sure_unknown = sql.literal(0) if is_list else sql.ifelse(surely(joined["sure_unknown"]), 1, 0)
    low = sql.greatest(joined["sure"].fill_null(0), sure_unknown)
    high = joined["every"].fill_null(0) + unknown_rows
    if is_list:
        high = sql.ifelse(surely(joined["lacking"]), MANY, high)
    no_lists = sql.literal([], "array<array<string>>")
    asked = together(*(joined[name].flatten().fill_null(no_lists) for name in ("asked", "open_asked")))
    return joined, _counted(joined, low, high, _flat(asked))


def _by_value(items: Items, value: Cell) -> Relation:
    """Return a row for each asking row and value: whether an item with it surely counts, and what would settle that."""
    table = items.table
    keys = _keys_of(value)
    lacking = listed(value.needs)
    each = table.select(
        *items.by, counts=table["counts"], needs=together(table["needs"], lacking), lacking=length(lacking) > 0, **keys
    )
    if value.kind == "codes":
        each = each.mutate(**{name: _codes_or_none(each[name]).unnest() for name in keys})
    each = each.mutate(unknown=every(each[name].isnull() for name in keys))
    return each.aggregate(
        [*items.by, *keys, "unknown"],
        rows=each.count(), sure=surely(each["counts"]).any(), asked=each["needs"].collect(),
        open_asked=each["needs"].collect(where=each["lacking"]), lacking=each["lacking"].any(),
    )  # fmt: skip


def _codes_or_none(codes: Expr) -> Expr:
    """Return a list to unnest: an absent or empty one is one row without a code."""
    return sql.ifelse(length(codes) == 0, sql.array([sql.null("string")]), codes)


def _keys_of(value: Cell) -> dict[str, Expr]:
    """Return what tells values apart: nothing for one that is not exactly known, but a moment by its two ends."""
    match value.kind:
        case "number":
            low = value.low if value.is_exact else sql.ifelse(value.low == value.high, value.low, sql.null("int64"))
            return {"key": low}
        case "moment":
            return {"key low": value.low, "key high": value.high}
        case _:
            return {"key": value.value}


def _union(items: Items, asking: Frame) -> tuple[Relation, Cell]:
    """Return every value that is there; open where an item that only may count has another, or a value is absent."""
    value, table = items.needed, items.table
    codes = value.value if value.kind == "codes" else sql.ifelse(value.absent, no_texts(), sql.array([value.value]))
    lacking = listed(value.needs)
    table = table.select(
        *items.by, codes=codes.fill_null(no_texts()), counts=table["counts"], needs=together(table["needs"], lacking),
        lacking=length(lacking) > 0,
    )  # fmt: skip
    sure = table.aggregate(items.by, known=table["codes"].collect(where=surely(table["counts"])))
    sure = sure.mutate(known=_flat(sure["known"]).fill_null(no_texts()))
    beside = table.filter(table["lacking"] | table["counts"].isnull()).join(sure, *items.by)
    more = length(beside["codes"].intersect(beside["known"])) < length(beside["codes"].unique())
    unsure = beside.filter(beside["lacking"] | more)
    asked = unsure.aggregate(items.by, asked=unsure["needs"].collect())
    joined = _beside(asking, sure.left_join(asked, *items.by), items)
    found = _answered(joined, joined["known"].fill_null(no_texts()))
    settled = together(joined["open"], _flat(joined["asked"]).fill_null(no_texts()))
    needs = sql.ifelse(joined["unlinked"], joined["link_needs"], settled)
    return joined, single("codes", found, needs=needs, held=joined["link_held"])


_ENDS: tuple[PartName, ...] = ("low", "high", "low_day", "high_day")
_AS_WRITTEN: tuple[PartName, ...] = ("day", "local")


def _extreme(spec: LookUp, items: Items, asking: Frame) -> tuple[Relation, Cell]:
    """Return the earliest or latest moment; absent where what has no time, or only may count, could be it."""
    value, table = items.needed, items.table
    value_needs = listed(value.needs)
    table = table.select(
        *items.by, counts=table["counts"], needs=together(table["needs"], value_needs), value_needs=value_needs,
        **{part: value.of[part] for part in (*_ENDS, *_AS_WRITTEN)},
    )  # fmt: skip
    known = _known_extreme(spec, items, table)
    joined = _beside(asking, _rivals(spec, items, table, known).left_join(known, *items.by), items)
    unlinked = joined["unlinked"]
    gone = joined["known low"].isnull() | joined["is_open"].fill_null(yes()) | (length(joined["open"]) > 0) | unlinked
    asked = together(joined["open"], _flat(joined["asked"]).fill_null(no_texts()))
    missing = sql.ifelse(length(asked) > 0, asked, texts([NONE_COUNTS[spec.over]]))
    inexact = only(joined["known low"] < joined["known high"], _flat(joined["inexact"]).fill_null(no_texts()))
    parts: dict[PartName, Expr] = {
        part: sql.ifelse(gone, sql.null(), joined[f"known {part}"]) for part in (*_ENDS, *_AS_WRITTEN)
    }
    needs = sql.cases((unlinked, joined["link_needs"]), (gone, missing), else_=inexact)
    return joined, Cell("moment", parts, needs, held=sql.ifelse(unlinked, joined["link_held"], yes()))


def _known_extreme(spec: LookUp, items: Items, table: Relation) -> Relation:
    """Return the earliest or latest of the moments that surely count, by who asks."""
    sure = table.filter(surely(table["counts"]) & table["low"].notnull())
    if spec.function == "earliest":
        ends = {part: sure[part].min() for part in _ENDS}
        order = [sure["low"], sure["high"]]
    else:
        ends = {part: sure[part].max() for part in _ENDS}
        order = [sure["low"].desc(), sure["high"].desc()]
    found = ends | {part: sure[part].first(order_by=order) for part in _AS_WRITTEN}
    return sure.aggregate(items.by, **{f"known {part}": one for part, one in found.items()})


def _rivals(spec: LookUp, items: Items, table: Relation, known: Relation) -> Relation:
    """Return, by who asks, whether an item could come before the one that is known, and what makes that one inexact."""
    pick = sql.least if spec.function == "earliest" else sql.greatest
    beside = table.left_join(known, *items.by)
    low, high = beside["known low"], beside["known high"]
    beaten = (pick(low, beside["low"]) != low) | (pick(high, beside["high"]) != high)
    is_open = low.isnull() | beside["low"].isnull() | beaten
    within = surely(beside["counts"]) & (beside["low"] <= high) & (beside["high"] >= low)
    beside = beside.select(*items.by, "needs", "value_needs", is_open=surely(is_open), within=surely(within))
    return beside.aggregate(
        items.by, is_open=beside["is_open"].any(), asked=beside["needs"].collect(where=beside["is_open"]),
        inexact=beside["value_needs"].collect(where=beside["within"]),
    )  # fmt: skip
