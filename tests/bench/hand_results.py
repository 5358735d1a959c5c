"""The queries of what follows from verdicts, of the SQL by hand: flags with evidence, open rules, requirements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench_rules import ACTIONS, look_ups_of
from hand_verdicts import answer, flags_read, needs
from hand_words import NO_TEXTS, RANKS, either, name, text, there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_rules import Ask, LookUp, Rule


# ---- flags -----------------------------------------------------------------------------------------------------------


def evidence(one: LookUp, readers: Sequence[Rule]) -> str:
    """Return the statement that collects the records which a look-up counted, for the records that fired alone."""
    key = name(one.by)
    of_other = re.sub(r'"', 'b."', answer(one.where), count=1) if one.where else "TRUE"
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
        f"SELECT {RANKS[rule.severity]} AS rank, {rule.number} AS number, d.row, d.place, "
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
        f"SELECT {RANKS[rule.severity]} AS rank, {rule.number} AS number, place, "
        f"{name('incident.id')} AS incident_id, "
        f"{name('child.id')} AS child_id, {name('suspect.id') if rule.for_each else 'NULL::VARCHAR'} AS suspect_id, "
        f"{needs(rule, by_id)} AS needs "
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
    graver = sorted(by_rank, key=lambda severity: -RANKS[severity])
    severity = " ".join(f"WHEN {either(by_rank[one])} THEN {RANKS[one]}" for one in graver)
    absent = there(
        f"CASE WHEN {either(own)} AND {name(anchor + ' low')} IS NULL THEN {text(anchor)} END"
        for anchor, own in by_anchor.items()
    )
    absent = f"CASE WHEN {name('incident.occurred_at low')} IS NULL THEN {absent} ELSE {NO_TEXTS} END"
    inexact = there(
        f"CASE WHEN {either(own)} AND {_inexact(anchor)} THEN {text(anchor + '@time')} END"
        for (anchor, _, unit), own in by_due.items()
        if unit == "hours"
    )
    some = either(_inexact(anchor) for anchor in by_anchor)
    inexact = f"CASE WHEN {some} THEN {inexact} ELSE {NO_TEXTS} END"
    at, outcome = f"action.{action}.at", name(f"action.{action}.outcome")
    fired = there(f"CASE WHEN {code} THEN {text(code)} END" for code in codes)
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
