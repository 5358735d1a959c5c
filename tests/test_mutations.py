"""Law 5, first half: whatever happens to a file, loading gives a pack or its problems, near to where it happened."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from conformance_cases import read, write
from hypothesis import given
from hypothesis import strategies as st
from mini_packs import RULES, write_mini_pack
from source_packs import loading_problems_of

from riskflags import Pack
from riskflags.condition import OPERATORS
from riskflags.derive import FUNCTIONS
from riskflags.source import SHAPES
from riskflags.source.shape import CONDITION_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parent
MANY = {"ci": 1_500, "nightly": 20_000}.get(os.environ.get("HYPOTHESIS_PROFILE", "dev"), 300)
NEAR = 2
"""Lines that a problem may be away from the mutation behind it."""


@dataclass(frozen=True)
class Mutant:
    """The lines of a file after a mutation, and the lines in which it happened, counted from 0."""

    lines: list[str]
    at: tuple[int, ...]


def deleted(lines: list[str], at: int, _chance: random.Random) -> Mutant | None:
    return Mutant(lines[:at] + lines[at + 1 :], (at,))


def duplicated(lines: list[str], at: int, _chance: random.Random) -> Mutant | None:
    return Mutant(lines[: at + 1] + lines[at:], (at, at + 1))


def swapped(lines: list[str], at: int, _chance: random.Random) -> Mutant | None:
    """Swap a line with the next."""
    if not says_something(lines[at + 1]):
        return None
    return Mutant([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]], (at, at + 1))


def misspelt(lines: list[str], at: int, chance: random.Random) -> Mutant | None:
    """Change places of two letters of a word, leave one out, or write one twice."""
    words = list(re.finditer(r"[A-Za-z_]{3,}", lines[at]))
    if not words:
        return None
    found = chance.choice(words)
    word, n = found[0], chance.randrange(len(found[0]) - 1)
    wrong = chance.choice(
        (f"{word[:n]}{word[n + 1]}{word[n]}{word[n + 2 :]}", word[:n] + word[n + 1 :], word[: n + 1] + word[n:])
    )
    return Mutant([*lines[:at], lines[at][: found.start()] + wrong + lines[at][found.end() :], *lines[at + 1 :]], (at,))


def indented(lines: list[str], at: int, chance: random.Random) -> Mutant | None:
    """Move a line up to four columns to the left or to the right."""
    text = lines[at].lstrip()
    moved = len(lines[at]) - len(text) + chance.choice((-4, -3, -2, -1, 1, 2, 3, 4))
    return Mutant([*lines[:at], " " * moved + text, *lines[at + 1 :]], (at,)) if moved >= 0 else None


KINDS: tuple[Callable[[list[str], int, random.Random], Mutant | None], ...] = (
    deleted, duplicated, swapped, misspelt, indented,
)  # fmt: skip


def says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def mutated(text: str, chance: random.Random) -> tuple[str, Mutant]:
    """Return a file with one line of it mutated, and the kind of mutation."""
    lines = text.split("\n")
    while True:
        kind = chance.choice(KINDS)
        at = chance.choice([number for number, line in enumerate(lines) if says_something(line)])
        mutant = kind(lines, at, chance)
        if mutant is not None and mutant.lines != lines:
            return kind.__name__, mutant


def came_of(mutant: Mutant, rule: Path, folder: Path) -> str:
    """Return what loading the pack of a mutated rule comes to: loads, near, or far from the mutation.

    The first problem counts: it is the one that an author sees. Anything but a PackError is an error of the test.
    """
    rule.write_text("\n".join(mutant.lines), encoding="utf-8")
    problems = [problem for problem in loading_problems_of(folder) if not problem.is_warning]
    if not problems:
        return "loads"
    place = problems[0].place
    is_near = any(abs(place.line - 1 - line) <= NEAR for line in mutant.at)
    return "near" if place.path == rule.as_posix() and is_near else "far"


def test_nine_of_ten_mutated_rules_load_or_give_a_problem_near_the_mutation(tmp_path: Path) -> None:
    chance = random.Random(5)
    rules = {name: write_mini_pack(tmp_path / name, name) for name in RULES}
    texts = {name: path.read_text(encoding="utf-8") for name, path in rules.items()}
    found = [problem for name in RULES for problem in loading_problems_of(tmp_path / name)]
    assert all(problem.is_warning for problem in found)
    came: Counter[tuple[str, str]] = Counter()
    for name in chance.choices(list(RULES), k=MANY):
        kind, mutant = mutated(texts[name], chance)
        came[kind, came_of(mutant, rules[name], tmp_path / name)] += 1
        rules[name].write_text(texts[name], encoding="utf-8")
    assert sum(many for (_, result), many in came.items() if result != "far") >= 0.9 * MANY, came
    assert {kind for kind, _ in came} == {kind.__name__ for kind in KINDS}


# ---- whatever a file holds -------------------------------------------------------------------------------------------

PACKS = [TESTS / "packs" / name for name in ("whole", "odd")]
WHOLE_FILES = sorted((pack, path) for pack in PACKS for path in pack.rglob("*.yaml"))


def loads_or_is_told(folder: Path) -> None:
    """Load a pack. Either each problem has its place in it, or it can be written and loaded again."""
    problems = [problem for problem in loading_problems_of(folder) if not problem.is_warning]
    assert all(str(problem).startswith(f"{folder.as_posix()}/") for problem in problems)
    if not problems:
        pack = Pack.load(folder)
        with TemporaryDirectory() as empty:
            pack.dump(empty)
            again = Pack.load(empty)
        assert (again, again.digest) == (pack, pack.digest)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    folder = tmp_path_factory.mktemp("copies")
    return {pack: Path(shutil.copytree(pack, folder / pack.name)) for pack in PACKS}


@given(st.sampled_from(WHOLE_FILES), st.data())
def test_a_file_that_breaks_off_anywhere_gives_a_pack_or_its_problems(
    copies: dict[Path, Path], file: tuple[Path, Path], data: st.DataObject
) -> None:
    pack, path = file
    content = path.read_bytes()
    copy = copies[pack] / path.relative_to(pack)
    copy.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    loads_or_is_told(copies[pack])
    copy.write_bytes(content)


KEYS = sorted({key for shape in SHAPES.values() for key in shape})
WORDS: list[Any] = [
    *KEYS, *CONDITION_KEYS, *OPERATORS, *FUNCTIONS, "calc.event_time", "calc.age_gap", "this.child.id", "param.gap",
    "incident.type", "incident.indicators", "child.date_of_birth", "child.stated_age", "suspect.id", "action.code",
    "marker.target", "missing", "severity", "as_of", "adult", "homes", "gap", "window", "review", "other", "full",
    "fires", "clears", "undecided", "M", "K1", "hotel", "high", "overdue", "90 days", "same day", "2 working days",
    "records", "suspects", "done", "markers", "all", "local", "sergeant", "I1", "2026-03-01", "2026-03-01T10:00",
    "text, and more", "", True, False, 0, 1, 18, 0.5, "absent", None,
]  # fmt: skip
"""What the files of a pack are made of, and what they name."""


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from([word for word in WORDS if isinstance(word, str) and word])
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, min_size=1, max_size=3)


GRAFTS = st.recursive(st.sampled_from(WORDS), nested, max_leaves=12)


@st.composite
def grafted(draw: st.DrawFn, data: Any) -> Any:
    """Return data in which one part, anywhere, is something else that packs are made of."""
    if not isinstance(data, list | dict) or not data or draw(st.integers(0, 6)) == 0:
        return draw(GRAFTS)
    if isinstance(data, dict):
        key = draw(st.sampled_from(sorted(data)))
        return {**data, key: draw(grafted(data[key]))}
    at = draw(st.integers(0, len(data) - 1))
    return [*data[:at], draw(grafted(data[at])), *data[at + 1 :]]


@given(st.sampled_from(WHOLE_FILES), st.data())
def test_any_part_in_any_place_gives_a_pack_or_its_problems(
    copies: dict[Path, Path], file: tuple[Path, Path], data: st.DataObject
) -> None:
    pack, path = file
    content = path.read_bytes()
    copy = copies[pack] / path.relative_to(pack)
    write(copy, data.draw(grafted(read(path))))
    loads_or_is_told(copies[pack])
    copy.write_bytes(content)
