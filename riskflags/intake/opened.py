"""A file known as a table of a mapping: by its set of headers, in any order, whatever its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.errors import Place, RecordError
from riskflags.intake.account import FILE, Account, Defect, RowPlace, echo, short
from riskflags.intake.canonical import listed, understand
from riskflags.intake.drafts import nearest
from riskflags.intake.sources import Seen, plain_cells
from riskflags.intake.tables import TextFile, header, is_json_lines, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.incident import Incident
    from riskflags.intake.tables import Damage
    from riskflags.mapping.model import Column, FileMapping, Reading, Table


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, the table that it is, its header as written and as it is compared."""

    file: TextFile
    table: Table
    delimiter: str
    titles: tuple[str, ...]
    headers: tuple[str, ...]

    def rows(self, reading: Reading, account: Account) -> Iterator[tuple[Seen, Damage | None]]:
        """Yield each row, with its damage if it has any."""
        for row in rows(self.file, delimiter=self.delimiter, titles=self.titles):
            place = RowPlace(self.file.name, row.number)
            account.see(place)
            yield Seen(place, plain_cells(self.headers, row.cells, reading)), row.damage


def identify(file: TextFile, mapping: FileMapping, record: type[Incident]) -> Opened | None:
    """Return the one table that the file is; None for a canonical file. RecordError where it fits two or none."""
    if is_json_lines(file):
        return None
    found: list[tuple[tuple[str, ...], str]] = []
    for delimiter in mapping.read.delimiters:
        titles = header(file, delimiter=delimiter)
        if titles is None:
            continue
        headers = tuple(mapping.read.header(title) for title in titles)
        fitting = [table for table in mapping.tables.values() if not _lacking(table, headers, mapping)]
        if len(fitting) > 1:
            message = f"the header fits {len(fitting)} tables of {mapping.name}: {', '.join(t.name for t in fitting)}"
            raise RecordError(message, Place(file.name), "give one of the tables a header that the other has not")
        if fitting:
            opened = Opened(file, fitting[0], delimiter, tuple(titles), headers)
            _refuse_twice(opened, mapping)
            return opened
        found.append((tuple(titles), delimiter))
    try:
        understand(file, record)
    except RecordError as error:
        raise _fits_none(file, found, mapping) from error
    return None


def _lacking(table: Table, headers: tuple[str, ...], mapping: FileMapping) -> list[str]:
    return [name for name in table.headers if mapping.read.header(name) not in headers]


def _refuse_twice(opened: Opened, mapping: FileMapping) -> None:
    used = {mapping.read.header(column.header) for column in mapping.used() if column.table == opened.table.name}
    twice = sorted(title for title in opened.headers if title in used and opened.headers.count(title) > 1)
    if twice:
        title = opened.titles[opened.headers.index(twice[0])]
        message = f"the column {title} stands twice in the header"
        hint = "take one of them out: which of the two is meant cannot be told"
        raise RecordError(message, Place(opened.file.name), hint)


def _fits_none(file: TextFile, found: list[tuple[tuple[str, ...], str]], mapping: FileMapping) -> RecordError:
    """Return the error of a file that is no table of the mapping: what it has, what the nearest table would need."""
    message = f"the file fits no table of the mapping {mapping.name}"
    tried = [
        (_lacking(table, tuple(map(mapping.read.header, titles)), mapping), table, titles)
        for titles, _ in found
        for table in mapping.tables.values()
    ]
    if not tried:
        return RecordError(message, Place(file.name), "a quote in its header is not closed")
    lacking, table, titles = min(tried, key=lambda one: (len(one[0]) / len(one[1].headers), one[1].name))
    hint = f"the nearest is {table.name}, which also has {listed(lacking)}"
    return RecordError(f"{message}: its header is {listed(titles)}", Place(file.name), hint)


def warn_of_columns(opened: Opened, mapping: FileMapping, account: Account) -> None:
    """Add a warning for each column that is not read, and for each field that this file has no column for."""
    row = RowPlace(opened.file.name, FILE)
    name = opened.table.name
    known = {mapping.read.header(c.header) for c in mapping.used() | mapping.unused if c.table == name}
    spare = [
        c.header for c in mapping.used() if c.table == name and mapping.read.header(c.header) not in opened.headers
    ]
    for title, compared in zip(opened.titles, opened.headers, strict=True):
        if compared not in known:
            near = nearest(title, spare) if title else ""
            meant = f"is it {near}?" if near else "map it, or list it under unused"
            message = f"column {echo(title)} is not read by the mapping {mapping.name}: {meant}"
            account.warn(Defect(row, short(title), short(title), "unknown_column", "a column of the mapping", message))
    for path, source in mapping.fields.items():
        columns = [column for column in source.filled_from() if column.table == name]
        tested = [c for c in source.tested() if c.table == name and not _has(opened, c, mapping)]
        if tested or (columns and not any(_has(opened, column, mapping) for column in columns)):
            headers = " or ".join(dict.fromkeys(column.header for column in tested or columns))
            message = f"{path} is not read from this file: expected a column {headers}"
            account.warn(Defect(row, path, headers, "no_column", f"a column {headers}", message))


def _has(opened: Opened, column: Column, mapping: FileMapping) -> bool:
    return mapping.read.header(column.header) in opened.headers
