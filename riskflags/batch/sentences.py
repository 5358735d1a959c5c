"""Values in plain English, in every row: what `riskflags.words` is for one record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.cells import length
from riskflags.batch.facts import MILLION

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskflags.batch.cells import Cell
    from riskflags.batch.sql import Expr

_NAME = re.compile(r"(\{[a-z_.0-9]+\})")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NOON = 12


def message(text: str, cell_of: Callable[[str], Cell]) -> Expr:
    """Return the message of a flag with each {name} replaced by its value in words."""
    found = sql.literal("", "string")
    for part in _NAME.split(text):
        if _NAME.fullmatch(part):
            found = found.concat(_said(cell_of(part[1:-1])))
        elif part:
            found = found.concat(sql.literal(part, "string"))
    return found


def _said(cell: Cell) -> Expr:
    words = in_words(cell)
    if cell.is_known:
        return words
    return sql.cases((cell.known, words), (cell.fillable, "not recorded"), else_="not held by this source")


def in_words(cell: Cell) -> Expr:
    """Return a value that is there as a person reads it."""
    match cell.kind:
        case "yes_no":
            return sql.ifelse(cell.value, "yes", "no")
        case "moment":
            return _moment(cell)
        case "number":
            return _number(cell)
        case "codes":
            return _codes(cell)
        case "date":
            return _day(cell.value)
        case _:
            return cell.value


def _number(cell: Cell) -> Expr:
    low = _plain(cell.low)
    if cell.is_exact:
        return low
    return sql.ifelse(cell.low == cell.high, low, low.concat(" to ", _plain(cell.high)))


def _plain(value: Expr) -> Expr:
    """Return millionths as a number without trailing zeros."""
    size = value.abs()
    part = size % MILLION
    whole = (size - part).over(MILLION).cast("string")
    places = part.cast("string").lpad(6, "0").trimmed_right("0")
    sign = sql.ifelse(value < 0, "-", "")
    return sign.concat(whole, sql.ifelse(part == 0, "", sql.literal(".").concat(places)))


def _codes(cell: Cell) -> Expr:
    listed = cell.value.sort().join(", ").replace("_", " ")
    shown = sql.ifelse(length(cell.value) == 0, "(none)", listed)
    if cell.needs is None:
        return shown
    return sql.ifelse(length(cell.needs) > 0, shown.concat(", perhaps more"), shown)


def _day(day: Expr) -> Expr:
    month = sql.cases(*((day.month() == n, name) for n, name in enumerate(_MONTHS, start=1)), else_="")
    return day.day().cast("string").concat(" ", month, " ", day.year().cast("string"))


def _moment(cell: Cell) -> Expr:
    """Return a moment by how it was written; a day alone where no time was."""
    hour = sql.ifelse(cell.local.has_text("T"), cell.local.substr(11, 2), "0").cast("int64")
    twelve = sql.ifelse(hour % _NOON == 0, _NOON, hour % _NOON)
    half = sql.ifelse(hour < _NOON, "am", "pm")
    timed = _day(cell.day).concat(", ", twelve.cast("string"), ":", cell.local.substr(14, 2), half)
    return sql.ifelse(cell.local.has_text("T"), timed, _day(cell.day))
