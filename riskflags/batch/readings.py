"""What rules read of flags and gaps: for every record or seat, yes, no, or open with what would settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.cells import Cell, Expr, ibis, in_order, no, no_texts, surely, together, yes
from riskflags.batch.frames import Stored
from riskflags.batch.verdicts import FIRED, OPEN

if TYPE_CHECKING:
    from riskflags.batch.frames import Frames, Rows
    from riskflags.pack import FlagReading


def flag_table(frames: Frames, name: str, reading: FlagReading, rules: tuple[int, ...]) -> Stored:
    """Make the table of what a reading of flags comes to, for every seat; a record has it with any of its seats.

    `rules` are the numbers of the rules that are read.
    """
    answers = _answers(frames, reading, rules)
    return stored(frames, name, answers)


def flag_evidence(frames: Frames, name: str, reading: FlagReading, rules: tuple[int, ...], rows: Rows) -> str:
    """Make the table of the ids behind the flags that a reading found, by record or by seat; return its name."""
    fired = frames.store.table(FIRED)
    fired = fired.filter(fired["rule"].isin(rules) & (fired["severity"] >= int(reading.at_least)))
    made = f"evidence {name} {rows}"
    seen = _by_seat(frames, fired, ["because"]) if rows == "seats" else fired.select("record", "because")
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
        of_severity = ibis.ifelse(raised, rows["severity_needs"], no_texts())
        needs = together((rows["needs"], of_severity)) if is_open else of_severity
        answer = ibis.null("boolean") if is_open else ibis.ifelse(raised, ibis.null("boolean"), yes())
        parts.append(rows.select("record", "suspect_id", "for_each", answer=answer, needs=needs))
    return parts[0].union(parts[1])


def _by_seat(frames: Frames, rows: Expr, columns: list[str]) -> Expr:
    """Return what is about a record, or about one suspect, once for each seat that it concerns."""
    seats = frames.store.table("seats", ["record", "seat", "suspect.id"])
    joined = rows.join(seats.rename({"~record": "record"}), [rows["record"] == seats.rename({"~record": "record"})["~record"]])
    alike = joined["suspect_id"] == joined["suspect.id"]
    about = joined["suspect.id"].isnull() | ~joined["for_each"] | surely(alike)
    return joined.filter(about).select("record", "seat", *columns)


def stored(frames: Frames, name: str, answers: Expr) -> Stored:
    """Make the tables of a reading, by record and by seat, from the answers that it is made of."""
    cells: dict[str, Cell] = {}
    for rows in ("records", "seats"):
        keys = ["record"] if rows == "records" else ["record", "seat"]
        own = answers.select("record", "answer", "needs") if rows == "records" else _by_seat(frames, answers, ["answer", "needs"])
        found = own.group_by(keys).agg(
            yes=surely(own["answer"]).any(), unsure=own["answer"].isnull().any(),
            asked=own["needs"].collect(where=own["answer"].isnull()),
        )  # fmt: skip
        every = frames.store.table(rows, keys)
        renamed = found.rename({f"~{key}": key for key in keys})
        joined = every.left_join(renamed, [every[key] == renamed[f"~{key}"] for key in keys])
        is_yes, unsure = surely(joined["yes"]), surely(joined["unsure"])
        value = ibis.cases((is_yes, yes()), (unsure, ibis.null("boolean")), else_=no())
        needs = ibis.ifelse(value.isnull(), joined["asked"].flatten().fill_null(no_texts()), no_texts())
        table = joined.select(*keys, **{f"{name}|value": value, f"{name}|needs": needs})
        made = table.mutate(**{f"{name}|needs": in_order(table[f"{name}|needs"])})
        frames.store.make(f"{name} by {rows}", made)
        cells[rows] = Cell("yes_no", value=made[f"{name}|value"], needs=made[f"{name}|needs"])
    return Stored(f"{name} by seats", by_seat=True, cells={name: cells["seats"]}, by_record=f"{name} by records")
