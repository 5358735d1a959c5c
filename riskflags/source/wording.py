"""RFW209 to RFW211: words of a pack that blame a child, that say more than a record can, or that are hard to read.

Titles, whys, messages, labels and limits are read by people; what a source says is quoted, and stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from re import Pattern

    from riskflags.pack import Rule
    from riskflags.source.files import Files
    from riskflags.source.problems import Problems

READ_BY_PEOPLE = frozenset({"title", "why", "known_limits", "message", "label"})
"""The keys under which a pack says something to people."""
MOST_WORDS = 25
"""Words of a sentence: the longest that the style guide of GOV.UK lets stand."""
OLDEST = 15
"""Reading age of a text, in years: the age at which school is nearly over. Our own choice."""
_ENOUGH, _MOST = 12, 25
"""Words of a text below which the formula says nothing about it; the highest age that it is told with."""
_NOT_READ = frozenset({"given", "examples", "source"})
_WORD = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?:;]+(?=\s|$)")
_NAME = re.compile(r"\{[^{}]*\}")


class Phrase(NamedTuple):
    """What is not to be said, and what to say instead."""

    said: Pattern[str]
    instead: str


def _phrases(table: Mapping[str, str]) -> tuple[Phrase, ...]:
    return tuple(Phrase(re.compile(rf"\b(?:{said})\b", re.IGNORECASE), instead) for said, instead in table.items())


BLAMING = _phrases(
    {
        r"promiscu(?:ous|ously|ity)": "say what was done to the child, and by whom",
        r"child (?:prostitut(?:es?|ion)|sex workers?)": 'write "a child who is sexually exploited"',
        r"child porn(?:ography)?": 'write "images of child sexual abuse"',
        r"under-?age sex": 'write "sexual abuse of a child", or say who did what',
        r"sexually active": "say what is reported, and who did it",
        r"lifestyle choices?": 'write "the child is being exploited"',
        r"abscond(?:s|ed|ing|ers?)?": 'write "missing", or "away from the placement"',
        r"street-?wise": "say what the child said or did, or leave it out",
        r"(?:put|plac)(?:e|s|es|ed|ing|ting)? (?:her|him|them)sel(?:f|ves) (?:at|in|into) (?:risk|danger|harm)": (
            "say that the child is at risk, and from whom"
        ),
        r"risk(?:y|-taking| taking) behaviou?rs?": "what is being done to the child, and by whom",
        r"attention[- ]seeking": "say what the child said or did",
        r"(?:hard to reach|difficult to engage|refus(?:es|ed|ing) to engage|fail(?:s|ed|ing) to engage)": (
            "say what was offered to the child, how, and by whom"
        ),
        r"(?:drug|money) mules?": 'write "a child who is made to carry drugs or money"',
    }
)
"""Words that make a child answerable for harm done to them.

His Majesty's inspectorate (2023) told every chief constable to end such language; the words are those that the guide
of The Children's Society and NAPAC, the Youth Justice Legal Centre's note on it, and lists of local areas name. Section
68 of the Serious Crime Act 2015 took child prostitution and child pornography out of the law.
"""
BEYOND_THE_RECORD = _phrases(
    {
        r"(?:is|are|was|were|has|have|had|been)?\s*(?:not|never) (?:been )?done": 'write "no record of ..."',
        r"fail(?:s|ed|ing|ure)? to": 'write "no record of ...": what is not on record may have been done',
        r"(?:neglect|omit)(?:s|ed|ted|ting|ing)? to": 'write "no record of ..."',
        r"(?<!mean that there is )no risk|not at risk": "say what was looked at: no rule can tell that",
    }
)
"""What cannot be told from a record: that something was left undone, or that there is no risk."""


def check_wording(files: Files, rules: Sequence[Rule], problems: Problems) -> None:
    """Report words of a pack that was read whole, but for what its rules switch off."""
    ignored = {rule.place.path: rule.ignore for rule in rules}
    for node in (
        *(one.node for name, one in files.named.items() if name != "sources.yaml"),
        *(one.node for one in files.rules),
    ):
        for text in _texts(node):
            for code, message, hint in _found(text.text):
                if code not in ignored.get(text.path, ()):
                    problems.report(code, text.place, message, hint)


def _texts(node: Node | None) -> Iterator[Scalar]:
    """Yield what stands in a file to be read by people."""
    match node:
        case MapNode():
            for key, value in node.pairs:
                if key.text in READ_BY_PEOPLE and isinstance(value, Scalar):
                    yield value
                elif key.text not in _NOT_READ:
                    yield from _texts(value)
        case ListNode():
            for item in node.items:
                yield from _texts(item)
        case _:
            return


def _found(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a text: a code, a message and a hint."""
    for code, phrases, what in (
        ("RFW209", BLAMING, "blames the child"),
        ("RFW210", BEYOND_THE_RECORD, "is more than a record can tell"),
    ):
        for phrase in phrases:
            if said := phrase.said.search(text):
                yield code, f"{quoted(said[0].strip())} {what}", phrase.instead
    plain = _NAME.sub("this", text)
    longest = max((len(_WORD.findall(one)) for one in _SENTENCE.split(plain)), default=0)
    if longest > MOST_WORDS:
        yield "RFW211", f"a sentence of {longest} words", f"make two of it: {MOST_WORDS} words are the most"
    elif len(_WORD.findall(plain)) >= _ENOUGH and (age := reading_age(plain)) > OLDEST:
        yield (
            "RFW211",
            f"long words or long sentences: a reading age of {f'{age:.0f}' if age < _MOST else f'{_MOST} or more'}",
            f"write shorter words and sentences: {OLDEST} years are the most",
        )


def reading_age(text: str) -> float:
    """Return the age in years at which most can read a text: the Automated Readability Index, plus five.

    The index (Smith and Senter, 1967) is a school year worked out from letters to a word and words to a sentence, so
    that it needs no dictionary. A text without words can be read at any age: 0.

    >>> round(reading_age("The cat sat on the mat."))
    0
    >>> round(reading_age("Multi-agency safeguarding arrangements necessitate interdisciplinary accountability."))
    47
    """
    words = _WORD.findall(text)
    if not words:
        return 0
    sentences = sum(1 for one in _SENTENCE.split(text) if _WORD.search(one))
    letters = sum(map(str.isalnum, "".join(words)))
    return max(0, 4.71 * letters / len(words) + 0.5 * len(words) / sentences - 21.43 + 5)
