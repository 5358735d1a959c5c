"""What durable_rules 2.0.28 does by itself, each the reason for something in `riskflags.online`.

Only what is cheap and safe to show; the rest (crashes, hangs) is named in the docs and kept out by the same means.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scenarios import SAME_HASH

from riskflags import online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

engine: Any = online.load()
PRIME = '{"$prime":1,"id":"$p","sid":"0"}'


def drain(handle: int, state: int) -> list[str]:
    """Return the names of the rules that fire."""
    action = engine.start_action_for_state(handle, state)
    message = action and action[1]
    fired: list[str] = []
    while message:
        fired.extend(json.loads(message))
        message = engine.complete_and_start_action(handle, state)
    return fired


@pytest.fixture
def ruleset() -> Iterator[Callable[..., int]]:
    """Make rulesets of conditions on one fact, primed so that they can be deleted."""
    made: list[int] = []

    def make(**conditions: object) -> int:
        rules = {name: {"all": [{"m": condition}]} for name, condition in conditions.items()}
        handle: int = engine.create_ruleset("quirk", json.dumps({**rules, "$prime": {"all": [{"m": {"$prime": 1}}]}}))
        drain(handle, engine.assert_fact(handle, PRIME)[1])
        engine.retract_fact(handle, PRIME)
        made.append(handle)
        return handle

    yield make
    for handle in made:
        engine.delete_state(handle, "0")
        engine.delete_ruleset(handle)


def fire(handle: int, **fact: object) -> list[str]:
    """Return the names of the rules that fire on a fact."""
    code, state = engine.assert_fact(handle, json.dumps({"id": "m", "sid": "0", **fact}))
    return drain(handle, state) if code == 0 else []


def test_an_event_fires_one_rule_and_a_fact_all_of_them(ruleset: Callable[..., int]) -> None:
    handle = ruleset(a={"p": 1}, b={"p": 1})
    assert drain(handle, engine.assert_event(handle, '{"id":"e","sid":"0","p":1}')[1]) == ["a"]
    assert fire(handle, p=1) == ["a", "b"]


def test_a_rule_without_a_positive_test_fires_on_a_fact_of_its_own(ruleset: Callable[..., int]) -> None:
    rules = {"a": {"all": [{"m": {"$nex": {"p": 1}}}]}, "b": {"all": [{"m": {"p": 1}}]}}
    handle = engine.create_ruleset("quirk", json.dumps(rules))
    assert fire(handle, p=1) == ["a", "b"]
    engine.delete_state(handle, "0")
    engine.delete_ruleset(handle)


def test_an_or_fires_once_for_each_branch(ruleset: Callable[..., int]) -> None:
    assert fire(ruleset(a={"$or": [{"p": 1}, {"q": 1}]}), p=1, q=1) == ["a", "a"]


def test_names_are_compared_by_their_hash_alone(ruleset: Callable[..., int]) -> None:
    assert fire(ruleset(a={SAME_HASH[0]: 1}), **{SAME_HASH[1]: 1}) == ["a"]


def test_a_fact_whose_id_has_the_hash_of_another_is_dropped(ruleset: Callable[..., int]) -> None:
    handle = ruleset(a={"p": 1})
    codes = [
        engine.assert_fact(handle, f'{{"id":"{id_}","sid":"0","p":1}}')[0] for id_ in ("inc-1467780", "inc-0326246")
    ]
    assert codes == [0, 2]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ({"p": 5}, "5"),  # a number is the text of it
        ({"p": 2**63 - 1}, 10**25),  # an integer stops at the largest of 64 bits
        ({"$gt": {"p": "Smith John"}}, "Smith"),  # text is compared past its end
    ],
)
def test_a_comparison_is_wrong_outside_of_small_integers(
    ruleset: Callable[..., int], condition: object, value: object
) -> None:
    assert fire(ruleset(a=condition), p=value) == ["a"]


@pytest.mark.parametrize("order", ["$neq", "$lt", "$lte", "$gt", "$gte"])
def test_a_property_that_is_not_there_matches_no_order(ruleset: Callable[..., int], order: str) -> None:
    assert fire(ruleset(a={"$and": [{"g": 1}, {order: {"p": 1}}]}), g=1) == []


def test_a_number_with_an_exponent_is_an_error(ruleset: Callable[..., int]) -> None:
    with pytest.raises(engine.error, match="error code: 204"):
        fire(ruleset(a={"p": 1}), p=1e16)


def test_too_many_tests_that_hold_at_once_are_an_error_and_fire_nothing(ruleset: Callable[..., int]) -> None:
    handle = ruleset(**{f"r{n}": {"$gt": {"p": n}} for n in range(65)})
    with pytest.raises(engine.error, match="error code: 303"):
        fire(handle, p=100)
    assert len(fire(ruleset(**{f"r{n}": {"$gt": {"p": n}} for n in range(60)}), p=100)) == 60


# ---- names -----------------------------------------------------------------------------------------------------------


def test_the_hash_is_the_one_that_durable_rules_uses() -> None:
    assert online.fnv(SAME_HASH[0]) == online.fnv(SAME_HASH[1])
    assert [online.fnv(name) for name in ("$and", "$forward", "all")] == [3746487396, 739185624, 321211332]


def test_no_two_properties_have_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    real = online.fnv
    monkeypatch.setattr(online, "fnv", lambda name: real(name) % 400)
    hashes = {online.fnv(name) for name in online.property_names(200)}
    assert len(hashes - {online.fnv(name) for name in ("id", "sid", "$s", "$and", "$forward")}) == 200
