"""Look-ups for every record or seat: each is one table, from what links, over what counts, to a value.

An item is what one asking row looks at and what counts there, or may: of another record, or of a list of the record
itself. Seats of one record are put together first, as records are counted and never suspect rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of, needs
from riskflags.batch.cells import (
    combined,
    every,
    length,
    listed,
    negation,
    no,
    no_texts,
    only,
    possibly,
    some,
    surely,
    texts,
    where,
    yes,
)
from riskflags.batch.events import counted_once, events, later_events, without_its_own
from riskflags.batch.facts import NO_SUSPECT, column
from riskflags.batch.frames import KEYS, Stored
from riskflags.batch.last import candidates, placed
from riskflags.batch.pairs import ASKS, LOOKED, Pairs, names_of_asking, names_of_looked, spelled
from riskflags.batch.relations import union
from riskflags.batch.summaries import VALUE, Items, summarised
from riskflags.batch.windows import begins, inside
from riskflags.calendar import ParamDuration
from riskflags.looking import PARAM, THIS
from riskflags.lookup import codes_named, left_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame, Frames, Rows
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.kinds import KindName
    from riskflags.pack import LookUp

_LISTS: Mapping[str, Rows] = {"done": "done", "markers": "markers", "suspects": "seats"}
_EXACT: frozenset[KindName] = frozenset({"text", "code", "yes_no", "date"})
"""Kinds whose values are known or absent: different ones are counted alike by seat and by record."""
_ID, _CHILD, _SUSPECT = "incident.id", "child.id", "suspect.id"


def look_up(frames: Frames, name: str, spec: LookUp) -> Stored:
    """Make the table of the values of a look-up and return where they stand."""
    asking = _asking(frames, name, spec)
    items = _items(frames, spec, asking)
    settled = None
    if spec.function == "how_many" and spec.over == "records" and counted_once(frames):
        settled = events(frames, items.table, items.by, f"events of {name}")
    table, cell = summarised(spec, items, asking, settled=settled)
    made = f"look-up {name}"
    frames.store.make(made, table.select(*asking.keys, **cell.columns(name)))
    return Stored(cell, {asking.rows: made})


def evidence(frames: Frames, name: str, spec: LookUp, asked: Relation, made: str) -> None:
    """Make the table of the ids of the records that surely count, for the rows that `asked` lists."""
    asking = _asking(frames, name, spec, among=asked)
    items = _items(frames, spec, asking, for_ids=True)
    sure = items.table.filter(surely(items.table["counts"]))
    found = sure.aggregate(items.by, because=sure["id"].collect(distinct=True))
    frames.store.make(made, found.rename({key.removeprefix(ASKS): key for key in items.by}))


# ---- who asks --------------------------------------------------------------------------------------------------------


def read_by(spec: LookUp, event_time: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a look-up reads of the asking record, and of what it looks at."""
    asks, looked = names_of_asking(*spec.conditions), names_of_looked(*spec.conditions)
    if spec.of:
        looked |= {spec.of}
    if spec.over != "records":
        return asks, looked
    back, links = spec.window.back, {*spec.by, event_time}
    if isinstance(back, ParamDuration):
        asks |= {f"{PARAM}{back.param}"}
    return asks | links, looked | links | {_ID}


def _asking(frames: Frames, name: str, spec: LookUp, *, among: Relation | None = None) -> Frame:
    """Return the rows that ask, with what is read of them and whether the look-up can be answered at all.

    `unlinked` says where it cannot; `link_held` and `link_needs` are what is then said; `open` is what the list lacks.
    """
    rows: Rows = "seats" if frames.names.is_of_suspect(name) else "records"
    names, _ = read_by(spec, frames.pack.event_time)
    if _SUSPECT in spec.by:
        names |= {_ID}
    if among is not None:
        among = among.select(*KEYS[rows]).distinct()
    frame = frames.frame(names, rows=rows, among=among)
    if spec.over != "records":
        return frame.with_head(**_of_list(frames, spec, frame))
    links = [*(_as_link(frame, path) for path in spec.by), frame.cells[frames.pack.event_time]]
    return frame.with_head(
        unlinked=some(cell.absent for cell in links),
        link_held=every(cell.known | cell.fillable for cell in links),
        link_needs=listed(combined(where(cell.absent, cell.needs) for cell in links)),
        open=no_texts(),
    )


def _as_link(frame: Frame, path: str) -> Cell:
    """Return what a record is linked by: an id that was only given to an unnamed suspect is none."""
    cell = frame.cells[path]
    if path != _SUSPECT:
        return cell
    given = cell.value.startswith(frame.cells[_ID].value.concat("#"))
    value = sql.ifelse(surely(given), sql.null("string"), cell.value)
    return replace(cell, of={"value": value}, needs=only(value.isnull(), texts([path])), held=True)


def _of_list(frames: Frames, spec: LookUp, frame: Frame) -> dict[str, Expr]:
    """Return what the source of each record may leave out of a list of the record itself."""
    codes = codes_named(spec.where)
    found = {number: left_out(spec.over, codes, holds) for number, holds in enumerate(frames.holds)}
    gone = [number for number, needed in found.items() if needed is None]
    lacking = [number for number, needed in found.items() if needed]
    return {
        "unlinked": frame["holds"].isin(gone),
        "link_held": no(),
        "link_needs": texts([spec.over]),
        "open": only(frame["holds"].isin(lacking), texts([spec.over])),
    }


# ---- what is looked at -----------------------------------------------------------------------------------------------


def _items(frames: Frames, spec: LookUp, asking: Frame, *, for_ids: bool = False) -> Items:
    """Return what a look-up looks at for each that asks; `for_ids` only the ids of the records will be read."""
    asking = asking.filtered(negation(asking["unlinked"])).prefixed(ASKS)
    if spec.over != "records":
        return _of_own(frames, spec, asking)
    return _of_records(frames, spec, asking, for_ids=for_ids)


def _looked(frames: Frames, spec: LookUp) -> Frame:
    """Return the rows that a look-up looks at, without those that count for nobody."""
    _, names = read_by(spec, frames.pack.event_time)
    if spec.over != "records":
        frame = frames.frame(names, rows=_LISTS[spec.over])
        return frame.filtered(frame["seat"] != NO_SUSPECT) if spec.over == "suspects" else frame
    by_seat = any(map(frames.names.is_of_suspect, names | names_of(*spec.conditions)))
    if by_seat:
        names |= {_SUSPECT}
    frame = frames.frame(names, rows="seats" if by_seat else "records")
    if not spec.window.last and not any(name.startswith((THIS, PARAM)) for name in names_of(spec.where)):
        frame = frame.filtered(possibly(answer(spec.where, frame.cells)))
    return frame


def _of_own(frames: Frames, spec: LookUp, asking: Frame) -> Items:
    """Return the items of a list of the record itself."""
    looked = _looked(frames, spec).prefixed(LOOKED)
    pairs = Pairs.of(asking, looked, asking["record"] == looked["record"])
    cells = pairs.cells(spec.where)
    counts, asked = answer(spec.where, cells), needs(spec.where, cells)
    return _shaped(pairs, counts, asked, pairs.looked.cells.get(spec.of))


def _of_records(frames: Frames, spec: LookUp, asking: Frame, *, for_ids: bool) -> Items:
    """Return the items of a look-up over records, each record once for each value where that makes a difference."""
    looked = _looked(frames, spec)
    pairs = _linked(frames, spec, asking, looked.prefixed(LOOKED))
    if spec.window.last:
        pairs, within, unsure = _last_ones(frames, spec, asking, pairs, spec.window.last)
    else:
        within, unsure = inside(spec, pairs, frames.pack)
    if spec.where is not None:
        cells = pairs.cells(*spec.conditions)
        within &= answer(spec.where, cells)
        unsure = combined((unsure, needs(spec.where, cells)))
    value = _as_link(pairs.looked, spec.of) if spec.of == _SUSPECT else pairs.looked.cells.get(spec.of)
    items = _shaped(pairs, within, unsure, value)
    if spec.others and counted_once(frames):
        items = items.onto(without_its_own(frames, items.table))
    if looked.rows == "seats" and not for_ids:
        each = frames.names.is_of_suspect(spec.of)
        if not (each and spec.function == "how_many_different" and items.needed.kind in _EXACT):
            items = _as_one(items, each=each)
    return _with_rejected(frames, spec, asking, items) if _CHILD in spec.by else items


# ---- links -----------------------------------------------------------------------------------------------------------


def _linked(frames: Frames, spec: LookUp, asks: Frame, looked: Frame) -> Pairs:
    """Return the asking rows beside those that they are linked to, by every key, and inside the days of the window."""
    lists = [path for path in spec.by if asks.cells[path].kind == "codes"]
    on: list[Expr] = []
    if lists and len(lists) == len(spec.by):  # nothing else links: by each value of the first list
        sharing = _sharing(asks, looked, lists.pop(0))
        asks = asks.onto(asks.table.join(sharing, *_keys(asks)))
        on = [asks.table[f"~{key}"] == looked.table[key] for key in _keys(looked)]
    on.append(asks["world"] == looked["world"])
    if spec.others and not spec.window.last:
        on.append(asks["record"] != looked["record"])
    for path in spec.by:
        if asks.cells[path].kind != "codes":
            on += same_value(asks.cells[path], looked.cells[path])
    pairs = Pairs.of(asks, looked, *on, *begins(spec, asks, looked, frames.pack))
    for path in lists:
        shared = pairs.asks.cells[path].value.intersect(pairs.looked.cells[path].value)
        pairs = pairs.onto(pairs.table.filter(length(shared) > 0))
    return pairs


def _keys(frame: Frame) -> list[str]:
    return [f"{frame.prefix}{key}" for key in frame.keys]


def _sharing(asks: Frame, looked: Frame, path: str) -> Relation:
    """Return which rows share a value of a list; the keys of what is looked at begin with ~."""
    first, second = (
        frame.table.select(*_keys(frame), **{f"{frame.prefix}code": frame.cells[path].value.unnest()})
        for frame in (asks, looked)
    )
    pairs = first.join(second, first[f"{ASKS}code"] == second[f"{LOOKED}code"])
    return pairs.rename({f"~{key}": key for key in _keys(looked)}).drop(f"{ASKS}code", f"{LOOKED}code").distinct()


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


def _last_ones(frames: Frames, spec: LookUp, asking: Frame, pairs: Pairs, last: int) -> tuple[Pairs, Expr, Expr | None]:
    """Return the pairs of which the looked-at record is, or may be, among the last ones of a sort.

    Also whether it surely is, and what would settle that.
    """
    by = _keys(asking)
    found = candidates(spec, pairs, event_time=frames.pack.event_time, by=by)
    unread = _rejected(frames, asking) if _CHILD in spec.by else None
    settled = later_events(frames, found, by) if counted_once(frames) else None
    there = placed(last, found, unread, by=by, settled=settled)
    settles = there["settles"].map(lambda need: sql.literal(THIS).concat(need))  # spelled already
    there = there.select(*by, "inside", settles=settles, **{f"{LOOKED}record": there["other"]})
    pairs = pairs.onto(pairs.table.join(there, *by, f"{LOOKED}record"))
    if spec.others:
        pairs = pairs.onto(pairs.table.filter(~pairs.own))
    return pairs, pairs.table["inside"], pairs.table["settles"]


# ---- items -----------------------------------------------------------------------------------------------------------


def _shaped(pairs: Pairs, counts: Expr, asked: Expr | None, value: Cell | None) -> Items:
    """Return items that count or may, with their needs as the asking record spells them."""
    by = tuple(_keys(pairs.asks))
    is_record = _ID in pairs.looked.cells
    table = pairs.table.select(
        *by, counts=counts, needs=listed(where(counts.isnull(), asked)), other=pairs.looked["record"],
        id=pairs.looked.cells[_ID].value if is_record else sql.null("string"),
        prefix=pairs.prefix if is_record else sql.literal("", "string"),
        **({} if value is None else value.columns(VALUE)),
    )  # fmt: skip
    table = table.filter(possibly(table["counts"]))
    own_spelling = {name: spelled(table[name], table["prefix"]) for name in _lists_of_needs(table)}
    return Items(table, value, by).onto(table.mutate(**own_spelling).drop("prefix"))


def _lists_of_needs(table: Relation) -> list[str]:
    return [name for name in ("needs", column(VALUE, "needs")) if name in table.columns]


def _as_one(items: Items, *, each: bool) -> Items:
    """Return the seats of one record as one item, once for each value."""
    table, value = items.table, items.value
    columns = {} if value is None else value.parts()
    apart = [*items.by, "other", "id"]
    apart += [column(VALUE, part) for part in columns if part not in ("needs", "local", "held")]
    if each and value is not None:  # suspects without a value are different ones
        table = table.mutate(apart=sql.ifelse(value.absent, sql.row_number(), -1))
        apart.append("apart")
    kept = {name: table[name].first() for name in (column(VALUE, part) for part in columns) if name not in apart}
    found = table.aggregate(apart, sure=surely(table["counts"]).any(), asked=table["needs"].collect(), **kept)
    found = found.mutate(
        counts=sql.ifelse(found["sure"], yes(), sql.null("boolean")),
        needs=only(~found["sure"], found["asked"].flatten()),
    )
    return items.onto(found.drop("sure", "asked", "apart"))


def _with_rejected(frames: Frames, spec: LookUp, asking: Frame, items: Items) -> Items:
    """Return the items with the rows that could not be read and carry the id of the child: each may count."""
    rejected = _rejected(frames, asking)
    need = sql.array([rejected["need"]])
    columns: dict[str, Expr] = {"counts": sql.null("boolean"), "needs": need, "id": sql.null("string")}
    columns["other"] = sql.literal(-1, "int64")
    if items.value is not None:
        columns |= {column(VALUE, part): sql.null() for part in items.value.parts()}
        if spec.of == _CHILD:
            columns[column(VALUE, "value")] = rejected["child_id"]
        if items.value.needs is not None:
            columns[column(VALUE, "needs")] = no_texts() if spec.of == _CHILD else need
    more = rejected.select(*items.by, **columns)
    return items.onto(union(items.table, more))


def _rejected(frames: Frames, asking: Frame) -> Relation:
    """Return who asks beside the rows that could not be read and carry the id of the child."""
    rejected = frames.store.table("rejected")
    on = (asking["world"] == rejected["world"], asking.cells[_CHILD].value == rejected["child_id"])
    joined = asking.table.join(rejected, *on)
    return joined.mutate(need=sql.literal("rejected:").concat(joined["source_row"].cast("string")))
