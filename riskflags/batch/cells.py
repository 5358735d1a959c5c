"""The values of a column of records, as Ibis expressions: what `riskflags.model.Value` is for one record.

A `Cell` has the parts of its kind, and NULL in all of them where the value is absent. Numbers are whole millionths, so
that no sum is rounded. The adapter functions at the end spell what Ibis prints wrongly, or otherwise on each backend.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import reduce
from operator import add, and_, or_
from typing import TYPE_CHECKING, Any

from riskflags.batch import sql
from riskflags.batch.sql import Expr
from riskflags.model import Absent, Codes, Moment, Number, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from decimal import Decimal

    from riskflags.kinds import KindName

MILLION = 1_000_000
MANY = 1_000_000
"""The upper end of a count that is open above, as for one record."""
_MAIN = {"number": "low", "moment": "low"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of every row. A part is None where the kind has no such part, or where it is never needed.

    text, code, yes_no and date have `value`; codes have `value`, an array; numbers `low` and `high`, in millionths;
    moments `low` and `high`, in UTC seconds, their local days, `day` and `local`. `needs` is an array of text, None
    where there are none in any row. `held` is whether the source could fill what is absent.
    """

    kind: KindName
    value: Expr = None
    low: Expr = None
    high: Expr = None
    day: Expr = None
    low_day: Expr = None
    high_day: Expr = None
    local: Expr = None
    needs: Expr = None
    held: Expr = True
    is_known: bool = False
    """It is absent in no row."""

    @property
    def known(self) -> Expr:
        """Whether it is there."""
        return yes() if self.is_known else self.main.notnull()

    @property
    def absent(self) -> Expr:
        """Whether it is not there."""
        return no() if self.is_known else self.main.isnull()

    @property
    def main(self) -> Expr:
        """The part that is NULL where the value is absent."""
        return getattr(self, _MAIN.get(self.kind, "value"))

    @property
    def is_exact(self) -> bool:
        """True where the two ends are one expression."""
        return self.low is self.high

    def parts(self) -> dict[str, Expr]:
        """Return the parts that are expressions, each once, by name."""
        found: dict[str, Expr] = {}
        for part in PARTS:
            one = getattr(self, part)
            if one is not None and not isinstance(one, bool) and not any(one is other for other in found.values()):
                found[part] = one
        return found

    def bound(self, columns: dict[str, Expr]) -> Cell:
        """Return the cell with the parts that `parts` named taken from columns; what was one expression stays one."""
        own = self.parts()
        changed: dict[str, Expr] = {}
        for part in PARTS:
            one = getattr(self, part)
            name = next((name for name, other in own.items() if other is one), None)
            if name is not None:
                changed[part] = columns[name]
        return replace(self, **changed)


PARTS = tuple(
    f.name for f in fields(Cell) if f.name not in ("kind", "is_known")
)  # fmt: skip


def number(low: Expr, high: Expr, *, needs: Expr = None, held: Expr = True, is_known: bool = False) -> Cell:
    """Return a cell of numbers."""
    return Cell("number", low=low, high=high, needs=needs, held=held, is_known=is_known)


def constant(value: Value) -> Cell:
    """Return a value that is the same in every row."""
    match value:
        case bool():
            return Cell("yes_no", value=sql.literal(value), is_known=True)
        case str():
            return Cell("text", value=sql.literal(value, "string"), is_known=True)
        case Number():
            low = sql.literal(millionths(value.low), "int64")
            high = low if value.low == value.high else sql.literal(millionths(value.high), "int64")
            return number(low, high, is_known=True)
        case Codes():
            return Cell("codes", value=texts(sorted(value.known)), is_known=True)
        case Moment():
            low = sql.literal(value.earliest, "int64")
            high = low if value.is_exact else sql.literal(value.latest, "int64")
            day = days(value.day)
            return Cell(
                "moment", low=low, high=high, day=day, low_day=day, high_day=day,
                local=sql.literal(value.local, "string"), is_known=True,
            )  # fmt: skip
        case Absent():
            msg = "a constant that is absent has no kind"
            raise TypeError(msg)
        case _:
            return Cell("date", value=days(value), is_known=True)


def days(day: date) -> Expr:
    """Return a day as a literal."""
    return sql.literal(day, "date")


def millionths(value: Decimal | int) -> int:
    """Return a number in whole millionths. ValueError for one of more than six places, which no pack holds."""
    scaled = value * MILLION
    if scaled != int(scaled):
        msg = f"{value} has more than six decimal places"
        raise ValueError(msg)
    return int(scaled)


# ---- truth in three values -------------------------------------------------------------------------------------------


def yes() -> Expr:
    """Return True for every row."""
    return sql.literal(value=True)


def no() -> Expr:
    """Return False for every row."""
    return sql.literal(value=False)


def unsure() -> Expr:
    """Return undecided for every row."""
    return sql.null("boolean")


def decided(*, true: Expr, false: Expr) -> Expr:
    """Return True where one holds, False where the other does, else undecided. NULL counts as not holding."""
    return sql.cases((true, yes()), (false, no()), else_=unsure())


def negation(answer: Expr) -> Expr:
    """Return the Kleene negation. Not `~`: of `(~x).isnull()` Ibis 12 prints NOT (x IS NULL)."""
    return answer == no()


def every(answers: Iterable[Expr]) -> Expr:
    """Return the Kleene conjunction; True of none."""
    found = list(answers)
    return reduce(and_, found) if found else yes()


def some(answers: Iterable[Expr]) -> Expr:
    """Return the Kleene disjunction; False of none."""
    found = list(answers)
    return reduce(or_, found) if found else no()


def surely(answer: Expr) -> Expr:
    """Return whether an answer is True, never undecided."""
    return answer.fill_null(no())


def possibly(answer: Expr) -> Expr:
    """Return whether an answer is not False, never undecided."""
    return answer.fill_null(yes())


def how_many(answers: Sequence[Expr]) -> Expr:
    """Return how many of some two-valued answers hold."""
    return reduce(add, [sql.ifelse(answer, 1, 0) for answer in answers])


# ---- lists of text ---------------------------------------------------------------------------------------------------


def texts(values: Iterable[str]) -> Expr:
    """Return a list of text that is the same in every row."""
    return sql.literal(sorted(values), "array<string>")


def no_texts() -> Expr:
    """Return the empty list."""
    return texts(())


def together(lists: Iterable[Expr]) -> Expr:
    """Return lists as one, repeats and all; None of none. Not `concat`: Ibis prints each argument three times."""
    found = [one for one in lists if one is not None]
    if not found:
        return None
    return found[0] if len(found) == 1 else sql.array(found).flatten()


def where(guard: Expr, needs: Expr) -> Expr:
    """Return needs in the rows where a guard holds, and none elsewhere; None stays None."""
    return None if needs is None else sql.ifelse(surely(guard), needs, no_texts())


def in_order(needs: Expr) -> Expr:
    """Return a list sorted, each text once."""
    return needs.unique().sort()


def length(array: Expr) -> Expr:
    """Return the length of a list, 0 of NULL."""
    return array.length().fill_null(0)
