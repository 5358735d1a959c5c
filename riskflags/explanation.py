"""Why a rule fired, cleared or is undecided: the tree of its comparisons with actual values and places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
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
    Reference,
    Row,
    comparisons,
    holds,
    invert,
    needs,
)
from riskflags.model import Absent, Codes, Number, Severity, Value, Verdict
from riskflags.pack import shown
from riskflags.words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.errors import Place

Mark = Literal["holds", "fails", "undecided"]
SIGNS: dict[Mark, str] = {"holds": "✓", "fails": "✗", "undecided": "?"}
_GROUP_WORDS = {"all": "all of", "any": "any of", "none": "none of"}


class Step(BaseModel):
    """One node of an explanation: what was asked, the answer, the actual value, and where the rule says so.

    `evidence` are the ids of the records behind a value that was looked up. `steps` are the parts of a group or of a
    named condition, and below a reading of flags or gaps the rules that it rests on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Mark
    says: str
    actual: str = ""
    evidence: tuple[str, ...] = ()
    place: str = ""
    detail: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


class Explanation(BaseModel):
    """The whole of it for one rule and one record: `str()` is the text, `model_dump()` the data.

    `severity` is that of a rule that fires, or the one that an undecided rule would have; `could_be` is the worst that
    is still possible. `severities` are the cases of a severity that were looked at, until one holds.
    `needs` is all that is missing. Each of `settles` alone decides the rule, whatever it turns out to be; each of
    `settled_by` alone may decide it.
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
    severity: str = ""
    could_be: str = ""
    severities: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    message: str = ""
    sources: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """Which rule it is, on which record, and the verdict."""
        suspect = f", suspect {self.suspect_id}" if self.suspect_id else ""
        rule = f"{self.rule_code} {self.rule_id} v{self.rule_version}"
        return f"{rule} on {self.incident_id}{suspect}: {self.verdict.upper()}"

    @property
    def closing(self) -> tuple[str, ...]:
        """What follows from the tree: the records behind it, what is missing, and what the rule cites."""
        found: list[str] = []
        if self.because:
            found.append(f"because of {', '.join(self.because)}")
        if self.needs:
            found.append(f"to decide it: {', '.join(self.needs)}")
        if len(self.needs) > 1:
            found.extend(f"{need} alone decides it, whatever it turns out to be" for need in self.settles)
            if may := [need for need in self.settled_by if need not in self.settles]:
                one = "this alone may decide it" if len(may) == 1 else "each of these alone may decide it"
                found.append(f"{one}: {', '.join(may)}")
        return (*found, *(f"source: {source}" for source in self.sources))

    @property
    def graded(self) -> str:
        """How serious it is, in words; empty for a rule that clears."""
        would = "would be " if self.verdict is Verdict.undecided else ""
        could = f", could be {self.could_be}" if self.could_be != self.severity else ""
        return f"severity {would}{self.severity}{could}" if self.severity else ""

    def __str__(self) -> str:
        tree = [*_rows(self.when, depth=1)]
        tree += _section("unless" if self.unless else "", self.unless)
        tree += _section(self.graded, self.severities)
        lines = [self.heading, f"{_INDENT}{self.title}"]
        if self.note:
            lines.append(f"{_INDENT}{self.note}")
        lines.extend(_lines(tree))
        lines.extend(f"{_INDENT}{line}" for line in self.closing)
        return "\n".join(lines)


class GradeExplanation(BaseModel):
    """Why a case has its grade: the conditions that were looked at, until one holds. `str()` is the text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    incident_id: str
    child_id: str | None
    grade: str
    could_be: str
    cases: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The record, and its grade."""
        could = f", could be {_plain(self.could_be)}" if self.could_be != self.grade else ""
        return f"Indicative grade of {self.incident_id}: {_plain(self.grade).upper()}{could}"

    def __str__(self) -> str:
        tree = [row for step in self.cases for row in _rows(step, depth=1)]
        lines = [self.heading, *_lines(tree)]
        lines += [f"{_INDENT}to settle it: {', '.join(self.needs)}"] if self.needs else []
        return "\n".join(lines)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def tree_text(step: Step) -> str:
    """Return the tree of one condition as text."""
    return "\n".join(_lines([*_rows(step, depth=0)]))


_INDENT = "  "
_WIDEST = 84


def _section(heading: str, steps: Sequence[Step]) -> Iterator[tuple[str, Step | None]]:
    """Yield a heading, unless it is empty, and the lines of the trees below it."""
    if heading:
        yield f"{_INDENT}{heading}", None
    for step in steps:
        yield from _rows(step, depth=2)


def _rows(step: Step, *, depth: int) -> Iterator[tuple[str, Step | None]]:
    """Yield the lines of a tree: each with the step whose value and place stand beside it, or none for a detail."""
    yield f"{_INDENT * depth}{SIGNS[step.answer]} {step.says}", step
    for line in step.detail:
        yield f"{_INDENT * (depth + 2)}{line}", None
    for child in step.steps:
        yield from _rows(child, depth=depth + 1)


def _lines(rows: Sequence[tuple[str, Step | None]]) -> Iterator[str]:
    width = min(max((len(text) for text, step in rows if step is not None), default=0), _WIDEST)
    for text, step in rows:
        yield text if step is None else f"{text:<{width}}  {beside(step):<24}  {step.place}".rstrip()


def beside(step: Step) -> str:
    """Return the actual value of a step, with the ids behind it."""
    held = f"[{', '.join(step.evidence)}]" if step.evidence else ""
    return "  ".join(part for part in (step.actual, held) if part)


@dataclass(frozen=True, slots=True)
class Wording:
    """What turns names and values into text, for one record.

    `meanings` are the words of each reading of flags or gaps. `param` gives the words of a parameter's value and since
    when it holds; `evidence` the ids behind a name; `detail` more to say about it; `behind` the rules it rests on.
    """

    personal: frozenset[str]
    meanings: Mapping[str, str]
    param: Callable[[str, Row], str]
    evidence: Callable[[str, Row], tuple[str, ...]]
    detail: Callable[[str, Row], tuple[str, ...]]
    behind: Callable[[str, Row], tuple[Step, ...]]


def explain(condition: Condition, row: Row, wording: Wording) -> Step:
    """Return the explanation of a condition for a row, node by node."""
    answer, place = mark(holds(condition, row)), line_of(condition.place)
    match condition:
        case Comparison():
            name = condition.name
            return Step(
                answer=answer,
                says=_says(condition, row, wording),
                actual=_actual(condition, row, wording),
                evidence=wording.evidence(name, row),
                place=place,
                detail=wording.detail(name, row),
                steps=wording.behind(name, row),
            )
        case Named():
            says = condition.name if condition.positive else f"not {condition.name}"
            inner = explain(condition.condition, row, wording)
            if isinstance(condition.condition, Comparison) and condition.positive:
                return inner.model_copy(update={"says": f"{says}: {inner.says}"})
            return Step(answer=answer, says=says, place=place, steps=(inner,))
        case Group():
            words = _GROUP_WORDS.get(condition.kind, f"at least {condition.many} of")
            steps = tuple(explain(child, row, wording) for child in condition.conditions)
            return Step(answer=answer, says=words, place=place, steps=steps)
        case _:
            assert_never(condition)


def line_of(place: Place) -> str:
    """Return the file and line of a place; nothing for what stands in no file."""
    return f"{place.path}:{place.line}" if place.path else ""


def mark(answer: Answer) -> Mark:
    """Return the mark of an answer."""
    return "undecided" if answer is None else "holds" if answer else "fails"


def _says(comparison: Comparison, row: Row, wording: Wording) -> str:
    operator = OPERATORS[comparison.operator]
    name = wording.meanings.get(comparison.name, shown(comparison.name))
    if comparison.operator == "recorded":
        wanted = comparison.operands[0] == Constant(value=True)
        return f"{name} is {'' if wanted is comparison.positive else 'not '}recorded"
    if comparison.name in wording.meanings:
        return name if comparison.operands[0] == Constant(value=True) else f"not: {name}"
    if comparison.name.startswith(_PARAM):
        name = _param_words(comparison.name, row, wording)
    right = " and ".join(_operand_words(comparison, operand, row, wording) for operand in comparison.operands)
    return f"{'' if comparison.positive else 'not: '}{name} {operator.says} {right}"


_PARAM = "param."
_MOST_CODES = 4


def _operand_words(comparison: Comparison, operand: Operand, row: Row, wording: Wording) -> str:
    match operand:
        case Constant():
            if comparison.name == "severity" and isinstance(operand.value, Number):
                return str(Severity(int(operand.value.low)))
            return _few(operand.value) if isinstance(operand.value, Codes) else in_words(operand.value)
        case Reference() if operand.name.startswith(_PARAM):
            return _param_words(operand.name, row, wording)
        case Reference():
            return f"{shown(operand.name)} ({_value_words(operand.name, row[operand.name], wording)})"
        case _:
            assert_never(operand)


def _few(codes: Codes) -> str:
    """Return the codes that a rule names, cut off where there are many: the rule's line has them all."""
    names = sorted(codes.known)
    more = len(names) - _MOST_CODES
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_MOST_CODES])} and {more} more"


def _param_words(name: str, row: Row, wording: Wording) -> str:
    return wording.param(name.removeprefix(_PARAM), row)


def _value_words(name: str, value: Value, wording: Wording) -> str:
    return masked(value) if name in wording.personal else in_words(value)


def masked(value: Value) -> str:
    """Return what is shown of a personal value: that there is one, and of what sort."""
    if isinstance(value, Absent):
        return in_words(value)
    return "<text>" if isinstance(value, str) else "<date>"


def _actual(comparison: Comparison, row: Row, wording: Wording) -> str:
    value = row[comparison.name]
    if comparison.name.startswith(_PARAM):
        return ""
    if comparison.name in wording.meanings:
        return "" if not isinstance(value, Absent) else "not known"
    return _value_words(comparison.name, value, wording)


# ---- what would settle it --------------------------------------------------------------------------------------------

_MOST_LEAVES = 10
"""Comparisons that hang on one need, up to which every way in which they may turn out is tried."""


def settled_by(condition: Condition, row: Row) -> tuple[str, ...]:
    """Return the needs of an undecided condition each of which could settle it alone, in order."""
    return tuple(sorted(need for need in needs(condition, row) if _could_settle(condition, row, need)))


def _could_settle(condition: Condition, row: Row, need: str) -> bool:
    hanging = _hanging_on(condition, row, need)
    return any(_when_told(condition, row, dict.fromkeys(hanging, to)) is not None for to in (True, False))


def settles(condition: Condition, row: Row) -> tuple[str, ...]:
    """Return the needs of an undecided condition each of which settles it alone, whatever it turns out to be."""
    return tuple(sorted(need for need in needs(condition, row) if _settles(condition, row, need)))


def _settles(condition: Condition, row: Row, need: str) -> bool:
    hanging = _hanging_on(condition, row, need)
    if not 0 < len(hanging) <= _MOST_LEAVES:
        return False
    ways = product((True, False), repeat=len(hanging))
    return all(_when_told(condition, row, dict(zip(hanging, way, strict=True))) is not None for way in ways)


def _hanging_on(condition: Condition, row: Row, need: str) -> tuple[Comparison, ...]:
    """Return the comparisons that this need alone decides."""
    return tuple(dict.fromkeys(one for one in comparisons(condition) if needs(one, row) == frozenset({need})))


def _when_told(condition: Condition, row: Row, told: Mapping[Comparison, Answer]) -> Answer:
    """Return what the condition answers when some of its comparisons answer as they are told to."""
    match condition:
        case Comparison():
            return told[condition] if condition in told else holds(condition, row)
        case Named():
            answer = _when_told(condition.condition, row, told)
            return answer if condition.positive else invert(answer)
        case Group():
            values = [_when_told(child, row, told) for child in condition.conditions]
            yes, maybe = values.count(True), values.count(None)
            least = {"all": len(values), "any": 1, "none": 1, "at_least_of": condition.many}[condition.kind]
            found = True if yes >= least else None if yes + maybe >= least else False
            return invert(found) if condition.kind == "none" else found
        case _:
            assert_never(condition)
