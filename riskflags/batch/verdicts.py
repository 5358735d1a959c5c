"""Rules decided for every record or seat: verdicts and severities, then what each flag and each open rule says.

All rules of a group are decided by one statement, which also keeps the answer of every comparison. What is said of a
rule (needs, evidence, message) is computed for its own rows alone, in a statement of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch.answers import answer, deciding, needs
from riskflags.batch.cells import (
    Cell,
    Expr,
    days,
    every,
    sql,
    in_order,
    negation,
    no_texts,
    some,
    surely,
    together,
    where,
    yes,
)
from riskflags.batch.sentences import message
from riskflags.condition import comparisons, names_read
from riskflags.words import names_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.batch.answers import Leaves
    from riskflags.batch.frames import Frame, Frames, Rows
    from riskflags.batch.sql import Relation
    from riskflags.condition import Comparison, Condition
    from riskflags.model import Severity
    from riskflags.pack import Rule

FIRES, UNDECIDED, CLEARS = 2, 1, 0
FIRED, OPEN = "fired", "undecided"
"""The tables of flags, and of rules that could not be decided."""


class Group(NamedTuple):
    """Rules that are decided together: by number, on rows of one kind. `table` holds what they come to."""

    rules: Mapping[int, Rule]
    rows: Rows
    table: str


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """Yield every condition that decides a rule or its severity."""
    yield rule.when
    yield from rule.unless
    yield from (case.when for case in rule.flag.severity if case.when is not None)


def names_of(rule: Rule, effective_by: str) -> frozenset[str]:
    """Return every name that decides a rule or its severity."""
    return frozenset({effective_by}).union(*map(names_read, conditions_of(rule)))


def decide(frames: Frames, group: Group, *, only: Mapping[int, Sequence[int]]) -> None:
    """Make the table of a group. `only` holds the worlds in which a rule is decided at all, where not in every one."""
    effective_by = frames.pack.effective_by
    names = frozenset[str]().union(*(names_of(rule, effective_by) for rule in group.rules.values()))
    frame = frames.frame(names, rows=group.rows)
    parts = [condition for rule in group.rules.values() for condition in conditions_of(rule)]
    leaves = list(dict.fromkeys(replace(c, positive=True) for part in parts for c in comparisons(part)))
    when = frame.cells[effective_by]
    table = frame.table.select(
        *frame.keys,
        **{leaf(n): answer(one, frame.cells) for n, one in enumerate(leaves)},
        **{_force(n): _in_force(rule, when) for n, rule in group.rules.items()},
    )
    columns = {one: table[leaf(n)] for n, one in enumerate(leaves)}
    found = {key: table[key] for key in frame.keys}
    for number, rule in group.rules.items():
        found |= _decided(rule, number, table, columns, only=only.get(number))
    frames.store.make(group.table, table.select(**found, **{leaf(n): table[leaf(n)] for n in range(len(leaves))}))
    frames.leaves[group.table] = {one: n for n, one in enumerate(leaves)}


def leaf(number: int) -> str:
    """Return the column of the answer of a comparison."""
    return f"answer {number}"


def _force(number: int) -> str:
    return f"in force {number}"


def _in_force(rule: Rule, when: Cell) -> Expr:
    """Return whether a rule applies on each record's effective date; a record without one falls under every rule."""
    limits: list[Expr] = []
    if rule.effective_from is not None:
        limits.append(when.day >= days(rule.effective_from))
    if rule.effective_to is not None:
        limits.append(when.day <= days(rule.effective_to))
    return when.absent | surely(every(limits)) if limits else yes()


def _decided(
    rule: Rule, number: int, table: Expr, leaves: Leaves, *, only: Sequence[int] | None
) -> dict[str, Expr]:
    out = negation(table[_force(number)]) | some(surely(answer(one, {}, leaves)) for one in rule.unless)
    holds = answer(rule.when, {}, leaves)
    verdict = sql.cases((out, CLEARS), (holds, FIRES), (negation(holds), CLEARS), else_=UNDECIDED)
    if only is not None:
        verdict = sql.ifelse(table["world"].isin(list(only)), verdict, sql.null("int8"))
    severity, could_be = severities(rule, leaves)
    return {
        verdict_of(number): verdict.cast("int8"),
        f"severity {number}": severity.cast("int8"),
        f"could be {number}": could_be.cast("int8"),
    }


def verdict_of(number: int) -> str:
    """Return the column of the verdict of a rule."""
    return f"verdict {number}"


def severities(rule: Rule, leaves: Leaves) -> tuple[Expr, Expr]:
    """Return the first severity that is known to hold, and the worst that still could."""
    cases = [(one.severity, yes() if one.when is None else answer(one.when, {}, leaves)) for one in rule.flag.severity]
    severity = sql.cases(*((surely(held), int(severity)) for severity, held in cases), else_=0)
    worse = [sql.ifelse(passed, int(one), 0) for one, _, passed in _passed(rule, leaves)]
    return severity, sql.greatest(severity, *worse) if worse else severity


def _passed(rule: Rule, leaves: Leaves) -> Iterator[tuple[Severity, Condition, Expr]]:
    """Yield the cases of a severity that could hold and are passed over, each with where that is so."""
    before: list[Expr] = []
    for case in rule.flag.severity:
        if case.when is None:
            return
        held = answer(case.when, {}, leaves)
        yield case.severity, case.when, held.isnull() & every(negation(one) for one in before)
        before.append(surely(held))


# ---- what is said of a rule ------------------------------------------------------------------------------------------


def tell(frames: Frames, group: Group, evidence: Mapping[int, Mapping[str, str]]) -> None:
    """Add the flags and open rules of a group to their tables, each with its needs, evidence and message.

    `evidence` gives, for each rule, the tables of ids behind the names that it reads.
    """
    for number, rule in group.rules.items():
        frames.store.add(FIRED, _flags(frames, group, number, rule, evidence.get(number, {})))
        frames.store.add(OPEN, _undecided(frames, group, number, rule))


def _rows_of(frames: Frames, group: Group, number: int, rule: Rule, verdict: int, more: frozenset[str]) -> tuple[Frame, dict[Comparison, int]]:
    """Return the rows on which a rule came to a verdict, with all that it reads and the answers of its comparisons."""
    names = names_of(rule, frames.pack.effective_by) | more
    if group.rows == "seats":
        names |= {"suspect.id"}
    known = frames.leaves[group.table]
    own = {replace(c, positive=True) for condition in conditions_of(rule) for c in comparisons(condition)}
    wanted = {one: known[one] for one in own}
    keys = ["record", "seat"] if group.rows == "seats" else ["record"]
    decided = frames.store.table(
        group.table,
        [*keys, verdict_of(number), f"severity {number}", f"could be {number}", *map(leaf, sorted(wanted.values()))],
    )
    decided = decided.filter(decided[verdict_of(number)] == verdict)
    frame = frames.frame(names, rows=group.rows)
    renamed = decided.rename({f"~{key}": key for key in keys})
    joined = frame.table.join(renamed, [frame.table[key] == renamed[f"~{key}"] for key in keys])
    found = frame.onto(joined)
    return found, wanted


def _answers(table: Relation, wanted: Mapping[Comparison, int]) -> Leaves:
    return {one: table[leaf(number)] for one, number in wanted.items()}


def _head(frame: Frame, group: Group, number: int) -> dict[str, Expr]:
    table = frame.table
    is_each = group.rows == "seats"
    return {
        "record": table["record"],
        "world": table["world"],
        "holds": table["holds"],
        "seat": table["seat"] if is_each else sql.literal(NO_SEAT, "int64"),
        "suspect_id": frame.cells["suspect.id"].value if is_each else sql.null("string"),
        "for_each": sql.literal(is_each),
        "rule": sql.literal(number, "int32"),
        "severity": table[f"severity {number}"],
        "could_be": table[f"could be {number}"],
    }


NO_SEAT = -2
"""The seat of what is about a record as a whole."""


def _severity_needs(rule: Rule, number: int, frame: Frame, leaves: Leaves) -> Expr | None:
    raised = frame.table[f"could be {number}"] > frame.table[f"severity {number}"]
    found = together(
        where(raised & passed, needs(condition, frame.cells, leaves))
        for _, condition, passed in _passed(rule, leaves)
    )
    return found


def _flags(frames: Frames, group: Group, number: int, rule: Rule, evidence: Mapping[str, str]) -> Expr:
    own = {derived.shown: derived.name for derived in rule.derived}
    said = frozenset(own.get(name, name) for name in names_in(rule.flag.message))
    frame, wanted = _rows_of(frames, group, number, rule, FIRES, said)
    frame = _beside_evidence(frames, frame, evidence)
    leaves = _answers(frame.table, wanted)
    behind = _because(frames, frame, leaves, rule, evidence)
    return _sorted(
        frame.table,
        **_head(frame, group, number),
        severity_needs=_severity_needs(rule, number, frame, leaves),
        because=behind,
        message=message(rule.flag.message, lambda name: frame.cells[own.get(name, name)]),
    )


def _sorted(table: Expr, **columns: Expr | None) -> Expr:
    """Return columns of a table, the lists of needs in order and each need once; None is a list of nothing."""
    found = table.select(**{name: no_texts() if one is None else one for name, one in columns.items()})
    lists = {name: in_order(found[name]) for name, one in columns.items() if name.endswith("needs") and one is not None}
    return found.mutate(**lists)


def _beside_evidence(frames: Frames, frame: Frame, evidence: Mapping[str, str]) -> Frame:
    """Return the rows with the ids behind each name that has a table of them."""
    table = frame.table
    for name in dict.fromkeys(evidence.values()):
        keys = [key for key in ("record", "seat") if key in frames.store.columns(name)]
        renamed = frames.store.table(name).rename({f"~{name}~{key}": key for key in keys} | {f"~{name}": "because"})
        table = table.left_join(renamed, [table[key] == renamed[f"~{name}~{key}"] for key in keys])
    return frame.onto(table)


def _because(frames: Frames, frame: Frame, leaves: Leaves, rule: Rule, evidence: Mapping[str, str]) -> Expr:
    """Return the ids behind each name that made the rule hold, without the record's own."""
    by_name: dict[str, list[Expr]] = {}
    for guard, comparison in deciding(rule.when, frame.cells, leaves):
        for name in _behind(comparison, frames, evidence):
            by_name.setdefault(name, []).append(guard)
    found = together(
        sql.ifelse(some(guards), frame.table[f"~{evidence[name]}"].fill_null(no_texts()), no_texts())
        for name, guards in by_name.items()
    )
    return no_texts() if found is None else found


def _behind(comparison: Comparison, frames: Frames, evidence: Mapping[str, str]) -> Iterator[str]:
    for name in names_read(comparison):
        yield from (one for one in frames.sources_of(name) if one in evidence)


def evidence_names(rule: Rule, frames: Frames) -> frozenset[str]:
    """Return the look-ups over records, and the flags, whose ids may be evidence of a rule."""
    return frozenset(source for name in names_read(rule.when) for source in frames.sources_of(name))


def _undecided(frames: Frames, group: Group, number: int, rule: Rule) -> Expr:
    frame, wanted = _rows_of(frames, group, number, rule, UNDECIDED, frozenset())
    leaves = _answers(frame.table, wanted)
    return _sorted(
        frame.table,
        **_head(frame, group, number),
        needs=needs(rule.when, frame.cells, leaves),
        severity_needs=_severity_needs(rule, number, frame, leaves),
    )
