"""Records that may be of one event, where a pack counts those once: found for all records, settled for the few.

Which records may be of one event is a join. Only what asks about two of such a pair is counted one at a time, by
`riskflags.duplicates`, since what is linked to what goes from record to record.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of, needs
from riskflags.batch.cells import combined, listed, possibly, some, surely, together, unsure, yes
from riskflags.batch.pairs import ASKS, LOOKED
from riskflags.duplicates import Counted, Occurrence, how_many_events
from riskflags.looking import spelled
from riskflags.model import NO_NEEDS, Moment
from riskflags.windows import Later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frames
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.batch.store import Row
    from riskflags.pack import Duplicates

pa: Any = import_module("pyarrow")  # it ships no types
OCCURRENCES, PAIRS = "occurrences", "may be one event"
_BY_DEFINITION = "pairs by definition"
_TABLES = count()  # a table's name is new; nothing else is read of it
_FOREVER = 2**62
_PARTS = ("is of", "key", "begins", "begins at most", "ends", "ends at most", "needs")
_NUMBERS = {"few": pa.int64(), "most": pa.int64(), "settles": pa.list_(pa.string())}


def counted_once(frames: Frames) -> tuple[Duplicates, ...]:
    """Return the definitions of the pack whose duplicates look-ups count once."""
    return tuple(spec for spec in frames.pack.duplicates if spec.once)


def names_of_events(frames: Frames) -> frozenset[str]:
    """Return every name that those definitions read."""
    specs = counted_once(frames)
    found = {name for spec in specs for name in (*spec.by, spec.begins, spec.ends)}
    return names_of(*(spec.of for spec in specs)) | found


def make_events(frames: Frames) -> None:
    """Make the tables of how each record is seen by the definitions, and of the pairs that may be of one event."""
    specs = counted_once(frames)
    frame = frames.frame(names_of_events(frames) | {"incident.id"})
    columns: dict[str, Expr] = {"id": frame.cells["incident.id"].value}
    for number, spec in enumerate(specs):
        begins, ends = frame.cells[spec.begins], frame.cells[spec.ends]
        asked = combined((needs(spec.of, frame.cells), begins.needs, ends.needs))
        found = (
            answer(spec.of, frame.cells), _key(spec, frame.cells), begins.low, begins.high, ends.low, ends.high,
            listed(asked),
        )  # fmt: skip
        columns |= {f"{part} {number}": one for part, one in zip(_PARTS, found, strict=True)}
    frames.store.make(OCCURRENCES, frame.table.select("record", "world", **columns))
    for number in range(len(specs)):
        frames.store.add(_BY_DEFINITION, _pairs(frames, number))
    rows = frames.store.table(_BY_DEFINITION)
    pairs = rows.aggregate(
        ["record", "other"],
        sure=surely(rows["answer"]).any(),
        own=rows["own"].collect(),
        others=rows["others"].collect(),
    )
    frames.store.make(PAIRS, pairs.mutate(own=pairs["own"].flatten(), others=pairs["others"].flatten()))
    frames.store.drop(_BY_DEFINITION)


def _key(spec: Duplicates, cells: Mapping[str, Cell]) -> Expr:
    """Return what links a record to others of its event, as one list; NULL where any of it is not known, or several."""
    parts = [part for path in spec.by for part in _links(cells[path])]
    return sql.ifelse(some(part.isnull() for part in parts), sql.null("array<string>"), sql.array(parts))


def _links(cell: Cell) -> list[Expr]:
    match cell.kind:
        case "codes":
            return [sql.ifelse(cell.value.length() == 1, cell.value.join(""), sql.null("string"))]
        case "number":
            return [sql.ifelse(cell.low == cell.high, cell.low, sql.null("int64")).cast("string")]
        case "moment":
            return [cell.low.cast("string"), cell.high.cast("string")]
        case _:
            return [cell.value.cast("string")]


def _pairs(frames: Frames, number: int) -> Relation:
    """Return the records that may be of one event by a definition, with what would settle it for each of the two."""
    names = {part: f"{part} {number}" for part in _PARTS}
    table = frames.store.table(OCCURRENCES, ["record", "world", "id", *names.values()])
    table = table.filter(possibly(table[names["is of"]]) & table[names["key"]].notnull())
    a, o = (table.rename({f"{side}{name}": name for name in table.columns}) for side in (ASKS, LOOKED))

    def end(rows: Relation, side: str, part: str, unknown: int) -> Expr:
        return rows[f"{side}{names[part]}"].fill_null(unknown)

    on = [a[f"{ASKS}world"] == o[f"{LOOKED}world"], a[f"{ASKS}{names['key']}"] == o[f"{LOOKED}{names['key']}"]]
    on.append(a[f"{ASKS}record"] != o[f"{LOOKED}record"])
    on.append(end(a, ASKS, "begins", -_FOREVER) < end(o, LOOKED, "ends at most", _FOREVER))
    on.append(end(o, LOOKED, "begins", -_FOREVER) < end(a, ASKS, "ends at most", _FOREVER))
    both = a.join(o, *on)
    overlap = end(both, ASKS, "begins at most", _FOREVER) < end(both, LOOKED, "ends", -_FOREVER)
    overlap &= end(both, LOOKED, "begins at most", _FOREVER) < end(both, ASKS, "ends", -_FOREVER)
    is_of = both[f"{ASKS}{names['is of']}"] & both[f"{LOOKED}{names['is of']}"]
    prefix = both[f"{LOOKED}id"].concat(":")
    return both.select(
        record=both[f"{ASKS}record"], other=both[f"{LOOKED}record"],
        answer=is_of & sql.ifelse(overlap, yes(), unsure()), own=both[f"{ASKS}{names['needs']}"],
        others=both[f"{LOOKED}{names['needs']}"].map(prefix.concat),
    )  # fmt: skip


# ---- look-ups --------------------------------------------------------------------------------------------------------


def without_its_own(frames: Frames, items: Relation) -> Relation:
    """Return items without those that are of one event with the record that asks; open where they may be."""
    pairs = frames.store.table(PAIRS).rename({f"{ASKS}record": "record"})
    joined = items.left_join(pairs, f"{ASKS}record", "other")
    joined = joined.filter(~surely(joined["sure"]))
    may_be = joined["sure"].notnull()
    asked = together(joined["needs"], joined["own"], joined["others"])
    found = joined.mutate(
        counts=sql.ifelse(may_be, unsure(), joined["counts"]), needs=sql.ifelse(may_be, asked, joined["needs"])
    )
    return found.select(*items.columns)


def _involved(frames: Frames, items: Relation, by: Sequence[str]) -> Relation:
    """Return who asks about two records that may be of one event."""
    pairs = frames.store.table(PAIRS, ["record", "other"]).rename({"other": "record", "second": "other"})
    first = items.select(*by, "other").join(pairs, "other")
    second = items.select(*by, second=items["other"])
    return first.semi_join(second, *by, "second").select(*by).distinct()


def _beside_seen(frames: Frames, items: Relation, by: Sequence[str]) -> Relation:
    """Return the items of who asks about two records that may be of one event, with how each of them is seen."""
    some_items = items.semi_join(_involved(frames, items, by), *by)
    seen = frames.store.table(OCCURRENCES).drop("world").rename({"~record": "record", "~id": "id"})
    return some_items.left_join(seen, some_items["other"] == seen["~record"])


def _in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: int(row["other"]))


def _seen(row: Row, definitions: int) -> tuple[Occurrence, ...]:
    """Return a record as the definitions see it; nothing of a row that could not be read."""
    if row["~record"] is None:
        return ()
    of = "" if row["~record"] == row[f"{ASKS}record"] else row["~id"]
    return tuple(
        Occurrence(
            is_of=row[f"is of {n}"],
            keys=None if row[f"key {n}"] is None else tuple(row[f"key {n}"]),
            begins=_moment(row[f"begins {n}"], row[f"begins at most {n}"]),
            ends=_moment(row[f"ends {n}"], row[f"ends at most {n}"]),
            needs=spelled(frozenset(row[f"needs {n}"]), of=of),
        )
        for n in range(definitions)
    )


def _moment(low: int | None, high: int | None) -> Moment | bool:
    return False if low is None or high is None else Moment(low, high, date.min, "")


def events(frames: Frames, items: Relation, by: Sequence[str], made: str) -> Relation:
    """Return how many events the items are, for who asks about two that may be one: low, high, and what settles it."""
    work = partial(_events, by=tuple(by), definitions=len(counted_once(frames)))
    return _worked_out(frames, items, by, work, kinds=_NUMBERS, made=made)


def _events(rows: list[Row], *, by: Sequence[str], definitions: int) -> Iterator[Row]:
    """Yield how many events the items of one are who asks."""
    ordered = _in_order(rows)
    low, high, asked = how_many_events([Counted(row["counts"], _seen(row, definitions)) for row in ordered])
    every = asked.union(*(row["needs"] for row in ordered))
    yield {key: rows[0][key] for key in by} | {"few": low, "most": high, "settles": sorted(every)}


def later_events(frames: Frames, candidates: Relation, by: Sequence[str]) -> Relation:
    """Return how many events come after each candidate for a place among the last, where two may be one event."""
    made, kinds = f"later events {next(_TABLES)}", {"other": pa.int64()} | _NUMBERS
    work = partial(_later_events, by=tuple(by), definitions=len(counted_once(frames)))
    return _worked_out(frames, candidates, by, work, kinds=kinds, made=made)


def _later_events(rows: list[Row], *, by: Sequence[str], definitions: int) -> Iterator[Row]:
    """Yield how many events come after each candidate of one who asks."""
    ordered = _in_order(rows)
    times = [Moment(row["low"], row["high"], date.min, "") for row in ordered]
    seen = [_seen(row, definitions) for row in ordered]
    later = Later(list(zip(seen, (row["counts"] for row in ordered), times, strict=True)))
    asked = sorted(NO_NEEDS.union(*later.unsettled))
    for number, row in enumerate(ordered):
        found = {"few": later.surely(number), "most": later.possibly(number), "settles": asked}
        yield {key: row[key] for key in (*by, "other")} | found


def _worked_out(
    frames: Frames,
    items: Relation,
    by: Sequence[str],
    work: Callable[[list[Row]], Iterator[Row]],
    *,
    kinds: Mapping[str, Any],
    made: str,
) -> Relation:
    """Return what is worked out for those who ask about two records of one event, as a table of the store."""
    schema = pa.schema([*((key, pa.int64()) for key in by), *kinds.items()])
    frames.store.work_out(made, _beside_seen(frames, items, by), by, work, schema)
    return frames.store.table(made)
