"""Which rules read which: families resolved, circles refused, and the layers in which rules can be decided.

A rule that reads a flag comes after the rule that raises it; a rule that reads a gap comes after every rule that
requires the action. A family leaves out the rule that reads it and every rule that reads that one, directly or through
others. A rule whose look-ups read flags or gaps of other records comes after the rules that these are of: a look-up may
look at the record itself.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from riskflags.pack import FlagReading, GapReading
from riskflags.source.across import read_across
from riskflags.source.order import in_order
from riskflags.source.renaming import rule_renamed
from riskflags.source.web import about, meaning_of, woven

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskflags.condition import Comparison
    from riskflags.pack import Derived, Reading, Rule
    from riskflags.source.across import Across
    from riskflags.source.names import Names
    from riskflags.source.web import Web


@dataclasses.dataclass(frozen=True, slots=True)
class Layered:
    """The rules and derived values with every reading resolved, what each reading means, and the layers of rule keys.

    `read_across` are the ids of the rules that are decided on a record that a look-up looks at.
    """

    rules: tuple[Rule, ...]
    derived: Mapping[str, Derived]
    readings: Mapping[str, Reading]
    layers: tuple[tuple[str, ...], ...]
    read_across: frozenset[str]


def layered(rules: Sequence[Rule], names: Names) -> Layered:
    """Return the rules in layers. Circles, and rules that require what they read, are reported."""
    web = woven(rules, names)
    for rule in rules:
        _refuse_own_gaps(rule, web, names)
    across = read_across(rules, web, names)
    graph = {
        rule_id: frozenset[str]().union(across.behind.get(rule_id, ()), *web.kept[rule_id].values())
        for rule_id in web.read
    }
    order, circles = in_order(graph)
    for circle in circles:
        _refuse_circle(circle, web, names)
    level: dict[str, int] = {}
    for rule_id in order:
        level[rule_id] = 1 + max((level[other] for other in graph[rule_id] if other in level), default=-1)
    by_code = sorted(rules, key=lambda rule: (rule.code, rule.version))
    layers = tuple(
        tuple(rule.key for rule in by_code if level.get(rule.id) == number)
        for number in range(max(level.values(), default=-1) + 1)
    )
    return Layered(
        rules=tuple(_settled(rule, web, across) for rule in rules),
        derived={**names.made, **{key: one for key, one in across.derived.items() if key in names.made}},
        readings=dict(sorted({**_readings(web, names), **across.readings}.items())),
        layers=layers,
        read_across=across.rules,
    )


def _settled(rule: Rule, web: Web, across: Across) -> Rule:
    """Return the rule with each family that it reads under the name that leaves the rule itself out."""
    changed = {name: _name_for(name, rule.id) for name in web.read[rule.id] if name in web.families}
    own = tuple(across.derived.get(one.name, one) for one in rule.derived)
    return rule_renamed(dataclasses.replace(rule, derived=own), changed)


def _readings(web: Web, names: Names) -> dict[str, Reading]:
    found = {name: meaning_of(name, about(name, "", web.requiring, names), web, names) for name in names.readings}
    for reader, kept in web.kept.items():
        for name, ids in kept.items():
            if name in web.families:
                found[_name_for(name, reader)] = meaning_of(name, ids, web, names)
    return found


def _name_for(name: str, reader: str) -> str:
    """Return the name of a family as one rule reads it."""
    return f"{name} except {reader}"


# ---- what is refused -------------------------------------------------------------------------------------------------


def _refuse_own_gaps(rule: Rule, web: Web, names: Names) -> None:
    """Report each action that a rule requires although it reads its gap."""
    own: set[str] = set()
    for name, ids in web.kept[rule.id].items():
        reading = meaning_of(name, ids, web, names)
        if isinstance(reading, GapReading):
            own |= reading.actions
    for ask in rule.requires:
        if ask.action in own:
            message = f"{rule.id} -> gap of {ask.action} -> {rule.id}: the rule requires the action whose gap it reads"
            hint = "drop it from requires: the rules that raised the gap already ask"
            names.problems.report("RF120", ask.place, message, hint)


def _refuse_circle(circle: tuple[str, ...], web: Web, names: Names) -> None:
    steps = [_step(reader, other, web, names) for reader, other in itertools.pairwise(circle)]
    path = "".join(f"{reader} -> {way}" for reader, (way, _) in zip(circle, steps, strict=False)) + circle[-1]
    message = f"rules that read each other in a circle: {path}"
    hint = "take one of these readings out: no rule can be decided before the rules that it reads"
    names.problems.report("RF120", steps[0][1].place, message, hint)


def _step(reader: str, other: str, web: Web, names: Names) -> tuple[str, Comparison]:
    """Return how a rule reads another, and the comparison in which it does."""
    name = next(name for name, ids in web.kept[reader].items() if other in ids)
    reading = names.readings[name]
    if isinstance(reading, FlagReading):
        return "", web.read[reader][name]
    actions = sorted(action for action in reading.actions if other in web.requiring.get(action, ()))
    return f"gap of {', '.join(actions)} -> " if actions else "", web.read[reader][name]
