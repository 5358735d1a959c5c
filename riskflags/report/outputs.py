"""The files of a run: whole or not at all, and byte for byte the same for the same input.

Every file is first written under a temporary name in the same folder; only when all of them are complete are they given
their names. A failure or an interrupt before that leaves the folder as it was.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import importlib.util
import json
import os
import signal
import threading
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Literal

from riskflags.report import OutputError
from riskflags.report.workbook import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from riskflags.report.tables import Cell, CellKind, Table

Format = Literal["csv", "jsonl", "parquet", "xlsx"]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet may run a cell that starts with one of these as a formula."""
DATA: tuple[CellKind, ...] = ("text", "texts")
"""The kinds of cell that hold what the records say."""
SUMMARY = "summary.json"
WORKBOOK = "riskflags.xlsx"
_NEEDED: Mapping[str, tuple[str, str]] = {"parquet": ("pyarrow", "batch"), "xlsx": ("xlsxwriter", "report")}
"""Format -> the library that it needs, and the extra that brings it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a run wrote, and how many rows it holds where it is one of rows."""

    path: Path
    rows: int | None = None


def file_names(tables: Sequence[str], form: Format) -> tuple[str, ...]:
    """Return the names of the files of a run, in the order in which they are written: of a workbook, one for all."""
    if form == "xlsx":
        return WORKBOOK, SUMMARY
    return (*(f"{name}.{form}" for name in tables), SUMMARY)


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


def write(tables: Sequence[Table], *, summary: Mapping[str, Any], folder: Path, form: Format) -> tuple[Written, ...]:
    """Write every table and summary.json into the folder, which is created; return what was written.

    Files of an earlier run with the same names are replaced together. Raises OutputError where nothing could be
    written.
    """
    names = file_names([table.name for table in tables], form)
    made = [partial(write_workbook, tables)] if form == "xlsx" else [partial(_WRITERS[form], table) for table in tables]
    numbers = [len(table.rows) for table in tables]
    writers = dict(zip(names[:-1], made, strict=True))
    return write_files(writers, [sum(numbers)] if form == "xlsx" else numbers, summary=summary, folder=folder)


def write_files(
    writers: Mapping[str, Callable[[Path], None]], rows: Sequence[int], *, summary: Mapping[str, Any], folder: Path
) -> tuple[Written, ...]:
    """Write files by name and summary.json into the folder, whole or not at all; `rows` is how many lines each has.

    Raises OutputError where nothing could be written.
    """
    files: list[tuple[str, Callable[[Path], None]]] = [*writers.items(), (SUMMARY, partial(_write_json, summary))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_all(folder, files)
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror or error}; nothing was written") from error
    return tuple(Written(folder / name, number) for (name, _), number in zip(files, [*rows, None], strict=True))


def write_rows(table: Table, path: Path, *, form: Format) -> None:
    """Write one table to a file, which is there half-written until this returns."""
    _WRITERS[form](table, path)


def write_text(path: Path, text: str) -> None:
    """Write one file of text, whole or not at all, in a folder that is made. OutputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_all(path.parent, [(path.name, lambda part: _put(part, text))])
    except OSError as error:
        raise OutputError(f"{error.filename or path}: {error.strerror or error}; nothing was written") from error


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write_all(folder: Path, files: Sequence[tuple[str, Callable[[Path], None]]]) -> None:
    made: list[Path] = []
    try:
        for name, writer in files:
            target = folder / name
            if target.is_dir():
                raise IsADirectoryError(21, "there is a folder of this name", str(target))
            made.append(folder / f".{name}.{os.getpid()}.part")
            writer(made[-1])
        with _no_interrupt():
            _rename_all([(part, folder / name) for part, (name, _) in zip(made, files, strict=True)])
    finally:
        for part in made:
            part.unlink(missing_ok=True)


def _rename_all(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Give every file its name; if one cannot have it, put back what was there before."""
    kept: list[tuple[Path, Path]] = []
    placed: list[Path] = []
    try:
        for part, target in pairs:
            if target.exists():
                before = part.with_suffix(".before")
                target.replace(before)
                kept.append((before, target))
            part.replace(target)
            placed.append(target)
    except OSError:
        for target in placed:
            target.unlink()
        for before, target in kept:
            before.replace(target)
        raise
    with contextlib.suppress(OSError):  # the run is written: an old file that stays under another name harms nobody
        for before, _ in kept:
            before.unlink()


@contextlib.contextmanager
def _no_interrupt() -> Generator[None]:
    """Hold back Ctrl-C while the files are given their names."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


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
