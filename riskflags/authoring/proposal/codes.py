"""What the codes of a column mean in a field: only what its spelling leaves no doubt about. The rest is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from riskflags.intake.drafts import EMPTY_LIST
from riskflags.kinds import YES_NO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.fields import FieldInfo

MOST_CODES = 40
LONGEST_CODE = 60
JOINTS = (";", ",", "|", "/")
_SURE_WORDS: Mapping[str, Mapping[str, str]] = {
    "yes_no": {**{word: "yes" if means else "no" for word, means in YES_NO.items()}, "y": "yes", "n": "no"},
    "sex": {"f": "female", "m": "male"},
}
_LIKELY_YES_NO = {"1": "yes", "0": "no", "t": "yes", "f": "no"}
_AFTER_LETTER = re.compile(r"[a-z]\)\s*(.+)", re.IGNORECASE)
_BEFORE_WORDS = re.compile(r"([^\s:]+):\s.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Coded:
    """What the values of a column mean: what is sure, what is likely, and what nobody can say but the author."""

    sure: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict[str, "str | tuple[str, ...]"])
    likely: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown: tuple[str, ...] = ()
    joint: str = ""
    """What joins the codes of a cell, where a cell holds several."""

    @property
    def known(self) -> dict[str, str | tuple[str, ...]]:
        """Every value that means something, with its code."""
        return {**self.sure, **self.likely}


def looks_coded(values: Iterable[str]) -> bool:
    """Return whether values are few and short enough to be codes, which must be shown to be mapped."""
    found = [*values]
    return len(found) <= MOST_CODES and all(len(value) <= LONGEST_CODE and value.isprintable() for value in found)


def coded(values: Iterable[str], info: FieldInfo) -> Coded:
    """Return what the values mean as codes of a field that has a closed list, or is yes or no."""
    found = [*values]
    if info.kind != "codes":
        return _one_each(found, info)
    splits = [_split(found, info, joint) for joint in ("", *JOINTS)]
    return min(splits, key=lambda one: (len(one.unknown), bool(one.joint)))


def _split(values: list[str], info: FieldInfo, joint: str) -> Coded:
    parts = [part.strip() for value in values for part in (value.split(joint) if joint else [value])]
    found = _one_each(list(dict.fromkeys(part for part in parts if part)), info)
    return Coded(found.sure, found.likely, found.unknown, joint if any(joint in v for v in values) and joint else "")


def _one_each(values: list[str], info: FieldInfo) -> Coded:
    sure: dict[str, str | tuple[str, ...]] = {}
    likely: dict[str, str] = {}
    unknown: list[str] = []
    words = _words(info)
    for value in values:
        if value == EMPTY_LIST and info.kind == "codes":
            sure[value] = ()
        elif (code := words.get(_plain(value))) is not None:
            sure[value] = code
        elif (code := _likely(value, words, info)) is not None:
            likely[value] = code
        else:
            unknown.append(value)
    return Coded(sure, likely, tuple(unknown))


def _words(info: FieldInfo) -> dict[str, str]:
    """Return what is sure by its spelling: each code but for case and space, and the words for yes, no and sex."""
    words = {_plain(code): code for code in info.codes or ()}
    more: Mapping[str, str] = _SURE_WORDS["yes_no"] if info.kind == "yes_no" else {}
    if info.path.endswith(".sex") and info.codes is not None:
        more = {word: code for word, code in _SURE_WORDS["sex"].items() if code in info.codes}
    return {**more, **words}


def _likely(value: str, words: Mapping[str, str], info: FieldInfo) -> str | None:
    """Return what a value likely means: "a) Yes" is yes, "K2: ..." is K2, 1 is yes."""
    if info.kind == "yes_no" and value.casefold() in _LIKELY_YES_NO:
        return _LIKELY_YES_NO[value.casefold()]
    for pattern in (_AFTER_LETTER, _BEFORE_WORDS):
        if (found := pattern.fullmatch(value)) and _plain(found[1]) in words:
            return words[_plain(found[1])]
    return None


def _plain(text: str) -> str:
    return "_".join(re.split(r"[\s_-]+", text.strip().casefold()))
