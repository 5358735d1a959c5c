"""What rules read of flags and gaps: for every record or seat, yes, no, or open with what would settle it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch import relations, sql
from riskflags.batch.answers import answer as answer_to
from riskflags.batch.answers import names_of
from riskflags.batch.asked import by_seat, on_outcomes, rows_of
from riskflags.batch.cells import (
    decided,
    in_order,
    listed,
    no,
    no_texts,
    only,
    possibly,
    single,
    surely,
    together,
    unsure,
    yes,
)
from riskflags.batch.frames import KEYS, Stored
from riskflags.batch.verdicts import FIRED, OPEN
from riskflags.batch.windows import spans
from riskflags.calendar import Duration, ParamDuration, late_seconds
from riskflags.looking import PARAM
from riskflags.model import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.batch.asked import Line
    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frames, Rows
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import Action, FlagReading, GapReading

_ANSWER = ("answer", "needs")


def flag_table(frames: Frames, name: str, reading: FlagReading, rules: tuple[int, ...]) -> Stored:
    """Return where it stands what a reading of flags comes to, for every seat; a record has it with any of its seats.

    `rules` are the numbers of the rules that are read.
    """

    def answers(rows: Rows) -> Relation:
        found = relations.union(*_outcomes(frames, reading, rules))
        return by_seat(frames, found, _ANSWER) if rows == "seats" else found.select("record", *_ANSWER)

    return _stored(frames, name, answers)


def flag_evidence(frames: Frames, reading: FlagReading, rules: tuple[int, ...], rows: Rows, made: str) -> None:
    """Make the table of the ids behind the flags that a reading found, by record or by seat."""
    fired = frames.store.table(FIRED)
    fired = fired.filter(fired["rule"].isin(rules) & (fired["severity"] >= int(reading.at_least)))
    seen = by_seat(frames, fired, ["because"]) if rows == "seats" else fired.select("record", "because")
    found = seen.aggregate(KEYS[rows], because=seen["because"].collect())
    frames.store.make(made, found.mutate(because=found["because"].flatten()))


def _outcomes(frames: Frames, reading: FlagReading, rules: tuple[int, ...]) -> Iterator[Relation]:
    """Yield each outcome that is read and does not clear, with its answer and what would settle it."""
    at_least = int(reading.at_least)
    for table, is_open in ((FIRED, False), (OPEN, True)):
        rows = frames.store.table(table)
        rows = rows.filter(rows["rule"].isin(rules) & (rows["could_be"] >= at_least))
        raised = rows["severity"] < at_least
        of_severity = only(raised, rows["severity_needs"])
        needs = together(rows["needs"], of_severity) if is_open else of_severity
        answer = unsure() if is_open else sql.ifelse(raised, unsure(), yes())
        yield rows.select("record", "suspect_id", "for_each", answer=answer, needs=needs)


def _stored(
    frames: Frames, name: str, answers: Callable[[Rows], Relation], *, gathered: Mapping[Rows, str] | None = None
) -> Stored:
    """Return where a reading stands, by record and by seat, from the answers that it is made of.

    Each table is made when it is first read. The answers may stand in a table of their own, which is let go of then.
    """
    tables: dict[Rows, str] = {"records": f"{name} by records", "seats": f"{name} by seats"}

    def make(rows: Rows) -> None:
        found, cell = _settled(frames, rows, answers(rows))
        frames.store.make(tables[rows], found.select(*KEYS[rows], **cell.columns(name)))
        if gathered is not None:
            frames.store.drop(gathered[rows])

    _, like = _settled(frames, "seats", relations.table("answers", [*KEYS["seats"], *_ANSWER]))
    return Stored(like, tables, {rows: partial(make, rows) for rows in tables})


def _settled(frames: Frames, rows: Rows, answers: Relation) -> tuple[Relation, Cell]:
    """Return every record or seat, and what its answers come to: yes with any that is, open with any that is open."""
    is_open = answers["answer"].isnull()
    found = answers.aggregate(
        KEYS[rows], yes=surely(answers["answer"]).any(), unsure=is_open.any(),
        asked=answers["needs"].collect(where=is_open),
    )  # fmt: skip
    joined = frames.store.table(rows, KEYS[rows]).left_join(found, *KEYS[rows])
    value = sql.cases((surely(joined["yes"]), yes()), (surely(joined["unsure"]), unsure()), else_=no())
    found = joined.select(*KEYS[rows], value=value, asked=joined["asked"].flatten().fill_null(no_texts()))
    value = found["value"]
    return found, single("yes_no", value, needs=in_order(only(value.isnull(), found["asked"])))


# ---- gaps ------------------------------------------------------------------------------------------------------------


class Read(NamedTuple):
    """One action of a reading of gaps: the lines that require it, and the table of where its requirements stand."""

    action: Action
    lines: tuple[Line, ...]
    standings: str | None


def gap_table(frames: Frames, name: str, reading: GapReading, read: Sequence[Read]) -> Stored:
    """Return where it stands what a reading of gaps comes to, for every record and seat."""
    made: dict[Rows, str] = {"records": f"{name} answers by records", "seats": f"{name} answers by seats"}

    def answers(rows: Rows) -> Relation:
        frames.store.make(made[rows], _no_answers(frames, rows))
        for one in read:
            for part in _of_action(frames, reading, one, rows):
                frames.store.add(made[rows], part)
        return frames.store.table(made[rows])

    return _stored(frames, name, answers, gathered=made)


def _no_answers(frames: Frames, rows: Rows) -> Relation:
    table = frames.store.table(rows, KEYS[rows])
    return table.mutate(answer=unsure(), needs=no_texts()).filter(no())


def _of_action(frames: Frames, reading: GapReading, read: Read, rows: Rows) -> Iterator[Relation]:
    """Yield what an action comes to: by its requirements, and where there are none by the rules that may ask for it."""
    keys = KEYS[rows]
    found = None
    if read.standings is not None:
        found = _concerning(frames, read.action, frames.store.table(read.standings), rows)
        yield _in_gap(frames, reading, found, rows).select(*keys, *_ANSWER)
    for maybe in _may_ask(frames, read.action, read.lines, rows):
        without = maybe if found is None else maybe.anti_join(found.select(*keys).distinct(), *keys)
        yield without.select(*keys, *_ANSWER)


def _concerning(frames: Frames, action: Action, found: Relation, rows: Rows) -> Relation:
    """Return requirements by the rows that read them: in the row of a suspect, those of that suspect or of nobody."""
    if rows == "records":
        return found
    columns = [name for name in found.columns if name not in ("record", "seat", "suspect_id")]
    return by_seat(frames, found.mutate(for_each=sql.literal(action.per == "suspect")), columns)


def _in_gap(frames: Frames, reading: GapReading, found: Relation, rows: Rows) -> Relation:
    """Return whether requirements are in a state that is read, and so late."""
    match reading.late_by:
        case None:
            table = found.mutate(late=yes(), late_needs=no_texts())
        case Duration():
            table = found.mutate(late=_late(found, reading.late_by))
        case ParamDuration():
            table = _late_by_param(frames, reading.late_by, found, rows)
    is_read = table["state"].isin(sorted(map(str, reading.states)))
    is_open = table["state"].isin([str(State.cannot_tell), str(State.undated)])
    answer = sql.cases((is_read, table["late"]), (is_open, unsure()), else_=no())
    needs = sql.cases((is_read, table["late_needs"]), (is_open, table["needs"]), else_=no_texts())
    return table.mutate(answer=answer, needs=needs)


def _late(found: Relation, span: Duration) -> Expr:
    """Return whether requirements are a span late."""
    seconds = late_seconds(span)
    return decided(true=found["late_low"] >= seconds, false=found["late_high"] < seconds)


def _late_by_param(frames: Frames, late_by: ParamDuration, found: Relation, rows: Rows) -> Relation:
    """Return requirements with whether they are late by the measure in force on their records, and what is needed."""
    name = f"{PARAM}{late_by.param}"
    frame = frames.frame([name], rows=rows, among=found)
    joined, cell = frame.table, frame.cells[name]
    answers = [(here, _late(joined, one)) for here, one in spans(late_by, {name: cell}, frames.pack)]
    return joined.mutate(
        late=sql.cases(*answers, else_=unsure()),
        late_needs=sql.ifelse(cell.absent, listed(cell.needs), joined["late_needs"]),
    )


def _may_ask(frames: Frames, action: Action, lines: Sequence[Line], rows: Rows) -> Iterator[Relation]:
    """Yield the records or seats on which undecided rules, were they to fire, may ask for an action."""
    plain = [line.number for line in lines if line.ask.when is None]
    if plain:
        table = frames.store.table(OPEN)
        yield _open_on(frames, action, table.filter(table["rule"].isin(plain)), rows)
    for line in lines:
        if line.ask.when is not None:
            frame, cells = on_outcomes(frames, line, OPEN)
            asks = possibly(answer_to(line.ask.when, cells))
            yield _open_on(frames, action, frame.table.filter(asks), rows)


def _open_on(frames: Frames, action: Action, table: Relation, rows: Rows) -> Relation:
    """Return undecided rules by the records or seats that they concern, where the action may apply."""
    about = table.select("record", "suspect_id", "for_each", "needs", answer=unsure())
    if rows == "seats":
        about = by_seat(frames, about if action.per == "suspect" else about.mutate(for_each=no()), _ANSWER)
    applies = _may_apply(frames, action, rows)
    return about if applies is None else about.semi_join(applies, *applies.columns)


def _may_apply(frames: Frames, action: Action, rows: Rows) -> Relation | None:
    """Return the rows on which an action may apply: a record has it on any of its rows, a seat on its own."""
    if action.when is None:
        return None
    frame = frames.frame(names_of(action.when), rows=rows_of(action))
    frame = frame.filtered(possibly(answer_to(action.when, frame.cells)))
    return frame.table.select(*(key for key in frame.keys if key in KEYS[rows])).distinct()
