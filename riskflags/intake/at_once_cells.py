"""Cells of text as values, in SQL, by a check derived from the fields of the record: what it takes, pydantic takes too.

The check is narrower than the model on purpose. A cell that it does not take is not wrong: its row is handed over to
the model, which alone refuses, and says why. Of DuckDB's own readings only those are used whose text a pattern has
passed before: its casts take `infinity` for a date and `1.5` for a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, assert_never, get_args

from pydantic import BaseModel

from riskflags.batch.facts import MOMENT, column, schema_of
from riskflags.fields import catalogue
from riskflags.incident import LISTS, Facts, Incident
from riskflags.intake.drafts import EMPTY_LIST, fact_models, places
from riskflags.kinds import (
    FIRST_YEAR,
    LAST_YEAR,
    NUMBER_LIMIT,
    NUMBER_PLACES,
    YES_NO,
    Age,
    CodeList,
    Decimal6,
    Kind,
    OpenCode,
    PersonalDate,
    PersonalText,
    PlannedTime,
    Text,
    Time,
    YesNo,
)
from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from riskflags.batch.facts import Schema
    from riskflags.fields import FieldInfo

pa: Any = import_module("pyarrow")  # it ships no types
How = Literal["text", "code", "codes", "number", "yes_no", "date", "moment"]
_READERS: tuple[tuple[Any, How], ...] = (
    (Text, "text"), (PersonalText, "text"), (OpenCode, "text"), (Decimal6, "number"), (Age, "number"),
    (YesNo, "yes_no"), (PersonalDate, "date"), (Time, "moment"), (PlannedTime, "moment"),
)  # fmt: skip
_DAY = 24 * 60 * 60
_ZONE_NUMBERS = ("day", "begins", "ends", "before", "after", "changes", "changed", "first", "last")
_ZONE_WORDS = ("before_as", "after_as")
_TIME_FROM = 12
"""Where the time begins in text such as 2026-03-31T10:00, as SQL counts."""
_DATE_LENGTH, _MINUTE_LENGTH = len("2026-03-31"), len("2026-03-31T10:00")
# Only centuries that are read in full can be told by their first two digits.
_CENTURIES = "|".join(str(century) for century in range(FIRST_YEAR // 100, LAST_YEAR // 100 + 1))
_DATE = rf"({_CENTURIES})\d\d-\d\d-\d\d"
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_WHOLE_DIGITS = len(str(NUMBER_LIMIT)) - 1
_NUMBER = rf"[+-]?\d{{1,{_WHOLE_DIGITS}}}(\.\d{{1,{NUMBER_PLACES}}})?"
_SHORTEST_NUMBER = rf"-?(0|[1-9]\d{{0,{_WHOLE_DIGITS - 1}}})(\.\d{{0,{NUMBER_PLACES - 1}}}[1-9])?"
"""A number that is written as it is told again: as its text sorts, so does the item that holds it."""
_CODE = r"[!-:<-~]+( [!-:<-~]+)*"
_CODES = rf"{_CODE}(;{_CODE})*"
# Letters, marks and signs of blocks in which no character is new: every version of Unicode writes them alike in NFC.
_LETTERS = r"\x{a1}-\x{24f}\x{1e00}-\x{1eff}\x{2010}-\x{2027}\x{2030}-\x{205e}\x{20a0}-\x{20b9}"
_EDGE = rf"!-~{_LETTERS}"
_INNER = rf"\x{{1}}-\x{{7f}}\x{{a0}}\x{{300}}-\x{{36f}}\x{{2000}}-\x{{200f}}\x{{2028}}-\x{{202f}}{_LETTERS}"
_TEXT = rf"[{_EDGE}]([{_INNER}]*[{_EDGE}\x{{300}}-\x{{36f}}])?"


def literal(text: str) -> str:
    """Return text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def texts(values: Iterator[str] | tuple[str, ...]) -> str:
    """Return a list of text as SQL writes it, without its brackets."""
    return ", ".join(literal(value) for value in values)


def sql_columns(schema: Schema, name: str = "", path: str = "") -> dict[str, str]:
    """Return the columns of facts with DuckDB's types; with a name, those of the field at a path under that name."""
    return {name + one.removeprefix(path): _SQL[kind] for one, kind in schema.items()}


_SQL = {
    "string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "int64": "BIGINT", "array<string>": "VARCHAR[]",
}  # fmt: skip


# ---- what the model asks of a field ----------------------------------------------------------------------------------


@cache
def how_read(record: type[Incident]) -> Mapping[str, How]:
    """Return how each field is read, by its path. A field with a check of the user's own is not among them."""
    found: dict[str, How] = {}
    for path, info in catalogue(record).items():
        attribute, name = places(record)[path]
        field = fact_models(record)[attribute].model_fields[name]
        asked = [one for one in field.metadata if not isinstance(one, Kind)]
        how: How | None = next((how for kind, how in _READERS if asked == _asked(kind)), None)
        if asked == [CodeList[0]]:
            how = "codes"
        elif not asked and info.kind == "code" and info.codes and _is_optional_code(field.annotation):
            how = "code"
        if how is not None and field.default is None:
            found[path] = how
    return found


def _asked(kind: Any) -> list[Any]:
    return [one for one in get_args(kind)[1:] if not isinstance(one, Kind)]


def _is_optional_code(annotation: Any) -> bool:
    """Return whether an annotation is one list of codes, or None, and nothing else."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return len(parts) == 1 and bool(get_args(parts[0])) and all(isinstance(code, str) for code in get_args(parts[0]))


@cache
def asks_more(record: type[Incident]) -> bool:
    """Return whether the model checks what the fields alone do not say: then only the model can take a record."""
    own, base = record.__pydantic_decorators__, Incident.__pydantic_decorators__
    parts = fact_models(record).values()
    return bool(
        [_unbound(found.func) for found in own.model_validators.values()]
        != [_unbound(found.func) for found in base.model_validators.values()]
        or bool(own.field_validators)
        or record.model_config != Incident.model_config
        or _makes_itself(record)
        or any(_is_odd(part) for part in parts)
        or any(_is_filled(record, name) for name in record.model_fields)
    )


def _unbound(function: Any) -> Any:
    return getattr(function, "__func__", function)


def _makes_itself(model: type[BaseModel]) -> bool:
    return bool(model.__init__ is not BaseModel.__init__ or model.model_post_init is not BaseModel.model_post_init)


def _is_odd(facts: type[Facts]) -> bool:
    asked = facts.__pydantic_decorators__
    checked = asked.model_validators or asked.field_validators or asked.validators or asked.root_validators
    return bool(checked) or facts.model_config != Facts.model_config or _makes_itself(facts)


def _is_filled(record: type[Incident], name: str) -> bool:
    """Return whether an attribute of the record is required, or says something where no row does."""
    field, model = record.model_fields[name], fact_models(record).get(name)
    if model is None:
        return False
    if any(part.is_required() for part in model.model_fields.values()):
        return True
    if name == "incident":
        return False
    empty = () if name in LISTS else model()
    return field.is_required() or bool(field.get_default(call_default_factory=True) != empty)


# ---- cells as values -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A column as SQL: `cut` is its cell without outer spaces, NULL where blank; `values` fill the columns of a field.

    `main` is NULL where the cell is blank or not taken. `time` is what a moment adds: the local time that its text
    says, by which the zone's table of days is joined.
    """

    cell: str
    cut: str
    values: Mapping[str, str]
    main: str
    time: str = ""

    @property
    def is_taken(self) -> str:
        """Whether the cell is blank or taken."""
        return f"({self.cell} IS NULL OR {self.main} IS NOT NULL)"


def read_cell(index: int, info: FieldInfo, how: How | None, *, may_hold_nul: bool, sorts: bool) -> Read:
    """Return how the column at an index is read as a field; None takes nothing but blanks.

    With `sorts` a number is taken only as it is told again, so that its text says how the item that holds it sorts.
    """
    raw, cell, name = f"c{index}", f"cut{index}", f"v{index}"
    cut = f"nullif(trim({raw}), '')"
    match how:
        case None:
            values = {
                own: f"CAST(NULL AS {kind})" for own, kind in sql_columns(schema_of([info]), name, info.path).items()
            }
            values |= {column(name, "text"): "CAST(NULL AS VARCHAR)"} if info.kind == "number" else {}
            return Read(cell, cut, values, "NULL")
        case "code":
            value = f"CASE WHEN {cell} IN ({texts(info.codes or ())}) THEN {cell} END"
            return Read(cell, f"CASE WHEN trim({raw}) <> '' THEN {raw} END", {name: value}, value)
        case "text":
            value = _text(cell, may_hold_nul=may_hold_nul)
        case "codes":
            value = _codes(cell, info.codes)
        case "yes_no":
            spelled = {form(text): answer for text, answer in YES_NO.items() for form in (str, str.upper, str.title)}
            told = {answer: texts(tuple(t for t, a in spelled.items() if a is answer)) for answer in (True, False)}
            value = f"CASE WHEN {cell} IN ({told[True]}) THEN true WHEN {cell} IN ({told[False]}) THEN false END"
        case "number":
            return _number(cell, cut, name, info, sorts=sorts)
        case "date":
            value = f"CASE WHEN regexp_full_match({cell}, '{_DATE}') THEN try_cast({cell} AS DATE) END"
        case "moment":
            return _moment(cell, cut, index)
        case _:
            assert_never(how)
    return Read(cell, cut, {name: value}, value)


def _text(cell: str, *, may_hold_nul: bool) -> str:
    """Return text in NFC. `strlen` counts bytes: where it equals the characters the text is ASCII, and as it is."""
    is_ascii = f"strlen({cell}) = length({cell})"
    nul = f" AND NOT contains({cell}, chr(0))" if may_hold_nul else ""
    plain = f"{is_ascii} AND {cell} >= '!' AND {cell}[-1] >= '!'{nul}"
    return (
        f"CASE WHEN {cell} = {literal(EMPTY_LIST)} THEN NULL WHEN {plain} THEN {cell} "
        f"WHEN {is_ascii} THEN NULL WHEN regexp_full_match({cell}, '(?s){_TEXT}') THEN nfc_normalize({cell}) END"
    )


def _codes(cell: str, codes: tuple[str, ...] | None) -> str:
    joined = f"replace({cell}, '; ', ';')"
    parts = f"list_sort(list_distinct(string_split({joined}, ';')))"
    known = f" AND list_has_all([{texts(codes)}], string_split({joined}, ';'))" if codes else ""
    empty = f"WHEN {cell} = {literal(EMPTY_LIST)} THEN CAST([] AS VARCHAR[])"
    return f"CASE {empty} WHEN regexp_full_match({joined}, '{_CODES}'){known} THEN {parts} END"


def _number(cell: str, cut: str, name: str, info: FieldInfo, *, sorts: bool) -> Read:
    pattern = _SHORTEST_NUMBER if sorts else _NUMBER
    places = 10**NUMBER_PLACES
    millionths = f"CAST(try_cast({cell} AS DECIMAL(18, {NUMBER_PLACES})) * {places} AS BIGINT)"
    ends = [f"{millionths} >= {info.least * places}"] if info.least is not None else []
    ends += [f"{millionths} <= {info.most * places}"] if info.most is not None else []
    fits = " AND ".join([f"regexp_full_match({cell}, '{pattern}')", *ends])
    value = f"CASE WHEN {fits} THEN {millionths} END"
    return Read(cell, cut, {name: value, column(name, "text"): cell}, value)


def _moment(cell: str, cut: str, index: int) -> Read:
    name, local, zone = f"v{index}", f"t{index}", f"z{index}"
    time = f"CASE WHEN regexp_full_match({cell}, '{_DATE}([T ]{_TIME})?') THEN try_cast({cell} AS TIMESTAMP) END"
    second = f"epoch_us({local}) // 1000000"
    is_day = f"length({cell}) = {_DATE_LENGTH}"
    clock = f"{cell}[:{_DATE_LENGTH}] || 'T' || {cell}[{_TIME_FROM}:]"
    written = f"{clock} || CASE WHEN length({cell}) = {_MINUTE_LENGTH} THEN ':00' ELSE '' END"

    def by_clock(before: str, after: str, between: str) -> str:
        return (
            f"WHEN {second} < {zone}.changes THEN {before} WHEN {second} >= {zone}.changed THEN {after} ELSE {between}"
        )

    ends = {
        "low": f"CASE WHEN {is_day} THEN {zone}.begins "
        + by_clock(f"{second} - {zone}.before", f"{second} - {zone}.after", f"{second} - {zone}.first")
        + " END",
        "high": f"CASE WHEN {is_day} THEN {zone}.ends "
        + by_clock(f"{second} - {zone}.before", f"{second} - {zone}.after", f"{second} - {zone}.last")
        + " END",
        "day": f"CAST({local} AS DATE)",
        "local": f"CASE WHEN {is_day} THEN {cell} ELSE {written} || CASE "
        + by_clock(f"{zone}.before_as", f"{zone}.after_as", "''")
        + " END END",
    }
    values = {column(name, part): ends[part] for part in MOMENT}
    return Read(cell, cut, values, values[column(name, "low")], time)


# ---- local time ------------------------------------------------------------------------------------------------------


@cache
def zone_days(zone: ZoneInfo) -> Any:
    """Return what each local day of a zone is in UTC seconds, as Arrow: never DuckDB's own zones, which may be others.

    A day begins and ends, has an offset `before` the clocks change and one `after`; between the local seconds
    `changes` and `changed` a time is one of two (less `first` or `last`) or, where those are NULL, none at all. Days on
    which more than that happens are left out: the model reads them.
    """
    start = date(FIRST_YEAR, 1, 1)
    number = (date(LAST_YEAR + 1, 1, 1) - start).days
    epoch = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp())
    changes = dict(_changes(zone, epoch - 2 * _DAY, number + 4))
    odd: set[int] = set()
    by_day: dict[int, tuple[int, int, int, int]] = {}
    for at, (before, after) in changes.items():
        begins, ends = sorted((at + before, at + after))
        days = {(second - epoch) // _DAY for second in (begins, ends)}
        if len(days) > 1 or days & by_day.keys() or (begins - epoch) % _DAY == 0:
            odd |= {near for day in days for near in (day - 1, day, day + 1)}
        by_day |= dict.fromkeys(days, (begins, ends, before, after))
    built, offset, first = _Days(), _offset(zone, epoch - 2 * _DAY), 0
    for day in sorted({*odd, *by_day, number}):  # between two of them the offset stays the same
        if 0 <= day <= number:
            built.add_alike(first, day, epoch=epoch, offset=offset)
            first = day + 1
        if day in by_day:
            if 0 <= day < number and day not in odd:
                built.add_changed(day, epoch + day * _DAY, by_day[day])
            offset = by_day[day][-1]
    return built.table(start)


class _Days:
    """The columns of the days of a zone while they are put together."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in (*_ZONE_NUMBERS, *_ZONE_WORDS)}

    def add_alike(self, first: int, last: int, *, epoch: int, offset: int) -> None:
        """Add the days from one to before another, on which the clocks do not change."""
        count, begins, after = last - first, epoch + first * _DAY, epoch + last * _DAY
        ends = range(begins + _DAY, after + _DAY, _DAY)
        found: dict[str, Iterable[Any]] = {
            "day": range(first, last), "begins": range(begins - offset, after - offset, _DAY),
            "ends": range(begins + _DAY - 1 - offset, after + _DAY - 1 - offset, _DAY),
            "changes": ends, "changed": ends,
            **dict.fromkeys(("before", "after"), [offset] * count), **dict.fromkeys(("first", "last"), [None] * count),
            **dict.fromkeys(_ZONE_WORDS, [_written(offset)] * count),
        }  # fmt: skip
        for name, values in found.items():
            self._columns[name].extend(values)

    def add_changed(self, day: int, local: int, change: tuple[int, int, int, int]) -> None:
        """Add a day on which the clocks change; `local` are the seconds at which it begins by its own clocks."""
        begins, ends, before, after = change
        twice = before > after
        values = (
            day, local - before, local + _DAY - 1 - after, before, after, begins, ends, before if twice else None,
            after if twice else None, _written(before), _written(after),
        )  # fmt: skip
        for name, value in zip((*_ZONE_NUMBERS, *_ZONE_WORDS), values, strict=True):
            self._columns[name].append(value)

    def table(self, start: date) -> Any:
        """Return the days as Arrow; they are counted from `start`."""
        first = start.toordinal() - date(1970, 1, 1).toordinal()
        days = pa.array([first + day for day in self._columns["day"]], pa.int32()).cast(pa.date32())
        numbers = {name: pa.array(self._columns[name], pa.int64()) for name in _ZONE_NUMBERS if name != "day"}
        return pa.table({"day": days, **numbers, **{n: pa.array(self._columns[n], pa.string()) for n in _ZONE_WORDS}})


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _changes(zone: ZoneInfo, start: int, days: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each second at which the clocks change, with the offsets before and after; one change a day is seen."""
    offsets = [datetime.fromtimestamp(day, zone).utcoffset() for day in range(start, start + days * _DAY, _DAY)]
    for number, (was, now) in enumerate(pairwise(offsets)):
        if was != now:
            low = start + number * _DAY
            high = low + _DAY
            before, after = _offset(zone, low), _offset(zone, high)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            yield high, (before, after)


@cache
def _written(offset: int) -> str:
    """Return an offset as a moment writes it."""
    local = datetime(FIRST_YEAR, 1, 1, tzinfo=timezone(timedelta(seconds=offset)))
    return Moment.at(local).local[len("1900-01-01T00:00:00") :]
