"""Small packs for the tests of the loader, and what is found wrong with them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from riskflags.errors import PackError, Problem
from riskflags.lint import lint
from riskflags.source import load

TODAY = date(2026, 11, 26)
BAD = Path(__file__).parent / "bad_rules"
GOOD = {
    path: path.read_text(encoding="utf-8")
    for path in sorted((BAD / "all").rglob("*.yaml"))
    if path.parent.name != "wrong"
}
"""The files of bad_rules/all that are right, with what is in them."""
ALONE = """\
id: alone
title: A file alone
version: 1
language: 1
calendar: england-and-wales
timezone: Europe/London
event_time: incident.occurred_at
effective_by: incident.reported_at
"""
RULE = """\
code: A01
id: one
title: In care
why: It is there to be tested.
version: 1
status: draft
when: {child.in_care: true}
flag: {severity: high, about: child, message: In care}
"""
EXPECT = re.compile(r"^# expect: (RFW?\d+) (\d+):(\d+)$", re.MULTILINE)
Found = list[tuple[str, int, int, str]]


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write a pack: pack.yaml, unless it is given, and the files."""
    for name, content in {"pack.yaml": ALONE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def loading_problems_of(folder: Path) -> tuple[Problem, ...]:
    """Return what the loader finds wrong with a pack; the warnings of one that loads."""
    try:
        return load(folder).warnings
    except PackError as error:
        return error.problems


def problems_of(folder: Path) -> tuple[Problem, ...]:
    """Return what is found wrong with a pack: by the loader and, where it loads, by what `check` asks beyond that."""
    try:
        pack = load(folder)
    except PackError as error:
        return error.problems
    return tuple(sorted([*pack.warnings, *lint(pack, today=TODAY)]))


def codes_of(folder: Path) -> list[str]:
    """Return the codes of what is found wrong with a pack."""
    return [problem.code for problem in problems_of(folder)]


def found_in(folder: Path) -> Found:
    """Return what is found wrong with a pack: path from its folder on, line, column and code."""
    begin = f"{folder.as_posix()}/"
    found = [(problem.place, problem.code) for problem in problems_of(folder)]
    return [(place.path.removeprefix(begin), place.line, place.column, code) for place, code in found]


def expected_in(folder: Path) -> Found:
    """Return what the files of a pack say of themselves, in the same form."""
    return sorted(
        (path.relative_to(folder).as_posix(), int(line), int(column), code)
        for path in folder.rglob("*.y*ml")
        for code, line, column in EXPECT.findall(path.read_text(encoding="utf-8"))
    )
