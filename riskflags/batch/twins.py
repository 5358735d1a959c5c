"""Records that are surely of one event, for every record at once, by the definitions of duplicates of the pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of
from riskflags.batch.cells import surely
from riskflags.batch.lookups import same_value
from riskflags.batch.pairs import ASKS, LOOKED, Pairs

if TYPE_CHECKING:
    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame, Frames
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import Duplicates

TWINS = "twins"
"""The table of pairs: a record, the id of another, and the number of the definition that says so."""
_FOREVER = 2**62


def names_of_twins(frames: Frames) -> frozenset[str]:
    """Return every name that the definitions of duplicates read."""
    found = {name for spec in frames.pack.duplicates for name in (*spec.by, spec.begins, spec.ends)}
    return frozenset(found) | names_of(*(spec.of for spec in frames.pack.duplicates))


def make_twins(frames: Frames) -> None:
    """Make the table of records that are surely of one event with another."""
    for number, spec in enumerate(frames.pack.duplicates):
        frames.store.add(TWINS, _pairs(frames, spec, number))


def _sure(frames: Frames, spec: Duplicates) -> Frame:
    """Return the records of the sort, whose keys are all known, with the time that each surely lasted."""
    frame = frames.frame({*spec.by, spec.begins, spec.ends, *names_of(spec.of), "incident.id"})
    frame = frame.filtered(surely(answer(spec.of, frame.cells)))
    for path in spec.by:
        frame = frame.filtered(_is_one(frame.cells[path]))
    return frame


def _is_one(cell: Cell) -> Expr:
    """Return whether a value links as one: text, a day, an exact number, a moment, or a list of one code."""
    match cell.kind:
        case "codes":
            return surely(cell.value.length() == 1)
        case "number":
            return surely(cell.low == cell.high)
        case _:
            return cell.known


def _pairs(frames: Frames, spec: Duplicates, number: int) -> Relation:
    records = _sure(frames, spec)
    first, second = records.prefixed(ASKS), records.prefixed(LOOKED)
    on = [first["world"] == second["world"], first["record"] != second["record"]]
    for path in spec.by:
        on += same_value(first.cells[path], second.cells[path])
    begins = [one.cells[spec.begins].high.fill_null(_FOREVER) for one in (first, second)]
    ends = [one.cells[spec.ends].low.fill_null(-_FOREVER) for one in (first, second)]
    pairs = Pairs.of(first, second, *on, begins[0] < ends[1], begins[1] < ends[0])
    return pairs.table.select(
        record=pairs.asks["record"], other=pairs.looked["record"], spec=sql.literal(number, "int32"),
        id=pairs.looked.cells["incident.id"].value,
    )  # fmt: skip
