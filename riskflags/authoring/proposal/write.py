"""A proposal as the text of a mapping file: YAML in the language of mappings, with comments for its author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.authoring.proposal.columns import TABLE
from riskflags.authoring.proposal.dates import CENTURY
from riskflags.authoring.proposal.sample import BLANK, fold
from riskflags.mapping.model import DELIMITERS, USUAL_ENCODINGS
from riskflags.source.problems import clean
from riskflags.source.write.emit import Written, in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.authoring.proposal.columns import Placed
    from riskflags.authoring.proposal.dates import Doubt
    from riskflags.authoring.proposal.table import Proposal

_BEFORE = """\
# Proposed by riskflags map from {rows} of {file}. It cannot be used before each question under `open`
# is answered in the file and taken out. The reference tells every key under "Mapping files".
"""
_DONE = """\
# Proposed by riskflags map from {rows} of {file}. Nothing was left to ask, but read it once before you use it.
"""
_TABLES = "# A file is known by these headers, in any order. Take out those that it may lack.\n"
_TIMES = "# Times are local to the pack of rules; write timezone: Europe/London, or another, to say which they are."
_HOLDS = """\
# What the source records at all. What it does not is never read as absent: such rules are told as not assessed. Say yes
# only of what would stand here if it were known.
"""
_SURE = "  # Sure: the title means the field, and every value that was seen fits it."
_GUESSED = "  # Guessed: each has a question under `open`."


def as_mapping(proposal: Proposal) -> str:
    """Return the text of the mapping file."""
    sample = proposal.sample
    rows = f"{len(sample.rows):,} row{'s' * (len(sample.rows) != 1)}"
    rows = rows if sample.is_whole else f"the first {rows}"
    rows += f" ({sample.damaged:,} more could not be read)" if sample.damaged else ""
    begin = _BEFORE if proposal.open_questions else _DONE
    about: dict[str, Written] = {
        "mapping": proposal.name,
        "label": f"Extract with the columns of {_last(sample.file.name)}",
        "language": 1,
    }
    parts = [
        begin.format(rows=rows, file=clean(_last(sample.file.name))) + in_blocks(about),
        _TABLES + in_blocks({"tables": {TABLE: _table(proposal)}}),
        f"{_reading(proposal)}  {_TIMES}\n",
        _HOLDS + in_blocks({"holds": _holds(proposal)}),
        _fields(proposal),
        *_open(proposal),
    ]
    return "\n".join(parts)


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _table(proposal: Proposal) -> dict[str, Written]:
    titles = {fold(one.column.title): one.column.title for one in reversed(proposal.columns) if one.column.title}
    table: dict[str, Written] = {"headers": [*reversed(titles.values())], "rows": "records"}
    ids = [one.column.title for one in proposal.columns if "incident.id" in one.paths]
    if proposal.roles is not None and ids:
        roles = proposal.roles
        table["key"] = ids[:1]
        for kind, words in (("child", roles.child), ("suspect", roles.suspect), ("other", roles.other)):
            if words:
                table[kind] = {roles.title: {"in": [*words]}}
    return table


def _reading(proposal: Proposal) -> str:
    delimiters = {sign: name for name, sign in DELIMITERS.items()}
    found: dict[str, Written] = {
        "encoding": [*USUAL_ENCODINGS],
        "delimiter": [delimiters[proposal.sample.delimiter]],
    }
    if proposal.formats:
        found["dates"] = [*proposal.formats]
    if any("yy" in form and "yyyy" not in form for form in proposal.formats):
        found["two_digit_years"] = {"from": CENTURY}
    if proposal.joint != ";":
        found["list"] = proposal.joint
    found["blank"] = [*BLANK]
    found |= dict.fromkeys(("header_case", "header_space", "value_case"), "ignore")
    return in_blocks({"read": found})


def _holds(proposal: Proposal) -> dict[str, Written]:
    paths = [path for one in proposal.columns for path in one.paths]
    return {
        "actions": "none",
        "markers": False,
        "suspects": any(path.startswith("suspect.") for path in paths),
        "contact": any(path.startswith("contact.") for path in paths),
        "indicators": "incident.indicators" in paths,
    }


# ---- fields ----------------------------------------------------------------------------------------------------------


def _fields(proposal: Proposal) -> str:
    lines: list[str] = []
    for how, heading in (("sure", _SURE), ("guessed", _GUESSED)):
        filled = [one for one in proposal.of(how) if one.paths and not one.time_of]
        lines += [heading] if filled else []
        for one in filled:
            lines.append(f"  # {clean(one.column.title)}: {clean(one.why)}.")
            for path in one.paths:
                lines += in_blocks({"fields": {path: _source(one)}}).splitlines()[1:]
    return "\n".join(["fields:" if lines else "fields: {}", *lines]) + "\n"


def _source(one: Placed) -> Written:
    column = _column(one.column.title)
    if one.values is not None:
        return {"from": column, "values": {**one.values}}
    if one.time is not None:
        time, times = one.time
        pad: dict[str, Written] = {"pad": times.pad} if times.pad else {}
        return {"date": column, "time": _column(time.title), "time_as": [*times.formats], **pad}
    return {"date": column} if one.day_only else column


def _column(title: str) -> str:
    return f"{TABLE}.{title}"


# ---- questions -------------------------------------------------------------------------------------------------------


def _open(proposal: Proposal) -> Iterator[str]:
    """Yield the open questions, where there are any: of the file, of what was not placed, of what was guessed."""
    items: list[Written] = [_asked("", [doubt]) for doubt in proposal.questions]
    for how in ("not placed", "guessed"):
        items += [_asked(_named(one), one.doubts) for one in proposal.of(how)]
    if items:
        yield "# Answer each question in the file, and take it out.\n" + in_blocks({"open": items})


def _named(one: Placed) -> str:
    return clean(_column(one.column.title)) if one.column.title else f"column {one.column.index + 1}"


def _asked(column: str, doubts: Sequence[Doubt]) -> Mapping[str, Written]:
    about: dict[str, Written] = {"column": column} if column else {}
    question = " ".join(dict.fromkeys(doubt.question for doubt in doubts))
    write = " ".join(dict.fromkeys(doubt.write for doubt in doubts))
    return {**about, "question": clean(question), "write": clean(write)}
