"""Doubts that only show across records: episodes of one child that overlap, and one event told by two systems.

They are warnings only: nothing is taken out, since two records that look alike may both be true.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.incident import Incident, time_of
from riskflags.intake.account import Defect, RowPlace
from riskflags.intake.merge import EVENT

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from riskflags.model import Moment

Placed = tuple[Incident, RowPlace]
Unsure = frozenset[RowPlace]
"""Rows of records whose end could not be read: they are not open, their end is not known."""
Doubt = tuple[Incident, Defect]
ENDS = ("missing.located_at", "missing.returned_at")
_NO_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Episode:
    """A missing episode that surely lasts from `start` to `end`: its latest start and earliest end, in UTC seconds."""

    start: int
    end: int
    incident: Incident
    row: RowPlace


def doubts_across(placed: Iterable[Placed], *, unsure: Unsure) -> Iterator[Doubt]:
    """Yield what is doubtful about a record beside the others of its child; each record at most once."""
    children: dict[str, list[Placed]] = {}
    for incident, row in placed:
        if incident.child.id is not None:
            children.setdefault(incident.child.id, []).append((incident, row))
    for records in children.values():
        if len(records) > 1:
            twins = list(told_twice(records))
            doubted = {incident.incident.id for incident, _ in twins}
            yield from twins
            episodes = [episode for record in records if (episode := _episode(*record, unsure=unsure))]
            for incident, defect in _overlaps(episodes):
                if incident.incident.id not in doubted:
                    yield incident, defect


# ---- one event, two systems ------------------------------------------------------------------------------------------


def told_twice(records: Sequence[Placed]) -> Iterator[Doubt]:
    """Yield the records of one type and time that an earlier record has from another system.

    The time is the same where it is equal, or where one of the two only knows the day.
    """
    told: dict[Hashable, dict[str, Placed]] = {}
    for incident, row in records:
        when, system = _event(incident), incident.incident.source_system
        if when is None or system is None:
            continue
        what = (incident.incident.type, when.day)
        asked = [(*what, when.earliest), (*what, "day")] if when.is_exact else [(*what, "any")]
        others = (other for key in asked for name, other in told.get(key, {}).items() if name != system)
        if other := next(others, None):
            yield incident, _twin(row, other)
        for key in ((*what, when.earliest if when.is_exact else "day"), (*what, "any")):
            told.setdefault(key, {}).setdefault(system, (incident, row))


def _event(incident: Incident) -> Moment | None:
    return next((when for path in EVENT if (when := time_of(incident, path)) is not None), None)


def _twin(row: RowPlace, other: Placed) -> Defect:
    expected = "each event from one system"
    message = (
        f"probably the same event as {other[0].incident.id} from {other[0].incident.source_system} "
        f"({other[1]}): expected {expected}; both are counted"
    )
    return Defect(row, "incident.source_system", "incident.source_system", "probable_duplicate", expected, message)


# ---- episodes that overlap -------------------------------------------------------------------------------------------


def _episode(incident: Incident, row: RowPlace, *, unsure: Unsure) -> Episode | None:
    missing = incident.missing
    is_episode = incident.incident.type == "missing_episode"
    start = missing.last_seen_at or ((incident.incident.occurred_at or missing.reported_at) if is_episode else None)
    if start is None:
        return None
    end = missing.located_at or missing.returned_at
    open_end = start.latest if row in unsure else _NO_END
    return Episode(start.latest, end.earliest if end else open_end, incident, row)


def _overlaps(episodes: list[Episode]) -> Iterator[Doubt]:
    """Yield each episode that surely overlaps one that began before it.

    Two overlap when each begins before the other ends. Of those that begin before an end, a run from the start of the
    sorted list, the one that ends last overlaps if any does.
    """
    episodes.sort(key=lambda episode: (episode.start, episode.row))
    starts = [episode.start for episode in episodes]
    last: list[Episode] = []
    for index, episode in enumerate(episodes):
        earlier = min(index, bisect_left(starts, episode.end))
        if earlier and last[earlier - 1].end > episode.start:
            yield episode.incident, overlap(episode, last[earlier - 1])
        last.append(episode if not last or episode.end > last[-1].end else last[-1])


def overlap(episode: Episode, other: Episode) -> Defect:
    """Return the doubt about an episode that overlaps one that began before it."""
    systems = {found.incident.incident.source_system for found in (episode, other)}
    if None not in systems and len(systems) > 1:
        return _twin(episode.row, (other.incident, other.row))
    expected = "a start after the end of the child's episode before"
    message = f"the episode overlaps {other.incident.incident.id} ({other.row}): expected {expected}; both are counted"
    return Defect(episode.row, "missing.last_seen_at", "missing.last_seen_at", "episodes_overlap", expected, message)
