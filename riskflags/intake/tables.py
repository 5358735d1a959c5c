"""Files as rows of text: every line that holds something is a row, read whole or named as damaged.

What a file is made of is declared (a byte order mark, a mapping) or tried in a fixed order, never inferred from data.
No line is lost: a quote that is never closed costs the row that it stands in, not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from riskflags.errors import Place, RecordError
from riskflags.mapping.model import USUAL_ENCODINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from riskflags.mapping.model import Encoding

STANDARD_INPUT = "-"
WHOLE_ROW = "(whole row)"
"""The column of what is wrong with a row as a whole."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a zip file"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF file"),
)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file whose bytes are known to be text in `encoding`. `name` is what messages call it."""

    name: str
    encoding: str
    open_bytes: Callable[[], BinaryIO]

    def open(self) -> TextIO:
        """Return the text from its start, line ends as they stand."""
        return io.TextIOWrapper(self.open_bytes(), encoding=self.encoding, newline="")


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a line is no row: the column, a short code, what was expected, and what is wrong, without any of its text."""

    column: str
    code: str
    expected: str
    message: str


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row: its number (1 is the first after the header), its cells, and what is wrong with it as a whole."""

    number: int
    cells: Sequence[str]
    damage: Damage | None = None


def find_text(
    source: str | Path,
    *,
    encodings: Sequence[Encoding] = USUAL_ENCODINGS,
    open_bytes: Callable[[], BinaryIO] | None = None,
) -> TextFile:
    """Return the file as text: in the encoding of its byte order mark, else in the first that reads all of it.

    `-` is standard input. RecordError for a file that cannot be opened, is no text, is empty, or fits no encoding.
    """
    name = str(source)
    try:
        open_bytes = open_bytes or _opener(source)
        with open_bytes() as stream:
            start = stream.read(4)
        for mark, what in _NOT_TEXT:
            if start.startswith(mark):
                message = f"this is {what}, not text"
                raise RecordError(message, Place(name), "save it as CSV (UTF-8) and read that")
        encoding = _encoding(name, open_bytes, start, encodings)
        file = TextFile(name, encoding, open_bytes)
        with file.open() as text:
            if not any(line.strip() for line in text):
                message = "the file is empty"
                raise RecordError(message, Place(name), "expected a header, and a row for each record")
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or type(error).__name__}"
        raise RecordError(message, Place(name)) from error
    return file


def _opener(source: str | Path) -> Callable[[], BinaryIO]:
    """Return what opens the bytes from their start, as often as asked; a pipe is read into memory for that."""
    path = Path(source)
    if str(source) != STANDARD_INPUT and (path.is_file() or not path.exists() or path.is_dir()):
        return lambda: path.open("rb")
    held = sys.stdin.buffer.read() if str(source) == STANDARD_INPUT else path.read_bytes()
    return lambda: io.BytesIO(held)


def _encoding(name: str, open_bytes: Callable[[], BinaryIO], start: bytes, encodings: Sequence[Encoding]) -> str:
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    tried = [marked] if marked else [encoding for encoding in encodings if encoding != "utf-16"]
    defects = [(encoding, _first_defect(open_bytes, encoding)) for encoding in tried]
    for encoding, defect in defects:
        if defect is None:
            return encoding
    places = "; ".join(f"not {encoding}: {defect}" for encoding, defect in defects)
    message = f"the text is in none of the encodings that are read ({places or 'no byte order mark for utf-16'})"
    raise RecordError(message, Place(name), "open it in the program that made it and save it as CSV UTF-8")


def _first_defect(open_bytes: Callable[[], BinaryIO], encoding: str) -> str | None:
    """Return where the bytes are no text of the encoding; None where they are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with open_bytes() as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                return f"{error.reason} near line {line + bytes(error.object)[: error.start].count(10)}"
            if not chunk:
                return None


def is_json_lines(file: TextFile) -> bool:
    """Return whether the file holds JSON objects, one a line. RecordError for one big JSON array."""
    with file.open() as text:
        first = next(line for line in text if line.strip()).lstrip()
    if first.startswith("["):
        message = "this is a JSON array"
        raise RecordError(message, Place(file.name), "write one JSON object per line")
    return first.startswith("{")


def header(file: TextFile, *, delimiter: str) -> list[str] | None:
    """Return the cells of the first line that holds something, trimmed; None where they cannot be told apart.

    A file of nothing but empty quotes has no such line, and no cells.
    """
    with file.open() as text:
        first = next(_records(text, delimiter), None)
    return None if isinstance(first, Damage) else [cell.strip() for cell in first or ()]


def rows(file: TextFile, *, delimiter: str, titles: Sequence[str]) -> Iterator[TextRow]:
    """Yield the rows after the header, each with a cell for every title or a damage. An empty line is no row."""
    with file.open() as text:
        records = _records(text, delimiter)
        next(records, None)
        for number, record in enumerate(records, start=1):
            if isinstance(record, Damage):
                yield TextRow(number, (), record)
            elif len(record) == len(titles):
                yield TextRow(number, record)
            else:
                yield TextRow(number, record, _ragged(len(record), titles))


def _ragged(cells: int, titles: Sequence[str]) -> Damage:
    width = len(titles)
    few, column = ("few", titles[cells]) if cells < width else ("many", f"after {titles[-1]}")
    message = f"too {few} cells: expected {width}, as in the header, got {cells}"
    hint = "a cell that holds the delimiter needs quotes" if cells > width else f"none for {column}"
    return Damage(column, "ragged", f"{width} cells", f"{message}; {hint}")


def lines(file: TextFile) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold something, with their number (1 is the first)."""
    with file.open() as text:
        yield from enumerate((line for line in text if line.strip()), start=1)


def _records(text: TextIO, delimiter: str) -> Iterator[list[str] | Damage]:
    """Yield each record, or the damage of its first line; the lines after a damaged one are read anew."""
    again = deque[str]()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        while True:
            line = again.popleft() if again else text.readline()
            if not line:
                return
            taken.append(line)
            yield line

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken(error, len(taken))
            again.extendleft(reversed(taken[1:]))
            reader = csv.reader(feed(), delimiter=delimiter, strict=True)
            continue
        if len(record) > 1 or any(cell.strip() for cell in record):
            yield record


def _broken(error: csv.Error, spanned: int) -> Damage:
    if "field larger" in str(error) and spanned == 1:
        limit = csv.field_size_limit()
        return Damage(
            WHOLE_ROW,
            "too_long",
            f"cells of at most {limit:,} characters",
            f"a cell is longer than {limit:,} characters",
        )
    where = f" (it was looked for over {spanned:,} lines)" if spanned > 1 else ""
    message = f'a quote is not closed, or is not doubled inside a quoted cell{where}: write "" for a quote'
    return Damage(WHOLE_ROW, "bad_quotes", 'each " closed, and doubled inside a quoted cell', message)
