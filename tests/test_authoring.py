"""Begin a rule, turn a real record into an example, lay files out: what a practitioner starts from."""

from __future__ import annotations

import re
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from command_line import AS_OF, CASES, copied_pack, riskflags
from hypothesis import given
from hypothesis import strategies as st
from incidents import histories
from small_pack import LONDON
from source_packs import BAD, write

from riskflags import Incident, Pack, default_pack
from riskflags.authoring.layout import LayoutError, laid_out
from riskflags.authoring.new import Comparing, Wanted, new_rule
from riskflags.authoring.pseudonym import CannotShiftError, Pseudonyms, pseudonymous
from riskflags.condition import OPERATORS
from riskflags.derive import whole_years
from riskflags.examples import run_examples
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

TODAY = date(2026, 11, 26)
COMPLETE = ("--title", "In care", "--why", "It matters.", "--when", "child.in_care is yes")


# ---- copy and new ----------------------------------------------------------------------------------------------------


@pytest.fixture(name="mine")
def my_rules(tmp_path: Path) -> Path:
    assert riskflags("copy", tmp_path / "mine").exit_code == 0
    return tmp_path / "mine"


def new(mine: Path, name: str, *options: str) -> Result:
    return riskflags("new", name, "--rules", mine, *options)


def test_a_copy_of_the_shipped_rules_is_the_same_pack(mine: Path) -> None:
    assert Pack.load(mine).digest == default_pack().digest


def test_a_copy_is_not_made_over_what_is_there(mine: Path) -> None:
    found = riskflags("copy", mine)
    assert (found.exit_code, "is there already" in found.stderr) == (4, True)


def test_a_complete_rule_passes_check_and_its_examples_cover_it(mine: Path) -> None:
    options = ("--when", "missing.missing_from in hospital;school", "--when", "calc.child_age less_than 16")
    made = new(mine, "missing/from-hospital", *COMPLETE, *options, "--action", "see_child", "--source", "local-default")
    assert made.exit_code == 0, made.stderr
    assert f"riskflags test {mine} --rule from-hospital" in made.stdout
    checked = riskflags("check", mine)
    assert (checked.exit_code, "0 warnings" in checked.stdout) == (0, True)
    (tried,) = run_examples(Pack.load(mine), only="from-hospital").owners
    assert [result.passed for result in tried.results] == [True] * 4
    assert tried.uncovered == ()
    assert not re.search(r"[{}]", (mine / "missing" / "from-hospital.yaml").read_text(encoding="utf-8"))


def test_a_rule_with_little_said_is_asked_only_for_what_its_author_knows(mine: Path) -> None:
    assert new(mine, "missing/open").exit_code == 0
    checked = riskflags("check", mine)
    places = re.findall(r"open\.yaml:(\d+):\d+: (RF\d+) nothing is written here", checked.stdout)
    lines = (mine / "missing" / "open.yaml").read_text(encoding="utf-8").splitlines()
    assert [lines[int(line) - 1].split(":")[0].strip() for line, _ in places] == ["title", "why", "when", "message"]
    assert checked.stdout.splitlines()[-1].endswith(" 4 problems.")


def test_it_asks_on_a_terminal_for_what_is_left_out(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["In care", "It matters.", "child.in_care", "is", "yes"])
    monkeypatch.setattr("riskflags.cli.authoring.typer.prompt", lambda *_args, **_options: next(answers))
    monkeypatch.setattr("riskflags.cli.authoring._is_terminal", lambda: True)
    assert new(mine, "missing/asked").exit_code == 0
    assert riskflags("check", mine).exit_code == 0


def test_an_empty_answer_leaves_it_open(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskflags.cli.authoring.typer.prompt", lambda *_args, **_options: "")
    monkeypatch.setattr("riskflags.cli.authoring._is_terminal", lambda: True)
    assert new(mine, "missing/asked").exit_code == 0
    assert riskflags("check", mine).stdout.splitlines()[-1].endswith(" 4 problems.")


def test_outside_a_terminal_it_never_asks() -> None:
    from riskflags.cli.authoring import _is_terminal  # noqa: PLC0415 - what the tests above replace

    assert _is_terminal() is (sys.stdin.isatty() and sys.stdout.isatty())


CODES = [("missing", "M15"), ("exploitation", "E16"), ("hospital", "H01"), ("myths", "MY01"), ("education", "ED01")]


@pytest.mark.parametrize(("family", "code"), CODES)
def test_a_rule_gets_the_next_code_of_its_family(family: str, code: str) -> None:
    assert new_rule(Wanted(family, "x"), default_pack(), today=TODAY).startswith(f"code: {code}\n")


def test_a_condition_of_the_pack_can_be_used_and_brings_its_suspects(mine: Path) -> None:
    assert new(mine, "network/named", *COMPLETE[:4], "--use", "adult_suspect", "--use", "contact_facts").exit_code == 0
    text = (mine / "network" / "named.yaml").read_text(encoding="utf-8")
    assert "for_each: suspects\n" in text
    assert "    - use: adult_suspect\n    - use: contact_facts\n" in text
    assert riskflags("check", mine).exit_code == 0


EVERY = [
    ("child.in_care", "is", "no"), ("child.stated_age", "is", "12"), ("child.stated_age", "is_not", "12"),
    ("child.stated_age", "at_least", "12"), ("child.stated_age", "more_than", "12"),
    ("child.stated_age", "at_most", "12"), ("child.stated_age", "less_than", "12"),
    ("child.date_of_birth", "is", "2010-02-28"), ("child.date_of_birth", "before", "2010-02-28"),
    ("child.date_of_birth", "after", "2010-02-28"), ("child.date_of_birth", "on_or_before", "2010-02-28"),
    ("child.date_of_birth", "on_or_after", "2010-02-28"), ("incident.type", "is", "assault"),
    ("incident.type", "is_not", "assault"), ("incident.type", "in", "assault;other"),
    ("incident.type", "not_in", "assault;other"), ("child.home_force", "is", "F1"),
    ("incident.team", "is_not", "A team"),
    ("incident.indicators", "has", "debt"), ("incident.indicators", "has_any", "debt;drugs"),
    ("incident.indicators", "has_all", "debt;drugs"), ("incident.indicators", "has_none", "debt"),
    ("suspect.relationship", "is", "stranger"), ("calc.suspect_age", "at_least", "18"),
]  # fmt: skip


@pytest.mark.parametrize("comparing", EVERY, ids=lambda one: f"{one[0]} {one[1]}")
def test_the_examples_of_every_comparison_come_out_as_they_say(comparing: tuple[str, str, str], mine: Path) -> None:
    made = new(mine, "missing/one", *COMPLETE[:4], "--when", " ".join(comparing))
    assert made.exit_code == 0, made.stderr
    (tried,) = run_examples(Pack.load(mine), only="one").owners
    assert [result.passed for result in tried.results] == [True, True]
    assert tried.uncovered == ()


NO_EXAMPLES = [
    ["child.in_care recorded yes"], ["incident.reported_at after 2026-01-01"], ["calc.offences has rape"],
    ["child.stated_age at_least 10", "child.stated_age at_most 12"], ["calc.age_gap at_least 5"],
]  # fmt: skip


@pytest.mark.parametrize("when", NO_EXAMPLES)
def test_where_values_cannot_be_made_up_the_examples_are_left_to_the_author(when: list[str], mine: Path) -> None:
    options = [part for one in when for part in ("--when", one)]
    assert new(mine, "missing/one", *COMPLETE[:4], *options).exit_code == 0
    assert "examples:" not in (mine / "missing" / "one.yaml").read_text(encoding="utf-8")
    assert riskflags("check", mine).exit_code == 0


def test_every_operator_is_tried_here() -> None:
    assert {one[1] for one in EVERY} | {"recorded", "between"} == set(OPERATORS)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("missing", (), "write the family and the id"),
        ("Missing/x", (), "'Missing' is no name of a family"),
        ("missing/x y", (), "'x y' is no name of a rule"),
        ("network/repeat-missing", (), "there is a rule 'repeat-missing' in this pack"),
        ("missing/repeat-missing", (), "is there already"),
        ("m/x", (), "the letters of 'm' are those of other families"),
        ("missing/x", ("--when", "child.in_car is yes"), "unknown field 'child.in_car'; did you mean child.in_care?"),
        ("missing/x", ("--when", "action.code is see"), "belongs to a list"),
        ("missing/x", ("--when", "child.in_care"), "write a field, an operator and a value"),
        ("missing/x", ("--when", "child.in_care has yes"), "'has' does not fit child.in_care, which is of kind yes_no"),
        ("missing/x", ("--when", "child.stated_age between 1"), "'between' does not fit"),
        (
            "missing/x",
            ("--when", "child.in_care is perhaps"),
            "'perhaps' does not fit child.in_care: expected yes or no",
        ),
        ("missing/x", ("--when", "child.stated_age is old"), "'old' does not fit child.stated_age: expected a number"),
        (
            "missing/x",
            ("--when", "incident.type is assalt"),
            "unknown code of incident.type 'assalt'; did you mean assa",
        ),
        ("missing/x", ("--severity", "hgih"), "unknown severity 'hgih'; did you mean high?"),
        ("missing/x", ("--action", "see_chld"), "unknown action 'see_chld'; did you mean see_child?"),
        ("missing/x", ("--use", "no_such"), "unknown condition 'no_such'"),
        ("missing/x", ("--source", "local-defualt"), "did you mean local-default?"),
        ("missing/x", ("--about", "nobody"), "unknown about 'nobody'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    name: str, options: tuple[str, ...], says: str, mine: Path
) -> None:
    before = sorted(mine.rglob("*"))
    found = new(mine, name, *options)
    assert (found.exit_code, says in found.stderr) == (4, True), found.stderr
    assert sorted(mine.rglob("*")) == before


def test_a_folder_that_is_no_pack_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = riskflags("new", "missing/x")
    assert (found.exit_code, "riskflags copy my-rules" in found.stderr) == (4, True)


# ---- example ---------------------------------------------------------------------------------------------------------

CASE_A = CASES / "case-a.jsonl"


def made_example(*options: str) -> Result:
    return riskflags("example", "--from", CASE_A, "--as-of", AS_OF, *options)


def test_a_real_record_becomes_an_example_that_passes(mine: Path) -> None:
    found = made_example("--row", "3", "--rule", "M03")
    assert found.exit_code == 0
    rule = mine / "missing" / "repeat-missing.yaml"
    rule.write_text(f"{rule.read_text(encoding='utf-8').rstrip()}\n{found.stdout}", encoding="utf-8")
    checked = riskflags("test", mine, "--rule", "M03")
    assert checked.exit_code == 0, checked.stdout
    assert "Pseudonymised is not anonymous" in found.stderr


def test_what_the_rule_says_of_it_today_is_expected() -> None:
    assert made_example("--row", "3", "--rule", "M03").stdout.rstrip().endswith("expect: fires")
    assert made_example("--row", "2", "--rule", "M03").stdout.rstrip().endswith("expect: clears")
    undecided = made_example("--row", "4", "--rule", "E04").stdout
    assert "undecided: [contact.sexual_activity]" in undecided


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--row", "9", "--rule", "M03"), 4, "no record begins in row 9; the record before it begins in row 4"),
        (("--row", "0", "--rule", "M03"), 4, "no record begins in row 0"),
        (("--row", "1", "--rule", "M99"), 4, "--rule: no rule 'M99' was decided"),
    ],
)
def test_a_row_or_a_rule_that_is_not_there_is_refused(options: tuple[str, ...], code: int, says: str) -> None:
    found = made_example(*options)
    assert (found.exit_code, says in found.stderr) == (code, True), found.stderr


def test_a_row_that_was_rejected_says_why(tmp_path: Path) -> None:
    file = tmp_path / "incidents.csv"
    file.write_text("incident.id,incident.type,incident.reported_at\nI1,assault,yesterday\nI2,assault,2026-03-01\n")
    found = riskflags("example", "--from", file, "--row", "1", "--rule", "M03")
    assert (found.exit_code, found.stderr.startswith("riskflags: row 1 was rejected: ")) == (3, True)


def words(value: Any) -> set[str]:
    """Return every text in the data of a record."""
    match value:
        case dict():
            return {word for item in value.values() for word in words(item)}
        case list() | tuple():
            return {word for item in value for word in words(item)}
        case _:
            return {str(value)}


IDS = ("id", "address_id", "home_address_id", "placement_id", "social_worker_id", "suspect_id", "target_id", "team",
       "narrative", "unit", "reason", "evidence_ref", "force", "home_force", "school_urn", "date_of_birth")  # fmt: skip


def secret(data: Any, name: str = "") -> set[str]:
    """Return what nobody may read in an example: ids, free text, official codes, dates and times."""
    match data:
        case dict():
            return {word for key, value in data.items() for word in secret(value, key)}
        case list():
            return {word for value in data for word in secret(value, name)}
        case _:
            is_time = bool(re.match(r"\d{4}-\d\d-\d\d", str(data)))
            return {str(data)} if name in IDS or is_time else set()


@given(histories(most=4, least=1), st.integers(30, 300), st.integers(-100, 100))
def test_no_id_date_or_free_text_of_a_record_is_left(records: list[Incident], weeks: int, days: int) -> None:
    names = Pseudonyms(-weeks, days, LONDON)
    try:
        found = pseudonymous(records, names)
    except CannotShiftError:
        return  # another shift would be taken
    hidden = {
        word
        for record in records
        for word in secret(record.model_dump(mode="json", exclude_none=True, exclude={"holds"}))
    }
    neutral = {f"{letter}{number}" for letter in "ICSPWHNVTA" for number in range(1, 40)}
    assert not (hidden - neutral) & words(found)


@given(histories(most=3, least=1), st.integers(30, 300), st.integers(-100, 100))
def test_what_is_left_is_a_record_with_the_same_ages(records: list[Incident], weeks: int, days: int) -> None:
    names = Pseudonyms(-weeks, days, LONDON)
    try:
        found = [Incident.model_validate(data, context={"timezone": LONDON}) for data in pseudonymous(records, names)]
    except CannotShiftError:
        return  # another shift would be taken
    for before, after in zip(records, found, strict=True):
        for first, second in ((before, after),):
            born, moved = first.child.date_of_birth, second.child.date_of_birth
            assert (born is None) is (moved is None)
            day, later = first.incident.reported_at, second.incident.reported_at
            if born is not None and moved is not None and day is not None and later is not None:
                assert whole_years(born, day.day) == whole_years(moved, later.day)
        assert len(before.suspects) == len(after.suspects)


def test_an_age_that_would_change_needs_another_shift() -> None:
    record = Incident.model_validate(
        {
            "incident.id": "I1", "incident.type": "other", "incident.reported_at": "2026-03-02T09:00",
            "child.date_of_birth": "2010-03-02", "suspects": [{"date_of_birth": "2000-01-15"}],
        }
    )  # fmt: skip
    with pytest.raises(CannotShiftError):
        pseudonymous([record], Pseudonyms(-52, 30, LONDON))
    assert pseudonymous([record], Pseudonyms(-52, -30, LONDON))


def test_a_time_that_would_fall_into_the_hour_that_is_skipped_needs_another_shift() -> None:
    spring = Incident.model_validate(
        {"incident.id": "I1", "incident.type": "other", "incident.reported_at": "2026-04-05T01:30"}
    )
    with pytest.raises(CannotShiftError):
        pseudonymous([spring], Pseudonyms(-1, 0, LONDON))
    autumn = Incident.model_validate(
        {"incident.id": "I1", "incident.type": "other", "incident.reported_at": "2026-11-01T01:30"}
    )
    with pytest.raises(CannotShiftError):
        pseudonymous([autumn], Pseudonyms(-1, 0, LONDON))


def test_a_record_that_no_shift_can_keep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> list[dict[str, Any]]:
        raise CannotShiftError("never")

    monkeypatch.setattr("riskflags.authoring.example.pseudonymous", never)
    found = made_example("--row", "3", "--rule", "M03")
    assert (found.exit_code, "write the example by hand" in found.stderr) == (4, True)


def test_what_a_source_holds_goes_with_the_example() -> None:
    record = Incident.model_validate(
        {
            "incident.id": "I1", "incident.type": "other", "incident.reported_at": "2026-03-02T09:00",
            "holds": {"actions": "none", "fields": ["child.in_care"], "markers": False},
        }
    )  # fmt: skip
    (data,) = pseudonymous([record], Pseudonyms(-52, 0, LONDON))
    assert (data["holds.actions"], data["holds.fields"], data["holds.markers"]) == ("none", ["child.in_care"], False)


def test_a_rule_that_answers_otherwise_to_the_example_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The rule came into force in 2014, and an example of 400 weeks earlier is of a day before it."""
    monkeypatch.setattr("riskflags.authoring.example._WEEKS", range(400, 401))
    file = tmp_path / "incidents.csv"
    file.write_text(
        "incident.id,incident.type,incident.reported_at,child.id,suspect.id,suspect.stated_age,contact.images_requested\n"
        "I1,online_contact,2016-02-02T09:00,C1,S1,40,yes\n",
        encoding="utf-8",
    )
    found = riskflags("example", "--from", file, "--row", "1", "--rule", "E02", "--as-of", "2016-03-01T09:00")
    assert found.stdout.rstrip().endswith("expect: clears")
    assert "The rule says something else of the real record" in found.stderr


# ---- fmt -------------------------------------------------------------------------------------------------------------

SHIPPED = sorted(default_folder().rglob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_rules_are_in_block_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert laid_out(text, path.name) == text


@pytest.mark.parametrize(
    "path", sorted((BAD / "all").rglob("good*.yaml")) + sorted(BAD.rglob("packs/circle*/a/*.yaml"))
)
def test_laying_out_twice_is_laying_out_once(path: Path) -> None:
    once = laid_out(path.read_text(encoding="utf-8"), path.name)
    assert laid_out(once, path.name) == once


@given(st.sampled_from([path for path in SHIPPED if path.parent != default_folder()]), st.data())
def test_comments_stay_and_nothing_changes_its_meaning(path: Path, data: st.DataObject) -> None:
    """A comment before any line that begins a key or an item, and behind any that ends a value."""
    lines = path.read_text(encoding="utf-8").splitlines()
    plain = [n for n, line in enumerate(lines) if re.fullmatch(r" *(- )?[a-z_.]+: [\w-]+", line)]
    number = data.draw(st.sampled_from(plain))
    indent = re.match(r" *", lines[number])
    assert indent is not None
    lines[number] += "  # beside it"
    lines.insert(number, f"{indent[0]}# above it")
    text = "".join(f"{line}\n" for line in lines)
    found = laid_out(text, path.name)
    assert (found.count("# above it"), found.count("# beside it")) == (1, 1)
    assert laid_out(found, path.name) == found


RULE_IN_BRACES = """\
# My rule.
flag: {severity: high, about: child, message: "In care, and missing"}
when: {all: [{child.in_care: true}, {incident.type: {in: [missing_episode, other]}}]}   # both
id: one
code: A01
title: In care
why: It is there.
version: 1
status: draft
"""


def test_braces_are_written_out_and_keys_come_in_the_order_of_the_grammar() -> None:
    found = laid_out(RULE_IN_BRACES, "one.yaml")
    assert [line.split(":")[0] for line in found.splitlines() if re.match(r"[a-z]", line)] == [
        "code", "id", "title", "why", "version", "status", "when", "flag",
    ]  # fmt: skip
    assert "    - incident.type:\n        in: [missing_episode, other]\n" in found
    assert '  message: "In care, and missing"\n' in found
    assert "# My rule." in found
    assert "# both" in found


def test_a_file_that_cannot_be_read_is_left_alone_and_told(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a/one.yaml": "a: &x 1\n", "a/two.yaml": RULE_IN_BRACES})
    found = riskflags("fmt", folder)
    assert found.exit_code == 2
    assert "a/one.yaml:1:4: RF001 an anchor" in found.stdout
    assert (folder / "a" / "one.yaml").read_text() == "a: &x 1\n"
    assert "1 file laid out, 1 as they were, 1 left alone." in found.stdout


def test_with_check_nothing_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a/two.yaml": RULE_IN_BRACES})
    found = riskflags("fmt", folder, "--check")
    assert (found.exit_code, (folder / "a" / "two.yaml").read_text()) == (2, RULE_IN_BRACES)
    assert riskflags("fmt", folder / "a" / "two.yaml").exit_code == 0
    assert riskflags("fmt", folder, "--check").exit_code == 0


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = riskflags("fmt", tmp_path / "nothing")
    assert (found.exit_code, "no such file or folder" in found.stderr) == (4, True)


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskflags.cli.authoring.importlib.util.find_spec", lambda _name: None)
    found = riskflags("fmt")
    assert (found.exit_code, "pip install 'riskflags[fmt]'" in found.stderr) == (4, True)


@pytest.mark.parametrize(("text", "says"), [("", ""), ("a: *b\n", "an alias"), ("a: \t1\n", "a tab")])
def test_what_is_no_yaml_of_rules_is_an_error_with_its_problems(text: str, says: str) -> None:
    with pytest.raises(LayoutError) as caught:
        laid_out(text, "x.yaml")
    assert says in str(caught.value)


def test_the_pack_is_the_same_after_it_was_laid_out(tmp_path: Path) -> None:
    folder = copied_pack(tmp_path)
    before = Pack.load(folder).digest
    assert riskflags("fmt", folder).exit_code == 0
    assert Pack.load(folder).digest == before


def test_comparing_is_three_words() -> None:
    assert Comparing.parse("incident.team is  The A team") == Comparing("incident.team", "is", "The A team")
