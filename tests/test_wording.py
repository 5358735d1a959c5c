"""Plain English in packs: what blames a child, says more than a record can tell, or is hard to read is told."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import pytest
import yaml
from source_packs import ALONE, RULE, loading_problems_of, write

from riskflags import default_pack
from riskflags.source import SHAPES
from riskflags.source.wording import BEYOND_THE_RECORD, BLAMING, READ_BY_PEOPLE, reading_age

if TYPE_CHECKING:
    import re

ROOT = Path(__file__).resolve().parent.parent
WHY = "why: It is there to be tested."
NOT_READ = {"publisher", "url", "at", "says", "unit", "owner", "reason", "code"}
"""Text that is quoted, short by its nature, or the deployment's own."""
SAYS_WHAT_IS_BANNED = {ROOT / "riskflags" / "source" / "wording.py"}


def told_of(tmp_path: Path, why: str, rule: str = RULE) -> list[tuple[str, str]]:
    assert WHY in rule
    pack = write(tmp_path, {"a/one.yaml": rule.replace(WHY, yaml.safe_dump({"why": why}, width=10_000).strip())})
    return [(problem.code, problem.message) for problem in loading_problems_of(pack)]


@pytest.mark.parametrize(
    "text",
    [
        "She is promiscuous.", "A child prostitute.", "Child Prostitution at a hotel.", "It is a lifestyle choice.",
        "He absconded.", "A persistent absconder.", "She is streetwise.", "A street-wise boy.",
        "She puts herself at risk.", "They are putting themselves in danger.", "Risky behaviour at night.",
        "Risk-taking behaviours.", "Under-age sex.", "She is sexually active.", "Attention seeking.",
        "The child refuses to engage.", "A drug mule.", "Child pornography.",
    ],
)  # fmt: skip
def test_words_that_blame_a_child_are_told(tmp_path: Path, text: str) -> None:
    assert [code for code, _ in told_of(tmp_path, text)] == ["RFW209"]


@pytest.mark.parametrize(
    "text",
    [
        "The interview was not done.", "It has never been done.", "They failed to look.", "A failure to record.",
        "Officers neglected to ask.", "There is no risk.", "The child is not at risk.",
    ],
)  # fmt: skip
def test_words_that_say_more_than_a_record_can_are_told(tmp_path: Path, text: str) -> None:
    assert [code for code, _ in told_of(tmp_path, text)] == ["RFW210"]


@pytest.mark.parametrize(
    "text",
    [
        "No record of an interview.", "It does not mean that there is no risk.", "The child is at risk from an adult.",
        "Sexual activity with a child under 16.", "Missing, with a concern about exploitation.",
        "A child who was hurt is often hurt again, and the smallest cannot say by whom.",
    ],
)  # fmt: skip
def test_plain_words_are_not_told(tmp_path: Path, text: str) -> None:
    assert told_of(tmp_path, text) == []


def test_a_sentence_may_have_25_words_and_no_more(tmp_path: Path) -> None:
    for number, told in ((25, []), (26, [("RFW211", "a sentence of 26 words")])):
        assert told_of(tmp_path / str(number), f"{' '.join(['It is a'] + ['so'] * (number - 3))}.") == told


def test_names_in_braces_are_no_words_of_a_message(tmp_path: Path) -> None:
    message = (
        "Seen: {incident.indicators}, {incident.indicators}, {incident.indicators}, {incident.indicators} and more"
    )
    rule = RULE.replace("message: In care", f'message: "{message}, at a place that is on file"')
    assert loading_problems_of(write(tmp_path, {"a/one.yaml": rule})) == ()


def test_each_text_that_people_read_is_looked_at(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "pack.yaml": ALONE.replace("A file alone", "Promiscuous"),
        "a/one.yaml": RULE.replace("In care", "Promiscuous").replace(WHY, f"{WHY}\nknown_limits: Promiscuous"),
        "vocabulary.yaml": "params: {gap: {label: Promiscuous, unit: years, values: {2014-01-01: 5}}}\n",
    }
    codes = [problem.code for problem in loading_problems_of(write(tmp_path, files)) if problem.code != "RFW201"]
    assert codes == ["RFW209"] * 5


def test_a_quotation_and_a_record_are_left_as_they_are(tmp_path: Path) -> None:
    rule = f"{RULE}given: {{incident.narrative: He absconded, incident.id: I1}}\n"
    sources = "law: {title: Child prostitution Act, publisher: us, published: 2026}\n"
    cited = rule.replace("status: draft", "status: draft\nsource: [{ref: law, says: he absconded}]")
    assert loading_problems_of(write(tmp_path, {"a/one.yaml": cited, "sources.yaml": sources})) == ()


def test_a_rule_can_switch_a_warning_off(tmp_path: Path) -> None:
    rule = RULE.replace("status: draft", "status: draft\nignore: [RFW209]")
    assert told_of(tmp_path, "A word of old laws was child prostitution.", rule) == []


def test_a_text_without_words_can_be_read_at_any_age() -> None:
    assert [reading_age(text) for text in ("", "...", "- !")] == [0, 0, 0]


# ---- what ships ------------------------------------------------------------------------------------------------------


def test_the_shipped_whys_and_limits_can_be_read_at_eleven() -> None:
    rules = default_pack().rules
    assert mean(reading_age(rule.why) for rule in rules) < 11
    assert mean(reading_age(rule.known_limits) for rule in rules if rule.known_limits) < 11
    assert max(reading_age(text) for rule in rules for text in (rule.why, rule.known_limits)) < 15


def test_no_word_of_the_program_or_its_docs_blames_a_child() -> None:
    phrases = [*BLAMING, *BEYOND_THE_RECORD]
    found = [
        (path.name, said[0])
        for path, text in said_to_people()
        for phrase in phrases
        if (said := phrase.said.search(text)) and not is_quoted(text, said)
    ]
    assert found == []


def is_quoted(text: str, said: re.Match[str]) -> bool:
    """Return whether words are named as words that are not to be used, in quotes or as code."""
    return text[: said.start()].endswith(('"', "`", "(`")) or f'"{said[0].strip()}' in text


def said_to_people() -> list[tuple[Path, str]]:
    """Return what the docs say, and each text in the code that has words in it."""
    found = [(path, path.read_text(encoding="utf-8")) for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))]
    for path in sorted((ROOT / "riskflags").rglob("*.py")):
        if path not in SAYS_WHAT_IS_BANNED:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            found += [(path, text) for text in texts if isinstance(text, str) and " " in text]
    return found


def test_what_people_read_is_what_the_language_calls_text() -> None:
    assert {
        key for shape in SHAPES.values() for key, takes in shape.items() if takes.takes == "text"
    } - READ_BY_PEOPLE == NOT_READ
