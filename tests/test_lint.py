"""What `check` proves and warns of in packs that load: the search is right both ways, and says what clashes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest
from command_line import riskflags
from hypothesis import given
from hypothesis import strategies as st
from source_packs import BAD, RULE, TODAY, codes_of, problems_of, write

from riskflags import Pack, default_pack
from riskflags.condition import Comparison, Condition, Constant, Group, Reference, Row, holds, names_read
from riskflags.lint import lint
from riskflags.lint.witness import Search, TooManyStepsError
from riskflags.model import Absent, Codes, Number, Value

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

# ---- the search against every record there can be --------------------------------------------------------------------

NUMBERS = tuple(Number(n, n) for n in (0, Decimal("0.3"), Decimal("0.6"), 1, 2, 15, 16, 17, 119, 120))
SMALL: dict[str, tuple[Value, ...]] = {
    "child.stated_age": NUMBERS,
    "suspect.stated_age": NUMBERS,
    "child.in_care": (True, False),
    "missing.kind": ("missing", "away"),
    "incident.status": ("open", "closed"),
    "child.exploitation_flags": tuple(
        Codes(frozenset(code for code, there in zip(("cse", "cce", "csa"), way, strict=True) if there))
        for way in product((True, False), repeat=3)
    ),
}
"""Every value that some fields can have, or of ages enough to tell the comparisons below apart."""
NUMBER_OPERATORS = ("is", "is_not", "at_least", "more_than", "at_most", "less_than")
AGES = st.sampled_from([Constant(Number(n, n)) for n in (0, 1, 16, 120)])


YES_OR_NO = st.sampled_from([Constant(value=True), Constant(value=False)])
SETS = st.sets(st.sampled_from(("cse", "cce", "csa")), min_size=1).map(lambda codes: Constant(Codes(frozenset(codes))))


def comparisons() -> SearchStrategy[Comparison]:
    first, second = "child.stated_age", "suspect.stated_age"
    operators, sets = st.sampled_from(NUMBER_OPERATORS), st.sampled_from(("has_any", "has_all", "has_none"))
    return st.one_of(
        st.builds(_one, st.sampled_from((first, second)), operators, AGES),
        st.builds(_one, st.just(first), operators, st.just(Reference(second))),
        st.builds(_one, st.just("child.in_care"), st.just("is"), YES_OR_NO),
        st.builds(_one, st.just("missing.kind"), st.sampled_from(("is", "is_not")), st.just(Constant("away"))),
        st.builds(
            _one, st.just("incident.status"), st.just("is"), st.sampled_from((Constant("open"), Constant("closed")))
        ),
        st.builds(_one, st.just("child.exploitation_flags"), sets, SETS),
        st.builds(_one, st.sampled_from(sorted(SMALL)), st.just("recorded"), YES_OR_NO),
    )


def _one(name: str, operator: str, operand: Constant | Reference) -> Comparison:
    return Comparison(name, operator, (operand,))


def trees() -> SearchStrategy[Condition]:
    return st.recursive(
        comparisons(),
        lambda inner: st.builds(
            Group, st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3).map(tuple)
        ),
        max_leaves=5,
    )


@cache
def shipped() -> Pack:
    return default_pack()


def really(condition: Condition, *, be: bool) -> bool:
    """Return whether some record makes the condition come out so: every value of every field is tried."""
    names = sorted(names_read(condition))
    ways = product(*((*SMALL[name], Absent(frozenset({name}))) for name in names))
    return any(holds(condition, Row(dict(zip(names, way, strict=True)))) is be for way in ways)


@given(trees(), st.booleans())
def test_the_search_finds_a_witness_exactly_where_there_is_one(condition: Condition, to: bool) -> None:
    found = Search([condition], shipped(), {}).witness(condition, to=to)
    assert (found is not None) is really(condition, be=to)


@given(trees(), st.booleans())
def test_a_witness_makes_the_condition_come_out_so(condition: Condition, to: bool) -> None:
    found = Search([condition], shipped(), {}).witness(condition, to=to)
    if found is not None:
        assert holds(condition, Row(found)) is to


@given(trees(), trees())
def test_what_stops_a_rule_is_never_known_to_hold_in_a_witness(condition: Condition, stop: Condition) -> None:
    found = Search([condition, stop], shipped(), {}).witness(condition, to=True, stops=[stop])
    if found is not None:
        assert holds(condition, Row(found)) is True
        open_names = {name: Absent(frozenset({name}), held=False) for name in names_read(stop)}
        assert holds(stop, Row(open_names | found)) is not True


def test_a_search_that_takes_too_long_makes_no_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskflags.lint.witness._MOST_STEPS", 1)
    condition = Group(
        "all", (_one("child.in_care", "is", Constant(value=True)), _one("missing.kind", "is", Constant("away")))
    )
    with pytest.raises(TooManyStepsError):
        Search([condition], shipped(), {}).witness(condition, to=True)
    for name in ("never-holds", "always-stopped", "two-of-one-meaning", "never-decides", "severity-out-of-reach"):
        assert problems_of(BAD / "packs" / name) == ()


# ---- what is told ----------------------------------------------------------------------------------------------------


def test_lines_that_clash_are_named_with_their_places(tmp_path: Path) -> None:
    (problem,) = problems_of(BAD / "packs" / "never-holds")
    assert "`child.stated_age at least 16` and `child.stated_age less than 16` (" in problem.message
    assert "never-holds/a/one.yaml:10:7) can never hold together" in problem.message
    assert problem.source_line == "    - child.stated_age: {at_least: 16}"


def test_what_does_not_clash_is_not_named() -> None:
    (problem,) = problems_of(BAD / "packs" / "never-holds")
    assert "in_care" not in problem.message


def test_two_rules_of_one_meaning_are_shown_with_a_record() -> None:
    (problem,) = problems_of(BAD / "packs" / "two-of-one-meaning")
    assert problem.hint.startswith("for example where child.in_care is yes, child.stated_age is 0;")


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{child.stated_age: {at_least: 16}}, {child.stated_age: {at_most: 16}}]}",
        "{all: [{incident.indicators: {has_any: [debt, drugs]}}, {incident.indicators: {has_none: [debt]}}]}",
        "{all: [{incident.reported_at: {after: 2026-01-01}}, {incident.reported_at: {before: 2026-01-03}}]}",
        "{all: [{child.date_of_birth: {after: 2010-01-01}}, {child.date_of_birth: {before: 2010-01-03}}]}",
        "{all: [{child.age_from: {less_than: {field: child.age_to}}}, {child.age_to: {less_than: 5}}]}",
        "{any: [{child.in_care: true}, {child.in_care: {recorded: false}}]}",
        "{all: [{child.id: {is: {field: incident.team}}}, {incident.team: {is_not: x}}]}",
        "{incident.indicators: {has: {field: incident.team}}}",
        "{child.home_force: {is: {field: incident.type}}}",
        "{all: [{calc.n: {more_than: 150}}, {calc.n: {more_than: {field: child.age_to}}}]}",
        "{all: [{child.in_care: {recorded: true}}, {child.in_care: true}]}",
        "{all: [{missing: {recorded: true}}, {missing.kind: away}]}",
        "{at_least_of: {many: 2, of: [{child.in_care: true}, {child.role: victim}, {child.role: witness}]}}",
    ],
)
def test_what_can_hold_and_can_fail_is_left_alone(when: str, tmp_path: Path) -> None:
    derived = "derived: {calc.n: {label: N, size: incident.indicators}}\n" if "calc.n" in when else ""
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", f"{derived}when: {when}")})
    assert [code for code in codes_of(tmp_path) if code in ("RF131", "RFW207")] == []


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{child.stated_age: {more_than: 15}}, {child.stated_age: {less_than: 13}}]}",
        "{all: [{child.date_of_birth: {after: 2010-01-01}}, {child.date_of_birth: {before: 2010-01-02}}]}",
        "{all: [{incident.indicators: {has_all: [debt, drugs]}}, {incident.indicators: {has_none: [debt]}}]}",
        "{all: [{child.in_care: {recorded: false}}, {child.in_care: true}]}",
        "{all: [{missing.kind: {is_not: missing}}, {missing.kind: {is_not: away}}]}",
        "{at_least_of: {many: 2, of: [{child.role: victim}, {child.role: witness}]}}",
        "{none: [{incident.status: open}, {incident.status: closed}]}",
        "{all: [{child.age_to: {more_than: {field: child.age_from}}}, {child.age_from: {is: {field: child.age_to}}}]}",
    ],
)
def test_what_can_never_hold_is_refused_once(when: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("{child.in_care: true}", when)})
    assert codes_of(tmp_path) == ["RF131"]


def test_conditions_of_actions_and_of_look_ups_are_looked_at_too(tmp_path: Path) -> None:
    never = "{all: [{action.outcome: completed}, {action.outcome: declined}]}"
    derived = (
        f"derived: {{calc.n: {{label: N, how_many: {{in: done, where: {never}}}}}}}\nwhen: {{calc.n: {{at_least: 1}}}}"
    )
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", derived)})
    assert codes_of(tmp_path) == ["RF131"]


def test_a_severity_that_the_rule_rules_out_is_refused(tmp_path: Path) -> None:
    cases = "    - {is: high, when: {child.stated_age: {at_least: 16}}}\n    - {is: low}"
    flag = f"flag:\n  about: child\n  message: M\n  severity:\n{cases}"
    rule = RULE.replace("{child.in_care: true}", "{child.stated_age: {less_than: 16}}")
    write(tmp_path, {"a/one.yaml": rule.replace("flag: {severity: high, about: child, message: In care}", flag)})
    assert codes_of(tmp_path) == ["RF131"]


def test_a_derived_age_has_no_range_since_a_date_of_birth_can_be_wrong(tmp_path: Path) -> None:
    when = (
        "derived: {calc.age: {label: Age, age: {of: child, on: incident.occurred_at}}}\nwhen: {calc.age: {at_least: 0}}"
    )
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", when)})
    assert codes_of(tmp_path) == []


# ---- switching off ---------------------------------------------------------------------------------------------------

BARE = RULE.replace("{child.in_care: true}", "{missing.earlier_episodes: {at_least: 3}}")


def test_a_warning_is_switched_off_in_the_rule_in_the_pack_or_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "a", {"a/one.yaml": BARE})
    write(tmp_path / "b", {"a/one.yaml": f"{BARE}ignore: [RFW203]\n"})
    settings = (tmp_path / "a" / "pack.yaml").read_text(encoding="utf-8")
    write(tmp_path / "c", {"a/one.yaml": BARE, "pack.yaml": f"{settings}ignore: RFW203\n"})
    assert [codes_of(tmp_path / name) for name in "abc"] == [["RFW203"], [], []]
    assert "0 warnings" in riskflags("check", tmp_path / "a", "--ignore", "RFW203").stdout


def test_what_is_switched_off_in_one_rule_is_told_of_another(tmp_path: Path) -> None:
    two = BARE.replace("one", "two").replace("A01", "A02")
    write(tmp_path, {"a/one.yaml": f"{BARE}ignore: [RFW203]\n", "a/two.yaml": two})
    (problem,) = problems_of(tmp_path)
    assert problem.place.path.endswith("a/two.yaml")


def test_an_error_cannot_be_left_out() -> None:
    found = riskflags("check", "--ignore", "RF131")
    assert (found.exit_code, "only warnings can be left out: RFW201, " in found.stderr) == (4, True)


def test_check_fails_for_an_error_that_loading_lets_pass() -> None:
    found = riskflags("check", BAD / "packs" / "never-holds")
    assert (found.exit_code, found.stdout.splitlines()[-1].endswith(" 1 problem.")) == (2, True)


def test_a_review_is_due_the_day_after() -> None:
    pack = Pack.load(BAD / "packs" / "review-passed")
    assert [p.code for p in lint(pack, today=date(2026, 11, 26))] == ["RFW206"]
    assert lint(pack, today=date(2026, 11, 25)) == ()


def test_the_shipped_rules_leave_nothing_to_say() -> None:
    assert lint(shipped(), today=TODAY) == ()


def test_problems_of_files_that_are_gone_are_told_without_their_line(tmp_path: Path) -> None:
    pack = Pack.load(write(tmp_path, {"a/one.yaml": BARE}))
    (tmp_path / "a" / "one.yaml").unlink()
    assert [problem.source_line for problem in lint(pack, today=TODAY)] == [""]
