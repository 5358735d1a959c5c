"""The examples of a pack, run on every engine, and what they cover.

An example passes when each record that it expects something of comes out so, by the meaning of the rule and on the
engine beside it. It needs its own rule, the rules whose flags and gaps that one reads, and, where it expects gaps,
every rule that requires those actions: with these alone it comes out as it does with the whole pack.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from riskflags.case import Case
from riskflags.condition import comparisons, holds, names_read
from riskflags.coverage import Seen, Uncovered, own_conditions
from riskflags.engine import Engine
from riskflags.explaining import explained_condition
from riskflags.explanation import tree_text
from riskflags.model import Verdict
from riskflags.online import Online
from riskflags.pack import FlagReading, GapReading, LookUp
from riskflags.record import Names, Records
from riskflags.requirements import Outcome, with_severity
from riskflags.source.web import conditions_of, values_behind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from riskflags.condition import Comparison, Condition
    from riskflags.errors import Place
    from riskflags.incident import Incident
    from riskflags.pack import Example, Expected, NamedCondition, Pack, Rule
    from riskflags.record import Read, Record


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which an example came out otherwise: where that is expected, and what came out instead."""

    place: Place
    says: str

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """How one example came out. `differences` is empty when it passed; `explanation` shows what was decided instead."""

    owner: str
    name: str
    place: Place
    differences: tuple[Difference, ...]
    explanation: str = ""

    @property
    def passed(self) -> bool:
        """True when it came out as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Tried:
    """The examples of one rule or named condition with their results, and what they cover.

    `uncovered` are the comparisons and the branches that the examples never showed both ways, or deciding. A draft may
    still lack examples.
    """

    owner: str
    place: Place
    results: tuple[ExampleResult, ...]
    uncovered: tuple[Uncovered, ...]
    comparisons: int
    branches: int
    is_draft: bool = False

    @property
    def is_covered(self) -> bool:
        """True when every comparison was seen both true and false: what an active rule must have."""
        return all(item.is_branch for item in self.uncovered)


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """The examples of a pack, by rule and named condition."""

    owners: tuple[Tried, ...]

    @property
    def results(self) -> tuple[ExampleResult, ...]:
        """Every example with its result."""
        return tuple(result for owner in self.owners for result in owner.results)

    @property
    def uncovered(self) -> tuple[Uncovered, ...]:
        """Every comparison and branch with a gap in its coverage."""
        return tuple(item for owner in self.owners for item in owner.uncovered)

    @property
    def passed(self) -> bool:
        """True when every example passed and, but for drafts, every comparison was covered. Branches do not fail."""
        covered = all(owner.is_covered or owner.is_draft for owner in self.owners)
        return covered and all(result.passed for result in self.results)


def run_examples(pack: Pack, *, only: str | None = None) -> ExampleReport:
    """Return how the examples of a pack come out, drafts among them, in the order of the rules.

    `only` takes one rule by id or code, or one named condition. LookupError where there is none of that name.
    """
    engine_for = _engines(pack.with_drafts())
    rules = [rule for rule in pack.rules if rule.status != "retired" and only in (None, rule.id, rule.code)]
    conditions = [condition for condition in pack.conditions.values() if only in (None, condition.name)]
    if only is not None and not rules and not conditions:
        msg = f"no rule or condition {only!r} in this pack"
        raise LookupError(msg)
    names = Names.of(dataclasses.replace(pack, rules=(), layers=()))
    tried = [_try_rule(rule, engine_for) for rule in rules]
    tried += [_try_condition(condition, names) for condition in conditions]
    return ExampleReport(tuple(tried))


def try_rule(pack: Pack, key: str) -> Tried:
    """Return how the examples of one rule of a pack come out, by its key."""
    return _try_rule(next(rule for rule in pack.rules if rule.key == key), _engines(pack.with_drafts()))


def try_condition(pack: Pack, name: str) -> Tried:
    """Return how the examples of one named condition of a pack come out."""
    return _try_condition(pack.conditions[name], Names.of(dataclasses.replace(pack, rules=(), layers=())))


def uncovered(pack: Pack) -> list[Uncovered]:
    """Return the comparisons that the examples of active rules and of named conditions never show both ways.

    By the meaning of the rules alone, without any engine: quick enough for every check of a pack.
    """
    by_layer = [rule for layer in pack.layers for rule in pack.rules if rule.key in layer]
    rests_on = _rests_on(pack)
    names = Names.of(pack)
    found: list[Uncovered] = []
    for rule in pack.rules:
        if rule.status == "active":
            needed = _reach({rule.id}, rests_on)
            rules = [one for one in by_layer if one.id in needed] if len(needed) > 1 else [rule]
            found += _gaps_of_rule(rule, rules, names)
    for condition in pack.conditions.values():
        if condition.examples:
            tried = _try_condition(condition, names)
            found += [item for item in tried.uncovered if not item.is_branch]
    return found


def _gaps_of_rule(rule: Rule, rules: Sequence[Rule], names: Names) -> Iterator[Uncovered]:
    seen = Seen(own_conditions(rule))
    looks = any(
        comparison.name in names.pack.readings
        for one in _looked_for(rule, names.pack)
        for comparison in comparisons(one)
    )
    for example in rule.examples:
        incidents = _incidents(names.pack, example)
        if isinstance(incidents, str):
            continue  # `riskflags test` says why it is no record; it covers nothing
        records = Records(names, [incidents[0], *incidents[1]], as_of=example.as_of)
        records.decide = partial(_read_across, [one for one in rules if one.id in names.pack.read_across], records)
        for case in (Case(record, records) for record in records if records.is_there(record)):
            if not looks and not any(_follows(comparison) for comparison in seen.missing):
                for seat in case.seats(for_each=rule.for_each):
                    seen.look_for_missing(seat.row)
                continue
            seats = {for_each: case.seats(for_each=for_each) for for_each in (False, True)}
            for one in rules:  # of the others, what clears changes no flag and no gap
                told = [seat for seat in seats[one.for_each] if one is rule or holds(one.when, seat.row) is not False]
                case.add(*[case.outcome(one, seat) for seat in told])
            for outcome in _of_rule(case, rule):
                seen.look_for_missing(with_severity(outcome) if outcome.verdict is Verdict.fires else outcome.row)
    return (item for item in seen.gaps(rule.key) if not item.is_branch)


def _read_across(rules: Sequence[Rule], records: Records, record: Record) -> Read:
    """Return what reads the flags and gaps of a record that a look-up looks at."""
    case = Case(record, records)
    for rule in rules:
        case.add(*[case.outcome(rule, seat) for seat in case.seats(for_each=rule.for_each)])
    return case.read


def _follows(comparison: Comparison) -> bool:
    """Return whether a comparison reads what rules come to: a flag, a gap or a severity."""
    return any(name.startswith(("flag:", "gap:")) or name == "severity" for name in names_read(comparison))


def _incidents(pack: Pack, example: Example) -> tuple[Incident, list[Incident]] | str:
    """Return the record of an example and its history, or why one of them cannot be a record."""
    try:
        record, *history = [
            pack.record.model_validate(dict(data), context={"timezone": pack.zone})
            for data in (example.record, *example.history)
        ]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"not a record: {f'{where}: ' if where else ''}{first['msg'].removeprefix('Value error, ')}"
    return record, history


# ---- which rules an example needs ------------------------------------------------------------------------------------


EngineFor = Callable[[str, frozenset[str]], Engine]
"""Gives an engine of one rule, by id, of every rule that requires some actions, and of all that these rest on."""


def _engines(pack: Pack) -> EngineFor:
    requiring, rests_on = _requiring(pack), _rests_on(pack)

    @lru_cache(maxsize=8)
    def engine_of(ids: frozenset[str]) -> Engine:
        needed = _reach(ids, rests_on)
        rules = tuple(rule for rule in pack.rules if rule.id in needed)
        keys = {rule.key for rule in rules}
        layers = tuple(tuple(key for key in layer if key in keys) for layer in pack.layers)
        return Engine(dataclasses.replace(pack, rules=rules, layers=tuple(filter(None, layers))), strict=True)

    def engine_for(rule_id: str, actions: frozenset[str]) -> Engine:
        return engine_of(frozenset({rule_id, *(rule for action in actions for rule in requiring.get(action, ()))}))

    return engine_for


def _requiring(pack: Pack) -> dict[str, set[str]]:
    """Return the rules that require each action."""
    found: dict[str, set[str]] = {}
    for rule in pack.rules:
        for ask in rule.requires:
            found.setdefault(ask.action, set()).add(rule.id)
    return found


def _rests_on(pack: Pack) -> dict[str, set[str]]:
    """Return for each rule the rules whose flags it reads, and those that require the actions whose gaps it reads."""
    requiring = _requiring(pack)
    found: dict[str, set[str]] = {}
    for rule in pack.rules:
        found.setdefault(rule.id, set()).update(_read_by(rule, pack, requiring))
    return found


def _reach(ids: Iterable[str], rests_on: Mapping[str, set[str]]) -> set[str]:
    """Return rules with all that they rest on."""
    needed, ahead = set[str](), set(ids)
    while ahead:
        needed |= ahead
        ahead = {other for one in ahead for other in rests_on.get(one, ())} - needed
    return needed


def _read_by(rule: Rule, pack: Pack, requiring: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the rules whose flags a rule reads, and those that require the actions whose gaps it reads."""
    for condition in (*conditions_of(rule), *_looked_for(rule, pack)):
        for comparison in comparisons(condition):
            match pack.readings.get(comparison.name):
                case FlagReading(rules=rules) | GapReading(rules=frozenset() as rules):
                    yield from rules
                case GapReading(actions=actions):
                    for action in actions:
                        yield from requiring.get(action, ())
                case None:
                    pass


def _looked_for(rule: Rule, pack: Pack) -> Iterator[Condition]:
    """Yield the conditions of every look-up that a rule reads, by its values of values too."""
    derived = {**pack.derived, **{own.name: own for own in rule.derived}}
    for one in values_behind(rule, derived):
        yield from one.how.conditions if isinstance(one.how, LookUp) else ()


# ---- rules -----------------------------------------------------------------------------------------------------------


def _try_rule(rule: Rule, engine_for: EngineFor) -> Tried:
    seen = Seen(own_conditions(rule))
    engines = (engine_for(rule.id, _actions_named(example)) for example in rule.examples)
    results = tuple(_run(engine, rule, one, seen) for engine, one in zip(engines, rule.examples, strict=True))
    return dataclasses.replace(_tried(rule.key, rule.place, results, seen), is_draft=rule.status == "draft")


def _tried(owner: str, place: Place, results: tuple[ExampleResult, ...], seen: Seen) -> Tried:
    return Tried(owner, place, results, tuple(seen.gaps(owner)), len(seen.comparisons), len(seen.branches))


def _actions_named(example: Example) -> frozenset[str]:
    """Return the actions that an example expects something of: every rule that requires them is needed too."""
    return frozenset(action for expected in example.expect for action, _ in expected.gaps)


def _run(engine: Engine, rule: Rule, example: Example, seen: Seen) -> ExampleResult:
    found = _incidents(engine.pack, example)
    if isinstance(found, str):
        return ExampleResult(rule.key, example.name, example.place, (Difference(example.place, found),))
    incident, history = found
    cases = {case.record.id: case for case in engine.cases([incident, *history], as_of=example.as_of)}
    for case in cases.values():
        for outcome in _of_rule(case, rule):
            seen.look(with_severity(outcome) if outcome.verdict is Verdict.fires else outcome.row)
    differences: list[Difference] = []
    explanation = ""
    for expected in example.expect:
        case = cases[expected.incident_id]
        wrong = _differences(expected, case, rule, only=example.only)
        decided = {outcome.suspect_id for outcome in _of_rule(case, rule)}
        if wrong and decided and not explanation:
            suspect = expected.suspect if expected.suspect in decided else None
            explanation = str(case.explain(rule.key, suspect, show_personal=True))
        differences.extend(Difference(expected.place, says) for says in wrong)
    return ExampleResult(rule.key, example.name, example.place, tuple(differences), explanation)


def _of_rule(case: Case, rule: Rule) -> list[Outcome]:
    return [outcome for outcome in case.outcomes if outcome.rule.key == rule.key]


def _differences(expected: Expected, case: Case, rule: Rule, *, only: bool) -> list[str]:
    outcomes = [o for o in _of_rule(case, rule) if expected.suspect in (None, o.suspect_id)]
    if not outcomes:
        about = f"no suspect {expected.suspect}" if expected.suspect else "the record is not yet there at as_of"
        return [f"{expected.incident_id}: {about}"]
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


def _try_condition(condition: NamedCondition, names: Names) -> Tried:
    seen = Seen([condition.condition])
    results = tuple(_run_condition(names, condition, example, seen) for example in condition.examples)
    return _tried(condition.name, condition.place, results, seen)


def _run_condition(names: Names, condition: NamedCondition, example: Example, seen: Seen) -> ExampleResult:
    found = _incidents(names.pack, example)
    if isinstance(found, str):
        return ExampleResult(condition.name, example.name, example.place, (Difference(example.place, found),))
    incident, history = found
    records = Records(names, [incident, *history], as_of=example.as_of)
    by_id = {record.id: record for record in records}
    differences: list[Difference] = []
    explanation = ""
    online = Online({condition.name: condition.condition})
    for expected in example.expect:
        record = by_id[expected.incident_id]
        wrong = list(_condition_differences(condition, expected, record, records, online))
        differences.extend(Difference(expected.place, says) for says in wrong)
        case = Case(record, records)
        seats = case.seats(for_each=condition.for_each)
        if wrong and not explanation:
            explanation = tree_text(explained_condition(case, condition.condition, seats[0].row))
        for seat in seats:
            seen.look(seat.row)
    online.close()
    return ExampleResult(condition.name, example.name, example.place, tuple(differences), explanation)


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
