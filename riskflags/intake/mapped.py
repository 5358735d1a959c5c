"""The rows of files that a mapping knows, joined with those of other tables, and what each of them becomes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, assert_never

from riskflags.errors import Place, RecordError
from riskflags.fields import catalogue
from riskflags.intake import opened as files
from riskflags.intake.account import Account, Defect, echo
from riskflags.intake.canonical import damaged
from riskflags.intake.drafts import Cell, Draft, Gone, Origin, Reader, Side, in_list, places
from riskflags.intake.joins import LookUps
from riskflags.intake.merge import merged
from riskflags.intake.sources import Seen, Sight, blank_column, cell_of
from riskflags.mapping.model import Always, Column, DateTime, FirstOf, From, Source, Template, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from riskflags.incident import Facts, Holds
    from riskflags.intake.assemble import Material
    from riskflags.intake.canonical import Layout, SideName
    from riskflags.intake.merge import Placed
    from riskflags.intake.opened import Opened
    from riskflags.intake.tables import Damage, TextFile
    from riskflags.mapping.model import FileMapping, Reading, Table

ITEM_TABLES = ("suspects", "done", "markers")
Fields = dict[str, dict[str, Source]]
"""The sources of fields, by attribute of the record and path."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How the rows of a table of records are taken: what fills each field, and `drafts` for what becomes of a row."""

    table: Table
    reading: Reading
    fields: Fields
    origin: Origin
    drafts: Callable[[Seen, Damage | None], Iterator[Draft | Gone | Side]]


class MappedFiles:
    """The files of one reading that are tables of a mapping."""

    def __init__(self, mapping: FileMapping, reader: Reader, account: Account) -> None:
        zone = mapping.read.zone
        self._mapping = mapping
        self._reader = reader if zone is None else dataclasses.replace(reader, zone=zone)
        self._account = account
        self._opened: list[Opened] = []
        self._lookups = LookUps(mapping, account)
        self._fields: Fields = {}
        for path, source in mapping.fields.items():
            if path not in mapping.no_identity:
                self._fields.setdefault(places(reader.record)[path][0], {})[path] = source

    def identify(self, file: TextFile) -> Opened | None:
        """Return the file as the table that it is, and keep it; None for a canonical file."""
        found = files.identify(file, self._mapping, self._reader.record)
        if found is not None:
            files.warn_of_columns(found, self._mapping, self._account)
            self._opened.append(found)
        return found

    def take_into(self, material: Material, sides: Mapping[SideName, Layout]) -> None:
        """Add the rows of all files to the material. RecordError where a table that is needed has no file."""
        self._refuse_lacking()
        for one in self._of("lookup"):
            self._lookups.add(one)
        for one in self._of(*ITEM_TABLES):
            material.add(self._sides(one))
        for one in self._of("records"):
            taken = self.taken(one.table, sides)
            for seen, damage in one.rows(self._mapping.read, self._account):
                material.add(taken.drafts(seen, damage))
        self._lookups.settle()
        if children := list(self._of("children")):
            self._take_children(children, material)

    def _of(self, *kinds: str) -> Iterator[Opened]:
        return (one for one in self._opened if one.table.rows in kinds)

    def _refuse_lacking(self) -> None:
        there = {one.table.name for one in self._opened}
        for table in self._mapping.tables.values():
            if not table.optional and table.name not in there:
                message = f"none of the files is the table {table.name} of the mapping {self._mapping.name}"
                raise RecordError(message, Place(""), f"expected a file with the columns {', '.join(table.headers)}")

    # ---- what the source holds ---------------------------------------------------------------------------------------

    def _fillable(self, table: Table) -> Fields:
        """Return the fields that rows of a table can have, with the files that are there."""
        seen = [one for one in self._opened if one.table == table or one.table.rows != "records"]
        headers = {one.table.name: one.headers for one in seen}

        def there(column: Column) -> bool:
            return self._mapping.read.header(column.header) in headers.get(column.table, ())

        found = {
            attribute: {path: source for path, source in fields.items() if fillable(source, there)}
            for attribute, fields in self._fields.items()
        }
        return {attribute: fields for attribute, fields in found.items() if fields}

    def _holds(self, table: Table, sides: Mapping[SideName, Layout]) -> Holds:
        paths = {path for fields in self._fillable(table).values() for path in fields}
        paths |= {path for layout in sides.values() for path in layout.paths()}
        more: dict[str, object] = {"fields": tuple(sorted(paths))}
        more |= {} if any(path.startswith("action.") for path in paths) else {"actions": "none"}
        more |= {} if any(path.startswith("marker.") for path in paths) else {"markers": False}
        more |= {} if any(path.startswith("suspect.") for path in paths) else {"suspects": False}
        more |= {side: "all" if side == "actions" else True for side in sides}
        return self._mapping.holds.model_copy(update=more)

    def _columns(self, table: Table) -> dict[str, str]:
        """Return for each field the column that messages name for it."""
        found: dict[str, str] = {}
        for fields in self._fields.values():
            for path, source in fields.items():
                columns = sorted(source.filled_from(), key=lambda column: column.table != table.name)
                if columns:
                    own = columns[0].table == table.name
                    found[path] = columns[0].header if own else str(columns[0])
        return found

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _cells(self, fields: Mapping[str, Source], sight: Sight) -> dict[str, Cell]:
        infos = catalogue(self._reader.record)
        found = {path: cell_of(source, infos[path], sight) for path, source in fields.items()}
        return {path.partition(".")[2]: cell for path, cell in found.items() if cell is not None}

    def _text(self, path: str, sight: Sight) -> str | None:
        """Return the value of a text field of a row that may be no record; None where it cannot be read."""
        source = self._mapping.fields.get(path)
        if source is None or path in self._mapping.no_identity:
            return None
        cell = cell_of(source, catalogue(self._reader.record)[path], sight)
        return cell.value if cell is not None and isinstance(cell.value, str) else None

    def taken(self, table: Table, sides: Mapping[SideName, Layout]) -> Taken:
        """Return how the rows of a table of records are taken; after all files are identified."""
        fields = self._fillable(table)
        origin = Origin(self._holds(table, sides), self._columns(table))
        return Taken(table, self._mapping.read, fields, origin, partial(self._records, table, fields, origin))

    def _records(
        self, table: Table, fields: Fields, origin: Origin, seen: Seen, damage: Damage | None
    ) -> Iterator[Draft | Gone | Side]:
        sight = Sight(table.name, {table.name: seen}, self._mapping.read)
        if damage is not None:
            yield damaged(damage, seen.place, self._text("child.id", sight))
        elif not sight.passes(table.keep):
            yield Gone(seen.place, self._joins(table, sight), None)
        elif table.child is None or sight.passes(table.child):
            yield self._draft(table, fields, sight, origin)
        elif table.suspect is not None and sight.passes(table.suspect):
            yield from self._side(table, "suspects", sight, ("key", table.name), table.key)
        elif table.other is not None and sight.passes(table.other):
            yield Gone(seen.place, frozenset(), None)
        else:
            yield Gone(seen.place, frozenset(), self._nobody(table, sight), self._text("child.id", sight))

    def _nobody(self, table: Table, sight: Sight) -> Defect:
        """Return the defect of a row that no test of the mapping says what it is."""
        column = next(columns_of(table.child), Column(table.name, ""))
        expected = "a child, a suspect or another person by the mapping"
        got = f", got {echo(sight.cell(column))}" if column not in self._personal() else ""
        message = f"{column.header}: expected {expected}{got}"
        return Defect(sight.place, column.header, column.header, "unknown_code", expected, message, fatal=True)

    def _personal(self) -> set[Column]:
        infos = catalogue(self._reader.record)
        return {c for path, source in self._mapping.fields.items() if infos[path].personal for c in source.columns()}

    def _joins(self, table: Table, sight: Sight) -> frozenset[Hashable]:
        """Return the keys by which rows of lists find this row."""
        wanted: dict[Hashable, tuple[str, ...]] = {("key", table.name): table.key} if table.key else {}
        for one in self._mapping.tables.values():
            if one.rows in ITEM_TABLES and one.join is not None and {*one.join.on} <= {*table.headers}:
                wanted[("join", one.name)] = one.join.on
        return frozenset((name, self._key(table, headers, sight)) for name, headers in wanted.items())

    def _key(self, table: Table, headers: Iterable[str], sight: Sight) -> tuple[str, ...]:
        return tuple(sight.cell(Column(table.name, name)) for name in headers)

    def _draft(self, table: Table, fields: Fields, sight: Sight, origin: Origin) -> Draft:
        joins = self._joins(table, sight)
        sight, defects = self._lookups.joined(sight)
        groups: dict[str, Facts] = {}
        items: dict[str, tuple[Facts, ...]] = {}
        for attribute, sources in fields.items():
            if in_list(attribute) and (not self._says(sources, sight) or (attribute == "suspects" and table.suspect)):
                continue
            cells = self._cells(sources, sight)
            if cells:
                facts, bad = self._reader.facts(attribute, cells, sight.place)
                defects += bad
                if in_list(attribute):
                    items[attribute] = (facts,)
                else:
                    groups[attribute] = facts
        if getattr(groups.get("incident"), "id", None) is None and not any(d.field == "incident.id" for d in defects):
            defects.append(self._no_id(sight))
        return Draft(sight.place, origin, groups, items, tuple(defects), joins)

    def _no_id(self, sight: Sight) -> Defect:
        source = self._mapping.fields["incident.id"]
        column = blank_column(source, sight)
        names = list(dict.fromkeys(sight.name(c) for c in source.filled_from()))
        several = f"{', '.join(names[:-1])} and {names[-1]}, which make" if len(names) > 1 else f"{column}, which makes"
        expected = f"a value in {several} the incident id"
        message = f"{column}: expected {expected}, the cell is blank"
        return Defect(sight.place, "incident.id", column, "missing", expected, message, fatal=True)

    def _says(self, fields: Mapping[str, Source], sight: Sight) -> bool:
        """Return whether a row itself fills any of the fields: what is always said makes no item of a list."""
        return any(sight.cell(c) for source in fields.values() for c in source.filled_from() if c.table == sight.table)

    def _sides(self, opened: Opened) -> Iterator[Gone | Side]:
        table = opened.table
        for seen, damage in opened.rows(self._mapping.read, self._account):
            sight = Sight(table.name, {table.name: seen}, self._mapping.read)
            if damage is not None:
                yield damaged(damage, seen.place, None)
            elif not sight.passes(table.keep):
                yield Gone(seen.place, frozenset(), None)
            elif table.join is not None:
                yield from self._side(table, table.rows, sight, ("join", table.name), table.join.on)

    def _side(
        self, table: Table, attribute: str, sight: Sight, name: Hashable, headers: tuple[str, ...]
    ) -> Iterator[Gone | Side]:
        """Yield a row of a list as an item; or as gone, where it says to no record, or is no action."""
        key = self._key(table, headers, sight)
        sight, joined = self._lookups.joined(sight)
        item, defects = self._reader.facts(attribute, self._cells(self._fields.get(attribute, {}), sight), sight.place)
        defects += joined
        fatal = next((defect for defect in defects if defect.fatal), None)
        if not all(key):
            blank = next(header for header, text in zip(headers, key, strict=True) if not text)
            message = f"{blank}: expected a value that says which record it belongs to, the cell is blank"
            fatal = Defect(sight.place, blank, blank, "missing", "a value", message, fatal=True)
        elif attribute == "done" and getattr(item, "code", None) is None:
            column = blank_column(self._mapping.fields["action.code"], sight)
            message = f"{column}: expected the code of an action"
            missing = Defect(
                sight.place, "action.code", column, "missing", "the code of an action", message, fatal=True
            )
            fatal = next((defect for defect in defects if defect.field == "action.code"), missing)
        if fatal is not None:
            yield Gone(sight.place, frozenset(), fatal)
            return
        incident_id = self._text("incident.id", sight)
        column = " and ".join(headers)
        yield Side(sight.place, attribute, item, (name, key), column, incident_id, None, tuple(defects))

    # ---- children ----------------------------------------------------------------------------------------------------

    def _take_children(self, opened: list[Opened], material: Material) -> None:
        """Take rows that fill in what is absent of a child. Those of children without a record are out of scope."""
        wanted = {getattr(draft.groups.get("child"), "id", None) for draft in material.drafts}
        found: dict[str, list[Placed]] = {}
        for one in opened:
            for seen, damage in one.rows(self._mapping.read, self._account):
                self._take_child(one.table, seen, damage, wanted, found)
        for child_id, placed in found.items():
            facts, disagreed = merged(placed, "child", self._reader.record)
            material.children[child_id] = facts
            for defect in disagreed:
                self._account.warn(defect, child_id=child_id)
        paths = {path for one in opened for path in self._fillable(one.table).get("child", ())}
        origins = {id(draft.origin): _holding(draft.origin, paths) for draft in material.drafts}
        material.drafts = [dataclasses.replace(draft, origin=origins[id(draft.origin)]) for draft in material.drafts]

    def _take_child(
        self, table: Table, seen: Seen, damage: Damage | None, wanted: set[str | None], found: dict[str, list[Placed]]
    ) -> None:
        sight = Sight(table.name, {table.name: seen}, self._mapping.read)
        if damage is not None:
            defect = Defect(seen.place, "", damage.column, damage.code, damage.expected, damage.message)
            self._account.reject(defect, child_id=None)
            return
        facts, defects = self._reader.facts("child", self._cells(self._fields["child"], sight), seen.place)
        child_id: str | None = getattr(facts, "id", None)
        fatal = next((defect for defect in defects if defect.fatal), None)
        if child_id is None:
            column = blank_column(self._mapping.fields["child.id"], sight)
            message = f"{column}: expected the id of a child"
            missing = Defect(seen.place, "child.id", column, "missing", "the id of a child", message)
            self._account.reject(next((d for d in defects if d.field == "child.id"), missing), child_id=None)
        elif fatal is not None:
            self._account.reject(fatal, child_id=child_id)
        elif child_id not in wanted or not sight.passes(table.keep):
            self._account.leave_out(seen.place)
        else:
            self._account.accept(seen.place)
            found.setdefault(child_id, []).append((seen.place, facts))
            for defect in defects:
                self._account.warn(defect, child_id=child_id)


def _holding(origin: Origin, paths: set[str]) -> Origin:
    """Return the origin with more fields that its source, with the children's table beside it, can fill."""
    holds = origin.holds
    if holds.fields == "all":
        return origin
    more = holds.model_copy(update={"fields": tuple(sorted({*holds.fields, *paths}))})
    return Origin(more, origin.columns)


def fillable(source: Source, there: Callable[[Column], bool]) -> bool:
    """Return whether a source can give a value at all, by the columns that are there."""
    if not all(there(column) for column in source.tested()):
        return False
    match source.form:
        case Always():
            return True
        case From(columns=columns):
            return any(there(column) for column in columns)
        case Template(parts=parts):
            return all(isinstance(part, str) or there(part) for part in parts)
        case FirstOf(sources=sources):
            return any(fillable(one, there) for one in sources)
        case DateTime(date=day):
            return fillable(day, there)
        case _:
            assert_never(source.form)
