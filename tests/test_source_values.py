"""What a pack that is right comes to, value by value."""

from __future__ import annotations

import pickle
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from source_packs import RULE, write

from riskflags.calendar import Duration, ParamDuration
from riskflags.condition import Comparison, Constant, Group, Named, Reference
from riskflags.incident import Incident
from riskflags.model import Codes, Moment, Number, Severity, State
from riskflags.pack import (
    Computed,
    Derived,
    Due,
    Expected,
    FlagReading,
    GapReading,
    LookUp,
    MarkerInPlace,
    Pack,
    RecordedAction,
    RecordedField,
    SeverityCase,
    Window,
)
from riskflags.source import load

WHOLE = Path(__file__).parent / "packs" / "whole"


@pytest.fixture(name="pack", scope="module")
def _pack() -> Pack:
    return load(WHOLE)


def parts_of(pack: Pack) -> tuple[Comparison | Group | Named, ...]:
    when = next(rule for rule in pack.rules if rule.id == "full").when
    assert isinstance(when, Group)
    return when.conditions


def test_a_good_pack_says_what_it_is(pack: Pack) -> None:
    assert (pack.id, pack.title, pack.version, pack.calendar) == (
        "whole",
        "The whole grammar",
        "1.10",
        "england-and-wales",
    )
    assert (pack.zone_name, pack.event_time, pack.effective_by) == (
        "Europe/London",
        "calc.event_time",
        "incident.reported_at",
    )
    assert pack.sources["local"].published == "2026"
    assert pack.roles == {"sergeant": "Sergeant"}
    assert pack.warnings == ()


def test_lists_take_in_other_lists(pack: Pack) -> None:
    assert pack.lists["care"].values == {"K1", "K2", "R1"}
    (citation,) = pack.lists["homes"].source
    assert (citation.ref, citation.at, citation.says, citation.checked) == (
        "local",
        "p. 1",
        "it is so",
        date(2026, 11, 23),
    )


def test_parameters_hold_from_their_days_on(pack: Pack) -> None:
    gap = pack.params["gap"]
    assert gap.is_local
    assert [gap.on(date(year, 6, 1)) for year in (2013, 2019, 2020)] == [None, Decimal(5), Decimal(6)]
    assert pack.params["window"].on(date(2020, 1, 1)) == Duration(90, "days")


def test_derived_values_know_how_they_come_about_and_of_which_kind_they_are(pack: Pack) -> None:
    how = {name: (derived.kind, derived.how) for name, derived in pack.derived.items()}
    assert how["calc.event_time"] == (
        "moment",
        Computed("first_recorded", ("incident.occurred_at", "incident.reported_at")),
    )
    assert how["calc.places"][0] == "codes"
    assert how["calc.homes"] == ("number", Computed("size", ("calc.places",)))
    assert how["calc.signs"] == ("number", Computed("size", ("incident.indicators",), frozenset({"hotel", "drugs"})))
    person = ("date_of_birth", "stated_age", "age_from", "age_to", "is_adult")
    names = ("calc.event_time", *(f"suspect.{name}" for name in person))
    assert how["calc.suspect_age"] == ("number", Computed("age", names))
    gap = pack.derived["calc.age_gap"].how
    assert isinstance(gap, Computed)
    assert gap.names[0] == "calc.event_time"
    assert [name for name in gap.names if name.endswith("date_of_birth")] == [
        "suspect.date_of_birth",
        "child.date_of_birth",
    ]


def test_look_ups_know_where_they_look(pack: Pack) -> None:
    episodes = pack.derived["calc.episodes"].how
    assert isinstance(episodes, LookUp)
    assert (episodes.over, episodes.by, episodes.others) == ("records", ("child.id",), True)
    assert episodes.window == Window(ParamDuration("window"), up_to_as_of=True)
    children = pack.derived["calc.children"].how
    assert isinstance(children, LookUp)
    assert (children.of, children.by, children.window) == ("child.id", ("suspect.id", "calc.places"), Window())
    arrested = pack.derived["calc.arrested_at"]
    assert arrested.kind == "moment"
    assert isinstance(arrested.how, LookUp)
    assert isinstance(arrested.how.where, Group)
    same = arrested.how.where.conditions[1]
    assert isinstance(same, Comparison)
    assert (same.name, same.operands) == ("action.suspect_id", (Reference("this.suspect.id"),))


def test_conditions_resolve_their_operands_by_the_kind_of_the_field(pack: Pack) -> None:
    comparisons = {part.name: part for part in parts_of(pack) if isinstance(part, Comparison)}
    operands = {name: part.operands for name, part in comparisons.items()}
    assert operands["child.placement_type"] == (Constant(Codes(frozenset({"K1", "K2", "R1"}))),)
    assert operands["child.sex"] == (Constant(Codes(frozenset({"male", "other"}))),)
    assert operands["incident.authority"] == (Reference("child.home_authority"),)
    assert operands["child.date_of_birth"] == (Constant(date(2000, 1, 1)),)
    assert operands["missing"] == (Constant(value=True),)
    assert operands["full/calc.days"] == (Constant(Number(Decimal(3), Decimal(3))),)
    first, last = operands["incident.reported_at"]
    assert isinstance(first, Constant)
    assert isinstance(last, Constant)
    assert isinstance(first.value, Moment)
    assert first.value.local == "2026-01-01T10:00:00+00:00"
    assert (comparisons["missing"].place.line, comparisons["missing"].place.column) == (23, 7)


def test_two_operators_and_groups_side_by_side_must_all_hold(pack: Pack) -> None:
    gap = parts_of(pack)[1]
    assert isinstance(gap, Group)
    assert gap.kind == "all"
    assert [(part.operator, part.operands) for part in gap.conditions if isinstance(part, Comparison)] == [
        ("at_least", (Reference("param.gap"),)),
        ("less_than", (Constant(Number(Decimal(40), Decimal(40))),)),
    ]
    side_by_side = parts_of(pack)[-1]
    assert isinstance(side_by_side, Group)
    assert [part.kind for part in side_by_side.conditions if isinstance(part, Group)] == ["any", "none"]
    several = parts_of(pack)[-2]
    assert isinstance(several, Group)
    assert (several.kind, several.many, len(several.conditions)) == ("at_least_of", 2, 3)
    assert isinstance(parts_of(pack)[0], Named)


def test_a_rule_holds_all_that_its_file_says(pack: Pack) -> None:
    rule = next(rule for rule in pack.rules if rule.id == "full")
    assert (rule.code, rule.version, rule.status, rule.for_each) == ("M01", 2, "active", True)
    assert (rule.effective_from, rule.effective_to) == (date(2020, 1, 1), date(2030, 12, 31))
    assert rule.known_limits == "none"
    assert [derived.name for derived in rule.derived] == ["full/calc.days", "full/calc.known"]
    assert [case.severity for case in rule.flag.severity] == [Severity.critical, Severity.low]
    assert rule.flag.severity[1] == SeverityCase(Severity.low)
    assert [ask.action for ask in rule.requires] == ["review", "review"]
    (due,) = rule.requires[1].due
    assert due == Due(Duration(2, "working days"), "incident.reported_at")
    when = rule.requires[1].when
    assert isinstance(when, Comparison)
    assert (when.name, when.operands) == ("severity", (Constant(Number(4, 4)),))
    assert rule.place.line == 1


def test_an_action_holds_all_that_its_file_says(pack: Pack) -> None:
    action = pack.actions["review"]
    assert (action.code, action.label, action.owner) == ("REVIEW", "plan reviewed", "sergeant")
    assert action.per == "suspect"
    assert action.core
    assert action.steps == {"call"}
    assert [due.within for due in action.due] == [Duration(1, "hours"), ParamDuration("window")]
    anchor = "first_recorded(suspect.identified_at, incident.reported_at)"
    assert action.due[1].anchor == anchor
    assert pack.derived[anchor].how == Computed("first_recorded", ("suspect.identified_at", "incident.reported_at"))
    done, field, marker = action.satisfied_by
    assert isinstance(done, RecordedAction)
    assert done.codes == {"review", "K1", "K2"}
    assert done.outcomes == {"completed"}
    assert done.still_counts == Duration(6, "months")
    assert field == RecordedField("incident.crime_recorded_at")
    assert isinstance(marker, MarkerInPlace)
    assert pack.actions["visit"].due[0].within == Duration(0, "same day")


def test_readings_say_what_they_are_about(pack: Pack) -> None:
    assert pack.readings["flag:other"] == FlagReading(frozenset({"other"}))
    assert pack.readings["flag:family A, M at least high except full"] == FlagReading(
        frozenset({"other"}), Severity.high
    )
    assert pack.readings["gap:visit overdue late by at least 3 days"] == GapReading(
        frozenset({"visit"}), frozenset({State.overdue}), Duration(3, "days")
    )
    names = {name for name in pack.readings if "except" in name}
    side_by_side = parts_of(pack)[-1]
    assert isinstance(side_by_side, Group)
    either = side_by_side.conditions[0]
    assert isinstance(either, Group)
    assert {part.name for part in either.conditions if isinstance(part, Comparison)} == {"flag:other", *names}


def test_a_rule_comes_in_a_later_layer_than_those_that_it_reads(pack: Pack) -> None:
    assert pack.layers == (("other v1",), ("full v2",))


def test_examples_are_written_out_in_full(pack: Pack) -> None:
    example, *others = next(rule for rule in pack.rules if rule.id == "full").examples
    assert example.as_of == datetime(2026, 7, 10, 8, tzinfo=UTC)
    assert example.record == {
        "incident.id": "I1",
        "incident.type": "missing_episode",
        "incident.reported_at": "2026-03-01T10:00",
        "child.id": "C1",
        "child.stated_age": Decimal("15.5"),
        "child.in_care": True,
        "child.date_of_birth": date(2011, 1, 1),
        "suspects": ({"suspect.id": "S1"}, {"suspect.id": "2"}),
        "holds.actions": ("arrest",),
        "missing.kind": "missing",
    }
    second, third = example.history
    assert (second["incident.id"], second["child.id"], "suspects" in second) == ("I2", "C2", False)
    assert [key for key in third if key.startswith(("child.", "holds."))] == ["holds.markers"]
    assert example.only
    assert example.expect == (
        Expected("I1", "fires", Severity.critical, ("I1", "I2"), "S1", gaps=(("visit", "overdue"),)),
        Expected("I2", "clears"),
    )
    assert [one.expect[0].verdict for one in others] == ["clears", "undecided", "undecided", "undecided", "fires"]
    assert others[0].expect[0].suspect == "S1"
    assert others[1].expect[0].needs == ("child.in_care", "I2:child.id", "incident.reported_at@time", "rejected:7")
    assert others[1].only
    assert others[2].expect[0].needs == ("param.gap",)
    assert others[3].expect[0].needs is None


def test_the_records_of_examples_are_records(pack: Pack) -> None:
    for rule in pack.rules:
        for example in rule.examples:
            for record in (example.record, *example.history):
                Incident.model_validate(dict(record), context={"timezone": pack.zone})


def test_a_named_condition_has_examples_of_its_own(pack: Pack) -> None:
    adult = pack.conditions["adult"]
    assert adult.for_each
    assert adult.examples[0].expect == (Expected("I1", "fires"),)
    assert not pack.conditions["missing_child"].for_each


def test_the_digest_is_of_the_meaning_alone(pack: Pack, tmp_path: Path) -> None:
    moved, changed = (Path(shutil.copytree(WHOLE, tmp_path / name)) for name in ("moved", "changed"))
    rule = (WHOLE / "m" / "full.yaml").read_text(encoding="utf-8")
    (moved / "m" / "full.yaml").write_text(f"# a comment\n\n{rule}", encoding="utf-8")
    (moved / "z").mkdir()
    (moved / "a" / "other.yaml").rename(moved / "z" / "other.yaml")
    (changed / "m" / "full.yaml").write_text(rule.replace("less_than: 40", "less_than: 41"), encoding="utf-8")
    assert load(moved) == pack
    assert load(moved).digest == pack.digest
    assert load(changed).digest != pack.digest


def test_a_pack_pickles(pack: Pack) -> None:
    assert pickle.loads(pickle.dumps(pack)) == pack  # noqa: S301 - our own


def test_the_shipped_pack_has_no_problem_and_no_warning() -> None:
    assert load(Path(__file__).parent.parent / "rules").warnings == ()


def test_a_derived_value_of_two_words_is_text(tmp_path: Path) -> None:
    derived = "derived: {calc.x: {label: X, first_recorded: [incident.team, incident.type]}}\nwhen: {calc.x: anything}"
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", derived)})
    (made,) = load(tmp_path).rules[0].derived
    assert isinstance(made, Derived)
    assert made.kind == "text"


@pytest.mark.parametrize(
    ("operator", "hour"),
    [("before", "T00:00:00"), ("on_or_after", "T00:00:00"), ("after", "T23:59:59"), ("on_or_before", "T23:59:59")],
)
def test_a_day_against_a_moment_is_the_second_that_the_operator_means(operator: str, hour: str, tmp_path: Path) -> None:
    when = f"{{incident.reported_at: {{{operator}: 2026-01-31}}}}"
    write(tmp_path, {"a/one.yaml": RULE.replace("{child.in_care: true}", when)})
    comparison = load(tmp_path).rules[0].when
    assert isinstance(comparison, Comparison)
    (operand,) = comparison.operands
    assert isinstance(operand, Constant)
    assert isinstance(operand.value, Moment)
    assert operand.value.is_exact
    assert operand.value.earliest == datetime.fromisoformat(f"2026-01-31{hour}Z").timestamp()


def test_versions_of_a_rule_stand_side_by_side(tmp_path: Path) -> None:
    old = (
        RULE
        + "effective: {from: 2014-01-01, to: 2019-12-31}\nderived: {calc.x: {label: X, size: incident.indicators}}\n"
    )
    new = old.replace("version: 1", "version: 2").replace("{from: 2014-01-01, to: 2019-12-31}", "{from: 2020-01-01}")
    draft = RULE.replace("version: 1", "version: 3")
    write(tmp_path, {"a/one.yaml": draft, "a/one.v2.yaml": new, "a/one.v1.yaml": old})
    pack = load(tmp_path)
    assert [rule.key for rule in pack.rules] == ["one v1", "one v2", "one v3"]
    assert [derived.name for rule in pack.rules for derived in rule.derived] == ["one.v1/calc.x", "one.v2/calc.x"]
    assert pack.layers == (("one v1", "one v2", "one v3"),)


def test_sections_may_be_empty(tmp_path: Path) -> None:
    write(tmp_path, {"vocabulary.yaml": "lists:\nroles: {}\nconditions: ~\n", "actions.yaml": "# none yet\n"})
    assert load(tmp_path).lists == {}
