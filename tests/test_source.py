"""Every problem of a pack at once, each once and at its place."""

from __future__ import annotations

import pickle
import re
import shutil
from pathlib import Path

import pytest
import yaml
from source_packs import BAD, GOOD, RULE, expected_in, found_in, problems_of, write

from riskflags.errors import PackError
from riskflags.source import PROBLEMS, SHAPES, load

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
        "    write: flag: {severity: high, about: child, message: In care}",
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


# ---- the rest of the grammar -----------------------------------------------------------------------------------------

PIECES: dict[str, list[dict[str, str]]] = yaml.safe_load((BAD / "pieces.yaml").read_text(encoding="utf-8"))
PLACES = {
    "when": "when: {child.in_care: true}",
    "flag": "{severity: high, about: child, message: In care}",
    "example": "",
}
"""Kind of piece -> what it stands in place of."""


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [(kind, code, text) for kind, pieces in PIECES.items() for piece in pieces for code, text in piece.items()],
)
def test_what_is_wrong_in_one_way_has_one_problem(kind: str, code: str, text: str, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"{kind}.yaml": text}
    if kind in PLACES:
        place = PLACES[kind]
        files = {"a/one.yaml": RULE.replace(place, text.rstrip()) if place else f"{RULE}{text}\n"}
    write(tmp_path, files)
    assert [problem.code for problem in problems_of(tmp_path) if not problem.is_warning] == [code]


# ---- one typo, one problem -------------------------------------------------------------------------------------------

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


# ---- corrections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("when: {child.in_car: true}", "when: {child.in_care: true}"),
        ("when: {child.stated_age: {at_lest: 3}}", "when: {child.stated_age: {at_least: 3}}"),
        ("when: {incident.type: missng_episode}", "when: {incident.type: missing_episode}"),
        ('when: {incident.type: "missng_episode"}', 'when: {incident.type: "missing_episode"}'),
        ("when: {incident.type: {in: assault}}", "when: {incident.type: {in: [assault]}}"),
        ("when: {child.id: 010}", 'when: {child.id: "010"}'),
        ("when: {child.date_of_birth: {before: 2010-3-1}}", "when: {child.date_of_birth: {before: 2010-03-01}}"),
        ("when: {child.date_of_birth: {before: 31/03/2010}}", "when: {child.date_of_birth: {before: 2010-03-31}}"),
        (
            "when: {child.date_of_birth: {before: 2010-03-01T10:00}}",
            "when: {child.date_of_birth: {before: 2010-03-01}}",
        ),
        ("when: {this.child.in_care: true}", "when: {child.in_care: true}"),
        ("{severity: hgih, about: child, message: In care}", "{severity: high, about: child, message: In care}"),
        (
            '{severity: high, about: child, message: "{child.ids} in care"}',
            '{severity: high, about: child, message: "{child.id} in care"}',
        ),
    ],
)
def test_a_clear_correction_is_shown_and_mends_the_rule(wrong: str, right: str, tmp_path: Path) -> None:
    place = PLACES["flag" if wrong.startswith("{severity") else "when"]
    write(tmp_path, {"a/one.yaml": RULE.replace(place, wrong)})
    (problem,) = problems_of(tmp_path)
    assert problem.fix is not None
    assert problem.fix.applied_to(problem.source_line).removeprefix("flag: ") == right
    assert f"    write: {problem.fix.applied_to(problem.source_line)}" in str(problem).splitlines()
    write(tmp_path, {"a/one.yaml": RULE.replace(place, right)})
    assert problems_of(tmp_path) == ()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("3d", "3 days"), ("24 hrs", "24 hours"), ("5 Days", "5 days"), ("1wk", "1 week"), ("2 business days", None)],
)
def test_a_duration_that_is_clear_is_corrected(wrong: str, right: str | None, tmp_path: Path) -> None:
    derived = (
        "derived: {calc.n: {label: N, how_many: {in: records, by: [child.id], window: {back: %s}}}}\n"
        "when: {calc.n: {at_least: 3}}"
    )
    write(tmp_path, {"a/one.yaml": RULE.replace(PLACES["when"], derived % wrong)})
    (problem,) = problems_of(tmp_path)
    assert problem.fix is not None
    assert problem.fix.new == (right or "2 working days")


@pytest.mark.parametrize("text", ["tomorrow", "05/03/2010", "2010-02-30", "10 m", "10"])
def test_what_could_mean_two_things_is_not_corrected(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/one.yaml": RULE.replace(PLACES["when"], f"when: {{child.date_of_birth: {{before: {text}}}}}")})
    (problem,) = problems_of(tmp_path)
    assert problem.fix is None
