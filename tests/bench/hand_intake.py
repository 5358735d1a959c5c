"""The statements that read a file for the SQL by hand: every cell checked and typed, and episodes that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_rules import ACTIONS
from hand_words import (
    CODES,
    DATES,
    FREE_CODES,
    LIST,
    MOMENTS,
    OF_EVENT,
    OUTCOMES,
    TEXTS,
    YEARS,
    YES_NO,
    in_summer,
    name,
    summers,
    text,
    texts,
    there,
)

from riskflags.fields import catalogue

if TYPE_CHECKING:
    from pathlib import Path

# ---- intake ----------------------------------------------------------------------------------------------------------


def facts(file: Path) -> str:
    """Return the statement that reads a file: every cell checked and typed; `bad` names refused columns."""
    columns = ", ".join(f"{text(one)}: 'VARCHAR'" for one in header(file))
    raw = (
        f"SELECT row_number() OVER () AS row, * FROM read_csv({text(str(file))}, columns={{{columns}}}, "
        "header=true, delim=',', quote='\"', escape='\"', auto_detect=false)"
    )
    cut = ", ".join(f"nullif(trim({name(one)}), '') AS {name(one)}" for one in _plain())
    cut += ", " + ", ".join(f"nullif(trim(nfc_normalize({name(one)})), '') AS {name(one)}" for one in TEXTS)
    read = ", ".join(f"{_read_moment(one)} AS {name(one + ' read')}" for one in MOMENTS)
    typed: dict[str, str] = {one: name(one) for one in (*TEXTS, *FREE_CODES, *CODES, *OUTCOMES)}
    for one in MOMENTS:
        typed |= _moment(one)
    typed |= {one: f"TRY_CAST({name(one)} AS DATE)" for one in DATES}
    typed |= {one: f"CASE lower({name(one)}) WHEN 'yes' THEN TRUE WHEN 'no' THEN FALSE END" for one in YES_NO}
    typed[LIST] = f"CASE WHEN {name(LIST)} = '(none)' THEN []::VARCHAR[] ELSE string_split({name(LIST)}, ';') END"
    made = ", ".join(f"{one} AS {name(column)}" for column, one in typed.items())
    event = ", ".join(
        f"coalesce({', '.join(name(f'{one} {part}') for one in OF_EVENT)}) AS {name(f'event {part}')}"
        for part in ("low", "high", "day")
    )
    return (
        f"CREATE TABLE facts AS WITH raw AS ({raw}), cut AS (SELECT row, {cut} FROM raw), "
        f"seen AS (SELECT *, {read} FROM cut), "
        f"typed AS (SELECT row, {made}, {_bad()} AS bad FROM seen) "
        f"SELECT *, {event} FROM typed"
    )


def header(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        found = next(lines).rstrip("\n").split(",")
    wanted = {*_plain(), *TEXTS}
    if set(found) != wanted:
        msg = f"columns that the rival does not know: {sorted(set(found) ^ wanted)}"
        raise ValueError(msg)
    return found


def _plain() -> tuple[str, ...]:
    return (*FREE_CODES, *CODES, *DATES, *YES_NO, *MOMENTS, *OUTCOMES, LIST)


_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?"


def _read_moment(one: str) -> str:
    return f"CASE WHEN regexp_full_match({name(one)}, {text(_TIME)}) THEN TRY_CAST({name(one)} AS TIMESTAMP) END"


def _moment(one: str) -> dict[str, str]:
    """Return the columns of a moment: the first and the last second it can be, its day, and its local time."""
    read, day_only = name(f"{one} read"), f"length({name(one)}) = 10"
    early, late = in_summer(read, first=1, last=1), in_summer(read, first=1, last=0)
    midnight = f"date_trunc('day', {read}) + INTERVAL 86399 SECONDS"
    late_in_day = in_summer(midnight, first=1, last=0)
    low = f"CAST(epoch({read}) AS BIGINT) - CASE WHEN {early} THEN 3600 ELSE 0 END"
    return {
        f"{one} low": low,
        f"{one} high": (
            f"CASE WHEN {day_only} THEN CAST(epoch({midnight}) AS BIGINT) - CASE WHEN {late_in_day} "
            f"THEN 3600 ELSE 0 END ELSE CAST(epoch({read}) AS BIGINT) - CASE WHEN {late} THEN 3600 ELSE 0 END END"
        ),
        f"{one} day": f"CAST({read} AS DATE)",
        f"{one} read": read,
    }


def _bad() -> str:
    """Return the columns whose cells are refused, as a list; NULL where there are none."""
    infos = catalogue()
    tests = [(one, f"{name(one)} IS NULL") for one in ("incident.id", "incident.type", "incident.reported_at")]
    tests += [(one, f"{name(one)} NOT IN ({texts(infos[one].codes or ())})") for one in CODES]
    tests += [(one, f"NOT regexp_full_match({name(one)}, '[A-Z0-9]+')") for one in FREE_CODES]
    tests += [(one, f"lower({name(one)}) NOT IN ('yes', 'no')") for one in YES_NO]
    tests += [(one, f"{name(one)} NOT IN ('completed', 'attempted', 'requested', 'partial')") for one in OUTCOMES]
    known = f"[{texts(infos[LIST].codes or ())}]"
    tests.append((LIST, f"{name(LIST)} <> '(none)' AND NOT list_has_all({known}, string_split({name(LIST)}, ';'))"))
    for one in DATES:
        day = f"TRY_CAST({name(one)} AS DATE)"
        exact = r"\d{4}-\d\d-\d\d"
        after = f"{day} > CAST({name('incident.reported_at read')} AS DATE)"
        wrong = f"NOT regexp_full_match({name(one)}, {text(exact)}) OR {day} IS NULL OR {after}"
        tests.append((one, f"{name(one)} IS NOT NULL AND ({wrong})"))
    days = ", ".join(f"DATE '{start.date()}'" for start, _ in summers())
    first, last = f"TIMESTAMP '{YEARS[0]}-01-01'", f"TIMESTAMP '{YEARS[-1]}-11-01'"
    for one in MOMENTS:
        read = name(f"{one} read")
        skipped = f"CASE WHEN hour({read}) = 1 THEN CAST({read} AS DATE) IN ({days}) END"
        wrong = f"{read} IS NULL OR {read} NOT BETWEEN {first} AND {last} OR {skipped}"
        tests.append((one, f"{name(one)} IS NOT NULL AND ({wrong})"))
    before, after = name("incident.occurred_at read"), name("missing.returned_at read")
    tests.append(("missing.returned_at", f"date_trunc('day', {after}) < date_trunc('day', {before})"))
    tests += [
        (f"action.{key}.outcome", f"{name(f'action.{key}.at')} IS NOT NULL AND {name(f'action.{key}.outcome')} IS NULL")
        for key in ACTIONS
    ]
    wrong = " OR ".join(f"({test})" for _, test in tests)
    named = there(f"CASE WHEN {test} THEN {text(column)} END" for column, test in tests)
    return f"CASE WHEN coalesce({wrong}, FALSE) THEN {named} END"


# ---- episodes that overlap -------------------------------------------------------------------------------------------


def overlaps() -> tuple[str, str]:
    """Return the statements that find missing episodes of a child which begin before an earlier one has ended."""
    late = (
        'CREATE TABLE episodes AS SELECT row, "incident.id" AS id, "child.id" AS child, '
        '"incident.occurred_at high" AS begins, coalesce("missing.returned_at low", 9000000000) AS ends, '
        'row_number() OVER (PARTITION BY "child.id" ORDER BY "incident.occurred_at high", row) AS place FROM facts '
        'WHERE bad IS NULL AND "incident.type" = \'missing_episode\' AND "child.id" IS NOT NULL '
        'AND "incident.occurred_at low" IS NOT NULL'
    )
    latest = (
        "SELECT *, max(ends) OVER earlier AS last_end, arg_max(row, ends) OVER earlier AS other FROM episodes "
        "WINDOW earlier AS (PARTITION BY child ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    usual = f"SELECT row, id, child, other FROM ({latest}) WHERE last_end > begins AND ends > begins"
    ended = (
        f"SELECT u.row, u.id, u.child, arg_max(o.row, o.ends) AS other FROM ({latest}) u JOIN episodes o "
        "ON o.child = u.child AND o.place < u.place AND o.begins < u.ends "
        "WHERE u.last_end > u.begins AND u.ends <= u.begins GROUP BY u.row, u.id, u.child, u.begins "
        "HAVING max(o.ends) > u.begins"
    )
    return late, f"SELECT * FROM ({usual} UNION ALL {ended})"
