"""Windows of look-ups over records, in pairs of an asking row and a looked-at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.cells import (
    Cell,
    Expr,
    decided,
    sql,
    no_texts,
    together,
    yes,
)
from riskflags.calendar import ELAPSED_SECONDS, Duration, ParamDuration
from riskflags.looking import PARAM, THIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.batch.frames import Frame
    from riskflags.calendar import Span
    from riskflags.pack import LookUp, Pack


def spans(span: Span, cells: Mapping[str, Cell], pack: Pack) -> Iterator[tuple[Expr, Duration]]:
    """Yield each length that a span can have, and in which rows it has it."""
    match span:
        case Duration():
            yield yes(), span
        case ParamDuration():
            text = cells[f"{PARAM}{span.param}"].value
            for value in dict.fromkeys(value for _, value in pack.params[span.param].values):
                if isinstance(value, Duration):
                    yield text == str(value), value


def moved_day(day: Expr, within: Duration, *, back: bool = False) -> Expr:
    """Return the day that is some days, weeks, months or years later, or earlier; a 31st falls on the last day."""
    amount = -within.amount if back else within.amount
    match within.unit:
        case "days" | "weeks":
            return day.moved(days=amount * (7 if within.unit == "weeks" else 1))
        case "months" | "years":
            return day.moved(months=amount * (12 if within.unit == "years" else 1))
        case _:
            msg = f"{within} does not move a day"
            raise ValueError(msg)


def first_day(span: Span, cells: Mapping[str, Cell], event: Cell, pack: Pack) -> Expr:
    """Return the day before the first that a window of days reaches; NULL where its length is in hours, or unknown."""
    found = [
        (here, moved_day(event.day, one, back=True))
        for here, one in spans(span, cells, pack)
        if one.unit not in ELAPSED_SECONDS
    ]
    return sql.cases(*found, else_=sql.null("date")) if found else sql.null("date")


def begins(spec: LookUp, asks: Frame, others: Frame, *, event_time: str, pack: Pack) -> list[Expr]:
    """Return what must hold, of the days of a pair alone, for the looked-at record to be in the window at all."""
    window = spec.window
    units = {value.unit for _, value in spans(window.back, asks.cells, pack)} if window.back is not None else set()
    if not units or units & set(ELAPSED_SECONDS):
        return []
    event, when = asks.cells[event_time], others.cells[event_time]
    own = asks.table["a:record"] == others.table["o:record"]
    start = first_day(window.back, asks.cells, event, pack) if window.back is not None else sql.null("date")
    reached = when.day > start
    if not window.up_to_as_of:
        reached &= when.day <= event.day
    return [own | start.isnull() | reached]


def inside(spec: LookUp, cells: Mapping[str, Cell], when: Cell, event: Cell, own: Expr, pack: Pack) -> tuple[Expr, Expr]:
    """Return whether each looked-at record is in the window, and what would settle that."""
    back = spec.window.back
    if back is None:
        return yes(), None
    answers: list[tuple[Expr, Expr]] = []
    for here, span in spans(back, cells, pack):
        if span.unit in ELAPSED_SECONDS:
            seconds = span.amount * ELAPSED_SECONDS[span.unit]
            begun = ordered(event.low - seconds + 1, event.high - seconds + 1, when.low, when.high)
            late = yes() if spec.window.up_to_as_of else ordered(when.low, when.high, event.low, event.high)
            answers.append((here, late & begun))
        else:
            begun = when.day > moved_day(event.day, span, back=True)
            answers.append((here, begun if spec.window.up_to_as_of else begun & (when.day <= event.day)))
    reached = answers[0][1] if isinstance(back, Duration) else sql.cases(*answers, else_=sql.null("boolean"))
    asked = when.needs
    if isinstance(back, ParamDuration):
        param = cells[f"{PARAM}{back.param}"]
        asked = together((asked, sql.ifelse(param.absent, of_this(param), of_this(event))))
    else:
        asked = together((asked, of_this(event)))
    answer = sql.ifelse(own, yes(), reached)
    needs = None if asked is None else sql.ifelse(answer.isnull(), asked, no_texts())
    return answer, needs


def of_this(cell: Cell) -> Expr:
    """Return needs of the record that asks, as they stand among those of a looked-at one."""
    return no_texts() if cell.needs is None else cell.needs.map(lambda need: sql.literal(THIS).concat(need))


def ordered(first_low: Expr, first_high: Expr, second_low: Expr, second_high: Expr) -> Expr:
    """Return whether one moment is not after another."""
    return decided(true=first_high <= second_low, false=first_low > second_high)

