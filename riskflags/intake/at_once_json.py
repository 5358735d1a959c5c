"""JSON lines as tables of text: what plain lines hold, laid out as the cells of CSV would be.

Python's reader of JSON says what a line is, as for one record at a time. A line is plain where each value is text, or a
number, yes or no, or a list of codes in a field of that kind. Any other, and any with a key that no field has, is left
to the model.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from riskflags.fields import catalogue
from riskflags.incident import GROUPS, LISTS
from riskflags.intake import json_lines
from riskflags.intake.at_once_cells import quoted
from riskflags.intake.at_once_sources import Source
from riskflags.intake.canonical import Column, Layout
from riskflags.intake.drafts import EMPTY_LIST, fact_models, in_list, places
from riskflags.intake.tables import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from riskflags.fields import FieldInfo
    from riskflags.incident import Holds, Incident
    from riskflags.intake.tables import TextFile

pa: Any = import_module("pyarrow")  # it ships no types
LINE = "line"
"""The column of the line itself, for those that are handed over."""
_BATCH = 4096
_ALWAYS = ("incident.id", "incident.type")
_DECIMAL = re.compile(r"-?\d{1,9}\.\d{1,6}")
_MOST = 10**9
_DIFFERS = "a line that says otherwise what it holds"


@dataclass(slots=True)
class _Table:
    """Rows that are held until there are many, and the columns that any of them has filled."""

    name: str
    paths: tuple[str, ...]
    rows: list[tuple[int, str, Mapping[str, str]]] = field(default_factory=list[tuple[int, str, "Mapping[str, str]"]])
    known: set[str] = field(default_factory=set[str])


class JsonLines:
    """One file of JSON lines on its way into tables."""

    def __init__(self, con: Any, file: TextFile, record: type[Incident], *, number: int) -> None:
        self._con = con
        self._file = file
        self._record = record
        self._number = number
        self._infos = catalogue(record)
        self._groups = {GROUPS.get(name, name): name for name in fact_models(record) if not in_list(name)}
        self._holds: Holds | None = None
        self._held = _DIFFERS
        every = places(record)
        main = tuple(path for path, (attribute, _) in every.items() if not in_list(attribute))
        self._tables = {"": _Table(f"intake text {number}", main)}
        for name in LISTS:
            own = tuple(path for path, (attribute, _) in every.items() if attribute == name)
            self._tables[name] = _Table(f"intake text {number} {name}", own)
        for table in self._tables.values():
            con.execute(f"CREATE TABLE {quoted(table.name)} (row BIGINT, {LINE} VARCHAR)")
        self._know(self._tables[""], _ALWAYS)

    def left(self, seen: Callable[[int], None]) -> Iterator[tuple[int, str]]:
        """Read the file into the tables; yield the lines that are not plain, with their numbers."""
        read = 0
        for number, line in lines(self._file):
            if not self._take(number, line):
                yield number, line
            read += len(line)
            if number % _BATCH == 0:
                seen(read)
                self._flush()
        self._flush()

    def source(self) -> tuple[Source, Holds | None]:
        """Return the tables as a source, with what their lines hold; after all has been read."""
        items = {name: self._source(name, {}) for name in LISTS if self._tables[name].known}
        return self._source("", items), self._holds

    def _source(self, name: str, items: Mapping[str, Source]) -> Source:
        table = self._tables[name]
        columns = [
            Column(table.paths.index(path), path, *places(self._record)[path])
            for path in table.paths
            if path in table.known
        ]
        layout = Layout(self._file, "", table.paths, tuple(columns), ())
        return Source(self._number, layout, table.name, None, "JSON lines", items=items)

    # ---- lines -------------------------------------------------------------------------------------------------------

    def _take(self, number: int, line: str) -> bool:
        """Take a line into the tables if it is plain; return whether it is."""
        data = json_lines.parse(line)
        if isinstance(data, str) or not self._is_of_the_same_holds(data):
            return False
        cells: dict[str, str] = {}
        items: list[tuple[str, dict[str, str]]] = []
        for key, value in data.items():
            if key == "holds" or (value is None and key in self._groups):
                continue
            group, dot, name = key.partition(".")
            if dot and group in self._groups:
                fits = self._add(cells, group, {name: value})
            elif key in self._groups and isinstance(value, dict):
                fits = self._add(cells, key, cast("json_lines.Json", value))
            elif in_list(key) and isinstance(value, list):
                fits = self._add_items(items, key, cast("list[object]", value))
            else:
                fits = False
            if not fits:
                return False
        self._tables[""].rows.append((number, line, cells))
        for attribute, item in items:
            self._tables[attribute].rows.append((number, "", item))
        return True

    def _is_of_the_same_holds(self, data: json_lines.Json) -> bool:
        """Return whether a line says of what it holds what the first one says."""
        held = json.dumps(data.get("holds"), sort_keys=True)
        if self._holds is None and self._held == _DIFFERS:
            self._held, self._holds = held, json_lines.plain_holds(data.get("holds"), self._file)
        return self._holds is not None and held == self._held

    def _add_items(self, items: list[tuple[str, dict[str, str]]], attribute: str, values: list[object]) -> bool:
        for value in values:
            item: dict[str, str] = {}
            is_filled = isinstance(value, dict) and self._add(item, GROUPS[attribute], cast("json_lines.Json", value))
            if not is_filled or not item:
                return False
            items.append((attribute, item))
        return True

    def _add(self, cells: dict[str, str], group: str, values: json_lines.Json) -> bool:
        """Add the values of a group as text; return whether all are plain, and each stands there once."""
        for key, value in values.items():
            path = f"{group}.{key.removeprefix(f'{group}.')}"
            info = self._infos.get(path)
            if info is None or path in cells:
                return False
            if value is None:
                continue
            text = _text(value, info)
            if text is None:
                return False
            cells[path] = text
        return True

    # ---- tables ------------------------------------------------------------------------------------------------------

    def _know(self, table: _Table, paths: tuple[str, ...]) -> None:
        for path in paths:
            if path not in table.known:
                self._con.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN c{table.paths.index(path)} VARCHAR")
                table.known.add(path)

    def _flush(self) -> None:
        for table in self._tables.values():
            if not table.rows:
                continue
            there = set[str]().union(*(cells for _, _, cells in table.rows))
            paths = tuple(path for path in table.paths if path in there)
            self._know(table, paths)
            columns = {"row": pa.array([number for number, _, _ in table.rows], pa.int64())}
            columns[LINE] = pa.array([line for _, line, _ in table.rows], pa.large_string())
            for path in paths:
                texts = [cells.get(path) for _, _, cells in table.rows]
                columns[f"c{table.paths.index(path)}"] = pa.array(texts, pa.large_string())
            self._con.register("intake batch", pa.table(columns))
            self._con.execute(f'INSERT INTO {quoted(table.name)} BY NAME FROM "intake batch"')
            self._con.unregister("intake batch")
            table.rows = []


def _text(value: object, info: FieldInfo) -> str | None:
    """Return a value as a cell of CSV would hold it; None where it has no such form, or may be read otherwise."""
    match value:
        case str():
            return value if value.strip() and json_lines.is_text(value) else None
        case bool():
            return str(value).lower() if info.kind == "yes_no" else None
        case int():
            return str(value) if info.kind == "number" and abs(value) < _MOST else None
        case float():
            return str(value) if info.kind == "number" and _DECIMAL.fullmatch(str(value)) else None
        case list() if info.kind == "codes":
            codes = cast("list[object]", value)
            told = [code for code in codes if isinstance(code, str) and _is_code(code)]
            return (";".join(told) or EMPTY_LIST) if len(told) == len(codes) else None
        case _:
            return None


def _is_code(text: str) -> bool:
    is_plain = text.isascii() and text.isprintable() and text == text.strip()
    return is_plain and text not in ("", EMPTY_LIST) and ";" not in text
