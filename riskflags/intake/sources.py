"""What the sources of a mapping give for one row: a cell for each field, or the defect of what cannot be read."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from riskflags.intake.account import Defect, RowPlace, echo
from riskflags.intake.drafts import EMPTY_LIST, Cell, nearest
from riskflags.mapping.formats import read_clock, read_time
from riskflags.mapping.model import Always, Column, DateTime, FirstOf, From, Source, Template, passes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.fields import FieldInfo
    from riskflags.mapping.model import Reading, RowTest

_CODED = ("code", "codes", "yes_no")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of a table that the mapping knows: where it stands, and its cells by their headers as they are compared.

    Cells are plain text: in NFC, trimmed, empty where the mapping says that they are blank.
    """

    place: RowPlace
    cells: Mapping[str, str]


def plain_cells(headers: Sequence[str], cells: Iterable[str], reading: Reading) -> dict[str, str]:
    """Return the cells of a row as plain text by their headers."""
    blank = {reading.fold(text) for text in reading.blank}
    trimmed = (unicodedata.normalize("NFC", cell).strip() for cell in cells)
    return {header: "" if reading.fold(cell) in blank else cell for header, cell in zip(headers, trimmed, strict=False)}


@dataclass(frozen=True, slots=True)
class Sight:
    """All that the sources of a row can see: the row itself, and those that are joined to it, by their tables."""

    table: str
    rows: Mapping[str, Seen]
    reading: Reading
    many: Mapping[str, tuple[Seen, ...]] = field(default_factory=dict[str, tuple[Seen, ...]])
    """Every row of the tables of which many may be joined; the first of them stands in `rows`."""

    @property
    def place(self) -> RowPlace:
        """Where the row itself stands."""
        return self.rows[self.table].place

    def cell(self, column: Column) -> str:
        """Return what stands in a column; empty where it is blank, or no row of its table is joined."""
        seen = self.rows.get(column.table)
        return seen.cells.get(self.reading.header(column.header), "") if seen else ""

    def cells(self, column: Column) -> tuple[str, ...]:
        """Return what stands in a column of every row that is joined; one that is empty where none is."""
        header = self.reading.header(column.header)
        return tuple(seen.cells.get(header, "") for seen in self.many.get(column.table, ())) or (self.cell(column),)

    def text(self, column: Column) -> str:
        """Return what stands in a column; of many rows as the list that one cell would hold."""
        return self.reading.list_joint.join(cell for cell in self.cells(column) if cell)

    def has(self, column: Column) -> bool:
        """Return whether there is such a cell, blank or not."""
        seen = self.rows.get(column.table)
        return seen is not None and self.reading.header(column.header) in seen.cells

    def passes(self, test: RowTest | None) -> bool:
        """Return whether the rows pass a test; no test is always passed."""
        return test is None or passes(test, self.cells, fold=self.reading.fold)

    def name(self, column: Column) -> str:
        """Return what messages call a column: with its table where that is another."""
        return column.header if column.table == self.table else str(column)


def cell_of(source: Source, info: FieldInfo, sight: Sight) -> Cell | None:
    """Return what a source gives for a field; None where that is nothing."""
    if not all(sight.has(column) for column in source.tested()):
        return None
    if not sight.passes(source.when) or (source.blank_if is not None and sight.passes(source.blank_if)):
        return None
    match source.form:
        case Always(value=value):
            return Cell(info.path, value)
        case FirstOf():
            return _first_of(source.form, info, sight)
        case DateTime():
            return _date_time(source.form, info, sight)
        case From(columns=columns):
            column = next((column for column in columns if sight.has(column)), None)
            return None if column is None else _converted(sight.text(column), column, source, info, sight)
        case Template(parts=parts):
            cells = [part if isinstance(part, str) else sight.cell(part) for part in parts]
            column = next((part for part in parts if not isinstance(part, str) and not sight.cell(part)), None)
            if column is not None or not all(isinstance(part, str) or sight.has(part) for part in parts):
                return None
            first = next(part for part in parts if not isinstance(part, str))
            return _converted("".join(cells), first, source, info, sight)
        case _:
            assert_never(source.form)


def blank_column(source: Source, sight: Sight) -> str:
    """Return the column whose blank cell leaves a source without a value; the first where all are filled."""
    columns = sorted(source.filled_from(), key=lambda column: not sight.has(column))
    found = next((column for column in columns if not sight.cell(column)), columns[0] if columns else None)
    return "" if found is None else sight.name(found)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A cell on its way into a field: what messages call its column, where it stands, and how it is read."""

    column: str
    row: RowPlace
    info: FieldInfo
    reading: Reading

    def cell(self, value: object) -> Cell:
        return Cell(self.column, value, row=self.row)

    def defect(
        self, text: str, expected: str, *, code: str = "bad_value", near: str = "", fatal: bool = False
    ) -> Defect:
        got = f"got {echo(text)}" + (f"; the nearest is {near}" if near else "")
        got = "got something else (not shown: it is personal)" if self.info.personal else got
        message = f"{self.column}: expected {expected}, {got}"
        return Defect(self.row, self.info.path, self.column, code, expected, message, fatal=fatal)

    def bad(self, text: str, expected: str) -> Cell:
        return Cell(self.column, defect=self.defect(text, expected), row=self.row)

    def code(self, text: str) -> str:
        """Return the code in a cell such as "a) Yes"."""
        if self.info.kind not in _CODED:
            return text
        ends = [index for end in self.reading.code_ends if (index := text.find(end)) > 0]
        return text[: min(ends)].strip() if ends else text


def _converted(text: str, column: Column, source: Source, info: FieldInfo, sight: Sight) -> Cell | None:
    """Return the text of a cell as a value that the field can take."""
    spot = _Spot(sight.name(column), sight.rows[column.table].place, info, sight.reading)
    made = text.rjust(source.pad, "0") if text else text
    made = made.upper() if source.upper else made
    if source.values is None:
        return _typed(made, spot) if made else None
    parts = made.split(sight.reading.list_joint) if info.kind == "codes" else [made]
    return _coded([spot.code(part.strip()) for part in parts], source, spot)


def _coded(parts: list[str], source: Source, spot: _Spot) -> Cell | None:
    """Return what the mapping says that the parts of a cell mean."""
    fold = spot.reading.fold
    values = {fold(key): value for key, value in (source.values or {}).items()}
    found: list[str] = []
    known = False
    for part in parts:
        if fold(part) in values:
            value = values[fold(part)]
        elif not part or source.otherwise == "blank":
            continue
        elif source.otherwise == "code":
            value = source.other
        else:
            return Cell(spot.column, defect=_unknown(part, source, spot))
        known = known or value is not None
        found += [value] if isinstance(value, str) else value or ()
    if not known:
        return None
    return spot.cell(tuple(found) if spot.info.kind == "codes" else found[0])


def _unknown(part: str, source: Source, spot: _Spot) -> Defect:
    known = [key for key in source.values or () if key]
    more = f" and {len(known) - _SHOWN} more of its mapping" if len(known) > _SHOWN else ""
    expected = f"one of {', '.join(known[:_SHOWN])}{more}"
    fatal = source.otherwise == "reject"
    return spot.defect(part, expected, code="unknown_code", near=nearest(part, known), fatal=fatal)


def _typed(text: str, spot: _Spot) -> Cell:
    """Return the text of a cell as its kind is written in canonical form."""
    reading, kind = spot.reading, spot.info.kind
    match kind:
        case "date" | "moment":
            clock = read_clock(text, reading.dates, century_from=reading.century_from)
            if clock is None:
                return spot.bad(text, f"a date as {' or '.join(reading.dates)}")
            return spot.cell(clock.day.isoformat() if kind == "date" else clock.text())
        case "number":
            if reading.decimal == "," and "." in text:
                return spot.bad(text, "a number with a decimal comma, such as 15,5")
            return spot.cell(text.replace(reading.decimal, "."))
        case "codes":
            if text == EMPTY_LIST:
                return spot.cell(())
            codes = tuple(code for part in text.split(reading.list_joint) if (code := spot.code(part.strip())))
            return spot.cell(codes) if codes else spot.bad(text, f"codes joined by {reading.list_joint}")
        case "code" | "yes_no":
            return spot.cell(spot.code(text))
        case "text":
            return spot.cell(text)
        case _:
            assert_never(kind)


def _first_of(form: FirstOf, info: FieldInfo, sight: Sight) -> Cell | None:
    """Return the first value, or else the first defect; with what differs from it as a doubt, where asked for."""
    cells = [cell for source in form.sources if (cell := cell_of(source, info, sight)) is not None]
    good = [cell for cell in cells if cell.defect is None]
    first = next(iter([*good, *cells]), None)
    differing = next((cell for cell in good if first is not None and cell.value != first.value), None)
    if first is None or differing is None or not form.differ:
        return first
    expected = f"the same as in {first.column}"
    message = f"{differing.column}: expected {expected}; the two differ"
    doubt = Defect(sight.place, info.path, differing.column, "sources_differ", expected, message, keeps=True)
    return replace(first, doubt=replace(doubt, fatal=form.differ == "reject"))


def _date_time(form: DateTime, info: FieldInfo, sight: Sight) -> Cell | None:
    """Return the day of one source at the time of another; the day alone where the time is blank or cannot be read."""
    day = cell_of(form.date, info, sight)
    if day is None or day.defect is not None or not isinstance(day.value, str):
        return day
    day = replace(day, value=day.value.partition("T")[0])
    clock = None if form.time is None else cell_of(form.time, replace(info, kind="text"), sight)
    if clock is None or not isinstance(clock.value, str):
        return day
    at = next((at for form_ in form.time_as if (at := read_time(clock.value, form_, pad=form.pad)) is not None), None)
    if at is None:
        spot = _Spot(clock.column, clock.row or sight.place, info, sight.reading)
        defect = spot.defect(clock.value, f"a time as {' or '.join(form.time_as)}")
        return replace(day, doubt=replace(defect, keeps=True, message=f"{defect.message}; the day alone is read"))
    return replace(day, value=f"{day.value}T{at.isoformat('seconds')}")
