"""A run as JUnit XML, for servers that know tests: a suite for each action, a case for each requirement of a record.

A case fails where there is no record of the action in time; it is skipped where that cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from riskflags.model import State
from riskflags.report.phrases import gap_words, need_words, safe

if TYPE_CHECKING:
    from riskflags.assessment import Requirement
    from riskflags.pack import Pack
    from riskflags.report.findings import Findings

_NOT_TOLD = (State.cannot_tell, State.undated)


def run_as_junit(findings: Findings, pack: Pack) -> str:
    """Return the requirements of a run as JUnit XML, worst first within each action."""
    root = Element("testsuites", name="riskflags")
    by_action: dict[str, list[Requirement]] = {}
    for one in findings.requirements:
        by_action.setdefault(one.action_code, []).append(one)
    for code, found in sorted(by_action.items()):
        failures = sum(one.is_gap for one in found)
        skipped = sum(one.state in _NOT_TOLD for one in found)
        counts = {"tests": str(len(found)), "failures": str(failures), "skipped": str(skipped), "errors": "0"}
        suite = SubElement(root, "testsuite", {"name": f"{code} {found[0].label}", **counts})
        for one in found:
            _case(suite, one, findings, pack)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _case(suite: Element, one: Requirement, findings: Findings, pack: Pack) -> None:
    who = [f"incident {one.incident_id}", f"child {one.child_id or 'not recorded'}"]
    who += [f"suspect {one.suspect_id}"] if one.suspect_id else []
    case = SubElement(suite, "testcase", name=safe(", ".join(who)), classname=f"{one.action_code}.{one.severity}")
    if one.is_gap:
        SubElement(case, "failure", message=gap_words(one, as_of=findings.as_of, roles=pack.roles))
    elif one.state in _NOT_TOLD:
        SubElement(case, "skipped", message=f"cannot be told: {', '.join(map(need_words, one.needs))}")
