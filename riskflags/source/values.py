"""Scalars read as what they stand for where they stand: text, names, numbers, dates, durations, choices.

Every reader returns None where the node is not of its form, having reported it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar, get_args

from riskflags.calendar import Duration, Unit
from riskflags.kinds import parse_date, parse_number, parse_text, parse_yes_no
from riskflags.model import Severity
from riskflags.source.codes import PROBLEMS
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import refuse_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date
    from decimal import Decimal

    from riskflags.source.problems import Problems

T = TypeVar("T")
UNITS: tuple[str, ...] = get_args(Unit)
ELAPSED = ("minutes", "hours")
CALENDAR = ("days", "weeks", "months", "years")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,79}", re.ASCII)
_DERIVED = re.compile(r"calc\.[a-z][a-z0-9_]{0,79}", re.ASCII)
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)


def written(node: Node | None, expected: str, problems: Problems) -> Scalar | None:
    """Return a scalar in which something is written."""
    if node is None:
        return None
    if not isinstance(node, Scalar) or node.is_empty:
        refuse_shape(node, f"expected {expected}", problems)
        return None
    return node


def parsed(
    node: Node | None,
    parse: Callable[[str], T],
    expected: str,
    problems: Problems,
    *,
    meant: Callable[[str], str] = lambda _: "",
) -> T | None:
    """Return what a parser makes of a scalar's text; its ValueError says what is wrong.

    `meant` gives what was meant by a text that cannot be parsed, where that is clear, else nothing.
    """
    scalar = written(node, expected, problems)
    if scalar is None:
        return None
    try:
        return parse(scalar.text)
    except ValueError as error:
        fix = scalar.replaced_by(meant(scalar.text))
        problems.report("RF020", scalar.place, f"{quoted(scalar.text)} does not fit here", str(error), fix=fix)
        return None


def text(node: Node | None, problems: Problems) -> str | None:
    """Return text, with its Unicode spaces trimmed. What looks like a number needs quotes."""
    scalar = written(node, "text", problems)
    if scalar is None:
        return None
    if scalar.is_bare:
        message = f"{quoted(scalar.text)} without quotes is not text"
        problems.report("RF020", scalar.place, message, f'write "{scalar.text}"', fix=scalar.in_quotes())
        return None
    return parsed(scalar, parse_text, "text", problems)


def loose_text(node: Node | None, problems: Problems) -> str | None:
    """Return text that may look like a number, such as a version or a year."""
    return parsed(node, parse_text, "text", problems)


def texts(node: Node | None, expected: str, problems: Problems) -> tuple[str, ...] | None:
    """Return a list of texts."""
    found = items(node, expected, problems)
    if found is None:
        return None
    return complete([text(item, problems) for item in found])


def complete(found: Iterable[T | None]) -> tuple[T, ...] | None:
    """Return what was read, if all of it could be."""
    read = tuple(found)
    whole = tuple(one for one in read if one is not None)
    return whole if len(whole) == len(read) else None


def items(node: Node | None, expected: str, problems: Problems) -> tuple[Node, ...] | None:
    """Return the items of a list."""
    if node is None:
        return None
    if not isinstance(node, ListNode):
        refuse_shape(node, f"expected {expected}", problems)
        return None
    return node.items


def one_or_many(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list; of anything else, itself; nothing of nothing."""
    if node is None:
        return ()
    return node.items if isinstance(node, ListNode) else (node,)


def pairs(
    node: Node | None, expected: str, problems: Problems, *, needed: bool = False
) -> tuple[tuple[Scalar, Node], ...]:
    """Return the keys and values of a mapping whose keys the author chooses; nothing where it is no mapping.

    Nothing at all is a problem only where something is needed.
    """
    if node is None:
        return ()
    is_empty = (isinstance(node, Scalar) and node.is_empty) or (isinstance(node, MapNode) and not node.pairs)
    if isinstance(node, MapNode) and not (needed and is_empty):
        return node.pairs
    if needed or not is_empty:
        refuse_shape(node, f"expected {expected}", problems)
    return ()


def is_name(node: Scalar, problems: Problems, *, derived: bool = False) -> bool:
    """Return whether a name may be given so, having reported it where it may not."""
    if (_DERIVED if derived else _NAME).fullmatch(node.text):
        return True
    form = "calc.some_name" if derived else "some_name"
    hint = f"write a name such as {form}: lower-case letters, digits and _, at most 80"
    problems.report("RF020", node.place, f"{quoted(node.text)} is not a name", hint)
    return False


def whole(node: Node | None, problems: Problems, *, least: int = 0) -> int | None:
    """Return a whole number."""
    scalar = written(node, "a whole number", problems)
    if scalar is None:
        return None
    if not _DIGITS.fullmatch(scalar.text) or int(scalar.text) < least:
        hint = f"write a whole number from {least} on, such as {max(least, 1)}"
        problems.report("RF020", scalar.place, f"{quoted(scalar.text)} does not fit here", hint)
        return None
    return int(scalar.text)


def number(node: Node | None, problems: Problems) -> Decimal | None:
    """Return a number."""
    return parsed(node, parse_number, "a number", problems)


def yes_no(node: Node | None, problems: Problems) -> bool | None:
    """Return True or False."""
    return parsed(node, parse_yes_no, "true or false", problems)


def day(node: Node | None, problems: Problems) -> date | None:
    """Return a date."""
    return parsed(node, parse_date, "a date such as 2026-03-31", problems, meant=meant_day)


def choice(node: Node | None, options: Iterable[str], problems: Problems) -> str | None:
    """Return one of some words."""
    names = tuple(options)
    scalar = written(node, listed(names), problems)
    if scalar is None or scalar.text in names:
        return scalar.text if scalar is not None else None
    near = problems.nearest(scalar.text, names)
    meant = f"did you mean {near}? " if near else ""
    message, hint = f"{quoted(scalar.text)} does not fit here", f"{meant}Write {listed(names)}"
    problems.report("RF020", scalar.place, message, hint, fix=scalar.replaced_by(near))
    return None


def warnings(node: Node | None, problems: Problems) -> frozenset[str]:
    """Return the codes of warnings that are switched off; an error cannot be."""
    known = [code.code for code in PROBLEMS.values() if code.is_warning]
    return frozenset(code for item in one_or_many(node) if (code := choice(item, known, problems)) is not None)


def severity(node: Node | None, problems: Problems) -> Severity | None:
    """Return a severity."""
    found = choice(node, Severity.__members__, problems)
    return None if found is None else Severity[found]


def duration(node: Node | None, problems: Problems, *, units: Iterable[str] = UNITS) -> Duration | None:
    """Return a span of time, in one of the units that mean something where it stands."""
    scalar = written(node, "a duration such as 24 hours", problems)
    if scalar is None:
        return None
    found = parsed(scalar, Duration.parse, "a duration such as 24 hours", problems, meant=_meant_duration)
    allowed = tuple(units)
    if found is not None and found.unit not in allowed:
        hint = f"write a number of {listed(allowed)}"
        problems.report("RF020", scalar.place, f"{quoted(scalar.text)} cannot be counted here", hint)
        return None
    return found


# ---- what was meant --------------------------------------------------------------------------------------------------

_AMOUNT = re.compile(r"(\d{1,5})[ -]*([a-z ]+?)\.?", re.ASCII | re.IGNORECASE)
_SHORT_UNITS = {
    "min": "minutes", "mins": "minutes", "h": "hours", "hr": "hours", "hrs": "hours", "d": "days", "w": "weeks",
    "wk": "weeks", "wks": "weeks", "mo": "months", "mth": "months", "mths": "months", "y": "years", "yr": "years",
    "yrs": "years", "wd": "working days", "workday": "working days", "workdays": "working days",
    "business day": "working days", "business days": "working days",
}  # fmt: skip
_LOOSE_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_MONTHS = 12


def _meant_duration(text: str) -> str:
    """Return the duration that was meant by `3d`, `24 hrs` or `5 Days`; nothing where that is not clear."""
    found = _AMOUNT.fullmatch(text.strip())
    if not found:
        return ""
    amount, unit = int(found[1]), found[2].lower()
    units = [known for known in UNITS if unit.rstrip("s") == known.rstrip("s")]
    full = _SHORT_UNITS.get(unit) or (units[0] if units else "")
    return f"{amount} {full[:-1] if amount == 1 else full}" if full else ""


def meant_day(text: str) -> str:
    """Return the day that was meant by `2026-3-1` or `31/03/2026`; nothing where day and month could be either."""
    found = _LOOSE_DAY.fullmatch(text.strip())
    if not found:
        return ""
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    if found[4] and int(day) <= _MONTHS and day != month:
        return ""
    meant = f"{year}-{int(month):02}-{int(day):02}"
    try:
        parse_date(meant)
    except ValueError:
        return ""
    return meant
