"""Synthetic incidents in any number, the same for the same seed: repeat children, late reports, blanks and odd files.

Every id begins with SYN and every narrative says that it is synthetic. Nothing is drawn from real records: only the
shape is (a few children have most of the episodes, reports come late, many cells are blank).
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DamageKind = Literal["bad date", "unknown code", "end before start", "empty child id", "ragged line"]
DAMAGES: tuple[DamageKind, ...] = get_args(DamageKind)
SSDA903_HEADER = ("CHILD", "DOB", "MISSING", "MIS_START", "MIS_END")
NARRATIVES = (
    "SYNTHETIC. Left after an argument; phone off.",
    "SYNTHETIC. Seen getting into a friend\N{RIGHT SINGLE QUOTATION MARK}s car.",
    'SYNTHETIC. Said "a friend" gave £40; would not say who.',
    "SYNTHETIC. Call at 22:10;\nstaff searched the area;\nno trace.",
)
COLUMNS = (
    "incident.id", "incident.type", "incident.occurred_at", "incident.reported_at", "incident.status",
    "incident.force", "incident.source_system", "incident.narrative", "incident.indicators", "incident.injury",
    "incident.reported_by", "incident.address_id", "child.id", "child.date_of_birth", "child.stated_age", "child.sex",
    "child.in_care", "child.placement_id", "child.disabilities", "child.exploitation_flags", "suspect.id",
    "suspect.date_of_birth", "suspect.stated_age", "suspect.is_adult", "suspect.relationship",
    "suspect.registered_offender", "missing.kind", "missing.missing_from", "missing.last_seen_at",
    "missing.reported_at", "missing.located_at", "missing.returned_at", "missing.risk_level", "contact.channels",
    "contact.images_requested", "contact.sexual_content", "contact.meeting_arranged", "action.see_child.at",
    "action.see_child.outcome", "action.referral.at", "action.referral.outcome", "action.record_crime.at",
    "action.record_crime.outcome", "action.return_home_interview.at", "action.return_home_interview.outcome",
)  # fmt: skip
"""The columns of a generated canonical file."""
_FIRST_DAY = date(2025, 4, 1)
_DAYS = 365
_START = datetime(2025, 4, 1)  # noqa: DTZ001 - a local time, as extracts have it
_LAST = _START + timedelta(days=_DAYS - 21)
"""Where the year is nearly over: who is missing now may still be."""
_TYPES = ("missing_episode", "online_contact", "exploitation_concern", "sexual_offence", "assault", "child_concern")
_TYPE_WEIGHTS = (60, 14, 10, 4, 5, 7)
_MOST_EPISODES = 30
_LATE = 0.15
_DAY_ONLY = 0.1
_BLANK = 0.2
_OVERLAPPING = 0.01


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that was damaged on purpose: its number (1 is the first after the header), how, and the column at fault."""

    row: int
    kind: DamageKind
    column: str


@dataclass(frozen=True, slots=True)
class _Child:
    """What stays the same about a child."""

    id: str
    born: date
    sex: str
    in_care: bool
    home: str


def generate(rows: int, *, seed: int) -> Iterator[dict[str, str]]:
    """Yield synthetic records as canonical cells by field path, one for each row; blank cells are left out."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    children = [_child(number, seed) for number in range(1, rows // 4 + 2)]
    back: dict[str, datetime] = {}
    for number in range(1, rows + 1):
        rank = _rank(rng, len(children))
        in_turn = (children[(rank + step) % len(children)] for step in range(len(children)))
        child = next((child for child in in_turn if back.get(child.id, _START) <= _LAST), children[rank])
        yield {name: cell for name, cell in _record(number, child, back, rng).items() if cell}


def write_canonical(path: str | Path, *, rows: int, seed: int, encoding: str = "utf-8", delimiter: str = ",") -> None:
    """Write a canonical CSV file of synthetic records, in any encoding (utf-8-sig has a byte order mark)."""
    cells = ([record.get(column, "") for column in COLUMNS] for record in generate(rows, seed=seed))
    write_rows(path, COLUMNS, cells, encoding=encoding, delimiter=delimiter)


def write_ssda903(
    path: str | Path, *, rows: int, seed: int, damaged: int = 0, encoding: str = "utf-8", delimiter: str = ","
) -> tuple[Damaged, ...]:
    """Write synthetic missing episodes in the format of the SSDA903 return; return the damaged rows, in order.

    They are of the five kinds in turn, and end so: a bad date is rejected in MIS_START, which leaves no time, and
    absent in MIS_END; an unknown code is read as absent; an end before the start is a contradiction, a row without
    a child id nobody's record, a ragged line no row: all rejected. Every other row is accepted without a warning.
    """
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    episodes = _episodes(rows, seed, rng)
    chosen = sorted(rng.sample(range(rows), damaged))
    done = tuple(_damage(episodes, index, turn, rng) for turn, index in enumerate(chosen))
    write_rows(path, SSDA903_HEADER, episodes, encoding=encoding, delimiter=delimiter)
    return done


def write_rows(
    path: str | Path,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    encoding: str,
    delimiter: str,
) -> None:
    """Write a file of a header and rows."""
    with Path(path).open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


def _rank(rng: random.Random, number: int) -> int:
    """Return a place from 0, the first far more often than the last, as in Zipf's law."""
    return int(number ** rng.random()) - 1


def _mostly_small(rng: random.Random, *, most: int) -> int:
    """Return a whole number from 1 on: mostly 1 or 2, now and then far more."""
    return min(int(rng.paretovariate(1)), most)


def _child(number: int, seed: int) -> _Child:
    rng = random.Random(f"{seed} child {number}")  # noqa: S311 - samples, not secrets
    born = _FIRST_DAY - timedelta(days=rng.randrange(10 * 365, 17 * 365))
    return _Child(
        id=f"SYN-C{number:05}",
        born=born,
        sex=rng.choice(("female", "male")),
        in_care=rng.random() < 0.6,  # noqa: PLR2004 - more than half of repeat missing children are in care
        home=f"SYN-A{rng.randrange(number // 3 + 1):04}",
    )


# ---- canonical records -----------------------------------------------------------------------------------------------


def _record(number: int, child: _Child, back: dict[str, datetime], rng: random.Random) -> dict[str, str]:
    """Return one record. `back` says until when each child has been missing: most episodes begin later."""
    kind = rng.choices(_TYPES, _TYPE_WEIGHTS)[0]
    occurred = _START + timedelta(days=rng.randrange(_DAYS), minutes=rng.randrange(24 * 60))
    if kind == "missing_episode" and child.id in back and rng.random() > _OVERLAPPING:
        occurred = back[child.id] + timedelta(days=rng.randrange(1, 20), minutes=rng.randrange(600))
    late = timedelta(days=9 * _mostly_small(rng, most=60)) if rng.random() < _LATE else timedelta(0)
    reported = occurred + late + timedelta(minutes=rng.randrange(10, 300))
    found = {
        "incident.id": f"SYN-{number:06}",
        "incident.type": kind,
        "incident.occurred_at": _time(occurred, rng),
        "incident.reported_at": _time(reported),
        "incident.status": _or_blank(rng, rng.choice(("open", "closed"))),
        "incident.force": "SYN-FORCE",
        "incident.source_system": "synthetic",
        "incident.narrative": _or_blank(rng, rng.choice(NARRATIVES)),
        "incident.indicators": rng.choice(("", "(none)", "grooming", "grooming;hotel", "drugs;multiple_phones")),
        "incident.injury": rng.choice(("", "", "none", "minor")),
        "incident.reported_by": _or_blank(rng, rng.choice(("carer", "parent", "police", "placement_staff"))),
        "incident.address_id": _or_blank(rng, child.home),
        **_child_cells(child, occurred.date(), rng),
    }
    if kind == "missing_episode":
        found |= _missing_cells(child, occurred, reported, back, rng)
    else:
        found |= _suspect_cells(occurred.date(), rng)
    if kind == "online_contact":
        found |= _contact_cells(rng)
    return found | _action_cells(kind, reported, rng)


def _time(when: datetime, rng: random.Random | None = None) -> str:
    """Return a local time, none that the clocks skip in spring; with a generator now and then the day alone."""
    day_only = rng is not None and rng.random() < _DAY_ONLY
    when = when.replace(hour=2, minute=0) if when.hour == 1 else when
    return when.date().isoformat() if day_only else when.isoformat(timespec="minutes")


def _or_blank(rng: random.Random, cell: str, *, chance: float = _BLANK) -> str:
    return "" if rng.random() < chance else cell


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _child_cells(child: _Child, day: date, rng: random.Random) -> dict[str, str]:
    born = _or_blank(rng, child.born.isoformat())
    return {
        "child.id": child.id,
        "child.date_of_birth": born,
        "child.stated_age": "" if born else _or_blank(rng, str(_age(child.born, day))),
        "child.sex": child.sex,
        "child.in_care": "yes" if child.in_care else _or_blank(rng, "no"),
        "child.placement_id": child.home if child.in_care else "",
        "child.disabilities": rng.choice(("", "", "(none)", "learning_disability", "autism")),
        "child.exploitation_flags": rng.choice(("", "", "(none)", "cse", "cce")),
    }


def _missing_cells(
    child: _Child, occurred: datetime, reported: datetime, back: dict[str, datetime], rng: random.Random
) -> dict[str, str]:
    found = reported + timedelta(hours=5 * _mostly_small(rng, most=60))
    is_back = found < _LAST or rng.random() > _BLANK
    back[child.id] = found + timedelta(hours=2)
    return {
        "missing.kind": rng.choice(("missing", "missing", "away")),
        "missing.missing_from": "care" if child.in_care else "home",
        "missing.last_seen_at": _time(occurred),
        "missing.reported_at": _time(reported),
        "missing.located_at": _time(found) if is_back else "",
        "missing.returned_at": _or_blank(rng, _time(back[child.id])) if is_back else "",
        "missing.risk_level": rng.choice(("", "low", "medium", "medium", "high")),
    }


def _suspect_cells(day: date, rng: random.Random) -> dict[str, str]:
    if rng.random() < _BLANK:
        return {}
    number = rng.randrange(1, 400)
    age = rng.choice((16, 19, 22, 24, 29, 35, 41, 52))
    born = date(day.year - age, 1, 1) if rng.random() < 1 - _BLANK else None
    return {
        "suspect.id": _or_blank(rng, f"SYN-S{number:04}"),
        "suspect.date_of_birth": born.isoformat() if born else "",
        "suspect.stated_age": "" if born else _or_blank(rng, str(age)),
        "suspect.is_adult": "",
        "suspect.relationship": rng.choice(("", "", "online_only", "stranger", "ex_partner", "acquaintance")),
        "suspect.registered_offender": rng.choice(("", "no", "no", "yes")),
    }


def _contact_cells(rng: random.Random) -> dict[str, str]:
    return {
        "contact.channels": rng.choice(("", "social_media", "social_media;messaging_app", "game_chat", "online")),
        "contact.images_requested": rng.choice(("", "no", "yes")),
        "contact.sexual_content": rng.choice(("", "no", "yes")),
        "contact.meeting_arranged": rng.choice(("", "no", "yes")),
    }


def _action_cells(kind: str, reported: datetime, rng: random.Random) -> dict[str, str]:
    """Return actions on record: about half of those that apply, some of them late, some only asked for."""
    codes = ["see_child", "referral"]
    codes += ["return_home_interview"] if kind == "missing_episode" else ["record_crime"]
    found: dict[str, str] = {}
    for code in codes:
        if rng.random() < 0.5:  # noqa: PLR2004 - about half
            found[f"action.{code}.at"] = _time(reported + timedelta(hours=6 * _mostly_small(rng, most=300)), rng)
            found[f"action.{code}.outcome"] = rng.choice(("completed", "completed", "completed", "requested"))
    return found


# ---- the SSDA903 return ----------------------------------------------------------------------------------------------


def _episodes(rows: int, seed: int, rng: random.Random) -> list[list[str]]:
    """Return rows of episodes that do not overlap, by child and start; the last of a child may be open."""
    children = [_child(number, seed) for number in range(1, rows // 4 + 2)]
    numbers = [0] * len(children)
    for _ in range(rows):
        rank = _rank(rng, len(children))
        while numbers[rank] >= _MOST_EPISODES:
            rank = (rank + 1) % len(children)
        numbers[rank] += 1
    found: list[list[str]] = []
    for child, number in zip(children, numbers, strict=True):
        start = _FIRST_DAY + timedelta(days=rng.randrange(1, 90))
        for turn in range(number):
            end = start + timedelta(days=_mostly_small(rng, most=21) - 1)
            is_open = turn == number - 1 and rng.random() < _BLANK
            code = rng.choice(("M", "M", "M", "A", "m", "a"))
            closing = rng.choice(("", "NULL")) if is_open else _uk(end)
            found.append([child.id, _or_blank(rng, _uk(child.born), chance=0.02), code, _uk(start), closing])
            start = end + timedelta(days=rng.randrange(1, max(3, _DAYS // number)))
    return found


def _uk(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _damage(episodes: list[list[str]], index: int, turn: int, rng: random.Random) -> Damaged:
    """Damage a row in place, in the kind whose turn it is."""
    kind, row = DAMAGES[turn % len(DAMAGES)], episodes[index]
    start = datetime.strptime(row[3], "%d/%m/%Y").date()  # noqa: DTZ007 - a day, not a time
    match kind:
        case "bad date":
            column = "MIS_END" if turn // len(DAMAGES) % 2 else "MIS_START"
            row[SSDA903_HEADER.index(column)] = rng.choice(("31/02/2025", "2025-13-01", "soon", "00/00/0000"))
        case "unknown code":
            column, row[2] = "MISSING", rng.choice(("Q", "?", "AWOL"))
        case "end before start":
            column, row[4] = "MIS_END", _uk(start - timedelta(days=rng.randrange(1, 9)))
        case "empty child id":
            column, row[0] = "CHILD", rng.choice(("", "  ", "NULL"))
        case "ragged line":
            short = rng.random() < 0.5  # noqa: PLR2004 - half of them too short, half too long
            column, row[4:] = ("MIS_END", []) if short else ("after MIS_END", [row[4], ""])
    return Damaged(index + 1, kind, column)
