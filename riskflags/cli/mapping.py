"""The command `map`: a mapping proposed for an extract that none knows, written where nothing is yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.authoring.proposal import as_mapping, mapping_name, propose
from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import record_model
from riskflags.errors import RecordError
from riskflags.intake.canonical import understand
from riskflags.mapping import load_mapping, mappings
from riskflags.report.outputs import check_folder, write_text
from riskflags.report.phrases import count, listed, safe
from riskflags.report.terminal import Screen
from riskflags.source.nodes import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.authoring.proposal import Placed, Proposal
    from riskflags.incident import Incident

_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_HEADINGS = {"sure": "Sure", "guessed": "Guessed", "not placed": "Not placed"}
ENDING = ".mapping.yaml"
"""How the name of the file ends where none is given."""


def propose_mapping(file: str, *, out: Path | None, record: str | None) -> int:
    """Write a proposal for a file, and print what is sure of it, what is guessed, and what comes next."""
    model = record_model(record)
    target = out if out is not None else Path(f"{mapping_name(file)}{ENDING}")
    _refuse_what_is_there(target)
    check_folder(target.parent)
    proposal = propose(file, record=model)
    text = as_mapping(proposal)
    if len(text.encode()) > MOST_BYTES:
        columns = count(len(proposal.columns), "column")
        raise Refused(f"{file}: a mapping of {columns} is larger than one may be: take out those that no field takes")
    _refuse_what_is_there(target)
    write_text(target, text)
    _show(Screen(), proposal, target, model)
    return Exit.done


def _refuse_what_is_there(target: Path) -> None:
    if target.exists():
        raise Refused(f"{target} is there already: name a file that is not with --out")


def _show(screen: Screen, proposal: Proposal, target: Path, record: type[Incident]) -> None:
    sample = proposal.sample
    signs = _SIGNS[sample.delimiter]
    looked = count(len(sample.rows), "row")
    looked = f"{looked} looked at" if sample.is_whole else f"the first {looked} looked at"
    damaged = f", {sample.damaged:,} more could not be read" if sample.damaged else ""
    columns = count(len(sample.columns), "column")
    screen.line(
        f"Read {safe(sample.file.name)} in {sample.file.encoding}, {signs} between cells: {columns}, {looked}{damaged}."
    )
    for how, heading in _HEADINGS.items():
        found = proposal.of(how)
        screen.line((f"{heading}: {count(len(found), 'column')}", "bold"))
        for one in found:
            screen.line(f"{_title(one)}: {_goes_to(one)}", indent=2)
    for note in _known_already(proposal, record):
        screen.line(note)
    command = f"riskflags run {safe(sample.file.name)} --mapping {safe(str(target))}"
    if proposal.open_questions:
        asked = count(proposal.open_questions, "open question")
        screen.line(
            f"Wrote {safe(str(target))}, with {asked}. Answer each and take it out; until then this is refused:"
        )
    else:
        screen.line(f"Wrote {safe(str(target))}, with no open question. Read it once before you use it:")
    screen.line(command, indent=2)


def _title(one: Placed) -> str:
    return safe(one.column.title) or f"column {one.column.index + 1}"


def _goes_to(one: Placed) -> str:
    why = safe(one.why)
    if not one.paths:
        return why
    time = " (the time of day)" if one.time_of else ""
    return f"{listed(one.paths)}{time}: {why}"


def _known_already(proposal: Proposal, record: type[Incident]) -> Iterator[str]:
    """Yield a note where the file can be read without a mapping of its own."""
    titles = [column.title for column in proposal.sample.columns]
    try:
        understand(proposal.sample.file, record)
    except RecordError:
        pass
    else:
        yield "Its headers are field paths: run reads it without a mapping too."
    for name, table in _fitting(titles):
        yield f"It has the columns of the table {table} of the mapping {name}: look whether --mapping {name} reads it."


def _fitting(titles: Sequence[str]) -> Iterator[tuple[str, str]]:
    for shipped in mappings():
        mapping = load_mapping(shipped.name)
        there = {mapping.read.header(title) for title in titles}
        for table in mapping.tables.values():
            if {mapping.read.header(header) for header in table.headers} <= there:
                yield mapping.name, table.name
