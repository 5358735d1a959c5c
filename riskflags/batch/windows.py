"""Windows of look-ups over records, in pairs of an asking row and a looked-at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.cells import combined, decided, listed, where, yes
from riskflags.batch.pairs import of_this
from riskflags.calendar import ELAPSED_SECONDS, Duration, ParamDuration
from riskflags.looking import PARAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame
    from riskflags.batch.pairs import Pairs
    from riskflags.batch.sql import Expr
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


def day_before(day: Expr, span: Span, cells: Mapping[str, Cell], pack: Pack) -> Expr:
    """Return the day that is a span before another; NULL where its length is not known."""
    found = [(here, moved_day(day, one, back=True)) for here, one in spans(span, cells, pack)]
    return sql.cases(*found, else_=sql.null("date"))


def begins(spec: LookUp, asks: Frame, looked: Frame, pack: Pack) -> list[Expr]:
    """Return what must hold, of the days of a pair alone, for the looked-at record to be in the window at all."""
    window = spec.window
    if window.back is None or any(one.unit in ELAPSED_SECONDS for _, one in spans(window.back, asks.cells, pack)):
        return []
    event, when = asks.cells[pack.event_time], looked.cells[pack.event_time]
    start = day_before(event.day, window.back, asks.cells, pack)
    reached = when.day > start
    if not window.up_to_as_of:
        reached &= when.day <= event.day
    return [(asks["record"] == looked["record"]) | start.isnull() | reached]


def inside(spec: LookUp, pairs: Pairs, pack: Pack) -> tuple[Expr, Expr | None]:
    """Return whether each looked-at record is in the window, and what would settle that."""
    back = spec.window.back
    if back is None:
        return yes(), None
    cells = pairs.asks.cells
    event, when = cells[pack.event_time], pairs.looked.cells[pack.event_time]
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
    of_event = of_this(event.needs)
    if isinstance(back, ParamDuration):
        param = cells[f"{PARAM}{back.param}"]
        of_event = sql.ifelse(param.absent, listed(of_this(param.needs)), listed(of_event))
    answer = sql.ifelse(pairs.own, yes(), reached)
    return answer, where(answer.isnull(), combined((when.needs, of_event)))


def ordered(first_low: Expr, first_high: Expr, second_low: Expr, second_high: Expr) -> Expr:
    """Return whether one moment is not after another."""
    return decided(true=first_high <= second_low, false=first_low > second_high)
