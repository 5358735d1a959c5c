"""The problems of a pack for programs: as JSON for editors and scripts, as SARIF for code hosts.

The text for people is `str(problem)`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from riskflags.shipped import library_version
from riskflags.source import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.errors import Fix, Place, Problem
    from riskflags.source.codes import ProblemCode

_SARIF = "2.1.0"


def as_json(problems: Sequence[Problem], *, folder: str) -> str:
    """Return problems as one JSON object: {pack, errors, warnings, problems: [{code, level, path, line, ...}]}.

    Lines and columns count from 1, columns in characters; 0 is the whole file. `fix` replaces `old` with `new` at its
    place.
    """
    warnings = sum(problem.is_warning for problem in problems)
    found = {
        "pack": folder,
        "errors": len(problems) - warnings,
        "warnings": warnings,
        "problems": [_problem(problem) for problem in problems],
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


def _problem(problem: Problem) -> dict[str, Any]:
    fix = problem.fix
    return {
        "code": problem.code,
        "level": _level(problem),
        "path": problem.place.path,
        "line": problem.place.line,
        "column": problem.place.column,
        "message": problem.message,
        "hint": problem.hint,
        "source_line": problem.source_line,
        "fix": None
        if fix is None
        else {"line": fix.place.line, "column": fix.place.column, "old": fix.old, "new": fix.new},
    }


def _level(problem: Problem) -> str:
    return "warning" if problem.is_warning else "error"


def as_sarif(problems: Sequence[Problem]) -> str:
    """Return problems as a SARIF 2.1.0 log, which code hosts show beside the lines of a change."""
    codes = list(PROBLEMS)
    driver = {
        "name": "riskflags",
        "version": library_version(),
        "rules": [_described(code) for code in PROBLEMS.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in problems],
    }
    log = {"$schema": f"https://json.schemastore.org/sarif-{_SARIF}.json", "version": _SARIF, "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _described(code: ProblemCode) -> dict[str, Any]:
    return {
        "id": code.code,
        "shortDescription": {"text": code.means},
        "help": {"text": code.instead},
        "defaultConfiguration": {"level": "warning" if code.is_warning else "error"},
    }


def _result(problem: Problem, index: int) -> dict[str, Any]:
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    found: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": _level(problem),
        "message": {"text": text},
        "locations": [{"physicalLocation": _location(problem.place)}],
    }
    if problem.fix is not None:
        found["fixes"] = [_correction(problem.fix)]
    return found


def _location(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path)}}
    if place.line:
        found["region"] = {"startLine": place.line, "startColumn": place.column}
    return found


def _uri(path: str) -> str:
    """Return a path as SARIF wants it: relative to the checkout, or a file address."""
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path)


def _correction(fix: Fix) -> dict[str, Any]:
    start, end = fix.place.column, fix.place.column + len(fix.old)
    region = {"startLine": fix.place.line, "startColumn": start, "endLine": fix.place.line, "endColumn": end}
    replaced = {"deletedRegion": region, "insertedContent": {"text": fix.new}}
    return {
        "description": {"text": f"write {fix.new}"},
        "artifactChanges": [{"artifactLocation": {"uri": _uri(fix.place.path)}, "replacements": [replaced]}],
    }
