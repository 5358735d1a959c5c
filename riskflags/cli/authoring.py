"""The commands `copy`, `new`, `example` and `fmt`: what a rule begins with, and one layout for all of them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from riskflags.authoring.new import CannotBeginError, Comparing, Wanted, new_rule
from riskflags.authoring.schema import FILES, schemas
from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import Inputs, load_pack, moment_of, read_records, shortest
from riskflags.report.outputs import write_text
from riskflags.report.phrases import count, safe
from riskflags.report.terminal import Screen
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.incident import Incident
    from riskflags.intake import Intake


def copy_rules(folder: Path) -> int:
    """Copy the shipped rules into a folder that is not there yet."""
    if folder.exists():
        raise Refused(f"{folder} is there already: name a folder that is not")
    shutil.copytree(default_folder(), folder)
    screen = Screen()
    screen.line(f"The shipped rules are in {safe(str(folder))}. They are yours to change.")
    screen.line(f"Next: riskflags check {safe(str(folder))}")
    return Exit.done


# ---- new -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of `new` say; what is empty is asked for on a terminal, and else left open in the file."""

    title: str = ""
    why: str = ""
    severity: str = "medium"
    about: str = "child"
    source: str = ""
    says: str = ""
    use: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


def begin_rule(name: str, asked: Asked, rules: Path | None) -> int:
    """Write a new rule into a pack, having asked on a terminal for what is open; print what to do next."""
    family, slash, rule_id = name.partition("/")
    if not slash:
        raise Refused(f"{name}: write the family and the id, such as missing/missing-from-hospital")
    folder = _own_pack(rules)
    pack = load_pack(folder, record=None)
    path = folder / family / f"{rule_id}.yaml"
    if path.exists():
        raise Refused(f"{path} is there already: give the rule another id")
    if _is_terminal():
        asked = _asked(asked)
    try:
        text = new_rule(_wanted(family, rule_id, asked), pack, today=datetime.now(pack.zone).date())
    except CannotBeginError as error:
        raise Refused(str(error)) from error
    write_text(path, text)
    screen = Screen()
    screen.line(f"Wrote {safe(str(path))}, a draft. Fill in what is open, then:")
    screen.line(f"riskflags check {safe(str(folder))}", indent=2)
    screen.line(f"riskflags test {safe(str(folder))} --rule {rule_id}", indent=2)
    return Exit.done


def _wanted(family: str, rule_id: str, asked: Asked) -> Wanted:
    return Wanted(
        family=family, rule_id=rule_id, title=asked.title, why=asked.why, severity=asked.severity, about=asked.about,
        source=asked.source, says=asked.says, use=asked.use, actions=asked.actions,
        when=tuple(Comparing.parse(one) for one in asked.when),
    )  # fmt: skip


def _own_pack(rules: Path | None) -> Path:
    """Return the pack to write into: never the one that came with the library, unless it is the checkout's own."""
    folder = shortest(rules if rules is not None else Path("rules"))
    if not (folder / "pack.yaml").is_file():
        hint = "copy the shipped rules with `riskflags copy my-rules`, and say --rules my-rules"
        raise Refused(f"{folder} is no pack of rules: {hint}")
    return folder


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _asked(asked: Asked) -> Asked:
    """Return the options, with what was left open asked for. An empty answer leaves it open in the file."""
    title = asked.title or _ask("What the flag is about, in a few words")
    why = asked.why or _ask("Why it matters to a child")
    when = asked.when
    if not when and not asked.use:
        name = _ask("A field to look at, such as child.in_care (riskflags fields lists them)")
        when = (f"{name} {_ask('Operator', 'is')} {_ask('Value', 'yes')}",) if name else ()
    return replace(asked, title=title, why=why, when=when)


def _ask(question: str, default: str = "") -> str:
    answer: str = typer.prompt(question, default=default, show_default=bool(default))
    return answer.strip()


# ---- schema ----------------------------------------------------------------------------------------------------------


def write_schemas(folder: Path | None, *, out: Path, record: str | None) -> int:
    """Write a JSON Schema for each sort of file of a pack; print what an editor has to be told."""
    folder = shortest(folder if folder is not None else default_folder())
    made = schemas(load_pack(folder, record=record))
    for name, schema in made.items():
        write_text(out / f"{name}.json", json.dumps(schema, ensure_ascii=False) + "\n")
    screen = Screen()
    screen.line(f"Wrote {count(len(made), 'schema')} into {safe(str(out))}, with the names of {safe(str(folder))}.")
    screen.line("Write them again when its lists, parameters, conditions or actions change.")
    screen.line("For VS Code with its YAML extension, put this into .vscode/settings.json:")
    screen.text(json.dumps({"yaml.schemas": _globs(folder, out)}, ensure_ascii=False, indent=2))
    return Exit.done


def _globs(folder: Path, out: Path) -> dict[str, str]:
    """Return which files each schema is for, as the YAML extension asks it."""
    begin = folder.as_posix()
    globs = {"rule": f"{begin}/*/*.yaml", "overlay": "*.overlay.yaml"}
    return {
        f"{'' if out.is_absolute() else './'}{out.as_posix()}/{name}.json": globs.get(name, f"{begin}/{file}")
        for name, file in FILES.items()
    }


# ---- example ---------------------------------------------------------------------------------------------------------


def print_example(
    inputs: Inputs, *, row: int, rule: str, rules: Path | None, as_of: str | None, record: str | None
) -> int:
    """Print a row of a file as a pseudonymised example of a rule, to be pasted under `examples`."""
    from riskflags.authoring.example import example_of  # noqa: PLC0415 - it builds an engine
    from riskflags.authoring.pseudonym import CannotShiftError  # noqa: PLC0415

    pack = load_pack(rules, record=record)
    now = moment_of(as_of, zone=pack.zone)
    intake = read_records(inputs, record=pack.record, zone=pack.zone)
    incident = _of_row(intake, row)
    name = f"a real record, pseudonymised on {datetime.now(pack.zone):%Y-%m-%d}"
    try:
        made = example_of(incident, intake.incidents, pack, rule=rule, as_of=now, name=name)
    except LookupError as error:
        raise Refused(f"--rule: {error.args[0]}") from error
    except CannotShiftError as error:
        raise Refused(str(error)) from error
    Screen().text(made.text.rstrip("\n"))
    notes = ["Pseudonymised is not anonymous: a rare pattern can still point at a child. Read it before you share it."]
    notes.append(f"It expects what {rule} says of it today ({made.verdict}). Change that if it should say otherwise.")
    if not made.is_same:
        notes.append("The rule says something else of the real record: a date of the rules or a bank holiday matters.")
    sys.stderr.write("".join(f"{note}\n" for note in notes))
    return Exit.done


def _of_row(intake: Intake, row: int) -> Incident:
    """Return the record that begins in a row."""
    for found in intake.admitted:
        if found.source_row == row:
            return found.incident
    for reject in intake.rejects:
        if reject.source_row == row:
            raise Refused(f"row {row} was rejected: {safe(reject.message)}", Exit.bad_data)
    rows = [found.source_row for found in intake.admitted]
    nearest = max((one for one in rows if one < row), default=None)
    hint = f"; the record before it begins in row {nearest}" if nearest is not None else ""
    raise Refused(f"no record begins in row {row}{hint}")


# ---- fmt -------------------------------------------------------------------------------------------------------------


def lay_out(paths: Sequence[Path], *, only_check: bool) -> int:
    """Write the files of packs in one layout; with `only_check` only say which would change."""
    if importlib.util.find_spec("ruamel.yaml") is None:
        raise Refused("fmt needs ruamel.yaml. Install it with: pip install 'riskflags[fmt]'")
    from riskflags.authoring.layout import LayoutError, laid_out  # noqa: PLC0415 - needs ruamel.yaml

    screen = Screen()
    changed = refused = unchanged = 0
    for path in _files(paths):
        shown = shortest(path)
        before = path.read_bytes().decode("utf-8", "replace")
        try:
            after = laid_out(before, shown.as_posix())
        except LayoutError as error:
            screen.text(str(error))
            refused += 1
            continue
        if after == before:
            unchanged += 1
            continue
        changed += 1
        if not only_check:
            write_text(path, after)
        screen.line(f"{safe(str(shown))}: {'would change' if only_check else 'laid out'}")
    parts = [f"{count(changed, 'file')} {'would change' if only_check else 'laid out'}", f"{unchanged} as they were"]
    parts += [f"{refused} left alone"] if refused else []
    screen.line(f"{', '.join(parts)}.")
    return Exit.bad_pack if refused or (changed and only_check) else Exit.done


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths or [Path("rules")]:
        if path.is_dir():
            yield from sorted(path.rglob("*.yaml"))
        elif path.is_file():
            yield path
        else:
            raise Refused(f"{path}: no such file or folder")
