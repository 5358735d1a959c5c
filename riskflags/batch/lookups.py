"""Look-ups for every record or seat: each is one table, from what links, over what counts, to a value.

An item is what one asking row looks at and what counts there, or may: of another record, or of a list of the record
itself. Seats of one record are put together first, as records are counted and never suspect rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import (
    Cell,
    Expr,
    every,
    sql,
    length,
    negation,
    no,
    no_texts,
    possibly,
    some,
    surely,
    texts,
    together,
    where,
    yes,
)
from riskflags.batch.events import counted_once, events, later_events, without_its_own
from riskflags.batch.facts import NO_SUSPECT
from riskflags.batch.frames import Frame, Frames, Rows, Stored
from riskflags.batch.last import candidates, placed
from riskflags.batch.summaries import Items, summarised
from riskflags.batch.windows import begins, inside
from riskflags.condition import names_read
from riskflags.looking import PARAM, THIS
from riskflags.lookup import codes_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.batch.sql import Relation
    from riskflags.pack import LookUp

_LISTS: Mapping[str, Rows] = {"done": "done", "markers": "markers", "suspects": "seats"}
ASKS, LOOKED = "a:", "o:"
_LINK = ("unlinked", "link_held", "link_needs", "open")
"""Columns of what asks: where it cannot be answered, what is then said, and what the list may lack."""


def look_up(frames: Frames, name: str) -> Stored:
    """Make the table of the values of a look-up and return where they stand."""
    spec = _spec(frames, name)
    asking = _asking(frames, name, spec)
    items = _items(frames, spec, asking)
    settled = None
    if spec.function == "how_many" and spec.over == "records" and counted_once(frames):
        settled = events(frames, items.table, items.by, f"events {name}")
    table, cell = summarised(spec, frames.names.derived[name].kind, items, asking, settled=settled)
    keys = _keys(asking)
    made = f"look-up {name}"
    columns = {f"{name}|{part}": one for part, one in cell.parts().items()}
    frames.store.make(made, table.select(*keys, **columns))
    return Stored(made, "seat" in keys, {name: cell})


def evidence(frames: Frames, name: str, asked: Expr) -> str:
    """Make the table of the ids of the records that surely count, for the rows that `asked` lists; return its name."""
    spec = _spec(frames, name)
    asking = _asking(frames, name, spec)
    keys = _keys(asking)
    wanted = asked.select(**{f"~{key}": asked[key] for key in keys}).distinct()
    rows = asking.table.semi_join(wanted, [asking.table[key] == wanted[f"~{key}"] for key in keys])
    items = _items(frames, spec, asking.onto(rows)).table
    sure = items.filter(surely(items["counts"]))
    found = sure.group_by([f"{ASKS}{key}" for key in keys]).agg(because=sure["id"].collect(distinct=True))
    made = f"evidence {name}"
    frames.store.make(made, found.rename({key: f"{ASKS}{key}" for key in keys}))
    return made


def _spec(frames: Frames, name: str) -> LookUp:
    how: LookUp = frames.names.derived[name].how
    return how


def _keys(asking: Frame) -> tuple[str, ...]:
    return tuple(key for key in ("record", "seat") if key in asking.keys)


# ---- who asks --------------------------------------------------------------------------------------------------------


def read_by(spec: LookUp, event_time: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a look-up reads of the asking record, and of what it looks at."""
    read = frozenset[str]().union(*map(names_read, spec.conditions))
    of_this = {name.removeprefix(THIS) for name in read if name.startswith(THIS)}
    params = {name for name in read if name.startswith(PARAM)}
    plain = {name for name in read if not name.startswith((THIS, PARAM))}
    if spec.over != "records":
        return frozenset(of_this | params), frozenset(plain | ({spec.of} if spec.of else set()))
    span = getattr(spec.window.back, "param", None)
    spans = {f"{PARAM}{span}"} if span else set[str]()
    asks = {*spec.by, event_time, *of_this, *params, *spans}
    looked = {*spec.by, event_time, "incident.id", *plain, *([spec.of] if spec.of else [])}
    return frozenset(asks), frozenset(looked)


def _asking(frames: Frames, name: str, spec: LookUp) -> Frame:
    """Return the rows that ask, with what is read of them and whether the look-up can be answered at all."""
    rows: Rows = "seats" if frames.names.is_of_suspect(name) else "records"
    asks, _ = read_by(spec, frames.pack.event_time)
    if "suspect.id" in spec.by:
        asks |= {"incident.id"}
    frame = frames.frame(asks, rows=rows)
    if spec.over != "records":
        return _with(frame, _of_list(frames, spec, frame))
    keys = [_as_link(frame, path) for path in spec.by]
    absent = [*keys, frame.cells[frames.pack.event_time]]
    unlinked = some(cell.absent for cell in absent)
    held = every(cell.known | _held(cell) for cell in absent)
    asked = together(where(cell.absent, cell.needs) for cell in absent)
    found = {"unlinked": unlinked, "link_held": held, "link_needs": no_texts() if asked is None else asked}
    return _with(frame, found | {"open": no_texts()})


def _with(frame: Frame, link: Mapping[str, Expr]) -> Frame:
    return replace(frame.onto(frame.table.mutate(**link)), keys=(*frame.keys, *_LINK))


def _held(cell: Cell) -> Expr:
    return sql.literal(cell.held) if isinstance(cell.held, bool) else cell.held


def _as_link(frame: Frame, path: str) -> Cell:
    """Return what a record is linked by: an id that was only given to an unnamed suspect is none."""
    cell = frame.cells[path]
    if path != "suspect.id":
        return cell
    given = cell.value.startswith(frame.cells["incident.id"].value.concat("#"))
    value = sql.ifelse(surely(given), sql.null("string"), cell.value)
    return replace(cell, value=value, needs=sql.ifelse(value.isnull(), texts([path]), no_texts()), held=True)


def _of_list(frames: Frames, spec: LookUp, frame: Frame) -> dict[str, Expr]:
    """Return what the source of each record may leave out of a list of the record itself."""
    left_out = {number: frames.left_out(spec.over, codes_named(spec.where), number) for number in frames.each_holds()}
    gone = [number for number, needed in left_out.items() if needed is None]
    lacking = [number for number, needed in left_out.items() if needed]
    holds = frame.table["holds"]
    return {
        "unlinked": holds.isin(gone) if gone else no(),
        "link_held": no(),
        "link_needs": texts([spec.over]),
        "open": sql.ifelse(holds.isin(lacking), texts([spec.over]), no_texts()) if lacking else no_texts(),
    }


# ---- what is looked at -----------------------------------------------------------------------------------------------


def _items(frames: Frames, spec: LookUp, asking: Frame) -> Items:
    asking = asking.filtered(negation(asking.table["unlinked"]))
    return _of_records(frames, spec, asking) if spec.over == "records" else _of_own(frames, spec, asking)


def _looked(frames: Frames, spec: LookUp) -> Frame:
    """Return the rows that a look-up looks at, without those that count for nobody."""
    _, names = read_by(spec, frames.pack.event_time)
    if spec.over != "records":
        frame = frames.frame(names, rows=_LISTS[spec.over])
        return frame.filtered(frame.table["seat"] != NO_SUSPECT) if spec.over == "suspects" else frame
    by_seat = any(map(frames.names.is_of_suspect, names | frozenset().union(*map(names_read, spec.conditions))))
    frame = frames.frame(names | ({"suspect.id"} if by_seat else set()), rows="seats" if by_seat else "records")
    if spec.where is not None and not spec.window.last and not _reads_asking(spec):
        frame = frame.filtered(possibly(answer(spec.where, frame.cells)))
    return frame


def _reads_asking(spec: LookUp) -> bool:
    return spec.where is not None and any(name.startswith((THIS, PARAM)) for name in names_read(spec.where))


def _of_records(frames: Frames, spec: LookUp, asking: Frame) -> Items:
    looked = _looked(frames, spec)
    joined = _linked(frames, spec, asking, looked)
    asks, others = asking.onto(joined, prefix=ASKS), looked.onto(joined, prefix=LOOKED)
    event = frames.pack.event_time
    cells = _cells(spec, asks, others)
    if spec.window.last:
        joined = _last_ones(frames, spec, asking, asks, others, cells)
        asks, others = asking.onto(joined, prefix=ASKS), looked.onto(joined, prefix=LOOKED)
        cells = _cells(spec, asks, others)
        within, unsure = joined["inside"], joined["settles"]
    else:
        own = joined[f"{ASKS}record"] == joined[f"{LOOKED}record"]
        within, unsure = inside(spec, asks.cells, others.cells[event], asks.cells[event], own, frames.pack)
    counts, asked = within, unsure
    if spec.where is not None:
        held = answer(spec.where, cells)
        counts = within & held
        asked = together((unsure, needs(spec.where, cells)))
    value = _as_link(others, spec.of) if spec.of == "suspect.id" else others.cells.get(spec.of)
    items = _shaped(asking, joined, counts, asked, value, others)
    items = items.onto(items.table.filter(possibly(items.table["counts"])))
    if spec.others and counted_once(frames):
        items = items.onto(without_its_own(frames, items.table))
    if "seat" in looked.keys:
        items = _as_one(items, each=frames.names.is_of_suspect(spec.of))
    if "child.id" in spec.by:
        items = _with_rejected(frames, spec, asking, items)
    return items


def _linked(frames: Frames, spec: LookUp, asking: Frame, looked: Frame) -> Relation:
    """Return the asking rows beside those that they are linked to, by every key, and inside the days of the window."""
    a, o = asking.prefixed(ASKS), looked.prefixed(LOOKED)
    lists = [path for path in spec.by if asking.cells[path].kind == "codes"]
    on: list[Expr] = []
    if lists and len(lists) == len(spec.by):  # nothing else links: by each value of the first list
        pairs = _sharing(asking.onto(a, prefix=ASKS), looked.onto(o, prefix=LOOKED), lists.pop(0))
        a = a.join(pairs, [a[key] == pairs[f"~{key}"] for key in _row_keys(a, ASKS)])
        on = [a[f"~{key}"] == o[key] for key in _row_keys(o, LOOKED)]
    asks, others = asking.onto(a, prefix=ASKS), looked.onto(o, prefix=LOOKED)
    on.append(a[f"{ASKS}world"] == o[f"{LOOKED}world"])
    if spec.others and not spec.window.last:
        on.append(a[f"{ASKS}record"] != o[f"{LOOKED}record"])
    for path in spec.by:
        if asking.cells[path].kind != "codes":
            on += same_value(asks.cells[path], others.cells[path])
    on += begins(spec, asks, others, event_time=frames.pack.event_time, pack=frames.pack)
    joined = a.join(o, on)
    for path in lists:
        asks, others = asking.onto(joined, prefix=ASKS), looked.onto(joined, prefix=LOOKED)
        joined = joined.filter(length(asks.cells[path].value.intersect(others.cells[path].value)) > 0)
    return joined


def _row_keys(table: Relation, prefix: str) -> list[str]:
    return [f"{prefix}{key}" for key in ("record", "seat") if f"{prefix}{key}" in table.columns]


def _sharing(asks: Frame, others: Frame, path: str) -> Relation:
    """Return which rows share a value of a list."""
    sides: list[Relation] = []
    for frame, prefix in ((asks, ASKS), (others, LOOKED)):
        keys = {f"~{key}": frame.table[key] for key in _row_keys(frame.table, prefix)}
        sides.append(frame.table.select(**keys, **{f"{prefix}code": frame.cells[path].value.unnest()}))
    pairs = sides[0].join(sides[1], sides[0][f"{ASKS}code"] == sides[1][f"{LOOKED}code"])
    return pairs.drop(f"{ASKS}code", f"{LOOKED}code").distinct()


def same_value(a: Cell, b: Cell) -> list[Expr]:
    """Return when two values link: the same text, day, number or moment; one that is not exact links nothing."""
    match a.kind:
        case "number":
            exact = [] if a.is_exact and b.is_exact else [a.low == a.high, b.low == b.high]
            return [a.low == b.low, *exact]
        case "moment":
            return [a.low == b.low, a.high == b.high]
        case _:
            return [a.value == b.value]


def _last_ones(
    frames: Frames, spec: LookUp, asking: Frame, asks: Frame, others: Frame, cells: Mapping[str, Cell]
) -> Expr:
    """Return the pairs of which the looked-at record is, or may be, among the last ones of a sort."""
    by = [f"{ASKS}{key}" for key in _keys(asking)]
    found = candidates(spec, asks, others, cells, event_time=frames.pack.event_time, by=by)
    unread = _rejected(frames, asking) if "child.id" in spec.by else None
    if unread is not None:
        unread = unread.group_by(by).agg(unread=unread["need"].collect())
    settled = None
    if counted_once(frames):
        settled = later_events(frames, found, by, f"events {frames.store.count()}")
    there = placed(spec, found, unread, by=by, settled=settled)
    settles = there["settles"].map(lambda need: sql.literal(THIS).concat(need))  # spelled already
    there = there.select(**{f"~{key}": there[key] for key in by}, looked=there["other"], inside=there["inside"], settles=settles)
    joined = asks.table
    on = [joined[key] == there[f"~{key}"] for key in by]
    joined = joined.join(there, [*on, joined[f"{LOOKED}record"] == there["looked"]])
    return joined.filter(joined[f"{ASKS}record"] != joined[f"{LOOKED}record"]) if spec.others else joined


def _cells(spec: LookUp, asks: Frame, others: Frame) -> dict[str, Cell]:
    """Return the values that conditions on items read: `this.` and parameters are those of the record that asks."""
    found = dict(others.cells)
    for name in frozenset[str]().union(*map(names_read, spec.conditions)):
        if name.startswith((THIS, PARAM)):
            cell = asks.cells[name.removeprefix(THIS)]
            of_this = None if cell.needs is None else cell.needs.map(lambda need: sql.literal(THIS).concat(need))
            found[name] = replace(cell, needs=of_this)
    return found


def _shaped(
    asking: Frame, joined: Expr, counts: Expr, asked: Expr, value: Cell | None, looked: Frame | None
) -> Items:
    """Return items with their needs as the asking record spells them."""
    keys = _keys(asking)
    columns: dict[str, Expr] = {f"{ASKS}{key}": joined[f"{ASKS}{key}"] for key in keys}
    columns |= {"counts": counts, "needs": where(counts.isnull(), asked) if asked is not None else no_texts()}
    if looked is None:
        columns |= {"other": joined[f"{ASKS}record"], "id": sql.null("string"), "prefix": sql.literal("", "string")}
    else:
        own = joined[f"{ASKS}record"] == joined[f"{LOOKED}record"]
        key = looked.cells["incident.id"].value
        columns |= {"other": joined[f"{LOOKED}record"], "id": key, "prefix": sql.ifelse(own, "", key.concat(":"))}
    if value is not None:
        columns |= {f"value|{part}": one for part, one in value.parts().items()}
    table = joined.select(**columns)
    bound = None if value is None else value.bound({part: table[f"value|{part}"] for part in value.parts()})
    own_spelling = {"needs": spelled(table["needs"], table["prefix"])}
    if bound is not None and bound.needs is not None:
        own_spelling["value|needs"] = spelled(bound.needs, table["prefix"])
    table = table.mutate(**own_spelling).drop("prefix")
    if bound is not None:
        bound = bound.bound({part: table[f"value|{part}"] for part in bound.parts()})
    return Items(table, bound, keys)


def spelled(found: Expr, prefix: Expr) -> Expr:
    """Return needs as the record that asks spells them: those of another with its id, those under `this.` without."""
    return found.map(
        lambda need: sql.ifelse(need.startswith(THIS), need.substr(len(THIS)), prefix.concat(need))
    )


def _as_one(items: Items, *, each: bool) -> Items:
    """Return the seats of one record as one item, once for each value."""
    table, value = items.table, items.value
    by = [*(f"{ASKS}{key}" for key in items.asks), "other", "id"]
    if value is not None:
        by += [f"value|{part}" for part in value.parts() if part not in ("needs", "local", "held")]
        if each:
            table = table.mutate(apart=sql.ifelse(value.absent, sql.row_number(), -1))
            by.append("apart")
    kept = {} if value is None else {f"value|{part}": table[f"value|{part}"].first() for part in value.parts()}
    kept = {name: one for name, one in kept.items() if name not in by}
    found = table.group_by(by).agg(
        sure=surely(table["counts"]).any(), asked=table["needs"].collect(), **kept
    )
    found = found.mutate(
        counts=sql.ifelse(found["sure"], yes(), sql.null("boolean")),
        needs=sql.ifelse(found["sure"], no_texts(), found["asked"].flatten()),
    ).drop("sure", "asked", *(["apart"] if "apart" in by else []))
    bound = None if value is None else value.bound({part: found[f"value|{part}"] for part in value.parts()})
    return Items(found, bound, items.asks)


def _with_rejected(frames: Frames, spec: LookUp, asking: Frame, items: Items) -> Items:
    """Return the items with the rows that could not be read and carry the id of the child: each may count."""
    joined = _rejected(frames, asking)
    need = sql.array([joined["need"]])
    columns: dict[str, Expr] = {f"{ASKS}{key}": joined[f"{ASKS}{key}"] for key in items.asks}
    columns |= {"counts": sql.null("boolean"), "needs": need, "other": sql.literal(-1, "int64"), "id": sql.null("string")}
    if items.value is not None:
        for part, one in items.value.parts().items():
            columns[f"value|{part}"] = sql.null()
        if spec.of == "child.id":
            columns["value|value"] = joined["child_id"]
        if "value|needs" in columns:
            columns["value|needs"] = no_texts() if spec.of == "child.id" else need
    more = joined.select(**columns).select(*items.table.columns)
    found = sql.union(items.table, more)
    bound = None if items.value is None else items.value.bound(
        {part: found[f"value|{part}"] for part in items.value.parts()}
    )
    return Items(found, bound, items.asks)


def _rejected(frames: Frames, asking: Frame) -> Expr:
    """Return who asks beside the rows that could not be read and carry the id of the child."""
    rejected = frames.store.table("rejected")
    a = asking.prefixed(ASKS)
    child = asking.onto(a, prefix=ASKS).cells["child.id"].value
    joined = a.join(rejected, [a[f"{ASKS}world"] == rejected["world"], child == rejected["child_id"]])
    return joined.mutate(need=sql.literal("rejected:").concat(joined["source_row"].cast("string")))


def _of_own(frames: Frames, spec: LookUp, asking: Frame) -> Items:
    """Return the items of a list of the record itself."""
    looked = _looked(frames, spec)
    a, o = asking.prefixed(ASKS), looked.prefixed(LOOKED)
    joined = a.join(o, a[f"{ASKS}record"] == o[f"{LOOKED}record"])
    asks, others = asking.onto(joined, prefix=ASKS), looked.onto(joined, prefix=LOOKED)
    cells = _cells(spec, asks, others)
    counts = yes() if spec.where is None else answer(spec.where, cells)
    asked = None if spec.where is None else needs(spec.where, cells)
    items = _shaped(asking, joined, counts, asked, others.cells.get(spec.of), None)
    return items.onto(items.table.filter(possibly(items.table["counts"])))

