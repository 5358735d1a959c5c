"""The command `docs`: the reference of the language, of a pack and of the commands, as pages of Markdown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from riskflags.cli.exits import MEANINGS, Refused
from riskflags.cli.inputs import load_pack, shortest
from riskflags.errors import PackError
from riskflags.lint import lint
from riskflags.mapping import load_mapping
from riskflags.pack import Pack
from riskflags.report.outputs import write_text
from riskflags.report.phrases import count, safe
from riskflags.report.reference import reference_pages
from riskflags.report.reference.markdown import code, page, table
from riskflags.report.terminal import Screen
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from riskflags.errors import Problem

MAPPING_FILE = ".mapping.yaml"
"""How the name of a mapping file ends, where it stands among other files."""
_ABOUT = (
    "Every command has `--help`. A folder that is left out is the shipped pack. What a command found goes to standard "
    "output, what went wrong to standard error."
)


def write_pages(folder: Path | None, *, out: Path, examples: Path | None, app: typer.Typer, record: str | None) -> int:
    """Write the pages of the reference into a folder."""
    folder = shortest(folder if folder is not None else default_folder())
    pack = load_pack(folder, record=record)
    pages = reference_pages(pack, problems=_seen(examples) if examples is not None else {})
    pages["commands.md"] = commands_page(app)
    for name, text in pages.items():
        write_text(out / name, text)
    Screen().line(f"Wrote {count(len(pages), 'page')} into {safe(str(out))}.")
    return 0


def _seen(folder: Path) -> dict[str, Problem]:
    """Return one real problem of each code that the packs and mappings below a folder have: of the first with it."""
    if not folder.is_dir():
        raise Refused(f"--problems: {folder} is no folder")
    found: dict[str, Problem] = {}
    for settings in sorted(folder.rglob("pack.yaml")):
        for problem in _problems(settings.parent):
            found.setdefault(problem.code, problem)
    for path in sorted(folder.rglob(f"*{MAPPING_FILE}")):
        for problem in _problems_of_mapping(path):
            found.setdefault(problem.code, problem)
    return found


def _problems(folder: Path) -> Sequence[Problem]:
    try:
        pack = Pack.load(folder)
    except PackError as error:
        return error.problems
    return sorted([*pack.warnings, *lint(pack, today=datetime.now(pack.zone).date())])


def _problems_of_mapping(path: Path) -> Sequence[Problem]:
    try:
        load_mapping(path)
    except PackError as error:
        return error.problems
    return ()


# ---- commands --------------------------------------------------------------------------------------------------------


def commands_page(app: typer.Typer) -> str:
    """Return the page of the commands: what each does, takes and ends with."""
    group: Any = typer.main.get_command(app)
    parts = [_command(name, command) for name, command in group.commands.items()]
    exits = table(["exit code", "means"], ((str(int(code)), meaning) for code, meaning in MEANINGS.items()))
    return page("Commands", _ABOUT, *parts, f"## Exit codes\n\n{exits}")


def _command(name: str, command: Any) -> str:
    rows = [*_options(command)]
    arguments = " ".join(one.metavar or one.name.upper() for one in command.params if _is_argument(one))
    usage = code(" ".join(filter(None, ["riskflags", name, arguments])))
    return f"## {name}\n\n{usage}\n\n{' '.join(command.help.split())}\n\n{table(['option', 'is'], rows)}".rstrip()


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _options(command: Any) -> Iterator[tuple[str, str]]:
    for one in command.params:
        if _is_argument(one):
            yield code(one.metavar or one.name.upper()), one.help or ""
            continue
        value = f" {one.metavar}" if one.metavar else ""
        default = f" [default: {one.default}]" if one.default not in (None, False, "") else ""
        yield code(f"{one.opts[0]}{value}"), f"{one.help}{default}"
