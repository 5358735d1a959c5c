"""The values of a column of records, as expressions: what `riskflags.model.Value` is for one record.

A `Cell` has the parts of its kind, and NULL in all of them where the value is absent. Numbers are whole millionths, so
that no sum is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Literal

from riskflags.batch import sql
from riskflags.batch.facts import column, millionths
from riskflags.model import Absent, Codes, Moment, Number, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.kinds import KindName

PartName = Literal["value", "low", "high", "day", "low_day", "high_day", "local"]
PARTS: Mapping[KindName, Mapping[PartName, str]] = {
    "text": {"value": "string"},
    "code": {"value": "string"},
    "yes_no": {"value": "boolean"},
    "date": {"value": "date"},
    "codes": {"value": "array<string>"},
    "number": {"low": "int64", "high": "int64"},
    "moment": {
        "low": "int64", "high": "int64", "day": "date", "low_day": "date", "high_day": "date", "local": "string",
    },
}  # fmt: skip
"""The parts of each kind, with their types; the first is NULL where the value is absent."""
MANY = 1_000_000
"""The upper end of a count that is open above, as for one record."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A value of every row, by the parts of its kind; asking for a part that the kind lacks is a LookupError.

    text, code, yes_no and date have `value`; codes have `value`, a list; numbers `low` and `high`, in millionths;
    moments `low` and `high`, in UTC seconds, their local days, `day`, and `local`, as it was written.
    """

    kind: KindName
    of: Mapping[PartName, Expr]
    needs: Expr | None = None
    """A list of what would settle the value; None where no row needs anything."""
    held: Expr | bool = True
    """Whether the source could fill what is absent; a plain bool where that is the same in every row."""
    is_known: bool = False
    """It is absent in no row."""

    def _part(self, name: PartName) -> Expr:
        if name not in self.of:
            msg = f"a cell of kind {self.kind} has no {name}"
            raise LookupError(msg)
        return self.of[name]

    @property
    def value(self) -> Expr:
        """The value, of a kind that is one expression."""
        return self._part("value")

    @property
    def low(self) -> Expr:
        """The least that a number or moment can be."""
        return self._part("low")

    @property
    def high(self) -> Expr:
        """The greatest that a number or moment can be."""
        return self._part("high")

    @property
    def day(self) -> Expr:
        """The local day of a moment, as it was written."""
        return self._part("day")

    @property
    def low_day(self) -> Expr:
        """The local day of the least that a moment can be."""
        return self._part("low_day")

    @property
    def high_day(self) -> Expr:
        """The local day of the greatest that a moment can be."""
        return self._part("high_day")

    @property
    def local(self) -> Expr:
        """A moment as it was written."""
        return self._part("local")

    @property
    def known(self) -> Expr:
        """Whether it is there."""
        return yes() if self.is_known else self._main.notnull()

    @property
    def absent(self) -> Expr:
        """Whether it is not there."""
        return no() if self.is_known else self._main.isnull()

    @property
    def _main(self) -> Expr:
        return self._part(next(iter(PARTS[self.kind])))

    @property
    def fillable(self) -> Expr:
        """Whether the source could fill what is absent, in every row."""
        return sql.expression(self.held)

    @property
    def is_exact(self) -> bool:
        """True where the two ends are one expression."""
        return self.low is self.high

    def _named(self) -> Iterable[tuple[str, Expr]]:
        yield from self.of.items()
        if self.needs is not None:
            yield "needs", self.needs
        if not isinstance(self.held, bool):
            yield "held", self.held

    def parts(self) -> dict[str, Expr]:
        """Return all that are expressions, each once, by name: the parts of the kind, `needs` and `held`."""
        found: dict[str, Expr] = {}
        for name, one in self._named():
            if not any(one is other for other in found.values()):
                found[name] = one
        return found

    def columns(self, name: str) -> dict[str, Expr]:
        """Return the columns in which a table keeps the cell under a name."""
        return {column(name, part): one for part, one in self.parts().items()}

    def on(self, table: Relation, name: str) -> Cell:
        """Return the cell as a table keeps it under a name; what was one expression stays one."""
        kept = {part: (one, table[column(name, part)]) for part, one in self.parts().items()}

        def moved(one: Expr) -> Expr:
            return next(there for own, there in kept.values() if own is one)

        return replace(
            self,
            of={part: moved(one) for part, one in self.of.items()},
            needs=None if self.needs is None else moved(self.needs),
            held=self.held if isinstance(self.held, bool) else moved(self.held),
        )


def single(
    kind: KindName, value: Expr, *, needs: Expr | None = None, held: Expr | bool = True, is_known: bool = False
) -> Cell:
    """Return a cell of a kind that is one expression: text, a code, yes or no, a date, or codes."""
    return Cell(kind, {"value": value}, needs, held, is_known)


def number(
    low: Expr, high: Expr, *, needs: Expr | None = None, held: Expr | bool = True, is_known: bool = False
) -> Cell:
    """Return a cell of numbers, in millionths."""
    return Cell("number", {"low": low, "high": high}, needs, held, is_known)


def moment(
    ends: tuple[Expr, Expr], day: Expr, local: Expr, *, needs: Expr | None = None, held: Expr | bool = True,
    is_known: bool = False,
) -> Cell:  # fmt: skip
    """Return a cell of moments as they are written, each on one day."""
    low, high = ends
    of: dict[PartName, Expr] = {
        "low": low, "high": high, "day": day, "low_day": day, "high_day": day, "local": local
    }  # fmt: skip
    return Cell("moment", of, needs, held, is_known)


def nothing(kind: KindName, *, needs: Expr, held: Expr | bool) -> Cell:
    """Return a cell that is absent in every row."""
    nulls = {name: sql.null(name) for name in PARTS[kind].values()}
    return Cell(kind, {part: nulls[name] for part, name in PARTS[kind].items()}, needs, held)


def constant(value: Value) -> Cell:
    """Return a value that is the same in every row."""
    match value:
        case bool():
            return single("yes_no", sql.literal(value), is_known=True)
        case str():
            return single("text", sql.literal(value, "string"), is_known=True)
        case Number():
            low = sql.literal(millionths(value.low), "int64")
            high = low if value.low == value.high else sql.literal(millionths(value.high), "int64")
            return number(low, high, is_known=True)
        case Codes():
            return single("codes", texts(sorted(value.known)), is_known=True)
        case Moment():
            low = sql.literal(value.earliest, "int64")
            high = low if value.is_exact else sql.literal(value.latest, "int64")
            return moment((low, high), days(value.day), sql.literal(value.local, "string"), is_known=True)
        case Absent():
            msg = "a constant that is absent has no kind"
            raise TypeError(msg)
        case _:
            return single("date", days(value), is_known=True)


def days(day: date) -> Expr:
    """Return a day as a literal."""
    return sql.literal(day, "date")


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
    """Return the Kleene negation."""
    return answer == no()


def every(answers: Iterable[Expr]) -> Expr:
    """Return the Kleene conjunction; True of none."""
    found = list(answers)
    return reduce(lambda one, other: one & other, found) if found else yes()


def some(answers: Iterable[Expr]) -> Expr:
    """Return the Kleene disjunction; False of none."""
    found = list(answers)
    return reduce(lambda one, other: one | other, found) if found else no()


def surely(answer: Expr) -> Expr:
    """Return whether an answer is True, never undecided."""
    return answer.fill_null(no())


def possibly(answer: Expr) -> Expr:
    """Return whether an answer is not False, never undecided."""
    return answer.fill_null(yes())


def how_many(answers: Sequence[Expr]) -> Expr:
    """Return how many of some two-valued answers hold."""
    return reduce(add, [sql.ifelse(answer, 1, 0) for answer in answers])


# ---- lists of text, and needs ----------------------------------------------------------------------------------------


def texts(values: Iterable[str]) -> Expr:
    """Return a list of text that is the same in every row."""
    return sql.literal(sorted(values), "array<string>")


def no_texts() -> Expr:
    """Return the empty list."""
    return texts(())


def listed(needs: Expr | None) -> Expr:
    """Return needs as a list in every row: the empty one of None."""
    return no_texts() if needs is None else needs


def combined(lists: Iterable[Expr | None]) -> Expr | None:
    """Return needs as one, repeats and all; None, of which nothing is needed, of none."""
    found = [one for one in lists if one is not None]
    return together(*found) if found else None


def together(*lists: Expr) -> Expr:
    """Return lists as one, repeats and all."""
    return lists[0] if len(lists) == 1 else sql.array(lists).flatten()


def where(guard: Expr, needs: Expr | None) -> Expr | None:
    """Return needs in the rows where a guard holds, and none elsewhere."""
    return None if needs is None else only(guard, needs)


def only(guard: Expr, found: Expr) -> Expr:
    """Return a list in the rows where a guard holds, and an empty one elsewhere."""
    return sql.ifelse(guard, found, no_texts())


def in_order(needs: Expr) -> Expr:
    """Return a list sorted, each text once."""
    return needs.unique().sort()


def length(array: Expr) -> Expr:
    """Return the length of a list, 0 of NULL."""
    return array.length().fill_null(0)
