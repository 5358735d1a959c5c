"""Laws of conditions: what the two engines answer, and what knowing more may change."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, product, zip_longest
from typing import TYPE_CHECKING, assert_never

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    KINDS,
    NAMES,
    OPERATOR_KINDS,
    better,
    conditions,
    constants,
    exactly,
    references,
    rows,
    samples,
    values,
)

from riskflags.condition import (
    OPERATORS,
    Answer,
    Comparison,
    Condition,
    Constant,
    Group,
    Named,
    Operand,
    Reference,
    Row,
    comparisons,
    holds,
    invert,
    names_read,
    needs,
    negated,
)
from riskflags.model import Absent, Value, all_needs
from riskflags.online import Online, OnlineAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn

    from riskflags.kinds import KindName

SAID = {True: OnlineAnswer.fires, False: OnlineAnswer.clears, None: OnlineAnswer.neither}


@pytest.mark.parametrize(("operator", "kind"), OPERATOR_KINDS)
def test_the_online_engine_answers_every_comparison_as_holds_does(operator: str, kind: KindName) -> None:
    name, others = NAMES[kind][0], references(operator, kind)
    right: list[Operand] = [*map(Constant, constants(operator, kind)), *map(Reference, others)]
    pairs = product(right, repeat=2 if OPERATORS[operator].takes == "two" else 1)
    questions = {str(n): Comparison(name, operator, operands) for n, operands in enumerate(pairs)}
    online = Online(questions)
    referred = zip_longest(*map(samples, others)) if others else [()]
    for value, there in product(samples(name), referred):
        known = {other: found for other, found in zip(others, there, strict=True) if found is not None}
        row = Row({**known, name: value})
        assert online.ask(row) == {n: SAID[holds(comparison, row)] for n, comparison in questions.items()}
    online.close()


@given(st.lists(conditions(), min_size=8, max_size=8), st.lists(rows(), min_size=10, max_size=10))
def test_the_online_engine_answers_what_holds_answers(asked: list[Condition], records: list[dict[str, Value]]) -> None:
    questions = {str(number): condition for number, condition in enumerate(asked)}
    online = Online(questions)
    for known in records:
        row = Row(known)
        assert online.ask(row) == {name: SAID[holds(condition, row)] for name, condition in questions.items()}
    online.close()


@given(conditions(), st.lists(rows(), min_size=5, max_size=5))
def test_a_negation_answers_the_opposite(condition: Condition, records: list[dict[str, Value]]) -> None:
    for known in records:
        assert holds(negated(condition), Row(known)) == invert(holds(condition, Row(known)))


@given(conditions(), rows(), rows())
def test_a_row_with_more_values_answers_as_a_row_that_always_had_them(
    condition: Condition, known: dict[str, Value], more: dict[str, Value]
) -> None:
    row, asked = Row(known), Named("asked", condition)
    before = holds(asked, row)
    assert holds(asked, row.with_values(more)) == holds(condition, Row(known | more))
    assert holds(asked, row) == before == holds(condition, Row(known))


# ---- knowing more ----------------------------------------------------------------------------------------------------


@st.composite
def learnt(draw: DrawFn) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return a row, and the same row when more is known about some of its names."""
    before = {name: Absent(frozenset({name})) for name in KINDS} | draw(rows())
    known = {name: draw(better(name, before[name])) for name in draw(st.sets(st.sampled_from(sorted(KINDS))))}
    return before, before | known


@given(st.lists(conditions(plain=True), min_size=5, max_size=5), learnt())
def test_knowing_more_decides_and_never_turns_an_answer_round(
    asked: list[Condition], record: tuple[dict[str, Value], dict[str, Value]]
) -> None:
    before, after = map(Row, record)
    for condition in asked:
        assert holds(condition, before) in {None, holds(condition, after)}


@given(conditions(plain=True), rows(), st.data())
def test_meeting_every_need_decides(condition: Condition, known: dict[str, Value], data: st.DataObject) -> None:
    row = Row(known)
    needed = needs(condition, row)
    more = {
        name: data.draw(st.sampled_from(exactly(name, row[name]))) for name in KINDS if needed & all_needs([row[name]])
    }
    assert holds(condition, Row(known | more)) is not None


@given(conditions(plain=True), rows(), st.data())
def test_what_is_not_needed_does_not_matter(condition: Condition, known: dict[str, Value], data: st.DataObject) -> None:
    row = Row(known)
    needed = needs(condition, row)
    assume(needed)
    more = {name: data.draw(better(name, row[name])) for name in KINDS if not needed & all_needs([row[name]])}
    assert needs(condition, Row(known | more)) == needed


# ---- each need may settle it -----------------------------------------------------------------------------------------


def named_apart(condition: Condition, numbers: Iterator[int]) -> Condition:
    """Return the condition with a name of its own for every field that it reads: "calc.age/3"."""
    match condition:
        case Comparison():
            operands = tuple(
                Reference(f"{operand.name}/{next(numbers)}") if isinstance(operand, Reference) else operand
                for operand in condition.operands
            )
            return replace(condition, name=f"{condition.name}/{next(numbers)}", operands=operands)
        case Named():
            return replace(condition, condition=named_apart(condition.condition, numbers))
        case Group():
            return replace(condition, conditions=tuple(named_apart(c, numbers) for c in condition.conditions))
        case _:
            assert_never(condition)


@st.composite
def read_once(draw: DrawFn) -> tuple[Condition, dict[str, Value]]:
    """Return a condition in which no field stands twice, and a row for it."""
    condition = named_apart(draw(conditions(plain=True, leaves=5)), count())
    return condition, draw(st.fixed_dictionaries({name: values(name) for name in sorted(names_read(condition))}))


def outcomes(comparison: Comparison, row: Row) -> list[tuple[dict[str, Value], Answer]]:
    """Return every way in which the values that a comparison needs may turn out, with its answer."""
    names = [name for name in sorted(names_read(comparison)) if all_needs([row[name]])]
    ways = [dict(zip(names, way, strict=True)) for way in product(*(exactly(name, row[name]) for name in names))]
    return [(way, holds(comparison, row.with_values(way))) for way in ways]


def pivots(found: list[tuple[dict[str, Value], Answer]], name: str) -> list[dict[str, Value]]:
    """Return the ways for the other names of a comparison after which either answer is left to this one."""
    answers: dict[tuple[tuple[str, Value], ...], set[Answer]] = {}
    for way, answer in found:
        others = tuple((other, value) for other, value in way.items() if other != name)
        answers.setdefault(others, set()).add(answer)
    return [dict(others) for others, both in answers.items() if both == {True, False}]


@given(read_once())
def test_each_need_alone_is_left_to_settle_it_for_some_meeting_of_the_others(
    record: tuple[Condition, dict[str, Value]],
) -> None:
    condition, known = record
    row = Row(known)
    needed = needs(condition, row)
    unsure = {c: outcomes(c, row) for c in comparisons(condition) if needs(c, row) and needs(c, row) <= needed}
    assume(needed)
    assume(all({answer for _, answer in found} == {True, False} for found in unsure.values()))
    for comparison, found in unsure.items():
        rest = [
            [next(way for way, a in unsure[c] if a is answer) for answer in (True, False)]
            for c in unsure
            if c != comparison
        ]
        for name in sorted(needs(comparison, row)):
            meetings = product(pivots(found, name), *rest)
            met = (row.with_values({n: v for way in meeting for n, v in way.items()}) for meeting in meetings)
            assert any(needs(condition, one) == {name} for one in met), (comparison, name)
