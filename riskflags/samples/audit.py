"""A synthetic audit of 79 cases whose grades are known: as many of each as inspectors found in 2017.

14 good, 35 requires_improvement, 30 inadequate (Lancashire, inspected October 2017, published 2018-03-08). The cases
are made up: each is one girl and one man who writes to her, with a record of every core action in time, but for what is
taken out of it, put off or cut short on purpose.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations, cycle, islice
from typing import TYPE_CHECKING, Any

from riskflags.model import Grade

if TYPE_CHECKING:
    from collections.abc import Callable

    Data = dict[str, Any]
    Fault = Callable[[Data], None]

AS_OF = "2025-12-31T09:00"
"""When the cases are to be looked at: every deadline has passed by then."""
COUNTS = {Grade.good: 14, Grade.requires_improvement: 35, Grade.inadequate: 30}
_FIRST_DAY = datetime(2025, 1, 6, 9)  # noqa: DTZ001 - written as local time, as records are
_LATE = timedelta(days=12)


def audit_cases() -> list[tuple[Data, Grade]]:
    """Return the 79 records as data, each with the grade that it was built to have, in a fixed order."""
    faults: dict[Grade, list[tuple[Fault, ...]]] = {
        Grade.good: [()],
        Grade.requires_improvement: [(fault,) for fault in (*_missing(), *_short(), *_late())] + _two_late(),
        Grade.inadequate: [*combinations(_missing(), 2), *combinations([*_short(), *_missing()[:3]], 3)],
    }
    grades = [grade for grade, count in COUNTS.items() for _ in range(count)]
    plans = {grade: cycle(found) for grade, found in faults.items()}
    mixed = sorted(range(len(grades)), key=lambda number: number * 31 % len(grades))
    return [(_case(place, next(plans[grades[number]])), grades[number]) for place, number in enumerate(mixed, start=1)]


def _case(number: int, faults: tuple[Fault, ...]) -> Data:
    reported = _FIRST_DAY + timedelta(days=3 * number)
    record = _well_handled(f"{number:02}", reported)
    for fault in faults:
        fault(record)
    return record


def _at(reported: datetime, hours: float) -> str:
    return (reported + timedelta(hours=hours)).isoformat(timespec="minutes")


def _well_handled(number: str, reported: datetime) -> Data:
    """Return a record in which every core action is on record in time."""
    suspect, address = f"SYN-AUDIT-MAN-{number}", f"SYN-AUDIT-HOME-{number}"
    review = (reported + timedelta(days=500)).date().isoformat()

    def done(code: str, hours: float, **more: Any) -> Data:
        return {"code": code, "at": _at(reported, hours), "outcome": "completed", **more}

    return {
        "incident": {
            "id": f"SYN-AUDIT-{number}", "type": "online_contact", "occurred_at": _at(reported, -30),
            "reported_at": _at(reported, 0), "crime_recorded_at": _at(reported, 3), "other_children": True,
            "offences": ["sexual_communication"], "source_system": "synthetic-audit",
        },
        "child": {
            "id": f"SYN-AUDIT-GIRL-{number}", "date_of_birth": "2010-09-12", "sex": "female", "role": "victim",
            "in_care": False, "home_address_id": address,
        },
        "suspects": [
            {
                "id": suspect, "date_of_birth": "1999-03-01", "relationship": "online_only",
                "identified_at": _at(reported, 1), "in_reach_of_child": False,
            }
        ],
        "contact": {
            "channels": ["social_media"], "sexual_content": True, "sexual_activity": False, "images_requested": True,
            "meeting_arranged": False, "met": False,
        },
        "markers": [
            {"target": "address", "target_id": address, "type": "warning", "placed_at": _at(reported, 8),
             "review_due": review},
            {"target": "child", "target_id": f"SYN-AUDIT-GIRL-{number}", "type": "cse", "placed_at": _at(reported, 8),
             "review_due": review},
            {"target": "suspect", "target_id": suspect, "type": "offender", "placed_at": _at(reported, 8),
             "review_due": review},
        ],
        "done": [
            done("trace_suspect", 2, suspect_id=suspect),
            done("see_child", 4, contents=["words", "demeanour"]),
            done("preserve_messages", 5),
            done("referral", 5.5),
            done("safeguard_siblings", 6),
            done("strategy_discussion", 7, agencies=["police", "local_authority", "health"],
                 contents=["agency_actions"]),
            done("arrest", 7.5, suspect_id=suspect),
            done("safety_plan", 9),
            done("link_victims", 30, suspect_id=suspect),
        ],
    }  # fmt: skip


# ---- what can go wrong -----------------------------------------------------------------------------------------------


def _missing() -> list[Fault]:
    """Return what takes the record of a core action away."""

    def no_crime(record: Data) -> None:
        del record["incident"]["crime_recorded_at"]

    def no_marker(record: Data) -> None:
        record["markers"] = [marker for marker in record["markers"] if marker["target"] != "address"]

    def without(code: str) -> Fault:
        def fault(record: Data) -> None:
            record["done"] = [one for one in record["done"] if one["code"] != code]

        return fault

    return [no_crime, without("see_child"), without("strategy_discussion"), no_marker, without("safeguard_siblings")]


def _short() -> list[Fault]:
    """Return what leaves a record that falls short of a core action."""

    def seen_without_demeanour(record: Data) -> None:
        _of(record, "see_child")["contents"] = ["words"]

    def strategy_only_requested(record: Data) -> None:
        _of(record, "strategy_discussion")["outcome"] = "requested"

    def marker_removed(record: Data) -> None:
        marker = next(one for one in record["markers"] if one["target"] == "address")
        marker["removed_at"] = _later(marker["placed_at"])

    return [seen_without_demeanour, strategy_only_requested, marker_removed]


def _late() -> list[Fault]:
    """Return what puts a core action off, long past its deadline."""

    def crime_late(record: Data) -> None:
        record["incident"]["crime_recorded_at"] = _later(record["incident"]["crime_recorded_at"])

    def late(code: str) -> Fault:
        def fault(record: Data) -> None:
            one = _of(record, code)
            one["at"] = _later(one["at"])

        return fault

    return [crime_late, *(late(code) for code in ("see_child", "strategy_discussion", "safeguard_siblings"))]


def _two_late() -> list[tuple[Fault, ...]]:
    return list(islice(combinations(_late(), 2), 3))


def _of(record: Data, code: str) -> Data:
    return next(one for one in record["done"] if one["code"] == code)


def _later(text: str) -> str:
    return (datetime.fromisoformat(text) + _LATE).isoformat(timespec="minutes")
