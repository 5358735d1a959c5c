"""The commands for those who write rules: check, fields and mappings."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import TYPE_CHECKING, Literal, assert_never

from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import load_pack, record_model, shortest
from riskflags.errors import PackError
from riskflags.fields import FieldInfo, catalogue
from riskflags.lint import lint
from riskflags.mapping import mappings
from riskflags.report.closing import short_digest
from riskflags.report.phrases import count, safe
from riskflags.report.problems import as_json, as_sarif
from riskflags.report.terminal import Screen
from riskflags.shipped import default_folder
from riskflags.source import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskflags.errors import Problem
    from riskflags.pack import Pack


Form = Literal["text", "json", "sarif"]
"""How `check` says what it found: for people, for editors and scripts, for code hosts."""


def check_pack(folder: Path | None, *, record: str | None, form: Form = "text", ignore: Sequence[str] = ()) -> int:
    """Print every problem in a pack, and a line that sums it up; or the problems alone, as JSON or SARIF."""
    screen = Screen()
    folder = shortest(folder if folder is not None else default_folder())
    pack, problems = _checked(folder, record=record, ignore=_switched_off(ignore))
    match form:
        case "json":
            screen.text(as_json(problems, folder=folder.as_posix()))
        case "sarif":
            screen.text(as_sarif(problems))
        case "text":
            for problem in problems:
                screen.text(str(problem))
            screen.line(f"{safe(str(folder))}: {_summed_up(pack, problems)}.")
        case _:
            assert_never(form)
    return Exit.done if pack is not None else Exit.bad_pack


def _switched_off(codes: Sequence[str]) -> frozenset[str]:
    """Return the codes of warnings to leave out; an error cannot be left out."""
    known = [code.code for code in PROBLEMS.values() if code.is_warning]
    for code in codes:
        if code not in known:
            raise Refused(f"--ignore {code}: only warnings can be left out: {', '.join(known)}")
    return frozenset(codes)


def _checked(folder: Path, *, record: str | None, ignore: frozenset[str]) -> tuple[Pack | None, Sequence[Problem]]:
    """Return a pack, unless it cannot be used, and every problem in it."""
    try:
        pack = load_pack(folder, record=record)
    except PackError as error:
        return None, error.problems
    loaded = [problem for problem in pack.warnings if problem.code not in ignore | pack.ignore]
    problems = sorted([*loaded, *lint(pack, today=datetime.now(pack.zone).date(), ignore=ignore)])
    return (None if any(not problem.is_warning for problem in problems) else pack), problems


def _summed_up(pack: Pack | None, problems: Sequence[Problem]) -> str:
    warnings = sum(problem.is_warning for problem in problems)
    if pack is None:
        also = f" and {count(warnings, 'warning')}" if warnings else ""
        return f"{count(len(problems) - warnings, 'problem')}{also}"
    drafts = sum(rule.status == "draft" for rule in pack.rules)
    parts = [count(sum(rule.status == "active" for rule in pack.rules), "rule")]
    parts += [count(drafts, "draft")] if drafts else []
    parts += [count(len(pack.actions), "action"), f"digest {short_digest(pack)}", count(warnings, "warning")]
    return f"no problems. {safe(pack.id)} {safe(pack.version)}: {', '.join(parts)}"


def list_fields(prefix: str, *, record: str | None) -> int:
    """Print the fields whose path begins with the prefix."""
    infos = catalogue(record_model(record))
    found = [info for path, info in infos.items() if path.startswith(prefix)]
    if not found:
        near = difflib.get_close_matches(
            prefix, [*infos, *dict.fromkeys(path.partition(".")[0] for path in infos)], n=1
        )
        hint = f"; the nearest is {near[0]}" if near else ""
        raise Refused(f"no field begins with {prefix}{hint}")
    screen = Screen()
    widths = [max(len(cell) for cell in column) for column in zip(*map(_field_cells, found), strict=True)]
    for info in found:
        path, kind, personal = (cell.ljust(width) for cell, width in zip(_field_cells(info), widths, strict=True))
        screen.line((path, "bold"), f"  {kind}  {personal}  {info.description}")
        if info.codes:
            screen.line(f"codes: {', '.join(info.codes)}", indent=4)
    return Exit.done


def _field_cells(info: FieldInfo) -> tuple[str, str, str]:
    return (info.path, info.kind, "personal" if info.personal else "")


def list_mappings() -> int:
    """Print the shipped mappings."""
    screen = Screen()
    found = mappings()
    width = max((len(mapping.name) for mapping in found), default=0)
    for mapping in found:
        screen.line((mapping.name.ljust(width), "bold"), f"  {mapping.label}")
    screen.line("Use one with: riskflags run FILE... --mapping NAME. A path to a mapping file of your own works too.")
    return Exit.done
