"""Examples that came out otherwise, and what examples do not cover: as text for people, as JUnit for build servers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from riskflags.report.phrases import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.coverage import Uncovered
    from riskflags.errors import Place
    from riskflags.examples import ExampleReport, ExampleResult, Tried


def failure_lines(result: ExampleResult) -> list[str]:
    """Return the lines that tell why an example failed: what was expected where, what came out, and its tree."""
    return [
        f"{result.place}: {result.owner}: example {safe(result.name)!r} failed",
        *(line for difference in result.differences for line in _told(difference.place, difference.says)),
        *(safe(line) for line in result.explanation.splitlines()),
    ]


def _told(place: Place, says: str) -> Iterator[str]:
    """Yield one difference, with the line of the file that expects otherwise and a caret under it."""
    yield f"{place.path}:{place.line}: {safe(says)}"
    if line := _line_at(place):
        yield f"    {line}"
        yield f"    {' ' * (place.column - 1)}^"


def _line_at(place: Place) -> str:
    """Return the line of a file at a place; nothing where it cannot be read any more."""
    try:
        lines = Path(place.path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return safe(lines[place.line - 1]) if 0 < place.line <= len(lines) else ""


def gap_line(item: Uncovered) -> str:
    """Return the line that tells what no example shows."""
    return f"{item.place}: {item.owner}: {safe(item.says)} is {item.never} in the examples"


def as_junit(report: ExampleReport) -> str:
    """Return a report as JUnit XML: a suite for each rule or condition, a case for each example and its coverage.

    A branch that no example decides is told in the output of the coverage, and is no failure.
    """
    root = Element("testsuites", name="riskflags")
    root.extend([_suite(owner) for owner in report.owners])
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(owner: Tried) -> Element:
    lacks = not owner.is_covered and not owner.is_draft
    failed = sum(not result.passed for result in owner.results) + lacks
    suite = Element("testsuite", name=owner.owner, tests=str(len(owner.results) + 1), failures=str(failed), errors="0")
    for result in owner.results:
        case = SubElement(suite, "testcase", name=safe(result.name), classname=owner.owner)
        if not result.passed:
            failure = SubElement(case, "failure", message=safe(result.differences[0].says))
            failure.text = "\n".join(failure_lines(result))
    coverage = SubElement(suite, "testcase", name="coverage", classname=owner.owner)
    told = "\n".join(gap_line(item) for item in owner.uncovered)
    if lacks:
        SubElement(coverage, "failure", message="comparisons that no example covers").text = told
    elif told:
        SubElement(coverage, "system-out").text = told
    return suite
