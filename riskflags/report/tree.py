"""An explanation drawn as a tree, for a terminal. What colour says, signs and words say too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from riskflags.explanation import SIGNS, Explanation, GradeExplanation, Mark, Step, beside
from riskflags.model import Verdict
from riskflags.report.phrases import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLES: Mapping[Mark, str] = {"holds": "bold green", "fails": "dim", "undecided": "bold yellow"}
_HEADINGS: Mapping[Verdict, str] = {Verdict.fires: "bold red", Verdict.clears: "bold", Verdict.undecided: "bold yellow"}


def drawn(explanation: Explanation) -> Tree:
    """Return the tree of an explanation: comparisons with their actual values and places, and what follows."""
    tree = Tree(Text(safe(explanation.heading), _HEADINGS[explanation.verdict]))
    tree.add(Text(safe(explanation.title)))
    if explanation.note:
        tree.add(Text(safe(explanation.note)))
    _add(tree, explanation.when)
    if explanation.unless:
        stops = tree.add(Text("unless"))
        for step in explanation.unless:
            _add(stops, step)
    if explanation.graded:
        graded = tree.add(Text(explanation.graded))
        for step in explanation.severities:
            _add(graded, step)
    for line in explanation.closing:
        tree.add(Text(safe(line), "dim" if line.startswith("source: ") else ""))
    return tree


def drawn_grade(explanation: GradeExplanation) -> Tree:
    """Return the tree of the explanation of a grade."""
    tree = Tree(Text(safe(explanation.heading), "bold"))
    for step in explanation.cases:
        _add(tree, step)
    if explanation.needs:
        tree.add(Text(safe(f"to settle it: {', '.join(explanation.needs)}")))
    return tree


def _add(tree: Tree, step: Step) -> None:
    style = _STYLES[step.answer]
    line = Text.assemble((f"{SIGNS[step.answer]} ", style), safe(step.says))
    if value := beside(step):
        line.append(f"  {safe(value)}", "bold")
    if step.place:
        line.append(f"  {safe(step.place)}", "dim")
    branch = tree.add(line)
    for text in step.detail:
        branch.add(Text(safe(text), "italic"))
    for child in step.steps:
        _add(branch, child)
