"""Synthetic extracts as wide as a good source's, with the holes that real ones have, the same for the same seed.

The incidents are those of `generate`, with more fields to each and more kinds of child. Sex and ethnicity are drawn
apart from everything else: what differs by them is chance, or the doing of a rule. Every share below is made up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from riskflags.samples.generate import COLUMNS, generate, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Cells = dict[str, str]

OFTEN, HALF, SELDOM = 0.1, 0.5, 0.75
"""Share of blanks in what a system asks for, in what a form has a box for, and in what somebody has to think of."""
HOLES: Mapping[str, float] = {
    "incident.recorded_at": OFTEN, "incident.crime_recorded_at": HALF, "incident.authority": OFTEN,
    "incident.offences": HALF, "incident.other_children": HALF, "child.role": OFTEN, "child.ethnicity": 0.2,
    "child.legal_status": OFTEN, "child.placement_type": OFTEN, "child.responsible_authority": OFTEN,
    "child.placement_authority": OFTEN, "child.home_authority": OFTEN, "child.home_force": OFTEN,
    "child.home_address_id": OFTEN, "child.protection_plan": HALF, "child.education_plan": SELDOM,
    "child.trusted_adult": SELDOM, "child.social_worker_id": HALF, "suspect.identified_at": HALF,
    "suspect.prior_child_offence": SELDOM, "suspect.order_types": SELDOM, "suspect.position_of_trust": SELDOM,
    "suspect.access_to_children": SELDOM, "suspect.same_household": HALF, "suspect.in_reach_of_child": SELDOM,
    "suspect.handle_id": HALF, "suspect.phone_id": HALF, "missing.returned_with": HALF,
    "missing.located_address_id": SELDOM, "contact.images_shared": HALF, "contact.sexual_activity": HALF,
    "contact.met": HALF, "action.see_child.contents": HALF, "action.strategy_discussion.at": 0.0,
    "action.strategy_discussion.outcome": 0.0, "action.strategy_discussion.agencies": HALF,
    "action.strategy_discussion.contents": HALF, "action.arrest.at": 0.0, "action.arrest.outcome": 0.0,
}  # fmt: skip
"""The fields beside those of `generate`, with the share of blanks in each where there is something to say."""
EVERY_COLUMN = (*COLUMNS, *HOLES)
"""The columns of an extract."""
_ETHNICITIES: Mapping[str, int] = {
    "WBRI": 70, "WIRI": 1, "WROM": 1, "WOTH": 6, "MWBC": 3, "MWBA": 1, "MWAS": 2, "MOTH": 2, "AIND": 2, "APKN": 4,
    "ABAN": 2, "AOTH": 2, "BCRB": 2, "BAFR": 4, "BOTH": 1, "CHNE": 1, "OOTH": 2,
}  # fmt: skip
_OWN, _OTHER = "SYN-AREA-1", ("SYN-AREA-2", "SYN-AREA-3")


@dataclass(frozen=True, slots=True)
class _Person:
    """What stays the same about a child beside what `generate` says."""

    years_younger: int
    sex: str
    ethnicity: str
    legal_status: str
    placement_type: str
    area: str
    placed_in: str
    has_plan: bool
    has_education_plan: bool
    has_trusted_adult: bool
    social_worker: str


def extract(rows: int, *, seed: int) -> Iterator[Cells]:
    """Yield synthetic records as canonical cells by field path, one for each row; blank cells are left out."""
    for number, record in enumerate(generate(rows, seed=seed), start=1):
        rng = random.Random(f"{seed} extract {number}")  # noqa: S311 - samples, not secrets
        more = _more(record, _person(record["child.id"], seed), rng)
        yield {name: cell for name, cell in more.items() if cell and rng.random() >= HOLES.get(name, 0)}


def write_extract(path: str | Path, *, rows: int, seed: int) -> None:
    """Write a canonical CSV file of an extract."""
    cells = ([record.get(column, "") for column in EVERY_COLUMN] for record in extract(rows, seed=seed))
    write_rows(path, EVERY_COLUMN, cells, encoding="utf-8", delimiter=",")


def _person(child_id: str, seed: int) -> _Person:
    rng = random.Random(f"{seed} person {child_id}")  # noqa: S311 - samples, not secrets
    away = rng.random() < 0.3  # noqa: PLR2004 - three in ten are placed in another area
    return _Person(
        years_younger=rng.choice((0, 0, 0, 3, 6)),
        sex=rng.choices(("", "other", "unknown"), (96, 1, 3))[0],
        ethnicity=rng.choices(list(_ETHNICITIES), list(_ETHNICITIES.values()))[0],
        legal_status=rng.choice(("C1", "C2", "C2", "V2", "V2", "E1", "L2")),
        placement_type=rng.choice(("K2", "K2", "H5", "U1", "U4", "U6", "R1", "P1")),
        area=_OWN,
        placed_in=rng.choice(_OTHER) if away else _OWN,
        has_plan=rng.random() < 0.15,  # noqa: PLR2004 - made up
        has_education_plan=rng.random() < 0.2,  # noqa: PLR2004 - made up
        has_trusted_adult=rng.random() < 0.7,  # noqa: PLR2004 - made up
        social_worker=f"SYN-W{rng.randrange(1, 60):03}",
    )


def _more(record: Cells, person: _Person, rng: random.Random) -> Cells:
    """Return a record with what an extract has beside it."""
    reported = datetime.fromisoformat(record["incident.reported_at"])
    kind = _kind(record["incident.type"], rng)
    found = record | {
        "incident.type": kind,
        "incident.recorded_at": _after(reported, rng.randrange(5, 300)),
        "incident.authority": rng.choice((_OWN, _OWN, _OWN, *_OTHER)),
        "incident.other_children": rng.choice(("yes", "no")),
        **_of_child(record, person, rng),
    }
    if kind in ("sexual_offence", "assault", "online_contact"):
        found["incident.crime_recorded_at"] = _after(reported, rng.choice((60, 600, 1200, 5000)))
        found["incident.offences"] = {
            "sexual_offence": rng.choice(("sexual_assault", "rape", "sexual_activity_with_child")),
            "assault": "assault", "online_contact": rng.choice(("grooming", "sexual_communication")),
        }[kind]  # fmt: skip
    if any(name.startswith("suspect.") for name in record):
        found |= _of_suspect(reported, rng)
    if any(name.startswith("missing.") for name in record):
        found["missing.returned_with"] = rng.choice(("(none)", "(none)", "cash", "injury", "phone;gifts"))
        found["missing.located_address_id"] = f"SYN-L{rng.randrange(1, 300):04}"
    if any(name.startswith("contact.") for name in record):
        found |= {f"contact.{name}": _yes(rng, 0.3) for name in ("images_shared", "sexual_activity", "met")}
    return found | _of_actions(record, reported, rng)


def _kind(kind: str, rng: random.Random) -> str:
    """Return the type of a record: `generate` draws no domestic abuse and no police protection."""
    if kind == "child_concern":
        return rng.choices((kind, "domestic_abuse", "police_protection"), (50, 45, 5))[0]
    return kind


def _of_child(record: Cells, person: _Person, rng: random.Random) -> Cells:
    in_care = record.get("child.in_care") == "yes"
    years = person.years_younger
    born = record.get("child.date_of_birth", "")
    stated = record.get("child.stated_age", "")
    return {
        "child.date_of_birth": _later(date.fromisoformat(born), years).isoformat() if born else "",
        "child.stated_age": str(int(stated) - years) if stated else "",
        "child.sex": person.sex or record["child.sex"],
        "child.ethnicity": person.ethnicity,
        "child.role": "missing" if record["incident.type"] == "missing_episode" else rng.choice(("victim", "at_risk")),
        "child.legal_status": person.legal_status if in_care else "",
        "child.placement_type": person.placement_type if in_care else "",
        "child.responsible_authority": person.area if in_care else "",
        "child.placement_authority": person.placed_in if in_care else "",
        "child.home_authority": person.placed_in if in_care else person.area,
        "child.home_force": record["incident.force"],
        "child.home_address_id": record.get("incident.address_id", ""),
        "child.protection_plan": "yes" if person.has_plan else "no",
        "child.education_plan": "yes" if person.has_education_plan else "no",
        "child.trusted_adult": "yes" if person.has_trusted_adult else "no",
        "child.social_worker_id": person.social_worker if in_care or person.has_plan else "",
    }


def _later(born: date, years: int) -> date:
    """Return a day some years later: 28 February for a 29th that is not there."""
    day = 28 if (born.month, born.day) == (2, 29) else born.day
    return born.replace(year=born.year + years, day=day)


def _of_suspect(reported: datetime, rng: random.Random) -> Cells:
    return {
        "suspect.identified_at": _after(reported, rng.choice((30, 600, 3000, 20_000))),
        "suspect.prior_child_offence": _yes(rng, 0.2),
        "suspect.order_types": rng.choice(("(none)", "(none)", "shpo", "cawn", "bail_conditions")),
        "suspect.position_of_trust": _yes(rng, 0.1),
        "suspect.access_to_children": _yes(rng, 0.3),
        "suspect.same_household": _yes(rng, 0.1),
        "suspect.in_reach_of_child": _yes(rng, 0.5),
        "suspect.handle_id": f"SYN-H{rng.randrange(1, 900):04}",
        "suspect.phone_id": f"SYN-P{rng.randrange(1, 900):04}",
    }


def _of_actions(record: Cells, reported: datetime, rng: random.Random) -> Cells:
    found: Cells = {}
    if "action.see_child.at" in record:
        found["action.see_child.contents"] = rng.choice(("words", "words;demeanour", "words;demeanour"))
    if rng.random() < 0.4:  # noqa: PLR2004 - made up
        found |= {
            "action.strategy_discussion.at": _after(reported, rng.choice((300, 2000, 9000))),
            "action.strategy_discussion.outcome": rng.choice(("completed", "completed", "requested")),
            "action.strategy_discussion.agencies": "police;local_authority;health",
            "action.strategy_discussion.contents": "agency_actions",
        }
    if "suspect.id" in record and rng.random() < 0.4:  # noqa: PLR2004 - made up
        found |= {
            "action.arrest.at": _after(reported, rng.choice((300, 2000, 9000, 40_000))),
            "action.arrest.outcome": "completed",
        }
    return found


def _yes(rng: random.Random, share: float) -> str:
    return "yes" if rng.random() < share else "no"


def _after(when: datetime, minutes: int) -> str:
    """Return a local time so many minutes later, none that the clocks skip in spring."""
    later = when + timedelta(minutes=minutes)
    later = later.replace(hour=2) if later.hour == 1 else later
    return later.isoformat(timespec="minutes")
