"""Whatever the files of a pack hold, loading gives a pack or its problems, and soon."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from source_packs import BAD, GOOD, RULE, codes_of, problems_of, write

from riskflags import source
from riskflags.errors import PackError, Place
from riskflags.source import load
from riskflags.source import nodes as yaml_nodes
from riskflags.source.problems import Problems

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
                lines[at] = re.sub(r"[\w.]+(?=\W*$)", value, line)
    return path, "\n".join(lines)


def test_a_damaged_pack_gives_a_pack_or_its_problems(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BAD / "all", tmp_path / "pack", ignore=shutil.ignore_patterns("wrong")))

    @settings(max_examples=150)
    @given(damaged())
    def check(change: tuple[Path, str]) -> None:
        path, text = change
        file = folder / path.relative_to(BAD / "all")
        file.write_text(text, encoding="utf-8")
        problems = problems_of(folder)
        file.write_text(GOOD[path], encoding="utf-8")
        assert all(str(problem).startswith(f"{folder.as_posix()}/") for problem in problems)

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
        (b"[" * 900, 1, 65, "64 levels"),
        (b"[" * 100_000, 1, None, "64 levels"),
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
        (b'a: "\\d"\n', 1, None, "a backslash"),
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


WRONG = sorted([*(BAD / "all" / "wrong").glob("*.yaml"), *(BAD / "files").rglob("*.yaml")])


@pytest.mark.parametrize("path", WRONG, ids=lambda path: f"{path.parent.name}-{path.stem}")
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


def test_look_ups_of_conditions_that_multiply_are_refused(tmp_path: Path) -> None:
    doubling = "".join(f"  a{n}: {{all: [{{use: a{n - 1}}}, {{use: a{n - 1}}}]}}\n" for n in range(1, 15))
    uses = ", ".join(["{use: a14}"] * 4)
    look_up = f"{{label: A, how_many: {{in: records, by: [child.id], window: all, where: {{all: [{uses}]}}}}}}"
    vocabulary = f"conditions:\n  a0: {{child.in_care: true}}\n{doubling}derived: {{calc.a: {look_up}}}\n"
    assert codes_of(write(tmp_path, {"vocabulary.yaml": vocabulary})) == ["RF001"]


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

    def refuse(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert {problem.message for problem in problems_of(tmp_path)} == {"the file cannot be read: Permission denied"}


def test_a_pack_that_is_too_large_as_a_whole_is_told(tmp_path: Path) -> None:
    big = RULE + "known_limits: " + "x" * ((1 << 20) - 400) + "\n"
    write(tmp_path, {f"a/r{n}.yaml": big.replace("id: one", f"id: r{n}").replace("A01", f"A{n}") for n in range(65)})
    assert set(codes_of(tmp_path)) == {"RF002"}


def test_an_unknown_problem_code_cannot_be_reported() -> None:
    with pytest.raises(KeyError):
        Problems().report("RF999", Place("x"), "no such code")


def test_a_file_that_the_parser_gives_up_without_a_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise yaml.MarkedYAMLError(problem="no idea")

    write(tmp_path, {})
    monkeypatch.setattr(yaml, "parse", give_up)
    assert [(problem.code, problem.message) for problem in problems_of(tmp_path)] == [("RF001", "not YAML: `no idea`")]


def test_nothing_is_left_out_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a/one.yaml": RULE, "vocabulary.yaml": "roles: {sergeant: {label: Sergeant}}\n"})
    monkeypatch.setattr(source, "read_rule", lambda *_: None)
    monkeypatch.setattr(source, "read_roles", lambda *_: None)
    assert [(problem.place.line, problem.message) for problem in problems_of(tmp_path)] == [
        (1, "this cannot be read, and it is not clear why"),
        (1, "this cannot be read, and it is not clear why"),
    ]
