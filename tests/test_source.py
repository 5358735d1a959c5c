"""The loader: every problem of a pack at once, each at its place, and the values of a pack that is right."""

from __future__ import annotations

import pickle
import re
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from riskflags.condition import Comparison, Constant, Group, Named, Reference
from riskflags.errors import PackError, Place, Problem
from riskflags.incident import Facts, Incident
from riskflags.kinds import Code, Decimal6
from riskflags.model import Codes, Moment, Number, Severity, State
from riskflags.pack import (
    Computed,
    Derived,
    Due,
    Duration,
    Expected,
    FlagReading,
    GapReading,
    LookUp,
    MarkerInPlace,
    Pack,
    ParamDuration,
    RecordedAction,
    RecordedField,
    SeverityCase,
    Window,
)
from riskflags.source import PROBLEMS, SHAPES, load
from riskflags.source import nodes as yaml_nodes
from riskflags.source.order import in_order
from riskflags.source.problems import Problems

BAD = Path(__file__).parent / "bad_rules"
ALONE = """\
id: alone
title: A file alone
version: 1
language: 1
calendar: england-and-wales
timezone: Europe/London
event_time: incident.occurred_at
effective_by: incident.reported_at
"""
RULE = """\
code: A01
id: one
title: In care
why: It is there to be tested.
version: 1
status: draft
when: {child.in_care: true}
flag: {severity: high, about: child, message: In care}
"""
EXPECT = re.compile(r"^# expect: (RFW?\d+) (\d+):(\d+)$", re.MULTILINE)
Found = list[tuple[str, int, int, str]]


# ---- helpers ---------------------------------------------------------------------------------------------------------


def expected_in(folder: Path) -> Found:
    """Return what the files of a pack say of themselves: path, line, column and code."""
    return sorted(
        (path.relative_to(folder).as_posix(), int(line), int(column), code)
        for path in folder.rglob("*.y*ml")
        for code, line, column in EXPECT.findall(path.read_text(encoding="utf-8"))
    )


def problems_of(folder: Path) -> tuple[Problem, ...]:
    try:
        return load(folder).warnings
    except PackError as error:
        return error.problems


def found_in(folder: Path) -> Found:
    return [
        (
            Path(problem.place.path).relative_to(folder).as_posix(),
            problem.place.line,
            problem.place.column,
            problem.code,
        )
        for problem in problems_of(folder)
    ]


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write a pack: pack.yaml, unless it is given, and the files."""
    for name, content in {"pack.yaml": ALONE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def codes_of(folder: Path) -> list[str]:
    return [problem.code for problem in problems_of(folder)]


# ---- files that are wrong on purpose ---------------------------------------------------------------------------------

WRONG_RULES = sorted((BAD / "all" / "wrong").glob("*.yaml"))
WRONG_FILES = sorted((BAD / "files").rglob("*.yaml"))
WRONG_PACKS = sorted((BAD / "packs").iterdir())


@pytest.mark.parametrize("path", WRONG_RULES, ids=lambda path: path.stem)
def test_a_wrong_rule_gives_its_problem_and_no_other(path: Path, tmp_path: Path) -> None:
    shutil.copytree(BAD / "all", tmp_path / "pack", ignore=shutil.ignore_patterns("wrong"))
    (tmp_path / "pack" / "wrong").mkdir()
    shutil.copy(path, tmp_path / "pack" / "wrong")
    assert found_in(tmp_path / "pack") == expected_in(tmp_path / "pack") != []


@pytest.mark.parametrize("path", WRONG_FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_wrong_file_gives_its_problem_and_no_other(path: Path, tmp_path: Path) -> None:
    write(tmp_path, {f"{path.parent.name}.yaml": path.read_text(encoding="utf-8")})
    assert found_in(tmp_path) == expected_in(tmp_path) != []


@pytest.mark.parametrize("folder", WRONG_PACKS, ids=lambda path: path.name)
def test_a_wrong_pack_gives_its_problems_and_no_others(folder: Path) -> None:
    assert found_in(folder) == expected_in(folder) != []


def test_all_wrong_rules_together_give_every_problem_at_once_in_order() -> None:
    assert found_in(BAD / "all") == expected_in(BAD / "all")
    assert len(WRONG_RULES) == len(expected_in(BAD / "all"))


def test_every_code_has_a_file_that_provokes_it() -> None:
    assert {code for *_, code in expected_in(BAD)} == set(PROBLEMS)


def test_a_problem_shows_its_line_with_a_caret_and_says_what_to_write() -> None:
    problem = next(problem for problem in problems_of(BAD / "all") if "sevrity" in problem.message)
    path = (BAD / "all" / "wrong" / "key-unknown.yaml").as_posix()
    assert str(problem).split("\n") == [
        f"{path}:9:8: RF010 unknown key `sevrity`",
        "    flag: {sevrity: high, about: child, message: In care}",
        "           ^",
        "    did you mean severity? The keys here are severity, about, message",
    ]


def test_paths_begin_as_the_folder_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    assert {problem.place.path.split("/")[0] for problem in problems_of(Path("all"))} == {"all"}
    monkeypatch.chdir(BAD / "all")
    assert {problem.place.path.split("/")[0] for problem in problems_of(Path())} == {"wrong"}


def test_problems_pickle() -> None:
    with pytest.raises(PackError) as caught:
        load(BAD / "all")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems  # noqa: S301 - our own


def test_every_key_of_the_grammar_is_told_where_one_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE + "zzz: 1\n"})
    (problem,) = problems_of(tmp_path)
    assert all(key in problem.hint for key in SHAPES["a rule"])


# ---- one typo, one problem -------------------------------------------------------------------------------------------

GOOD = {
    path: path.read_text(encoding="utf-8") for path in sorted((BAD / "all").rglob("*.yaml")) if path not in WRONG_RULES
}
WORDS = sorted(
    {
        (path, found.start(), found[0])
        for path, text in GOOD.items()
        for found in re.finditer(r"[a-z_.]{5,}(?=[:\]}, \n])", text)
        if "#" not in text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    }
)


def misspelt(word: str) -> str:
    middle = next(i for i in range(len(word) // 2 - 1, len(word) - 1) if word[i] != word[i + 1])
    return f"{word[:middle]}{word[middle + 1]}{word[middle]}{word[middle + 2 :]}"


@pytest.mark.parametrize("file", sorted({path.relative_to(BAD / "all").as_posix() for path in GOOD}))
def test_a_typo_in_any_word_of_a_good_pack_gives_at_most_one_problem(file: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BAD / "all", tmp_path / "pack", ignore=shutil.ignore_patterns("wrong")))
    many = []
    for path, start, word in WORDS:
        if path != BAD / "all" / file:
            continue
        text = GOOD[path]
        (folder / file).write_text(text[:start] + misspelt(word) + text[start + len(word) :], encoding="utf-8")
        problems = [problem for problem in problems_of(folder) if not problem.is_warning]
        if len(problems) > 1:
            many.append((word, misspelt(word), [str(problem) for problem in problems]))
    assert many == []


def test_a_name_that_is_misspelt_where_it_is_defined_is_one_problem(tmp_path: Path) -> None:
    rules = {
        f"a/{name}.yaml": RULE.replace("one", name).replace("A01", f"A0{n}") for n, name in enumerate(("one", "two"))
    }
    write(tmp_path, {path: rule + "source: [{ref: locl}]\n" for path, rule in rules.items()})
    (problem,) = problems_of(tmp_path)
    assert problem.code == "RF101"
    assert f"also at {(tmp_path / 'a' / 'two.yaml').as_posix()}:9:16" in problem.hint


# ---- whatever the bytes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["pack.yaml", "vocabulary.yaml", "actions.yaml", "sources.yaml", "good/good-rule.yaml"]
)
def test_any_bytes_give_a_pack_or_its_problems(file: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bytes") / "pack"
    shutil.copytree(BAD / "all", folder, ignore=shutil.ignore_patterns("wrong"))

    @settings(max_examples=40)
    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    def check(content: bytes) -> None:
        (folder / file).write_bytes(content)
        for problem in problems_of(folder):
            assert str(problem).startswith(f"{folder.as_posix()}/")

    check()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Path, str]:
    """Draw a file of a good pack with some lines taken out, doubled or moved, and some characters or words changed."""
    path = draw(st.sampled_from(sorted(GOOD)))
    lines = GOOD[path].split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        start = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(["drop", "double", "indent", "put", "cut", "word"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(draw(st.integers(0, len(lines) - 1)), line)
            case "indent":
                lines[at] = " " * draw(st.integers(0, 6)) + line.lstrip()
            case "put":
                lines[at] = line[:start] + draw(st.sampled_from("{}[]:,#'\"&*!|>%@-? \t\x00é\u2028")) + line[start:]
            case "cut":
                lines[at] = line[:start] + line[start + draw(st.integers(1, 9)) :]
            case _:
                value = draw(
                    st.sampled_from(["[]", "{}", "~", "-1", "1e999", "absent", "{list: care}", "{a: b}", "severity"])
                )
                lines[at] = re.sub(r"[\w.]+(?=\W*$)", lambda _: value, line)
    return path, "\n".join(lines)


def test_a_damaged_pack_gives_a_pack_or_its_problems(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BAD / "all", tmp_path / "pack", ignore=shutil.ignore_patterns("wrong")))

    @settings(max_examples=150)
    @given(damaged())
    def check(change: tuple[Path, str]) -> None:
        path, text = change
        file = folder / path.relative_to(BAD / "all")
        file.write_text(text, encoding="utf-8")
        try:
            assert load(folder).digest.startswith("sha256:")
        except PackError as error:
            assert error.problems
            assert str(error).startswith(f"{folder.as_posix()}/")
        finally:
            file.write_text(GOOD[path], encoding="utf-8")

    check()


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"code: \xff\n", 1, 7, "UTF-8"),
        (b"title: ok\ncode: A\x00\n", 2, 8, "U+0000"),
        ("title: \u2028\n".encode(), 1, 8, "U+2028"),
        (b"when:\n\tchild.in_care: true\n\n\tx: y\n", 2, 1, "a tab (and in 1 more lines)"),
        ("code: A01\n".encode("utf-16"), 1, 1, "UTF-8"),
        (b"a: " + b"x" * (1 << 20), 0, 0, "larger than 1 MiB"),
        (b"[" * 100_000, 1, 65, "64 levels"),
        (b"%YAML 1.1\n---\na: b\n", 1, 1, "directive"),
        (b"%FOO\n---\na: b\n", None, None, ""),
        (b"{a: b, {c: d}: e}\n", 1, 8, "a key that is not text"),
        (b"when: {child.in_care} years\n", 1, 8, "no value after `child.in_care`"),
        (b"when: {{child.in_care}}\n", 1, 9, "no value after `child.in_care`"),
        (b"just text\n", 1, 1, "`just text` does not fit here"),
        (b"a: b\nkey\nother: x\n", 2, 1, "a line that is no key"),
        (b"a: 'x\nb: c\n", 1, 4, "what ' opens here is not closed"),
        (b"a: [x,\nb: c\n", 1, 4, "what [ opens here is not closed"),
        (b"a: [x y: z: w]\n", 1, 11, "inside brackets or braces"),
        (b"a: \"\\d\"\n", 1, None, "a backslash"),
        (b"a: - b\n", 1, 4, "a dash where no list can stand"),
        (b"a: |x\n", 1, 5, "not YAML"),
        (b"  a: b\nc: d\n", 2, 1, "goes on where it should have ended"),
        (b"", 0, 0, "the file is empty"),
        (b"# nothing\n~\n", 0, 0, "the file is empty"),
    ],
)  # fmt: skip
def test_what_is_not_yaml_is_told_in_plain_words(
    content: bytes, line: int | None, column: int | None, words: str, tmp_path: Path
) -> None:
    write(tmp_path, {"a/one.yaml": content})
    problem = next(problem for problem in problems_of(tmp_path) if words in problem.message)
    assert problem.code in {"RF001", "RF012", "RF020"}
    assert line is None or problem.place.line == line
    assert column is None or problem.place.column == column


def test_a_byte_order_mark_and_carriage_returns_are_no_problem(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("\n", "\r\n").encode("utf-8-sig")})
    assert load(tmp_path).rules[0].place.line == 1


def test_columns_count_characters_and_not_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {", "when: {child.trusted_adult: {recorded: no}, ")})
    (plain,) = problems_of(tmp_path)
    write(tmp_path, {"a/one.yaml": "{code: A01, title: 😀é, id: one, sevrity: 1}\n"})
    assert plain.place.column == len("when: {child.trusted_adult: {recorded: no}, ") + 1
    assert [problem.place.column for problem in problems_of(tmp_path)] == [33]


@pytest.mark.parametrize("path", [*WRONG_RULES, *WRONG_FILES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_both_parsers_of_pyyaml_read_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = []
    for parser in (yaml.SafeLoader, yaml_nodes.FAST):
        problems = Problems()
        monkeypatch.setattr(yaml_nodes, "FAST", parser)
        tree = yaml_nodes.parse(path.read_bytes(), "file.yaml", problems)
        trees.append((tree, problems.found()))
    assert trees[0] == trees[1]


# ---- within limits ---------------------------------------------------------------------------------------------------


def test_conditions_that_multiply_are_refused(tmp_path: Path) -> None:
    doubling = "".join(f"  a{n}: {{all: [{{use: a{n - 1}}}, {{use: a{n - 1}}}]}}\n" for n in range(1, 30))
    write(tmp_path, {"vocabulary.yaml": f"conditions:\n  a0: {{child.in_care: true}}\n{doubling}"})
    (problem,) = problems_of(tmp_path)
    assert problem.message == "more than 20,000 comparisons once the named conditions are written out"


def test_a_long_chain_of_names_is_refused_and_not_followed(tmp_path: Path) -> None:
    chain = "".join(f"  a{n}: {{use: a{n - 1}}}\n" for n in range(1, 3_000))
    write(tmp_path, {"vocabulary.yaml": f"conditions:\n  a0: {{child.in_care: true}}\n{chain}"})
    assert codes_of(tmp_path) == ["RF001"]


def test_lists_that_multiply_are_refused(tmp_path: Path) -> None:
    codes = ", ".join(f"c{n}" for n in range(10_000))
    lists = "".join(f"  l{n}: {{label: L, values: [x{n}, {{list: l{n - 1}}}]}}\n" for n in range(1, 60))
    write(tmp_path, {"vocabulary.yaml": f"lists:\n  l0: {{label: L, values: [{codes}]}}\n{lists}"})
    assert codes_of(tmp_path) == ["RF001"]


def test_a_file_of_nothing_but_typos_is_told_in_full(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": "".join(f"kye{n}: 1\n" for n in range(5_000))})
    assert codes_of(tmp_path) == ["RF010"] * 5_000


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {f"a/{n}.txt": "" for n in range(2_001)})
    assert codes_of(tmp_path) == ["RF002"]


def test_long_lines_are_cut_off_beside_the_problem(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("In care}", f"In care, sevrity: {'x' * 500}}}")})
    (problem,) = problems_of(tmp_path)
    assert len(problem.source_line) < 300
    write(
        tmp_path,
        {"a/one.yaml": RULE.replace("{severity", f"{{message: {'x' * 500}, sevrity").replace(", message: In care", "")},
    )
    (problem,) = problems_of(tmp_path)
    assert problem.source_line == ""
    assert str(problem).count("\n") == 1


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_of_a_pack_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PackError, match="no such folder"):
        load(tmp_path / name)


def test_a_folder_without_pack_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"no file pack\.yaml in this folder"):
        load(str(tmp_path))


def test_what_is_not_a_file_is_told(tmp_path: Path) -> None:
    (write(tmp_path, {}) / "a" / "one.yaml").mkdir(parents=True)
    (tmp_path / "vocabulary.yaml").mkdir()
    assert codes_of(tmp_path) == ["RF002"]


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {".git/x.yaml": "{", "a/.x.yaml": "{", "a/README.md": "{", "notes.txt": "{"})
    assert load(tmp_path).rules == ()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a/one.yaml": RULE})
    opened = Path.open

    def refuse(path: Path, *args: str) -> object:
        if path.name == "one.yaml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(Path, "open", refuse)
    (problem,) = problems_of(tmp_path)
    assert problem.message == "the file cannot be read: Permission denied"


def test_a_pack_that_is_too_large_as_a_whole_is_told(tmp_path: Path) -> None:
    big = RULE + "known_limits: " + "x" * ((1 << 20) - 400) + "\n"
    write(tmp_path, {f"a/r{n}.yaml": big.replace("id: one", f"id: r{n}").replace("A01", f"A{n}") for n in range(65)})
    assert set(codes_of(tmp_path)) == {"RF002"}


def test_an_unknown_problem_code_cannot_be_reported() -> None:
    with pytest.raises(KeyError):
        Problems().report("RF999", Place("x"), "no such code")


# ---- a pack that is right --------------------------------------------------------------------------------------------

VOCABULARY = """\
lists:
  homes: {label: Homes, values: [K1, K2], source: [{ref: local, at: p. 1, says: "it is so", checked: 2026-11-23}]}
  care: {label: Care, values: [{list: homes}, R1]}
params:
  gap: {label: Gap, unit: years, values: {2020-01-01: 6, 2014-01-01: 5}, default: local}
  window: {label: Window, unit: duration, values: {2014-01-01: 90 days}}
derived:
  calc.event_time: {label: When, first_recorded: [incident.occurred_at, incident.reported_at]}
  calc.suspect_age: {label: Age, age: {of: suspect, on: calc.event_time}}
  calc.age_gap: {label: Gap, age_gap: {older: suspect, younger: child, on: calc.event_time}}
  calc.places: {label: Places, list_of: [incident.address_id, child.placement_id]}
  calc.homes: {label: Homes, size: calc.places}
  calc.signs: {label: Signs, size: [incident.indicators, [hotel, drugs]]}
  calc.sum: {label: Sum, add: [calc.homes, calc.signs]}
  calc.episodes:
    label: Episodes
    how_many: {in: records, by: [child.id], where: {use: missing_child}, window: {back: {param: window}, up_to: as_of}, others: true}
  calc.children: {label: Children, how_many_different: {in: records, of: child.id, by: [suspect.id, calc.places], window: all}}
  calc.arrested_at:
    label: Arrested
    earliest:
      in: done
      of: action.at
      where: {all: [{action.code: arrest}, {action.suspect_id: {is: {field: this.suspect.id}}}, {action.at: {before: {field: as_of}}}]}
  calc.adults: {label: Adults, how_many: {in: suspects, where: {any: [{suspect.is_adult: true}, {use: adult}, {this.child.in_care: true}]}}}
  calc.reviewed: {label: Reviewed, latest: {in: markers, of: marker.review_due}}
conditions:
  missing_child: {incident.type: missing_episode}
  adult:
    is: {calc.suspect_age: {at_least: 18}}
    given: {incident.id: I1, incident.type: other, incident.reported_at: 2026-03-01T10:00}
    examples:
      - {name: adult, as_of: 2026-03-02T10:00, but: {suspects: [{id: S1, stated_age: 30}]}, expect: fires}
roles: {sergeant: {label: Sergeant}}
"""
ACTIONS = """\
actions:
  review:
    code: REVIEW
    label: plan reviewed
    owner: sergeant
    per: suspect
    core: true
    when: {use: adult}
    due:
      - {within: 1 hour, of: suspect.identified_at, when: {severity: {at_least: high}}}
      - {within: {param: window}, of: {first_recorded: [suspect.identified_at, incident.reported_at]}}
    satisfied_by:
      - {codes: [review, {list: homes}], outcomes: [completed], where: {action.agencies: {has: police}}, still_counts: 6 months}
      - {field: incident.crime_recorded_at}
      - {marker: {marker.target: child}}
    steps: [call]
    source: [{ref: local}]
  visit: {code: VISIT, label: visited, owner: sergeant, due: {within: same day, of: incident.reported_at}, satisfied_by: {field: incident.closed_at}}
"""
FULL_RULE = """\
code: M01
id: full
title: Everything
why: It uses the whole grammar.
version: 2
status: active
effective: {from: 2020-01-01, to: 2030-12-31}
source: [{ref: local}]
for_each: suspects
derived:
  calc.days: {label: Days, days_between: [calc.event_time, calc.known]}
  calc.known: {label: Known, first_recorded: [incident.reported_at]}
when:
  all:
    - use: missing_child
    - calc.age_gap: {at_least: {param: gap}, less_than: 40}
    - child.placement_type: {in: {list: care}}
    - child.sex: {not_in: [male, other]}
    - incident.authority: {is_not: {field: child.home_authority}}
    - incident.indicators: {has_any: [hotel, drugs]}
    - incident.reported_at: {between: [2026-01-01T10:00, 2026-12-31T10:00]}
    - child.date_of_birth: {after: 2000-01-01}
    - missing: {recorded: true}
    - calc.days: {at_most: 3}
    - at_least_of: {many: 2, of: [{child.in_care: yes}, {calc.episodes: {more_than: 1}}, {calc.adults: {is: 1}}]}
    - any: [{flag: other}, {flag: {family: [M, A], severity: {at_least: high}}}]
      none: [{gap: {action: visit, state: [overdue], late_by: {at_least: 3 days}}}]
unless:
  - calc.arrested_at: {recorded: true}
flag:
  severity: [{is: critical, when: {calc.children: {at_least: 2}}}, {is: low}]
  about: suspect
  message: "{calc.days} days, {suspect.id}, {param.gap}"
requires:
  - review
  - do: review
    when: {severity: critical}
    due: {within: 2 working days, of: incident.reported_at}
known_limits: none
given:
  incident.id: I1
  incident.type: missing_episode
  incident.reported_at: 2026-03-01T10:00
  child: {id: C1, stated_age: 15.5, in_care: no, date_of_birth: 2011-01-01}
  incident.indicators: [hotel]
  suspects: [{suspect.id: S1}, {id: "2"}]
  holds: {actions: [arrest]}
examples:
  - name: fires
    as_of: 2026-07-10T09:00
    but: {missing.kind: missing, incident.indicators: absent, child.in_care: yes}
    history:
      - {incident.id: I2, but: {suspects: absent, child.id: C2}}
      - {incident.id: I3, child: absent, holds: absent, holds.markers: no}
    expect: {I1: {fires: {severity: critical, because: [I1, I2], suspect: S1}, gaps: {visit: overdue}}, I2: clears, only: true}
  - {name: 2, as_of: 2026-01-10T09:00Z, expect: {clears: {suspect: S1}}}
  - {name: open, as_of: 2026-01-10T09:00, expect: {undecided: [child.in_care, "I2:child.id", incident.reported_at@time, "rejected:7"], only: yes}}
  - {name: open for one, as_of: 2026-01-10T09:00, expect: {undecided: {needs: [param.gap], suspect: S1}}}
  - {name: open for some reason, as_of: 2026-01-10T09:00, expect: undecided}
"""
OTHER_RULE = """\
code: A02
id: other
title: Other
why: It is read.
version: 1
status: draft
when: {child.in_care: true}
flag: {severity: high, about: child, message: In care}
requires: [visit]
"""


@pytest.fixture(name="pack", scope="module")
def _pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return load(whole_pack(tmp_path_factory.mktemp("right")))


def whole_pack(folder: Path, **changed: str) -> Path:
    files: dict[str, str | bytes] = {
        "pack.yaml": ALONE.replace("incident.occurred_at", "calc.event_time").replace("version: 1", "version: 1.10"),
        "vocabulary.yaml": VOCABULARY,
        "actions.yaml": ACTIONS,
        "sources.yaml": "local: {title: Local, publisher: Example, published: 2026, url: none}\n",
        "m/full.yaml": FULL_RULE,
        "a/other.yaml": OTHER_RULE,
    }
    return write(folder, {**files, **changed})


def parts_of(pack: Pack) -> tuple[Comparison | Group | Named, ...]:
    when = next(rule for rule in pack.rules if rule.id == "full").when
    assert isinstance(when, Group)
    return when.conditions


def test_a_good_pack_says_what_it_is(pack: Pack) -> None:
    assert (pack.id, pack.title, pack.version, pack.calendar) == ("alone", "A file alone", "1.10", "england-and-wales")
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
    assert how["calc.suspect_age"][1] == Computed(
        "age",
        ("calc.event_time", "suspect.date_of_birth", "suspect.stated_age", "suspect.age_from", "suspect.age_to", "suspect.is_adult"),
    )  # fmt: skip
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
    assert (action.code, action.owner, action.per, action.core, action.steps) == (
        "REVIEW",
        "sergeant",
        "suspect",
        True,
        {"call"},
    )
    assert [due.within for due in action.due] == [Duration(1, "hours"), ParamDuration("window")]
    anchor = "first_recorded(suspect.identified_at, incident.reported_at)"
    assert action.due[1].anchor == anchor
    assert pack.derived[anchor].how == Computed("first_recorded", ("suspect.identified_at", "incident.reported_at"))
    done, field, marker = action.satisfied_by
    assert isinstance(done, RecordedAction)
    assert (done.codes, done.outcomes, done.still_counts) == (
        {"review", "K1", "K2"},
        {"completed"},
        Duration(6, "months"),
    )
    assert field == RecordedField("incident.crime_recorded_at")
    assert isinstance(marker, MarkerInPlace)
    assert pack.actions["visit"].due[0].within == Duration(0, "same day")


def test_readings_say_what_they_are_about(pack: Pack) -> None:
    assert pack.readings["flag:other"] == FlagReading(frozenset({"other"}))
    assert pack.readings["flag:family A, M at least high except full"] == FlagReading(
        frozenset({"other"}), Severity.high
    )
    assert pack.readings["gap:visit overdue late by at least 3 days"] == GapReading(
        frozenset({"visit"}), frozenset({State.overdue}), 3 * 86_400
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
    assert [one.expect[0].verdict for one in others] == ["clears", "undecided", "undecided", "undecided"]
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
    moved = whole_pack(tmp_path / "moved", **{"m/full.yaml": f"# a comment\n\n{FULL_RULE}"})
    (moved / "z").mkdir()
    (moved / "a" / "other.yaml").rename(moved / "z" / "other.yaml")
    changed = whole_pack(tmp_path / "changed", **{"m/full.yaml": FULL_RULE.replace("less_than: 40", "less_than: 41")})
    assert load(moved) == pack
    assert load(moved).digest == pack.digest
    assert load(changed).digest != pack.digest


def test_a_pack_pickles(pack: Pack) -> None:
    assert pickle.loads(pickle.dumps(pack)) == pack  # noqa: S301 - our own


def test_the_shipped_pack_has_no_problem_and_no_warning() -> None:
    assert load(Path(__file__).parent.parent / "rules").warnings == ()


# ---- families, layers and readings -----------------------------------------------------------------------------------


def rules_reading(folder: Path, **whens: str) -> Path:
    """Write a rule for each name (its code is the name in capitals), with the condition given."""
    files: dict[str, str | bytes] = {
        f"r/{name}.yaml": RULE.replace("A01", name.upper())
        .replace("id: one", f"id: {name}")
        .replace("{child.in_care: true}", when)
        for name, when in whens.items()
    }
    return write(folder, {"actions.yaml": ACTIONS_ALONE, **files})


ACTIONS_ALONE = """\
actions:
  visit: {code: V, label: visited, owner: sergeant, due: {within: 1 day, of: incident.reported_at}, satisfied_by: {field: incident.closed_at}}
"""


def test_a_family_leaves_out_the_rule_that_reads_it_and_those_that_read_that_one(tmp_path: Path) -> None:
    pack = load(
        rules_reading(
            tmp_path,
            e1="{child.in_care: true}",
            e2="{flag: {family: E}}",
            e3="{flag: e2}",
            e4="{flag: {family: [E, F]}}",
            f1="{child.in_care: true}",
        )
    )
    read = {name.partition(" except ")[2]: reading for name, reading in pack.readings.items() if " except " in name}
    assert read["e2"] == FlagReading(frozenset({"e1"}))
    assert read["e4"] == FlagReading(frozenset({"e1", "f1"}))
    assert pack.readings["flag:family E"] == FlagReading(frozenset({"e1", "e2", "e3", "e4"}))
    assert pack.layers == (("e1 v1", "f1 v1"), ("e2 v1", "e4 v1"), ("e3 v1",))


def test_the_gaps_of_a_family_are_those_of_the_actions_that_its_rules_require(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, e1="{child.in_care: true}", q1="{gap: {family: [E, Q]}}")
    with (folder / "r" / "e1.yaml").open("a") as file:
        file.write("requires: [visit]\n")
    reading = load(folder).readings["gap:family E, Q done_late or overdue except q1"]
    assert reading == GapReading(
        frozenset({"visit"}), frozenset({State.overdue, State.done_late}), 0, frozenset({"e1"})
    )


def test_a_named_condition_can_read_a_family_for_several_rules(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, e1="{child.in_care: true}", e2="{use: serious}", q1="{all: [{use: serious}]}")
    write(folder, {"vocabulary.yaml": "conditions: {serious: {flag: {family: E}}}\n"})
    pack = load(folder)
    when = pack.rules[1].when
    assert isinstance(when, Named)
    assert isinstance(when.condition, Comparison)
    assert when.condition.name == "flag:family E except e2"
    assert pack.readings["flag:family E except e2"] == FlagReading(frozenset({"e1"}))
    assert pack.readings["flag:family E except q1"] == FlagReading(frozenset({"e1", "e2"}))


def test_readings_in_severities_deadlines_and_requirements_count_too(tmp_path: Path) -> None:
    folder = rules_reading(tmp_path, a1="{child.in_care: true}", b1="{child.in_care: true}")
    path = folder / "r" / "b1.yaml"
    text = path.read_text().replace("severity: high", "severity: [{is: high, when: {flag: {family: A}}}, {is: low}]")
    path.write_text(
        f"{text}unless: [{{flag: {{rule: [a1], severity: {{at_least: critical}}}}}}]\nrequires:\n"
        "  - {do: visit, when: {flag: {family: [A]}}, due: {within: 1 day, of: incident.reported_at, when: {flag: a1}}}\n"
    )
    pack = load(folder)
    assert pack.layers == (("a1 v1",), ("b1 v1",))
    assert set(pack.readings) == {"flag:a1", "flag:a1 at least critical", "flag:family A", "flag:family A except b1"}


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ("{flag: {rule: b1, family: [B]}}", "RF011"),
        ("{flag: {}}", "RF011"),
        ("{flag: [b1]}", "RF020"),
        ("{flag: {family: []}}", "RF020"),
        ("{gap: {family: B, state: []}}", "RF020"),
        ("{gap: {family: B, state: [cannot_tell]}}", "RF020"),
        ("{gap: {action: visit, late_by: 3 days}}", "RF020"),
        ("{gap: {action: visit, late_by: {at_least: 3 working days}}}", "RF020"),
        ("{gap: {action: [visit, vist]}}", "RF101"),
        ("{gap: visit}", "RF020"),
        ("{gap: {family: [~]}}", "RF020"),
    ],
)
def test_a_reading_that_is_wrong_is_told(reading: str, code: str, tmp_path: Path) -> None:
    assert codes_of(rules_reading(tmp_path, a1=reading, b1="{child.in_care: true}")) == [code]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghx"), max_size=4)))
def test_an_order_puts_each_name_after_what_it_reads(reads: dict[str, list[str]]) -> None:
    order, circles = in_order(reads)
    place = {name: number for number, name in enumerate(order)}
    in_circles = set(reads) - set(order)
    for name in order:
        assert all(place[other] < place[name] for other in reads[name] if other in place)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert set(circle) <= in_circles
        assert all(other in reads[name] for name, other in zip(circle, circle[1:], strict=False))
    assert bool(in_circles) == bool(circles)


# ---- a record with fields of its own ---------------------------------------------------------------------------------


class Local(Facts):
    """Fields that a records system adds."""

    ward: Annotated[Literal["north", "south"] | None, Code] = Field(None, description="Ward")
    score: Decimal6 = Field(None, description="Score")


class LocalIncident(Incident):
    """A record with a group of its own."""

    local: Local = Local()


def test_rules_can_read_the_fields_of_another_model_at_once(tmp_path: Path) -> None:
    rule = RULE.replace("{child.in_care: true}", "{all: [{local.ward: north}, {local: {recorded: true}}]}")
    rule += "given: {incident.id: I1, incident.type: other, incident.reported_at: 2026-03-01T10:00, local: {ward: north, score: 1}}\n"
    rule += "examples: [{name: one, as_of: 2026-03-02T10:00, expect: fires}]\n"
    write(tmp_path, {"a/one.yaml": rule})
    pack = load(tmp_path, record=LocalIncident)
    assert pack.record is LocalIncident
    assert pack.rules[0].examples[0].record["local.ward"] == "north"
    write(tmp_path, {"a/one.yaml": rule.replace("local.ward: north", "local.ward: east")})
    with pytest.raises(PackError, match="RF106"):
        load(tmp_path, record=LocalIncident)
    assert set(codes_of(tmp_path)) == {"RF104", "RF010"}


# ---- the rest of the grammar -----------------------------------------------------------------------------------------

WHEN = [
    # of conditions
    ("when: {}", "RF020"),
    ("when: ~", "RF020"),
    ("when: text", "RF020"),
    ("when: {all: []}", "RF020"),
    ("when: {all: child.in_care}", "RF020"),
    ("when: {all: [[{child.in_care: true}]]}", "RF011"),
    ("when: {at_least_of: [{child.in_care: true}]}", "RF020"),
    ("when: {child.in_care: {}}", "RF020"),
    ("when: {child.in_care: {is: true, is: false}}", "RF001"),
    ("when: {calc.x: 1}", "RF104"),
    ("when: {child/in_care: true}", "RF010"),
    ("when: {child.id: {is: ~}}", "RF020"),
    ("when: {use: []}", "RF020"),
    ("when: {suspects: {recorded: true}}", "RF010"),
    # of operands
    ("when: {child.stated_age: {between: 3}}", "RF020"),
    ("when: {child.stated_age: {between: [1, x]}}", "RF020"),
    ("when: {child.stated_age: {is: {list: x}}}", "RF020"),
    ("when: {child.stated_age: {is: {feild: child.age_to}}}", "RF010"),
    ("when: {child.stated_age: {is: {field: child.age_to, param: x}}}", "RF011"),
    ("when: {child.stated_age: {is: {field: child.id}}}", "RF107"),
    ("when: {child.in_care: {is: {field: child.id}}}", "RF107"),
    ("when: {incident.type: {in: {field: child.id}}}", "RF107"),
    ("when: {incident.indicators: {has: {field: child.stated_age}}}", "RF107"),
    ("when: {incident.type: {in: []}}", "RF020"),
    ("when: {incident.type: {in: [{a: b}]}}", "RF020"),
    ("when: {incident.type: {in: {param: x}}}", "RF101"),
    ("when: {incident.type: {in: [other, x]}}", "RF106"),
    ("when: {child.date_of_birth: {before: yesterday}}", "RF020"),
    ("when: {child.date_of_birth: {before: []}}", "RF020"),
    ("when: {incident.type: {field: incident.status}}", "RF010"),
    ("when: {incident.indicators: {list: x}}", "RF010"),
    ("when: {param.x: {at_least: 1}}", "RF101"),
    # of the rule
    ("when: {child.in_care: true}\nunless: {child.in_care: true}", "RF020"),
    ("when: {child.in_care: true}\neffective: 2014-01-01", "RF020"),
    ("when: {child.in_care: true}\nfor_each: suspect", "RF020"),
    ("when: {child.in_care: true}\nderived: []", "RF020"),
    ("when: {child.in_care: true}\nrequires: see_child", "RF020"),
    ("when: {child.in_care: true}\nrequires: [{do: see_child}]", "RF101"),
    ("when: {child.in_care: true}\nsource: local", "RF020"),
    ("when: {child.in_care: true}\nsource: [local]", "RF020"),
    # of derived values
    ("derived: {calc.x: {label: X, years_between: [calc.y]}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, first_recorded: []}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, size: []}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, size: [incident.indicators, [nothing]]}}\nwhen: {child.in_care: true}", "RF106"),
    ("derived: {calc.x: {label: X, size: child.id}}\nwhen: {child.in_care: true}", "RF105"),
    ("derived: {calc.x: {label: X, age: child}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, age: {of: officer, on: incident.occurred_at}}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: 3}\nwhen: {calc.x: {at_least: 3}}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: {in: actions}}}\nwhen: {calc.x: {at_least: 3}}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: done}}\nwhen: {calc.x: {at_least: 3}}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: {in: done, of: action.at}}}\nwhen: {calc.x: {at_least: 3}}", "RF130"),
    ("derived: {calc.x: {label: X, earliest: {in: done, of: action.code}}}\nwhen: {calc.x: {recorded: true}}", "RF105"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [], window: all}}}\nwhen: {child.in_care: true}", "RF130"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: child.id, window: all}}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [this.child.id], window: all}}}\nwhen: {child.in_care: true}", "RF111"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [missing], window: all}}}\nwhen: {child.in_care: true}", "RF105"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [child.id], window: 90 days}}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [child.id], window: {up_to: as_of}}}}\nwhen: {child.in_care: true}", "RF130"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [child.id], window: {back: 1 day, of: x}}}}\nwhen: {child.in_care: true}", "RF130"),
    ("derived: {calc.x: {label: X, how_many: {in: records, by: [child.id], window: {back: 2 working days}}}}\nwhen: {child.in_care: true}", "RF020"),
    ("derived: {calc.x: {label: X, how_many: {in: suspects, where: {child.in_care: true}}}}\nwhen: {child.in_care: true}", "RF111"),
    ("derived: {calc.x: {label: X, how_many: {in: done, where: {this.this.child.id: x}}}}\nwhen: {child.in_care: true}", "RF111"),
]  # fmt: skip
FLAGS = [
    ("{severity: [], about: child, message: x}", "RF020"),
    ("{severity: [high], about: child, message: x}", "RF020"),
    ("{severity: [{is: high, when: {child.in_care: true}}], about: child, message: x}", "RF020"),
    ("{severity: high, about: everyone, message: x}", "RF020"),
    ("{severity: high, about: child, message: [x]}", "RF020"),
    ("{severity: high, about: child, message: 3}", "RF020"),
    ('{severity: high, about: child, message: "{missing}"}', "RF170"),
    ('{severity: high, about: child, message: "{action.code}"}', "RF170"),
    ('{severity: high, about: child, message: "{param.x}"}', "RF170"),
    ('{severity: high, about: child, message: "{zzzzzz}"}', "RF170"),
    ("high", "RF020"),
]
EXAMPLES = [
    ("given: x", "RF020"),
    ("given: {child: {in_crae: true}}", "RF104"),
    ("given: {child.in_care: ~}", "RF020"),
    ("given: {child.disabilities: autism}", "RF020"),
    ("given: {child.disabilities: [autsm]}", "RF106"),
    ("given: {incident.reported_at: soon}", "RF020"),
    ("given: {child.stated_age: old}", "RF020"),
    ("given: {child.date_of_birth: 2011}", "RF020"),
    ("given: {suspects: {id: S1}}", "RF020"),
    ("given: {suspects: [S1]}", "RF020"),
    ("given: {suspects: [{name: x}]}", "RF104"),
    ("given: {actions: []}", "RF104"),
    ("given: {holds.action: none}", "RF104"),
    ("given: {holds.actions: some}", "RF020"),
    ("given: {holds.markers: perhaps}", "RF020"),
    ("given: {holds.fields: [1]}", "RF020"),
    ("examples: x", "RF020"),
    ("examples: [x]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, expect: fires}]", "RF150"),
    ("examples: [{name: x, as_of: 2026-10-25T01:30, but: {incident.id: I1}, expect: fires}]", "RF020"),
    ("examples: [{name: x, as_of: now, but: {incident.id: I1}, expect: fires}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: fire}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {gaps: {}}}]", "RF013"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {gaps: {x: overdue}, fires: {}}}]", "RF101"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {fires: high}}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {I1: [fires]}}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {fires: {because: I1}}}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {undecided: {needs: x}}}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, history: I2, expect: fires}]", "RF020"),
    ("examples: [{name: x, as_of: 2026-03-01T10:00, but: {incident.id: I1}, expect: {I2: fires}, history: [{but: {incident.di: I2}}]}]", "RF104"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), WHEN)
def test_a_rule_that_is_wrong_in_one_way_has_one_problem(text: str, code: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", text)})
    assert codes_of(tmp_path) == [code]


@pytest.mark.parametrize(("text", "code"), FLAGS)
def test_a_flag_that_is_wrong_in_one_way_has_one_problem(text: str, code: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace("{severity: high, about: child, message: In care}", text)})
    assert codes_of(tmp_path) == [code]


@pytest.mark.parametrize(("text", "code"), EXAMPLES)
def test_an_example_that_is_wrong_in_one_way_has_one_problem(text: str, code: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": f"{RULE}{text}\n"})
    assert codes_of(tmp_path) == [code]


def test_a_derived_value_of_two_words_is_text(tmp_path: Path) -> None:
    derived = "derived: {calc.x: {label: X, first_recorded: [incident.team, incident.type]}}\nwhen: {calc.x: anything}"
    write(tmp_path, {"a/one.yaml": RULE.replace("when: {child.in_care: true}", derived)})
    (made,) = load(tmp_path).rules[0].derived
    assert isinstance(made, Derived)
    assert made.kind == "text"
