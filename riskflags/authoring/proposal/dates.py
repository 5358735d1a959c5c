"""How a column writes its dates, worked out from every value that was seen; what leaves a doubt is told, not chosen.

Day and month are told apart only by a value that fits one order and not the other. A column in which every value fits
both is in doubt, and so is a year of two digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import TYPE_CHECKING, Literal

from riskflags.mapping.formats import EXCEL_SERIAL, TIME_FORMATS, Clock, looks_like, read_clock, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Order = Literal["year first", "month by name", "day first", "month first"]
CENTURY = 1930
"""Years of two digits are proposed to be of 1930 to 2029, and asked about."""
_NAMED = tuple(f"{day}{gap}mmm{gap}yyyy" for gap in "- /" for day in ("dd", "d"))
_FULL: Mapping[Order, tuple[str, ...]] = {
    "year first": ("yyyy-mm-dd", "yyyy/mm/dd"),
    "month by name": _NAMED,
    "day first": tuple(f"{d}{gap}{m}{gap}yyyy" for gap in "/-." for d, m in (("dd", "mm"), ("d", "m"))),
    "month first": tuple(f"{m}{gap}{d}{gap}yyyy" for gap in "/-." for d, m in (("dd", "mm"), ("d", "m"))),
}
_SHORT: Mapping[Order, tuple[str, ...]] = {
    "year first": ("yy-mm-dd", "yy/mm/dd"),
    "month by name": tuple(form.replace("yyyy", "yy") for form in _NAMED),
    "day first": tuple(form.replace("yyyy", "yy") for form in _FULL["day first"]),
    "month first": tuple(form.replace("yyyy", "yy") for form in _FULL["month first"]),
}
_TIMES = (
    "", " hh:mm", " hh:mm:ss", "Thh:mm:ss", "Thh:mm", " h:mm", " h:mm:ss", " hh:mm:ss AM", " h:mm:ss AM", " h:mm AM",
    " hh:mm:ss.000", "Thh:mm:ss.000", " hh:mm:ss.0000000",
)  # fmt: skip
_CLEAR: tuple[Order, ...] = ("year first", "month by name")
_UNCLEAR: tuple[Order, ...] = ("day first", "month first")
_YEARS = range(1900, 2200)
_OFFSET = re.compile(r".*\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_STAND_INS = frozenset({date(1900, 1, 1), date(1901, 1, 1), date(1970, 1, 1)})
_DIGIT = re.compile(r"\d")
_MOST_UNREAD = 2
"""One value in so many may be no date, and the column is still one of dates: with a doubt."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What cannot be told from the values: the question, and what to write once it is answered."""

    question: str
    write: str


@dataclass(frozen=True, slots=True)
class Dates:
    """The formats that read a column, in the order in which they are tried, and what is in doubt about it.

    `midnights` and `other_times` count the rows whose time of day is 00:00, and those with any other.
    """

    formats: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()
    midnights: int = 0
    other_times: int = 0
    can_be_read: bool = True
    """False where no list of formats reads the column rightly."""
    orders: frozenset[tuple[Order, bool]] = frozenset()
    """The orders that another order could be mistaken for, with whether the year has two digits."""
    unsettled: tuple[Doubt, ...] = ()
    """The doubts about the order of day and month, which are among `doubts`."""

    def clashes_with(self, orders: Iterable[tuple[Order, bool]]) -> bool:
        """Return whether a list of formats with these orders too could read a date of either the wrong way round."""
        return any(
            is_short is other_short and order != other
            for order, is_short in self.orders
            for other, other_short in orders
        )


def dates_of(first: Mapping[str, int], counts: Mapping[str, int] | None = None) -> Dates | None:
    """Return how the values of a column are dates; None where they are none.

    `first` has the first row of each value, `counts` in how many rows it stands (in one, unless told).
    """
    if not first:
        return None
    if all(_SERIAL.fullmatch(text) and read_clock(text, [EXCEL_SERIAL]) for text in first):
        return _serials(first)
    if all(_OFFSET.fullmatch(text) for text in first):
        question = (
            "The times end in an offset from UTC (Z or +01:00), which a mapping cannot read. How are they to be read?"
        )
        write = "Have the extract made with local times, such as 2026-03-31 10:00, and run riskflags map again."
        return Dates((), (Doubt(question, write),), can_be_read=False)
    read = {text: dict(_orders(text)) for text in first}
    unread = [text for text, orders in read.items() if not orders]
    if len(unread) * _MOST_UNREAD > len(first):
        return None
    found = _Found()
    for is_short in (False, True):
        some = [orders for orders in read.values() if orders and _is_short(orders) is is_short]
        found.settle(some, is_short=is_short)
    doubts = [*found.doubts, *_of_unread(unread, first), *_of_stand_ins(read)]
    clocks = {text: _read(text, [next(iter(orders.values()))]) for text, orders in read.items() if orders}
    times = {text: clock.at for text, clock in clocks.items() if clock is not None and clock.at is not None}
    rows = {text: 1 if counts is None else counts[text] for text in times}
    midnights = sum(rows[text] for text, at in times.items() if at == time())
    return Dates(
        tuple(found.formats), tuple(doubts), midnights, sum(rows.values()) - midnights, found.can_be_read,
        frozenset(found.orders), tuple(found.unsettled),
    )  # fmt: skip


def is_read(text: str, formats: Sequence[str]) -> bool:
    """Return whether any of the formats reads a text."""
    return _read(text, formats) is not None


@dataclass(frozen=True, slots=True)
class Times:
    """The formats that read a column of times of day, and how many digits a time is filled up to."""

    formats: tuple[str, ...]
    pad: int
    midnights: int
    unread: tuple[str, ...]


def times_of(values: Sequence[str]) -> Times | None:
    """Return how the values of a column are times of day; None where most are none."""
    formats: list[str] = []
    unread: list[str] = []
    midnights = 0
    is_bare = all(text.isdecimal() for text in values)
    pad = 4 if is_bare and any(len(text) < 4 for text in values) else 0  # noqa: PLR2004 - hhmm has four digits
    for text in values:
        form = next((form for form in TIME_FORMATS if read_time(text, form, pad=pad) is not None), None)
        if form is None:
            unread.append(text)
            continue
        midnights += read_time(text, form, pad=pad) == time()
        formats += [form] if form not in formats else []
    if not values or len(unread) * _MOST_UNREAD > len(values):
        return None
    return Times(tuple(formats), pad, midnights, tuple(unread))


# ---- one value -------------------------------------------------------------------------------------------------------


@cache
def _candidates(shape: str) -> tuple[tuple[Order, bool, str], ...]:
    """Return the formats that have the shape of a text, with their order and whether the year has two digits."""
    return tuple(
        (order, forms is _SHORT, f"{day}{at}")
        for forms in (_FULL, _SHORT)
        for order, days in forms.items()
        for day in days
        for at in _TIMES
        if looks_like(shape, f"{day}{at}")
    )


def _orders(text: str) -> Iterator[tuple[tuple[Order, bool], str]]:
    """Yield each order in which a text is a date, with the first format that reads it so."""
    seen: set[tuple[Order, bool]] = set()
    for order, is_short, form in _candidates(_DIGIT.sub("0", text.lower())):
        if (order, is_short) not in seen and _read(text, [form]) is not None:
            seen.add((order, is_short))
            yield (order, is_short), form


def _is_short(orders: Mapping[tuple[Order, bool], str]) -> bool:
    return all(is_short for _, is_short in orders)


def _read(text: str, formats: Sequence[str]) -> Clock | None:
    clock = read_clock(text, formats, century_from=CENTURY)
    return clock if clock is not None and clock.day.year in _YEARS else None


# ---- all of them -----------------------------------------------------------------------------------------------------


class _Found:
    """The formats of a column as they are settled, and the doubts that are left."""

    def __init__(self) -> None:
        self.formats: list[str] = []
        self.doubts: list[Doubt] = []
        self.can_be_read = True
        self.orders: set[tuple[Order, bool]] = set()
        self.unsettled: list[Doubt] = []

    def settle(self, values: Sequence[Mapping[tuple[Order, bool], str]], *, is_short: bool) -> None:
        """Settle in which order values are written: those of two-digit years apart from the others."""
        if not values:
            return
        clear = _CLEAR[1:] if is_short else _CLEAR  # 11-05-14 may begin with its year or with its day
        open_ones = [one for one in values if not any((order, is_short) in one for order in clear)]
        self._take([one for one in values if one not in open_ones], clear, is_short=is_short)
        if is_short:
            question = f"The years have two digits. Are they those from {CENTURY} to {CENTURY + 99}?"
            self.doubts.append(
                Doubt(question, f"Write another first year under read, two_digit_years, if not {CENTURY}.")
            )
        if open_ones:
            self._settle_unclear(open_ones, is_short=is_short)

    def _settle_unclear(self, values: Sequence[Mapping[tuple[Order, bool], str]], *, is_short: bool) -> None:
        orders: tuple[Order, ...] = (*_UNCLEAR, "year first") if is_short else _UNCLEAR
        fitting: list[Order] = [order for order in orders if all((order, is_short) in one for one in values)]
        if len(fitting) == 1:
            self.orders.add((fitting[0], is_short))
            self._take(values, fitting, is_short=is_short)
        elif fitting:
            forms = [next(iter({one[order, is_short]: None for one in values})) for order in fitting]
            question = f"Are the dates {_either(fitting)}? Every value that was seen fits {_either(forms)}."
            write = f"Put the one that is right under read, dates: {_either(forms)}."
            self.unsettled.append(Doubt(question, write))
            self.doubts.append(self.unsettled[-1])
        else:
            self.can_be_read = False
            question = "Some dates can only be day first and others only month first. In which order are they?"
            write = "Have the extract made with one order of day and month, and run riskflags map again."
            self.doubts.append(Doubt(question, write))

    def _take(
        self, values: Sequence[Mapping[tuple[Order, bool], str]], orders: Sequence[Order], *, is_short: bool
    ) -> None:
        for one in values:
            form = next(one[order, is_short] for order in orders if (order, is_short) in one)
            self.formats += [form] if form not in self.formats else []


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _serials(first: Mapping[str, int]) -> Dates:
    question = "Are these numbers the days that a spreadsheet counts (45000 is 15 March 2023)?"
    write = "Leave excel_serial under read, dates, if so; take it out if not."
    has_times = any("." in text for text in first)
    return Dates((EXCEL_SERIAL,), (Doubt(question, write),), other_times=int(has_times))


def _of_unread(unread: Sequence[str], first: Mapping[str, int]) -> Iterator[Doubt]:
    if unread:
        row = min(first[text] for text in unread)
        number = "One value is" if len(unread) == 1 else f"{len(unread)} different values are"
        question = f"{number} no date that can be read, first in row {row:,}. What does it mean?"
        write = "Put words that mean nothing is recorded under read, blank. Any other is a warning when it is read."
        yield Doubt(question, write)


def _of_stand_ins(read: Mapping[str, Mapping[tuple[Order, bool], str]]) -> Iterator[Doubt]:
    """Yield a doubt where a day was seen that programs write where there is none."""
    found = [
        text
        for text, orders in read.items()
        if any((c := _read(text, [f])) and c.day in _STAND_INS for f in orders.values())
    ]
    if found:
        question = f"Does {found[0]} stand for a date that is not known?"
        yield Doubt(question, f'Put "{found[0]}" under read, blank, if so.')
