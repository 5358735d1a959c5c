"""How well each record that was flagged says that the case was handled, by the conditions of the pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of, needs
from riskflags.batch.cells import combined, every, in_order, listed, negation, only, surely
from riskflags.batch.verdicts import FIRED
from riskflags.model import Grade

if TYPE_CHECKING:
    from riskflags.batch.frames import Frames
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr

GRADES = "grades"


def names_of_grades(frames: Frames) -> frozenset[str]:
    """Return every name that the grades of a pack read."""
    return names_of(*(one.when for one in frames.pack.grades))


def make_grades(frames: Frames) -> None:
    """Make the table of grades: of each record with a flag, the first that holds, and the worst that it could be."""
    flagged = frames.frame(names_of_grades(frames), among=frames.store.table(FIRED, ["record"]).distinct())
    own = frames.pack.grades
    found = flagged.table.select(
        "record",
        **{_answer(n): answer(one.when, flagged.cells) for n, one in enumerate(own)},
        **{_asked(n): listed(needs(one.when, flagged.cells)) for n, one in enumerate(own)},
    )
    held = [(surely(found[_answer(n)]), int(one.grade)) for n, one in enumerate(own)]
    grade = sql.cases(*held, else_=sql.null("int64"))
    passed = [_passed(found, n) for n in range(len(own))]
    worse = [sql.ifelse(here, int(one.grade), 0) for here, one in zip(passed, own, strict=True)]
    could_be = sql.greatest(grade, sql.literal(int(Grade.good)), *worse)
    asked = listed(combined(only(here, found[_asked(n)]) for n, here in enumerate(passed)))
    graded = found.select("record", grade=grade, could_be=could_be, needs=only(could_be > grade, asked))
    graded = graded.filter(graded["grade"].notnull())
    frames.store.make(GRADES, graded.mutate(needs=in_order(graded["needs"])))


def _answer(number: int) -> str:
    return f"answer {number}"


def _asked(number: int) -> str:
    return f"asked {number}"


def _passed(found: Relation, number: int) -> Expr:
    """Return where a grade could hold and is passed over: nothing before it holds."""
    before = [negation(surely(found[_answer(n)])) for n in range(number)]
    return found[_answer(number)].isnull() & every(before)
