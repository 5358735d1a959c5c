"""The tables of a run as one workbook: a sheet for each, its heading frozen, with filters and fitting widths.

Every cell is written as text or as a number, never as a formula. A table of more rows than a sheet holds goes on in
further sheets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskflags.report.tables import Cell, Table

ROWS = 1_048_575
"""Rows that a sheet holds under its heading."""
_LONGEST = 32_767
"""Characters that a cell holds."""
_WIDEST, _LOOKED_AT = 60, 200
_SETTINGS = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True,
}  # fmt: skip


def write_workbook(tables: Sequence[Table], path: Path) -> None:
    """Write the tables into a workbook."""
    library: Any = import_module("xlsxwriter")  # of the [report] extra, and without types
    with library.Workbook(str(path), {**_SETTINGS, "in_memory": False}) as workbook:
        heading = workbook.add_format({"bold": True, "bottom": 1})
        for table in tables:
            for number, rows in enumerate(_sheets(table), start=1):
                sheet = workbook.add_worksheet(table.name if number == 1 else f"{table.name} {number}")
                _fill(sheet, table, rows, heading)


def _sheets(table: Table) -> list[Sequence[tuple[Cell, ...]]]:
    return [table.rows[start : start + ROWS] for start in range(0, len(table.rows), ROWS)] or [()]


def _fill(sheet: Any, table: Table, rows: Sequence[tuple[Cell, ...]], heading: Any) -> None:
    names = [name for name, _ in table.columns]
    for place, name in enumerate(names):
        longest = max((len(str(_written(row[place]))) for row in rows[:_LOOKED_AT]), default=0)
        sheet.set_column(place, place, min(max(longest, len(name) + 2) + 1, _WIDEST))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(names) - 1)
    for place, name in enumerate(names):
        sheet.write_string(0, place, name, heading)
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            written = _written(cell)
            if isinstance(written, int):
                sheet.write_number(number, place, written)
            elif written:
                sheet.write_string(number, place, written)


def _written(cell: Cell) -> str | int:
    """Return a cell as a sheet can hold it: without characters that its format forbids, and cut at its limit."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int():
            return cell
        case tuple():
            text = "; ".join(cell)
        case str():
            text = cell
    allowed = "".join(
        one if one in "\t\n" or one >= " " else " " for one in text.encode("utf-8", "backslashreplace").decode()
    )
    return allowed if len(allowed) <= _LONGEST else f"{allowed[: _LONGEST - 1]}\u2026"
