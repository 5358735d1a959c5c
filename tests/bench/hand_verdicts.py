"""The statements that decide, of the SQL by hand: look-ups, verdicts in three values, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench_rules import look_ups_of
from hand_words import BY_BIRTH, DATES, MOMENTS, SPANS, either, name, text, texts, there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_rules import Condition, LookUp, Rule


# ---- verdicts --------------------------------------------------------------------------------------------------------

YEARS_OF = (
    "CREATE MACRO years_of(born, on_day) AS year(on_day) - year(born) "
    "- CASE WHEN month(on_day) * 100 + day(on_day) < month(born) * 100 + day(born) THEN 1 ELSE 0 END"
)


def verdicts(rules: Sequence[Rule]) -> str:
    """Return the statement that decides all rules: NULL where a rule is undecided."""
    child, suspect = (name(one) for one in DATES)
    derived = {
        "calc.child_age": f"years_of({child}, {name('event day')})",
        "calc.suspect_age": f"years_of({suspect}, {name('event day')})",
        "calc.age_gap": f"CASE WHEN {child} < {suspect} THEN -years_of({child}, {suspect}) "
        f"ELSE years_of({suspect}, {child}) END",
    }
    for one, (start, end) in SPANS.items():
        derived[f"{one} low"] = f"{name(f'{end} low')} - {name(f'{start} high')}"
        derived[f"{one} high"] = f"{name(f'{end} high')} - {name(f'{start} low')}"
    made = [f"{one} AS {name(column)}" for column, one in derived.items()]
    made += [
        f"{short}.working_{amount} AS {name(f'{anchor} working_{amount}')}"
        for short, (anchor, amount) in working(rules)
    ]
    joins = " ".join(
        f"LEFT JOIN days {short} ON {short}.day = {name(f'{anchor} day')}"
        for short, anchor in (("r", "incident.reported_at"), ("o", "incident.occurred_at"))
    )
    query = (
        f"SELECT f.* EXCLUDE (bad), l.* EXCLUDE (row), {', '.join(made)} FROM facts f JOIN looked l USING (row) {joins}"
    )
    for layer in layers(rules):
        decided = ", ".join(f"{_decided(rule)} AS {rule.code}" for rule in layer)
        query = f"SELECT *, {decided} FROM ({query})"
    return f"CREATE TABLE decided AS {query}"


def looked(rules: Sequence[Rule], *, as_of: int) -> str:
    """Return the statement of all look-ups: over the few columns that they read, which are all that is sorted.

    `place` puts records in the order of the files.
    """
    found = "".join(f", {_window(one)} AS {name(one.name)}" for one in look_ups_of(tuple(rules)))
    key = f"{name('incident.id')}, coalesce({name('child.id')}, ''), coalesce({name('suspect.id')}, '')"
    read = ", ".join(map(name, ("incident.id", "child.id", "incident.address_id", "incident.type", "suspect.id")))
    narrow = (
        f"SELECT row, {read}, {name('incident.reported_at low')}, "
        f"{name('event day')} - DATE '1970-01-01' AS {name('on')} "
        f"FROM facts WHERE bad IS NULL AND {name('event low')} <= {as_of}"
    )
    return (
        f"CREATE TABLE looked AS SELECT row, {name('on')}, row_number() OVER (ORDER BY {key}) AS place{found} "
        f"FROM ({narrow})"
    )


def working(rules: Sequence[Rule]) -> list[tuple[str, tuple[str, int]]]:
    found = sorted({(ask.anchor, ask.within) for rule in rules for ask in rule.asks if ask.unit == "working days"})
    return [("r" if anchor == "incident.reported_at" else "o", (anchor, amount)) for anchor, amount in found]


def _window(one: LookUp) -> str:
    key = name(one.by)
    frame = (
        f"(PARTITION BY {key}, CASE WHEN {key} IS NULL THEN row END ORDER BY {name('on')} "
        f"RANGE BETWEEN {one.days - 1} PRECEDING AND CURRENT ROW"
    )
    where = f" FILTER (WHERE {answer(one.where)})" if one.where else ""
    match one.function:
        case "how_many" if one.others and not one.where:
            found = f"count(*) OVER {frame}) - 1"
        case "how_many":
            found = f"count(*){where} OVER {frame})"
        case "how_many_different":
            found = f"count(DISTINCT {name(one.of)}) OVER {frame})"
        case "latest":
            found = f"max({name(one.of + ' low')}){where} OVER {frame} EXCLUDE CURRENT ROW)"
    return f"CASE WHEN {key} IS NOT NULL THEN {found} END"


def layers(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Return the rules in the order in which they read each other."""
    by_id = {rule.id: rule for rule in rules}
    depth: dict[str, int] = {}

    def depth_of(rule: Rule) -> int:
        if rule.id not in depth:
            depth[rule.id] = 1 + max((depth_of(by_id[one]) for one in flags_read(rule.when)), default=0)
        return depth[rule.id]

    for rule in rules:
        depth_of(rule)
    return [[r for r in rules if depth[r.id] == number] for number in range(1, max(depth.values()) + 1)]


def flags_read(condition: Condition) -> list[str]:
    """Return the rules whose flags a condition reads."""
    ((key, value),) = condition.items()
    match key:
        case "all" | "any" | "none":
            return [one for part in value for one in flags_read(part)]
        case "flag":
            return [str(value)]
        case _:
            return []


def _decided(rule: Rule) -> str:
    found = answer(rule.when)
    stops = either(map(answer, rule.unless)) if rule.unless else ""
    return f"CASE WHEN {stops} THEN FALSE ELSE {found} END" if stops else found


def answer(condition: Condition) -> str:
    """Return what a condition comes to: TRUE, FALSE or NULL."""
    ((key, value),) = condition.items()
    match key:
        case "all":
            return "(" + " AND ".join(map(answer, value)) + ")"
        case "any":
            return either(map(answer, value))
        case "none":
            return f"(NOT {either(map(answer, value))})"
        case "flag":
            return _column_of(value)
        case _:
            ((operator, operand),) = value.items() if isinstance(value, dict) else (("is", value),)
            return _compared(key, operator, operand)


def _column_of(rule_id: str) -> str:
    return f"X{rule_id.removeprefix('bench-')}"


_SIGNS = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<", "is": "=", "is_not": "<>"}


def _compared(field: str, operator: str, operand: Any) -> str:
    own = name(field)
    match operator:
        case "recorded":
            return f"({own if field not in MOMENTS else name(field + ' low')} IS {'NOT ' if operand else ''}NULL)"
        case "has" | "has_any":
            return f"list_has_any({own}, [{texts([operand] if operator == 'has' else operand)}])"
        case "in":
            return f"({own} IN ({texts(operand)}))"
        case "after":
            other = operand["field"]
            return _between(
                f"{name(field + ' low')} > {name(other + ' high')}",
                f"{name(field + ' high')} <= {name(other + ' low')}",
            )
        case _ if field in SPANS:
            return _hours(field, operator, 3600 * operand)
        case "is" if isinstance(operand, bool):
            return own if operand else f"(NOT {own})"
        case _:
            other = name(operand["field"]) if isinstance(operand, dict) else operand
            return f"({own} {_SIGNS[operator]} {text(other) if isinstance(operand, str) else other})"


def _between(true: str, false: str) -> str:
    return f"CASE WHEN {true} THEN TRUE WHEN {false} THEN FALSE END"


def _hours(field: str, operator: str, seconds: int) -> str:
    low, high = name(f"{field} low"), name(f"{field} high")
    opposite = {"at_least": "<", "more_than": "<=", "at_most": ">", "less_than": ">="}[operator]
    first, last = (low, high) if operator in ("at_least", "more_than") else (high, low)
    return _between(f"{first} {_SIGNS[operator]} {seconds}", f"{last} {opposite} {seconds}")


# ---- what is missing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Missing:
    """What an undecided condition needs: each need with where it is one, and lists of what other rules need."""

    needs: dict[str, list[str]]
    lists: list[str]


def needs(rule: Rule, by_id: dict[str, Rule]) -> str:
    """Return what an undecided rule needs, sorted and each once."""
    return f"list_sort(list_distinct({_needed(rule, by_id)}))"


def _needed(rule: Rule, by_id: dict[str, Rule]) -> str:
    found = _Missing({}, [])
    _collect(rule.when, [], found, by_id, is_root=True)
    own = there(f"CASE WHEN {either(where)} THEN {text(need)} END" for need, where in found.needs.items())
    parts = [*([own] if found.needs else []), *found.lists]
    return f"flatten([{', '.join(parts)}])"


def _collect(
    condition: Condition, guards: list[str], found: _Missing, by_id: dict[str, Rule], *, is_root: bool = False
) -> None:
    ((key, value),) = condition.items()
    unsure = f"{answer(condition)} IS NULL"
    if key in ("all", "any", "none"):
        inner = guards if is_root else [*guards, unsure]
        for part in value:
            _collect(part, inner, found, by_id)
        return
    where = " AND ".join([*guards, unsure])
    if key == "flag":
        found.lists.append(f"CASE WHEN {where} THEN {_needed(by_id[value], by_id)} ELSE []::VARCHAR[] END")
        return
    ((operator, operand),) = value.items() if isinstance(value, dict) else (("is", value),)
    if operator == "recorded":
        return
    fields = [key, *([operand["field"]] if isinstance(operand, dict) else [])]
    for need, absent in (one for field in fields for one in _needs_of(field)):
        found.needs.setdefault(need, []).append(f"({where} AND {absent})")


def _needs_of(field: str) -> Iterator[tuple[str, str]]:
    """Yield what a comparison with a field may need, each with when it does."""
    if field in BY_BIRTH:
        for born in BY_BIRTH[field]:
            yield born, f"{name(born)} IS NULL"
    elif field in SPANS:
        start, end = SPANS[field]
        occurred = name("incident.occurred_at low")
        yield "incident.occurred_at@time", f"{occurred} < {name('incident.occurred_at high')}"
        if start != "event":
            yield start, f"{occurred} IS NULL"
        yield from _needs_of(end)
    elif field in MOMENTS:
        yield field, f"{name(field + ' low')} IS NULL"
        yield f"{field}@time", f"{name(field + ' low')} < {name(field + ' high')}"
    elif field.startswith("calc."):
        by = "incident.address_id" if field.startswith("calc.at_address") else "child.id"
        yield by, f"{name(by)} IS NULL"
    else:
        yield field, f"{name(field)} IS NULL"
