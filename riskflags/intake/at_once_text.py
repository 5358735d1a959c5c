"""Rows that Python has read, on their way into tables of text: only columns that any of them fills are there."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from riskflags.intake.at_once_cells import quoted
from riskflags.intake.at_once_sources import Source
from riskflags.intake.canonical import Column, Layout
from riskflags.intake.drafts import EMPTY_LIST, in_list, places
from riskflags.intake.json_lines import is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.fields import FieldInfo
    from riskflags.incident import Incident
    from riskflags.intake.tables import TextFile

pa: Any = import_module("pyarrow")  # it ships no types
LINE = "line"
"""The column of the row as it was written, for those that are handed over."""
BATCH = 4096
"""Rows that are held in Python at once."""
_ALWAYS = ("incident.id", "incident.type")
_DECIMAL = re.compile(r"-?\d{1,9}\.\d{1,6}")
_MOST = 10**9


class TextTable:
    """A table of the fields of the record, or of one of its lists, with rows to be added."""

    def __init__(self, con: Any, name: str, record: type[Incident], *, attribute: str = "") -> None:
        self._con = con
        self._name = name
        self._places = places(record)
        of = {path: found for path, (found, _) in self._places.items()}
        is_own = {path: found == attribute if attribute else not in_list(found) for path, found in of.items()}
        self._paths = tuple(path for path in of if is_own[path])
        self._known: set[str] = set()
        self._rows: list[tuple[int, str, Mapping[str, str]]] = []
        con.execute(f"CREATE TABLE {quoted(name)} (row BIGINT, {LINE} VARCHAR)")
        self._know(() if attribute else _ALWAYS)

    @property
    def is_filled(self) -> bool:
        """True where any row has filled any column."""
        return bool(self._known)

    def add(self, number: int, line: str, cells: Mapping[str, str]) -> None:
        """Add a row: its number, as it was written, and its cells by the paths of their fields."""
        self._rows.append((number, line, cells))

    def flush(self) -> None:
        """Put what was added into the database."""
        if not self._rows:
            return
        there = set[str]().union(*(cells for _, _, cells in self._rows))
        paths = [path for path in self._paths if path in there]
        self._know(paths)
        schema = pa.schema([(path, pa.large_string()) for path in paths])
        filled = pa.Table.from_pylist([cells for _, _, cells in self._rows], schema=schema)
        columns = {"row": pa.array([number for number, _, _ in self._rows], pa.int64())}
        columns[LINE] = pa.array([line for _, line, _ in self._rows], pa.large_string())
        columns |= {f"c{self._paths.index(path)}": filled[path] for path in paths}
        self._con.register("intake batch", pa.table(columns))
        self._con.execute(f'INSERT INTO {quoted(self._name)} BY NAME FROM "intake batch"')
        self._con.unregister("intake batch")
        self._rows = []

    def source(
        self, file: TextFile, taken_for: str, *, number: int, items: Mapping[str, Source] | None = None
    ) -> Source:
        """Return the table as a source, after all rows are in it."""
        columns = [
            Column(index, path, *self._places[path]) for index, path in enumerate(self._paths) if path in self._known
        ]
        layout = Layout(file, "", self._paths, tuple(columns), ())
        return Source(number, layout, self._name, None, taken_for, items=items or {})

    def _know(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path not in self._known:
                self._con.execute(f"ALTER TABLE {quoted(self._name)} ADD COLUMN c{self._paths.index(path)} VARCHAR")
                self._known.add(path)


def as_cell(value: object, info: FieldInfo) -> str | None:
    """Return a value as a cell of CSV would hold it; None where it has no such form, or may be read otherwise."""
    match value:
        case str():
            return value if value.strip() and is_text(value) else None
        case bool():
            return str(value).lower() if info.kind == "yes_no" else None
        case int():
            return str(value) if info.kind == "number" and abs(value) < _MOST else None
        case float():
            return str(value) if info.kind == "number" and _DECIMAL.fullmatch(str(value)) else None
        case list() | tuple() if info.kind == "codes":
            codes = list(cast("Iterable[object]", value))
            told = [code for code in codes if isinstance(code, str) and _is_code(code)]
            return (";".join(told) or EMPTY_LIST) if len(told) == len(codes) else None
        case _:
            return None


def _is_code(text: str) -> bool:
    is_plain = text.isascii() and text.isprintable() and text == text.strip()
    return is_plain and text not in ("", EMPTY_LIST) and ";" not in text
