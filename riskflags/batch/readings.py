"""What rules read of flags and gaps: for every record or seat, yes, no, or open with what would settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from riskflags.batch.answers import answer as answer_to
from riskflags.batch.asked import Line, by_seat, on_outcomes
from riskflags.batch.cells import Cell, Expr, decided, sql, in_order, no, no_texts, possibly, surely, together, yes
from riskflags.batch.frames import Rows, Stored
from riskflags.batch.verdicts import FIRED, OPEN
from riskflags.batch.windows import spans
from riskflags.calendar import Duration, ParamDuration, late_seconds
from riskflags.condition import names_read
from riskflags.looking import PARAM
from riskflags.model import State
from riskflags.pack import Action, GapReading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.batch.frames import Frames
    from riskflags.batch.sql import Relation
    from riskflags.pack import FlagReading


def flag_table(frames: Frames, name: str, reading: FlagReading, rules: tuple[int, ...]) -> Stored:
    """Make the table of what a reading of flags comes to, for every seat; a record has it with any of its seats.

    `rules` are the numbers of the rules that are read.
    """
    answers = _answers(frames, reading, rules)
    by_suspect = by_seat(frames, answers, ["answer", "needs"])
    return _stored(frames, name, {"records": answers.select("record", "answer", "needs"), "seats": by_suspect})


def flag_evidence(frames: Frames, name: str, reading: FlagReading, rules: tuple[int, ...], rows: Rows) -> str:
    """Make the table of the ids behind the flags that a reading found, by record or by seat; return its name."""
    fired = frames.store.table(FIRED)
    fired = fired.filter(fired["rule"].isin(rules) & (fired["severity"] >= int(reading.at_least)))
    made = f"evidence {name} {rows}"
    seen = by_seat(frames, fired, ["because"]) if rows == "seats" else fired.select("record", "because")
    found = seen.group_by([key for key in ("record", "seat") if key in seen.columns]).agg(because=seen["because"].collect())
    frames.store.make(made, found.mutate(because=found["because"].flatten()))
    return made


def _answers(frames: Frames, reading: FlagReading, rules: tuple[int, ...]) -> Expr:
    """Return, for each outcome that is read and does not clear: its answer and what would settle it."""
    at_least = int(reading.at_least)
    parts: list[Expr] = []
    for table, is_open in ((FIRED, False), (OPEN, True)):
        rows = frames.store.table(table)
        rows = rows.filter(rows["rule"].isin(rules) & (rows["could_be"] >= at_least))
        raised = rows["severity"] < at_least
        of_severity = sql.ifelse(raised, rows["severity_needs"], no_texts())
        needs = together((rows["needs"], of_severity)) if is_open else of_severity
        answer = sql.null("boolean") if is_open else sql.ifelse(raised, sql.null("boolean"), yes())
        parts.append(rows.select("record", "suspect_id", "for_each", answer=answer, needs=needs))
    return sql.union(*parts)


def _stored(frames: Frames, name: str, answers: Mapping[Rows, Expr]) -> Stored:
    """Make the tables of a reading, by record and by seat, from the answers that it is made of."""
    made: dict[Rows, Expr] = {}
    for rows, own in answers.items():
        keys = ["record"] if rows == "records" else ["record", "seat"]
        found = own.group_by(keys).agg(
            yes=surely(own["answer"]).any(), unsure=own["answer"].isnull().any(),
            asked=own["needs"].collect(where=own["answer"].isnull()),
        )  # fmt: skip
        every = frames.store.table(rows, keys)
        renamed = found.rename({f"~{key}": key for key in keys})
        joined = every.left_join(renamed, [every[key] == renamed[f"~{key}"] for key in keys])
        value = sql.cases(
            (surely(joined["yes"]), yes()), (surely(joined["unsure"]), sql.null("boolean")), else_=no()
        )
        needs = sql.ifelse(value.isnull(), joined["asked"].flatten().fill_null(no_texts()), no_texts())
        table = joined.select(*keys, **{f"{name}|value": value, f"{name}|needs": needs})
        made[rows] = table.mutate(**{f"{name}|needs": in_order(table[f"{name}|needs"])})
        frames.store.make(f"{name} by {rows}", made[rows])
    cell = Cell("yes_no", value=made["seats"][f"{name}|value"], needs=made["seats"][f"{name}|needs"])
    return Stored(f"{name} by seats", by_seat=True, cells={name: cell}, by_record=f"{name} by records")


# ---- gaps ------------------------------------------------------------------------------------------------------------


class Read(NamedTuple):
    """One action of a reading of gaps: the lines that require it, and the table of where its requirements stand."""

    action: Action
    lines: tuple[Line, ...]
    standings: str | None


def gap_table(frames: Frames, name: str, reading: GapReading, read: Sequence[Read]) -> Stored:
    """Make the table of what a reading of gaps comes to, for every record and seat."""
    answers: dict[Rows, Expr] = {}
    for rows in ("records", "seats"):
        found = f"{name} answers by {rows}"
        for one in read:
            for part in _of_action(frames, reading, one, rows):
                frames.store.add(found, part)
        answers[rows] = frames.store.table(found) if frames.store.has(found) else _no_answers(frames, rows)
    made = _stored(frames, name, answers)
    for rows in answers:
        frames.store.drop_if_there(f"{name} answers by {rows}")
    return made


def _no_answers(frames: Frames, rows: Rows) -> Expr:
    keys = ["record"] if rows == "records" else ["record", "seat"]
    table = frames.store.table(rows, keys)
    return table.mutate(answer=sql.null("boolean"), needs=no_texts()).filter(no())


def _of_action(frames: Frames, reading: GapReading, read: Read, rows: Rows) -> Iterator[Expr]:
    """Yield what an action comes to: by its requirements, and where there are none by the rules that may ask for it."""
    keys = ["record"] if rows == "records" else ["record", "seat"]
    found = None if read.standings is None else frames.store.table(read.standings)
    if found is not None:
        found = _concerning(frames, read.action, found, rows)
        yield _in_gap(frames, reading, found, rows).select(*keys, "answer", "needs")
    for maybe in _may_ask(frames, read.action, read.lines, rows):
        if found is not None:
            there = found.select(**{f"~{key}": found[key] for key in keys}).distinct()
            maybe = maybe.anti_join(there, [maybe[key] == there[f"~{key}"] for key in keys])
        yield maybe.select(*keys, "answer", "needs")


def _concerning(frames: Frames, action: Action, found: Expr, rows: Rows) -> Expr:
    """Return requirements by the rows that read them: in the row of a suspect, those of that suspect or of nobody."""
    if rows == "records":
        return found
    about = found.drop("seat").mutate(for_each=sql.literal(action.per == "suspect"))
    columns = [name for name in about.columns if name not in ("record", "suspect_id", "for_each")]
    return by_seat(frames, about, columns)


def _in_gap(frames: Frames, reading: GapReading, found: Expr, rows: Rows) -> Expr:
    """Return whether requirements are in a state that is read, and so late."""
    is_read = found["state"].isin(sorted(map(str, reading.states)))
    is_open = found["state"].isin([str(State.cannot_tell), str(State.undated)])
    late, late_needs, table = yes(), no_texts(), found
    match reading.late_by:
        case None:
            pass
        case Duration():
            late = _late_between(found["late_low"], found["late_high"], late_seconds(reading.late_by))
            late_needs = found["late_needs"]
        case ParamDuration():
            table, late, late_needs = _late_by_param(frames, reading.late_by, found, rows, is_read, is_open)
            is_read, is_open = table["~is_read"], table["~is_open"]
    answer = sql.cases((is_read, late), (is_open, sql.null("boolean")), else_=no())
    needs = sql.cases((is_read, late_needs), (is_open, table["needs"]), else_=no_texts())
    return table.mutate(answer=answer, needs=needs)


def _late_between(low: Expr, high: Expr, seconds: int) -> Expr:
    return decided(true=low >= seconds, false=high < seconds)


def _late_by_param(
    frames: Frames, late_by: ParamDuration, found: Expr, rows: Rows, is_read: Expr, is_open: Expr
) -> tuple[Expr, Expr, Expr]:
    """Return requirements beside the measure in force on their records, whether they are so late, and what is needed."""
    name = f"{PARAM}{late_by.param}"
    keys = ["record"] if rows == "records" else ["record", "seat"]
    found = found.mutate(**{"~is_read": is_read, "~is_open": is_open})
    frame = frames.frame([name], rows=rows)
    others = found.select(**{f"~~{column}": found[column] for column in found.columns})
    joined = frame.table.join(others, [frame.table[key] == others[f"~~{key}"] for key in keys])
    cell = frame.onto(joined).cells[name]
    columns = {column: joined[f"~~{column}"] for column in found.columns}
    lengths = list(spans(late_by, {name: cell}, frames.pack))
    asked = joined["~~late_needs"]
    answers = [(here, _late_between(columns["late_low"], columns["late_high"], late_seconds(one))) for here, one in lengths]
    table = joined.select(
        **columns,
        **{
            "~late": sql.cases(*answers, else_=sql.null("boolean")),
            "~late asked": sql.ifelse(cell.absent, no_texts() if cell.needs is None else cell.needs, asked),
        },
    )
    return table, table["~late"], table["~late asked"]


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
    about = table.select("record", "suspect_id", "for_each", "needs").mutate(answer=sql.null("boolean"))
    applies = _may_apply(frames, action, rows)
    keys = ["record"] if rows == "records" else ["record", "seat"]
    if rows == "seats":
        per_suspect = action.per == "suspect"
        about = by_seat(frames, about if per_suspect else about.mutate(for_each=no()), ["answer", "needs"])
    if applies is None:
        return about
    return about.semi_join(applies, [about[key] == applies[f"~{key}"] for key in keys])


def _may_apply(frames: Frames, action: Action, rows: Rows) -> Expr | None:
    """Return the rows on which an action may apply: a record has it on any of its rows, a seat on its own."""
    if action.when is None:
        return None
    own: Rows = "seats" if action.per == "suspect" else "records"
    frame = frames.frame(names_read(action.when), rows=own)
    frame = frame.filtered(possibly(answer_to(action.when, frame.cells)))
    if rows == "records" or own == "records":
        found = frame.table.select(**{"~record": frame.table["record"]}).distinct()
        if rows == "records":
            return found
        seats = frames.store.table("seats", ["record", "seat"])
        joined = seats.join(found, seats["record"] == found["~record"])
        return joined.select(**{"~record": joined["record"], "~seat": joined["seat"]})
    return frame.table.select(**{"~record": frame.table["record"], "~seat": frame.table["seat"]})
