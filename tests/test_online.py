"""The single-record engine: its answers, what it does when durable_rules fails, and what it keeps from it."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from scenarios import compare, exact, mixed, yes

from riskflags.condition import OPERATORS, Comparison, Condition, Group, Named, Reference, Row, holds
from riskflags.errors import EngineError
from riskflags.lowering import MOST_TESTS, OPERATIONS, lower
from riskflags.model import Absent, Codes, Moment, Number, Value
from riskflags.online import Online, OnlineAnswer, load

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE = load()
HERE = Path(__file__).parent
WANTED = {"one": 1, "two": 2, "many": 1, "yes_no": 1}


def ask(condition: Condition, known: dict[str, Value]) -> OnlineAnswer:
    """Return the answer to one question."""
    online = Online({"it": condition})
    answer = online.ask(Row(known))["it"]
    online.close()
    return answer


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_every_operator_is_lowered_with_a_relation_for_each_operand() -> None:
    found = {name: len(relations) for name, (_, relations) in OPERATIONS.items()}
    assert found == {operator.name: WANTED[operator.takes] for operator in OPERATORS.values()}


def reference(name: str, operator: str, *others: str) -> Comparison:
    return Comparison(name, operator, tuple(map(Reference, others)))


DAY = Moment(0, 86_399, date(1970, 1, 1), "1970-01-01", frozenset({"m@time"}))
NOON = Moment(43_200, 43_200, date(1970, 1, 1), "1970-01-01T12:00:00+00:00")
NEXT = Moment(86_400, 86_400, date(1970, 1, 2), "1970-01-02T00:00:00+00:00")
SEVEN_PLACES = Number(Decimal("1.0000001"), Decimal("1.0000001"))
OPEN = Codes(frozenset({"a"}), frozenset({"c"}))
ANSWERS: list[tuple[str, Condition, dict[str, Value], OnlineAnswer]] = [
    ("an interval above", compare("n", "at_least", exact(3)), {"n": Number(3, 9)}, OnlineAnswer.fires),
    ("an interval below", compare("n", "at_least", exact(3)), {"n": Number(1, 2)}, OnlineAnswer.clears),
    ("an interval across", compare("n", "at_least", exact(3)), {"n": Number(2, 3)}, OnlineAnswer.neither),
    ("an absent number", compare("n", "at_least", exact(3)), {}, OnlineAnswer.neither),
    (
        "a millionth less",
        compare("n", "at_least", exact(3)),
        {"n": Number(Decimal("2.999999"), 3)},
        OnlineAnswer.neither,
    ),
    ("more places than there are", compare("n", "less_than", SEVEN_PLACES), {"n": exact(1)}, OnlineAnswer.fires),
    ("and a number like it", compare("n", "is", SEVEN_PLACES), {"n": SEVEN_PLACES}, OnlineAnswer.fires),
    ("the largest of all", compare("n", "at_least", exact(10**40)), {"n": exact(10**40 - 1)}, OnlineAnswer.clears),
    ("a negation of nothing", Group("none", (compare("t", "is", "a"),)), {}, OnlineAnswer.neither),
    ("a word that no rule mentions", compare("t", "is_not", "a"), {"t": "b"}, OnlineAnswer.fires),
    ("text that looks like a number", compare("t", "is", "5"), {"t": "5.0"}, OnlineAnswer.clears),
    ("a day before a time on it", compare("m", "before", NOON), {"m": DAY}, OnlineAnswer.neither),
    ("a day before the next", reference("m", "before", "k"), {"m": DAY, "k": NEXT}, OnlineAnswer.fires),
    (
        "one end absent, the other past",
        reference("n", "between", "a", "b"),
        {"n": exact(9), "b": exact(8)},
        OnlineAnswer.clears,
    ),
    (
        "one end absent, the other met",
        reference("n", "between", "a", "b"),
        {"n": exact(7), "b": exact(8)},
        OnlineAnswer.neither,
    ),
    ("the same text", reference("t", "is", "u"), {"t": "z", "u": "z"}, OnlineAnswer.fires),
    ("other text", reference("t", "is", "u"), {"t": "z", "u": "Z"}, OnlineAnswer.clears),
    ("an open list that has it", compare("c", "has", "a"), {"c": OPEN}, OnlineAnswer.fires),
    ("an open list that may have it", compare("c", "has", "b"), {"c": OPEN}, OnlineAnswer.neither),
    (
        "an open list that may have all",
        compare("c", "has_all", Codes(frozenset("ab"))),
        {"c": OPEN},
        OnlineAnswer.neither,
    ),
    ("an empty list", compare("c", "has_none", Codes(frozenset("ab"))), {"c": Codes(frozenset())}, OnlineAnswer.fires),
    ("nothing recorded", compare("n", "recorded", False), {}, OnlineAnswer.fires),
    (
        "nothing that could be",
        compare("n", "recorded", False),
        {"n": Absent(frozenset(), held=False)},
        OnlineAnswer.neither,
    ),
    ("no condition at all", Group("all", ()), {}, OnlineAnswer.fires),
    ("none to choose from", Group("any", ()), {}, OnlineAnswer.clears),
    ("a named condition, denied", Named("x", yes("y"), positive=False), {"y": False}, OnlineAnswer.fires),
]


@pytest.mark.parametrize(
    ("condition", "known", "answer"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
def test_a_question_is_answered(condition: Condition, known: dict[str, Value], answer: OnlineAnswer) -> None:
    assert ask(condition, known) is answer


def test_a_contradiction_is_reported() -> None:
    assert ask(compare("n", "at_least", exact(4)), {"n": Number(5, 3)}) is OnlineAnswer.both


@pytest.mark.parametrize("answer", OnlineAnswer)
def test_an_answer_agrees_with_holds_or_with_nothing(answer: OnlineAnswer) -> None:
    said = [holds_ for holds_ in (True, False, None) if answer.agrees_with(holds_)]
    assert said == {"fires": [True], "clears": [False], "neither": [None], "both": []}[answer]


# ---- nothing is too big ----------------------------------------------------------------------------------------------


def flags(many: int) -> tuple[Condition, ...]:
    return tuple(yes(f"f{number}") for number in range(many))


def spans(many: int) -> tuple[Condition, ...]:
    return tuple(compare(f"n{number}", "between", exact(1), exact(2)) for number in range(many))


def threes(kind: str, many: int) -> tuple[Condition, ...]:
    fields = iter(flags(3 * many))
    return tuple(Group("any" if kind == "any" else "all", tuple(islice(fields, 3))) for _ in range(many))


BIG: dict[str, Condition] = {
    "all of 300": Group("all", flags(300)),
    "any of 300": Group("any", flags(300)),
    "none of 300": Group("none", flags(300)),
    "all of 100 any of 3": Group("all", threes("any", 100)),
    "any of 100 all of 3": Group("any", threes("all", 100)),
    "none of 30 that fail in two ways": Group("none", spans(30)),
    "all of 30 that fail in two ways": Group("all", spans(30)),
    "20 of 40": Group("at_least_of", flags(40), 20),
    "not 20 of 40": Group("none", (Group("at_least_of", flags(40), 20),)),
    "10 of 20 all of 3": Group("at_least_of", threes("all", 20), 10),
    "1 of 2 of 3 of 6": Group(
        "at_least_of", (Group("at_least_of", (Group("at_least_of", flags(6), 3),), 2), *flags(9)), 1
    ),
    "the same, twice, of 3": Group("at_least_of", (*flags(1), *flags(1), yes("f1")), 2),
    "1 of what never holds": Group("at_least_of", (Group("any", ()),), 1),
    "0 of 3": Group("at_least_of", flags(3), 0),
    "4 of 3": Group("at_least_of", flags(3), 4),
    "all of 20 any of 15 all of 3": Group("all", tuple(Group("any", threes("all", 15)) for _ in range(20))),
}


def filled(true: int, absent: int) -> dict[str, Value]:
    """Return a row with the first fields true, the next ones absent, and the rest false."""
    known: dict[str, Value] = {}
    for number in range(300):
        if not true <= number < true + absent:
            known |= {f"f{number}": number < true, f"n{number}": exact(number < true)}
    return known


ROWS = [filled(true, absent) for true in (0, 1, 2, 19, 20, 21, 40, 299, 300) for absent in (0, 1, 20, 300)]


@pytest.mark.parametrize("condition", BIG.values(), ids=BIG)
def test_no_condition_is_too_big(condition: Condition) -> None:
    online = Online({"it": condition})
    for known in ROWS:
        assert online.ask(Row(known))["it"].agrees_with(holds(condition, Row(known)))
    online.close()


def test_no_clause_is_longer_than_a_ruleset_takes() -> None:
    lowered = lower(BIG)
    assert max(len(clause.tests) for stage in lowered.stages for clause in stage.clauses) <= MOST_TESTS


MANY: dict[str, dict[str, Condition]] = {
    "500 questions": {str(n): Group("all", (yes(f"f{n % 40}"), yes(f"f{n}"))) for n in range(500)},
    "300 rules with one last test": {str(n): Group("all", (yes(f"f{n}"), yes("leaf"))) for n in range(300)},
    "600 first tests": {str(n): compare("n0", "is", exact(n)) for n in range(600)},
    "300 times the same": {str(n): yes("f1") for n in range(300)},
    "no question": {},
}


@pytest.mark.parametrize("questions", MANY.values(), ids=MANY)
def test_no_pack_is_too_big(questions: dict[str, Condition]) -> None:
    online = Online(questions)
    for known in (filled(3, 50), filled(300, 0) | {"leaf": True}, {}):
        row = Row(known)
        answers = online.ask(row)
        assert [name for name, c in questions.items() if not answers[name].agrees_with(holds(c, row))] == []
    online.close()


# ---- when durable_rules fails ----------------------------------------------------------------------------------------


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The C module, in a form whose functions can be replaced."""
    copied = SimpleNamespace(**{name: getattr(ENGINE, name) for name in dir(ENGINE)})
    monkeypatch.setitem(sys.modules, "durable_rules_engine", copied)
    return copied


def once(module: SimpleNamespace, name: str, instead: Callable[..., Any], *, after: int = 0) -> None:
    """Let a function of the C module do something else for one call, after some that go well."""
    real, turns = getattr(ENGINE, name), count()

    def function(*arguments: Any) -> Any:
        return instead(*arguments) if next(turns) == after else real(*arguments)

    setattr(module, name, function)


def fail(*_: object) -> None:
    msg = "Could not assert fact, error code: 303"
    raise ENGINE.error(msg)


def run_out(*_: object) -> None:
    raise MemoryError


QUESTIONS: dict[str, Condition] = {"a": yes("f"), "b": Group("any", flags(150)), "c": Group("at_least_of", flags(3), 2)}
KNOWN: dict[str, Value] = {"f": True, "f1": True, "f2": False}


@pytest.mark.parametrize(
    ("name", "instead", "says"),
    [
        ("assert_fact", fail, "error code: 303"),
        ("assert_fact", lambda *_: (2, 1), "dropped a fact: code 2"),
        ("start_action_for_state", fail, "error code: 303"),
        ("start_action_for_state", lambda *_: None, "dropped a fact: code 0"),
        ("complete_and_start_action", run_out, "durable_rules failed"),
        ("retract_fact", fail, "error code: 303"),
    ],
)
def test_a_failure_is_an_engine_error_and_the_next_row_is_answered(
    module: SimpleNamespace, name: str, instead: Callable[..., Any], says: str
) -> None:
    online = Online(QUESTIONS)
    right = online.ask(Row(KNOWN))
    once(module, name, instead, after=1)
    with pytest.raises(EngineError, match=says):
        online.ask(Row(KNOWN))
    assert online.ask(Row({})) == Online(QUESTIONS).ask(Row({}))
    assert online.ask(Row(KNOWN)) == right


def test_an_interrupt_passes_and_the_next_row_is_answered(module: SimpleNamespace) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    online = Online(QUESTIONS)
    right = online.ask(Row(KNOWN))
    once(module, "complete_and_start_action", interrupt)
    with pytest.raises(KeyboardInterrupt):
        online.ask(Row(KNOWN))
    assert online.ask(Row(KNOWN)) == right


def test_a_failure_to_recover_is_an_engine_error_too_and_then_it_recovers(module: SimpleNamespace) -> None:
    online = Online(QUESTIONS)
    right = online.ask(Row(KNOWN))
    once(module, "retract_fact", fail)
    with pytest.raises(EngineError):
        online.ask(Row(KNOWN))
    once(module, "assert_fact", fail, after=1)
    with pytest.raises(EngineError):
        online.ask(Row(KNOWN))
    assert online.ask(Row(KNOWN)) == right


def test_a_ruleset_whose_first_rule_does_not_run_is_not_used(module: SimpleNamespace) -> None:
    once(module, "start_action_for_state", lambda *_: None)
    with pytest.raises(EngineError, match="its first rule did not run"):
        Online(QUESTIONS)


def test_a_second_ask_inside_the_first_is_refused_and_the_first_goes_on(module: SimpleNamespace) -> None:
    online = Online(QUESTIONS)
    right = online.ask(Row(KNOWN))
    refused: list[EngineError] = []

    def meanwhile(handle: int, state: int) -> object:
        with pytest.raises(EngineError, match="asked again") as caught:
            online.ask(Row({}))
        refused.append(caught.value)
        return ENGINE.start_action_for_state(handle, state)

    once(module, "start_action_for_state", meanwhile)
    assert online.ask(Row(KNOWN)) == right
    assert refused


def test_a_row_that_asks_another_question_while_it_is_read_is_answered() -> None:
    online = Online({"a": yes("f")})

    def find(_name: str, _row: Row) -> Value:
        return online.ask(Row({"f": False}))["a"] is OnlineAnswer.clears

    assert online.ask(Row(find=find))["a"] is OnlineAnswer.fires


def test_nothing_is_asked_of_a_closed_engine() -> None:
    online = Online(QUESTIONS)
    online.close()
    online.close()
    with pytest.raises(EngineError, match="closed"):
        online.ask(Row({}))


def test_an_engine_that_nobody_holds_frees_its_rulesets(module: SimpleNamespace) -> None:
    made: list[int] = []
    freed: list[int] = []

    def create(name: str, rules: str) -> int:
        made.append(ENGINE.create_ruleset(name, rules))
        return made[-1]

    def delete(handle: int) -> None:
        freed.append(handle)
        ENGINE.delete_ruleset(handle)

    module.create_ruleset, module.delete_ruleset = create, delete
    Online(QUESTIONS).ask(Row(KNOWN))
    gc.collect()
    assert made
    assert sorted(freed) == sorted(made)


def test_without_durable_rules_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "durable_rules_engine", None)
    flags_before = sys.getdlopenflags()
    with pytest.raises(
        EngineError, match=r"pip install durable-rules==2\.0\.28.*gcc.*-DPyEval_CallObject=PyObject_CallObject"
    ):
        Online({})
    assert sys.getdlopenflags() == flags_before


def test_durable_rules_is_not_loaded_before_an_engine_is_built() -> None:
    code = "import sys, riskflags.online; sys.exit('durable_rules_engine' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


# ---- threads, forks, a long life, and all that is known to crash it --------------------------------------------------


def test_many_threads_are_answered() -> None:
    questions, rows = mixed(3)
    online = Online(questions)
    right = [{name: holds(c, Row(known)) for name, c in questions.items()} for known in rows]
    wrong: list[str] = []

    def ask_all() -> None:
        for known, answers in zip(rows, right, strict=True):
            said = online.ask(Row(known))
            wrong.extend(name for name, answer in answers.items() if not said[name].agrees_with(answer))

    threads = [threading.Thread(target=ask_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("scenario", ["survive", "fork", "grow"])
def test_a_process_comes_through(scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", HERE / "scenarios.py", scenario],
        capture_output=True,
        check=False,
        text=True,
        timeout=600,  # a hang is one of the known ways to fail
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
