"""The shipped mappings, each end to end on its synthetic sample: every row accounted for, and the flags that follow."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from riskflags import Engine, default_pack
from riskflags.errors import PackError
from riskflags.intake import Intake, read
from riskflags.mapping import load_mapping, mappings
from riskflags.mapping.reach import reach
from riskflags.report.findings import Findings, collect, origins_of
from riskflags.report.reference.formats import comes_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from riskflags.incident import Incident

SAMPLES = Path(__file__).resolve().parent.parent / "riskflags" / "samples" / "formats"
AS_OF = datetime(2026, 3, 1, 9, tzinfo=ZoneInfo("Europe/London"))
NAMES = [mapping.name for mapping in mappings()]


@dataclass(frozen=True)
class Expected:
    """What a sample must come to: its counts, flags by incident (more may fire), rejects, and what is never told."""

    rows: tuple[int, int, int, int]
    flags: dict[str, set[str]]
    rejects: list[tuple[str, int, str]]
    undecided: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    not_assessed: set[str] = field(default_factory=set[str])


EXPECTED = {
    "ssda903": Expected(
        (15, 4, 4, 2),
        {
            "903-SYN0000001-M-05/06/2025": {"M01", "M02"},
            "903-SYN0000001-M-20/06/2025": {"M02", "M05"},
            "903-SYN0000001-M-14/07/2025": {"M02", "M03"},
            "903-SYN0000001-A-01/09/2025": set(),
            "903-SYN0000002-M-11/08/2025": {"M02", "M05"},
        },
        [
            ("episodes", 6, "bad_value"),
            ("missing", 6, "contradiction"),
            ("missing", 8, "missing"),
            ("reviews", 5, "ragged"),
        ],
        {"M05": {"903-SYN0000001-M-05/06/2025"}},
        {"E01", "E02", "M06", "M07", "O01", "O05", "T01", "T02", "T03"},
    ),
    "annex-a-8": Expected(
        (5, 0, 1, 1),
        {"SYN-MISPER-1": {"M01", "M02", "M06"}, "SYN-MISPER-2": {"M01", "M02"}, "SYN-MISPER-3": {"M01"}},
        [("list-8", 4, "missing")],
        {"M02": {"SYN-MISPER-3"}},
        {"E01", "E02", "O01", "T01", "T03"},
    ),
    "ssd": Expected(
        (10, 1, 1, 1),
        {
            "ssd-missing-SYN-M1": {"M01"},
            "ssd-missing-SYN-M2": {"M01", "M05"},
            "ssd-missing-SYN-M3": {"M01", "M03", "M11"},
            "ssd-missing-SYN-M4": set(),
            "ssd-missing-SYN-M6": {"M01", "M05"},
        },
        [("ssd_missing", 5, "bad_value")],
        {"C05": {"ssd-contact-SYN-K1", "ssd-missing-SYN-M3"}},
        {"E01", "E02", "M02", "M07", "O01", "T01", "T02", "T03"},
    ),
    "lapd": Expected(
        (5, 2, 1, 2),
        {"lapd-990000001": {"E03"}, "lapd-990000003": {"E12"}},
        [("crimes", 10, "ragged")],
        {"E03": {"lapd-990000005", "lapd-990000008"}},
        {"E02", "M01", "M02", "M03", "O01", "O05", "T02"},
    ),
    "nibrs": Expected(
        (31, 0, 1, 5),
        {
            "nibrs-81001-91001": {"E04"},
            "nibrs-81001-91009": {"E04"},
            "nibrs-81002-91002": {"O03"},
            "nibrs-81003-91004": {"O03"},
            "nibrs-81005-91007": {"D03", "E06"},
            "nibrs-81004-91005": set(),
        },
        [("NIBRS_VICTIM", 8, "no_time")],
        {"O01": {"nibrs-81001-91001", "nibrs-81001-91009"}, "E04": {"nibrs-81004-91005", "nibrs-81003-91004"}},
        {"M01", "M02", "M03", "T02"},
    ),
    "data-police-uk": Expected((0, 0, 2, 2), {}, [("street", 2, "bad_value"), ("street", 4, "bad_value")]),
    "police-vulnerable-persons": Expected(
        (17, 2, 4, 3),
        {
            "SYN/101/26": {"M01", "M02", "M07"},
            "SYN/102/26": {"M01", "M02", "M07", "T02"},
            "SYN/103/26": {"M01", "M02", "M03", "M05", "M06", "M07"},
            "SYN/104/26": {"E01", "E02", "O01", "T01", "T02", "T03"},
            "SYN/105/26": {"O01", "T02"},
            "SYN/106/26": {"O03"},
        },
        [
            ("log", 7, "unknown_code"),
            ("log", 9, "no_record"),
            ("people", 13, "unknown_code"),
            ("people", 14, "unknown_code"),
        ],
        {"E01": {"SYN/105/26"}},
        {"O05"},
    ),
}


@cache
def sample(name: str) -> Intake:
    """Return what intake makes of the sample of a mapping."""
    return read(*sorted((SAMPLES / name).glob("*.csv")), mapping=name)


@cache
def findings(name: str) -> Findings:
    """Return what the shipped pack finds in the sample of a mapping."""
    intake = sample(name)
    assessments = Engine(default_pack(), strict=True).assess_many(intake.incidents, as_of=AS_OF, rejects=intake.rejects)
    return collect(assessments, as_of=AS_OF, origins=origins_of(intake))


def stem(file: str) -> str:
    return Path(file).stem.removesuffix("-synthetic")


def only(intake: Intake, incident_id: str) -> Incident:
    (found,) = [one for one in intake.incidents if one.incident.id == incident_id]
    return found


def test_every_shipped_mapping_has_a_sample_and_is_tested() -> None:
    assert sorted(EXPECTED) == NAMES == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_a_sample_is_accounted_for(name: str) -> None:
    intake, expected = sample(name), EXPECTED[name]
    counts = intake.counts
    assert (counts.accepted, counts.warned, counts.rejected, counts.out_of_scope) == expected.rows
    assert counts.read == sum(expected.rows)
    assert [(stem(r.source_file), r.source_row, r.code) for r in intake.rejects] == expected.rejects
    assert all(reject.expected and reject.message for reject in intake.rejects)


@pytest.mark.parametrize("name", NAMES)
def test_the_expected_flags_are_raised_on_a_sample(name: str) -> None:
    raised: dict[str, set[str]] = {one.incident.id or "": set() for one in sample(name).incidents}
    for flag in findings(name).flags:
        raised[flag.incident_id].add(flag.rule_code)
    for incident_id, codes in EXPECTED[name].flags.items():
        assert codes <= raised[incident_id], incident_id
        assert codes or not {code for code in raised[incident_id] if code[0] in "EMO"}, incident_id


@pytest.mark.parametrize("name", NAMES)
def test_what_a_format_cannot_tell_is_undecided_or_not_assessed_and_never_cleared(name: str) -> None:
    undecided: dict[str, set[str]] = {}
    for one in findings(name).undecided:
        undecided.setdefault(one.rule_code, set()).add(one.incident_id)
    for code, ids in EXPECTED[name].undecided.items():
        assert ids <= undecided[code], code
    assert EXPECTED[name].not_assessed <= {one.rule_code for one in findings(name).not_assessed}


@pytest.mark.parametrize("name", NAMES)
def test_no_action_is_called_overdue_that_its_source_does_not_hold(name: str) -> None:
    held = load_mapping(name).holds.actions
    codes = set(held) if isinstance(held, tuple) else set[str]()
    satisfying = {
        key
        for key, action in default_pack().actions.items()
        for way in action.satisfied_by
        if codes & getattr(way, "codes", frozenset())
    }
    late = Counter(r.action for r in findings(name).requirements if r.is_gap)
    markers = {"mark_address", "flag_child", "flag_suspect"} if load_mapping(name).holds.markers else set[str]()
    fields = {"record_crime"} if "incident.crime_recorded_at" in load_mapping(name).fields else set[str]()
    assert set(late) <= satisfying | markers | fields


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_says_that_it_is_synthetic(name: str) -> None:
    for path in (SAMPLES / name).iterdir():
        assert path.stem.endswith("-synthetic")


# ---- what is particular about each -----------------------------------------------------------------------------------


def test_the_placement_in_force_on_the_day_is_joined_to_an_episode_of_the_return() -> None:
    before, after = (only(sample("ssda903"), f"903-SYN0000001-M-{day}") for day in ("05/06/2025", "20/06/2025"))
    assert (before.child.placement_id, after.child.placement_id) == ("urn-SYN0001", "urn-SYN0002")
    assert before.child.legal_status == "C2"
    assert only(sample("ssda903"), "903-SYN0000002-M-11/08/2025").child.placement_id is None


def test_a_date_of_birth_that_differs_from_the_header_is_told() -> None:
    warned = [w for w in sample("ssda903").warnings if w.code == "sources_differ"]
    assert [w.incident_id for w in warned] == ["903-SYN0000003-M-12/11/2025"]


def test_reviews_are_counted_and_never_read() -> None:
    assert [w for w in sample("ssda903").warnings if "reviews" in w.source_file] == []


def test_list_8_fills_in_the_children_of_other_files() -> None:
    child = only(sample("annex-a-8"), "SYN-MISPER-1").child
    assert (child.in_care, child.legal_status, child.placement_type, child.placement_provider) == (
        True, "C2", "K2", "PR4",
    )  # fmt: skip
    assert (child.sex, child.disabilities, child.placement_authority) == ("female", ("unspecified",), "SYN-LA-2")
    assert only(sample("annex-a-8"), "SYN-MISPER-3").child.in_care is None


def test_a_return_interview_of_the_dataset_is_held_offered_or_not_applicable() -> None:
    done = {
        one.incident.id: [(action.outcome, action.at) for action in one.done]
        for one in sample("ssd").incidents
        if one.missing.kind
    }
    assert done == {
        "ssd-missing-SYN-M1": [("completed", None)],
        "ssd-missing-SYN-M2": [("declined", None)],
        "ssd-missing-SYN-M3": [],
        "ssd-missing-SYN-M4": [("waived", None)],
        "ssd-missing-SYN-M6": [],
    }
    contact = only(sample("ssd"), "ssd-contact-SYN-K1")
    assert (contact.holds.actions, contact.incident.reported_by, contact.child.sex) == ("none", "police", "female")


def test_a_crime_of_the_open_file_has_its_time_its_zone_and_its_age() -> None:
    first, second, unknown = (only(sample("lapd"), f"lapd-99000000{number}") for number in (1, 2, 5))
    assert str(first.incident.occurred_at) == "2024-04-11T08:45:00-07:00"
    assert str(first.incident.reported_at) == "2024-09-15"
    assert str(second.incident.occurred_at) == "2024-04-11T00:01:00-07:00"
    assert (first.incident.district, first.child.id) == ("07", None)
    assert (unknown.child.stated_age, unknown.child.age_to) == (None, Decimal(15))


def test_victims_offenders_and_relationships_of_nibrs_become_one_record_a_victim() -> None:
    records = sample("nibrs")
    (offender,) = only(records, "nibrs-81001-91001").suspects
    assert (offender.id, offender.stated_age, offender.relationship) == (
        "nibrs-offender-71001",
        Decimal(29),
        "acquaintance",
    )
    assert [s.relationship for s in only(records, "nibrs-81002-91002").suspects] == ["step_parent"]
    assert [s.age_from for s in only(records, "nibrs-81005-91007").suspects] == [Decimal(98)]
    baby = only(records, "nibrs-81003-91004")
    assert (baby.child.stated_age, baby.incident.occurred_at, str(baby.incident.reported_at)) == (
        Decimal(0),
        None,
        "2023-03-11",
    )


def test_all_offences_of_an_incident_are_read_and_the_gravest_is_its_type() -> None:
    found = only(sample("nibrs"), "nibrs-81001-91001").incident
    assert (found.type, found.offences) == ("sexual_offence", ("sexual_activity_with_child", "threats"))
    assert only(sample("nibrs"), "nibrs-81004-91005").incident.type == "other"


def test_a_month_is_no_day() -> None:
    assert {reject.message for reject in sample("data-police-uk").rejects} == {
        'Month: expected a date as yyyy-mm-dd or dd/mm/yyyy, got "2026-01"'
    }


def test_rows_of_one_incident_are_children_and_suspects_whatever_their_dates_and_ids_look_like() -> None:
    records = sample("police-vulnerable-persons")
    girl = [one for one in records.incidents if one.child.id == "0004711"]
    assert [str(one.incident.reported_at) for one in girl] == [
        "2026-01-05T22:40:00+00:00", "2026-01-20", "2026-02-02T23:15:00+00:00", "2026-02-02T09:30:00+00:00",
    ]  # fmt: skip
    both = [one for one in records.incidents if one.incident.id == "SYN/106/26"]
    assert [(one.child.id, [s.id for s in one.suspects]) for one in both] == [
        ("0004713", ["0009002"]),
        ("0004714", ["0009002"]),
    ]


def test_without_the_log_and_the_flags_no_action_or_marker_is_held() -> None:
    people = SAMPLES / "police-vulnerable-persons" / "people-synthetic.csv"
    for incident in read(people, mapping="police-vulnerable-persons").incidents:
        assert (incident.holds.actions, incident.holds.markers) == ("none", False)
        assert incident.holds.suspects


# ---- joins: to rows of lists, and of many ----------------------------------------------------------------------------

JOINED = """\
mapping: joined
label: Synthetic
language: 1
tables:
  victim: {headers: [victim, incident], rows: records}
  pair: {headers: [victim, offender, Kind], rows: suspects, join: {on: [victim]}}
  offender: {headers: [offender, Age], join: {on: [offender]}, optional: true}
  offence: {headers: [incident, Code], join: {on: [incident], many: true}, optional: true}
holds: {actions: none, markers: no, suspects: yes, contact: no, indicators: no}
fields:
  incident.id: victim.incident
  incident.type: {first_of: [{always: assault, when: {offence.Code: B}}, {always: other}]}
  incident.occurred_at: victim.Day
  incident.offences: {from: offence.Code, values: {A: threats, B: assault}, otherwise: blank}
  child.id: victim.victim
  suspect.id: pair.offender
  suspect.stated_age: offender.Age
  suspect.relationship: {from: pair.Kind, values: {P: parent}}
"""
FILES = {
    "victim": ["victim,incident,Day", "V1,I1,2026-03-01"],
    "pair": ["victim,offender,Kind", "V1,S1,P"],
    "offender": ["offender,Age", "S1,33", "S2,44"],
    "offence": ["incident,Code", "I1,A", "I1,B", "I1,Z", "I2,A"],
}


@pytest.fixture(name="joined")
def joined_files(tmp_path: Path) -> Callable[..., Intake]:
    """Return a function that reads victims, offenders and offences, with rows added and the mapping changed."""

    def read_all(*, change: tuple[str, str] = ("", ""), **more: list[str]) -> Intake:
        (tmp_path / "joined.yaml").write_text(JOINED.replace(*change, 1))
        return read(*written(**more), mapping=tmp_path / "joined.yaml")

    def written(**more: list[str]) -> Iterator[Path]:
        for name, lines in FILES.items():
            path = tmp_path / f"{name}.csv"
            path.write_text("\n".join([*lines, *more.get(name, [])]) + "\n")
            yield path

    return read_all


def test_a_row_of_a_list_sees_the_row_that_is_joined_to_it(joined: Callable[..., Intake]) -> None:
    (incident,) = joined().incidents
    assert [(s.id, s.stated_age, s.relationship) for s in incident.suspects] == [("S1", Decimal(33), "parent")]


def test_many_rows_fill_a_list_and_one_that_passes_a_test_is_enough(joined: Callable[..., Intake]) -> None:
    intake = joined()
    (incident,) = intake.incidents
    assert (incident.incident.type, incident.incident.offences) == ("assault", ("assault", "threats"))
    assert (intake.counts.read, intake.counts.accepted, intake.counts.out_of_scope) == (8, 6, 2)
    assert intake.warnings == ()


def test_too_many_rows_for_a_row_of_a_list_are_told(joined: Callable[..., Intake]) -> None:
    intake = joined(offender=["S1,34"])
    (warning,) = intake.warnings
    assert (warning.code, Path(warning.source_file).name) == ("many_match", "pair.csv")
    assert [s.stated_age for s in intake.incidents[0].suspects] == [None]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{on: [victim]}", "{on: [victim], many: true}", "`many` in a table with rows: suspects"),
        ("  child.id", "  incident.team: offence.Code\n  child.id", "incident.team takes one value, and many rows"),
        ("{on: [offender]}", "{on: [Age]}", "no table of records or of their lists has all of Age"),
        ("suspect.stated_age: offender.Age", "marker.type: offender.Age", "marker.type cannot be filled"),
    ],
)
def test_a_join_that_cannot_be_is_told(joined: Callable[..., Intake], old: str, new: str, message: str) -> None:
    with pytest.raises(PackError, match=re.escape(message)):
        joined(change=(old, new))


# ---- what a format can tell ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name != "annex-a-8"])
def test_a_rule_that_comes_to_an_answer_on_a_sample_is_said_to_be_able_to(name: str) -> None:
    pack, intake = default_pack(), sample(name)
    can = {one.rule.code: one for one in reach(load_mapping(name), pack)}
    for found in Engine(pack).assess_many(intake.incidents, as_of=AS_OF, rejects=intake.rejects):
        fired = {flag.rule_code for flag in found.flags}
        unsure = {one.rule_code for one in found.undecided} | {one.rule_code for one in found.not_assessed}
        assert [code for code in fired if not can[code].fires] == []
        cleared = {*can} - fired - unsure
        assert [code for code in cleared if not (can[code].clears or can[code].is_stopped)] == []


@pytest.mark.parametrize(
    ("name", "code", "word", "missing"),
    [
        ("ssda903", "M03", "decided", ()),
        ("ssda903", "M07", "clears", ("child.exploitation_flags", "incident.indicators")),
        ("ssda903", "T03", "never", ("done",)),
        ("ssd", "M11", "decided", ()),
        ("nibrs", "E04", "in part", ("contact", "contact.sexual_activity")),
        ("nibrs", "M03", "never", ("child.id", "missing")),
        ("lapd", "E04", "clears", ("contact", "contact.sexual_activity", "suspect.date_of_birth")),
        ("police-vulnerable-persons", "T02", "decided", ()),
    ],
)
def test_the_page_of_a_format_says_what_a_rule_comes_to_and_what_is_missing(
    name: str, code: str, word: str, missing: tuple[str, ...]
) -> None:
    (found,) = [one for one in reach(load_mapping(name), default_pack()) if one.rule.code == code]
    assert comes_to(found) == word
    assert set(missing) <= {*found.missing}


def test_what_a_rule_rests_on_is_known_for_a_format_of_children_alone() -> None:
    (found,) = [one for one in reach(load_mapping("annex-a-8"), default_pack()) if one.rule.code == "M02"]
    assert {"child.in_care", "child.legal_status", "child.placement_type"} <= found.reads - {*found.missing}
