"""The command `test`: the examples of a pack, what came out otherwise, and what they do not cover."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, assert_never

from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import load_pack, shortest
from riskflags.examples import ExampleReport, ExampleResult, run_examples
from riskflags.report.failures import as_junit, failure_lines, gap_line
from riskflags.report.outputs import write_text
from riskflags.report.phrases import count, safe
from riskflags.report.terminal import Screen
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from pathlib import Path

    from riskflags.coverage import Uncovered

Form = Literal["text", "json"]


def try_examples(
    folder: Path | None, *, record: str | None, only: str | None = None, junit: Path | None = None, form: Form = "text"
) -> int:
    """Run the examples of a pack, or of one rule; print what came out otherwise and what no example covers."""
    screen = Screen()
    folder = shortest(folder if folder is not None else default_folder())
    try:
        report = run_examples(load_pack(folder, record=record), only=only)
    except LookupError as error:
        raise Refused(f"--rule: {error.args[0]}") from error
    if junit is not None:
        write_text(junit, as_junit(report))
    match form:
        case "json":
            screen.text(json.dumps(_data(report, folder), ensure_ascii=False, indent=2))
        case "text":
            _show(screen, report, folder)
        case _:
            assert_never(form)
    return Exit.done if report.passed else Exit.bad_pack


def _show(screen: Screen, report: ExampleReport, folder: Path) -> None:
    for result in report.results:
        if not result.passed:
            first, *others = failure_lines(result)
            screen.line((first, "bold"))
            for line in others:
                screen.text(f"    {line}" if line else "")
            screen.line()
    for item in report.uncovered:
        screen.line(gap_line(item))
    passed = sum(result.passed for result in report.results)
    screen.line(
        f"{safe(str(folder))}: {passed:,} of {count(len(report.results), 'example')} passed, "
        f"{_covered(report, is_branch=False)} and {_covered(report, is_branch=True)} covered."
    )


def _covered(report: ExampleReport, *, is_branch: bool) -> str:
    total = sum(owner.branches if is_branch else owner.comparisons for owner in report.owners)
    missing = sum(item.is_branch is is_branch for item in report.uncovered)
    words = count(total, "branch", "branches") if is_branch else count(total, "comparison")
    return f"{total - missing:,} of {words}"


def _data(report: ExampleReport, folder: Path) -> dict[str, Any]:
    """Return the report as data: {pack, passed, examples: [...], uncovered: [...]}."""
    return {
        "pack": folder.as_posix(),
        "passed": report.passed,
        "examples": [_result(result) for result in report.results],
        "uncovered": [_uncovered(item) for item in report.uncovered],
    }


def _result(result: ExampleResult) -> dict[str, Any]:
    return {
        "owner": result.owner,
        "name": result.name,
        "path": result.place.path,
        "line": result.place.line,
        "passed": result.passed,
        "differences": [
            {"line": difference.place.line, "column": difference.place.column, "says": difference.says}
            for difference in result.differences
        ],
        "explanation": result.explanation,
    }


def _uncovered(item: Uncovered) -> dict[str, Any]:
    return {
        "owner": item.owner,
        "path": item.place.path,
        "line": item.place.line,
        "column": item.place.column,
        "says": item.says,
        "never": item.never,
        "is_branch": item.is_branch,
    }
