"""How well each record that was flagged says that the case was handled, by the conditions of the pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import Expr, every, in_order, negation, no_texts, surely, together, where, yes
from riskflags.batch.verdicts import FIRED
from riskflags.condition import names_read
from riskflags.model import Grade

if TYPE_CHECKING:
    from riskflags.batch.frames import Frames

GRADES = "grades"


def names_of_grades(frames: Frames) -> frozenset[str]:
    """Return every name that the grades of a pack read."""
    return frozenset[str]().union(*(names_read(one.when) for one in frames.pack.grades if one.when is not None))


def make_grades(frames: Frames) -> None:
    """Make the table of grades: of each record with a flag, the first whose condition holds, and the worst it could be."""
    flagged = frames.store.table(FIRED, ["record"]).distinct().rename({"~record": "record"})
    frame = frames.frame(names_of_grades(frames) | {frames.pack.effective_by})
    table = frame.table.semi_join(flagged, frame.table["record"] == flagged["~record"])
    frame = frame.onto(table)
    conditions = [(one.grade, one.when) for one in frames.pack.grades]
    answers = [yes() if when is None else answer(when, frame.cells) for _, when in conditions]
    asked = [None if when is None else needs(when, frame.cells) for _, when in conditions]
    found = frame.table.select(
        "record",
        **{f"answer {n}": one for n, one in enumerate(answers)},
        **{f"asked {n}": no_texts() if one is None else one for n, one in enumerate(asked)},
    )
    grade = sql.cases(
        *((surely(found[f"answer {n}"]), int(one)) for n, (one, _) in enumerate(conditions)), else_=sql.null("int64")
    )
    passed = [_passed(found, n) for n in range(len(conditions))]
    worse = [sql.ifelse(here, int(one), 0) for here, (one, _) in zip(passed, conditions, strict=True)]
    could_be = sql.greatest(grade, sql.literal(int(Grade.good)), *worse)
    all_needs = together(where(here, found[f"asked {n}"]) for n, here in enumerate(passed))
    found = found.select(
        "record", grade=grade, could_be=could_be,
        needs=sql.ifelse(could_be > grade, no_texts() if all_needs is None else all_needs, no_texts()),
    )  # fmt: skip
    found = found.filter(found["grade"].notnull())
    frames.store.make(GRADES, found.mutate(needs=in_order(found["needs"])))


def _passed(found: sql.Relation, number: int) -> Expr:
    """Return where a grade could hold and is passed over: nothing before it holds."""
    before = [negation(surely(found[f"answer {n}"])) for n in range(number)]
    return found[f"answer {number}"].isnull() & every(before)
