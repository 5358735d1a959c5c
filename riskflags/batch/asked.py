"""What flags ask for: which requirement each concerns, by when, and the deadline of all that ask together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch.answers import answer, needs
from riskflags.batch.calendars import deadline
from riskflags.batch.cells import (
    MILLION,
    Cell,
    Expr,
    every,
    sql,
    negation,
    no_texts,
    number,
    possibly,
    some,
    surely,
    together,
    where,
    yes,
)
from riskflags.batch.frames import Frame, Rows
from riskflags.batch.verdicts import FIRED, NO_SEAT
from riskflags.batch.windows import spans
from riskflags.calendar import ParamDuration
from riskflags.condition import names_read
from riskflags.looking import THIS
from riskflags.pack import RecordedAction, RecordedField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from riskflags.batch.frames import Frames
    from riskflags.pack import Action, Ask, Due, Rule

SEVERITY = "severity"


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


def with_severity(frame: Frame) -> dict[str, Cell]:
    """Return the cells of rows that hold the columns of a flag, with the severity of that flag."""
    table = frame.table
    low, high = (table[name].cast("int64") * MILLION for name in ("severity", "could_be"))
    return {**frame.cells, SEVERITY: number(low, high, needs=table["severity_needs"], is_known=True)}


def names_of_action(action: Action, lines: Sequence[Line]) -> frozenset[str]:
    """Return every name that the requirements of an action read of the record that asks, or of its items."""
    conditions = [line.ask.when for line in lines if line.ask.when is not None]
    conditions += [action.when] if action.when is not None else []
    conditions += [way.where for way in action.satisfied_by if not isinstance(way, RecordedField) and way.where is not None]
    names = frozenset[str]().union(*map(names_read, conditions), *(_names_of(line.due(action)) for line in lines))
    names |= {way.name for way in action.satisfied_by if isinstance(way, RecordedField)}
    spans = [way.still_counts for way in action.satisfied_by if isinstance(way, RecordedAction)]
    names |= {f"param.{span.param}" for span in spans if isinstance(span, ParamDuration)}
    return frozenset(name.removeprefix(THIS) for name in names if name != SEVERITY)


_FLAG = ("severity", "could_be", "severity_needs")


def by_seat(frames: Frames, rows: Expr, columns: list[str]) -> Expr:
    """Return what is about a record, or about one suspect, once for each seat that it concerns."""
    seats = frames.store.table("seats", ["record", "seat", "suspect.id"])
    renamed = seats.rename({"~record": "record"})
    rows = rows.select("record", "suspect_id", "for_each", *columns)
    joined = rows.join(renamed, rows["record"] == renamed["~record"])
    alike = surely(joined["suspect_id"] == joined["suspect.id"])
    about = joined["suspect.id"].isnull() | ~joined["for_each"] | alike
    return joined.filter(about).select("record", "seat", *columns)


def asked(frames: Frames, action: Action, lines: Sequence[Line], made: str) -> None:
    """Make the table of all that ask for an action: a row for each requirement and line, with the deadline it sets."""
    groups: dict[tuple[Due, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(line.due(action), []).append(line)
    for dues, own in groups.items():
        plain = [line for line in own if line.ask.when is None]
        parts = [_plain(frames, action, plain)] if plain else []
        parts += [_conditional(frames, action, line) for line in own if line.ask.when is not None]
        found = parts[0] if len(parts) == 1 else sql.union(*parts)
        frames.store.add(made, _with_deadline(frames, action, dues, found))


def _columns(table: Expr, unsure: Expr) -> dict[str, Expr]:
    return {"rule": table["rule"], **{name: table[name] for name in _FLAG}, "unsure": unsure}


def _concerned(frames: Frames, action: Action, flags: Expr, unsure: Expr) -> Expr:
    """Return flags by the requirement that each concerns: of its suspect, of every suspect, or of the record."""
    table = flags.select("record", "suspect_id", "for_each", **_columns(flags, unsure))
    if rows_of(action) == "seats":
        return by_seat(frames, table, ["rule", *_FLAG, "unsure"])
    return table.drop("suspect_id", "for_each").mutate(seat=sql.literal(NO_SEAT, "int64"))


def _plain(frames: Frames, action: Action, lines: Sequence[Line]) -> Expr:
    flags = frames.store.table(FIRED)
    return _concerned(frames, action, flags.filter(flags["rule"].isin([line.number for line in lines])), no_texts())


def _conditional(frames: Frames, action: Action, line: Line) -> Expr:
    frame, cells = on_outcomes(frames, line, FIRED)
    if line.ask.when is None:
        return _concerned(frames, action, frame.table, no_texts())
    holds = answer(line.ask.when, cells)
    unsure = needs(line.ask.when, cells)
    table = frame.table.mutate(**{"~asks": holds, "~unsure": no_texts() if unsure is None else unsure})
    table = table.filter(possibly(table["~asks"]))
    return _concerned(frames, action, table, where(table["~asks"].isnull(), table["~unsure"]))


def on_outcomes(frames: Frames, line: Line, outcomes: str) -> tuple[Frame, dict[str, Cell]]:
    """Return the outcomes of a rule, each on its own row, with what the condition of a line reads."""
    names = names_read(line.ask.when) - {SEVERITY} if line.ask.when is not None else frozenset[str]()
    rows: Rows = "seats" if line.rule.for_each else "records"
    keys = ["record", "seat"] if line.rule.for_each else ["record"]
    flags = frames.store.table(outcomes)
    flags = flags.filter(flags["rule"] == line.number)
    return beside(frames, names, rows, flags, keys)


def beside(
    frames: Frames, names: Iterable[str], rows: Rows, flags: Expr, keys: Sequence[str]
) -> tuple[Frame, dict[str, Cell]]:
    """Return flags beside the values of some names on the rows with the same keys, and those with the severity."""
    frame = frames.frame({*names, frames.pack.effective_by}, rows=rows)
    columns = [name for name in flags.columns if name not in frame.keys]
    others = flags.select(*columns, **{f"~{key}": flags[key] for key in keys})
    joined = frame.table.join(others, [frame.table[key] == others[f"~{key}"] for key in keys])
    found = frame.onto(joined)
    return found, with_severity(found)


# ---- deadlines -------------------------------------------------------------------------------------------------------


def _names_of(dues: Sequence[Due]) -> frozenset[str]:
    found = {due.anchor for due in dues}
    found |= {f"param.{due.within.param}" for due in dues if isinstance(due.within, ParamDuration)}
    return frozenset(found).union(*(names_read(due.when) - {SEVERITY} for due in dues if due.when is not None))


class _Case(NamedTuple):
    """One case of a deadline: where it is looked at, where it has a deadline, and what is then said."""

    here: Expr
    anchored: Expr
    low: Expr
    high: Expr
    anchor: Cell
    absent: Expr
    inexact: Expr


def _with_deadline(frames: Frames, action: Action, dues: tuple[Due, ...], flags: Expr) -> Expr:
    """Return what asks, with the deadline by the first case that holds, and those before it that may."""
    rows = rows_of(action)
    frame, _ = beside(frames, _names_of(dues), rows, flags, ["record", "seat"] if rows == "seats" else ["record"])
    table = frame.table
    found: list[tuple[Due, list[tuple[str, str]]]] = []
    for due in dues:
        ends: list[tuple[str, str]] = []
        for place, (_, span) in enumerate(spans(due.within, frame.cells, frames.pack)):
            here = frame.onto(table)
            table, when = deadline(
                frames.store, table, here.cells[due.anchor], span, lambda t, name=due.anchor: frame.onto(t).cells[name]
            )
            low, high = f"due {len(found)} {place} low", f"due {len(found)} {place} high"
            table = table.mutate(**{low: when.low, high: when.high})
            ends.append((low, high))
        found.append((due, ends))
    frame = frame.onto(table)
    cells = with_severity(frame)
    return _hull(frame, list(_cases(frames, found, frame, cells)), rows)


def _cases(frames: Frames, found: list[tuple[Due, list[tuple[str, str]]]], frame: Frame, cells: Mapping[str, Cell]) -> Iterator[_Case]:
    before: list[Expr] = []
    for due, ends in found:
        holds = yes() if due.when is None else answer(due.when, cells)
        here = possibly(holds) & every(negation(one) for one in before)
        before.append(surely(holds))
        anchor = cells[due.anchor]
        lengths = [one for one, _ in spans(due.within, cells, frames.pack)]
        none = sql.null("int64")
        low, high = (
            sql.cases(
                *((one, frame.table[column]) for one, column in zip(lengths, columns, strict=True)), else_=none
            )
            for columns in zip(*ends, strict=True)
        )
        covered = low.notnull() & high.notnull()
        low, high = (sql.ifelse(covered, end, none) for end in (low, high))
        known, absent = anchor.known, where(anchor.absent, anchor.needs)
        if isinstance(due.within, ParamDuration):
            param = cells[f"param.{due.within.param}"]
            known &= param.known
            absent = together((absent, where(param.absent, param.needs)))
        asked_when = None if due.when is None else needs(due.when, cells)
        inexact = together((asked_when, where(known & (low < high), anchor.needs)))
        yield _Case(
            here, here & known, sql.ifelse(here & known, low, none), sql.ifelse(here & known, high, none), anchor,
            where(here, absent), where(here, inexact),
        )  # fmt: skip


def _hull(frame: Frame, cases: list[_Case], rows: Rows) -> Expr:
    none, no_day = sql.null("int64"), sql.null("date")
    table = frame.table
    low = _least([case.low for case in cases])
    high = _greatest([case.high for case in cases])
    anchor_low = _least([sql.ifelse(case.anchored, case.anchor.low, none) for case in cases])
    days = [(case.anchored & (case.anchor.low == anchor_low), case.anchor.day) for case in cases]
    absent, inexact = together(case.absent for case in cases), together(case.inexact for case in cases)
    return table.select(
        record=table["record"],
        seat=table["seat"] if rows == "seats" else sql.literal(NO_SEAT, "int64"),
        rule=table["rule"],
        severity=table["severity"],
        unsure=table["unsure"],
        low=low,
        high=high,
        anchor_low=anchor_low,
        anchor_day=sql.cases(*days, else_=no_day),
        absent=no_texts() if absent is None else absent,
        inexact=no_texts() if inexact is None else inexact,
        uncovered=some(case.anchored & case.low.isnull() for case in cases),
    )


def _least(values: list[Expr]) -> Expr:
    return values[0] if len(values) == 1 else sql.least(*values)


def _greatest(values: list[Expr]) -> Expr:
    return values[0] if len(values) == 1 else sql.greatest(*values)


# ---- all that ask together -------------------------------------------------------------------------------------------


def merged(frames: Frames, made: str) -> Expr:
    """Return one row for each requirement: the earliest deadline of all that ask and whose anchor is known.

    A flag that only may ask can bring the deadline forward and not put it off.
    """
    rows = frames.store.table(made)
    rows = rows.mutate(may=rows["unsure"].length() > 0)
    keys = ["record", "seat"]
    is_sure = ~rows["may"]
    sums = rows.group_by(keys).agg(
        any_sure=is_sure.any(), severity=rows["severity"].max(), rules=rows["rule"].collect(distinct=True),
        sure_low=rows["low"].min(where=is_sure), sure_high=rows["high"].min(where=is_sure),
        any_low=rows["low"].min(), any_high=rows["high"].min(),
        sure_inexact=rows["inexact"].collect(where=is_sure), any_inexact=rows["inexact"].collect(),
        absent=rows["absent"].collect(), unsure=rows["unsure"].collect(),
        anchor_low=rows["anchor_low"].min(), anchor_day=rows["anchor_day"].at_least(rows["anchor_low"]),
        uncovered=rows["uncovered"].any(),
    )  # fmt: skip
    low = sql.ifelse(sums["any_sure"], sums["sure_low"], sums["any_low"])
    high = sql.ifelse(sums["any_sure"], sums["sure_high"], sums["any_high"])
    base = sums.select(
        *keys, "severity", "rules", "any_sure", "anchor_low", "anchor_day", "uncovered", low=low, high=high,
        absent=sums["absent"].flatten(), unsure=sql.ifelse(sums["any_sure"], no_texts(), sums["unsure"].flatten()),
        inexact=sql.ifelse(sums["any_sure"], sums["sure_inexact"], sums["any_inexact"]).flatten(),
    )  # fmt: skip
    return _brought_forward(rows, base)


def _brought_forward(rows: Expr, base: Expr) -> Expr:
    """Return the requirements with the deadlines that flags which only may ask bring forward, in the order of rules."""
    keys = ["record", "seat"]
    may = rows.filter(rows["may"] & rows["low"].notnull())
    may = may.select(*keys, "low", needs=together((may["unsure"], may["inexact"])), earlier=may["low"].least_before([may[key] for key in keys], may["rule"]))
    renamed = may.rename({f"~{name}": name for name in may.columns})
    joined = base.join(renamed, [base[key] == renamed[f"~{key}"] for key in keys])
    earlier = (joined["~low"] < joined["low"]) & possibly(joined["~low"] < joined["~earlier"])
    ahead = joined.filter(joined["any_sure"] & surely(earlier))
    found = ahead.group_by(keys).agg(may_low=ahead["~low"].min(), may_asked=ahead["~needs"].collect())
    other = found.rename({f"~{key}": key for key in keys})
    both = base.left_join(other, [base[key] == other[f"~{key}"] for key in keys])
    low = both["may_low"].fill_null(both["low"])
    inexact = together((both["inexact"], both["may_asked"].flatten().fill_null(no_texts())))
    return both.select(
        *keys, "severity", "rules", "unsure", "absent", "anchor_low", "anchor_day", "uncovered", "high", low=low,
        inexact=sql.ifelse(surely(low < both["high"]), inexact, no_texts()),
    )  # fmt: skip
