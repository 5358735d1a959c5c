"""The files of a run: whole or not at all, and byte for byte the same for the same input.

Files get their names only when all of them are complete (`placing`). A failure or an interrupt before that leaves the
folder as it was. A table of very many rows is a folder of parts, each a file that can be read by itself.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import os
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from riskflags.report import OutputError
from riskflags.report.placing import place
from riskflags.report.tables import TABLES
from riskflags.report.workbook import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from riskflags.report.tables import Cell, CellKind, Table

Format = Literal["csv", "jsonl", "parquet", "xlsx"]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet may run a cell that starts with one of these as a formula."""
DATA: tuple[CellKind, ...] = ("text", "texts")
"""The kinds of cell that hold what the records say."""
SUMMARY = "summary.json"
WORKBOOK = "riskflags.xlsx"
PART_ROWS = 1_000_000
"""Rows of a file: a table of more becomes a folder of parts. With its header a part still fits a sheet."""
_PART = re.compile(r"part-\d{5,}\.(csv|jsonl|parquet)")
_NEEDED: Mapping[str, tuple[str, str]] = {"parquet": ("pyarrow", "batch"), "xlsx": ("xlsxwriter", "report")}
"""Format -> the library that it needs, and the extra that brings it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a run wrote, and how many rows it holds where it is one of rows; a folder where it is in parts."""

    path: Path
    rows: int | None = None
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written: its name, how many rows it has, and what writes some of them to a path."""

    name: str
    rows: int
    write: Callable[[Path, slice], None]


def file_names(tables: Sequence[str], form: Format) -> tuple[str, ...]:
    """Return the names of the files of a run, in the order in which they are written: of a workbook, one for all.

    A name may be that of a folder instead, which holds the parts of a large table.
    """
    if form == "xlsx":
        return WORKBOOK, SUMMARY
    return (*(f"{name}.{form}" for name in tables), SUMMARY)


def parts(name: str, rows: int) -> dict[str, slice]:
    """Return the files of a table with the rows that each holds: itself, or parts in a folder where it is large."""
    if rows <= PART_ROWS:
        return {name: slice(0, rows)}
    form = name.rpartition(".")[2]
    starts = range(0, rows, PART_ROWS)
    return {
        f"{name}/part-{number:05}.{form}": slice(start, min(start + PART_ROWS, rows))
        for number, start in enumerate(starts)
    }


def is_parts(path: Path) -> bool:
    """Return whether a path is a folder of parts that a run wrote, with nothing else in it."""
    found = list(path.iterdir()) if path.is_dir() else []
    return bool(found) and all(_PART.fullmatch(one.name) and one.is_file() for one in found)


def quoted_cells(tables: Sequence[Table]) -> int:
    """Return how many cells a CSV file of these tables gives a leading ' so that no spreadsheet runs them."""
    return sum(map(_quoted_in, tables))


def _quoted_in(table: Table) -> int:
    places = [place for place, (_, kind) in enumerate(table.columns) if kind in DATA]
    return sum(_bare_cell(row[place]).startswith(FORMULA_STARTS) for row in table.rows for place in places)


def check_folder(folder: Path, *, option: str = "--out") -> None:
    """Raise OutputError where files could not be written into the folder of an option; nothing is created."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError(f"{there} is a file: {option} needs a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{there} cannot be written to: you have no permission")


def check_format(form: Format) -> None:
    """Raise OutputError where the library that a format needs is not installed."""
    library, extra = _NEEDED.get(form, ("", ""))
    if library and importlib.util.find_spec(library) is None:
        raise OutputError(f"--format {form} needs {library}. Install it with: pip install 'riskflags[{extra}]'")


def check_page() -> None:
    """Raise OutputError where a library that a page needs is not installed."""
    lacking = [name for name in ("jinja2", "matplotlib", "ibis") if importlib.util.find_spec(name) is None]
    if lacking:
        raise OutputError(f"--html needs {lacking[0]}. Install it with: pip install 'riskflags[batch,report]'")


def _nobody(done: int, every: int) -> None:
    """Tell nobody how far it is."""


def write(
    tables: Sequence[Table],
    *,
    summary: Callable[[Sequence[str]], Mapping[str, Any]],
    folder: Path,
    form: Format,
    told: Callable[[int, int], None] = _nobody,
    placed: Callable[[], None] = lambda: None,
) -> tuple[Written, ...]:
    """Write every table and summary.json into the folder, which is created; return what was written.

    `summary` gives what summary.json holds, from the names of all files. All that an earlier run wrote is replaced
    together. Raises OutputError where nothing could be written.
    """
    if form == "xlsx":
        rows = sum(len(table.rows) for table in tables)
        outputs = [Output(WORKBOOK, rows, lambda path, _: write_workbook(tables, path))]
    else:
        outputs = [Output(f"{one.name}.{form}", len(one.rows), partial(write_rows, one, form)) for one in tables]
    return write_files(outputs, summary=summary, folder=folder, told=told, placed=placed)


def write_files(
    outputs: Sequence[Output],
    *,
    summary: Callable[[Sequence[str]], Mapping[str, Any]],
    folder: Path,
    told: Callable[[int, int], None] = _nobody,
    placed: Callable[[], None] = lambda: None,
) -> tuple[Written, ...]:
    """Write files and summary.json into the folder, whole or not at all. OutputError where nothing could be written.

    `told` hears how many files are written, of how many; `placed` is called when all have their names.
    """
    writers: dict[str, Callable[[Path], None]] = {}
    written: list[Written] = []
    for output in outputs:
        found = {output.name: slice(0, output.rows)} if output.name == WORKBOOK else parts(output.name, output.rows)
        written.append(Written(folder / output.name, output.rows, len(found)))
        for name, rows in found.items():
            writers[name] = partial(_write_part, output, rows)
    writers[SUMMARY] = partial(_write_json, summary([*writers, SUMMARY]))
    try:
        _refuse_folders(folder, [*(output.name for output in outputs), SUMMARY])
        place(folder, writers, mark="riskflags-run", earlier=_earlier, told=told, placed=placed)
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror or error}; nothing was written") from error
    return (*written, Written(folder / SUMMARY))


def _write_part(output: Output, rows: slice, path: Path) -> None:
    output.write(path, rows)


def _refuse_folders(folder: Path, names: Iterable[str]) -> None:
    for path in (folder / name for name in names):
        if path.is_dir() and not is_parts(path):
            raise IsADirectoryError(21, "there is a folder of this name", str(path))


def _earlier(folders: Sequence[Path]) -> Iterator[str]:
    """Yield the names of what earlier runs wrote, by the summaries that they left, in whatever form that was."""
    folder, *hidden = folders
    known = {SUMMARY, WORKBOOK, *(f"{name}.{form}" for name in TABLES for form in _WRITERS)}
    for path in (folder, *(one / part for one in hidden for part in ("old", "new"))):
        for name in sorted(known & _listed(path / SUMMARY)):
            if not (folder / name).is_dir() or is_parts(folder / name):
                yield name


def _listed(path: Path) -> set[str]:
    """Return what a summary says was written; nothing where it is none of ours."""
    try:
        found: object = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return set()
    files = cast("dict[str, object]", found).get("files") if isinstance(found, dict) else None
    return {str(name).partition("/")[0] for name in cast("list[object]", files)} if isinstance(files, list) else set()


def write_rows(table: Table, form: Format, path: Path, rows: slice) -> None:
    """Write some rows of a table to a file, which is there half-written until this returns."""
    _WRITERS[form](replace(table, rows=table.rows[rows]), path)


def write_text(path: Path, text: str, *, placed: Callable[[], None] = lambda: None) -> None:
    """Write one file of text, whole or not at all, in a folder that is made. OutputError where it cannot be written."""
    try:
        _refuse_folders(path.parent, [path.name])
        place(
            path.parent,
            {path.name: partial(_put, text)},
            mark=path.name,
            earlier=lambda _: (),
            told=_nobody,
            placed=placed,
        )
    except OSError as error:
        raise OutputError(f"{error.filename or path}: {error.strerror or error}; nothing was written") from error


def _put(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


# ---- formats ---------------------------------------------------------------------------------------------------------


def _open(path: Path) -> IO[str]:
    """Open a file for text that may hold broken characters; nothing that a record holds stops the run."""
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


def _write_csv(table: Table, path: Path) -> None:
    with _open(path) as file:
        writer = csv.writer(file)
        writer.writerow([name for name, _ in table.columns])
        kinds: list[CellKind] = [kind for _, kind in table.columns]
        for row in table.rows:
            writer.writerow([_csv_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)])


def _csv_cell(cell: Cell, kind: CellKind) -> str:
    text = _bare_cell(cell)
    return f"'{text}" if kind in DATA and text.startswith(FORMULA_STARTS) else text


def _bare_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case tuple():
            return ";".join(cell)
        case _:
            return str(cell)


def _write_jsonl(table: Table, path: Path) -> None:
    names = [name for name, _ in table.columns]
    with _open(path) as file:
        for row in table.rows:
            file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")


def _write_json(summary: Mapping[str, Any], path: Path) -> None:
    with _open(path) as file:
        file.write(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")


def _write_parquet(table: Table, path: Path) -> None:
    pa: Any = importlib.import_module("pyarrow")  # of the [batch] extra, and without types
    pq: Any = importlib.import_module("pyarrow.parquet")

    types = {"number": pa.int64(), "yes_no": pa.bool_(), "texts": pa.list_(pa.string())}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in table.columns])
    rows = tuple(table.rows)
    columns = [[_whole(row[place]) for row in rows] for place in range(len(table.columns))]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _whole(cell: Cell) -> object:
    """Return a cell without broken characters, which Parquet cannot hold."""
    match cell:
        case str():
            return cell.encode("utf-8", "backslashreplace").decode()
        case tuple():
            return [part.encode("utf-8", "backslashreplace").decode() for part in cell]
        case _:
            return cell


_WRITERS: Mapping[str, Callable[[Table, Path], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}
