"""Files into the tables of a batch: the same records, rejects, warnings and counts as `riskflags.intake.read` gives.

A row that is sure to be a record as it stands never becomes a Python object. Every other row, and every row of an
incident that has such a row, goes through the model, which is the authority and writes the reason. JSON lines
beside files of lists, and files of a mapping that are joined to others, go through the model as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskflags.batch.facts import Tables, World, fields_of, gathered, schema_of, schemas
from riskflags.errors import Place, RecordError
from riskflags.incident import Holds
from riskflags.intake import at_once_sources as sources
from riskflags.intake import canonical, json_lines, read
from riskflags.intake.account import Account, Counts, RowPlace
from riskflags.intake.assemble import Material, settle
from riskflags.intake.at_once_across import doubts
from riskflags.intake.at_once_cells import asks_more, literal, quoted, sql_columns, zone_days
from riskflags.intake.at_once_json import JsonLines
from riskflags.intake.at_once_mapped import MappedRows, plain_tables
from riskflags.intake.at_once_rows import (
    DAYS,
    SLOW,
    Rows,
    filled_paths,
    is_fast,
    items_table,
    own_values,
    paths_of,
    place,
    rows_table,
    spot,
)
from riskflags.intake.at_once_text import LINE
from riskflags.intake.drafts import Reader
from riskflags.intake.mapped import MappedFiles
from riskflags.intake.reading import FileRead
from riskflags.intake.tables import is_json_lines
from riskflags.kinds import parse_text
from riskflags.mapping import load_mapping
from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from riskflags.batch.facts import Schema
    from riskflags.batch.sql import Plain
    from riskflags.batch.store import Store
    from riskflags.intake.account import Reject, RowWarning
    from riskflags.intake.at_once_sources import Source
    from riskflags.intake.canonical import SideName
    from riskflags.intake.drafts import Draft, Gone, Side
    from riskflags.intake.opened import Opened
    from riskflags.intake.tables import TextFile, TextRow
    from riskflags.mapping import FileMapping
    from riskflags.pack import Pack

pa: Any = import_module("pyarrow")  # it ships no types
Sides = dict["SideName", "str | Path"]
Alike = Mapping[str, "Plain | None"]
"""Columns with what they hold in every row."""
Told = Callable[[float, float], None]
ORIGINS: Schema = {
    "record": "int64", "source_file": "string", "source_row": "int64", "accepted": "int64", "warned": "int64",
}  # fmt: skip
"""Where the first row of each record stands, and how many of its rows were accepted without and with a warning."""
_ORDER = "intake order"
_LISTS = {"done": "done", "markers": "markers", "suspects": "seats"}
_TABLES = ("records", "seats", "done", "markers")


def _nobody(done: float, every: float) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class BatchIntake:
    """What became of the rows of the files; the records are in the tables of the store.

    `holds` are those that the tables name by number. `handed_over` is how many rows went through the model.
    """

    rejects: tuple[Reject, ...]
    warnings: tuple[RowWarning, ...]
    counts: Counts
    files: tuple[FileRead, ...]
    holds: tuple[Holds, ...]
    handed_over: int


def read_into(
    store: Store,
    *paths: str | Path,
    pack: Pack,
    as_of: datetime,
    mapping: str | Path | None = None,
    actions: str | Path | None = None,
    suspects: str | Path | None = None,
    markers: str | Path | None = None,
    told: Told = _nobody,
) -> BatchIntake:
    """Return what became of the rows of files, and make the tables of their records: those of `facts`, and `origins`.

    A file is canonical CSV, plain or packed with gzip or zstd, Parquet with the same columns, or JSON lines; a path
    may be a pattern such as `2026-*.csv`. With a mapping the files are read as `riskflags.intake.read` reads them.
    Errors are those of that function. `told` hears how many bytes are read, of how many.
    """
    if not paths:
        message = "read_into needs at least one path"
        raise TypeError(message)
    sides: dict[SideName, str | Path | None] = {"actions": actions, "suspects": suspects, "markers": markers}
    given: Sides = {side: path for side, path in sides.items() if path is not None}
    files = [file for path in paths for file in sources.expand(path)]
    if mapping is not None:
        loaded = load_mapping(mapping, record=pack.record)
        opened = _plain_tables(files, loaded, pack) if not given else None
        if opened is None:
            return _read_by_mapping(store, files, mapping, given, pack=pack, as_of=as_of)
        return _Reading(store, pack, as_of, _Heard(told, files)).read_mapped(opened, loaded)
    _refuse_repeats([*given.values(), *files])
    return _Reading(store, pack, as_of, _Heard(told, [*given.values(), *files])).read(files, given)


def _plain_tables(files: Sequence[str | Path], mapping: FileMapping, pack: Pack) -> list[Opened] | None:
    """Return the files as tables of a mapping that are read here; None where they are left to `read`."""
    is_own_zone = mapping.read.zone in (None, pack.zone)
    is_once = len({str(path) for path in files}) == len(files)
    return plain_tables(files, mapping, pack.record) if is_own_zone and is_once and not asks_more(pack.record) else None


class _Heard:
    """How far the files are read. Each is gone through twice: its text is taken, then its cells are."""

    def __init__(self, told: Told, files: Sequence[str | Path]) -> None:
        self._told = told
        self._sizes = {str(path): sources.size_of(path) for path in files}
        self._total = sum(self._sizes.values())
        self._done = 0.0

    def half(self, path: str | Path) -> None:
        """Say that a file has been gone through once more."""
        self._done += self._sizes[str(path)] / 2
        self._told(self._done, self._total)

    def within(self, path: str | Path) -> Callable[[int], None]:
        """Return what hears, in a file, how many bytes have been seen so far."""
        return lambda seen: self._told(self._done + min(seen, self._sizes[str(path)]) / 2, self._total)


def _refuse_repeats(paths: Sequence[str | Path]) -> None:
    names = [str(path) for path in paths]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = "the file is given twice"
        raise RecordError(message, Place(twice), "give each file once: its rows would all be repeats")


def _read_by_mapping(
    store: Store,
    paths: Sequence[str | Path],
    mapping: str | Path,
    sides: Sides,
    *,
    pack: Pack,
    as_of: datetime,
) -> BatchIntake:
    beside: dict[str, str | Path] = {str(side): path for side, path in sides.items()}
    intake = read(*paths, mapping=mapping, record=pack.record, zone=pack.zone, **beside)
    tables = gathered([World(intake.incidents, as_of, intake.rejects)], pack, zone=pack.zone)
    for name, schema in schemas(pack).items():
        store.take(name, getattr(tables, name), schema)
    found = [(number, a.source_file, a.source_row, a.accepted, a.warned) for number, a in enumerate(intake.admitted)]
    store.take("origins", _arrow(found, ORIGINS), ORIGINS)
    return BatchIntake(
        intake.rejects, intake.warnings, intake.counts, intake.files, tables.holds, handed_over=intake.counts.read
    )


def _arrow(rows: Sequence[Sequence[Any]], schema: Schema) -> Any:
    kinds = {"int64": pa.int64(), "string": pa.string(), "boolean": pa.bool_()}
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table({n: pa.array(c, kinds[k]) for (n, k), c in zip(schema.items(), columns, strict=True)})


def _connection(store: Store) -> Any:
    """Return DuckDB's own connection: intake is of DuckDB alone, and writes its own SQL."""
    return store.connection


def _adopt(store: Store, name: str, schema: Schema, *, always: Alike = MappingProxyType({})) -> None:
    """Let the store know a table that was made by SQL; `always` are columns that are alike in every row."""
    store.adopt(name, schema, always=always)


@dataclass(frozen=True, slots=True)
class _Slow:
    """The records that the model has read, as tables; the rows and the `holds` of each, and whose end is unsure."""

    tables: Tables
    rows: Sequence[Sequence[RowPlace]]
    holds: Sequence[Holds]
    unsure: frozenset[RowPlace]


class _Reading:
    """One call of `read_into`."""

    def __init__(self, store: Store, pack: Pack, as_of: datetime, heard: _Heard) -> None:
        self._heard = heard
        self._store = store
        self._con = _connection(store)
        self._pack = pack
        self._as_of = as_of
        self._schemas = schemas(pack)
        self._reader = Reader(pack.record, pack.zone)
        self._account = Account()
        self._material = Material()
        self._names: list[str] = []
        self._files: list[FileRead] = []
        self._sources: list[Source] = []
        self._holds: dict[int, Holds] = {}
        self._written: dict[int, Callable[[Iterable[tuple[int, str]]], Iterable[Draft | Gone | Side]]] = {}

    def read(self, files: Sequence[str | Path], sides: Sides) -> BatchIntake:
        """Read the files; return what became of their rows."""
        given: list[tuple[str | Path, SideName | None]] = [(path, side) for side, path in sides.items()]
        given += [(path, None) for path in files]
        for path, side in given:
            self._take(path, side)
            self._heard.half(path)
        return self._decide()

    def read_mapped(self, opened: Sequence[Opened], mapping: FileMapping) -> BatchIntake:
        """Read files that are tables of a mapping; return what became of their rows."""
        mapped = MappedFiles(mapping, self._reader, self._account)
        for one in opened:
            self._names.append(one.file.name)
            self._account.see_file(one.file.name)
            mapped.identify(one.file)
            self._files.append(FileRead(one.file.name, one.file.encoding, one.delimiter, one.table.name))
        for number, one in enumerate(opened):
            taken = mapped.taken(one.table, {})
            file = MappedRows(self._con, one, taken, self._pack.record, number=number)
            self._material.add(file.left(self._account, self._heard.within(one.file.name)))
            self._sources.append(file.source())
            self._holds[number] = taken.origin.holds
            self._written[number] = partial(file.written, account=self._account)
            self._heard.half(one.file.name)
        return self._decide()

    def _decide(self) -> BatchIntake:
        """Tell the rows that are sure from those that go through the model, and settle both."""
        self._con.register("intake zone", zone_days(self._pack.zone))
        self._con.execute(f'CREATE TABLE {quoted(DAYS)} AS SELECT * FROM "intake zone"')
        self._con.unregister("intake zone")
        rows = Rows(self._con, self._pack.record, self._sources)
        for source in self._sources:
            rows.read(source)
            self._heard.half(self._names[source.number])
        rows.find_slow(self._known_slow(rows))
        items = {attribute: rows.list_items(attribute) for attribute in _LISTS}
        self._hand_over()
        return self._finish(self._settle(), items)

    def _settle(self) -> _Slow:
        """Return what the model has made of the rows that were handed over; the objects themselves are let go."""
        settled = settle(self._material, self._reader, self._account)
        self._material = Material()
        world = World([incident for incident, _ in settled.records], self._as_of)
        rows = [[draft.row for draft in (*r.drafts, *(draft for draft, _ in r.repeats))] for _, r in settled.records]
        return _Slow(
            gathered([world], self._pack, zone=self._pack.zone),
            rows,
            [incident.holds for incident in world.incidents],
            settled.unsure,
        )

    # ---- files -------------------------------------------------------------------------------------------------------

    def _take(self, path: str | Path, side: SideName | None) -> None:
        number = len(self._names)
        self._names.append(str(path))
        self._account.see_file(str(path))
        if sources.is_parquet(path):
            source = sources.take_parquet(self._con, path, self._pack.record, number=number, side=side)
            self._note(source.layout, "Parquet", number, side)
            self._sources.append(source)
            return
        file = sources.find(path)
        if side is None and is_json_lines(file):
            self._files.append(FileRead(file.name, file.encoding, "", "JSON lines"))
            self._take_json(file, path, number)
            return
        layout = canonical.understand(file, self._pack.record, side=side)
        self._note(layout, side or "canonical CSV", number, side)
        damaged: list[TextRow] = []
        source = sources.take_text(self._con, layout, path, number=number, side=side, damaged=damaged.append,
            seen=self._heard.within(path),
        )  # fmt: skip
        self._sources.append(source)
        self._through_model(source, damaged)

    def _take_json(self, file: TextFile, path: str | Path, number: int) -> None:
        """Take the plain lines as tables, and any other through the model."""
        if asks_more(self._pack.record) or any(source.side is not None for source in self._sources):
            self._material.add(json_lines.drafts(file, self._reader, self._account))
            return
        taken = JsonLines(self._con, file, self._pack.record, number=number)
        left = taken.left(self._heard.within(path))
        self._material.add(json_lines.drafts(file, self._reader, self._account, found=left))
        source, holds = taken.source()
        self._sources.append(source)
        self._holds[number] = Holds() if holds is None else holds
        self._written[number] = lambda found: json_lines.drafts(file, self._reader, self._account, found=found)

    def _note(self, layout: canonical.Layout, taken_for: str, number: int, side: SideName | None) -> None:
        encoding, delimiter = ("", "") if taken_for == "Parquet" else (layout.file.encoding, layout.delimiter)
        self._files.append(FileRead(layout.file.name, encoding, delimiter, taken_for))
        canonical.warn_of_unknown(layout, self._account)
        if side is None:
            beside: dict[SideName, canonical.Layout] = {
                source.side: source.layout for source in self._sources if source.side is not None
            }
            self._holds[number] = canonical.holds_of(layout, beside)

    # ---- rows that go through the model ------------------------------------------------------------------------------

    def _through_model(self, source: Source, rows: Iterable[TextRow]) -> None:
        if source.side is None:
            holds = self._holds[source.number]
            self._material.add(canonical.drafts(source.layout, self._reader, holds, self._account, found=rows))
        else:
            found = canonical.sides_of(source.layout, source.side, self._reader, self._account, found=rows)
            self._material.add(found)

    def _known_slow(self, rows: Rows) -> set[str]:
        """Return the ids of incidents in JSON lines, and of those whose id only the model can read."""
        found = {getattr(draft.groups.get("incident"), "id", None) for draft in self._material.drafts}
        for cell in rows.odd_ids():
            try:
                found.add(parse_text(cell))
            except ValueError:
                continue  # it is no id, and its row is rejected on its own
        return {name for name in found if name is not None}

    def _hand_over(self) -> None:
        """Add the rows that are not taken as they stand to the material."""
        for source in self._sources:
            drafts = self._written.get(source.number)
            columns = ", ".join(["t.row", *([f"t.{LINE}"] if drafts else (f"t.c{index}" for index in source.indexes))])
            found = self._con.cursor().execute(
                f"SELECT {columns} FROM {quoted(source.table)} t JOIN {quoted(rows_table(source))} r "
                f"ON r.spot = {spot(source.number, 0)} + t.row WHERE NOT {is_fast('r.')} ORDER BY t.row"
            )
            if drafts is not None:
                self._material.add(drafts(iter(found.fetchone, None)))
            else:
                self._through_model(source, sources.text_rows(source, found))
            self._con.execute(f"DROP TABLE {quoted(source.table)}")
        numbers = {name: number for number, name in enumerate(self._names)}
        self._material.drafts.sort(key=lambda draft: (numbers[draft.row.source_file], draft.row.source_row))
        self._know_children()

    def _know_children(self) -> None:
        """Say of damaged rows whether the text in the place of the child id is one that another row has."""
        asked = {one.child_id for one in self._material.gone if one.child_id is not None and not one.is_sure}
        if not asked:
            return
        self._con.register("intake asked", pa.table({"child": pa.array(sorted(asked), pa.string())}))
        known: set[str] = set()
        for source in self._sources:
            if source.side is None:
                found = (
                    f'SELECT DISTINCT child FROM {quoted(rows_table(source))} SEMI JOIN "intake asked" USING (child)'
                )
                known |= {child for (child,) in self._con.execute(found).fetchall()}
        self._con.unregister("intake asked")
        self._material.gone = [
            dataclasses.replace(one, is_sure=True) if one.child_id in known else one for one in self._material.gone
        ]

    # ---- tables ------------------------------------------------------------------------------------------------------

    def _finish(self, slow: _Slow, items: Mapping[str, str]) -> BatchIntake:
        handed_over = self._account.counts().read
        numbers = {name: number for number, name in enumerate(self._names)}
        spots = [spot(numbers[rows[0].source_file], rows[0].source_row) for rows in slow.rows]
        unsure = [one for one, rows in zip(spots, slow.rows, strict=True) if rows[0] in slow.unsure]
        self._make_order(spots, unsure)
        holds = self._holds_in_order(zip(spots, slow.holds, strict=True))
        self._make_tables(slow.tables, spots, items, holds)
        fast_warned = self._warn_of_doubts()
        self._make_rejected()
        self._make_origins(zip(spots, slow.rows, strict=True), fast_warned)
        fast = self._count_fast() - len(fast_warned)
        self._clear(items)
        counts = self._account.counts()
        counts = dataclasses.replace(counts, read=counts.read + fast, accepted=counts.accepted + fast)
        account = self._account
        return BatchIntake(account.rejects(), account.warnings(), counts, tuple(self._files), tuple(holds), handed_over)

    def _mains(self) -> list[Source]:
        return [source for source in self._sources if source.side is None]

    def _make_order(self, slow: Sequence[int], unsure: Sequence[int]) -> None:
        """Make the table of records by the spot of their first rows; `fast` are those that no model has read."""
        self._con.register("intake slow spots", _arrow([(one,) for one in slow], {"spot": "int64"}))
        self._con.register("intake unsure", _arrow([(one,) for one in unsure], {"spot": "int64"}))
        found = ['SELECT spot, false AS fast FROM "intake slow spots"']
        found += [f"SELECT spot, true FROM {quoted(rows_table(s))} WHERE {is_fast()}" for s in self._mains()]
        self._con.execute(
            f"CREATE TABLE {quoted(_ORDER)} AS SELECT spot, row_number() OVER (ORDER BY spot) - 1 AS record, fast, "
            f'spot IN (SELECT spot FROM "intake unsure") AS unsure FROM ({" UNION ALL ".join(found)})'
        )
        self._con.unregister("intake slow spots")
        self._con.unregister("intake unsure")

    def _holds_in_order(self, slow: Iterable[tuple[int, Holds]]) -> dict[Holds, int]:
        """Return the number of each distinct `holds`, in the order of the records."""
        found = list(slow)
        first = f"SELECT min(spot) FROM {quoted(_ORDER)} WHERE fast GROUP BY spot >> 40"
        found += [(one, self._holds[place(one)[0]]) for (one,) in self._con.execute(first).fetchall()]
        numbers: dict[Holds, int] = {}
        for _, holds in sorted(found, key=lambda pair: pair[0]):
            numbers.setdefault(holds, len(numbers))
        return numbers

    def _make_tables(
        self, slow: Tables, spots: Sequence[int], items: Mapping[str, str], holds: Mapping[Holds, int]
    ) -> None:
        self._con.register("intake spots", _arrow(list(enumerate(spots)), {"record": "int64", "spot": "int64"}))
        numbers = [(own, holds[one]) for own, one in enumerate(slow.holds)]
        self._con.register("intake holds", _arrow(numbers, {"holds": "int64", "number": "int64"}))
        renumbered = f'JOIN "intake spots" s ON s.record = t.record JOIN {quoted(_ORDER)} o ON o.spot = s.spot'
        always = {name: self._alike(name, getattr(slow, name), holds) for name in _TABLES}
        for name in _TABLES:
            schema = {one: kind for one, kind in self._schemas[name].items() if one not in always[name]}
            made = ", ".join(f"{quoted(one)} {kind}" for one, kind in sql_columns(schema).items())
            self._con.execute(f"CREATE TABLE {quoted(name)} ({made})")
            self._con.register("intake handed over", getattr(slow, name).select(list(schema)))
            more = ", h.number AS holds" if "holds" in schema else ""
            joined = f'{renumbered} JOIN "intake holds" h ON h.holds = t.holds' if more else renumbered
            self._con.execute(
                f"INSERT INTO {quoted(name)} BY NAME SELECT t.* REPLACE (o.record AS record{more}) "
                f'FROM "intake handed over" t {joined}'
            )
            self._con.unregister("intake handed over")
        for view in ("intake spots", "intake holds"):
            self._con.unregister(view)
        infos = fields_of(self._pack)["records"]
        suspects = f"SELECT spot, count(*) AS suspects FROM {quoted(items['suspects'])} GROUP BY spot"
        for source in self._mains():
            values = "".join(f", {sql} AS {quoted(n)}" for n, sql in own_values(infos, paths_of(source)).items())
            number = holds.get(self._holds[source.number], 0)
            self._con.execute(
                f"INSERT INTO records BY NAME SELECT o.record, "
                f"{'' if 'holds' in always['records'] else f'{number} AS holds, '}"
                f"coalesce(s.suspects, 0) AS suspects{values} "
                f"FROM {quoted(rows_table(source))} r JOIN {quoted(_ORDER)} o ON o.spot = r.spot AND o.fast "
                f"LEFT JOIN ({suspects}) s ON s.spot = r.spot"
            )
        for attribute, table in items.items():
            self._add_items(attribute, table)
        for name in _TABLES:
            _adopt(self._store, name, self._schemas[name], always=always[name])

    def _alike(self, name: str, slow: Any, holds: Mapping[Holds, int]) -> dict[str, Plain | None]:
        """Return the columns of a table that are alike in every row: of what no file has, and of the run itself."""
        infos = fields_of(self._pack)[name]
        filled = set(self._schemas[name]) - set(schema_of(infos))
        if name == "records":
            paths = {path for source in self._mains() for path in paths_of(source)}
        else:
            attribute = next(one for one, table in _LISTS.items() if table == name)
            paths = filled_paths(self._sources, attribute)
        filled |= set(schema_of(info for info in infos if info.path in paths))
        filled |= {one for one in slow.column_names if slow.column(one).null_count < slow.num_rows}
        found: dict[str, Plain | None] = {one: None for one in self._schemas[name] if one not in filled}
        if name != "records":
            return found
        as_of = Moment.at(self._as_of.astimezone(self._pack.zone))
        found |= {"world": 0, "as_of": as_of.earliest, "as_of|day": as_of.day, "as_of|local": as_of.local}
        if len(holds) == 1:
            found["holds"] = 0
        return found

    def _add_items(self, attribute: str, table: str) -> None:
        """Add the items of a list of the rows that are taken as they stand."""
        name = _LISTS[attribute]
        number = "seat" if name == "seats" else "item"
        paths = filled_paths(self._sources, attribute)
        filled = schema_of(info for info in fields_of(self._pack)[name] if info.path in paths)
        columns = "".join(f", {quoted(one)}" for one in filled)
        self._con.execute(
            f"INSERT INTO {quoted(name)} BY NAME SELECT o.record, t.item AS {number}{columns} FROM {quoted(table)} t "
            f"JOIN {quoted(_ORDER)} o ON o.spot = t.spot AND o.fast"
        )
        if name == "seats":
            self._con.execute(
                f"INSERT INTO seats BY NAME SELECT o.record, -1 AS seat FROM {quoted(_ORDER)} o "
                f"WHERE o.fast AND o.spot NOT IN (SELECT spot FROM {quoted(table)})"
            )

    def _warn_of_doubts(self) -> list[int]:
        """Add the warnings about records beside others; return the spots of those that no model has read."""
        found = list(doubts(self._con, _ORDER, place=self._place, names=self._names))
        self._con.register("intake doubted", _arrow([(one,) for one, _ in found], {"spot": "int64"}))
        query = f'SELECT spot FROM {quoted(_ORDER)} WHERE fast AND spot IN (SELECT spot FROM "intake doubted")'
        fast = [one for (one,) in self._con.execute(query).fetchall()]
        self._con.unregister("intake doubted")
        for one in fast:
            self._account.see(self._place(one))
            self._account.accept(self._place(one))
        for _, (incident, defect) in found:
            self._account.warn(defect, incident_id=incident.incident.id, child_id=incident.child.id)
        return fast

    def _place(self, found: int) -> RowPlace:
        number, row = place(found)
        return RowPlace(self._names[number], row)

    def _make_rejected(self) -> None:
        found = [(0, reject.source_row, reject.child_id) for reject in self._account.rejects() if reject.child_id]
        self._store.take("rejected", _arrow(found, self._schemas["rejected"]), self._schemas["rejected"])

    def _make_origins(self, slow: Iterable[tuple[int, Sequence[RowPlace]]], fast_warned: Sequence[int]) -> None:
        """Make the table of where records stand; `slow` are the rows of each record that the model has read."""
        warned = self._account.warned_rows()
        doubtful = [(where, len(rows), sum(row in warned for row in rows)) for where, rows in slow]
        rows = [(where, number - doubted, doubted) for where, number, doubted in doubtful]
        rows += [(where, 0, 1) for where in fast_warned]
        self._con.register("intake told", _arrow(rows, {"spot": "int64", "accepted": "int64", "warned": "int64"}))
        names = ", ".join(literal(name) for name in self._names)
        self._con.execute(
            f"CREATE TABLE origins AS SELECT o.record, [{names}][(o.spot >> 40) + 1] AS source_file, "
            f"o.spot & {(1 << 40) - 1} AS source_row, coalesce(t.accepted, 1) AS accepted, "
            f"coalesce(t.warned, 0) AS warned "
            f'FROM {quoted(_ORDER)} o LEFT JOIN "intake told" t ON t.spot = o.spot'
        )
        self._con.unregister("intake told")
        _adopt(self._store, "origins", ORIGINS)

    def _count_fast(self) -> int:
        """Return how many rows, those of lists among them, no model has read."""
        found = [f"SELECT count(*) FROM {quoted(rows_table(source))} WHERE {is_fast()}" for source in self._sources]
        return sum(self._con.execute(query).fetchall()[0][0] for query in found)

    def _clear(self, items: Mapping[str, str]) -> None:
        own = [items_table(one, name) for source in self._sources for name, one in source.items.items()]
        for name in (*items.values(), *own, *(rows_table(source) for source in self._sources), SLOW, DAYS, _ORDER):
            self._con.execute(f"DROP TABLE {quoted(name)}")
