"""The kinds of field: how a value of each is read from text or Python, and what is refused.

One table serves the models, the field catalogue, the loader of rules and intake: a value that one of them accepts, all
of them accept, as the same value.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, GetPydanticSchema
from pydantic_core import core_schema

from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler, ValidationInfo

KindName = Literal["text", "code", "number", "yes_no", "date", "moment", "codes"]
DEFAULT_ZONE = "Europe/London"
NUMBER_PLACES = 6
OLDEST_AGE = 120
NUMBER_LIMIT = 1_000_000_000
YES_NO = {"yes": True, "true": True, "no": False, "false": False}
EXAMPLES: dict[KindName, str] = {
    "text": "any text",
    "code": "one code of its list",
    "number": "a number with at most 6 decimal places, such as 15",
    "yes_no": "yes or no",
    "date": "a date such as 2026-03-31",
    "moment": "a time such as 2026-03-31T10:00, or a day such as 2026-03-31",
    "codes": "codes of its list, joined by ;",
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
FIRST_YEAR, LAST_YEAR = 1900, 2199


@dataclass(frozen=True, slots=True)
class Kind:
    """What the annotation of a field says beyond its type."""

    name: KindName
    personal: bool = False
    planned: bool = False
    """A moment that lies ahead on purpose (a review that falls due): as_of does not hide it."""
    least: int | None = None
    most: int | None = None
    """The range of a number, both ends in, where it has one."""


def parse_text(value: object) -> str:
    """Return text after NFC and trimming of Unicode spaces. ValueError for what is not text, or is empty."""
    if not isinstance(value, str):
        msg = "expected text: put it in quotes"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports a ValueError as a defect of the record
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        msg = "expected some text: leave the field out where there is none"
        raise ValueError(msg)
    if _NO_TEXT.search(text):
        msg = "the text holds a NUL character, or half of a pair that makes one character"
        raise ValueError(msg)
    return text


def parse_yes_no(value: object) -> bool:
    """Return True for yes and true, False for no and false. ValueError for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in YES_NO:
        return YES_NO[value.strip().lower()]
    msg = "expected yes or no"
    raise ValueError(msg)


def parse_number(value: object) -> Decimal:
    """Return a finite decimal of at most six places, below a thousand million. ValueError for anything else."""
    text = str(value).strip()
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(text)):
        msg = f"expected {EXAMPLES['number']}"
        raise ValueError(msg)
    try:
        number = Decimal(text)
    except InvalidOperation:
        msg = f"expected {EXAMPLES['number']}"
        raise ValueError(msg) from None
    if not number.is_finite() or abs(number) >= NUMBER_LIMIT or number != round(number, NUMBER_PLACES):
        msg = f"expected {EXAMPLES['number']}, below {NUMBER_LIMIT:,}"
        raise ValueError(msg)
    return number


def parse_age(value: object) -> Decimal:
    """Return an age in years, from 0 to 120. ValueError for anything else."""
    number = parse_number(value)
    if not 0 <= number <= OLDEST_AGE:
        msg = f"expected an age from 0 to {OLDEST_AGE}"
        raise ValueError(msg)
    return number


def parse_date(value: object) -> date:
    """Return a date from a date or from text such as 2026-03-31. ValueError for anything else."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and (found := _MOMENT.fullmatch(value.strip())) and not found[2]:
        return _day(found[1])
    msg = f"expected {EXAMPLES['date']}"
    raise ValueError(msg)


def default_zone() -> ZoneInfo:
    """Return the timezone of times without one; read from disk at its first use, not when riskflags is imported."""
    return ZoneInfo(DEFAULT_ZONE)


def parse_moment(value: object, *, zone: ZoneInfo | None = None) -> Moment:
    """Return a moment from a Moment, an aware datetime, a date, or ISO 8601 text in `zone`.

    Text without a time is some time on that day; text without an offset is local time, of Europe/London unless told.
    ValueError for anything else, and for a local time that the clocks skip.
    """
    if isinstance(value, Moment):
        return value
    zone = zone or default_zone()
    if isinstance(value, datetime):
        return (
            Moment.at(value.astimezone(zone)) if value.utcoffset() is not None else Moment.local_time(value, zone=zone)
        )
    if isinstance(value, date):
        return Moment.whole_day(value, zone=zone)
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        msg = f"expected {EXAMPLES['moment']}"
        raise ValueError(msg)
    day = _day(found[1])
    if not found[2]:
        return Moment.whole_day(day, zone=zone)
    try:
        when = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ''}")
    except ValueError:
        msg = f"expected {EXAMPLES['moment']}"
        raise ValueError(msg) from None
    return parse_moment(when, zone=zone)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        msg = f"{text} is not a day of the calendar; expected {EXAMPLES['date']}"
        raise ValueError(msg) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        msg = f"expected a year from {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(msg)
    return day


def parse_codes(value: object) -> tuple[str, ...]:
    """Return distinct codes in order of their spelling, from a list or from text joined by `;`."""
    if isinstance(value, str):
        value = [] if value.strip() == "(none)" else [part for part in value.split(";") if part.strip()]
    if not isinstance(value, list | tuple | set | frozenset):
        msg = "expected a list of codes"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports a ValueError as a defect of the record
    return tuple(sorted({parse_text(code) for code in cast("list[object]", value)}))


def _optional(value: object, parse: Any) -> Any:
    return None if value is None else parse(value)


def _moment_schema(_source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    def read(value: object, info: ValidationInfo) -> Moment | None:
        context = cast("Mapping[str, ZoneInfo]", info.context or {})
        return None if value is None else parse_moment(value, zone=context.get("timezone"))

    def write(value: Moment | None) -> str | None:
        return None if value is None else value.local

    return core_schema.with_info_plain_validator_function(
        read,
        serialization=core_schema.plain_serializer_function_ser_schema(write),
        json_schema_input_schema=core_schema.nullable_schema(core_schema.str_schema()),
    )


Text = Annotated[str | None, BeforeValidator(lambda v: _optional(v, parse_text)), Kind("text")]
PersonalText = Annotated[str | None, BeforeValidator(lambda v: _optional(v, parse_text)), Kind("text", personal=True)]
OpenCode = Annotated[str | None, BeforeValidator(lambda v: _optional(v, parse_text)), Kind("code")]
"""A code of an official list that this library does not carry (forces, local authorities)."""
Code = Kind("code")
CodeList = (BeforeValidator(lambda v: _optional(v, parse_codes)), Kind("codes"))
OpenCodes = Annotated[tuple[str, ...] | None, *CodeList]
Decimal6 = Annotated[Decimal | None, BeforeValidator(lambda v: _optional(v, parse_number)), Kind("number")]
Age = Annotated[
    Decimal | None, BeforeValidator(lambda v: _optional(v, parse_age)), Kind("number", least=0, most=OLDEST_AGE)
]
YesNo = Annotated[bool | None, BeforeValidator(lambda v: _optional(v, parse_yes_no)), Kind("yes_no")]
PersonalDate = Annotated[date | None, BeforeValidator(lambda v: _optional(v, parse_date)), Kind("date", personal=True)]
Time = Annotated[Moment | None, GetPydanticSchema(_moment_schema), Kind("moment")]
PlannedTime = Annotated[Moment | None, GetPydanticSchema(_moment_schema), Kind("moment", planned=True)]
