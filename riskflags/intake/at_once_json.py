"""JSON lines as tables of text: what plain lines hold, laid out as the cells of CSV would be.

Python's reader of JSON says what a line is, as for one record at a time. A line is plain where each value is text, or a
number, yes or no, or a list of codes in a field of that kind. Any other, and any with a key that no field has, is left
to the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from riskflags.fields import catalogue
from riskflags.incident import GROUPS, LISTS
from riskflags.intake import json_lines
from riskflags.intake.at_once_text import BATCH, TextTable, as_cell
from riskflags.intake.drafts import fact_models, in_list
from riskflags.intake.tables import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from riskflags.incident import Holds, Incident
    from riskflags.intake.at_once_sources import Source
    from riskflags.intake.tables import TextFile

_DIFFERS = "a line that says otherwise what it holds"


class JsonLines:
    """One file of JSON lines on its way into tables."""

    def __init__(self, con: Any, file: TextFile, record: type[Incident], *, number: int) -> None:
        self._con = con
        self._file = file
        self._record = record
        self._number = number
        self._infos = catalogue(record)
        self._groups = {GROUPS.get(name, name): name for name in fact_models(record) if not in_list(name)}
        self._dotted = {path: info for path, info in self._infos.items() if path.partition(".")[0] in self._groups}
        self._blank: set[str] = set()
        self._holds: Holds | None = None
        self._held = _DIFFERS
        self._main = TextTable(con, f"intake text {number}", record)
        self._items = {name: TextTable(con, f"intake text {number} {name}", record, attribute=name) for name in LISTS}

    def left(self, seen: Callable[[int], None]) -> Iterator[tuple[int, str]]:
        """Read the file into the tables; yield the lines that are not plain, with their numbers."""
        read = 0
        for number, line in lines(self._file):
            if not self._take(number, line):
                yield number, line
            read += len(line)
            if number % BATCH == 0:
                seen(read)
                self._flush()
        self._flush()

    def _flush(self) -> None:
        for table in (self._main, *self._items.values()):
            table.flush()

    def source(self) -> tuple[Source, Holds | None]:
        """Return the tables as a source, with what their lines hold; after all has been read."""
        items = {
            name: table.source(self._file, "JSON lines", number=self._number)
            for name, table in self._items.items()
            if table.is_filled
        }
        return self._main.source(self._file, "JSON lines", number=self._number, items=items), self._holds

    # ---- lines -------------------------------------------------------------------------------------------------------

    def _take(self, number: int, line: str) -> bool:
        """Take a line into the tables if it is plain; return whether it is."""
        data = json_lines.parse(line)
        if isinstance(data, str) or not self._is_of_the_same_holds(data):
            return False
        self._blank.clear()
        cells: dict[str, str] = {}
        items: list[tuple[str, dict[str, str]]] = []
        for key, value in data.items():
            info = self._dotted.get(key)
            if info is not None and key not in cells and value is not None:
                text = as_cell(value, info)
                if text is None:
                    return False
                cells[key] = text
                continue
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
        if not self._blank.isdisjoint(cells):
            return False  # a null takes away what stands elsewhere in the line
        self._main.add(number, line, cells)
        for attribute, item in items:
            self._items[attribute].add(number, "", item)
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
                self._blank.add(path)
                continue
            text = as_cell(value, info)
            if text is None:
                return False
            cells[path] = text
        return True
