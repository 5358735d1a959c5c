"""Doubts that only show across records, found for all of them at once; `riskflags.intake.checks` puts them into words.

Only records that may be in doubt become Python objects, and only as much of them as is told.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from riskflags.batch.facts import column
from riskflags.incident import Child, Incident, IncidentFacts
from riskflags.intake.at_once_cells import quoted
from riskflags.intake.checks import ENDS, Episode, overlap, told_twice
from riskflags.intake.merge import EVENT
from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from riskflags.intake.account import RowPlace
    from riskflags.intake.checks import Doubt, Placed

_OPEN = 1 << 62
"""The end of an episode that has none yet."""
_SCALE, _SHIFT = 1 << 32, 1 << 40
"""An end and the place of its episode as one number: the greatest is the latest end, of two alike that of the first."""
_TOLD = ("incident.id", "incident.type", "incident.source_system", "child.id")


def doubts(
    con: Any, order: str, *, place: Callable[[int], RowPlace], names: Sequence[str]
) -> Iterator[tuple[int, Doubt]]:
    """Yield each doubt with the spot of its record, as `doubts_across` finds it.

    `order` is a table of spots, records, and whether the end of a record is unsure. `names` are those of the files: of
    two episodes that begin at once the first by the name of its file and its row is the earlier.
    """
    doubted: set[tuple[str | None, str | None]] = set()
    for spot, (incident, defect) in _twins(con, order, place):
        doubted.add((incident.child.id, incident.incident.id))
        yield spot, (incident, defect)
    for spot, (incident, defect) in _overlaps(con, order, place, names):
        if (incident.child.id, incident.incident.id) not in doubted:
            yield spot, (incident, defect)


def _told(table: str) -> str:
    return ", ".join(f"{table}.{quoted(path)}" for path in _TOLD)


def _incident(told: Sequence[Any], when: Moment | None = None) -> Incident:
    """Return as much of a record as a doubt tells: ids, type and system, and the time of the event where it matters."""
    incident_id, kind, system, child_id = told
    facts = IncidentFacts.model_construct(id=incident_id, type=kind, source_system=system, occurred_at=when)
    return Incident.model_construct(incident=facts, child=Child.model_construct(id=child_id))


# ---- one event, two systems ------------------------------------------------------------------------------------------


def _event(part: str) -> str:
    return f"coalesce({', '.join(quoted(column(path, part)) for path in EVENT)})"


def _twins(con: Any, order: str, place: Callable[[int], RowPlace]) -> Iterator[tuple[int, Doubt]]:
    """Yield what is told twice: of children of whom two systems tell of one type of event on one day."""
    same = f'"child.id", "incident.type", {_event("day")}'
    found = con.execute(
        f"SELECT o.spot, {_event('low')}, {_event('high')}, {_event('day')}, {_told('r')} FROM records r "
        f"JOIN {quoted(order)} o ON o.record = r.record "
        f'WHERE "child.id" IS NOT NULL AND "incident.source_system" IS NOT NULL '
        f'QUALIFY min("incident.source_system") OVER (PARTITION BY {same}) '
        f'<> max("incident.source_system") OVER (PARTITION BY {same}) ORDER BY o.spot'
    ).fetchall()
    children: dict[str, list[Placed]] = {}
    spots: dict[int, int] = {}
    for spot, low, high, day, *told in found:
        incident = _incident(told, None if low is None else Moment(low, high, day, ""))
        spots[id(incident)] = spot
        children.setdefault(told[-1], []).append((incident, place(spot)))
    for records in children.values():
        for incident, defect in told_twice(records):
            yield spots[id(incident)], (incident, defect)


# ---- episodes that overlap -------------------------------------------------------------------------------------------


def _overlaps(
    con: Any, order: str, place: Callable[[int], RowPlace], names: Sequence[str]
) -> Iterator[tuple[int, Doubt]]:
    """Yield each episode that surely overlaps one that began before it, with the one of those that ends last."""
    _make_episodes(con, order, names)
    episodes, late = quoted("intake episodes"), quoted("intake late")
    # One that ends as it begins, or whose end is not known, overlaps none that begins at its own end.
    con.execute(
        f"CREATE TABLE {late} AS WITH found AS (SELECT *, max((ends + {_SHIFT}) * {_SCALE} - place) OVER "
        f"(PARTITION BY child ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest "
        f"FROM {episodes}), "
        f"usual AS (SELECT *, (latest + {_SCALE - 1}) // {_SCALE} AS last FROM found "
        f"WHERE (latest + {_SCALE - 1}) // {_SCALE} - {_SHIFT} > begins) "
        f"SELECT child, place, last * {_SCALE} - latest AS other FROM usual WHERE ends > begins UNION ALL "
        f"SELECT u.child, u.place, (max(o.ends) + {_SHIFT}) * {_SCALE} - max((o.ends + {_SHIFT}) * {_SCALE}"
        f" - o.place) FROM usual u JOIN {episodes} o ON o.child = u.child AND o.place < u.place AND o.begins < u.ends "
        f"WHERE u.ends <= u.begins GROUP BY u.child, u.place, u.begins HAVING max(o.ends) > u.begins"
    )
    found = con.execute(
        f"SELECT e.spot, o.spot, e.begins, e.ends, {_told('r')}, {_told('p')} FROM {late} l "
        f"JOIN {episodes} e ON e.child = l.child AND e.place = l.place "
        f"JOIN {episodes} o ON o.child = l.child AND o.place = l.other "
        f"JOIN records r ON r.record = e.record JOIN records p ON p.record = o.record"
    ).fetchall()
    con.execute(f"DROP TABLE {episodes}")
    con.execute(f"DROP TABLE {late}")
    for spot, other_spot, begins, ends, *told in found:
        own = Episode(begins, ends, _incident(told[: len(_TOLD)]), place(spot))
        other = dataclasses.replace(own, incident=_incident(told[len(_TOLD) :]), row=place(other_spot))
        yield spot, (own.incident, overlap(own, other))


def _make_episodes(con: Any, order: str, names: Sequence[str]) -> None:
    """Make the table of the episodes of children: the second each surely begins and ends, its place in their order."""
    by_name = [sorted(range(len(names)), key=names.__getitem__).index(number) for number in range(len(names))]
    seen, *others = (
        quoted(column(path, "high")) for path in ("missing.last_seen_at", "incident.occurred_at", "missing.reported_at")
    )
    is_episode = f"{quoted('incident.type')} = 'missing_episode'"
    begins = f"coalesce({seen}, CASE WHEN {is_episode} THEN coalesce({', '.join(others)}) END)"
    ends = ", ".join(quoted(column(path, "low")) for path in ENDS)
    con.execute(
        f'CREATE TABLE "intake episodes" AS WITH found AS (SELECT o.spot, r.record, "child.id" AS child, '
        f"{begins} AS begins, {ends}, o.unsure FROM records r JOIN {quoted(order)} o ON o.record = r.record "
        f'WHERE "child.id" IS NOT NULL) '
        f"SELECT spot, record, child, begins, "
        f"CAST(coalesce({ends}, CASE WHEN unsure THEN begins ELSE {_OPEN} END) AS HUGEINT) AS ends, "
        f"row_number() OVER (PARTITION BY child ORDER BY begins, {by_name}[(spot >> 40) + 1], spot) "
        f"AS place FROM found WHERE begins IS NOT NULL"
    )
