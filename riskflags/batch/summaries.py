"""The items of a look-up summed up to one value for every asking row: counts, moments, lists.

What is sure and what may be are kept apart, as for one record: a count goes from the items that surely count to those
that may, with the needs that would settle the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.batch.cells import MANY, MILLION, Cell, Expr, every, sql, length, no_texts, number, surely, texts, together
from riskflags.pack import NONE_COUNTS

if TYPE_CHECKING:
    from riskflags.batch.frames import Frame
    from riskflags.kinds import KindName
    from riskflags.pack import LookUp


@dataclass(frozen=True, slots=True)
class Items:
    """What is looked at and counts, or may: `counts` is True or NULL; `value` is what `of` names, `asks` who asks."""

    table: Expr
    value: Cell | None
    asks: tuple[str, ...]

    def onto(self, table: Expr) -> Items:
        """Return the items on a table that has their columns."""
        if self.value is None:
            return Items(table, None, self.asks)
        return Items(table, self.value.bound({p: table[f"value|{p}"] for p in self.value.parts()}), self.asks)

    @property
    def by(self) -> list[str]:
        """The columns of who asks."""
        return [f"a:{key}" for key in self.asks]


def summarised(
    spec: LookUp, kind: KindName, items: Items, asking: Frame, *, settled: sql.Relation | None = None
) -> tuple[Expr, Cell]:
    """Return the rows that ask, and the value of the look-up for each.

    `settled` are the numbers of events for those that ask about records which may be of one.
    """
    match spec.function:
        case "how_many":
            return _count(items, asking, settled)
        case "how_many_different":
            return _different(items, asking)
        case "earliest" | "latest":
            return _extreme(spec, kind, items, asking)
        case "union":
            return _union(items, asking)


def _beside(asking: Frame, found: Expr, items: Items) -> Expr:
    """Return the rows that ask, each with what was summed up for it."""
    a = asking.table
    return a.left_join(found, [a[key] == found[f"a:{key}"] for key in items.asks])


def _answered(table: Expr, value: Expr) -> Expr:
    return sql.ifelse(table["unlinked"], sql.null(), value)


def _counted(table: Expr, low: Expr, high: Expr, asked: Expr) -> Cell:
    """Return a number between what is sure and what may be; `asked` would settle it."""
    least = _answered(table, low.fill_null(0).cast("int64") * MILLION)
    is_open = length(table["open"]) > 0
    most = sql.ifelse(is_open, sql.literal(MANY, "int64"), high.fill_null(0).cast("int64")) * MILLION
    most = _answered(table, most)
    settled = sql.ifelse(least < most, together((table["open"], asked.fill_null(no_texts()))), no_texts())
    needs = sql.ifelse(table["unlinked"], table["link_needs"], settled)
    return number(least, most, needs=needs, held=table["link_held"])


def _count(items: Items, asking: Frame, settled: sql.Relation | None) -> tuple[Expr, Cell]:
    table = items.table
    found = table.group_by(items.by).agg(
        low=surely(table["counts"]).count_true(), high=table.count(), asked=table["needs"].collect(where=table["counts"].isnull())
    )
    joined = _beside(asking, found, items)
    low, high, asked = joined["low"], joined["high"], _flat(joined["asked"])
    if settled is not None:
        other = settled.rename({f"~{key}": key for key in items.by})
        joined = joined.left_join(other, [joined[key] == other[f"~a:{key}"] for key in items.asks])
        low, high = (joined[name].fill_null(joined[end]) for name, end in (("few", "low"), ("most", "high")))
        asked = joined["settles"].fill_null(_flat(joined["asked"]))
    return joined, _counted(joined, low, high, asked)


def _flat(lists: Expr) -> Expr:
    return lists.flatten().unique()


def _value_needs(items: Items) -> Expr:
    return no_texts() if items.value is None or items.value.needs is None else items.value.needs


def _different(items: Items, asking: Frame) -> tuple[Expr, Cell]:
    """Return how many different values there are; one that is not known may be one of the others, or one more."""
    value, table = items.value, items.table
    if value is None:
        msg = "how_many_different needs a value"
        raise TypeError(msg)
    is_list = value.kind == "codes"
    lacking = length(_value_needs(items)) > 0
    table = table.select(
        *items.by, counts=table["counts"], needs=together((table["needs"], _value_needs(items))), lacking=lacking,
        **_keys_of(value),
    )  # fmt: skip
    keys = [column for column in table.columns if column.startswith("key ")]
    if is_list:
        table = table.mutate(**{"key value": _codes_or_none(table["key value"]).unnest()})
    unknown = every(table[key].isnull() for key in keys)
    each = table.mutate(unknown=unknown)
    by_value = each.group_by([*items.by, *keys, "unknown"]).agg(
        rows=each.count(), sure=surely(each["counts"]).any(), asked=each["needs"].collect(),
        open_asked=each["needs"].collect(where=each["lacking"]), lacking=each["lacking"].any(),
    )  # fmt: skip
    known = ~by_value["unknown"]
    found = by_value.group_by(items.by).agg(
        sure=by_value.count(where=known & by_value["sure"]),
        every=by_value.count(where=known),
        unknown=by_value["rows"].sum(where=by_value["unknown"]),
        sure_unknown=(by_value["unknown"] & by_value["sure"]).any(),
        asked=by_value["asked"].collect(where=~known | ~by_value["sure"]),
        open_asked=by_value["open_asked"].collect(where=known & by_value["sure"]),
        lacking=by_value["lacking"].any(),
    )
    joined = _beside(asking, found, items)
    unknown_rows = sql.literal(0) if is_list else joined["unknown"].fill_null(0)
    sure_unknown = sql.literal(0) if is_list else sql.ifelse(surely(joined["sure_unknown"]), 1, 0)
    low = sql.greatest(joined["sure"].fill_null(0), sure_unknown)
    high = joined["every"].fill_null(0) + unknown_rows
    if is_list:
        high = sql.ifelse(surely(joined["lacking"]), MANY, high)
    asked = together((joined["asked"].flatten().fill_null(no_texts_2()), joined["open_asked"].flatten().fill_null(no_texts_2())))
    return joined, _counted(joined, low, high, _flat(asked))


def no_texts_2() -> Expr:
    """Return the empty list of lists."""
    return sql.literal([], "array<array<string>>")


def _codes_or_none(codes: Expr) -> Expr:
    """Return a list to unnest: an absent or empty one is one row without a code."""
    return sql.ifelse(length(codes) == 0, sql.array([sql.null("string")]), codes)


def _keys_of(value: Cell) -> dict[str, Expr]:
    """Return what tells values apart: nothing for one that is not exactly known, but a moment by its two ends."""
    match value.kind:
        case "number":
            low = value.low if value.is_exact else sql.ifelse(value.low == value.high, value.low, sql.null("int64"))
            return {"key value": low}
        case "moment":
            return {"key low": value.low, "key high": value.high}
        case _:
            return {"key value": value.value}


def _union(items: Items, asking: Frame) -> tuple[Expr, Cell]:
    """Return every value that is there; open where an item that only may count has another, or a value is absent."""
    value, table = items.value, items.table
    if value is None:
        msg = "union needs a value"
        raise TypeError(msg)
    single = sql.ifelse(value.absent, no_texts(), sql.array([value.value])) if value.kind != "codes" else value.value
    lacking = _value_needs(items)
    table = table.select(
        *items.by, codes=single.fill_null(no_texts()), counts=table["counts"],
        needs=together((table["needs"], lacking)), lacking=length(lacking) > 0,
    )  # fmt: skip
    sure = table.group_by(items.by).agg(known=table["codes"].collect(where=surely(table["counts"])))
    sure = sure.mutate(known=_flat(sure["known"]).fill_null(no_texts()))
    renamed = sure.rename({f"~{key}": key for key in items.by})
    unsure = table.filter(table["lacking"] | table["counts"].isnull())
    beside = unsure.join(renamed, [unsure[key] == renamed[f"~{key}"] for key in items.by])
    more = beside["lacking"] | (length(beside["codes"].intersect(beside["known"])) < length(beside["codes"].unique()))
    asked = beside.filter(more).group_by(items.by).agg(asked=lambda rows: rows["needs"].collect())
    renamed = asked.rename({f"~{key}": key for key in items.by})
    both = sure.left_join(renamed, [sure[key] == renamed[f"~{key}"] for key in items.by])
    joined = _beside(asking, both.select(*items.by, "known", "asked"), items)
    found = _answered(joined, joined["known"].fill_null(no_texts()))
    settled = together((joined["open"], _flat(joined["asked"]).fill_null(no_texts())))
    needs = sql.ifelse(joined["unlinked"], joined["link_needs"], settled)
    return joined, Cell("codes", value=found, needs=needs, held=joined["link_held"])


def _extreme(spec: LookUp, kind: KindName, items: Items, asking: Frame) -> tuple[Expr, Cell]:
    """Return the earliest or latest moment; absent where what has no time, or only may count, could be it."""
    value, table = items.value, items.table
    if value is None or kind != "moment":
        msg = f"{spec.function} needs a moment"
        raise TypeError(msg)
    is_first = spec.function == "earliest"
    pick = sql.least if is_first else sql.greatest
    table = table.select(
        *items.by, counts=table["counts"], needs=together((table["needs"], _value_needs(items))),
        value_needs=_value_needs(items), low=value.low, high=value.high, day=value.day, low_day=value.low_day,
        high_day=value.high_day, local=value.local,
    )  # fmt: skip
    sure = table.filter(surely(table["counts"]) & table["low"].notnull())
    order = [sure["low"], sure["high"]] if is_first else [sure["low"].desc(), sure["high"].desc()]
    ends = {name: (sure[name].min() if is_first else sure[name].max()) for name in ("low", "high", "low_day", "high_day")}
    ends |= {name: sure[name].first(order_by=order) for name in ("day", "local")}
    known = sure.group_by(items.by).agg(**{f"~{name}": one for name, one in ends.items()})
    renamed = known.rename({f"~{key}": key for key in items.by})
    beside = table.left_join(renamed, [table[key] == renamed[f"~{key}"] for key in items.by])
    none_sure = beside["~low"].isnull()
    beaten = (pick(beside["~low"], beside["low"]) != beside["~low"]) | (pick(beside["~high"], beside["high"]) != beside["~high"])
    is_open = none_sure | beside["low"].isnull() | beaten
    within = surely(beside["counts"]) & (beside["low"] <= beside["~high"]) & (beside["high"] >= beside["~low"])
    beside = beside.select(*items.by, "needs", "value_needs", is_open=surely(is_open), within=surely(within))
    found = beside.group_by(items.by).agg(
        is_open=beside["is_open"].any(), asked=beside["needs"].collect(where=beside["is_open"]),
        inexact=beside["value_needs"].collect(where=beside["within"]),
    )  # fmt: skip
    both = found.left_join(renamed, [found[key] == renamed[f"~{key}"] for key in items.by])
    joined = _beside(asking, both, items)
    gone = joined["~low"].isnull() | joined["is_open"].fill_null(sql.literal(True)) | (length(joined["open"]) > 0)
    asked = together((joined["open"], _flat(joined["asked"]).fill_null(no_texts())))
    missing = sql.ifelse(length(asked) > 0, asked, texts([NONE_COUNTS[spec.over]]))
    gone |= joined["unlinked"]
    inexact = sql.ifelse(joined["~low"] < joined["~high"], _flat(joined["inexact"]).fill_null(no_texts()), no_texts())
    parts = {name: sql.ifelse(gone, sql.null(), joined[f"~{name}"]) for name in ends}
    needs = sql.cases((joined["unlinked"], joined["link_needs"]), (gone, missing), else_=inexact)
    held = sql.ifelse(joined["unlinked"], joined["link_held"], sql.literal(True))
    return joined, Cell("moment", **parts, needs=needs, held=held)
