"""Rules decided for every record or seat: verdicts and severities, then what each flag and each open rule says.

All rules of a group are decided by one statement, which also keeps the answer of every comparison. What is said of a
rule (needs, evidence, message) is computed for its own rows alone, in a statement of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch import sql
from riskflags.batch.answers import answer, deciding, names_of, needs
from riskflags.batch.cells import (
    combined,
    days,
    every,
    in_order,
    listed,
    negation,
    no_texts,
    only,
    some,
    surely,
    where,
    yes,
)
from riskflags.batch.frames import KEYS
from riskflags.batch.sentences import message
from riskflags.condition import comparisons, names_read
from riskflags.words import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.batch.answers import Leaves
    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame, Frames, Rows
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.condition import Comparison, Condition
    from riskflags.model import Severity
    from riskflags.pack import Rule

    Places = Mapping[Comparison, int]
    """The comparisons whose answers a table of verdicts holds, with their numbers."""

FIRES, UNDECIDED, CLEARS = 2, 1, 0
FIRED, OPEN = "fired", "undecided"
"""The tables of flags, and of rules that could not be decided."""
NO_SEAT = -2
"""The seat of what is about a record as a whole."""


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


def rows_of_rule(rule: Rule) -> Rows:
    """Return the rows on which a rule is decided."""
    return "seats" if rule.for_each else "records"


def names_of_rule(rule: Rule, effective_by: str) -> frozenset[str]:
    """Return every name that decides a rule or its severity."""
    return names_of(*conditions_of(rule)) | {effective_by}


def decide(frames: Frames, group: Group, *, only_in: Mapping[int, Sequence[int]]) -> Places:
    """Make the table of a group; return the comparisons whose answers it holds.

    `only_in` holds the worlds in which a rule is decided at all, where not in every one.
    """
    effective_by = frames.pack.effective_by
    names = frozenset[str]().union(*(names_of_rule(rule, effective_by) for rule in group.rules.values()))
    frame = frames.frame(names, rows=group.rows)
    places = {one: n for n, one in enumerate(dict.fromkeys(c for r in group.rules.values() for c in _comparisons(r)))}
    when = frame.cells[effective_by]
    table = frame.table.select(
        *frame.head,
        **{_answer(n): answer(one, frame.cells) for one, n in places.items()},
        **{_force(n): _in_force(rule, when) for n, rule in group.rules.items()},
    )
    leaves = _leaves(table, places)
    found: dict[str, Expr] = {}
    for number, rule in group.rules.items():
        found |= _decided(rule, number, table, leaves, only_in=only_in.get(number))
    frames.store.make(group.table, table.select(*frame.head, *map(_answer, places.values()), **found))
    return places


def _comparisons(rule: Rule) -> Iterator[Comparison]:
    """Yield every comparison that decides a rule, as it is without its negation."""
    for condition in conditions_of(rule):
        yield from (replace(one, positive=True) for one in comparisons(condition))


def _leaves(table: Relation, places: Places) -> Leaves:
    return {one: table[_answer(number)] for one, number in places.items()}


def _answer(number: int) -> str:
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
    rule: Rule, number: int, table: Relation, leaves: Leaves, *, only_in: Sequence[int] | None
) -> dict[str, Expr]:
    out = negation(table[_force(number)]) | some(surely(answer(one, {}, leaves)) for one in rule.unless)
    holds = answer(rule.when, {}, leaves)
    verdict = sql.ifelse(surely(out), CLEARS, (holds.cast("int8") * FIRES).fill_null(UNDECIDED))
    if only_in is not None:
        verdict = sql.ifelse(table["world"].isin(only_in), verdict, sql.null("int8"))
    found = {verdict_of(number): verdict.cast("int8")}
    if _always(rule) is None:
        severity, could_be = _severities(rule, leaves)
        found |= {_severity(number): severity.cast("int8"), _could_be(number): could_be.cast("int8")}
    return found


def _always(rule: Rule) -> Severity | None:
    """Return the severity of a rule that has the same on every row; its table then has no columns for it."""
    first = rule.flag.severity[0]
    return first.severity if first.when is None else None


def verdict_of(number: int) -> str:
    """Return the column of the verdict of a rule."""
    return f"verdict {number}"


def _severity(number: int) -> str:
    return f"severity {number}"


def _could_be(number: int) -> str:
    return f"could be {number}"


def _severities(rule: Rule, leaves: Leaves) -> tuple[Expr, Expr]:
    """Return the first severity that is known to hold, and the worst that still could."""
    held = [(surely(answer(one.when, {}, leaves)), int(one.severity)) for one in rule.flag.severity]
    severity = sql.cases(*held, else_=0)
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


class Came(NamedTuple):
    """The rules of a group, by number, that fired on any row, and that are open on any."""

    fired: frozenset[int]
    open: frozenset[int]


def came(frames: Frames, group: Group) -> Came:
    """Return which rules of a group fired or are open anywhere: all of them, where to ask would run statements."""
    numbers = frozenset(group.rules)
    if not frames.store.is_eager:
        return Came(numbers, numbers)
    table = frames.store.table(group.table)
    sums = {f"{v} {n}": surely(table[verdict_of(n)] == v).any() for n in group.rules for v in (FIRES, UNDECIDED)}
    (found,) = frames.store.rows(table.aggregate((), **sums)).to_pylist()
    fired, is_open = (frozenset(n for n in numbers if found[f"{v} {n}"]) for v in (FIRES, UNDECIDED))
    first = frozenset[int]() if frames.store.has(FIRED) else frozenset({min(numbers)})  # there are such tables always
    return Came(fired | first, is_open | first)


def tell(frames: Frames, group: Group, places: Places, told: Came, evidence: Mapping[int, Mapping[str, str]]) -> None:
    """Add the flags and open rules of a group to their tables, each with its needs, evidence and message.

    `evidence` gives, for each rule, the tables of ids behind the names that it reads.
    """
    for number, rule in group.rules.items():
        one = _Told(frames, group, number, rule, {c: places[c] for c in _comparisons(rule)})
        if number in told.fired:
            frames.store.add(FIRED, one.flags(evidence.get(number, {})))
        if number in told.open:
            frames.store.add(OPEN, one.undecided())


def evidence_names(rule: Rule, frames: Frames) -> frozenset[str]:
    """Return the look-ups over records, and the flags, whose ids may be evidence of a rule."""
    return frozenset(source for name in names_read(rule.when) for source in frames.sources_of(name))


class _Told(NamedTuple):
    """One rule of a group, and what is said where it fires or stays open."""

    frames: Frames
    group: Group
    number: int
    rule: Rule
    places: Places

    def flags(self, evidence: Mapping[str, str]) -> Relation:
        """Return the flags of the rule."""
        rule = self.rule
        own = {derived.shown: derived.name for derived in rule.derived}
        said = frozenset(own.get(name, name) for name in names_in(rule.flag.message))
        frame = self._beside_evidence(self._rows(FIRES, said), evidence)
        leaves = _leaves(frame.table, self.places)
        return _tidied(
            frame.table,
            self._head(frame)
            | {
                "because": listed(self._because(frame, leaves, evidence)),
                "message": message(rule.flag.message, lambda name: frame.cells[own.get(name, name)]),
            },
            severity_needs=self._severity_needs(frame, leaves),
        )

    def undecided(self) -> Relation:
        """Return the rows on which the rule is open."""
        frame = self._rows(UNDECIDED, frozenset())
        leaves = _leaves(frame.table, self.places)
        return _tidied(
            frame.table,
            self._head(frame),
            needs=needs(self.rule.when, frame.cells, leaves),
            severity_needs=self._severity_needs(frame, leaves),
        )

    def _rows(self, verdict: int, more: frozenset[str]) -> Frame:
        """Return the rows on which the rule came to a verdict, with all that it reads and what decided it."""
        names = names_of_rule(self.rule, self.frames.pack.effective_by) | more
        if self.group.rows == "seats":
            names |= {"suspect.id"}
        own = verdict_of(self.number)
        columns = [own, *map(_answer, sorted(self.places.values()))]
        if _always(self.rule) is None:
            columns += [_severity(self.number), _could_be(self.number)]
        decided = self.frames.store.table(self.group.table, [*KEYS[self.group.rows], *columns])
        return self.frames.frame(names, rows=self.group.rows, among=decided.filter(decided[own] == verdict))

    def _head(self, frame: Frame) -> dict[str, Expr]:
        """Return the columns that flags and open rules share."""
        is_each = self.group.rows == "seats"
        return {
            "record": frame["record"],
            "holds": frame["holds"],
            "seat": frame["seat"] if is_each else sql.literal(NO_SEAT, "int64"),
            "suspect_id": frame.cells["suspect.id"].value if is_each else sql.null("string"),
            "for_each": sql.literal(is_each),
            "rule": sql.literal(self.number, "int32"),
            "severity": self._of_severity(frame, _severity),
            "could_be": self._of_severity(frame, _could_be),
        }

    def _of_severity(self, frame: Frame, column: Callable[[int], str]) -> Expr:
        always = _always(self.rule)
        return frame[column(self.number)] if always is None else sql.literal(int(always), "int8")

    def _severity_needs(self, frame: Frame, leaves: Leaves) -> Expr | None:
        if _always(self.rule) is not None:
            return None
        raised = frame[_could_be(self.number)] > frame[_severity(self.number)]
        passed = _passed(self.rule, leaves)
        return combined(where(raised & here, needs(one, frame.cells, leaves)) for _, one, here in passed)

    def _beside_evidence(self, frame: Frame, evidence: Mapping[str, str]) -> Frame:
        """Return the rows with the ids behind each name that has a table of them."""
        table, store = frame.table, self.frames.store
        for name in dict.fromkeys(evidence.values()):
            keys = [key for key in frame.keys if key in store.columns(name)]
            table = table.left_join(store.table(name).rename({f"~{name}": "because"}), *keys)
        return frame.onto(table)

    def _because(self, frame: Frame, leaves: Leaves, evidence: Mapping[str, str]) -> Expr | None:
        """Return the ids behind each name that made the rule hold, without the record's own."""
        by_name: dict[str, list[Expr]] = {}
        for guard, comparison in deciding(self.rule.when, frame.cells, leaves):
            for name in names_read(comparison):
                for source in sorted(self.frames.sources_of(name) & evidence.keys()):
                    by_name.setdefault(source, []).append(guard)
        return combined(
            only(some(guards), frame[f"~{evidence[name]}"].fill_null(no_texts())) for name, guards in by_name.items()
        )


def _tidied(rows: Relation, columns: Mapping[str, Expr], **lists: Expr | None) -> Relation:
    """Return columns of rows beside lists in order; those that are empty in every row are not put in order."""
    found = rows.select(**columns, **{name: listed(one) for name, one in lists.items()})
    return found.mutate(**{name: in_order(found[name]) for name, one in lists.items() if one is not None})
