"""What flags ask for: which requirement each concerns, by when, and the deadline of all that ask together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch import sql
from riskflags.batch.answers import answer, names_of, needs
from riskflags.batch.calendars import deadline
from riskflags.batch.cells import (
    combined,
    every,
    length,
    listed,
    negation,
    no_texts,
    number,
    only,
    possibly,
    some,
    surely,
    together,
    where,
)
from riskflags.batch.facts import MILLION
from riskflags.batch.relations import union
from riskflags.batch.verdicts import FIRED, NO_SEAT, rows_of_rule
from riskflags.batch.windows import spans
from riskflags.calendar import ParamDuration
from riskflags.looking import PARAM, THIS
from riskflags.pack import RecordedAction, RecordedField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame, Frames, Rows
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import Action, Ask, Due, Rule

SEVERITY = "severity"
_FLAG = ("severity", "could_be", "severity_needs")
_KEYS = ("record", "seat")
"""What tells requirements apart."""


class Line(NamedTuple):
    """One line of `requires` that names an action: the rule by number, and the line."""

    number: int
    rule: Rule
    ask: Ask

    def due(self, action: Action) -> tuple[Due, ...]:
        """Return its own deadline, or that of the catalogue."""
        return self.ask.due or action.due


def lines_of(rules: Mapping[int, Rule], action: str) -> list[Line]:
    """Return every line that requires an action."""
    return [Line(n, rule, ask) for n, rule in rules.items() for ask in rule.requires if ask.action == action]


def rows_of(action: Action) -> Rows:
    """Return the rows that an action is required on."""
    return "seats" if action.per == "suspect" else "records"


def names_of_action(action: Action, lines: Sequence[Line]) -> frozenset[str]:
    """Return every name that the requirements of an action read of the record that asks, or of its items."""
    conditions = [line.ask.when for line in lines] + [action.when]
    conditions += [way.where for way in action.satisfied_by if not isinstance(way, RecordedField)]
    names = names_of(*conditions).union(*(_names_of_dues(line.due(action)) for line in lines))
    names |= {way.name for way in action.satisfied_by if isinstance(way, RecordedField)}
    counting = [way.still_counts for way in action.satisfied_by if isinstance(way, RecordedAction)]
    names |= {f"{PARAM}{span.param}" for span in counting if isinstance(span, ParamDuration)}
    return frozenset(name.removeprefix(THIS) for name in names if name != SEVERITY)


def by_seat(frames: Frames, rows: Relation, columns: Sequence[str]) -> Relation:
    """Return what is about a record, or about one suspect, once for each seat that it concerns."""
    seats = frames.store.table("seats", ["record", "seat", "suspect.id"])
    joined = rows.select("record", "suspect_id", "for_each", *columns).join(seats, "record")
    alike = surely(joined["suspect_id"] == joined["suspect.id"])
    about = joined["suspect.id"].isnull() | ~joined["for_each"] | alike
    return joined.filter(about).select("record", "seat", *columns)


def asked(frames: Frames, action: Action, lines: Sequence[Line], made: str) -> None:
    """Make the table of all that ask for an action: a row for each requirement and line, with the deadline it sets."""
    groups: dict[tuple[Due, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(line.due(action), []).append(line)
    for dues, own in groups.items():
        plain = [line.number for line in own if line.ask.when is None]
        parts = [_plain(frames, action, plain)] if plain else []
        parts += [_conditional(frames, action, line) for line in own if line.ask.when is not None]
        frames.store.add(made, _with_deadline(frames, action, dues, union(*parts)))


def _plain(frames: Frames, action: Action, rules: list[int]) -> Relation:
    flags = frames.store.table(FIRED)
    return _concerned(frames, action, flags.filter(flags["rule"].isin(rules)).mutate(unsure=no_texts()))


def _conditional(frames: Frames, action: Action, line: Line) -> Relation:
    """Return the flags that ask by a line with a condition, or may, with what would settle it."""
    frame, cells = on_outcomes(frames, line, FIRED)
    unsure = listed(needs(line.ask.when, cells))
    table = frame.table.mutate(**{"~asks": answer(line.ask.when, cells), "~unsure": unsure})
    table = table.filter(possibly(table["~asks"]))
    return _concerned(frames, action, table.mutate(unsure=only(table["~asks"].isnull(), table["~unsure"])))


def _concerned(frames: Frames, action: Action, flags: Relation) -> Relation:
    """Return flags by the requirement that each concerns: of its suspect, of every suspect, or of the record."""
    columns = ("rule", *_FLAG, "unsure")
    if rows_of(action) == "seats":
        return by_seat(frames, flags, columns)
    return flags.select("record", *columns, seat=sql.literal(NO_SEAT, "int64"))


def on_outcomes(frames: Frames, line: Line, outcomes: str) -> tuple[Frame, Mapping[str, Cell]]:
    """Return the outcomes of a rule, each on its own row, with what the condition of a line reads."""
    flags = frames.store.table(outcomes)
    flags = flags.filter(flags["rule"] == line.number)
    names = names_of(line.ask.when) - {SEVERITY}
    return _beside(frames, names, rows_of_rule(line.rule), flags)


def _beside(frames: Frames, names: Iterable[str], rows: Rows, flags: Relation) -> tuple[Frame, Mapping[str, Cell]]:
    """Return flags beside the values of some names on the rows with the same keys, and those with the severity."""
    found = frames.frame(names, rows=rows, among=flags)
    return found, _with_severity(found)


def _with_severity(frame: Frame) -> dict[str, Cell]:
    """Return the cells of rows that hold the columns of a flag, with the severity of that flag."""
    low, high = (frame[name].cast("int64") * MILLION for name in ("severity", "could_be"))
    return {**frame.cells, SEVERITY: number(low, high, needs=frame["severity_needs"], is_known=True)}


# ---- deadlines -------------------------------------------------------------------------------------------------------


def _names_of_dues(dues: Sequence[Due]) -> frozenset[str]:
    names = names_of(*(due.when for due in dues)) - {SEVERITY}
    params = (due.within.param for due in dues if isinstance(due.within, ParamDuration))
    return names.union((due.anchor for due in dues), (f"{PARAM}{param}" for param in params))


class _Case(NamedTuple):
    """One case of a deadline: where it is looked at and anchored, its two ends there, and what is then said."""

    anchored: Expr
    low: Expr
    high: Expr
    anchor: Cell
    absent: Expr | None
    inexact: Expr | None


class _Ends(NamedTuple):
    """The columns of the two ends of a deadline, for one of the lengths that it can have."""

    low: str
    high: str


def _with_deadline(frames: Frames, action: Action, dues: tuple[Due, ...], flags: Relation) -> Relation:
    """Return what asks, with the deadline by the first case that holds, and those before it that may."""
    frame, _ = _beside(frames, _names_of_dues(dues), rows_of(action), flags)
    ends: list[list[_Ends]] = []
    for place, due in enumerate(dues):
        ends.append([])
        for n, (_, span) in enumerate(spans(due.within, frame.cells, frames.pack)):
            beside, when = deadline(frames.store, frame, due.anchor, span)
            own = _Ends(f"due {place} {n} low", f"due {place} {n} high")
            frame = frame.onto(beside.mutate(**{own.low: when.low, own.high: when.high}))
            ends[place].append(own)
    return _hull(frame, list(_cases(frames, dues, ends, frame)))


def _cases(frames: Frames, dues: Sequence[Due], ends: list[list[_Ends]], frame: Frame) -> Iterator[_Case]:
    cells = _with_severity(frame)
    none = sql.null("int64")
    before: list[Expr] = []
    for due, own in zip(dues, ends, strict=True):
        holds = answer(due.when, cells)
        here = possibly(holds) & every(negation(one) for one in before)
        before.append(surely(holds))
        anchor = cells[due.anchor]
        lengths = [one for one, _ in spans(due.within, cells, frames.pack)]
        low = sql.cases(*((one, frame[column.low]) for one, column in zip(lengths, own, strict=True)), else_=none)
        high = sql.cases(*((one, frame[column.high]) for one, column in zip(lengths, own, strict=True)), else_=none)
        known, absent = anchor.known, where(anchor.absent, anchor.needs)
        if isinstance(due.within, ParamDuration):
            param = cells[f"{PARAM}{due.within.param}"]
            known &= param.known
            absent = combined((absent, where(param.absent, param.needs)))
        covered = here & known & low.notnull() & high.notnull()
        inexact = combined((needs(due.when, cells), where(known & (low < high), anchor.needs)))
        yield _Case(
            here & known, sql.ifelse(covered, low, none), sql.ifelse(covered, high, none), anchor, where(here, absent),
            where(here, inexact),
        )  # fmt: skip


def _hull(frame: Frame, cases: list[_Case]) -> Relation:
    """Return what asks, with the span from the earliest end of its cases to the latest."""
    none = sql.null("int64")
    anchor_low = _least([sql.ifelse(case.anchored, case.anchor.low, none) for case in cases])
    days = [(case.anchored & (case.anchor.low == anchor_low), case.anchor.day) for case in cases]
    return frame.table.select(
        "record", "rule", "severity", "unsure",
        seat=frame["seat"] if frame.rows == "seats" else sql.literal(NO_SEAT, "int64"),
        low=_least([case.low for case in cases]),
        high=_greatest([case.high for case in cases]),
        anchor_low=anchor_low,
        anchor_day=sql.cases(*days, else_=sql.null("date")),
        absent=listed(combined(case.absent for case in cases)),
        inexact=listed(combined(case.inexact for case in cases)),
        uncovered=some(case.anchored & case.low.isnull() for case in cases),
    )  # fmt: skip


def _least(values: list[Expr]) -> Expr:
    return values[0] if len(values) == 1 else sql.least(*values)


def _greatest(values: list[Expr]) -> Expr:
    return values[0] if len(values) == 1 else sql.greatest(*values)


# ---- all that ask together -------------------------------------------------------------------------------------------


def merged(frames: Frames, lines: Sequence[Line], made: str) -> Relation:
    """Return one row for each requirement: the earliest deadline of all that ask and whose anchor is known.

    A flag that only may ask can bring the deadline forward and not put it off; lines without a condition always ask.
    """
    may_ask = any(line.ask.when is not None for line in lines)
    rows = frames.store.table(made)
    if may_ask:
        rows = rows.mutate(may=length(rows["unsure"]) > 0)
    own = {
        "severity": rows["severity"].max(), "rules": rows["rule"].collect(), "absent": _lists(rows, "absent"),
        "anchor_day": rows["anchor_day"].at_least(rows["anchor_low"]), "uncovered": rows["uncovered"].any(),
    }  # fmt: skip
    every = {"low": rows["low"].min(), "high": rows["high"].min(), "inexact": _lists(rows, "inexact")}
    if not may_ask:
        sums = rows.aggregate(_KEYS, **own, **every)
        return sums.mutate(unsure=no_texts(), **{name: _flat(sums[name]) for name in ("absent", "inexact")})
    is_sure = ~rows["may"]
    sums = rows.aggregate(
        _KEYS, **own, any_sure=is_sure.any(), unsure=_lists(rows, "unsure"),
        sure_low=rows["low"].min(where=is_sure), sure_high=rows["high"].min(where=is_sure),
        sure_inexact=_lists(rows, "inexact", where=is_sure), **{f"any_{name}": one for name, one in every.items()},
    )  # fmt: skip
    is_sure = sums["any_sure"]
    base = sums.select(
        *_KEYS, "severity", "rules", "any_sure", "anchor_day", "uncovered",
        low=sql.ifelse(is_sure, sums["sure_low"], sums["any_low"]),
        high=sql.ifelse(is_sure, sums["sure_high"], sums["any_high"]),
        absent=_flat(sums["absent"]), unsure=only(~is_sure, _flat(sums["unsure"])),
        inexact=_flat(sql.ifelse(is_sure, sums["sure_inexact"], sums["any_inexact"])),
    )  # fmt: skip
    return _brought_forward(rows, base)


def _lists(rows: Relation, name: str, where: Expr | None = None) -> Expr:
    """Return the lists of some rows that hold anything, as a list; NULL where none does."""
    there = length(rows[name]) > 0
    return rows[name].collect(where=there if where is None else there & where)


def _flat(lists: Expr) -> Expr:
    return lists.flatten().fill_null(no_texts())


def _brought_forward(rows: Relation, base: Relation) -> Relation:
    """Return the requirements with the deadlines that flags which only may ask bring forward, in the order of rules."""
    may = rows.filter(rows["may"] & rows["low"].notnull())
    may = may.select(
        *_KEYS, may_low=may["low"], may_asked=together(may["unsure"], may["inexact"]),
        earlier=may["low"].least_before([may[key] for key in _KEYS], may["rule"]),
    )  # fmt: skip
    joined = base.join(may, *_KEYS)
    earlier = (joined["may_low"] < joined["low"]) & possibly(joined["may_low"] < joined["earlier"])
    ahead = joined.filter(joined["any_sure"] & surely(earlier))
    found = ahead.aggregate(_KEYS, may_low=ahead["may_low"].min(), may_asked=ahead["may_asked"].collect())
    both = base.left_join(found, *_KEYS)
    low = both["may_low"].fill_null(both["low"])
    inexact = together(both["inexact"], both["may_asked"].flatten().fill_null(no_texts()))
    return both.select(
        *_KEYS, "severity", "rules", "unsure", "absent", "anchor_day", "uncovered", "high", low=low,
        inexact=only(low < both["high"], inexact),
    )  # fmt: skip
