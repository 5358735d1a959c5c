"""Phrases for people: lengths of time, counts, gaps and needs in plain English, and text that is safe to print.

Nothing here shows a value of a personal field.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import TYPE_CHECKING

from riskflags.model import State
from riskflags.pack import NONE_COUNTS
from riskflags.words import day_words, time_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.assessment import Requirement

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe(text: str) -> str:
    r"""Return text that cannot steer a terminal: control, invisible and broken characters are written out.

    >>> safe("C1\x1b[2J")
    'C1\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNSAFE else character
        for character in text
    )


def recorded_words(text: str) -> str:
    """Return a time as it was recorded, with or without a time of day, in words; other text unchanged.

    >>> recorded_words("2018-03-08"), recorded_words("2018-03-08T14:30:00+00:00"), recorded_words("no date")
    ('8 March 2018', '8 March 2018, 2:30pm', 'no date')
    """
    try:
        return time_words(datetime.fromisoformat(text)) if "T" in text else day_words(date.fromisoformat(text))
    except ValueError:
        return safe(text)


def span_words(seconds: float) -> str:
    """Return a length of time in its largest useful unit, rounded down.

    >>> span_words(90), span_words(30 * 3600), span_words(6048000)
    ('1 minute', '30 hours', '70 days')
    """
    if seconds < _HOUR:
        return count(int(seconds // _MINUTE), "minute") if seconds >= _MINUTE else "less than a minute"
    if seconds < 2 * _DAY:
        return count(int(seconds // _HOUR), "hour")
    return count(int(seconds // _DAY), "day")


def count(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "rule"), count(2000, "rule"), count(2, "child", "children")
    ('1 rule', '2,000 rules', '2 children')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def plain(code: str) -> str:
    """Return one of our codes as words.

    >>> plain("detective_oic")
    'detective oic'
    """
    return code.replace("_", " ")


def listed(parts: Iterable[str], *, last: str = "and") -> str:
    """Return parts as a list in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *most, final = parts
    return f"{', '.join(most)} {last} {final}" if most else final


def due_words(requirement: Requirement) -> str:
    """Return when a required action was or is due."""
    if requirement.due_at is None:
        return "due date not known"
    if requirement.due_from is not None and requirement.due_from != requirement.due_at:
        return f"due between {time_words(requirement.due_from)} and {time_words(requirement.due_at)}"
    return f"due {time_words(requirement.due_at)}"


def gap_words(requirement: Requirement, *, as_of: datetime, roles: Mapping[str, str]) -> str:
    """Return one line for a gap: what there is no record of, whose it is, when it was due and how late it is."""
    label = safe(requirement.label)
    about = f" (suspect {safe(requirement.suspect_id)})" if requirement.suspect_id else ""
    owner = safe(owner_words(requirement.owner, roles))
    due = sentence(due_words(requirement))
    if requirement.state is State.done_late:
        return (
            f"Recorded late: {label}{about}. {owner}. {due}, recorded {recorded_words(requirement.recorded_at or '')}"
        )
    if requirement.due_at is not None:
        due += f", {span_words((as_of - requirement.due_at).total_seconds())} overdue"
    return f"No record of {label}{about}. {owner}. {due}"


def step_words(step: str) -> str:
    """Return a recorded step, "<code> <outcome> <time>", in words.

    >>> step_words("approach completed 2017-10-15")
    'approach, completed, 15 October 2017'
    """
    code, _, rest = step.partition(" ")
    if rest.endswith("(not dated)"):
        return f"{plain(safe(code))}, {plain(safe(rest))}"
    outcome, _, when = rest.rpartition(" ")
    return f"{plain(safe(code))}, {plain(safe(outcome))}, {recorded_words(when)}"


def owner_words(owner: str, roles: Mapping[str, str]) -> str:
    """Return the label of an owner's role."""
    return roles.get(owner) or sentence(plain(owner))


def sentence(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def need_kind(need: str) -> str:
    """Return a need without the record that it stands in, so that needs of many records can be counted together.

    >>> need_kind("child.in_care"), need_kind("I7:child.id"), need_kind("rejected:12")
    ('child.in_care', '<incident id>:child.id', 'rejected:<row>')
    """
    before, colon, name = need.rpartition(":")
    if not colon:
        return need
    return "rejected:<row>" if before == "rejected" and name.isdecimal() else f"<incident id>:{name}"


def need_words(kind: str) -> str:
    """Return what would meet a need, in words.

    >>> need_words("missing.located_at@time"), need_words("done")
    ('the time of day of missing.located_at', 'actions done')
    """
    if kind in _LISTS:
        return _LISTS[kind]
    where, colon, name = kind.rpartition(":")
    path, _, part = name.partition("@")
    exactly = {"time": "the time of day of ", "exact": "the exact value of "}.get(part, "")
    return f"{exactly}{safe(path)}{' in other records' if colon and where else ''}"


_LISTS = {
    "done": "actions done",
    "rejected:<row>": "rows that were rejected",
    **{one: f"another {one} that counts" for one in NONE_COUNTS.values()},
}
