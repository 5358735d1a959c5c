"""Files of a mapping as tables of text: what the mapping gives for each row, as the cells of canonical CSV.

Each source of the mapping is asked once for each different content of the cells that it reads, and the answer is kept.
A row is plain where every answer is a value without a doubt, and no list of the record has an item; any other is left
to the mapping and the model, as for one record at a time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from riskflags.errors import RecordError
from riskflags.fields import catalogue
from riskflags.intake import opened as files
from riskflags.intake.account import RowPlace
from riskflags.intake.at_once_text import BATCH, TextTable, as_cell
from riskflags.intake.drafts import in_list
from riskflags.intake.sources import Seen, Sight, cell_of, plain_cells
from riskflags.intake.tables import TextRow, find_text, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from riskflags.fields import FieldInfo
    from riskflags.incident import Incident
    from riskflags.intake.account import Account
    from riskflags.intake.at_once_sources import Source as TextSource
    from riskflags.intake.drafts import Draft, Gone, Side
    from riskflags.intake.mapped import Taken
    from riskflags.intake.opened import Opened
    from riskflags.mapping.model import Column, FileMapping, Source

MAPPED = "mapped"
_KEPT = 100_000
"""Answers that are kept for one field."""
_ODD: Final = False
"""The answer of a source that gives no plain value."""
_Answer = str | Literal[False] | None


def plain_tables(paths: Sequence[str | Path], mapping: FileMapping, record: type[Incident]) -> list[Opened] | None:
    """Return the files as tables of records that nothing is joined to; None where any is another, or cannot be read."""
    found: list[Opened] = []
    for path in paths:
        try:
            file = find_text(path, encodings=mapping.read.encodings)
            one = files.identify(file, mapping, record)
        except RecordError:
            return None  # the other way tells what is wrong
        if one is None or one.table.rows != "records" or one.table.suspect is not None:
            return None
        found.append(one)
    there = {one.table.name for one in found}
    return found if all(table.optional or table.name in there for table in mapping.tables.values()) else None


class MappedRows:
    """One file of a mapping on its way into a table."""

    def __init__(self, con: Any, opened: Opened, taken: Taken, record: type[Incident], *, number: int) -> None:
        self._opened = opened
        self._taken = taken
        self._number = number
        infos = catalogue(record)
        lists = [one for attribute, of in taken.fields.items() if in_list(attribute) for one in of.values()]
        groups = [of for attribute, of in taken.fields.items() if not in_list(attribute)]
        self._fields = [
            _Field(path, source, infos[path], self._own(source.columns()))
            for of in groups
            for path, source in of.items()
        ]
        self._of_lists = [column for source in lists for column in self._own(source.filled_from())]
        self._table = TextTable(con, f"intake text {number}", record)

    def _own(self, columns: Iterable[Column]) -> tuple[Column, ...]:
        return tuple(dict.fromkeys(column for column in columns if column.table == self._taken.table.name))

    def left(self, account: Account, seen: Callable[[int], None]) -> Iterator[Draft | Gone | Side]:
        """Read the file into the table; yield what becomes of the rows that are not plain."""
        read = 0
        opened = self._opened
        for row in rows(opened.file, delimiter=opened.delimiter, titles=opened.titles):
            cells = None if row.damage is not None else self._cells(self._seen(row))
            if cells is None:
                yield from self.drafts([row], account)
            else:
                self._table.add(row.number, json.dumps(row.cells), cells)
            read += sum(map(len, row.cells)) + len(row.cells)
            if row.number % BATCH == 0:
                seen(read)
                self._table.flush()
        self._table.flush()

    def drafts(self, found: Iterable[TextRow], account: Account) -> Iterator[Draft | Gone | Side]:
        """Yield what becomes of some rows."""
        for row in found:
            seen = self._seen(row)
            account.see(seen.place)
            yield from self._taken.drafts(seen, row.damage)

    def written(self, found: Iterable[tuple[int, str]], account: Account) -> Iterator[Draft | Gone | Side]:
        """Yield what becomes of some rows of the table, from their numbers and lines."""
        yield from self.drafts((TextRow(number, json.loads(line)) for number, line in found), account)

    def source(self) -> TextSource:
        """Return the table, after all has been read."""
        return self._table.source(self._opened.file, MAPPED, number=self._number)

    def _seen(self, row: TextRow) -> Seen:
        place = RowPlace(self._opened.file.name, row.number)
        return Seen(place, plain_cells(self._opened.headers, row.cells, self._taken.reading))

    def _cells(self, seen: Seen) -> dict[str, str] | None:
        """Return what the mapping gives for a row; None where it is not plain."""
        table = self._taken.table
        sight = Sight(table.name, {table.name: seen}, self._taken.reading)
        is_record = sight.passes(table.keep) and (table.child is None or sight.passes(table.child))
        if not is_record or any(sight.cell(column) for column in self._of_lists):
            return None
        found: dict[str, str] = {}
        for one in self._fields:
            answer = one.answer(sight)
            if answer is _ODD:
                return None
            if answer is not None:
                found[one.path] = answer
        return found


class _Field:
    """What fills a field, with the answers so far by the cells that they rest on."""

    def __init__(self, path: str, source: Source, info: FieldInfo, columns: tuple[Column, ...]) -> None:
        self.path = path
        self._source = source
        self._info = info
        self._columns = columns
        self._known: dict[tuple[str, ...], _Answer] = {}

    def answer(self, sight: Sight) -> _Answer:
        """Return the value for a row as text, None for none; _ODD where it is not plain."""
        key = tuple([sight.cell(column) for column in self._columns])
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = self._asked(sight)
        return self._known[key]

    def _asked(self, sight: Sight) -> _Answer:
        cell = cell_of(self._source, self._info, sight)
        if cell is None or (cell.value is None and cell.defect is None and cell.doubt is None):
            return None
        if cell.defect is not None or cell.doubt is not None:
            return _ODD
        text = as_cell(cell.value, self._info)
        return _ODD if text is None else text
