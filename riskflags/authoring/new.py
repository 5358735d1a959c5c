"""A new rule to begin with: what is known is written, what only its author knows is left open, and `check` asks for it.

A rule that is complete passes `riskflags check`, and its two examples pass `riskflags test`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import OPERATORS
from riskflags.kinds import parse_date, parse_moment, parse_number
from riskflags.model import Severity
from riskflags.pack import Computed
from riskflags.record import Names
from riskflags.source.write.emit import Written, in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.kinds import KindName
    from riskflags.pack import Pack, Rule

_NAME = re.compile(r"[a-z][a-z0-9-]{0,79}", re.ASCII)
_MOST_LETTERS = 4
_ABOUT = ("child", "suspect", "incident")


class CannotBeginError(ValueError):
    """The rule cannot be written as asked: the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Comparing:
    """One comparison of the new rule, as its author gives it: a field, an operator, a value (codes joined by `;`)."""

    name: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Comparing:
        """Return the comparison of three words, such as "child.in_care is yes"."""
        words = text.split(maxsplit=2)
        if len(words) != 3:  # noqa: PLR2004 - a field, an operator, a value
            msg = f'{text!r}: write a field, an operator and a value, such as "child.in_care is yes"'
            raise CannotBeginError(msg)
        return cls(*words)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the author says of a new rule. What is empty is left open in the file."""

    family: str
    rule_id: str
    title: str = ""
    why: str = ""
    severity: str = "medium"
    about: str = "child"
    source: str = ""
    says: str = ""
    use: tuple[str, ...] = ()
    when: tuple[Comparing, ...] = ()
    actions: tuple[str, ...] = ()


def new_rule(wanted: Wanted, pack: Pack, *, today: date) -> str:
    """Return the text of a new rule's file for a pack. CannotBeginError for a name or a value that cannot be."""
    _check_names(wanted, pack)
    parts = [_part(one, pack) for one in wanted.when]
    conditions: list[Written] = [{"use": name} for name in wanted.use]
    conditions += [{part.name: part.written} for part in parts]
    says: dict[str, Written] = {"says": wanted.says} if wanted.says else {}
    source: list[Written] = [{"ref": wanted.source, **says, "checked": today}]
    data: dict[str, Written] = {
        "code": _free_code(wanted.family, pack),
        "id": wanted.rule_id,
        "title": wanted.title,
        "why": wanted.why,
        "version": 1,
        "status": "draft",
        "effective": {"from": today},
        **({"source": source} if wanted.source else {}),
        **({"for_each": "suspects"} if _by_suspect(wanted, parts, pack) else {}),
        "when": conditions[0] if len(conditions) == 1 else {"all": conditions} if conditions else "",
        "flag": {"severity": wanted.severity, "about": wanted.about, "message": wanted.title},
        **({"requires": list(wanted.actions)} if wanted.actions else {}),
        **_examples(parts, today, has_names=bool(wanted.use)),
    }
    return _left_open(in_blocks(data))


def _by_suspect(wanted: Wanted, parts: Sequence[Part], pack: Pack) -> bool:
    return any(part.is_suspects for part in parts) or any(pack.conditions[name].for_each for name in wanted.use)


_OPEN = {
    "title": "what the flag says, in a few words",
    "why": "what it means for a child",
    "when": "the condition, such as child.in_care: true",
    "message": "what the flag says of this record; {field.name} is filled in",
}


def _left_open(text: str) -> str:
    """Return the text with each key that only the author can fill left without a value, and a word on what it takes."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        key = line.strip().removesuffix(": ''").removesuffix(":")
        if line.endswith(": ''") and key in _OPEN:
            lines[number] = f"{line.removesuffix(' ' + chr(39) * 2)}  # {_OPEN[key]}"
    return "".join(f"{line}\n" for line in lines)


# ---- names -----------------------------------------------------------------------------------------------------------


def _check_names(wanted: Wanted, pack: Pack) -> None:
    for what, name in (("family", wanted.family), ("rule", wanted.rule_id)):
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is no name of a {what}: lower-case letters, digits and -, such as missing/from-hospital"
            raise CannotBeginError(msg)
    if wanted.rule_id in {rule.id for rule in pack.rules}:
        msg = f"there is a rule {wanted.rule_id!r} in this pack: give the new one another id"
        raise CannotBeginError(msg)
    _one_of("severity", wanted.severity, Severity.__members__)
    _one_of("about", wanted.about, _ABOUT)
    for name in wanted.use:
        _one_of("condition", name, pack.conditions)
    for name in wanted.actions:
        _one_of("action", name, pack.actions)
    if wanted.source:
        _one_of("source", wanted.source, pack.sources)


def _one_of(what: str, name: str, names: Iterable[str]) -> None:
    known = list(names)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        msg = f"unknown {what} {name!r}{f'; did you mean {near[0]}?' if near else ''}"
        raise CannotBeginError(msg)


def _free_code(family: str, pack: Pack) -> str:
    """Return the next code of a family, by the letters that its folder uses; a new folder gets letters of its own."""
    taken: dict[str, set[int]] = {}
    for rule in pack.rules:
        letters = rule.code.rstrip("0123456789")
        taken.setdefault(letters, set()).add(int(rule.code.removeprefix(letters)))
    ours = sorted({rule.code.rstrip("0123456789") for rule in pack.rules if _folder(rule) == family})
    spelled = "".join(character for character in family.upper() if character.isalpha())
    free = (spelled[:length] for length in range(1, _MOST_LETTERS + 1) if spelled[:length] not in taken)
    letters = ours[0] if ours else next(free, "")
    if not letters:
        msg = f"the letters of {family!r} are those of other families: give the folder another name"
        raise CannotBeginError(msg)
    return f"{letters}{max(taken.get(letters, {0})) + 1:02}"


def _folder(rule: Rule) -> str:
    return Path(rule.place.path).parent.name


# ---- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison: as it stands in the rule, and facts that make it hold and fail (None: not to be made up)."""

    name: str
    written: Written
    holds: Mapping[str, Written] | None
    fails: Mapping[str, Written] | None
    is_suspects: bool
    """True for what is decided suspect by suspect."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What is compared: its kind, its codes, and the field in which an example writes it (empty: none can)."""

    kind: KindName
    codes: tuple[str, ...] | None
    path: str


def _part(one: Comparing, pack: Pack) -> Part:
    named = _named(one.name, pack)
    fitting = [operator.name for operator in OPERATORS.values() if named.kind in operator.kinds]
    if one.operator not in fitting or one.operator == "between":
        usable = ", ".join(name for name in fitting if name != "between")
        msg = f"{one.operator!r} does not fit {one.name}, which is of kind {named.kind}: write one of {usable}"
        raise CannotBeginError(msg)
    value = _value(one, named)
    written: Written = value if one.operator == "is" else {one.operator: value}
    holds, fails = _either_way(one.operator, value, named)
    facts = [None if found is None or not named.path else {named.path: found} for found in (holds, fails)]
    is_suspects = one.name.startswith("suspect.") or one.name in Names.of(pack).per_suspect
    return Part(one.name, written, facts[0], facts[1], is_suspects)


def _named(name: str, pack: Pack) -> _Named:
    if name in pack.fields and (not pack.fields[name].repeated or name.startswith("suspect.")):
        info = pack.fields[name]
        return _Named(info.kind, info.codes, name)
    if name in pack.derived:
        derived = pack.derived[name]
        if isinstance(derived.how, Computed) and derived.how.function == "age":
            person = derived.how.names[1].partition(".")[0]
            return _Named("number", None, f"{person}.stated_age")
        return _Named(derived.kind, None, "")
    _one_of("field", name, [*pack.fields, *pack.derived])
    msg = f"{name} belongs to a list: only a look-up can read it"
    raise CannotBeginError(msg)


Value = bool | Decimal | date | str | list[str]


def _value(one: Comparing, named: _Named) -> Value:
    """Return the value as the rule writes it."""
    operator = OPERATORS[one.operator]
    try:
        if operator.takes == "yes_no" or named.kind == "yes_no":
            return {"yes": True, "true": True, "no": False, "false": False}[one.value.lower()]
        if operator.takes == "many":
            return [_code(code, one, named) for code in one.value.split(";")]
        match named.kind:
            case "number":
                return parse_number(one.value)
            case "date":
                return parse_date(one.value)
            case "moment":
                parse_moment(one.value)
                return one.value
            case _:
                return _code(one.value, one, named)
    except (KeyError, ValueError) as error:
        if isinstance(error, CannotBeginError):
            raise
        reason = "expected yes or no" if isinstance(error, KeyError) else str(error)
        msg = f"{one.value!r} does not fit {one.name}: {reason}"
        raise CannotBeginError(msg) from error


def _code(code: str, one: Comparing, named: _Named) -> str:
    if named.codes is not None:
        _one_of(f"code of {one.name}", code, named.codes)
    return code


def _either_way(operator: str, value: Value, named: _Named) -> tuple[Written, Written]:
    """Return a value that makes a comparison hold and one that makes it fail; None where none can be made up."""
    match value:
        case bool():
            return (None, None) if operator == "recorded" else (value, not value)
        case Decimal():
            return _numbers_either_way(operator, value)
        case date():
            return _days_either_way(operator, value)
        case str() if named.kind == "moment":  # the times of a record hang together: they are the author's to write
            return None, None
        case str():
            return _codes_either_way(operator, [value], named)
        case list():
            return _codes_either_way(operator, value, named)
        case _:
            assert_never(value)


def _numbers_either_way(operator: str, value: Decimal) -> tuple[Written, Written]:
    match operator:
        case "at_least":
            return value, value - 1
        case "less_than":
            return value - 1, value
        case "more_than" | "is_not":
            return value + 1, value
        case _:
            return value, value + 1


def _days_either_way(operator: str, day: date) -> tuple[Written, Written]:
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    match operator:
        case "is":
            return day, after
        case "before" | "on_or_before":
            return before, after
        case _:
            return after, before


def _codes_either_way(operator: str, codes: list[str], named: _Named) -> tuple[Written, Written]:
    other = next((code for code in named.codes or ("another",) if code not in codes), None)
    match operator:
        case "is" | "in":
            return codes[0], other
        case "is_not" | "not_in":
            return other, codes[0]
        case "has_none":
            return [], codes
        case _:
            return codes, []


# ---- examples --------------------------------------------------------------------------------------------------------


def _examples(parts: Sequence[Part], today: date, *, has_names: bool) -> dict[str, Written]:
    """Return an example that fires, and one that clears for each comparison; none where a value cannot be made up."""
    facts: dict[str, Written] = {path: value for part in parts for path, value in (part.holds or {}).items()}
    if has_names or len(facts) < len(parts) or not parts:  # two comparisons of one field: its author knows the value
        return {}
    given: dict[str, Written] = {
        "incident.id": "I1",
        "incident.type": facts.pop("incident.type", "other"),
        "incident.reported_at": f"{today}T09:00",
        "child.id": "C1",
    }
    given |= _with_suspect(facts)
    as_of = f"{today + timedelta(days=7)}T09:00"
    fires: dict[str, Written] = {"name": "it fires", "as_of": as_of, "expect": "fires"}
    clears: list[Written] = [
        {
            "name": f"it clears by {part.name}",
            "as_of": as_of,
            "but": _with_suspect({**(_of_suspect(facts) if part.is_suspects else {}), **part.fails}),
            "expect": "clears",
        }
        for part in parts
        if part.fails is not None
    ]
    return {"given": given, "examples": [fires, *clears]}


def _of_suspect(facts: Mapping[str, Written]) -> dict[str, Written]:
    return {path: value for path, value in facts.items() if path.startswith("suspect.")}


def _with_suspect(facts: Mapping[str, Written]) -> dict[str, Written]:
    """Return facts with those of a suspect as the one entry of `suspects`."""
    suspect = _of_suspect(facts)
    found = {path: value for path, value in facts.items() if path not in suspect}
    return {**found, "suspects": [{"suspect.id": "S1", **suspect}]} if suspect else found
