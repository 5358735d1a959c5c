"""The rules that engines are measured by: conditions as the rule language has them, look-ups, actions and deadlines.

From these one table come the packs of riskflags, the SQL of the rival and the rules of the other engines, so that all
decide the same. They are made up to be measured, and say nothing of any child.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Condition = dict[str, Any]
"""A condition of the rule language, as YAML has it."""

TEAMS = ("east", "west", "south", "north")
UNITS = ("unit-1", "unit-2", "unit-3", "unit-4")
AUTHORITIES = ("E06000008", "E06000009", "E08000001", "E08000002")
FAMILY = ("parent", "step_parent", "sibling", "family")
BASE = 30
"""Rules that are written out; larger packs hold narrower copies of them."""
BLOCKS = 4
"""Sets of look-ups that a large pack has, each with windows of its own lengths."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A look-up over the records that share a field with this one, in a window of days that ends with its own day."""

    name: str
    label: str
    function: Literal["how_many", "how_many_different", "latest"]
    by: str
    days: int
    where: Condition | None = None
    of: str = ""
    others: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """What a flag requires: an action within so many hours, or working days, of a moment."""

    action: str
    anchor: str
    within: int
    unit: Literal["hours", "working days"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: when it fires, what stops it, how grave it is and what it requires."""

    number: int
    severity: Literal["medium", "high", "critical"]
    when: Condition
    asks: tuple[Ask, ...]
    unless: tuple[Condition, ...] = ()
    for_each: bool = False
    message: str = "Made up to be measured"

    @property
    def id(self) -> str:
        """What other rules call it."""
        return f"bench-{self.number:03}"

    @property
    def code(self) -> str:
        """What the files call it."""
        return f"X{self.number:03}"


ACTIONS = {
    "investigate": "Investigation begun",
    "mark": "Marker placed",
    "speak_child": "Child spoken to",
    "contact_suspect": "Suspect spoken to",
    "strategy": "Strategy discussion held",
    "interview": "Return interview held",
}
"""Actions that rules require: the key, which is also the code on record, and the label."""


def asks(*parts: tuple[str, str, int, Literal["hours", "working days"]]) -> tuple[Ask, ...]:
    """Return what a rule requires."""
    return tuple(Ask(*part) for part in parts)


_OCCURRED, _REPORTED = "incident.occurred_at", "incident.reported_at"
_INVESTIGATE = asks(("investigate", _REPORTED, 24, "hours"), ("interview", _OCCURRED, 72, "hours"))
_MEET = asks(
    ("strategy", _REPORTED, 3, "working days"),
    ("speak_child", _REPORTED, 1, "working days"),
    ("mark", _OCCURRED, 4, "hours"),
)
_PURSUE = asks(
    ("investigate", _REPORTED, 48, "hours"),
    ("contact_suspect", _REPORTED, 10, "working days"),
    ("mark", _REPORTED, 24, "hours"),
    ("strategy", _OCCURRED, 5, "working days"),
)
_SPEAK = asks(("speak_child", _OCCURRED, 6, "hours"), ("interview", _REPORTED, 3, "working days"))

MISSING: Condition = {"incident.type": "missing_episode"}
SEXUAL: Condition = {"contact.sexual_content": True}
IMAGES: Condition = {"contact.images_requested": True}
CARE: Condition = {"child.in_care": True}
PLAN: Condition = {"child.education_plan": True}
NAMED: Condition = {"suspect.id": {"recorded": True}}


def look_ups(block: int = 0) -> tuple[LookUp, ...]:
    """Return five look-ups; another block has other lengths."""
    suffix = f"_{block}" if block else ""

    def name(text: str) -> str:
        return f"calc.{text}{suffix}"

    more = 3 * block
    return (
        LookUp(name("episodes"), "Missing episodes", "how_many", "child.id", 90 + more, MISSING),
        LookUp(name("records"), "Records of the child", "how_many", "child.id", 30 + more),
        LookUp(
            name("suspects"), "Different suspects", "how_many_different", "child.id", 180 - more, NAMED, "suspect.id"
        ),
        LookUp(
            name("at_address"), "Others at the address", "how_many", "incident.address_id", 180 + more, others=True
        ),
        LookUp(
            name("last_episode"), "The last episode before", "latest", "child.id", 60 + more, MISSING, _REPORTED,
            others=True,
        ),
    )  # fmt: skip


def _all(*parts: Condition) -> Condition:
    return {"all": list(parts)}


def _any(*parts: Condition) -> Condition:
    return {"any": list(parts)}


def _none(*parts: Condition) -> Condition:
    return {"none": list(parts)}


def _is(name: str, operator: str, value: Any) -> Condition:
    return {name: {operator: value}}


def _type_in(*codes: str) -> Condition:
    return _is("incident.type", "in", list(codes))


def _recorded(name: str, *, there: bool = True) -> Condition:
    return _is(name, "recorded", there)


def _fired(number: int) -> Condition:
    return {"flag": f"bench-{number:03}"}


def _child_under(age: int) -> Condition:
    return _is("calc.child_age", "less_than", age)


def one_record_rules() -> tuple[Rule, ...]:
    """Return thirty rules that read one record, and neither other records nor other rules."""
    numbered = iter(range(1, BASE + 1))

    def rule(severity: Any, when: Condition, asked: tuple[Ask, ...], **more: Any) -> Rule:
        return Rule(next(numbered), severity, when, asked, **more)

    return (
        rule("high", _all(MISSING, CARE), _INVESTIGATE),
        rule(
            "critical", _all(NAMED, _is("calc.age_gap", "at_least", 5), SEXUAL, _child_under(18)), _PURSUE,
            unless=(_is("suspect.relationship", "in", list(FAMILY)),), for_each=True,
        ),
        rule("critical", _all(MISSING, IMAGES, _child_under(14)), _MEET),
        rule("high", _all(MISSING, _child_under(13)), _SPEAK),
        rule("critical", _all(IMAGES, _child_under(18)), _MEET),
        rule(
            "critical",
            _all(NAMED, _is("calc.suspect_age", "at_least", 18), _child_under(16), {"incident.type": "assault"}),
            _PURSUE, for_each=True,
        ),
        rule(
            "medium",
            _all(MISSING, _is("child.responsible_authority", "is_not", {"field": "incident.authority"})), _INVESTIGATE,
        ),
        rule("high", _all(MISSING, _is("calc.hours_away", "more_than", 24)), _SPEAK),
        rule("high", _all(_is("incident.indicators", "has_any", ["grooming", "hotel"]), _child_under(16)), _PURSUE),
        rule("critical", _all(_any(SEXUAL, IMAGES), CARE, _child_under(15)), _MEET),
        rule("high", _all(PLAN, SEXUAL), _MEET),
        rule("high", _all(_is("incident.indicators", "has", "drugs"), _any(CARE, PLAN)), _PURSUE),
        rule("high", _all(MISSING, SEXUAL), _MEET),
        rule("medium", _all(MISSING, {"incident.team": "south"}, CARE), _INVESTIGATE),
        rule("high", _all(MISSING, _child_under(16), _none(CARE)), _SPEAK),
        rule(
            "medium",
            _all(_is("calc.hours_to_report", "more_than", 48), _type_in("assault", "exploitation_concern")),
            _INVESTIGATE,
        ),
        rule(
            "high",
            _all({"contact.meeting_arranged": True}, _none(PLAN, {"child.placement_type": "P1"})), _PURSUE,
        ),
        rule(
            "medium",
            _all(
                MISSING,
                _recorded("missing.returned_at"),
                _is("missing.returned_at", "after", {"field": "incident.reported_at"}),
            ),
            _SPEAK,
        ),
        rule("high", _all({"incident.type": "domestic_abuse"}, _child_under(13)), _MEET),
        rule(
            "high",
            _all(
                {"child.placement_type": "K2"}, _any(SEXUAL, IMAGES), _none(_is("calc.child_age", "at_least", 17)),
            ),
            _MEET,
        ),
        rule(
            "medium",
            _all(
                _type_in("child_concern", "domestic_abuse"), CARE, _is("child.placement_type", "is_not", "P1"),
            ),
            _INVESTIGATE,
        ),
        rule("critical", _all(IMAGES, PLAN, _child_under(18)), _PURSUE),
        rule("critical", _all(PLAN, IMAGES, SEXUAL), _MEET),
        rule(
            "high", _all({"incident.type": "exploitation_concern"}, _any(_child_under(16), PLAN, CARE)), _PURSUE
        ),
        rule(
            "high", _all(NAMED, _is("calc.suspect_age", "less_than", 18), _child_under(14), SEXUAL), _SPEAK,
            for_each=True,
        ),
        rule(
            "medium",
            _all(MISSING, _is("calc.hours_away", "at_most", 2), _none(CARE, _child_under(12))), _SPEAK,
        ),
        rule(
            "high",
            _all(
                NAMED, _is("calc.age_gap", "at_least", 10), _type_in("assault", "online_contact"), _child_under(18),
            ),
            _PURSUE, for_each=True,
        ),
        rule("medium", _all({"incident.team": "north"}, MISSING, _child_under(15)), _INVESTIGATE),
        rule(
            "high", _all(_any(_all(SEXUAL, _child_under(13)), _all(IMAGES, CARE)), _none({"incident.team": "east"})),
            _MEET,
        ),
        rule("critical", _all({"contact.meeting_arranged": True}, SEXUAL, _child_under(16)), _PURSUE),
    )  # fmt: skip


def linked_rules() -> tuple[Rule, ...]:
    """Return the thirty rules with look-ups and with rules that read each other's flags."""
    last, episodes = "calc.last_episode", "calc.episodes"
    replaced: dict[int, Any] = {
        3: {"when": _all(MISSING, _is(episodes, "at_least", 3)), "message": "{calc.episodes} missing episodes"},
        9: {"when": _all(_fired(2), _fired(3))},
        10: {"when": _all(_any(_fired(9), _fired(6)), CARE)},
        12: {
            "when": _all(_is("calc.suspects", "at_least", 3), _child_under(18)),
            "message": "{calc.suspects} different suspects",
        },
        13: {"when": _all(MISSING, _recorded(last), SEXUAL)},
        14: {"when": _all(_is("calc.at_address", "at_least", 4), MISSING)},
        15: {"when": _all(MISSING, _child_under(16), _is("calc.records", "at_least", 5))},
        22: {"when": _all(_fired(5), PLAN)},
        23: {"when": _all(_fired(22), _fired(11))},
        28: {"when": _all(_is(episodes, "at_least", 2), {"incident.team": "north"}, MISSING)},
        30: {"when": _all(_fired(12), _fired(27))},
    }
    return tuple(replace(rule, **replaced.get(rule.number, {})) for rule in one_record_rules())


def rules_of(many: int, *, linked: bool = True) -> tuple[Rule, ...]:
    """Return so many rules: the thirty or the first of them, then copies for one unit and one authority each."""
    base = linked_rules() if linked else one_record_rules()
    found = list(base[:many])
    copied = sorted(base, key=lambda rule: not look_ups_of((rule,)))  # in a pack of 100 the last copies are ten
    while len(found) < many:
        number = len(found)
        copy, own = number // BASE, copied[number % BASE]
        narrow: list[Condition] = [
            {"incident.unit": UNITS[copy % 4]}, {"incident.authority": AUTHORITIES[copy // 4 % 4]},
        ]  # fmt: skip
        when = _renamed(own.when, copy % BLOCKS)
        message = own.message.replace("}", f"_{copy % BLOCKS}}}") if copy % BLOCKS else own.message
        found.append(replace(own, number=number + 1, when=_all(*narrow, when), message=message))
    return tuple(found)


def look_ups_of(rules: tuple[Rule, ...]) -> tuple[LookUp, ...]:
    """Return the look-ups that some rules read."""
    read = str([rule.when for rule in rules])
    every = [one for block in range(BLOCKS) for one in look_ups(block)]
    return tuple(one for one in every if f"'{one.name}'" in read)


def _renamed(condition: Any, block: int) -> Any:
    """Return a condition that reads the look-ups of another block."""
    if not block:
        return condition
    own = {one.name: other.name for one, other in zip(look_ups(), look_ups(block), strict=True)}
    match condition:
        case dict():
            return {own.get(name, name): _renamed(value, block) for name, value in condition.items()}
        case list():
            return [_renamed(value, block) for value in condition]
        case _:
            return condition
