"""The problems found while a pack is loaded, each once, with its line, and what the author may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from riskflags.errors import Fix, Problem
from riskflags.source.codes import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskflags.errors import Place

_LONGEST_LINE = 240
_LONGEST_HINT = 600
_LONGEST_QUOTE = 60
_MOST_GUESSES = 60_000
"""Names that a word may be held against, over a whole pack: a file of nothing but typos must not take for ever."""


class Problems:
    """The problems found so far, and the lines of the files that they stand in."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self._lines: dict[str, Sequence[str]] = {}
        self._guesses: dict[tuple[str, tuple[str, ...]], str] = {}
        self._guesses_left = _MOST_GUESSES
        self._unknown: dict[str, list[tuple[str, Place, str, Fix | None]]] = {}
        self._uses = 0

    def __len__(self) -> int:
        return len(self._found) + self._uses

    def knows(self, path: str, lines: Sequence[str]) -> None:
        """Take the lines of a file, so that a problem can show the one that it is in."""
        self._lines[path] = lines

    def report(self, code: str, place: Place, message: str, hint: str = "", *, fix: Fix | None = None) -> None:
        """Add a problem; the same one twice is one. `fix` is the one correction that is clear, if there is one."""
        if code not in PROBLEMS:
            msg = f"{code} is not in the table of problems"
            raise KeyError(msg)
        short = "\n".join(line[:_LONGEST_HINT] for line in hint.splitlines())
        sure = fix if fix is not None and self._stands(fix) else None
        self._found.setdefault(Problem(place, code, message, short, self._line(place), sure))

    def report_unknown(self, code: str, place: Place, message: str, hint: str, *, fix: Fix | None = None) -> None:
        """Add a name that nothing defines. All its places are one problem: the typo may be in its definition."""
        self._unknown.setdefault(message, []).append((code, place, hint, fix))
        self._uses += 1

    def nearest(self, word: str, names: Iterable[str]) -> str:
        """Return the name that the word was meant to be, as far as can be guessed; empty where none is near.

        A name of which the word is the last part is near: `located_at` for `missing.located_at`.
        """
        if len(word) > _LONGEST_QUOTE or self._guesses_left <= 0:
            return ""
        candidates = tuple(names)
        self._guesses_left -= 1
        known = (word, candidates)
        if known in self._guesses:
            return self._guesses[known]
        self._guesses_left -= len(candidates)
        near = [name for name in candidates if name.endswith(f".{word}")]
        near = near or difflib.get_close_matches(word, candidates, n=3, cutoff=0.6)
        near = near or difflib.get_close_matches(word.lower().replace("-", "_").replace(" ", "_"), candidates, n=1)
        near.sort(key=lambda name: sorted(name) != sorted(word))  # letters that changed places are the likeliest typo
        self._guesses[known] = near[0] if near else ""
        return self._guesses[known]

    def found(self) -> tuple[Problem, ...]:
        """Return every problem, in order of file, line and column."""
        for message, uses in self._unknown.items():
            (_, first, hint, fix), *others = sorted(uses, key=lambda use: _order(use[1]))
            also = f"\nalso at {listed((str(place) for _, place, _, _ in others), most=8)}" if others else ""
            self.report(min(code for code, *_ in uses), first, message, hint + also, fix=None if others else fix)
        self._unknown.clear()
        self._uses = 0
        return tuple(sorted(self._found, key=lambda problem: (*_order(problem.place), problem.code, problem.message)))

    def _stands(self, fix: Fix) -> bool:
        """Return whether the text that a fix replaces stands where it says (folded text stands elsewhere)."""
        lines = self._lines.get(fix.place.path, ())
        if not 0 < fix.place.line <= len(lines):
            return False
        return lines[fix.place.line - 1][fix.place.column - 1 :].startswith(fix.old)

    def _line(self, place: Place) -> str:
        lines = self._lines.get(place.path, ())
        if not 0 < place.line <= len(lines) or place.column > _LONGEST_LINE:
            return ""
        line = lines[place.line - 1]
        return clean(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} ...")


def _order(place: Place) -> tuple[str, int, int]:
    return place.path, place.line, place.column


def clean(text: str) -> str:
    """Return text with each character that a terminal may act on replaced by a mark of the same width."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def quoted(text: str) -> str:
    """Return what an author wrote, short and harmless, between backquotes."""
    short = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
    return f"`{clean(short)}`"


def listed(names: Iterable[str], *, most: int = 40) -> str:
    """Return names as a list to choose from, cut off where it gets long."""
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
