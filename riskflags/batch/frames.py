"""The values of any names of a pack for every record or seat, as one Ibis expression over the tables in a store.

A frame is built in steps, each a subquery: what is read as it stands, then each level of computed values. So no
expression is printed twice, and a statement reads the columns that it needs and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from riskflags.batch.cells import Cell, Expr, days, sql, millionths, no_texts, number, possibly, some, texts
from riskflags.batch.computed import computed
from riskflags.batch.facts import MOMENT, column
from riskflags.calendar import Duration
from riskflags.lookup import left_out
from riskflags.pack import Computed, FlagReading, LookUp
from riskflags.requirements import unheld

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.batch.store import Store
    from riskflags.condition import Comparison
    from riskflags.incident import Holds
    from riskflags.kinds import KindName
    from riskflags.model import Needs
    from riskflags.pack import Action, Pack, Param
    from riskflags.record import Names

Rows = Literal["records", "seats", "done", "markers"]
KEYS: Mapping[Rows, tuple[str, ...]] = {
    "records": ("record", "world", "as_of", "holds", "suspects"),
    "seats": ("record", "world", "as_of", "holds", "suspects", "seat"),
    "done": ("record", "world", "as_of", "holds", "suspects", "item"),
    "markers": ("record", "world", "as_of", "holds", "suspects", "item"),
}
_PREFIX: Mapping[Rows, str] = {"records": "", "seats": "suspect.", "done": "action.", "markers": "marker."}
BEGINS: Mapping[Rows, str] = {"done": "action.at", "markers": "marker.placed_at"}
"""The time from which an item of a list is there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Values that stand in a table of their own: of look-ups, and of readings of flags and gaps.

    `by_seat` says whether it has a row for each seat; `by_record` is then the table of the records, where there is one.
    """

    table: str
    by_seat: bool
    cells: Mapping[str, Cell]
    by_record: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows of an expression, and the cell of each name in it."""

    table: Expr
    cells: Mapping[str, Cell]
    keys: tuple[str, ...]

    def filtered(self, condition: Expr) -> Frame:
        """Return the rows for which a condition over this frame holds."""
        return self.onto(self.table.filter(condition))

    def onto(self, table: Expr, *, prefix: str = "") -> Frame:
        """Return the frame on a table that has its columns, under a prefix."""
        cells = {
            name: cell.bound({part: table[f"{prefix}{column(name, part)}"] for part in cell.parts()})
            for name, cell in self.cells.items()
        }
        return Frame(table, cells, self.keys)

    def prefixed(self, prefix: str) -> Expr:
        """Return the rows with a prefix before the name of every column."""
        columns = {f"{prefix}{key}": self.table[key] for key in self.keys}
        for name, cell in self.cells.items():
            columns |= {f"{prefix}{column(name, part)}": one for part, one in cell.parts().items()}
        return self.table.select(**columns)

    def with_cells(self, more: Mapping[str, Cell]) -> Frame:
        """Return the frame with more cells, as columns of a further subquery."""
        new = {column(name, part): one for name, cell in more.items() for part, one in cell.parts().items()}
        return replace(self, cells={**self.cells, **more}).onto(self.table.mutate(**new) if new else self.table)


class Frames:
    """What builds frames: a pack, the tables of a store, and what has been looked up so far."""

    def __init__(self, names: Names, store: Store, holds: tuple[Holds, ...]) -> None:
        self.names = names
        self.pack: Pack = names.pack
        self.store = store
        self._holds = holds
        self._stored: dict[str, Stored] = {}
        self.leaves: dict[str, dict[Comparison, int]] = {}
        """The comparisons whose answers each table of verdicts holds, with their numbers."""

    def keep(self, stored: Stored) -> None:
        """Take in values that stand in a table of their own."""
        self._stored |= dict.fromkeys(stored.cells, stored)

    def settled(self, names: Sequence[str], rows: Rows) -> Stored:
        """Make a table of the values of some names for every record or seat, and return where they stand."""
        frame = self.frame(names, rows=rows)
        keys = ["record", "seat"] if rows == "seats" else ["record"]
        cells = {name: frame.cells[name] for name in names}
        parts = {column(name, part): one for name, cell in cells.items() for part, one in cell.parts().items()}
        made = f"values by {rows}"
        self.store.make(made, frame.table.select(*keys, **parts))
        return Stored(made, rows == "seats", cells)

    def frame(self, names: Iterable[str], *, rows: Rows = "records") -> Frame:
        """Return the values of some names, for every record, seat or item of a list."""
        order = self._order(names)
        frame = self._read(order, rows)
        for level in self._levels(order):
            frame = frame.with_cells({name: self._computed(name, frame.cells) for name in level})
        return frame

    def _computed(self, name: str, cells: Mapping[str, Cell]) -> Cell:
        if name.startswith("param."):
            return _param(self.pack.params[name.removeprefix("param.")], cells[self.pack.effective_by])
        derived = self.names.derived[name]
        if isinstance(derived.how, Computed):
            return computed(derived.how, cells, derived.kind)
        msg = f"{name} has not been looked up yet"
        raise LookupError(msg)

    def each_holds(self) -> range:
        """Return the numbers of what sources hold."""
        return range(len(self._holds))

    def left_out(self, over: str, codes: frozenset[str] | None, number: int) -> Needs | None:
        """Return what a source may leave out of a list of a record: as `lookup.left_out` says."""
        return left_out(over, codes, self._holds[number])

    def unheld(self, action: Action, number: int) -> Needs:
        """Return what a source would need to hold for an action to be on record at all, as for one record."""
        return unheld(action, self._holds[number])

    def sources_of(self, name: str) -> frozenset[str]:
        """Return the look-ups over records and the readings of flags whose evidence is that of a name."""
        if isinstance(self.pack.readings.get(name), FlagReading):
            return frozenset({name})
        derived = self.names.derived.get(name)
        match derived and derived.how:
            case Computed(names=names):
                return frozenset[str]().union(*map(self.sources_of, names))
            case LookUp(over="records"):
                return frozenset({name})
            case _:
                return frozenset()

    # ---- which names -------------------------------------------------------------------------------------------------

    def _reads(self, name: str) -> tuple[str, ...]:
        """Return the names that a name is computed from."""
        derived = self.names.derived.get(name)
        if derived is not None and name not in self._stored:
            return derived.how.names if isinstance(derived.how, Computed) else ()
        if name.startswith("param."):
            return (self.pack.effective_by,)
        return self.names.groups.get(name, ())

    def _order(self, names: Iterable[str]) -> list[str]:
        """Return names with all that they are computed from, those first."""
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in found:
                for read in self._reads(name):
                    visit(read)
                found[name] = None

        for name in sorted(names):
            visit(name)
        return list(found)

    def _levels(self, order: Iterable[str]) -> list[list[str]]:
        """Return the computed names, each after those that it reads."""
        depth: dict[str, int] = {}
        for name in order:
            reads = max((depth.get(read, 0) for read in self._reads(name)), default=0)
            depth[name] = reads + self._is_computed(name)
        levels = range(1, max(depth.values(), default=0) + 1)
        return [[name for name in order if depth[name] == level and self._is_computed(name)] for level in levels]

    def _is_computed(self, name: str) -> bool:
        derived = self.names.derived.get(name)
        is_param = name.startswith("param.")
        return is_param or (derived is not None and name not in self._stored)

    # ---- as they stand -----------------------------------------------------------------------------------------------

    def _read(self, order: list[str], rows: Rows) -> Frame:
        """Return the names that are read as they stand: fields, groups, what is stored, and as_of."""
        plain = [name for name in order if not self._is_computed(name)]
        fields = [name for name in plain if name in self.names.fields]
        table = self._joined(fields, [self._stored[name] for name in plain if name in self._stored], rows)
        cells: dict[str, Cell] = {}
        for name in plain:
            cells[name] = self._cell(name, table, rows)
        keys = KEYS[rows]
        return Frame(table, {}, keys).with_cells(cells)

    def _joined(self, fields: list[str], stored: list[Stored], rows: Rows) -> Expr:
        own = [name for name in fields if not self.names.fields[name].repeated]
        table = self.store.table("records", [*KEYS["records"], "as_of|day", "as_of|local", *self._columns(own)])
        if rows != "records":
            prefix = _PREFIX[rows]
            listed = [name for name in fields if name.startswith(prefix)]
            key = KEYS[rows][-1]
            begins = [column(BEGINS[rows], "low")] if rows in BEGINS else []
            others = self.store.table(rows, ["record", key, *self._columns(listed), *begins])
            table = table.join(others, "record")
            for begin in begins:  # what lies after as_of is not there yet
                table = table.filter(possibly(table[begin] <= table["as_of"]))
        seen: set[str] = set()
        for one in stored:
            if one.table not in seen:
                seen.add(one.table)
                table = self._with_stored(table, one, rows)
        return table

    def _with_stored(self, table: Expr, stored: Stored, rows: Rows) -> Expr:
        name = stored.by_record if stored.by_record and rows != "seats" else stored.table
        if stored.by_seat and rows != "seats" and not stored.by_record:
            msg = f"{', '.join(stored.cells)} differ from suspect to suspect"
            raise LookupError(msg)
        keys = ["record", "seat"] if stored.by_seat and name == stored.table else ["record"]
        renamed = self.store.table(name).rename({f"~{name}~{key}": key for key in keys})
        on = [table[key] == renamed[f"~{name}~{key}"] for key in keys]
        return table.left_join(renamed, on)

    def _columns(self, names: Iterable[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            is_moment = self.names.fields[name].kind == "moment"
            found += [column(name, part) for part in MOMENT] if is_moment else [name]
        return found

    def _cell(self, name: str, table: Expr, rows: Rows) -> Cell:
        if name in self._stored:
            cell = self._stored[name].cells[name]
            return cell.bound({part: table[column(name, part)] for part in cell.parts()})
        if name == "as_of":
            low, day = table["as_of"], table["as_of|day"]
            return Cell(
                "moment", low=low, high=low, day=day, low_day=day, high_day=day, local=table["as_of|local"], is_known=True
            )
        if name in self.names.groups:
            return self._group(name, table, rows)
        return self._field(name, table, rows)

    def _held(self, name: str, table: Expr) -> Expr:
        """Return whether the source could fill a field or group, as a plain bool where all sources are alike."""
        held = [number for number, holds in enumerate(self._holds) if holds.records_field(name)]
        if len(held) == len(self._holds):
            return True
        return table["holds"].isin(held) if held else False

    def _field(self, name: str, table: Expr, rows: Rows) -> Cell:
        info = self.names.fields.get(name)
        absent = texts([name])
        if info is None or (info.repeated and not name.startswith(_PREFIX[rows] or "?")):
            held = self._held(name, table) if info is not None else False
            return _nothing(self._kind(name), absent, held)
        held = self._held(name, table)
        if info.kind == "moment":
            return self._moment(name, table, held, planned=info.planned)
        value = table[name]
        needs = sql.ifelse(value.isnull(), absent, no_texts())
        if info.kind == "number":
            return number(value, value, needs=needs, held=held)
        return Cell(info.kind, value=value, needs=needs, held=held)

    def _kind(self, name: str) -> KindName:
        """Return the kind of a field; of one that this group does not have, that of its like (`child.is_adult`)."""
        last = name.rpartition(".")[2]
        alike = (info.kind for path, info in self.names.fields.items() if path.rpartition(".")[2] == last)
        return self.names.fields[name].kind if name in self.names.fields else next(alike, "text")

    @staticmethod
    def _moment(name: str, table: Expr, held: Expr, *, planned: bool) -> Cell:
        low, high, day, local = (table[column(name, part)] for part in MOMENT)
        if not planned:
            ahead = low > table["as_of"]
            low, high, day, local = (sql.ifelse(ahead, sql.null(), one) for one in (low, high, day, local))
        needs = sql.cases((low.isnull(), texts([name])), (low != high, texts([f"{name}@time"])), else_=no_texts())
        return Cell(
            "moment", low=low, high=high, day=day, low_day=day, high_day=day, local=local, needs=needs, held=held
        )

    def _group(self, name: str, table: Expr, rows: Rows) -> Cell:
        there = some(self._field(path, table, rows).known for path in self.names.groups[name])
        value = sql.ifelse(there, sql.literal(True), sql.null("boolean"))
        needs = sql.ifelse(there, no_texts(), texts([name]))
        return Cell("yes_no", value=value, needs=needs, held=self._held(name, table))


def _nothing(kind: str, needs: Expr, held: Expr) -> Cell:
    """Return a cell that is absent in every row."""
    none = sql.null("int64")
    match kind:
        case "number":
            return number(none, none, needs=needs, held=held)
        case "moment":
            day = sql.null("date")
            return Cell(
                "moment", low=none, high=none, day=day, low_day=day, high_day=day, local=sql.null("string"),
                needs=needs, held=held,
            )  # fmt: skip
        case "codes":
            return Cell("codes", value=sql.null("array<string>"), needs=needs, held=held)
        case "yes_no":
            return Cell("yes_no", value=sql.null("boolean"), needs=needs, held=held)
        case "date":
            return Cell("date", value=sql.null("date"), needs=needs, held=held)
        case _:
            return Cell("text", value=sql.null("string"), needs=needs, held=held)


def _param(param: Param, when: Cell) -> Cell:
    """Return the value of a parameter that is in force on each record's effective date."""
    is_span = isinstance(param.values[-1][1], Duration)
    kind = "string" if is_span else "int64"
    found = [
        (when.day >= days(start), sql.literal(str(value) if isinstance(value, Duration) else millionths(value), kind))
        for start, value in reversed(param.values)
    ]
    value = sql.cases(*found, else_=sql.null(kind))
    undated = no_texts() if when.needs is None else when.needs
    needs = sql.cases((value.notnull(), no_texts()), (when.absent, undated), else_=texts([f"param.{param.name}"]))
    return Cell("text", value=value, needs=needs) if is_span else number(value, value, needs=needs)
