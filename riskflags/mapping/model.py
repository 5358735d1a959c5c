"""What a mapping file says, checked: which table a file is, what fills each field, and what the source holds at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal, assert_never, get_args

from riskflags.errors import NOWHERE, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from riskflags.incident import Holds

RowsKind = Literal["records", "suspects", "done", "markers", "children", "lookup"]
"""What the rows of a table are; `lookup` rows are only there to be joined."""
Otherwise = Literal["blank", "warn", "reject", "code"]
Encoding = Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
"""How a mapping writes each delimiter."""
USUAL_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "cp1252")
USUAL_DELIMITERS = (",", ";", "\t")
USUAL_DATES = ("yyyy-mm-ddThh:mm:ss", "yyyy-mm-ddThh:mm", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm", "yyyy-mm-dd")


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """A column of a table, as the mapping writes it: table.Header."""

    table: str
    header: str

    def __str__(self) -> str:
        return f"{self.table}.{self.header}"


# ---- tests of a row --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellTest:
    """Whether a cell is one of some texts (`in`), or a number within ends that are both in (`between`)."""

    column: Column
    texts: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_range(self) -> bool:
        """True where the cell is compared as a number."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class TestGroup:
    """All, any or none of some tests."""

    kind: Literal["all", "any", "none"]
    tests: tuple[RowTest, ...]


RowTest = CellTest | TestGroup


def passes(test: RowTest, cells: Callable[[Column], Sequence[str]], *, fold: Callable[[str], str]) -> bool:
    """Return whether a row passes a test. A cell that is no number is in no range.

    `cells` are those of a column: one, or one for each row of a table of which many rows are joined. One is enough.
    """
    match test:
        case CellTest():
            return any(_fits(test, cell, fold) for cell in cells(test.column))
        case TestGroup():
            answers = (passes(inner, cells, fold=fold) for inner in test.tests)
            return all(answers) if test.kind == "all" else any(answers) is (test.kind == "any")
        case _:
            assert_never(test)


def _fits(test: CellTest, cell: str, fold: Callable[[str], str]) -> bool:
    if test.is_range:
        number = _number(cell)
        return number is not None and _is_between(number, test)
    return fold(cell) in {fold(text) for text in test.texts}


def _is_between(number: Decimal, test: CellTest) -> bool:
    return (test.low is None or number >= test.low) and (test.high is None or number <= test.high)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def columns_of(test: RowTest | None) -> Iterator[Column]:
    """Yield the columns that a test reads."""
    match test:
        case None:
            return
        case CellTest():
            yield test.column
        case TestGroup():
            for inner in test.tests:
                yield from columns_of(inner)
        case _:
            assert_never(test)


# ---- sources of a field ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class From:
    """The first of these columns that the file has."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Always:
    """The same value in every row."""

    value: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Text with the cells of columns in it: literal text and columns in turn. A blank cell leaves nothing."""

    parts: tuple[str | Column, ...]


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first source that gives a value; where another differs, nothing, a warning, or the row is rejected."""

    sources: tuple[Source, ...]
    differ: Literal["", "warn", "reject"] = ""


@dataclass(frozen=True, slots=True)
class DateTime:
    """A day from one source and the time on it from another; a day alone where the time is blank."""

    date: Source
    time: Source | None
    time_as: tuple[str, ...]
    pad: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of a field comes from, and what is done with it on the way.

    `values` says what each cell means (None: blank); `otherwise` what any other means: `other` where it is "code".
    """

    form: From | Always | Template | FirstOf | DateTime
    values: Mapping[str, str | tuple[str, ...] | None] | None = None
    otherwise: Otherwise = "warn"
    other: str = ""
    pad: int = 0
    upper: bool = False
    blank_if: RowTest | None = None
    when: RowTest | None = None
    place: Place = field(default=NOWHERE, compare=False)

    def columns(self) -> Iterator[Column]:
        """Yield the columns that it reads, those of its tests among them."""
        yield from self.filled_from()
        yield from self.tested()
        match self.form:
            case FirstOf(sources=sources):
                for source in sources:
                    yield from source.columns()
            case DateTime(date=day, time=time):
                yield from day.columns()
                yield from time.columns() if time else ()
            case _:
                pass

    def tested(self) -> Iterator[Column]:
        """Yield the columns that its own tests read: without one of them it gives nothing."""
        yield from columns_of(self.blank_if)
        yield from columns_of(self.when)

    def filled_from(self) -> Iterator[Column]:
        """Yield the columns whose cells make the value."""
        match self.form:
            case From(columns=columns):
                yield from columns
            case Template(parts=parts):
                yield from (part for part in parts if isinstance(part, Column))
            case FirstOf(sources=sources):
                for source in sources:
                    yield from source.filled_from()
            case DateTime(date=day):
                yield from day.filled_from()
            case Always():
                return
            case _:
                assert_never(self.form)


# ---- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Join:
    """How rows of a table are found: equal cells under the headers `on`; with `at`, the row in force on that day.

    At most one row may fit, unless there may be `many`: they fill lists of codes, and one that passes a test is enough.
    """

    on: tuple[str, ...]
    at: Column | None = None
    begins: str = ""
    ends: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of file, known by its headers.

    Of rows with equal `key` those that pass `child` are records, those that pass `suspect` belong to all of them, those
    that pass `other` are out of scope, and any other is rejected. What fails `keep` is out of scope.
    """

    name: str
    headers: tuple[str, ...]
    rows: RowsKind
    key: tuple[str, ...] = ()
    child: RowTest | None = None
    suspect: RowTest | None = None
    other: RowTest | None = None
    keep: RowTest | None = None
    join: Join | None = None
    optional: bool = False
    place: Place = field(default=NOWHERE, compare=False)

    def columns(self) -> Iterator[Column]:
        """Yield the columns that the table itself reads."""
        for test in (self.child, self.suspect, self.other, self.keep):
            yield from columns_of(test)
        headers = [*self.key, *(self.join.on if self.join else ())]
        headers += [self.join.begins, self.join.ends] if self.join and self.join.at else []
        yield from (Column(self.name, header) for header in headers)
        if self.join and self.join.at:
            yield self.join.at


@dataclass(frozen=True, slots=True)
class Reading:
    """How text becomes values. Formats are tried in order, never inferred. Case and space are ignored where True."""

    encodings: tuple[Encoding, ...] = USUAL_ENCODINGS
    delimiters: tuple[str, ...] = USUAL_DELIMITERS
    dates: tuple[str, ...] = USUAL_DATES
    century_from: int = 0
    zone: ZoneInfo | None = None
    decimal: str = "."
    list_joint: str = ";"
    blank: tuple[str, ...] = ("",)
    header_case: bool = False
    header_space: bool = False
    value_case: bool = False
    code_ends: tuple[str, ...] = ()
    """What ends the code in a cell such as "a) Yes"."""

    def header(self, text: str) -> str:
        """Return a header as it is compared."""
        spaced = " ".join(text.split()) if self.header_space else text
        return spaced.casefold() if self.header_case else spaced

    def fold(self, text: str) -> str:
        """Return a cell as it is compared."""
        return text.casefold() if self.value_case else text


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A mapping file: the tables it knows, how they are read, and what fills each field of a record."""

    name: str
    label: str
    tables: Mapping[str, Table]
    read: Reading
    holds: Holds
    no_identity: frozenset[str]
    fields: Mapping[str, Source]
    unused: frozenset[Column]
    known_limits: str = ""

    def used(self) -> frozenset[Column]:
        """Return the columns that anything reads."""
        found = {column for source in self.fields.values() for column in source.columns()}
        return frozenset(found.union(self._joined_on(), *(table.columns() for table in self.tables.values())))

    def _joined_on(self) -> Iterator[Column]:
        """Yield the columns of any table by which rows of another are joined to it."""
        for join in (table.join for table in self.tables.values() if table.join is not None):
            for other in self.tables.values():
                if {*join.on} <= {*other.headers}:
                    yield from (Column(other.name, header) for header in join.on)
