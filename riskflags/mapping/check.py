"""What the parts of a mapping must be together: each readable alone is not yet a mapping that can work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.incident import TIMES
from riskflags.source.problems import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.fields import FieldInfo
    from riskflags.mapping.model import Column, FileMapping, RowsKind, Table
    from riskflags.source.problems import Problems
    from riskflags.source.shape import Taken

ITEMS: Mapping[str, RowsKind] = {"suspect": "suspects", "marker": "markers", "action": "done"}
"""Group of a list -> the tables whose rows may be its items."""
_NEEDED: Mapping[RowsKind, tuple[tuple[str, ...], ...]] = {
    "records": (("incident.id",), ("incident.type",), TIMES),
    "done": (("action.code",),),
    "children": (("child.id",),),
}
"""Kind of table -> the fields that its rows cannot do without: one of each."""


def check(
    mapping: FileMapping, infos: Mapping[str, FieldInfo], taken: Taken, problems: Problems, *, is_open: bool = False
) -> None:
    """Report what does not go together. With questions that are open, what is needed may still come with an answer."""
    for table in mapping.tables.values():
        _check_people(table, problems)
        _check_join(table, mapping, problems)
    _check_fields(mapping, infos, problems)
    if not is_open:
        _check_needed(mapping, taken, problems)
    _check_holds(mapping, taken, problems)
    joins_children = any(table.rows == "children" for table in mapping.tables.values())
    keys = ("child.id", "incident.id") if joins_children else ("incident.id",)
    for path in (path for path in keys if path in mapping.no_identity):
        message, hint = f"{path} cannot be without identity here", "rows are brought together by it: take it out"
        problems.report("RF020", taken.place_of("no_identity"), message, hint)


def _check_people(table: Table, problems: Problems) -> None:
    tests = {"child": table.child, "suspect": table.suspect, "other": table.other}
    if table.rows != "records":
        wrong = [name for name, test in (*tests.items(), ("key", table.key)) if test]
        if wrong:
            message = f"{quoted(wrong[0])} in a table whose rows are no records"
            problems.report("RF020", table.place, message, "only a table with rows: records has one row per person")
    elif (table.key or table.suspect or table.other) and table.child is None:
        hint = "say which rows are the child: child: {Role: {in: [Victim, ...]}}; without it every row is a record"
        problems.report("RF013", table.place, "one row per person, but no `child`", hint)
    elif table.suspect is not None and not table.key:
        hint = "say which rows are of one incident: key: [Incident Ref]"
        problems.report("RF013", table.place, "rows of suspects, but no `key`", hint)


def _check_join(table: Table, mapping: FileMapping, problems: Problems) -> None:
    if table.rows in ("records", "children"):
        if table.join is not None:
            message = f"`join` in a table with rows: {table.rows}"
            problems.report("RF020", table.place, message, "only other tables are joined to those with rows: records")
        return
    if table.join is None:
        hint = "say by which headers its rows find their record: join: {on: [Incident Ref]}"
        problems.report("RF013", table.place, f"a table with rows: {table.rows} without `join`", hint)
        return
    if table.join.many and table.rows != "lookup":
        message, hint = (
            f"`many` in a table with rows: {table.rows}",
            "any number of them belong to a record: take it out",
        )
        problems.report("RF020", table.place, message, hint)
    if table.join.on and not any(True for _ in _joined_to(table, mapping)):
        of = "records or of their lists" if table.rows == "lookup" else "records"
        message = f"no table of {of} has all of {listed(table.join.on)} among its headers"
        problems.report("RF101", table.place, message, "join on headers that both tables have")


def _joined_to(table: Table, mapping: FileMapping) -> Iterator[Table]:
    """Yield the tables whose rows those of a table can be joined to: of records, and of lists where it is a look-up."""
    kinds = ("records", *ITEMS.values()) if table.rows == "lookup" else ("records",)
    headers = {*table.join.on} if table.join is not None else set[str]()
    yield from (one for one in mapping.tables.values() if one.rows in kinds and headers <= {*one.headers})


def _check_fields(mapping: FileMapping, infos: Mapping[str, FieldInfo], problems: Problems) -> None:
    for path, source in mapping.fields.items():
        for column in dict.fromkeys(source.columns()):
            if not _is_in_sight(column, path, mapping):
                rows = mapping.tables[column.table].rows
                message = f"{path} cannot be filled from a table with rows: {rows}"
                hint = f"{infos[path].path} is read from rows of its own kind, or from the row of the record"
                problems.report("RF111", source.place, message, hint)
        many = [column for column in source.filled_from() if _is_of_many(column, mapping)]
        if many and infos[path].kind != "codes":
            message = f"{path} takes one value, and many rows of {many[0].table} may be joined"
            hint = f"write {{always: VALUE, when: {{{many[0]}: {{in: [...]}}}}}}, or fill a list of codes from it"
            problems.report("RF111", source.place, message, hint)


def _is_of_many(column: Column, mapping: FileMapping) -> bool:
    join = mapping.tables[column.table].join
    return join is not None and join.many


def _is_in_sight(column: Column, path: str, mapping: FileMapping) -> bool:
    table = mapping.tables[column.table]
    rows, group = table.rows, path.partition(".")[0]
    if rows == "records":
        return True
    if rows == "lookup":
        return group not in ITEMS or any(one.rows == ITEMS[group] for one in _joined_to(table, mapping))
    if rows == "children":
        return group == "child"
    return rows == ITEMS.get(group) or path == "incident.id"


def _check_needed(mapping: FileMapping, taken: Taken, problems: Problems) -> None:
    kinds = {table.rows for table in mapping.tables.values()}
    for kind, choices in _NEEDED.items():
        for choice in choices if kind in kinds else ():
            if not {*choice} & {*mapping.fields}:
                message = f"nothing fills {' or '.join(choice)}"
                hint = f"a table with rows: {kind} needs it: write {choice[0]}: table.Header"
                problems.report("RF013", taken.place_of("fields"), message, hint)


def _check_holds(mapping: FileMapping, taken: Taken, problems: Problems) -> None:
    held = {
        "suspect.": mapping.holds.suspects,
        "marker.": mapping.holds.markers,
        "contact.": mapping.holds.contact,
        "incident.indicators": mapping.holds.indicators,
        "action.": mapping.holds.actions != "none",
    }
    for start, holds in held.items():
        filled = [path for path in mapping.fields if path.startswith(start)]
        if filled and not holds:
            message = f"{filled[0]} is filled, but holds says that the source records no such thing"
            problems.report("RF020", taken.place_of("holds"), message, "change holds, or take the field out")
