"""The single-record engine: durable_rules, which answers whether each question fires, clears, neither or both.

The only file that imports durable_rules. As shipped, 2.0.28 crashes, mixes records and invents matches; here it gets
only what it was found to do right: its C module without its host or threads; flat facts of small integers under names
of our own; one fact at a time, drained and retracted, in one state that is primed once; and small rulesets whose rules
begin with a guard and compare properties with constants.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, cast

from riskflags.errors import EngineError
from riskflags.lowering import MOST_TESTS, lower

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from riskflags.condition import Answer, Condition, Row
    from riskflags.lowering import Clause, Stage, Test

_HOW_TO_INSTALL = (
    "durable_rules 2.0.28 cannot be imported: pip install durable-rules==2.0.28. It is built from source, with gcc and "
    "Python's headers; on Python 3.13 with CC='gcc -DPyEval_CallObject=PyObject_CallObject'"
)
_SID = "0"
_PRIME = '{"$prime":1,"id":"$p","sid":"0"}'
_PRIME_RULE = "$prime"
_GUARD = "g"
_MOST_NODES = max(54, MOST_TESTS)  # of one ruleset; with more than 64 that match at once no rule fires at all
_HANDLED, _NO_RULE = 0, 1
_SPOILED = -1
_ORDERS = {"!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_RESERVED = (
    *("id", "sid", "$s", "$i", "$prime", "$time", "$timerName", "$baseTime", "$forward", "$m", "$l", "$r", _GUARD),
    *("$eq", *_ORDERS.values(), "$mt", "$imt", "$iall", "$iany", "$ex", "$nex", "$or", "$and", "$not"),
    *("$add", "$sub", "$mul", "$div", "all", "any", "pri", "count", "cap", "dist", "name"),
)


class OnlineAnswer(StrEnum):
    """Whether the condition of a question matched, its negation did, neither, or both: the last is a contradiction."""

    fires = "fires"
    clears = "clears"
    neither = "neither"
    both = "both"

    def agrees_with(self, answer: Answer) -> bool:
        """Return whether `holds` gave the same answer."""
        return self is _SAID[answer]


_SAID: dict[Answer, OnlineAnswer] = {
    True: OnlineAnswer.fires,
    False: OnlineAnswer.clears,
    None: OnlineAnswer.neither,
}
_ANSWERS = {
    (True, False): OnlineAnswer.fires,
    (False, True): OnlineAnswer.clears,
    (False, False): OnlineAnswer.neither,
    (True, True): OnlineAnswer.both,
}


class _DurableRules(Protocol):
    """What is used of the C module. An action is its state and its message, or None when no rule is left."""

    error: type[Exception]

    def create_ruleset(self, name: str, rules: str, /) -> int: ...
    def delete_ruleset(self, handle: int, /) -> None: ...
    def delete_state(self, handle: int, sid: str, /) -> None: ...
    def assert_fact(self, handle: int, fact: str, /) -> tuple[int, int]: ...
    def retract_fact(self, handle: int, fact: str, /) -> tuple[int, int]: ...
    def start_action_for_state(self, handle: int, state: int, /) -> tuple[str, str] | None: ...
    def complete_and_start_action(self, handle: int, state: int, /) -> str | None: ...


def load() -> _DurableRules:
    """Return the C module. Bound lazily: on Python 3.13 it names a function that is gone, and that we never reach."""
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)
    try:
        import durable_rules_engine  # noqa: PLC0415 - compiled: not before it is needed
    except ImportError as problem:
        raise EngineError(_HOW_TO_INSTALL) from problem
    finally:
        sys.setdlopenflags(flags)
    return cast("_DurableRules", durable_rules_engine)


def fnv(name: str) -> int:
    """Return the 32-bit hash that is all durable_rules compares of a name."""
    found = 2166136261
    for byte in name.encode():
        found = ((found ^ byte) * 16777619) & 0xFFFFFFFF
    return found


def property_names(many: int) -> tuple[str, ...]:
    """Return so many names, none with the hash of another or of a name that durable_rules keeps for itself."""
    taken = {fnv(name) for name in _RESERVED}
    names: list[str] = []
    number = 0
    while len(names) < many:
        name = f"p{number}"
        if fnv(name) not in taken:
            taken.add(fnv(name))
            names.append(name)
        number += 1
    return tuple(names)


@dataclass(frozen=True, slots=True)
class _Ruleset:
    """One ruleset of durable_rules: the properties that it reads, and the part of each of its rules, by number."""

    handle: int
    properties: tuple[int, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Round:
    """The rulesets of one stage, and what to count before them."""

    counts: tuple[tuple[int, tuple[int, ...]], ...]
    rulesets: tuple[_Ruleset, ...]


class Online:
    """Questions, by name, that a row can be asked: each a condition. For many threads, and usable after a fork.

    EngineError where durable_rules is not installed, or broke its contract; the next row can be asked in any case.
    """

    def __init__(self, questions: Mapping[str, Condition]) -> None:
        self._engine = load()
        self._lowered = lower(questions)
        self._names = property_names(self._lowered.properties)
        self._locks = {os.getpid(): threading.RLock()}
        self._busy = 0  # the process that is asking; _SPOILED after an ask that did not end well
        self._primed: set[int] = set()
        self._free = weakref.finalize(self, _free, self._engine, self._primed)
        self._free.atexit = False
        with self._errors():
            self._rounds = tuple(self._round(stage) for stage in self._lowered.stages)

    def ask(self, row: Row) -> dict[str, OnlineAnswer]:
        """Return the answer to every question."""
        integers = self._lowered.integers(row)
        with self._lock(), self._errors():
            self._check_free()
            try:
                self._clean()
                self._busy = os.getpid()
                held = self._held(integers)
                self._busy = 0
            finally:
                self._busy = self._busy and _SPOILED
        return {
            name: _ANSWERS[condition in held, negation in held]
            for name, (condition, negation) in self._lowered.parts.items()
        }

    def close(self) -> None:
        """Free the rulesets. Nothing can be asked afterwards."""
        with self._lock():
            self._free()

    # ---- one ask at a time ------------------------------------------------------------------------------------------

    def _lock(self) -> threading.RLock:
        """Return the lock of this process: after a fork, the parent's may be held by a thread that is not here."""
        pid = os.getpid()
        return self._locks.get(pid) or self._locks.setdefault(pid, threading.RLock())

    def _check_free(self) -> None:
        if not self._free.alive:
            msg = "this engine was closed"
            raise EngineError(msg)
        if self._busy == os.getpid():
            msg = "asked again by the same thread before it had answered"
            raise EngineError(msg)

    def _clean(self) -> None:
        """Forget what is left of an ask that broke off, or that was under way when this process was forked."""
        if not self._busy:
            return
        for ruleset in (ruleset for one in self._rounds for ruleset in one.rulesets):
            if ruleset.handle in self._primed:
                self._primed.remove(ruleset.handle)
                self._engine.delete_state(ruleset.handle, _SID)
            self._prime(ruleset.handle)

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except (self._engine.error, MemoryError) as problem:
            msg = f"durable_rules failed: {problem}"
            raise EngineError(msg) from problem

    # ---- rulesets ---------------------------------------------------------------------------------------------------

    def _round(self, stage: Stage) -> _Round:
        return _Round(stage.counts, tuple(self._ruleset(clauses) for clauses in _chunks(stage.clauses)))

    def _ruleset(self, clauses: Sequence[Clause]) -> _Ruleset:
        rules = {str(number): self._rule(clause.tests) for number, clause in enumerate(clauses)}
        rules[_PRIME_RULE] = {"all": [{"m": {"$prime": 1}}]}
        handle = self._engine.create_ruleset("riskflags", json.dumps(rules))
        self._prime(handle)
        properties = dict.fromkeys(test.property for clause in clauses for test in clause.tests)
        return _Ruleset(handle, tuple(properties), tuple(clause.part for clause in clauses))

    def _rule(self, tests: Iterable[Test]) -> object:
        """Return a rule on one fact; the guard first, since a fact of the engine's own lies in each state."""
        spelled: list[object] = [{_GUARD: 1}]
        for test in tests:
            one = {self._names[test.property]: test.value}
            spelled.append(one if test.order == "==" else {_ORDERS[test.order]: one})
        return {"all": [{"m": {"$and": spelled} if len(spelled) > 1 else spelled[0]}]}

    def _prime(self, handle: int) -> None:
        """Run one action in a new state: delete_state frees memory that is not set before the first one."""
        code, state = self._engine.assert_fact(handle, _PRIME)
        action = self._engine.start_action_for_state(handle, state)
        if code != _HANDLED or action is None or self._engine.complete_and_start_action(handle, state):
            msg = "durable_rules failed: its first rule did not run"
            raise EngineError(msg)
        self._engine.retract_fact(handle, _PRIME)
        self._primed.add(handle)

    # ---- facts ------------------------------------------------------------------------------------------------------

    def _held(self, integers: Mapping[int, int]) -> set[int]:
        """Return the parts that hold, stage by stage."""
        held: set[int] = set()
        written = {number: f',"{self._names[number]}":{value}' for number, value in integers.items()}
        for one in self._rounds:
            for number, parts in one.counts:
                written[number] = f',"{self._names[number]}":{sum(part in held for part in parts)}'
            for ruleset in one.rulesets:
                read = "".join([written[number] for number in ruleset.properties if number in written])
                held.update(self._fired(ruleset, f'{{"id":"m","sid":"{_SID}","{_GUARD}":1{read}}}'))
        return held

    def _fired(self, ruleset: _Ruleset, fact: str) -> Iterator[int]:
        """Yield the part of each rule that fires on the fact."""
        engine, handle = self._engine, ruleset.handle
        code, state = engine.assert_fact(handle, fact)
        if code == _NO_RULE:
            return
        action = engine.start_action_for_state(handle, state) if code == _HANDLED else None
        if action is None:
            msg = f"durable_rules dropped a fact: code {code}"
            raise EngineError(msg)
        message: str | None = action[1]
        while message:
            yield ruleset.parts[int(message[2 : message.index('"', 2)])]
            message = engine.complete_and_start_action(handle, state)
        engine.retract_fact(handle, fact)


def _chunks(clauses: Iterable[Clause]) -> Iterator[list[Clause]]:
    """Yield the clauses in lots that fit into one ruleset, not counting tests that two of them share."""
    lot: list[Clause] = []
    room = _MOST_NODES
    for clause in clauses:
        nodes = max(1, len(clause.tests))
        if nodes > room:
            yield lot
            lot, room = [], _MOST_NODES
        lot.append(clause)
        room -= nodes
    yield lot


def _free(engine: _DurableRules, primed: set[int]) -> None:
    while primed:
        handle = primed.pop()
        engine.delete_state(handle, _SID)
        engine.delete_ruleset(handle)
