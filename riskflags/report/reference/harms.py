"""What is asked for each kind of harm that a record can state, whatever is known of the ages and of a suspect.

Each kind stands alone on a record of its own. What is not asked for by intent is told with its reason; what is asked
for by nothing is a hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from riskflags.engine import Engine
from riskflags.report.phrases import plain, sentence
from riskflags.report.reference.markdown import page, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.pack import Pack

ASKED: Mapping[str, tuple[str, ...]] = {
    "seen": ("see_child", "prevention_interview"),
    "recorded": ("record_crime",),
    "told": ("referral", "notify_authority"),
}
"""What has to be asked for -> the actions of which any will do."""
BY_INTENT: Mapping[str, Mapping[str, str]] = {
    "type missing_episode": {"recorded": "an episode alone is no crime"},
    "type child_concern": {"recorded": "a worry alone is no crime"},
    "type domestic_abuse": {"recorded": "a report may be of no crime; D03 asks for it at 16 and 17"},
    "type police_protection": {"recorded": "what led to it stands on a record of its own"},
    "type other": dict.fromkeys(ASKED, "no harm is stated"),
    "offence other": dict.fromkeys(ASKED, "no harm is stated"),
    **{
        f"sign {sign}": dict.fromkeys(ASKED, "one medium sign alone; three are E07")
        for sign in ("truancy", "self_harm", "substance_misuse", "secretive", "sexualised_language", "new_peer_group")
    },
    **{
        f"sign {sign}": dict.fromkeys(ASKED, "one sign of criminal exploitation alone; two are E08")
        for sign in ("unexplained_money", "multiple_phones", "drugs", "weapon", "debt")
    },
    **{
        f"sign {sign}": {"recorded": "a sign is no crime yet: E07 asks for the child to be seen and the referral"}
        for sign in (
            "older_adult_relationship", "injury_assault", "sti", "pregnancy", "unknown_adult_vehicle",
            "seen_at_exploitation_place", "late_night_phone", "hotel",
        )
    },
}  # fmt: skip
"""Kind of harm -> what is not asked for by intent, with the reason."""
AGES: Mapping[str, Mapping[str, Any]] = {
    "age not known": {}, **{f"age {age}": {"child.stated_age": age} for age in (4, 12, 15, 17)},
}  # fmt: skip
SUSPECTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "no suspect": (),
    "suspect of unknown age": ({"suspect.id": "SYN-S"},),
    "adult suspect": ({"suspect.id": "SYN-S", "suspect.stated_age": 40},),
    "suspect of 15": ({"suspect.id": "SYN-S", "suspect.stated_age": 15},),
}
_REPORTED = "2026-03-02T09:00"
_LATER = "2026-03-10T09:00"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for a kind of harm: of each sort, whether it always is, and the rules that ask."""

    kind: str
    always: Mapping[str, bool]
    rules: tuple[str, ...]
    holes: tuple[str, ...]


def harms(pack: Pack) -> list[Asked]:
    """Return what is asked for each kind of harm. A hole is a case in which something is not, and not by intent."""
    engine = Engine(pack)
    as_of = datetime.fromisoformat(_LATER).replace(tzinfo=pack.zone)
    return [_asked(kind, stated, engine, as_of) for kind, stated in _kinds(pack)]


def _kinds(pack: Pack) -> Iterator[tuple[str, dict[str, Any]]]:
    codes = {name: pack.fields[f"incident.{name}"].codes or () for name in ("type", "offences", "indicators")}
    yield from ((f"type {code}", {"incident.type": code}) for code in codes["type"])
    for name, word in (("offences", "offence"), ("indicators", "sign")):
        for code in codes[name]:
            yield f"{word} {code}", {"incident.type": "other", f"incident.{name}": [code]}


def _asked(kind: str, stated: Mapping[str, Any], engine: Engine, as_of: datetime) -> Asked:
    always = dict.fromkeys(ASKED, True)
    rules: set[str] = set()
    holes: list[str] = []
    for age, born in AGES.items():
        for who, suspects in SUSPECTS.items():
            data = {"incident.id": "SYN-1", "incident.reported_at": _REPORTED, "child.id": "SYN-C", **stated, **born}
            if kind == "type missing_episode":
                data["missing.returned_at"] = _REPORTED
            result = engine.assess(engine.pack.record.model_validate({**data, "suspects": list(suspects)}), as_of=as_of)
            rules |= {rule for one in result.requirements for rule in one.rules}
            found = {one.action for one in result.requirements}
            for sort, actions in ASKED.items():
                if not found & set(actions):
                    always[sort] = False
                    if sort not in BY_INTENT.get(kind, {}):
                        holes.append(f"{kind}, {age}, {who}: nothing asks for it to be {sort}")
    return Asked(kind, always, tuple(sorted(rules)), tuple(holes))


def harms_page(pack: Pack) -> str:
    """Return the page on what is asked for each kind of harm; empty for a pack without these actions."""
    if not {action for actions in ASKED.values() for action in actions} <= set(pack.actions):
        return ""
    about = (
        "Each kind of harm stands alone on a synthetic record, with the child's age known and unknown "
        f"({', '.join(AGES)}), and with {', '.join(SUSPECTS)}. *Always* means in every one of these cases. What is not "
        "asked for by intent is told with its reason; a test fails where nothing asks and no reason is given."
    )
    rows = [
        (
            sentence(plain(one.kind)),
            *("always" if one.always[sort] else _reason(one, sort) for sort in ASKED),
            " ".join(one.rules),
        )
        for one in harms(pack)
    ]
    heads = ["stated alone", "the child seen", "the crime recorded", "a referral made", "rules that ask for something"]
    return page("What is asked for each kind of harm", about, table(heads, rows))


def _reason(one: Asked, sort: str) -> str:
    return BY_INTENT.get(one.kind, {}).get(sort, "**a hole**")
