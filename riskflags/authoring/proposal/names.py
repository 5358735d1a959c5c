"""What the title of a column says about it: the field whose very name it is, a name that means one field, or a hint.

A name that can mean more than one thing (a date of birth of whom? seen by whom?) is a hint, however common it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.fields import FieldInfo

Strength = Literal["own name", "known name", "hint", "hint of a person"]

_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_POSSESSIVE = re.compile(r"['\N{RIGHT SINGLE QUOTATION MARK}]s?\b")

KNOWN: Mapping[str, tuple[str, ...]] = {
    "incident.id": (
        "incident ref", "incident reference", "incident reference number", "incident number", "incident no",
        "incident identifier",
    ),
    "incident.occurred_at": ("occurred at", "occurred on", "date occurred", "occurred date", "date time occurred"),
    "incident.reported_at": (
        "reported at", "reported on", "date reported", "reported date", "date time reported", "incident reported date",
        "date incident reported",
    ),
    "child.id": ("child ref", "child reference", "child unique id", "child identifier", "child reference number"),
    "child.date_of_birth": ("child dob", "dob of child", "date of birth of child", "child birth date"),
    "child.sex": ("sex of child",),
    "child.in_care": ("looked after child", "child looked after", "child is in care", "child is looked after"),
    "missing.reported_at": ("date reported missing", "reported missing date", "reported missing at"),
    "missing.risk_level": ("missing risk", "missing risk grading", "missing risk assessment level"),
    "suspect.id": ("suspect ref", "suspect reference", "suspect unique id", "suspect identifier"),
    "suspect.date_of_birth": ("suspect dob", "dob of suspect", "date of birth of suspect", "suspect birth date"),
    "suspect.relationship": ("suspect relationship to child", "relationship of suspect to child"),
}  # fmt: skip
"""Field -> titles, in words, that mean it and nothing else. The path in words is always one of them."""

OF_A_PERSON: Mapping[str, tuple[str, ...]] = {
    "date_of_birth": ("dob", "date of birth", "birth date", "d o b"),
    "sex": ("sex",),
    "ethnicity": ("ethnicity",),
    "stated_age": ("age",),
}
"""Last part of a path -> titles that mean it, of whichever person the row is about."""

_HINTS: Mapping[str, tuple[str, ...]] = {
    "@date_of_birth": ("dob", "date of birth", "birth date"),
    "@sex": ("sex", "gender"),
    "@ethnicity": ("ethnicity", "ethnic"),
    "@stated_age": ("age",),
    "@id": ("person id", "person ref", "nominal", "person number"),
    "child.id": ("victim id", "victim ref", "pupil id"),
    "suspect.id": ("offender id", "offender ref"),
    "incident.id": ("crime ref", "crime number", "case number", "case id", "urn", "episode id", "crime id"),
    "child.placement_id": ("placement urn", "urn of placement"),
    "missing.kind": ("missing type", "episode type"),
    "incident.reported_at": ("reported", "rptd", "contact date", "referral date", "date of referral"),
    "incident.occurred_at": ("incident date", "date of incident", "occurred", "occ", "date from", "offence date"),
    "missing.last_seen_at": (
        "last seen", "missing since", "missing start", "episode start", "mis start", "missing from date",
        "date missing", "time missing",
    ),
    "missing.located_at": ("located", "found", "episode end", "mis end", "missing end"),
    "missing.returned_with": ("returned with",),
    "missing.returned_at": ("returned", "return date"),
    "missing.risk_level": ("risk",),
    "missing.missing_from": ("missing from",),
    "incident.crime_recorded_at": ("crime recorded",),
    "incident.closed_at": ("closed",),
    "incident.recorded_at": ("recorded", "created"),
    "incident.type": ("incident type", "type", "category"),
    "incident.status": ("status",),
    "incident.district": ("district", "bcu"),
    "incident.force": ("force",),
    "incident.team": ("team",),
    "incident.unit": ("unit",),
    "incident.narrative": ("narrative", "mo", "free text", "description"),
    "incident.reported_by": ("reported by", "source", "referrer"),
    "incident.injury": ("injury",),
    "incident.offences": ("offence", "offences"),
    "incident.indicators": ("indicators",),
    "child.role": ("role",),
    "child.in_care": ("lac", "cla", "looked after", "in care"),
    "child.legal_status": ("legal status",),
    "child.placement_type": ("placement type",),
    "child.placement_provider": ("placement provider",),
    "child.protection_plan": ("cp plan", "cpp", "protection plan"),
    "child.education_plan": ("ehcp",),
    "child.disabilities": ("disability", "disabilities"),
    "child.exploitation_flags": ("exploitation",),
    "child.school_urn": ("school urn",),
    "child.social_worker_id": ("social worker",),
    "child.home_address_id": ("home address",),
    "child.placement_authority": ("la of placement",),
    "suspect.relationship": ("relationship",),
    "suspect.registered_offender": ("rso", "registered sex offender"),
    "suspect.identified_at": ("identified",),
    "contact.channels": ("contact", "channel", "platform"),
    "contact.images_requested": ("images requested",),
    "contact.images_shared": ("images shared",),
    "contact.meeting_arranged": ("meeting",),
    "contact.gifts": ("gifts",),
}  # fmt: skip
"""Field -> words, side by side in a title, that hint at it; `@` stands for the person of the row."""
_WHOLE_HINTS: Mapping[str, str] = {"child": "child.id", "suspect": "suspect.id", "incident": "incident.id"}
"""Words that hint at a field only where they are the whole title."""
_CHILD = frozenset({"child", "children", "misper", "pupil", "victim", "vict", "yp"})
_SUSPECT = frozenset({"suspect", "offender", "perpetrator", "perp", "accused"})
_OTHERS = _SUSPECT | {
    "role", "victim", "vict", "witness", "person", "nominal", "parent", "mother", "father", "carer", "sibling", "adult",
    "relationship", "involvement", "mc", "partner", "reporter", "referrer", "caller", "informant",
}  # fmt: skip
"""Words in titles from which it follows that a row may be about somebody else than one child."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A field that a title may mean, and how strongly it says so."""

    path: str
    strength: Strength


def words_of(title: str) -> tuple[str, ...]:
    """Return the words of a title or a path, in lower case.

    >>> words_of("Child's DateOfBirth"), words_of("incident.reported_at")
    (('child', 'date', 'of', 'birth'), ('incident', 'reported', 'at'))
    """
    return tuple(word.lower() for word in _CAMEL.findall(_POSSESSIVE.sub("", title.replace("_", " "))))


def names_others(titles: list[str]) -> bool:
    """Return whether a title says that a row may be about somebody else than one child."""
    return any(not _OTHERS.isdisjoint(words_of(title)) for title in titles)


def meant_by(title: str, infos: Mapping[str, FieldInfo]) -> tuple[Meant, ...]:
    """Return the fields that a title may mean: one by its own name or a known name, else hints, the nearest first."""
    if title in infos:
        return (Meant(title, "own name"),)
    words = words_of(title)
    phrase = " ".join(words)
    known = [path for path in infos if phrase in _known(path)] if phrase else []
    if len(known) == 1:
        return (Meant(known[0], "known name"),)
    return tuple(dict.fromkeys(_hints(words, phrase, infos)))


@cache
def _known(path: str) -> frozenset[str]:
    return frozenset({" ".join(words_of(path)), *KNOWN.get(path, ())})


def _hints(words: tuple[str, ...], phrase: str, infos: Mapping[str, FieldInfo]) -> list[Meant]:
    bare = next((name for name, titles in OF_A_PERSON.items() if phrase in titles), "")
    if bare:
        return [Meant(f"child.{bare}", "hint of a person")]
    of_suspect = not _SUSPECT.isdisjoint(words)
    fitting = [(hint, path) for path, hints in _HINTS.items() for hint in hints if f" {hint} " in f" {phrase} "]
    fitting = [(hint, path) for hint, path in fitting if words[-1] != "id" or path.endswith("id")]
    fitting += [(phrase, _WHOLE_HINTS[phrase])] if phrase in _WHOLE_HINTS else []
    fitting.sort(key=lambda one: -len(one[0].split()))
    person = "suspect" if of_suspect else "child"
    is_anybody = not of_suspect and _CHILD.isdisjoint(words)
    found: list[Meant] = []
    for _, path in fitting:
        full = path.replace("@", f"{person}.")
        if full in infos:
            found.append(Meant(full, "hint of a person" if path.startswith("@") and is_anybody else "hint"))
    return found
