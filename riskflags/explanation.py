"""Why a rule fired, cleared or is undecided: the tree of its comparisons with actual values and places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

from pydantic import BaseModel, ConfigDict

from riskflags.condition import (
    OPERATORS,
    Answer,
    Comparison,
    Condition,
    Constant,
    Group,
    Named,
    Operand,
    Row,
    holds,
    invert,
    needs,
    operand_value,
)
from riskflags.model import Absent, Number, Severity, Verdict
from riskflags.pack import shown
from riskflags.words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Mark = Literal["holds", "fails", "undecided"]
_SIGNS: dict[Mark, str] = {"holds": "✓", "fails": "✗", "undecided": "?"}
_GROUP_WORDS = {"all": "all of", "any": "any of", "none": "none of"}


class Step(BaseModel):
    """One node of an explanation: what was asked, the answer, the actual value, and where the rule says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Mark
    says: str
    actual: str = ""
    place: str = ""
    detail: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


class Explanation(BaseModel):
    """The whole of it for one rule and one record: `str()` is the text, `model_dump()` the data.

    `needs` is all that is missing; each of `settled_by` could settle it alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule_code: str
    rule_id: str
    rule_version: int
    title: str
    incident_id: str
    child_id: str | None
    suspect_id: str | None
    verdict: Verdict
    note: str = ""
    when: Step
    unless: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    message: str = ""
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        suspect = f", suspect {self.suspect_id}" if self.suspect_id else ""
        rule = f"{self.rule_code} {self.rule_id} v{self.rule_version}"
        lines = [f"{rule} on {self.incident_id}{suspect}: {self.verdict.upper()}", f"  {self.title}"]
        if self.note:
            lines.append(f"  {self.note}")
        lines.extend(_lines(self.when, depth=1))
        for step in self.unless:
            lines.append("  unless")
            lines.extend(_lines(step, depth=2))
        if self.because:
            lines.append(f"  because of {', '.join(self.because)}")
        if self.needs:
            lines.append(f"  to decide it: {', '.join(self.needs)}")
        if self.settled_by:
            lines.append(f"  one of these alone could settle it: {', '.join(self.settled_by)}")
        lines.extend(f"  source: {source}" for source in self.sources)
        return "\n".join(lines)


_WIDTH = 58


def _lines(step: Step, *, depth: int) -> list[str]:
    text = f"{'  ' * depth}{_SIGNS[step.answer]} {step.says}"
    found = [f"{text:<{_WIDTH}}  {step.actual:<24}  {step.place}".rstrip()]
    found.extend(f"{'  ' * (depth + 2)}{line}" for line in step.detail)
    for child in step.steps:
        found.extend(_lines(child, depth=depth + 1))
    return found


@dataclass(frozen=True, slots=True)
class Wording:
    """What turns names and values into text: labels, masked fields, and more to say about a name."""

    personal: frozenset[str]
    detail: Callable[[str, Row], tuple[str, ...]]
    meanings: Mapping[str, str]


def explain(condition: Condition, row: Row, wording: Wording) -> Step:
    """Return the explanation of a condition for a row, node by node."""
    answer = _mark(holds(condition, row))
    place = str(condition.place) if condition.place.path else ""
    match condition:
        case Comparison():
            return Step(
                answer=answer,
                says=_says(condition, wording),
                actual=_actual(condition, row, wording),
                place=place,
                detail=wording.detail(condition.name, row),
            )
        case Named():
            inner = explain(condition.condition, row, wording)
            says = condition.name if condition.positive else f"not {condition.name}"
            return Step(answer=answer, says=says, place=place, steps=(inner,))
        case Group():
            words = _GROUP_WORDS.get(condition.kind, f"at least {condition.many} of")
            steps = tuple(explain(child, row, wording) for child in condition.conditions)
            return Step(answer=answer, says=words, place=place, steps=steps)
        case _:
            assert_never(condition)


def _mark(answer: Answer) -> Mark:
    return "undecided" if answer is None else "holds" if answer else "fails"


def _says(comparison: Comparison, wording: Wording) -> str:
    operator = OPERATORS[comparison.operator]
    name = wording.meanings.get(comparison.name, shown(comparison.name))
    if comparison.operator == "recorded":
        wanted = comparison.operands[0] == Constant(value=True)
        return f"{name} is {'' if wanted is comparison.positive else 'not '}recorded"
    if comparison.name in wording.meanings:
        return name if comparison.operands[0] == Constant(value=True) else f"not: {name}"
    right = " and ".join(_operand_words(comparison, operand) for operand in comparison.operands)
    return f"{'' if comparison.positive else 'not: '}{name} {operator.says} {right}"


def _operand_words(comparison: Comparison, operand: Operand) -> str:
    match operand:
        case Constant():
            if comparison.name == "severity" and isinstance(operand.value, Number):
                return str(Severity(int(operand.value.low)))
            return in_words(operand.value)
        case _:
            return shown(operand.name)


def _actual(comparison: Comparison, row: Row, wording: Wording) -> str:
    value = row[comparison.name]
    if comparison.name in wording.personal and not isinstance(value, Absent):
        return "<date>" if not isinstance(value, str) else "<text>"
    if comparison.name in wording.meanings:
        return "" if not isinstance(value, Absent) else "not known"
    others = [
        f"{shown(operand.name)} {in_words(operand_value(operand, row))}"
        for operand in comparison.operands
        if not isinstance(operand, Constant) and operand.name not in wording.personal
    ]
    return ", ".join([in_words(value), *others])


def settled_by(condition: Condition, row: Row) -> tuple[str, ...]:
    """Return the needs of an undecided condition each of which could settle it alone, in order."""
    return tuple(sorted(need for need in needs(condition, row) if _could_settle(condition, row, need)))


def _could_settle(condition: Condition, row: Row, need: str) -> bool:
    def brings(to: Answer) -> Callable[[Comparison], Answer]:
        def leaf(comparison: Comparison) -> Answer:
            answer = holds(comparison, row)
            return to if answer is None and needs(comparison, row) == frozenset({need}) else answer

        return leaf

    return any(_with_leaves(condition, brings(to)) is not None for to in (True, False))


def _with_leaves(condition: Condition, leaf: Callable[[Comparison], Answer]) -> Answer:
    """Return what the condition answers when its comparisons answer as `leaf` says."""
    match condition:
        case Comparison():
            return leaf(condition)
        case Named():
            answer = _with_leaves(condition.condition, leaf)
            return answer if condition.positive else invert(answer)
        case Group():
            values = [_with_leaves(child, leaf) for child in condition.conditions]
            yes, maybe = values.count(True), values.count(None)
            least = {"all": len(values), "any": 1, "none": 1, "at_least_of": condition.many}[condition.kind]
            found = True if yes >= least else None if yes + maybe >= least else False
            return invert(found) if condition.kind == "none" else found
        case _:
            assert_never(condition)
