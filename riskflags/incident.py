"""One child in one incident, checked once, frozen, with every field that a rule can name.

The path of a field in a rule (`child.in_care`) is the path of attributes here. A records system adds its own fields by
subclassing a group and `Incident`; rules can read them at once.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from riskflags import codes as c
from riskflags.kinds import (
    Age,
    Code,
    CodeList,
    Decimal6,
    OpenCode,
    OpenCodes,
    PersonalDate,
    PersonalText,
    PlannedTime,
    Text,
    Time,
    YesNo,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.model import Moment


class Facts(BaseModel):
    """A group of fields, each of which may be absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IncidentFacts(Facts):
    """What happened, when, where, and who recorded it."""

    id: Text = Field(default=None, description="Reference of the incident in its system; required")
    type: Annotated[c.IncidentType | None, Code] = Field(default=None, description="Main type of incident; required")
    occurred_at: Time = Field(default=None, description="When it happened")
    reported_at: Time = Field(default=None, description="When it was reported")
    recorded_at: Time = Field(default=None, description="When the record was made")
    crime_recorded_at: Time = Field(default=None, description="When a crime was recorded")
    closed_at: Time = Field(default=None, description="When the incident was closed")
    status: Annotated[c.IncidentStatus | None, Code] = Field(default=None, description="Open or closed")
    force: OpenCode = Field(default=None, description="Police force that deals with it")
    district: OpenCode = Field(default=None, description="District or basic command unit")
    authority: OpenCode = Field(default=None, description="Local authority of the place, by its official code")
    team: Text = Field(default=None, description="Team that deals with it")
    unit: Text = Field(default=None, description="Unit that deals with it")
    address_id: Text = Field(
        default=None, description="Identifier of the address; one name space with every address id"
    )
    narrative: PersonalText = Field(default=None, description="What was written about it")
    source_system: Text = Field(default=None, description="System that the record comes from")
    indicators: Annotated[tuple[c.Indicator, ...] | None, *CodeList] = Field(
        default=None, description="Screening indicators of sexual or criminal exploitation that were seen"
    )
    injury: Annotated[c.Injury | None, Code] = Field(default=None, description="Injury of the child")
    other_children: YesNo = Field(default=None, description="Other children live in or visit the household")
    children_present: YesNo = Field(default=None, description="Children were present")
    reported_by: Annotated[c.Reporter | None, Code] = Field(default=None, description="Who reported it")
    offences: Annotated[tuple[c.Offence, ...] | None, *CodeList] = Field(default=None, description="Offences reported")
    other_forces: OpenCodes = Field(default=None, description="Other police forces that have a part in it")


class Child(Facts):
    """The child of this record. People of 16 and 17 are children."""

    id: Text = Field(default=None, description="Identifier of the child, the same in every record")
    date_of_birth: PersonalDate = Field(default=None, description="Date of birth")
    stated_age: Age = Field(default=None, description="Age as stated, in years, on the day of the incident")
    age_from: Age = Field(default=None, description="Youngest age it can be (a teenager: 13)")
    age_to: Age = Field(default=None, description="Oldest age it can be (a teenager: 19)")
    role: Annotated[c.ChildRole | None, Code] = Field(default=None, description="Part of the child in the incident")
    sex: Annotated[c.Sex | None, Code] = Field(default=None, description="Sex")
    ethnicity: Annotated[c.Ethnicity | None, Code] = Field(default=None, description="Ethnicity, DfE codes")
    in_care: YesNo = Field(default=None, description="Looked after by a local authority")
    legal_status: Annotated[c.LegalStatus | None, Code] = Field(default=None, description="Legal status, DfE codes")
    placement_type: Annotated[c.PlacementType | None, Code] = Field(
        default=None, description="Placement type, DfE codes"
    )
    placement_provider: Annotated[c.PlacementProvider | None, Code] = Field(
        default=None, description="Provider of the placement, DfE codes"
    )
    placement_id: Text = Field(default=None, description="Address id of the placement")
    home_address_id: Text = Field(default=None, description="Address id of the child's home")
    placement_authority: OpenCode = Field(default=None, description="Local authority where the placement is")
    responsible_authority: OpenCode = Field(default=None, description="Local authority that looks after the child")
    home_authority: OpenCode = Field(default=None, description="Local authority of the child's home")
    home_force: OpenCode = Field(default=None, description="Police force of the child's home")
    placement_started_at: Time = Field(default=None, description="When the placement began")
    protection_plan: YesNo = Field(default=None, description="Has a child protection plan")
    education_plan: YesNo = Field(default=None, description="Has an education, health and care plan")
    trusted_adult: YesNo = Field(default=None, description="Has an adult to talk to")
    disabilities: Annotated[tuple[c.Disability, ...] | None, *CodeList] = Field(
        default=None, description="Disabilities"
    )
    exploitation_flags: Annotated[tuple[c.ExploitationFlag, ...] | None, *CodeList] = Field(
        default=None, description="Exploitation flags held on the child"
    )
    school_urn: Text = Field(default=None, description="School, by its unique reference number")
    social_worker_id: Text = Field(default=None, description="Identifier of the allocated social worker")


class Suspect(Facts):
    """One suspect of the incident, known or unknown."""

    id: Text = Field(default=None, description="Identifier of the suspect, the same in every record")
    date_of_birth: PersonalDate = Field(default=None, description="Date of birth")
    stated_age: Age = Field(default=None, description="Age as stated, in years, on the day of the incident")
    age_from: Age = Field(default=None, description="Youngest age it can be")
    age_to: Age = Field(default=None, description="Oldest age it can be")
    is_adult: YesNo = Field(default=None, description="Known to be 18 or older, or known not to be")
    several: YesNo = Field(default=None, description="This entry stands for several unknown people")
    relationship: Annotated[c.Relationship | None, Code] = Field(
        default=None, description="What the suspect is to the child"
    )
    identified_at: Time = Field(default=None, description="When the suspect was identified")
    registered_offender: YesNo = Field(default=None, description="Registered sex offender")
    prior_child_offence: YesNo = Field(default=None, description="Earlier offence against a child")
    position_of_trust: YesNo = Field(default=None, description="In a position of trust towards the child")
    access_to_children: YesNo = Field(default=None, description="Lives with, works with or cares for children")
    same_household: YesNo = Field(default=None, description="Lives in the child's household")
    found_with_child: YesNo = Field(default=None, description="Was found with the child")
    in_reach_of_child: YesNo = Field(default=None, description="Can still meet or contact the child")
    order_types: Annotated[tuple[c.OrderType, ...] | None, *CodeList] = Field(
        default=None, description="Orders, notices and bail conditions in force"
    )
    authority: OpenCode = Field(default=None, description="Local authority where the suspect lives")
    handle_id: Text = Field(default=None, description="Identifier of an online account")
    phone_id: Text = Field(default=None, description="Identifier of a phone number")
    vehicle_id: Text = Field(default=None, description="Identifier of a vehicle")
    address_id: Text = Field(default=None, description="Address id of the suspect's home")


class Missing(Facts):
    """The missing episode, where there is one."""

    kind: Annotated[c.MissingKind | None, Code] = Field(
        default=None, description="Missing (whereabouts not known) or away (known, without agreement)"
    )
    missing_from: Annotated[c.MissingFrom | None, Code] = Field(
        default=None, description="Where the child is missing from"
    )
    last_seen_at: Time = Field(default=None, description="When the child was last seen")
    reported_at: Time = Field(default=None, description="When the child was reported missing")
    located_at: Time = Field(default=None, description="When the child was found")
    returned_at: Time = Field(default=None, description="When the child was back")
    risk_level: Annotated[c.RiskLevel | None, Code] = Field(default=None, description="Risk level, College of Policing")
    risk_assessed_at: Time = Field(default=None, description="When the risk was assessed")
    located_address_id: Text = Field(default=None, description="Address id of where the child was found")
    returned_with: Annotated[tuple[c.ReturnedWith, ...] | None, *CodeList] = Field(
        default=None, description="What the child came back with"
    )
    earlier_episodes: Decimal6 = Field(default=None, description="Earlier episodes, as the source counts them")


class Contact(Facts):
    """Contact between suspect and child, online or in person."""

    channels: Annotated[tuple[c.Channel, ...] | None, *CodeList] = Field(
        default=None, description="How they are in contact"
    )
    first_at: Time = Field(default=None, description="When the contact began")
    images_requested: YesNo = Field(default=None, description="Images of the child were asked for")
    images_shared: YesNo = Field(default=None, description="Images of the child were shared")
    sexual_content: YesNo = Field(default=None, description="The messages were sexual")
    sexual_activity: YesNo = Field(default=None, description="Sexual activity is reported")
    meeting_arranged: YesNo = Field(default=None, description="A meeting was arranged or asked for")
    met: YesNo = Field(default=None, description="They have met")
    gifts: YesNo = Field(default=None, description="Gifts or money were given")


class Marker(Facts):
    """A warning or flag that a system holds on a child, an address, a suspect or a vehicle."""

    target: Annotated[c.MarkerTarget | None, Code] = Field(default=None, description="What the marker is on")
    target_id: Text = Field(default=None, description="Identifier of what it is on")
    type: Annotated[c.MarkerType | None, Code] = Field(default=None, description="Type of marker")
    placed_at: Time = Field(default=None, description="When it was placed")
    review_due: PlannedTime = Field(default=None, description="When it is to be reviewed")
    removed_at: Time = Field(default=None, description="When it was removed")


class Action(Facts):
    """A safeguarding action on record."""

    code: Text = Field(default=None, description="Code of the action, as the pack's catalogue spells it")
    at: Time = Field(default=None, description="When it was done")
    outcome: Annotated[c.Outcome | None, Code] = Field(default=None, description="Outcome")
    by_role: Annotated[c.Role | None, Code] = Field(default=None, description="Role of who did it")
    suspect_id: Text = Field(default=None, description="Suspect that it is about")
    agencies: Annotated[tuple[c.Agency, ...] | None, *CodeList] = Field(
        default=None, description="Agencies that took part"
    )
    contents: Annotated[tuple[c.Content, ...] | None, *CodeList] = Field(
        default=None, description="What the record holds"
    )
    reason: PersonalText = Field(default=None, description="Reason, for a waiver or a decision")
    evidence_ref: Text = Field(default=None, description="Where the evidence is")


class Holds(Facts):
    """What the source of a record records at all. What it does not hold is never read as not there."""

    actions: Literal["all", "none"] | tuple[str, ...] = Field(default="all", description="Codes of actions it records")
    markers: bool = Field(default=True, description="It records markers")
    suspects: bool = Field(default=True, description="It records suspects")
    contact: bool = Field(default=True, description="It records contact")
    indicators: bool = Field(default=True, description="It records screening indicators")
    fields: Literal["all"] | tuple[str, ...] = Field(default="all", description="Fields that it can fill")

    def records_action(self, code: str) -> bool:
        """Return whether an action of this code would be on record, had it been taken."""
        return self.actions == "all" or (self.actions != "none" and code in self.actions)

    def records_field(self, path: str) -> bool:
        """Return whether the field, or the group, would be filled, had it been known."""
        group = path.partition(".")[0]
        lists = {"suspect": self.suspects, "suspects": self.suspects, "contact": self.contact, "markers": self.markers}
        if not lists.get(group, True) or (path == "incident.indicators" and not self.indicators):
            return False
        return self.fields == "all" or path in _with_groups(self.fields)


@lru_cache(maxsize=256)
def _with_groups(fields: tuple[str, ...]) -> frozenset[str]:
    """Return fields with the groups that they lie in. Kept: many records have one source."""
    parts = [path.split(".") for path in fields]
    return frozenset(".".join(some[:number]) for some in parts for number in range(1, len(some) + 1))


GROUPS = {"incident": "incident", "child": "child", "suspects": "suspect", "missing": "missing",
          "contact": "contact", "markers": "marker", "done": "action"}  # fmt: skip
"""Attribute of an incident -> first part of the path of its fields."""
LISTS = frozenset({"suspects", "markers", "done"})
TIMES = ("incident.occurred_at", "incident.reported_at", "missing.last_seen_at", "missing.reported_at")
"""At least one of these is known, or there is no record."""
IN_ORDER = (
    ("incident.occurred_at", "incident.reported_at"),
    ("missing.last_seen_at", "missing.located_at"),
    ("missing.last_seen_at", "missing.returned_at"),
    ("missing.located_at", "missing.returned_at"),
)
"""Pairs of times: the second is never before the first, or the record contradicts itself."""


class Incident(BaseModel):
    """One child in one incident.

    Give groups by name (`child={"id": "C1"}`) or dotted keys (`{"child.id": "C1"}`); lists hold one entry each. Naive
    times are Europe/London unless validated with `context={"timezone": ZoneInfo(...)}`. Raises pydantic's
    ValidationError for a value outside its kind or code list, for a missing id, type or time, and for times that
    contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    incident: IncidentFacts
    child: Child = Child()
    suspects: tuple[Suspect, ...] = ()
    missing: Missing = Missing()
    contact: Contact = Contact()
    markers: tuple[Marker, ...] = ()
    done: tuple[Action, ...] = ()
    holds: Holds = Holds()

    @property
    def key(self) -> tuple[str, str | None]:
        """What makes the record itself: the incident and the child."""
        return (self.incident.id or "", self.child.id)

    @model_validator(mode="before")
    @classmethod
    def _unfold(cls, data: Any) -> Any:
        return unfold(cast("dict[str, Any]", data)) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check(self) -> Incident:
        for problem in defects(self):
            raise ValueError(problem)
        suspects = sorted(self.suspects, key=_content)
        for number, suspect in enumerate((s for s in suspects if s.id is None), start=1):
            place = next(i for i, s in enumerate(suspects) if s is suspect)
            suspects[place] = suspect.model_copy(update={"id": f"{self.incident.id}#{number}"})
        ordered = {
            "suspects": tuple(sorted(suspects, key=_content)),
            "markers": tuple(sorted(self.markers, key=_content)),
            "done": tuple(sorted(self.done, key=_content)),
        }
        for name, value in ordered.items():
            object.__setattr__(self, name, value)  # the model is frozen: this is its last breath of construction
        return self


def is_assigned(suspect_id: str, incident_id: str) -> bool:
    """Return whether an id was given to a suspect without one: it links nothing beyond its incident."""
    return suspect_id.startswith(f"{incident_id}#")


def _content(facts: Facts) -> str:
    return json.dumps(facts.model_dump(mode="json", exclude_none=True), sort_keys=True)


def defects(incident: Incident) -> list[str]:
    """Return why this cannot be a record; empty when it can."""
    found: list[str] = []
    if incident.incident.id is None:
        found.append("incident.id is missing: a record needs a reference")
    if incident.incident.type is None:
        found.append("incident.type is missing: a record needs a type")
    times = {path: time_of(incident, path) for pair in (TIMES, *IN_ORDER) for path in pair}
    if all(times[path] is None for path in TIMES):
        found.append(f"no time at all: fill one of {', '.join(TIMES)}")
    for first, second in IN_ORDER:
        start, end = times[first], times[second]
        if start is not None and end is not None and end.latest < start.earliest:
            found.append(f"{second} ({end}) is before {first} ({start})")
    return found


def time_of(incident: Incident, path: str) -> Moment | None:
    """Return the moment of a field of a group that is not a list."""
    group, _, name = path.partition(".")
    found: Moment | None = getattr(getattr(incident, group), name)
    return found


def unfold(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data nested by group, from dotted keys, nested groups, or both; the dotted key wins."""
    nested: dict[str, Any] = {}
    for key, value in data.items():
        if key in LISTS and isinstance(value, list | tuple):
            nested[key] = [_bare(item, GROUPS[key]) for item in cast("list[Any]", value)]
        elif "." not in key:
            held = nested.get(key)
            nested[key] = {**value, **held} if isinstance(value, dict) and isinstance(held, dict) else value
        else:
            group, _, name = key.partition(".")
            held = nested.get(group, {})
            nested[group] = {**(held if isinstance(held, dict) else held.model_dump()), name: value}
    return nested


def _bare(item: Any, group: str) -> Any:
    if not isinstance(item, dict):
        return item
    return {key.removeprefix(f"{group}."): value for key, value in cast("dict[str, Any]", item).items()}
