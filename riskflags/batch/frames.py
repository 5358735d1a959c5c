"""The values of any names of a pack for every record, seat or item of a list, as one relation over stored tables.

A frame is built in steps, each a subquery: what is read as it stands, then each level of computed values. So no
expression is printed twice, and a statement reads the columns that it needs and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from riskflags.batch import sql
from riskflags.batch.cells import days, listed, moment, no_texts, nothing, number, possibly, single, some, texts, yes
from riskflags.batch.computed import computed
from riskflags.batch.facts import MOMENT, column, millionths
from riskflags.calendar import Duration
from riskflags.looking import PARAM
from riskflags.pack import Computed, FlagReading, LookUp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from riskflags.batch.cells import Cell
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.batch.store import AnyStore
    from riskflags.incident import Holds
    from riskflags.kinds import KindName
    from riskflags.pack import Pack, Param
    from riskflags.record import Names

Rows = Literal["records", "seats", "done", "markers"]
KEYS: Mapping[Rows, tuple[str, ...]] = {
    "records": ("record",), "seats": ("record", "seat"), "done": ("record", "item"), "markers": ("record", "item"),
}  # fmt: skip
"""The columns that tell rows apart."""
_OF_RECORD = ("world", "as_of", "holds", "suspects")
"""What every row has of its record, besides the values of names."""
_PREFIX: Mapping[Rows, str] = {"seats": "suspect.", "done": "action.", "markers": "marker."}
"""What the fields of an item of a list begin with."""
_BEGINS: Mapping[Rows, str] = {"done": "action.at", "markers": "marker.placed_at"}
"""The time from which an item of a list is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A value that stands in tables, by record, by seat or both, so that no statement works it out again."""

    cell: Cell
    tables: Mapping[Rows, str]
    making: Mapping[Rows, Callable[[], None]] = field(default_factory=dict["Rows", "Callable[[], None]"])
    """What makes a table when it is first read; one that is not named here is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Rows, and the cell of each name in them. `head` are the columns besides those of the cells.

    Every column of the table begins with the prefix.
    """

    table: Relation
    cells: Mapping[str, Cell]
    rows: Rows
    head: tuple[str, ...]
    prefix: str = ""

    def __getitem__(self, name: str) -> Expr:
        return self.table[f"{self.prefix}{name}"]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell its rows apart, without the prefix."""
        return KEYS[self.rows]

    def filtered(self, condition: Expr) -> Frame:
        """Return the rows for which a condition over this frame holds."""
        return self.onto(self.table.filter(condition))

    def onto(self, table: Relation) -> Frame:
        """Return the frame on a table that has its columns."""
        cells = {name: cell.on(table, f"{self.prefix}{name}") for name, cell in self.cells.items()}
        return replace(self, table=table, cells=cells)

    def prefixed(self, prefix: str) -> Frame:
        """Return the frame with a prefix before the name of every column."""
        columns = {f"{prefix}{name}": self[name] for name in self.head}
        for name, cell in self.cells.items():
            columns |= cell.columns(f"{prefix}{name}")
        return replace(self, prefix=prefix).onto(self.table.select(**columns))

    def with_cells(self, more: Mapping[str, Cell]) -> Frame:
        """Return the frame with more cells, as columns of a further subquery."""
        columns: dict[str, Expr] = {}
        for name, cell in more.items():
            columns |= cell.columns(f"{self.prefix}{name}")
        return replace(self, cells={**self.cells, **more}).onto(self.table.mutate(**columns) if columns else self.table)

    def with_head(self, **more: Expr) -> Frame:
        """Return the frame with more columns besides those of the cells."""
        return replace(self, head=(*self.head, *more)).onto(self.table.mutate(**more))


class Frames:
    """What builds frames: a pack, the tables of a store, and what has been looked up so far."""

    def __init__(self, names: Names, store: AnyStore, holds: tuple[Holds, ...]) -> None:
        self.names = names
        self.pack: Pack = names.pack
        self.store = store
        self.holds = holds
        """What the sources of the records hold; the column `holds` is the place in it."""
        self._stored: dict[str, Stored] = {}

    def keep(self, name: str, stored: Stored) -> None:
        """Take in a value that stands in tables of its own."""
        self._stored[name] = stored

    def settle(self, names: Sequence[str], rows: Rows) -> None:
        """Make a table of the values of some names for every record or seat, since many statements read them."""
        frame = self.frame(names, rows=rows)
        columns: dict[str, Expr] = {}
        for name in names:
            columns |= frame.cells[name].columns(name)
        made = f"values by {rows}"
        self.store.make(made, frame.table.select(*frame.keys, **columns))
        for name in names:
            self.keep(name, Stored(frame.cells[name], {rows: made}))

    def frame(self, names: Iterable[str], *, rows: Rows = "records", among: Relation | None = None) -> Frame:
        """Return the values of some names for every record, seat or item of a list.

        `among` has the keys of some of these rows, and more: then it is those rows, each as often as it is there, with
        the other columns of `among` in the head. Nothing is worked out for the others.
        """
        order = self._order(names)
        frame = self._read(order, rows, among)
        for level in self._levels(order):
            frame = frame.with_cells({name: self._computed(name, frame.cells) for name in level})
        return frame

    def _computed(self, name: str, cells: Mapping[str, Cell]) -> Cell:
        if name.startswith(PARAM):
            return _param(self.pack.params[name.removeprefix(PARAM)], cells[self.pack.effective_by])
        derived = self.names.derived[name]
        if isinstance(derived.how, Computed):
            return computed(derived.how, cells, derived.kind)
        msg = f"{name} has not been looked up yet"
        raise LookupError(msg)

    def sources_of(self, name: str) -> frozenset[str]:
        """Return the look-ups over records and the readings of flags whose evidence is that of a name."""
        if isinstance(self.pack.readings.get(name), FlagReading):
            return frozenset({name})
        derived = self.names.derived.get(name)
        match None if derived is None else derived.how:
            case Computed(names=names):
                return frozenset[str]().union(*map(self.sources_of, names))
            case LookUp(over="records"):
                return frozenset({name})
            case _:
                return frozenset()

    def tables_behind(self, names: Iterable[str]) -> set[str]:
        """Return the tables in which some names stand, or what they are computed from."""
        stored = (self._stored[name] for name in self._order(names) if name in self._stored)
        return {table for one in stored for table in one.tables.values()}

    # ---- which names -------------------------------------------------------------------------------------------------

    def _reads(self, name: str) -> tuple[str, ...]:
        """Return the names that a name is computed from."""
        derived = self.names.derived.get(name)
        if derived is not None and name not in self._stored:
            return derived.how.names if isinstance(derived.how, Computed) else ()
        if name.startswith(PARAM):
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
        is_param = name.startswith(PARAM)
        return is_param or (derived is not None and name not in self._stored)

    # ---- as they stand -----------------------------------------------------------------------------------------------

    def _read(self, order: list[str], rows: Rows, among: Relation | None) -> Frame:
        """Return the names that are read as they stand: fields, groups, what is stored, and as_of."""
        plain = [name for name in order if not self._is_computed(name)]
        table = self._joined(plain, rows)
        head = (*KEYS[rows], *_OF_RECORD)
        if among is not None:
            more = [name for name in among.columns if name not in head]
            table = among.select(*KEYS[rows], *more).join(table, *KEYS[rows])
            head = (*head, *more)
        cells = {name: self._cell(name, table, rows) for name in plain}
        return Frame(table, {}, rows, head).with_cells(cells)

    def _joined(self, names: list[str], rows: Rows) -> Relation:
        """Return the rows with the columns of some names, and nothing that lies after as_of."""
        fields = [name for name in names if name in self.names.fields]
        own = [name for name in fields if not self.names.fields[name].repeated]
        of_record = ["record", *_OF_RECORD, "as_of|day", "as_of|local", *self._columns(own)]
        table = self.store.table("records", of_record)
        if rows != "records":
            listed = [name for name in fields if name.startswith(_PREFIX[rows])]
            begins = [column(_BEGINS[rows], "low")] if rows in _BEGINS else []
            others = self.store.table(rows, [*KEYS[rows], *self._columns(listed), *begins])
            table = table.join(others, "record")
            for begin in begins:
                table = table.filter(possibly(table[begin] <= table["as_of"]))
        found: dict[tuple[str, Rows], list[str]] = {}
        for name in names:
            if (stored := self._stored.get(name)) is not None:
                by: Rows = "seats" if rows == "seats" and "seats" in stored.tables else "records"
                if by in stored.making and not self.store.has(stored.tables[by]):
                    stored.making[by]()
                found.setdefault((stored.tables[by], by), []).extend(stored.cell.columns(name))
        for (made, by), columns in found.items():
            table = table.left_join(self.store.table(made, [*KEYS[by], *columns]), *KEYS[by])
        return table

    def _columns(self, names: Iterable[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            is_moment = self.names.fields[name].kind == "moment"
            found += [column(name, part) for part in MOMENT] if is_moment else [name]
        return found

    def _cell(self, name: str, table: Relation, rows: Rows) -> Cell:
        if name in self._stored:
            return self._stored[name].cell.on(table, name)
        if name == "as_of":
            now = table["as_of"]
            return moment((now, now), table["as_of|day"], table["as_of|local"], is_known=True)
        if name in self.names.groups:
            return self._group(name, table, rows)
        return self._field(name, table, rows)

    def _held(self, name: str, table: Relation) -> Expr | bool:
        """Return whether the source could fill a field or group, as a plain bool where all sources are alike."""
        held = [number for number, holds in enumerate(self.holds) if holds.records_field(name)]
        if len(held) == len(self.holds):
            return True
        return table["holds"].isin(held) if held else False

    def _field(self, name: str, table: Relation, rows: Rows) -> Cell:
        info = self.names.fields.get(name)
        absent = texts([name])
        held = self._held(name, table) if info is not None else False
        if info is None or (info.repeated and not (rows in _PREFIX and name.startswith(_PREFIX[rows]))):
            return nothing(self._kind(name), needs=absent, held=held)
        if info.kind == "moment":
            return self._moment(name, table, held=held, planned=info.planned)
        value = table[name]
        needs = sql.ifelse(value.isnull(), absent, no_texts())
        if info.kind == "number":
            return number(value, value, needs=needs, held=held)
        return single(info.kind, value, needs=needs, held=held)

    def _kind(self, name: str) -> KindName:
        """Return the kind of a field; of one that this group does not have, that of its like (`child.is_adult`)."""
        if name in self.names.fields:
            return self.names.fields[name].kind
        last = name.rpartition(".")[2]
        for path, info in self.names.fields.items():
            if path.rpartition(".")[2] == last:
                return info.kind
        return "text"

    @staticmethod
    def _moment(name: str, table: Relation, *, held: Expr | bool, planned: bool) -> Cell:
        """Return a moment; one after as_of is not there yet, unless it lies ahead on purpose."""
        low, high, day, local = (table[column(name, part)] for part in MOMENT)
        if not planned:
            ahead = low > table["as_of"]
            low, high, day, local = (sql.ifelse(ahead, sql.null(), one) for one in (low, high, day, local))
        needs = sql.cases((low.isnull(), texts([name])), (low != high, texts([f"{name}@time"])), else_=no_texts())
        return moment((low, high), day, local, needs=needs, held=held)

    def _group(self, name: str, table: Relation, rows: Rows) -> Cell:
        there = some(self._field(path, table, rows).known for path in self.names.groups[name])
        value = sql.ifelse(there, yes(), sql.null("boolean"))
        needs = sql.ifelse(there, no_texts(), texts([name]))
        return single("yes_no", value, needs=needs, held=self._held(name, table))


def _param(param: Param, when: Cell) -> Cell:
    """Return the value of a parameter that is in force on each record's effective date."""
    is_span = isinstance(param.values[-1][1], Duration)
    kind = "string" if is_span else "int64"
    found = [
        (when.day >= days(start), sql.literal(str(value) if isinstance(value, Duration) else millionths(value), kind))
        for start, value in reversed(param.values)
    ]
    value = sql.cases(*found, else_=sql.null(kind))
    needs = sql.cases(
        (value.notnull(), no_texts()), (when.absent, listed(when.needs)), else_=texts([f"{PARAM}{param.name}"])
    )
    return single("text", value, needs=needs) if is_span else number(value, value, needs=needs)
