"""Packs of any number of rules of seven sorts, whose examples pass and cover them, for benchmarks of the loader.

Rules once per record and once per suspect, with look-ups, derived values of their own, flags and gaps of other rules,
severity by case, `unless` and examples with a history. All of it is synthetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riskflags.source.write.emit import in_blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Data = dict[str, Any]

TYPES = ("missing_episode", "online_contact", "assault", "child_concern")
SIGNS = ("grooming", "truancy", "debt", "weapon", "hotel", "self_harm", "drugs")
NOW = "2026-03-01T10:00"
GIVEN: Data = {
    "incident.id": "I1",
    "incident.type": "assault",
    "incident.occurred_at": "2026-02-20T09:00",
    "incident.reported_at": "2026-02-20T10:00",
    "child.id": "C1",
    "child.date_of_birth": "2010-06-15",
}


def write_varied_pack(folder: Path, *, rules: int) -> Path:
    """Write a pack of so many active rules, and return its folder."""
    _write(folder / "pack.yaml", PACK)
    _write(folder / "vocabulary.yaml", VOCABULARY)
    _write(folder / "actions.yaml", {"actions": {key: _action(key) for key in ("see_child", "referral", "review")}})
    _write(folder / "sources.yaml", {"local": {"title": "Generated", "publisher": "riskflags", "published": 2026}})
    for number in range(rules):
        letter, shape = list(SHAPES.items())[number % len(SHAPES)]
        turn = number // len(SHAPES)
        rule = {**_head(letter, turn), **shape(turn)}
        _write(folder / letter.lower() / f"{rule['id']}.yaml", rule)
    return folder


def _write(path: Path, data: Data) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(in_blocks(data), encoding="utf-8")


PACK: Data = {
    "id": "varied", "title": "Generated for benchmarks", "version": "1", "language": 1,
    "calendar": "england-and-wales", "timezone": "Europe/London",
    "event_time": "calc.event_time", "effective_by": "calc.known_at",
}  # fmt: skip
_LOCAL = [{"ref": "local", "says": "generated: not guidance"}]
VOCABULARY: Data = {
    "roles": {"attending_officer": {"label": "Attending officer"}, "sergeant": {"label": "Sergeant"}},
    "lists": {
        "online": {
            "label": "Online, by any channel", "values": ["online", "social_media", "game_chat"], "source": _LOCAL,
        },
        "family_links": {"label": "Family", "values": ["parent", "step_parent", "sibling", "family"], "source": _LOCAL},
    },
    "params": {
        "large_gap": {
            "label": "Gap of age that is large", "unit": "years", "default": "local",
            "values": {"2014-01-01": 6, "2020-01-01": 5}, "source": _LOCAL,
        },
        "often": {
            "label": "Records that are many", "unit": "records", "default": "local", "values": {"2014-01-01": 3},
            "source": _LOCAL,
        },
    },
    "derived": {
        "calc.event_time": {
            "label": "When it happened",
            "first_recorded": ["incident.occurred_at", "missing.last_seen_at", "incident.reported_at"],
        },
        "calc.known_at": {
            "label": "When it was known", "first_recorded": ["incident.reported_at", "incident.occurred_at"],
        },
        "calc.child_age": {"label": "Age of the child", "age": {"of": "child", "on": "calc.event_time"}},
        "calc.age_gap": {
            "label": "Years between the two",
            "age_gap": {"older": "suspect", "younger": "child", "on": "calc.event_time"},
        },
    },
    "conditions": {
        "is_missing": {
            "is": {"any": [{"incident.type": "missing_episode"}, {"missing.last_seen_at": {"recorded": True}}]},
            "given": GIVEN,
            "examples": [
                {"name": "by its type", "as_of": NOW, "but": {"incident.type": "missing_episode"}, "expect": "fires"},
                {"name": "last seen", "as_of": NOW, "but": {"missing.last_seen_at": "2026-02-20"}, "expect": "fires"},
                {"name": "neither", "as_of": NOW, "expect": "clears"},
            ],
        }
    },
}  # fmt: skip


def _action(key: str) -> Data:
    return {
        "code": key.upper(),
        "label": key.replace("_", " "),
        "owner": "sergeant" if key == "review" else "attending_officer",
        "due": [
            {"within": "4 hours", "of": "incident.reported_at", "when": {"severity": "critical"}},
            {"within": "1 working day", "of": {"first_recorded": ["incident.reported_at", "calc.event_time"]}},
        ],
        "satisfied_by": [{"codes": [key], "outcomes": ["completed"]}],
        "source": _LOCAL,
    }


def _head(letter: str, turn: int) -> Data:
    return {
        "code": f"{letter}{turn + 1}",
        "id": f"{NAMES[letter]}-{turn + 1}",
        "title": f"Generated rule {turn + 1} about {NAMES[letter]}",
        "why": "It is there to be measured, and as long as the reason of a rule that somebody wrote.",
        "version": 1,
        "status": "active",
        "effective": {"from": "2015-01-01"},
        "source": [
            {"ref": "local", "at": f"p. {turn + 1}", "says": "generated, not guidance", "checked": "2026-11-23"}
        ],
    }


def _flag(severity: Any, message: str, about: str = "child") -> Data:
    return {"severity": severity, "about": about, "message": message}


def _example(name: str, expect: Any, but: Data | None = None, **more: Any) -> Data:
    return {"name": name, "as_of": NOW, **({"but": but} if but else {}), **more, "expect": expect}


# ---- the sorts of rule -----------------------------------------------------------------------------------------------


def _plain(turn: int) -> Data:
    sign, age = SIGNS[turn % 7], 13 + turn % 5
    born = {"child.date_of_birth": f"{2026 - age}-01-01"}
    return {
        "when": {
            "all": [
                {"incident.type": {"in": [TYPES[turn % 4], TYPES[(turn + 1) % 4]]}},
                {"calc.child_age": {"less_than": age}},
                {"any": [{"incident.indicators": {"has": sign}}, {"child.in_care": True}]},
            ]
        },
        "flag": _flag("high", "{calc.child_age} years old"),
        "requires": ["see_child", {"do": "referral", "when": {"child.in_care": True}}],
        "known_limits": "It cannot tell a sign that was seen from one that was suspected.",
        "given": _given_of_plain(turn),
        "examples": [
            _example("as given", {"fires": {"severity": "high"}, "gaps": {"see_child": "overdue"}}),
            _example("in care", "fires", {"incident.indicators": [], "child.in_care": True}),
            _example("of another type", "clears", {"incident.type": TYPES[(turn + 2) % 4]}),
            _example("on the day that it is too old", "clears", born),
            _example("no sign, not in care", "clears", {"incident.indicators": []}),
            _example("nobody wrote how old", {"undecided": ["child.date_of_birth"]}, {"child.date_of_birth": None}),
        ],
    }  # fmt: skip


def _given_of_plain(turn: int) -> Data:
    return {
        **GIVEN,
        "incident.type": TYPES[turn % 4],
        "incident.indicators": [SIGNS[turn % 7]],
        "child.date_of_birth": "2014-03-05",
        "child.in_care": False,
    }


def _suspects(turn: int) -> Data:
    gap = 8 + turn % 6
    years = {name: f"{2010 - years}-06-15" for name, years in (("large", gap), ("some", gap - 1), ("small", 4))}

    def suspect(born: str, **more: Any) -> Data:
        return {"suspects": [{"suspect.id": "S1", "suspect.date_of_birth": years[born], **more}]}

    return {
        "for_each": "suspects",
        "when": {
            "all": [
                {"suspect.id": {"recorded": True}},
                {"calc.age_gap": {"at_least": {"param": "large_gap"}}},
                {"contact.channels": {"has_any": {"list": "online"}}},
            ]
        },
        "unless": [{"suspect.relationship": {"in": {"list": "family_links"}}}],
        "flag": _flag(
            [
                {
                    "is": "critical",
                    "when": {"any": [{"calc.age_gap": {"at_least": gap}}, {"contact.sexual_content": True}]},
                },
                {"is": "medium", "when": {"calc.child_age": {"at_least": 16}}},
                {"is": "high"},
            ],
            "{calc.age_gap} years older, in contact online",
        ),
        "requires": ["see_child", "referral"],
        "given": {**GIVEN, "contact.channels": ["game_chat"], "contact.sexual_content": False, **suspect("some")},
        "examples": [
            _example("as given", {"fires": {"severity": "high", "suspect": "S1"}}),
            _example("much older", {"fires": {"severity": "critical"}}, suspect("large")),
            _example("sexual messages", {"fires": {"severity": "critical"}}, {"contact.sexual_content": True}),
            _example("sixteen", {"fires": {"severity": "medium"}},
                     {"child.date_of_birth": "2010-02-20",
                      "suspects": [{"suspect.id": "S1", "suspect.date_of_birth": "2004-02-20"}]}),
            _example("four years", "clears", suspect("small")),
            _example("in person", "clears", {"contact.channels": ["in_person"]}),
            _example("a brother", "clears", suspect("some", **{"suspect.relationship": "sibling"})),
            _example("a stranger", "fires", suspect("some", **{"suspect.relationship": "stranger"})),
            _example("nobody recorded", "clears", {"suspects": None}),
        ],
    }  # fmt: skip


def _repeat(turn: int) -> Data:
    days = 20 + turn
    there = {"incident.type": "missing_episode"}

    def earlier(name: str, back: int) -> Data:
        month, day = divmod(20 + 31 - back, 31)
        when = f"2026-0{month + 1}-{day + 1:02}"
        return {"incident.id": name, "incident.occurred_at": f"{when}T09:00", "incident.reported_at": f"{when}T10:00"}

    return {
        "derived": {
            "calc.episodes": {
                "label": f"Missing episodes in {days} days",
                "how_many": {
                    "in": "records", "by": ["child.id"], "where": {"use": "is_missing"},
                    "window": {"back": f"{days} days"},
                },
            }
        },
        "when": {"all": [{"use": "is_missing"}, {"calc.episodes": {"at_least": {"param": "often"}}}]},
        "flag": _flag("medium" if turn % 2 else "high", "{calc.episodes} missing episodes"),
        "requires": ["review", {"do": "referral", "when": {"calc.episodes": {"at_least": 4}}}],
        "given": {**GIVEN, **there},
        "examples": [
            _example("the third", {"fires": {"because": ["I1", "I2", "I3"]}},
                     history=[earlier("I2", 5), earlier("I3", 15)]),
            _example("the fourth", "fires", history=[earlier("I2", 5), earlier("I3", 15), earlier("I4", 10)]),
            _example("the second", "clears", history=[earlier("I2", 5)]),
            _example("of another child", "clears",
                     history=[earlier("I2", 5), {**earlier("I3", 15), "but": {"child.id": "C2"}}]),
            _example("not missing", "clears", {"incident.type": "assault"},
                     history=[earlier("I2", 5), earlier("I3", 15)]),
        ],
    }  # fmt: skip


def _chain(turn: int) -> Data:
    flag: Any = {"family": ["A"], "severity": {"at_least": "high"}} if turn % 3 == 0 else f"{NAMES['A']}-{turn + 1}"
    return {
        "when": {"all": [{"flag": flag}, {"child.protection_plan": True}]},
        "flag": _flag("critical", "A child with a plan"),
        "requires": ["review"],
        "given": {**_given_of_plain(turn), "child.protection_plan": True},
        "examples": [
            _example("as given", {"fires": {"severity": "critical"}, "gaps": {"review": "overdue"}}),
            _example("not flagged", "clears", {"incident.type": "other"}),
            _example("no plan", "clears", {"child.protection_plan": False}),
            _example("nobody wrote of a plan", {"undecided": ["child.protection_plan"]},
                     {"child.protection_plan": None}),
        ],
    }  # fmt: skip


def _late(turn: int) -> Data:
    days = 1 + turn % 4
    seen = {"done": [{"action.code": "see_child", "action.outcome": "completed", "action.at": "2026-02-20T12:00"}]}
    states = ["overdue", "done_late"]
    return {
        "when": {
            "all": [
                {"gap": {"action": "see_child", "state": states, "late_by": {"at_least": f"{days} days"}}},
                {"child.sex": "female" if turn % 2 else "male"},
            ]
        },
        "flag": _flag("medium", "Nobody has seen the child", about="incident"),
        "requires": [{"do": "review", "due": {"within": "2 hours", "of": "incident.reported_at"}}],
        "given": {**_given_of_plain(turn), "child.sex": "female" if turn % 2 else "male"},
        "examples": [
            _example("as given", "fires"),
            _example("seen", "clears", seen),
            {"name": "not yet due", "as_of": "2026-02-23T23:00", "expect": "clears"},
            _example("of another sex", "clears", {"child.sex": "other"}),
        ],
    }  # fmt: skip


def _several(turn: int) -> Data:
    hours = 12 + turn
    return {
        "derived": {
            "calc.hours": {
                "label": "Hours until it was reported",
                "hours_between": ["incident.occurred_at", "incident.reported_at"],
            },
            "calc.signs": {"label": "Signs", "size": ["incident.indicators", [SIGNS[turn % 7], SIGNS[(turn + 1) % 7]]]},
        },
        "when": {
            "at_least_of": {
                "many": 2,
                "of": [
                    {"calc.hours": {"more_than": hours}},
                    {"calc.signs": {"at_least": 1}},
                    {"child.education_plan": True},
                    {"none": [{"child.trusted_adult": True}]},
                ],
            }
        },
        "unless": [{"all": [{"child.role": "witness"}, {"incident.injury": "none"}]}],
        "flag": _flag("low", "{calc.hours} hours, {calc.signs} signs"),
        "requires": ["see_child"],
        "given": {
            **GIVEN, "incident.indicators": [SIGNS[turn % 7]], "child.education_plan": True,
            "child.trusted_adult": True,
        },
        "examples": [
            _example("a sign and a plan", "fires"),
            _example("late, and nobody to talk to", "fires",
                     {"incident.occurred_at": "2026-02-01T09:00", "child.trusted_adult": False,
                      "incident.indicators": [], "child.education_plan": False}),
            _example("a sign alone", "clears", {"child.education_plan": False}),
            _example("a witness who was not hurt", "clears", {"child.role": "witness", "incident.injury": "none"}),
            _example("a witness who was", "fires", {"child.role": "witness", "incident.injury": "minor"}),
            _example("a victim", "fires", {"child.role": "victim"}),
        ],
    }  # fmt: skip


def _recorded(turn: int) -> Data:
    code = ("visit", "call", "letter")[turn % 3]
    done = [{"action.code": code, "action.outcome": "completed", "action.at": "2026-02-21T12:00"}]
    return {
        "derived": {
            "calc.done": {
                "label": f"Times that {code} is on record",
                "how_many": {
                    "in": "done", "where": {"all": [{"action.code": code}, {"action.outcome": "completed"}]},
                },
            },
            "calc.last": {"label": "The last of all", "latest": {"in": "done", "of": "action.at"}},
        },
        "when": {
            "all": [
                {"use": "is_missing"},
                {"any": [{"calc.done": {"at_most": turn % 2}},
                         {"calc.last": {"before": {"field": "incident.reported_at"}}}]},
            ]
        },
        "flag": _flag("low", "{calc.done} times"),
        "requires": ["review"],
        "given": {**GIVEN, "incident.type": "missing_episode", "done": []},
        "examples": [
            _example("nothing on record", "fires"),
            _example("often enough", "clears", {"done": done * (turn % 2 + 1)}),
            _example("all of it before", "fires", {"done": [{**one, "action.at": "2026-02-19"} for one in done * 2]}),
            _example("not missing", "clears", {"incident.type": "assault"}),
        ],
    }  # fmt: skip


NAMES = {
    "A": "signs", "B": "gap-of-age", "C": "repeat-missing", "D": "with-a-plan", "E": "not-seen", "F": "several-signs",
    "G": "nothing-done",
}  # fmt: skip
SHAPES: dict[str, Callable[[int], Data]] = {
    "A": _plain, "B": _suspects, "C": _repeat, "D": _chain, "E": _late, "F": _several, "G": _recorded,
}  # fmt: skip
