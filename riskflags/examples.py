"""The examples of a pack, run on every engine, and what they cover.

An example passes when the record that it expects something of comes out so. Coverage asks of every comparison that a
rule or a named condition writes itself whether the examples have seen it both hold and fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from riskflags.case import Case
from riskflags.condition import Comparison, Condition, Group, Named, Row, holds
from riskflags.engine import Engine
from riskflags.model import Verdict
from riskflags.online import Online
from riskflags.pack import shown
from riskflags.record import Names, Record, Records
from riskflags.requirements import Outcome, with_severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.errors import Place
    from riskflags.incident import Incident
    from riskflags.pack import Example, Expected, NamedCondition, Pack, Rule


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """How one example came out. `differences` is empty when it passed; `explanation` shows what was decided instead."""

    owner: str
    name: str
    place: Place
    differences: tuple[str, ...]
    explanation: str = ""

    @property
    def passed(self) -> bool:
        """True when it came out as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A comparison that the examples of its owner never saw hold, or never saw fail."""

    owner: str
    place: Place
    says: str
    never: str


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """Every example of a pack with its result, every comparison with a gap in its coverage, and how many there are."""

    results: tuple[ExampleResult, ...]
    uncovered: tuple[Uncovered, ...]
    comparisons: int

    @property
    def passed(self) -> bool:
        """True when every example passed and every comparison was covered."""
        return not self.uncovered and all(result.passed for result in self.results)


def run_examples(pack: Pack) -> ExampleReport:
    """Return how the examples of a pack come out, drafts among them, in the order of the rules."""
    pack = pack.with_drafts()
    engine = Engine(pack, strict=True)
    names = Names.of(pack)
    results: list[ExampleResult] = []
    uncovered: list[Uncovered] = []
    total = 0
    for rule in pack.rules:
        if rule.status == "retired":
            continue
        seen = Seen(_own_of_rule(rule))
        results.extend(_run(engine, rule, example, seen) for example in rule.examples)
        uncovered.extend(seen.gaps(rule.key))
        total += len(seen.comparisons)
    for condition in pack.conditions.values():
        seen = Seen(_own(condition.condition))
        results.extend(_run_condition(names, condition, example, seen) for example in condition.examples)
        uncovered.extend(seen.gaps(condition.name))
        total += len(seen.comparisons)
    return ExampleReport(tuple(results), tuple(uncovered), total)


class Seen:
    """Which comparisons have been seen to hold and to fail."""

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        self.comparisons = tuple(comparisons)
        self._answers: list[set[bool]] = [set() for _ in self.comparisons]

    def look(self, row: Row) -> None:
        """Take note of what each comparison answers on a row."""
        for comparison, answers in zip(self.comparisons, self._answers, strict=True):
            answer = holds(comparison, row)
            if answer is not None:
                answers.add(answer)

    def gaps(self, owner: str) -> Iterator[Uncovered]:
        """Yield what was never seen."""
        for comparison, answers in zip(self.comparisons, self._answers, strict=True):
            if len(answers) < 2:  # noqa: PLR2004 - both answers
                never = "never true or false" if not answers else "never false" if True in answers else "never true"
                says = f"{shown(comparison.name)}: {comparison.operator}"
                yield Uncovered(owner, comparison.place, says, never)


def _own(condition: Condition) -> list[Comparison]:
    """Return the comparisons that are written here, not in a named condition that is used."""
    match condition:
        case Comparison():
            return [condition]
        case Named():
            return []
        case Group():
            return [comparison for child in condition.conditions for comparison in _own(child)]


def _own_of_rule(rule: Rule) -> list[Comparison]:
    conditions = [rule.when, *rule.unless]
    conditions += [case.when for case in rule.flag.severity if case.when is not None]
    conditions += [ask.when for ask in rule.requires if ask.when is not None]
    return [comparison for condition in conditions for comparison in _own(condition)]


def _incidents(pack: Pack, example: Example) -> tuple[Incident, list[Incident]] | str:
    """Return the record of an example and its history, or why one of them cannot be a record."""
    try:
        record, *history = [
            pack.record.model_validate(dict(data), context={"timezone": pack.zone})
            for data in (example.record, *example.history)
        ]
    except ValidationError as error:
        first = error.errors()[0]
        return f"not a record: {'.'.join(str(part) for part in first['loc'])} {first['msg']}"
    return record, history


# ---- rules -----------------------------------------------------------------------------------------------------------


def _run(engine: Engine, rule: Rule, example: Example, seen: Seen) -> ExampleResult:
    found = _incidents(engine.pack, example)
    if isinstance(found, str):
        return ExampleResult(rule.key, example.name, example.place, (found,))
    incident, history = found
    cases = {case.record.id: case for case in engine.cases([incident, *history], as_of=example.as_of)}
    for case in cases.values():
        for outcome in _of_rule(case, rule):
            seen.look(with_severity(outcome) if outcome.verdict is Verdict.fires else outcome.row)
    differences: list[str] = []
    explanation = ""
    for expected in example.expect:
        wrong = _differences(expected, cases.get(expected.incident_id), rule, only=example.only)
        if wrong and not explanation and expected.incident_id in cases:
            explanation = str(cases[expected.incident_id].explain(rule.key, expected.suspect, show_personal=True))
        differences.extend(wrong)
    return ExampleResult(rule.key, example.name, example.place, tuple(differences), explanation)


def _of_rule(case: Case, rule: Rule) -> list[Outcome]:
    return [outcome for outcome in case.outcomes if outcome.rule.key == rule.key]


def _differences(expected: Expected, case: Case | None, rule: Rule, *, only: bool) -> list[str]:
    if case is None:
        return [f"expects something of {expected.incident_id}, which is no record of the example"]
    outcomes = [o for o in _of_rule(case, rule) if expected.suspect in (None, o.suspect_id)]
    if not outcomes:
        return [f"{expected.incident_id}: no suspect {expected.suspect}"]
    order = (Verdict.fires, Verdict.undecided, Verdict.clears)
    outcome = min(outcomes, key=lambda o: (order.index(o.verdict), -o.severity))
    if outcome.verdict != expected.verdict:
        needs = f" ({'; '.join(sorted(outcome.needs))})" if outcome.needs else ""
        return [f"{expected.incident_id}: expected {expected.verdict}, came out as {outcome.verdict}{needs}"]
    found = list(_of_outcome(expected, outcome, only=only))
    gaps = {(s.action.key, str(s.state)) for s in case.standings()}
    for action, state in expected.gaps:
        if (action, state) not in gaps:
            states = sorted(text for key, text in gaps if key == action) or ["not required"]
            found.append(f"{expected.incident_id}: expected {action} {state}, came out as {', '.join(states)}")
    return found


def _of_outcome(expected: Expected, outcome: Outcome, *, only: bool) -> Iterator[str]:
    record = expected.incident_id
    if expected.severity is not None and outcome.severity is not expected.severity:
        yield f"{record}: expected severity {expected.severity}, came out as {outcome.severity}"
    pairs = ((expected.because, outcome.because, "because of"), (expected.needs, tuple(sorted(outcome.needs)), "needs"))
    for wanted, came, words in pairs:
        if wanted is not None and (set(wanted) != set(came) if only else not set(wanted) <= set(came)):
            expected_text, came_text = (", ".join(ids) or "nothing" for ids in (wanted, came))
            yield f"{record}: expected {words} {expected_text}, came out as {came_text}"


# ---- named conditions ------------------------------------------------------------------------------------------------


def _run_condition(names: Names, condition: NamedCondition, example: Example, seen: Seen) -> ExampleResult:
    found = _incidents(names.pack, example)
    if isinstance(found, str):
        return ExampleResult(condition.name, example.name, example.place, (found,))
    incident, history = found
    records = Records(names, [incident, *history], as_of=example.as_of)
    differences: list[str] = []
    online = Online({condition.name: condition.condition})
    for expected in example.expect:
        record = next((record for record in records if record.id == expected.incident_id), None)
        if record is None:
            differences.append(f"expects something of {expected.incident_id}, which is no record of the example")
            continue
        differences.extend(_condition_differences(condition, expected, record, records, online))
        for seat in Case(record, records).seats(for_each=condition.for_each):
            seen.look(seat.row)
    online.close()
    return ExampleResult(condition.name, example.name, example.place, tuple(differences))


def _condition_differences(
    condition: NamedCondition, expected: Expected, record: Record, records: Records, online: Online
) -> Iterator[str]:
    answers: list[Verdict] = []
    for seat in Case(record, records).seats(for_each=condition.for_each):
        answer = holds(condition.condition, seat.row)
        answers.append(_VERDICTS[answer])
        if not online.ask(seat.row)[condition.name].agrees_with(answer):
            yield f"{record.id}: the two engines disagree"
    order = (Verdict.fires, Verdict.undecided, Verdict.clears)
    came = min(answers, key=order.index)
    if came != expected.verdict:
        yield f"{record.id}: expected {expected.verdict}, came out as {came}"


_VERDICTS: Mapping[Any, Verdict] = {True: Verdict.fires, False: Verdict.clears, None: Verdict.undecided}
