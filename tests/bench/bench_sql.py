"""The rival: the rules of the benchmarks as DuckDB SQL, laid out as one who writes it by hand for these files would.

It does what a run of riskflags does on the same file: it checks every cell, decides in three values with what is
missing, tells the evidence of the flags that fired, sets deadlines in hours and working days, says where every
requirement stands, and writes the same files in the same order. Of what the general engine can do it does only what
these columns and rules need: one file, one suspect a row, times to the minute or the day, no second version of a rule.
Cells that it does not take are told as rejects; no model reads them again.

A few hundred rules are typed by nobody, so the text of a rule is put together from its condition, in a few lines for
each operator. The layout is by hand: all windows and verdicts in one pass, one filtered SELECT for each rule, deadlines
from the wide table of verdicts, evidence joined back for the records that fired alone.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bench_records import AS_OF
from bench_rules import ACTIONS, BASE, look_ups_of, rules_of

from riskflags.calendar import working_day_after
from riskflags.fields import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench_rules import Ask, Condition, LookUp, Rule

duckdb: Any = import_module("duckdb")  # its types are partly unknown

LONDON = ZoneInfo("Europe/London")
_YEARS = range(2023, 2028)
"""Years for which the rival knows the clocks and the bank holidays; a time outside them is refused."""
_CALENDAR = "england-and-wales"
_OF_EVENT = ("incident.occurred_at", "incident.reported_at")
_TEXTS = ("incident.id", "incident.team", "incident.unit", "incident.address_id", "child.id", "suspect.id")
_FREE_CODES = ("incident.authority", "child.responsible_authority")
_CODES = ("incident.type", "child.placement_type", "suspect.relationship")
_DATES = ("child.date_of_birth", "suspect.date_of_birth")
_YES_NO = (
    "child.in_care", "child.education_plan", "contact.sexual_content", "contact.images_requested",
    "contact.meeting_arranged",
)  # fmt: skip
_MOMENTS = (*_OF_EVENT, "missing.returned_at", *(f"action.{key}.at" for key in ACTIONS))
_OUTCOMES = tuple(f"action.{key}.outcome" for key in ACTIONS)
_LIST = "incident.indicators"
_BY_BIRTH = {
    "calc.child_age": ("child.date_of_birth",),
    "calc.suspect_age": ("suspect.date_of_birth",),
    "calc.age_gap": ("child.date_of_birth", "suspect.date_of_birth"),
}
"""Derived numbers, with the dates of birth that they need."""
_SPANS = {"calc.hours_away": ("event", "missing.returned_at"), "calc.hours_to_report": _OF_EVENT}
"""Derived hours, with the two moments that they lie between."""
_RANKS = {"critical": 4, "high": 3, "medium": 2}
_SHOWN = 100


def text(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a name as SQL."""
    return f'"{value}"'


def texts(values: Iterable[str]) -> str:
    """Return texts as SQL, with commas."""
    return ", ".join(map(text, values))


def either(parts: Iterable[str]) -> str:
    """Return whether any of some conditions holds."""
    return "(" + " OR ".join(parts) + ")"


def _there(parts: Iterable[str]) -> str:
    """Return a list of the texts that are not NULL."""
    return f"list_filter([{', '.join(parts)}]::VARCHAR[], lambda one : one IS NOT NULL)"


# ---- the clocks ------------------------------------------------------------------------------------------------------


@cache
def _summers() -> tuple[tuple[datetime, datetime], ...]:
    """Return when the clocks go forward and back, in UTC without a zone."""
    found: list[datetime] = []
    for year in _YEARS:
        hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(366 * 24)]
        offsets = [hour.astimezone(LONDON).utcoffset() for hour in hours]
        found += [hour.replace(tzinfo=None) for n, hour in enumerate(hours) if n and offsets[n] != offsets[n - 1]]
    return tuple(zip(found[::2], found[1::2], strict=True))


def _in_summer(when: str, *, first: int, last: int) -> str:
    """Return whether a local time lies in summer, which begins and ends so many hours after the clocks change."""
    spans = (
        f"{when} >= TIMESTAMP '{start + timedelta(hours=first)}' AND {when} < TIMESTAMP '{end + timedelta(hours=last)}'"
        for start, end in _summers()
    )
    return either(f"({span})" for span in spans)


def _days(amounts: Sequence[int]) -> str:
    """Return the rows of a table of days: for each number of working days the last second of the last one, in UTC."""
    rows: list[str] = []
    day = date(_YEARS[0], 1, 1)
    while day < date(_YEARS[-1], 12, 1):
        ends = (working_day_after(day, amount, calendar=_CALENDAR) for amount in amounts)
        rows.append(f"(DATE '{day}', {', '.join(_last_second(end) for end in ends)})")
        day += timedelta(days=1)
    columns = ", ".join(["day", *(f"working_{amount}" for amount in amounts)])
    return f"SELECT * FROM (VALUES {', '.join(rows)}) v({columns})"


def _last_second(day: date | None) -> str:
    if day is None:
        return "NULL"
    following = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(days=1)
    return str(int(following.timestamp()) - 1)


# ---- intake ----------------------------------------------------------------------------------------------------------


def facts(file: Path) -> str:
    """Return the statement that reads a file: every cell checked and typed; `bad` names refused columns."""
    columns = ", ".join(f"{text(one)}: 'VARCHAR'" for one in _header(file))
    raw = (
        f"SELECT row_number() OVER () AS row, * FROM read_csv({text(str(file))}, columns={{{columns}}}, "
        "header=true, delim=',', quote='\"', escape='\"', auto_detect=false)"
    )
    cut = ", ".join(f"nullif(trim({name(one)}), '') AS {name(one)}" for one in _plain())
    cut += ", " + ", ".join(f"nullif(trim(nfc_normalize({name(one)})), '') AS {name(one)}" for one in _TEXTS)
    read = ", ".join(f"{_read_moment(one)} AS {name(one + ' read')}" for one in _MOMENTS)
    typed: dict[str, str] = {one: name(one) for one in (*_TEXTS, *_FREE_CODES, *_CODES, *_OUTCOMES)}
    for one in _MOMENTS:
        typed |= _moment(one)
    typed |= {one: f"TRY_CAST({name(one)} AS DATE)" for one in _DATES}
    typed |= {one: f"CASE lower({name(one)}) WHEN 'yes' THEN TRUE WHEN 'no' THEN FALSE END" for one in _YES_NO}
    typed[_LIST] = f"CASE WHEN {name(_LIST)} = '(none)' THEN []::VARCHAR[] ELSE string_split({name(_LIST)}, ';') END"
    made = ", ".join(f"{one} AS {name(column)}" for column, one in typed.items())
    event = ", ".join(
        f"coalesce({', '.join(name(f'{one} {part}') for one in _OF_EVENT)}) AS {name(f'event {part}')}"
        for part in ("low", "high", "day")
    )
    return (
        f"CREATE TABLE facts AS WITH raw AS ({raw}), cut AS (SELECT row, {cut} FROM raw), "
        f"seen AS (SELECT *, {read} FROM cut), "
        f"typed AS (SELECT row, {made}, {_bad()} AS bad FROM seen) "
        f"SELECT *, {event} FROM typed"
    )


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        found = next(lines).rstrip("\n").split(",")
    wanted = {*_plain(), *_TEXTS}
    if set(found) != wanted:
        msg = f"columns that the rival does not know: {sorted(set(found) ^ wanted)}"
        raise ValueError(msg)
    return found


def _plain() -> tuple[str, ...]:
    return (*_FREE_CODES, *_CODES, *_DATES, *_YES_NO, *_MOMENTS, *_OUTCOMES, _LIST)


_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?"


def _read_moment(one: str) -> str:
    return f"CASE WHEN regexp_full_match({name(one)}, {text(_TIME)}) THEN TRY_CAST({name(one)} AS TIMESTAMP) END"


def _moment(one: str) -> dict[str, str]:
    """Return the columns of a moment: the first and the last second it can be, its day, and its local time."""
    read, day_only = name(f"{one} read"), f"length({name(one)}) = 10"
    early, late = _in_summer(read, first=1, last=1), _in_summer(read, first=1, last=0)
    midnight = f"date_trunc('day', {read}) + INTERVAL 86399 SECONDS"
    late_in_day = _in_summer(midnight, first=1, last=0)
    low = f"CAST(epoch({read}) AS BIGINT) - CASE WHEN {early} THEN 3600 ELSE 0 END"
    return {
        f"{one} low": low,
        f"{one} high": (
            f"CASE WHEN {day_only} THEN CAST(epoch({midnight}) AS BIGINT) - CASE WHEN {late_in_day} "
            f"THEN 3600 ELSE 0 END ELSE CAST(epoch({read}) AS BIGINT) - CASE WHEN {late} THEN 3600 ELSE 0 END END"
        ),
        f"{one} day": f"CAST({read} AS DATE)",
        f"{one} read": read,
    }


def _bad() -> str:
    """Return the columns whose cells are refused, as a list; NULL where there are none."""
    infos = catalogue()
    tests = [(one, f"{name(one)} IS NULL") for one in ("incident.id", "incident.type", "incident.reported_at")]
    tests += [(one, f"{name(one)} NOT IN ({texts(infos[one].codes or ())})") for one in _CODES]
    tests += [(one, f"NOT regexp_full_match({name(one)}, '[A-Z0-9]+')") for one in _FREE_CODES]
    tests += [(one, f"lower({name(one)}) NOT IN ('yes', 'no')") for one in _YES_NO]
    tests += [(one, f"{name(one)} NOT IN ('completed', 'attempted', 'requested', 'partial')") for one in _OUTCOMES]
    known = f"[{texts(infos[_LIST].codes or ())}]"
    tests.append((_LIST, f"{name(_LIST)} <> '(none)' AND NOT list_has_all({known}, string_split({name(_LIST)}, ';'))"))
    for one in _DATES:
        day = f"TRY_CAST({name(one)} AS DATE)"
        exact = r"\d{4}-\d\d-\d\d"
        after = f"{day} > CAST({name('incident.reported_at read')} AS DATE)"
        wrong = f"NOT regexp_full_match({name(one)}, {text(exact)}) OR {day} IS NULL OR {after}"
        tests.append((one, f"{name(one)} IS NOT NULL AND ({wrong})"))
    days = ", ".join(f"DATE '{start.date()}'" for start, _ in _summers())
    first, last = f"TIMESTAMP '{_YEARS[0]}-01-01'", f"TIMESTAMP '{_YEARS[-1]}-11-01'"
    for one in _MOMENTS:
        read = name(f"{one} read")
        skipped = f"CASE WHEN hour({read}) = 1 THEN CAST({read} AS DATE) IN ({days}) END"
        wrong = f"{read} IS NULL OR {read} NOT BETWEEN {first} AND {last} OR {skipped}"
        tests.append((one, f"{name(one)} IS NOT NULL AND ({wrong})"))
    before, after = name("incident.occurred_at read"), name("missing.returned_at read")
    tests.append(("missing.returned_at", f"date_trunc('day', {after}) < date_trunc('day', {before})"))
    tests += [
        (f"action.{key}.outcome", f"{name(f'action.{key}.at')} IS NOT NULL AND {name(f'action.{key}.outcome')} IS NULL")
        for key in ACTIONS
    ]
    wrong = " OR ".join(f"({test})" for _, test in tests)
    named = _there(f"CASE WHEN {test} THEN {text(column)} END" for column, test in tests)
    return f"CASE WHEN coalesce({wrong}, FALSE) THEN {named} END"


# ---- verdicts --------------------------------------------------------------------------------------------------------

_YEARS_OF = (
    "CREATE MACRO years_of(born, on_day) AS year(on_day) - year(born) "
    "- CASE WHEN month(on_day) * 100 + day(on_day) < month(born) * 100 + day(born) THEN 1 ELSE 0 END"
)


def verdicts(rules: Sequence[Rule]) -> str:
    """Return the statement that decides all rules: NULL where a rule is undecided."""
    child, suspect = (name(one) for one in _DATES)
    derived = {
        "calc.child_age": f"years_of({child}, {name('event day')})",
        "calc.suspect_age": f"years_of({suspect}, {name('event day')})",
        "calc.age_gap": f"CASE WHEN {child} < {suspect} THEN -years_of({child}, {suspect}) "
        f"ELSE years_of({suspect}, {child}) END",
    }
    for one, (start, end) in _SPANS.items():
        derived[f"{one} low"] = f"{name(f'{end} low')} - {name(f'{start} high')}"
        derived[f"{one} high"] = f"{name(f'{end} high')} - {name(f'{start} low')}"
    made = [f"{one} AS {name(column)}" for column, one in derived.items()]
    made += [
        f"{short}.working_{amount} AS {name(f'{anchor} working_{amount}')}"
        for short, (anchor, amount) in _working(rules)
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


def _working(rules: Sequence[Rule]) -> list[tuple[str, tuple[str, int]]]:
    found = sorted({(ask.anchor, ask.within) for rule in rules for ask in rule.asks if ask.unit == "working days"})
    return [("r" if anchor == "incident.reported_at" else "o", (anchor, amount)) for anchor, amount in found]


def _window(one: LookUp) -> str:
    key = name(one.by)
    frame = (
        f"(PARTITION BY {key}, CASE WHEN {key} IS NULL THEN row END ORDER BY {name('on')} "
        f"RANGE BETWEEN {one.days - 1} PRECEDING AND CURRENT ROW"
    )
    where = f" FILTER (WHERE {_answer(one.where)})" if one.where else ""
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
    found = _answer(rule.when)
    stops = either(map(_answer, rule.unless)) if rule.unless else ""
    return f"CASE WHEN {stops} THEN FALSE ELSE {found} END" if stops else found


def _answer(condition: Condition) -> str:
    """Return what a condition comes to: TRUE, FALSE or NULL."""
    ((key, value),) = condition.items()
    match key:
        case "all":
            return "(" + " AND ".join(map(_answer, value)) + ")"
        case "any":
            return either(map(_answer, value))
        case "none":
            return f"(NOT {either(map(_answer, value))})"
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
            return f"({own if field not in _MOMENTS else name(field + ' low')} IS {'NOT ' if operand else ''}NULL)"
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
        case _ if field in _SPANS:
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


def _needs(rule: Rule, by_id: dict[str, Rule]) -> str:
    """Return what an undecided rule needs, sorted and each once."""
    return f"list_sort(list_distinct({_needed(rule, by_id)}))"


def _needed(rule: Rule, by_id: dict[str, Rule]) -> str:
    found = _Missing({}, [])
    _collect(rule.when, [], found, by_id, is_root=True)
    own = _there(f"CASE WHEN {either(where)} THEN {text(need)} END" for need, where in found.needs.items())
    parts = [*([own] if found.needs else []), *found.lists]
    return f"flatten([{', '.join(parts)}])"


def _collect(
    condition: Condition, guards: list[str], found: _Missing, by_id: dict[str, Rule], *, is_root: bool = False
) -> None:
    ((key, value),) = condition.items()
    unsure = f"{_answer(condition)} IS NULL"
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
    if field in _BY_BIRTH:
        for born in _BY_BIRTH[field]:
            yield born, f"{name(born)} IS NULL"
    elif field in _SPANS:
        start, end = _SPANS[field]
        occurred = name("incident.occurred_at low")
        yield "incident.occurred_at@time", f"{occurred} < {name('incident.occurred_at high')}"
        if start != "event":
            yield start, f"{occurred} IS NULL"
        yield from _needs_of(end)
    elif field in _MOMENTS:
        yield field, f"{name(field + ' low')} IS NULL"
        yield f"{field}@time", f"{name(field + ' low')} < {name(field + ' high')}"
    elif field.startswith("calc."):
        by = "incident.address_id" if field.startswith("calc.at_address") else "child.id"
        yield by, f"{name(by)} IS NULL"
    else:
        yield field, f"{name(field)} IS NULL"


# ---- flags -----------------------------------------------------------------------------------------------------------


def evidence(one: LookUp, readers: Sequence[Rule]) -> str:
    """Return the statement that collects the records which a look-up counted, for the records that fired alone."""
    key = name(one.by)
    of_other = re.sub(r'"', 'b."', _answer(one.where), count=1) if one.where else "TRUE"
    others = " AND a.row <> b.row" if one.others else ""
    return (
        f"CREATE TABLE {name('ids of ' + one.name)} AS SELECT a.row, list(b.{name('incident.id')}) AS ids "
        f"FROM decided a JOIN decided b ON a.{key} = b.{key} AND b.{name('on')} <= a.{name('on')} "
        f"AND b.{name('on')} > a.{name('on')} - {one.days} AND {of_other}{others} "
        f"WHERE {either(f'a.{rule.code}' for rule in readers)} GROUP BY a.row"
    )


def readers_of(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    """Return the rules that read each look-up themselves, by its name."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        for one in look_ups_of((rule,)):
            found.setdefault(one.name, []).append(rule)
    return found


def flags(rules: Sequence[Rule]) -> str:
    """Return the query of all flags: one filtered SELECT for each rule."""
    by_id = {rule.id: rule for rule in rules}
    return " UNION ALL ".join(_flags(rule, by_id) for rule in rules)


def _flags(rule: Rule, by_id: dict[str, Rule]) -> str:
    behind = list(dict.fromkeys(_behind(rule, by_id)))
    tables = list(dict.fromkeys(look_up for _, look_up in behind))
    aliases = {look_up: f"e{n}" for n, look_up in enumerate(tables)}
    joins = " ".join(
        f"LEFT JOIN {name('ids of ' + one)} {aliases[one]} ON {aliases[one]}.row = d.row" for one in tables
    )
    ids = f"[{name('incident.id')}]"
    if behind:
        parts = (f"CASE WHEN {where} THEN {aliases[one]}.ids END" for where, one in behind)
        ids = f"list_sort(list_distinct(flatten([{ids}, {', '.join(parts)}])))"
    suspect = name("suspect.id") if rule.for_each else "NULL::VARCHAR"
    return (
        f"SELECT {_RANKS[rule.severity]} AS rank, {rule.number} AS number, d.row, d.place, "
        f"{name('incident.id')} AS incident_id, {name('child.id')} AS child_id, {suspect} AS suspect_id, "
        f"{_message(rule.message)} AS message, "
        f"{ids} AS because FROM decided d {joins} WHERE {rule.code}"
    )


def _behind(rule: Rule, by_id: dict[str, Rule]) -> Iterator[tuple[str, str]]:
    """Yield the look-ups behind a flag, of the rules that it reads too, each with the rule that has to have fired."""
    for one in look_ups_of((rule,)):
        yield rule.code, one.name
    for read in flags_read(rule.when):
        yield from _behind(by_id[read], by_id)


def _message(message: str) -> str:
    parts = re.split(r"(\{[^}]+\})", message)
    return " || ".join(
        f"CAST({name(part[1:-1])} AS VARCHAR)" if part.startswith("{") else text(part) for part in parts if part
    )


def undecided(rules: Sequence[Rule]) -> str:
    """Return the query of all undecided rules, each with what is missing."""
    by_id = {rule.id: rule for rule in rules}
    return " UNION ALL ".join(
        f"SELECT {_RANKS[rule.severity]} AS rank, {rule.number} AS number, place, "
        f"{name('incident.id')} AS incident_id, "
        f"{name('child.id')} AS child_id, {name('suspect.id') if rule.for_each else 'NULL::VARCHAR'} AS suspect_id, "
        f"{_needs(rule, by_id)} AS needs "
        f"FROM decided WHERE {rule.code} IS NULL"
        for rule in rules
    )


# ---- requirements ----------------------------------------------------------------------------------------------------


def requirements(rules: Sequence[Rule], *, as_of: int) -> str:
    """Return the query of all requirements: one SELECT for each action, from the wide table of verdicts."""
    keys = [key for key in sorted(ACTIONS) if any(True for _ in _lines(key, rules))]
    parts = (_requirements(key, sorted(ACTIONS).index(key), rules, as_of=as_of) for key in keys)
    return " UNION ALL ".join(parts)


def _lines(action: str, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Ask]]:
    for rule in rules:
        for ask in rule.asks:
            if ask.action == action:
                yield rule, ask


def _requirements(action: str, number: int, rules: Sequence[Rule], *, as_of: int) -> str:
    lines = list(_lines(action, rules))
    by_due: dict[tuple[str, int, str], list[str]] = {}
    by_anchor: dict[str, list[str]] = {}
    by_rank: dict[str, list[str]] = {}
    for rule, ask in lines:
        by_due.setdefault((ask.anchor, ask.within, ask.unit), []).append(rule.code)
        by_anchor.setdefault(ask.anchor, []).append(rule.code)
        by_rank.setdefault(rule.severity, []).append(rule.code)
    codes = sorted({rule.code for rule, _ in lines})
    ends = {end: ", ".join(_due(due, end, own) for due, own in by_due.items()) for end in ("low", "high")}
    graver = sorted(by_rank, key=lambda severity: -_RANKS[severity])
    severity = " ".join(f"WHEN {either(by_rank[one])} THEN {_RANKS[one]}" for one in graver)
    absent = _there(
        f"CASE WHEN {either(own)} AND {name(anchor + ' low')} IS NULL THEN {text(anchor)} END"
        for anchor, own in by_anchor.items()
    )
    absent = f"CASE WHEN {name('incident.occurred_at low')} IS NULL THEN {absent} ELSE {_NO_TEXTS} END"
    inexact = _there(
        f"CASE WHEN {either(own)} AND {_inexact(anchor)} THEN {text(anchor + '@time')} END"
        for (anchor, _, unit), own in by_due.items()
        if unit == "hours"
    )
    some = either(_inexact(anchor) for anchor in by_anchor)
    inexact = f"CASE WHEN {some} THEN {inexact} ELSE {_NO_TEXTS} END"
    at, outcome = f"action.{action}.at", name(f"action.{action}.outcome")
    fired = _there(f"CASE WHEN {code} THEN {text(code)} END" for code in codes)
    asked = (
        f"SELECT row, place, {name('incident.id')} AS incident_id, {name('child.id')} AS child_id, "
        f"least({ends['low']}) AS low, least({ends['high']}) AS high, CASE {severity} END AS rank, "
        f"{fired} AS rules, {absent} AS absent, {inexact} AS inexact, {name(at + ' low')} AS at_low, "
        f"{name(at + ' high')} AS at_high, {_written_as(at)} AS at_local, {outcome} AS outcome "
        f"FROM decided WHERE {either(codes)}"
    )
    stood = f"SELECT *, outcome = 'completed' AS is_done, {_state(as_of)} AS state FROM ({asked})"
    return (
        f"SELECT row, place, incident_id, child_id, {number} AS number, low, high, state, "
        f"CASE WHEN is_done THEN at_local END AS recorded_at, "
        f"CASE WHEN is_done THEN outcome END AS recorded_outcome, "
        f"CASE WHEN outcome <> 'completed' THEN [{text(action)} || ' ' || outcome || ' ' || "
        f"coalesce(at_local, '(not dated)')] ELSE []::VARCHAR[] END AS short_of, "
        f"{_state_needs(as_of)} AS needs, rank, rules FROM ({stood})"
    )


def _written_as(moment: str) -> str:
    """Return a moment as text: with its offset, or the day alone."""
    read = name(f"{moment} read")
    offset = f"CASE WHEN epoch({read}) = {name(moment + ' low')} THEN '+00:00' ELSE '+01:00' END"
    local = f"strftime({read}, '%Y-%m-%dT%H:%M:%S') || {offset}"
    day_only = f"{name(moment + ' high')} - {name(moment + ' low')} > 7200"
    return f"CASE WHEN {day_only} THEN strftime({read}, '%Y-%m-%d') ELSE {local} END"


def _due(due: tuple[str, int, str], end: str, rules: list[str]) -> str:
    anchor, within, unit = due
    working = name(f"{anchor} working_{within}")
    when = f"{name(f'{anchor} {end}')} + {within * 3600}" if unit == "hours" else working
    return f"CASE WHEN {either(rules)} THEN {when} END"


def _inexact(anchor: str) -> str:
    return f"{name(anchor + ' low')} < {name(anchor + ' high')}"


def _state(as_of: int) -> str:
    return (
        "CASE WHEN outcome = 'completed' THEN CASE WHEN at_low IS NULL THEN 'undated' WHEN low IS NULL "
        "THEN 'cannot_tell' WHEN at_high <= low THEN 'done' WHEN at_low > high THEN 'done_late' ELSE 'cannot_tell' END "
        f"WHEN low IS NULL THEN 'cannot_tell' WHEN {as_of} <= low AND len(absent) = 0 THEN 'not_yet_due' "
        f"WHEN {as_of} > high THEN 'overdue' ELSE 'cannot_tell' END"
    )


def _state_needs(as_of: int) -> str:
    hull = "CASE WHEN low < high THEN inexact ELSE []::VARCHAR[] END"
    open_due = (
        f"CASE WHEN {as_of} <= high THEN list_concat(absent, CASE WHEN {as_of} > low THEN {hull} "
        "ELSE []::VARCHAR[] END) ELSE []::VARCHAR[] END"
    )
    in_time = f"list_concat(CASE WHEN at_low < at_high THEN ['action.at@time'] ELSE []::VARCHAR[] END, {hull})"
    return (
        "CASE WHEN state NOT IN ('cannot_tell', 'undated') THEN []::VARCHAR[] "
        "WHEN is_done AND at_low IS NULL THEN ['action.at'] WHEN low IS NULL THEN absent "
        f"WHEN is_done THEN list_sort({in_time}) ELSE list_sort({open_due}) END"
    )


# ---- episodes that overlap -------------------------------------------------------------------------------------------


def overlaps() -> tuple[str, str]:
    """Return the statements that find missing episodes of a child which begin before an earlier one has ended."""
    late = (
        'CREATE TABLE episodes AS SELECT row, "incident.id" AS id, "child.id" AS child, '
        '"incident.occurred_at high" AS begins, coalesce("missing.returned_at low", 9000000000) AS ends, '
        'row_number() OVER (PARTITION BY "child.id" ORDER BY "incident.occurred_at high", row) AS place FROM facts '
        'WHERE bad IS NULL AND "incident.type" = \'missing_episode\' AND "child.id" IS NOT NULL '
        'AND "incident.occurred_at low" IS NOT NULL'
    )
    latest = (
        "SELECT *, max(ends) OVER earlier AS last_end, arg_max(row, ends) OVER earlier AS other FROM episodes "
        "WINDOW earlier AS (PARTITION BY child ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    usual = f"SELECT row, id, child, other FROM ({latest}) WHERE last_end > begins AND ends > begins"
    ended = (
        f"SELECT u.row, u.id, u.child, arg_max(o.row, o.ends) AS other FROM ({latest}) u JOIN episodes o "
        "ON o.child = u.child AND o.place < u.place AND o.begins < u.ends "
        "WHERE u.last_end > u.begins AND u.ends <= u.begins GROUP BY u.row, u.id, u.child, u.begins "
        "HAVING max(o.ends) > u.begins"
    )
    return late, f"SELECT * FROM ({usual} UNION ALL {ended})"


# ---- files -----------------------------------------------------------------------------------------------------------

_NO_TEXTS = "[]::VARCHAR[]"


def _copy(query: str, path: Path) -> str:
    return f"COPY ({query}) TO {text(str(path))} (FORMAT parquet)"


def _local(seconds: str) -> str:
    """Return UTC seconds as local text with the offset."""
    spans = (
        f"({seconds} >= {int(start.replace(tzinfo=UTC).timestamp())} "
        f"AND {seconds} < {int(end.replace(tzinfo=UTC).timestamp())})"
        for start, end in _summers()
    )
    summer = either(spans)
    shifted = f"make_timestamp(({seconds} + CASE WHEN {summer} THEN 3600 ELSE 0 END) * 1000000)"
    return f"strftime({shifted}, '%Y-%m-%dT%H:%M:%S') || CASE WHEN {summer} THEN '+01:00' ELSE '+00:00' END"


def _written(rules: Sequence[Rule], file: str, as_of: datetime) -> dict[str, str]:
    """Return the query of each file: what is sorted are numbers, and what is the same in many rows is put in after."""
    when, source = text(as_of.isoformat()), text(file)
    nothing = {
        "grades": "incident_id, child_id, grade, could_be, needs, as_of, source_file, source_row",
        "not_assessed": "source_file, rule_code, rule_id, fields, records",
    }
    rule_code, rule_id = "printf('X%03d', number) AS rule_code", "printf('bench-%03d', number) AS rule_id"
    severity = f"[{texts(['', '', *sorted(_RANKS, key=_RANKS.__getitem__)])}][rank + 1] AS severity"
    keys, labels = sorted(ACTIONS), [ACTIONS[key] for key in sorted(ACTIONS)]
    action = f"[{texts(keys)}][number + 1] AS action, [{texts(key.upper() for key in keys)}][number + 1] AS action_code"
    found = {
        "flags": (
            f"SELECT incident_id, child_id, suspect_id, {rule_code}, {rule_id}, 1 AS rule_version, {severity}, "
            f"severity AS could_be, {_NO_TEXTS} AS severity_needs, 'child' AS about, message, "
            f"because[1:{_SHOWN}] AS because, len(because) AS because_count, {when} AS as_of, {source} AS source_file, "
            f"row AS source_row FROM (FROM flags ORDER BY rank DESC, number, place)"
        ),
        "requirements": (
            f"SELECT incident_id, child_id, NULL::VARCHAR AS suspect_id, {action}, "
            f"[{texts(labels)}][number + 1] AS label, 'officer' AS owner, {_local('low')} AS due_from, "
            f"CASE WHEN low = high THEN due_from ELSE {_local('high')} END AS due_at, state, recorded_at, "
            f"recorded_outcome, NULL::VARCHAR AS recorded_by, short_of, needs, state IN ('overdue', 'done_late') "
            f"AS is_gap, {severity}, rules, {when} AS as_of, {source} AS source_file, row AS source_row "
            f"FROM (FROM requirements ORDER BY rank DESC, number, place)"
        ),
        "undecided": (
            f"SELECT incident_id, child_id, suspect_id, {rule_code}, {rule_id}, {severity}, needs, {when} AS as_of "
            f"FROM (FROM undecided ORDER BY rank DESC, number, place)"
        ),
        "rejects": (
            f"SELECT {source} AS source_file, row AS source_row, child_id, "
            "array_to_string(bad, ', ') AS \"column\", 'not_taken' AS code, NULL::VARCHAR AS expected, "
            "'the cell is not taken' AS message FROM refused ORDER BY row"
        ),
        "warnings": (
            f"SELECT w.id AS incident_id, w.child AS child_id, {source} AS source_file, w.row AS source_row, "
            "'missing.last_seen_at' AS field, 'episodes_overlap' AS code, 'the episode overlaps ' || o.id || "
            f"' (row ' || format('{{:,}}', o.row) || ' of ' || {source} || '): "
            f"expected a start after the end of the child''s episode "
            f"before; both are counted' AS message FROM ({overlaps()[1]}) w JOIN episodes o ON o.row = w.other "
            "ORDER BY w.row"
        ),
    }
    for one, columns in nothing.items():
        found[one] = "SELECT " + ", ".join(f"NULL AS {column}" for column in columns.split(", ")) + " LIMIT 0"
    return found


def run(file: Path, rules: Sequence[Rule], folder: Path, *, memory_limit: str | None = None) -> None:
    """Read a file, decide all rules and write the files of a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"temp_directory": str(folder / "spill")} | ({"memory_limit": memory_limit} if memory_limit else {})
    con = duckdb.connect(config=settings)
    as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=LONDON)
    for statement in statements(file, rules, as_of=as_of):
        con.execute(statement)
    ((repeats,),) = con.execute("SELECT repeats FROM taken").fetchall()
    if repeats:
        msg = f"{repeats} records have more than one row: the rival puts no rows together"
        raise ValueError(msg)
    for one, query in _written(rules, str(file), as_of).items():
        con.execute(_copy(query, folder / f"{one}.parquet"))
    (folder / "summary.json").write_text(json.dumps(_summary(con, as_of), indent=1), encoding="utf-8")
    con.close()


def statements(file: Path, rules: Sequence[Rule], *, as_of: datetime) -> Iterator[str]:
    """Yield the statements that lead from a file to the tables of results."""
    seconds = int(as_of.timestamp())
    yield _YEARS_OF
    yield f"CREATE TABLE days AS {_days(sorted({amount for _, (_, amount) in _working(rules)}) or [1])}"
    yield facts(file)
    yield "SET preserve_insertion_order = false"
    yield overlaps()[0]
    yield 'CREATE TABLE refused AS SELECT row, "child.id" AS child_id, bad FROM facts WHERE bad IS NOT NULL'
    yield (
        "CREATE TABLE taken AS SELECT count(*) AS read, count(bad) AS refused, "
        '(SELECT count(*) FROM (SELECT 1 FROM facts GROUP BY "incident.id", "child.id" HAVING count(*) > 1)) '
        "AS repeats FROM facts"
    )
    yield looked(rules, as_of=seconds)
    yield verdicts(rules)
    yield "DROP TABLE facts"
    yield "DROP TABLE looked"
    read = readers_of(rules)
    for one in look_ups_of(tuple(rules)):
        yield evidence(one, read[one.name])
    yield f"CREATE TABLE flags AS {flags(rules)}"
    yield f"CREATE TABLE undecided AS {undecided(rules)}"
    for one in look_ups_of(tuple(rules)):
        yield f"DROP TABLE {name('ids of ' + one.name)}"
    yield f"CREATE TABLE requirements AS {requirements(rules, as_of=seconds)}"
    yield "DROP TABLE decided"


def _summary(con: Any, as_of: datetime) -> dict[str, Any]:
    def rows(query: str) -> list[Any]:
        found: list[Any] = con.execute(query).fetchall()
        return found

    named = {rank: severity for severity, rank in _RANKS.items()}
    flagged: dict[str, dict[str, int]] = {}
    for rule, rank, number in rows("SELECT number, rank, count(*) FROM flags GROUP BY ALL ORDER BY ALL"):
        flagged.setdefault(f"bench-{rule:03}", {})[named[rank]] = number
    states: dict[str, dict[str, int]] = {}
    for action, state, number in rows("SELECT number, state, count(*) FROM requirements GROUP BY ALL ORDER BY ALL"):
        states.setdefault(sorted(ACTIONS)[action], {})[state] = number
    needed = rows("SELECT need, count(*) FROM (SELECT unnest(needs) AS need FROM undecided) GROUP BY need ORDER BY ALL")
    worst = rows(
        "SELECT f.child_id, count(*) FROM flags f JOIN requirements r USING (row) WHERE f.rank = 4 "
        "AND r.state = 'overdue' GROUP BY f.child_id ORDER BY 2 DESC, 1 LIMIT 5"
    )
    ((read, refused),) = rows("SELECT read, refused FROM taken")
    return {
        "as_of": as_of.isoformat(), "rows": {"read": read, "rejected": refused}, "flags": flagged,
        "requirements": states, "undecided": dict(needed), "worst": worst,
    }  # fmt: skip


def read_alone(file: Path) -> int:
    """Read a file into a table of texts, and nothing else; return how many rows it has."""
    con = duckdb.connect()
    columns = ", ".join(f"{text(one)}: 'VARCHAR'" for one in _header(file))
    con.execute(
        f"CREATE TABLE raw AS FROM read_csv({text(str(file))}, columns={{{columns}}}, header=true, delim=',', "
        "quote='\"', escape='\"', auto_detect=false)"
    )
    ((rows,),) = con.execute("SELECT count(*) FROM raw").fetchall()
    con.close()
    return int(rows)


def main() -> None:
    """Run the rules over a file, or read it alone where no folder is given."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, help="the folder of the files; without it the file is read and no more")
    parser.add_argument("--rules", type=int, default=BASE)
    parser.add_argument("--memory-limit")
    asked = parser.parse_args()
    if asked.out is None:
        read_alone(asked.file)
    else:
        run(asked.file, rules_of(asked.rules), asked.out, memory_limit=asked.memory_limit)


if __name__ == "__main__":
    main()
