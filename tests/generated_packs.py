"""Packs of any number of varied rules, written as YAML, for benchmarks and for tests of size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

INDICATORS = ("grooming", "truancy", "debt", "weapon", "hotel", "self_harm")
TYPES = ("missing_episode", "online_contact", "assault", "child_concern")


def write_pack(folder: Path, *, rules: int) -> Path:
    """Write a pack of so many draft rules, and return its folder."""
    (folder / "bench").mkdir(parents=True)
    _write(
        folder / "pack.yaml",
        {
            "id": "bench", "title": "Generated for benchmarks", "version": "1", "language": 1,
            "calendar": "england-and-wales", "timezone": "Europe/London",
            "event_time": "calc.event_time", "effective_by": "calc.event_time",
        },
    )  # fmt: skip
    times = ["incident.occurred_at", "missing.last_seen_at", "incident.reported_at", "missing.reported_at"]
    _write(
        folder / "vocabulary.yaml",
        {
            "roles": {"attending_officer": {"label": "Attending officer"}},
            "derived": {
                "calc.event_time": {"label": "When it happened", "first_recorded": times},
                "calc.child_age": {"label": "Age", "age": {"of": "child", "on": "calc.event_time"}},
            },
        },
    )
    _write(
        folder / "actions.yaml",
        {
            "actions": {
                "see_child": {
                    "code": "SEE_CHILD", "label": "child seen", "owner": "attending_officer",
                    "due": {"within": "24 hours", "of": "incident.reported_at"},
                    "satisfied_by": [{"codes": ["see_child"], "outcomes": ["completed"]}],
                    "source": [{"ref": "local"}],
                }
            }
        },
    )  # fmt: skip
    _write(folder / "sources.yaml", {"local": {"title": "Generated", "publisher": "riskflags", "published": "2026"}})
    for number in range(rules):
        _write(folder / "bench" / f"rule-{number}.yaml", _rule(number))
    return folder


def _rule(number: int) -> dict[str, object]:
    age = 10 + number % 8
    return {
        "code": f"X{number + 1:03}",
        "id": f"rule-{number}",
        "title": f"Generated rule {number}",
        "why": "It is there to be measured.",
        "version": 1,
        "status": "active",
        "effective": {"from": "2014-01-01"},
        "source": [{"ref": "local", "says": "generated", "checked": "2026-11-23"}],
        "when": {
            "all": [
                {"incident.type": {"in": [TYPES[number % 4], TYPES[(number + 1) % 4]]}},
                {"calc.child_age": {"less_than": age}},
                {
                    "any": [
                        {"incident.indicators": {"has": INDICATORS[number % 6]}},
                        {"child.in_care": bool(number % 2)},
                        {"incident.reported_at": {"after": f"2026-01-{number % 27 + 1:02}T10:00"}},
                    ]
                },
            ]
        },
        "flag": {"severity": "high", "about": "child", "message": "Generated"},
        "requires": ["see_child"],
        "given": {"incident.id": "I1", "incident.type": TYPES[number % 4], "incident.reported_at": "2026-02-27T10:00"},
        "examples": [
            {"name": "fires", "as_of": "2026-03-01T10:00", "but": {"child.stated_age": age - 1}, "expect": "fires"},
            {"name": "clears", "as_of": "2026-03-01T10:00", "but": {"child.stated_age": age}, "expect": "clears"},
        ],
    }


def _write(path: Path, data: object) -> None:
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
