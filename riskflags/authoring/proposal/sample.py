"""What is looked at of an extract before anything is proposed: its header, and a bounded number of its rows.

A cell is kept as intake would read it, and a long one only by its beginning. Nothing of it leaves this package but
codes, counts and shapes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from riskflags.authoring.proposal.dates import dates_of
from riskflags.errors import Place, RecordError
from riskflags.intake.tables import find_text, header, is_json_lines, rows
from riskflags.mapping.formats import EXCEL_SERIAL
from riskflags.mapping.model import DELIMITERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskflags.intake.tables import TextFile

MOST_ROWS = 5_000
LONGEST_CELL = 200
BLANK = ("", "NULL")
"""What everybody means by nothing. Any other word for it is asked about."""
_FEW_ROWS = 200
_RUN = re.compile(r"(.)\1*")


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """One column as far as it was looked at: its different values with their first rows, and what was blank.

    `is_long` is there where a value was too long to be kept whole, `has_nul` where one holds what no text may hold.
    """

    index: int
    title: str
    counts: dict[str, int] = field(default_factory=dict[str, int])
    first: dict[str, int] = field(default_factory=dict[str, int])
    blank: int = 0
    is_long: bool = False
    has_nul: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """The different values, in the order in which they were seen."""
        return tuple(self.counts)

    @property
    def filled(self) -> int:
        """In how many rows there is a value."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Sample:
    """An extract as far as it was looked at. `ids` are the cells of each row, for what takes two columns to see."""

    file: TextFile
    delimiter: str
    columns: tuple[ColumnSample, ...]
    rows: tuple[tuple[str, ...], ...]
    damaged: int
    is_whole: bool
    """True where the file has no more rows than were looked at."""


def fold(text: str) -> str:
    """Return a title or a value as the proposed mapping compares it: without regard to case and space."""
    return " ".join(text.split()).casefold()


def shapes(values: Sequence[str]) -> tuple[str, ...]:
    """Return the shapes of values, the most frequent first: letters are A or a, digits 9, and a run is one sign.

    >>> shapes(["SYN/101/26", "Smith", "Jones"])
    ('Aa', 'A/9/9')
    """
    found: dict[str, int] = {}
    for value in values:
        signs = "".join(_sign(character) for character in value)
        shape = _RUN.sub(lambda run: run[1], signs)
        found[shape] = found.get(shape, 0) + 1
    return tuple(sorted(found, key=lambda shape: (-found[shape], shape)))


def _sign(character: str) -> str:
    if character.isdecimal():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character if character.isascii() and character.isprintable() else "?"


def sampled(source: str | Path) -> Sample:
    """Return the sample of a CSV file. RecordError where it cannot be read at all, or is no CSV with a header."""
    file = find_text(source)
    if is_json_lines(file):
        hint = "map is for CSV; the keys of JSON lines are field paths, which riskflags fields lists"
        raise RecordError("these are JSON lines, which need no mapping", Place(file.name), hint)
    delimiter, titles = _header(file)
    if not any(titles):
        raise RecordError("no column has a name", Place(file.name), "write a header above the first row")
    if any(_is_date(title) for title in titles):
        hint = "write a header above the first row: the title of each column, and no value"
        raise RecordError("the first line holds a date: it is a row, and no header", Place(file.name), hint)
    columns = tuple(_Column(index, title) for index, title in enumerate(titles))
    kept: list[tuple[str, ...]] = []
    damaged = 0
    found = rows(file, delimiter=delimiter, titles=titles)
    for row in islice(found, MOST_ROWS):
        if row.damage is not None:
            damaged += 1
            continue
        kept.append(tuple(column.take(cell, row.number) for column, cell in zip(columns, row.cells, strict=True)))
    is_whole = next(found, None) is None
    return Sample(file, delimiter, tuple(column.sample() for column in columns), tuple(kept), damaged, is_whole)


def _is_date(title: str) -> bool:
    found = dates_of({title: 1}) if title and len(title) <= LONGEST_CELL else None
    return found is not None and EXCEL_SERIAL not in found.formats


def _header(file: TextFile) -> tuple[str, list[str]]:
    """Return the delimiter that splits the header most (of two such, the one with fewer bad rows), and the titles."""
    found = {one: titles for one in DELIMITERS.values() if (titles := header(file, delimiter=one)) is not None}
    if not found:
        raise RecordError(
            "a quote in the header is not closed", Place(file.name), "close it, or double it inside a cell"
        )
    widest = max(len(titles) for titles in found.values())
    best = min((one for one in found if len(found[one]) == widest), key=lambda one: _damage(file, one, found[one]))
    return best, found[best]


def _damage(file: TextFile, delimiter: str, titles: Sequence[str]) -> int:
    first = islice(rows(file, delimiter=delimiter, titles=titles), _FEW_ROWS)
    return sum(row.damage is not None for row in first)


class _Column:
    """A column while its cells go by."""

    def __init__(self, index: int, title: str) -> None:
        self._found = ColumnSample(index, title)
        self._blank = 0
        self._is_long = False
        self._has_nul = False

    def take(self, cell: str, number: int) -> str:
        """Take a cell; return what is kept of it."""
        text = unicodedata.normalize("NFC", cell).strip()
        self._has_nul = self._has_nul or "\x00" in text
        if len(text) > LONGEST_CELL:
            self._is_long = True
            text = text[:LONGEST_CELL]
        if text.casefold() in {blank.casefold() for blank in BLANK}:
            self._blank += 1
            return ""
        self._found.counts[text] = self._found.counts.get(text, 0) + 1
        self._found.first.setdefault(text, number)
        return text

    def sample(self) -> ColumnSample:
        """Return what was seen."""
        one = self._found
        return ColumnSample(one.index, one.title, one.counts, one.first, self._blank, self._is_long, self._has_nul)
