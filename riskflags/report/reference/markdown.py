"""Markdown: tables, code and headings, from text that may hold anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `riskflags docs`. Change the tables or the rules, and write it again. -->"


def page(title: str, *parts: str) -> str:
    """Return a page with its title, and a note of how it came about."""
    return "\n\n".join([f"# {title}", GENERATED, *filter(None, parts)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; nothing where it has no rows."""
    found = [[_cell(cell) for cell in row] for row in rows]
    if not found:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in ([*heads], ["---"] * len(heads), *found)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def code(text: str) -> str:
    """Return text as it is typed; nothing for nothing."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Return texts as they are typed, side by side."""
    return " ".join(code(text) for text in texts)


def block(text: str, *, of: str = "text") -> str:
    """Return a block of code."""
    return f"```{of}\n{text.rstrip()}\n```"


def anchor(name: str) -> str:
    """Return the address of a heading on its own page, as code hosts make it."""
    kept = (character for character in name.lower() if character.isalnum() or character in " -_")
    return "".join(kept).replace(" ", "-")
