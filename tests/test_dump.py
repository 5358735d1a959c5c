"""Law 5, second half: a pack that is written and loaded again is the same pack, with the same digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from conformance_cases import FOLDER, read, write_pack
from hypothesis import given
from hypothesis import strategies as st
from varied_packs import write_varied_pack

from riskflags import Incident, Pack
from riskflags.condition import Comparison, Constant, Named, negated
from riskflags.model import NO_NEEDS, Absent
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar, parse
from riskflags.source.problems import Problems
from riskflags.source.write.emit import Written, in_blocks

if TYPE_CHECKING:
    from riskflags.condition import Condition

TESTS = Path(__file__).parent
PACKS = [TESTS.parent / "rules", TESTS / "packs" / "whole", TESTS / "packs" / "odd"]
CASES = [*sorted(FOLDER.glob("*.yaml")), TESTS / "rich_pack.yaml"]


@pytest.fixture(params=[*PACKS, *CASES, Path("varied")], ids=lambda path: path.stem)
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    path: Path = request.param
    if path.is_dir():
        return Pack.load(path)
    if path.suffix:
        write_pack(tmp_path / "cases", read(path))
    else:
        write_varied_pack(tmp_path / "cases", rules=21)
    return Pack.load(tmp_path / "cases")


def test_a_pack_that_is_written_is_loaded_as_the_same_pack(pack: Pack, tmp_path: Path) -> None:
    pack.dump(tmp_path / "written")
    again = Pack.load(tmp_path / "written")
    assert again == pack
    assert again.digest == pack.digest


def test_what_is_written_is_in_block_style(pack: Pack, tmp_path: Path) -> None:
    pack.dump(tmp_path / "written")
    for path in (tmp_path / "written").rglob("*.yaml"):
        for event in yaml.parse(path.read_text(encoding="utf-8")):
            assert not (isinstance(event, yaml.MappingStartEvent) and event.flow_style), (path, event)


def test_versions_of_a_rule_keep_their_files_apart(tmp_path: Path) -> None:
    Pack.load(TESTS / "packs" / "odd").dump(tmp_path / "odd")
    assert sorted(path.relative_to(tmp_path / "odd").as_posix() for path in (tmp_path / "odd").rglob("*.yaml")) == [
        "a/first.v2.yaml", "a/first.yaml", "actions.yaml", "b/fourth.yaml", "b/third.yaml", "pack.yaml",
        "vocabulary.yaml",
    ]  # fmt: skip


def test_a_list_stays_named_where_just_its_codes_are_meant(tmp_path: Path) -> None:
    Pack.load(TESTS / "packs" / "whole").dump(tmp_path / "whole")
    rule = yaml.safe_load((tmp_path / "whole" / "m" / "full.yaml").read_text(encoding="utf-8"))
    assert {"child.placement_type": {"in": {"list": "care"}}} in rule["when"]["all"]


def test_what_records_have_in_common_is_written_once(tmp_path: Path) -> None:
    Pack.load(TESTS.parent / "rules").dump(tmp_path / "rules")
    rule = yaml.safe_load((tmp_path / "rules" / "e" / "online-age-gap.yaml").read_text(encoding="utf-8"))
    example = next(example for example in rule["examples"] if example["name"] == "five years to the day")
    assert list(example["but"]) == ["suspects"]


# ---- where it is written ---------------------------------------------------------------------------------------------


def test_a_pack_is_written_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    whole = Pack.load(TESTS / "packs" / "whole")
    whole.dump(str(tmp_path / "empty"))
    assert Pack.load(tmp_path / "empty") == whole


@pytest.mark.parametrize("name", ["folder", "folder/file"])
def test_nothing_is_written_over_what_is_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is not an empty folder: a pack is written into one of its own"):
        Pack.load(TESTS / "packs" / "whole").dump(tmp_path / name)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (negated(Comparison("child.in_care", "is", (Constant(value=True),))), "the negation of child.in_care"),
        (Named("adult", Comparison("child.in_care", "is", ()), positive=False), "the negation of adult"),
        (Comparison("child.sex", "is", (Constant(Absent(NO_NEEDS)),)), "child.sex is compared with a value"),
    ],
)
def test_what_only_code_can_say_is_not_written(condition: Condition, words: str, tmp_path: Path) -> None:
    whole = Pack.load(TESTS / "packs" / "whole")
    odd = replace(whole, rules=(replace(whole.rules[0], when=condition),))
    with pytest.raises(ValueError, match=words):
        odd.dump(tmp_path / "odd")
    assert not (tmp_path / "odd").exists()


class Own(Incident):
    """A model of a records system."""


def test_a_pack_for_the_records_of_a_system_is_written_too(tmp_path: Path) -> None:
    own = Pack.load(TESTS / "packs" / "whole", record=Own)
    own.dump(tmp_path / "own")
    assert Pack.load(tmp_path / "own", record=Own) == own


# ---- text ------------------------------------------------------------------------------------------------------------

ODD = "ab \n\t'\"\\:#-?{}[],&*!|>%@`~=<\u2028\u0085é😀019.ex"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20) | st.text(
    st.sampled_from(ODD), min_size=1, max_size=150
)


def lists_and_keys(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(some, max_size=3) | st.dictionaries(TEXTS, some, min_size=1, max_size=2)


FILES = st.dictionaries(TEXTS, st.recursive(TEXTS, lists_and_keys, max_leaves=5), min_size=1, max_size=2)


def as_data(node: Node) -> Any:
    match node:
        case Scalar():
            assert not node.is_bare
            return node.text
        case ListNode():
            return [as_data(item) for item in node.items]
        case MapNode():
            return {key.text: as_data(value) for key, value in node.pairs}
        case _:
            raise AssertionError(node)


@given(FILES)
def test_any_text_is_read_as_it_was_written(data: dict[str, Written]) -> None:
    problems = Problems()
    node = parse(in_blocks(data).encode(), "file.yaml", problems)
    assert problems.found() == ()
    assert node is not None
    assert as_data(node) == data
