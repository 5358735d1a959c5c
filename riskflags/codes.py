"""The closed code lists of an incident record.

Published lists: legal status, placement type and provider, ethnicity and sex follow the DfE children-looked-after
return (SSDA903); missing risk levels follow the College of Policing; screening indicators follow multi-area CSE and
CCE tools. The rest are this library's own short lists, in POLE terms.
"""

from __future__ import annotations

from typing import Literal

IncidentType = Literal[
    "missing_episode", "online_contact", "sexual_offence", "assault", "exploitation_concern", "domestic_abuse",
    "child_concern", "police_protection", "other",
]  # fmt: skip
IncidentStatus = Literal["open", "closed"]
Indicator = Literal[
    "grooming", "payment_for_sex", "sexual_messages_or_images", "older_adult_relationship", "injury_assault", "sti",
    "pregnancy", "unknown_adult_vehicle", "seen_at_exploitation_place", "late_night_phone", "hotel", "truancy",
    "self_harm", "substance_misuse", "secretive", "sexualised_language", "new_peer_group", "unexplained_money",
    "multiple_phones", "drugs", "weapon", "debt", "neglect",
]  # fmt: skip
Injury = Literal["none", "minor", "needs_treatment", "serious"]
Reporter = Literal[
    "child", "parent", "carer", "placement_staff", "school", "health", "social_care", "police", "public",
    "online_platform", "other",
]  # fmt: skip
Offence = Literal[
    "rape", "sexual_assault", "sexual_activity_with_child", "grooming", "indecent_images", "sexual_communication",
    "assault", "neglect", "trafficking", "abduction", "threats", "other",
]  # fmt: skip
ChildRole = Literal["victim", "missing", "witness", "suspect", "at_risk"]
Sex = Literal["female", "male", "other", "unknown"]
Ethnicity = Literal[
    "WBRI", "WIRI", "WIRT", "WROM", "WOTH", "MWBC", "MWBA", "MWAS", "MOTH", "AIND", "APKN", "ABAN", "AOTH", "BCRB",
    "BAFR", "BOTH", "CHNE", "OOTH", "REFU", "NOBT",
]  # fmt: skip
LegalStatus = Literal["C1", "C2", "D1", "E1", "V2", "V3", "V4", "L1", "L2", "L3", "J1", "J2", "J3"]
PlacementType = Literal[
    "A3", "A4", "A5", "A6", "H5", "K1", "K2", "P1", "P2", "P3", "R1", "R2", "R3", "R5", "S1", "T0", "T1", "T2", "T3",
    "T4", "U1", "U2", "U3", "U4", "U5", "U6", "Z1",
]  # fmt: skip
PlacementProvider = Literal["PR0", "PR1", "PR2", "PR3", "PR4", "PR5"]
Disability = Literal[
    "learning_disability", "autism", "hearing", "vision", "communication", "mobility", "mental_health",
    "consciousness", "unspecified",
]  # fmt: skip
ExploitationFlag = Literal["cse", "cce", "csa", "trafficking"]
Relationship = Literal[
    "parent", "step_parent", "parent_partner", "sibling", "family", "partner", "ex_partner", "friend", "family_friend",
    "friends_parent", "acquaintance", "online_only", "carer", "teacher", "coach", "faith_leader", "stranger", "unknown",
]  # fmt: skip
OrderType = Literal["shpo", "sro", "cawn", "bail_conditions"]
MissingKind = Literal["missing", "away"]
MissingFrom = Literal["home", "care", "school", "hospital", "other"]
RiskLevel = Literal["no_apparent_risk", "low", "medium", "high"]
ReturnedWith = Literal["injury", "intoxicated", "cash", "phone", "gifts", "drugs", "weapon", "disclosure"]
Channel = Literal["social_media", "messaging_app", "game_chat", "live_stream", "online", "phone", "in_person"]
MarkerTarget = Literal["child", "address", "suspect", "vehicle"]
MarkerType = Literal[
    "warning", "missing", "cse", "cce", "csa", "trafficking", "domestic_abuse", "offender", "other",
]  # fmt: skip
Outcome = Literal[
    "requested", "attempted", "offered", "partial", "completed", "declined", "refused", "no_further_action", "waived",
]  # fmt: skip
Role = Literal[
    "call_handler", "attending_officer", "sergeant", "duty_inspector", "missing_person_coordinator", "detective_oic",
    "detective_inspector", "mash_police", "crime_registrar", "public_protection", "designated_officer",
    "mash_social_worker", "allocated_social_worker", "team_manager", "out_of_hours_team", "reviewing_officer",
    "return_interviewer", "lado", "care_home_manager", "foster_carer", "health", "school", "data_quality", "other",
]  # fmt: skip
Agency = Literal[
    "police", "local_authority", "home_authority", "host_authority", "health", "school", "placement", "child",
    "parents", "other",
]  # fmt: skip
Content = Literal["rationale", "words", "demeanour", "agency_actions", "review_date"]
