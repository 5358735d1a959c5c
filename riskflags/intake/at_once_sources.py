"""Files as tables of text in DuckDB: every column as text, found by its title, each row with its number in the file.

Nothing is sniffed. What a row is, Python's reader of CSV decides, as for one record at a time. DuckDB reads a file by
itself only where both are sure to tell its rows and cells apart in the same way; any other is read by Python in a
stream, whatever its encoding. JSON lines are laid out by
`at_once_json`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from functools import partial
from glob import glob
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from riskflags.errors import Place, RecordError
from riskflags.intake import canonical
from riskflags.intake.at_once_cells import literal, quoted
from riskflags.intake.tables import STANDARD_INPUT, TextFile, TextRow, find_text, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.incident import Incident
    from riskflags.intake.canonical import Layout, SideName

duckdb: Any = import_module("duckdb")  # its types are partly unknown
pa: Any = import_module("pyarrow")  # it ships no types
_COMPRESSED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_PARQUET = b"PAR1"
_BATCH = 4096
"""Rows that are held in Python at once: a cell has at most 131,072 characters."""
_CHUNK = 8 << 20
_LONGEST_LINE = 4 << 20
_GLOB = "*?["


@dataclass(frozen=True, slots=True)
class Source:
    """A table of text: its number among the files, how its columns are understood, and where it stands in DuckDB.

    The table has a column `row` and one for each column that is understood, `c` with its index. `items` are the items
    of lists that stand in the rows themselves, by attribute; `row` is then the row in which they stand.
    """

    number: int
    layout: Layout
    table: str
    side: SideName | None
    taken_for: str
    may_hold_nul: bool = True
    items: Mapping[str, Source] = field(default_factory=dict[str, "Source"])

    @property
    def indexes(self) -> list[int]:
        """The indexes of the columns that are understood."""
        return [column.index for column in self.layout.columns]


def expand(path: str | Path) -> list[str | Path]:
    """Return the files that a path names: itself, or those that fit its pattern, in order of their names.

    RecordError where none fits.
    """
    if str(path) == STANDARD_INPUT or Path(path).exists() or not any(sign in str(path) for sign in _GLOB):
        return [path]
    found = sorted(glob(str(path), recursive=True))  # noqa: PTH207 - a path may be absolute; Path.glob takes none
    if not found:
        message = "no file fits this pattern"
        raise RecordError(message, Place(str(path)), "check the folder and the spelling")
    return list(found)


def find(path: str | Path) -> TextFile:
    """Return the text of a file, unpacked where it is compressed with gzip or zstd."""
    kind = _compression(path)
    if kind is None:
        return find_text(path)

    def unpacked() -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(pa.input_stream(str(path), compression=kind)))

    return find_text(path, open_bytes=unpacked)


def size_of(path: str | Path) -> int:
    """Return the bytes of a file; 0 for what is no file, which is refused or read from a pipe."""
    return Path(path).stat().st_size if Path(path).is_file() else 0


def _start(path: str | Path) -> bytes:
    if str(path) == STANDARD_INPUT or not Path(path).is_file():
        return b""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4)
    except OSError:
        return b""  # find_text says what is wrong


def _compression(path: str | Path) -> str | None:
    start = _start(path)
    return next((kind for mark, kind in _COMPRESSED if start.startswith(mark)), None)


def is_parquet(path: str | Path) -> bool:
    """Return whether a file is Parquet, by its first bytes."""
    return _start(path) == _PARQUET


# ---- CSV -------------------------------------------------------------------------------------------------------------


def take_text(
    con: Any,
    layout: Layout,
    path: str | Path,
    *,
    number: int,
    side: SideName | None,
    damaged: Callable[[TextRow], None],
    seen: Callable[[int], None],
) -> Source:
    """Return the rows of a CSV file as a table of DuckDB. Damaged ones are given to `damaged`, in order.

    `seen` hears how many bytes have been looked at.
    """
    source = Source(number, layout, f"intake text {number}", side, side or "canonical CSV")
    delimiters = _plain_delimiters(layout.file, layout.delimiter, seen) if _is_for_duckdb(layout, path) else None
    if delimiters is not None and _read_by_duckdb(con, source, path, delimiters=delimiters):
        return Source(number, layout, source.table, side, source.taken_for, may_hold_nul=False)
    made = ", ".join(f"c{index} VARCHAR" for index in source.indexes)
    con.execute(f"CREATE TABLE {quoted(source.table)} (row BIGINT, {made})")
    for batch in _batches(layout, source.indexes, damaged):
        con.register("intake batch", batch)
        con.execute(f'INSERT INTO {quoted(source.table)} SELECT * FROM "intake batch"')
        con.unregister("intake batch")
    return source


def _batches(layout: Layout, indexes: Sequence[int], damaged: Callable[[TextRow], None]) -> Iterator[Any]:
    numbers: list[int] = []
    held: list[Sequence[str]] = []
    for row in rows(layout.file, delimiter=layout.delimiter, titles=layout.titles):
        if row.damage is not None:
            damaged(row)
            continue
        numbers.append(row.number)
        held.append(row.cells)
        if len(held) == _BATCH:
            yield _arrow(numbers, held, indexes)
            numbers, held = [], []
    if held:
        yield _arrow(numbers, held, indexes)


def _arrow(numbers: list[int], held: list[Sequence[str]], indexes: Sequence[int]) -> Any:
    columns = list(zip(*held, strict=True))
    return pa.table(
        {"row": pa.array(numbers, pa.int64()), **{f"c{i}": pa.array(columns[i], pa.large_string()) for i in indexes}}
    )


def _is_for_duckdb(layout: Layout, path: str | Path) -> bool:
    """Return whether DuckDB can read the file at all: UTF-8 on disk, no pattern in its name, more than one column."""
    return (
        layout.file.encoding in ("utf-8", "utf-8-sig")
        and Path(path).is_file()
        and not any(sign in str(path) for sign in _GLOB)
        and len(layout.titles) > 1
    )


def _plain_delimiters(file: TextFile, delimiter: str, seen: Callable[[int], None]) -> int | None:
    """Return how many delimiters stand outside quotes; None where readers may differ.

    They may where a quote stands in the middle of a cell or is not closed, line ends are mixed, a NUL is there, or the
    header is not the first line, or has quotes. Between two quotes the text is outside or inside them in turn; `""`
    inside leaves an empty text that is neither.
    """
    ends = (*delimiter.encode(), *b"\r\n")
    delimiters = newlines = returns = both = read = 0
    carried, is_inside, begun = b"", False, True  # `begun`: what is carried has been seen to begin a cell
    with file.open_bytes() as stream:
        chunk = stream.read(_CHUNK)
        if not _is_plain_header(chunk):
            return None
        while True:
            read += len(chunk)
            seen(read)
            parts = (carried + chunk).split(b'"')
            rest = parts.pop()
            outside = parts[is_inside::2]
            is_inside ^= len(parts) % 2 == 1
            if any(part and part[-1] not in ends for part in outside) or b"\0" in chunk:
                return None
            outside += [] if is_inside else [rest]
            if any(part and part[0] not in ends for part in outside[begun:]):
                return None
            kept = min(len(rest), len(rest.rstrip(b"\r\n")) - 1) if rest.strip(b"\r\n") else 0  # no line end in two
            begun = not is_inside and (kept > 0 or (begun and len(outside) == 1))
            carried = b""
            if chunk and not is_inside:
                outside[-1], carried = rest[:kept], rest[kept:]
            text = b'"'.join(outside)
            delimiters += text.count(delimiter.encode())
            newlines += text.count(b"\n")
            returns += text.count(b"\r")
            both += text.count(b"\r\n")
            if not chunk:
                break
            chunk = stream.read(_CHUNK)
    is_even = returns == 0 or returns == newlines == both
    return delimiters if is_even and not is_inside else None


def _is_plain_header(chunk: bytes) -> bool:
    line = chunk.partition(b"\n")[0]
    return b'"' not in line and bool(line.strip()) and b"\n" in chunk


def _read_by_duckdb(con: Any, source: Source, path: str | Path, *, delimiters: int) -> bool:
    """Return whether DuckDB has read the file whole, into the table of the source.

    It refuses lines with too few or too many cells, and too long ones: then Python reads the file anew, and says which.
    One empty cell too many it lets pass, and where it is told which line ends to expect it stops without a word at
    another inside quotes. It is not told, and the number of delimiters shows whether it has read every row.
    """
    layout = source.layout
    width = len(layout.titles)
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    options = {
        "auto_detect": "false", "header": "true", "strict_mode": "true", "null_padding": "false", "quote": "'\"'",
        "escape": "'\"'", "delim": literal(layout.delimiter),
        "columns": "{" + columns + "}", "compression": literal(_compression(path) or "none"),
        "max_line_size": str(_LONGEST_LINE), "nullstr": "''",
    }  # fmt: skip
    given = ", ".join(f"{name}={value}" for name, value in options.items())
    wanted = ", ".join(f"c{index}" for index in source.indexes)
    longest = " OR ".join(f"length(c{index}) > {csv.field_size_limit()}" for index in range(width))
    try:
        con.execute(
            f"CREATE TABLE {quoted(source.table)} AS SELECT row_number() OVER () AS row, {wanted}, "
            f"({longest}) IS TRUE AS is_long FROM read_csv({literal(str(path))}, {given})"
        )
    except duckdb.InvalidInputException:
        return False
    ((number, is_long),) = con.execute(f"SELECT count(*), bool_or(is_long) FROM {quoted(source.table)}").fetchall()
    if is_long or delimiters != (number + 1) * (width - 1):
        con.execute(f"DROP TABLE {quoted(source.table)}")
        return False
    return True


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def take_parquet(con: Any, path: str | Path, record: type[Incident], *, number: int, side: SideName | None) -> Source:
    """Return the rows of a Parquet file with canonical columns as a table of text, as CSV would hold them.

    A list of text is joined by `;`, the empty one is `(none)`. RecordError for a column that has no such form.
    """
    schema = import_module("pyarrow.parquet").read_schema(str(path))
    written = io.StringIO()
    csv.writer(written).writerow(schema.names)
    header = written.getvalue().encode()
    file = TextFile(str(path), "utf-8", partial(_bytes, header))
    layout = canonical.understand(file, record, side=side)
    table = f"intake text {number}"
    cells = ", ".join(f"{_as_text(schema.field(index), str(path))} AS c{index}" for index in _indexes(layout))
    escaped = "".join(f"[{sign}]" if sign in _GLOB else sign for sign in str(path))
    con.execute(
        f"CREATE TABLE {quoted(table)} AS SELECT file_row_number + 1 AS row, {cells} "
        f"FROM read_parquet({literal(escaped)}, file_row_number=true)"
    )
    return Source(number, layout, table, side, "canonical Parquet")


def _bytes(content: bytes) -> BinaryIO:
    return io.BytesIO(content)


def _indexes(layout: Layout) -> list[int]:
    return [column.index for column in layout.columns]


def _as_text(field: Any, path: str) -> str:
    name, kind = quoted(field.name), field.type
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        if types.is_string(kind.value_type) or types.is_large_string(kind.value_type):
            return f"CASE WHEN len({name}) = 0 THEN '(none)' ELSE array_to_string({name}, ';') END"
    elif types.is_timestamp(kind):
        written = f"strftime(make_timestamp(epoch_us({name})), '%Y-%m-%dT%H:%M:%S.%f')"
        whole = f"regexp_replace({written}, '\\.000000$', '')"
        return f"{whole} || 'Z'" if kind.tz is not None else whole
    elif not any(one(kind) for one in (types.is_nested, types.is_binary, types.is_time, types.is_duration)):
        return f"CAST({name} AS VARCHAR)"
    message = f"the column {field.name} is of a kind that is not read: {kind}"
    raise RecordError(
        message, Place(path), "expected text, a number, a date, a time, true and false, or a list of text"
    )


# ---- rows to be handed over ------------------------------------------------------------------------------------------


def text_rows(source: Source, found: Any) -> Iterator[TextRow]:
    """Yield rows of the table of a source as Python's reader of CSV would, from a query of all its columns."""
    places = source.indexes
    width = len(source.layout.titles)
    while batch := found.fetchmany(_BATCH):
        for number, *cells in batch:
            row = [""] * width
            for place, cell in zip(places, cells, strict=True):
                row[place] = cell or ""
            yield TextRow(number, row)
